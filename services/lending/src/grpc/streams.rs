//! The feed: served by a task of its own that goes no faster than the other side.

use std::{pin::pin, time::Duration};

use proto::lending::v1 as pb;
use shared::{Error, feed::Position};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tracing::Instrument as _;

use super::{Lending, render::availability};
use crate::{domain::Refusal, store::Changes};

/// How long the other side may take for a message.
const PATIENCE: Duration = Duration::from_secs(30);

/// From one message to the next: whoever follows writes each of them down, and what changes meanwhile goes together.
const PAUSE: Duration = Duration::from_millis(50);

/// How often, besides, to look and to say that there is nothing: another process may have changed something, and whoever hears
/// nothing knows nothing.
const PERIOD: Duration = Duration::from_millis(200);

type Answers = mpsc::Sender<Result<pb::WatchAvailabilityResponse, Status>>;

impl Lending {
    /// Tells what changes behind a position, until nobody listens any more or the service ends.
    pub(super) fn watching(&self, position: Position) -> ReceiverStream<Result<pb::WatchAvailabilityResponse, Status>> {
        let (answers, stream) = mpsc::channel(1);
        let lending = self.clone();
        let work = async move {
            let watched = lending.stop.run_until_cancelled(lending.watch(position, &answers)).await;
            if let Some(Err(error)) = watched {
                let _ = answers.send(Err(error.into())).await;
            }
        };
        tokio::spawn(work.in_current_span());
        ReceiverStream::new(stream)
    }

    async fn watch(&self, mut position: Position, answers: &Answers) -> Result<(), Error<Refusal>> {
        let mut starts_over = position == Position::default();
        loop {
            let news = self.store.news();
            let mut news = pin!(news.notified());
            news.as_mut().enable();
            let Changes { stocks, position: behind, is_all } = self.store.changes_behind(&position).await?;
            position = behind;
            let availabilities = stocks.iter().map(availability).collect();
            let resume_token = position.token();
            let message = pb::WatchAvailabilityResponse { availabilities, resume_token, starts_over, is_all };
            starts_over = false;
            if answers.send_timeout(Ok(message), PATIENCE).await.is_err() {
                return Ok(());
            }
            sleep(PAUSE).await;
            if is_all {
                tokio::select! {
                    _ = timeout(PERIOD, news) => (),
                    () = answers.closed() => return Ok(()),
                }
            }
        }
    }
}
