//! The dangers that somebody has, and by which binding, role and rules.

use plumbline_inventory::{Inventory, Name, ObjectId, ServerVersion};

use crate::danger::{Danger, DangerSet, Found, Severity};
use crate::rbac::{Changes, Grant, Rbac, Touched};
use crate::rules::Rules;
use crate::subject::{MASTERS, Subject, User};

/// A danger that a subject has by a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Risk<'a> {
    /// The danger.
    pub danger: Danger,
    /// The binding and the role.
    pub grant: Grant<'a>,
    /// Which of the role's rules.
    pub rules: Vec<usize>,
    /// The only objects that it is for; empty for all.
    pub names: Vec<Name>,
    /// Why it does nothing, if so.
    pub latent: Option<Latent>,
}

/// Why a right does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latent {
    /// It is half a right, whose other half the subject does not have.
    Half,
    /// It takes constrained impersonation, for which the API server is too old.
    OldServer,
}

/// The first version of Kubernetes in which constrained impersonation is on by default.
const CONSTRAINED_IMPERSONATION: ServerVersion = ServerVersion::new(1, 36);

impl Risk<'_> {
    /// Whether it does something.
    pub fn is_effective(&self) -> bool {
        self.latent.is_none()
    }

    /// How bad it is where it is: within a namespace, or for certain objects, less than everywhere for all.
    pub fn severity(&self) -> Severity {
        // A name among them that stands for all rights narrows nothing.
        let masters = self.danger == Danger::ImpersonateGroups && self.names.iter().any(|n| **n == *MASTERS);
        let narrow = usize::from(self.grant.namespace().is_some())
            + usize::from(!self.names.is_empty() && !masters)
            + usize::from(!self.is_effective());
        (0..narrow).fold(self.danger.severity(), |severity, _| severity.lower())
    }
}

impl Rbac {
    /// The dangers that a subject has by bindings that name it itself, in the order of bindings and dangers.
    /// Whoever has every right is not told of each right besides; impersonation is told of, for that is another
    /// item.
    pub fn risks(&self, subject: &Subject) -> Vec<Risk<'_>> {
        let grants: Vec<Grant<'_>> = self.grants(subject).collect();
        self.risks_by(subject, &grants)
    }

    /// Those of them that it has by some of its grants.
    pub fn risks_by<'a>(&'a self, subject: &Subject, grants: &[Grant<'a>]) -> Vec<Risk<'a>> {
        let found = |grant: &Grant<'a>| grant.rules.dangers().within(grant.namespace());
        let here = grants.iter().map(|grant| reported(&found(grant)));
        let here = here.fold(DangerSet::default(), DangerSet::union);
        // What a subject has besides makes halves whole, and nothing else.
        let whole = if here.iter().any(|danger| danger.other_half().is_some()) {
            let held = self.held(subject);
            held.all().union(held.implied).effective()
        } else {
            here
        };
        grants
            .iter()
            .flat_map(|grant| {
                reported(&found(grant))
                    .iter()
                    .map(|danger| (*grant, danger))
                    .collect::<Vec<_>>()
            })
            .filter(|(_, danger)| !(danger.is_second_half() && whole.contains(first_half(*danger))))
            .map(|(grant, danger)| {
                let is_whole = whole.contains(first_half(danger));
                let latent = match danger.is_constrained_impersonation() {
                    _ if !is_whole => Some(Latent::Half),
                    true if self.before_constrained_impersonation => Some(Latent::OldServer),
                    _ => None,
                };
                risk(grant, danger, latent)
            })
            .collect()
    }

    /// Adds those who have half a right, and are in a group that may have the other half and has changed.
    pub(crate) fn touch_halves(&self, touched: &mut Touched) {
        let has_half = |subject: &Subject| {
            self.own_dangers(subject)
                .any(|danger| danger.other_half().is_some())
        };
        let members = touched.subjects().flat_map(|group| self.members(group));
        let concerned: Vec<Subject> = members.filter(has_half).collect();
        touched.indirect.extend(concerned);
    }

    /// Takes notice of another version of the API server, and touches those whose rights do something with one and
    /// not with the other.
    pub(crate) fn server_changed(&mut self, inventory: &Inventory, changes: &mut Changes) {
        let version = inventory.server_version();
        let is_old = version.is_some_and(|version| version < CONSTRAINED_IMPERSONATION);
        if self.before_constrained_impersonation != is_old {
            self.before_constrained_impersonation = is_old;
            let concerned = |subject: &&Subject| {
                self.own_dangers(subject)
                    .any(Danger::is_constrained_impersonation)
            };
            let concerned = self.subjects().filter(concerned).cloned();
            changes.touched.indirect.extend(concerned);
        }
    }

    /// The dangers that a subject has by bindings that name it itself.
    fn own_dangers(&self, subject: &Subject) -> impl Iterator<Item = Danger> {
        let dangers = |grant: Grant<'_>| grant.rules.dangers().within(grant.namespace()).all();
        let own = self.grants(subject).map(dangers);
        own.fold(DangerSet::default(), DangerSet::union).iter()
    }

    /// All dangers that a subject has, by bindings that name it or a group that it is always in.
    pub fn held(&self, subject: &Subject) -> Found {
        User::of(subject)
            .subjects()
            .filter(|other| !matches!(other, Subject::User(name) if name.is_empty()))
            .flat_map(|subject| self.grants(&subject).collect::<Vec<_>>())
            .map(|grant| grant.rules.dangers().within(grant.namespace()))
            .fold(Found::default(), Found::union)
    }

    /// The dangers that whoever is bound to a role would have: everywhere, or within a namespace for a role of
    /// one. Halves are among them.
    pub fn role_risks(&self, role: &ObjectId) -> Vec<(Danger, Vec<usize>)> {
        let namespace = role.namespace.as_ref();
        let Some(rules) = self.rules(role) else {
            return Vec::new();
        };
        reported(&rules.dangers().within(namespace))
            .iter()
            .map(|danger| (danger, rules.with_danger(danger, namespace).collect()))
            .collect()
    }
}

/// The dangers to report of a list of rules: every right is all rights.
fn reported(found: &Found) -> DangerSet {
    let all = found.all();
    if !found.full.contains(Danger::EveryRight) {
        return all;
    }
    let mut few: DangerSet = all.iter().filter(|danger| danger.is_impersonation()).collect();
    few.insert(Danger::EveryRight);
    few
}

/// The danger under which a right in halves is told of.
fn first_half(danger: Danger) -> Danger {
    match danger.other_half() {
        Some(first) if danger.is_second_half() => first,
        _ => danger,
    }
}

fn risk(grant: Grant<'_>, danger: Danger, latent: Option<Latent>) -> Risk<'_> {
    let rules: Vec<usize> = grant.rules.with_danger(danger, grant.namespace()).collect();
    Risk {
        names: names(grant.rules, &rules),
        danger,
        grant,
        rules,
        latent,
    }
}

/// The names that all these rules together are for; none if one is for all.
fn names(rules: &Rules, which: &[usize]) -> Vec<Name> {
    let rules = which.iter().map(|at| &rules.compiled()[*at]);
    if rules.clone().any(|rule| rule.names().is_empty()) {
        return Vec::new();
    }
    let mut names: Vec<Name> = rules.flat_map(|rule| rule.names().iter().cloned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
