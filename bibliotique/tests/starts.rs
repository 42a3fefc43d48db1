//! Many processes start at once on one empty database.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::fs;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use process::{PASSWORD, Process, Setup, column, count};
use proto::identity::v1::{LogInRequest, RotateSigningKeysRequest};
use serde_json::Value;
use shared::passport::Caller;
use tempfile::tempdir;
use testing::{Database, suite::ADMIN};
use tokio::task::JoinSet;

/// How many.
const PROCESSES: usize = 8;

/// How often a race is run that is lost now and then.
const ROUNDS: u32 = 12;

/// Signs in at one of them; answers with the id of the key that signed the token.
async fn signed_by(process: &Process) -> String {
    let login = LogInRequest { login: ADMIN.to_owned(), password: PASSWORD.to_owned() };
    let signed_in = process.identity_as(Caller::service("gateway")).log_in(login).await.unwrap();
    let token = signed_in.into_inner().access_token;
    let header = URL_SAFE_NO_PAD.decode(token.split_once('.').unwrap().0).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

testing::on_both! {
    async fn eight_starts_at_once_make_one_schema_one_admin_and_a_key_that_all_sign_with(database: Database) {
        let directory = tempdir().unwrap();
        let setup = Setup::identity(&directory, database.url()).with_admin();

        let mut starting = JoinSet::new();
        for _ in 0..PROCESSES {
            let setup = setup.clone();
            starting.spawn(async move { setup.start().await });
        }
        let processes = starting.join_all().await;

        let migrations = fs::read_dir("../services/identity/migrations/sqlite").unwrap().count();
        let applied = column(database.url(), "SELECT description FROM _sqlx_migrations WHERE success").await;
        assert_eq!(applied.len(), migrations);
        assert_eq!(count(database.url(), "SELECT COUNT(*) FROM _sqlx_migrations").await, migrations as i64);
        assert_eq!(column(database.url(), "SELECT email FROM account").await.into_iter().collect::<Vec<_>>(), [ADMIN]);
        assert_eq!(count(database.url(), "SELECT COUNT(*) FROM account WHERE role = 'admin'").await, 1);
        let keys = column(database.url(), "SELECT id FROM signing_key WHERE retired_at IS NULL").await;
        for process in &processes {
            assert!(!process.logged().contains("ERROR"), "{}", process.logged());
            // A retired key is published for a day more: whoever still signed with it would be refused from then on.
            let signed_by = signed_by(process).await;
            assert!(keys.contains(&signed_by), "{signed_by} is not among {keys:?}");
        }
    }

    async fn after_rotations_at_once_no_token_is_signed_with_a_retired_key(database: Database) {
        let directory = tempdir().unwrap();
        let identity = Setup::identity(&directory, database.url()).with_admin().start().await;

        for round in 0..ROUNDS {
            let mut rotating = JoinSet::new();
            for _ in 0..PROCESSES {
                let mut identity = identity.identity_as(Caller::operator());
                rotating.spawn(async move { identity.rotate_signing_keys(RotateSigningKeysRequest {}).await.unwrap() });
            }
            rotating.join_all().await;

            let keys = column(database.url(), "SELECT id FROM signing_key WHERE retired_at IS NULL").await;
            let signed_by = signed_by(&identity).await;
            assert!(keys.contains(&signed_by), "round {round}: {signed_by} is not among {keys:?}");
        }
    }
}
