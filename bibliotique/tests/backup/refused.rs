//! What is no backup, or not for this place, changes nothing there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use testing::{Database, Kind};

use crate::{one_sentence, place::Place};

/// Spoils a copy of a backup.
type Spoil = fn(&Path, &str);

/// What is done to a backup, and what of the complaint has to be in the refusal. The second argument ends the names of the copies.
const SPOILT: [(&str, Spoil); 8] = [
    ("identity", |backup, ending| overwrite(&backup.join(format!("identity.{ending}")), b"changed")),
    ("bytes instead of", |backup, ending| {
        let file = backup.join(format!("lending.{ending}"));
        let length = fs::metadata(&file).unwrap().len();
        fs::File::options().write(true).open(file).unwrap().set_len(length - 1).unwrap();
    }),
    ("catalog", |backup, ending| {
        let of = |service: &str| backup.join(format!("{service}.{ending}"));
        fs::copy(of("identity"), of("catalog")).unwrap();
    }),
    ("cannot be read", |backup, ending| fs::remove_file(backup.join(format!("catalog.{ending}"))).unwrap()),
    ("is no backup", |backup, _| fs::remove_file(backup.join("manifest.json")).unwrap()),
    ("is no backup", |backup, _| fs::write(backup.join("manifest.json"), "{}").unwrap()),
    ("format 2", |backup, _| replace(backup, "\"format\": 1", "\"format\": 2, \"something\": \"new\"")),
    ("migration 99", |backup, _| {
        let manifest = fs::read_to_string(backup.join("manifest.json")).unwrap();
        let (before, after) = manifest.split_once("\"migrations\": [").unwrap();
        fs::write(backup.join("manifest.json"), format!("{before}\"migrations\": [99,{after}")).unwrap();
    }),
];

/// In the middle, so that its length stays.
fn overwrite(file: &Path, with: &[u8]) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + with.len()].copy_from_slice(with);
    fs::write(file, bytes).unwrap();
}

fn replace(backup: &Path, from: &str, to: &str) {
    let manifest = fs::read_to_string(backup.join("manifest.json")).unwrap();
    assert!(manifest.contains(from), "{manifest}");
    fs::write(backup.join("manifest.json"), manifest.replace(from, to)).unwrap();
}

fn copy(backup: &Path, name: &str) -> PathBuf {
    let copy = backup.with_file_name(name);
    fs::create_dir(&copy).unwrap();
    for file in fs::read_dir(backup).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    copy
}

/// A place, and a backup of it.
async fn backed_up(kind: Kind) -> (Place, PathBuf) {
    let place = Place::new(kind).await;
    for command in [&["migrate"][..], &["backup", "copy"]] {
        let ended = place.command(command).run().await;
        assert!(ended.status.success(), "{}", ended.logged);
    }
    let backup = place.directory.path().join("copy");
    (place, backup)
}

const fn ending(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => "db",
        Kind::Postgres => "dump",
    }
}

testing::on_both! {
    async fn a_backup_that_is_not_whole_or_of_a_newer_version_is_refused(database: Database) {
        let kind = database.kind();
        let (_place, backup) = backed_up(kind).await;
        let target = Place::new(kind).await;

        for (number, (told, spoil)) in SPOILT.into_iter().enumerate() {
            let spoilt = copy(&backup, &format!("spoilt-{number}"));
            spoil(&spoilt, ending(kind));

            let ended = target.command(&["restore", spoilt.to_str().unwrap()]).run().await;

            assert!(one_sentence(&ended).contains(told), "{told}: {}", ended.logged);
            assert!(target.is_empty().await, "{told}");
        }
        let ended = target.command(&["restore", backup.to_str().unwrap()]).run().await;
        assert!(ended.status.success(), "unspoilt: {}", ended.logged);
    }

    async fn a_backup_overwrites_nothing(database: Database) {
        let kind = database.kind();
        let (place, backup) = backed_up(kind).await;
        let accounts = "SELECT COUNT(*) FROM account";
        let mut suite = place.suite().start().await;

        for _ in ["served", "stopped"] {
            let ended = place.command(&["restore", backup.to_str().unwrap()]).run().await;

            assert!(one_sentence(&ended).contains("there is already"), "{}", ended.logged);
            assert_eq!(place.count("identity", accounts).await, 1);
            suite.kill();
        }
    }

    async fn a_backup_of_one_kind_of_database_is_refused_by_the_other(database: Database) {
        let (_place, backup) = backed_up(database.kind()).await;
        let other = if database.kind() == Kind::Sqlite { Kind::Postgres } else { Kind::Sqlite };
        if other == Kind::Postgres && testing::postgres().await.is_none() {
            return;
        }
        let target = Place::new(other).await;

        let ended = target.command(&["restore", backup.to_str().unwrap()]).run().await;

        assert!(one_sentence(&ended).contains("cannot be restored into"), "{}", ended.logged);
        assert!(target.is_empty().await);
    }

    async fn a_restore_that_fails_in_the_middle_leaves_the_place_empty(database: Database) {
        let kind = database.kind();
        let (_place, backup) = backed_up(kind).await;
        // It is what its manifest says, and still no copy of a database.
        let spoilt = copy(&backup, "spoilt");
        let (lending, identity) = (format!("lending.{}", ending(kind)), format!("identity.{}", ending(kind)));
        match kind {
            // Identity's copy is opened, to end its sessions.
            Kind::Sqlite => fs::copy(spoilt.join(lending), spoilt.join(identity)).unwrap(),
            Kind::Postgres => fs::copy(spoilt.join("manifest.json"), spoilt.join(lending)).unwrap(),
        };
        let checksums = renewed(&spoilt, kind);
        let target = Place::new(kind).await;

        let ended = target.command(&["restore", spoilt.to_str().unwrap()]).run().await;

        assert!(checksums && !ended.status.success(), "{}", ended.said);
        assert!(one_sentence(&ended).contains(if kind == Kind::Sqlite { "identity" } else { "lending" }), "{}", ended.logged);
        assert!(target.is_empty().await);
    }
}

/// Lets the manifest say what the files are.
fn renewed(backup: &Path, kind: Kind) -> bool {
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(backup.join("manifest.json")).unwrap()).unwrap();
    for service in ["identity", "catalog", "lending"] {
        let bytes = fs::read(backup.join(format!("{service}.{}", ending(kind)))).unwrap();
        let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
        manifest[service]["file"]["bytes"] = bytes.len().into();
        manifest[service]["file"]["sha256"] = hex::encode(sum).into();
    }
    fs::write(backup.join("manifest.json"), serde_json::to_vec(&manifest).unwrap()).is_ok()
}
