//! Borrowing and returning through the gateway: how often, against the same statements straight on the same kind of database, and
//! whether it stays as quick for who borrowed much and where there were many loans.
//!
//! `cargo bench -p bench --bench lending`, or `-- --rounds 1 --seconds 2 --pairs 200 --only sqlite`

mod fill;
mod flat;
mod rounds;
mod suite;
mod yardstick;

use std::{env, fs, ops::Range, path::Path, sync::Arc, time::Duration};

use anyhow::ensure;
use bench::{
    Books, Data, Database, Served, Table, load,
    process::{self, machine, processor_time},
    serve_if_asked,
};
use clap::Parser;
use fill::{Filled, Item};
use rounds::{Desk, Round, round};
use shared::{Clock, Db, on};
use suite::Suite;
use testing::Cluster;
use tokio::time::{Instant, sleep};
use yardstick::Bare;

/// Books to choose from, with one copy each.
const BOOKS: u32 = 10_000;

/// How many borrow at once.
const CLIENTS: [usize; 3] = [1, 16, 64];

/// The clients with a past and an open loan, who also borrow as fast as they can.
const LIGHT: Range<usize> = 0..64;

/// The clients with a thousand of each.
const HEAVY: Range<usize> = 64..68;

/// Of a heavy client, past and open.
const MUCH: usize = 1000;

/// Past loans are of so many others.
const OTHERS: usize = 10_000;

/// How many loans there were, in the two suites.
const LOANS: [usize; 2] = [10_000, 1_000_000];

#[derive(Parser)]
struct Args {
    /// How often the suite and the yardstick are measured with each number of clients; they take turns.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each time.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Pairs of each kind whose latencies are compared; 0 for none.
    #[arg(long, default_value_t = 1000)]
    pairs: usize,
    /// One database alone.
    #[arg(long)]
    only: Option<Database>,
    /// What cargo says.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    serve_if_asked().await?;
    let args = Args::parse();
    for database in Database::all(args.only) {
        println!("{database:?}, data on {}; before: {}", file_system(&env::temp_dir()), machine());
        measure(database, &args).await?;
        println!("after: {}\n", machine());
    }
    Ok(())
}

/// The kind of file system that a path is on, and where it is mounted: a commit takes as long as its disk.
fn file_system(path: &Path) -> String {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?)).filter(|(mounted, _)| path.starts_with(mounted))
    });
    let nearest = mounts.max_by_key(|(mounted, _)| mounted.len());
    nearest.map_or_else(|| "?".to_owned(), |(mounted, kind)| format!("{kind} ({mounted})"))
}

async fn measure(database: Database, args: &Args) -> anyhow::Result<()> {
    let name = format!("{database:?}");
    let cluster = database.cluster().await?;
    let cluster = cluster.as_ref();
    let small = Stage::new(cluster, LOANS[0]).await?;
    let desk = Desk::Suite(small.suite().await?);
    if args.pairs > 0 {
        let large = Stage::new(cluster, LOANS[1]).await?;
        let large_desk = Desk::Suite(large.suite().await?);
        let suites = [("10,000", &desk), ("1,000,000", &large_desk)];
        println!("\n{}", flat::flatness(&name, &suites, args.pairs).await?);
        large.fits().await?;
    }

    let bare = small.bare(cluster, &desk).await?;
    let (desk, bare) = (Arc::new(desk), Arc::new(bare));
    println!("{}", throughput(&name, &small, &desk, &bare, args).await?);
    small.fits().await
}

/// A suite whose lending database is filled.
struct Stage {
    data: Data,
    served: Served,
    lending: Db,
    items: Vec<Item>,
    others: Vec<String>,
    loans: usize,
}

