//! What an address asks for besides its path.

use axum::{extract::Query, http::Uri};
use serde::de::DeserializeOwned;

use super::{envelope::bad, ids::checked};
use crate::fault::Ending;

/// The parameters that `T` names; others are passed over.
///
/// # Errors
/// 400
pub fn parameters<T: DeserializeOwned>(uri: &Uri) -> Result<T, Ending> {
    match Query::try_from_uri(uri) {
        Ok(Query(parameters)) => Ok(parameters),
        Err(_) => Err(bad("Invalid query!").into()),
    }
}

/// Yes or no; no when it is not there.
///
/// # Errors
/// 400, naming the parameter.
pub fn yes_or_no(name: &str, value: &str) -> Result<bool, Ending> {
    match value {
        "true" => Ok(true),
        "" | "false" => Ok(false),
        _ => Err(bad(&format!("Invalid {name}! It must be true or false.")).into()),
    }
}

/// An id, or nothing when it is not there.
///
/// # Errors
/// 400, naming the parameter.
pub fn optional_id(name: &str, value: &str) -> Result<String, Ending> {
    if value.is_empty() { Ok(String::new()) } else { checked(value, name) }
}
