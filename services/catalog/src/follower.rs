//! How many copies can be borrowed is lending's to say: its feed is followed, so that lists can be filtered by it.
//!
//! What is to be expected of an order holds until lending says otherwise: in its answer to the order, or in the feed. Each says how
//! new it is, so a feed that tells what was before an answer changes nothing.
//!
//! The feed also says, again and again, that there is nothing more: so it is known whether the numbers here are those of now.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use proto::lending::v1::{self as lending, WatchAvailabilityRequest, lending_service_client::LendingServiceClient};
use shared::{Error, feed::follow};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, Streaming};

use crate::{
    domain::{Refusal, book::Copies},
    grpc::Catalog,
    store::Availability,
};

/// Whose feed it is.
const SOURCE: &str = "lending";

/// How long it counts that there was nothing more. Lending says so four times a second.
const RECENT: Duration = Duration::from_millis(600);

/// When lending last said something and had nothing more to say that is not kept here.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Said>>);

struct Said {
    /// `None` while there is more to keep.
    all: Option<Instant>,
    /// When all was kept at last; before that, since when it has been waited for.
    last: Instant,
}

impl Default for Said {
    fn default() -> Self {
        Self { all: None, last: Instant::now() }
    }
}

impl Heard {
    /// Whether what is kept is what lending has now, but for a moment. To be asked before it is read.
    pub fn is_all(&self) -> bool {
        self.said().all.is_some_and(|at| at.elapsed() < RECENT)
    }

    /// How long ago all was known.
    pub fn lag(&self) -> Duration {
        self.said().last.elapsed()
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, at: Option<Instant>) {
        let mut said = self.said();
        said.all = at;
        said.last = at.unwrap_or(said.last);
    }
}

/// Follows until `stop`.
pub fn start(catalog: Catalog, stop: CancellationToken) {
    let following = catalog.clone();
    let connect = move || {
        let catalog = following.clone();
        async move { catalog.watch().await }
    };
    let keep = move |said| {
        let catalog = catalog.clone();
        async move { catalog.keep(said).await }
    };
    tokio::spawn(follow("lending's availability", stop, connect, keep));
}

impl Catalog {
    async fn watch(&self) -> Result<Streaming<lending::WatchAvailabilityResponse>, Status> {
        let resume_token = self.store.feed_token(SOURCE).await?;
        let watched = LendingServiceClient::new(self.lending.clone())
            .watch_availability(WatchAvailabilityRequest { resume_token })
            .await;
        match watched {
            Ok(stream) => Ok(stream.into_inner()),
            Err(status) => {
                // A token that lending does not understand is none: everything begins again.
                if status.code() == Code::InvalidArgument {
                    self.store.follow(SOURCE, &[], "", false).await?;
                }
                Err(status)
            }
        }
    }

    async fn keep(&self, message: lending::WatchAvailabilityResponse) -> Result<(), Status> {
        let came = Instant::now();
        let said = message.availabilities.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if !said.is_empty() || message.starts_over {
            self.heard.set(None);
            self.store.follow(SOURCE, &said, &message.resume_token, message.starts_over).await?;
        }
        self.heard.set(message.is_all.then_some(came));
        Ok(())
    }
}

/// What lending said, as it is kept.
pub fn read(of: &lending::Availability) -> Result<Availability, Error<Refusal>> {
    Ok(Availability {
        book: of.book_id.parse().map_err(Error::internal)?,
        copies: Copies::told(of.copies),
        available: Copies::told(of.available_copies),
        revision: of.revision,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_heard_counts_for_a_moment() {
        let heard = Heard::default();
        assert!(!heard.is_all());

        heard.set(Some(Instant::now()));
        assert!(heard.is_all());

        heard.set(Instant::now().checked_sub(RECENT));
        assert!(!heard.is_all());

        heard.set(None);
        assert!(heard.lag() >= RECENT);
    }
}
