//! API keys: with a good one and a good token a password can be changed, with anything less it cannot.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use proto::identity::v1::ListAuditEventsRequest;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use shared::{on, passport::Caller};
use testing::{
    Database, TestSuite,
    suite::{Answer, PASSWORD, Person, answer},
};

const NEW: &str = "Zebre-neuf-42";

const PATH: &str = "/api/user/password";

const KEYS: [&str; 7] = ["valid", "absent", "empty", "malformed", "unknown", "revoked", "sent twice"];

const TOKENS: [&str; 7] = ["valid", "absent", "malformed", "wrong signature", "expired", "revoked", "account blocked"];

async fn make(suite: &TestSuite, name: &str) -> (String, String) {
    let made = suite.send("POST", "/api/admin/api-keys", Some(&suite.admin().await), Some(json!({"name": name}))).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let data = &made.json()["data"];
    (data["apiKey"]["_id"].as_str().unwrap().to_owned(), data["key"].as_str().unwrap().to_owned())
}

async fn revoke(suite: &TestSuite, id: &str) -> Answer {
    suite.send("DELETE", &format!("/api/admin/api-keys/{id}"), Some(&suite.admin().await), None).await
}

async fn listed(suite: &TestSuite) -> Value {
    let all = suite.send("GET", "/api/admin/api-keys", Some(&suite.admin().await), None).await;
    assert_eq!(all.status, 200, "{}", all.text);
    all.json()["data"]["apiKeys"].clone()
}

fn change(suite: &TestSuite, old: &str, new: &str) -> RequestBuilder {
    suite.request("PATCH", PATH).json(&json!({"oldPassword": old, "newPassword": new}))
}

/// What a key alone is answered with: 401 says that the key is good and the token is missing.
async fn key_alone(suite: &TestSuite, key: &str) -> u16 {
    answer(change(suite, PASSWORD, NEW).header("x-api-key", key)).await.status
}

/// A token whose last part was made by nobody.
fn with_wrong_signature(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    format!("{message}.{first}{}", &signature[1..])
}

