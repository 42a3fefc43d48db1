//! Operations 29 to 32: applications.

use serde_json::{Value, json};
use testing::{Database, suite::PASSWORD};

use crate::{
    NOBODY, SECOND, SIGNED_IN, bad_id, empty, forbidden, made, missing, no_institution, not_found, not_string,
    password_route,
    school::{Kind, School, application},
    taken, unknown, weak, with, without,
};

const PATH: &str = "/applications";

fn path(id: &str) -> String {
    Kind::Application.of(id)
}

/// What both writes refuse in a field.
fn bad_fields() -> Vec<(Value, String)> {
    let mut cases = vec![
        (json!({"username": " "}), empty("username")),
        (json!({"application_name": ""}), empty("application_name")),
        (json!({"application_name": 1, "institution_id": 1, "username": 1}), not_string("username")),
        (json!({"application_name": 1, "institution_id": 1}), bad_id("institution_id")),
        (json!({"institution": "x"}), bad_id("institution_id")),
        (json!({"institution_id": null}), bad_id("institution_id")),
        (json!({"institution_id": ""}), bad_id("institution_id")),
    ];
    for name in ["username", "application_name"] {
        for value in [json!(1), json!(null), json!(true), json!(["x"]), json!({"x": "y"})] {
            cases.push((json!({name: value}), not_string(name)));
        }
    }
    cases
}

