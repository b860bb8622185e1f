//! Profiles: classes to which the same rules apply share one verdict.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::classes::{ClassId, NamedPorts};
use crate::policy::{Direction, Rule, Stage};
use crate::selections::SelectionId;
use crate::verdict::{Judge, Verdict};

/// The number of a profile. It is given anew once the profile has gone.
pub(crate) type ProfileId = u32;

/// What decides on a class in one direction.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ProfileKey {
    pub(crate) direction: Direction,
    /// The rules of the policies that select the class, in the order in which they are asked: those of two policies
    /// that say the same are the same.
    pub(crate) rules: Box<[(Stage, Arc<[Rule]>)]>,
    /// The named ports of the class, if one of the rules reads any.
    pub(crate) ports: NamedPorts,
}

/// The classes that the same rules decide on, and what those say.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) key: Arc<ProfileKey>,
    pub(crate) classes: RoaringBitmap,
    pub(crate) verdict: Verdict,
    /// Whether a `NetworkPolicy` isolates these classes.
    pub(crate) isolated: bool,
    reads: Box<[SelectionId]>,
    /// Whether the named ports of all classes matter.
    reads_all_classes: bool,
}

/// All profiles.
#[derive(Debug, Default)]
pub(crate) struct Profiles {
    slots: Vec<Option<Profile>>,
    free: Vec<ProfileId>,
    by_key: HashMap<Arc<ProfileKey>, ProfileId>,
    fresh: BTreeSet<ProfileId>,
}

impl Profiles {
    /// Puts a class under a profile.
    pub(crate) fn join(&mut self, key: ProfileKey, class: ClassId) -> ProfileId {
        let id = if let Some(id) = self.by_key.get(&key) {
            *id
        } else {
            let id = self.free.pop().unwrap_or_else(|| {
                self.slots.push(None);
                self.slots.len() as ProfileId - 1
            });
            let key = Arc::new(key);
            self.by_key.insert(Arc::clone(&key), id);
            self.slots[id as usize] = Some(Profile {
                key,
                classes: RoaringBitmap::new(),
                verdict: Verdict::allow_all(),
                isolated: false,
                reads: Box::default(),
                reads_all_classes: false,
            });
            self.fresh.insert(id);
            id
        };
        self.expect_mut(id).classes.insert(class);
        id
    }

    /// Takes a class out of a profile; one without classes goes.
    pub(crate) fn leave(&mut self, id: ProfileId, class: ClassId) {
        let profile = self.expect_mut(id);
        profile.classes.remove(class);
        if profile.classes.is_empty() {
            let profile = self.slots[id as usize].take().expect("looked at just now");
            self.by_key.remove(&profile.key);
            self.fresh.remove(&id);
            self.free.push(id);
        }
    }

    /// Computes the verdicts of profiles that are new, and of those that read what has changed; tells to which
    /// classes something else applies than before.
    pub(crate) fn judge(
        &mut self,
        judge: &Judge<'_>,
        changed: &BTreeSet<SelectionId>,
        classes_changed: bool,
    ) -> RoaringBitmap {
        let mut anew = RoaringBitmap::new();
        let fresh = std::mem::take(&mut self.fresh);
        for (id, profile) in (0..).zip(&mut self.slots) {
            let Some(profile) = profile else { continue };
            let is_stale = fresh.contains(&id)
                || (profile.reads_all_classes && classes_changed)
                || profile.reads.iter().any(|selection| changed.contains(selection));
            if is_stale {
                let before = std::mem::replace(&mut profile.verdict, Verdict::allow_all());
                profile.judge(judge);
                if profile.verdict != before {
                    anew |= &profile.classes;
                }
            }
        }
        anew
    }

    pub(crate) fn expect(&self, id: ProfileId) -> &Profile {
        self.slots[id as usize].as_ref().expect("the profile exists")
    }

    fn expect_mut(&mut self, id: ProfileId) -> &mut Profile {
        self.slots[id as usize].as_mut().expect("the profile exists")
    }

    /// The profiles of a direction.
    pub(crate) fn of(&self, direction: Direction) -> impl Iterator<Item = &Profile> {
        self.slots
            .iter()
            .flatten()
            .filter(move |profile| profile.key.direction == direction)
    }
}

impl Profile {
    fn judge(&mut self, judge: &Judge<'_>) {
        let ProfileKey {
            direction,
            rules,
            ports,
        } = &*self.key;
        self.verdict = judge.verdict(*direction, rules, ports);
        self.isolated = rules.iter().any(|(stage, _)| *stage == Stage::NetworkPolicy);
        let each = || rules.iter().flat_map(|(_, rules)| rules.iter());
        let reads: BTreeSet<SelectionId> = each().flat_map(|rule| rule.peers.pods()).copied().collect();
        self.reads = reads.into_iter().collect();
        self.reads_all_classes = *direction == Direction::Egress
            && each().any(|rule| rule.peers.is_every_class() && !rule.ports.names.is_empty());
    }
}
