//! The loop: watches, writer, leader lease, events, metrics, health.
