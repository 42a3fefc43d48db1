//! The refusals that are per field: cases made from the declaration of the operations, texts written out here.

use gateway::ocariot::{Field, OPERATIONS, Operation, Rule};
use serde_json::{Map, Value, json};
use testing::suite::PASSWORD;

use crate::{
    BAD_ITEM, GENDERS, NOBODY, NOT_ARRAY, bad_id, bad_items, empty, institution, invalid, matrix, missing, no_children,
    no_date, no_institution, not_string, password_route, says,
    school::{Kind, School, User},
    tells, unknown, weak, with, without,
};

/// The contract's table: number, scopes, and the fields in the order of their checks; `*` is a required one.
#[rustfmt::skip]
const TABLE: [(u8, &str, &str); 42] = [
    (1,  "", "username* password*"),
    (2,  "educators:update families:update healthprofessionals:update applications:update children:update",
         "old_password* new_password*"),
    (3,  "users:resetPassword", "new_password*"),
    (4,  "users:delete", ""),
    (5,  "institutions:create", "name* type* address latitude longitude"),
    (6,  "institutions:readAll", ""),
    (7,  "institutions:read", ""),
    (8,  "institutions:update", "name type address latitude longitude"),
    (9,  "institutions:delete", ""),
    (10, "children:create", "username* password* institution_id* gender* age* age_calc_date"),
    (11, "children:readAll", ""),
    (12, "children:read", ""),
    (13, "children:update", "username institution_id password gender age age_calc_date"),
    (14, "educators:create", "username* password* institution_id*"),
    (15, "educators:readAll", ""),
    (16, "educators:read", ""),
    (17, "educators:update", "username institution_id password"),
    (18, "healthprofessionals:create", "username* password* institution_id*"),
    (19, "healthprofessionals:readAll", ""),
    (20, "healthprofessionals:read", ""),
    (21, "healthprofessionals:update", "username institution_id password"),
    (22, "families:create", "username* password* institution_id* children*"),
    (23, "families:readAll", ""),
    (24, "families:read", ""),
    (25, "families:update", "username institution_id password children"),
    (26, "families:read", ""),
    (27, "families:create", ""),
    (28, "families:delete", ""),
    (29, "applications:create", "username* password* institution_id application_name*"),
    (30, "applications:readAll", ""),
    (31, "applications:read", ""),
    (32, "applications:update", "username institution_id password application_name"),
    (33, "childrengroups:create", "name* school_class children*"),
    (34, "childrengroups:read", ""),
    (35, "childrengroups:read", ""),
    (36, "childrengroups:update", "name school_class children"),
    (37, "childrengroups:delete", ""),
    (38, "childrengroups:create", "name* school_class children*"),
    (39, "childrengroups:read", ""),
    (40, "childrengroups:read", ""),
    (41, "childrengroups:update", "name school_class children"),
    (42, "childrengroups:delete", ""),
];

/// The contract's rule of a field.
fn is_ruled(operation: &Operation, field: &Field) -> bool {
    match field.name {
        "username" => field.rule == Rule::Username,
        "institution_id" => field.rule == Rule::Institution,
        "latitude" | "longitude" => field.rule == Rule::Coordinate,
        "gender" => field.rule == Rule::Gender,
        "age" => field.rule == Rule::Age,
        "age_calc_date" => field.rule == Rule::Date,
        "children" => field.rule == Rule::Children,
        "password" if operation.method == "PATCH" => field.rule == Rule::NoPassword,
        "password" | "old_password" | "new_password" => [Rule::Password, Rule::Secret].contains(&field.rule),
        _ => field.rule == Rule::Text,
    }
}

/// Somebody who may, the path filled in, and a body in which nothing is wrong.
struct Good<'a> {
    who: &'a User,
    path: String,
    body: Value,
}

/// A school with a group of each owner.
struct Setting {
    school: School,
    group: String,
    group_of_health: String,
}

