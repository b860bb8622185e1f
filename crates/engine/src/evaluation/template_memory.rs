//! What was said of templates.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};

use plumbline_baseline::Item;
use plumbline_baseline::evaluate::TemplateVerdict;
use plumbline_inventory::template::Template;

use crate::settings::Settings;

/// What each template says to each item, kept as long as somebody has the template.
#[derive(Debug, Default)]
pub(super) struct TemplateMemory {
    /// By address: as long as it is in here nothing else has it. Other baselines remember the same template, so
    /// nobody holds it.
    pub(super) remembered: HashMap<usize, Remembered>,
    pub(super) sweep_at: usize,
}

#[derive(Debug)]
pub(super) struct Remembered {
    pub(super) template: Weak<Template>,
    pub(super) verdicts: BTreeMap<&'static str, Arc<TemplateVerdict>>,
}

impl TemplateMemory {
    pub(super) fn verdict(
        &mut self,
        item: &'static Item,
        template: &Arc<Template>,
        settings: &Settings,
    ) -> Arc<TemplateVerdict> {
        let remembered = self
            .remembered
            .entry(Arc::as_ptr(template) as usize)
            .or_insert_with(|| Remembered {
                template: Arc::downgrade(template),
                verdicts: BTreeMap::new(),
            });
        let verdict = remembered
            .verdicts
            .entry(item.id)
            .or_insert_with(|| Arc::new(item.check_template(template, &settings.parameters)));
        Arc::clone(verdict)
    }

    pub(super) fn known(&self, item: &Item, template: &Arc<Template>) -> Option<Arc<TemplateVerdict>> {
        let remembered = self.remembered.get(&(Arc::as_ptr(template) as usize))?;
        remembered.verdicts.get(item.id).cloned()
    }

    /// Forgets templates that nobody but the inventory's pool still holds.
    pub(super) fn sweep(&mut self) {
        if self.remembered.len() >= self.sweep_at {
            self.remembered
                .retain(|_, remembered| remembered.template.strong_count() > 1);
            self.sweep_at = (self.remembered.len() * 2).max(1024);
        }
    }
}
