//! The custom resources: kinds, conditions and their reasons.
