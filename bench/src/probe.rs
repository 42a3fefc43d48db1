//! Requests at a steady rate, whatever the answers do: a slow answer does not hide the ones that would have come after it.

use std::time::Duration;

use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::Latencies;

/// How late the runtime's timer, which counts whole milliseconds, may be.
pub const TIMER: Duration = Duration::from_millis(2);

/// Sends the request that `make` makes, `rate` times a second for `lasting`, and waits for the answers. Whatever is not 200
/// has failed.
pub async fn probe(rate: u32, lasting: Duration, make: impl Fn() -> reqwest::RequestBuilder) -> Latencies {
    let mut ticks = interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut requests = JoinSet::new();
    let end = Instant::now() + lasting;
    loop {
        let due = ticks.tick().await;
        if due >= end {
            break;
        }
        // Up to a point a late timer is not the server's doing.
        let due = Instant::now().min(due + TIMER);
        let request = make();
        requests.spawn(async move {
            let answer = request.send().await.ok()?;
            let is_good = answer.status() == 200;
            answer.bytes().await.ok().filter(|_| is_good)?;
            Some(due.elapsed())
        });
    }
    Latencies::of(requests.join_all().await)
}
