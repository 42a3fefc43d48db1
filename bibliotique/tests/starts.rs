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
use sqlx::{AssertSqlSafe, migrate::Migrator};
use tempfile::{TempDir, tempdir};
use testing::{Database, Kind, suite::ADMIN};
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

/// A database as the first version of a service made it, with a row of that time.
async fn of_the_first_version(database: &Database, service: &str, row: &str) {
    let (kind, time) = match database.kind() {
        Kind::Sqlite => ("sqlite", "1767225600000000"),
        Kind::Postgres => ("postgres", "'2026-01-01T00:00:00Z'"),
    };
    let (first, row) = (tempdir().unwrap(), row.replace("$now", time));
    let file = format!("0001_{service}.sql");
    fs::copy(format!("../services/{service}/migrations/{kind}/{file}"), first.path().join(&file)).unwrap();
    let migrator = Migrator::new(first.path()).await.unwrap();
    match database.tables().await {
        shared::Db::Sqlite { write, .. } => {
            migrator.run(&write).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(row)).execute(&write).await.unwrap();
            write.close().await;
        }
        shared::Db::Postgres(pool) => {
            migrator.run(&pool).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(row)).execute(&pool).await.unwrap();
            pool.close().await;
        }
    }
}

/// Starts and migrations at once; all of them have to come to their end or serve.
async fn at_once(start: &Setup, migrate: &Setup) {
    let mut coming = JoinSet::new();
    for number in 0..PROCESSES {
        let (start, migrate) = (start.clone(), migrate.clone());
        coming.spawn(async move {
            if number % 2 == 0 {
                return Some(start.start().await);
            }
            let ended = migrate.run().await;
            assert!(ended.status.success(), "{}", ended.logged);
            assert!(ended.said.contains("the schema is up to date"), "{}", ended.said);
            None
        });
    }
    for process in coming.join_all().await.into_iter().flatten() {
        assert!(!process.logged().contains("ERROR"), "{}", process.logged());
    }
}

/// Each migration was applied, once.
async fn is_migrated(database: &Database, service: &str) {
    let migrations = fs::read_dir(format!("../services/{service}/migrations/sqlite")).unwrap().count();
    let applied = column(database.url(), "SELECT description FROM _sqlx_migrations WHERE success").await;
    assert_eq!(applied.len(), migrations);
    assert_eq!(count(database.url(), "SELECT COUNT(*) FROM _sqlx_migrations").await, migrations as i64);
}

fn migration(directory: &TempDir, service: &str, database: &Database) -> Setup {
    let variable = format!("{}_DATABASE_URL", service.to_uppercase());
    Setup::new(directory, &["migrate", service]).with(&variable, database.url())
}

testing::on_both! {
    async fn starts_and_migrations_at_once_bring_an_old_identity_up_to_date_once(database: Database) {
        let directory = tempdir().unwrap();
        of_the_first_version(&database, "identity", "
            INSERT INTO account (id, realm, login_key, email, name, address, role, active, created_at)
            VALUES ('69561e800000000000000001', 'library', 'old@example.org', 'old@example.org', 'Old', '', 'client', TRUE, $now);
            INSERT INTO credential (account_id, password_hash) VALUES ('69561e800000000000000001', 'x');").await;
        // It has the schema of another version, and says so instead of changing anything.
        let off = Setup::identity(&directory, database.url()).with("MIGRATE", "off");
        let refused = off.run().await;
        assert!(!refused.status.success() && refused.logged.contains("bibliotique migrate"), "{}", refused.logged);
        assert_eq!(count(database.url(), "SELECT COUNT(*) FROM _sqlx_migrations").await, 1);

        at_once(&Setup::identity(&directory, database.url()), &migration(&directory, "identity", &database)).await;

        is_migrated(&database, "identity").await;
        assert_eq!(count(database.url(), "SELECT COUNT(*) FROM account WHERE name_order = ''").await, 1);
        off.start().await;
    }

    async fn starts_and_migrations_at_once_bring_an_old_catalog_up_to_date_once(database: Database) {
        let directory = tempdir().unwrap();
        of_the_first_version(&database, "catalog", "
            INSERT INTO book (id, title, title_key, author, author_key, year_key, publisher, language, language_key,
                description, copies, available, created_at, updated_at)
            VALUES ('69561e800000000000000001', 'Old', 'old', '', '', 0, '', '', '', '', 3, 3, $now, $now)").await;
        let nowhere = process::free_address();

        let start = Setup::catalog(&directory, database.url(), &nowhere);
        at_once(&start, &migration(&directory, "catalog", &database)).await;

        is_migrated(&database, "catalog").await;
        // The second migration orders what lending has never heard of.
        assert_eq!(count(database.url(), "SELECT COUNT(*) FROM copies_order").await, 1);
    }

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
