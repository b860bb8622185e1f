//! What the items on rights have in common: which grants are Kubernetes' own, and how a grant is told.

use plumbline_inventory::ObjectId;
use plumbline_inventory::lean::Rule;
use plumbline_rbac::subject::{ANONYMOUS, AUTHENTICATED, SERVICE_ACCOUNTS, UNAUTHENTICATED};
use plumbline_rbac::{Danger, Grant, Recognised, Risk, Subject, danger};

use crate::context::{Context, RoleView};
use crate::findings::Findings;
use crate::item::Severity;

/// The most words of a rule that a message repeats of each kind.
const WORDS: usize = 4;

impl Context<'_> {
    /// Whether a role is one of Kubernetes' or kubeadm's own, by what it says itself.
    pub(crate) fn is_default_role(&self, role: &ObjectId) -> bool {
        matches!(self.rbac.recognised_role(role), Recognised::Stock(_))
    }

    /// The same, and nobody has added to what is aggregated into it.
    pub(crate) fn is_stock_role(&self, role: &ObjectId) -> bool {
        self.is_default_role(role) && self.rbac.foreign_parts(role).is_empty()
    }

    /// Whether somebody has made a binding: it is in scope and no default.
    pub(crate) fn is_made(&self, binding: &ObjectId) -> bool {
        !self.rbac.is_stock(binding) && self.is_in_scope(binding)
    }

    /// Whether a grant is there in every cluster: a default role by a default binding, both unchanged.
    pub(crate) fn is_stock(&self, grant: &Grant<'_>) -> bool {
        self.rbac.is_stock(grant.binding) && self.is_stock_role(grant.role)
    }

    /// What is to be known of a role besides its rules: that it has a default's name and says something else, that
    /// others add to it, that a vendor's labels are on it.
    pub(crate) fn about_role(&self, role: &ObjectId) -> String {
        let Some(facts) = self.inventory.role(role) else {
            return String::new();
        };
        let mut about = Vec::new();
        match self.rbac.recognised_role(role) {
            Recognised::Drifted(origin) => about.push(format!("differs from the default of {origin}")),
            Recognised::Stock(_) => {
                if let Some(part) = self.rbac.foreign_parts(role).first() {
                    about.push(format!("{} adds to it", part.name));
                }
            }
            Recognised::No => {}
        }
        let vendor = VENDORS.iter().find(|(key, ..)| facts.labels.get(key).is_some());
        if let Some((key, vendor)) = vendor {
            about.push(format!("managed by {vendor}, by its label {key}"));
        }
        if about.is_empty() {
            return String::new();
        }
        format!("; the role {}", about.join(", "))
    }
}

/// Labels by which vendors tell roles that they keep up to date. They prove nothing, and hide nothing.
const VENDORS: &[(&str, &str)] = &[
    ("addonmanager.kubernetes.io/mode", "the add-on manager"),
    ("eks.amazonaws.com/component", "EKS"),
    ("kubernetes.azure.com/managedby", "AKS"),
    ("components.gke.io/component-name", "GKE"),
    ("olm.owner", "Operator Lifecycle Manager"),
];

/// Whether everybody, or every workload, is this subject.
pub(crate) fn is_everybody(subject: &Subject) -> bool {
    match subject {
        Subject::User(name) => **name == *ANONYMOUS,
        Subject::Group(name) => [AUTHENTICATED, UNAUTHENTICATED, SERVICE_ACCOUNTS].contains(&&**name),
        Subject::ServiceAccount { .. } => false,
    }
}

/// How bad a risk is for whom it has. What everybody has is one step worse.
pub(crate) fn severity_of(risk: &Risk<'_>, subject: &Subject) -> Severity {
    let severity = severity(risk.severity());
    if !is_everybody(subject) {
        return severity;
    }
    match severity {
        Severity::Low => Severity::Medium,
        Severity::Medium => Severity::High,
        _ => Severity::Critical,
    }
}

pub(crate) const fn severity(severity: danger::Severity) -> Severity {
    match severity {
        danger::Severity::Low => Severity::Low,
        danger::Severity::Medium => Severity::Medium,
        danger::Severity::High => Severity::High,
        danger::Severity::Critical => Severity::Critical,
    }
}

/// One step less severe.
pub(crate) const fn lower(severity: Severity) -> Severity {
    match severity {
        Severity::Critical => Severity::High,
        Severity::High => Severity::Medium,
        Severity::Medium | Severity::Low => Severity::Low,
    }
}

/// Tells of a role that nobody is bound to what whoever will be has, as far as it is `wanted`.
pub(crate) fn unbound(
    role: &RoleView<'_>,
    context: &Context<'_>,
    wanted: impl Fn(Danger) -> bool,
    findings: &mut Findings,
) {
    let risks = context.rbac.role_risks(role.id);
    let risks: Vec<_> = risks.into_iter().filter(|(danger, _)| wanted(*danger)).collect();
    let worst = risks.iter().map(|(danger, _)| severity(danger.severity())).min();
    let Some(worst) = worst.filter(|_| !context.is_stock_role(role.id)) else {
        return;
    };
    let narrowed = if role.id.namespace.is_some() {
        lower(worst)
    } else {
        worst
    };
    let dangers: Vec<String> = risks
        .iter()
        .map(|(danger, rules)| match rules.first() {
            Some(at) => format!("{} (rule {})", danger.reason(), at + 1),
            None => danger.reason().to_owned(),
        })
        .collect();
    let about = context.about_role(role.id);
    let message = format!(
        "nobody is bound to it; whoever will be has {}{about}",
        dangers.join(", ")
    );
    findings.object_at(lower(narrowed), "LatentGrant", message);
}

/// The rule that makes a risk, and where it holds: `rule 2 (get, list on secrets) in namespace shop`.
pub(crate) fn grounds(risk: &Risk<'_>) -> String {
    let written = risk.grant.rules.written();
    let rule = risk.rules.first().map_or_else(String::new, |at| {
        let more = match risk.rules.len() {
            1 => String::new(),
            several => format!(" and {} more", several - 1),
        };
        format!("rule {} ({}){more} ", at + 1, said(&written[*at]))
    });
    let place = match risk.grant.namespace() {
        Some(namespace) => format!("in namespace {namespace}"),
        None => "in every namespace".to_owned(),
    };
    let names = match risk.names.as_slice() {
        [] => String::new(),
        names => format!(", for objects named {}", few(names.iter().map(|name| &**name))),
    };
    format!("{rule}{place}{names}")
}

/// A rule in a few words: `get, list on secrets`.
pub(crate) fn said(rule: &Rule) -> String {
    let verbs = few(rule.verbs.iter().map(String::as_str));
    let groups: Vec<&str> = rule.api_groups.iter().map(String::as_str).collect();
    let of = match groups.as_slice() {
        [""] => String::new(),
        groups => format!(
            " of {}",
            few(groups
                .iter()
                .map(|group| if group.is_empty() { "core" } else { group }))
        ),
    };
    let resources = rule.resources.iter().chain(&rule.non_resource_urls);
    format!("{verbs} on {}{of}", few(resources.map(String::as_str)))
}

/// Some of the words, and how many more there are.
pub(crate) fn few<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.collect();
    let shown = words[..words.len().min(WORDS)].join(", ");
    match words.len().saturating_sub(WORDS) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
