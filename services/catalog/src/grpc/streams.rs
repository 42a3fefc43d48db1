//! Imports and exports: streams, each served by a task of its own that goes no faster than the other side.

use std::time::Duration;

use proto::catalog::v1 as pb;
use shared::{Error, context::Context};
use tokio::{
    sync::mpsc::{self, error::SendTimeoutError},
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use tracing::Instrument as _;

use super::{
    Catalog,
    drafts::{outcome, read},
};
use crate::{domain::Refusal, store::Seen};

/// How long the other side may take for its next message, or to take ours.
const PATIENCE: Duration = Duration::from_secs(30);

/// Books in a message of an export.
const BATCH: i64 = 250;

type Answers<T> = mpsc::Sender<Result<T, Status>>;

impl Catalog {
    /// Answers each message of an import with what became of its drafts.
    pub(super) fn importing(
        &self,
        mut requests: Streaming<pb::ImportBooksRequest>,
    ) -> ReceiverStream<Result<pb::ImportBooksResponse, Status>> {
        let catalog = self.clone();
        spawn(async move |answers| {
            let mut seen = Seen::default();
            loop {
                let next = timeout(PATIENCE, requests.message()).await;
                let request =
                    next.map_err(|_| Status::deadline_exceeded("the next message did not come in time"))??;
                let Some(request) = request else { return Ok(()) };
                let answer = catalog.import(request, &mut seen).await?;
                if !give(&answers, answer).await? {
                    return Ok(());
                }
            }
        })
    }

    async fn import(
        &self,
        request: pb::ImportBooksRequest,
        seen: &mut Seen,
    ) -> Result<pb::ImportBooksResponse, Error<Refusal>> {
        let reading = read(request, self.clock.now())?;

        let fates = self.store.import(&reading.batch, seen).await?;
        self.ordered.notify_one();

        let drafts = reading.batch.drafts.iter().zip(fates);
        let mut outcomes: Vec<_> = drafts.map(|(draft, (fate, book))| outcome(draft.line, fate, book)).collect();
        for (place, refused) in reading.refused {
            outcomes.insert(place.min(outcomes.len()), refused);
        }
        Ok(pb::ImportBooksResponse { outcomes })
    }

    /// Gives all books away.
    pub(super) fn exporting(&self) -> ReceiverStream<Result<pb::ExportBooksResponse, Status>> {
        let catalog = self.clone();
        spawn(async move |answers| {
            let mut after = 0;
            loop {
                let exported = catalog.store.export(after, BATCH).await?;
                after = exported.after;
                let entry = |(book, category): (crate::domain::book::Book, _)| pb::export_books_response::Entry {
                    book: Some(book.into()),
                    category,
                };
                let entries: Vec<_> = exported.entries.into_iter().map(entry).collect();
                if entries.is_empty() || !give(&answers, pb::ExportBooksResponse { entries }).await? {
                    return Ok(());
                }
            }
        })
    }
}

/// A task that answers with a stream. Its failure is the stream's last message.
fn spawn<T, W>(work: impl FnOnce(Answers<T>) -> W) -> ReceiverStream<Result<T, Status>>
where
    T: Send + 'static,
    W: Future<Output = Result<(), Status>> + Send + 'static,
{
    let (answers, stream) = mpsc::channel(1);
    let working = tokio::spawn(Context::current().scope(work(answers.clone())).in_current_span());
    tokio::spawn(async move {
        // The panic hook has logged where a panic was; whoever reads the stream must not take it for its end.
        let outcome = working.await.unwrap_or_else(|_| Err(Status::internal("internal error")));
        if let Err(status) = outcome {
            // However long that takes: without it the stream would seem to have come to its end.
            let _ = answers.send(Err(status)).await;
        }
    });
    ReceiverStream::new(stream)
}

/// Gives an answer away; whether there still was anybody to take it.
async fn give<T: Send>(answers: &Answers<T>, answer: T) -> Result<bool, Status> {
    match answers.send_timeout(Ok(answer), PATIENCE).await {
        Ok(()) => Ok(true),
        Err(SendTimeoutError::Closed(_)) => Ok(false),
        Err(SendTimeoutError::Timeout(_)) => Err(Status::deadline_exceeded("an answer was not taken in time")),
    }
}
