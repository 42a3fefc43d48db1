//! Whether a value fits a schema, as far as the document's schemas go. Regular expressions and formats are left to
//! schemathesis (`.ci/run`).

use serde_json::{Map, Value};

/// What this does not look at.
const PASSED_OVER: [&str; 6] = ["pattern", "format", "description", "examples", "default", "$schema"];

/// What is wrong with a value, if anything: where, and by which rule.
pub fn misfit(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    match schema {
        Value::Bool(true) => None,
        Value::Bool(false) => Some(format!("{value} must not be there")),
        Value::Object(rules) => rules.iter().find_map(|(rule, about)| broken(document, rules, rule, about, value)),
        other => panic!("no schema: {other}"),
    }
}

fn broken(document: &Value, rules: &Map<String, Value>, rule: &str, about: &Value, value: &Value) -> Option<String> {
    let fits = |schema: &Value| misfit(document, schema, value).is_none();
    let all = |about: &Value| about.as_array().unwrap().iter().find_map(|schema| misfit(document, schema, value));
    let count = |about: &Value| about.as_array().unwrap().iter().filter(|schema| fits(schema)).count();
    let (least, most) = (
        |size: Option<f64>| size.is_some_and(|size| size < about.as_f64().unwrap()),
        |size: Option<f64>| size.is_some_and(|size| size > about.as_f64().unwrap()),
    );
    let is_broken = match rule {
        "$ref" => return misfit(document, of(document, about), value),
        "allOf" => return all(about),
        "properties" => return properties(document, about, value),
        "additionalProperties" => return unknown(rules, value),
        "items" => return value.as_array()?.iter().find_map(|item| misfit(document, about, item)),
        "anyOf" => count(about) == 0,
        "oneOf" => count(about) != 1,
        "type" => !has_type(about, value),
        "const" => about != value,
        "enum" => !about.as_array().unwrap().contains(value),
        "required" => {
            let object = value.as_object()?;
            !about.as_array().unwrap().iter().all(|name| object.contains_key(name.as_str().unwrap()))
        }
        "minLength" => least(characters(value)),
        "maxLength" => most(characters(value)),
        "minimum" => least(value.as_f64()),
        "maximum" => most(value.as_f64()),
        "exclusiveMinimum" => value.as_f64().is_some_and(|number| number <= about.as_f64().unwrap()),
        "minItems" => least(value.as_array().map(|items| items.len() as f64)),
        "maxItems" => most(value.as_array().map(|items| items.len() as f64)),
        "minProperties" => least(value.as_object().map(|fields| fields.len() as f64)),
        other => {
            assert!(PASSED_OVER.contains(&other), "nobody looks at {other}");
            false
        }
    };
    is_broken.then(|| format!("{rule} {about} is not so of {value}"))
}

/// What a part of the document is: itself, or what it refers to.
pub fn resolved<'a>(document: &'a Value, part: &'a Value) -> &'a Value {
    part.get("$ref").map_or(part, |reference| of(document, reference))
}

/// What a reference leads to.
fn of<'a>(document: &'a Value, reference: &Value) -> &'a Value {
    let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
    document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

fn properties(document: &Value, about: &Value, value: &Value) -> Option<String> {
    let fields = value.as_object()?;
    let known = about.as_object().unwrap();
    known.iter().find_map(|(name, schema)| {
        let why = misfit(document, schema, fields.get(name)?)?;
        Some(format!("{name}: {why}"))
    })
}

/// All ours are closed.
fn unknown(rules: &Map<String, Value>, value: &Value) -> Option<String> {
    let known = rules["properties"].as_object().unwrap();
    let unknown = value.as_object()?.keys().find(|name| !known.contains_key(*name))?;
    Some(format!("{unknown} is unknown"))
}

fn characters(value: &Value) -> Option<f64> {
    value.as_str().map(|text| text.chars().count() as f64)
}

fn has_type(about: &Value, value: &Value) -> bool {
    match about.as_str().unwrap() {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("no type: {other}"),
    }
}

#[test]
fn a_value_that_does_not_fit_is_found_out() {
    use serde_json::json;
    let schema = json!({
        "type": "object", "required": ["a"], "additionalProperties": false,
        "properties": {"a": {"type": "string", "maxLength": 2}, "b": {"anyOf": [{"const": 1}, {"type": "null"}]}},
    });
    let fits = |value: Value| misfit(&Value::Null, &schema, &value).is_none();

    assert!(fits(json!({"a": "éé"})) && fits(json!({"a": "", "b": null})) && fits(json!({"a": "", "b": 1})));
    for other in
        [json!([]), json!({}), json!({"a": 1}), json!({"a": "aaa"}), json!({"a": "", "b": 2}), json!({"a": "", "c": 1})]
    {
        assert!(!fits(other.clone()), "{other}");
    }
}
