//! The version of the API server. Whoever has asked tells the inventory.

use std::fmt;
use std::str::FromStr;

use crate::inventory::Inventory;

/// The version of an API server, as far as it decides on what the server can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // as in Kubernetes
pub struct ServerVersion {
    pub major: u32,
    pub minor: u32,
}

impl ServerVersion {
    /// The version of this name.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }
}

/// This is no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a version looks like 1.36")]
pub struct NoVersion;

/// Of `1.36`, or of what `GET /version` gives as `gitVersion`: `v1.36.4-gke.100`.
impl FromStr for ServerVersion {
    type Err = NoVersion;

    fn from_str(version: &str) -> Result<Self, NoVersion> {
        let mut parts = version.strip_prefix('v').unwrap_or(version).split('.');
        let major = parts.next().ok_or(NoVersion)?;
        let minor = parts.next().ok_or(NoVersion)?;
        let end = minor.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor.len());
        let number = |digits: &str| digits.parse().map_err(|_| NoVersion);
        Ok(Self::new(number(major)?, number(&minor[..end])?))
    }
}

/// As `1.36`.
impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Inventory {
    /// The version of the API server, if somebody has asked for it and been told.
    pub fn server_version(&self) -> Option<ServerVersion> {
        self.server_version
    }

    /// Notes the version of the API server.
    pub fn set_server_version(&mut self, version: Option<ServerVersion>) {
        if self.server_version != version {
            self.server_version = version;
            self.dirty.evidence = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_servers_write_them() {
        for (written, version) in [
            ("v1.37.2", Ok(ServerVersion::new(1, 37))),
            ("v1.36.4-gke.100", Ok(ServerVersion::new(1, 36))),
            ("v1.36.0-alpha.3", Ok(ServerVersion::new(1, 36))),
            ("1.35+", Ok(ServerVersion::new(1, 35))),
            ("1.9", Ok(ServerVersion::new(1, 9))),
            ("v1", Err(NoVersion)),
            ("v1.x", Err(NoVersion)),
            ("", Err(NoVersion)),
        ] {
            assert_eq!(written.parse(), version, "{written}");
        }
        assert_eq!(ServerVersion::new(1, 36).to_string(), "1.36");
        assert!(ServerVersion::new(1, 9) < ServerVersion::new(1, 36));
    }

    #[test]
    fn only_another_version_is_something_to_look_at() {
        let mut inventory = Inventory::live();
        inventory.set_server_version(Some(ServerVersion::new(1, 35)));
        assert!(inventory.take_dirty().evidence);
        inventory.set_server_version(Some(ServerVersion::new(1, 35)));
        assert!(inventory.take_dirty().is_empty());
    }
}
