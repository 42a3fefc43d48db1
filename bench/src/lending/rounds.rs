//! Many who borrow a book and return it, again and again, for a while.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{Latencies, Random};
use tokio::task::JoinSet;

use super::{clients::Suite, yardstick::Bare};

/// Where somebody borrows.
pub enum Desk {
    /// Over HTTP.
    Suite(Suite),
    /// Straight at a database.
    Bare(Bare),
}

/// How long it took to borrow a book and to return it.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// The one.
    pub borrow: Duration,
    /// The other.
    pub give_back: Duration,
}

/// What was seen in a round.
pub struct Round {
    /// Books a second that were borrowed and returned.
    pub rate: f64,
    /// How long the one took.
    pub borrow: Latencies,
    /// How long the other took.
    pub give_back: Latencies,
    /// How often no copy was on the shelf.
    pub refused: usize,
}

impl Desk {
    /// Borrows a book and returns it; nothing when no copy is on the shelf.
    ///
    /// # Errors
    /// When anything else is said.
    pub async fn pair(&self, client: usize, book: usize) -> anyhow::Result<Option<Pair>> {
        let began = Instant::now();
        let lent = match self {
            Self::Suite(suite) => suite.borrow(client, book).await?,
            Self::Bare(bare) => bare.borrow(client, book).await?,
        };
        let Some(loan) = lent else { return Ok(None) };
        let borrow = began.elapsed();
        let began = Instant::now();
        match self {
            Self::Suite(suite) => suite.give_back(client, &loan).await?,
            Self::Bare(bare) => bare.give_back(&loan).await?,
        }
        Ok(Some(Pair { borrow, give_back: began.elapsed() }))
    }

    /// How many books there are.
    pub fn books(&self) -> usize {
        match self {
            Self::Suite(suite) => suite.items.len(),
            Self::Bare(bare) => bare.items.len(),
        }
    }
}

/// Lets so many clients borrow random books and return them, for so long.
///
/// # Errors
/// When one of them gets another answer than that it is done, or that no copy is on the shelf.
pub async fn round(desk: &Arc<Desk>, clients: usize, lasting: Duration, seed: u64) -> anyhow::Result<Round> {
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for client in 0..clients {
        let (desk, mut random) = (Arc::clone(desk), Random::new(seed << 32 | (client as u64) << 16));
        tasks.spawn(async move {
            let mut pairs = Vec::new();
            while began.elapsed() < lasting {
                pairs.push(desk.pair(client, random.below(desk.books())).await?);
            }
            anyhow::Ok(pairs)
        });
    }
    let mut pairs = Vec::new();
    while let Some(done) = tasks.join_next().await {
        pairs.extend(done??);
    }
    let took = began.elapsed();
    let done: Vec<Pair> = pairs.iter().copied().flatten().collect();
    Ok(Round {
        rate: done.len() as f64 / took.as_secs_f64(),
        refused: pairs.len() - done.len(),
        borrow: Latencies::of(done.iter().map(|pair| Some(pair.borrow))),
        give_back: Latencies::of(done.iter().map(|pair| Some(pair.give_back))),
    })
}