impl Stage {
    /// With the books and nobody's loans yet; `loans` is how many there will be.
    async fn new(cluster: Option<&Cluster>, loans: usize) -> anyhow::Result<Self> {
        let data = match cluster {
            None => Data::sqlite()?,
            Some(cluster) => Data::postgres(cluster).await?,
        };
        let served = Served::together(&data).await?;
        load(&served, &Arc::new(Books::default()), 0..BOOKS).await?;
        let [_, _, lending] = data.urls();
        let lending = yardstick::open(&lending).await?;
        until_all_have_copies(&lending).await?;
        let items = fill::items(&lending).await?;
        let now = Clock::system().now().micros();
        let others = (0..OTHERS).map(|number| fill::id(now, number, 0)).collect();
        Ok(Self { data, served, lending, items, others, loans })
    }

    /// Its clients, and everybody's loans.
    async fn suite(&self) -> anyhow::Result<Suite> {
        let began = Instant::now();
        let suite = Suite::new(&self.served, HEAVY.end, self.items.clone()).await?;
        let [identity, _, _] = self.data.urls();
        fill::accounts(&open_identity(&identity).await?, &suite.clients[0].id, &self.others).await?;
        let ids: Vec<String> = suite.clients.iter().map(|client| client.id.clone()).collect();
        self.fill(&self.lending, &ids).await?;
        eprintln!("{} loans are there after {:.0?}", self.loans, began.elapsed());
        Ok(suite)
    }

    async fn fill(&self, db: &Db, clients: &[String]) -> anyhow::Result<()> {
        let filled = Filled { db, items: &self.items };
        filled.with_patrons(&self.others).await?;
        filled.with_patrons(clients).await?;
        let mut seed = 1;
        for (client, id) in clients.iter().enumerate() {
            let (own, loans) = (std::slice::from_ref(id), if HEAVY.contains(&client) { MUCH } else { 1 });
            filled.with_open_loans(id, loans, seed).await?;
            filled.insert_past_loans(own, loans, seed + 1).await?;
            seed += 2;
        }
        let there = clients.len() - HEAVY.len() + HEAVY.len() * MUCH;
        filled.with_past_loans(&self.others, self.loans.saturating_sub(2 * there), seed).await?;
        Ok(())
    }

    /// The same clients, books and loans in a database of their own.
    async fn bare(&self, cluster: Option<&Cluster>, desk: &Desk) -> anyhow::Result<Desk> {
        let Desk::Suite(suite) = desk else { anyhow::bail!("the suite is asked over HTTP") };
        let url = match cluster {
            None => format!("sqlite:{}", self.data.path().join("bare.db").display()),
            Some(cluster) => cluster.database().await,
        };
        let db = yardstick::open(&url).await?;
        Filled { db: &db, items: &self.items }.with_items().await?;
        let patrons: Vec<String> = suite.clients.iter().map(|client| client.id.clone()).collect();
        self.fill(&db, &patrons).await?;
        Ok(Desk::Bare(Bare { db, patrons, items: self.items.clone() }))
    }

    /// Whether `bibliotique check` finds nothing: what was measured was right, too.
    async fn fits(&self) -> anyhow::Result<()> {
        let variables = [self.served.variables(), self.data.embedded()].concat();
        let said = process::run(&["check".as_ref()], variables).await?;
        println!("bibliotique check: {}", said.lines().next().unwrap_or_default());
        Ok(())
    }
}

/// Identity's database, which has its schema.
async fn open_identity(url: &str) -> anyhow::Result<Db> {
    use sqlx::{PgPool, SqlitePool};
    Ok(match url.strip_prefix("sqlite:") {
        Some(_) => {
            let pool = SqlitePool::connect(url).await?;
            Db::Sqlite { read: pool.clone(), write: pool }
        }
        None => Db::Postgres(PgPool::connect(url).await?),
    })
}

/// Catalog tells lending of new books, a little later.
async fn until_all_have_copies(lending: &Db) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let there: i64 = on!(lending, |db| sqlx::query_scalar("SELECT COUNT(*) FROM copy").fetch_one(db).await)?;
        if there == i64::from(BOOKS) {
            // And lending tells catalog.
            sleep(Duration::from_secs(2)).await;
            return Ok(());
        }
        ensure!(began.elapsed() < Duration::from_secs(120), "lending has {there} copies");
        sleep(Duration::from_millis(100)).await;
    }
}

