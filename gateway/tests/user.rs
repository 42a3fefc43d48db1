//! Surface `user`: document 004, byte by byte.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use proto::identity::v1 as pb;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use shared::passport::Caller;
use testing::{
    Database, TestSuite,
    suite::{Answer, PASSWORD, Person, answer, compact},
};

const PATH: &str = "/api/user/password";

/// The body of the document's first curl command: placeholders.
const PLACEHOLDERS: &str = r#"
{
  "oldPassword": "<string>",
  "newPassword": "<string>"
}
"#;

/// The body of the document's second curl command.
const CURL: &str = r#"{
    "oldPassword": "currentPassword123",
    "newPassword": "newSecurePassword456"
  }"#;

const PRINTED_200: &str = r#"{
  "success": true,
  "message": "Password updated successfully"
}"#;

const PRINTED_400: &str = r#"{
  "success": false,
  "message": "New password cannot be the same as the old password"
}"#;

const WEAK: &str =
    "Password must contain at least 8 characters, one uppercase letter, one lowercase letter, and one number.";
/// A test vector of crypt_blowfish: the password is `U*U`.
const HASH_OF_U_STAR_U: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

const REQUIRED: &str = "Both oldPassword and newPassword are required";

fn no(message: &str) -> String {
    format!(r#"{{"success":false,"message":{}}}"#, Value::from(message))
}

fn fields(old: &str, new: &str) -> Value {
    json!({"oldPassword": old, "newPassword": new})
}

/// A suite, somebody, and an API key.
async fn setting(db: &Database) -> (TestSuite, Person, String) {
    let suite = TestSuite::start(db).await;
    let (person, key) = (suite.register("royce27@gmail.com").await, suite.api_key().await);
    (suite, person, key)
}

async fn change(suite: &TestSuite, token: &str, key: &str, body: Value) -> Answer {
    answer(suite.request("PATCH", PATH).bearer_auth(token).header("x-api-key", key).json(&body)).await
}

/// A request with the document's body, which `dress` gives its headers.
async fn send(suite: &TestSuite, body: &'static str, dress: impl Fn(RequestBuilder) -> RequestBuilder) -> Answer {
    let request = suite.request("PATCH", PATH).header("content-type", "application/json");
    answer(dress(request).body(body)).await
}

testing::on_both! {
    async fn the_printed_request_gets_the_printed_answer(db: Database) {
        let suite = TestSuite::start(&db).await;
        let body = json!({
            "nom": "Melanie Marquardt", "email": "Royce27@gmail.com",
            "password": "currentPassword123", "confirmPassword": "currentPassword123",
        });
        let made = suite.send("POST", "/api/clients/register", None, Some(body)).await.json();
        let (token, key) = (made["data"]["token"].as_str().unwrap(), suite.api_key().await);

        let answer = send(&suite, CURL, |request| request.bearer_auth(token).header("x-api-key", &key)).await;

        answer.must_be(200, &compact(PRINTED_200));
        assert_eq!(suite.log_in("Royce27@gmail.com", "currentPassword123").await, None);
        assert!(suite.log_in("Royce27@gmail.com", "newSecurePassword456").await.is_some());
    }

    /// As the commands stand, their keys and tokens are nobody's.
    async fn the_printed_placeholders_are_refused_in_the_order_of_the_contract(db: Database) {
        let (suite, person, key) = setting(&db).await;
        let printed = "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...";
        let as_is = |request: RequestBuilder| {
            request.header("authorization", "<authorization>").header("x-api-key", "<x-api-key>")
        };

        let first = suite.request("PATCH", PATH).header("content-type", "<content-type>").body(PLACEHOLDERS);
        answer(as_is(first)).await.must_be(403, &no("Invalid API key"));
        let second = send(&suite, CURL, |request| {
            request.header("authorization", printed).header("x-api-key", "your_api_key_here")
        });
        second.await.must_be(403, &no("Invalid API key"));
        let keyed = send(&suite, CURL, |request| request.header("authorization", printed).header("x-api-key", &key));
        keyed.await.must_be(401, &no("Access denied"));
        let signed_in = send(&suite, CURL, |request| request.bearer_auth(&person.token).header("x-api-key", &key));
        signed_in.await.must_be(401, &no("Incorrect password"));
        let same = send(&suite, PLACEHOLDERS, |request| request.bearer_auth(&person.token).header("x-api-key", &key));
        same.await.must_be(401, &no("Incorrect password"));
    }

    async fn the_new_password_has_to_differ(db: Database) {
        let (suite, person, key) = setting(&db).await;

        let answer = change(&suite, &person.token, &key, fields(PASSWORD, PASSWORD)).await;

        answer.must_be(400, &compact(PRINTED_400));
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    /// API key → token → fields → old password → difference → strength.
    async fn a_change_is_checked_in_the_order_of_the_contract(db: Database) {
        let (suite, person, key) = setting(&db).await;

        for (key, token, body, status, message) in [
            ("none", "none", json!({}), 403, "Invalid API key"),
            (key.as_str(), "none", json!({}), 401, "Access denied"),
            (&key, &person.token, json!({"oldPassword": "wrong"}), 400, REQUIRED),
            (&key, &person.token, fields("wrong", "wrong"), 401, "Incorrect password"),
            (&key, &person.token, fields("wrong", "weak"), 401, "Incorrect password"),
            (&key, &person.token, fields(PASSWORD, "weak"), 400, WEAK),
        ] {
            change(&suite, token, key, body).await.must_be(status, &no(message));
        }
    }

    /// Who came from another system with a password that is too weak here hears that he has to choose another one.
    async fn difference_comes_before_strength(db: Database) {
        let (suite, _, key) = setting(&db).await;
        let imported = pb::CreateAccountRequest {
            name: "Melanie Marquardt".to_owned(),
            email: "imported@example.org".to_owned(),
            role: pb::Role::Client.into(),
            credential: Some(pb::create_account_request::Credential::PasswordHash(HASH_OF_U_STAR_U.to_owned())),
            ..pb::CreateAccountRequest::default()
        };
        suite.identity_as(Caller::operator()).create_account(imported).await.unwrap();
        let token = suite.log_in("imported@example.org", "U*U").await.unwrap();

        change(&suite, &token, &key, fields("U*U", "U*U")).await.must_be(400, &compact(PRINTED_400));
        change(&suite, &token, &key, fields("U*U", "U*V")).await.must_be(400, &no(WEAK));
        change(&suite, &token, &key, fields("U*U", PASSWORD)).await.must_be(200, &compact(PRINTED_200));
    }

    async fn a_key_that_is_not_one_good_key_is_refused_whatever_else_is_wrong(db: Database) {
        let (suite, person, key) = setting(&db).await;
        let admin = suite.admin().await;
        let made = suite.send("POST", "/api/admin/api-keys", Some(&admin), Some(json!({"name": "App"}))).await.json();
        let revoked = made["data"]["key"].as_str().unwrap();
        let path = format!("/api/admin/api-keys/{}", made["data"]["apiKey"]["_id"].as_str().unwrap());
        assert_eq!(suite.send("DELETE", &path, Some(&admin), None).await.status, 200);
        let (upper, cut, longer) = (key.to_uppercase(), &key[..key.len() - 1], format!("{key}A"));
        let prefix = &key[..12];
        let mut bad: Vec<Vec<&[u8]>> =
            vec![vec![], vec![key.as_bytes(), key.as_bytes()], vec![key.as_bytes(), b"x"], vec![b"x", key.as_bytes()]];
        bad.extend([b"".as_slice(), b" ", b"x", b"\xff\xfe", "clé".as_bytes()].map(|value| vec![value]));
        bad.extend([&upper, cut, &longer, prefix, revoked, &person.token].map(|value| vec![value.as_bytes()]));
        let list = format!("{key}, {key}");
        bad.push(vec![list.as_bytes()]);

        for keys in bad {
            for (token, body) in
                [(person.token.as_str(), fields(PASSWORD, "Zebre-bleu-42").to_string()), ("x", "{".to_owned())]
            {
                let mut request =
                    suite.request("PATCH", PATH).bearer_auth(token).header("content-type", "application/json");
                for key in &keys {
                    request = request.header("x-api-key", *key);
                }
                let answer = answer(request.body(body)).await;

                assert_eq!((answer.status, answer.text), (403, no("Invalid API key")), "{keys:?}");
            }
        }
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    async fn a_key_never_acts_as_a_user(db: Database) {
        let (suite, _, key) = setting(&db).await;
        let body = fields(PASSWORD, "Zebre-bleu-42");

        let keyed = suite.request("PATCH", PATH).header("x-api-key", &key);
        answer(keyed.json(&body)).await.must_be(401, &no("Access denied"));
        let borne =
            suite.request("PATCH", PATH).header("x-api-key", &key).header("authorization", format!("Bearer {key}"));
        answer(borne.json(&body)).await.must_be(401, &no("Access denied"));
        let elsewhere = suite.request("GET", "/api/clients/me").header("x-api-key", &key);
        assert_eq!(answer(elsewhere).await.status, 401);
    }

    async fn every_bad_token_is_denied(db: Database) {
        let (suite, person, key) = setting(&db).await;
        let admin = suite.admin().await;
        let (gone, out) =
            (suite.register("gone@example.org").await, suite.log_in(&person.email, PASSWORD).await.unwrap());
        suite.send("DELETE", &format!("/api/clients/{}", gone.id), Some(&admin), None).await;
        suite.send("POST", "/api/clients/logout", Some(&out), None).await;

        for token in ["", "<token>", "a.b.c", &gone.token, &out] {
            let answer = change(&suite, token, &key, fields(PASSWORD, "Zebre-bleu-42")).await;
            answer.must_be(401, &no("Access denied"));
        }
        suite.hand.advance(Duration::from_secs(24 * 3600));
        let expired = change(&suite, &person.token, &key, fields(PASSWORD, "Zebre-bleu-42")).await;
        expired.must_be(401, &no("Access denied"));
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    async fn a_bad_change_is_refused_with_its_own_words_and_changes_nothing(db: Database) {
        let (suite, person, key) = setting(&db).await;
        let new = "Zebre-bleu-42";
        let mut refused = vec![
            (json!({}), 400, REQUIRED.to_owned()),
            (json!({"oldPassword": PASSWORD}), 400, REQUIRED.to_owned()),
            (json!({"newPassword": new}), 400, REQUIRED.to_owned()),
        ];
        for name in ["oldPassword", "newPassword"] {
            for value in [json!(""), json!(null), json!(1), json!(true), json!([new]), json!({"$ne": ""})] {
                let mut other = fields(PASSWORD, new);
                other[name] = value;
                refused.push((other, 400, REQUIRED.to_owned()));
            }
        }
        for name in ["role", "confirmPassword", "password", "_id"] {
            let mut other = fields(PASSWORD, new);
            other[name] = json!(new);
            refused.push((other, 400, format!("Unknown fields: {name}")));
        }
        for old in ["Lis-7-livres", "lis-7-livres!", "Lis-7-livres!\u{0}", &"x".repeat(5000)] {
            refused.push((fields(old, new), 401, "Incorrect password".to_owned()));
        }
        let long = format!("Zq7{}", "🦀".repeat(126));
        for weak in ["Zq7vKp2", "zq7vkp2x", "ZQ7VKP2X", "ZqWvKpLx", "        ", &long] {
            refused.push((fields(PASSWORD, weak), 400, WEAK.to_owned()));
        }
        refused.push((fields(PASSWORD, "Azerty123"), 400, "Password is too easy to guess".to_owned()));

        for (body, status, message) in refused {
            let answer = change(&suite, &person.token, &key, body.clone()).await;

            assert_eq!((answer.status, answer.text), (status, no(&message)), "{body}");
        }
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    async fn ten_wrong_guesses_lock_the_change_for_a_minute(db: Database) {
        let (suite, person, key) = setting(&db).await;
        for _ in 0..10 {
            let guess = change(&suite, &person.token, &key, fields("wrong", "Zebre-bleu-42")).await;
            guess.must_be(401, &no("Incorrect password"));
        }

        let locked = change(&suite, &person.token, &key, fields(PASSWORD, "Zebre-bleu-42")).await;

        locked.must_be(429, &no("Too many attempts, please try again later"));
        assert_eq!(locked.header("retry-after"), "60");
        suite.hand.advance(Duration::from_secs(60));
        let answer = change(&suite, &person.token, &key, fields(PASSWORD, "Zebre-bleu-42")).await;
        answer.must_be(200, &compact(PRINTED_200));
    }
}
