//! What the surface shows.

use serde_json::{Value, json};

use crate::openapi::schema::{closed, id, list, object_with, of, one_of, time};

/// What the surface shows, and how it refuses.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let text = || json!({"type": "string"});
    let account = [("id", id()), ("username", text()), ("institution_id", id()), ("last_login", time())];
    let groups = || list(of("ChildrenGroup"));
    let member = |more: Vec<(&str, Value)>, required: &[&str]| {
        let properties = account.clone().into_iter().chain(more).map(|(name, schema)| (name.to_owned(), schema));
        let required = ["id", "username"].iter().chain(required).map(|name| (*name).to_owned()).collect();
        closed(properties.collect(), required)
    };
    let child = vec![
        ("gender", one_of(&["male", "female"])),
        ("age", text()),
        ("age_calc_date", text()),
        ("fitbit_status", json!({"const": "none"})),
    ];
    let belongs = |required: &'static str| ["institution_id", required];
    vec![
        (
            "SchoolRefusal",
            object_with(
                [
                    ("code", json!({"type": "integer"})),
                    ("message", text()),
                    ("description", text()),
                    ("redirect_link", json!({"const": "/auth"})),
                ],
                &["code", "message"],
            ),
        ),
        (
            "Institution",
            object_with(
                [
                    ("id", id()),
                    ("type", text()),
                    ("name", text()),
                    ("address", text()),
                    ("latitude", text()),
                    ("longitude", text()),
                ],
                &["id", "type", "name"],
            ),
        ),
        ("Child", member(child, &["institution_id", "gender", "age", "fitbit_status"])),
        ("Educator", member(vec![("children_groups", groups())], &belongs("children_groups"))),
        ("HealthProfessional", member(vec![("children_groups", groups())], &belongs("children_groups"))),
        ("Family", member(vec![("children", list(of("Child")))], &belongs("children"))),
        ("Application", member(vec![("application_name", text())], &["application_name"])),
        (
            "ChildrenGroup",
            object_with(
                [("id", id()), ("name", text()), ("children", list(of("Child"))), ("school_class", text())],
                &["id", "name", "children"],
            ),
        ),
    ]
}
