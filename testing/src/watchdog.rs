//! A temporary directory, and the PostgreSQL server in it, that do not outlive this process.
//!
//! Destructors are not enough: statics have none, and a killed process runs none. A shell outside holds the other end
//! of a pipe, and cleans up when the pipe closes, which the system does for us however we end. std opens pipes
//! close-on-exec, so no other child of the tests keeps it open.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf, absolute};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::account::{self, Account};

const SCRIPT: &str = include_str!("watchdog.sh");

/// A socket's path may have 103 bytes on some systems; 43 of them are for our directory and the socket's name.
const LONGEST_BASE: usize = 60;

/// Dropped, it stops the server and removes the directory before it returns.
#[derive(Debug)]
pub(crate) struct Watchdog {
    shell: Child,
    answers: BufReader<ChildStdout>,
    directory: PathBuf,
}

impl Watchdog {
    /// Over a directory of ours.
    pub(crate) fn of_directory() -> Self {
        Self::run(shell())
    }

    /// Over a directory for a server, both owned by a user that may run it.
    pub(crate) fn of_server(binaries: &Path) -> Self {
        let mut shell = shell();
        shell.arg(binaries);
        if let Some(Account { uid, gid }) = account::instead_of_root() {
            shell.uid(uid).gid(gid);
        }
        Self::run(shell)
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// `initialise`, `start`, `stop`, `freeze` or `thaw` the server; returns when it is done, and whether it went well.
    pub(crate) fn order(&mut self, order: &str) -> bool {
        let orders = self.shell.stdin.as_mut().expect("stdin is a pipe");
        writeln!(orders, "{order}").expect("the watchdog takes orders");
        self.answer() == "0"
    }

    fn run(mut shell: Command) -> Self {
        let mut shell = shell.spawn().expect("sh can be started");
        let answers = BufReader::new(shell.stdout.take().expect("stdout is a pipe"));
        let mut watchdog = Self { shell, answers, directory: PathBuf::new() };
        watchdog.directory = watchdog.answer().into();
        watchdog
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        assert!(read.is_ok_and(|bytes| bytes > 0), "the watchdog is gone, or no temporary directory can be made");
        line.trim_end().to_owned()
    }
}

impl Drop for Watchdog {
    /// To wait closes the shell's input first, which is its sign to clean up.
    fn drop(&mut self) {
        let _best_effort = self.shell.wait();
    }
}

/// In a process group of its own, so that ctrl-C ends the tests but not what cleans up after them.
fn shell() -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", SCRIPT, "watchdog"])
        .arg(base())
        .current_dir("/")
        .env("LC_ALL", "C")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    shell
}

/// Where temporary files go, unless its name would not fit into a socket's path or not stand in a URL as it is.
fn base() -> PathBuf {
    absolute(env::temp_dir())
        .ok()
        .filter(|base| base.to_str().is_some_and(is_short_and_plain))
        .unwrap_or_else(|| "/tmp".into())
}

fn is_short_and_plain(base: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
    base.len() <= LONGEST_BASE && base.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_watchdog_leaves_nothing() {
        let watchdog = Watchdog::of_directory();
        let directory = watchdog.directory().to_owned();
        assert!(directory.is_dir());
        drop(watchdog);
        assert!(!directory.exists());
    }

    #[test]
    fn long_or_odd_bases_are_not_used() {
        assert!(is_short_and_plain("/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T/"));
        assert!(!is_short_and_plain("/tmp/a b"));
        assert!(!is_short_and_plain(&"/long".repeat(13)));
    }
}
