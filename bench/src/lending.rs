//! Borrowing and returning through the gateway: how often, against the same statements straight on the same kind of database, and
//! whether it stays as quick for who borrowed much and where there were many loans.

mod clients;
mod fill;
mod flat;
mod rounds;
mod stage;
mod turns;
mod yardstick;

use std::{env, sync::Arc, time::Duration};

use clap::Parser;

use crate::{
    Database, Goal, Ratio,
    process::{file_system, machine},
    serve_if_asked,
};
use flat::Variant;
use rounds::Desk;
use stage::Stage;
use turns::Turns;

/// How many borrow at once.
const CLIENTS: [usize; 3] = [1, 16, 64];

/// How many loans there were in the smaller suite, and in the larger one.
const FEW: usize = 10_000;
const MANY: usize = 1_000_000;

#[derive(Parser)]
struct Options {
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

/// What is measured, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Args {
    /// How often the suite and the yardstick are measured with each number of clients; they take turns.
    pub rounds: usize,
    /// How long each time.
    pub lasting: Duration,
    /// Pairs of each kind whose latencies are compared; 0 for none.
    pub pairs: usize,
    /// How many loans there were in the larger suite, of which they are compared too.
    pub loans: usize,
}

/// What was seen.
pub struct Figures {
    flat: Vec<Variant>,
    turns: Vec<Turns>,
}

/// The benchmark of its own.
///
/// # Errors
/// When a suite cannot be served, a request fails, or something does not fit together at the end.
pub async fn run() -> anyhow::Result<()> {
    serve_if_asked().await?;
    let args = Options::parse();
    let (pairs, lasting) = (args.pairs, Duration::from_secs(args.seconds));
    for database in Database::all(args.only) {
        println!("{database:?}, data on {}; before: {}", file_system(&env::temp_dir()), machine());
        let figures = measure(database, Args { rounds: args.rounds, lasting, pairs, loans: MANY }).await?;
        if !figures.flat.is_empty() {
            println!("\n{}", flat::table(database, &figures.flat));
        }
        println!("{}\nafter: {}\n", turns::table(database, &figures.turns), machine());
    }
    Ok(())
}

/// # Errors
/// When a suite cannot be served, a request fails, or something does not fit together at the end.
pub async fn measure(database: Database, args: Args) -> anyhow::Result<Figures> {
    let cluster = database.cluster().await?;
    let cluster = cluster.as_ref();
    let small = Stage::new(cluster, FEW).await?;
    let desk = Arc::new(Desk::Suite(small.suite().await?));
    let mut flat = Vec::new();
    if args.pairs > 0 {
        let large = Stage::new(cluster, args.loans).await?;
        let large_desk = Arc::new(Desk::Suite(large.suite().await?));
        flat = flat::flatness(&[(FEW, &desk), (args.loans, &large_desk)], args.pairs).await?;
        large.fits().await?;
    }

    let bare = Arc::new(small.bare(cluster, &desk).await?);
    let turns = turns::all(&small, &desk, &bare, args.rounds, args.lasting).await?;
    small.fits().await?;
    Ok(Figures { flat, turns })
}

impl Figures {
    /// Borrowing and returning: at least half as often as the bare transactions that it takes; and no slower with many loans.
    pub fn ratios(&self) -> Vec<Ratio> {
        let rates = self.turns.iter().map(|turns| Ratio {
            of: format!("pairs of borrow and return, {} clients: suite / bare transactions", turns.clients),
            value: turns.ratio(),
            goal: Goal::AtLeast(0.5),
            told: format!("{:.0} / {:.0} a second", turns.suite_rate(), turns.bare_rate()),
        });
        rates.chain(flat::ratios(&self.flat)).collect()
    }
}
