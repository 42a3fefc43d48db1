//! Each role is stopped, killed and restarted under load: what does not need it goes on as before, what does is told so soon, and
//! everything comes back by itself. Whatever was acknowledged is there afterwards.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::time::Duration;

use process::{
    PASSWORD, PATIENCE,
    door::Door,
    eventually,
    library::{Library, Role},
    load::{Asker, Borrowed, Borrower, Sample, times},
};
use tempfile::{TempDir, tempdir};
use testing::{Database, suite::ADMIN};
use tokio::time::{Instant, sleep};

/// How long a role is away.
const AWAY: Duration = Duration::from_secs(8);

/// After so long it is known that a role is away, on a busy machine: a quarter of a second is suspicious, then two seconds are
/// given for a sign of life, or twice that, if an answer was underway.
const KNOWN: Duration = Duration::from_secs(5);

/// How soon everything is as before.
const BACK: Duration = Duration::from_secs(5);

/// What is not to wait for a role that is away takes at most this long, on a busy machine; half a second of it is the patience
/// that a page has with copies and a return with a title until it is known that nobody answers.
const BOUND: Duration = Duration::from_secs(2);

/// How a role goes away.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Nothing comes back any more, and nothing is closed.
    Stopped,
    /// All at once.
    Killed,
    /// In order.
    Restarted,
}

/// A time in which a role was away.
struct Spell {
    way: Way,
    from: Instant,
    to: Instant,
}

impl Spell {
    /// Those that were sent and answered in it.
    fn within<'a>(&self, samples: &'a [Sample]) -> Vec<&'a Sample> {
        samples.iter().filter(|of| of.began >= self.from && of.began + of.took <= self.to).collect()
    }

    /// Those that were sent in it when it was known.
    fn when_known<'a>(&self, samples: &'a [Sample]) -> Vec<&'a Sample> {
        self.within(samples).into_iter().filter(|of| of.began >= self.from + KNOWN).collect()
    }
}

/// The clients of a story, in front of a library.
struct Load {
    search: Asker,
    book: Asker,
    me: Asker,
    loans: Asker,
    borrower: Borrower,
    /// Somebody who borrows when lending is away and that is known, and the book.
    late: (String, String),
}

/// What became of their requests.
struct Seen {
    spells: Vec<Spell>,
    search: Vec<Sample>,
    book: Vec<Sample>,
    me: Vec<Sample>,
    loans: Vec<Sample>,
    borrowed: Borrowed,
    late: Vec<Sample>,
}

impl Load {
    async fn of(library: &Library) -> Self {
        let door = &library.door;
        let (reader, id) = (door.register("elodie@example.org").await, library.book("La Peste", 2).await);
        // A copy less on the shelf: lists show how many there are by what catalog has heard.
        eventually(PATIENCE, "catalog has heard of the copies", async || library.copies(&id).await == Some((2, 2)))
            .await;
        Self {
            search: Asker::of(door, "/api/livres?q=peste&disponible=true", None),
            book: Asker::of(door, &format!("/api/livres/{id}"), None),
            me: Asker::of(door, "/api/clients/me", Some(&reader)),
            loans: Asker::of(door, "/api/clients/emprunts", Some(&reader)),
            borrower: Borrower::of(door, &reader, &id),
            late: (door.register("lea@example.org").await, id),
        }
    }

    const fn askers(&self) -> [&Asker; 4] {
        [&self.search, &self.book, &self.me, &self.loans]
    }

    /// All are served again.
    async fn goes_on(&self) {
        self.askers().into_iter().for_each(Asker::forget);
        self.borrower.forget();
        let all = async || self.askers().into_iter().all(Asker::is_served) && self.borrower.is_served();
        eventually(BACK, "everybody is served", all).await;
    }

    async fn borrows_late(&self, library: &Library) -> Sample {
        let (token, book) = &self.late;
        Sample::of(library.door.request("POST", &format!("/api/emprunts/{book}")).bearer_auth(token)).await
    }

    async fn end(self, spells: Vec<Spell>, late: Vec<Sample>) -> Seen {
        Seen {
            spells,
            late,
            search: self.search.end().await,
            book: self.book.end().await,
            me: self.me.end().await,
            loans: self.loans.end().await,
            borrowed: self.borrower.end().await,
        }
    }
}

