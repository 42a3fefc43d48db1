//! PostgreSQL's own programs copy and restore its databases: where they are missing or too old that is said, and nothing is done.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use tempfile::{TempDir, tempdir};
use testing::Kind;

use crate::{
    one_sentence,
    place::{Place, left_behind, migrated},
    process::Setup,
};

/// What a machine has for a program, if anything, and what is said of it.
const UNFIT: [(Option<&str>, &str); 3] = [
    (None, "is not installed"),
    (Some("echo 'PROGRAM (PostgreSQL) 9.6.24'"), "is of PostgreSQL 9, older than the server, which is PostgreSQL "),
    // What leads to the programs of a version, and there is none.
    (Some("echo 'Error: install at least one version' >&2; exit 1"), "is not installed"),
];

/// Machines with nothing but such a program, one after the other.
fn machines(program: &str) -> Vec<(TempDir, &'static str)> {
    let machine = |(script, told): (Option<&str>, _)| {
        let machine = tempdir().unwrap();
        if let Some(script) = script {
            let (file, script) = (machine.path().join(program), script.replace("PROGRAM", program));
            fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(0o700)).unwrap();
        }
        (machine, told)
    };
    UNFIT.into_iter().map(machine).collect()
}

/// Packages have put nothing there.
fn on(machine: &Path, command: Setup) -> Setup {
    let machine = machine.to_str().unwrap();
    command.with_foreign("PATH", machine).with("PACKAGES_AT", machine)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_pg_dump_for_its_server_there_is_no_backup() {
    if testing::postgres().await.is_none() {
        return;
    }
    let place = migrated(Kind::Postgres).await;

    for (machine, told) in machines("pg_dump") {
        let ended = on(machine.path(), place.command(&["backup", "copy"])).run().await;

        assert!(one_sentence(&ended).contains(&format!("pg_dump {told}")), "{told}: {}", ended.logged);
        assert!(left_behind(&place).is_empty(), "{told}: {:?}", left_behind(&place));
    }
    let ended = place.command(&["backup", "copy"]).run().await;
    assert!(ended.status.success(), "{}", ended.logged);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_pg_restore_for_its_server_nothing_is_restored() {
    if testing::postgres().await.is_none() {
        return;
    }
    let (from, target) = (migrated(Kind::Postgres).await, Place::new(Kind::Postgres).await);
    let ended = from.command(&["backup", "copy"]).run().await;
    assert!(ended.status.success(), "{}", ended.logged);
    let backup = from.directory.path().join("copy");
    let restore = target.command(&["restore", backup.to_str().unwrap()]);

    for (machine, told) in machines("pg_restore") {
        let ended = on(machine.path(), restore.clone()).run().await;

        assert!(one_sentence(&ended).contains(&format!("pg_restore {told}")), "{told}: {}", ended.logged);
        assert!(target.is_empty().await, "{told}");
    }
    let ended = restore.run().await;
    assert!(ended.status.success(), "{}", ended.logged);
}
