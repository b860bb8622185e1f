//! What a check says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use plumbline_inventory::template::{Role, Template};
use plumbline_inventory::{Kind, Name, ObjectId};
use plumbline_rbac::Subject;

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

impl From<&ObjectId> for ObjectRef {
    fn from(id: &ObjectId) -> Self {
        Self {
            namespace: id.namespace.clone(),
            kind: id.kind,
            name: Name::clone(&id.name),
        }
    }
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
    /// Who has the right, where it is about one.
    pub subject: Option<Subject>,
    /// The role that gives it.
    pub role: Option<ObjectRef>,
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
    grant: Option<(Subject, Option<ObjectRef>)>,
    /// Whether it counts as failing beside others about the same object.
    counts_by_itself: bool,
    reason: &'static str,
    message: String,
}

impl Remark {
    fn new(severity: Severity, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity,
            object: None,
            container: None,
            grant: None,
            counts_by_itself: false,
            reason,
            message: message.into(),
        }
    }
}

/// Collects what a check finds.
#[derive(Debug)]
pub struct Findings {
    severity: Severity,
    remarks: BTreeSet<Remark>,
    unknown: BTreeSet<(&'static str, String)>,
    missing: Option<&'static MissingSource>,
    evaluated: Option<u32>,
    not_applicable: bool,
    valid_until: Option<Timestamp>,
    note: Option<String>,
    tracked: u64,
}

/// A source of evidence that is no kind of object, for when it is not there.
#[derive(Debug, PartialEq, Eq)]
pub struct MissingSource {
    /// What it is.
    pub source: &'static str,
    /// What gives it.
    pub grant: &'static str,
}

impl Findings {
    /// Findings of `item`: they have its severity unless they say otherwise.
    pub fn of(item: &Item, parameters: &crate::Parameters) -> Self {
        Self {
            severity: parameters.severity(item),
            remarks: BTreeSet::new(),
            unknown: BTreeSet::new(),
            missing: None,
            evaluated: None,
            not_applicable: false,
            valid_until: None,
            note: None,
            tracked: 0,
        }
    }

    /// How bad a finding is unless it says otherwise.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// The object under evaluation deviates.
    pub fn object(&mut self, reason: &'static str, message: impl Into<String>) {
        self.object_at(self.severity, reason, message);
    }

    /// The object under evaluation deviates, this badly.
    pub fn object_at(&mut self, severity: Severity, reason: &'static str, message: impl Into<String>) {
        self.remarks.insert(Remark::new(severity, reason, message));
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
        self.remarks.insert(Remark {
            container: Some(Name::clone(container)),
            ..Remark::new(severity, reason, message)
        });
    }

    /// An object of the namespace or the cluster under evaluation deviates.
    pub fn other(&mut self, object: ObjectRef, reason: &'static str, message: impl Into<String>) {
        self.other_at(self.severity, object, reason, message);
    }

    /// An object of the namespace or the cluster under evaluation deviates, this badly.
    pub fn other_at(
        &mut self,
        severity: Severity,
        object: ObjectRef,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        self.remarks.insert(Remark {
            object: Some(object),
            ..Remark::new(severity, reason, message)
        });
    }

    /// A binding gives a subject too much: by `role`, unless that is missing.
    pub fn grant(
        &mut self,
        binding: &ObjectId,
        subject: &Subject,
        role: Option<&ObjectId>,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        self.grant_at(self.severity, binding, subject, role, reason, message);
    }

    /// A binding gives a subject too much, this bad: by `role`, unless that is missing.
    pub fn grant_at(
        &mut self,
        severity: Severity,
        binding: &ObjectId,
        subject: &Subject,
        role: Option<&ObjectId>,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        self.remarks.insert(Remark {
            object: Some(binding.into()),
            grant: Some((subject.clone(), role.map(ObjectRef::from))),
            ..Remark::new(severity, reason, message)
        });
    }

    /// A sub-check of the cluster deviates, this badly: of several each counts as failing.
    pub fn sub_check_at(&mut self, severity: Severity, reason: &'static str, message: impl Into<String>) {
        self.remarks.insert(Remark {
            counts_by_itself: true,
            ..Remark::new(severity, reason, message)
        });
    }

