//! A body that fits its operation: every declared field read, none missing, none unknown.

use axum::extract::{FromRequest, Request};
use jiff::{civil::Date, tz::TimeZone};
use prost_types::FieldMask;
use proto::identity::v1 as pb;
use shared::Timestamp;

use super::{
    days::is_number,
    declared::{Field, Operation, Rule},
    flaw::Flaw,
    values::{Value, read},
};
use crate::{
    Shared,
    body::{Field as Given, Fields},
    fault::{Ending, Fault},
};

/// The other name of a field of [`Rule::Institution`], which wins and which is said to be missing.
const INSTITUTION: &str = "institution";

/// See the module. Never printed: passwords are among it.
pub struct Written {
    values: Vec<(&'static str, Value)>,
    unknown: Option<String>,
}

impl Written {
    /// A text; empty when it is not there.
    pub fn text(&self, name: &str) -> String {
        self.optional(name).unwrap_or_default()
    }

    /// A text, if it is there.
    pub fn optional(&self, name: &str) -> Option<String> {
        self.values.iter().find_map(|(known, value)| match value {
            Value::Text(text) if *known == name => Some(text.clone()),
            _ => None,
        })
    }

    /// The gender.
    pub fn gender(&self) -> pb::Gender {
        let gender = |value: &Value| if let Value::Gender(gender) = value { Some(*gender) } else { None };
        self.values.iter().find_map(|(_, value)| gender(value)).unwrap_or_default()
    }

    /// The children, of whom only the ids are known.
    pub fn children(&self) -> Vec<pb::Member> {
        let ids = |value: &Value| if let Value::Children(ids) = value { Some(ids.clone()) } else { None };
        let ids = self.values.iter().find_map(|(_, value)| ids(value)).unwrap_or_default();
        ids.into_iter().map(|id| pb::Member { id, ..pb::Member::default() }).collect()
    }

    /// The names of the fields that are there, in identity's words.
    pub fn mask(&self, path: impl Fn(&'static str) -> String) -> Option<FieldMask> {
        Some(FieldMask { paths: self.values.iter().map(|(name, _)| path(name)).collect() })
    }

    /// That there are no unknown fields.
    ///
    /// # Errors
    /// 400, naming them.
    pub fn check_unknown(&self) -> Result<(), Flaw> {
        match &self.unknown {
            Some(unknown) => Err(Flaw::Unknown(unknown.clone())),
            None => Ok(()),
        }
    }
}

impl FromRequest<Shared> for Written {
    type Rejection = Ending;

    async fn from_request(request: Request, gateway: &Shared) -> Result<Self, Ending> {
        let operation: &'static Operation = *request.extensions().get().ok_or(Fault::Internal)?;
        let id = request.uri().path().split('/').nth(3).unwrap_or_default().to_owned();
        let fields = Fields::from_request(request, gateway).await?;
        let today = today(gateway.clock.now(), &gateway.time_zone);
        let told = |flaw: Flaw| flaw.told(&id);
        let written = check(operation, &fields, today).map_err(told)?;
        // Whether a new account's password is long enough comes first, and identity knows that.
        if !operation.takes(Rule::Password) {
            written.check_unknown().map_err(told)?;
        }
        Ok(written)
    }
}

fn today(now: Timestamp, zone: &TimeZone) -> Date {
    let now = jiff::Timestamp::from_microsecond(now.micros()).unwrap_or(jiff::Timestamp::MAX);
    zone.to_datetime(now).date()
}

/// A bad field beats a missing one.
fn check(operation: &Operation, fields: &Fields, today: Date) -> Result<Written, Flaw> {
    let mut values = Vec::with_capacity(operation.fields.len());
    for field in operation.fields {
        match read(*field, given(*field, fields), today)? {
            // No children at all are as good as none given.
            Some(Value::Children(ids)) if ids.is_empty() && field.required => (),
            Some(value) => values.push((field.name, value)),
            None => (),
        }
    }
    let written = Written { values, unknown: unknown(operation, fields) };
    match missing(operation, &written).as_slice() {
        [] => Ok(written),
        // Of one field in all the contract speaks in the singular.
        [name] if operation.fields.len() == 1 => Err(Flaw::MissingAlone(name)),
        names => Err(Flaw::Missing(names.join(", "))),
    }
}

fn given<'a>(field: Field, fields: &'a Fields) -> Given<'a> {
    match (field.rule, fields.get(INSTITUTION)) {
        (Rule::Institution, institution) if institution != Given::Absent => institution,
        _ => fields.get(field.name),
    }
}

fn missing(operation: &Operation, written: &Written) -> Vec<&'static str> {
    let is_there = |field: &Field| written.values.iter().any(|(name, _)| *name == field.name);
    let missing = operation.fields.iter().filter(|field| !is_there(field) && is_needed(field, written));
    missing.map(called).collect()
}

/// An age in numbers and the day on which it was right need each other.
fn is_needed(field: &Field, written: &Written) -> bool {
    match field.rule {
        Rule::Age => field.required || written.optional("age_calc_date").is_some(),
        Rule::Date => written.optional("age").is_some_and(|age| is_number(&age)),
        _ => field.required,
    }
}

/// What a missing field is called.
const fn called(field: &Field) -> &'static str {
    match field.rule {
        Rule::Institution => INSTITUTION,
        Rule::Children => "Collection with children IDs",
        _ => field.name,
    }
}

