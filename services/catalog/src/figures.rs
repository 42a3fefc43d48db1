//! Catalog in figures: how far behind lending it is, what it has ordered there, deletions underway.

use std::{sync::Arc, time::Duration};

use metrics::gauge;
use shared::{
    Error, Timestamp,
    metrics::{Figure, are_read, describe, gauge_of, when_read},
    work::repeat,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{domain::Refusal, grpc::Catalog};

const FIGURES: [Figure; 5] = [
    gauge_of("bibliotique_feed_lag_seconds", "How long ago lending said that all is known that it has to say."),
    gauge_of("bibliotique_feed_current", "1 if the numbers of copies are lending's of now, else 0."),
    gauge_of("bibliotique_orders_waiting", "Orders of copies that lending has not carried out yet."),
    gauge_of(
        "bibliotique_orders_oldest_age_seconds",
        "How long the oldest of these has been waiting; 0 if there is none.",
    ),
    gauge_of("bibliotique_deletions_underway", "What is marked to be deleted and not gone yet."),
];

/// From one look into the database to the next.
const PERIOD: Duration = Duration::from_secs(10);

/// Orders that wait.
pub struct Waiting {
    pub orders: i64,
    pub oldest: Option<Timestamp>,
}

/// Looks until `stop`, if anybody reads the figures.
pub fn start(catalog: &Catalog, stop: &CancellationToken) {
    if !are_read() {
        return;
    }
    describe(&FIGURES);
    let heard = catalog.heard.clone();
    when_read(move || {
        gauge!("bibliotique_feed_lag_seconds").set(heard.lag().as_secs_f64());
        gauge!("bibliotique_feed_current").set(f64::from(u8::from(heard.is_all())));
    });

    let counting = catalog.clone();
    let round = move || {
        let catalog = counting.clone();
        async move { count(&catalog).await.map_err(Status::from) }
    };
    repeat("catalog's figures", PERIOD, Arc::new(Notify::new()), stop.clone(), round);
}

/// A number that is not known is none.
async fn count(catalog: &Catalog) -> Result<(), Error<Refusal>> {
    let leaving = catalog.store.count_departures().await;
    gauge!("bibliotique_deletions_underway", "role" => "catalog").set(number(leaving.as_ref().ok()));
    let waiting = catalog.store.waiting_orders().await;
    gauge!("bibliotique_orders_waiting").set(number(waiting.as_ref().ok().map(|waiting| &waiting.orders)));
    let now = catalog.clock.now();
    let age = |waiting: &Waiting| waiting.oldest.map_or(0.0, |oldest| now.since(oldest).as_secs_f64());
    gauge!("bibliotique_orders_oldest_age_seconds").set(waiting.as_ref().map_or(f64::NAN, age));
    leaving.and(waiting.map(|_| 0)).map(|_| ())
}

#[expect(clippy::cast_precision_loss, reason = "nobody has so many")]
fn number(counted: Option<&i64>) -> f64 {
    counted.map_or(f64::NAN, |counted| *counted as f64)
}
