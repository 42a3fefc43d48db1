//! The suite is killed at random moments: what it had answered is there, what it had refused left no trace.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::{collections::BTreeSet, time::Duration};

use process::{
    PASSWORD, Setup, column, count,
    door::{Door, registration, token_of},
};
use tempfile::tempdir;
use testing::{Database, suite::ADMIN};
use tokio::time::sleep;

/// How often it is killed, on each database.
const ROUNDS: u16 = 8;

/// How often it may be killed until it has lived long enough for something to happen, on a slow machine.
const MOST_ROUNDS: u16 = 5 * ROUNDS;

/// The longest that it lives: some password changes, and the start of one more.
const LONGEST_LIFE: u16 = 900;

/// What became of password changes, one after the other.
struct Changes {
    /// The last one that was answered, or the one from before.
    known: String,
    /// The one whose answer never came.
    unknown: String,
    /// How many were answered.
    answered: i64,
}

/// What became of registrations.
#[derive(Default)]
struct Registrations {
    answered: BTreeSet<String>,
    refused: BTreeSet<String>,
    unknown: BTreeSet<String>,
}

/// Changes the password until nobody answers any more.
async fn change_until_the_end(door: Door, token: String, mut known: String, round: u16) -> Changes {
    let mut answered = 0;
    loop {
        let unknown = format!("Zebre-{round}-{answered}-Rayures");
        match door.change_password(&token, &known, &unknown).await {
            Ok(answer) if answer.status == 200 => (known, answered) = (unknown, answered + 1),
            // The queue of those who want to be hashed may be full on a busy machine.
            Ok(answer) if answer.status == 503 => return Changes { known, unknown, answered },
            Ok(answer) => panic!("{}", answer.text),
            Err(_) => return Changes { known, unknown, answered },
        }
    }
}

/// Registers people, every other one with a password that is refused, until nobody answers any more.
async fn register_until_the_end(door: Door, round: u16) -> Registrations {
    let mut registrations = Registrations::default();
    for number in 0.. {
        let email = format!("reader-{round}-{number}@example.org");
        let password = if number % 2 == 0 { PASSWORD } else { "Password1" };
        let register = registration(&email, password);
        let kept = match door.try_ask("POST", "/api/clients/register", None, Some(&register)).await {
            Ok(answer) if answer.status == 201 => &mut registrations.answered,
            Ok(answer) if answer.status == 400 => &mut registrations.refused,
            // The queue of those who want to be hashed may be full on a busy machine.
            Ok(answer) if answer.status == 503 => &mut registrations.unknown,
            Ok(answer) => panic!("{}", answer.text),
            Err(_) => {
                registrations.unknown.insert(email);
                return registrations;
            }
        };
        kept.insert(email);
    }
    registrations
}

/// Which of two passwords works; exactly one has to.
async fn the_one_that_works(door: &Door, changes: &Changes) -> (String, String) {
    let (known, unknown) = (door.sign_in(ADMIN, &changes.known).await, door.sign_in(ADMIN, &changes.unknown).await);
    match (known.status, unknown.status) {
        (200, 401) => (changes.known.clone(), token_of(&known)),
        (401, 200) => (changes.unknown.clone(), token_of(&unknown)),
        both => panic!("the last password known to work and the one in flight are answered {both:?}"),
    }
}

testing::on_both! {
    async fn killed_at_any_moment_it_has_kept_what_it_answered_and_nothing_that_it_refused(database: Database) {
        let directory = tempdir().unwrap();
        let setup = Setup::suite(&directory).with("IDENTITY_DATABASE_URL", database.url()).with_admin();
        let mut suite = setup.start().await;
        let token = suite.door().token(ADMIN, PASSWORD).await;
        let mut other = suite.door().token(ADMIN, PASSWORD).await;
        let (mut password, mut effective) = (PASSWORD.to_owned(), 0);
        let mut everybody = BTreeSet::from([ADMIN.to_owned()]);

        for round in 0..MOST_ROUNDS {
            if round >= ROUNDS && effective > 0 && everybody.len() > 1 {
                break;
            }
            let changing = tokio::spawn(change_until_the_end(suite.door(), token.clone(), password, round));
            let registering = tokio::spawn(register_until_the_end(suite.door(), round));
            // The moment is the point of this test, so there is nothing else to wait for.
            let life = u16::from_le_bytes(shared::random::bytes()) % (LONGEST_LIFE * (1 + round / ROUNDS));
            sleep(Duration::from_millis(life.into())).await;
            suite.kill();
            let (changes, registrations) = (changing.await.unwrap(), registering.await.unwrap());
            suite = suite.again().start().await;
            let moment = format!("round {round}, killed after {life} ms");

            let (works, next_other) = the_one_that_works(&suite.door(), &changes).await;
            let took = changes.answered + i64::from(works == changes.unknown);
            effective += took;
            assert_eq!(suite.door().knows(&other).await, took == 0, "{moment}: sessions and password disagree");
            assert!(suite.door().knows(&token).await, "{moment}: the session that changed it is dead");
            let audited = count(database.url(), "SELECT COUNT(*) FROM audit_event WHERE event = 'authn_password_change'");
            assert_eq!(audited.await, effective, "{moment}: audit log and password disagree");

            let accounts = column(database.url(), "SELECT email FROM account").await;
            assert!(accounts.is_superset(&registrations.answered), "{moment}: an answered registration is lost");
            assert!(accounts.is_disjoint(&registrations.refused), "{moment}: a refused registration is there");
            everybody.extend(registrations.answered);
            everybody.extend(accounts.intersection(&registrations.unknown).cloned());
            assert_eq!(accounts, everybody, "{moment}");
            let everywhere = "SELECT COUNT(*) FROM account a JOIN credential c ON c.account_id = a.id
                              JOIN audit_event e ON e.account_id = a.id AND e.event = 'user_created'";
            assert_eq!(count(database.url(), everywhere).await, accounts.len() as i64, "{moment}: half an account");
            (password, other) = (works, next_other);
        }
        assert!(effective > 0 && everybody.len() > 1, "it never lived long enough");
        let last = everybody.iter().next_back().unwrap();
        suite.door().token(last, PASSWORD).await;
    }
}
