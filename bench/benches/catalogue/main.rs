//! One book over HTTP: how many a second, against the least that anybody would write for it, on SQLite and PostgreSQL.
//!
//! `cargo bench -p bench --bench catalogue`, or `-- --rounds 2 --seconds 3 --only sqlite`; needs wrk.

mod wrk;
mod yardstick;

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use bench::{
    Books, Data, Database, Served, Table, free_address, load,
    process::{Process, machine, processor_time},
    serve_if_asked,
};
use clap::Parser;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use wrk::{Seen, Wrk};

/// Books to choose from, so that it is not always the same row.
const BOOKS: u32 = 10_000;

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
struct System {
    name: &'static str,
    url: String,
    processes: Vec<u32>,
    seen: Vec<Measured>,
}

/// What was seen of it in a round.
struct Measured {
    seen: Seen,
    /// Processor time for a request, of its own processes and of the database's.
    cost: Duration,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    yardstick::serve_if_asked().await?;
    serve_if_asked().await?;
    let args = Args::parse();
    for database in Database::all(args.only) {
        println!("{database:?}; before: {}", machine());
        let table = measure(database, &args).await?;
        println!("{table}\nafter: {}\n", machine());
    }
    Ok(())
}

async fn measure(database: Database, args: &Args) -> anyhow::Result<Table> {
    let cluster = database.cluster().await?;
    let data = match &cluster {
        None => Data::sqlite()?,
        Some(cluster) => Data::postgres(cluster).await?,
    };
    let together = Served::together(&data).await?;
    load(&together, &Arc::new(Books::default()), 0..BOOKS).await?;
    let apart = Served::apart(&data).await?;
    let [_, catalog, _] = data.urls();
    let addresses = [free_address()?, free_address()?, free_address()?];
    let [alone, front, back] = &addresses;
    let yardsticks = [
        Process::start(&["yardstick", "alone", alone, &catalog], Vec::new()).await?,
        Process::start(&["yardstick", "back", back, &catalog], Vec::new()).await?,
        Process::start(&["yardstick", "front", front, back], Vec::new()).await?,
    ];
    let [of_alone, of_back, of_front] = yardsticks.each_ref().map(Process::id);
    let mut systems = [
        System::new("the suite in one process", together.url(""), together.ids()),
        System::new("(a) one handler that queries", format!("http://{alone}"), vec![of_alone]),
        System::new("gateway, catalog and lending as processes", apart.url(""), apart.ids()),
        System::new("(b) one handler that calls one that queries", format!("http://{front}"), vec![of_front, of_back]),
    ];

    let paths = paths(&systems[0].url).await?;
    for path in paths.iter().step_by(paths.len() / 100) {
        all_answer_alike(&systems, path).await?;
    }
    let wrk = Wrk::new(&paths)?;
    for system in &systems {
        wrk.run(&system.url, Duration::from_secs(2), 0).await?;
    }
    let mut backends = Backends::of(database, &catalog).await?;
    for round in 0..args.rounds {
        for turn in 0..systems.len() {
            let system = &mut systems[(round + turn) % 4];
            system.measure(&wrk, &mut backends, Duration::from_secs(args.seconds), round + 1).await?;
        }
    }
    Ok(table(&systems))
}

/// The paths of all books.
async fn paths(url: &str) -> anyhow::Result<Vec<String>> {
    let mut paths = Vec::new();
    for page in 1..=BOOKS / 1000 {
        let answer = reqwest::get(format!("{url}/api/livres?limit=1000&page={page}")).await?;
        let answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
        let livres = answer["data"]["livres"].as_array().into_iter().flatten();
        paths.extend(livres.filter_map(|livre| Some(format!("/api/livres/{}", livre["_id"].as_str()?))));
    }
    ensure!(paths.len() == BOOKS as usize, "{} books are listed", paths.len());
    Ok(paths)
}

/// Yardsticks that did less would be none.
async fn all_answer_alike(systems: &[System], path: &str) -> anyhow::Result<()> {
    let mut first = None;
    for system in systems {
        let answer = reqwest::get(format!("{}{path}", system.url)).await?;
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
        let millis = |of: fn(&Measured) -> Duration| {
            median(system.seen.iter().map(|measured| of(measured).as_secs_f64() * 1000.0).collect())
        };
        let mut ratios = Vec::new();
        if number % 2 == 0 {
            let rounds = system.seen.iter().zip(&systems[number + 1].seen);
            ratios = rounds.map(|(ours, theirs)| ours.seen.rate / theirs.seen.rate).collect();
        }
        let spread: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        table.row(&[
            system.name.to_owned(),
            format!("{:.0}", median(system.seen.iter().map(|measured| measured.seen.rate).collect())),
            format!("{:.2} ms", millis(|measured| measured.seen.p50)),
            format!("{:.2} ms", millis(|measured| measured.seen.p99)),
            format!("{:.0} µs", millis(|measured| measured.cost) * 1000.0),
            if ratios.is_empty() { String::new() } else { format!("{:.2}", median(ratios)) },
            spread.join(", "),
        ]);
    }
    table
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

impl System {
    fn new(name: &'static str, url: String, processes: Vec<u32>) -> Self {
        Self { name, url, processes, seen: Vec::new() }
    }

    async fn measure(
        &mut self,
        wrk: &Wrk,
        backends: &mut Backends,
        lasting: Duration,
        seed: usize,
    ) -> anyhow::Result<()> {
        let mut processes = backends.ids().await?;
        processes.extend(&self.processes);
        let spent = || processes.iter().map(|id| processor_time(*id)).sum::<Duration>();

        let before = spent();
        let seen = wrk.run(&self.url, lasting, seed).await?;
        let cost = spent().saturating_sub(before).div_f64(seen.answered);

        eprintln!("{}: {seen:.2?}", self.name);
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
