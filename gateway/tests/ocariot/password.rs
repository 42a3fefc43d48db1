//! Operation 2, the one that the document prints in full: `PUT /v1/users/{user_id}/password`, byte by byte.

use std::time::Duration;

use serde_json::{Value, json};
use testing::{
    Database, TestSuite,
    suite::{ADMIN, Answer, PASSWORD, Person, answer},
};

use crate::{BAD_TOKEN, EXPIRED, NO_TOKEN, REVOKED, bad_json, forbidden, invalid, says, unauthorized};

/// The id that the document prints.
const PRINTED_ID: &str = "5a62be07de34500146d9c544";

/// The document's example of a body.
const EXAMPLE: &str = r#"{
"old_password": "old_password_here",
"new_password": "new_password_here"
}"#;

const MISSING: &str = r#"{ "code": 400, "message": "Required fields were not provided...", "description": "old_password, new_password are required!" }"#;
const EMPTY: &str = r#"{ "code": 400, "message": "One or more request fields are invalid...", "description": "old_password must have at least one character!" }"#;
const NOT_A_STRING: &str = r#"{ "code": 400, "message": "One or more request fields are invalid...", "description": "old_password must be a string!" }"#;
const NO_MATCH: &str = r#"{ "code": 400, "message": "Password does not match!", "description": "The old password parameter does not match with the actual user password." }"#;

/// What the document prints on one line with blanks, as it is on the wire.
fn on_the_wire(printed: &str) -> String {
    printed.replace("{ ", "{").replace(" }", "}").replace("\": ", "\":").replace(", \"", ",\"")
}

fn bad_id() -> String {
    crate::bad_id("user_id")
}

fn missing(description: &str) -> String {
    says(400, "Required fields were not provided...", description)
}

fn path(id: &str) -> String {
    format!("/v1/users/{id}/password")
}

fn fields(old: &str, new: &str) -> Value {
    json!({"old_password": old, "new_password": new})
}

/// A suite and its first admin.
async fn setting(db: &Database) -> (TestSuite, Person) {
    let suite = TestSuite::start(db).await;
    let token = suite.admin().await;
    let me = suite.send("GET", "/api/clients/me", Some(&token), None).await.json();
    let id = me["data"]["client"]["_id"].as_str().unwrap().to_owned();
    (suite, Person { id, email: ADMIN.to_owned(), token })
}

async fn change(suite: &TestSuite, person: &Person, body: Value) -> Answer {
    suite.send("PUT", &path(&person.id), Some(&person.token), Some(body)).await
}

/// Sends a body with the headers of the document's curl command.
async fn curl(suite: &TestSuite, id: &str, token: &str, body: &str) -> Answer {
    let request = suite.request("PUT", &path(id)).header("accept", "/").bearer_auth(token);
    answer(request.header("content-type", "application/json").body(body.to_owned())).await
}

