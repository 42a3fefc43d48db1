//! Document 003: `POST /v1/auth/register/update-password`.

use std::sync::Arc;

use axum::{Extension, extract::State, http::StatusCode, response::Response};
use proto::identity::v1 as pb;
use serde::Serialize;
use serde_json::{Value, json as value};
use shared::passport::Caller;

use super::{
    json::{SOON, json, retry_after},
    printed,
};
use crate::{
    Shared,
    body::{Field, Fields},
    fault::{Answer, Fault, Reason, not_of_a_change, of_ones_own},
    openapi::{
        self, Access, Endpoint, post,
        schema::{any_text, list, object, object_with},
    },
};

pub const PATH: &str = "/v1/auth/register/update-password";

const FIELDS: [&str; 2] = ["password", "newPassword"];

/// The most characters of `password`.
const LONGEST: usize = 128;

const DONE: &str = "Password updated";

/// The one operation.
pub fn endpoints() -> Vec<Endpoint> {
    let text = || value!({"type": "string", "maxLength": 256});
    let done = object([("done", value!({"const": true})), ("message", text())]);
    let done = object([("status", value!({"const": true})), ("data", done)]);
    let change = post(PATH, "updatePassword", change_password)
        .access(Access::SignedIn)
        .does("Change one's own password from the profile")
        .reads(object([("password", any_text(0, 128)), ("newPassword", any_text(8, 128))]))
        .for_example("printed", printed::applivery_request())
        .answers(openapi::Answer::json(StatusCode::OK, DONE, done).for_example("printed", printed::applivery_answer()))
        .refuses(invalid(&[value!({"field": "newPassword", "message": "is required"})]))
        .refuses(Reason::WrongPassword)
        .changes_password()
        .refuses(Reason::NotYours);
    vec![change.complete()]
}

/// How the surface refuses.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let text = || value!({"type": "string", "maxLength": 256});
    let errors = list(object([("field", value!({"type": "string"})), ("message", value!({"type": "string"}))]));
    let error = object_with(
        [("code", value!({"type": "integer"})), ("message", text()), ("data", object([("errors", errors)]))],
        &["code", "message"],
    );
    vec![("AppliveryRefusal", object([("status", value!({"const": false})), ("error", error)]))]
}

async fn change_password(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    fields: Fields,
) -> Answer {
    let errors = misfits(&fields);
    if !errors.is_empty() {
        return Err(invalid(&errors).into());
    }
    let change = pb::ChangePasswordRequest {
        account_id: caller.subject.clone(),
        old_password: fields.text("password"),
        new_password: fields.text("newPassword"),
        confirmation: None,
        must_differ: false,
    };

    gateway.identity_for(&caller).change_password(change).await.map_err(of_ones_own)?;

    Ok(json(StatusCode::OK, &Success { status: true, data: Done { done: true, message: DONE } }))
}

/// What is wrong with the fields, one by one. The new password's length is a matter of complexity, not of form.
fn misfits(fields: &Fields) -> Vec<Value> {
    let misfit = |field: &str, message: &str| value!({"field": field, "message": message});
    let mut misfits: Vec<Value> = FIELDS
        .iter()
        .filter_map(|name| match fields.get(name) {
            Field::Absent => Some(misfit(name, "is required")),
            Field::Text(text) if *name == "password" && text.chars().count() > LONGEST => {
                Some(misfit(name, "must have at most 128 characters"))
            }
            Field::Text(_) => None,
            Field::Null | Field::Other(_) => Some(misfit(name, "must be a string")),
        })
        .collect();
    misfits.extend(fields.names().filter(|name| !FIELDS.contains(name)).map(|name| misfit(name, "is not allowed")));
    misfits
}

#[derive(Serialize)]
struct Success {
    status: bool,
    data: Done,
}

#[derive(Serialize)]
struct Done {
    done: bool,
    message: &'static str,
}

#[derive(Serialize)]
struct Envelope<'a> {
    status: bool,
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: u16,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

fn fail(status: StatusCode, code: u16, message: &str) -> Response {
    json(status, &Envelope { status: false, error: Error { code, message, data: None } })
}

fn invalid(errors: &[Value]) -> Response {
    let error = Error { code: 3001, message: "Body Validation Error", data: Some(value!({"errors": errors})) };
    json(StatusCode::BAD_REQUEST, &Envelope { status: false, error })
}

/// The document's words for a refusal. The codes 1001 and up are ours.
pub fn refuse(fault: &Fault) -> Response {
    match fault {
        Fault::NoToken | Fault::BadToken => fail(StatusCode::UNAUTHORIZED, 4002, "No auth token"),
        Fault::RevokedToken => fail(StatusCode::UNAUTHORIZED, 4004, "Invalid Token"),
        Fault::ExpiredToken => fail(StatusCode::UNAUTHORIZED, 4005, "Token Expired"),
        Fault::Refused(Reason::WrongPassword) => fail(StatusCode::FORBIDDEN, 4006, "Invalid Credentials"),
        Fault::PasswordLength { .. }
        | Fault::Refused(Reason::WeakPassword | Reason::ShortPassword | Reason::CommonPassword) => {
            fail(StatusCode::BAD_REQUEST, 5057, "Insufficient Password Complexity")
        }
        Fault::Malformed(how) => invalid(&[value!({"field": "", "message": format!("the request body {how}")})]),
        Fault::Forbidden => fail(StatusCode::FORBIDDEN, 4003, "Forbidden"),
        Fault::NotFound(_) => fail(StatusCode::NOT_FOUND, 1001, "Not Found"),
        Fault::MethodNotAllowed => fail(StatusCode::METHOD_NOT_ALLOWED, 1002, "Method Not Allowed"),
        Fault::TooLarge => fail(StatusCode::PAYLOAD_TOO_LARGE, 1003, "Payload Too Large"),
        Fault::TooSlow => fail(StatusCode::REQUEST_TIMEOUT, 1004, "Request Timeout"),
        Fault::UnsupportedMediaType => fail(StatusCode::UNSUPPORTED_MEDIA_TYPE, 1005, "Unsupported Media Type"),
        Fault::TooMany { retry_after: after } => {
            retry_after(fail(StatusCode::TOO_MANY_REQUESTS, 1006, "Too Many Requests"), *after)
        }
        Fault::Unavailable => retry_after(fail(StatusCode::SERVICE_UNAVAILABLE, 1007, "Service Unavailable"), SOON),
        Fault::Internal
        | Fault::Invalid(_)
        | Fault::ChildrenNotFound(_)
        | Fault::Refused(
            not_of_a_change!() | Reason::ConfirmationMismatch | Reason::InvalidApiKey | Reason::PasswordUnchanged,
        ) => fail(StatusCode::INTERNAL_SERVER_ERROR, 1000, "Internal error"),
    }
}
