//! Operations 26 to 28: the children of a family.

use axum::{extract::Path, http::StatusCode};
use proto::identity::v1 as pb;
use tonic::Status;

use super::{
    envelope::{not_found, tell},
    kind::Kind,
    lists::{Wanted, listed},
    members::one,
    school::School,
    shown::{Member, shown},
    users::nothing,
};
use crate::fault::{Answer, Ending, Fault, Reason};

/// What is said of a child that is not there.
pub const NO_RECORD: &str = "The association could not be performed because the child does not have a record.";

/// Operation 26.
pub async fn children(School(mut school): School, Path(family_id): Path<String>, Wanted(query): Wanted) -> Answer {
    let request = pb::ListFamilyChildrenRequest { family_id, query: Some(query) };

    let found = school.list_family_children(request).await.map_err(|status| Kind::Family.refuse(status))?.into_inner();

    Ok(listed::<Member>(&shown(found.children), found.total_size))
}

/// Operation 27.
pub async fn add(School(mut school): School, Path((family_id, child_id)): Path<(String, String)>) -> Answer {
    let request = pb::AddFamilyChildRequest { family_id, child_id };

    let added = school.add_family_child(request).await.map_err(not_added)?;

    one(StatusCode::OK, added.into_inner().family)
}

/// Both are told with 400: the one with the texts of 404, the other with its own.
fn not_added(status: Status) -> Ending {
    match Fault::from(status) {
        Fault::Refused(Reason::AccountNotFound) => not_found(StatusCode::BAD_REQUEST, "Family").into(),
        Fault::ChildrenNotFound(_) => tell(StatusCode::BAD_REQUEST, NO_RECORD).into(),
        fault => fault.into(),
    }
}

/// Operation 28.
pub async fn remove(School(mut school): School, Path((family_id, child_id)): Path<(String, String)>) -> Answer {
    let request = pb::RemoveFamilyChildRequest { family_id, child_id };

    school.remove_family_child(request).await.map_err(|status| Kind::Family.refuse(status))?;

    Ok(nothing())
}