testing::on_both! {
    async fn of_49_pairs_of_key_and_token_only_the_good_one_gets_through(db: Database) {
        let suite = TestSuite::start(&db).await;
        let stale = suite.register("expire@example.org").await;
        suite.hand.advance(Duration::from_secs(24 * 3600 + 60));
        let [person, revoked, blocked] = [
            suite.register("lecteur@example.org").await,
            suite.register("revoque@example.org").await,
            suite.register("bloque@example.org").await,
        ];
        assert_eq!(suite.send("POST", "/api/clients/logout", Some(&revoked.token), None).await.status, 200);
        let block = Some(json!({"active": false}));
        let path = format!("/api/clients/{}", blocked.id);
        assert_eq!(suite.send("PUT", &path, Some(&suite.admin().await), block).await.status, 200);
        let (_, good) = make(&suite, "App").await;
        let (dead_id, dead) = make(&suite, "Old app").await;
        assert_eq!(revoke(&suite, &dead_id).await.status, 200);
        let unknown = format!("bib_{}_{}", "0".repeat(8), "A".repeat(43));

        let with_key = |request: RequestBuilder, state: &str| match state {
            "valid" => request.header("x-api-key", &good),
            "absent" => request,
            "empty" => request.header("x-api-key", ""),
            "malformed" => request.header("x-api-key", "bib_not-a-key"),
            "unknown" => request.header("x-api-key", &unknown),
            "revoked" => request.header("x-api-key", &dead),
            _ => request.header("x-api-key", &good).header("x-api-key", &good),
        };
        let with_token = |request: RequestBuilder, state: &str| match state {
            "valid" => request.bearer_auth(&person.token),
            "absent" => request,
            "malformed" => request.bearer_auth("not-a-token"),
            "wrong signature" => request.bearer_auth(with_wrong_signature(&person.token)),
            "expired" => request.bearer_auth(&stale.token),
            "revoked" => request.bearer_auth(&revoked.token),
            _ => request.bearer_auth(&blocked.token),
        };
        // The good pair comes first in both lists: here it comes last.
        for key in KEYS.into_iter().rev() {
            for token in TOKENS.into_iter().rev() {
                let pair = format!("key {key}, token {token}");
                let told = answer(with_token(with_key(change(&suite, PASSWORD, NEW), key), token)).await;
                let expected = match (key, token) {
                    ("valid", "valid") => (200, json!({"success": true, "message": "Password updated successfully"})),
                    ("valid", _) => (401, json!({"success": false, "message": "Access denied"})),
                    _ => (403, json!({"success": false, "message": "Invalid API key"})),
                };
                assert_eq!((told.status, told.json()), expected, "{pair}");
                let changed = told.status == 200;
                let hashes = times_changed(&db).await;
                assert_eq!(hashes, i64::from(changed), "{pair}");
            }
        }

        assert!(suite.log_in(&person.email, NEW).await.is_some());
        for other in [&stale, &revoked] {
            assert!(suite.log_in(&other.email, PASSWORD).await.is_some());
        }
    }

    async fn two_different_keys_are_no_better_than_one_twice(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("lecteur@example.org").await;
        let ((_, one), (_, other)) = (make(&suite, "App").await, make(&suite, "Other app").await);
        let sent = async |keys: &[&str]| {
            let request = change(&suite, PASSWORD, NEW).bearer_auth(&person.token);
            answer(keys.iter().fold(request, |request, key| request.header("x-api-key", *key))).await.status
        };

        for keys in [[one.as_str(), &other], [&one, ""], ["", &one], [&one, "x"], [&other, &one]] {
            assert_eq!(sent(&keys).await, 403, "{keys:?}");
        }
        let both = format!("{one}, {other}");
        assert_eq!(sent(&[both.as_str()]).await, 403);
        let upper = one.to_uppercase();
        for bent in [
            &one[..one.len() - 1],
            &format!("{one}x"),
            &format!("{one} x"),
            &format!("Bearer {one}"),
            &upper,
            &one[4..],
        ] {
            assert_eq!(sent(&[bent]).await, 403, "{bent}");
        }
        assert_eq!(sent(&[&one]).await, 200);
    }

    async fn a_key_is_shown_once_and_kept_as_a_digest(db: Database) {
        let suite = TestSuite::start(&db).await;

        let (id, key) = make(&suite, "App").await;

        let (prefix, random) = (&key[..12], &key[13..]);
        assert!(prefix.starts_with("bib_") && random.len() == 43, "256 bits in base64url: {key}");
        let all = listed(&suite).await;
        let made = "2026-03-02T09:00:00.000Z";
        let shown = json!({"_id": id, "name": "App", "prefix": prefix, "createdAt": made, "lastUsedAt": null});
        assert_eq!(all, json!([shown]));
        let query = "SELECT prefix, digest FROM api_key WHERE id = $1";
        let (kept, fingerprint): (String, Vec<u8>) =
            on!(&db.tables().await, |db| sqlx::query_as(query).bind(&id).fetch_one(db).await.unwrap());
        assert_eq!((kept.as_str(), fingerprint.as_slice()), (prefix, digest(&SHA256, key.as_bytes()).as_ref()));
        assert_eq!(key_alone(&suite, &key).await, 401, "it is good");
        for told in [listed(&suite).await.to_string(), revoke(&suite, &id).await.text] {
            assert!(!told.contains(random), "{told}");
        }
        for kept in everything_kept(&db).await {
            assert!(!kept.contains(random), "the key is in the database: {kept}");
        }
    }

    async fn its_last_use_is_noted_to_the_minute(db: Database) {
        let suite = TestSuite::start(&db).await;
        let pass = |seconds| suite.hand.advance(Duration::from_secs(seconds));
        let (_, key) = make(&suite, "App").await;
        pass(1);
        let (id, idle) = make(&suite, "Idle").await;
        let used = async || -> Vec<Value> {
            listed(&suite).await.as_array().unwrap().iter().map(|key| key["lastUsedAt"].clone()).collect()
        };

        pass(29);
        assert_eq!(key_alone(&suite, &key).await, 401);
        assert_eq!(used().await, [json!("2026-03-02T09:00:30.000Z"), Value::Null]);
        pass(59);
        assert_eq!(key_alone(&suite, &key).await, 401);
        assert_eq!(
            used().await,
            [json!("2026-03-02T09:00:30.000Z"), Value::Null],
            "the same minute is not written again"
        );
        pass(1);
        assert_eq!(key_alone(&suite, &key).await, 401);
        assert_eq!(used().await, [json!("2026-03-02T09:01:30.000Z"), Value::Null]);

        assert_eq!(revoke(&suite, &id).await.status, 200);
        assert_eq!(key_alone(&suite, &idle).await, 403);
        let query = "SELECT COUNT(*) FROM api_key WHERE last_used_at IS NOT NULL";
        let noted: i64 = on!(&db.tables().await, |db| sqlx::query_scalar(query).fetch_one(db).await.unwrap());
        assert_eq!(noted, 1, "a refused use is none");
    }

    async fn a_revoked_key_is_refused_by_every_gateway_at_once(db: Database) {
        let (here, there) = (TestSuite::start(&db).await, TestSuite::start(&db).await);
        let ((id, key), (_, other)) = (make(&here, "App").await, make(&here, "Other app").await);
        assert_eq!((key_alone(&here, &key).await, key_alone(&there, &key).await), (401, 401));

        let revoked = revoke(&here, &id).await;

        assert_eq!((revoked.status, revoked.json()["data"]["apiKey"]["_id"].clone()), (200, json!(id)));
        assert_eq!((key_alone(&there, &key).await, key_alone(&here, &key).await), (403, 403));
        assert_eq!(key_alone(&there, &other).await, 401, "the other one goes on");
        assert_eq!(listed(&there).await.as_array().unwrap().len(), 1);
        let again = revoke(&here, &id).await;
        assert_eq!((again.status, again.json()["message"].clone()), (404, json!("API key not found!")));
    }

    async fn a_key_never_acts_as_a_user(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (_, key) = make(&suite, "App").await;
        let person = suite.register("lecteur@example.org").await;

        for (method, path) in [
            ("GET", "/api/clients/me"),
            ("GET", "/api/clients"),
            ("GET", "/api/admin/api-keys"),
            ("PUT", "/api/clients/password"),
            ("PUT", "/api/v1/users/reset-password"),
            ("POST", "/v1/auth/register/update-password"),
            ("PATCH", PATH),
        ] {
            let as_key = suite.request(method, path).header("x-api-key", &key);
            assert_eq!(answer(as_key).await.status, 401, "{method} {path}");
            let as_bearer = suite.request(method, path).header("x-api-key", &key).bearer_auth(&key);
            assert_eq!(answer(as_bearer).await.status, 401, "{method} {path}");
        }
        // Nor does it make more of a client than he is.
        let both = suite.request("GET", "/api/clients").header("x-api-key", &key).bearer_auth(&person.token);
        assert_eq!(answer(both).await.status, 403);
    }

    async fn only_an_admin_makes_sees_and_revokes_keys(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (id, key) = make(&suite, "App").await;
        let Person { token, .. } = suite.register("lecteur@example.org").await;
        let path = format!("/api/admin/api-keys/{id}");

        for (method, path) in
            [("POST", "/api/admin/api-keys"), ("GET", "/api/admin/api-keys"), ("DELETE", path.as_str())]
        {
            let body = (method == "POST").then(|| json!({"name": "Mine"}));
            assert_eq!(suite.send(method, path, Some(&token), body.clone()).await.status, 403, "{method}");
            assert_eq!(suite.send(method, path, None, body).await.status, 401, "{method}");
        }
        assert_eq!(key_alone(&suite, &key).await, 401);
        assert_eq!(listed(&suite).await.as_array().unwrap().len(), 1);
        let events = suite.identity_as(Caller::operator()).list_audit_events(ListAuditEventsRequest::default()).await;
        assert!(!format!("{:?}", events.unwrap()).contains(&key));
    }
}

async fn times_changed(db: &Database) -> i64 {
    let query = "SELECT COUNT(*) FROM audit_event WHERE event = 'authn_password_change'";
    on!(&db.tables().await, |db| sqlx::query_scalar(query).fetch_one(db).await.unwrap())
}

/// All text and all bytes of the tables that a key could be found in.
async fn everything_kept(db: &Database) -> Vec<String> {
    on!(&db.tables().await, |db| {
        let keys: Vec<(String, String, String, Vec<u8>)> =
            sqlx::query_as("SELECT id, name, prefix, digest FROM api_key").fetch_all(db).await.unwrap();
        let log: Vec<(String, String, String, String, String)> =
            sqlx::query_as("SELECT event, account_id, actor, request_id, detail FROM audit_event")
                .fetch_all(db)
                .await
                .unwrap();
        let keys = keys
            .into_iter()
            .map(|(id, name, prefix, digest)| format!("{id} {name} {prefix} {}", String::from_utf8_lossy(&digest)));
        keys.chain(log.into_iter().map(|row| format!("{row:?}"))).collect()
    })
}
