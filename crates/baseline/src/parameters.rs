//! What a baseline leaves to those who use it.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_inventory::labels::Selector;

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
    /// Labels of namespaces or pods with raised security needs; `None` if nothing is sensitive.
    pub sensitive: Option<Selector>,
    /// Labels and annotations that tell one information system from another, the first that is there counts.
    pub system_labels: Vec<String>,
    /// Share of a namespace's workloads, in percent, that may lack every one of these.
    pub keyless_workload_percent: u32,
    /// Image tags besides `latest` that move.
    pub floating_tags: BTreeSet<String>,
    /// Whether a workload that may run as root (the user of its image is not known) fails.
    pub unknown_image_user_fails: bool,
    /// Whether root in a user namespace fails.
    pub root_in_user_namespace_fails: bool,
}

impl Parameters {
    /// The severity of `item` under this baseline.
    pub fn severity(&self, item: &Item) -> Severity {
        self.severities.get(item.id).copied().unwrap_or(item.severity)
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
            sensitive: None,
            system_labels: strings(&[
                "app.kubernetes.io/part-of",
                "meta.helm.sh/release-name",
                "argocd.argoproj.io/instance",
                "kustomize.toolkit.fluxcd.io/name",
            ]),
            keyless_workload_percent: 50,
            floating_tags: BTreeSet::new(),
            unknown_image_user_fails: true,
            root_in_user_namespace_fails: true,
        }
    }
}
