//! Generators: CRDs, RBAC, item pages; each with --check.

fn main() {}
