//! Operations 7, 21 and 22: lists of loans.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::{StatusCode, Uri},
    response::Response,
};
use proto::{identity::v1 as identity, lending::v1 as pb};
use serde::{Deserialize, Serialize};
use shared::passport::Caller;

use super::{
    emprunts::{Emprunt, state_of},
    envelope::{BAD_STATUT, bad, say},
    ids::{RawId, id_of},
    pages::{Extent, Page},
    query::{optional_id, parameters},
};
use crate::{
    Shared,
    fault::{Answer, Ending},
};

#[derive(Serialize)]
struct All {
    emprunts: Vec<Emprunt>,
}

/// What the list of all loans may be asked for, besides its page.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    #[serde(default)]
    statut: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    livre_id: String,
}

impl Wanted {
    fn filter(&self) -> Result<pb::LoanFilter, Ending> {
        let state = match self.statut.as_str() {
            "" => pb::LoanState::Unspecified,
            statut => state_of(statut).ok_or_else(|| bad(BAD_STATUT))?,
        };
        Ok(pb::LoanFilter {
            patron_id: optional_id("clientId", &self.client_id)?,
            book_id: optional_id("livreId", &self.livre_id)?,
            state: state.into(),
        })
    }
}

/// Operation 7.
pub async fn own(State(gateway): State<Shared>, Extension(caller): Extension<Arc<Caller>>, uri: Uri) -> Answer {
    let page = Page::of(&uri)?;
    let wanted = asked(&page, of_patron(caller.subject.clone()));

    let found = gateway.lending_for(&caller).list_loans(wanted).await?.into_inner();

    Ok(shown("Emprunts fetched successfully!", found, &page, &uri))
}

/// Operation 21.
pub async fn list(State(gateway): State<Shared>, Extension(caller): Extension<Arc<Caller>>, uri: Uri) -> Answer {
    let page = Page::of(&uri)?;
    let wanted = asked(&page, parameters::<Wanted>(&uri)?.filter()?);

    let found = gateway.lending_for(&caller).list_loans(wanted).await?.into_inner();

    Ok(shown("All emprunts fetched successfully!", found, &page, &uri))
}

/// Operation 22. To others than admins, identity knows nobody but themselves.
pub async fn of_client(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    id: RawId,
    uri: Uri,
) -> Answer {
    let account_id = id_of(id, "client")?;
    let page = Page::of(&uri)?;
    let wanted = asked(&page, of_patron(account_id.clone()));

    let (mut accounts, mut loans) = (gateway.identity_for(&caller), gateway.lending_for(&caller));
    let account = accounts.get_account(identity::GetAccountRequest { account_id });
    let (account, found) = tokio::join!(account, loans.list_loans(wanted));
    // Who does not exist is told before what is wrong with the list.
    let account = account?.into_inner().account.unwrap_or_default();

    let message = format!("{}'s emprunts fetched successfully!", account.name);
    Ok(shown(&message, found?.into_inner(), &page, &uri))
}

fn of_patron(patron_id: String) -> pb::LoanFilter {
    pb::LoanFilter { patron_id, ..pb::LoanFilter::default() }
}

fn asked(page: &Page, filter: pb::LoanFilter) -> pb::ListLoansRequest {
    let (page_size, page_token, skip) = (page.limit(), page.after(), page.skip());
    pb::ListLoansRequest { page_size, page_token, skip, filter: Some(filter) }
}

fn shown(message: &str, found: pb::ListLoansResponse, page: &Page, uri: &Uri) -> Response {
    let emprunts = found.loans.into_iter().map(Emprunt::from).collect();
    let answer = say(StatusCode::OK, message, All { emprunts });
    page.describe(answer, uri, &Extent::counted(found.total_size, found.next_page_token))
}
