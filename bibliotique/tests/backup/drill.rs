//! A backup of a suite under load comes back elsewhere, and everything fits together.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use serde_json::Value;
use testing::{
    Database, Kind,
    suite::{ADMIN, Answer},
};
use tokio::task::JoinSet;

use crate::{
    place::Place,
    process::{
        PASSWORD, PATIENCE, Process,
        door::{Door, registration, token_of},
        eventually,
        library::livre,
    },
};

/// Backups that are made of one suite under load, each restored.
const DRILLS: usize = 3;

/// What was acknowledged: it has to be in every backup that begins later.
#[derive(Default)]
struct Acknowledged {
    loans: Mutex<BTreeSet<String>>,
    accounts: Mutex<BTreeSet<String>>,
    books: Mutex<BTreeSet<String>>,
    tokens: Mutex<Vec<String>>,
    requests: AtomicU32,
}

/// People who do everything at once until they are told to stop.
struct Load {
    door: Door,
    admin: String,
    shelf: Vec<String>,
    done: Arc<Acknowledged>,
    stop: AtomicBool,
}

impl Load {
    async fn open(suite: &Process) -> Arc<Self> {
        let door = suite.door();
        let admin = door.token(ADMIN, PASSWORD).await;
        let mut load = Self { door, admin, shelf: Vec::new(), done: Arc::default(), stop: AtomicBool::new(false) };
        for number in 0..8 {
            let made = load.make(&format!("Shelf {number}"), 5000).await.unwrap();
            load.shelf.push(made);
        }
        Arc::new(load)
    }

    /// Asks; nothing is known of what is not answered in the affirmative.
    async fn ask(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> Option<Answer> {
        let answer = self.door.try_ask(method, path, Some(token), body.as_ref()).await.ok()?;
        assert!(answer.status < 500 || answer.status == 503, "{method} {path}: {}", answer.text);
        self.done.requests.fetch_add(1, Ordering::Relaxed);
        (answer.status < 300).then_some(answer)
    }

    async fn make(&self, title: &str, copies: i64) -> Option<String> {
        let made = self.ask("POST", "/api/livres", &self.admin, Some(livre(title, copies))).await?;
        made.json()["data"]["livre"]["_id"].as_str().map(str::to_owned)
    }

    /// Makes books and deletes every other one.
    async fn edit(&self, editor: usize, round: usize) -> Option<()> {
        let book = self.make(&format!("Book {editor} {round}"), 3).await?;
        if round.is_multiple_of(2) {
            self.done.books.lock().unwrap().insert(book);
        } else {
            self.ask("DELETE", &format!("/api/livres/{book}"), &self.admin, None).await;
        }
        Some(())
    }

    /// Somebody comes, borrows something, and signs out or is deleted.
    async fn visit(&self, visitor: usize, round: usize) -> Option<()> {
        let email = format!("reader-{visitor}-{round}@example.org");
        let made = self.ask("POST", "/api/clients/register", "", Some(registration(&email, PASSWORD))).await?;
        let (id, token) = (made.json()["data"]["client"]["_id"].as_str()?.to_owned(), token_of(&made));
        let loan = self.borrow(&token, round).await;
        match round % 3 {
            0 => {
                self.done.accounts.lock().unwrap().insert(id);
                self.done.tokens.lock().unwrap().push(token);
            }
            1 => {
                self.done.accounts.lock().unwrap().insert(id);
                self.ask("POST", "/api/clients/logout", &token, None).await;
            }
            _ => {
                self.give_back(&token, &loan?).await;
                self.ask("DELETE", &format!("/api/clients/{id}"), &self.admin, None).await;
            }
        }
        Some(())
    }

    async fn borrow(&self, token: &str, round: usize) -> Option<String> {
        let book = &self.shelf[round % self.shelf.len()];
        let lent = self.ask("POST", &format!("/api/emprunts/{book}"), token, None).await?;
        let loan = lent.json()["data"]["emprunt"]["_id"].as_str()?.to_owned();
        self.done.loans.lock().unwrap().insert(loan.clone());
        Some(loan)
    }

    async fn give_back(&self, token: &str, loan: &str) -> Option<Answer> {
        self.ask("POST", &format!("/api/emprunts/{loan}/return"), token, None).await
    }

    async fn circulate(&self, round: usize) -> Option<()> {
        let loan = self.borrow(&self.admin, round).await?;
        self.give_back(&self.admin, &loan).await?;
        Some(())
    }

    fn begin(self: &Arc<Self>) -> JoinSet<()> {
        let mut working = JoinSet::new();
        for worker in 0..8 {
            let load = Arc::clone(self);
            working.spawn(async move {
                let mut round = 0;
                while !load.stop.load(Ordering::Relaxed) {
                    match worker {
                        0..3 => load.edit(worker, round).await,
                        3..6 => load.visit(worker, round).await,
                        _ => load.circulate(round).await,
                    };
                    round += 1;
                }
            });
        }
        working
    }

    /// So much more is done.
    async fn goes_on(&self, requests: u32) {
        let done = || self.done.requests.load(Ordering::Relaxed);
        let then = done() + requests;
        eventually(PATIENCE, "the load goes on", async || done() > then).await;
    }
}

/// What was acknowledged by now.
struct Known {
    loans: BTreeSet<String>,
    accounts: BTreeSet<String>,
    books: BTreeSet<String>,
    tokens: Vec<String>,
}

impl Known {
    fn of(done: &Acknowledged) -> Self {
        Self {
            loans: done.loans.lock().unwrap().clone(),
            accounts: done.accounts.lock().unwrap().clone(),
            books: done.books.lock().unwrap().clone(),
            tokens: done.tokens.lock().unwrap().clone(),
        }
    }

