//! The audit log: what happened, to whom, by whom and in which request; written with what it records, or neither is.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use proto::identity::v1 as pb;
use serde_json::{Value, json};
use shared::{
    Db,
    context::{Context, RequestId},
    on,
    passport::Caller,
};
use testing::{
    Database, SURFACES, TestSuite,
    suite::{ADMIN, Answer, PASSWORD, answer, client},
};
use tonic::Code;

const WRONG: &str = "Lis-8-livres!";

const NEW: &str = "Zebre-neuf-42";

/// Events that say that something was done.
const DONE: [&str; 10] = [
    "authn_login_success",
    "authn_password_change",
    "authn_token_created",
    "authn_token_revoked",
    "authn_api_key_created",
    "sys_signing_key_rotated",
    "user_created",
    "user_updated",
    "user_deleted",
    "privilege_permissions_changed",
];

/// A request with an id of the test's own.
async fn send(suite: &TestSuite, id: &str, method: &str, path: &str, token: &str, body: Value) -> Answer {
    let mut request = suite.request(method, path).header("x-request-id", id);
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    if !body.is_null() {
        request = request.json(&body);
    }
    answer(request).await
}

async fn page(suite: &TestSuite, request: pb::ListAuditEventsRequest) -> Result<pb::ListAuditEventsResponse, Code> {
    let answer = suite.identity_as(Caller::operator()).list_audit_events(request).await;
    answer.map(tonic::Response::into_inner).map_err(|status| status.code())
}

/// The whole log, newest first.
async fn log(suite: &TestSuite) -> Vec<pb::AuditEvent> {
    let request = pb::ListAuditEventsRequest { page_size: 1000, ..Default::default() };
    let found = page(suite, request).await.unwrap();
    assert_eq!(found.next_page_token, "", "a test's log fits into a page");
    found.audit_events
}

/// What a request wrote: event, account and actor, sorted.
async fn rows(suite: &TestSuite, request_id: &str) -> Vec<(String, String, String)> {
    let events = log(suite).await.into_iter().filter(|row| row.request_id == request_id);
    let mut rows: Vec<_> = events.map(|row| (row.event, row.account_id, row.actor)).collect();
    rows.sort();
    rows
}

/// Asserts what a request wrote.
async fn wrote(suite: &TestSuite, request_id: &str, account: &str, actor: &str, events: &[&str]) {
    let expected: Vec<_> =
        events.iter().map(|event| (event.to_string(), account.to_owned(), actor.to_owned())).collect();
    assert_eq!(rows(suite, request_id).await, expected, "{request_id}");
}

async fn id_of(suite: &TestSuite, token: &str) -> String {
    let me = suite.send("GET", "/api/clients/me", Some(token), None).await.json();
    me["data"]["client"]["_id"].as_str().unwrap().to_owned()
}

fn registration(email: &str) -> Value {
    json!({"nom": "Lecteur", "email": email, "password": PASSWORD, "confirmPassword": PASSWORD})
}

fn login(email: &str, password: &str) -> Value {
    json!({"email": email, "password": password})
}

fn change(old: &str, new: &str) -> Value {
    json!({"oldPassword": old, "newPassword": new, "confirmPassword": new})
}