impl Setting {
    fn good(&self, operation: &Operation) -> Good<'_> {
        let school = &self.school;
        let mut path = operation.path.strip_prefix("/v1").unwrap().to_owned();
        for (place, id) in [
            ("{user_id}", &school.family.id),
            ("{institution_id}", &school.institution),
            ("{child_id}", &school.child.id),
            ("{educator_id}", &school.educator.id),
            ("{healthprofessional_id}", &school.healthprofessional.id),
            ("{family_id}", &school.family.id),
            ("{application_id}", &school.application.id),
            ("{group_id}", if operation.number < 38 { &self.group } else { &self.group_of_health }),
        ] {
            path = path.replace(place, id);
        }
        let who = match operation.number {
            2 => &school.family,
            33..=37 => &school.educator,
            38..=42 => &school.healthprofessional,
            _ => &school.admin,
        };
        Good { who, path, body: self.body(operation.number) }
    }

    fn body(&self, number: u8) -> Value {
        let new = |kind| self.school.body(kind, "new");
        let changed = |kind| without(&new(kind), "password");
        match number {
            1 => json!({"username": "educator", "password": PASSWORD}),
            2 => json!({"old_password": PASSWORD, "new_password": PASSWORD}),
            3 => json!({"new_password": PASSWORD}),
            5 | 8 => institution("Escola Dois"),
            10 => new(Kind::Child),
            13 => changed(Kind::Child),
            14 => new(Kind::Educator),
            17 => changed(Kind::Educator),
            18 => new(Kind::HealthProfessional),
            21 => changed(Kind::HealthProfessional),
            22 => new(Kind::Family),
            25 => changed(Kind::Family),
            29 => new(Kind::Application),
            32 => changed(Kind::Application),
            33 | 36 | 38 | 41 => self.school.group_body("Group Two"),
            _ => json!({}),
        }
    }

    async fn refuses(&self, operation: &Operation, body: Value, text: &str) {
        let good = self.good(operation);
        let answer = self.school.send(good.who, operation.method, &good.path, Some(body.clone())).await;

        assert_eq!(
            (answer.status, answer.text.as_str()),
            (400, text),
            "{} {} {body}",
            operation.method,
            operation.path
        );
    }
}

async fn setting() -> (Setting, testing::Database) {
    let db = testing::sqlite().await;
    let school = School::open(&db).await;
    let group = school.group(Kind::Educator, "Group One").await;
    let group_of_health = school.group(Kind::HealthProfessional, "Group One").await;
    (Setting { school, group, group_of_health }, db)
}

/// Values that are bad in a field, and what is said of each. `id` is the path's.
fn bad_values(operation: &Operation, field: &Field, id: &str) -> Vec<(Value, String)> {
    let name = field.name;
    match field.rule {
        Rule::Username => [texts(name), blanks(name)].concat(),
        Rule::Text | Rule::Secret | Rule::Password => texts(name),
        Rule::Coordinate => coordinates(name),
        Rule::Institution => institutions(),
        Rule::NoPassword => passwords(id),
        Rule::Gender => genders(),
        Rule::Age => ages(operation.method),
        Rule::Date => [texts(name), dates()].concat(),
        Rule::Children => children(),
    }
}

fn texts(name: &str) -> Vec<(Value, String)> {
    let others =
        [json!(1), json!(-1.5), json!(true), json!(null), json!([]), json!(["x"]), json!({}), json!({"x": "y"})];
    let mut cases = others.map(|other| (other, not_string(name))).to_vec();
    cases.push((json!(""), empty(name)));
    cases
}

fn blanks(name: &str) -> Vec<(Value, String)> {
    ["  ", "\t", "\r\n", "\u{a0}\u{3000}"].map(|blank| (json!(blank), empty(name))).to_vec()
}

fn coordinates(name: &str) -> Vec<(Value, String)> {
    let mut cases =
        [json!(true), json!(null), json!([]), json!([1]), json!({})].map(|other| (other, not_string(name))).to_vec();
    cases.push((json!(""), empty(name)));
    cases
}

fn institutions() -> Vec<(Value, String)> {
    let (short, long) = (&NOBODY[1..], format!("{NOBODY}0"));
    let upper = NOBODY.to_uppercase();
    let bad = [
        json!(""),
        json!(" "),
        json!("x"),
        json!(null),
        json!(1),
        json!(1.5),
        json!(true),
        json!([]),
        json!([NOBODY]),
        json!({}),
        json!({"id": NOBODY}),
        json!(short),
        json!(long),
        json!(upper),
        json!("zzzzzzzzzzzzzzzzzzzzzzzz"),
        json!(format!(" {NOBODY}")),
    ];
    bad.map(|bad| (bad, bad_id("institution_id"))).to_vec()
}

fn passwords(id: &str) -> Vec<(Value, String)> {
    let any = [json!("x"), json!(""), json!(1), json!(null), json!(true), json!([]), json!({})];
    any.map(|any| (any, password_route(id))).to_vec()
}

fn genders() -> Vec<(Value, String)> {
    let bad = [
        json!(""),
        json!("x"),
        json!("Male"),
        json!("FEMALE"),
        json!("male "),
        json!("m"),
        json!(1),
        json!(true),
        json!(null),
        json!([]),
        json!(["male"]),
        json!({}),
    ];
    bad.map(|bad| (bad, invalid(GENDERS))).to_vec()
}

