//! Sets of dangers.

use super::{Danger, HALVES};

/// Some of the dangers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DangerSet(u64);

const _: () = assert!(Danger::ALL.len() <= u64::BITS as usize);

impl DangerSet {
    /// Whether `danger` is among them.
    pub const fn contains(self, danger: Danger) -> bool {
        self.0 & (1 << danger as u32) != 0
    }

    /// Adds `danger`.
    pub fn insert(&mut self, danger: Danger) {
        self.0 |= 1 << danger as u32;
    }

    /// Takes `danger` away.
    pub fn remove(&mut self, danger: Danger) {
        self.0 &= !(1 << danger as u32);
    }

    /// All that are here or there.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// All that are here and not there.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// All of them, in order.
    pub fn iter(self) -> impl Iterator<Item = Danger> {
        Danger::ALL
            .iter()
            .copied()
            .filter(move |danger| self.contains(*danger))
    }

    /// Those that do something: of rights in halves, the first if both are here.
    #[must_use]
    pub fn effective(self) -> Self {
        self.without(self.halves()).without(second_halves())
    }

    /// Halves of rights whose other halves are not here.
    #[must_use]
    pub fn halves(self) -> Self {
        let mut alone = Self::default();
        for &(one, other) in HALVES {
            match (self.contains(one), self.contains(other)) {
                (true, false) => alone.insert(one),
                (false, true) => alone.insert(other),
                _ => {}
            }
        }
        alone
    }
}

fn second_halves() -> DangerSet {
    HALVES.iter().map(|&(_, other)| other).collect()
}

impl FromIterator<Danger> for DangerSet {
    fn from_iter<I: IntoIterator<Item = Danger>>(dangers: I) -> Self {
        let mut set = Self::default();
        set.extend(dangers);
        set
    }
}

impl Extend<Danger> for DangerSet {
    fn extend<I: IntoIterator<Item = Danger>>(&mut self, dangers: I) {
        for danger in dangers {
            self.insert(danger);
        }
    }
}
