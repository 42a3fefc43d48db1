//! Passwords as they are kept, compared and replaced: one change at a time, all or nothing, nothing told by the way.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bcrypt::Version;
use identity::domain::password::{LibraryPolicy, Policy};
use prost_types::FieldMask;
use proto::identity::v1::{self as pb, create_account_request::Credential};
use serde_json::{Value, json};
use shared::{on, passport::Caller};
use testing::{
    Database, SURFACES, TestSuite,
    suite::{ADMIN, PASSWORD, Person, answer},
};
use tokio::task::JoinSet;
use tonic::{Code, Status};

const WRONG: &str = "Lis-8-livres!";

const NEW: &str = "Zebre-neuf-42";

async fn hash_of(db: &Database, id: &str) -> String {
    let query = "SELECT password_hash FROM credential WHERE account_id = $1";
    on!(&db.tables().await, |db| sqlx::query_scalar(query).bind(id).fetch_one(db).await.unwrap())
}

async fn sessions_of(db: &Database, id: &str) -> i64 {
    let query = "SELECT COUNT(*) FROM session WHERE account_id = $1";
    on!(&db.tables().await, |db| sqlx::query_scalar(query).bind(id).fetch_one(db).await.unwrap())
}

async fn times_logged(db: &Database, event: &str) -> i64 {
    let query = "SELECT COUNT(*) FROM audit_event WHERE event = $1";
    on!(&db.tables().await, |db| sqlx::query_scalar(query).bind(event).fetch_one(db).await.unwrap())
}

async fn lives(suite: &TestSuite, token: &str) -> bool {
    suite.send("GET", "/api/clients/me", Some(token), None).await.status == 200
}

/// Through the surface `library`; answers with the status.
async fn change(suite: &TestSuite, token: &str, old: &str, new: &str) -> u16 {
    let body = json!({"oldPassword": old, "newPassword": new, "confirmPassword": new});
    suite.send("PUT", "/api/clients/password", Some(token), Some(body)).await.status
}

async fn log_in(suite: Arc<TestSuite>, email: String, password: String) -> Option<String> {
    suite.log_in(&email, &password).await
}

async fn register_with(suite: &TestSuite, email: &str, password: &str) -> u16 {
    let body = json!({"nom": "Lecteur", "email": email, "password": password, "confirmPassword": password});
    suite.send("POST", "/api/clients/register", None, Some(body)).await.status
}

async fn import(suite: &TestSuite, email: &str, hash: &str) -> Result<pb::Account, Status> {
    let request = pb::CreateAccountRequest {
        name: "Lecteur".to_owned(),
        email: email.to_owned(),
        role: pb::Role::Client.into(),
        credential: Some(Credential::PasswordHash(hash.to_owned())),
        ..Default::default()
    };
    let made = suite.identity_as(Caller::operator()).create_account(request).await?;
    Ok(made.into_inner().account.unwrap())
}

/// A hash as another system makes it.
fn plain(password: &str, version: Version) -> String {
    bcrypt::hash_with_salt(password, 4, [7; 16]).unwrap().format_for_version(version)
}

