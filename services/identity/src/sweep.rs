//! What identity does without being asked: departures that were left undone are done, old requests are forgotten.

use std::{sync::Arc, time::Duration};

use shared::work::repeat;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::grpc::Identity;

/// From one look at the departures to the next.
const DEPARTURES: Duration = Duration::from_secs(5);

/// From one look at the requests to the next.
const REQUESTS: Duration = Duration::from_secs(60);

/// Sweeps until `stop`.
pub fn start(identity: &Arc<Identity>, stop: &CancellationToken) {
    let sweeping = Arc::clone(identity);
    let round = move || {
        let identity = Arc::clone(&sweeping);
        async move { identity.finish_departures().await }
    };
    repeat("identity's departures", DEPARTURES, Arc::new(Notify::new()), stop.clone(), round);

    let sweeping = Arc::clone(identity);
    let round = move || {
        let identity = Arc::clone(&sweeping);
        async move { identity.store.forget_requests(identity.clock.now()).await.map_err(Status::from) }
    };
    repeat("identity's requests", REQUESTS, Arc::new(Notify::new()), stop.clone(), round);
}
