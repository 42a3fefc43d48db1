//! One book over HTTP: how many a second, against the least that anybody would write for it, on SQLite and PostgreSQL.

pub mod yardstick;

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use clap::Parser;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use sqlx::{Connection as _, PgConnection};

use crate::{
    Books, Data, Database, Goal, Ratio, Served, Table, free_address,
    generator::{AtRandom, Pace, Seen, generate},
    load, median,
    process::{Process, Program, machine, processor_time},
    serve_if_asked, wire,
};

/// Books to choose from, so that it is not always the same row.
const BOOKS: u32 = 10_000;

/// Connections, each with one request at a time.
const CONNECTIONS: usize = 32;

#[derive(Parser)]
struct Args {
    /// How often each system is measured; they take turns, so that a noisy moment is nobody's alone.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each time.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// One database alone.
    #[arg(long)]
    only: Option<Database>,
    /// What cargo says.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Something that answers for books.
pub struct System {
    name: &'static str,
    address: String,
    processes: Vec<u32>,
    seen: Vec<Measured>,
}

/// What was seen of it in a round.
struct Measured {
    seen: Seen,
    /// Processor time for a request, of its own processes and of the database's.
    cost: Duration,
}

/// The benchmark of its own.
///
/// # Errors
/// When a suite cannot be served, or a request fails.
pub async fn run() -> anyhow::Result<()> {
    serve_if_asked().await?;
    let args = Args::parse();
    for database in Database::all(args.only) {
        println!("{database:?}; before: {}", machine());
        let lasting = Duration::from_secs(args.seconds);
        let table = table(&measure(database, args.rounds, lasting).await?);
        println!("{table}\nafter: {}\n", machine());
    }
    Ok(())
}

/// The four systems, each asked for so long, so many times, in turns: the suite in one process, its yardstick, the suite as
/// processes, and its yardstick.
///
/// # Errors
/// When one of them cannot be served, or a request fails.
pub async fn measure(database: Database, rounds: usize, lasting: Duration) -> anyhow::Result<[System; 4]> {
    let cluster = database.cluster().await?;
    let data = Data::empty(cluster.as_ref()).await?;
    let together = Served::together(&data).await?;
    load(&together, &Arc::new(Books::default()), 0..BOOKS).await?;
    let apart = Served::apart(&data).await?;
    let [_, catalog, _] = data.urls();
    let [alone, front, back] = [free_address()?, free_address()?, free_address()?];
    let yardstick = async |arguments: [&str; 3]| {
        Process::start(&Program::Itself, &[&["yardstick", "one-book"], &arguments[..]].concat(), Vec::new()).await
    };
    let yardsticks = [
        yardstick(["alone", &alone, &catalog]).await?,
        yardstick(["back", &back, &catalog]).await?,
        yardstick(["front", &front, &back]).await?,
    ];
    let [of_alone, of_back, of_front] = yardsticks.each_ref().map(Process::id);
    let mut systems = [
        System::new("the suite in one process", together.address().to_owned(), together.ids()),
        System::new("(a) one handler that queries", alone, vec![of_alone]),
        System::new("gateway, catalog and lending as processes", apart.address().to_owned(), apart.ids()),
        System::new("(b) one handler that calls one that queries", front, vec![of_front, of_back]),
    ];

    let paths: Vec<String> = together.books().await?.iter().map(|id| format!("/api/livres/{id}")).collect();
    ensure!(paths.len() == BOOKS as usize, "{} books are listed", paths.len());
    for path in paths.iter().step_by(paths.len() / 100) {
        all_answer_alike(&systems, path).await?;
    }
    let requests: Arc<[Vec<u8>]> = paths.iter().map(|path| wire::get(path, None)).collect();
    let mut backends = Backends::of(database, &catalog).await?;
    // The first round is for warming up.
    for round in 0..=rounds {
        for turn in 0..systems.len() {
            let system = &mut systems[(round + turn) % 4];
            system.measure(&requests, &mut backends, lasting, round as u64).await?;
        }
    }
    for system in &mut systems {
        system.seen.remove(0);
    }
    Ok(systems)
}

/// A book over HTTP, to a plain server of the same data: at least four fifths of its rate.
pub fn ratios(systems: &[System; 4]) -> Vec<Ratio> {
    let [together, one, apart, two] = systems;
    let ratio = |ours: &System, theirs: &System| Ratio {
        of: format!("one book: {} / {}", ours.name, theirs.name),
        value: median(ratios_of(ours, theirs)),
        goal: Goal::AtLeast(0.8),
        told: format!("{:.0} / {:.0} a second", ours.rate(), theirs.rate()),
    };
    vec![ratio(together, one), ratio(apart, two)]
}

fn ratios_of(ours: &System, theirs: &System) -> Vec<f64> {
    ours.seen.iter().zip(&theirs.seen).map(|(ours, theirs)| ours.seen.rate / theirs.seen.rate).collect()
}

/// Yardsticks that did less would be none.
async fn all_answer_alike(systems: &[System], path: &str) -> anyhow::Result<()> {
    let mut first = None;
    for system in systems {
        let answer = reqwest::get(format!("http://{}{path}", system.address)).await?;
        let headers = [CONTENT_TYPE, ETAG, CONTENT_LENGTH].map(|name| answer.headers().get(name).cloned());
        ensure!(answer.status() == 200 && headers.iter().all(Option::is_some), "{} answers {answer:?}", system.name);
        let seen = (headers, answer.bytes().await?);
        let first = first.get_or_insert_with(|| seen.clone());
        ensure!(*first == seen, "{} answers {seen:?} and not {first:?}", system.name);
    }
    Ok(())
}

fn table(systems: &[System]) -> Table {
    let mut table = Table::new(&[
        "system",
        "requests a second (median)",
        "p50",
        "p99",
        "processor time a request",
        "ratio of the rates (goal: at least 0.8)",
        "in the rounds",
    ]);
    for (number, system) in systems.iter().enumerate() {
        let of = |of: fn(&Measured) -> f64| median(system.seen.iter().map(of).collect());
        let ratios = if number % 2 == 0 { ratios_of(system, &systems[number + 1]) } else { Vec::new() };
        let spread: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        table.row(&[
            system.name.to_owned(),
            format!("{:.0}", system.rate()),
            format!("{:.2} ms", of(|measured| measured.seen.latencies.millis(50))),
            format!("{:.2} ms", of(|measured| measured.seen.latencies.millis(99))),
            format!("{:.0} µs", of(|measured| measured.cost.as_secs_f64() * 1e6)),
            if ratios.is_empty() { String::new() } else { format!("{:.2}", median(ratios)) },
            spread.join(", "),
        ]);
    }
    table
}

impl System {
    const fn new(name: &'static str, address: String, processes: Vec<u32>) -> Self {
        Self { name, address, processes, seen: Vec::new() }
    }

