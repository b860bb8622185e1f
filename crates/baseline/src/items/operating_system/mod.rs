//! OS: the operating systems of nodes.

pub mod direct_node_access;
mod host_scans;
pub mod os_not_scanned;
pub mod unhardened_os;
