//! Deleting an account: it is marked, lending closes what it has there, and only then it is gone.
//!
//! Lending may have closed it without our hearing of it. So the mark is taken away only when lending says that there are loans;
//! after anything else the account stays marked, the caller may ask again, and the sweep goes on until it is gone or
//! lending refuses. Until then it may sign in like any other.

use std::time::Duration;

use proto::lending::v1::{ClosePatronRequest, lending_service_client::LendingServiceClient};
use shared::{Error, context::Context, crash};
use tonic::{Code, Status};

use super::Identity;
use crate::{
    domain::{Refusal, account::Account, audit::Origin},
    store::Departure,
};

/// How old a mark is before the sweep sees to it: until then whoever made it does, who may wait ten seconds for lending.
const GRACE: Duration = Duration::from_secs(15);

/// Accounts in one round of the sweep.
const TOGETHER: i64 = 100;

impl Identity {
    /// Asks lending to close what a marked account has there, and deletes the account.
    ///
    /// # Errors
    /// [`Refusal::PatronHasLoans`], and then it is not marked any more; UNAVAILABLE when lending does not say, and then it is.
    pub(super) async fn let_go(&self, departure: Departure, by: &Origin) -> Result<Account, Status> {
        crash::point("identity.delete.marked");
        let request = ClosePatronRequest { patron_id: departure.account.to_string() };
        match LendingServiceClient::new(self.lending.clone()).close_patron(request).await {
            Ok(_) => (),
            Err(refused) if refused.code() == Code::FailedPrecondition => {
                self.store.unmark_leaving(departure).await?;
                return Err(Error::Refused(Refusal::PatronHasLoans).into());
            }
            Err(status) => {
                tracing::warn!(code = ?status.code(), "lending does not say whether an account may go");
                return Err(Status::unavailable("temporarily unavailable"));
            }
        }
        crash::point("identity.delete.closed");
        let account = self.store.delete_account(departure.account, by).await?;
        crash::point("identity.delete.deleted");
        Ok(account)
    }

    /// Goes on with what others began and did not bring to its end.
    pub(crate) async fn finish_departures(&self) -> Result<(), Status> {
        let now = self.clock.now();
        let by = Origin { actor: "service:identity".to_owned(), request_id: Context::current().request_id, at: now };
        let mut outcome = Ok(());
        for id in self.store.departures(now - GRACE, TOGETHER).await? {
            let Some(departure) = self.store.take_over(id).await? else { continue };
            match self.let_go(departure, &by).await {
                Ok(_) => tracing::info!(account = %id, "deleted as it was asked for before"),
                // It has loans, somebody else was faster, or it is the last admin.
                Err(refused) if matches!(refused.code(), Code::FailedPrecondition | Code::NotFound) => {
                    tracing::info!(account = %id, code = ?refused.code(), "not deleted as it was asked for before");
                }
                Err(failure) => outcome = Err(failure),
            }
        }
        outcome
    }
}
