//! What an operator does when something was lost: the databases, or PostgreSQL's passwords.

use std::fs;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use testing::suite::ADMIN;

use crate::{everything_fits, library::Doors, load, machine::Machine};

const SERVICES: [&str; 3] = ["identity", "catalog", "lending"];

/// The databases go, as with a volume that is removed, and come back as PostgreSQL's image makes them in a new one.
async fn lose_the_databases(machine: &Machine) {
    let mut superuser = machine.superuser().await;
    for service in SERVICES {
        let sql = format!("DROP DATABASE {service} WITH (FORCE)");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut superuser).await.unwrap();
    }
    superuser.close().await.unwrap();
    let prepared = machine.prepare_databases(&[]);
    assert!(prepared.status.success(), "{}", prepared.logged);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_backup_comes_back_into_empty_databases() {
    let Some(mut machine) = Machine::start(&[], None).await else { return };
    let made = machine.run("operator", &["admin", "create", "--email", ADMIN]);
    assert!(made.status.success(), "{}", made.logged);
    let password = made.said.split_whitespace().last().unwrap().to_owned();
    let doors = Doors::new(vec![machine.door("gateway")]);
    let token = doors.next().token(ADMIN, &password).await;
    let book = load::book(&doors, &token, "La Peste").await;

    let backup = machine.run("operator", &["backup", "/backups/first"]);
    assert!(backup.status.success(), "{}{}", backup.said, backup.logged);
    assert!(machine.volume("./backups", "first/manifest.json").exists(), "{}", backup.said);
    everything_fits(&machine);

    let running = machine.running();
    for name in &running {
        machine.kill(name);
    }
    lose_the_databases(&machine).await;
    let restored = machine.run("operator", &["restore", "/backups/first"]);
    assert!(restored.status.success(), "{}{}", restored.said, restored.logged);
    for name in &running {
        machine.spawn(name);
    }
    for name in &running {
        machine.is_healthy(name).await;
    }

    everything_fits(&machine);
    let token = doors.next().token(ADMIN, &password).await;
    let answer = doors.next().get(&format!("/api/livres/{book}"), Some(&token)).await;
    assert_eq!(answer.json()["data"]["livre"]["titre"], "La Peste", "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_are_prepared_again_without_harm_and_passwords_stay_out_of_the_servers_log() {
    let Some(machine) = Machine::start(&[], None).await else { return };
    let mut superuser = machine.superuser().await;
    for sql in ["ALTER SYSTEM SET log_statement = 'all'", "ALTER SYSTEM SET log_min_duration_statement = 0"] {
        sqlx::raw_sql(sql).execute(&mut superuser).await.unwrap();
    }
    sqlx::raw_sql("SELECT pg_reload_conf()").execute(&mut superuser).await.unwrap();
    let tables = "SELECT count(*) FROM pg_stat_user_tables";
    let url = fs::read_to_string(machine.volume("secrets-lending", "database_url")).unwrap();
    let mut lending = PgConnection::connect(&url).await.unwrap();
    let before: i64 = sqlx::query_scalar(tables).fetch_one(&mut lending).await.unwrap();
    lending.close().await.unwrap();

    let other = "another-password-of-lending";
    fs::write(machine.volume("secrets-postgres", "lending_password"), other).unwrap();
    for _ in 0..2 {
        let prepared = machine.prepare_databases(&[]);
        assert!(prepared.status.success() && prepared.logged.is_empty(), "{}", prepared.logged);
    }

    let (server, address) = url.rsplit_once('@').unwrap();
    assert!(PgConnection::connect(&url).await.is_err(), "the password of before");
    let (user, _) = server.rsplit_once(':').unwrap();
    let mut lending = PgConnection::connect(&format!("{user}:{other}@{address}")).await.unwrap();
    let after: i64 = sqlx::query_scalar(tables).fetch_one(&mut lending).await.unwrap();
    assert!(before > 0 && before == after, "{before} tables, and then {after}");
    let log = machine.postgres_logged();
    assert!(log.contains("pg_stat_user_tables"), "statements are not logged: {log}");
    assert!(!log.contains(other), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_others_have_databases_too_theirs_are_left_alone() {
    let Some(machine) = Machine::start(&[], None).await else { return };
    let mut superuser = machine.superuser().await;
    sqlx::raw_sql("GRANT CONNECT ON DATABASE postgres, template1 TO PUBLIC").execute(&mut superuser).await.unwrap();
    let may_connect = "SELECT has_database_privilege('lending', 'postgres', 'CONNECT')";

    for (is_ours, others_may) in [("", true), ("yes", false)] {
        assert!(machine.prepare_databases(&[("SERVER_IS_OURS", is_ours)]).status.success());
        let may: bool = sqlx::query_scalar(may_connect).fetch_one(&mut superuser).await.unwrap();
        assert_eq!(may, others_may, "{is_ours:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_are_not_prepared_without_their_passwords() {
    let Some(machine) = Machine::start(&[], None).await else { return };

    let nowhere = machine.prepare_databases(&[("SERVICE_PASSWORDS", "")]);
    assert!(!nowhere.status.success() && nowhere.logged.contains("SERVICE_PASSWORDS"), "{}", nowhere.logged);

    fs::write(machine.volume("secrets-postgres", "lending_password"), "").unwrap();
    let empty = machine.prepare_databases(&[]);
    assert!(!empty.status.success(), "a user without a password");
    assert!(empty.logged.lines().count() == 1 && empty.logged.contains("lending_password"), "{}", empty.logged);
}
