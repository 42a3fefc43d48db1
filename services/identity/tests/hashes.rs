//! Hashes as they are kept: ours, those of other systems, and those that are meant to do harm.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::time::{Duration, Instant};

use bcrypt::Version;
use proto::identity::v1::{self as pb, create_account_request::Credential};
use serde_json::json;
use shared::{on, passport::Caller};
use testing::{Database, TestSuite, suite::PASSWORD};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

const WRONG: &str = "Lis-8-livres!";

const NEW: &str = "Zebre-neuf-42";

/// A busy machine answers within this time, and one that hashes at a cost of 16 does not.
const AT_ONCE: Duration = Duration::from_secs(4);

async fn hash_of(db: &Database, id: &str) -> String {
    let query = "SELECT password_hash FROM credential WHERE account_id = $1";
    on!(&db.tables().await, |db| sqlx::query_scalar(query).bind(id).fetch_one(db).await.unwrap())
}

async fn keep_hash(db: &Database, id: &str, hash: &str) {
    let query = "UPDATE credential SET password_hash = $2 WHERE account_id = $1";
    let kept = on!(&db.tables().await, |db| {
        sqlx::query(query).bind(id).bind(hash).execute(db).await.unwrap().rows_affected()
    });
    assert_eq!(kept, 1);
}

async fn times_logged(db: &Database, event: &str) -> i64 {
    let query = "SELECT COUNT(*) FROM audit_event WHERE event = $1";
    on!(&db.tables().await, |db| sqlx::query_scalar(query).bind(event).fetch_one(db).await.unwrap())
}

async fn failures_in_a_row(db: &Database, id: &str) -> i64 {
    let query = "SELECT in_a_row FROM failure_budget WHERE subject = $1";
    let found: Option<i64> =
        on!(&db.tables().await, |db| sqlx::query_scalar(query).bind(id).fetch_optional(db).await.unwrap());
    found.unwrap_or_default()
}

async fn lives(suite: &TestSuite, token: &str) -> bool {
    suite.send("GET", "/api/clients/me", Some(token), None).await.status == 200
}