testing::on_both! {
    async fn a_change_answers_204_and_nothing_more(db: Database) {
        let (suite, admin) = setting(&db).await;
        let body = fields(PASSWORD, "Zebre-bleu-42").to_string();

        let answer = curl(&suite, &admin.id, &admin.token, &body).await;

        answer.must_be(204, "");
        assert_eq!((answer.header("content-type"), answer.header("content-length")), ("", ""));
        assert_eq!(suite.log_in(ADMIN, PASSWORD).await, None);
        assert!(suite.log_in(ADMIN, "Zebre-bleu-42").await.is_some());
    }

    async fn the_printed_refusals_come_to_the_byte(db: Database) {
        let (suite, admin) = setting(&db).await;
        for (body, printed) in [
            ("{}", MISSING),
            (r#"{"old_password":"","new_password":"new_password_here"}"#, EMPTY),
            (r#"{"old_password":1,"new_password":"new_password_here"}"#, NOT_A_STRING),
            (EXAMPLE, NO_MATCH),
        ] {
            curl(&suite, &admin.id, &admin.token, body).await.must_be(400, &on_the_wire(printed));
        }
        assert!(suite.log_in(ADMIN, PASSWORD).await.is_some());
    }

    async fn the_printed_command_as_it_stands_is_refused(db: Database) {
        let (suite, admin) = setting(&db).await;
        // A shell takes the inner quotes away.
        let unquoted = "{old_password:old_password_here,new_password:new_password_here}";

        let nobodys = curl(&suite, PRINTED_ID, "YOUR_ACCESS_TOKEN", unquoted).await;
        nobodys.must_be(401, &unauthorized(BAD_TOKEN));
        curl(&suite, PRINTED_ID, &admin.token, unquoted).await.must_be(403, &forbidden());
        curl(&suite, &admin.id, &admin.token, unquoted).await.must_be(400, &bad_json());
    }

    async fn an_admin_changes_his_own_password_alone(db: Database) {
        let (suite, admin) = setting(&db).await;
        let other = suite.register_admin("royce27@gmail.com").await;
        let body = fields(PASSWORD, "Zebre-bleu-42");
        for (id, token) in [(&other.id, &admin.token), (&admin.id, &other.token)] {
            suite.send("PUT", &path(id), Some(token), Some(body.clone())).await.must_be(403, &forbidden());
        }
        // Somebody else's account is the same as one that does not exist.
        suite.send("PUT", &path(PRINTED_ID), Some(&admin.token), Some(body)).await.must_be(403, &forbidden());
        assert!(suite.log_in(ADMIN, PASSWORD).await.is_some() && suite.log_in(&other.email, PASSWORD).await.is_some());
    }

    async fn a_client_of_the_library_may_change_none_here(db: Database) {
        let (suite, admin) = setting(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        for id in [&person.id, &admin.id, PRINTED_ID, "no-id"] {
            let answer =
                suite.send("PUT", &path(id), Some(&person.token), Some(fields(PASSWORD, "Zebre-bleu-42"))).await;

            answer.must_be(403, &forbidden());
        }
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    /// In the contract's order: every field present, then those that are missing, then those that are unknown.
    async fn fields_are_checked_in_the_order_of_the_contract(db: Database) {
        let (suite, admin) = setting(&db).await;
        let (empty, string) = ("must have at least one character!", "must be a string!");
        let mut cases = vec![
            (json!({}), missing("old_password, new_password are required!")),
            (json!({"old_password": PASSWORD}), missing("new_password are required!")),
            (json!({"new_password": "Zebre-bleu-42"}), missing("old_password are required!")),
            // A bad one beats a missing one, and the first bad one the second.
            (json!({"new_password": ""}), invalid(&format!("new_password {empty}"))),
            (json!({"old_password": null}), invalid(&format!("old_password {string}"))),
            (json!({"old_password": 1, "new_password": ""}), invalid(&format!("old_password {string}"))),
            (json!({"old_password": "", "new_password": null}), invalid(&format!("old_password {empty}"))),
            // A missing one beats an unknown one.
            (json!({"role": "admin"}), missing("old_password, new_password are required!")),
            (json!({"old_password": "", "role": "admin"}), invalid(&format!("old_password {empty}"))),
        ];
        for name in ["old_password", "new_password"] {
            for value in [json!(1), json!(null), json!(true), json!(1.5), json!(["x"]), json!({"x": "y"})] {
                let mut other = fields(PASSWORD, "Zebre-bleu-42");
                other[name] = value;
                cases.push((other, invalid(&format!("{name} {string}"))));
            }
        }
        for name in ["oldPassword", "confirm_password", "id", "role", "type", "password"] {
            // Before the password is compared.
            let mut other = fields("wrong", "Zebre-bleu-42");
            other[name] = json!("admin");
            cases.push((other, invalid(&format!("{name} are not allowed!"))));
        }
        let mut two = fields("wrong", "Zebre-bleu-42");
        (two["b"], two["a"]) = (json!(1), json!(2));
        cases.push((two, invalid("a, b are not allowed!")));

        for (body, text) in cases {
            let answer = change(&suite, &admin, body.clone()).await;

            assert_eq!((answer.status, answer.text), (400, text), "{body}");
        }
        suite.send("PUT", &path(&admin.id), Some(&admin.token), None).await.must_be(400, &on_the_wire(MISSING));
        assert!(suite.log_in(ADMIN, PASSWORD).await.is_some());
    }

    async fn the_old_password_is_looked_at_before_the_strength_of_the_new_one(db: Database) {
        let (suite, admin) = setting(&db).await;
        let parts = "at least 8 characters, one uppercase letter, one lowercase letter, and one number.";
        let weak = invalid(&format!("new_password must contain {parts}"));
        let long = format!("Zq7{}", "🦀".repeat(126));
        for (old, new, text) in [
            ("wrong", "weak", on_the_wire(NO_MATCH)),
            ("Lis-7-livres!\u{0}", "Zebre-bleu-42", on_the_wire(NO_MATCH)),
            (&"x".repeat(5000), "Zebre-bleu-42", on_the_wire(NO_MATCH)),
            (PASSWORD, "new_password_here", weak.clone()),
            (PASSWORD, "Zq7vKp2", weak.clone()),
            (PASSWORD, &long, weak),
            (PASSWORD, "Azerty123", invalid("new_password is too easy to guess!")),
        ] {
            change(&suite, &admin, fields(old, new)).await.must_be(400, &text);
        }
        assert!(suite.log_in(ADMIN, PASSWORD).await.is_some());
        change(&suite, &admin, fields(PASSWORD, PASSWORD)).await.must_be(204, "");
    }

    /// Method, token, scope, id, ownership, body, fields: each time the next one is mended.
    async fn what_is_wrong_is_told_in_the_order_of_the_contract(db: Database) {
        let (suite, admin) = setting(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        let send = async |method: &str, id: &str, token: &str, kind: &'static str, body: &'static str| {
            let request = suite.request(method, &path(id)).bearer_auth(token).header("content-type", kind);
            answer(request.body(body)).await
        };
        let kind = says(415, "UNSUPPORTED MEDIA TYPE", "The request body must be sent as application/json.");

        let method = says(405, "METHOD NOT ALLOWED", "This method is not supported for the resource.");
        send("PATCH", "no-id", "x", "text/plain", "{").await.must_be(405, &method);
        send("PUT", "no-id", "x", "text/plain", "{").await.must_be(401, &unauthorized(BAD_TOKEN));
        send("PUT", "no-id", &person.token, "text/plain", "{").await.must_be(403, &forbidden());
        send("PUT", "no-id", &admin.token, "text/plain", "{").await.must_be(400, &bad_id());
        send("PUT", PRINTED_ID, &admin.token, "text/plain", "{").await.must_be(403, &forbidden());
        send("PUT", &admin.id, &admin.token, "text/plain", "{").await.must_be(415, &kind);
        send("PUT", &admin.id, &admin.token, "application/json", "{").await.must_be(400, &bad_json());
        send("PUT", &admin.id, &admin.token, "application/json", "{}").await.must_be(400, &on_the_wire(MISSING));
    }

    async fn a_malformed_id_is_named(db: Database) {
        let (suite, admin) = setting(&db).await;
        let upper = admin.id.to_uppercase();
        for id in [
            "",
            "1",
            "5a62be07de34500146d9c54",
            "5a62be07de34500146d9c5444",
            &upper,
            "5a62be07de34500146d9c54g",
            "zzzzzzzzzzzzzzzzzzzzzzzz",
            "%20",
            "%00",
            "%FF",
            "%2F",
            "%F0%9F%A6%80",
            "'%20OR%20''='",
        ] {
            let answer =
                suite.send("PUT", &path(id), Some(&admin.token), Some(fields(PASSWORD, "Zebre-bleu-42"))).await;

            assert_eq!((answer.status, answer.text), (400, bad_id()), "{id}");
        }
        assert!(suite.log_in(ADMIN, PASSWORD).await.is_some());
    }

    async fn a_trailing_slash_is_allowed(db: Database) {
        let (suite, admin) = setting(&db).await;
        let path = format!("{}/", path(&admin.id));

        let changed = suite.send("PUT", &path, Some(&admin.token), Some(fields(PASSWORD, "Zebre-bleu-42"))).await;

        changed.must_be(204, "");
        let method = suite.send("GET", &path, None, None).await;
        method.must_be(405, &says(405, "METHOD NOT ALLOWED", "This method is not supported for the resource."));
    }

    async fn each_kind_of_bad_token_is_told_apart(db: Database) {
        let (suite, admin) = setting(&db).await;
        let (out, body) = (suite.admin().await, fields(PASSWORD, "Zebre-bleu-42"));
        suite.send("POST", "/api/clients/logout", Some(&out), None).await;
        let (head, tail) = admin.token.split_at(admin.token.len() - 40);
        let forged = format!("{head}{}{}", if tail.starts_with('A') { "B" } else { "A" }, &tail[1..]);

        suite.send("PUT", &path(&admin.id), None, Some(body.clone())).await.must_be(401, &unauthorized(NO_TOKEN));
        for (value, description) in [
            ("", NO_TOKEN),
            ("Basic bGl2cmU6bGl2cmU=", NO_TOKEN),
            (&format!("Token {}", admin.token), NO_TOKEN),
            (&format!("Bearer {forged}"), BAD_TOKEN),
            ("Bearer a.b.c", BAD_TOKEN),
            ("bearer null", BAD_TOKEN),
            (&format!("Bearer {out}"), REVOKED),
            (&format!("BEARER {out}"), REVOKED),
        ] {
            let request = suite.request("PUT", &path(&admin.id)).header("authorization", value);
            let answer = answer(request.json(&body)).await;

            assert_eq!((answer.status, answer.text), (401, unauthorized(description)), "{value}");
        }
        for seconds in [24 * 3600, 1, 10] {
            suite.hand.advance(Duration::from_secs(seconds));
            change(&suite, &admin, body.clone()).await.must_be(401, &unauthorized(EXPIRED));
        }
        assert!(suite.log_in(ADMIN, PASSWORD).await.is_some());
    }

    async fn who_is_no_longer_there_is_not_registered(db: Database) {
        let (suite, admin) = setting(&db).await;
        let (gone, blocked) =
            (suite.register_admin("gone@example.org").await, suite.register_admin("blocked@example.org").await);
        suite.send("DELETE", &format!("/api/clients/{}", gone.id), Some(&admin.token), None).await;
        let block = Some(json!({"active": false}));
        suite.send("PUT", &format!("/api/clients/{}", blocked.id), Some(&admin.token), block).await;

        for person in [gone, blocked] {
            let answer = change(&suite, &person, fields(PASSWORD, "Zebre-bleu-42")).await;
            answer.must_be(401, &unauthorized(REVOKED));
        }
    }

    async fn ten_wrong_guesses_lock_the_change_for_a_minute(db: Database) {
        let (suite, admin) = setting(&db).await;
        for _ in 0..10 {
            change(&suite, &admin, fields("wrong", "Zebre-bleu-42")).await.must_be(400, &on_the_wire(NO_MATCH));
        }

        let locked = change(&suite, &admin, fields(PASSWORD, "Zebre-bleu-42")).await;

        locked.must_be(429, &says(429, "TOO MANY REQUESTS", "Too many attempts. Please try again later."));
        assert_eq!(locked.header("retry-after"), "60");
    }
}

#[tokio::test]
async fn another_method_is_not_allowed_and_told_which_one_is() {
    let db = testing::sqlite().await;
    let suite = TestSuite::start(&db).await;
    let token = suite.admin().await;
    let text = says(405, "METHOD NOT ALLOWED", "This method is not supported for the resource.");
    for method in ["GET", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
        for token in [None, Some(token.as_str())] {
            let answer = suite.send(method, &path(PRINTED_ID), token, None).await;

            answer.must_be(405, &text);
            assert_eq!(answer.header("allow"), "PUT", "{method}");
        }
    }
}
