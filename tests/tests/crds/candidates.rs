//! Specs of every kind that people write, good and bad.

use plumbline_api::API_VERSION;
use serde_json::{Value, json};

/// A spec, and a part of the message if it should be refused.
pub(crate) type Candidate = (Value, Option<&'static str>);

pub(crate) fn baselines() -> Vec<Candidate> {
    let item = |item: Value| json!({ "items": [item] });
    let selector =
        |requirement: Value| json!({ "productionSelector": { "matchExpressions": [requirement] } });
    let selector_rule = Some("In and NotIn need values");
    let mut candidates = sizes_and_ranges();
    candidates.extend([
        (json!({}), None),
        (json!({ "treshold": {} }), Some("unknown field")),
        (
            json!({ "thresholds": { "maxPorts": -1 } }),
            Some("greater than or equal to 0"),
        ),
        (item(json!({ "id": "XX-99" })), None),
        (
            item(json!({ "id": "WL-04", "enabled": false, "reason": "it is so" })),
            None,
        ),
        (
            item(json!({ "id": "WL-04", "enabled": false })),
            Some("a disabled item needs a reason"),
        ),
        (
            json!({ "items": [{ "id": "WL-04" }, { "id": "WL-04" }] }),
            Some("Duplicate value"),
        ),
        (selector(json!({ "key": "a", "operator": "Exists" })), None),
        (
            selector(json!({ "key": "a", "operator": "In", "values": ["b"] })),
            None,
        ),
        (selector(json!({ "key": "a", "operator": "In" })), selector_rule),
        (
            selector(json!({ "key": "a", "operator": "NotIn", "values": [] })),
            selector_rule,
        ),
        (
            selector(json!({ "key": "a", "operator": "Exists", "values": ["b"] })),
            selector_rule,
        ),
    ]);
    candidates
}

/// Fields at their limits and beyond.
fn sizes_and_ranges() -> Vec<Candidate> {
    let item = |item: Value| json!({ "items": [item] });
    let pin = |pin: Value| json!({ "pin": pin });
    let many = |count: usize| (0..count).map(|n| format!("n{n}")).collect::<Vec<_>>();
    let overrides = |count: usize| {
        let ids = many(count).into_iter().map(|id| json!({ "id": id }));
        json!({ "items": ids.collect::<Vec<_>>() })
    };
    let too_many = Some("Too many");
    let mut candidates = vec![
        (overrides(128), None),
        (overrides(129), too_many),
        (json!({ "systemNamespaces": [] }), None),
        (json!({ "systemNamespaces": many(64) }), None),
        (json!({ "systemNamespaces": many(65) }), too_many),
        (json!({ "systemNamespaces": ["a", "a"] }), Some("Duplicate value")),
        (json!({ "systemNamespaces": ["a".repeat(64)] }), Some("Too long")),
        (json!({ "infrastructureNamespaces": many(257) }), too_many),
        (json!({ "systemLabels": many(17) }), too_many),
        (json!({ "trustedControllers": [""] }), Some("at least 1 chars")),
        (
            item(json!({ "id": "WL-04", "enabled": false, "reason": "" })),
            Some("at least 1 chars"),
        ),
        (
            item(json!({ "id": "WL-04", "level": "optional" })),
            Some("Unsupported value"),
        ),
        (
            item(json!({ "id": "WL-04", "severity": "none" })),
            Some("Unsupported value"),
        ),
        (
            item(json!({ "id": "WL-04", "level": "recommended", "severity": "low" })),
            None,
        ),
        (
            json!({ "runAsRoot": { "userNamespaces": "Maybe" } }),
            Some("Unsupported value"),
        ),
        (
            json!({ "waivers": { "maxDays": 0 } }),
            Some("greater than or equal to 1"),
        ),
        (
            json!({ "attestations": { "maxDays": 3651 } }),
            Some("less than or equal to 3650"),
        ),
        (
            pin(json!({ "time": "2026-11-24T10:00:00Z", "by": "alice" })),
            None,
        ),
        (
            pin(json!({ "time": "2026-11-24T10:00:00Z" })),
            Some("by: Required value"),
        ),
        (pin(json!({ "by": "alice" })), Some("time: Required value")),
        (pin(json!({ "time": "today", "by": "alice" })), Some("date-time")),
        (
            pin(json!({ "time": "2026-11-24T10:00:00Z", "by": "" })),
            Some("at least 1 chars"),
        ),
    ];
    for (groups, most) in [
        ("developerGroups", 128),
        ("administratorGroups", 128),
        ("privilegedAccessGroups", 128),
        ("trustedControllers", 128),
    ] {
        candidates.push((json!({ groups: many(most) }), None));
        candidates.push((json!({ groups: many(most + 1) }), too_many));
    }
    for (threshold, least, most) in [
        ("wildcardBindingPercent", 0, 100),
        ("keylessWorkloadPercent", 0, 100),
        ("auditMaxAgeDays", 1, 3650),
        ("dataMaxAgeDays", 1, 3650),
        ("certificateMinDays", 0, 3650),
        ("limitToUsageRatio", 1, 1000),
        ("usageWindowDays", 1, 365),
        ("maxImageLayers", 1, 127),
        ("maxPorts", 0, 65535),
        ("patchLag", 0, 1000),
    ] {
        let set = |value: i64| json!({ "thresholds": { threshold: value } });
        candidates.extend([
            (set(least), None),
            (set(most), None),
            (set(least - 1), Some("greater than or equal to")),
            (set(most + 1), Some("less than or equal to")),
        ]);
    }
    candidates
}

pub(crate) fn waivers() -> Vec<Candidate> {
    vec![
        (waiver(json!({})), None),
        (
            waiver(json!({ "items": [] })),
            Some("should have at least 1 items"),
        ),
        (
            waiver(json!({ "items": ["WL-04", "WL-04"] })),
            Some("Duplicate value"),
        ),
        (
            waiver(json!({ "expires": null })),
            Some("expires: Required value"),
        ),
        (waiver(json!({ "expires": "tomorrow" })), Some("date-time")),
        (
            waiver(json!({ "scope": { "namespaces": ["a"] } })),
            Some("unknown field"),
        ),
        (
            waiver(json!({ "scope": { "labelSelector": {} } })),
            Some("should have at least 1 properties"),
        ),
    ]
}

pub(crate) fn cluster_waivers() -> Vec<Candidate> {
    let selector = json!({ "matchLabels": { "a": "b" } });
    vec![
        (waiver(json!({ "scope": { "namespaces": ["a"] } })), None),
        (
            waiver(json!({ "scope": { "namespaceSelector": selector } })),
            None,
        ),
        (
            waiver(json!({ "scope": { "namespaces": ["a"], "namespaceSelector": selector } })),
            Some("namespaces and namespaceSelector exclude each other"),
        ),
    ]
}

pub(crate) fn approvals() -> Vec<Candidate> {
    vec![
        (approval(), None),
        (
            with(approval(), json!({ "specDigest": "ABC" })),
            Some("specDigest"),
        ),
    ]
}

pub(crate) fn attestations() -> Vec<Candidate> {
    let attestation = |fields: Value| {
        let base = json!({ "items": ["AU-03a"], "attestedBy": "bob", "validUntil": "2027-05-01T00:00:00Z" });
        with(base, fields)
    };
    let evidence = json!([{ "tool": "kube-bench", "time": "2026-11-23T02:00:00Z" }]);
    let rule = Some("an attestation needs a statement or evidence");
    vec![
        (attestation(json!({ "statement": "it is so" })), None),
        (attestation(json!({ "evidence": evidence })), None),
        (attestation(json!({})), rule),
        (attestation(json!({ "evidence": [] })), rule),
    ]
}

pub(crate) fn waiver(fields: Value) -> Value {
    let base = json!({
        "items": ["WL-04"],
        "reason": "it is known",
        "requestedBy": "bob",
        "expires": "2027-05-01T00:00:00Z",
    });
    with(base, fields)
}

pub(crate) fn approval() -> Value {
    json!({
        "waiver": { "name": "tools", "uid": "9a0b2c4d-1111-4222-8333-444455556666" },
        "specDigest": "0123456789abcdef".repeat(4),
        "approvedBy": "carol",
    })
}

/// An object with some fields in place of its own.
pub(crate) fn with(mut base: Value, fields: Value) -> Value {
    if let (Value::Object(base), Value::Object(fields)) = (&mut base, fields) {
        base.extend(fields);
    }
    base
}

pub(crate) fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": API_VERSION, "kind": kind, "metadata": { "name": name }, "spec": spec })
}