/// A role goes away in every way, and comes back, under load.
async fn goes_and_comes(library: &mut Library, role: Role) -> Seen {
    let load = Load::of(library).await;
    load.goes_on().await;
    let (mut spells, mut late) = (Vec::new(), Vec::new());
    for way in [Way::Stopped, Way::Killed, Way::Restarted] {
        match way {
            Way::Stopped => library.stop(role),
            Way::Killed => library.kill(role),
            Way::Restarted => library.end_and_restart(role).await,
        }
        // Whatever was sent while it was being told to go may have been served.
        let from = Instant::now();
        // How long it is away is the point of this test, so there is nothing else to wait for.
        if !matches!(way, Way::Restarted) {
            sleep(AWAY).await;
            if role == Role::Lending {
                late.push(load.borrows_late(library).await);
            }
        }
        spells.push(Spell { way, from, to: Instant::now() });
        match way {
            Way::Stopped => library.go_on(role),
            Way::Killed => library.restart(role).await,
            Way::Restarted => (),
        }
        load.goes_on().await;
    }
    load.end(spells, late).await
}

async fn opened(database: &Database) -> (Library, TempDir) {
    let directory = tempdir().unwrap();
    (Library::open(&directory, database).await, directory)
}

/// Everything was answered with 2xx, within a bound.
fn all_served(what: &str, samples: &[Sample]) {
    let failed: Vec<_> = samples.iter().filter(|of| !(200..300).contains(&of.status())).collect();
    assert!(failed.is_empty(), "{what}: {} of {} failed: {:?}", failed.len(), samples.len(), failed.first());
    let (median, most, longest) = times(samples);
    eprintln!("{what}: {} requests, median {median:?}, p99 {most:?}, longest {longest:?}", samples.len());
    assert!(most < BOUND, "{what}: p99 {most:?}");
}

/// What needs the role that is away was told to come again, never served, and at once when that was known.
fn all_put_off(what: &str, spells: &[Spell], samples: &[Sample]) {
    for spell in spells.iter().filter(|spell| !matches!(spell.way, Way::Restarted)) {
        let way = spell.way;
        let within = spell.within(samples);
        assert!(!within.is_empty(), "{what}, {way:?}: nobody was told in time");
        let served = within.iter().find(|of| !of.is_put_off());
        assert!(served.is_none(), "{what}, {way:?}: {served:?}");
        let known = spell.when_known(samples);
        let (median, most, longest) = times(known.iter().copied());
        eprintln!(
            "{what}, {way:?}: {} put off, when known median {median:?}, p99 {most:?}, longest {longest:?}",
            within.len()
        );
        assert!(known.len() > 10 && longest < BOUND, "{what}, {way:?}: {} in {longest:?}", known.len());
    }
}

/// While a role is away, and that is known, it is as quick as it was before, give or take a busy machine.
fn at_its_pace(what: &str, spells: &[Spell], samples: &[Sample]) {
    let before = samples.iter().filter(|of| of.began + of.took < spells[0].from);
    let (usual, ..) = times(before);
    for spell in spells.iter().filter(|spell| !matches!(spell.way, Way::Restarted)) {
        let known = spell.when_known(samples);
        let (median, ..) = times(known.iter().copied());
        eprintln!("{what}, {:?}: median {median:?}, before {usual:?}", spell.way);
        assert!(
            known.len() > 10 && median < usual * 3 + Duration::from_millis(50),
            "{what}, {:?}: {median:?}",
            spell.way
        );
    }
}

/// Whatever was acknowledged is there, and everything fits together.
async fn all_is_there(library: &Library, borrowed: &Borrowed) {
    assert!(borrowed.loans.len() > 20, "only {} loans", borrowed.loans.len());
    each_loan_is_there(library, borrowed).await;
    library.comes_into_order("all this").await;
}

async fn each_loan_is_there(library: &Library, borrowed: &Borrowed) {
    for loan in &borrowed.loans {
        let shown = library.insist("GET", &format!("/api/emprunts/{loan}"), &library.admin, "", None).await;
        let expected = if borrowed.open.as_ref() == Some(loan) { "en cours" } else { "retourné" };
        assert_eq!(shown.json()["data"]["emprunt"]["statut"], expected, "{}", shown.text);
    }
}

