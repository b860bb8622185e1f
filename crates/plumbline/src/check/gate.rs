//! Whether a check is to fail a build.

use plumbline_api::{ItemStatus, Level};
use plumbline_engine::{ItemState, Settings};

use super::{FailOn, LevelArgument};

/// What meets the limit, for people; `None` if nothing does.
pub(super) fn met(
    limit: FailOn,
    level: LevelArgument,
    states: &[ItemState],
    settings: &Settings,
) -> Option<String> {
    let ids = |status: ItemStatus| -> Vec<&str> {
        states
            .iter()
            .filter(|state| state.status == status && settings.level(state.item) <= Level::from(level))
            .map(|state| state.item.id)
            .collect()
    };
    let failing = ids(ItemStatus::Fail);
    let unknown = match limit {
        FailOn::Fail => Vec::new(),
        FailOn::Unknown => ids(ItemStatus::Unknown),
    };
    let parts: Vec<String> = [("failing", failing), ("unknown", unknown)]
        .into_iter()
        .filter(|(_, ids)| !ids.is_empty())
        .map(|(what, ids)| format!("{what}: {}", ids.join(", ")))
        .collect();
    let limit = match limit {
        FailOn::Fail => "fail",
        FailOn::Unknown => "unknown",
    };
    (!parts.is_empty()).then(|| format!("--fail-on {limit} is met; {}", parts.join("; ")))
}