fn unknown(operation: &Operation, fields: &Fields) -> Option<String> {
    let mut known: Vec<&str> = operation.fields.iter().map(|field| field.name).collect();
    known.extend(operation.passed_over());
    if operation.takes(Rule::Institution) {
        known.push(INSTITUTION);
    }
    fields.unknown(&known)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{super::declared::OPERATIONS, *};

    const ID: &str = "5a62be07de34500146d9c544";

    fn checked(number: u8, body: Json) -> Result<Written, Flaw> {
        let operation = OPERATIONS.iter().find(|operation| operation.number == number).unwrap();
        check(operation, &Fields::of(body), jiff::civil::date(2026, 3, 20))
    }

    fn flaw(number: u8, body: Json) -> Option<Flaw> {
        checked(number, body).and_then(|written| written.check_unknown()).err()
    }

    fn missing(names: &str) -> Option<Flaw> {
        Some(Flaw::Missing(names.to_owned()))
    }

    #[test]
    fn the_first_bad_field_of_the_table_beats_all_that_is_missing_or_unknown() {
        assert_eq!(flaw(10, json!({"gender": "x"})), Some(Flaw::NotGender));
        assert_eq!(flaw(10, json!({"a": 1, "gender": "x", "username": " "})), Some(Flaw::Empty("username")));
        assert_eq!(flaw(13, json!({"gender": "x", "password": 1})), Some(Flaw::PasswordRoute));
        assert_eq!(flaw(13, json!({"institution_id": "x", "password": 1})), Some(Flaw::BadInstitution));
    }

    #[test]
    fn all_that_is_missing_is_named_in_the_order_of_the_table() {
        assert_eq!(flaw(2, json!({"a": 1})), missing("old_password, new_password"));
        assert_eq!(flaw(3, json!({"a": 1})), Some(Flaw::MissingAlone("new_password")));
        assert_eq!(flaw(10, json!({})), missing("username, password, institution, gender, age"));
        assert_eq!(
            flaw(22, json!({"username": "a", "children": []})),
            missing("password, institution, Collection with children IDs")
        );
        assert_eq!(flaw(29, json!({})), missing("username, password, application_name"));
        for number in [8, 13, 17, 21, 25, 32, 36, 41] {
            assert_eq!(flaw(number, json!({})), None, "{number}");
        }
    }

    #[test]
    fn an_age_in_numbers_and_its_day_need_each_other() {
        let child = json!({"username": "a", "password": "b", "institution_id": ID, "age": 11});
        assert_eq!(flaw(10, child), missing("gender, age_calc_date"));
        for number in [json!(11), json!("11")] {
            assert_eq!(flaw(13, json!({"age": number})), missing("age_calc_date"));
        }
        assert_eq!(flaw(13, json!({"age_calc_date": "2020-01-01"})), missing("age"));
        assert_eq!(flaw(13, json!({"age": "2015-01-01"})), None);
        assert_eq!(flaw(13, json!({"age": 11, "age_calc_date": "2020-01-01"})), None);
    }

    #[test]
    fn an_institution_goes_by_two_names_and_the_shorter_one_wins() {
        for body in [json!({"institution": ID}), json!({"institution": ID, "institution_id": 1})] {
            assert_eq!(
                checked(17, body).ok().and_then(|written| written.optional("institution_id")).as_deref(),
                Some(ID)
            );
        }
        assert_eq!(flaw(17, json!({"institution": null, "institution_id": ID})), Some(Flaw::BadInstitution));
        assert_eq!(flaw(36, json!({"institution": ID})), Some(Flaw::Unknown("institution".to_owned())));
    }

    #[test]
    fn what_get_answers_may_come_back_and_nothing_else() {
        let account = json!({"id": 1, "type": 1, "last_login": 1, "children_groups": [null], "fitbit_status": "x"});
        assert_eq!(flaw(17, account), None);
        assert_eq!(flaw(8, json!({"id": ID})), None);
        assert_eq!(flaw(36, json!({"id": ID, "last_login": 1})), Some(Flaw::Unknown("last_login".to_owned())));
        assert_eq!(flaw(17, json!({"z": 1, "a": 1, "children": 1})), Some(Flaw::Unknown("a, children, z".to_owned())));
        let change = json!({"old_password": "a", "new_password": "b", "id": ID});
        assert_eq!(flaw(2, change), Some(Flaw::Unknown("id".to_owned())));
        assert_eq!(flaw(3, json!({"new_password": "a", "id": ID})), None);
        assert_eq!(flaw(1, json!({"username": "a", "password": "b", "id": ID})), None);
    }

    #[test]
    fn identity_is_told_which_fields_there_are() {
        let written = checked(25, json!({"children": [], "username": " a "})).ok().unwrap();

        assert_eq!(written.mask(str::to_owned).unwrap().paths, ["username", "children"]);
        assert_eq!((written.text("username"), written.children()), ("a".to_owned(), Vec::new()));
    }

    #[test]
    fn the_day_is_that_of_the_gateway() {
        let late = Timestamp::from_micros("2026-03-20T23:30:00Z".parse::<jiff::Timestamp>().unwrap().as_microsecond());

        assert_eq!(today(late, &TimeZone::get("Africa/Tunis").unwrap()).to_string(), "2026-03-21");
        assert_eq!(today(late, &TimeZone::UTC).to_string(), "2026-03-20");
    }
}
