//! Waivers: which are in force, and which findings they accept.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use plumbline_api::conditions::{HonouredReason, WaiverReason};
use plumbline_baseline::{Finding, Home, Item, Outcome, Unit, find};
use plumbline_inventory::decisions::{ApprovalFacts, WaiverFacts};
use plumbline_inventory::facts::Uid;
use plumbline_inventory::labels::Selector;
use plumbline_inventory::lean::WorkloadRef;
use plumbline_inventory::views::WorkloadView;
use plumbline_inventory::{Inventory, Kind, Name, ObjectId};

use crate::rollup::subject_path;
use crate::settings::Settings;

/// Every waiver, judged under one baseline at one time.
#[derive(Debug, Default)]
pub struct Waivers {
    all: BTreeMap<ObjectId, Waiver>,
    /// Those in force, by the items that they name.
    by_item: BTreeMap<&'static str, BTreeSet<ObjectId>>,
    next: Option<Timestamp>,
}

/// A waiver, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// What it is worth, whatever it covers.
    pub reason: WaiverReason,
    /// What goes with that, for a reader who has the waiver before them.
    pub message: String,
    /// What in it cannot be honoured; the rest is.
    pub problems: Vec<String>,
    /// When it ceases to count.
    pub expires: Timestamp,
    /// Whether it is in force and expires within the days that the baseline warns.
    pub expires_soon: bool,
    items: BTreeSet<&'static str>,
    terms: Terms,
}

/// What a waiver is for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Terms {
    places: Places,
    workloads: Vec<WorkloadRef>,
    labels: Option<Selector>,
    subjects: BTreeSet<String>,
    images: BTreeSet<String>,
    /// Some part of it selects nothing that Kubernetes would accept: it is for nothing.
    void: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Places {
    Everywhere,
    Namespace(Name),
    Namespaces(BTreeSet<String>),
    Selected(Selector),
}

/// Why a finding is accepted, if it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Acceptance {
    /// It is not.
    Stands,
    /// It is in a system namespace.
    SystemNamespace,
    /// These waivers accept it, at least one.
    Waived(Vec<ObjectId>),
}

impl Acceptance {
    /// Whether it is not accepted.
    pub fn stands(&self) -> bool {
        *self == Self::Stands
    }

    /// As findings name it: `SystemNamespace`, or the first waiver by kind and name.
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Stands => None,
            Self::SystemNamespace => Some(SYSTEM_NAMESPACE.to_owned()),
            Self::Waived(waivers) => waivers.first().map(|id| match &id.namespace {
                Some(namespace) => format!("{}/{namespace}/{}", id.kind, id.name),
                None => format!("{}/{}", id.kind, id.name),
            }),
        }
    }
}

/// The reason of findings in system namespaces.
pub(crate) const SYSTEM_NAMESPACE: &str = "SystemNamespace";

impl Waivers {
    /// The waivers of `inventory` under `settings`, as they are at `now`.
    pub(crate) fn of(inventory: &Inventory, settings: &Settings, now: Timestamp) -> Self {
        let mut waivers = Self::default();
        for (id, facts) in inventory.waivers() {
            let waiver = Waiver::of(id, facts, inventory, settings, now);
            if waiver.is_in_force() {
                for item in &waiver.items {
                    waivers.by_item.entry(item).or_default().insert(id.clone());
                }
            }
            let warns = warns(facts.spec.expires, settings);
            for time in [facts.spec.expires, warns].into_iter().filter(|time| *time > now) {
                waivers.next = Some(waivers.next.map_or(time, |next| next.min(time)));
            }
            waivers.all.insert(id.clone(), waiver);
        }
        waivers
    }

    /// When the next one changes though nobody touches it.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.next
    }

    /// Every waiver, ordered.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectId, &Waiver)> {
        self.all.iter()
    }

    /// Waivers that are not what they were `before`, with the items they were or are in force for.
    pub(crate) fn changed<'a>(
        &'a self,
        before: &'a Self,
    ) -> impl Iterator<Item = (&'a ObjectId, BTreeSet<&'static str>)> {
        let ids: BTreeSet<&ObjectId> = self.all.keys().chain(before.all.keys()).collect();
        ids.into_iter().filter_map(|id| {
            let (was, is) = (before.all.get(id), self.all.get(id));
            (was != is).then(|| {
                let in_force = [was, is]
                    .into_iter()
                    .flatten()
                    .filter(|waiver| waiver.is_in_force());
                (
                    id,
                    in_force.flat_map(|waiver| waiver.items.iter().copied()).collect(),
                )
            })
        })
    }

    /// For each finding of `outcome` why it is accepted, if it is.
    pub(crate) fn accept(
        &self,
        item: &Item,
        home: &Home,
        unit: &Unit,
        outcome: &Outcome,
        inventory: &Inventory,
        settings: &Settings,
    ) -> Vec<Acceptance> {
        let system = &settings.parameters.system_namespaces;
        if home.namespace().is_some_and(|name| system.contains(&**name)) {
            return vec![Acceptance::SystemNamespace; outcome.findings.len()];
        }
        let named = self.by_item.get(item.id);
        if outcome.findings.is_empty() || named.is_none() {
            return vec![Acceptance::Stands; outcome.findings.len()];
        }
        let candidates = named.into_iter().flatten().filter_map(|id| {
            let terms = &self.all[id].terms;
            terms.places.hold(home, inventory).then_some((id, terms))
        });
        let candidates: Vec<_> = candidates.collect();
        let workload = match (unit, home.namespace()) {
            (Unit::Workload(kind, name), Some(namespace)) => inventory
                .namespace(namespace)
                .and_then(|namespace| namespace.workload(*kind, name)),
            _ => None,
        };
        let accepted = |finding: &Finding| {
            let waivers = candidates
                .iter()
                .filter(|(_, terms)| terms.cover(finding, workload));
            let waivers: Vec<ObjectId> = waivers.map(|(id, _)| (*id).clone()).collect();
            if waivers.is_empty() {
                Acceptance::Stands
            } else {
                Acceptance::Waived(waivers)
            }
        };
        outcome.findings.iter().map(accepted).collect()
    }
}