/// Through the surface `library`; answers with the status.
async fn change(suite: &TestSuite, token: &str, old: &str, new: &str) -> u16 {
    let body = json!({"oldPassword": old, "newPassword": new, "confirmPassword": new});
    suite.send("PUT", "/api/clients/password", Some(token), Some(body)).await.status
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

/// Hashes that would take days, or make a careless reader fall over.
fn hostile_hashes() -> Vec<String> {
    let good = plain("x", Version::TwoB);
    vec![
        good.replacen("$04$", "$31$", 1),
        good.replacen("$04$", "$16$", 1),
        good.replacen("$04$", "$99$", 1),
        good.replacen("$04$", "$-4$", 1),
        good.replacen("$2b$", "$2x$", 1),
        good.replacen("$2b$", "$3b$", 1),
        good[..59].to_owned(),
        good[..20].to_owned(),
        good.clone() + "x",
        String::new(),
        "$2b$04$".to_owned() + &"é".repeat(26) + "x",
        "🦀".repeat(15),
        PASSWORD.to_owned(),
        "v1".to_owned(),
    ]
}

testing::on_both! {
    async fn an_imported_hash_signs_in_and_is_kept_in_our_form_from_then_on(db: Database) {
        let suite = TestSuite::start(&db).await;

        for (email, version) in
            [("a@example.org", Version::TwoA), ("b@example.org", Version::TwoB), ("y@example.org", Version::TwoY)]
        {
            let foreign = plain(PASSWORD, version);
            let account = import(&suite, email, &foreign).await.unwrap();

            assert_eq!(suite.log_in(email, WRONG).await, None);
            assert_eq!(suite.log_in(email, "").await, None);
            assert_eq!(hash_of(&db, &account.id).await, foreign, "a wrong password must not change it");
            assert!(suite.log_in(email, PASSWORD).await.is_some());
            let ours = hash_of(&db, &account.id).await;
            assert!(ours.starts_with("v1$2b$04$"), "{ours}");
            assert!(suite.log_in(email, PASSWORD).await.is_some());
            assert_eq!(suite.log_in(email, WRONG).await, None);
            assert_eq!(hash_of(&db, &account.id).await, ours, "it is hashed anew once");
        }
    }

    async fn an_imported_hash_can_be_changed_at_once(db: Database) {
        let suite = TestSuite::start(&db).await;
        let account = import(&suite, "a@example.org", &plain(PASSWORD, Version::TwoY)).await.unwrap();
        // The other system's hash is put back behind an open session.
        let token = suite.log_in("a@example.org", PASSWORD).await.unwrap();
        keep_hash(&db, &account.id, &plain(PASSWORD, Version::TwoY)).await;

        assert_eq!(change(&suite, &token, WRONG, NEW).await, 400);
        assert_eq!(change(&suite, &token, PASSWORD, NEW).await, 200);

        assert!(hash_of(&db, &account.id).await.starts_with("v1$2b$04$"));
        assert!(suite.log_in("a@example.org", NEW).await.is_some());
        assert_eq!(suite.log_in("a@example.org", PASSWORD).await, None);
    }

    async fn what_the_other_system_cut_off_counts_after_the_first_sign_in(db: Database) {
        let suite = TestSuite::start(&db).await;
        let long = "Lis-7-livres!".repeat(6);
        let cut = format!("{}#", &long[..77]);
        import(&suite, "a@example.org", &plain(&long, Version::TwoB)).await.unwrap();

        assert!(suite.log_in("a@example.org", &long).await.is_some());

        assert_eq!(suite.log_in("a@example.org", &cut).await, None);
        assert!(suite.log_in("a@example.org", &long).await.is_some());
    }

    async fn a_higher_cost_reaches_every_hash_at_its_next_sign_in(db: Database) {
        let before = TestSuite::start(&db).await;
        let person = before.register("lecteur@example.org").await;
        assert!(hash_of(&db, &person.id).await.starts_with("v1$2b$04$"));

        let after = TestSuite::start_with(&db, |settings| settings.identity.bcrypt_cost = 5).await;

        assert_eq!(after.log_in(&person.email, WRONG).await, None);
        assert!(hash_of(&db, &person.id).await.starts_with("v1$2b$04$"));
        assert!(after.log_in(&person.email, PASSWORD).await.is_some());
        assert!(hash_of(&db, &person.id).await.starts_with("v1$2b$05$"));
        assert!(after.log_in(&person.email, PASSWORD).await.is_some());
        assert!(lives(&after, &person.token).await, "hashing anew is no change of password");
    }

    async fn a_hostile_hash_cannot_be_imported(db: Database) {
        let suite = TestSuite::start(&db).await;

        for (number, hostile) in hostile_hashes()
            .into_iter()
            .chain(["\0".repeat(60), "v1".to_owned() + &plain("x", Version::TwoB)])
            .enumerate()
        {
            let began = Instant::now();
            let refused = import(&suite, &format!("a{number}@example.org"), &hostile).await.unwrap_err();

            assert_eq!(refused.code(), Code::InvalidArgument, "{hostile}");
            let fields = refused.get_details_bad_request().unwrap().field_violations;
            assert_eq!(fields[0].field, "password_hash", "{hostile}");
            assert!(hostile.is_empty() || !refused.message().contains(&hostile), "the refusal repeats the hash");
            assert!(began.elapsed() < AT_ONCE, "{hostile}");
        }
    }

    async fn a_hostile_hash_in_the_database_is_a_wrong_password_in_no_time(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("lecteur@example.org").await;

        for hostile in hostile_hashes() {
            keep_hash(&db, &person.id, &hostile).await;
            let began = Instant::now();

            assert_eq!(suite.log_in(&person.email, PASSWORD).await, None, "{hostile}");
            assert_eq!(suite.log_in(&person.email, "").await, None, "{hostile}");
            assert_eq!(change(&suite, &person.token, PASSWORD, NEW).await, 400, "{hostile}");
            assert!(began.elapsed() < AT_ONCE, "{hostile}");
            // Three failures each: the lock is another story.
            suite.hand.advance(Duration::from_secs(700));
        }
    }

    async fn all_128_characters_count_and_one_more_is_refused_before_hashing(db: Database) {
        let suite = TestSuite::start(&db).await;
        let longest = "Aa1".to_owned() + &"🦀🐚🦞🐙🪼".repeat(25);
        assert_eq!(longest.chars().count(), 128);
        assert_eq!(register_with(&suite, "lecteur@example.org", &longest).await, 201);
        let token = suite.log_in("lecteur@example.org", &longest).await.unwrap();

        let mut altered: Vec<char> = longest.chars().collect();
        for at in [0, 64, 127] {
            let kept = std::mem::replace(&mut altered[at], 'é');
            assert_eq!(suite.log_in("lecteur@example.org", &altered.iter().collect::<String>()).await, None, "{at}");
            altered[at] = kept;
        }
        assert_eq!(suite.log_in("lecteur@example.org", &longest[..longest.len() - 4]).await, None);

        let id = suite.send("GET", "/api/clients/me", Some(&token), None).await.json()["data"]["client"]["_id"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(suite.log_in("lecteur@example.org", &longest).await.is_some());
        let too_long = longest.clone() + "x";
        assert_eq!(register_with(&suite, "autre@example.org", &too_long).await, 400);
        assert_eq!(change(&suite, &token, &longest, &too_long).await, 400);
        assert_eq!(change(&suite, &token, &too_long, NEW).await, 400);
        assert_eq!(failures_in_a_row(&db, &id).await, 0, "what cannot be a password is no guess");
        assert_eq!(times_logged(&db, "authn_password_change_fail").await, 0);

        // A replica that can hash nothing at all still has the answer.
        let overloaded = TestSuite::start_with(&db, |settings| {
            settings.identity.admission.permits = 0;
            settings.identity.admission.waiting = 0;
        })
        .await;
        let log_in = async |password: &str| {
            let body = json!({"email": "lecteur@example.org", "password": password});
            overloaded.send("POST", "/api/clients/login", None, Some(body)).await.status
        };
        assert_eq!(log_in(&longest).await, 503);
        assert_eq!(log_in(&too_long).await, 401);
        assert_eq!(log_in(&"x".repeat(10_000)).await, 401);
    }
}
