//! What catalog does without being asked: orders are carried out, departures that were left undone are done, old requests are
//! forgotten.

use std::{sync::Arc, time::Duration};

use shared::work::repeat;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::grpc::Catalog;

/// From one look at the orders to the next; there is one at once when an import has written some.
const ORDERS: Duration = Duration::from_secs(2);

/// From one look at the departures to the next.
const DEPARTURES: Duration = Duration::from_secs(5);

/// From one look at the requests to the next.
const REQUESTS: Duration = Duration::from_secs(60);

/// Sweeps until `stop`.
pub fn start(catalog: &Catalog, stop: &CancellationToken) {
    let (sweeping, ordered) = (catalog.clone(), Arc::clone(&catalog.ordered));
    let round = move || {
        let catalog = sweeping.clone();
        async move { catalog.carry_out_orders().await }
    };
    repeat("catalog's orders", ORDERS, ordered, stop.clone(), round);

    let sweeping = catalog.clone();
    let round = move || {
        let catalog = sweeping.clone();
        async move { catalog.finish_departures().await }
    };
    repeat("catalog's departures", DEPARTURES, Arc::new(Notify::new()), stop.clone(), round);

    let sweeping = catalog.clone();
    let round = move || {
        let catalog = sweeping.clone();
        async move { catalog.store.forget_requests(catalog.clock.now()).await.map_err(Status::from) }
    };
    repeat("catalog's requests", REQUESTS, Arc::new(Notify::new()), stop.clone(), round);
}
