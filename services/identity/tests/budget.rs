//! One failure budget for each account, over sign-in and all changes: exact, kept, shared by replicas, and never told.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{sync::Arc, time::Duration};

use proto::identity::v1 as pb;
use serde_json::json;
use shared::{
    context::{Context, RequestId},
    on,
    passport::Caller,
};
use testing::{
    Database, SURFACES, TestSuite,
    suite::{Answer, PASSWORD, Person, answer, client},
};
use tokio::task::JoinSet;
use tonic::{Code, Status};

const WRONG: &str = "Lis-8-livres!";

const NEW: &str = "Zebre-neuf-42";

/// Everywhere a password can be guessed over HTTP, and what a wrong one is answered with.
const DOORS: [(&str, u16); 6] =
    [("log-in", 401), ("library", 400), ("ocariot", 400), ("swift", 401), ("applivery", 403), ("user", 401)];

async fn log_in(suite: &TestSuite, login: &str, password: &str) -> Answer {
    suite.send("POST", "/api/clients/login", None, Some(json!({"email": login, "password": password}))).await
}

async fn guess(suite: &TestSuite, door: &str, person: &Person, key: &str, password: &str) -> Answer {
    match door {
        "log-in" => log_in(suite, &person.email, password).await,
        surface => answer(suite.change(surface, person, key, password, NEW)).await,
    }
}

async fn guess_wrong(suite: &TestSuite, person: &Person, times: usize) {
    for _ in 0..times {
        assert_eq!(log_in(suite, &person.email, WRONG).await.status, 401);
    }
}

/// A guess over gRPC, where a wrong password and a spent budget can be told apart.
async fn guess_by_rpc(suite: &TestSuite, person: &Person, old_password: String) -> Code {
    let mut identity = suite.identity_as(client(&person.id));
    let change = pb::ChangePasswordRequest {
        account_id: person.id.clone(),
        old_password,
        new_password: NEW.to_owned(),
        ..Default::default()
    };
    patiently(identity.change_password(change)).await.map_or_else(|status| status.code(), |_| Code::Ok)
}

/// Five hundred guesses take longer than a request has by default.
async fn patiently<F: Future>(work: F) -> F::Output {
    Context::new(RequestId::fresh(), Duration::from_secs(30)).scope(work).await
}

async fn failures_in_a_row(db: &Database, person: &Person) -> i64 {
    let query = "SELECT in_a_row FROM failure_budget WHERE subject = $1";
    let found: Option<i64> =
        on!(&db.tables().await, |db| sqlx::query_scalar(query).bind(&person.id).fetch_optional(db).await.unwrap());
    found.unwrap_or_default()
}

async fn times_logged(db: &Database, person: &Person, event: &str) -> i64 {
    let query = "SELECT COUNT(*) FROM audit_event WHERE account_id = $1 AND event = $2";
    on!(&db.tables().await, |db| sqlx::query_scalar(query).bind(&person.id).bind(event).fetch_one(db).await.unwrap())
}

/// All that can be seen of an answer, but for what differs from answer to answer.
fn looks(answer: &Answer) -> (u16, String, Vec<(String, String)>) {
    let shown = |name: &str| if matches!(name, "date" | "x-request-id") { "" } else { answer.header(name) }.to_owned();
    let mut headers: Vec<_> = answer.headers.keys().map(|name| (name.to_string(), shown(name.as_str()))).collect();
    headers.sort();
    (answer.status, answer.text.clone(), headers)
}

async fn set(suite: &TestSuite, person: &Person, change: serde_json::Value) {
    let changed =
        suite.send("PUT", &format!("/api/clients/{}", person.id), Some(&suite.admin().await), Some(change)).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
}

