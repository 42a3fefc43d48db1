//! Each test has an empty database of its own, and nothing of it stays.

use sqlx::{Connection, PgConnection, SqliteConnection};
use testing::{Database, Kind, on_both};

on_both! {
    /// The same statement succeeds twice only because the two databases have nothing in common.
    async fn databases_do_not_share_tables(db: Database) {
        let other = match db.kind() {
            Kind::Sqlite => testing::sqlite().await,
            Kind::Postgres => testing::postgres().await.unwrap(),
        };
        execute(&db, "CREATE TABLE book (title TEXT)").await.unwrap();
        execute(&other, "CREATE TABLE book (title TEXT)").await.unwrap();
        assert!(execute(&db, "CREATE TABLE book (title TEXT)").await.is_err());
    }

    async fn a_dropped_database_is_gone(db: Database) {
        execute(&db, "CREATE TABLE book (title TEXT)").await.unwrap();
        let (url, kind) = (db.url().replace("mode=rwc", "mode=rw"), db.kind());
        let reached = execute_at(&url, kind, "SELECT title FROM book").await;
        assert!(reached.is_ok());

        drop(db);

        let reached = execute_at(&url, kind, "SELECT title FROM book").await;
        assert!(reached.is_err());
    }
}

#[tokio::test]
async fn a_database_with_open_connections_can_be_dropped() {
    let Some(db) = testing::postgres().await else {
        return;
    };
    let mut connection = PgConnection::connect(db.url()).await.unwrap();
    drop(db);
    assert!(connection.ping().await.is_err());
}

#[tokio::test]
async fn the_server_keeps_what_it_has_acknowledged() {
    let Some(db) = testing::postgres().await else {
        return;
    };
    let mut connection = PgConnection::connect(db.url()).await.unwrap();
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let value: String =
            sqlx::query_scalar("SELECT current_setting($1)").bind(setting).fetch_one(&mut connection).await.unwrap();
        assert_eq!(value, "on", "{setting}");
    }
}

async fn execute(db: &Database, sql: &'static str) -> sqlx::Result<()> {
    execute_at(db.url(), db.kind(), sql).await
}

async fn execute_at(url: &str, kind: Kind, sql: &'static str) -> sqlx::Result<()> {
    match kind {
        Kind::Sqlite => {
            let mut connection = SqliteConnection::connect(url).await?;
            sqlx::query(sql).execute(&mut connection).await?;
            connection.close().await
        }
        Kind::Postgres => {
            let mut connection = PgConnection::connect(url).await?;
            sqlx::query(sql).execute(&mut connection).await?;
            connection.close().await
        }
    }
}