    async fn must_be_in(&self, place: &Place) {
        for (service, sql, known) in [
            ("lending", "SELECT id FROM loan", &self.loans),
            ("identity", "SELECT id FROM account", &self.accounts),
            ("catalog", "SELECT id FROM book", &self.books),
        ] {
            let there = place.column(service, sql).await;
            let lost: Vec<_> = known.difference(&there).collect();
            assert!(!known.is_empty() && lost.is_empty(), "{service} lost {lost:?}");
        }
    }
}

/// A backup is made of the place; answers with what it said. On a slow machine there is time between its snapshots.
async fn back_up(place: &Place, directory: &Path, is_slow: bool) -> String {
    let backup = place.command(&["backup", directory.to_str().unwrap()]);
    let ended = backup.with("DAWDLE_AT", if is_slow { "backup.between" } else { "" }).run().await;
    assert!(ended.status.success(), "{}", ended.logged);
    ended.said
}

/// A backup comes back in an empty place, and the suite starts there.
async fn comes_back(place: Place, backup: &Path, known: &Known) {
    let restored = place.command(&["restore", backup.to_str().unwrap()]).run().await;
    assert!(restored.status.success(), "{}", restored.logged);
    known.must_be_in(&place).await;
    assert_eq!(place.count("identity", "SELECT COUNT(*) FROM session").await, 0);
    let noted = "SELECT COUNT(*) FROM audit_event WHERE event = 'sys_restored'";
    assert_eq!(place.count("identity", noted).await, 1);

    let suite = place.suite().start().await;

    fits_together(&place).await;
    let door = suite.door();
    for token in &known.tokens {
        assert!(!door.knows(token).await, "a session came back to life");
    }
    let admin = door.token(ADMIN, PASSWORD).await;
    let load = Load::open(&suite).await;
    assert!(load.borrow(&admin, 0).await.is_some());
}

/// Within thirty seconds, without anybody's help.
async fn fits_together(place: &Place) {
    let check = place.command(&["check"]);
    eventually(PATIENCE, "everything fits together", async || {
        let checked = check.run().await;
        if !checked.status.success() {
            eprintln!("not yet: {}{}", checked.said, checked.logged);
        }
        checked.status.success()
    })
    .await;
    eventually(PATIENCE, "catalog has lending's numbers", async || {
        let catalogs = "SELECT id || ' ' || copies || ' ' || available FROM book";
        let lendings = "SELECT book_id || ' ' || (on_shelf + on_loan + on_hold_shelf + lost) || ' ' || on_shelf
                        FROM stock WHERE withdrawn_at IS NULL";
        place.column("catalog", catalogs).await == place.column("lending", lendings).await
    })
    .await;
}

/// What is in a file; of a compressed one, what would come out of it.
fn contents(file: &Path) -> Vec<u8> {
    if file.extension().is_none_or(|extension| extension != "dump") {
        return fs::read(file).unwrap();
    }
    let unpacked = Command::new("pg_restore").arg("--file=-").arg(file).output().unwrap();
    assert!(unpacked.status.success(), "{unpacked:?}");
    unpacked.stdout
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

testing::on_both! {
    async fn a_backup_under_load_comes_back_as_a_library_in_which_everything_fits_together(database: Database) {
        let kind = database.kind();
        let place = Place::new(kind).await;
        let suite = place.suite().start().await;
        let load = Load::open(&suite).await;
        let mut working = load.begin();
        load.goes_on(400).await;

        let mut backups = Vec::new();
        for number in 0..DRILLS {
            let known = Known::of(&load.done);
            let directory = place.directory.path().join(format!("backup-{number}"));
            let said = back_up(&place, &directory, number > 0).await;
            eprintln!("{said}");
            backups.push((directory, known));
            load.goes_on(20).await;
        }
        load.stop.store(true, Ordering::Relaxed);
        while working.join_next().await.is_some() {}
        fits_together(&place).await;

        // The first of them on another machine.
        let mut places = vec![Place::elsewhere(kind).await];
        for _ in 1..DRILLS {
            places.push(Place::new(kind).await);
        }
        for ((directory, known), place) in backups.into_iter().zip(places) {
            comes_back(place, &directory, &known).await;
        }
    }

    async fn a_stopped_suite_is_backed_up_for_its_owner_alone_with_and_without_its_pepper(database: Database) {
        let kind = database.kind();
        let place = Place::new(kind).await;
        let mut suite = place.suite().start().await;
        let token = suite.door().register("elodie@example.org").await;
        suite.kill();

        let (with, without) = (place.directory.path().join("with"), place.directory.path().join("without"));
        fs::create_dir(&with).unwrap();
        let said = back_up(&place, &with, false).await;
        let command = ["backup", "--without-secrets", without.to_str().unwrap()];
        let bare = place.command(&command).run().await;

        assert!(bare.status.success(), "{}", bare.logged);
        // Given as a setting it is kept where settings are.
        let has_pepper = kind == Kind::Sqlite;
        assert_eq!(with.join("pepper").exists(), has_pepper);
        assert_eq!(said.contains("whoever has this backup can guess passwords"), has_pepper, "{said}");
        assert!(!without.join("pepper").exists() && bare.said.contains("Not in it: the pepper"), "{}", bare.said);
        assert_eq!(mode(&with), 0o700);
        for file in fs::read_dir(&with).unwrap() {
            let file = file.unwrap().path();
            assert_eq!(mode(&file), 0o600);
            let contents = contents(&file);
            let tells = |secret: &str| contents.windows(secret.len()).any(|bytes| bytes == secret.as_bytes());
            assert!(!tells(PASSWORD) && !tells(&token), "{}", file.display());
            assert_eq!(tells("elodie@example.org"), file.file_stem().unwrap() == "identity");
        }
        let restored = Place::new(kind).await;
        let ended = restored.command(&["restore", with.to_str().unwrap()]).run().await;
        assert!(ended.status.success(), "{}", ended.logged);
        let suite = restored.suite().start().await;
        suite.door().token("elodie@example.org", PASSWORD).await;
    }
}
