//! Signing keys: a new one is in use at once, the old one's tokens stay good, and no gateway has to start again.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use identity::StartError;
use proto::identity::v1 as pb;
use serde_json::Value;
use shared::{
    channel::Channel,
    on,
    passport::{Caller, Passports},
    secret::Secret,
};
use testing::{
    Database, TestSuite,
    suite::{BEGIN, PASSWORD, PEPPER, settings},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const DAY: Duration = Duration::from_secs(24 * 3600);

const SECOND: Duration = Duration::from_secs(1);

async fn rotate(suite: &TestSuite) -> pb::SigningKey {
    let rotated = suite.identity_as(Caller::operator()).rotate_signing_keys(pb::RotateSigningKeysRequest {}).await;
    rotated.unwrap().into_inner().signing_key.unwrap()
}

async fn published(suite: &TestSuite) -> Vec<String> {
    let keys = suite.identity_as(Caller::service("gateway")).list_signing_keys(pb::ListSigningKeysRequest {}).await;
    keys.unwrap().into_inner().signing_keys.into_iter().map(|key| key.id).collect()
}

async fn lives(suite: &TestSuite, token: &str) -> bool {
    suite.send("GET", "/api/clients/me", Some(token), None).await.status == 200
}

/// What a token says it was signed with.
fn key_id(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

testing::on_both! {
    async fn tokens_of_the_old_key_stay_good_and_new_ones_carry_the_new_key_at_every_gateway(db: Database) {
        let suites = [TestSuite::start(&db).await, TestSuite::start(&db).await];
        let [here, there] = &suites;
        let pass = |time: Duration| suites.iter().for_each(|suite| suite.hand.advance(time));
        let person = here.register("lecteur@example.org").await;
        let first = key_id(&person.token);
        assert_eq!(published(there).await, [first.as_str()]);
        pass(SECOND);
        let last_of_old = here.log_in(&person.email, PASSWORD).await.unwrap();

        let second = rotate(here).await;

        assert_eq!(published(there).await, [second.id.as_str(), &first], "newest first");
        let by_there = there.log_in(&person.email, PASSWORD).await.unwrap();
        let by_here = here.log_in(&person.email, PASSWORD).await.unwrap();
        for suite in &suites {
            for (token, key) in
                [(&person.token, &first), (&last_of_old, &first), (&by_there, &second.id), (&by_here, &second.id)]
            {
                assert_eq!(&key_id(token), key);
                assert!(lives(suite, token).await);
            }
        }

        pass(DAY - SECOND);
        for suite in &suites {
            assert!(lives(suite, &last_of_old).await, "the last token of the old key is good to its end");
            assert_eq!(published(suite).await, [second.id.as_str(), &first]);
        }
        pass(SECOND);
        for suite in &suites {
            assert_eq!(published(suite).await, [second.id.as_str()], "nothing that it signed is good any more");
            assert!(!lives(suite, &last_of_old).await);
        }
        assert!(lives(there, &there.log_in(&person.email, PASSWORD).await.unwrap()).await);
    }

    async fn a_new_key_signs_at_once_even_when_a_clock_was_set_back(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("lecteur@example.org").await;

        for behind in [0, 0, 600, 3600, 0] {
            suite.hand.set(BEGIN - Duration::from_secs(behind));
            let made = rotate(&suite).await;
            let token = suite.log_in(&person.email, PASSWORD).await.unwrap();
            assert_eq!(key_id(&token), made.id, "{behind} s behind");
            assert!(lives(&suite, &token).await, "{behind} s behind");
        }
    }

    async fn no_good_token_is_refused_while_keys_change(db: Database) {
        let suites = Arc::new([TestSuite::start(&db).await, TestSuite::start(&db).await]);
        let person = suites[0].register("lecteur@example.org").await;

        let mut readers = JoinSet::new();
        for number in 0..4 {
            let (suites, person) = (suites.clone(), person.clone());
            readers.spawn(async move {
                for turn in 0..15 {
                    let token = suites[(number + turn) % 2].log_in(&person.email, PASSWORD).await;
                    let token = token.expect("nobody is refused while keys change");
                    assert!(lives(&suites[turn % 2], &token).await, "a new token is refused");
                    assert!(lives(&suites[(number + turn) % 2], &person.token).await, "an old token is refused");
                }
            });
        }
        for turn in 0..10 {
            suites.iter().for_each(|suite| suite.hand.advance(SECOND));
            rotate(&suites[turn % 2]).await;
        }
        readers.join_all().await;
    }

    async fn after_many_rotations_at_once_one_more_retires_them_all(db: Database) {
        let suites = Arc::new([TestSuite::start(&db).await, TestSuite::start(&db).await]);
        let person = suites[0].register("lecteur@example.org").await;
        let mut rotations = JoinSet::new();
        for number in 0..10 {
            let suites = suites.clone();
            rotations.spawn(async move { rotate(&suites[number % 2]).await.id });
        }
        let made = rotations.join_all().await;

        let token = suites[0].log_in(&person.email, PASSWORD).await.unwrap();
        assert!(made.contains(&key_id(&token)));
        assert!(lives(&suites[0], &token).await && lives(&suites[1], &token).await);

        suites.iter().for_each(|suite| suite.hand.advance(SECOND));
        let last = rotate(&suites[0]).await;
        suites.iter().for_each(|suite| suite.hand.advance(DAY));
        assert_eq!(published(&suites[1]).await, [last.id]);
    }

    async fn the_private_half_is_never_readable_in_the_database(db: Database) {
        let suite = TestSuite::start(&db).await;
        let key = rotate(&suite).await;
        let query = "SELECT sealed_key FROM signing_key WHERE id = $1";
        let sealed: Vec<u8> =
            on!(&db.tables().await, |db| sqlx::query_scalar(query).bind(&key.id).fetch_one(db).await.unwrap());

        // PKCS#8 holds the public half too, and names its algorithm: 1.3.101.112.
        assert!(sealed.len() > 64);
        assert!(!sealed.windows(key.public_key.len()).any(|bytes| bytes == key.public_key));
        assert!(!sealed.windows(5).any(|bytes| bytes == [0x06, 0x03, 0x2b, 0x65, 0x70]));
    }

    async fn with_another_pepper_identity_does_not_start(db: Database) {
        drop(TestSuite::start(&db).await);
        let (settings, _) = settings(db.url());
        let start = async |pepper: &str| {
            let identity = identity::Settings { pepper: Secret::from(pepper), ..settings.identity.clone() };
            let passports = Arc::new(Passports::new(&settings.internal_key));
            let (caller, clock) = (Caller::service("identity"), settings.clock.clone());
            let (lending, _) = Channel::promised(lending::AUDIENCE, caller, Arc::clone(&passports), clock.clone());
            identity::start(identity, lending, passports, clock, CancellationToken::new()).await
        };

        // Otherwise every right password would be a wrong one, until somebody understands why.
        let refused = start("another pepper, of 32 bytes and more").await;
        assert!(matches!(refused, Err(StartError::Key(_))));
        assert!(start(PEPPER).await.is_ok());
    }
}
