//! Finding items by what people call them.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow};
use plumbline_baseline::{ITEMS, Item, find, optional_kinds, required_kinds};
use plumbline_inventory::Kind;

/// The ids of the items asked for; `None` if all of them are.
pub(crate) fn select(wanted: &[String]) -> Result<Option<BTreeSet<&'static str>>> {
    let ids = wanted
        .iter()
        .map(|wanted| named(wanted).map(|item| item.id))
        .collect::<Result<BTreeSet<_>>>()?;
    Ok((!wanted.is_empty()).then_some(ids))
}

/// Kinds that items read.
pub(crate) fn kinds() -> BTreeSet<Kind> {
    let mut kinds = required_kinds();
    kinds.extend(optional_kinds());
    kinds
}

/// The item of this id or slug. The error names the ones that may have been meant.
pub(crate) fn named(name: &str) -> Result<&'static Item> {
    find(name.trim()).ok_or_else(|| {
        let near = near(name.trim());
        let hint = match near.as_slice() {
            [] => "plumbline explain lists them all".to_owned(),
            near => format!("did you mean {}?", near.join(" or ")),
        };
        anyhow!("there is no item {name:?}; {hint}")
    })
}

/// Ids and slugs that look like `name`, the nearest first.
fn near(name: &str) -> Vec<&'static str> {
    let name = name.to_ascii_lowercase();
    let mut near: Vec<(usize, &'static str)> = ITEMS
        .iter()
        .flat_map(|item| [item.id, item.slug])
        .filter_map(|known| {
            let lower = known.to_ascii_lowercase();
            let distance = distance(&name, &lower);
            let contained = name.len() > 3 && lower.contains(&name);
            (contained || distance <= 1 + lower.len() / 8).then_some((distance, known))
        })
        .collect();
    near.sort_unstable();
    near.into_iter().map(|(_, known)| known).take(3).collect()
}

/// Levenshtein's distance, in bytes: names are ASCII.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_go_by_id_and_slug_in_any_case() {
        assert_eq!(named("wl-04").unwrap().id, "WL-04");
        assert_eq!(named("Privileged-Container").unwrap().id, "WL-04");
    }

    #[test]
    fn an_unknown_item_names_near_ones() {
        let error = |name| named(name).unwrap_err().to_string();
        assert!(error("WL-4").contains("did you mean WL-04"), "{}", error("WL-4"));
        assert!(
            error("priviledged-container").contains("privileged-container"),
            "{}",
            error("priviledged-container")
        );
        assert!(error("xyzzy").contains("plumbline explain"), "{}", error("xyzzy"));
    }
}
