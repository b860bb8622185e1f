//! What a check says.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use plumbline_inventory::template::{Role, Template};
use plumbline_inventory::views::{Deciding, NamespaceView, WorkloadView};
use plumbline_inventory::{Kind, Name};

use crate::item::{Item, Severity};

/// The object that a finding names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Its namespace; `None` for cluster-scoped kinds.
    pub namespace: Option<Name>,
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: Name,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// One deviation.
///
/// The order is the order of samples: severity, namespace, kind, name, container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The object at fault.
    pub object: ObjectRef,
    /// The container at fault, where it is one.
    pub container: Option<Name>,
    /// The kind of deviation, in CamelCase.
    pub reason: &'static str,
    /// What is the case, for a reader who has the object before them.
    pub message: String,
}

/// What a check has to say of one object, before it is known which.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Remark {
    severity: Severity,
    /// The object at fault where it is not the one evaluated.
    object: Option<ObjectRef>,
    container: Option<Name>,
    reason: &'static str,
    message: String,
}

/// Collects what a check finds.
#[derive(Debug)]
pub struct Findings {
    severity: Severity,
    remarks: BTreeSet<Remark>,
    unknown: BTreeSet<(&'static str, String)>,
    evaluated: Option<u32>,
    not_applicable: bool,
}

impl Findings {
    /// Findings of `item`: they have its severity unless they say otherwise.
    pub fn of(item: &Item, parameters: &crate::Parameters) -> Self {
        Self {
            severity: parameters.severity(item),
            remarks: BTreeSet::new(),
            unknown: BTreeSet::new(),
            evaluated: None,
            not_applicable: false,
        }
    }

    /// The object under evaluation deviates.
    pub fn object(&mut self, reason: &'static str, message: impl Into<String>) {
        self.object_at(self.severity, reason, message);
    }

    /// The object under evaluation deviates, this badly.
    pub fn object_at(&mut self, severity: Severity, reason: &'static str, message: impl Into<String>) {
        self.remarks.insert(Remark {
            severity,
            object: None,
            container: None,
            reason,
            message: message.into(),
        });
    }

    /// A container of the object under evaluation deviates.
    pub fn container(&mut self, container: &Name, reason: &'static str, message: impl Into<String>) {
        self.container_at(self.severity, container, reason, message);
    }

    /// A container of the object under evaluation deviates, this badly.
    pub fn container_at(
        &mut self,
        severity: Severity,
        container: &Name,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        let container = Some(Name::clone(container));
        self.remarks.insert(Remark {
            severity,
            object: None,
            container,
            reason,
            message: message.into(),
        });
    }

    /// An object of the namespace under evaluation deviates.
    pub fn other(&mut self, object: ObjectRef, reason: &'static str, message: impl Into<String>) {
        let severity = self.severity;
        self.remarks.insert(Remark {
            severity,
            object: Some(object),
            container: None,
            reason,
            message: message.into(),
        });
    }

    /// The object cannot be decided on.
    pub fn unknown(&mut self, reason: &'static str, message: impl Into<String>) {
        self.unknown.insert((reason, message.into()));
    }

    /// The item does not apply to the object: it does not count as evaluated.
    pub fn not_applicable(&mut self) {
        self.not_applicable = true;
    }

    /// So many objects were evaluated; without this call it is one.
    pub fn evaluate(&mut self, objects: u32) {
        self.evaluated = Some(self.evaluated.unwrap_or(0) + objects);
    }
}

/// What an item says of one unit: a workload, a namespace, or the objects of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Objects that the item applies to.
    pub evaluated: u32,
    /// Objects with findings.
    pub failing: u32,
    /// Objects left out because they are not active.
    pub inactive: u32,
    /// Live pods behind failing workloads.
    pub pods: u32,
    /// What was found, in order.
    pub findings: Vec<Finding>,
    /// Why it cannot be decided, if so.
    pub unknown: Option<(&'static str, String)>,
}

/// What one check says of one distinct template: what can be kept and used for every workload that has it.
#[derive(Debug)]
pub struct TemplateVerdict(Findings);

impl Item {
    /// Runs the template checks of this item.
    pub fn check_template(&self, template: &Template, parameters: &crate::Parameters) -> TemplateVerdict {
        let mut findings = Findings::of(self, parameters);
        for check in self.checks {
            if let crate::Check::Template(check) = check {
                check(template, parameters, &mut findings);
            }
        }
        findings.name_ephemeral(template);
        TemplateVerdict(findings)
    }

