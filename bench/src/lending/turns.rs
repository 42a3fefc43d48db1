//! The suite and the yardstick, in turns.

use std::{sync::Arc, time::Duration};

use super::{
    CLIENTS,
    rounds::{Desk, Round, round},
    stage::Stage,
};
use crate::{Database, Latencies, Table, median, process::processor_time};

/// So many clients, in all rounds.
pub struct Turns {
    /// At once.
    pub clients: usize,
    all: Vec<Turn>,
}

/// A round of the suite and one of the yardstick, and the processor time of the suite for a pair, of this process in the suite's
/// round (which makes the requests), and of this process in the yardstick's.
struct Turn {
    suite: Round,
    bare: Round,
    cost: [f64; 3],
}

/// The suite and the yardstick in turns, with each number of clients.
///
/// # Errors
/// When one of them gets another answer than that it is done, or that no copy is on the shelf.
pub async fn all(
    stage: &Stage,
    desk: &Arc<Desk>,
    bare: &Arc<Desk>,
    rounds: usize,
    lasting: Duration,
) -> anyhow::Result<Vec<Turns>> {
    for desk in [desk, bare] {
        round(desk, 16, lasting.min(Duration::from_secs(2)), 1000).await?;
    }
    let mut all = Vec::new();
    for clients in CLIENTS {
        let mut turns = Vec::new();
        for number in 0..rounds {
            let turn = turn(stage, desk, bare, clients, lasting, number as u64).await?;
            eprintln!(
                "{clients} clients: suite {:.0} ({} refused), bare {:.0} ({} refused)",
                turn.suite.rate, turn.suite.refused, turn.bare.rate, turn.bare.refused
            );
            turns.push(turn);
        }
        all.push(Turns { clients, all: turns });
    }
    Ok(all)
}

impl Turns {
    fn of(&self, value: impl Fn(&Turn) -> f64) -> f64 {
        median(self.all.iter().map(value).collect())
    }

    /// Pairs a second through the suite.
    pub fn suite_rate(&self) -> f64 {
        self.of(|turn| turn.suite.rate)
    }

    /// Pairs a second on the database alone.
    pub fn bare_rate(&self) -> f64 {
        self.of(|turn| turn.bare.rate)
    }

    fn ratios(&self) -> Vec<f64> {
        self.all.iter().map(|turn| turn.suite.rate / turn.bare.rate).collect()
    }

    /// Of the rates, in the middle of the rounds.
    pub fn ratio(&self) -> f64 {
        median(self.ratios())
    }
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

/// A row for each number of clients.
pub fn table(database: Database, all: &[Turns]) -> Table {
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
    for turns in all {
        table.row(&row(database, turns));
    }
    table
}

fn row(database: Database, turns: &Turns) -> Vec<String> {
    let listed: Vec<String> = turns.ratios().iter().map(|ratio| format!("{ratio:.2}")).collect();
    let times = |of: fn(&Round) -> &Latencies| {
        let millis = |percent| turns.of(|turn| of(&turn.suite).millis(percent));
        format!("{:.1} / {:.1} ms", millis(50), millis(95))
    };
    let cost = |of_what: usize| turns.of(|turn| turn.cost[of_what] * 1e6);
    vec![
        format!("{database:?}"),
        turns.clients.to_string(),
        format!("{:.0}", turns.suite_rate()),
        format!("{:.0}", turns.bare_rate()),
        format!("{:.2}", turns.ratio()),
        listed.join(", "),
        times(|round| &round.borrow),
        times(|round| &round.give_back),
        format!("{:.0}, {:.0}, {:.0} µs", cost(0), cost(1), cost(2)),
    ]
}
