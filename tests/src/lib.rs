//! A real control plane for tests: etcd, API server, controller manager, scheduler, KWOK.

mod access;
mod assets;
mod certificates;
mod component;
mod controlplane;
mod etcd;
mod flags;
mod identities;
mod kubeconfig;
mod nodes;
mod options;
mod port;
mod process;
mod wait;
mod workdir;

pub use component::Component;
pub use controlplane::ControlPlane;
pub use etcd::EtcdSize;
pub use options::Options;
pub use wait::eventually;