impl Waiver {
    fn of(
        id: &ObjectId,
        facts: &WaiverFacts,
        inventory: &Inventory,
        settings: &Settings,
        now: Timestamp,
    ) -> Self {
        let spec = &facts.spec;
        let mut problems = Vec::new();
        let mut items = BTreeSet::new();
        for name in &spec.items {
            match find(name).filter(|item| item.id == name) {
                Some(item) => drop(items.insert(item.id)),
                None => problems.push(format!("spec.items: there is no item {name:?}")),
            }
        }
        let terms = Terms::of(id, &spec.scope, &mut problems);
        let (reason, message) = worth(id, facts, inventory, settings, now);
        Self {
            reason,
            message,
            problems,
            expires: spec.expires,
            expires_soon: reason == WaiverReason::Approved && now >= warns(spec.expires, settings),
            items,
            terms,
        }
    }

    /// Whether it accepts what it is for.
    pub fn is_in_force(&self) -> bool {
        self.reason == WaiverReason::Approved
    }

    /// The items that it is for.
    pub fn items(&self) -> impl Iterator<Item = &'static str> {
        self.items.iter().copied()
    }
}

/// What a waiver is worth, whatever it covers.
fn worth(
    id: &ObjectId,
    facts: &WaiverFacts,
    inventory: &Inventory,
    settings: &Settings,
    now: Timestamp,
) -> (WaiverReason, String) {
    let expires = facts.spec.expires;
    if now >= expires {
        return (WaiverReason::Expired, format!("expired on {expires}"));
    }
    let about = inventory
        .approvals()
        .filter(|(approval, facts)| approval.namespace == id.namespace && facts.spec.waiver.name == *id.name);
    // Of several approvals the best counts.
    let mut best = (WaiverReason::ApprovalMissing, "nobody has approved it".to_owned());
    for (approval, given) in about {
        let judged = approved(facts, approval, given, inventory, settings);
        if judged.0 == WaiverReason::Approved {
            return judged;
        }
        let rank = |reason: WaiverReason| match reason {
            WaiverReason::ApprovalMissing => 0,
            WaiverReason::ApprovalOutdated => 1,
            _ => 2,
        };
        if rank(judged.0) > rank(best.0) {
            best = judged;
        }
    }
    best
}

/// What a waiver is worth by one approval.
fn approved(
    waiver: &WaiverFacts,
    id: &ObjectId,
    approval: &ApprovalFacts,
    inventory: &Inventory,
    settings: &Settings,
) -> (WaiverReason, String) {
    let (reason, message) = match honoured(Some(waiver), approval, inventory) {
        HonouredReason::WaiverNotFound | HonouredReason::WaiverChanged => (
            WaiverReason::ApprovalOutdated,
            format!("it was edited or made anew after {id}; approve it as it reads now"),
        ),
        HonouredReason::SelfApproved => (
            WaiverReason::SelfApproved,
            format!("{id} is by {}, who asks for it", approval.spec.approved_by),
        ),
        HonouredReason::Unguarded => (
            WaiverReason::ApprovalUnguarded,
            format!("{id} was made while the guarding admission policies did not stand: make it again"),
        ),
        HonouredReason::Approved => {
            let longest = settings.limits.waiver;
            let from = approval.written.created.unwrap_or(waiver.spec.expires);
            if waiver.spec.expires.duration_since(from) > longest {
                let days = longest.as_hours() / 24;
                let message =
                    format!("it expires more than {days} days after {id}; the baseline allows no more");
                (WaiverReason::TooLong, message)
            } else {
                let message = format!(
                    "approved by {} until {}",
                    approval.spec.approved_by, waiver.spec.expires
                );
                (WaiverReason::Approved, message)
            }
        }
    };
    (reason, message)
}

