//! What follows: incremental evaluation, roll-up, drift and history. Pure.
