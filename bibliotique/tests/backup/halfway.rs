//! A restore that does not come to its end has not begun: nothing of it is there, and the next one finds an empty place.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sqlx::Connection as _;
use testing::{Database, Kind};

use crate::{
    one_sentence,
    place::{Place, a_restore_succeeds, begun, some_are_in, somebody_waits_in, with_a_reader},
    process::PATIENCE,
};

/// What happens to a file of a backup.
type Accident = fn(&Path);

/// What is said of a file, and what has happened to it.
const ACCIDENTS: [(&str, Accident); 4] = [
    ("has another checksum", |file| {
        let mut bytes = fs::read(file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(file, bytes).unwrap();
    }),
    ("bytes instead of", |file| {
        let half = fs::metadata(file).unwrap().len() / 2;
        fs::File::options().write(true).open(file).unwrap().set_len(half).unwrap();
    }),
    ("0 bytes instead of", |file| fs::write(file, "").unwrap()),
    ("cannot be read", |file| fs::remove_file(file).unwrap()),
];

/// The copies and the pepper, if it is in the backup.
fn files(backup: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(backup).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.file_name().unwrap() != "manifest.json").collect()
}

testing::on_both! {
    async fn whichever_file_of_a_backup_is_damaged_nothing_of_it_is_restored(database: Database) {
        let kind = database.kind();
        let (_place, backup) = with_a_reader(kind).await;
        let target = Place::new(kind).await;
        let restore = target.command(&["restore", backup.to_str().unwrap()]);
        let files = files(&backup);
        assert_eq!(files.len(), if kind == Kind::Sqlite { 4 } else { 3 });

        for file in files {
            let whole = fs::read(&file).unwrap();
            for (told, happens_to) in ACCIDENTS {
                happens_to(&file);

                let ended = restore.run().await;

                let name = file.file_name().unwrap().to_str().unwrap();
                assert!(one_sentence(&ended).contains(told) && ended.logged.contains(name), "{}", ended.logged);
                assert!(target.is_empty().await, "{name} {told}");
                fs::write(&file, &whole).unwrap();
            }
        }
        a_restore_succeeds(&target, &backup).await;
    }

    /// Its place is found empty and is taken when it comes: two settings lead to one database.
    async fn a_restore_that_fails_at_its_last_database_takes_back_all_that_came_before(database: Database) {
        let kind = database.kind();
        let (_place, backup) = with_a_reader(kind).await;
        let target = Place::new(kind).await;
        let restore = target.command(&["restore", backup.to_str().unwrap()]);

        let ended = restore.with("LENDING_DATABASE_URL", &target.url("catalog")).run().await;

        let told = if kind == Kind::Sqlite { "there is already" } else { "lending cannot be restored: pg_restore failed" };
        assert!(one_sentence(&ended).contains(told), "{}", ended.logged);
        assert!(target.is_empty().await);
        a_restore_succeeds(&target, &backup).await;
    }
}

/// The limit of a file's size stands in for a full disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_does_not_fit_on_the_disk_leaves_nothing() {
    let (_place, backup) = with_a_reader(Kind::Sqlite).await;
    let target = Place::new(Kind::Sqlite).await;
    let restore = target.command(&["restore", backup.to_str().unwrap()]);

    let ended = restore.within("trap '' XFSZ; ulimit -S -f 8").run().await;

    assert!(one_sentence(&ended).contains("cannot be written"), "{}", ended.logged);
    assert!(target.is_empty().await);
    a_restore_succeeds(&target, &backup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_interrupted_between_its_databases_leaves_them_empty() {
    if testing::postgres().await.is_none() {
        return;
    }
    let (_place, backup) = with_a_reader(Kind::Postgres).await;
    let target = Place::new(Kind::Postgres).await;
    for signal in ["INT", "TERM"] {
        // Identity is there, and catalog waits for a table of which nobody knows whether it will be there.
        let catalog = target.url("catalog");
        let in_between = begun(&catalog, "CREATE TABLE book (in_between BIGINT)").await;
        let mut restore = target.command(&["restore", backup.to_str().unwrap()]).spawn();
        somebody_waits_in(&catalog).await;
        assert_eq!(target.count("identity", "SELECT COUNT(*) FROM account").await, 2);

        restore.signal(signal);

        let ended = restore.ends(PATIENCE).await;
        assert!(one_sentence(&ended).contains("interrupted"), "{}", ended.logged);
        in_between.close().await.unwrap();
        some_are_in(&catalog, 0).await;
        assert!(target.is_empty().await);
    }
    a_restore_succeeds(&target, &backup).await;
}
