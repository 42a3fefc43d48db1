//! `/api/admin/api-keys`: made, listed, revoked (contract of surface `user`).

use std::time::Duration;

use serde_json::{Value, json};
use testing::{
    Database, TestSuite,
    suite::{Answer, PASSWORD},
};

use crate::{NAME, NOBODY, no, yes};

const PATH: &str = "/api/admin/api-keys";

async fn make(suite: &TestSuite, admin: &str, body: Value) -> Answer {
    suite.send("POST", PATH, Some(admin), Some(body)).await
}

/// The id, the prefix and the key of a new key.
async fn made(suite: &TestSuite, admin: &str, name: &str) -> (String, String, String) {
    let data = make(suite, admin, json!({"name": name})).await.json()["data"].take();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&data["apiKey"]["_id"]), text(&data["apiKey"]["prefix"]), text(&data["key"]))
}

/// Shows a key on the surface `user`; the old password that goes with it is wrong.
async fn show(suite: &TestSuite, token: &str, key: &str) -> u16 {
    let body = json!({"oldPassword": "Lis-8-livres!", "newPassword": PASSWORD});
    let request = suite.request("PATCH", "/api/user/password").bearer_auth(token).header("x-api-key", key);
    testing::suite::answer(request.json(&body)).await.status
}

fn row(id: &str, name: &str, prefix: &str, last_used: &str) -> String {
    let created = r#""2026-03-02T09:00:00.000Z""#;
    let name = Value::from(name);
    format!(r#"{{"_id":"{id}","name":{name},"prefix":"{prefix}","createdAt":{created},"lastUsedAt":{last_used}}}"#)
}

testing::on_both! {
    async fn a_key_is_shown_when_it_is_made_and_never_again(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;

        let answer = make(&suite, &admin, json!({"name": "Élodie's app"})).await;

        let data = &answer.json()["data"];
        let (id, prefix) = (data["apiKey"]["_id"].as_str().unwrap(), data["apiKey"]["prefix"].as_str().unwrap());
        let key = data["key"].as_str().unwrap();
        let shown = row(id, "Élodie's app", prefix, "null");
        answer.must_be(201, &yes("API key created successfully!", &format!(r#"{{"apiKey":{shown},"key":"{key}"}}"#)));
        assert!(key.starts_with(prefix), "{key} {prefix}");
        // 256 bits are 43 characters of base64.
        assert!(key.len() >= prefix.len() + 43, "{key}");
        let listed = suite.send("GET", PATH, Some(&admin), None).await;
        listed.must_be(200, &yes("API keys fetched successfully!", &format!(r#"{{"apiKeys":[{shown}]}}"#)));
        let revoked = suite.send("DELETE", &format!("{PATH}/{id}"), Some(&admin), None).await;
        revoked.must_be(200, &yes("API key revoked successfully!", &format!(r#"{{"apiKey":{shown}}}"#)));
    }

    async fn keys_of_the_same_name_are_different_keys(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;

        let (first, second) = (made(&suite, &admin, "App").await, made(&suite, &admin, "App").await);

        assert!(first.0 != second.0 && first.1 != second.1 && first.2 != second.2);
    }

    async fn a_list_shows_when_a_key_was_last_used(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (admin, person) = (suite.admin().await, suite.register("royce27@gmail.com").await);
        let (id, prefix, key) = made(&suite, &admin, "App").await;
        suite.hand.advance(Duration::from_millis(3_600_217));

        assert_eq!(show(&suite, &person.token, &key).await, 401);

        let listed = suite.send("GET", PATH, Some(&admin), None).await;
        let shown = row(&id, "App", &prefix, r#""2026-03-02T10:00:00.217Z""#);
        listed.must_be(200, &yes("API keys fetched successfully!", &format!(r#"{{"apiKeys":[{shown}]}}"#)));
    }

    async fn a_revoked_key_is_refused_at_once_and_gone(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (admin, person) = (suite.admin().await, suite.register("royce27@gmail.com").await);
        let (id, _, key) = made(&suite, &admin, "App").await;
        let (_, _, other) = made(&suite, &admin, "Other").await;
        assert_eq!(show(&suite, &person.token, &key).await, 401);

        assert_eq!(suite.send("DELETE", &format!("{PATH}/{id}"), Some(&admin), None).await.status, 200);

        assert_eq!(show(&suite, &person.token, &key).await, 403);
        assert_eq!(show(&suite, &person.token, &other).await, 401);
        let again = suite.send("DELETE", &format!("{PATH}/{id}"), Some(&admin), None).await;
        again.must_be(404, &no("API key not found!"));
        let listed = suite.send("GET", PATH, Some(&admin), None).await.json()["data"]["apiKeys"].take();
        assert_eq!(listed.as_array().unwrap().len(), 1);
    }

    async fn no_keys_are_an_empty_list_and_no_key_is_not_found(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;

        let listed = suite.send("GET", PATH, Some(&admin), None).await;
        listed.must_be(200, &yes("API keys fetched successfully!", r#"{"apiKeys":[]}"#));
        let gone = suite.send("DELETE", &format!("{PATH}/{NOBODY}"), Some(&admin), None).await;
        gone.must_be(404, &no("API key not found!"));
    }

    async fn a_key_needs_a_name_and_nothing_else(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let required = "All fields are required (name)!";
        for (body, message) in [
            (json!({}), required),
            (json!({"name": null}), required),
            (json!({"name": ""}), required),
            (json!({"name": 1}), "name must be a string!"),
            (json!({"name": ["App"]}), "name must be a string!"),
            (json!({"name": "123"}), NAME),
            (json!({"name": "a\u{0}b"}), NAME),
            (json!({"name": "x".repeat(101)}), NAME),
            (json!({"name": "App", "key": "bib_0"}), "Invalid fields: key"),
            (json!({"name": "App", "prefix": "bib_0", "_id": NOBODY}), "Invalid fields: _id, prefix"),
        ] {
            let answer = make(&suite, &admin, body.clone()).await;

            assert_eq!((answer.status, answer.text), (400, no(message)), "{body}");
        }
        make(&suite, &admin, json!({"name": "x".repeat(100)})).await.json();
        let listed = suite.send("GET", PATH, Some(&admin), None).await.json()["data"]["apiKeys"].take();
        assert_eq!(listed.as_array().unwrap().len(), 1);
    }
}