fn ages(method: &str) -> Vec<(Value, String)> {
    let null = match method {
        "PATCH" => invalid("Provided age is not a valid number!"),
        _ => not_string("age"),
    };
    let mut cases = vec![(json!(""), empty("age")), (json!(null), null)];
    for not_positive in [json!(0), json!(-1), json!(-0.5), json!("0"), json!("-3"), json!("0.0")] {
        cases.push((not_positive, invalid("Age cannot be less than or equal to zero!")));
    }
    cases.extend([(json!(true), no_date("true")), (json!(false), no_date("false"))]);
    cases.extend(dates());
    cases
}

fn dates() -> Vec<(Value, String)> {
    let year = "The year must be greater than 1678 and less than 2261.";
    let future = "The 'age' and 'age_calc_date' fields can only receive past or present dates.";
    let mut cases = ["x", "2020-1-1", "2020-13-01", "01/01/2020", "2020-01-01T00:00:00Z"]
        .map(|other| (json!(other), no_date(other)))
        .to_vec();
    cases.extend([
        (json!("2021-02-30"), tells(400, "Date: 2021-02-30, is not in valid ISO 8601 format.")),
        (json!("2023-02-29"), tells(400, "Date: 2023-02-29, is not in valid ISO 8601 format.")),
        (json!("1677-12-31"), tells(400, &format!("Date 1677-12-31 has year not allowed. {year}"))),
        (json!("2262-01-01"), tells(400, &format!("Date 2262-01-01 has year not allowed. {year}"))),
        (json!("2026-12-31"), says(400, "Datetime: 2026-12-31, cannot be used!", future)),
        (json!("2261-12-31"), says(400, "Datetime: 2261-12-31, cannot be used!", future)),
    ]);
    cases
}

fn children() -> Vec<(Value, String)> {
    let mut cases = [json!(null), json!(""), json!("x"), json!(1), json!(true), json!({}), json!({"id": NOBODY})]
        .map(|other| (other, invalid(NOT_ARRAY)))
        .to_vec();
    for item in [json!(null), json!(""), json!(1), json!({}), json!({"id": null})] {
        cases.push((json!([item]), invalid(BAD_ITEM)));
        cases.push((json!(["x", item]), invalid(BAD_ITEM)));
    }
    cases.extend([
        (json!(["x"]), bad_items("x")),
        (json!(["x", NOBODY, {"id": "y"}]), bad_items("x, y")),
        (json!([NOBODY.to_uppercase()]), bad_items(&NOBODY.to_uppercase())),
    ]);
    cases
}

/// What a missing field is called.
fn called(name: &str) -> &str {
    match name {
        "institution_id" => "institution",
        "children" => "Collection with children IDs",
        name => name,
    }
}

fn missing_in(operation: &Operation, names: &[&str]) -> String {
    match operation.number {
        3 => says(400, "Required field not provided...", "new_password is required!"),
        _ => missing(&names.iter().map(|name| called(name)).collect::<Vec<_>>().join(", ")),
    }
}

fn writing() -> impl Iterator<Item = &'static Operation> {
    OPERATIONS.iter().filter(|operation| !operation.fields.is_empty())
}

#[test]
fn the_declaration_is_the_contracts_table() {
    assert_eq!(OPERATIONS.len(), TABLE.len());
    for ((operation, expected), (number, scopes, fields)) in OPERATIONS.iter().zip(&matrix::OPERATIONS).zip(TABLE) {
        let declared = (operation.number, operation.method, operation.path);
        assert_eq!(declared, (number, expected.method, format!("/v1{}", expected.path).as_str()));
        assert_eq!(operation.scopes.join(" "), scopes, "{number}");
        let mark = |field: &Field| format!("{}{}", field.name, if field.required { "*" } else { "" });
        let declared: Vec<String> = operation.fields.iter().map(mark).collect();
        assert_eq!(declared.join(" "), fields, "{number}");
        for field in operation.fields {
            assert!(is_ruled(operation, field), "{number} {field:?}");
        }
    }
}

