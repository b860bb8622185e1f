//! What schemars and kube cannot say about a schema on their own.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::json;

/// The standard conditions, with the bounds that Kubernetes' own validation has and its schema lacks.
pub(crate) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "description": "One aspect of the present state of the object.",
            "required": ["lastTransitionTime", "message", "reason", "status", "type"],
            "properties": {
                "type": {
                    "type": "string",
                    "description": "Which aspect, in CamelCase.",
                    "minLength": 1,
                    "maxLength": 316,
                },
                "status": {
                    "type": "string",
                    "description": "Whether it holds: True, False or Unknown.",
                    "enum": ["True", "False", "Unknown"],
                },
                "reason": {
                    "type": "string",
                    "description": "Why: one CamelCase word of a documented set.",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                },
                "message": {
                    "type": "string",
                    "description": "The same for people; may be empty.",
                    "maxLength": 32768,
                },
                "lastTransitionTime": {
                    "type": "string",
                    "format": "date-time",
                    "description": "When the status last changed.",
                },
                "observedGeneration": {
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0,
                    "description": "The generation of the object that the condition is about.",
                },
            },
        },
    })
}

/// Bounds for a map of labels.
pub(crate) fn labels(schema: &mut Schema) {
    schema.insert("maxProperties".into(), json!(32));
    schema.insert(
        "additionalProperties".into(),
        json!({ "type": "string", "maxLength": 63 }),
    );
}

/// Takes a field out of an object's schema, which `pointer` (RFC 6901) leads to.
pub(crate) fn remove(schema: &mut Schema, pointer: &str, field: &str) {
    let removed = schema
        .pointer_mut(&format!("{pointer}/properties"))
        .and_then(|properties| properties.as_object_mut()?.remove(field));
    assert!(removed.is_some(), "no field {field} at {pointer:?}");
}

/// Lowers the limit of an array, which `pointer` (RFC 6901) leads to.
pub(crate) fn limit(schema: &mut Schema, pointer: &str, max: usize) {
    *schema
        .pointer_mut(&format!("{pointer}/maxItems"))
        .expect("a bounded array") = json!(max);
}
