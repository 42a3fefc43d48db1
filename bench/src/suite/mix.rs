//! The mixes, one after the other, and what the generator itself reaches.

use std::{sync::Arc, time::Duration};

use anyhow::ensure;

use super::{
    Measure,
    place::{Place, SIGNED_IN, at_the_door},
    report::Report,
    setup::Setup,
    visitor::{Mix, Visitor},
};
use crate::{
    Served, flood, free_address,
    generator::{AtRandom, Pace, Seen, generate},
    process::{Process, Program},
    wire,
};

/// Each is called something, and done over so many connections.
const MIXES: [(Mix, &str); 6] = [
    (Mix::Browse, "browse: a book, pages of lists, categories"),
    (Mix::Search, "search: words, one in four with facets"),
    (Mix::Lists, "lists: one's own loans; an admin's of loans, clients, children"),
    (Mix::SignIn, "sign in"),
    (Mix::Lend, "borrow and return, with Idempotency-Key"),
    (Mix::Day, "a day: 60 % browse, 20 % search, 15 % lists, 4 % borrow or return, 1 % sign in"),
];

/// Connections of the open loop: enough that hardly anybody waits for one.
const OPEN: usize = SIGNED_IN;

/// Measures them all; what is seen goes into the report.
///
/// # Errors
/// When the yardstick cannot be served. A request that fails is counted.
pub async fn measure(
    setup: Setup,
    served: &Served,
    place: Arc<Place>,
    measure: Measure,
    report: &mut Report,
) -> anyhow::Result<()> {
    let ceiling = ceiling(measure).await?;
    let many = measure.connections;
    let what =
        format!("the generator's ceiling: a bare server that always says the same 500 bytes, {many} connections");
    report.add_seen(setup.name, &what, None, &ceiling);
    for (number, (mix, name)) in MIXES.into_iter().enumerate() {
        let connections = if mix == Mix::SignIn { at_the_door().min(many) } else { many };
        let what = format!("{name}; {connections} connections");
        let visitors = |run| Visitor::several(&place, mix, connections, run);
        let (warming_up, _) = asked(served, visitors(2 * number), measure.lasting / 4).await?;
        if warming_up.latencies.failed() > 0 {
            report.add_seen(setup.name, &format!("{what}; while warming up"), None, &warming_up);
        }
        let (seen, cost) = asked(served, visitors(2 * number + 1), measure.lasting).await?;
        report.add_seen(setup.name, &what, Some(figure(mix, &seen, cost)), &seen);
    }

    let visitors = Visitor::several(&place, Mix::Day, OPEN, 2 * MIXES.len());
    let seen = generate(served.address(), Pace::Open(measure.rate), measure.lasting, visitors).await?;
    let what = format!("a day at {} requests a second, whatever the answers do", measure.rate);
    report.add_seen(setup.name, &what, None, &seen);
    Ok(())
}

/// What was seen in a closed loop, and the processor time that the suite spent on it.
async fn asked(served: &Served, visitors: Vec<Visitor>, lasting: Duration) -> anyhow::Result<(Seen, Duration)> {
    let before = served.processor_time();
    let seen = generate(served.address(), Pace::Closed, lasting, visitors).await?;
    Ok((seen, served.processor_time().saturating_sub(before)))
}

/// The rate, and what a request takes of the suite's processes; of a sign-in, what a permit to hash is worth.
fn figure(mix: Mix, seen: &Seen, cost: Duration) -> String {
    let (rate, permits) = (seen.rate, flood::permits());
    if mix == Mix::SignIn {
        let each = rate / permits as f64;
        return format!("{rate:.1} a second ({each:.1} for each permit to hash, of {permits})");
    }
    let each = cost.as_secs_f64() * 1e6 / seen.latencies.answered().max(1) as f64;
    format!("{rate:.0} a second ({each:.0} µs of the suite's processor time each)")
}

async fn ceiling(measure: Measure) -> anyhow::Result<Seen> {
    let address = free_address()?;
    let _server = Process::start(&Program::Itself, &["yardstick", "ceiling", &address], Vec::new()).await?;
    let readers = AtRandom::several(&Arc::from([wire::get("/api/livres/1", None)]), measure.connections, 0);
    let seen = generate(&address, Pace::Closed, measure.lasting, readers).await?;
    ensure!(seen.latencies.answered() > 0, "the yardstick answers nothing: {:?}", seen.failure);
    Ok(seen)
}