testing::on_both! {
    async fn without_identity_the_public_catalogue_goes_on_and_nobody_is_let_in(database: Database) {
        let (mut library, _directory) = opened(&database).await;

        let seen = goes_and_comes(&mut library, Role::Identity).await;

        all_served("search", &seen.search);
        all_served("book", &seen.book);
        all_put_off("me", &seen.spells, &seen.me);
        all_put_off("loans", &seen.spells, &seen.borrowed.samples);
        all_is_there(&library, &seen.borrowed).await;
        library.door.token(ADMIN, PASSWORD).await;
    }

    async fn without_catalog_books_are_lent_and_returned_at_the_same_pace(database: Database) {
        let (mut library, _directory) = opened(&database).await;

        let seen = goes_and_comes(&mut library, Role::Catalog).await;

        all_served("loans", &seen.borrowed.samples);
        at_its_pace("loans", &seen.spells, &seen.borrowed.samples);
        all_served("me", &seen.me);
        all_put_off("search", &seen.spells, &seen.search);
        all_put_off("book", &seen.spells, &seen.book);
        all_is_there(&library, &seen.borrowed).await;
    }

    async fn without_lending_books_are_found_with_the_last_known_numbers_at_the_same_pace(database: Database) {
        let (mut library, _directory) = opened(&database).await;

        let seen = goes_and_comes(&mut library, Role::Lending).await;

        all_served("search", &seen.search);
        all_served("book", &seen.book);
        at_its_pace("search", &seen.spells, &seen.search);
        at_its_pace("book", &seen.spells, &seen.book);
        let numbers = seen.book.iter().map(|of| of.answer.as_ref().unwrap().json()["data"]["livre"]["quantite"].as_i64());
        let numbers: Vec<_> = numbers.collect();
        assert!(numbers.iter().all(|number| [Some(1), Some(2)].contains(number)), "{numbers:?}");
        all_served("me", &seen.me);
        // Who had begun to borrow when lending stopped waits: only lending's answer says what became of that.
        all_put_off("loans", &seen.spells, &seen.loans);
        assert!(seen.late.len() == 2 && seen.late.iter().all(|late| late.is_put_off() && late.took < BOUND), "{:?}", seen.late);
        all_is_there(&library, &seen.borrowed).await;
    }
    async fn while_one_of_two_gateways_hangs_the_other_serves_at_the_same_pace(database: Database) {
        let (library, _directory) = opened(&database).await;
        let hanging = library.another_gateway().await;
        let load = Load::of(&library).await;
        let (zoe, her_book) = (library.door.register("zoe@example.org").await, library.book("Noces", 2).await);
        let at_the_hanging = Borrower::of(&hanging.door(), &zoe, &her_book);
        let is_served = async || at_the_hanging.is_served();
        load.goes_on().await;
        eventually(BACK, "who came to the other gateway is served", is_served).await;

        let from = Instant::now();
        hanging.signal("STOP");
        // Somebody comes to it, waits, and takes the same request to the other one.
        let borrows = |door: Door| {
            let (token, book) = &load.late;
            let request = door.request("POST", &format!("/api/emprunts/{book}")).bearer_auth(token);
            Sample::of(request.header("Idempotency-Key", "one-loan"))
        };
        let waits = tokio::spawn(borrows(hanging.door()));
        let served = borrows(library.door.clone()).await;
        sleep(AWAY).await;
        assert!(!waits.is_finished());
        let spells = vec![Spell { way: Way::Stopped, from, to: Instant::now() }];
        at_the_hanging.forget();
        hanging.signal("CONT");
        eventually(BACK, "who came to the other gateway is served again", is_served).await;
        load.goes_on().await;

        let (first, again) = (served.answer.unwrap(), waits.await.unwrap().answer.unwrap());
        assert!(first.status == 201 && served.took < BOUND, "{} after {:?}", first.text, served.took);
        assert_eq!((again.status, again.text), (first.status, first.text));
        let hers = at_the_hanging.end().await;
        each_loan_is_there(&library, &hers).await;
        let seen = load.end(spells, Vec::new()).await;
        for (what, samples) in [
            ("search", &seen.search),
            ("book", &seen.book),
            ("me", &seen.me),
            ("list of loans", &seen.loans),
            ("loans", &seen.borrowed.samples),
        ] {
            all_served(what, samples);
            at_its_pace(what, &seen.spells, samples);
        }
        all_is_there(&library, &seen.borrowed).await;
    }
}
