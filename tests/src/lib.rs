//! A real control plane for tests: etcd, API server, controller manager, scheduler, KWOK.
