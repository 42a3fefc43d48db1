//! What lending asks others before it acts, and what it looks up for several rpcs.

use proto::identity::v1::{
    self as identity, identity_service_client::IdentityServiceClient, school_service_client::SchoolServiceClient,
};
use shared::{
    Error,
    passport::{Caller, Role},
};
use tonic::{Code, Status};

use super::{Lending, listed, render::field};
use crate::domain::{LoanId, PatronId, Refusal, account::Standing, loan::Loan};

/// The `sub_type` of families.
const FAMILY: &str = "family";

impl Lending {
    /// What may be lent to: whoever acts for himself came here with a passport that was made out when identity had said that his
    /// session lives, so that he is active, and what he is. Of anybody else identity is asked.
    ///
    /// # Errors
    /// UNAVAILABLE when identity is away.
    pub(super) async fn standing(&self, caller: &Caller, patron: PatronId) -> Result<Option<Standing>, Status> {
        match caller.role {
            _ if caller.subject != patron.to_string() => self.ask_for_standing(patron).await,
            Role::Client | Role::Admin => Ok(Standing::of(true, field("role", &caller.sub_type)?)),
            Role::Service => Ok(None),
        }
    }

    /// What identity says of an account now; `None` when it knows none.
    async fn ask_for_standing(&self, patron: PatronId) -> Result<Option<Standing>, Status> {
        let request = identity::GetStandingRequest { account_id: patron.to_string() };
        let mut neighbour = IdentityServiceClient::new(self.identity.clone());
        match neighbour.get_standing(request).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                let category = match answer.role() {
                    identity::Role::Admin => "admin",
                    identity::Role::Client | identity::Role::Unspecified => "client",
                    identity::Role::Child => "child",
                    identity::Role::Educator => "educator",
                    identity::Role::HealthProfessional => "healthprofessional",
                    identity::Role::Family => "family",
                    identity::Role::Application => "application",
                };
                Ok(Standing::of(answer.active, field("role", category)?))
            }
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(away(&status)),
        }
    }

    /// Whose loans a list shows: as of holds, and for a family also a child's of its own.
    ///
    /// # Errors
    /// [`Refusal::PatronNotFound`] for somebody else's; UNAVAILABLE when identity is away.
    pub(super) async fn listed_loans(&self, caller: &Caller, patron_id: &str) -> Result<Option<PatronId>, Status> {
        let listed = listed(caller, patron_id);
        match listed {
            Err(Error::Refused(Refusal::PatronNotFound)) if caller.sub_type == FAMILY => {
                let (family_id, child_id) = (caller.subject.clone(), patron_id.to_owned());
                let request = identity::CheckGuardianRequest { family_id, child_id };
                let asked = SchoolServiceClient::new(self.identity.clone()).check_guardian(request).await;
                match asked.map_err(|status| away(&status))?.into_inner().is_guardian {
                    true => Ok(Some(field("filter.patron_id", patron_id)?)),
                    false => Ok(listed?),
                }
            }
            listed => Ok(listed?),
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
