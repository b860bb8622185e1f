//! A real control plane for tests: etcd, API server, controller manager, scheduler, KWOK.

mod assets;
mod certificates;
mod component;
mod controlplane;
mod flags;
mod kubeconfig;
mod nodes;
mod options;
mod port;
mod process;
mod wait;
mod workdir;

pub use component::Component;
pub use controlplane::ControlPlane;
pub use options::Options;
pub use wait::eventually;
