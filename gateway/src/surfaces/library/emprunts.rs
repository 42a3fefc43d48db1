//! Operations 17 to 20 and 23, and renewals: one loan at a time.

use std::sync::Arc;

use axum::{Extension, extract::State, http::StatusCode, response::Response};
use prost_types::FieldMask;
use proto::{catalog::v1 as catalog, lending::v1 as pb};
use serde::Serialize;
use shared::passport::{Caller, Role};
use tokio::time::timeout;

use super::{
    availability::{Numbers, PATIENCE},
    books::Livre,
    dates::{instant, iso},
    envelope::{BAD_DUE_TIME, BAD_STATUT, bad, only, say},
    idempotency::Once,
    ids::{RawId, id_of},
    patron::{book_of, oneself, patron_of},
};
use crate::{
    Shared,
    body::{Field, Fields},
    fault::{Answer, Ending, Fault},
};

const BORROW: [&str; 3] = ["livreId", "clientId", "codeBarres"];

/// A loan as the contract prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Emprunt {
    #[serde(rename = "_id")]
    id: String,
    client_id: Option<String>,
    livre_id: String,
    date_emprunt: String,
    date_retour_prevu: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_retour_effectif: Option<String>,
    statut: &'static str,
}

#[derive(Serialize)]
struct One {
    emprunt: Emprunt,
}

#[derive(Serialize)]
struct Returned {
    emprunt: Emprunt,
    livre: Option<Livre>,
}

impl From<pb::Loan> for Emprunt {
    fn from(loan: pb::Loan) -> Self {
        Self {
            statut: statut(loan.state()),
            id: loan.id,
            client_id: Some(loan.patron_id).filter(|id| !id.is_empty()),
            livre_id: loan.book_id,
            date_emprunt: iso(loan.borrow_time.unwrap_or_default()),
            date_retour_prevu: iso(loan.due_time.unwrap_or_default()),
            date_retour_effectif: loan.return_time.map(iso),
        }
    }
}

fn statut(state: pb::LoanState) -> &'static str {
    match state {
        pb::LoanState::Open | pb::LoanState::Unspecified => "en cours",
        pb::LoanState::Overdue => "en retard",
        pb::LoanState::Returned => "retourné",
    }
}

/// A state by its name here.
pub fn state_of(statut: &str) -> Option<pb::LoanState> {
    match statut {
        "en cours" => Some(pb::LoanState::Open),
        "en retard" => Some(pb::LoanState::Overdue),
        "retourné" => Some(pb::LoanState::Returned),
        _ => None,
    }
}

/// Operation 17.
pub async fn borrow(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    id: RawId,
    once: Once,
    fields: Fields,
) -> Answer {
    let item = Some(pb::borrow_book_request::Item::BookId(id_of(id, "book")?));
    only(&fields, &[])?;

    lend(&gateway, &caller, once, oneself(&caller)?, item).await
}

/// Operation 17 with the book in the body; at the desk also with the client, and with a barcode instead of the book.
pub async fn create(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    once: Once,
    fields: Fields,
) -> Answer {
    only(&fields, &BORROW)?;
    let (patron_id, item) = (patron_of(&caller, &fields)?, Some(item_of(&caller, &fields)?));

    lend(&gateway, &caller, once, patron_id, item).await
}

async fn lend(
    gateway: &Shared,
    caller: &Arc<Caller>,
    once: Once,
    patron_id: String,
    item: Option<pb::borrow_book_request::Item>,
) -> Answer {
    let request = pb::BorrowBookRequest { request_id: once.request_id, patron_id, item, validate_only: false };

    let loan = gateway.lending_for(caller).borrow_book(request).await?.into_inner().loan.unwrap_or_default();
    gateway.moved.note(&loan.book_id);

    Ok(shown(StatusCode::CREATED, "Emprunt created successfully!", loan))
}

fn item_of(caller: &Caller, fields: &Fields) -> Result<pb::borrow_book_request::Item, Ending> {
    use pb::borrow_book_request::Item;
    match fields.get("codeBarres") {
        Field::Absent => book_of(fields).map(Item::BookId),
        Field::Null | Field::Other(_) => Err(bad("codeBarres must be a string!").into()),
        Field::Text(_) if caller.role != Role::Admin => Err(Fault::Forbidden.into()),
        Field::Text(_) if fields.get("livreId") != Field::Absent => {
            Err(bad("livreId and codeBarres cannot be set together!").into())
        }
        Field::Text(barcode) => Ok(Item::Barcode(barcode.to_owned())),
    }
}

