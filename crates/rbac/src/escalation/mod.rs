//! How a subject becomes more than it is.
//!
//! A right may make another subject of whoever has it: whoever creates pods runs as any service account of the
//! namespace. That one has rights of its own, which lead on, up to four steps. What is looked for at the end is
//! [`Standing`]: a right that somebody has everywhere and that is worth the way.
//!
//! [`Ways`] keeps for each subject the shortest way to each standing, by what it has in each namespace and everywhere, so that a path is one step and the way of whom
//! it leads to, and a change is the business of those only who can become whom it concerns.

mod accounts;
mod moves;
mod ways;

use plumbline_inventory::ObjectId;

use crate::danger::{Danger, DangerSet, Severity};
use crate::rbac::Rbac;
use crate::subject::Subject;

pub(crate) use ways::Ways;

/// The longest path that is followed.
const STEPS: usize = 4;

/// What somebody may become.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Becomes {
    /// Whoever may do everything everywhere.
    Administrator,
    /// Another subject, with its rights. A group: one of its members.
    Subject(Subject),
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// The right that makes it possible; of rights that work together, the one that is beyond others.
    pub danger: Danger,
    /// The binding by which whoever takes the step has the right.
    pub binding: ObjectId,
    /// Its role.
    pub role: ObjectId,
    /// What it makes of whoever takes it.
    pub becomes: Becomes,
}

/// How much somebody may do everywhere, the most first. Constrained impersonation, which lends single verbs, and
/// rights to objects of certain names do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Everything.
    Administrator,
    /// A right that is critical.
    Critical,
    /// A right of high severity.
    High,
}

/// A way to more rights.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// Its steps, at least one and at most four.
    pub steps: Vec<Step>,
    /// Where it leads: further than the subject is.
    pub standing: Standing,
    /// The rights that make this standing.
    pub rights: DangerSet,
}

impl Standing {
    const ALL: [Self; 3] = [Self::Administrator, Self::Critical, Self::High];

    /// What these rights make of whoever has them everywhere, and which of them do.
    fn of(everywhere: DangerSet) -> Option<(Self, DangerSet)> {
        let severe = |wanted: Severity| -> DangerSet {
            let dangers = everywhere.effective().iter();
            dangers
                .filter(|danger| danger.severity() == wanted && !danger.is_constrained_impersonation())
                .collect()
        };
        if everywhere.contains(Danger::EveryRight) {
            return Some((Self::Administrator, DangerSet::from_iter([Danger::EveryRight])));
        }
        [(Self::Critical, Severity::Critical), (Self::High, Severity::High)]
            .into_iter()
            .map(|(standing, severity)| (standing, severe(severity)))
            .find(|(_, rights)| !rights.is_empty())
    }
}

impl Rbac {
    /// Ways to more rights, by bindings that name the subject itself: for each right that leads to somebody else
    /// the shortest way to the most, and what is less and nearer. Shortest first.
    pub fn paths(&self, subject: &Subject) -> Vec<&Path> {
        let mut paths: Vec<&Path> = self.ways.paths(&subject.identity()).collect();
        paths.sort_by_key(|path| (path.steps.len(), path.standing));
        paths
    }

    /// Those of them that begin with this right by this binding.
    pub fn paths_by(&self, subject: &Subject, binding: &ObjectId, danger: Danger) -> &[Path] {
        self.ways.paths_by(&subject.identity(), binding, danger)
    }
}
