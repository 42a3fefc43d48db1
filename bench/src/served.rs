//! The suite in a process of its own: this very program, started again.

use std::{env, process::Stdio, time::Duration};

use anyhow::Context as _;
use bibliotique::cli::Cli;
use clap::Parser as _;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// Tells the second process what it is for.
const ASKED: &str = "BIBLIOTIQUE_BENCH_SERVES";

/// Where the suite listens; chosen so that it does not meet one that runs on the default ports.
const HTTP: &str = "127.0.0.1:18888";

/// The e-mail address and password of its admin.
pub const ADMIN: (&str, &str) = ("admin@example.org", "Lis-7-livres!");

/// In the process that [`Served::start`] starts, serves until it is killed; in any other, goes on.
///
/// # Errors
/// What `bibliotique serve` would say.
pub async fn serve_if_asked() -> anyhow::Result<()> {
    if env::var_os(ASKED).is_none() {
        return Ok(());
    }
    bibliotique::run(Cli::parse_from(["bibliotique", "serve"])).await?;
    std::process::exit(0)
}

/// A suite that runs, with an empty embedded database. Dropped, it is killed and its data is gone.
pub struct Served {
    _process: Child,
    _data: TempDir,
}

impl Served {
    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready within ten seconds.
    pub async fn start() -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let mut process = Command::new(env::current_exe()?)
            .envs([(ASKED, "1"), ("BIBLIOTIQUE_HTTP_ADDR", HTTP), ("BIBLIOTIQUE_IDENTITY_ADDR", "127.0.0.1:18051")])
            .envs([
                ("BIBLIOTIQUE_LOG", "warn"),
                ("BIBLIOTIQUE_ADMIN_EMAIL", ADMIN.0),
                ("BIBLIOTIQUE_ADMIN_PASSWORD", ADMIN.1),
            ])
            .env("BIBLIOTIQUE_DATA_DIR", data.path().join("data"))
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = process.stdout.take().context("the suite has an output")?;
        let mut lines = BufReader::new(stdout).lines();
        let first =
            timeout(Duration::from_secs(10), lines.next_line()).await.context("the suite is not ready in time")??;
        first.context("the suite ended at once")?;
        // Somebody has to read what it prints, or it would wait.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { _process: process, _data: data })
    }

    /// The whole URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{HTTP}{path}")
    }
}
