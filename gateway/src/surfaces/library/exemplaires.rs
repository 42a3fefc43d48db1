//! `/api/livres/{id}/exemplaires`: the copies of a book, for admins.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::{StatusCode, Uri},
    response::Response,
};
use prost_types::FieldMask;
use proto::lending::v1 as pb;
use serde::Serialize;
use shared::passport::Caller;

use super::{
    envelope::{BAD_ETAT, bad, only, say},
    idempotency::Once,
    ids::{RawId, RawIds, id_of, ids_of},
    pages::{Extent, Page},
};
use crate::{
    Shared,
    body::{Field, Fields},
    fault::{Answer, Ending, Fault, Reason},
};

/// A copy as the surface prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exemplaire {
    #[serde(rename = "_id")]
    id: String,
    livre_id: String,
    code_barres: String,
    etat: &'static str,
}

#[derive(Serialize)]
struct One {
    exemplaire: Exemplaire,
}

#[derive(Serialize)]
struct All {
    exemplaires: Vec<Exemplaire>,
}

impl From<pb::Copy> for Exemplaire {
    fn from(copy: pb::Copy) -> Self {
        Self { etat: etat(copy.state()), id: copy.id, livre_id: copy.book_id, code_barres: copy.barcode }
    }
}

fn etat(state: pb::CopyState) -> &'static str {
    match state {
        pb::CopyState::OnShelf | pb::CopyState::Unspecified => "en rayon",
        pb::CopyState::OnLoan => "prêté",
        pb::CopyState::OnHoldShelf => "réservé",
        pb::CopyState::Lost => "perdu",
        pb::CopyState::Withdrawn => "retiré",
    }
}

/// The copies that are not withdrawn, the oldest first.
pub async fn list(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    id: RawId,
    uri: Uri,
) -> Answer {
    let book_id = id_of(id, "book")?;
    let page = Page::of(&uri)?;
    let (page_size, page_token, skip) = (page.limit(), page.after(), page.skip());

    let wanted = pb::ListCopiesRequest { book_id, page_size, page_token, skip };
    let found = gateway.lending_for(&caller).list_copies(wanted).await?.into_inner();

    let exemplaires = found.copies.into_iter().map(Exemplaire::from).collect();
    let answer = say(StatusCode::OK, "Exemplaires fetched successfully!", All { exemplaires });
    Ok(page.describe(answer, &uri, &Extent::counted(found.total_size, found.next_page_token)))
}

/// Adds a copy, possibly with a barcode.
pub async fn create(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    id: RawId,
    once: Once,
    fields: Fields,
) -> Answer {
    let book_id = id_of(id, "book")?;
    only(&fields, &["codeBarres"])?;
    let barcode = barcode(&fields)?.unwrap_or_default();
    let copy = Some(pb::Copy { book_id, barcode, ..pb::Copy::default() });

    let request = pb::CreateCopyRequest { request_id: once.request_id, copy };
    let made = gateway.lending_for(&caller).create_copy(request).await?;
    let copy = made.into_inner().copy.unwrap_or_default();
    gateway.moved.note(&copy.book_id);

    Ok(shown(StatusCode::CREATED, "Exemplaire created successfully!", copy))
}

/// One copy.
pub async fn get(State(gateway): State<Shared>, Extension(caller): Extension<Arc<Caller>>, ids: RawIds) -> Answer {
    let ids = ids_of(ids, ["book", "exemplaire"])?;

    let copy = below(&gateway, &caller, ids).await?;

    Ok(shown(StatusCode::OK, "Exemplaire fetched successfully!", copy))
}

/// Gives a copy a barcode, loses it or finds it.
pub async fn update(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    ids: RawIds,
    fields: Fields,
) -> Answer {
    let ids = ids_of(ids, ["book", "exemplaire"])?;
    let (changes, paths) = changes(&fields)?;

    let pb::Copy { id, .. } = below(&gateway, &caller, ids).await?;
    let (copy, update_mask) = (Some(pb::Copy { id, ..changes }), Some(FieldMask { paths }));
    let changed = gateway.lending_for(&caller).update_copy(pb::UpdateCopyRequest { copy, update_mask }).await?;
    let copy = changed.into_inner().copy.unwrap_or_default();
    gateway.moved.note(&copy.book_id);

    Ok(shown(StatusCode::OK, "Exemplaire updated successfully!", copy))
}

/// Withdraws a copy for good.
pub async fn delete(State(gateway): State<Shared>, Extension(caller): Extension<Arc<Caller>>, ids: RawIds) -> Answer {
    let ids = ids_of(ids, ["book", "exemplaire"])?;

    let pb::Copy { id: copy_id, .. } = below(&gateway, &caller, ids).await?;
    let withdrawn = gateway.lending_for(&caller).withdraw_copy(pb::WithdrawCopyRequest { copy_id }).await?;
    let copy = withdrawn.into_inner().copy.unwrap_or_default();
    gateway.moved.note(&copy.book_id);

    Ok(shown(StatusCode::OK, "Exemplaire deleted successfully!", copy))
}

/// A copy of this book. Copies never change their book, so what is found here still is when it is changed.
async fn below(gateway: &Shared, caller: &Arc<Caller>, ids: (String, String)) -> Result<pb::Copy, Ending> {
    let (book_id, copy_id) = ids;
    let found = gateway.lending_for(caller).get_copy(pb::GetCopyRequest { copy_id }).await?;
    match found.into_inner().copy {
        Some(copy) if copy.book_id == book_id => Ok(copy),
        _ => Err(Fault::Refused(Reason::CopyNotFound).into()),
    }
}

fn shown(status: StatusCode, message: &str, copy: pb::Copy) -> Response {
    say(status, message, One { exemplaire: copy.into() })
}

fn barcode(fields: &Fields) -> Result<Option<String>, Ending> {
    match fields.get("codeBarres") {
        Field::Absent => Ok(None),
        Field::Text(barcode) => Ok(Some(barcode.to_owned())),
        Field::Null | Field::Other(_) => Err(bad("codeBarres must be a string!").into()),
    }
}

/// A body as changes of a copy, at least one, and their names.
fn changes(fields: &Fields) -> Result<(pb::Copy, Vec<String>), Ending> {
    if fields.unknown(&["codeBarres", "etat"]).is_some() {
        return Err(bad("Invalid updates!").into());
    }
    let (mut copy, mut paths) = (pb::Copy::default(), Vec::new());
    if let Some(barcode) = barcode(fields)? {
        copy.barcode = barcode;
        paths.push("barcode".to_owned());
    }
    match fields.get("etat") {
        Field::Absent => (),
        Field::Text("perdu") => copy.set_state(pb::CopyState::Lost),
        Field::Text("en rayon") => copy.set_state(pb::CopyState::OnShelf),
        _ => return Err(bad(BAD_ETAT).into()),
    }
    if copy.state() != pb::CopyState::Unspecified {
        paths.push("state".to_owned());
    }
    if paths.is_empty() { Err(bad("Invalid updates!").into()) } else { Ok((copy, paths)) }
}
