//! What lending does without being asked: copies that nobody fetched go on, old history becomes nobody's.

use std::{sync::Arc, time::Duration};

use shared::{Clock, Error, Timestamp, work::repeat};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{
    domain::{Refusal, policy::Days},
    store::Store,
};

/// From one round to the next.
const PERIOD: Duration = Duration::from_secs(30);

/// Loans, and holds, that become nobody's in one transaction.
const TOGETHER: i64 = 1000;

/// Sweeps until `stop`.
pub fn start(store: Store, history: Option<Days>, clock: Clock, stop: CancellationToken) {
    let round = move || {
        let (store, clock) = (store.clone(), clock.clone());
        async move { sweep(&store, history, &clock).await.map_err(Status::from) }
    };
    repeat("lending's sweep", PERIOD, Arc::new(Notify::new()), stop, round);
}

/// One thing that fails keeps the others from nothing.
async fn sweep(store: &Store, history: Option<Days>, clock: &Clock) -> Result<(), Error<Refusal>> {
    let now = clock.now();
    let expired = store.expire_holds(now).await;
    let anonymised = match history {
        Some(days) => anonymise(store, now - days.duration()).await,
        None => Ok(()),
    };
    let forgotten = store.forget_requests(now).await;
    expired.and(anonymised).and(forgotten)
}

async fn anonymise(store: &Store, before: Timestamp) -> Result<(), Error<Refusal>> {
    while store.anonymise(before, TOGETHER).await? == TOGETHER.unsigned_abs() {}
    Ok(())
}