/// Operation 18.
pub async fn get(State(gateway): State<Shared>, Extension(caller): Extension<Arc<Caller>>, id: RawId) -> Answer {
    let loan_id = id_of(id, "emprunt")?;

    let found = gateway.lending_for(&caller).get_loan(pb::GetLoanRequest { loan_id }).await?;

    Ok(shown(StatusCode::OK, "Emprunt fetched successfully!", found.into_inner().loan.unwrap_or_default()))
}

/// Operation 19.
pub async fn update(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    id: RawId,
    fields: Fields,
) -> Answer {
    let changes = changes(id_of(id, "emprunt")?, &fields)?;

    let loan = gateway.lending_for(&caller).update_loan(changes).await?.into_inner().loan.unwrap_or_default();
    gateway.moved.note(&loan.book_id);

    Ok(shown(StatusCode::OK, "Emprunt updated successfully!", loan))
}

/// Operation 20.
pub async fn delete(State(gateway): State<Shared>, Extension(caller): Extension<Arc<Caller>>, id: RawId) -> Answer {
    let loan_id = id_of(id, "emprunt")?;

    let deleted = gateway.lending_for(&caller).delete_loan(pb::DeleteLoanRequest { loan_id }).await?;
    let loan = deleted.into_inner().loan.unwrap_or_default();
    gateway.moved.note(&loan.book_id);

    Ok(shown(StatusCode::OK, "Emprunt deleted successfully!", loan))
}

/// Operation 23.
pub async fn give_back(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    id: RawId,
    once: Once,
    fields: Fields,
) -> Answer {
    let loan_id = id_of(id, "emprunt")?;
    only(&fields, &[])?;
    let item = Some(pb::return_loan_request::Item::LoanId(loan_id));

    let request = pb::ReturnLoanRequest { request_id: once.request_id, item };
    let returned = gateway.lending_for(&caller).return_loan(request).await?.into_inner();
    let loan = returned.loan.unwrap_or_default();
    gateway.moved.note(&loan.book_id);
    let book = book(&gateway, loan.book_id.clone()).await;

    let numbers: Numbers = returned.availability.into_iter().collect();
    let livre = book.map(|book| numbers.onto(book).into());
    Ok(say(StatusCode::OK, "Book returned successfully!", Returned { emprunt: loan.into(), livre }))
}

/// The book that came back, if catalog can show it: the loan has ended without it.
async fn book(gateway: &Shared, book_id: String) -> Option<catalog::Book> {
    let mut catalog = gateway.catalog();
    let asked = catalog.get_book(catalog::GetBookRequest { book_id });
    timeout(PATIENCE, asked).await.ok()?.ok()?.into_inner().book
}

/// Lends it for another period.
pub async fn renew(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    id: RawId,
    once: Once,
    fields: Fields,
) -> Answer {
    let loan_id = id_of(id, "emprunt")?;
    only(&fields, &[])?;

    let request = pb::RenewLoanRequest { request_id: once.request_id, loan_id };
    let renewed = gateway.lending_for(&caller).renew_loan(request).await?;

    Ok(shown(StatusCode::OK, "Emprunt renewed successfully!", renewed.into_inner().loan.unwrap_or_default()))
}

fn shown(status: StatusCode, message: &str, loan: pb::Loan) -> Response {
    say(status, message, One { emprunt: loan.into() })
}

/// A body as changes of a loan, at least one.
fn changes(id: String, fields: &Fields) -> Result<pb::UpdateLoanRequest, Ending> {
    let (mut loan, mut paths) = (pb::Loan { id, ..pb::Loan::default() }, Vec::new());
    if fields.unknown(&["statut", "dateRetourPrevu"]).is_some() {
        return Err(bad("Invalid updates!").into());
    }
    if let Some(statut) = text(fields, "statut", BAD_STATUT)? {
        loan.set_state(state_of(statut).ok_or_else(|| bad(BAD_STATUT))?);
        paths.push("state".to_owned());
    }
    if let Some(date) = text(fields, "dateRetourPrevu", BAD_DUE_TIME)? {
        loan.due_time = Some(instant(date).ok_or_else(|| bad(BAD_DUE_TIME))?.into());
        paths.push("due_time".to_owned());
    }
    if paths.is_empty() {
        return Err(bad("Invalid updates!").into());
    }
    Ok(pb::UpdateLoanRequest { loan: Some(loan), update_mask: Some(FieldMask { paths }) })
}

/// A string, if the field is there.
fn text<'a>(fields: &'a Fields, name: &str, otherwise: &str) -> Result<Option<&'a str>, Ending> {
    match fields.get(name) {
        Field::Absent => Ok(None),
        Field::Text(text) => Ok(Some(text)),
        Field::Null | Field::Other(_) => Err(bad(otherwise).into()),
    }
}
