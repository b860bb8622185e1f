//! Image references, read as the kubelet reads them.
//!
//! The grammar is that of `github.com/distribution/reference`, with Docker Hub's short names: what does not
//! parse here, no kubelet pulls.

use std::fmt;

/// An image reference in its long form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ImageReference<'a> {
    /// The registry: `docker.io` for a short name.
    pub registry: &'a str,
    /// The repository as written, without the registry: `nginx` stands for `library/nginx` on Docker Hub.
    pub repository: &'a str,
    /// The tag, if there is one.
    pub tag: Option<&'a str>,
    /// The digest, if there is one: what is pulled, whatever the tag says.
    pub digest: Option<&'a str>,
}

/// Why a text is no image reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidReference {
    /// The repository has capital letters.
    Uppercase,
    /// The tag is not one.
    Tag,
    /// The digest is not one.
    Digest,
    /// 64 hexadecimal digits: taken for the id of an image.
    Identifier,
    /// Anything else.
    Format,
}

impl fmt::Display for InvalidReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uppercase => "a repository has no capital letters",
            Self::Tag => "the tag is malformed",
            Self::Digest => "the digest is malformed",
            Self::Identifier => "an image id is no reference",
            Self::Format => "malformed",
        })
    }
}

const DOCKER_HUB: &str = "docker.io";

impl<'a> ImageReference<'a> {
    /// Reads a reference.
    pub fn parse(text: &'a str) -> Result<Self, InvalidReference> {
        if text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(InvalidReference::Identifier);
        }
        let (registry, remainder) = split_registry(text);
        let (named, digest) = match remainder.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (remainder, None),
        };
        let (repository, tag) = match named.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (named, None),
        };
        if repository.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(InvalidReference::Uppercase);
        }
        let fits = repository.len() <= 255 && repository.split('/').all(is_path_component);
        if !fits || !is_registry(registry) {
            return Err(InvalidReference::Format);
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(InvalidReference::Tag);
        }
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err(InvalidReference::Digest);
        }
        Ok(Self {
            registry,
            repository,
            tag,
            digest,
        })
    }
}

/// What stands before the first slash is a registry if it looks like a host, else part of the repository.
fn split_registry(text: &str) -> (&str, &str) {
    let Some((first, rest)) = text.split_once('/') else {
        return (DOCKER_HUB, text);
    };
    let is_host =
        first == "localhost" || first.contains(['.', ':']) || first.bytes().any(|b| b.is_ascii_uppercase());
    match first {
        "index.docker.io" => (DOCKER_HUB, rest),
        _ if is_host => (first, rest),
        _ => (DOCKER_HUB, text),
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            let is_address = |b: u8| b.is_ascii_hexdigit() || b == b':';
            if address.is_empty() || !address.bytes().all(is_address) {
                return false;
            }
            match rest.strip_prefix(':') {
                Some(port) => (None, Some(port)),
                None if rest.is_empty() => (None, None),
                None => return false,
            }
        }
        None => match text.split_once(':') {
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(text), None),
        },
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    host.is_none_or(|host| host.split('.').all(is_label))
        && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// Runs of letters and digits, separated by one dot, one or two underscores, or dashes.
fn is_path_component(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators = text.split(is_word);
    let separated = separators
        .clone()
        .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-'));
    separated && text.starts_with(is_word) && text.ends_with(is_word)
}

fn is_tag(text: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(is_word)
        && text.bytes().all(|b| is_word(b) || matches!(b, b'.' | b'-'))
}

/// The kubelet knows three algorithms.
fn is_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else {
        return false;
    };
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    hex.len() == length && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:7cc4b5aefd1d0cadf8d97d4350462ba51c694ebca145b08d7d41b41acc8db5aa";

    fn parse(text: &str) -> (String, String, Option<String>, bool) {
        let reference = ImageReference::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let tag = reference.tag.map(str::to_owned);
        (
            reference.registry.to_owned(),
            reference.repository.to_owned(),
            tag,
            reference.digest.is_some(),
        )
    }

    #[test]
    fn a_port_is_no_tag_and_a_short_name_is_of_docker_hub() {
        for (text, registry, repository, tag) in [
            ("nginx", "docker.io", "nginx", None),
            ("nginx:1.29", "docker.io", "nginx", Some("1.29")),
            ("bitnami/redis:8", "docker.io", "bitnami/redis", Some("8")),
            ("docker.io/library/nginx", "docker.io", "library/nginx", None),
            (
                "index.docker.io/library/nginx",
                "docker.io",
                "library/nginx",
                None,
            ),
            ("localhost/app", "localhost", "app", None),
            ("registry:5000/app", "registry:5000", "app", None),
            (
                "registry.local:5000/team/app:v1",
                "registry.local:5000",
                "team/app",
                Some("v1"),
            ),
            (
                "[2001:db8::1]:5000/app:v1",
                "[2001:db8::1]:5000",
                "app",
                Some("v1"),
            ),
            ("10.0.0.1/app", "10.0.0.1", "app", None),
            ("Registry/app:v1", "Registry", "app", Some("v1")),
            ("localhost:5000", "docker.io", "localhost", Some("5000")),
            ("gcr.io/a--b/c__d/e.f", "gcr.io", "a--b/c__d/e.f", None),
        ] {
            let tag = tag.map(str::to_owned);
            let wanted = (registry.to_owned(), repository.to_owned(), tag, false);
            assert_eq!(parse(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_digest_goes_with_or_without_a_tag() {
        assert_eq!(
            parse(&format!("registry:5000/app:latest@{DIGEST}")),
            (
                "registry:5000".to_owned(),
                "app".to_owned(),
                Some("latest".to_owned()),
                true
            )
        );
        assert_eq!(
            parse(&format!("app@{DIGEST}")),
            ("docker.io".to_owned(), "app".to_owned(), None, true)
        );
    }

    #[test]
    fn what_no_kubelet_pulls_is_refused() {
        let uppercase_digest = DIGEST.to_uppercase().replace("SHA256", "sha256");
        for (text, error) in [
            ("", InvalidReference::Format),
            (" ", InvalidReference::Format),
            ("Nginx:1", InvalidReference::Uppercase),
            ("ghcr.io/Team/app:1", InvalidReference::Uppercase),
            ("nginx:", InvalidReference::Tag),
            ("nginx:-1", InvalidReference::Tag),
            ("nginx: 1", InvalidReference::Tag),
            ("${IMAGE}", InvalidReference::Uppercase),
            ("{{ image }}", InvalidReference::Format),
            ("https://ghcr.io/app:1", InvalidReference::Format),
            ("team/a___b", InvalidReference::Format),
            ("team/.app", InvalidReference::Format),
            ("team//app", InvalidReference::Format),
            ("-host.io/app", InvalidReference::Format),
            ("host.io:port/app", InvalidReference::Format),
            ("app@sha256:abc", InvalidReference::Digest),
            (
                "app@md5:7cc4b5aefd1d0cadf8d97d4350462ba5",
                InvalidReference::Digest,
            ),
            (&format!("app@{uppercase_digest}"), InvalidReference::Digest),
            (&DIGEST["sha256:".len()..], InvalidReference::Identifier),
        ] {
            assert_eq!(ImageReference::parse(text), Err(error), "{text:?}");
        }
    }
}
