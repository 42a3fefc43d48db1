//! The order of checks: everything wrong at once, and one thing mended each time.

use serde_json::json;
use testing::{
    Database,
    suite::{PASSWORD, answer},
};

use crate::{
    BAD_TOKEN, MEDIA_TYPE, METHOD, NO_TOKEN, NOBODY, TOO_LARGE, bad_id, bad_json, empty, forbidden, missing,
    no_children, no_endpoint, no_institution, not_found, says,
    school::{Kind, School, groups},
    taken, unauthorized, unknown, weak,
};

/// A request of which nothing is made for the test: what it is, its token, its type and its body.
struct Request<'a> {
    method: &'a str,
    path: String,
    token: Option<&'a str>,
    kind: &'a str,
    body: String,
}

impl Request<'_> {
    async fn must_be(&self, school: &School, status: u16, text: &str) {
        let mut request =
            school.suite.request(self.method, &format!("/v1{}", self.path)).header("content-type", self.kind);
        if let Some(token) = self.token {
            request = request.bearer_auth(token);
        }
        answer(request.body(self.body.clone())).await.must_be(status, text);
    }
}

testing::on_both! {
    async fn a_new_family_comes_past_eight_checks(db: Database) {
        let school = School::open(&db).await;
        let mut it =
            Request { method: "POST", path: "/families/x/y".into(), token: None, kind: "text/plain", body: "x".into() };
        it.must_be(&school, 404, &no_endpoint("/v1/families/x/y")).await;
        (it.path, it.method) = ("/families".into(), "PUT");
        it.must_be(&school, 405, METHOD).await;
        it.method = "POST";
        it.must_be(&school, 401, &unauthorized(NO_TOKEN)).await;
        it.token = Some("x");
        it.must_be(&school, 401, &unauthorized(BAD_TOKEN)).await;
        it.token = Some(&school.family.token);
        it.must_be(&school, 403, &forbidden()).await;
        it.token = Some(&school.admin.token);
        it.must_be(&school, 415, MEDIA_TYPE).await;
        it.kind = "application/json";
        it.must_be(&school, 400, &bad_json()).await;
        let wrong = json!({"x": 1, "children": [NOBODY], "institution_id": NOBODY, "username": ""});
        it.body = wrong.to_string();
        it.must_be(&school, 400, &empty("username")).await;
        it.body = crate::with(&wrong, &json!({"username": "family"})).to_string();
        it.must_be(&school, 400, &missing("password")).await;
        let wrong = crate::with(&wrong, &json!({"username": "family", "password": "short"}));
        it.body = wrong.to_string();
        it.must_be(&school, 400, &weak("password")).await;
        let wrong = crate::with(&wrong, &json!({"password": PASSWORD}));
        it.body = wrong.to_string();
        it.must_be(&school, 400, &unknown("x")).await;
        let wrong = crate::without(&wrong, "x");
        it.body = wrong.to_string();
        it.must_be(&school, 409, &taken("Family")).await;
        let wrong = crate::with(&wrong, &json!({"username": "new"}));
        it.body = wrong.to_string();
        it.must_be(&school, 400, &no_children(NOBODY)).await;
        let wrong = crate::with(&wrong, &json!({"children": [school.child.id]}));
        it.body = wrong.to_string();
        it.must_be(&school, 400, &no_institution()).await;
    }

    async fn a_change_of_a_group_comes_past_eight_checks(db: Database) {
        let school = School::open(&db).await;
        let id = school.group(Kind::Educator, "Group One").await;
        let (own, path) =
            (&school.educator.id, |owner: &str, id: &str| format!("{}/{id}", groups(Kind::Educator, owner)));
        let mut it = Request { method: "PUT", path: path("x", "y"), token: None, kind: "text/plain", body: "{".into() };
        it.must_be(&school, 405, METHOD).await;
        it.method = "PATCH";
        it.must_be(&school, 401, &unauthorized(NO_TOKEN)).await;
        it.token = Some(&school.admin.token);
        it.must_be(&school, 403, &forbidden()).await;
        it.token = Some(&school.educator.token);
        it.must_be(&school, 400, &bad_id("educator_id")).await;
        it.path = path(NOBODY, "y");
        it.must_be(&school, 400, &bad_id("group_id")).await;
        it.path = path(NOBODY, NOBODY);
        it.must_be(&school, 403, &forbidden()).await;
        it.path = path(own, NOBODY);
        it.must_be(&school, 415, MEDIA_TYPE).await;
        it.kind = "application/json";
        it.must_be(&school, 400, &bad_json()).await;
        it.body = json!({"name": "", "x": 1}).to_string();
        it.must_be(&school, 400, &empty("name")).await;
        it.body = json!({"x": 1}).to_string();
        it.must_be(&school, 400, &unknown("x")).await;
        it.body = json!({"name": "Group One"}).to_string();
        it.must_be(&school, 409, &taken("Children Group")).await;
        it.body = json!({"name": "Group Two", "children": [NOBODY]}).to_string();
        it.must_be(&school, 400, &no_children(NOBODY)).await;
        it.body = json!({"name": "Group Two"}).to_string();
        it.must_be(&school, 404, &not_found("Children Group")).await;
        it.path = path(own, &id);
        it.body = String::new();
        assert_eq!(school.patch(&school.educator, &it.path, json!({"name": "Group Two"})).await.status, 200);
    }

    async fn a_change_of_an_institution_comes_past_eight_checks(db: Database) {
        let school = School::open(&db).await;
        let other = school.institution("Escola Dois").await;
        let mut it = Request {
            method: "POST",
            path: "/institutions/x".into(),
            token: None,
            kind: "text/html",
            body: "[]".into(),
        };
        it.must_be(&school, 405, METHOD).await;
        it.method = "PATCH";
        it.token = Some("a.b.c");
        it.must_be(&school, 401, &unauthorized(BAD_TOKEN)).await;
        it.token = Some(&school.child.token);
        it.must_be(&school, 403, &forbidden()).await;
        it.token = Some(&school.educator.token);
        it.must_be(&school, 400, &bad_id("institution_id")).await;
        for id in [other.as_str(), NOBODY] {
            it.path = format!("/institutions/{id}");
            it.must_be(&school, 403, &forbidden()).await;
        }
        it.path = format!("/institutions/{}", school.institution);
        it.must_be(&school, 415, MEDIA_TYPE).await;
        it.kind = "application/json; charset=utf-8";
        it.must_be(&school, 400, &bad_json()).await;
        it.body = r#"{"x":1,"name":"Escola Dois","type":""}"#.into();
        it.must_be(&school, 400, &empty("type")).await;
        it.body = r#"{"x":1,"name":"Escola Dois"}"#.into();
        it.must_be(&school, 400, &unknown("x")).await;
        it.body = r#"{"name":"Escola Dois"}"#.into();
        it.must_be(&school, 409, &taken("Institution")).await;
    }

    async fn a_reset_comes_past_eight_checks(db: Database) {
        let school = School::open(&db).await;
        let mut it = Request {
            method: "GET",
            path: "/users/x/reset-password".into(),
            token: None,
            kind: "text/plain",
            body: "null".into(),
        };
        it.must_be(&school, 405, METHOD).await;
        it.method = "POST";
        it.must_be(&school, 401, &unauthorized(NO_TOKEN)).await;
        it.token = Some(&school.educator.token);
        it.must_be(&school, 403, &forbidden()).await;
        it.token = Some(&school.admin.token);
        it.must_be(&school, 400, &bad_id("user_id")).await;
        it.path = format!("/users/{NOBODY}/reset-password");
        it.must_be(&school, 415, MEDIA_TYPE).await;
        it.kind = "application/json";
        it.body = "x".repeat(60_000);
        it.must_be(&school, 413, TOO_LARGE).await;
        it.body = "null".into();
        it.must_be(&school, 400, &bad_json()).await;
        it.body = "{}".into();
        it.must_be(&school, 400, &says(400, "Required field not provided...", "new_password is required!")).await;
        it.body = r#"{"new_password":"short"}"#.into();
        it.must_be(&school, 404, &not_found("User")).await;
        it.path = format!("/users/{}/reset-password", school.educator.id);
        it.must_be(&school, 400, &weak("new_password")).await;
        it.body = r#"{"new_password":"long enough"}"#.into();
        it.must_be(&school, 204, "").await;
    }
}
