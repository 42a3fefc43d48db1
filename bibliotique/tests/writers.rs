//! SQLite under many writers at once.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::time::Duration;

use process::{Setup, count};
use serde_json::json;
use tempfile::tempdir;
use tokio::{task::JoinSet, time::Instant};

/// At once.
const WRITERS: usize = 64;

/// They share these accounts, so that they meet in rows too, not only in the file. Each costs a hash to make.
const ACCOUNTS: usize = 4;

/// The promise is a minute; a lock that is waited for wrongly shows in the first second, so this is enough for every day.
const LONG: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_writers_never_find_the_database_locked() {
    let directory = tempdir().unwrap();
    let suite = Setup::suite(&directory).start().await;
    let mut tokens = Vec::new();
    for number in 0..ACCOUNTS {
        tokens.push(suite.door().register(&format!("reader-{number}@example.org")).await);
    }

    let end = Instant::now() + LONG;
    let mut writing = JoinSet::new();
    for (number, token) in tokens.iter().cycle().take(WRITERS).cloned().enumerate() {
        let door = suite.door();
        writing.spawn(async move {
            let mut written = 0;
            while Instant::now() < end {
                let address = json!({"adresse": format!("{written} rue du Livre, {number}")});
                let answer = door.try_ask("PUT", "/api/clients/profile", Some(&token), Some(&address)).await.unwrap();
                assert_eq!(answer.status, 200, "{}", answer.text);
                written += 1;
            }
            written
        });
    }
    let written: Vec<i64> = writing.join_all().await;

    assert!(written.iter().all(|written| *written > 0), "somebody never got through: {written:?}");
    for complaint in ["locked", "database failed", "database is away", "ERROR"] {
        assert!(!suite.logged().contains(complaint), "{}", suite.logged());
    }
    let database = format!("sqlite:{}", directory.path().join("data/identity.db").display());
    let updates = count(&database, "SELECT COUNT(*) FROM audit_event WHERE event = 'user_updated'").await;
    assert_eq!(updates, written.iter().sum::<i64>(), "answered writes and rows differ");
    assert_eq!(count(&database, "SELECT COUNT(*) FROM pragma_integrity_check() WHERE integrity_check = 'ok'").await, 1);
}
