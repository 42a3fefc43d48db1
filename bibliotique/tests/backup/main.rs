//! Backups, and what comes back out of them: drills with real processes, and everything that has to be refused.
#![expect(clippy::unwrap_used, reason = "a test")]

mod drill;
mod halfway;
mod held;
mod interrupted;
mod occupied;
mod place;
#[expect(dead_code, reason = "each story uses its part of the harness")]
#[path = "../process/mod.rs"]
mod process;
mod programs;
mod refused;

/// A failed command, whose complaint is one sentence and no panic.
fn one_sentence(ended: &process::Ended) -> &str {
    assert!(!ended.status.success(), "{}", ended.said);
    assert_eq!((ended.said.as_str(), ended.logged.lines().count()), ("", 1), "{}", ended.logged);
    assert!(ended.logged.starts_with("bibliotique: ") && !ended.logged.contains("panicked"), "{}", ended.logged);
    &ended.logged
}
