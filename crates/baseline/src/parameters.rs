//! What a baseline leaves to those who use it.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_inventory::labels::Selector;
use plumbline_inventory::views::NamespaceView;
use plumbline_inventory::{Inventory, Name};
use plumbline_rbac::Subject;

use crate::item::{Item, Severity};

/// The parameters of a baseline, as checks need them; the defaults are those of `ComplianceBaseline.spec`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Severities that the baseline sets for items, by id.
    pub severities: BTreeMap<String, Severity>,
    /// Namespaces of the cluster itself: their findings count as waived.
    pub system_namespaces: BTreeSet<String>,
    /// Namespaces of platform services.
    pub infrastructure_namespaces: BTreeSet<String>,
    /// What counts as infrastructure beside what is recognised anyway.
    pub infrastructure: Infrastructure,
    /// Labels of the namespaces that are production; `None` if none is.
    pub production: Option<Selector>,
    /// Labels of namespaces or pods with raised security needs; `None` if nothing is sensitive.
    pub sensitive: Option<Selector>,
    /// Labels and annotations that tell one information system from another, the first that is there counts.
    pub system_labels: Vec<String>,
    /// Groups of developers.
    pub developer_groups: BTreeSet<String>,
    /// Groups of cluster administrators.
    pub administrator_groups: BTreeSet<String>,
    /// Groups whose members come through privileged access management.
    pub privileged_access_groups: BTreeSet<String>,
    /// Controllers that may hold rights which would be findings with anybody else, by [`Subject::identity`].
    pub trusted_controllers: BTreeSet<Subject>,
    /// Share of bindings, in percent, that may grant wildcard roles.
    pub wildcard_binding_percent: u32,
    /// Days for which an audit or a scan counts as recent.
    pub audit_max_age_days: u32,
    /// Share of a namespace's workloads, in percent, that may lack every one of these.
    pub keyless_workload_percent: u32,
    /// Image tags besides `latest` that move.
    pub floating_tags: BTreeSet<String>,
    /// Whether a workload that may run as root (the user of its image is not known) fails.
    pub unknown_image_user_fails: bool,
    /// Whether root in a user namespace fails.
    pub root_in_user_namespace_fails: bool,
}

/// What counts as infrastructure beside what is recognised anyway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Infrastructure {
    /// Repositories of images, by their last words.
    pub images: BTreeSet<String>,
    /// Labels of pods; `None` if they do not tell.
    pub labels: Option<Selector>,
    /// Ports that containers declare.
    pub ports: BTreeSet<u16>,
}

impl Parameters {
    /// The severity of `item` under this baseline.
    pub fn severity(&self, item: &Item) -> Severity {
        self.severities.get(item.id).copied().unwrap_or(item.severity)
    }

    /// Whether `subject` is a controller that may hold more rights than others.
    pub fn trusts(&self, subject: &Subject) -> bool {
        self.trusted_controllers.contains(&subject.identity())
    }

    /// Whether `namespace` is production.
    pub fn is_production(&self, namespace: NamespaceView<'_>) -> bool {
        let (Some(production), Some(facts)) = (&self.production, namespace.facts()) else {
            return false;
        };
        production.matches(&facts.labels)
    }

    /// The information system that a namespace says it belongs to, by the first of [`Parameters::system_labels`]
    /// among its labels. One that is not in scope, or that says nothing, belongs to none that is known.
    pub fn system_of<'a>(&self, namespace: &Name, inventory: &'a Inventory) -> Option<&'a str> {
        let labels = &inventory.namespace(namespace)?.facts()?.labels;
        self.system_labels
            .iter()
            .find_map(|label| labels.get(label).filter(|system| !system.is_empty()))
    }
}

impl Default for Parameters {
    fn default() -> Self {
        let strings = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        Self {
            severities: BTreeMap::new(),
            system_namespaces: strings(&["kube-system", "kube-public", "kube-node-lease"])
                .into_iter()
                .collect(),
            infrastructure_namespaces: BTreeSet::new(),
            infrastructure: Infrastructure::default(),
            production: None,
            sensitive: None,
            system_labels: strings(&[
                "app.kubernetes.io/part-of",
                "meta.helm.sh/release-name",
                "argocd.argoproj.io/instance",
                "kustomize.toolkit.fluxcd.io/name",
            ]),
            developer_groups: BTreeSet::new(),
            administrator_groups: BTreeSet::new(),
            privileged_access_groups: BTreeSet::new(),
            trusted_controllers: BTreeSet::new(),
            wildcard_binding_percent: 10,
            audit_max_age_days: 30,
            keyless_workload_percent: 50,
            floating_tags: BTreeSet::new(),
            unknown_image_user_fails: true,
            root_in_user_namespace_fails: true,
        }
    }
}
