//! For whom somebody borrows or waits: himself, or, as an admin at the desk, anybody.

use shared::passport::{Caller, Role};

use super::{envelope::bad, ids::checked};
use crate::{
    body::{Field, Fields},
    fault::{Ending, Fault},
};

/// What is said of a body that names no book.
pub const BOOK_REQUIRED: &str = "All fields are required (livreId)!";

/// The caller himself. Programs neither borrow nor wait.
///
/// # Errors
/// 403
pub fn oneself(caller: &Caller) -> Result<String, Ending> {
    match caller.sub_type.as_str() {
        "application" => Err(Fault::Forbidden.into()),
        _ => Ok(caller.subject.clone()),
    }
}

/// Whom a body's `clientId` names; the caller when there is none.
///
/// # Errors
/// 403 when it is somebody else's and the caller no admin, 400 when it is nobody's.
pub fn patron_of(caller: &Caller, fields: &Fields) -> Result<String, Ending> {
    match fields.get("clientId") {
        Field::Absent => oneself(caller),
        Field::Null | Field::Other(_) => Err(bad("clientId must be a string!").into()),
        Field::Text(id) if id == caller.subject || caller.role == Role::Admin => checked(id, "clientId"),
        Field::Text(_) => Err(Fault::Forbidden.into()),
    }
}

/// The book that a body names with `livreId`.
///
/// # Errors
/// 400
pub fn book_of(fields: &Fields) -> Result<String, Ending> {
    match fields.get("livreId") {
        Field::Absent | Field::Null | Field::Text("") => Err(bad(BOOK_REQUIRED).into()),
        Field::Other(_) => Err(bad("livreId must be a string!").into()),
        Field::Text(id) => checked(id, "livreId"),
    }
}

/// Whose loans or holds a list shows: those of the client it is asked for, or the caller's own, or for an admin everybody's.
/// Lending sees to it that nobody reads somebody else's.
pub fn filtered(caller: &Caller, client_id: String) -> String {
    match (client_id.is_empty(), caller.role) {
        (true, Role::Client) => caller.subject.clone(),
        _ => client_id,
    }
}