    /// The object cannot be decided on without a source of evidence.
    pub fn missing(
        &mut self,
        source: &'static MissingSource,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        self.missing = Some(source);
        self.unknown(reason, message);
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

    /// What is said holds until this time at the latest, whatever happens: then it has to be looked at again. Of
    /// several times the first counts.
    pub fn valid_until(&mut self, time: Timestamp) {
        self.valid_until = earlier(self.valid_until, Some(time));
    }

    /// What drift compares beside findings: a fingerprint of something that may be as it is, and must not change
    /// unseen.
    pub fn track(&mut self, fingerprint: u64) {
        self.tracked = self.tracked.wrapping_add(fingerprint);
    }

    /// What was looked at, for the message of an item that nothing contradicts: `41 roles and 97 bindings looked at`.
    /// For an item about the cluster it is the message; otherwise it stands behind the count of objects, in the
    /// report of the namespace whose check says it, or of the cluster.
    pub fn note(&mut self, note: impl Into<String>) {
        self.note = Some(note.into());
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
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
    /// For each finding which of the failing objects it is about, from 0.
    pub about: Vec<u32>,
    /// Why it cannot be decided, if so.
    pub unknown: Option<(&'static str, String)>,
    /// When it has to be looked at again though nothing has changed.
    pub valid_until: Option<Timestamp>,
    /// What was looked at, for the message.
    pub note: Option<String>,
    /// What drift compares beside findings.
    pub tracked: u64,
    /// What is missing for that, where it is no kind of object.
    pub missing: Option<&'static MissingSource>,
}

/// Added to what a live pod has and the workload's own template has not.
const ADMITTED: &str = "; not in the workload's own template";

/// Added to what is wrong with an ephemeral container: nothing but a new pod removes one.
const EPHEMERAL: &str = " (ephemeral container, goes with the pod)";

impl Findings {
    /// Says of what was found in ephemeral containers that it goes with the pod.
    pub(crate) fn name_ephemeral(&mut self, template: &Template) {
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

    /// Adds what another check of the same object says.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.merge_saying(other, |_| "");
    }

    /// Adds what is said of a template that decides on a workload beside its `own`, as live pods have it or not.
    pub(crate) fn merge_live(&mut self, other: &Self, own: &Self, live: bool) {
        self.merge_saying(other, |remark| {
            let admitted = live && !own.remarks.contains(remark) && !own.not_applicable;
            if admitted { ADMITTED } else { "" }
        });
    }

    fn merge_saying(&mut self, other: &Self, addition: impl Fn(&Remark) -> &'static str) {
        self.not_applicable &= other.not_applicable;
        self.valid_until = earlier(self.valid_until, other.valid_until);
        if other.not_applicable {
            return;
        }
        for remark in &other.remarks {
            let mut remark = remark.clone();
            remark.message.push_str(addition(&remark));
            self.remarks.insert(remark);
        }
        self.unknown.extend(other.unknown.iter().cloned());
    }

    /// Whether something deviates.
    pub(crate) fn has_remarks(&self) -> bool {
        !self.remarks.is_empty()
    }

    /// Whether nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.remarks.is_empty() && self.unknown.is_empty()
    }

    pub(crate) fn outcome(self, default: &ObjectRef) -> Outcome {
        if self.not_applicable {
            return Outcome {
                valid_until: self.valid_until,
                ..Outcome::default()
            };
        }
        let mut failing = 0;
        let mut objects: BTreeMap<ObjectRef, u32> = BTreeMap::new();
        let mut found: Vec<(Finding, u32)> = Vec::with_capacity(self.remarks.len());
        for remark in self.remarks {
            let (subject, role) = remark.grant.unzip();
            let finding = Finding {
                severity: remark.severity,
                object: remark.object.unwrap_or_else(|| default.clone()),
                container: remark.container,
                subject,
                role: role.flatten(),
                reason: remark.reason,
                message: remark.message,
            };
            let mut next = || {
                failing += 1;
                failing - 1
            };
            let about = if remark.counts_by_itself {
                next()
            } else {
                *objects.entry(finding.object.clone()).or_insert_with(next)
            };
            found.push((finding, about));
        }
        found.sort();
        let (findings, about) = found.into_iter().unzip();
        Outcome {
            evaluated: self.evaluated.unwrap_or(1),
            failing,
            findings,
            about,
            unknown: self.unknown.into_iter().next(),
            valid_until: self.valid_until,
            note: self.note,
            tracked: self.tracked,
            missing: self.missing,
            ..Outcome::default()
        }
    }
}

impl Outcome {
    /// Adds what another check of the same item says.
    pub(crate) fn add(&mut self, other: Self) {
        let own = std::mem::take(&mut self.findings).into_iter();
        let own = own.zip(std::mem::take(&mut self.about));
        let others = other.about.into_iter().map(|about| about + self.failing);
        let mut found: Vec<(Finding, u32)> = own.chain(other.findings.into_iter().zip(others)).collect();
        found.sort();
        (self.findings, self.about) = found.into_iter().unzip();
        self.evaluated += other.evaluated;
        self.failing += other.failing;
        if self.unknown.is_none() {
            (self.unknown, self.missing) = (other.unknown, other.missing);
        }
        self.valid_until = earlier(self.valid_until, other.valid_until);
        self.note = self.note.take().or(other.note);
        self.tracked = self.tracked.wrapping_add(other.tracked);
    }

    /// The same of a check whose unit counts as one object, whatever objects its findings name.
    pub(crate) fn add_one(&mut self, other: Self) {
        self.add(Self {
            failing: other.failing.min(1),
            about: vec![0; other.findings.len()],
            ..other
        });
    }
}
