//! Whether it takes longer for somebody who had and has much, or where there were many loans.

use std::{ops::Range, sync::Arc, time::Duration};

use super::{
    rounds::{Desk, Pair},
    stage::{HEAVY, LIGHT},
};
use crate::{Database, Goal, Latencies, Random, Ratio, Table};

/// Pairs that do not count.
const WARM: usize = 50;

/// Somebody's turn, in a suite of one size.
pub struct Variant {
    patron: &'static str,
    loans: usize,
    desk: Arc<Desk>,
    /// The clients who take turns.
    clients: Range<usize>,
    seen: Vec<Pair>,
}

/// One client at a time, so many pairs of each kind of patron in each of the suites, of which is said how many loans they
/// have, in turns.
///
/// # Errors
/// When one does not get his book, or cannot return it.
pub async fn flatness(suites: &[(usize, &Arc<Desk>)], pairs: usize) -> anyhow::Result<Vec<Variant>> {
    let mut variants = Vec::new();
    for (loans, desk) in suites {
        for (patron, clients) in [("1 past and 1 open", LIGHT), ("1,000 past and 1,000 open", HEAVY)] {
            variants.push(Variant { patron, loans: *loans, desk: Arc::clone(desk), clients, seen: Vec::new() });
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
    Ok(variants)
}

impl Variant {
    /// Of borrowing, and of returning.
    fn latencies(&self) -> [Latencies; 2] {
        let of = |part: fn(&Pair) -> Duration| Latencies::of(self.seen.iter().map(|pair| Some(part(pair))));
        [of(|pair| pair.borrow), of(|pair| pair.give_back)]
    }
}

/// The p95 of each to that of the first.
pub fn ratios(variants: &[Variant]) -> Vec<Ratio> {
    let Some((first, others)) = variants.split_first() else { return Vec::new() };
    let p95 = |variant: &Variant| variant.latencies().map(|of| of.millis(95));
    let mut ratios = Vec::new();
    for other in others {
        let of_both = p95(other).into_iter().zip(p95(first)).zip(["borrow", "return"]);
        ratios.extend(of_both.map(|((p95, first_p95), what)| Ratio {
            of: format!(
                "p95 of {what}: a patron with {} in {} loans / with {} in {}",
                other.patron, other.loans, first.patron, first.loans
            ),
            value: p95 / first_p95,
            goal: Goal::AtMost(1.2),
            told: format!("{p95:.2} / {first_p95:.2} ms"),
        }));
    }
    ratios
}

/// A row for each.
pub fn table(database: Database, variants: &[Variant]) -> Table {
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
    let Some(first) = variants.first().map(Variant::latencies) else { return table };
    for variant in variants {
        let mut cells = vec![format!("{database:?}"), variant.patron.to_owned(), variant.loans.to_string()];
        for (seen, first) in variant.latencies().iter().zip(&first) {
            cells.push(format!("{:.2} ms", seen.millis(50)));
            cells.push(format!("{:.2} ms", seen.millis(95)));
            cells.push(format!("{:.2}", seen.millis(95) / first.millis(95)));
        }
        table.row(&cells);
    }
    table
}
