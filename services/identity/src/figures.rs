//! Identity in figures: sign-ins, the queue of passwords to be hashed, sessions, deletions underway.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use metrics::{counter, gauge};
use shared::{
    Error,
    metrics::{Figure, are_read, counter_of, describe, gauge_of, seconds_of, when_read},
    work::repeat,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{domain::Refusal, grpc::Identity};

const FIGURES: [Figure; 8] = [
    counter_of("bibliotique_sign_ins_total", "Sign-ins, by their outcome."),
    gauge_of(
        "bibliotique_password_hashes_waiting",
        "Who was let in and whose password is not being hashed at the moment.",
    ),
    gauge_of("bibliotique_password_hashes_running", "Passwords that are being hashed."),
    counter_of("bibliotique_password_hashes_refused_total", "Who was turned away because too many were waiting."),
    seconds_of("bibliotique_password_hash_wait_seconds", "How long it took until somebody was let in to be hashed."),
    seconds_of("bibliotique_password_hash_duration_seconds", "How long hashing took."),
    gauge_of("bibliotique_sessions", "Sessions that live. All replicas count the same ones."),
    gauge_of("bibliotique_deletions_underway", "What is marked to be deleted and not gone yet."),
];

/// From one look into the database to the next.
const PERIOD: Duration = Duration::from_secs(10);

/// Counting a million sessions takes a tenth of a second out of an index. It may take a thousandth of the time, so it is done the
/// more seldom the longer it takes.
const SHARE: u32 = 1000;

/// What came of a sign-in.
const OUTCOMES: [&str; 4] = ["succeeded", "refused", "turned_away", "failed"];

/// Counts until `stop`, if anybody reads the figures.
pub fn start(identity: &Arc<Identity>, stop: &CancellationToken) {
    if !are_read() {
        return;
    }
    describe(&FIGURES);
    for outcome in OUTCOMES {
        counter!("bibliotique_sign_ins_total", "outcome" => outcome).absolute(0);
    }
    let hashing = identity.hasher.load();
    when_read(move || {
        let (waiting, running) = hashing.now();
        gauge!("bibliotique_password_hashes_waiting").set(waiting);
        gauge!("bibliotique_password_hashes_running").set(running);
    });

    let counting = Arc::clone(identity);
    let sessions_due = Arc::new(Mutex::new(Instant::now()));
    let round = move || {
        let (identity, due) = (Arc::clone(&counting), Arc::clone(&sessions_due));
        async move { count(&identity, &due).await.map_err(Status::from) }
    };
    repeat("identity's figures", PERIOD, Arc::new(Notify::new()), stop.clone(), round);
}

/// A number that is not known is none.
async fn count(identity: &Identity, sessions_due: &Mutex<Instant>) -> Result<(), Error<Refusal>> {
    let leaving = identity.store.count_departures().await;
    gauge!("bibliotique_deletions_underway", "role" => "identity").set(number(leaving.as_ref().ok()));
    leaving?;

    let due = || sessions_due.lock().unwrap_or_else(PoisonError::into_inner);
    let began = Instant::now();
    if *due() <= began {
        let sessions = identity.store.count_sessions(identity.clock.now()).await;
        gauge!("bibliotique_sessions").set(number(sessions.as_ref().ok()));
        sessions?;
        *due() = Instant::now() + began.elapsed() * SHARE;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "nobody has so many")]
fn number(counted: Option<&i64>) -> f64 {
    counted.map_or(f64::NAN, |counted| *counted as f64)
}

/// Counts a sign-in.
pub fn signed_in<T>(outcome: &Result<T, Error<Refusal>>) {
    let outcome = match outcome {
        Ok(_) => "succeeded",
        Err(Error::Refused(Refusal::HashingQueueFull { .. })) => "turned_away",
        Err(Error::Refused(_) | Error::Invalid(_)) => "refused",
        Err(_) => "failed",
    };
    counter!("bibliotique_sign_ins_total", "outcome" => outcome).increment(1);
}
