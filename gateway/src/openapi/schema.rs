//! Schemas as OpenAPI 3.1 writes them: JSON Schema 2020-12.

use serde_json::{Map, Value, json};

/// Characters that no text holds: the controls of C0 and C1, as the inside of a class of a regular expression.
const CONTROLS: &str = "\\u0000-\\u001f\\u007f-\\u009f";

/// The same without tabs and ends of lines.
const CONTROLS_IN_LINES: &str = "\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f";

/// One of the document's schemas, by its name.
pub fn of(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// An id.
pub fn id() -> Value {
    of("Id")
}

/// What an id looks like; a component of the document.
pub fn id_itself() -> Value {
    json!({
        "type": "string",
        "pattern": "^[0-9a-f]{24}$",
        "description": "24 lower-case hexadecimal characters",
        "examples": ["67b149304cc6b12143ecf7d1"],
    })
}

/// A time in UTC, with milliseconds.
pub fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

/// A text of so many characters (Unicode scalar values), whatever they are.
pub fn any_text(least: u32, most: u32) -> Value {
    json!({"type": "string", "minLength": least, "maxLength": most})
}

/// A text in one line.
pub fn line(least: u32, most: u32) -> Value {
    patterned(least, most, &format!("^[^{CONTROLS}]*$"))
}

/// The same with at least one letter of any script.
pub fn named(most: u32) -> Value {
    patterned(1, most, &format!("^[^{CONTROLS}]*\\p{{L}}[^{CONTROLS}]*$"))
}

/// A text in one or several lines.
pub fn lines(most: u32) -> Value {
    patterned(0, most, &format!("^[^{CONTROLS_IN_LINES}]*$"))
}

/// The same with at least one character that is no blank.
pub fn filled(most: u32) -> Value {
    patterned(1, most, &format!("^[^{CONTROLS_IN_LINES}]*[^{CONTROLS_IN_LINES}\\s][^{CONTROLS_IN_LINES}]*$"))
}

/// A text of so many characters that fits a regular expression (ECMA-262).
pub fn patterned(least: u32, most: u32, pattern: &str) -> Value {
    json!({"type": "string", "minLength": least, "maxLength": most, "pattern": pattern})
}

/// One of these texts.
pub fn one_of(texts: &[&str]) -> Value {
    json!({"type": "string", "enum": texts})
}

/// A whole number.
pub fn whole(least: i64, most: i64) -> Value {
    json!({"type": "integer", "minimum": least, "maximum": most})
}

/// A schema, or `null`.
pub fn or_null(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

/// An array.
pub fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

/// A schema with something said of it.
pub fn described(mut schema: Value, description: &str) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), Value::from(description));
    }
    schema
}

/// An object that has all of these fields and no others.
pub fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let required = fields.iter().map(|(name, _)| (*name).to_owned()).collect();
    closed(fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect(), required)
}

/// An object that may have these fields and no others, and must have some of them.
pub fn object_with<const N: usize>(fields: [(&str, Value); N], required: &[&str]) -> Value {
    let required = required.iter().map(|name| (*name).to_owned()).collect();
    closed(fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect(), required)
}

/// The same, of fields that are not known before.
pub fn closed(fields: Map<String, Value>, required: Vec<String>) -> Value {
    let mut schema = json!({"type": "object", "properties": fields, "additionalProperties": false});
    if let Some(schema) = schema.as_object_mut().filter(|_| !required.is_empty()) {
        schema.insert("required".to_owned(), Value::from(required));
    }
    schema
}
