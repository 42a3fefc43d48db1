//! Processes: this very program, started again for a task of its own, or another one; and what the system knows of them.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// Tells a second process that it is one.
const ASKED: &str = "BIBLIOTIQUE_BENCH_TASK";

/// How long a process may take to get ready, or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Variables of a process.
pub type Variables = Vec<(&'static str, String)>;

/// What a process runs.
#[derive(Clone, Debug)]
pub enum Program {
    /// This very program, which does what `bibliotique` does: what is measured is built by whoever builds the benchmark.
    Itself,
    /// The one in a file: what is measured is what people install.
    At(PathBuf),
}

/// A process that serves. Dropped, it is killed.
pub struct Process {
    child: Child,
    /// What it was asked to do.
    named: String,
}

/// In a process that was started here, its arguments.
pub fn asked() -> Option<Vec<String>> {
    env::var_os(ASKED).map(|_| env::args().skip(1).collect())
}

impl Program {
    fn command(&self, arguments: &[&OsStr], variables: Variables) -> anyhow::Result<Command> {
        let mut command = match self {
            Self::Itself => Command::new(env::current_exe()?),
            Self::At(file) => Command::new(file),
        };
        command.args(arguments).env(ASKED, "1").envs(variables).stdout(Stdio::piped()).kill_on_drop(true);
        Ok(command)
    }

    /// Runs it to its end; answers with what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub async fn run(&self, arguments: &[&OsStr], variables: Variables) -> anyhow::Result<String> {
        let mut process = self.command(arguments, variables)?.stderr(Stdio::inherit()).spawn()?;
        let mut said = String::new();
        process.stdout.take().context("it has an output")?.read_to_string(&mut said).await?;
        let status = process.wait().await?;
        if !status.success() {
            bail!("{arguments:?} failed: {said}");
        }
        Ok(said)
    }
}

impl Process {
    /// Starts one, and waits until it says so.
    ///
    /// # Errors
    /// When it ends instead, or says nothing in time.
    pub async fn start(program: &Program, arguments: &[&str], variables: Variables) -> anyhow::Result<Self> {
        let mut process = Self::spawn(program, arguments, variables)?;
        process.ready().await?;
        Ok(process)
    }

    /// Starts one, and does not wait for anything.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn spawn(program: &Program, arguments: &[&str], variables: Variables) -> anyhow::Result<Self> {
        let named = arguments.join(" ");
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        Ok(Self { child: program.command(&arguments, variables)?.spawn()?, named })
    }

    /// Waits for its first line, with which it says that it is ready.
    ///
    /// # Errors
    /// When it ends instead, or says nothing in time.
    pub async fn ready(&mut self) -> anyhow::Result<()> {
        let named = &self.named;
        let mut lines = BufReader::new(self.child.stdout.take().context("it has an output")?).lines();
        let first =
            timeout(PATIENCE, lines.next_line()).await.with_context(|| format!("{named} is not ready in time"))??;
        first.with_context(|| format!("{named} ended at once"))?;
        // Somebody has to read what it prints, or it would wait.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(())
    }

    /// The number under which the system knows it.
    pub fn id(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// When it does not end in time, or not well.
    pub async fn end(mut self) -> anyhow::Result<()> {
        let named = &self.named;
        let asked = Command::new("kill").args(["-TERM", &self.id().to_string()]).status().await?;
        ensure!(asked.success(), "{named} cannot be asked to end");
        let ended = timeout(PATIENCE, self.child.wait()).await;
        let ended = ended.with_context(|| format!("{named} does not end in time"))??;
        ensure!(ended.success(), "{named} ends with {ended}");
        Ok(())
    }
}

/// Memory of a process, in MB (of a million bytes).
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// All that is in memory, files among it that others share.
    pub resident: f64,
    /// What is nobody else's and in no file: heap and stacks.
    pub anonymous: f64,
}

/// The memory that a process has at this moment.
///
/// # Errors
/// When there is no such process.
pub fn memory(id: u32) -> anyhow::Result<Memory> {
    let id = id.to_string();
    let megabytes = |line| kibibytes(&id, line).map(|kibibytes| kibibytes * 1024.0 / 1e6);
    Ok(Memory { resident: megabytes("VmRSS:")?, anonymous: megabytes("RssAnon:")? })
}

/// The most memory that a process (a number or `self`) had at once so far, in MiB.
///
/// # Errors
/// When there is no such process.
pub fn peak_mib(id: &str) -> anyhow::Result<f64> {
    Ok(kibibytes(id, "VmHWM:")? / 1024.0)
}

fn kibibytes(id: &str, named: &str) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(named)).with_context(|| format!("no {named}"))?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
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
    let memory = read("/proc/meminfo").lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    let gibibytes = memory.unwrap_or(0.0) / f64::from(1 << 20);
    format!("{} x {model}, {gibibytes:.0} GiB, Linux {}, load {}", models.len(), kernel.trim(), load.join(" "))
}

/// The kind of file system that a path is on, and where it is mounted: a commit takes as long as its disk.
pub fn file_system(path: &Path) -> String {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?)).filter(|(mounted, _)| path.starts_with(mounted))
    });
    let nearest = mounts.max_by_key(|(mounted, _)| mounted.len());
    nearest.map_or_else(|| "?".to_owned(), |(mounted, kind)| format!("{kind} ({mounted})"))
}