/// What an approval is worth for the waiver that has the name it gives, if there is one.
pub fn honoured(
    waiver: Option<&WaiverFacts>,
    approval: &ApprovalFacts,
    inventory: &Inventory,
) -> HonouredReason {
    // First, so that it is remembered whatever else is the case.
    if !inventory.is_guarded(approval) {
        return HonouredReason::Unguarded;
    }
    let uid = Some(Uid::parse(&approval.spec.waiver.uid));
    let Some(waiver) = waiver.filter(|waiver| waiver.uid == uid) else {
        return HonouredReason::WaiverNotFound;
    };
    if waiver.digest != approval.spec.spec_digest {
        HonouredReason::WaiverChanged
    } else if waiver.spec.requested_by == approval.spec.approved_by {
        HonouredReason::SelfApproved
    } else {
        HonouredReason::Approved
    }
}

impl Terms {
    fn of(id: &ObjectId, scope: &plumbline_inventory::lean::WaiverScope, problems: &mut Vec<String>) -> Self {
        let before = problems.len();
        let mut selector = |field: &str, written: &Option<_>| {
            let compiled = Selector::compile(written.as_ref()?);
            compiled
                .map_err(|error| problems.push(format!("spec.scope.{field}: {error}")))
                .ok()
        };
        let labels = selector("labelSelector", &scope.label_selector);
        let namespaces = selector("namespaceSelector", &scope.namespace_selector);
        let places = match (&id.namespace, namespaces) {
            (Some(namespace), _) => Places::Namespace(Name::clone(namespace)),
            (None, Some(selector)) => Places::Selected(selector),
            (None, None) if scope.namespaces.is_empty() => Places::Everywhere,
            (None, None) => Places::Namespaces(scope.namespaces.iter().cloned().collect()),
        };
        Self {
            places,
            workloads: scope.workloads.clone(),
            labels,
            subjects: scope.subjects.iter().cloned().collect(),
            images: scope.images.iter().cloned().collect(),
            void: problems.len() > before,
        }
    }

    /// Whether a finding, on `workload` if it is on one, is meant. What is said of different sorts of objects
    /// adds up; what is said of workloads narrows.
    fn cover(&self, finding: &Finding, workload: Option<WorkloadView<'_>>) -> bool {
        if self.void {
            return false;
        }
        let of_workloads = !self.workloads.is_empty() || self.labels.is_some();
        if !of_workloads && self.subjects.is_empty() && self.images.is_empty() {
            return true;
        }
        let subject = finding.subject.as_ref();
        subject.is_some_and(|subject| self.subjects.contains(&subject_path(subject)))
            || (of_workloads && self.covers_workload(finding, workload))
            || workload.is_some_and(|workload| self.covers_image(finding, workload))
    }

    fn covers_workload(&self, finding: &Finding, workload: Option<WorkloadView<'_>>) -> bool {
        let object = &finding.object;
        let kind = object.kind.as_str();
        let named = |w: &WorkloadRef| w.kind == kind && w.name == *object.name;
        let labelled =
            |selector: &Selector| workload.is_some_and(|workload| selector.matches(workload.pod_labels()));
        (self.workloads.is_empty() || self.workloads.iter().any(named))
            && self.labels.as_ref().is_none_or(labelled)
    }

    /// Whether the container of the finding runs an image that is meant.
    fn covers_image(&self, finding: &Finding, workload: WorkloadView<'_>) -> bool {
        let Some(container) = &finding.container else {
            return false;
        };
        if self.images.is_empty() {
            return false;
        }
        let mut images = workload
            .deciding()
            .into_iter()
            .flat_map(|deciding| &deciding.template.containers)
            .filter(|c| c.name == *container)
            .map(|c| &*c.image)
            .peekable();
        images.peek().is_some() && images.all(|image| self.images.iter().any(|meant| names(meant, image)))
    }
}

/// Whether `meant` names `image`: its whole reference, or its digest.
fn names(meant: &str, image: &str) -> bool {
    let digest = image.split_once('@').map(|(_, digest)| digest);
    meant == image || digest == Some(meant)
}

impl Places {
    fn hold(&self, home: &Home, inventory: &Inventory) -> bool {
        match (self, home.namespace()) {
            (Self::Everywhere, _) => true,
            (Self::Namespace(here), Some(name)) => here == name,
            (Self::Namespaces(names), Some(name)) => names.contains(&**name),
            (Self::Selected(selector), Some(name)) => {
                let labels = inventory.namespace(name).and_then(|namespace| namespace.facts());
                labels.is_some_and(|facts| selector.matches(&facts.labels))
            }
            (_, None) => false,
        }
    }
}

/// The home of a waiver's objects: that of its namespace, or every one.
pub(crate) fn place(id: &ObjectId) -> Option<&Name> {
    id.namespace
        .as_ref()
        .filter(|_| id.kind == Kind::ComplianceWaiver)
}

/// When reports begin to warn of an expiry.
pub(crate) fn warns(expires: Timestamp, settings: &Settings) -> Timestamp {
    expires
        .checked_sub(settings.limits.warning)
        .unwrap_or(Timestamp::MIN)
}
