//! Label selectors as kubectl reads them from a command line.

use anyhow::{Result, bail};
use plumbline_api::LabelSelector;
use plumbline_api::selector::{LabelRequirement, Operator};

/// Reads `app=web,tier!=db,env in (a, b),!canary`.
pub(super) fn parse(text: &str) -> Result<LabelSelector> {
    let match_expressions = terms(text)
        .into_iter()
        .map(|term| requirement(term.trim()))
        .collect::<Result<Vec<_>>>()?;
    Ok(LabelSelector {
        match_expressions,
        ..LabelSelector::default()
    })
}

/// What stands between commas that are in no parentheses.
fn terms(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    })
    .collect()
}

fn requirement(term: &str) -> Result<LabelRequirement> {
    let (key, operator, values) = if let Some((key, values)) = set(term, " notin ") {
        (key, Operator::NotIn, values)
    } else if let Some((key, values)) = set(term, " in ") {
        (key, Operator::In, values)
    } else if let Some((key, value)) = term.split_once("!=") {
        (key, Operator::NotIn, vec![value])
    } else if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        (key, Operator::In, vec![value])
    } else if let Some(key) = term.strip_prefix('!') {
        (key, Operator::DoesNotExist, Vec::new())
    } else {
        (term, Operator::Exists, Vec::new())
    };
    let key = key.trim();
    let values: Vec<String> = values.iter().map(|value| value.trim().to_owned()).collect();
    let strange = |text: &str| {
        text.chars()
            .any(|letter| !letter.is_ascii_alphanumeric() && !"-_./".contains(letter))
    };
    if key.is_empty() || strange(key) || values.iter().any(|value| strange(value)) {
        bail!("{term:?} is no label selector such as app=web, app!=web, app in (web, shop), app, !app");
    }
    Ok(LabelRequirement {
        key: key.to_owned(),
        operator,
        values,
    })
}

/// `key in (a, b)`.
fn set<'a>(term: &'a str, word: &str) -> Option<(&'a str, Vec<&'a str>)> {
    let (key, values) = term.split_once(word)?;
    let values = values.trim().strip_prefix('(')?.strip_suffix(')')?;
    Some((key, values.split(',').collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selects(selector: &str, labels: &[(&str, &str)]) -> bool {
        parse(selector).unwrap().matches(|key| {
            let label = labels.iter().find(|(name, _)| *name == key);
            label.map(|(_, value)| *value)
        })
    }

    #[test]
    fn every_form_selects_what_it_says() {
        let labels = [("app", "web"), ("app.kubernetes.io/part-of", "shop")];
        for yes in [
            "app=web",
            "app == web",
            "app",
            "!tier",
            "tier!=db",
            "app in (web, api)",
            "app notin (db)",
            "app.kubernetes.io/part-of=shop,app in (api,web),!tier",
        ] {
            assert!(selects(yes, &labels), "{yes}");
        }
        for no in [
            "app=api",
            "tier",
            "!app",
            "app!=web",
            "app notin (web,api)",
            "app=web,tier",
        ] {
            assert!(!selects(no, &labels), "{no}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for wrong in ["", "app=web,", "=web", "app in web", "app in (web", "a b", "!"] {
            let error = parse(wrong).unwrap_err().to_string();
            assert!(error.contains("is no label selector"), "{wrong}: {error}");
        }
    }
}
