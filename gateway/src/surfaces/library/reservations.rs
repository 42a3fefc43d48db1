//! `/api/reservations`: the queues for books.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::{StatusCode, Uri},
    response::Response,
};
use proto::lending::v1 as pb;
use serde::{Deserialize, Serialize};
use shared::passport::Caller;

use super::{
    dates::iso,
    envelope::{only, say},
    idempotency::Once,
    ids::{RawId, id_of},
    pages::{Extent, Page},
    patron::{book_of, filtered, patron_of},
    query::{optional_id, parameters, yes_or_no},
};
use crate::{
    Shared,
    body::Fields,
    fault::{Answer, Ending},
};

/// A hold as the surface prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reservation {
    #[serde(rename = "_id")]
    id: String,
    client_id: Option<String>,
    livre_id: String,
    date_reservation: String,
    statut: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_limite: Option<String>,
}

#[derive(Serialize)]
struct One {
    reservation: Reservation,
}

#[derive(Serialize)]
struct All {
    reservations: Vec<Reservation>,
}

impl From<pb::Hold> for Reservation {
    fn from(hold: pb::Hold) -> Self {
        let state = hold.state();
        Self {
            id: hold.id,
            client_id: Some(hold.patron_id).filter(|id| !id.is_empty()),
            livre_id: hold.book_id,
            date_reservation: iso(hold.create_time.unwrap_or_default()),
            statut: statut(state),
            position: (state == pb::HoldState::Waiting).then_some(hold.position),
            date_limite: hold.expire_time.filter(|_| state == pb::HoldState::Ready).map(iso),
        }
    }
}

fn statut(state: pb::HoldState) -> &'static str {
    match state {
        pb::HoldState::Waiting | pb::HoldState::Unspecified => "en attente",
        pb::HoldState::Ready => "prête",
        pb::HoldState::Fulfilled => "terminée",
        pb::HoldState::Cancelled => "annulée",
        pb::HoldState::Expired => "expirée",
    }
}

/// What a list may be asked for, besides its page.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    livre_id: String,
    #[serde(default)]
    ouvertes: String,
}

impl Wanted {
    fn filter(&self, caller: &Caller) -> Result<pb::HoldFilter, Ending> {
        Ok(pb::HoldFilter {
            patron_id: filtered(caller, optional_id("clientId", &self.client_id)?),
            book_id: optional_id("livreId", &self.livre_id)?,
            open: yes_or_no("ouvertes", &self.ouvertes)?,
        })
    }
}

/// A client's own, or for an admin everybody's; the oldest first.
pub async fn list(State(gateway): State<Shared>, Extension(caller): Extension<Arc<Caller>>, uri: Uri) -> Answer {
    let page = Page::of(&uri)?;
    let filter = Some(parameters::<Wanted>(&uri)?.filter(&caller)?);
    let (page_size, page_token, skip) = (page.limit(), page.after(), page.skip());

    let wanted = pb::ListHoldsRequest { page_size, page_token, skip, filter };
    let found = gateway.lending_for(&caller).list_holds(wanted).await?.into_inner();

    let reservations = found.holds.into_iter().map(Reservation::from).collect();
    let answer = say(StatusCode::OK, "Reservations fetched successfully!", All { reservations });
    Ok(page.describe(answer, &uri, &Extent::counted(found.total_size, found.next_page_token)))
}

/// Queues for a book.
pub async fn create(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    once: Once,
    fields: Fields,
) -> Answer {
    only(&fields, &["livreId", "clientId"])?;
    let (patron_id, book_id) = (patron_of(&caller, &fields)?, book_of(&fields)?);

    let request = pb::PlaceHoldRequest { request_id: once.request_id, patron_id, book_id };
    let hold = gateway.lending_for(&caller).place_hold(request).await?.into_inner().hold.unwrap_or_default();
    gateway.moved.note(&hold.book_id);

    Ok(shown(StatusCode::CREATED, "Reservation created successfully!", hold))
}

/// One of one's own, or for an admin anybody's.
pub async fn get(State(gateway): State<Shared>, Extension(caller): Extension<Arc<Caller>>, id: RawId) -> Answer {
    let hold_id = id_of(id, "reservation")?;

    let found = gateway.lending_for(&caller).get_hold(pb::GetHoldRequest { hold_id }).await?;

    Ok(shown(StatusCode::OK, "Reservation fetched successfully!", found.into_inner().hold.unwrap_or_default()))
}

/// Leaves the queue.
pub async fn cancel(State(gateway): State<Shared>, Extension(caller): Extension<Arc<Caller>>, id: RawId) -> Answer {
    let hold_id = id_of(id, "reservation")?;

    let cancelled = gateway.lending_for(&caller).cancel_hold(pb::CancelHoldRequest { hold_id }).await?;
    let hold = cancelled.into_inner().hold.unwrap_or_default();
    gateway.moved.note(&hold.book_id);

    Ok(shown(StatusCode::OK, "Reservation cancelled successfully!", hold))
}

fn shown(status: StatusCode, message: &str, hold: pb::Hold) -> Response {
    say(status, message, One { reservation: hold.into() })
}