#[tokio::test]
async fn each_bad_value_of_each_field_is_told() {
    let (setting, _db) = setting().await;
    for operation in writing() {
        let good = setting.good(operation);
        let id = good.path.split('/').nth(2).unwrap_or_default();
        for field in operation.fields {
            for (value, text) in bad_values(operation, field, id) {
                let bad = json!({field.name: value});
                setting.refuses(operation, with(&good.body, &bad), &text).await;
                // It beats what is missing and what is unknown.
                setting.refuses(operation, with(&bad, &json!({"aaa": 1})), &text).await;
                if field.rule == Rule::Institution {
                    let by_its_other_name = json!({"institution": bad[field.name]});
                    setting.refuses(operation, with(&good.body, &by_its_other_name), &text).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn the_first_bad_field_of_two_is_told() {
    let (setting, _db) = setting().await;
    for operation in writing() {
        let good = setting.good(operation);
        let id = good.path.split('/').nth(2).unwrap_or_default();
        for (at, first) in operation.fields.iter().enumerate() {
            for second in &operation.fields[at + 1..] {
                let [one, two] = [first, second].map(|field| bad_values(operation, field, id).remove(0));
                let body = json!({second.name: two.0, first.name: one.0});
                setting.refuses(operation, with(&good.body, &body), &one.1).await;
            }
        }
    }
}

/// Every choice of fields that are left out.
#[tokio::test]
async fn all_missing_fields_are_told_in_the_order_of_the_table() {
    let (setting, _db) = setting().await;
    for operation in writing().filter(|operation| operation.method != "PATCH") {
        let good = setting.good(operation).body;
        let required: Vec<&str> =
            operation.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
        for choice in 1..1_u32 << required.len() {
            let left_out = required.iter().enumerate().filter(|(at, _)| choice & (1 << at) != 0).map(|(_, name)| *name);
            let left_out: Vec<&str> = left_out.collect();
            let body: Map<String, Value> = good.as_object().unwrap().clone();
            let body: Map<String, Value> =
                body.into_iter().filter(|(name, _)| !left_out.contains(&name.as_str())).collect();
            // Without an age no day is missing on which it was told.
            let text = missing_in(operation, &left_out);
            setting.refuses(operation, body.clone().into(), &text).await;
            // It beats what is unknown.
            setting.refuses(operation, with(&body.into(), &json!({"aaa": 1})), &text).await;
        }
        if operation.fields.iter().any(|field| field.rule == Rule::Children) {
            let nobody = with(&good, &json!({"children": []}));
            setting.refuses(operation, nobody, &missing("Collection with children IDs")).await;
        }
        if operation.fields.iter().any(|field| field.rule == Rule::Age) {
            setting.refuses(operation, without(&good, "age_calc_date"), &missing("age_calc_date")).await;
        }
    }
}

#[tokio::test]
async fn unknown_fields_are_told_in_their_own_order() {
    let (setting, _db) = setting().await;
    for operation in writing() {
        let good = setting.good(operation).body;
        for (more, names) in [
            (json!({"zzz": 1, "aaa": null}), "aaa, zzz"),
            (json!({"Name": "x"}), "Name"),
            (json!({"realm": "library"}), "realm"),
            (json!({"": 1}), ""),
            (json!({"role": "admin", "scope": "users:delete", "sub_type": "admin"}), "role, scope, sub_type"),
        ] {
            setting.refuses(operation, with(&good, &more), &unknown(names)).await;
        }
    }
}

#[tokio::test]
async fn a_weak_password_is_told_after_what_is_missing() {
    let (setting, _db) = setting().await;
    for operation in writing().filter(|operation| operation.method == "POST") {
        if !["/v1/auth"].contains(&operation.path) && operation.fields.iter().any(|field| field.name == "password") {
            let good = setting.good(operation).body;
            for password in ["x", "1234567", &"é".repeat(129)] {
                let body = with(&good, &json!({"password": password}));
                setting.refuses(operation, body.clone(), &weak("password")).await;
                setting.refuses(operation, without(&body, "username"), &missing("username")).await;
                setting.refuses(operation, with(&body, &json!({"aaa": 1})), &weak("password")).await;
            }
        }
    }
}

#[tokio::test]
async fn references_to_nobody_are_told_last() {
    let (setting, _db) = setting().await;
    let nobodies = no_children(&format!("{NOBODY}, 5a62be07de34500146d9c544"));
    for operation in writing() {
        let good = setting.good(operation).body;
        for field in operation.fields {
            match field.rule {
                Rule::Institution => {
                    setting
                        .refuses(operation, with(&good, &json!({"institution_id": NOBODY})), &no_institution())
                        .await;
                    setting.refuses(operation, with(&good, &json!({"institution": NOBODY})), &no_institution()).await;
                }
                Rule::Children => {
                    let body = json!({"children": [NOBODY, setting.school.child.id, {"id": "5a62be07de34500146d9c544"}, NOBODY]});
                    setting.refuses(operation, with(&good, &body), &nobodies).await;
                }
                _ => (),
            }
        }
    }
}
