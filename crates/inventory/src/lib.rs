//! What the cluster is: lean facts, applied event by event. Pure.
