//! A backup that does not come to its end leaves nothing behind, least of all something that looks like a backup.

use std::{fs, os::unix::fs::PermissionsExt as _};

use testing::{Database, Kind};

use crate::{
    one_sentence,
    place::{Place, Writer, left_behind, migrated},
    process::{PATIENCE, eventually},
};

testing::on_both! {
    async fn an_interrupted_backup_is_none(database: Database) {
        let kind = database.kind();
        let place = migrated(kind).await;
        let writer = Writer::in_lending(&place, kind).await;
        for signal in ["INT", "TERM"] {
            let mut backup = place.command(&["backup", "copy"]).spawn();
            let has_begun = async || !left_behind(&place).is_empty();
            eventually(PATIENCE, "the backup has begun", has_begun).await;

            backup.signal(signal);

            let ended = backup.ends(PATIENCE).await;
            assert!(one_sentence(&ended).contains("interrupted"), "{}", ended.logged);
            assert!(left_behind(&place).is_empty(), "{:?}", left_behind(&place));
        }
        drop(writer);
        let ended = place.command(&["backup", "copy"]).run().await;
        assert!(ended.status.success(), "{}", ended.logged);
        assert_eq!(left_behind(&place), ["copy"]);
    }

    /// The limit of a file's size stands in for a full disk.
    async fn a_backup_that_does_not_fit_on_the_disk_is_none(database: Database) {
        let place = migrated(database.kind()).await;

        let full = place.command(&["backup", "copy"]).within("trap '' XFSZ; ulimit -S -f 8");
        let ended = full.run().await;

        one_sentence(&ended);
        assert!(left_behind(&place).is_empty(), "{:?}", left_behind(&place));
    }

    async fn a_backup_takes_the_place_of_nothing(database: Database) {
        let place = migrated(database.kind()).await;
        let full = place.directory.path().join("full");
        fs::create_dir(&full).unwrap();
        fs::write(full.join("precious"), "precious").unwrap();

        for directory in ["full", "full/precious"] {
            let ended = place.command(&["backup", directory]).run().await;
            assert!(one_sentence(&ended).contains("already something"), "{}", ended.logged);
        }
        for directory in ["/proc/copy", "nowhere/copy"] {
            let ended = place.command(&["backup", directory]).run().await;
            assert!(one_sentence(&ended).contains(directory), "{}", ended.logged);
        }

        assert_eq!(fs::read_to_string(full.join("precious")).unwrap(), "precious");
        assert_eq!(left_behind(&place), ["full"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_suite_there_is_no_backup() {
    let place = Place::new(Kind::Sqlite).await;

    let ended = place.command(&["backup", "copy"]).run().await;

    assert!(one_sentence(&ended).contains("there is no data/identity.db"), "{}", ended.logged);
    assert!(left_behind(&place).is_empty() && !place.data().exists());
}

/// What PostgreSQL's program is told, and what it complains of.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_nobody_elses_to_read_and_a_programs_complaint_is_passed_on() {
    if testing::postgres().await.is_none() {
        return;
    }
    let place = migrated(Kind::Postgres).await;
    let programs = tempfile::tempdir().unwrap();
    let (program, told) = (programs.path().join("pg_dump"), programs.path().join("told"));
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && echo 'pg_dump (PostgreSQL) 99.1' && exit\n\
         echo \"$*\" > '{told}.arguments'; env > '{told}.variables'; echo 'pg_dump: error: no luck today' >&2; exit 1\n",
        told = told.display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let with_password = |service: &str| place.url(service).replace("postgres@", "postgres:Kol%2Bi%20bri@");

    let surroundings = format!("PATH='{}':$PATH; export PGSERVICE=elsewhere", programs.path().display());
    let mut backup = place.command(&["backup", "copy"]).within(&surroundings);
    for service in ["identity", "catalog", "lending"] {
        backup = backup.with(&format!("{}_DATABASE_URL", service.to_uppercase()), &with_password(service));
    }
    let ended = backup.run().await;

    assert!(one_sentence(&ended).contains("no luck today") && !ended.logged.contains("bri"), "{}", ended.logged);
    let read = |what: &str| fs::read_to_string(format!("{}.{what}", told.display())).unwrap();
    assert!(!read("arguments").contains("bri") && read("arguments").contains("--snapshot="), "{}", read("arguments"));
    assert!(read("variables").contains("PGPASSWORD=Kol+i bri\n"), "{}", read("variables"));
    // Our own settings are secret, and libpq would take this one before what it is told.
    assert!(
        !read("variables").contains("BIBLIOTIQUE_") && !read("variables").contains("PGSERVICE"),
        "{}",
        read("variables")
    );
    assert!(left_behind(&place).is_empty());
}