testing::on_both! {
    async fn sign_in_and_all_five_changes_spend_one_budget(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (person, key) = (suite.register_admin("lecteur@example.org").await, suite.api_key().await);

        for (door, status) in DOORS.into_iter().cycle().take(10) {
            let wrong = guess(&suite, door, &person, &key, WRONG).await;
            assert_eq!(wrong.status, status, "{door}: {}", wrong.text);
        }
        assert_eq!(failures_in_a_row(&db, &person).await, 10);

        for (door, _) in DOORS {
            let locked = guess(&suite, door, &person, &key, PASSWORD).await;
            assert_eq!(locked.status, if door == "log-in" { 401 } else { 429 }, "{door}: {}", locked.text);
        }
        assert_eq!(failures_in_a_row(&db, &person).await, 10, "what is not looked at is not counted either");
    }

    async fn a_locked_an_inactive_and_an_unknown_account_look_like_a_wrong_password(db: Database) {
        let suite = TestSuite::start(&db).await;
        let locked = suite.register("verrouille@example.org").await;
        let inactive = suite.register("inactif@example.org").await;
        let deleted = suite.register("parti@example.org").await;
        let person = suite.register("lecteur@example.org").await;
        guess_wrong(&suite, &locked, 10).await;
        set(&suite, &inactive, json!({"active": false})).await;
        let gone =
            suite.send("DELETE", &format!("/api/clients/{}", deleted.id), Some(&suite.admin().await), None).await;
        assert_eq!(gone.status, 200);
        let wrong = log_in(&suite, &person.email, WRONG).await;
        assert_eq!(wrong.status, 401);

        for (login, password) in [
            (locked.email.as_str(), PASSWORD),
            (&locked.email, WRONG),
            (&inactive.email, PASSWORD),
            (&inactive.email, WRONG),
            (&deleted.email, PASSWORD),
            ("personne@example.org", PASSWORD),
            ("", PASSWORD),
            ("\0", PASSWORD),
            (&"x".repeat(300), PASSWORD),
            (&person.email, ""),
            (&person.email, "\0"),
            (&person.email, &"x".repeat(129)),
        ] {
            assert_eq!(looks(&log_in(&suite, login, password).await), looks(&wrong), "{login:?}");
        }
    }

    async fn nor_can_services_tell_them_apart(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("lecteur@example.org").await;
        let told = async |login: &str, password: &str| -> (Code, String, Vec<u8>) {
            let attempt = pb::LogInRequest { login: login.to_owned(), password: password.to_owned() };
            let refused: Status = suite.identity_as(Caller::service("gateway")).log_in(attempt).await.unwrap_err();
            (refused.code(), refused.message().to_owned(), refused.details().to_vec())
        };

        let wrong = told(&person.email, WRONG).await;
        guess_wrong(&suite, &person, 9).await;

        assert_eq!(told(&person.email, PASSWORD).await, wrong);
        assert_eq!(told("personne@example.org", PASSWORD).await, wrong);
    }

    async fn the_lock_lifts_when_time_passes_and_every_further_failure_makes_it_longer(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("lecteur@example.org").await;
        let second = Duration::from_secs(1);
        let waits = async || {
            let refused = guess(&suite, "library", &person, "", PASSWORD).await;
            assert_eq!(refused.status, 429, "{}", refused.text);
            refused.header("retry-after").parse::<u64>().unwrap()
        };

        guess_wrong(&suite, &person, 9).await;
        for delay in [60, 120, 240, 480, 960, 1920, 3600, 3600] {
            guess_wrong(&suite, &person, 1).await;
            assert_eq!(waits().await, delay);
            suite.hand.advance(Duration::from_secs(delay) - second);
            assert_eq!(suite.log_in(&person.email, PASSWORD).await, None, "the lock of {delay} s lifted too early");
            assert_eq!(waits().await, 1);
            suite.hand.advance(second);
        }

        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
        guess_wrong(&suite, &person, 9).await;
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some(), "a right password forgives what was before");
    }

    async fn after_a_hundred_failures_in_a_row_only_an_admin_helps(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("lecteur@example.org").await;

        guess_wrong(&suite, &person, 10).await;
        for _ in 0..95 {
            suite.hand.advance(Duration::from_secs(3600));
            guess_wrong(&suite, &person, 1).await;
        }

        assert_eq!(failures_in_a_row(&db, &person).await, 100);
        suite.hand.advance(Duration::from_secs(365 * 24 * 3600));
        assert_eq!(suite.log_in(&person.email, PASSWORD).await, None);
        set(&suite, &person, json!({"active": true})).await;
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    async fn an_admin_lifts_a_lock_and_a_new_name_does_not(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("lecteur@example.org").await;
        guess_wrong(&suite, &person, 10).await;

        set(&suite, &person, json!({"nom": "Lecteur"})).await;
        assert_eq!(suite.log_in(&person.email, PASSWORD).await, None);

        set(&suite, &person, json!({"active": true})).await;
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    async fn a_right_password_forgives_at_every_door(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (person, key) = (suite.register_admin("lecteur@example.org").await, suite.api_key().await);
        let mut password = PASSWORD.to_owned();

        for surface in SURFACES {
            guess_wrong(&suite, &person, 9).await;
            let new = format!("Zebre-{surface}-42");
            let changed = answer(suite.change(surface, &person, &key, &password, &new)).await;
            assert!([200, 204].contains(&changed.status), "{surface}: {}", changed.text);
            assert_eq!(failures_in_a_row(&db, &person).await, 0, "{surface}");
            password = new;
        }
        guess_wrong(&suite, &person, 9).await;
        assert!(suite.log_in(&person.email, &password).await.is_some());
        assert_eq!(failures_in_a_row(&db, &person).await, 0);
    }

    async fn a_right_password_with_a_bad_new_one_never_locks(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (person, key) = (suite.register_admin("lecteur@example.org").await, suite.api_key().await);

        for surface in SURFACES.into_iter().cycle().take(25) {
            for bad in ["x", "Azerty123", &"Aa1".repeat(50)] {
                let weak = answer(suite.change(surface, &person, &key, PASSWORD, bad)).await;
                assert_eq!(weak.status, 400, "{surface} takes {bad}: {}", weak.text);
            }
        }
        let differs = json!({"oldPassword": PASSWORD, "newPassword": NEW, "confirmPassword": WRONG});
        for _ in 0..12 {
            let refused = suite.send("PUT", "/api/clients/password", Some(&person.token), Some(differs.clone())).await;
            assert_eq!(refused.status, 400, "{}", refused.text);
        }

        assert_eq!(failures_in_a_row(&db, &person).await, 0);
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    async fn a_restart_forgives_nothing(db: Database) {
        let before = TestSuite::start(&db).await;
        let person = before.register("lecteur@example.org").await;
        guess_wrong(&before, &person, 10).await;
        before.suite.end(Duration::ZERO).await;

        let after = TestSuite::start(&db).await;

        assert_eq!(after.log_in(&person.email, PASSWORD).await, None);
        assert_eq!(guess(&after, "library", &person, "", PASSWORD).await.status, 429);
        after.hand.advance(Duration::from_secs(60));
        assert!(after.log_in(&person.email, PASSWORD).await.is_some());
    }

    async fn five_hundred_guesses_at_once_are_ten_comparisons(db: Database) {
        let suite = Arc::new(TestSuite::start(&db).await);
        let person = suite.register("lecteur@example.org").await;

        let mut guesses = JoinSet::new();
        for number in 0..500 {
            let (suite, person, password) = (suite.clone(), person.clone(), format!("Lis-{number}-pages"));
            guesses.spawn(async move {
                if number % 2 == 0 {
                    return guess_by_rpc(&suite, &person, password).await;
                }
                let attempt = pb::LogInRequest { login: person.email.clone(), password };
                let mut identity = suite.identity_as(Caller::service("gateway"));
                patiently(identity.log_in(attempt)).await.map_or_else(|status| status.code(), |_| Code::Ok)
            });
        }
        let answers = guesses.join_all().await;

        let times = |code: Code| answers.iter().filter(|answer| **answer == code).count();
        assert_eq!(times(Code::Unauthenticated), 250, "every sign-in is refused alike");
        assert_eq!(times(Code::FailedPrecondition) + times(Code::ResourceExhausted), 250, "{answers:?}");
        assert_eq!(failures_in_a_row(&db, &person).await, 10);
        assert_eq!(times_logged(&db, &person, "authn_login_lock").await, 1);
        let compared = times(Code::FailedPrecondition) as i64;
        assert_eq!(times_logged(&db, &person, "authn_password_change_fail").await, compared);
        assert_eq!(suite.log_in(&person.email, PASSWORD).await, None, "the right one comes too late");
        assert_eq!(guess_by_rpc(&suite, &person, PASSWORD.to_owned()).await, Code::ResourceExhausted);
    }

    async fn replicas_share_the_budget_to_the_last_guess(db: Database) {
        let replicas = Arc::new([TestSuite::start(&db).await, TestSuite::start(&db).await]);
        let person = replicas[0].register("lecteur@example.org").await;

        let mut guesses = JoinSet::new();
        for number in 0..200 {
            let (replicas, person) = (replicas.clone(), person.clone());
            let password = format!("Lis-{number}-pages");
            guesses.spawn(async move { guess_by_rpc(&replicas[number % 2], &person, password).await });
        }
        let answers = guesses.join_all().await;

        let times = |code: Code| answers.iter().filter(|answer| **answer == code).count();
        assert_eq!((times(Code::FailedPrecondition), times(Code::ResourceExhausted)), (10, 190));
        for replica in replicas.iter() {
            assert_eq!(replica.log_in(&person.email, PASSWORD).await, None);
            assert_eq!(guess(replica, "library", &person, "", PASSWORD).await.status, 429);
        }
    }

    async fn guesses_at_one_login_lock_no_other(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (guessed, person) = (suite.register("a@example.org").await, suite.register("b@example.org").await);
        guess_wrong(&suite, &guessed, 12).await;
        for number in 0..300 {
            assert_eq!(log_in(&suite, &format!("personne{number}@example.org"), WRONG).await.status, 401);
        }

        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    async fn right_passwords_at_once_are_not_taken_for_guesses(db: Database) {
        let suite = Arc::new(TestSuite::start(&db).await);
        let person = suite.register("lecteur@example.org").await;

        let mut sign_ins = JoinSet::new();
        for _ in 0..60 {
            let (suite, email) = (suite.clone(), person.email.clone());
            sign_ins.spawn(async move { log_in(&suite, &email, PASSWORD).await.status });
        }

        assert!(sign_ins.join_all().await.iter().all(|status| *status == 200));
    }
}
