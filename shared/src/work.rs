//! Work that a role does without being asked: what was left undone is done, what is old is forgotten.

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::Instrument as _;

use crate::context::{Context, RequestId};

/// The most that one round may take.
const LONGEST: Duration = Duration::from_secs(60);

/// Does `job` at once, then every `period` and whenever `wake` is notified, until `stop`. Each round has a request id of its
/// own. A round that fails, or panics, is logged, and that is all: the next one comes.
pub fn repeat<J, F, E>(name: &'static str, period: Duration, wake: Arc<Notify>, stop: CancellationToken, job: J)
where
    J: Fn() -> F + Send + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: fmt::Display + Send + 'static,
{
    let rounds = async move {
        loop {
            let id = RequestId::fresh();
            let span = tracing::info_span!("work", name, request_id = %id);
            let round = Context::new(id, LONGEST).scope(timeout(LONGEST, job())).instrument(span);
            // A task of its own: a panic ends it and not what comes after.
            let mut round = AbortOnDropHandle::new(tokio::spawn(round));
            let Some(ended) = stop.run_until_cancelled(&mut round).await else { return };
            let outcome = if matches!(ended, Ok(Ok(Ok(())))) { "done" } else { "undone" };
            metrics::counter!("bibliotique_work_rounds_total", "work" => name, "outcome" => outcome).increment(1);
            match ended {
                Ok(Ok(Ok(()))) => (),
                Ok(Ok(Err(error))) => tracing::warn!(name, %error, "undone; it will be tried again"),
                Ok(Err(_)) => tracing::warn!(name, "took too long; it will be tried again"),
                Err(_) => tracing::error!(name, "panicked; it will be tried again"),
            }
            tokio::select! {
                () = sleep(period) => (),
                () = wake.notified() => (),
                () = stop.cancelled() => return,
            }
        }
    };
    tokio::spawn(rounds);
}
