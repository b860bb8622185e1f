//! What is kept of bindings and service accounts.

use super::cluster;
use crate::kind::Kind;
use crate::testing::{Manifest, live};

#[test]
fn of_the_annotations_of_a_binding_only_approvals_are_kept() {
    let binding = live(Kind::RoleBinding, "developers")
        .annotation("access.example.com/approved-by", "security")
        .annotation("access.example.com/expires", "2026-12-01T00:00:00Z")
        .annotation("access.example.com/reason", "an incident")
        .annotation("example.com/approved-by", "somebody")
        .annotation("expires", "never");
    let inventory = cluster(&[&binding]);
    let facts = inventory.binding(&binding.id()).expect("it exists");
    let kept: Vec<(&str, &str)> = facts.approval.iter().collect();
    assert_eq!(
        kept,
        [
            ("access.example.com/approved-by", "security"),
            ("access.example.com/expires", "2026-12-01T00:00:00Z"),
        ]
    );
}

#[test]
fn a_changed_approval_makes_a_binding_dirty_and_another_annotation_does_not() {
    let binding = live(Kind::RoleBinding, "developers").annotation("access.example.com/expires", "x");
    let mut inventory = cluster(&[&binding]);
    inventory.apply(binding.clone().annotation("note", "y").object());
    assert!(inventory.take_dirty().is_empty());
    inventory.apply(
        binding
            .clone()
            .annotation("access.example.com/expires", "y")
            .object(),
    );
    assert!(inventory.take_dirty().objects.contains(&binding.id()));
}

#[test]
fn an_owner_is_named_by_labels_and_annotations_of_certain_names() {
    let owner = |account: Manifest| {
        let inventory = cluster(&[&account]);
        let facts = inventory.service_account("shop", "robot").expect("it exists");
        facts.owner.as_deref().map(str::to_owned)
    };
    let robot = || live(Kind::ServiceAccount, "robot");
    for key in [
        "owner",
        "team",
        "example.com/team",
        "example.com/service-owner",
        "app.kubernetes.io/part-of",
        "app.kubernetes.io/managed-by",
    ] {
        assert_eq!(owner(robot().label(key, "x")).as_deref(), Some("x"), "{key}");
        assert_eq!(owner(robot().annotation(key, "y")).as_deref(), Some("y"), "{key}");
    }
    for key in [
        "app.kubernetes.io/name",
        "example.com/steam",
        "owner/name",
        "team-size",
    ] {
        assert_eq!(owner(robot().label(key, "x")), None, "{key}");
    }
    assert_eq!(owner(robot().label("team", "")), None);
}
