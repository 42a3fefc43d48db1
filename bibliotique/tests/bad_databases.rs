//! Databases that are not as they should be: each start is refused in one sentence that says what is wrong, and nothing in them
//! has changed.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, FileExt as _},
    path::PathBuf,
};

use process::{INTERNAL_KEY, PEPPER, Setup, column, count};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use tempfile::{TempDir, tempdir};
use testing::{Cluster, Database, Kind};
use tokio::net::TcpListener;

/// What stands in for all schemas that are yet to come.
const NEWER: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                     VALUES (999, 'newer', TRUE, '', 0)";

/// A role alone on a database.
fn role(directory: &TempDir, name: &str, url: &str) -> Setup {
    Setup::new(directory, &["serve", name])
        .with("INTERNAL_KEY", INTERNAL_KEY)
        .with("PEPPER", PEPPER)
        .with(&format!("{}_DATABASE_URL", name.to_uppercase()), url)
}

/// A process that has to end with one sentence, on the standard error alone, and without the database's URL.
async fn refusal(setup: &Setup, url: &str) -> String {
    let ended = setup.run().await;
    assert_eq!((ended.status.code(), ended.said.as_str()), (Some(1), ""), "{}", ended.logged);
    assert_eq!(ended.logged.lines().count(), 1, "{}", ended.logged);
    assert!(ended.logged.starts_with("bibliotique: ") && !ended.logged.contains("panicked"), "{}", ended.logged);
    assert!(!ended.logged.contains(url) && !ended.logged.contains("Kolibri"), "{}", ended.logged);
    ended.logged
}

/// Brings a database up to date for a service.
async fn migrate(directory: &TempDir, service: &str, url: &str) {
    let variable = format!("{}_DATABASE_URL", service.to_uppercase());
    let ended = Setup::new(directory, &["migrate", service]).with(&variable, url).run().await;
    assert!(ended.status.success(), "{}", ended.logged);
}

async fn execute(url: &str, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    if url.starts_with("sqlite:") {
        let mut connection = SqliteConnection::connect(url).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    } else {
        sqlx::raw_sql(sql).execute(&mut PgConnection::connect(url).await.unwrap()).await.unwrap();
    }
}

async fn tables(database: &Database) -> i64 {
    let sql = match database.kind() {
        Kind::Sqlite => "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table'",
        Kind::Postgres => "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'",
    };
    count(database.url(), sql).await
}

/// A file, and its URL.
fn file(directory: &TempDir, name: &str) -> (PathBuf, String) {
    let file = directory.path().join(name);
    let url = format!("sqlite:{}", file.display());
    (file, url)
}

/// The whole suite in its data directory, in which one file is not as it should be.
async fn embedded_refusal(directory: &TempDir) -> String {
    refusal(&Setup::suite(directory), "sqlite:").await
}

fn make_data(directory: &TempDir) {
    fs::DirBuilder::new().mode(0o700).create(directory.path().join("data")).unwrap();
}

fn embedded(directory: &TempDir, service: &str) -> PathBuf {
    directory.path().join(format!("data/{service}.db"))
}