testing::on_both! {
    async fn an_admin_makes_an_application_with_an_institution_and_without(db: Database) {
        let school = School::open(&db).await;
        let body = school.body(Kind::Application, "app");
        let answer = school.post(&school.admin, PATH, body.clone()).await;
        let id = made(&answer);
        answer.must_be(201, &application(&id, "app", &school.institution, ""));
        school.get(&school.admin, &path(&id)).await.must_be(200, &application(&id, "app", &school.institution, ""));

        let body = with(&without(&body, "institution_id"), &json!({"username": "alone"}));
        let answer = school.post(&school.admin, PATH, body).await;
        let id = made(&answer);
        let shown = format!(r#"{{"id":"{id}","username":"alone","application_name":"Application Example"}}"#);
        answer.must_be(201, &shown);
        school.get(&school.admin, &path(&id)).await.must_be(200, &shown);
        let alone = school.signed_in("", "alone").await;
        school.get(&alone, &path(&id)).await.must_be(
            200,
            &format!(r#"{{"id":"{id}","username":"alone",{SIGNED_IN}"application_name":"Application Example"}}"#),
        );
        assert_eq!(school.get(&alone, &format!("/institutions/{}", school.institution)).await.status, 200);
    }

    async fn a_new_application_is_checked_in_order(db: Database) {
        let school = School::open(&db).await;
        let post = async |body: &Value| school.post(&school.admin, PATH, body.clone()).await;
        let mut body = json!({"username": " Educator ", "institution_id": NOBODY, "application_name": "", "x": 1});
        post(&body).await.must_be(400, &empty("application_name"));
        body = with(&body, &json!({"application_name": "App"}));
        post(&body).await.must_be(400, &missing("password"));
        body = with(&body, &json!({"password": "short"}));
        post(&body).await.must_be(400, &weak("password"));
        body = with(&body, &json!({"password": PASSWORD}));
        post(&body).await.must_be(400, &unknown("x"));
        body = without(&body, "x");
        post(&body).await.must_be(409, &taken("Application"));
        body = with(&body, &json!({"username": "app"}));
        post(&body).await.must_be(400, &no_institution());
        assert_eq!(post(&without(&body, "institution_id")).await.status, 201);
    }

    async fn an_admin_alone_lists_applications(db: Database) {
        let mut school = School::open(&db).await;
        school.later(SECOND).await;
        let second = school.fresh(Kind::Application, "app").await;
        let answer = school.get(&school.admin, PATH).await;
        answer.must_be(
            200,
            &format!(
                "[{},{}]",
                application(&second, "app", &school.institution, ""),
                application(&school.application.id, "application", &school.institution, SIGNED_IN)
            ),
        );
        assert_eq!(answer.header("x-total-count"), "2");
        for kind in Kind::ALL {
            school.get(school.one(kind), PATH).await.must_be(403, &forbidden());
        }
    }

    async fn an_application_is_seen_by_itself_and_by_admins(db: Database) {
        let school = School::open(&db).await;
        let other = school.fresh(Kind::Application, "app").await;
        let shown = application(&school.application.id, "application", &school.institution, SIGNED_IN);
        for who in [&school.admin, &school.application] {
            school.get(who, &path(&school.application.id)).await.must_be(200, &shown);
        }
        for id in [other.as_str(), NOBODY] {
            school.get(&school.application, &path(id)).await.must_be(403, &forbidden());
        }
        for id in [NOBODY, &school.educator.id] {
            school.get(&school.admin, &path(id)).await.must_be(404, &not_found("Application"));
        }
    }

    async fn an_admin_alone_changes_an_application(db: Database) {
        let school = School::open(&db).await;
        let (id, own) = (&school.application.id, path(&school.application.id));
        school.fresh(Kind::Application, "app").await;
        let unchanged = application(id, "application", &school.institution, SIGNED_IN);
        school.patch(&school.admin, &own, json!({})).await.must_be(200, &unchanged);
        school.patch(&school.application, &own, json!({})).await.must_be(403, &forbidden());
        let other = school.institution("Escola Dois").await;

        let body = json!({"application_name": " Other ", "institution_id": other, "username": "renamed"});
        school.patch(&school.admin, &own, body).await.must_be(200, &format!(
            r#"{{"id":"{id}","username":"renamed","institution_id":"{other}",{SIGNED_IN}"application_name":" Other "}}"#
        ));

        let mut body =
            json!({"username": "APP", "institution_id": NOBODY, "password": "", "application_name": "", "x": 1});
        school.patch(&school.admin, &own, body.clone()).await.must_be(400, &password_route(id));
        body = without(&body, "password");
        school.patch(&school.admin, &own, body.clone()).await.must_be(400, &empty("application_name"));
        body = with(&body, &json!({"application_name": "App"}));
        school.patch(&school.admin, &own, body.clone()).await.must_be(400, &unknown("x"));
        body = without(&body, "x");
        school.patch(&school.admin, &path(NOBODY), body.clone()).await.must_be(404, &not_found("Application"));
        school.patch(&school.admin, &own, body.clone()).await.must_be(409, &taken("Application"));
        body = with(&body, &json!({"username": "renamed"}));
        school.patch(&school.admin, &own, body).await.must_be(400, &no_institution());
    }
}

#[tokio::test]
async fn each_field_of_an_application_is_checked() {
    let db = testing::sqlite().await;
    let school = School::open(&db).await;
    let good = school.body(Kind::Application, "app");
    let mut posted = bad_fields();
    posted.extend([
        (json!({}), missing("username, password, application_name")),
        (json!({"institution_id": NOBODY}), missing("username, password, application_name")),
        (json!({"application_name": "App"}), missing("username, password")),
        (without(&good, "username"), missing("username")),
        (json!({"password": "", "application_name": 1}), empty("password")),
        (json!({"password": 1, "institution_id": 1}), not_string("password")),
        (with(&good, &json!({"password": "short", "x": 1})), weak("password")),
        (with(&good, &json!({"b": 1, "a": 1})), unknown("a, b")),
    ]);
    school.refuses(&school.admin, "POST", PATH, posted).await;
    for id in [school.application.id.as_str(), NOBODY] {
        let mut patched = bad_fields();
        patched.push((json!({"b": 1, "a": 1}), unknown("a, b")));
        for value in [json!("x"), json!(1), json!(null)] {
            patched.push((json!({"password": value, "application_name": 1}), password_route(id)));
        }
        school.refuses(&school.admin, "PATCH", &path(id), patched).await;
    }
}
