//! Objects of one kind by name, each with the listing that last saw it.

use std::collections::BTreeMap;

use crate::names::Name;

/// Facts by object name.
///
/// Every record remembers the listing (epoch) that last confirmed it. What a finished relist did not confirm
/// is gone; a relist that was cut short and started over needs no bookkeeping of its own.
#[derive(Debug)]
pub struct Store<T>(BTreeMap<Name, Slot<T>>);

#[derive(Debug)]
struct Slot<T> {
    epoch: u32,
    value: T,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

/// What putting a record did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Put<T> {
    /// The object was not there.
    New,
    /// The object was there and said something else.
    Changed(T),
    /// The object said the same.
    Same,
}

impl<T: PartialEq> Store<T> {
    /// Confirms or replaces the record of `name`.
    pub(crate) fn put(&mut self, name: &Name, epoch: u32, value: T) -> Put<T> {
        let Some(slot) = self.0.get_mut(name) else {
            self.0.insert(Name::clone(name), Slot { epoch, value });
            return Put::New;
        };
        slot.epoch = epoch;
        if slot.value == value {
            return Put::Same;
        }
        Put::Changed(std::mem::replace(&mut slot.value, value))
    }
}

impl<T> Store<T> {
    /// Removes `name` and returns what it was.
    pub(crate) fn remove(&mut self, name: &str) -> Option<T> {
        self.0.remove(name).map(|slot| slot.value)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = (&Name, &mut T)> {
        self.0.iter_mut().map(|(name, slot)| (name, &mut slot.value))
    }

    /// Replaces the facts of `name`, whatever listing confirmed it last; returns what they were if they differ.
    pub(crate) fn replace(&mut self, name: &str, value: T) -> Option<T>
    where
        T: PartialEq,
    {
        let known = &mut self.0.get_mut(name)?.value;
        (*known != value).then(|| std::mem::replace(known, value))
    }

    /// Names that the listing `epoch` did not confirm.
    pub(crate) fn stale(&self, epoch: u32) -> impl Iterator<Item = &Name> {
        self.0
            .iter()
            .filter(move |(_, slot)| slot.epoch != epoch)
            .map(|(name, _)| name)
    }

    /// The facts of `name`.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.get(name).map(|slot| &slot.value)
    }

    /// The key of `name`, shared.
    pub fn key(&self, name: &str) -> Option<&Name> {
        self.0.get_key_value(name).map(|(key, _)| key)
    }

    /// The key and the facts of `name`.
    pub fn entry(&self, name: &str) -> Option<(&Name, &T)> {
        self.0.get_key_value(name).map(|(key, slot)| (key, &slot.value))
    }

    /// Names and facts, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &T)> {
        self.0.iter().map(|(name, slot)| (name, &slot.value))
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
