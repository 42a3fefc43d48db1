//! Named places where a test has the process die as if it were killed, to see what that leaves behind.
//!
//! Without the feature `faults` they are nothing.

/// Names the place to die at.
pub const VARIABLE: &str = "BIBLIOTIQUE_CRASH_AT";

/// Dies here, at once and without a word to anybody, if this is the place.
pub fn point(name: &str) {
    if cfg!(feature = "faults") && std::env::var_os(VARIABLE).is_some_and(|place| place == name) {
        std::process::abort();
    }
}
