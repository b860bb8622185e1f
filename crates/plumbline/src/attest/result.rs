//! What a tool has found, from its file.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Result, anyhow, bail};
use jiff::Timestamp;
use plumbline_inventory::digest::sha256;
use serde_json::{Value, json};

use super::{counts, junit, sarif};

/// What the command line says about a result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) tool: Option<String>,
    pub(super) version: Option<String>,
    pub(super) uri: Option<String>,
}

/// What a file says, whatever its form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) tool: Option<String>,
    pub(super) version: Option<String>,
    /// When the tool ran, or had run if it took long.
    pub(super) time: Option<Timestamp>,
    pub(super) passed: u32,
    pub(super) failed: u32,
    /// Results that are neither.
    pub(super) open: u32,
}

/// The result of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ToolResult {
    pub(super) tool: String,
    version: Option<String>,
    uri: Option<String>,
    digest: String,
    time: Timestamp,
    found: Found,
}

impl ToolResult {
    /// Reads a file, or standard input if that is `-`.
    pub(super) fn read(path: &Path, given: &Given, now: Timestamp) -> Result<Self> {
        let shown = path.display();
        let (bytes, modified) = content(path).map_err(|error| anyhow!("{shown}: {error}"))?;
        let found = parse(&bytes).map_err(|error| anyhow!("{shown}: {error:#}"))?;
        let Some(tool) = given.tool.clone().or_else(|| found.tool.clone()) else {
            bail!("{shown} does not name the tool that it is from: --tool does");
        };
        let time = found.time.or(modified).unwrap_or(now);
        if time > now {
            bail!("{shown}: the tool ran at {time}, and that is yet to come");
        }
        Ok(Self {
            tool,
            version: given.version.clone().or_else(|| found.version.clone()),
            uri: given.uri.clone(),
            digest: format!("sha256:{}", sha256(&bytes)),
            time: Timestamp::from_second(time.as_second())?,
            found,
        })
    }

    /// As an attestation has it.
    pub(super) fn evidence(&self) -> Value {
        let mut evidence = json!({
            "tool": self.tool,
            "digest": self.digest,
            "time": self.time,
            "passed": self.found.passed,
            "failed": self.found.failed,
        });
        for (field, value) in [("version", &self.version), ("uri", &self.uri)] {
            if let Some(value) = value {
                evidence[field] = json!(value);
            }
        }
        evidence
    }

    /// What was read, in a line.
    pub(super) fn told(&self) -> String {
        let version = self
            .version
            .as_ref()
            .map_or_else(String::new, |version| format!(" {version}"));
        let open = match self.found.open {
            0 => String::new(),
            open => format!(", {open} neither"),
        };
        format!(
            "{}{version} of {}: {} passed, {} failed{open}",
            self.tool, self.time, self.found.passed, self.found.failed
        )
    }
}

/// The bytes of a file, and when it was written.
fn content(path: &Path) -> std::io::Result<(Vec<u8>, Option<Timestamp>)> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes)?;
        return Ok((bytes, None));
    }
    let bytes = fs::read(path)?;
    let modified = fs::metadata(path)?.modified().ok();
    Ok((bytes, modified.and_then(|time| Timestamp::try_from(time).ok())))
}

/// What a file says, by its content: names of files are whatever a pipeline gives them.
fn parse(bytes: &[u8]) -> Result<Found> {
    let text = std::str::from_utf8(bytes).map_err(|_| anyhow!("is no UTF-8 text"))?;
    let text = text.trim_start_matches('\u{feff}').trim_start();
    match text.chars().next() {
        None => bail!("is empty"),
        Some('<') => junit::read(text),
        Some('{') => {
            let value: Value =
                serde_json::from_str(text).map_err(|error| anyhow!("is no valid JSON: {error}"))?;
            if value["runs"].is_array() {
                sarif::read(value)
            } else {
                counts::read(value)
            }
        }
        Some(_) => {
            bail!("is neither SARIF, nor JUnit XML, nor a JSON object with the counts passed and failed")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_content() {
        let error = |text: &str| parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error(" \n"), "is empty");
        assert!(error("12 passed").starts_with("is neither SARIF"));
        assert!(error("{\"passed\": ").starts_with("is no valid JSON"));
        assert_eq!(parse(&[0xff, 0xfe]).unwrap_err().to_string(), "is no UTF-8 text");
        let found = parse("\u{feff}{\"passed\": 1, \"failed\": 2}".as_bytes()).unwrap();
        assert_eq!((found.passed, found.failed), (1, 2));
    }
}
