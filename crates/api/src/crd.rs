//! The definitions of all kinds, complete and ready to install.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::Value;

use crate::{
    ClusterComplianceApproval, ClusterComplianceReport, ClusterComplianceWaiver, ComplianceApproval,
    ComplianceAttestation, ComplianceBaseline, ComplianceReport, ComplianceWaiver,
};

/// Every kind's definition, in the order in which the documentation names them.
pub fn crds() -> Vec<CustomResourceDefinition> {
    [
        ComplianceBaseline::crd(),
        ClusterComplianceReport::crd(),
        ComplianceReport::crd(),
        ComplianceWaiver::crd(),
        ClusterComplianceWaiver::crd(),
        ComplianceApproval::crd(),
        ClusterComplianceApproval::crd(),
        ComplianceAttestation::crd(),
    ]
    .into_iter()
    .map(complete)
    .collect()
}

/// A definition as it is written into a file: whole numbers as such (bounds are floats in the Go type, and
/// would print as `100.0`), nothing that the API server fills in.
pub fn manifest(crd: &CustomResourceDefinition) -> Value {
    let mut manifest = serde_json::to_value(crd).expect("a CRD is plain data");
    whole_numbers(&mut manifest);
    manifest
}

/// What holds for every schema of ours, whatever the derives make of it.
fn complete(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        if let Some(schema) = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
        {
            schema.title = None;
            complete_schema(schema);
        }
    }
    crd
}

fn complete_schema(schema: &mut JSONSchemaProps) {
    // An optional field is absent or has a value; `null` is no third way.
    schema.nullable = None;
    if let Some(words) = &mut schema.enum_ {
        words.retain(|word| !word.0.is_null());
    }
    // A list that does not say what else it is is one value.
    if schema.type_.as_deref() == Some("array") && schema.x_kubernetes_list_type.is_none() {
        schema.x_kubernetes_list_type = Some("atomic".to_owned());
    }
    // Doc comments wrap where the source does; a terminal wraps on its own.
    if let Some(description) = &mut schema.description {
        *description = unwrap_paragraphs(description);
    }
    for property in schema
        .properties
        .iter_mut()
        .flat_map(|properties| properties.values_mut())
    {
        complete_schema(property);
    }
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(element)) => complete_schema(element),
        Some(JSONSchemaPropsOrArray::Schemas(elements)) => elements.iter_mut().for_each(complete_schema),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = &mut schema.additional_properties {
        complete_schema(value);
    }
}

fn unwrap_paragraphs(text: &str) -> String {
    text.split("\n\n")
        .map(|paragraph| paragraph.replace('\n', " "))
        .collect::<Vec<_>>()
        .join("\n\n")
}

fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(float) = number
                .as_f64()
                .filter(|float| number.is_f64() && float.fract() == 0.0)
            {
                *value = Value::from(float as i64);
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
