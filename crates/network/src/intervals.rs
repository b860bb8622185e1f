//! Sets of numbers as intervals: ports and addresses.

/// A number that has neighbours.
pub(crate) trait Number: Copy + Ord {
    /// The next one, unless it is the last.
    fn up(self) -> Option<Self>;
    /// The one before, unless it is the first.
    fn down(self) -> Option<Self>;
}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Number for $type {
            fn up(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn down(self) -> Option<Self> {
                self.checked_sub(1)
            }
        }
    )*};
}

numbers!(u32, u128);

/// A set of numbers: intervals in order that neither overlap nor touch, so that equal sets are equal values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Intervals<N>(Box<[(N, N)]>);

impl<N> Default for Intervals<N> {
    fn default() -> Self {
        Self(Box::default())
    }
}

impl<N: Number> Intervals<N> {
    /// The set of the numbers in `intervals`, each from its first to its last.
    pub(crate) fn of(mut intervals: Vec<(N, N)>) -> Self {
        intervals.sort_unstable();
        let mut merged: Vec<(N, N)> = Vec::with_capacity(intervals.len());
        for (first, last) in intervals {
            match merged.last_mut() {
                Some(before) if before.1.up().is_none_or(|next| first <= next) => {
                    before.1 = before.1.max(last);
                }
                _ => merged.push((first, last)),
            }
        }
        Self(merged.into())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (N, N)> {
        self.0.iter().copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn contains(&self, number: N) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= number);
        after > 0 && number <= self.0[after - 1].1
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        if self.is_empty() {
            return other.clone();
        }
        if other.is_empty() {
            return self.clone();
        }
        Self::of(self.iter().chain(other.iter()).collect())
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let mut common = Vec::new();
        let (mut a, mut b) = (0, 0);
        while a < self.0.len() && b < other.0.len() {
            let ((a1, a2), (b1, b2)) = (self.0[a], other.0[b]);
            if a1.max(b1) <= a2.min(b2) {
                common.push((a1.max(b1), a2.min(b2)));
            }
            if a2 < b2 {
                a += 1;
            } else {
                b += 1;
            }
        }
        Self(common.into())
    }

    /// What is in this set and not in `other`.
    pub(crate) fn difference(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        for (first, last) in self.iter() {
            let mut from = Some(first);
            for (cut_first, cut_last) in other.iter() {
                let Some(at) = from.filter(|at| *at <= last) else {
                    break;
                };
                if cut_last < at || last < cut_first {
                    continue;
                }
                if let Some(end) = cut_first.down().filter(|end| at <= *end) {
                    left.push((at, end));
                }
                from = cut_last.up();
            }
            if let Some(at) = from.filter(|at| *at <= last) {
                left.push((at, last));
            }
        }
        Self(left.into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn sets() -> impl Strategy<Value = Vec<(u32, u32)>> {
        let interval = (0_u32..40, 0_u32..6).prop_map(|(first, more)| (first, first + more));
        proptest::collection::vec(interval, 0..6)
    }

    fn literal(intervals: &[(u32, u32)]) -> BTreeSet<u32> {
        intervals
            .iter()
            .flat_map(|(first, last)| *first..=*last)
            .collect()
    }

    fn listed(set: &Intervals<u32>) -> BTreeSet<u32> {
        literal(&set.iter().collect::<Vec<_>>())
    }

    proptest! {
        #[test]
        fn operations_are_those_of_sets(a in sets(), b in sets()) {
            let (left, right) = (literal(&a), literal(&b));
            let (x, y) = (Intervals::of(a), Intervals::of(b));
            let expected = |numbers: BTreeSet<u32>| Intervals::of(numbers.into_iter().map(|n| (n, n)).collect());
            prop_assert_eq!(x.union(&y), expected(&left | &right));
            prop_assert_eq!(x.intersection(&y), expected(&left & &right));
            prop_assert_eq!(x.difference(&y), expected(&left - &right));
            prop_assert_eq!(listed(&x), left.clone());
            for number in 0..50 {
                prop_assert_eq!(x.contains(number), left.contains(&number));
            }
        }
    }

    #[test]
    fn the_ends_of_all_numbers_are_no_trouble() {
        let all = Intervals::of(vec![(0, u32::MAX)]);
        assert_eq!(all.union(&all), all);
        assert!(all.difference(&all).is_empty());
        let upper = Intervals::of(vec![(7, u32::MAX)]);
        assert_eq!(all.difference(&upper), Intervals::of(vec![(0, 6)]));
        assert_eq!(upper.union(&all), all);
    }
}
