//! How long a start takes, from the first process to the first `/readyz` that says so.

use std::time::Duration;

use testing::Cluster;

use super::{report::Row, setup::Setup};
use crate::{Data, Goal, Latencies, Served, median, process::Program};

/// Starts that were seen.
#[derive(Default)]
pub struct Starts {
    took: Vec<Option<Duration>>,
    /// Of all processes: it depends less on who else has something to do.
    processor_time: Vec<f64>,
}

/// Starts on nothing: no directory and no schema.
///
/// # Errors
/// When it does not start or end.
pub async fn cold(setup: Setup, program: &Program, cluster: Option<&Cluster>, starts: usize) -> anyhow::Result<Starts> {
    let mut seen = Starts::default();
    for _ in 0..starts {
        let data = Data::empty(cluster).await?;
        seen.add(setup, program, &data).await?;
    }
    Ok(seen)
}

/// Starts on what is there.
///
/// # Errors
/// When it does not start or end.
pub async fn warm(setup: Setup, program: &Program, data: &Data, starts: usize) -> anyhow::Result<Starts> {
    let mut seen = Starts::default();
    for _ in 0..starts {
        seen.add(setup, program, data).await?;
    }
    Ok(seen)
}

impl Starts {
    async fn add(&mut self, setup: Setup, program: &Program, data: &Data) -> anyhow::Result<()> {
        let served = Served::start(program, setup.roles, data).await?;
        self.took.push(Some(served.ready_after));
        self.processor_time.push(served.processor_time().as_secs_f64() * 1000.0);
        served.end().await
    }

    /// The medians, and between what the times were.
    pub fn row(self, setup: Setup, what: &str, goal: Option<Goal>) -> Row {
        let latencies = Latencies::of(self.took);
        let [middle, least, most] = [50, 1, 100].map(|percent| latencies.millis(percent));
        let figure = format!(
            "{middle:.0} ms (median of {}: {least:.0} to {most:.0}; {:.0} ms of processor time)",
            latencies.answered(),
            median(self.processor_time)
        );
        Row::told(setup.name, what, &figure).with_goal(goal, middle)
    }
}
