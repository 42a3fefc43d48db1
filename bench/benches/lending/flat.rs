//! Whether it takes longer for somebody who had and has much, or where there were many loans.

use std::{ops::Range, time::Duration};

use bench::{Latencies, Random, Table};

use crate::{
    HEAVY, LIGHT,
    rounds::{Desk, Pair},
};

/// Pairs that do not count.
const WARM: usize = 50;

/// Somebody's turn, in a suite of one size.
struct Variant<'a> {
    patron: &'static str,
    loans: &'a str,
    desk: &'a Desk,
    /// The clients who take turns.
    clients: Range<usize>,
    seen: Vec<Pair>,
}

/// One client at a time, so many pairs of each kind of patron in each of the suites, which are named by how many loans they
/// have, in turns.
///
/// # Errors
/// When one does not get his book, or cannot return it.
pub async fn flatness(database: &str, suites: &[(&str, &Desk)], pairs: usize) -> anyhow::Result<Table> {
    let mut variants = Vec::new();
    for (loans, desk) in suites {
        for (patron, clients) in [("1 past and 1 open", LIGHT), ("1,000 past and 1,000 open", HEAVY)] {
            variants.push(Variant { patron, loans, desk, clients, seen: Vec::new() });
        }
    }
    let (mut random, many) = (Random::new(99), variants.len());
    for number in 0..pairs + WARM {
        for turn in 0..many {
            let variant = &mut variants[(number + turn) % many];
            let client = variant.clients.start + number % variant.clients.len();
            let pair = variant.desk.pair(client, random.below(variant.desk.books())).await?;
            variant.seen.extend(pair.filter(|_| number >= WARM));
        }
    }
    Ok(table(database, &variants))
}

fn table(database: &str, variants: &[Variant<'_>]) -> Table {
    let mut table = Table::new(&[
        "database",
        "the patron's loans",
        "the table's loans",
        "borrow p50",
        "p95",
        "p95 to that of the first (goal: at most 1.2)",
        "return p50",
        "p95",
        "p95 to that of the first",
    ]);
    // Of borrowing, and of returning.
    let latencies = |variant: &Variant<'_>| {
        let of = |part: fn(&Pair) -> Duration| Latencies::of(variant.seen.iter().map(|pair| Some(part(pair))));
        [of(|pair| pair.borrow), of(|pair| pair.give_back)]
    };
    let Some(first) = variants.first().map(latencies) else { return table };
    for variant in variants {
        let mut cells = [database, variant.patron, variant.loans].map(str::to_owned).to_vec();
        for (seen, first) in latencies(variant).iter().zip(&first) {
            let (p50, p95) = (seen.percentile(50), seen.percentile(95));
            cells.push(format!("{:.2} ms", p50.as_secs_f64() * 1000.0));
            cells.push(format!("{:.2} ms", p95.as_secs_f64() * 1000.0));
            cells.push(format!("{:.2}", p95.as_secs_f64() / first.percentile(95).as_secs_f64()));
        }
        table.row(&cells);
    }
    table
}
