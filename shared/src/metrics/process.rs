//! The process itself in figures, under the names that Prometheus' own libraries give them. Read from /proc; where there is none,
//! they are missing. As text at once: processor time is no whole number, and counters of the recorder are.

use std::fs;

/// Linux counts processor time for programs in hundredths of a second, whatever its own clock does (`USER_HZ`).
const TICKS: f64 = 100.0;

/// In Prometheus' text format.
pub(super) fn figures() -> String {
    let cpu = stat(11).zip(stat(12)).map(|(user, system)| (user + system) / TICKS);
    let began = boot_time().zip(stat(19)).map(|(boot, ticks)| boot + ticks / TICKS);
    let memory = status("VmRSS:").map(|kib| kib * 1024.0);
    [
        ("process_cpu_seconds_total", "counter", "Processor time in seconds, user's and system's.", cpu),
        ("process_resident_memory_bytes", "gauge", "Memory that is there, in bytes.", memory),
        ("process_threads", "gauge", "Threads.", status("Threads:")),
        ("process_open_fds", "gauge", "Open file descriptors.", open_files()),
        ("process_max_fds", "gauge", "The most file descriptors that may be open.", most_files()),
        ("process_start_time_seconds", "gauge", "When the process began, in seconds since 1970.", began),
    ]
    .into_iter()
    .filter_map(|(name, kind, help, value)| Some((name, kind, help, value?)))
    .map(|(name, kind, help, value)| format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n\n"))
    .collect()
}

/// How long the process has been there, in seconds.
pub(super) fn age() -> Option<f64> {
    let uptime: f64 = fs::read_to_string("/proc/uptime").ok()?.split(' ').next()?.parse().ok()?;
    Some((uptime - stat(19)? / TICKS).max(0.0))
}

/// A number of /proc/self/stat, counted from the one behind the program's name, which may hold anything.
fn stat(place: usize) -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(place)?.parse().ok()
}

fn status(name: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// When the system began, in seconds since 1970.
fn boot_time() -> Option<f64> {
    fs::read_to_string("/proc/stat").ok()?.lines().find_map(|line| line.strip_prefix("btime "))?.parse().ok()
}

/// But for the one that looks.
fn open_files() -> Option<f64> {
    let open = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    u32::try_from(open).ok().map(f64::from)
}

fn most_files() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_itself_where_there_is_a_proc() {
        if fs::metadata("/proc/self/stat").is_ok() {
            assert_eq!(figures().matches("# TYPE").count(), 6, "{}", figures());
            assert!(status("VmRSS:").unwrap() > 100.0 && boot_time().unwrap() > 1e9);
            assert!((0.0..1e6).contains(&age().unwrap()));
        }
    }
}
