//! Everything in one table: a day in the library on both kinds of installation, what it takes of a machine, and every ratio that was
//! ever promised.
//!
//! One setup after the other: the suite in one process on SQLite, and the four roles as processes on PostgreSQL. Each is started
//! five times on nothing, filled as an operator would, started five times on what is there, and then asked in different ways.

mod mix;
mod place;
mod promised;
mod report;
mod setup;
mod starts;
mod visitor;

use std::{path::Path, time::Duration};

use anyhow::bail;
use clap::Parser;

use crate::{Database, process::machine, serve_if_asked};
use report::Report;
use setup::Setup;

/// What is measured, and how long.
#[derive(Parser)]
struct Args {
    /// How many seconds each mix is measured; 1 if quick, otherwise 10.
    #[arg(long)]
    seconds: Option<u64>,
    /// Connections of the closed loops.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=64))]
    connections: u16,
    /// A day's requests a second in the open loop; 50 if quick, otherwise 200.
    #[arg(long)]
    rate: Option<u32>,
    /// For trying: seconds are few, and what is compared in size is small. Its figures mean little.
    #[arg(long)]
    quick: bool,
    /// Leaves out what takes a million books or loans, or a hundred thousand children.
    #[arg(long)]
    no_growth: bool,
    /// Leaves out all ratios.
    #[arg(long)]
    no_ratios: bool,
    /// One database alone.
    #[arg(long)]
    only: Option<Database>,
    /// What cargo says.
    #[arg(long, hide = true)]
    bench: bool,
}

/// How long, and how much.
#[derive(Clone, Copy, Debug)]
struct Measure {
    /// Each mix, and each round of a ratio.
    lasting: Duration,
    /// Rounds of a ratio.
    rounds: usize,
    /// Of the closed loops.
    connections: usize,
    /// Of the open one, requests a second.
    rate: u32,
    /// How many starts the median is of.
    starts: usize,
    /// Books, past loans and children of the larger places, if they are wanted.
    growth: Option<Growth>,
    /// Whether ratios are wanted.
    ratios: bool,
    /// Pairs whose latencies are compared.
    pairs: usize,
}

/// How large a large place is.
#[derive(Clone, Copy, Debug)]
struct Growth {
    books: u32,
    loans: usize,
    children: usize,
}

impl From<&Args> for Measure {
    fn from(args: &Args) -> Self {
        let quick = args.quick;
        let growth = if quick {
            Growth { books: 12_000, loans: 50_000, children: 2_000 }
        } else {
            Growth { books: 1_000_000, loans: 1_000_000, children: 100_000 }
        };
        Self {
            lasting: Duration::from_secs(args.seconds.unwrap_or(if quick { 1 } else { 10 })),
            rounds: if quick { 1 } else { 3 },
            connections: args.connections.into(),
            rate: args.rate.unwrap_or(if quick { 50 } else { 200 }),
            starts: if quick { 3 } else { 5 },
            growth: Some(growth).filter(|_| !args.no_growth),
            ratios: !args.no_ratios,
            pairs: if quick { 50 } else { 1000 },
        }
    }
}

/// Measures everything and prints the table. A goal that is missed is said in it and is no error; a request that failed is one, and
/// so is what does not fit together at the end.
///
/// # Errors
/// A sentence on what is in the way, or how many requests failed.
pub async fn run() -> anyhow::Result<()> {
    serve_if_asked().await?;
    let args = Args::parse();
    let program = setup::built().await?;
    let mut report = Report::new(&program).await?;
    let measured = measure_all(&program, Measure::from(&args), args.only, &mut report).await;

    // What was seen until something went wrong was seen.
    println!("{report}\nAfter: {}.", machine());
    measured?;
    match report.failed() {
        0 => Ok(()),
        failed => bail!("{failed} requests failed"),
    }
}

async fn measure_all(
    program: &Path,
    measure: Measure,
    only: Option<Database>,
    report: &mut Report,
) -> anyhow::Result<()> {
    for database in Database::all(only) {
        let setup = Setup::of(database);
        setup.measure(program, measure, report).await?;
        if measure.ratios {
            promised::measure(setup, measure, report).await?;
        }
    }
    Ok(())
}
