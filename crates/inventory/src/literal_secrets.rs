//! Literal secrets in manifests, found by value and by name.

use crate::Name;

/// A literal secret, masked: where it stands and why it is taken for one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LiteralSecret {
    /// Where: `env DB_PASSWORD`, `args[2]`, `annotation example.com/token`, `data key app.conf`.
    pub place: Name,
    /// Why: `an AWS access key`, `a password by its name`.
    pub what: &'static str,
}

/// Secrets in the value of an environment variable.
pub fn in_env(_name: &str, _value: &str) -> Option<LiteralSecret> {
    None
}

/// Secrets in an HTTP header that a probe or hook sends; `place` is the probe or hook.
pub fn in_header(_place: &str, _name: &str, _value: &str) -> Option<LiteralSecret> {
    None
}

/// Secrets in the words of a command line; `place` is `command`, `args`, a probe or a hook.
pub fn in_command(_place: &str, _words: &[String]) -> Vec<LiteralSecret> {
    Vec::new()
}

/// Secrets in an annotation.
pub fn in_annotation(_key: &str, _value: &str) -> Option<LiteralSecret> {
    None
}

/// Secrets in one entry of a `ConfigMap`'s data.
pub fn in_data(_key: &str, _value: &str) -> Vec<LiteralSecret> {
    Vec::new()
}
