//! Two of each role on PostgreSQL, all eight restarted one after the other under 200 requests a second: none fails.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use process::{
    PASSWORD, PATIENCE, Process, Setup,
    door::Door,
    eventually, free_address,
    library::livre,
    load::{Sample, times},
};
use shared::secret::ExposeSecret as _;
use tempfile::{TempDir, tempdir};
use testing::{
    Database,
    suite::{ADMIN, Answer, beside},
};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;

/// Requests a second, sent when their time comes, whatever became of those before. The first is what is promised; the others are
/// for a machine that is too busy with other things to serve so many even while nothing is restarted.
const RATES: [u32; 4] = [200, 100, 50, 25];

/// What such a machine is not: 99 of 100 requests take less than this when nothing is restarted.
const AT_EASE: Duration = Duration::from_millis(500);

/// How often a balancer asks a gateway whether it is ready.
const ASKED: Duration = Duration::from_millis(500);

/// A process ends within this time.
const IN_TIME: Duration = Duration::from_secs(25);

/// Readers who borrow and give back, each of all books.
const READERS: usize = 40;

/// Books that they borrow: fewer than the limit of open loans.
const BOOKS: usize = 4;

/// Every how many requests somebody signs in: hashing is slow on purpose.
const SIGN_IN: usize = 100;

/// The whole place, twice.
struct Place {
    services: Vec<Process>,
    gateways: Vec<Process>,
    check: Setup,
}

impl Place {
    async fn open(directory: &TempDir, database: &Database) -> Self {
        database.make_schema("catalog").await;
        database.make_schema("lending").await;
        let (catalog, lending) = (beside(database.url(), "catalog"), beside(database.url(), "lending"));
        let (catalog, lending) = (catalog.expose_secret(), lending.expose_secret());
        let [identities, catalogs, lendings] = [(); 3].map(|()| [free_address(), free_address()]);
        let (reached, setups) = (
            [&identities, &catalogs, &lendings].map(|two| two.join(",")),
            [
                Setup::identity(directory, database.url()).with_admin(),
                Setup::lending(directory, lending, ""),
                Setup::catalog(directory, catalog, ""),
                Setup::gateway(directory, ""),
            ],
        );
        let [identity, lending_role, catalog_role, gateway] = setups.map(|setup| {
            let names = ["IDENTITY_ADDR", "CATALOG_ADDR", "LENDING_ADDR"];
            names.into_iter().zip(&reached).fold(setup, |setup, (name, addresses)| setup.with(name, addresses))
        });
        let mut services = Vec::new();
        for number in 0..2 {
            services.push(identity.clone().with("IDENTITY_ADDR", &identities[number]).start().await);
            services.push(lending_role.clone().with("LENDING_ADDR", &lendings[number]).start().await);
            services.push(catalog_role.clone().with("CATALOG_ADDR", &catalogs[number]).start().await);
        }
        let gateways = vec![gateway.start().await, gateway.start().await];
        let check = Setup::new(directory, &["check"])
            .with("IDENTITY_DATABASE_URL", database.url())
            .with("CATALOG_DATABASE_URL", catalog)
            .with("LENDING_DATABASE_URL", lending);
        Self { services, gateways, check }
    }
}

/// A gateway as a balancer sees it.
struct Target {
    door: Door,
    ready: AtomicBool,
}

/// A reader and a book, and the loan of it that he has.
struct Reader {
    token: String,
    book: String,
    loan: Option<String>,
}

/// What sends requests to the gateways in turn. It sends none again.
struct Balancer {
    targets: Vec<Arc<Target>>,
    /// Those who have nothing underway.
    readers: Mutex<Vec<Reader>>,
    token: String,
    book: String,
}

impl Balancer {
    async fn watch(target: Arc<Target>) {
        let mut ticks = interval(ASKED);
        loop {
            ticks.tick().await;
            target.ready.store(target.door.is_ready().await, Ordering::Relaxed);
        }
    }

    /// The ready one whose turn it is.
    fn door(&self, turn: usize) -> Option<Door> {
        let ready: Vec<_> = self.targets.iter().filter(|target| target.ready.load(Ordering::Relaxed)).collect();
        ready.get(turn % ready.len().max(1)).map(|target| target.door.clone())
    }

