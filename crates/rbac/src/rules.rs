//! Lists of rules, each kept once.

use std::collections::HashMap;
use std::sync::Arc;

use plumbline_inventory::Name;
use plumbline_inventory::lean::Rule;
use plumbline_inventory::names::Pool;

use crate::danger::{self, Danger, Dangers};
use crate::request::Request;
use crate::rule::CompiledRule;

/// The rules of a role.
#[derive(Debug)]
pub struct Rules {
    written: Arc<[Rule]>,
    compiled: Box<[CompiledRule]>,
    dangers: Dangers,
    /// Of each rule.
    dangers_of_each: Box<[Dangers]>,
}

impl Rules {
    fn new(written: Arc<[Rule]>, names: &mut Pool<str>) -> Self {
        let compiled: Box<[CompiledRule]> = written
            .iter()
            .map(|rule| CompiledRule::compile(rule, names))
            .collect();
        let dangers_of_each = danger::dangers_of_each(&written, &compiled);
        Self {
            dangers: danger::together(&dangers_of_each),
            dangers_of_each,
            compiled,
            written,
        }
    }

    /// The rules as they are written.
    pub fn written(&self) -> &[Rule] {
        &self.written
    }

    /// The same rules in the same order, to be asked.
    pub fn compiled(&self) -> &[CompiledRule] {
        &self.compiled
    }

    /// What is dangerous about them.
    pub fn dangers(&self) -> &Dangers {
        &self.dangers
    }

    /// The rules that have this danger when they are bound in a namespace, or everywhere.
    pub fn with_danger(&self, danger: Danger, namespace: Option<&Name>) -> impl Iterator<Item = usize> {
        let of_each = self.dangers_of_each.iter().enumerate();
        let with = of_each.filter(move |(_, dangers)| {
            let found = dangers.within(namespace);
            found.all().union(found.implied).contains(danger)
        });
        with.map(|(at, _)| at)
    }

    /// The first rule that allows `request`.
    pub fn allowing(&self, request: &Request<'_>) -> Option<usize> {
        self.compiled.iter().position(|rule| rule.allows(request))
    }
}

impl PartialEq for Rules {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Rules {}

/// The lists of rules of all roles: a chart that is installed in a thousand namespaces brings its rules once.
///
/// Lists that no role has any more are swept out when their number has doubled since the last sweep.
#[derive(Debug, Default)]
pub(crate) struct RuleLists {
    names: Pool<str>,
    known: HashMap<Arc<[Rule]>, Arc<Rules>>,
    sweep_at: usize,
}

impl RuleLists {
    pub(crate) fn compile(&mut self, written: &Arc<[Rule]>) -> Arc<Rules> {
        if let Some(known) = self.known.get(written) {
            return Arc::clone(known);
        }
        if self.known.len() >= self.sweep_at {
            self.known.retain(|_, rules| Arc::strong_count(rules) > 1);
            self.sweep_at = (self.known.len() * 2).max(64);
        }
        let rules = Arc::new(Rules::new(Arc::clone(written), &mut self.names));
        self.known.insert(Arc::clone(written), Arc::clone(&rules));
        rules
    }

    /// How many lists are known.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }
}