    fn rate(&self) -> f64 {
        median(self.seen.iter().map(|measured| measured.seen.rate).collect())
    }

    async fn measure(
        &mut self,
        requests: &Arc<[Vec<u8>]>,
        backends: &mut Backends,
        lasting: Duration,
        seed: u64,
    ) -> anyhow::Result<()> {
        let mut processes = backends.ids().await?;
        processes.extend(&self.processes);
        let spent = || processes.iter().map(|id| processor_time(*id)).sum::<Duration>();
        let before = spent();
        let readers = AtRandom::several(requests, CONNECTIONS, seed);
        let seen = generate(&self.address, Pace::Closed, lasting, readers).await?;
        let cost = spent().saturating_sub(before).div_f64(seen.latencies.answered().max(1) as f64);

        ensure!(seen.latencies.failed() == 0, "requests to {} fail: {:?}", self.name, seen.failure);
        eprintln!("{}: {:.0} a second", self.name, seen.rate);
        self.seen.push(Measured { seen, cost });
        Ok(())
    }
}

/// PostgreSQL's processes that work for a database; SQLite has none.
struct Backends(Option<PgConnection>);

impl Backends {
    async fn of(database: Database, url: &str) -> anyhow::Result<Self> {
        Ok(match database {
            Database::Sqlite => Self(None),
            Database::Postgres => Self(Some(PgConnection::connect(url).await?)),
        })
    }

    async fn ids(&mut self) -> anyhow::Result<Vec<u32>> {
        let Some(connection) = &mut self.0 else { return Ok(Vec::new()) };
        let sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let ids: Vec<i32> = sqlx::query_scalar(sql).fetch_all(connection).await?;
        Ok(ids.into_iter().filter_map(|id| u32::try_from(id).ok()).collect())
    }
}