    /// One request of the mix: half of them are public, a quarter lends and returns.
    async fn ask(&self, turn: usize) -> Result<Sample, String> {
        let door = self.door(turn).ok_or("no gateway was ready")?;
        let (expected, request) = match turn % 8 {
            _ if turn.is_multiple_of(SIGN_IN) => {
                let body = serde_json::json!({"email": ADMIN, "password": PASSWORD});
                (200, door.request("POST", "/api/clients/login").json(&body))
            }
            0 | 4 => match self.reader() {
                Some(reader) => return self.lend_or_return(&door, reader).await,
                None => (200, door.request("GET", "/api/livres?disponible=true&limit=5")),
            },
            1 | 5 => (200, door.request("GET", "/api/clients/me").bearer_auth(&self.token)),
            2 => (200, door.request("GET", "/api/livres?q=camus&limit=5")),
            3 => (200, door.request("GET", "/api/categories")),
            _ => (200, door.request("GET", &format!("/api/livres/{}", self.book))),
        };
        as_expected(Sample::of(request).await, expected)
    }

    /// Whoever has waited for the longest time, if anybody has nothing underway.
    fn reader(&self) -> Option<Reader> {
        self.readers.lock().unwrap().pop()
    }

    async fn lend_or_return(&self, door: &Door, reader: Reader) -> Result<Sample, String> {
        let (path, expected) = match &reader.loan {
            Some(loan) => (format!("/api/emprunts/{loan}/return"), 200),
            None => (format!("/api/emprunts/{}", reader.book), 201),
        };
        let sample = as_expected(Sample::of(door.request("POST", &path).bearer_auth(&reader.token)).await, expected)?;
        let loan = loan_of(sample.answer.as_ref().unwrap()).filter(|_| reader.loan.is_none());
        // Whoever came last is the last to come again.
        self.readers.lock().unwrap().insert(0, Reader { loan, ..reader });
        Ok(sample)
    }

    /// The first of these rates that the machine affords when nothing is restarted.
    async fn affordable(self: &Arc<Self>, rates: &[u32]) -> u32 {
        // The first requests open connections to everything: they are no measure.
        self.trial(RATES[3]).await;
        for &rate in rates {
            if self.affords(rate).await {
                return rate;
            }
        }
        panic!("this machine is too busy for this test");
    }

    /// Whether requests of this rate are answered, and soon, while nothing is restarted.
    async fn affords(self: &Arc<Self>, rate: u32) -> bool {
        let outcomes = self.trial(rate).await;
        let (_, most, _) = times(outcomes.iter().flatten());
        let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
        let affords = most < AT_EASE && failed == 0;
        if !affords {
            say(&format!("{rate} requests a second are too many for this machine now: p99 {most:?}, {failed} failed"));
        }
        affords
    }

    async fn trial(self: &Arc<Self>, rate: u32) -> Vec<Result<Sample, String>> {
        let over = CancellationToken::new();
        let trial = tokio::spawn(Arc::clone(self).load(rate, over.clone()));
        // How long it is tried is all there is to wait for.
        sleep(Duration::from_secs(3)).await;
        over.cancel();
        trial.await.unwrap()
    }