testing::on_both! {
    async fn of_fifty_changes_at_once_exactly_one_wins(db: Database) {
        let suite = Arc::new(TestSuite::start(&db).await);
        let person = suite.register("lecteur@example.org").await;
        let mut tokens = vec![person.token.clone()];
        for _ in 0..4 {
            tokens.push(suite.log_in(&person.email, PASSWORD).await.unwrap());
        }

        let mut changes = JoinSet::new();
        for number in 0..50 {
            let (suite, token) = (suite.clone(), tokens[number % 5].clone());
            changes.spawn(async move {
                let new = format!("Zebre-{number}-neuf");
                (change(&suite, &token, PASSWORD, &new).await, token, new)
            });
        }
        let answers = changes.join_all().await;

        let won: Vec<_> = answers.iter().filter(|(status, ..)| *status == 200).collect();
        let [(_, token, new)] = won[..] else { panic!("{} changes won", won.len()) };
        // 401: the winner had ended the session before its change was looked at.
        assert!(answers.iter().all(|(status, ..)| [200, 400, 401, 429].contains(status)), "{answers:?}");
        assert_eq!(times_logged(&db, "authn_password_change").await, 1);
        assert_eq!(sessions_of(&db, &person.id).await, 1);
        assert!(lives(&suite, token).await, "the winner's session is the one that goes on");
        // The losers' guesses may have locked the account for a while.
        suite.hand.advance(Duration::from_secs(3600));
        assert!(suite.log_in(&person.email, new).await.is_some());
        assert_eq!(suite.log_in(&person.email, PASSWORD).await, None);
    }

    async fn no_session_opened_with_the_old_password_outlives_the_change(db: Database) {
        let suite = Arc::new(TestSuite::start(&db).await);
        let person = suite.register("lecteur@example.org").await;
        let mut old = PASSWORD.to_owned();

        for round in 0..12 {
            let new = format!("Zebre-{round}-neuf");
            let mut log_ins = JoinSet::new();
            for _ in 0..4 {
                log_ins.spawn(log_in(suite.clone(), person.email.clone(), old.clone()));
            }
            // One is in, others are on their way, and some come too late.
            let mut opened = vec![log_ins.join_next().await.unwrap().unwrap()];
            assert!(opened[0].is_some());
            let changing = tokio::spawn({
                let (suite, token, old, new) = (suite.clone(), person.token.clone(), old.clone(), new.clone());
                async move { change(&suite, &token, &old, &new).await }
            });
            for _ in 0..4 {
                log_ins.spawn(log_in(suite.clone(), person.email.clone(), old.clone()));
            }

            assert_eq!(changing.await.unwrap(), 200);
            opened.extend(log_ins.join_all().await);
            for token in opened.into_iter().flatten() {
                assert!(!lives(&suite, &token).await, "round {round}: a session of the old password lives");
            }
            assert_eq!(sessions_of(&db, &person.id).await, 1, "round {round}");
            // Forgives the sign-ins that came too late, and is the next round's victim.
            assert!(suite.log_in(&person.email, &new).await.is_some());
            old = new;
        }
    }

    async fn a_change_ends_the_other_sessions_and_is_written_down_once(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (person, key) = (suite.register_admin("lecteur@example.org").await, suite.api_key().await);
        let mut old = PASSWORD.to_owned();

        for (number, surface) in SURFACES.into_iter().enumerate() {
            let others =
                [suite.log_in(&person.email, &old).await.unwrap(), suite.log_in(&person.email, &old).await.unwrap()];
            assert_eq!(sessions_of(&db, &person.id).await, 3);
            let new = format!("Zebre-{surface}-42");

            let change =
                suite.change(surface, &person, &key, &old, &new).header("x-request-id", format!("change-{number}"));
            let changed = answer(change).await;

            assert!([200, 204].contains(&changed.status), "{surface}: {}", changed.text);
            assert_eq!(sessions_of(&db, &person.id).await, 1, "{surface}");
            assert!(lives(&suite, &person.token).await, "{surface}");
            for other in &others {
                assert!(!lives(&suite, other).await, "{surface}");
            }
            let query = "SELECT event, actor, request_id FROM audit_event WHERE account_id = $1 AND request_id = $2";
            let request_id = format!("change-{number}");
            let rows: Vec<(String, String, String)> = on!(&db.tables().await, |db| {
                sqlx::query_as(query).bind(&person.id).bind(&request_id).fetch_all(db).await.unwrap()
            });
            assert_eq!(rows, [("authn_password_change".to_owned(), person.id.clone(), request_id)], "{surface}");
            old = new;
        }
    }

    async fn no_other_route_writes_a_password(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (person, admin) = (suite.register("lecteur@example.org").await, suite.admin().await);
        let kept = hash_of(&db, &person.id).await;
        let keys = [
            "password",
            "newPassword",
            "new_password",
            "confirmPassword",
            "oldPassword",
            "passwordHash",
            "password_hash",
            "hash",
            "credential",
            "motDePasse",
            "Password",
            "client.password",
        ];

        for key in keys {
            for (path, token) in
                [("/api/clients/profile".to_owned(), &person.token), (format!("/api/clients/{}", person.id), &admin)]
            {
                for body in [
                    json!({key: NEW}),
                    json!({"nom": "Autre", key: NEW}),
                    json!({key: null}),
                    json!({key: {"set": NEW}}),
                ] {
                    let refused = suite.send("PUT", &path, Some(token), Some(body.clone())).await;
                    assert_eq!(refused.status, 400, "{path} {body}: {}", refused.text);
                }
            }
            let mask = FieldMask { paths: vec![key.to_owned()] };
            let account = pb::Account { id: person.id.clone(), ..Default::default() };
            let update = pb::UpdateAccountRequest { account: Some(account), update_mask: Some(mask) };
            let refused = suite.identity_as(Caller::operator()).update_account(update).await.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument, "{key}");
        }
        assert_eq!(register_with(&suite, &person.email, NEW).await, 400);
        let again = import(&suite, &person.email, &plain(NEW, Version::TwoB)).await.unwrap_err();
        assert_eq!(again.code(), Code::AlreadyExists);
        for (method, path, body) in [
            ("POST", "/api/admin/api-keys".to_owned(), json!({"name": "App", "password": NEW})),
            ("POST", "/api/clients/logout".to_owned(), json!({"oldPassword": PASSWORD, "newPassword": NEW})),
            ("PATCH", format!("/api/clients/{}", person.id), json!({"password": NEW})),
            ("POST", "/api/clients/password".to_owned(), json!({"oldPassword": PASSWORD, "newPassword": NEW})),
            ("PATCH", format!("/v1/users/{}", person.id), json!({"password": NEW})),
        ] {
            let token = suite.log_in(ADMIN, PASSWORD).await.unwrap();
            suite.send(method, &path, Some(&token), Some(body)).await;
        }

        assert_eq!(hash_of(&db, &person.id).await, kept);
        assert!(suite.log_in(ADMIN, PASSWORD).await.is_some());
    }

    async fn the_nist_policy_asks_for_length_at_every_door_and_for_nothing_else(db: Database) {
        let suite = TestSuite::start_with(&db, |settings| {
            settings.identity.policy = Policy { library: LibraryPolicy::Nist, ..Policy::default() };
            settings.identity.first_admin.as_mut().unwrap().password = "cheval batterie agrafe".into();
        })
        .await;
        let token = suite.log_in(ADMIN, "cheval batterie agrafe").await.unwrap();
        let me = suite.send("GET", "/api/clients/me", Some(&token), None).await.json();
        let admin = Person { id: text(&me["data"]["client"]["_id"]), email: ADMIN.to_owned(), token };
        let made = suite.send("POST", "/api/admin/api-keys", Some(&admin.token), Some(json!({"name": "App"}))).await;
        let key = text(&made.json()["data"]["key"]);

        assert_eq!(register_with(&suite, "a@example.org", "Zq7vKp2xLm4wRt").await, 400);
        assert_eq!(register_with(&suite, "b@example.org", "passwordpassword").await, 400);
        assert_eq!(register_with(&suite, "c@example.org", "une girafe sans nom").await, 201);
        let mut old = "cheval batterie agrafe".to_owned();
        for surface in SURFACES {
            let short = answer(suite.change(surface, &admin, &key, &old, "Zq7vKp2xLm4wRt")).await;
            assert_eq!(short.status, 400, "{surface}: {}", short.text);
            let new = format!("une girafe nage vers {surface}");
            let changed = answer(suite.change(surface, &admin, &key, &old, &new)).await;
            assert!([200, 204].contains(&changed.status), "{surface}: {}", changed.text);
            old = new;
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
async fn how_long_a_refusal_takes_does_not_tell_why() {
    let db = testing::sqlite().await;
    let suite = TestSuite::start_with(&db, |settings| settings.identity.bcrypt_cost = 8).await;
    let wrong = suite.register("lecteur@example.org").await;
    let inactive = suite.register("inactif@example.org").await;
    let locked = suite.register("verrouille@example.org").await;
    let (inactive_id, locked_id) = (&inactive.id, &locked.id);
    on!(&db.tables().await, |db| {
        sqlx::query("UPDATE account SET active = FALSE WHERE id = $1").bind(inactive_id).execute(db).await.unwrap();
        let lock = "INSERT INTO failure_budget (subject, in_a_row, in_window) VALUES ($1, 100, 0)";
        sqlx::query(lock).bind(locked_id).execute(db).await.unwrap();
    });
    // The hash of another system, much cheaper than ours.
    import(&suite, "importe@example.org", &plain(PASSWORD, Version::TwoB)).await.unwrap();
    let logins = [&wrong.email, "personne@example.org", &inactive.email, &locked.email, "importe@example.org"];

    // The machine may be busy with something else: three tries.
    let mut seen = Vec::new();
    for _ in 0..3 {
        let mut times: [Vec<Duration>; 5] = Default::default();
        for attempt in 0..20 {
            for (login, times) in logins.iter().zip(&mut times) {
                let began = Instant::now();
                assert_eq!(suite.log_in(login, WRONG).await, None);
                times.push(began.elapsed());
            }
            if attempt % 5 == 4 {
                suite.hand.advance(Duration::from_secs(700));
            }
        }
        let medians = times.map(median);
        if medians.iter().all(|median| (0.75..1.25).contains(&(median / medians[0]))) {
            return;
        }
        seen.push(medians);
    }
    panic!("wrong, unknown, inactive, locked, imported: {seen:?}");
}
