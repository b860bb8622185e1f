//! What would appear and what would go.

use std::collections::BTreeMap;

use plumbline_api::{Finding, ItemStatus, Level};
use plumbline_baseline::Item;
use plumbline_engine::ItemState;

/// An item that would say something else than now.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) item: &'static Item,
    /// How binding it is in the cluster as it would be.
    pub(super) level: Level,
    pub(super) from: ItemStatus,
    pub(super) to: ItemStatus,
    /// Why it would be so.
    pub(super) message: String,
    /// Findings that would be new.
    pub(super) appear: Vec<Finding>,
    /// Findings that would be there no more.
    pub(super) go: Vec<Finding>,
    /// Findings that would say something else, and nothing worse: what was, and what would be.
    pub(super) differ: Vec<(Finding, Finding)>,
}

impl Change {
    /// Whether a verdict would be lost: what holds, is accepted or vouched for is as good as the other.
    pub(super) fn gets_worse(&self) -> bool {
        badness(self.to) > badness(self.from)
    }

    /// Findings that would be new and that nobody has accepted.
    pub(super) fn new_unwaived(&self) -> usize {
        self.appear
            .iter()
            .filter(|finding| finding.waived.is_none())
            .count()
    }

    /// Whether it is to keep the change from being made.
    pub(super) fn is_regression(&self, level: Level) -> bool {
        self.level <= level && (self.gets_worse() || self.new_unwaived() > 0)
    }
}

/// The items that differ, in the order of the checklist.
pub(super) fn compare(
    before: Vec<ItemState>,
    after: Vec<ItemState>,
    level: impl Fn(&Item) -> Level,
) -> Vec<Change> {
    before
        .into_iter()
        .zip(after)
        .filter_map(|(before, after)| {
            debug_assert_eq!(before.item, after.item, "one registry, one order");
            let (from, to, item) = (before.status, after.status, after.item);
            let message = after.message.clone();
            let (go, appear) = difference(findings(before), findings(after));
            let (go, appear, differ) = pair(go, appear);
            let differs = from != to || !appear.is_empty() || !go.is_empty() || !differ.is_empty();
            differs.then(|| Change {
                item,
                level: level(item),
                from,
                to,
                message,
                appear,
                go,
                differ,
            })
        })
        .collect()
}

const fn badness(status: ItemStatus) -> u8 {
    match status {
        ItemStatus::Fail => 3,
        ItemStatus::Unknown => 2,
        ItemStatus::NeedsAttestation => 1,
        ItemStatus::Waived | ItemStatus::Attested | ItemStatus::Pass | ItemStatus::NotApplicable => 0,
    }
}

/// In the order of the report.
fn findings(state: ItemState) -> Vec<Finding> {
    state.sample.into_iter().map(Finding::from).collect()
}

/// What is only in the one, and what is only in the other. Two findings are the same if all that is said of them is;
/// one that is accepted is another than the same one that is not.
fn difference(one: Vec<Finding>, other: Vec<Finding>) -> (Vec<Finding>, Vec<Finding>) {
    let mut common: BTreeMap<String, usize> = BTreeMap::new();
    for finding in &other {
        *common.entry(identity(finding)).or_default() += 1;
    }
    let mut both: BTreeMap<String, usize> = BTreeMap::new();
    let mut only_one = Vec::new();
    for finding in one {
        let identity = identity(&finding);
        match common.get_mut(&identity) {
            Some(left) if *left > 0 => {
                *left -= 1;
                *both.entry(identity).or_default() += 1;
            }
            _ => only_one.push(finding),
        }
    }
    let mut only_other = other;
    only_other.retain(|finding| match both.get_mut(&identity(finding)) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => true,
    });
    (only_one, only_other)
}

/// Finds what is about the same: a container that is privileged no more still has the capabilities of the runtime's
/// default, and the item that says so says it in other words.
fn pair(go: Vec<Finding>, appear: Vec<Finding>) -> (Vec<Finding>, Vec<Finding>, Vec<(Finding, Finding)>) {
    let (mut left, mut new, mut differ) = (go, Vec::new(), Vec::new());
    for finding in appear {
        let former = left
            .iter()
            .position(|former| is_about_the_same(former, &finding) && former.severity <= finding.severity);
        match former {
            Some(at) => differ.push((left.remove(at), finding)),
            None => new.push(finding),
        }
    }
    (left, new, differ)
}