    /// Requests at their times until it is over.
    async fn load(self: Arc<Self>, rate: u32, over: CancellationToken) -> Vec<Result<Sample, String>> {
        let mut ticks = interval(Duration::from_secs(1) / rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut asking = JoinSet::new();
        for turn in 1.. {
            ticks.tick().await;
            if over.is_cancelled() {
                break;
            }
            let balancer = Arc::clone(&self);
            asking.spawn(async move { balancer.ask(turn).await });
        }
        asking.join_all().await
    }
}

/// To stderr itself: the test harness swallows what `eprintln!` says in a test that passes, and here it is the measure.
fn say(line: &str) {
    let _unheard = writeln!(io::stderr(), "rolling restart: {line}");
}

fn as_expected(sample: Sample, status: u16) -> Result<Sample, String> {
    match &sample.answer {
        Ok(answer) if answer.status == status => Ok(sample),
        Ok(answer) => Err(format!("{} instead of {status}: {}", answer.status, answer.text)),
        Err(error) => Err(error.clone()),
    }
}

fn loan_of(answer: &Answer) -> Option<String> {
    answer.json()["data"]["emprunt"]["_id"].as_str().map(str::to_owned)
}

/// A book with a copy for everybody.
async fn book(door: &Door, admin: &str, title: &str) -> String {
    let made = door.post("/api/livres", Some(admin), livre(title, READERS as i64)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["data"]["livre"]["_id"].as_str().unwrap().to_owned()
}

async fn readers(door: &Door, books: &[String]) -> Vec<Reader> {
    let mut readers = Vec::new();
    for number in 0..READERS {
        let token = door.register(&format!("reader-{number}@example.org")).await;
        readers.extend(books.iter().map(|book| Reader { token: token.clone(), book: book.clone(), loan: None }));
    }
    readers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_of_all_roles_under_load_fails_no_request() {
    let mut rates = &RATES[..];
    loop {
        let Some(database) = testing::postgres().await else { return };
        let Err(TooMany(rate)) = restart_all(&database, rates).await else { return };
        rates = &rates[rates.iter().position(|tried| *tried == rate).unwrap() + 1..];
    }
}

/// Requests of this rate are too many for the machine, though they were not before everything was restarted: it got busy meanwhile.
struct TooMany(u32);

async fn restart_all(database: &Database, rates: &[u32]) -> Result<(), TooMany> {
    let directory = tempdir().unwrap();
    let mut place = Place::open(&directory, database).await;
    let door = place.gateways[0].door();
    eventually(PATIENCE, "the gateway is ready", async || door.is_ready().await).await;
    let token = door.token(ADMIN, PASSWORD).await;
    let mut books = Vec::new();
    for number in 0..BOOKS {
        books.push(book(&door, &token, &format!("La Peste, tome {number}")).await);
    }
    let (readers, book) = (Mutex::new(readers(&door, &books).await), books[0].clone());
    let target = |gateway: &Process| Arc::new(Target { door: gateway.door(), ready: AtomicBool::new(true) });
    let targets: Vec<_> = place.gateways.iter().map(target).collect();
    let watching: Vec<JoinHandle<()>> = targets.iter().cloned().map(Balancer::watch).map(tokio::spawn).collect();
    let balancer = Arc::new(Balancer { targets, readers, token, book });
    let (rate, over) = (balancer.affordable(rates).await, CancellationToken::new());

    let began = Instant::now();
    let load = tokio::spawn(Arc::clone(&balancer).load(rate, over.clone()));
    for process in place.services.iter_mut().chain(&mut place.gateways) {
        process.restart(IN_TIME).await;
        let all_ready = async || balancer.targets.iter().all(|target| target.ready.load(Ordering::Relaxed));
        eventually(PATIENCE, "all gateways are ready again", all_ready).await;
    }
    over.cancel();
    let (outcomes, took) = (load.await.unwrap(), began.elapsed());

    let mut failures = BTreeMap::new();
    for failure in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        *failures.entry(failure).or_insert(0) += 1;
    }
    let sent = outcomes.len() as f64 / took.as_secs_f64();
    let (median, most, longest) = times(outcomes.iter().flatten());
    if !failures.is_empty() && rates.last() != Some(&rate) && !balancer.affords(rate).await {
        say(&format!("{failures:?} while everything was restarted"));
        return Err(TooMany(rate));
    }
    watching.iter().for_each(JoinHandle::abort);
    assert!(failures.is_empty(), "of {} requests failed {failures:#?}", outcomes.len());
    say(&format!(
        "{} requests, {sent:.0} a second: median {median:?}, p99 {most:?}, longest {longest:?}",
        outcomes.len()
    ));
    assert!(sent > f64::from(rate) * 0.9, "only {sent} requests a second were sent");
    let known = balancer.readers.lock().unwrap().iter().filter(|reader| reader.loan.is_some()).count();
    let lending = beside(database.url(), "lending");
    let lent = process::count(lending.expose_secret(), "SELECT COUNT(*) FROM loan WHERE returned_at IS NULL").await;
    assert_eq!(lent, known as i64, "loans that were acknowledged");
    let checked = place.check.run().await;
    assert!(checked.status.success(), "{}", checked.said);
    Ok(())
}
