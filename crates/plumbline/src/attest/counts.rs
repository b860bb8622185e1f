//! Plain counts as JSON, for tools without a format that others read.

use anyhow::{Result, anyhow};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::result::Found;

#[derive(Deserialize)]
struct Counts {
    tool: Option<String>,
    version: Option<String>,
    time: Option<Timestamp>,
    passed: u32,
    failed: u32,
}

pub(super) fn read(value: Value) -> Result<Found> {
    let counts: Counts = serde_json::from_value(value).map_err(|error| {
        anyhow!("is neither SARIF nor an object with the counts passed and failed: {error}")
    })?;
    Ok(Found {
        tool: counts.tool,
        version: counts.version,
        time: counts.time,
        passed: counts.passed,
        failed: counts.failed,
        open: 0,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_are_needed_and_the_rest_is_welcome() {
        let found = read(json!({
            "tool": "kube-bench", "version": "0.10.1", "time": "2026-11-24T10:00:00Z", "passed": 61, "failed": 2,
            "profile": "cis-1.10",
        }))
        .unwrap();
        assert_eq!(found.tool.as_deref(), Some("kube-bench"));
        assert_eq!(found.time, Some("2026-11-24T10:00:00Z".parse().unwrap()));
        assert_eq!((found.passed, found.failed), (61, 2));
        for wrong in [
            json!({ "passed": 1 }),
            json!({ "passed": 1, "failed": -1 }),
            json!({ "passed": "1", "failed": 0 }),
            json!({ "passed": 1, "failed": 0, "time": "yesterday" }),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
