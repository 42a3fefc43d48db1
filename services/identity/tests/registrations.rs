//! Registrations that come again: one account, one answer, byte for byte, and nothing of them to be read in the database.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{collections::BTreeSet, time::Duration};

use identity::Admission;
use prost::Message as _;
use proto::identity::v1 as pb;
use shared::{on, passport::Caller};
use testing::{Database, TestSuite, suite::PASSWORD};
use tokio::task::JoinSet;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

fn request(request_id: &str, name: &str, password: &str) -> pb::RegisterAccountRequest {
    pb::RegisterAccountRequest {
        name: name.to_owned(),
        email: format!("{name}@example.org"),
        password: password.to_owned(),
        request_id: request_id.to_owned(),
        ..pb::RegisterAccountRequest::default()
    }
}

async fn register(suite: &TestSuite, request: pb::RegisterAccountRequest) -> Result<Vec<u8>, Status> {
    let made = suite.identity_as(Caller::service("gateway")).register_account(request).await;
    made.map(|answer| answer.into_inner().encode_to_vec())
}

fn refusal(refused: &Status) -> (Code, String) {
    (refused.code(), refused.get_details_error_info().map(|info| info.reason).unwrap_or_default())
}

fn told(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

/// A number out of identity's database.
async fn number(db: &Database, sql: &'static str) -> i64 {
    on!(&db.tables().await, |db| sqlx::query_scalar(sql).fetch_one(db).await).unwrap()
}

/// How many accounts and how many sessions there are.
async fn kept(db: &Database) -> (i64, i64) {
    on!(&db.tables().await, |db| {
        let accounts = sqlx::query_scalar("SELECT COUNT(*) FROM account").fetch_one(db).await.unwrap();
        let sessions = sqlx::query_scalar("SELECT COUNT(*) FROM session").fetch_one(db).await.unwrap();
        (accounts, sessions)
    })
}

testing::on_both! {
    async fn twenty_of_one_request_make_one_account(db: Database) {
        let suite = TestSuite::start(&db).await;
        let before = kept(&db).await;
        let mut registering = JoinSet::new();
        for _ in 0..20 {
            let mut identity = suite.identity_as(Caller::service("gateway"));
            registering.spawn(async move { identity.register_account(request("a", "elodie", PASSWORD)).await });
        }

        let answers = registering.join_all().await.into_iter().map(|answer| answer.unwrap().into_inner().encode_to_vec());
        let answers: BTreeSet<Vec<u8>> = answers.collect();

        assert_eq!(answers.len(), 1, "the token too");
        assert_eq!(kept(&db).await, (before.0 + 1, before.1 + 1));
        let again = register(&suite, request("a", "elodie", PASSWORD)).await.unwrap();
        assert_eq!(again, *answers.first().unwrap());
        let token = pb::RegisterAccountResponse::decode(again.as_slice()).unwrap().access_token;
        assert_eq!(suite.send("GET", "/api/clients/me", Some(&token), None).await.status, 200);
    }

    async fn an_id_is_one_requests_and_one_days(db: Database) {
        let suite = TestSuite::start(&db).await;
        let first = register(&suite, request("a", "un", PASSWORD)).await.unwrap();

        for other in [request("a", "deux", PASSWORD), request("a", "trois", "Autre-mot-2-passe")] {
            let refused = register(&suite, other).await.unwrap_err();
            assert_eq!(refusal(&refused), told(Code::FailedPrecondition, "REQUEST_ID_REUSED"));
        }
        for id in ["é".to_owned(), "a b".to_owned(), "a".repeat(256)] {
            let refused = register(&suite, request(&id, "trois", PASSWORD)).await.unwrap_err();
            assert_eq!(refused.get_details_bad_request().unwrap().field_violations[0].field, "request_id");
        }

        suite.hand.advance(Duration::from_secs(24 * 3600 - 60));
        assert_eq!(register(&suite, request("a", "un", PASSWORD)).await.unwrap(), first);
        suite.hand.advance(Duration::from_secs(120));
        let refused = register(&suite, request("a", "un", PASSWORD)).await.unwrap_err();
        assert_eq!(refusal(&refused), told(Code::AlreadyExists, "LOGIN_TAKEN"), "it is a new request");
        assert!(register(&suite, request("a", "deux", PASSWORD)).await.is_ok());
    }

    async fn a_password_cannot_be_guessed_by_registering_again(db: Database) {
        let suite = TestSuite::start(&db).await;
        register(&suite, request("a", "un", PASSWORD)).await.unwrap();

        let guessed = register(&suite, request("a", "un", "Autre-mot-2-passe")).await.unwrap_err();
        assert_eq!(refusal(&guessed), told(Code::FailedPrecondition, "REQUEST_ID_REUSED"));
        for password in ["Encore-mot-3-passe", PASSWORD] {
            let refused = register(&suite, request("a", "un", password)).await.unwrap_err();
            assert_eq!(refusal(&refused), told(Code::AlreadyExists, "LOGIN_TAKEN"), "one guess, and not two");
        }
    }

    async fn an_answer_goes_with_the_password_and_with_the_account(db: Database) {
        let suite = TestSuite::start(&db).await;
        let answers = async || number(&db, "SELECT COUNT(*) FROM request").await;
        for name in ["un", "deux"] {
            let answer = register(&suite, request(name, name, PASSWORD)).await.unwrap();
            let made = pb::RegisterAccountResponse::decode(answer.as_slice()).unwrap();
            let id = made.account.unwrap().id;
            if name == "un" {
                let change = serde_json::json!({
                    "oldPassword": PASSWORD, "newPassword": "Autre-mot-2-passe", "confirmPassword": "Autre-mot-2-passe",
                });
                let changed = suite.send("PUT", "/api/clients/password", Some(&made.access_token), Some(change)).await;
                assert_eq!(changed.status, 200, "{}", changed.text);
            } else {
                let request = pb::DeleteAccountRequest { account_id: id };
                suite.identity_as(Caller::operator()).delete_account(request).await.unwrap();
            }
            assert_eq!(answers().await, 0, "{name}");
        }
        let refused = register(&suite, request("un", "un", PASSWORD)).await.unwrap_err();
        assert_eq!(refusal(&refused), told(Code::AlreadyExists, "LOGIN_TAKEN"));
    }

    async fn a_refused_request_is_not_remembered(db: Database) {
        let suite = TestSuite::start(&db).await;
        let weak = register(&suite, request("a", "faible", "motdepasse")).await.unwrap_err();
        assert_eq!(refusal(&weak), told(Code::InvalidArgument, "WEAK_PASSWORD"));
        register(&suite, request("", "pris", PASSWORD)).await.unwrap();
        let taken = register(&suite, request("a", "pris", PASSWORD)).await.unwrap_err();
        assert_eq!(refusal(&taken), told(Code::AlreadyExists, "LOGIN_TAKEN"));

        assert!(register(&suite, request("a", "faible", PASSWORD)).await.is_ok());
    }

    async fn a_repeat_needs_no_turn_to_hash(db: Database) {
        let admission = Admission { permits: 1, waiting: 0, patience: Duration::from_millis(50) };
        let suite = TestSuite::start_with(&db, |settings| {
            settings.identity.admission = admission;
            settings.identity.bcrypt_cost = 10;
        })
        .await;
        let first = register(&suite, request("a", "patiente", PASSWORD)).await.unwrap();
        let mut flood = JoinSet::new();
        for number in 0..40 {
            let mut identity = suite.identity_as(Caller::service("gateway"));
            let request = request("", &format!("foule-{number}"), PASSWORD);
            flood.spawn(async move { identity.register_account(request).await.is_ok() });
        }

        for _ in 0..40 {
            assert_eq!(register(&suite, request("a", "patiente", PASSWORD)).await.unwrap(), first);
        }

        assert!(flood.join_all().await.contains(&false), "the queue was full");
    }

    async fn nothing_of_a_request_can_be_read_in_the_database(db: Database) {
        let suite = TestSuite::start(&db).await;
        let answer = register(&suite, request("a", "secrete", PASSWORD)).await.unwrap();
        let token = pb::RegisterAccountResponse::decode(answer.as_slice()).unwrap().access_token;

        let (digest, kept): (Vec<u8>, Vec<u8>) = on!(&db.tables().await, |db| {
            sqlx::query_as("SELECT digest, answer FROM request").fetch_one(db).await.unwrap()
        });

        let request = request("a", "secrete", PASSWORD).encode_to_vec();
        for secret in [token.as_bytes(), b"secrete@example.org", PASSWORD.as_bytes(), &answer[..20]] {
            assert!(!kept.windows(secret.len()).any(|bytes| bytes == secret));
        }
        for contents in [request.clone(), [b"RegisterAccount\0".as_slice(), &request].concat(), PASSWORD.into()] {
            assert_ne!(digest, aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &contents).as_ref());
        }
    }
}
