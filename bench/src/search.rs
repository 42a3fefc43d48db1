//! Search in catalogues of three sizes: what a hundred times as many books cost a reader.

use std::{sync::Arc, time::Duration};

use clap::Parser;
use reqwest::header::LINK;
use serde_json::Value;
use testing::Cluster;
use tokio::time::Instant;

use crate::{
    Books, Data, Database, Goal, Latencies, Question, Random, Ratio, Served, Table, load,
    process::machine,
    serve_if_asked,
    settled::{copies_are_there, settle},
    wire::encoded,
};

/// The sizes take turns, so that a noisy minute is everybody's.
const ROUNDS: usize = 10;

/// Questions in a round, to each size.
const QUESTIONS: usize = 100;

/// Questions before the first round, to each size.
const WARM_UP: usize = 200;

#[derive(Parser)]
struct Args {
    /// How many books.
    #[arg(default_values_t = [10_000, 100_000, 1_000_000])]
    sizes: Vec<u32>,
    /// One database alone.
    #[arg(long)]
    only: Option<Database>,
    /// What cargo says.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A catalogue of a size, and what was seen of it.
pub struct Catalogue {
    size: u32,
    loaded: Duration,
    random: Random,
    took: Vec<Option<Duration>>,
    misses: usize,
    served: Served,
    _data: Data,
}

/// The benchmark of its own.
///
/// # Errors
/// When a suite cannot be served or loaded.
pub async fn run() -> anyhow::Result<()> {
    serve_if_asked().await?;
    let args = Args::parse();
    let books = Arc::new(Books::default());
    for database in Database::all(args.only) {
        println!("{database:?}; before: {}", machine());
        let catalogues = measure(&books, database, &args.sizes, ROUNDS).await?;
        println!("{}\nafter: {}\n", table(&catalogues), machine());
    }
    Ok(())
}

/// Asks catalogues of these sizes in turns.
///
/// # Errors
/// When a suite cannot be served or loaded.
pub async fn measure(
    books: &Arc<Books>,
    database: Database,
    sizes: &[u32],
    rounds: usize,
) -> anyhow::Result<Vec<Catalogue>> {
    let cluster = database.cluster().await?;
    let mut catalogues = Vec::new();
    for size in sizes {
        catalogues.push(Catalogue::load(books, cluster.as_ref(), *size).await?);
    }
    let http = reqwest::Client::new();
    for catalogue in &mut catalogues {
        catalogue.ask(books, &http, WARM_UP).await;
        catalogue.took.clear();
        catalogue.misses = 0;
    }
    for _ in 0..rounds {
        for catalogue in &mut catalogues {
            catalogue.ask(books, &http, QUESTIONS).await;
        }
    }
    Ok(catalogues)
}

/// Each catalogue to the first and smallest: a search takes at most three times as long.
pub fn ratios(catalogues: &[Catalogue]) -> Vec<Ratio> {
    let Some((first, others)) = catalogues.split_first() else { return Vec::new() };
    let ratio = |other: &Catalogue| {
        let [p95, first_p95] = [other, first].map(|catalogue| catalogue.latencies().millis(95));
        Ratio {
            of: format!("p95 of a search in {} books / in {}", other.size, first.size),
            value: p95 / first_p95,
            goal: Goal::AtMost(3.0),
            told: format!("{p95:.2} / {first_p95:.2} ms"),
        }
    };
    others.iter().map(ratio).collect()
}

/// Questions that were not answered, or not with the book that was meant.
pub fn failed(catalogues: &[Catalogue]) -> usize {
    catalogues.iter().map(|catalogue| catalogue.misses + catalogue.latencies().failed()).sum()
}

fn table(catalogues: &[Catalogue]) -> Table {
    let heads = [
        "books",
        "loaded in",
        "books a second",
        "p50",
        "p95",
        "p99",
        "p95 ratio (goal: at most 3)",
        "failed",
        "misses",
    ];
    let mut table = Table::new(&heads);
    let mut first = None;
    for catalogue in catalogues {
        let latencies = catalogue.latencies();
        let time = |percent| format!("{:.2} ms", latencies.millis(percent));
        let p95 = latencies.percentile(95).as_secs_f64();
        let ratio = p95 / *first.get_or_insert(p95);
        let loaded = catalogue.loaded.as_secs_f64();
        table.row(&[
            catalogue.size.to_string(),
            format!("{loaded:.1} s"),
            format!("{:.0}", f64::from(catalogue.size) / loaded),
            time(50),
            time(95),
            time(99),
            format!("{ratio:.2}"),
            latencies.failed().to_string(),
            catalogue.misses.to_string(),
        ]);
    }
    table
}

impl Catalogue {
    async fn load(books: &Arc<Books>, cluster: Option<&Cluster>, size: u32) -> anyhow::Result<Self> {
        let data = Data::empty(cluster).await?;
        let served = Served::together(&data).await?;
        let loaded = load(&served, books, 0..size).await?;
        eprintln!("{size} books are loaded in {loaded:.1?}");
        copies_are_there(&data, &served).await?;
        settle(&data).await?;
        Ok(Self { size, loaded, random: Random::new(size.into()), took: Vec::new(), misses: 0, served, _data: data })
    }

    fn latencies(&self) -> Latencies {
        Latencies::of(self.took.iter().copied())
    }

    /// Asks one question after another, over one connection.
    async fn ask(&mut self, books: &Books, http: &reqwest::Client, many: usize) {
        for _ in 0..many {
            let question = books.question(self.size, &mut self.random);
            let url = self.served.url(&format!("/api/livres?limit=20&q={}", encoded(&question.text)));
            let began = Instant::now();
            let answer = ask(http, &url).await;
            self.took.push(answer.as_ref().map(|_| began.elapsed()));
            if answer.is_some_and(|(is_all, body)| is_all && !shows(&body, &question)) {
                eprintln!("{} books: {question:?} is not answered", self.size);
                self.misses += 1;
            }
        }
    }
}

/// Whether an answer is on one page, and its body; `None` if it is none.
async fn ask(http: &reqwest::Client, url: &str) -> Option<(bool, Vec<u8>)> {
    let answer = http.get(url).send().await.ok().filter(|answer| answer.status() == 200)?;
    let is_all = !answer.headers().get(LINK)?.to_str().ok()?.contains("rel=\"next\"");
    Some((is_all, answer.bytes().await.ok()?.to_vec()))
}

/// Whether the book is there that was asked for.
fn shows(body: &[u8], question: &Question) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["data"]["livres"].as_array().into_iter().flatten().any(|livre| livre["isbn"] == question.isbn.as_str())
}
