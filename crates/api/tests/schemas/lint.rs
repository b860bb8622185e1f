//! The rules that every schema of ours keeps.

use serde_json::Value;

/// What is wrong with a schema and everything in it, each with its path.
pub(crate) fn lint(schema: &Value) -> Vec<String> {
    let mut lint = Lint {
        complaints: Vec::new(),
    };
    lint.described(schema, "");
    lint.node(schema, "");
    lint.complaints
}

struct Lint {
    complaints: Vec<String>,
}

impl Lint {
    fn complain(&mut self, path: &str, complaint: impl std::fmt::Display) {
        self.complaints.push(format!("{path}: {complaint}"));
    }

    fn node(&mut self, schema: &Value, path: &str) {
        self.general(schema, path);
        match schema["type"].as_str() {
            Some("object") => self.object(schema, path),
            Some("array") => self.array(schema, path),
            Some("string") => self.string(schema, path),
            Some("integer") => self.integer(schema, path),
            Some("boolean") => {}
            Some("number") => self.complain(path, "a float"),
            _ => self.complain(path, "no type"),
        }
    }

    /// `kubectl explain` has something to say: whole sentences that do not need rustdoc.
    fn described(&mut self, schema: &Value, path: &str) {
        let description = schema["description"].as_str().unwrap_or_default().trim();
        if description.is_empty() {
            self.complain(path, "no description");
        } else if !description.ends_with('.') {
            self.complain(path, "no sentence");
        } else if description.contains("[`") {
            self.complain(path, "a rustdoc link");
        }
    }

    fn general(&mut self, schema: &Value, path: &str) {
        if schema["nullable"] == true {
            self.complain(path, "nullable");
        }
        if schema["x-kubernetes-preserve-unknown-fields"] == true {
            self.complain(path, "keeps unknown fields");
        }
        for rule in schema["x-kubernetes-validations"]
            .as_array()
            .into_iter()
            .flatten()
        {
            if !rule["message"].is_string() {
                self.complain(path, "no message");
            }
        }
    }

    fn object(&mut self, schema: &Value, path: &str) {
        let values = &schema["additionalProperties"];
        if values.is_object() {
            if !schema["maxProperties"].is_u64() {
                self.complain(path, "no maxProperties");
            }
            self.node(values, &format!("{path}.*"));
        } else if !schema["properties"].is_object() {
            self.complain(path, "no fields");
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            self.described(property, &path);
            self.node(property, &path);
        }
    }

    fn array(&mut self, schema: &Value, path: &str) {
        if !schema["maxItems"].is_u64() {
            self.complain(path, "no maxItems");
        }
        let element = &schema["items"];
        let scalar = element["type"] != "object";
        match schema["x-kubernetes-list-type"].as_str() {
            None => self.complain(path, "no list type"),
            Some("set") if !scalar => self.complain(path, "a set of objects"),
            Some("map") => self.list_map(schema, path),
            Some("atomic") if scalar => self.complain(path, "scalars that are no set"),
            Some(_) => {}
        }
        self.node(element, &format!("{path}[]"));
    }

    /// The API server refuses keys that an element may lack, unless they have a default.
    fn list_map(&mut self, schema: &Value, path: &str) {
        let keys = schema["x-kubernetes-list-map-keys"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        if keys.is_empty() {
            self.complain(path, "no keys");
        }
        let element = &schema["items"];
        for key in keys.iter().filter_map(Value::as_str) {
            let required = element["required"]
                .as_array()
                .is_some_and(|required| required.iter().any(|name| name == key));
            if !required {
                self.complain(path, format_args!("key {key} is not required"));
            }
        }
    }

    /// CEL's cost estimate takes the length of an enum's longest word, and knows how long a date can be.
    fn string(&mut self, schema: &Value, path: &str) {
        let words = schema["enum"].as_array();
        if words.is_some_and(|words| words.iter().any(Value::is_null)) {
            self.complain(path, "null among the words");
        }
        if words.is_none() && schema["format"] != "date-time" && !schema["maxLength"].is_u64() {
            self.complain(path, "no maxLength");
        }
    }

    fn integer(&mut self, schema: &Value, path: &str) {
        if !matches!(schema["format"].as_str(), Some("int32" | "int64")) {
            self.complain(path, "an unsigned or odd format");
        }
        if ["minimum", "maximum", "default"]
            .iter()
            .any(|bound| schema[bound].is_f64())
        {
            self.complain(path, "a float");
        }
    }
}
