//! How many copies can be borrowed is lending's to say: its feed is followed, so that lists can be filtered by it.
//!
//! What is to be expected of an order holds until lending says otherwise: in its answer to the order, or in the feed. Each says how
//! new it is, so a feed that tells what was before an answer changes nothing.

use proto::lending::v1::{self as lending, WatchAvailabilityRequest, lending_service_client::LendingServiceClient};
use shared::{Error, feed::follow};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, Streaming};

use crate::{
    domain::{Refusal, book::Copies},
    grpc::Catalog,
    store::Availability,
};

/// Whose feed it is.
const SOURCE: &str = "lending";

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
        let said = message.availabilities.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(self.store.follow(SOURCE, &said, &message.resume_token, message.starts_over).await?)
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
