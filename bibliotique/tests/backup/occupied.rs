//! A restore takes the place of nothing and of nobody, and whoever is there goes on.

use std::{fs, str::FromStr as _};

use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};
use testing::{Database, Kind, suite::ADMIN};

use crate::{
    one_sentence,
    place::{Place, a_restore_succeeds, begun, migrated, names, some_are_in, somebody_waits_in, with_a_reader},
    process::{PASSWORD, PATIENCE, eventually, library::livre, load::Borrower},
};

testing::on_both! {
    async fn a_suite_serves_on_while_a_restore_into_its_place_is_refused(database: Database) {
        let (place, backup) = with_a_reader(database.kind()).await;
        let suite = place.suite().start().await;
        let (door, restore) = (suite.door(), place.command(&["restore", backup.to_str().unwrap()]));
        let (reader, admin) = (door.register("lea@example.org").await, door.token(ADMIN, PASSWORD).await);
        let made = door.post("/api/livres", Some(&admin), livre("La Peste", 2)).await;
        let borrower = Borrower::of(&door, &reader, made.json()["data"]["livre"]["_id"].as_str().unwrap());
        let borrows = async || borrower.is_served();
        eventually(PATIENCE, "she borrows", borrows).await;
        let kept = || fs::read(place.data().join("pepper")).ok();
        let (there, pepper) = (place.data().exists().then(|| names(&place.data())), kept());

        for _ in 0..3 {
            let ended = restore.run().await;

            assert!(one_sentence(&ended).contains("there is already"), "{}", ended.logged);
            borrower.forget();
            eventually(PATIENCE, "she borrows on", borrows).await;
        }

        assert!(door.knows(&reader).await && door.knows(&admin).await);
        assert_eq!((place.data().exists().then(|| names(&place.data())), kept()), (there, pepper));
        let known = borrower.end().await.loans;
        let loans = place.column("lending", "SELECT id FROM loan").await;
        assert!(known.len() > 3 && known.iter().all(|loan| loans.contains(loan)), "{known:?}");
        let checked = place.command(&["check"]).run().await;
        assert!(checked.status.success(), "{}", checked.said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_that_is_not_empty_stays_as_it_is() {
    let (_place, backup) = with_a_reader(Kind::Sqlite).await;
    let target = Place::new(Kind::Sqlite).await;
    fs::create_dir(target.data()).unwrap();

    // Whatever would be taken for a part of the restored library, or would be lost.
    for name in ["identity.db", "lending.db", "catalog.db-wal", "lending.db-journal", "pepper"] {
        let there = target.data().join(name);
        fs::write(&there, "precious").unwrap();

        let ended = target.command(&["restore", backup.to_str().unwrap()]).run().await;

        assert!(one_sentence(&ended).contains("there is already") && ended.logged.contains(name), "{}", ended.logged);
        assert_eq!(names(&target.data()).into_iter().collect::<Vec<_>>(), [name]);
        assert_eq!(fs::read_to_string(&there).unwrap(), "precious");
        fs::remove_file(there).unwrap();
    }
    a_restore_succeeds(&target, &backup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_a_table_stays_as_it_is_and_so_do_the_others() {
    if testing::postgres().await.is_none() {
        return;
    }
    let (_place, backup) = with_a_reader(Kind::Postgres).await;
    let target = Place::new(Kind::Postgres).await;

    for service in ["identity", "catalog", "lending"] {
        let mut there = PgConnection::connect(&target.url(service)).await.unwrap();
        let table = "CREATE TABLE accounting (total BIGINT); INSERT INTO accounting VALUES (42)";
        sqlx::raw_sql(table).execute(&mut there).await.unwrap();

        let ended = target.command(&["restore", backup.to_str().unwrap()]).run().await;

        assert!(one_sentence(&ended).contains("there is already a table \"accounting\""), "{}", ended.logged);
        assert!(ended.logged.contains(service), "{}", ended.logged);
        assert_eq!(target.count(service, "SELECT total FROM accounting").await, 42);
        sqlx::raw_sql("DROP TABLE accounting").execute(&mut there).await.unwrap();
        assert!(target.is_empty().await, "{service}");
    }
    a_restore_succeeds(&target, &backup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_just_gone_is_not_in_the_way_of_a_restore() {
    if testing::postgres().await.is_none() {
        return;
    }
    let (_place, backup) = with_a_reader(Kind::Postgres).await;
    let target = Place::new(Kind::Postgres).await;
    let ours = PgConnectOptions::from_str(&target.url("lending")).unwrap().application_name("bibliotique");
    let going = ours.connect().await.unwrap();

    let mut restore = target.command(&["restore", backup.to_str().unwrap()]).spawn();
    some_are_in(&target.url("lending"), 2).await;
    going.close().await.unwrap();

    let ended = restore.ends(PATIENCE).await;
    assert!(ended.status.success(), "{}", ended.logged);
}

/// It has no tables yet, so nothing but its connection tells that it is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_to_which_a_role_has_just_come_is_left_to_it() {
    if testing::postgres().await.is_none() {
        return;
    }
    let (from, target) = (migrated(Kind::Postgres).await, Place::new(Kind::Postgres).await);
    let ended = from.command(&["backup", "copy"]).run().await;
    assert!(ended.status.success(), "{}", ended.logged);
    let restore = target.command(&["restore", from.directory.path().join("copy").to_str().unwrap()]);
    // Its first table waits for one of that name, of which nobody knows whether it will be there.
    let lending = target.url("lending");
    let in_between = begun(&lending, "CREATE TABLE _sqlx_migrations (in_between BIGINT)").await;
    let mut role = target.command(&["migrate", "lending"]).spawn();
    somebody_waits_in(&lending).await;

    let ended = restore.run().await;

    assert!(
        one_sentence(&ended).contains("lending cannot be restored: a role of a suite is connected"),
        "{}",
        ended.logged
    );
    assert!(target.is_empty().await);
    in_between.close().await.unwrap();
    let ended = role.ends(PATIENCE).await;
    assert!(ended.status.success(), "{}", ended.logged);
    assert!(one_sentence(&restore.run().await).contains("there is already a table"));
    assert_eq!(target.count("lending", "SELECT COUNT(*) FROM stock").await, 0);
}
