//! Ids, in paths, bodies and queries.

use axum::extract::{Path, path::ErrorKind, rejection::PathRejection};
use shared::Id;

use super::envelope::bad;
use crate::fault::Ending;

/// The id of a path, if it is one.
pub type RawId = Result<Path<String>, PathRejection>;

/// The two ids of a path, if they are.
pub type RawIds = Result<Path<(String, String)>, PathRejection>;

/// An id of the path.
///
/// # Errors
/// 400, in the surface's words.
pub fn id_of(path: RawId, what: &str) -> Result<String, Ending> {
    checked(&path.map(|Path(id)| id).unwrap_or_default(), &format!("{what} id"))
}

/// The ids of a path, of which the first one is called `{id}`.
///
/// # Errors
/// 400, in the surface's words.
pub fn ids_of(path: RawIds, whats: [&str; 2]) -> Result<(String, String), Ending> {
    let [first, second] = whats.map(|what| format!("{what} id"));
    match path {
        Ok(Path((one, other))) => Ok((checked(&one, &first)?, checked(&other, &second)?)),
        Err(rejection) if is_of_id(&rejection) => checked("", &first).map(|id| (id, String::new())),
        Err(_) => checked("", &second).map(|id| (String::new(), id)),
    }
}

fn is_of_id(rejection: &PathRejection) -> bool {
    let PathRejection::FailedToDeserializePathParams(why) = rejection else { return false };
    matches!(why.kind(), ErrorKind::InvalidUtf8InPathParam { key } if key == "id")
}

/// An id, by the name that the client knows it by.
///
/// # Errors
/// 400, in the surface's words.
pub fn checked(id: &str, what: &str) -> Result<String, Ending> {
    match id.parse::<Id>() {
        Ok(_) => Ok(id.to_owned()),
        Err(_) => Err(bad(&format!("Invalid {what}! It must be 24 lower-case hexadecimal characters.")).into()),
    }
}
