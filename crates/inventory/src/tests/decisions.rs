//! Whether it is proven who decided.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::guard::{Guard, testing};
use crate::inventory::{InputState, Inventory, ObjectId};
use crate::kind::Kind;
use crate::lean::Object;

fn at(time: &str) -> Timestamp {
    format!("2026-11-24T{time}Z").parse().unwrap()
}

fn put(inventory: &mut Inventory, object: &Value) {
    let kind = Kind::of(
        object["apiVersion"].as_str().unwrap(),
        object["kind"].as_str().unwrap(),
    )
    .unwrap();
    inventory.apply(Object::from_value(kind, object).unwrap());
}

/// A live cluster with the guard as shipped, written at 09:00.
fn guarded() -> Inventory {
    let mut inventory = Inventory::live();
    for kind in Kind::DECISIONS {
        inventory.set_input(*kind, InputState::Synced);
    }
    for object in testing::objects("2026-11-24T09:00:00Z") {
        put(&mut inventory, &object);
    }
    inventory
}

fn policy(inventory: &mut Inventory, kind: Kind, time: &str, edit: impl Fn(&mut Value)) {
    let mut object = testing::objects("2026-11-24T09:00:00Z")
        .into_iter()
        .find(|object| object["kind"] == kind.as_str())
        .unwrap();
    object["metadata"]["managedFields"] = json!([{ "time": at(time) }]);
    edit(&mut object);
    put(inventory, &object);
}

fn approval(name: &str, time: &str) -> Value {
    json!({
        "apiVersion": "compliance.plumbline.dev/v1alpha1",
        "kind": "ComplianceApproval",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": name,
            "generation": 1,
            "creationTimestamp": at(time),
            "managedFields": [{ "time": at(time) }, { "time": at("23:00:00"), "subresource": "status" }],
        },
        "spec": {
            "waiver": { "name": "host-network", "uid": "some" },
            "specDigest": "00",
            "approvedBy": "sue",
        },
    })
}

fn counts(inventory: &Inventory, name: &str) -> bool {
    let (_, facts) = inventory.approvals().find(|(id, _)| &*id.name == name).unwrap();
    inventory.is_guarded(facts)
}

#[test]
fn an_approval_counts_if_the_guard_stood_before() {
    let mut inventory = guarded();
    put(&mut inventory, &approval("early", "09:00:00"));
    put(&mut inventory, &approval("late", "09:00:01"));
    assert!(!counts(&inventory, "late"), "nobody has judged yet");
    inventory.judge(at("09:05:00"));
    assert!(counts(&inventory, "late"));
    assert!(!counts(&inventory, "early"));
    assert!(inventory.guard().unwrap().stands());
}

#[test]
fn nothing_is_judged_before_everything_is_known() {
    let mut inventory = guarded();
    inventory.set_input(Kind::ValidatingAdmissionPolicyBinding, InputState::Pending);
    put(&mut inventory, &approval("one", "09:10:00"));
    inventory.judge(at("09:11:00"));
    assert_eq!(inventory.guard(), None);
    inventory.set_input(Kind::ValidatingAdmissionPolicyBinding, InputState::Synced);
    inventory.judge(at("09:11:01"));
    assert!(counts(&inventory, "one"));
}

#[test]
fn without_its_guard_an_approval_stays_without_effect() {
    let cases: [fn(&mut Inventory); 4] = [
        |inventory| {
            let kind = Kind::ValidatingAdmissionPolicyBinding;
            inventory.delete(&ObjectId {
                kind,
                namespace: None,
                name: "plumbline-approved-by".into(),
            });
        },
        |inventory| {
            policy(
                inventory,
                Kind::ValidatingAdmissionPolicyBinding,
                "10:00:00",
                |object| {
                    object["spec"]["validationActions"] = json!(["Warn"]);
                },
            );
        },
        |inventory| {
            policy(inventory, Kind::ValidatingAdmissionPolicy, "10:00:00", |object| {
                object["spec"]["validations"][0]["expression"] = "true".into();
            });
        },
        |inventory| {
            policy(inventory, Kind::ValidatingAdmissionPolicy, "10:00:00", |object| {
                object["spec"]["matchConditions"] = json!([{ "name": "never", "expression": "false" }]);
            });
        },
    ];
    for weaken in cases {
        let mut inventory = guarded();
        put(&mut inventory, &approval("before", "09:30:00"));
        inventory.judge(at("09:31:00"));
        weaken(&mut inventory);
        put(&mut inventory, &approval("unguarded", "10:05:00"));
        inventory.judge(at("10:05:01"));
        assert!(!inventory.guard().unwrap().stands(), "{:?}", inventory.guard());
        assert!(!counts(&inventory, "unguarded"), "{:?}", inventory.guard());
        assert!(counts(&inventory, "before"), "{:?}", inventory.guard());
        // Putting the guard up again does not heal it, nor does a forged status.
        for object in testing::objects("2026-11-24T10:06:00Z") {
            put(&mut inventory, &object);
        }
        let mut forged = approval("unguarded", "10:05:00");
        forged["status"] = honoured("Approved");
        put(&mut inventory, &forged);
        inventory.judge(at("10:07:00"));
        assert!(inventory.guard().unwrap().stands());
        assert!(!counts(&inventory, "unguarded"));
        assert!(counts(&inventory, "before"));
        put(&mut inventory, &approval("again", "10:08:00"));
        inventory.judge(at("10:08:01"));
        assert!(counts(&inventory, "again"));
    }
}

