//! Five hundred want the last copy, through one gateway and two lending processes on one PostgreSQL, and through the suite in one
//! process on SQLite: one gets it, each time.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use process::{Process, Setup, door::Door};
use shared::{Clock, secret::ExposeSecret as _};
use tempfile::{TempDir, tempdir};
use testing::{
    Database, Kind, TestSuite,
    suite::{Answer, beside},
};
use tokio::task::JoinSet;

/// How many want it.
const READERS: usize = 500;

/// How often; the variable `BIBLIOTIQUE_TEST_ROUNDS` says otherwise.
fn rounds() -> usize {
    std::env::var("BIBLIOTIQUE_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(5)
}

/// What a story needs of a library: who wants a book, and the doors to ask at.
struct Crowd {
    suite: TestSuite,
    door: Door,
    _apart: Vec<Process>,
    readers: Vec<String>,
    admin: String,
}

impl Crowd {
    async fn gather(directory: &TempDir, database: &Database) -> Self {
        // The accounts are made in this process, where hashing is cheap.
        let suite = TestSuite::start_with(database, |settings| {
            settings.clock = Clock::system();
            settings.lending.policy.loan_limit = 10_000_i64.try_into().unwrap();
        })
        .await;
        let mut readers = Vec::with_capacity(READERS);
        for number in 0..READERS {
            readers.push(suite.register(&format!("reader-{number}@example.org")).await.token);
        }
        let admin = suite.admin().await;
        let (door, apart) = match database.kind() {
            Kind::Sqlite => (Door::at(&suite.suite.http.to_string()), Vec::new()),
            Kind::Postgres => two_lendings(directory, database, &suite).await,
        };
        Self { suite, door, _apart: apart, readers, admin }
    }

    async fn book(&self, copies: usize) -> String {
        let body = process::library::livre("La Peste", copies as i64);
        let made = self.suite.send("POST", "/api/livres", Some(&self.admin), Some(body)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()["data"]["livre"]["_id"].as_str().unwrap().to_owned()
    }

    /// All of them ask for it at once.
    async fn rush(&self, book: &str) -> Vec<Answer> {
        let mut asking = JoinSet::new();
        for token in &self.readers {
            let (door, path, token) = (self.door.clone(), format!("/api/emprunts/{book}"), token.clone());
            asking.spawn(async move { door.try_ask("POST", &path, Some(&token), None).await.unwrap() });
        }
        asking.join_all().await
    }

    /// A rush after which `copies` have one and nobody has anything else; then they are given back.
    async fn must_lend(&self, book: &str, copies: usize) {
        let answers = self.rush(book).await;
        let (lent, refused): (Vec<&Answer>, Vec<&Answer>) = answers.iter().partition(|answer| answer.status == 201);
        assert_eq!(lent.len(), copies);
        for answer in refused {
            answer.must_be(400, r#"{"success":false,"message":"Book not available!","data":null}"#);
        }
        for answer in lent {
            let loan = answer.json()["data"]["emprunt"]["_id"].as_str().unwrap().to_owned();
            let back =
                self.door.try_ask("POST", &format!("/api/emprunts/{loan}/return"), Some(&self.admin), None).await;
            assert_eq!(back.unwrap().status, 200);
        }
    }
}

/// Two lending processes on the suite's own database, and a gateway in front of them.
async fn two_lendings(directory: &TempDir, database: &Database, suite: &TestSuite) -> (Door, Vec<Process>) {
    let identity = suite.suite.identity.to_string();
    let url = beside(database.url(), "lending");
    let mut apart = Vec::new();
    for _ in 0..2 {
        let lending = Setup::lending(directory, url.expose_secret(), &identity).with("LOAN_LIMIT", "10000");
        apart.push(lending.start().await);
    }
    let lendings = apart.iter().map(|lending| lending.lending.clone()).collect::<Vec<_>>().join(",");
    let gateway = Setup::gateway(directory, &identity)
        .with("CATALOG_ADDR", &suite.suite.catalog.to_string())
        .with("LENDING_ADDR", &lendings);
    apart.push(gateway.start().await);
    (apart[2].door(), apart)
}

testing::on_both! {
    async fn five_hundred_want_the_last_copy_and_one_gets_it(database: Database) {
        let directory = tempdir().unwrap();
        let crowd = Crowd::gather(&directory, &database).await;
        let book = crowd.book(1).await;

        for _ in 0..rounds() {
            crowd.must_lend(&book, 1).await;
        }

        crowd.must_lend(&crowd.book(7).await, 7).await;
        let findings = lending::check(&beside(database.url(), "lending")).await.unwrap();
        assert_eq!(findings.misfits, Vec::<String>::new());
    }
}
