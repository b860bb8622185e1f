//! Interned strings.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::sync::Arc;

/// A string that is kept once, however many facts say it.
pub type Name = Arc<str>;

/// The pool of interned values.
///
/// Values nobody holds any more are swept out when the pool has doubled since the last sweep, so that an
/// operator that runs for years keeps what the cluster has and not what it ever had.
#[derive(Debug)]
pub struct Pool<T: ?Sized> {
    values: HashSet<Arc<T>>,
    sweep_at: usize,
}

impl<T: ?Sized> Default for Pool<T> {
    fn default() -> Self {
        Self {
            values: HashSet::new(),
            sweep_at: 1024,
        }
    }
}

impl<T: ?Sized + std::hash::Hash + Eq> Pool<T> {
    /// The pooled value that equals `value`.
    pub fn intern<V: Borrow<T> + Into<Arc<T>>>(&mut self, value: V) -> Arc<T> {
        if let Some(known) = self.values.get(value.borrow()) {
            return Arc::clone(known);
        }
        if self.values.len() >= self.sweep_at {
            self.values.retain(|v| Arc::strong_count(v) > 1);
            self.sweep_at = (self.values.len() * 2).max(1024);
        }
        let value: Arc<T> = value.into();
        self.values.insert(Arc::clone(&value));
        value
    }

    /// How many values the pool holds.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether the pool holds nothing.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one() {
        let mut pool = Pool::<str>::default();
        let (a, b) = (pool.intern("web"), pool.intern("web"));
        assert!(Arc::ptr_eq(&a, &b));
        assert_eq!(pool.len(), 1);
    }

    #[test]
    fn what_nobody_holds_is_swept() {
        let mut pool = Pool::<str>::default();
        let kept = pool.intern("kept");
        for i in 0..10_000 {
            pool.intern(format!("pod-{i}").as_str());
        }
        assert!(pool.len() <= 1025, "{} values kept", pool.len());
        assert!(Arc::ptr_eq(&kept, &pool.intern("kept")));
    }
}