    /// What the item says of a workload, given what it says of templates.
    ///
    /// `verdict` answers for a template that decides on the workload, from memory or by evaluating it.
    pub fn check_workload<V: AsRef<TemplateVerdict>>(
        &self,
        workload: WorkloadView<'_>,
        parameters: &crate::Parameters,
        mut verdict: impl FnMut(&Arc<Template>) -> V,
    ) -> Outcome {
        if !workload.is_active() {
            return Outcome {
                inactive: 1,
                ..Outcome::default()
            };
        }
        let mut found = Findings::of(self, parameters);
        found.not_applicable = true;
        let has = |wanted: fn(&crate::Check) -> bool| self.checks.iter().any(wanted);
        if has(|check| matches!(check, crate::Check::Template(_))) {
            let own = verdict(workload.own_template());
            let own = &own.as_ref().0;
            for Deciding { template, pods } in workload.deciding() {
                let live = verdict(template);
                found.merge(&live.as_ref().0, |remark| {
                    pods > 0 && !own.remarks.contains(remark) && !own.not_applicable
                });
            }
        }
        for check in self.checks {
            if let crate::Check::Workload(check) = check {
                let mut findings = Findings::of(self, parameters);
                check(workload, parameters, &mut findings);
                found.merge(&findings, |_| false);
            }
        }
        let object = ObjectRef {
            namespace: Some(Name::clone(workload.namespace().name())),
            kind: workload.kind(),
            name: Name::clone(workload.name()),
        };
        let mut outcome = found.outcome(&object);
        if let Some(owner) = workload.external_owner() {
            for finding in &mut outcome.findings {
                finding.message = format!("{} (owned by {owner})", finding.message);
            }
        }
        outcome.pods = if outcome.failing > 0 {
            workload.live_pods()
        } else {
            0
        };
        outcome
    }

    /// What the item says of a namespace as a whole, and of the objects in it that are no workloads.
    pub fn check_namespace(&self, namespace: NamespaceView<'_>, parameters: &crate::Parameters) -> Outcome {
        let object = ObjectRef {
            namespace: None,
            kind: Kind::Namespace,
            name: Name::clone(namespace.name()),
        };
        let mut outcome = Outcome::default();
        for check in self.checks {
            let mut findings = Findings::of(self, parameters);
            match check {
                crate::Check::Namespace(check) => check(namespace, parameters, &mut findings),
                crate::Check::Objects(check) => {
                    findings.evaluate(0);
                    check(namespace, parameters, &mut findings);
                }
                crate::Check::Template(_) | crate::Check::Workload(_) => continue,
            }
            outcome.add(
                findings.outcome(&object),
                matches!(check, crate::Check::Namespace(_)),
            );
        }
        outcome
    }
}

impl AsRef<TemplateVerdict> for TemplateVerdict {
    fn as_ref(&self) -> &TemplateVerdict {
        self
    }
}

/// Added to what a live pod has and the workload's own template has not.
const ADMITTED: &str = "; not in the workload's own template";

/// Added to what is wrong with an ephemeral container: nothing but a new pod removes one.
const EPHEMERAL: &str = " (ephemeral container, goes with the pod)";

impl Findings {
    /// Says of what was found in ephemeral containers that it goes with the pod.
    fn name_ephemeral(&mut self, template: &Template) {
        let is_ephemeral = |name: &Name| {
            template
                .containers
                .iter()
                .any(|container| container.role == Role::Ephemeral && container.name == *name)
        };
        self.remarks = std::mem::take(&mut self.remarks)
            .into_iter()
            .map(|mut remark| {
                if remark.container.as_ref().is_some_and(is_ephemeral) {
                    remark.message.push_str(EPHEMERAL);
                }
                remark
            })
            .collect();
    }

    fn merge(&mut self, other: &Self, only_live: impl Fn(&Remark) -> bool) {
        self.not_applicable &= other.not_applicable;
        if other.not_applicable {
            return;
        }
        for remark in &other.remarks {
            let mut remark = remark.clone();
            if only_live(&remark) {
                remark.message.push_str(ADMITTED);
            }
            self.remarks.insert(remark);
        }
        self.unknown.extend(other.unknown.iter().cloned());
    }

    fn outcome(self, default: &ObjectRef) -> Outcome {
        if self.not_applicable {
            return Outcome::default();
        }
        let mut findings: Vec<Finding> = self
            .remarks
            .into_iter()
            .map(|remark| Finding {
                severity: remark.severity,
                object: remark.object.unwrap_or_else(|| default.clone()),
                container: remark.container,
                reason: remark.reason,
                message: remark.message,
            })
            .collect();
        findings.sort();
        let failing: BTreeSet<&ObjectRef> = findings.iter().map(|finding| &finding.object).collect();
        Outcome {
            evaluated: self.evaluated.unwrap_or(1),
            failing: failing.len() as u32,
            findings,
            unknown: self.unknown.into_iter().next(),
            ..Outcome::default()
        }
    }
}

impl Outcome {
    /// Adds what another check of the same item says; `whole` if it counts its unit as one object, whatever
    /// objects its findings name.
    fn add(&mut self, mut other: Self, whole: bool) {
        if whole {
            other.failing = other.failing.min(1);
        }
        self.evaluated += other.evaluated;
        self.failing += other.failing;
        self.findings.append(&mut other.findings);
        self.findings.sort();
        self.unknown = self.unknown.take().or(other.unknown);
    }
}