testing::on_both! {
    async fn whatever_an_account_does_is_written_down(db: Database) {
        let suite = TestSuite::start(&db).await;
        let me = "lecteur@example.org";

        let made = send(&suite, "register", "POST", "/api/clients/register", "", registration(me)).await;
        let token = made.json()["data"]["token"].as_str().unwrap().to_owned();
        let id = id_of(&suite, &token).await;
        wrote(&suite, "register", &id, "service:gateway", &["authn_token_created", "user_created"]).await;

        send(&suite, "log-in", "POST", "/api/clients/login", "", login(me, PASSWORD)).await;
        wrote(&suite, "log-in", &id, "service:gateway", &["authn_login_success", "authn_token_created"]).await;

        send(&suite, "wrong", "POST", "/api/clients/login", "", login(me, WRONG)).await;
        wrote(&suite, "wrong", &id, "service:gateway", &["authn_login_fail"]).await;

        send(&suite, "unknown", "POST", "/api/clients/login", "", login("personne@example.org", WRONG)).await;
        wrote(&suite, "unknown", "", "service:gateway", &["authn_login_fail"]).await;

        send(&suite, "profile", "PUT", "/api/clients/profile", &token, json!({"nom": "Lectrice"})).await;
        wrote(&suite, "profile", &id, &id, &["user_updated"]).await;

        send(&suite, "miss", "PUT", "/api/clients/password", &token, change(WRONG, NEW)).await;
        wrote(&suite, "miss", &id, &id, &["authn_password_change_fail"]).await;

        send(&suite, "change", "PUT", "/api/clients/password", &token, change(PASSWORD, NEW)).await;
        wrote(&suite, "change", &id, &id, &["authn_password_change"]).await;

        send(&suite, "log-out", "POST", "/api/clients/logout", &token, Value::Null).await;
        wrote(&suite, "log-out", &id, &id, &["authn_token_revoked"]).await;

        for number in 0..9 {
            send(&suite, &format!("try-{number}"), "POST", "/api/clients/login", "", login(me, WRONG)).await;
        }
        send(&suite, "tenth", "POST", "/api/clients/login", "", login(me, WRONG)).await;
        wrote(&suite, "tenth", &id, "service:gateway", &["authn_login_fail", "authn_login_lock"]).await;
        send(&suite, "locked", "POST", "/api/clients/login", "", login(me, NEW)).await;
        wrote(&suite, "locked", &id, "service:gateway", &["authn_login_fail"]).await;
    }

    async fn whatever_an_admin_does_is_written_down(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (person, token) = (suite.register("lecteur@example.org").await, suite.admin().await);
        let (admin, path) = (id_of(&suite, &token).await, format!("/api/clients/{}", person.id));

        let privileges = ["privilege_permissions_changed", "user_updated"];
        let unlock = ["authn_login_unlock", "privilege_permissions_changed", "user_updated"];
        for (id, body, events, detail) in [
            ("rename", json!({"nom": "Lectrice"}), &["user_updated"][..], "name"),
            ("promote", json!({"role": "admin"}), &privileges, "role=admin active=true"),
            ("demote", json!({"role": "client"}), &privileges, "role=client active=true"),
            ("block", json!({"active": false}), &privileges, "role=client active=false"),
            ("admit", json!({"active": true}), &unlock, "role=client active=true"),
            (
                "move",
                json!({"email": "a@example.org", "adresse": "1 rue des Livres"}),
                &["user_updated"],
                "email address",
            ),
        ] {
            send(&suite, id, "PUT", &path, &token, body).await;
            wrote(&suite, id, &person.id, &admin, events).await;
            let of_request = log(&suite).await.into_iter().filter(|row| row.request_id == id);
            let details: Vec<String> = of_request.map(|row| row.detail).collect();
            assert!(details.iter().any(|found| found == detail), "{id}: {details:?}");
        }

        let made = send(&suite, "make-key", "POST", "/api/admin/api-keys", &token, json!({"name": "App"})).await.json();
        wrote(&suite, "make-key", &admin, &admin, &["authn_api_key_created"]).await;
        let key = made["data"]["apiKey"]["_id"].as_str().unwrap();
        send(&suite, "revoke-key", "DELETE", &format!("/api/admin/api-keys/{key}"), &token, Value::Null).await;
        wrote(&suite, "revoke-key", &admin, &admin, &["authn_token_revoked"]).await;
        let of_key = log(&suite).await.into_iter().filter(|row| row.detail == format!("key={key}"));
        assert_eq!(of_key.count(), 2);

        send(&suite, "delete", "DELETE", &path, &token, Value::Null).await;
        wrote(&suite, "delete", &person.id, &admin, &["user_deleted"]).await;
        assert!(
            log(&suite).await.iter().any(|row| row.account_id == person.id && row.event == "user_created"),
            "the log outlives the account"
        );
    }

    async fn whatever_an_operator_does_is_written_down(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("lecteur@example.org").await;
        let mut identity = suite.identity_as(Caller::operator());
        let open = pb::ListSessionsRequest { account_id: person.id.clone() };
        let session_id = identity.list_sessions(open).await.unwrap().into_inner().sessions.remove(0).id;
        let contexts: Vec<Context> =
            (0..3).map(|_| Context::new(RequestId::fresh(), Duration::from_secs(10))).collect();
        let ids: Vec<String> = contexts.iter().map(|context| context.request_id.to_string()).collect();

        contexts[0]
            .clone()
            .scope(identity.end_session(pb::EndSessionRequest { session_id: session_id.clone() }))
            .await
            .unwrap();
        wrote(&suite, &ids[0], &person.id, "operator", &["authn_token_revoked"]).await;
        assert!(log(&suite).await.iter().any(|row| row.detail == format!("session={session_id}")));

        contexts[1].clone().scope(identity.rotate_signing_keys(pb::RotateSigningKeysRequest {})).await.unwrap();
        wrote(&suite, &ids[1], "", "operator", &["sys_signing_key_rotated"]).await;

        let account = pb::CreateAccountRequest {
            name: "Lecteur".to_owned(),
            email: "autre@example.org".to_owned(),
            role: pb::Role::Client.into(),
            credential: Some(pb::create_account_request::Credential::Password(PASSWORD.to_owned())),
            ..Default::default()
        };
        let made = contexts[2].clone().scope(identity.create_account(account)).await.unwrap().into_inner();
        wrote(&suite, &ids[2], &made.account.unwrap().id, "operator", &["user_created"]).await;

        let by_itself = log(&suite).await.into_iter().filter(|row| row.actor == "service:identity");
        let mut events: Vec<String> = by_itself.map(|row| row.event).collect();
        events.sort();
        assert_eq!(events, ["sys_signing_key_rotated", "user_created"], "the first key and the first admin");
    }

    async fn every_surface_writes_the_same(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (person, key) = (suite.register_admin("lecteur@example.org").await, suite.api_key().await);
        let mut old = PASSWORD.to_owned();

        for surface in SURFACES {
            let (miss, done) = (format!("{surface}-miss"), format!("{surface}-done"));
            answer(suite.change(surface, &person, &key, WRONG, NEW).header("x-request-id", &miss)).await;
            wrote(&suite, &miss, &person.id, &person.id, &["authn_password_change_fail"]).await;

            let new = format!("Zebre-{surface}-42");
            answer(suite.change(surface, &person, &key, &old, &new).header("x-request-id", &done)).await;
            wrote(&suite, &done, &person.id, &person.id, &["authn_password_change"]).await;
            old = new;
        }
    }

    async fn what_was_refused_is_not_written_down_as_done(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (person, admin) = (suite.register("lecteur@example.org").await, suite.admin().await);
        let (me, boss) =
            (format!("/api/clients/{}", person.id), format!("/api/clients/{}", id_of(&suite, &admin).await));
        let nobody = "/api/clients/5a62be07de34500146d9c544";
        let token = person.token.as_str();

        for (number, (method, path, token, body)) in [
            ("POST", "/api/clients/register", "", registration(&person.email)),
            (
                "POST",
                "/api/clients/register",
                "",
                json!({"nom": "L", "email": "b@example.org", "password": "x", "confirmPassword": "x"}),
            ),
            (
                "POST",
                "/api/clients/register",
                "",
                json!({"nom": "L", "email": "b@example.org", "password": NEW, "confirmPassword": WRONG}),
            ),
            ("POST", "/api/clients/login", "", login(&person.email, WRONG)),
            ("PUT", "/api/clients/password", token, change(WRONG, NEW)),
            ("PUT", "/api/clients/password", token, change(PASSWORD, "x")),
            ("PUT", "/api/clients/password", token, change(PASSWORD, "Azerty123")),
            (
                "PUT",
                "/api/clients/password",
                token,
                json!({"oldPassword": PASSWORD, "newPassword": NEW, "confirmPassword": WRONG}),
            ),
            ("PUT", "/api/clients/password", "", change(PASSWORD, NEW)),
            ("PUT", "/api/clients/profile", token, json!({"email": ADMIN})),
            ("PUT", "/api/clients/profile", token, json!({"nom": "1"})),
            ("PUT", "/api/clients/profile", token, json!({"role": "admin"})),
            ("PUT", me.as_str(), token, json!({"role": "admin"})),
            ("PUT", me.as_str(), &admin, json!({"role": "king"})),
            ("PUT", boss.as_str(), &admin, json!({"role": "client"})),
            ("PUT", boss.as_str(), &admin, json!({"active": false})),
            ("DELETE", boss.as_str(), &admin, Value::Null),
            ("DELETE", nobody, &admin, Value::Null),
            ("PUT", nobody, &admin, json!({"nom": "Lectrice"})),
            ("DELETE", "/api/admin/api-keys/5a62be07de34500146d9c544", &admin, Value::Null),
            ("POST", "/api/admin/api-keys", &admin, json!({"name": "1"})),
            ("POST", "/api/admin/api-keys", token, json!({"name": "App"})),
            ("POST", "/api/clients/logout", "", Value::Null),
        ]
        .into_iter()
        .enumerate()
        {
            let id = format!("refused-{number}");
            let refused = send(&suite, &id, method, path, token, body).await;

            assert!((400..500).contains(&refused.status), "{method} {path}: {}", refused.text);
            let done: Vec<_> =
                rows(&suite, &id).await.into_iter().filter(|(event, ..)| DONE.contains(&event.as_str())).collect();
            assert_eq!(done, [], "{method} {path}: {}", refused.text);
        }
    }

    async fn what_cannot_be_written_down_does_not_happen(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (person, admin) = (suite.register("lecteur@example.org").await, suite.admin().await);
        let gone = suite.register("parti@example.org").await;
        let made = send(&suite, "key", "POST", "/api/admin/api-keys", &admin, json!({"name": "App"})).await.json();
        let key = format!("/api/admin/api-keys/{}", made["data"]["apiKey"]["_id"].as_str().unwrap());
        let (me, him) = (format!("/api/clients/{}", person.id), format!("/api/clients/{}", gone.id));
        let tables = db.tables().await;
        let state = async || {
            let mut all = texts(&tables, "SELECT id FROM session ORDER BY id").await;
            all.extend(texts(&tables, "SELECT password_hash FROM credential ORDER BY account_id").await);
            all.extend(texts(&tables, "SELECT id FROM api_key WHERE revoked_at IS NULL ORDER BY id").await);
            all.extend(
                texts(&tables, "SELECT id || name || role || CAST(active AS TEXT) FROM account ORDER BY id").await,
            );
            all.extend(texts(&tables, "SELECT id FROM signing_key WHERE retired_at IS NULL").await);
            all
        };
        let before = state().await;

        on!(&tables, |db| sqlx::query("ALTER TABLE audit_event RENAME TO audit_gone").execute(db).await.map(drop))
            .unwrap();
        for (method, path, token, body) in [
            ("POST", "/api/clients/register", "", registration("autre@example.org")),
            ("POST", "/api/clients/login", "", login(&person.email, PASSWORD)),
            ("PUT", "/api/clients/password", &person.token, change(PASSWORD, NEW)),
            ("PUT", "/api/clients/profile", &person.token, json!({"nom": "Lectrice"})),
            ("PUT", &me, &admin, json!({"role": "admin"})),
            ("PUT", &me, &admin, json!({"active": false})),
            ("DELETE", &him, &admin, Value::Null),
            ("POST", "/api/clients/logout", &person.token, Value::Null),
            ("POST", "/api/admin/api-keys", &admin, json!({"name": "App"})),
            ("DELETE", &key, &admin, Value::Null),
        ] {
            let failed = send(&suite, "failed", method, path, token, body).await;
            assert_eq!(failed.status, 500, "{method} {path}: {}", failed.text);
        }
        let rotated = suite.identity_as(Caller::operator()).rotate_signing_keys(pb::RotateSigningKeysRequest {}).await;
        assert_eq!(rotated.unwrap_err().code(), Code::Internal);
        assert_eq!(state().await, before);

        on!(&tables, |db| sqlx::query("ALTER TABLE audit_gone RENAME TO audit_event").execute(db).await.map(drop))
            .unwrap();
        assert_eq!(suite.log_in(&person.email, NEW).await, None);
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
        assert_eq!(rows(&suite, "failed").await, []);
    }

    async fn the_log_is_read_in_pages_newest_first(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("lecteur@example.org").await;
        for _ in 0..5 {
            suite.hand.advance(Duration::from_secs(1));
            suite.log_in(&person.email, PASSWORD).await.unwrap();
            suite.register(&format!("{}@example.org", RequestId::fresh())).await;
        }
        let whole = log(&suite).await;
        assert!(whole.is_sorted_by(|newer, older| newer.id > older.id));
        let seconds = |row: &pb::AuditEvent| row.create_time.unwrap().seconds;
        assert!(whole.is_sorted_by(|newer, older| seconds(newer) >= seconds(older)));
        let own: Vec<_> = whole.iter().filter(|row| row.account_id == person.id).cloned().collect();
        assert_eq!(own.len(), 12);

        for (account_id, expected) in [("", &whole), (person.id.as_str(), &own)] {
            for page_size in [1, 4, 12, 1000] {
                let (mut read, mut page_token) = (Vec::new(), String::new());
                loop {
                    let request =
                        pb::ListAuditEventsRequest { page_size, page_token, account_id: account_id.to_owned() };
                    let found = page(&suite, request).await.unwrap();
                    assert!(found.audit_events.len() <= page_size as usize);
                    read.extend(found.audit_events);
                    assert!(read.len() <= expected.len(), "{page_size} a page never ends");
                    page_token = found.next_page_token;
                    if page_token.is_empty() {
                        break;
                    }
                }
                assert_eq!(&read, expected, "{page_size} a page");
            }
        }

        let nobody =
            pb::ListAuditEventsRequest { account_id: "5a62be07de34500146d9c544".to_owned(), ..Default::default() };
        assert_eq!(page(&suite, nobody).await.unwrap(), pb::ListAuditEventsResponse::default());
        for bad in [
            pb::ListAuditEventsRequest { page_size: -1, ..Default::default() },
            pb::ListAuditEventsRequest { page_size: 1001, ..Default::default() },
            pb::ListAuditEventsRequest { page_token: "!".to_owned(), ..Default::default() },
            pb::ListAuditEventsRequest { account_id: "x".to_owned(), ..Default::default() },
        ] {
            assert_eq!(page(&suite, bad).await, Err(Code::InvalidArgument));
        }
        let as_client =
            suite.identity_as(client(&person.id)).list_audit_events(pb::ListAuditEventsRequest::default()).await;
        assert_eq!(as_client.unwrap_err().code(), Code::PermissionDenied);
    }

    async fn no_row_holds_a_secret(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (person, key) = (suite.register_admin("lecteur@example.org").await, suite.api_key().await);
        for surface in SURFACES {
            answer(suite.change(surface, &person, &key, WRONG, NEW)).await;
        }
        // Many people type their password into the wrong field.
        suite.log_in(WRONG, PASSWORD).await;
        let changed = answer(suite.change("user", &person, &key, PASSWORD, NEW)).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        let signature = person.token.rsplit('.').next().unwrap();

        let written = format!("{:?}", log(&suite).await);
        for secret in [PASSWORD, WRONG, NEW, &key, signature, "$2b$"] {
            assert!(!written.contains(secret), "{secret} is in the log");
        }
    }
}

async fn texts(tables: &Db, query: &'static str) -> Vec<String> {
    on!(tables, |db| sqlx::query_scalar(query).fetch_all(db).await.unwrap())
}