/// A round of the suite and one of the yardstick, and the processor time of the suite for a pair, of this process in the suite's
/// round (which makes the requests), and of this process in the yardstick's.
struct Turn {
    suite: Round,
    bare: Round,
    cost: [f64; 3],
}

async fn throughput(
    name: &str,
    stage: &Stage,
    desk: &Arc<Desk>,
    bare: &Arc<Desk>,
    args: &Args,
) -> anyhow::Result<Table> {
    let mut table = Table::new(&[
        "database",
        "clients",
        "suite, pairs a second",
        "bare, pairs a second",
        "ratio (goal: at least 0.5)",
        "in the rounds",
        "borrow p50 / p95",
        "return p50 / p95",
        "processor time a pair: suite, its clients, bare",
    ]);
    let lasting = Duration::from_secs(args.seconds);
    for desk in [desk, bare] {
        round(desk, 16, Duration::from_secs(2), 1000).await?;
    }
    for clients in CLIENTS {
        let mut turns = Vec::new();
        for number in 0..args.rounds {
            let turn = turn(stage, desk, bare, clients, lasting, number as u64).await?;
            eprintln!(
                "{name}, {clients} clients: suite {:.0} ({} refused), bare {:.0} ({} refused)",
                turn.suite.rate, turn.suite.refused, turn.bare.rate, turn.bare.refused
            );
            turns.push(turn);
        }
        table.row(&row(name, clients, &turns));
    }
    Ok(table)
}

async fn turn(
    stage: &Stage,
    desk: &Arc<Desk>,
    bare: &Arc<Desk>,
    clients: usize,
    lasting: Duration,
    number: u64,
) -> anyhow::Result<Turn> {
    let ids = [stage.served.ids(), vec![std::process::id()]].concat();
    let spent = || ids.iter().map(|id| processor_time(*id).as_secs_f64()).collect::<Vec<_>>();
    let pairs = |round: &Round| round.borrow.answered().max(1) as f64;

    let before = spent();
    let suite = round(desk, clients, lasting, 2 * number).await?;
    let between = spent();
    let bare = round(bare, clients, lasting, 2 * number + 1).await?;
    let after = spent();

    let cost = [
        (between[0] - before[0]) / pairs(&suite),
        (between[1] - before[1]) / pairs(&suite),
        (after[1] - between[1]) / pairs(&bare),
    ];
    Ok(Turn { suite, bare, cost })
}

fn row(name: &str, clients: usize, turns: &[Turn]) -> Vec<String> {
    let of = |value: &dyn Fn(&Turn) -> f64| median(turns.iter().map(value).collect());
    let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let ratios: Vec<f64> = turns.iter().map(|turn| turn.suite.rate / turn.bare.rate).collect();
    let listed: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
    let cost = |of_what: usize| of(&|turn| turn.cost[of_what] * 1e6);
    vec![
        name.to_owned(),
        clients.to_string(),
        format!("{:.0}", of(&|turn| turn.suite.rate)),
        format!("{:.0}", of(&|turn| turn.bare.rate)),
        format!("{:.2}", median(ratios)),
        listed.join(", "),
        format!(
            "{:.1} / {:.1} ms",
            of(&|turn| millis(turn.suite.borrow.percentile(50))),
            of(&|turn| millis(turn.suite.borrow.percentile(95)))
        ),
        format!(
            "{:.1} / {:.1} ms",
            of(&|turn| millis(turn.suite.give_back.percentile(50))),
            of(&|turn| millis(turn.suite.give_back.percentile(95)))
        ),
        format!("{:.0}, {:.0}, {:.0} µs", cost(0), cost(1), cost(2)),
    ]
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
