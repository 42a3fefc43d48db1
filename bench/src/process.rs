//! Processes: this very program, started again for a task of its own, and what the system knows of them.

use std::{env, ffi::OsStr, fs, process::Stdio, time::Duration};

use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// Tells a second process that it is one.
const ASKED: &str = "BIBLIOTIQUE_BENCH_TASK";

/// How long a process may take to get ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// Variables of a process.
pub type Variables = Vec<(&'static str, String)>;

/// A process that serves. Dropped, it is killed.
pub struct Process(Child);

/// In a process that was started here, its arguments.
pub fn asked() -> Option<Vec<String>> {
    env::var_os(ASKED).map(|_| env::args().skip(1).collect())
}

fn again(arguments: &[&OsStr], variables: Variables) -> anyhow::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(arguments).env(ASKED, "1").envs(variables).stdout(Stdio::piped()).kill_on_drop(true);
    Ok(command)
}

impl Process {
    /// Starts one, and waits until it says so.
    ///
    /// # Errors
    /// When it ends instead, or says nothing in time.
    pub async fn start(arguments: &[&str], variables: Variables) -> anyhow::Result<Self> {
        let named = arguments.join(" ");
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        let mut process = again(&arguments, variables)?.spawn()?;
        let stdout = process.stdout.take().context("it has an output")?;
        let mut lines = BufReader::new(stdout).lines();
        let first =
            timeout(PATIENCE, lines.next_line()).await.with_context(|| format!("{named} is not ready in time"))??;
        first.with_context(|| format!("{named} ended at once"))?;
        // Somebody has to read what it prints, or it would wait.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self(process))
    }

    /// The number under which the system knows it.
    pub fn id(&self) -> u32 {
        self.0.id().unwrap_or_default()
    }
}

/// Runs this program again to its end; answers with what it printed.
///
/// # Errors
/// When it fails.
pub async fn run(arguments: &[&OsStr], variables: Variables) -> anyhow::Result<String> {
    let mut process = again(arguments, variables)?.stderr(Stdio::inherit()).spawn()?;
    let mut said = String::new();
    process.stdout.take().context("it has an output")?.read_to_string(&mut said).await?;
    let status = process.wait().await?;
    if !status.success() {
        bail!("{arguments:?} failed: {said}");
    }
    Ok(said)
}

/// The most memory that a process (a number or `self`) had at once so far, in MiB.
///
/// # Errors
/// When there is no such process.
pub fn peak_mib(id: &str) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}

/// The time that a process has spent on processors; nothing when it is gone. The system counts hundredths of a second.
pub fn processor_time(id: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The second field, a name in parentheses, may hold anything; `utime` and `stime` are the 14th and 15th.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let hundredths: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * hundredths)
}

/// A sentence on the machine and how busy it is: figures mean little without.
pub fn machine() -> String {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let models: Vec<&str> =
        cpus.lines().filter_map(|line| line.strip_prefix("model name")?.split(": ").nth(1)).collect();
    let (model, kernel) = (models.first().copied().unwrap_or("?"), read("/proc/sys/kernel/osrelease"));
    let load: Vec<String> = read("/proc/loadavg").split(' ').take(3).map(str::to_owned).collect();
    format!("{} x {model}, Linux {}, load {}", models.len(), kernel.trim(), load.join(" "))
}
