//! Search in catalogues of three sizes: what a hundred times as many books cost a reader.
//!
//! `cargo bench -p bench --bench search`, or with sizes and databases of one's own: `-- 10000 50000 --only sqlite`

use std::{sync::Arc, time::Duration};

use bench::{
    Books, Data, Database, Latencies, Question, Random, Served, Table, load, process::machine, serve_if_asked,
};
use clap::Parser;
use proto::catalog::v1::ListBooksRequest;
use reqwest::header::LINK;
use serde_json::Value;
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use testing::Cluster;
use tokio::time::{Instant, sleep};

/// The sizes take turns, so that a noisy minute is everybody's.
const ROUNDS: usize = 10;

/// Questions in a round, to each size.
const QUESTIONS: usize = 100;

/// Questions before the first round, to each size.
const WARM_UP: usize = 200;

/// How long PostgreSQL's autovacuum, which wakes up once a minute, may take to look at what was loaded.
const SETTLING: Duration = Duration::from_secs(600);

/// What autovacuum has to do or is doing, by its default thresholds.
const DUE: &str = "
    SELECT (SELECT count(*) FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
            WHERE n_mod_since_analyze > 50 + 0.1 * greatest(reltuples, 0)
               OR n_dead_tup > 50 + 0.2 * greatest(reltuples, 0)
               OR n_ins_since_vacuum > 1000 + 0.2 * greatest(reltuples, 0))
         + (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker')";

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
struct Catalogue {
    size: u32,
    loaded: Duration,
    random: Random,
    took: Vec<Option<Duration>>,
    misses: usize,
    served: Served,
    _data: Data,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    serve_if_asked().await?;
    let args = Args::parse();
    let books = Arc::new(Books::default());
    for database in Database::all(args.only) {
        println!("{database:?}; before: {}", machine());
        let table = measure(&books, database, &args.sizes).await?;
        println!("{table}\nafter: {}\n", machine());
    }
    Ok(())
}

async fn measure(books: &Arc<Books>, database: Database, sizes: &[u32]) -> anyhow::Result<Table> {
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
    for _ in 0..ROUNDS {
        for catalogue in &mut catalogues {
            catalogue.ask(books, &http, QUESTIONS).await;
        }
    }
    Ok(table(&catalogues))
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
        let latencies = Latencies::of(catalogue.took.iter().copied());
        let time = |percent| format!("{:.2} ms", latencies.percentile(percent).as_secs_f64() * 1000.0);
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

/// Waits until lending has made the copies that were ordered of it and catalog has followed its feed to the end: both go on behind
/// an import, and would be measured with the questions.
async fn copies_are_there(data: &Data, catalog: &str, served: &Served) -> anyhow::Result<()> {
    const UNHEARD: &str = "SELECT COUNT(*) FROM book WHERE stock_revision < 0";
    loop {
        let unheard: i64 = match data.is_sqlite() {
            true => sqlx::query_scalar(UNHEARD).fetch_one(&mut SqliteConnection::connect(catalog).await?).await?,
            false => sqlx::query_scalar(UNHEARD).fetch_one(&mut PgConnection::connect(catalog).await?).await?,
        };
        let one = ListBooksRequest { page_size: 1, ..ListBooksRequest::default() };
        if unheard == 0 && served.catalog()?.list_books(one).await?.into_inner().copies_are_current {
            return Ok(());
        }
        sleep(Duration::from_secs(1)).await;
    }
}

impl Catalogue {
    async fn load(books: &Arc<Books>, cluster: Option<&Cluster>, size: u32) -> anyhow::Result<Self> {
        let data = match cluster {
            None => Data::sqlite()?,
            Some(cluster) => Data::postgres(cluster).await?,
        };
        let served = Served::together(&data).await?;
        let loaded = load(&served, books, 0..size).await?;
        eprintln!("{size} books are loaded in {loaded:.1?}");
        let [_, catalog, _] = data.urls();
        copies_are_there(&data, &catalog, &served).await?;
        if cluster.is_some() {
            settle(&catalog).await?;
        }
        Ok(Self { size, loaded, random: Random::new(size.into()), took: Vec::new(), misses: 0, served, _data: data })
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

/// As a query's value (RFC 3986, 2.1).
fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Waits until autovacuum has looked at what was loaded, as it would have for an operator.
async fn settle(database: &str) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(database).await?;
    let began = Instant::now();
    loop {
        // Backends tell their numbers once a second.
        sleep(Duration::from_secs(2)).await;
        let due: i64 = sqlx::query_scalar(DUE).fetch_one(&mut connection).await?;
        if due == 0 || began.elapsed() > SETTLING {
            eprintln!("autovacuum took {:.0?} and leaves {due} things to do", began.elapsed());
            return Ok(());
        }
    }
}
