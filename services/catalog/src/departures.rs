//! Deleting a book: it is marked, lending withdraws it, and only then it is gone.
//!
//! Lending may have withdrawn it without our hearing of it. So the mark is taken away only when lending says that a copy is on
//! loan; after anything else the book stays marked, the caller may ask again, and the sweep goes on until it is gone or lending
//! refuses. Until then it is found like any other, and nobody changes it.

use std::time::Duration;

use proto::lending::v1::{WithdrawBookRequest, lending_service_client::LendingServiceClient};
use shared::{Error, crash};
use tonic::{Code, Status};

use crate::{domain::Refusal, grpc::Catalog, store::Departure};

/// How old a mark is before the sweep sees to it: until then whoever made it does, who may wait ten seconds for lending.
const GRACE: Duration = Duration::from_secs(15);

/// Books in one round of the sweep.
const TOGETHER: i64 = 100;

impl Catalog {
    /// Asks lending to withdraw a marked book, and deletes it.
    ///
    /// # Errors
    /// [`Refusal::BookOnLoan`], and then it is not marked any more; UNAVAILABLE when lending does not say, and then it is.
    pub(crate) async fn let_go(&self, departure: &Departure) -> Result<(), Status> {
        crash::point("catalog.delete.marked");
        let request = WithdrawBookRequest { book_id: departure.book.to_string() };
        match LendingServiceClient::new(self.lending.clone()).withdraw_book(request).await {
            Ok(_) => (),
            Err(refused) if refused.code() == Code::FailedPrecondition => {
                self.store.unmark_departure(departure).await?;
                return Err(Error::Refused(Refusal::BookOnLoan).into());
            }
            Err(status) => {
                tracing::warn!(code = ?status.code(), "lending does not say whether a book may go");
                return Err(Status::unavailable("temporarily unavailable"));
            }
        }
        crash::point("catalog.delete.withdrawn");
        self.store.delete_book(departure.book).await?;
        crash::point("catalog.delete.deleted");
        Ok(())
    }

    /// Goes on with what others began and did not bring to its end.
    pub(crate) async fn finish_departures(&self) -> Result<(), Status> {
        let now = self.clock.now();
        let mut outcome = Ok(());
        for book in self.store.departures(now - GRACE, TOGETHER).await? {
            let Some((departure, asked)) = self.store.take_over(book, now).await? else { continue };
            let (actor, request_id, at) = (asked.actor, asked.request_id, asked.at.iso_millis());
            match self.let_go(&departure).await {
                Ok(()) => tracing::info!(%book, actor, request_id, at, "deleted as it was asked for before"),
                // A copy is on loan, or somebody else was faster.
                Err(refused) if matches!(refused.code(), Code::FailedPrecondition | Code::NotFound) => {
                    tracing::info!(%book, actor, request_id, at, code = ?refused.code(), "not deleted as it was asked for before");
                }
                Err(failure) => outcome = Err(failure),
            }
        }
        outcome
    }
}
