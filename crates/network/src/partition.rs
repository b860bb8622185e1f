//! A function over a set, as disjoint parts on each of which it is constant.

use roaring::RoaringBitmap;

use crate::addresses::Addresses;

/// A set that can be cut.
pub(crate) trait Set: Clone {
    fn is_empty(&self) -> bool;
    fn common(&self, other: &Self) -> Self;
    fn without(&self, other: &Self) -> Self;
    fn add(&mut self, other: &Self);
}

impl Set for RoaringBitmap {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }

    fn common(&self, other: &Self) -> Self {
        self & other
    }

    fn without(&self, other: &Self) -> Self {
        self - other
    }

    fn add(&mut self, other: &Self) {
        *self |= other;
    }
}

impl Set for Addresses {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }

    fn common(&self, other: &Self) -> Self {
        self.intersection(other)
    }

    fn without(&self, other: &Self) -> Self {
        self.difference(other)
    }

    fn add(&mut self, other: &Self) {
        *self = self.union(other);
    }
}

/// A value for every element: that of its part, or that of the rest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Partition<S, T> {
    parts: Vec<(S, T)>,
    rest: T,
}

impl<S: Set, T: Clone + PartialEq> Partition<S, T> {
    /// The same value everywhere.
    pub(crate) fn of(value: T) -> Self {
        Self {
            parts: Vec::new(),
            rest: value,
        }
    }

    /// Changes the value of every element.
    pub(crate) fn change_all(&mut self, change: impl Fn(&T) -> T) {
        self.rest = change(&self.rest);
        for (_, value) in &mut self.parts {
            *value = change(value);
        }
    }

    /// Changes the value of the elements of `set`.
    pub(crate) fn change(&mut self, set: &S, change: impl Fn(&T) -> T) {
        let mut outside = set.clone();
        let mut parts: Vec<(S, T)> = Vec::with_capacity(self.parts.len() + 1);
        for (part, value) in self.parts.drain(..) {
            let hit = part.common(set);
            if hit.is_empty() {
                put(&mut parts, part, value);
                continue;
            }
            outside = outside.without(&hit);
            put(&mut parts, hit.clone(), change(&value));
            let missed = part.without(&hit);
            if !missed.is_empty() {
                put(&mut parts, missed, value);
            }
        }
        if !outside.is_empty() {
            put(&mut parts, outside, change(&self.rest));
        }
        self.parts = parts;
    }

    /// Another value for each.
    ///
    /// The parts come in the order of their values, so that equal functions are equal.
    pub(crate) fn map<U: Clone + Ord>(self, map: impl Fn(T) -> U) -> Partition<S, U> {
        let rest = map(self.rest);
        let mut parts = Vec::with_capacity(self.parts.len());
        for (set, value) in self.parts {
            let value = map(value);
            if value != rest {
                put(&mut parts, set, value);
            }
        }
        parts.sort_unstable_by(|(_, a), (_, b)| a.cmp(b));
        parts.shrink_to_fit();
        Partition { parts, rest }
    }

    /// The parts that have a value of their own.
    pub(crate) fn parts(&self) -> &[(S, T)] {
        &self.parts
    }

    /// The value of everything else.
    pub(crate) fn rest(&self) -> &T {
        &self.rest
    }

    /// Whether every element has this value.
    pub(crate) fn is_everywhere(&self, value: &T) -> bool {
        self.rest == *value && self.parts.iter().all(|(_, part)| part == value)
    }

    /// The value of the element for which `is_in` holds.
    pub(crate) fn get(&self, is_in: impl Fn(&S) -> bool) -> &T {
        self.parts
            .iter()
            .find(|(set, _)| is_in(set))
            .map_or(&self.rest, |(_, value)| value)
    }
}

/// Adds a part; parts of equal value are one.
fn put<S: Set, T: PartialEq>(parts: &mut Vec<(S, T)>, set: S, value: T) {
    match parts.iter_mut().find(|(_, known)| *known == value) {
        Some((known, _)) => known.add(&set),
        None => parts.push((set, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_has_the_value_that_was_given_last() {
        let set = |numbers: &[u32]| numbers.iter().copied().collect::<RoaringBitmap>();
        let mut partition = Partition::of(0);
        partition.change(&set(&[1, 2, 3]), |n| n + 1);
        partition.change(&set(&[3, 4]), |n| n + 10);
        partition.change_all(|n| n * 2);
        let at = |n: u32| *partition.get(|set| set.contains(n));
        assert_eq!([0, 1, 2, 3, 4, 5].map(at), [0, 2, 2, 22, 20, 0]);
        let odd = partition.map(|n| n > 5);
        assert_eq!(odd.parts.len(), 1);
        assert!(!odd.rest);
    }
}
