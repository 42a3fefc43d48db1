//! Nothing is left running or on disk by a test process that is killed.
//!
//! Each test starts itself again as the victim: a process that holds databases until it is killed.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use testing::Cluster;

const VICTIM: &str = "BIBLIOTIQUE_TEST_VICTIM";

/// Together ten seconds: a watchdog is quick, but not the machine that runs all tests at once.
const ATTEMPTS: usize = 200;
const PAUSE: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_leaves_nothing() {
    if env::var_os(VICTIM).is_some() {
        hold_databases().await;
    }
    let mut victim = Victim::start("a_killed_process_leaves_nothing");
    victim.process.kill().unwrap();
    victim.process.wait().unwrap();
    victim.assert_nothing_is_left();
}

/// As ctrl-C in a terminal: the signal goes to the whole process group.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_process_leaves_nothing() {
    if env::var_os(VICTIM).is_some() {
        hold_databases().await;
    }
    let mut victim = Victim::start("an_interrupted_process_leaves_nothing");
    let group = format!("-{}", victim.process.id());
    assert!(kill("-INT", &group));
    victim.process.wait().unwrap();
    victim.assert_nothing_is_left();
}

/// The bystander outlives the victim; that it holds no pipe of ours is part of what is tested.
async fn hold_databases() -> ! {
    let sqlite = testing::sqlite().await;
    fs::write(Path::new(sqlite_directory(sqlite.url())).join("test.db"), "").unwrap();
    let shared = testing::postgres().await;
    let cluster = Cluster::start().await;
    let mut bystander = Command::new("sleep").arg("60").stdout(Stdio::null()).spawn().unwrap();

    say("bystander", &bystander.id().to_string());
    say("directory", sqlite_directory(sqlite.url()));
    if let (Some(shared), Some(cluster)) = (&shared, &cluster) {
        say("server", &socket_directory(shared.url()));
        say("server", &socket_directory(&cluster.database().await));
    }
    say("ready", "");
    bystander.wait().unwrap();
    panic!("nobody killed the victim");
}

/// To stdout itself: the test harness keeps what `println!` says.
fn say(key: &str, value: &str) {
    let mut stdout = io::stdout();
    writeln!(stdout, "{key}={value}").unwrap();
}

struct Victim {
    process: Child,
    directories: Vec<PathBuf>,
    servers: Vec<String>,
    bystander: String,
}

impl Victim {
    fn start(test: &str) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["--exact", test])
            .env(VICTIM, "1")
            .env_remove("BIBLIOTIQUE_TEST_POSTGRES_URL")
            .process_group(0)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut victim = Self { process, directories: Vec::new(), servers: Vec::new(), bystander: String::new() };
        victim.hear(output);
        victim
    }

    fn hear(&mut self, output: impl BufRead) {
        for line in output.lines().map(Result::unwrap) {
            match line.split_once('=') {
                Some(("bystander", id)) => self.bystander = id.to_owned(),
                Some(("directory", path)) => self.add_directory(Path::new(path)),
                Some(("server", path)) => self.add_server(Path::new(path)),
                Some(("ready", _)) => return,
                _ => {}
            }
        }
        panic!("the victim ended by itself");
    }

    /// With the one above it, which holds all SQLite databases of the victim.
    fn add_directory(&mut self, directory: &Path) {
        assert!(directory.is_dir());
        self.directories.push(directory.to_owned());
        self.directories.push(directory.parent().unwrap().to_owned());
    }

    fn add_server(&mut self, directory: &Path) {
        let lock = fs::read_to_string(directory.join("data/postmaster.pid")).unwrap();
        let id = lock.lines().next().unwrap();
        assert!(is_running(id));
        self.servers.push(id.to_owned());
        self.directories.push(directory.to_owned());
    }

    fn assert_nothing_is_left(&self) {
        assert!(self.directories.iter().all(|directory| eventually(|| !directory.exists())));
        assert!(self.servers.iter().all(|id| eventually(|| !is_running(id))));
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _best_effort = self.process.kill();
        kill("-KILL", &self.bystander);
    }
}

fn eventually(condition: impl Fn() -> bool) -> bool {
    (0..ATTEMPTS).any(|_| {
        let holds = condition();
        if !holds {
            thread::sleep(PAUSE);
        }
        holds
    })
}

fn is_running(id: &str) -> bool {
    kill("-0", id)
}

fn kill(signal: &str, target: &str) -> bool {
    let status = Command::new("kill").args([signal, "--", target]).stderr(Stdio::null()).status();
    status.unwrap().success()
}

fn sqlite_directory(url: &str) -> &str {
    let path = url.strip_prefix("sqlite://").unwrap();
    path.rsplit_once('/').unwrap().0
}

fn socket_directory(url: &str) -> String {
    let (_, host) = url.split_once("?host=").unwrap();
    host.replace("%2F", "/")
}
