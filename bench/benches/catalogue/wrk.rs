//! wrk, the generator: as many requests as a server answers, on connections that stay open.

use std::{fs, time::Duration};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;
use tokio::process::Command;

const SCRIPT: &str = include_str!("wrk.lua");

/// One thread and 32 connections, each with one request at a time.
const LOAD: [&str; 2] = ["-t1", "-c32"];

/// What wrk needs: its script and the paths that it asks for.
pub struct Wrk(TempDir);

/// What wrk saw.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Requests that were answered.
    pub answered: f64,
    /// Those a second.
    pub rate: f64,
    /// The median of their latencies.
    pub p50: Duration,
    /// What 99 of 100 took at most.
    pub p99: Duration,
}

impl Wrk {
    /// # Errors
    /// When its files cannot be written.
    pub fn new(paths: &[String]) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        fs::write(directory.path().join("wrk.lua"), SCRIPT)?;
        fs::write(directory.path().join("paths"), paths.join("\n"))?;
        Ok(Self(directory))
    }

    /// Runs it.
    ///
    /// # Errors
    /// When there is no wrk, or when a request fails.
    pub async fn run(&self, server: &str, lasting: Duration, seed: usize) -> anyhow::Result<Seen> {
        let output = Command::new("wrk")
            .args(LOAD)
            .arg(format!("-d{}s", lasting.as_secs()))
            .args(["-s", "wrk.lua", server, "--", "paths", &seed.to_string()])
            .current_dir(self.0.path())
            .output()
            .await
            .context("wrk is needed (apt-get install wrk)")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let seen =
            said.lines().find_map(|line| line.strip_prefix("seen ")).with_context(|| format!("wrk says {said}"))?;
        let seen: Vec<f64> = seen.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let [answered, micros, p50, p99, failed] = seen[..] else { anyhow::bail!("wrk says {seen:?}") };
        ensure!(failed == 0.0, "{failed} requests to {server} failed");
        let micro = |micros| Duration::from_secs_f64(micros / 1e6);
        Ok(Seen { answered, rate: answered / micros * 1e6, p50: micro(p50), p99: micro(p99) })
    }
}
