//! How long a start takes, from the first process to the first `/readyz` that says so.

use std::time::Duration;

use testing::Cluster;

use super::{report::Row, setup::Setup};
use crate::{Data, Goal, Latencies, Served, process::Program};

/// Starts on nothing: no directory and no schema.
///
/// # Errors
/// When it does not start or end.
pub async fn cold(
    setup: Setup,
    program: &Program,
    cluster: Option<&Cluster>,
    starts: usize,
) -> anyhow::Result<Latencies> {
    let mut took = Vec::new();
    for _ in 0..starts {
        let data = Data::empty(cluster).await?;
        took.push(once(setup, program, &data).await?);
    }
    Ok(Latencies::of(took))
}

/// Starts on what is there.
///
/// # Errors
/// When it does not start or end.
pub async fn warm(setup: Setup, program: &Program, data: &Data, starts: usize) -> anyhow::Result<Latencies> {
    let mut took = Vec::new();
    for _ in 0..starts {
        took.push(once(setup, program, data).await?);
    }
    Ok(Latencies::of(took))
}

async fn once(setup: Setup, program: &Program, data: &Data) -> anyhow::Result<Option<Duration>> {
    let served = Served::start(program, setup.roles, data).await?;
    let took = served.ready_after;
    served.end().await?;
    Ok(Some(took))
}

/// The median, and the others.
pub fn row(setup: Setup, what: &str, starts: &Latencies, goal: Option<Goal>) -> Row {
    let [median, least, most] = [50, 1, 100].map(|percent| starts.millis(percent));
    let figure = format!("{median:.0} ms (median of {}: {least:.0} to {most:.0})", starts.answered());
    Row::told(setup.name, what, &figure).with_goal(goal, median)
}
