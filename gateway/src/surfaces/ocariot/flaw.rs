//! What can be wrong with a field, in the contract's words.

use axum::{http::StatusCode, response::Response};

use super::envelope::{bad_id, invalid, say, tell};

/// A row of the contract's table of refusals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    Empty(&'static str),
    NotString(&'static str),
    /// A field, and what it must be like.
    Unfit(&'static str, &'static str),
    BadInstitution,
    NotGender,
    NotAge,
    AgeNotPositive,
    NoDate(String),
    YearNotAllowed(String),
    NoSuchDay(String),
    InTheFuture(String),
    NotArray,
    BadItem,
    BadItems(String),
    PasswordRoute,
    MissingAlone(&'static str),
    Missing(String),
    Unknown(String),
}

impl Flaw {
    /// In words; `id` is the path's first one.
    pub fn told(&self, id: &str) -> Response {
        match self {
            Self::Empty(field) => invalid(&format!("{field} must have at least one character!")),
            Self::NotString(field) => invalid(&format!("{field} must be a string!")),
            Self::Unfit(field, how) => invalid(&format!("{field} {how}!")),
            Self::BadInstitution => bad_id("institution_id"),
            Self::NotGender => invalid("The names of the allowed genders are: male, female."),
            Self::NotAge => invalid("Provided age is not a valid number!"),
            Self::AgeNotPositive => invalid("Age cannot be less than or equal to zero!"),
            Self::NoDate(date) => {
                let message = format!("Date: {date}, is not in valid ISO 8601 format.");
                say(StatusCode::BAD_REQUEST, &message, "Date must be in the format: yyyy-MM-dd")
            }
            Self::YearNotAllowed(date) => bad(&format!(
                "Date {date} has year not allowed. The year must be greater than 1678 and less than 2261."
            )),
            Self::NoSuchDay(date) => bad(&format!("Date: {date}, is not in valid ISO 8601 format.")),
            Self::InTheFuture(date) => {
                let description = "The 'age' and 'age_calc_date' fields can only receive past or present dates.";
                say(StatusCode::BAD_REQUEST, &format!("Datetime: {date}, cannot be used!"), description)
            }
            Self::NotArray => invalid("children must be an array!"),
            Self::BadItem => invalid(
                "Children field contains invalid IDs. It is expected that each item in the array is a 24-byte hex string \
                 like this: 507f191e810c19729de860ea",
            ),
            Self::BadItems(ids) => {
                invalid(&format!("The following IDs from children attribute are not in valid format: {ids}"))
            }
            Self::PasswordRoute => {
                let description = format!(
                    "A specific route to update user password already exists.Access: PATCH /users/{id}/password to \
                     update your password."
                );
                say(StatusCode::BAD_REQUEST, "This parameter could not be updated.", &description)
            }
            Self::MissingAlone(name) => {
                say(StatusCode::BAD_REQUEST, "Required field not provided...", &format!("{name} is required!"))
            }
            Self::Missing(names) => {
                say(StatusCode::BAD_REQUEST, "Required fields were not provided...", &format!("{names} are required!"))
            }
            Self::Unknown(names) => invalid(&format!("{names} are not allowed!")),
        }
    }
}

fn bad(message: &str) -> Response {
    tell(StatusCode::BAD_REQUEST, message)
}