fn honoured(reason: &str) -> Value {
    json!({ "observedGeneration": 1, "conditions": [{ "type": "Honoured", "reason": reason }] })
}

#[test]
fn what_was_judged_before_a_restart_stays() {
    let mut inventory = guarded();
    for object in testing::objects("2026-11-24T12:00:00Z") {
        put(&mut inventory, &object);
    }
    for (name, reason) in [("held", "WaiverChanged"), ("void", "Unguarded")] {
        let mut known = approval(name, if name == "void" { "12:30:00" } else { "09:30:00" });
        known["status"] = honoured(reason);
        put(&mut inventory, &known);
    }
    inventory.judge(at("13:00:00"));
    assert!(counts(&inventory, "held"));
    assert!(!counts(&inventory, "void"));
}

#[test]
fn an_approval_that_arrives_before_the_news_of_its_guard_does_not_keep() {
    let mut inventory = guarded();
    put(&mut inventory, &approval("quick", "10:00:05"));
    inventory.judge(at("10:00:06"));
    assert!(counts(&inventory, "quick"));
    // The binding was weakened at 10:00:03 and restored at 10:00:07; only the latter is heard of.
    policy(
        &mut inventory,
        Kind::ValidatingAdmissionPolicyBinding,
        "10:00:07",
        |_| {},
    );
    inventory.judge(at("10:00:08"));
    assert!(inventory.guard().unwrap().stands());
    assert!(!counts(&inventory, "quick"));
}

#[test]
fn an_install_in_another_namespace_is_as_shipped() {
    let mut inventory = guarded();
    let writer = testing::objects("2026-11-24T09:00:00Z")
        .into_iter()
        .find(|object| {
            object["kind"] == "ValidatingAdmissionPolicy"
                && object["metadata"]["name"] == "plumbline-status-writer"
        });
    let mut writer = writer.unwrap();
    writer["spec"]["variables"][0]["expression"] = "'system:serviceaccount:audit:plumbline'".into();
    put(&mut inventory, &writer);
    assert!(Guard::of(&inventory).stands());
    writer["spec"]["variables"][0]["expression"] =
        "'system:serviceaccount:a:b' == '' ? '' : request.userInfo.username".into();
    put(&mut inventory, &writer);
    assert!(!Guard::of(&inventory).stands());
}

#[test]
fn saying_something_of_a_decision_changes_nothing() {
    let mut inventory = guarded();
    put(&mut inventory, &approval("one", "09:10:00"));
    inventory.judge(at("09:11:00"));
    assert!(!inventory.take_dirty().is_empty());
    let mut told = approval("one", "09:10:00");
    told["status"] = honoured("Approved");
    put(&mut inventory, &told);
    inventory.judge(at("09:11:01"));
    assert!(inventory.take_dirty().is_empty());
    let (id, _) = inventory.approvals().next().unwrap();
    assert_eq!(*inventory.stored_status(id), told["status"]);
}

#[test]
fn a_decision_that_does_not_decode_is_named() {
    let mut waiver = approval("x", "09:10:00");
    waiver["kind"] = "ComplianceWaiver".into();
    waiver["spec"] = json!({ "items": ["WL-04"], "requestedBy": "dev", "expires": "soon" });
    let error = Object::from_value(Kind::ComplianceWaiver, &waiver).unwrap_err();
    assert!(error.contains("spec.expires"), "{error}");
}
