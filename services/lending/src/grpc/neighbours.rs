//! What lending asks others before it acts, and what it looks up for several rpcs.

use proto::identity::v1::{self as identity, identity_service_client::IdentityServiceClient};
use shared::Error;
use tonic::{Code, Status};

use super::{Lending, render::field};
use crate::domain::{LoanId, PatronId, Refusal, account::Standing, loan::Loan};

impl Lending {
    /// What identity says of an account now; `None` when it knows none.
    ///
    /// # Errors
    /// UNAVAILABLE when identity is away.
    pub(super) async fn standing(&self, patron: PatronId) -> Result<Option<Standing>, Status> {
        let request = identity::GetStandingRequest { account_id: patron.to_string() };
        let mut neighbour = IdentityServiceClient::new(self.identity.clone());
        match neighbour.get_standing(request).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                let category = match answer.role() {
                    identity::Role::Admin => "admin",
                    identity::Role::Client | identity::Role::Unspecified => "client",
                };
                Ok(Some(Standing { active: answer.active, category: field("role", category)? }))
            }
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(away(&status)),
        }
    }

    /// A loan, if it is this owner's.
    pub(super) async fn visible(&self, id: LoanId, owner: Option<PatronId>) -> Result<Loan, Error<Refusal>> {
        let loan = self.store.loan(id).await?.filter(|loan| owner.is_none() || loan.patron == owner);
        loan.ok_or(Error::Refused(Refusal::LoanNotFound))
    }
}

/// That a neighbour did not answer is nobody's fault but ours, and worth trying again.
fn away(status: &Status) -> Status {
    tracing::warn!(code = ?status.code(), "identity does not say who this is");
    Status::unavailable("temporarily unavailable")
}
