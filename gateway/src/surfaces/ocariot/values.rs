//! One field of a body at a time: by its rule, what it says, or what is wrong with it.

use std::collections::HashSet;

use jiff::civil::Date;
use proto::identity::v1 as pb;
use serde_json::{Number, Value as Json};
use shared::Id;

use super::{
    days::{check_age, check_day},
    declared::{Field, Rule},
    flaw::Flaw,
};
use crate::body::Field as Given;

/// The most characters of a text that is shown.
const LONGEST: usize = 255;

/// What such a text has to be like, and what a user name.
const TEXT: &str = "must have at most 255 characters, none of them a control character";
const NAME: &str = "must have at most 255 characters, none of them invisible";

/// What a field says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Gender(pb::Gender),
    Children(Vec<String>),
}

/// Reads a field; nothing when it is not there.
///
/// # Errors
/// What is wrong with it.
pub fn read(field: Field, given: Given<'_>, today: Date) -> Result<Option<Value>, Flaw> {
    if given == Given::Absent {
        return Ok(None);
    }
    match field.rule {
        Rule::Username => {
            text(field.name, trimmed(given)).and_then(|name| shown(field.name, name, NAME)).map(Value::Text)
        }
        Rule::Text => text(field.name, given).and_then(|text| shown(field.name, text, TEXT)).map(Value::Text),
        Rule::Secret | Rule::Password => text(field.name, given).map(Value::Text),
        Rule::Coordinate => {
            coordinate(field.name, given).and_then(|text| shown(field.name, text, TEXT)).map(Value::Text)
        }
        Rule::Institution => institution(given).map(Value::Text),
        Rule::NoPassword => Err(Flaw::PasswordRoute),
        Rule::Gender => gender(given).map(Value::Gender),
        Rule::Age => age(field, given, today).map(Value::Text),
        Rule::Date => day(field.name, given, today).map(Value::Text),
        Rule::Children => children(given).map(Value::Children),
    }
    .map(Some)
}

fn text(name: &'static str, given: Given<'_>) -> Result<String, Flaw> {
    match given {
        Given::Text("") => Err(Flaw::Empty(name)),
        Given::Text(text) => Ok(text.to_owned()),
        _ => Err(Flaw::NotString(name)),
    }
}

/// A text that can be kept and seen. Identity has the last word on it, and the same words.
fn shown(name: &'static str, text: String, how: &'static str) -> Result<String, Flaw> {
    let fits = text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
    if fits { Ok(text) } else { Err(Flaw::Unfit(name, how)) }
}

