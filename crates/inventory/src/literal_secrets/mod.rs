//! Literal secrets in manifests, found by value and by name.
//!
//! Text is a secret if it has the *format* of one (an AWS key, a private key, `://user:password@`), wherever it
//! stands; or if it stands where its *name* says so (`DB_PASSWORD`, `--token`) and the value can be one. A value
//! whose name tells nothing counts by its format only.

mod command;
mod formats;
mod naming;
mod text;
mod value;

use crate::Name;
use naming::Naming;
use value::Place;

/// A literal secret, masked: where it stands and why it is taken for one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LiteralSecret {
    /// Where: `env DB_PASSWORD`, `args[2]`, `annotation example.com/token`, `data key app.conf`.
    pub place: Name,
    /// Why: `an AWS access key`, `a password (by its name)`.
    pub what: &'static str,
}

impl std::fmt::Display for LiteralSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} holds {}", self.place, self.what)
    }
}

/// Secrets in the value of an environment variable.
pub fn in_env(name: &str, value: &str) -> Option<LiteralSecret> {
    let what = formats::find(value)
        .or_else(|| by_name(name, value, Place::Manifest))
        .or_else(|| in_text(value).into_iter().next().map(|(_, what)| what))?;
    Some(LiteralSecret {
        place: format!("env {name}").into(),
        what,
    })
}

/// Secrets in an HTTP header that a probe or hook sends; `place` is the probe or hook.
pub fn in_header(place: &str, name: &str, value: &str) -> Option<LiteralSecret> {
    Some(LiteralSecret {
        place: format!("{place} header {name}").into(),
        what: header(name, value)?,
    })
}

/// Secrets in the words of a command line; `place` is `command`, `args`, a probe or a hook.
pub fn in_command(place: &str, words: &[String]) -> Vec<LiteralSecret> {
    let found = command::find(words);
    let secret = |(at, what)| LiteralSecret {
        place: format!("{place}[{at}]").into(),
        what,
    };
    found.into_iter().map(secret).collect()
}

/// Secrets in an annotation.
///
/// Annotations that hold documents (an applied configuration, a list of endpoints) are searched for formats
/// only: what stands in them by name stands in the object as well.
pub fn in_annotation(key: &str, value: &str) -> Option<LiteralSecret> {
    let what = formats::find(value).or_else(|| {
        let (prefix, name) = key.split_once('/').unwrap_or(("", key));
        let document = value.starts_with(['{', '[']) || value.contains('\n');
        if document || prefix.contains("checksum") {
            return None;
        }
        by_name(name, value, Place::Annotation)
    })?;
    Some(LiteralSecret {
        place: format!("annotation {key}").into(),
        what,
    })
}

/// Secrets in one entry of a `ConfigMap`'s data.
pub fn in_data(key: &str, value: &str) -> Vec<LiteralSecret> {
    let mut found: Vec<LiteralSecret> = Vec::new();
    let mut add = |place: String, what| {
        let secret = LiteralSecret {
            place: place.into(),
            what,
        };
        if !found.contains(&secret) {
            found.push(secret);
        }
    };
    for what in formats::find_all(value) {
        add(format!("data key {key}"), what);
    }
    if let Some(what) = by_name(key, value, Place::Manifest) {
        add(format!("data key {key}"), what);
    }
    for (name, what) in in_text(value) {
        add(format!("data key {key}: {name}"), what);
    }
    found
}

/// So many secrets by name are told of one text: a thousand lines of the same kind need no thousand findings.
const MOST: usize = 16;

/// What `value` is by the name that it stands under.
fn by_name(name: &str, value: &str, place: Place) -> Option<&'static str> {
    let naming = Naming::of(name)?;
    value::is_secret(naming, name, value, place).then(|| naming.what())
}

/// Secrets by name in settings, code and documents: `key = value`, `key: value`, `"key": "value"`, `<key>value</key>`.
fn in_text(text: &str) -> Vec<(&str, &'static str)> {
    let mut found = Vec::new();
    text::assignments(text, |name, value| {
        // What has a format has been found already.
        if found.len() < MOST
            && let Some(what) = by_name(name, value, Place::Text)
            && formats::find(value).is_none()
        {
            found.push((name, what));
        }
    });
    found
}

fn header(name: &str, value: &str) -> Option<&'static str> {
    if let Some(what) = formats::find(value) {
        return Some(what);
    }
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    if !is("Authorization") && !is("Proxy-Authorization") {
        return by_name(name, value, Place::Manifest);
    }
    let credentials = value
        .split_once(' ')
        .map_or(value, |(_, credentials)| credentials)
        .trim();
    let literal = credentials.len() >= 6 && !value::is_no_literal(credentials);
    literal.then_some("credentials of an HTTP header")
}

#[cfg(test)]
mod tests;
