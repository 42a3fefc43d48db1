//! Operations 14 to 21: educators and health professionals, who differ in nothing but their names.

use serde_json::{Value, json};
use testing::{Database, suite::PASSWORD};

use crate::{
    NOBODY, SECOND, SIGNED_IN, bad_id, empty, forbidden, made, missing, no_institution, not_found, not_string,
    password_route,
    school::{Kind, School, child, group, professional},
    taken, unknown, weak, with, without,
};

const BOTH: [Kind; 2] = [Kind::Educator, Kind::HealthProfessional];

/// What both writes refuse in a field.
fn bad_fields() -> Vec<(Value, String)> {
    let mut cases = vec![
        (json!({"username": ""}), empty("username")),
        (json!({"username": " \t"}), empty("username")),
        (json!({"username": 1, "institution_id": "x"}), not_string("username")),
        (json!({"institution_id": "x", "x": 1}), bad_id("institution_id")),
    ];
    for value in [json!(1), json!(null), json!(true), json!(["x"]), json!({"x": "y"})] {
        cases.push((json!({"username": value}), not_string("username")));
    }
    for name in ["institution_id", "institution"] {
        for value in [json!(""), json!("x"), json!(null), json!(1), json!([NOBODY]), json!(NOBODY.to_uppercase())] {
            cases.push((json!({name: value}), bad_id("institution_id")));
        }
    }
    cases
}

testing::on_both! {
    async fn an_admin_makes_an_educator_and_a_health_professional(db: Database) {
        let school = School::open(&db).await;
        for kind in BOTH {
            let name = format!("New {kind:?}");
            let answer = school.post(&school.admin, kind.path(), school.body(kind, &format!(" {name} "))).await;
            let id = made(&answer);
            answer.must_be(201, &professional(&id, &name, &school.institution, "", ""));
            let shown = school.get(&school.admin, &kind.of(&id)).await;
            shown.must_be(200, &professional(&id, &name, &school.institution, "", ""));
            assert!(school.token(&name, PASSWORD).await.is_some());
        }
    }

    async fn a_new_professional_is_checked_in_order(db: Database) {
        let school = School::open(&db).await;
        for (kind, name) in BOTH.into_iter().zip(["one", "two"]) {
            let post = async |body: &Value| school.post(&school.admin, kind.path(), body.clone()).await;
            let mut body = json!({"username": "BR0001", "institution_id": 1, "x": 1});
            post(&body).await.must_be(400, &bad_id("institution_id"));
            body = with(&body, &json!({"institution_id": NOBODY}));
            post(&body).await.must_be(400, &missing("password"));
            body = with(&body, &json!({"password": "1234567"}));
            post(&body).await.must_be(400, &weak("password"));
            body = with(&body, &json!({"password": "12345678"}));
            post(&body).await.must_be(400, &unknown("x"));
            body = without(&body, "x");
            post(&body).await.must_be(409, &taken(kind.word()));
            body = with(&body, &json!({"username": name}));
            post(&body).await.must_be(400, &no_institution());
            body = with(&body, &json!({"institution_id": school.institution}));
            assert_eq!(post(&body).await.status, 201);
            post(&body).await.must_be(409, &taken(kind.word()));
        }
    }

    async fn an_admin_alone_lists_educators_and_health_professionals(db: Database) {
        let mut school = School::open(&db).await;
        school.later(SECOND).await;
        for kind in BOTH {
            let (first, second) = (school.one(kind).clone(), school.fresh(kind, &format!("second {kind:?}")).await);
            let answer = school.get(&school.admin, kind.path()).await;
            answer.must_be(
                200,
                &format!(
                    "[{},{}]",
                    professional(&second, &format!("second {kind:?}"), &school.institution, "", ""),
                    professional(&first.id, &first.name, &school.institution, SIGNED_IN, "")
                ),
            );
            assert_eq!(answer.header("x-total-count"), "2");
            for other in Kind::ALL {
                school.get(school.one(other), kind.path()).await.must_be(403, &forbidden());
            }
        }
    }

    async fn a_professional_is_seen_by_himself_and_by_admins(db: Database) {
        let school = School::open(&db).await;
        for kind in BOTH {
            let who = school.one(kind);
            let other = school.fresh(kind, &format!("other {kind:?}")).await;
            let shown = professional(&who.id, &who.name, &school.institution, SIGNED_IN, "");
            school.get(who, &kind.of(&who.id)).await.must_be(200, &shown);
            school.get(&school.admin, &kind.of(&who.id)).await.must_be(200, &shown);
            for id in [other.as_str(), NOBODY, &school.child.id] {
                school.get(who, &kind.of(id)).await.must_be(403, &forbidden());
            }
            for id in [NOBODY, &school.child.id] {
                school.get(&school.admin, &kind.of(id)).await.must_be(404, &not_found(kind.word()));
            }
            // Not below the other type's path.
            for wrong in BOTH.into_iter().filter(|wrong| *wrong != kind) {
                school.get(who, &wrong.of(&who.id)).await.must_be(403, &forbidden());
                school.get(&school.admin, &wrong.of(&who.id)).await.must_be(404, &not_found(wrong.word()));
            }
        }
    }

    async fn a_professional_shows_his_groups_in_the_order_in_which_they_were_made(db: Database) {
        let mut school = School::open(&db).await;
        for kind in BOTH {
            let mut ids = Vec::new();
            for name in ["Zebra", "Apple", "Mango"] {
                school.later(SECOND).await;
                ids.push(school.group(kind, name).await);
            }
            let last_login = r#""last_login":"2026-03-02T09:00:00.000Z","#;
            let shown = child(&school.child.id, "BR0001", &school.institution, last_login);
            let groups =
                [group(&ids[0], "Zebra", &shown), group(&ids[1], "Apple", &shown), group(&ids[2], "Mango", &shown)];
            let who = school.one(kind);
            let expected = professional(&who.id, &who.name, &school.institution, SIGNED_IN, &groups.join(","));

            school.get(who, &kind.of(&who.id)).await.must_be(200, &expected);
            school.patch(who, &kind.of(&who.id), json!({})).await.must_be(200, &expected);
            school.get(&school.admin, kind.path()).await.must_be(200, &format!("[{expected}]"));
        }
    }

    async fn a_professional_changes_his_name_and_even_his_institution(db: Database) {
        let school = School::open(&db).await;
        let other = school.institution("Escola Dois").await;
        for kind in BOTH {
            let who = school.one(kind);
            let (own, name) = (kind.of(&who.id), format!("Renamed {kind:?}"));
            let unchanged = professional(&who.id, &who.name, &school.institution, SIGNED_IN, "");
            school.patch(who, &own, json!({})).await.must_be(200, &unchanged);
            let moved = school.patch(who, &own, json!({"institution_id": other})).await;
            moved.must_be(200, &professional(&who.id, &who.name, &other, SIGNED_IN, ""));
            // What he may change goes with him.
            let change = json!({"address": format!("by {kind:?}")});
            assert_eq!(school.patch(who, &format!("/institutions/{other}"), change.clone()).await.status, 200);
            school
                .patch(who, &format!("/institutions/{}", school.institution), change)
                .await
                .must_be(403, &forbidden());

            let renamed =
                school.patch(&school.admin, &own, json!({"username": name, "institution": school.institution})).await;
            renamed.must_be(200, &professional(&who.id, &name, &school.institution, SIGNED_IN, ""));
            assert!(school.token(&name, PASSWORD).await.is_some());
            assert!(school.token(&who.name, PASSWORD).await.is_none());
            let stranger = school.fresh(kind, &format!("stranger {kind:?}")).await;
            for id in [stranger.as_str(), NOBODY] {
                school.patch(who, &kind.of(id), json!({"username": "x"})).await.must_be(403, &forbidden());
            }
        }
    }

    async fn a_change_of_a_professional_is_checked_in_order(db: Database) {
        let school = School::open(&db).await;
        for kind in BOTH {
            let who = school.one(kind);
            let own = kind.of(&who.id);
            let patch = async |body: &Value| school.patch(who, &own, body.clone()).await;
            let mut body = json!({"username": null, "institution_id": "", "password": null, "x": 1});
            patch(&body).await.must_be(400, &not_string("username"));
            body = with(&body, &json!({"username": "br0001"}));
            patch(&body).await.must_be(400, &bad_id("institution_id"));
            body = with(&body, &json!({"institution_id": NOBODY}));
            patch(&body).await.must_be(400, &password_route(&who.id));
            body = without(&body, "password");
            patch(&body).await.must_be(400, &unknown("x"));
            body = without(&body, "x");
            let absent = school.patch(&school.admin, &kind.of(NOBODY), body.clone()).await;
            absent.must_be(404, &not_found(kind.word()));
            patch(&body).await.must_be(409, &taken(kind.word()));
            body = with(&body, &json!({"username": who.name}));
            patch(&body).await.must_be(400, &no_institution());
            body = with(&body, &json!({"institution_id": school.institution}));
            let unchanged = professional(&who.id, &who.name, &school.institution, SIGNED_IN, "");
            patch(&body).await.must_be(200, &unchanged);
        }
    }
}