fn is_about_the_same(one: &Finding, other: &Finding) -> bool {
    let subject = |finding: &Finding| {
        let Finding {
            kind,
            namespace,
            name,
            container,
            subject,
            role,
            waived,
            ..
        } = finding.clone();
        (kind, namespace, name, container, subject, role, waived.is_some())
    };
    subject(one) == subject(other)
}

fn identity(finding: &Finding) -> String {
    // Which waiver accepts it does not matter.
    format!(
        "{:?}",
        (
            &finding.kind,
            &finding.namespace,
            &finding.name,
            &finding.container,
            &finding.subject,
            &finding.role,
            &finding.message,
            finding.waived.is_some(),
        )
    )
}

#[cfg(test)]
mod tests {
    use plumbline_api::Severity;

    use super::*;

    fn finding(name: &str, message: &str, waived: bool) -> Finding {
        Finding {
            kind: "Deployment".to_owned(),
            namespace: Some("shop".to_owned()),
            name: name.to_owned(),
            container: None,
            subject: None,
            role: None,
            severity: Severity::High,
            message: message.to_owned(),
            waived: waived.then(|| "legacy".to_owned()),
        }
    }

    fn change(level: Level, from: ItemStatus, to: ItemStatus, appear: Vec<Finding>) -> Change {
        Change {
            item: plumbline_baseline::ITEMS[0],
            level,
            from,
            to,
            message: String::new(),
            appear,
            go: Vec::new(),
            differ: Vec::new(),
        }
    }

    #[test]
    fn equal_findings_cancel_each_other_one_by_one() {
        let (a, b, c) = (
            finding("a", "x", false),
            finding("b", "x", false),
            finding("c", "x", false),
        );
        let (go, appear) = difference(
            vec![a.clone(), a.clone(), b.clone()],
            vec![a.clone(), c.clone(), c.clone()],
        );
        assert_eq!((go, appear), (vec![a, b], vec![c.clone(), c]));
        let (go, appear) = difference(vec![finding("a", "x", true)], vec![finding("a", "x", false)]);
        assert_eq!((go.len(), appear.len()), (1, 1), "it is no longer accepted");
    }

    #[test]
    fn other_words_about_the_same_are_nothing_new_unless_they_are_graver() {
        let (was, is) = (finding("a", "x", false), finding("a", "y", false));
        let (go, appear, differ) = pair(vec![was.clone(), was.clone()], vec![is.clone()]);
        assert_eq!(
            (go, appear, differ),
            (vec![was.clone()], vec![], vec![(was.clone(), is.clone())])
        );
        let graver = Finding {
            severity: Severity::Critical,
            ..is.clone()
        };
        let other = finding("b", "y", false);
        let accepted = finding("a", "x", true);
        for (was, is) in [(&was, &graver), (&was, &other), (&accepted, &is)] {
            let (go, appear, differ) = pair(vec![was.clone()], vec![is.clone()]);
            assert_eq!((go.len(), appear.len(), differ.len()), (1, 1, 0), "{is:?}");
        }
    }

    #[test]
    fn what_gets_worse_or_appears_is_a_regression_of_a_required_item() {
        use ItemStatus::{Attested, Fail, NeedsAttestation, NotApplicable, Pass, Unknown, Waived};
        let required =
            |from, to, appear| change(Level::Required, from, to, appear).is_regression(Level::Required);
        for (from, to) in [
            (Pass, Fail),
            (Waived, Fail),
            (NotApplicable, Unknown),
            (Attested, NeedsAttestation),
            (Unknown, Fail),
        ] {
            assert!(required(from, to, Vec::new()), "{from} {to}");
            assert!(!required(to, from, Vec::new()), "{to} {from}");
        }
        for (from, to) in [
            (Pass, NotApplicable),
            (NotApplicable, Pass),
            (Pass, Waived),
            (Pass, Attested),
            (Fail, Fail),
        ] {
            assert!(!required(from, to, Vec::new()), "{from} {to}");
        }
        assert!(required(Fail, Fail, vec![finding("a", "x", false)]));
        assert!(!required(Pass, Waived, vec![finding("a", "x", true)]));
        let recommended = change(Level::Recommended, Pass, Fail, vec![finding("a", "x", false)]);
        assert!(!recommended.is_regression(Level::Required));
        assert!(recommended.is_regression(Level::Recommended));
    }
}
