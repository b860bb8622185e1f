//! A real control plane for tests: etcd, API server, controller manager, scheduler, and KWOK for the nodes.
//!
//! No containers and no cluster: the binaries are built once from their Go modules (`controlplane/README.md`),
//! each test starts its own in a few seconds, and nothing is left of it afterwards, whatever happens to the test.
//!
//! ```no_run
//! use plumbline_tests::{Component, ControlPlane, Options};
//!
//! # async fn test() -> anyhow::Result<()> {
//! let options = Options::default().nodes(3).flag(Component::ApiServer, "--anonymous-auth=false");
//! let mut plane = ControlPlane::start(options).await?;
//! plane.apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: operator, namespace: default}}").await?;
//! let client = plane.service_account_client("default", "operator").await?;
//! plane.restart(Component::ApiServer).await?;
//! # Ok(())
//! # }
//! ```

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
mod operator;
mod options;
mod plain_http;
mod port;
mod process;
mod proxy;
mod reports;
pub mod requests;
mod wait;
mod workdir;

pub use component::Component;
pub use controlplane::ControlPlane;
pub use etcd::EtcdSize;
pub use operator::Operator;
pub use options::Options;
pub use proxy::{Fault, Proxy};
pub use reports::{Reports, condition, item};
pub use wait::eventually;
