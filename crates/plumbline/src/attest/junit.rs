//! `JUnit` XML: what test runners and many scanners write.

use anyhow::{Result, anyhow, bail};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::result::Found;

/// What became of a test case; the worst that is said of it counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Passed,
    Skipped,
    Failed,
}

pub(super) fn read(text: &str) -> Result<Found> {
    let mut reader = Reader::from_str(text);
    let mut open = 0_usize;
    let mut found = Found::default();
    let mut case: Option<Fate> = None;
    let mut is_junit = false;
    loop {
        let event = reader
            .read_event()
            .map_err(|error| anyhow!("is no valid XML: {error}"))?;
        let (element, empty) = match event {
            Event::Start(element) => (element, false),
            Event::Empty(element) => (element, true),
            Event::End(element) => {
                open = open.saturating_sub(1);
                if element.name().as_ref() == "testcase" {
                    count(case.take(), &mut found);
                }
                continue;
            }
            Event::Eof => break,
            _ => continue,
        };
        let name = element.name().as_ref().to_owned();
        if open == 0 {
            is_junit = matches!(name.as_str(), "testsuites" | "testsuite");
            if !is_junit {
                bail!("is XML, but not JUnit's: it begins with <{name}>");
            }
        }
        match name.as_str() {
            "testsuites" | "testsuite" => suite(&element, &mut found)?,
            "testcase" => {
                case = Some(Fate::Passed);
                if empty {
                    count(case.take(), &mut found);
                }
            }
            "failure" | "error" => case = case.map(|fate| fate.max(Fate::Failed)),
            "skipped" => case = case.map(|fate| fate.max(Fate::Skipped)),
            _ => {}
        }
        if !empty {
            open += 1;
        }
    }
    if !is_junit || open > 0 {
        bail!("is no complete JUnit XML");
    }
    if found.passed + found.failed + found.open == 0 {
        bail!("is JUnit XML without a test case");
    }
    Ok(found)
}

/// The outermost suite that has a name names the tool; the latest start counts.
fn suite(element: &BytesStart<'_>, found: &mut Found) -> Result<()> {
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|error| anyhow!("is no valid XML: {error}"))?;
        let value = &*attribute.value;
        match attribute.key.as_ref() {
            "name" if found.tool.is_none() && !value.is_empty() => {
                let name = quick_xml::escape::unescape(value)
                    .map_err(|error| anyhow!("is no valid XML: {error}"))?;
                found.tool = Some(name.into_owned());
            }
            "timestamp" => found.time = found.time.max(time(value)),
            _ => {}
        }
    }
    Ok(())
}

/// `JUnit` writes times without a zone; they are taken for UTC.
fn time(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>().ok().or_else(|| {
        let time: DateTime = text.parse().ok()?;
        Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })
}

fn count(case: Option<Fate>, found: &mut Found) {
    match case {
        Some(Fate::Passed) => found.passed += 1,
        Some(Fate::Failed) => found.failed += 1,
        Some(Fate::Skipped) => found.open += 1,
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_count_by_what_became_of_them() {
        let found = read(
            r#"<?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="kube-bench &amp; co" tests="99">
              <testsuite name="4.1" timestamp="2026-11-24T10:00:00">
                <testcase name="4.1.1"/>
                <testcase name="4.1.2"></testcase>
                <testcase name="4.1.3"><failure message="mode 644"><![CDATA[<testcase/>]]></failure></testcase>
                <testcase name="4.1.4"><error/><failure/></testcase>
                <testcase name="4.1.5"><skipped/></testcase>
              </testsuite>
              <testsuite name="4.2" timestamp="2026-11-24T10:00:07Z">
                <testcase name="4.2.1"><system-out>failure</system-out></testcase>
              </testsuite>
            </testsuites>"#,
        )
        .unwrap();
        assert_eq!(
            found,
            Found {
                tool: Some("kube-bench & co".to_owned()),
                version: None,
                time: Some("2026-11-24T10:00:07Z".parse().unwrap()),
                passed: 3,
                failed: 2,
                open: 1,
            }
        );
    }

    #[test]
    fn what_is_no_result_is_said_to_be_none() {
        let error = |text: &str| read(text).unwrap_err().to_string();
        assert!(error("<html></html>").contains("begins with <html>"));
        assert!(error("<testsuite><testcase>").contains("no complete JUnit"));
        assert!(error("<testsuite></testcase>").contains("is no valid XML"));
        assert!(error("<testsuite/>").contains("without a test case"));
        assert!(error("<!-- nothing -->").contains("no complete JUnit"));
    }
}
