//! Surface `applivery`: document 003, byte by byte.

use std::time::Duration;

use serde_json::{Value, json};
use testing::{
    Database, TestSuite,
    suite::{Answer, PASSWORD, answer, compact},
};

const PATH: &str = "/v1/auth/register/update-password";

/// The body of the document's curl command.
const CURL: &str = r#"{
  "password": "string",
  "newPassword": "string"
}"#;

/// The document's example of a body.
const EXAMPLE: &str = r#"{
    "password": "string",
    "newPassword": "string"
}"#;

const PRINTED_200: &str = r#"{
    "status": true,
    "data": {
        "done": true,
        "message": "string"
    }
}"#;

const PRINTED_400: &str = r#"{
    "status": false,
    "error": {
        "code": 5057,
        "message": "Insufficient Password Complexity"
    }
}"#;

const PRINTED_401: &str = r#"{
    "status": false,
    "error": {
        "code": 4002,
        "message": "No auth token"
    }
}"#;

const PRINTED_403: &str = r#"{
    "status": false,
    "error": {
        "code": 4006,
        "message": "Invalid Credentials"
    }
}"#;

fn done() -> String {
    compact(PRINTED_200).replace("string", "Password updated")
}

fn error(code: u16, message: &str) -> String {
    format!(r#"{{"status":false,"error":{{"code":{code},"message":"{message}"}}}}"#)
}

/// What is wrong, field by field.
fn invalid(errors: &[(&str, &str)]) -> String {
    let errors: Vec<_> =
        errors.iter().map(|(field, message)| format!(r#"{{"field":"{field}","message":"{message}"}}"#)).collect();
    let errors = errors.join(",");
    format!(
        r#"{{"status":false,"error":{{"code":3001,"message":"Body Validation Error","data":{{"errors":[{errors}]}}}}}}"#
    )
}

fn fields(old: &str, new: &str) -> Value {
    json!({"password": old, "newPassword": new})
}

async fn change(suite: &TestSuite, token: &str, body: Value) -> Answer {
    suite.send("POST", PATH, Some(token), Some(body)).await
}

testing::on_both! {
    async fn the_printed_200_answers_a_change(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;

        let answer = change(&suite, &person.token, fields(PASSWORD, "Zebre-bleu-42")).await;

        answer.must_be(200, &done());
        assert_eq!(suite.log_in(&person.email, PASSWORD).await, None);
        assert!(suite.log_in(&person.email, "Zebre-bleu-42").await.is_some());
    }

    /// The placeholders are nobody's password, nor long enough to become one, and the old one is looked at first.
    async fn the_printed_request_as_it_stands_has_the_wrong_password(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;

        for body in [CURL, EXAMPLE] {
            suite.send_text("POST", PATH, Some(&person.token), body).await.must_be(403, &compact(PRINTED_403));
        }
        let right = CURL.replacen("string", PASSWORD, 1);
        suite.send_text("POST", PATH, Some(&person.token), right).await.must_be(400, &compact(PRINTED_400));
        for token in [None, Some("<YOUR_API_KEY>")] {
            suite.send_text("POST", PATH, token, CURL).await.must_be(401, &compact(PRINTED_401));
        }
    }

    async fn a_wrong_password_is_invalid_credentials(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        for old in ["", "x", "Lis-7-livres", "Lis-7-livres! ", "Lis-7-livres!\u{0}", &"🦀".repeat(128)] {
            let answer = change(&suite, &person.token, fields(old, "Zebre-bleu-42")).await;

            answer.must_be(403, &compact(PRINTED_403));
        }
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    async fn a_new_password_of_the_wrong_length_or_too_weak_is_of_insufficient_complexity(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        let long = format!("Zq7{}", "🦀".repeat(126));
        for new in ["", "Zq7vKp2", "zq7vkp2x", "ZQ7VKP2X", "ZqWvKpLx", "Azerty123", &long, &"Zq7x".repeat(1000)] {
            let answer = change(&suite, &person.token, fields(PASSWORD, new)).await;

            answer.must_be(400, &compact(PRINTED_400));
        }
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    /// Lengths are counted in Unicode scalar values.
    async fn passwords_of_8_and_of_128_characters_are_taken(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        let longest = format!("Zq7{}", "🦀".repeat(125));
        let mut old = PASSWORD;
        for new in ["p8&Q4f7B", longest.as_str(), "Éàç9Ünïx"] {
            change(&suite, &person.token, fields(old, new)).await.must_be(200, &done());

            assert!(suite.log_in(&person.email, new).await.is_some());
            old = new;
        }
    }

    async fn the_new_password_may_be_the_old_one(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;

        change(&suite, &person.token, fields(PASSWORD, PASSWORD)).await.must_be(200, &done());
    }

    async fn a_body_that_does_not_fit_is_told_field_by_field(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        let (required, string, allowed) = ("is required", "must be a string", "is not allowed");
        let long = ("password", "must have at most 128 characters");
        let mut cases = vec![
            (json!({}), vec![("password", required), ("newPassword", required)]),
            (json!({"password": PASSWORD}), vec![("newPassword", required)]),
            (json!({"newPassword": "Zebre-bleu-42"}), vec![("password", required)]),
            (json!({"password": 1, "newPassword": null}), vec![("password", string), ("newPassword", string)]),
            (fields(&"x".repeat(129), "Zebre-bleu-42"), vec![long]),
            (fields(&"🦀".repeat(129), "weak"), vec![long]),
            (json!({"old": 1}), vec![("password", required), ("newPassword", required), ("old", allowed)]),
        ];
        for name in ["password", "newPassword"] {
            for value in [json!(null), json!(1), json!(true), json!([PASSWORD]), json!({"$ne": ""})] {
                let mut other = fields(PASSWORD, "Zebre-bleu-42");
                other[name] = value;
                cases.push((other, vec![(name, string)]));
            }
        }
        for name in ["role", "confirmPassword", "Password"] {
            let mut other = fields(PASSWORD, "Zebre-bleu-42");
            other[name] = json!("Zebre-bleu-42");
            cases.push((other, vec![(name, allowed)]));
        }

        for (body, errors) in cases {
            let answer = change(&suite, &person.token, body.clone()).await;

            assert_eq!((answer.status, answer.text), (400, invalid(&errors)), "{body}");
        }
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    /// Token, then fields, then the current password, then the new one.
    async fn a_change_is_checked_from_the_outside_in(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;

        suite.send_text("POST", PATH, None, "{").await.must_be(401, &compact(PRINTED_401));
        let missing = change(&suite, &person.token, json!({"password": "wrong"})).await;
        missing.must_be(400, &invalid(&[("newPassword", "is required")]));
        change(&suite, &person.token, fields("wrong", "weak")).await.must_be(403, &compact(PRINTED_403));
        change(&suite, &person.token, fields(PASSWORD, "weak")).await.must_be(400, &compact(PRINTED_400));
    }

    async fn no_token_and_one_that_cannot_be_verified_are_no_auth_token(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        let (head, tail) = person.token.split_at(person.token.len() - 40);
        let forged = format!("Bearer {head}{}{}", if tail.starts_with('A') { "B" } else { "A" }, &tail[1..]);

        suite
            .send("POST", PATH, None, Some(fields(PASSWORD, "Zebre-bleu-42")))
            .await
            .must_be(401, &compact(PRINTED_401));
        for value in ["", "Bearer", "Bearer <token>", "Bearer a.b.c", "Basic bGl2cmU6bGl2cmU=", &person.token, &forged]
        {
            let request = suite.request("POST", PATH).header("authorization", value);
            let answer = answer(request.json(&fields(PASSWORD, "Zebre-bleu-42"))).await;

            assert_eq!((answer.status, answer.text), (401, compact(PRINTED_401)), "{value}");
        }
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    async fn a_token_that_was_good_once_is_invalid(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let (out, gone, blocked) = (
            suite.register("out@example.org").await,
            suite.register("gone@example.org").await,
            suite.register("blocked@example.org").await,
        );
        suite.send("POST", "/api/clients/logout", Some(&out.token), None).await;
        suite.send("DELETE", &format!("/api/clients/{}", gone.id), Some(&admin), None).await;
        let path = format!("/api/clients/{}", blocked.id);
        suite.send("PUT", &path, Some(&admin), Some(json!({"active": false}))).await;

        for person in [out, gone, blocked] {
            let answer = change(&suite, &person.token, fields(PASSWORD, "Zebre-bleu-42")).await;

            answer.must_be(401, &error(4004, "Invalid Token"));
        }
    }

    async fn a_token_is_expired_after_24_hours(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        suite.hand.advance(Duration::from_secs(24 * 3600 - 1));
        change(&suite, &person.token, fields("wrong", "weak")).await.must_be(403, &compact(PRINTED_403));

        for seconds in [1, 1, 10, 100_000] {
            suite.hand.advance(Duration::from_secs(seconds));
            let answer = change(&suite, &person.token, fields(PASSWORD, "Zebre-bleu-42")).await;

            answer.must_be(401, &error(4005, "Token Expired"));
        }
    }

    async fn ten_wrong_guesses_lock_the_change_for_a_minute(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        for _ in 0..10 {
            change(&suite, &person.token, fields("wrong", "Zebre-bleu-42")).await.must_be(403, &compact(PRINTED_403));
        }

        let locked = change(&suite, &person.token, fields(PASSWORD, "Zebre-bleu-42")).await;

        locked.must_be(429, &error(1006, "Too Many Requests"));
        assert_eq!(locked.header("retry-after"), "60");
        suite.hand.advance(Duration::from_secs(60));
        change(&suite, &person.token, fields(PASSWORD, "Zebre-bleu-42")).await.must_be(200, &done());
    }
}
