//! Bodies, by the fields of the table: what they may be, and what is said of those that are not.

use serde_json::{Map, Value, json};

use crate::{
    openapi::schema::{any_text, closed, described, id, line, one_of, patterned},
    surfaces::ocariot::{
        declared::{Field, Operation, Rule},
        flaw::Flaw,
    },
};

/// `yyyy-MM-dd`, from 1678 to 2261.
const DAY: &str =
    "^(16(7[89]|[89][0-9])|1[7-9][0-9]{2}|2[01][0-9]{2}|22([0-5][0-9]|6[01]))-(0[1-9]|1[0-2])-[0-3][0-9]$";

/// A body, by the fields of the table.
pub fn body(operation: &Operation) -> Value {
    let fields = operation.fields.iter().filter(|field| field.rule != Rule::NoPassword);
    let passed_over =
        operation.passed_over().iter().map(|name| ((*name).to_owned(), json!({"description": "Not read"})));
    let properties: Map<String, Value> =
        passed_over.chain(fields.map(|field| (field.name.to_owned(), value(field)))).collect();
    let required = operation.fields.iter().filter(|field| field.required).map(|field| field.name.to_owned()).collect();
    let schema = closed(properties, required);
    match operation.takes(Rule::Age) {
        true => with_ages(schema, operation.fields.iter().any(|field| field.required)),
        false => schema,
    }
}

/// An age in numbers and the day on which it was right need each other.
fn with_ages(mut schema: Value, is_new: bool) -> Value {
    let born = json!({"properties": {"age": {"type": "string", "format": "date"}}, "required": ["age"]});
    let both = json!({"required": ["age", "age_calc_date"]});
    let neither = json!({"properties": {"age": false, "age_calc_date": false}});
    let ways = if is_new { json!([born, both]) } else { json!([born, both, neither]) };
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("anyOf".to_owned(), ways);
    }
    schema
}

fn value(field: &Field) -> Value {
    match field.rule {
        Rule::Username => described(
            patterned(1, 255, "\\S"),
            "Without characters that nobody sees; white space at both ends is cut off",
        ),
        Rule::Text => line(1, 255),
        Rule::Coordinate => json!({"anyOf": [line(1, 255), {"type": "number"}]}),
        Rule::Institution => id(),
        Rule::Secret if field.name == "new_password" => any_text(8, 128),
        Rule::Secret | Rule::NoPassword => any_text(1, 128),
        Rule::Password => any_text(8, 128),
        Rule::Gender => one_of(&["male", "female"]),
        Rule::Age => json!({"anyOf": [
            {"type": "number", "exclusiveMinimum": 0},
            {"type": "string", "pattern": "^(?=.*[1-9])[0-9]+(\\.[0-9]+)?$", "maxLength": 255},
            day(),
        ]}),
        Rule::Date => described(day(), "Not in the future"),
        Rule::Children => children(field),
    }
}

/// Ids of children, or children as GET shows them.
fn children(field: &Field) -> Value {
    let child = json!({"type": "object", "properties": {"id": id()}, "required": ["id"]});
    let least = if field.required { 1 } else { 0 };
    json!({"type": "array", "items": {"anyOf": [id(), child]}, "minItems": least, "maxItems": 1000})
}

fn day() -> Value {
    json!({"type": "string", "format": "date", "pattern": DAY})
}

/// What can be wrong with a body, in the order in which it is looked at.
pub fn flaws(operation: &Operation) -> Vec<Flaw> {
    let mut flaws: Vec<Flaw> = operation.fields.iter().flat_map(flaws_of).collect();
    let required: Vec<&'static str> =
        operation.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    match required.as_slice() {
        [] => (),
        [name] if operation.fields.len() == 1 => flaws.push(Flaw::MissingAlone(name)),
        names => flaws.push(Flaw::Missing(names.join(", "))),
    }
    if !operation.fields.is_empty() {
        flaws.push(Flaw::Unknown("colour".to_owned()));
    }
    flaws
}

fn flaws_of(field: &Field) -> Vec<Flaw> {
    let name = field.name;
    match field.rule {
        Rule::Username | Rule::Text | Rule::Coordinate | Rule::Secret | Rule::Password => {
            vec![Flaw::Empty(name), Flaw::NotString(name)]
        }
        Rule::Institution => vec![Flaw::BadInstitution],
        Rule::NoPassword => vec![Flaw::PasswordRoute],
        Rule::Gender => vec![Flaw::NotGender],
        Rule::Age => vec![Flaw::AgeNotPositive, Flaw::NoDate("eleven".to_owned())],
        Rule::Date => vec![Flaw::NoSuchDay("2020-02-30".to_owned()), Flaw::InTheFuture("2200-01-01".to_owned())],
        Rule::Children => vec![Flaw::NotArray, Flaw::BadItem, Flaw::BadItems("x, y".to_owned())],
    }
}
