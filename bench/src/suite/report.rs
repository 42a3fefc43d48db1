//! The table, row by row.

use std::{env, fmt, fs, path::Path};

use testing::Cluster;
use tokio::process::Command;

use super::setup;
use crate::{
    Goal, Latencies, Ratio, Table,
    generator::Seen,
    process::{file_system, machine},
};

/// A row.
#[derive(Clone, Debug, Default)]
pub struct Row {
    setup: &'static str,
    what: String,
    figure: String,
    /// p50, p95 and p99.
    times: Option<[f64; 3]>,
    /// How many requests failed, where there are any.
    failed: Option<usize>,
    /// What it ought to be, and whether it is.
    goal: String,
}

/// All that was seen.
pub struct Report {
    machine: Vec<String>,
    rows: Vec<Row>,
}

impl Row {
    /// A figure in words.
    pub fn told(setup: &'static str, what: &str, figure: &str) -> Self {
        Self { setup, what: what.to_owned(), figure: figure.to_owned(), ..Self::default() }
    }

    /// What requests took.
    pub fn timed(setup: &'static str, what: &str, figure: &str, latencies: &Latencies) -> Self {
        Self {
            times: Some([50, 95, 99].map(|percent| latencies.millis(percent))),
            failed: Some(latencies.failed()),
            ..Self::told(setup, what, figure)
        }
    }

    /// With what the figure, which is this, ought to be, if anybody said so.
    pub fn with_goal(self, goal: Option<Goal>, value: f64) -> Self {
        Self { goal: goal.map(|goal| goal.told(value)).unwrap_or_default(), ..self }
    }

    fn cells(&self) -> [String; 8] {
        let times = self.times.map(|times| times.map(|millis| format!("{millis:.2} ms"))).unwrap_or_default();
        let failed = self.failed.map(|failed| failed.to_string()).unwrap_or_default();
        let [p50, p95, p99] = times;
        [self.setup.to_owned(), self.what.clone(), self.figure.clone(), p50, p95, p99, failed, self.goal.clone()]
    }
}

impl Report {
    /// With the machine and the program that is measured.
    ///
    /// # Errors
    /// When there is no such program.
    pub async fn new(program: &Path) -> anyhow::Result<Self> {
        let rustc = Command::new("rustc").arg("--version").output().await;
        let rustc = rustc.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned()).unwrap_or_default();
        let size = fs::metadata(program)?.len() as f64 / 1e6;
        let built = if cfg!(debug_assertions) { " WITHOUT OPTIMISATION" } else { "" };
        let rows = vec![Row::told("", "size of the program", &format!("{size:.1} MB"))];
        let disk = format!("data on {}", file_system(&env::temp_dir()));
        Ok(Self { machine: vec![machine(), disk, format!("{rustc}{built}")], rows })
    }

    /// Where PostgreSQL is, which one.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn set_cluster(&mut self, cluster: Option<&Cluster>) -> anyhow::Result<()> {
        if let Some(cluster) = cluster {
            self.machine.push(format!("PostgreSQL {}", setup::version(cluster).await?));
        }
        Ok(())
    }

    /// One more row, which is said at once: the table comes at the end.
    pub fn add(&mut self, row: Row) {
        eprintln!("{}", row.cells().join(" | "));
        self.rows.push(row);
    }

    /// What a generator saw, under a figure that says more than the rate, if there is one.
    pub fn add_seen(&mut self, setup: &'static str, what: &str, figure: Option<String>, seen: &Seen) {
        if let Some(failure) = &seen.failure {
            eprintln!("{setup}, {what}: {failure}");
        }
        let figure = figure.unwrap_or_else(|| format!("{:.0} a second", seen.rate));
        self.add(Row::timed(setup, what, &figure, &seen.latencies));
    }

    /// Ratios, and how many of the requests that they all are made of failed, which the first says.
    pub fn add_ratios(&mut self, setup: &'static str, ratios: Vec<Ratio>, failed: usize) {
        for (number, Ratio { of, value, goal, told }) in ratios.into_iter().enumerate() {
            let row = Row::told(setup, &of, &format!("{value:.2} ({told})")).with_goal(Some(goal), value);
            self.add(Row { failed: (number == 0).then_some(failed), ..row });
        }
    }

    /// How many requests failed.
    pub fn failed(&self) -> usize {
        self.rows.iter().filter_map(|row| row.failed).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}.\n", self.machine.join("; "))?;
        let mut table = Table::new(&["setup", "what", "figure", "p50", "p95", "p99", "failed", "goal"]);
        for row in &self.rows {
            table.row(&row.cells());
        }
        write!(f, "{table}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_request_that_failed_counts_and_a_missed_goal_does_not() {
        let mut report = Report { machine: Vec::new(), rows: Vec::new() };
        let took = Latencies::of([Some(Duration::from_millis(2)), None]);
        report.add(Row::timed("here", "a mix", "1 a second", &took));
        report.add(Row::told("here", "a figure", "0").with_goal(Some(Goal::AtLeast(1.0)), 0.0));

        assert_eq!(report.failed(), 1);
        let table = report.to_string();
        assert!(table.contains("| here | a mix | 1 a second | 2.00 ms | 2.00 ms | 2.00 ms | 1 |  |"), "{table}");
    }
}