#[tokio::test]
async fn each_field_of_a_professional_is_checked() {
    let db = testing::sqlite().await;
    let school = School::open(&db).await;
    for kind in BOTH {
        let good = school.body(kind, "new");
        let mut posted = bad_fields();
        posted.extend([
            (json!({}), missing("username, password, institution")),
            (json!({"username": "new"}), missing("password, institution")),
            (json!({"institution": NOBODY, "x": 1}), missing("username, password")),
            (json!({"password": "short"}), missing("username, institution")),
            (json!({"password": ""}), empty("password")),
            (json!({"password": null}), not_string("password")),
            (json!({"password": 1, "institution_id": 1}), not_string("password")),
            (with(&good, &json!({"password": "short", "x": 1})), weak("password")),
            (with(&good, &json!({"b": 1, "a": 1})), unknown("a, b")),
            (with(&good, &json!({"gender": "male", "children": []})), unknown("children, gender")),
        ]);
        school.refuses(&school.admin, "POST", kind.path(), posted).await;
        for id in [school.one(kind).id.as_str(), NOBODY] {
            let mut patched = bad_fields();
            patched.push((json!({"b": 1, "a": 1}), unknown("a, b")));
            for value in [json!("x"), json!(1), json!(null), json!(""), json!({})] {
                patched.push((json!({"password": value, "x": 1}), password_route(id)));
            }
            school.refuses(&school.admin, "PATCH", &kind.of(id), patched).await;
        }
    }
}