/// A text without the white space at its ends.
pub fn trimmed(given: Given<'_>) -> Given<'_> {
    match given {
        Given::Text(text) => Given::Text(text.trim()),
        other => other,
    }
}

fn coordinate(name: &'static str, given: Given<'_>) -> Result<String, Flaw> {
    match given {
        Given::Other(Json::Number(number)) => Ok(decimal(number)),
        other => text(name, other),
    }
}

fn institution(given: Given<'_>) -> Result<String, Flaw> {
    match given {
        Given::Text(id) if id.parse::<Id>().is_ok() => Ok(id.to_owned()),
        _ => Err(Flaw::BadInstitution),
    }
}

fn gender(given: Given<'_>) -> Result<pb::Gender, Flaw> {
    match given {
        Given::Text("male") => Ok(pb::Gender::Male),
        Given::Text("female") => Ok(pb::Gender::Female),
        _ => Err(Flaw::NotGender),
    }
}

/// `null` is said to be no string where there has to be an age, and no number where there may be.
fn age(field: Field, given: Given<'_>, today: Date) -> Result<String, Flaw> {
    let age = match given {
        Given::Other(Json::Number(number)) => decimal(number),
        Given::Other(other) => other.to_string(),
        Given::Null if !field.required => return Err(Flaw::NotAge),
        text_or_null => text(field.name, text_or_null)?,
    };
    let age = shown(field.name, age, TEXT)?;
    check_age(&age, today).map(|()| age)
}

fn day(name: &'static str, given: Given<'_>, today: Date) -> Result<String, Flaw> {
    let day = text(name, given)?;
    check_day(&day, today).map(|()| day)
}

/// Items without an id come before ids that are none; an id that comes twice counts once.
fn children(given: Given<'_>) -> Result<Vec<String>, Flaw> {
    let Given::Other(Json::Array(items)) = given else { return Err(Flaw::NotArray) };
    let given: Vec<&str> = items.iter().map(item_id).collect::<Option<_>>().ok_or(Flaw::BadItem)?;
    let mut seen = HashSet::with_capacity(given.len());
    let ids: Vec<String> = given.into_iter().filter(|id| seen.insert(*id)).map(str::to_owned).collect();
    let malformed: Vec<&str> = ids.iter().map(String::as_str).filter(|id| id.parse::<Id>().is_err()).collect();
    if malformed.is_empty() { Ok(ids) } else { Err(Flaw::BadItems(malformed.join(", "))) }
}

/// The id of an item: itself, or that of a child as GET shows it.
fn item_id(item: &Json) -> Option<&str> {
    let id = if item.is_object() { item.get("id")? } else { item };
    id.as_str().filter(|id| !id.is_empty())
}

/// The shortest decimal text that means a number, without an exponent.
fn decimal(number: &Number) -> String {
    match number.as_f64() {
        _ if number.is_i64() || number.is_u64() => number.to_string(),
        Some(0.0) => "0".to_owned(),
        Some(float) => float.to_string(),
        None => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const A: &str = "5a62be07de34500146d9c544";
    const B: &str = "507f191e810c19729de860ea";

    fn given(value: &Json) -> Given<'_> {
        match value {
            Json::Null => Given::Null,
            Json::String(text) => Given::Text(text),
            other => Given::Other(other),
        }
    }

    fn reads(rule: Rule, required: bool, value: Json) -> Result<Value, Flaw> {
        let field = Field { name: "f", rule, required };
        read(field, given(&value), jiff::civil::date(2026, 3, 20)).map(Option::unwrap)
    }

    fn says(text: &str) -> Result<Value, Flaw> {
        Ok(Value::Text(text.to_owned()))
    }

    #[test]
    fn a_text_is_a_string_that_is_not_empty() {
        for rule in [Rule::Text, Rule::Secret, Rule::Password, Rule::Username, Rule::Coordinate, Rule::Date] {
            assert_eq!(reads(rule, true, json!("")), Err(Flaw::Empty("f")), "{rule:?}");
            for other in [json!(null), json!(true), json!([]), json!({})] {
                assert_eq!(reads(rule, true, other), Err(Flaw::NotString("f")), "{rule:?}");
            }
        }
        assert_eq!(reads(Rule::Text, true, json!(" ")), says(" "));
        assert_eq!(reads(Rule::Username, true, json!("\u{2003}\t BR 1\u{a0}")), says("BR 1"));
        assert_eq!(reads(Rule::Username, true, json!(" \u{3000}")), Err(Flaw::Empty("f")));
    }

    #[test]
    fn a_coordinate_is_the_shortest_text_of_its_number() {
        for (number, text) in [
            ("-7.21", "-7.21"),
            ("7.0", "7"),
            ("7", "7"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("1e3", "1000"),
            ("1E-7", "0.0000001"),
            ("18446744073709551615", "18446744073709551615"),
            ("0.1", "0.1"),
            ("41.123456789012344", "41.123456789012344"),
        ] {
            assert_eq!(reads(Rule::Coordinate, false, serde_json::from_str(number).unwrap()), says(text), "{number}");
        }
        assert_eq!(reads(Rule::Coordinate, false, json!("7.0 N")), says("7.0 N"));
    }

    #[test]
    fn an_age_is_kept_as_it_was_given() {
        for (age, text) in [
            (json!(11), "11"),
            (json!(1.5), "1.5"),
            (json!(7.0), "7"),
            (json!("07.50"), "07.50"),
            (json!("2015-01-31"), "2015-01-31"),
        ] {
            assert_eq!(reads(Rule::Age, true, age), says(text));
        }
        for (age, flaw) in [
            (json!(0), Flaw::AgeNotPositive),
            (json!(-3.5), Flaw::AgeNotPositive),
            (json!("-3"), Flaw::AgeNotPositive),
            (json!(""), Flaw::Empty("f")),
            (json!("eleven"), Flaw::NoDate("eleven".to_owned())),
            (json!("1e1"), Flaw::NoDate("1e1".to_owned())),
            (json!(true), Flaw::NoDate("true".to_owned())),
            (json!([1, "a"]), Flaw::NoDate("[1,\"a\"]".to_owned())),
            (json!({}), Flaw::NoDate("{}".to_owned())),
        ] {
            assert_eq!(reads(Rule::Age, true, age), Err(flaw));
        }
        assert_eq!(reads(Rule::Age, true, json!(null)), Err(Flaw::NotString("f")));
        assert_eq!(reads(Rule::Age, false, json!(null)), Err(Flaw::NotAge));
    }

    #[test]
    fn children_are_ids_or_objects_with_one_each_once() {
        let two = Ok(Value::Children(vec![A.to_owned(), B.to_owned()]));
        assert_eq!(reads(Rule::Children, true, json!([A, {"id": B, "username": 1}, A, {"id": A}])), two);
        assert_eq!(reads(Rule::Children, true, json!([])), Ok(Value::Children(Vec::new())));
        for other in [json!(null), json!(A), json!({"id": A}), json!(1)] {
            assert_eq!(reads(Rule::Children, true, other), Err(Flaw::NotArray));
        }
        for item in [json!(null), json!(""), json!(1), json!({}), json!({"id": ""}), json!({"id": null}), json!([A])] {
            assert_eq!(reads(Rule::Children, true, json!(["x", item, A])), Err(Flaw::BadItem));
        }
        let bad = Flaw::BadItems("x, y".to_owned());
        assert_eq!(reads(Rule::Children, true, json!(["x", A, {"id": "y"}, "x"])), Err(bad));
    }

    #[test]
    fn a_gender_an_institution_and_no_password() {
        assert_eq!(reads(Rule::Gender, true, json!("female")), Ok(Value::Gender(pb::Gender::Female)));
        assert_eq!(reads(Rule::Institution, true, json!(A)), says(A));
        for other in [json!(null), json!(""), json!(1), json!("Male"), json!(A.to_uppercase())] {
            assert_eq!(reads(Rule::Gender, true, other.clone()), Err(Flaw::NotGender));
            assert_eq!(reads(Rule::Institution, true, other.clone()), Err(Flaw::BadInstitution));
            assert_eq!(reads(Rule::NoPassword, false, other), Err(Flaw::PasswordRoute));
        }
    }

    proptest! {
        #[test]
        fn a_coordinate_is_answered_as_it_was_sent(degrees in -180.0..180.0_f64) {
            let sent = degrees.to_string();
            let read: Json = serde_json::from_str(&sent).unwrap();

            prop_assert_eq!(reads(Rule::Coordinate, false, read), says(&sent));
        }

        #[test]
        fn the_text_of_a_number_means_the_number(float in any::<f64>().prop_filter("JSON has no others", |float| float.is_finite())) {
            let text = decimal(&Number::from_f64(float).unwrap());

            prop_assert_eq!(text.parse::<f64>().unwrap(), float);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.')));
        }
    }
}