testing::on_both! {
    async fn the_database_of_another_service_is_refused_by_its_name(database: Database) {
        let directory = tempdir().unwrap();
        migrate(&directory, "identity", database.url()).await;
        let before = tables(&database).await;

        for other in ["catalog", "lending"] {
            let refusal = refusal(&role(&directory, other, database.url()), database.url()).await;
            assert!(refusal.contains(other) && refusal.contains("are those of \"identity\""), "{refusal}");
        }

        assert_eq!(tables(&database).await, before);
        assert_eq!(count(database.url(), "SELECT COUNT(*) FROM account").await, 0);
    }

    async fn a_database_of_something_else_is_refused_and_stays_as_it_is(database: Database) {
        let directory = tempdir().unwrap();
        execute(database.url(), "CREATE TABLE accounting (total BIGINT); INSERT INTO accounting VALUES (42)").await;

        let refusal = refusal(&role(&directory, "lending", database.url()), database.url()).await;

        assert!(refusal.contains("something else: it has a table \"accounting\""), "{refusal}");
        assert_eq!((tables(&database).await, count(database.url(), "SELECT total FROM accounting").await), (1, 42));
        if database.kind() == Kind::Sqlite {
            assert_eq!(column(database.url(), "PRAGMA journal_mode").await.first().unwrap(), "delete");
        }
    }

    async fn a_newer_schema_is_refused_by_every_command(database: Database) {
        let directory = tempdir().unwrap();
        migrate(&directory, "identity", database.url()).await;
        execute(database.url(), NEWER).await;

        let refused = refusal(&role(&directory, "identity", database.url()), database.url()).await;
        assert!(refused.contains("newer schema than this program knows (migration 999)"), "{refused}");
        for command in [&["migrate", "identity"][..], &["check"], &["backup", "copy"]] {
            let [catalog, lending] = ["catalog", "lending"].map(|service| file(&directory, &format!("{service}.db")).1);
            migrate(&directory, "catalog", &catalog).await;
            migrate(&directory, "lending", &lending).await;
            let setup = Setup::new(&directory, command)
                .with("IDENTITY_DATABASE_URL", database.url())
                .with("CATALOG_DATABASE_URL", &catalog)
                .with("LENDING_DATABASE_URL", &lending);
            let refused = refusal(&setup, database.url()).await;
            assert!(refused.contains("newer schema"), "{command:?}: {refused}");
        }
        assert_eq!(count(database.url(), "SELECT COUNT(*) FROM _sqlx_migrations WHERE version = 999").await, 1);
    }

    async fn keys_that_were_sealed_with_another_pepper_stop_the_start(database: Database) {
        let directory = tempdir().unwrap();
        role(&directory, "identity", database.url()).start().await.kill();

        let other = role(&directory, "identity", database.url()).with("PEPPER", &"Kolibri-".repeat(4));
        let refusal = refusal(&other, database.url()).await;

        assert!(refusal.contains("another pepper"), "{refusal}");
        role(&directory, "identity", database.url()).start().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_database_is_left_alone() {
    let directory = tempdir().unwrap();
    make_data(&directory);
    for service in ["identity", "catalog", "lending"] {
        let (file, text) =
            (embedded(&directory, service), "Once upon a time there was no database here.\n".repeat(200));
        fs::write(&file, &text).unwrap();

        let refusal = embedded_refusal(&directory).await;

        assert!(refusal.contains(service) && refusal.contains("no SQLite database"), "{refusal}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        fs::remove_file(&file).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_in_place_of_a_file_is_said_to_be_one() {
    let directory = tempdir().unwrap();
    make_data(&directory);
    fs::create_dir(embedded(&directory, "lending")).unwrap();

    let refusal = embedded_refusal(&directory).await;

    assert!(refusal.contains("lending") && refusal.contains("Is a directory"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_said_to_be_damaged() {
    let directory = tempdir().unwrap();
    Setup::suite(&directory).start().await.kill();
    let file = embedded(&directory, "catalog");
    for beside in ["-wal", "-shm"] {
        let _it_may_be_gone = fs::remove_file(format!("{}{beside}", file.display()));
    }
    fs::File::options().write(true).open(&file).unwrap().write_all_at(&[0xa5; 3996], 100).unwrap();

    let refusal = embedded_refusal(&directory).await;

    assert!(refusal.contains("catalog") && refusal.contains("damaged: restore a backup"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_may_only_be_read_is_refused_new_or_not() {
    let directory = tempdir().unwrap();
    let (_, url) = file(&directory, "lending.db");
    fs::write(directory.path().join("lending.db"), "").unwrap();
    let only_read = format!("{url}?mode=ro");

    let empty = refusal(&role(&directory, "lending", &only_read), &url).await;
    migrate(&directory, "lending", &url).await;
    let made = refusal(&role(&directory, "lending", &only_read), &url).await;

    assert!(empty.contains("read-only") && made.contains("read-only"), "{empty}{made}");
}

/// The limit of a file's size stands in for a full disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_at_the_start_is_said_to_be() {
    let directory = tempdir().unwrap();
    let full = Setup::suite(&directory).within("trap '' XFSZ; ulimit -S -f 16");

    let refusal = refusal(&full, "sqlite:").await;

    assert!(refusal.contains("is the disk full") || refusal.contains("no space left"), "{refusal}");
    let suite = Setup::suite(&directory).start().await;
    suite.door().register("elodie@example.org").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_cannot_be_is_refused_without_repeating_it() {
    let directory = tempdir().unwrap();
    for url in ["postgres://user:Kolibri@:port/db", "sqlite:x.db?Kolibri=1", "Kolibri", "postgres:", ""] {
        let ended = role(&directory, "catalog", url).run().await;

        assert!(!ended.status.success() && ended.logged.lines().count() == 1, "{url}: {}", ended.logged);
        assert!(!ended.logged.contains("user:Kolibri") && !ended.logged.contains("panicked"), "{}", ended.logged);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
    let directory = tempdir().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let url = format!("postgres://user:Kolibri@{address}/db");

    for setup in
        [role(&directory, "identity", &url), role(&directory, "identity", "postgres://user:Kolibri@127.0.0.1:1/db")]
    {
        let refusal = refusal(&setup, &url).await;
        assert!(refusal.contains("the database server does not answer"), "{refusal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_is_quoted() {
    let Some(cluster) = Cluster::start().await else { return };
    let directory = tempdir().unwrap();
    let url = cluster.database().await;
    execute(&url, "CREATE ROLE locked LOGIN PASSWORD 'right'").await;
    let rules = column(&url, "SHOW hba_file").await.into_iter().next().unwrap();
    let before = fs::read_to_string(&rules).unwrap();
    fs::write(&rules, format!("local all locked scram-sha-256\n{before}")).unwrap();
    execute(&url, "SELECT pg_reload_conf()").await;
    let (server, host) = url.split_once('?').unwrap();
    let name = server.rsplit('/').next().unwrap();
    let as_somebody = |login: &str, name: &str| format!("postgres://{login}@localhost:5432/{name}?{host}");

    for (url, told) in [
        (as_somebody("locked:Kolibri", name), "password authentication failed"),
        (as_somebody("nobody:Kolibri", name), "does not exist"),
        (as_somebody("postgres", "nothing"), "database \"nothing\" does not exist"),
    ] {
        let refusal = refusal(&role(&directory, "lending", &url), &url).await;
        assert!(refusal.contains("the database refuses") && refusal.contains(told), "{refusal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_only_lets_us_read_is_refused_new_or_not() {
    let Some(database) = testing::postgres().await else { return };
    let directory = tempdir().unwrap();
    let name = column(database.url(), "SELECT current_database()::text").await.into_iter().next().unwrap();
    let only_read = |on: &str| format!("ALTER DATABASE {name} SET default_transaction_read_only = {on}");

    execute(database.url(), &only_read("on")).await;
    let empty = refusal(&role(&directory, "lending", database.url()), database.url()).await;
    let none = tables(&database).await;
    let join = if database.url().contains('?') { '&' } else { '?' };
    let writing = format!("{}{join}options=-cdefault_transaction_read_only%3Doff", database.url());
    execute(&writing, &only_read("off")).await;
    migrate(&directory, "lending", database.url()).await;
    execute(database.url(), &only_read("on")).await;
    let made = refusal(&role(&directory, "lending", database.url()), database.url()).await;

    assert!(empty.contains("read-only") && made.contains("read-only"), "{empty}{made}");
    assert_eq!(none, 0);
}
