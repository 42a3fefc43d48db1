//! Named places where a test has the process die as if it were killed, to see what that leaves behind; or take its time, to see
//! what others do meanwhile. And another machine than the test's own, on which packages have put other things.
//!
//! Without the feature `faults` they are nothing.

use std::path::PathBuf;

/// Names the place to die at.
pub const VARIABLE: &str = "BIBLIOTIQUE_CRASH_AT";

/// Dies here, at once and without a word to anybody, if this is the place.
pub fn point(name: &str) {
    if cfg!(feature = "faults") && std::env::var_os(VARIABLE).is_some_and(|place| place == name) {
        std::process::abort();
    }
}

/// Names the place to take one's time at.
pub const DAWDLE: &str = "BIBLIOTIQUE_DAWDLE_AT";

/// Takes its time, as on a slow machine, if this is the place.
pub async fn dawdle(name: &str) {
    if cfg!(feature = "faults") && std::env::var_os(DAWDLE).is_some_and(|place| place == name) {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
}

/// Names the directory to look into for packages.
pub const PACKAGES: &str = "BIBLIOTIQUE_PACKAGES_AT";

/// Where packages have put something: there, or where the test has it.
pub fn packages(there: &str) -> PathBuf {
    let elsewhere = if cfg!(feature = "faults") { std::env::var_os(PACKAGES) } else { None };
    elsewhere.map_or_else(|| there.into(), PathBuf::from)
}
