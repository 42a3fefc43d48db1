//! Lending in figures: what was lent, returned, renewed and reserved.

use std::sync::atomic::{AtomicBool, Ordering};

use metrics::counter;
use shared::metrics::{Figure, counter_of, describe};

/// Loans that began.
pub const LENT: &str = "bibliotique_loans_total";
/// Loans that ended with a return.
pub const RETURNED: &str = "bibliotique_returns_total";
/// Loans that were renewed.
pub const RENEWED: &str = "bibliotique_renewals_total";
/// Reservations that were made.
pub const RESERVED: &str = "bibliotique_holds_total";

const FIGURES: [Figure; 4] = [
    counter_of(LENT, "Loans that began."),
    counter_of(RETURNED, "Loans that ended with a return."),
    counter_of(RENEWED, "Loans that were renewed."),
    counter_of(RESERVED, "Reservations that were made."),
];

/// From now on they are there, with nothing counted.
pub fn start() {
    describe(&FIGURES);
    for Figure { name, .. } in FIGURES {
        counter!(name).absolute(0);
    }
}

/// Whether a request had an effect, and was not only answered once more.
#[derive(Default)]
pub struct Effect(AtomicBool);

impl Effect {
    /// It has one, if its transaction comes to its end.
    pub fn happens(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// It came to its end.
    pub fn count(self, name: &'static str) {
        if self.0.into_inner() {
            counter!(name).increment(1);
        }
    }
}
