//! Document 004: `PATCH /api/user/password`, with an API key and a token.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    middleware::Next,
    response::Response,
};
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
    body::Fields,
    fault::{Answer, Fault, Reason, not_of_a_change, of_ones_own},
    openapi::{
        self, Access, Endpoint, patch,
        schema::{any_text, object},
    },
};

pub const PATH: &str = "/api/user/password";

const FIELDS: [&str; 2] = ["oldPassword", "newPassword"];

const DONE: &str = "Password updated successfully";
const MISSING: &str = "Both oldPassword and newPassword are required";

/// The one operation.
pub fn endpoints() -> Vec<Endpoint> {
    let done = object([("success", value!({"const": true})), ("message", value!({"const": DONE}))]);
    let change = patch(PATH, "patchPassword", change_password)
        .access(Access::SignedInWithKey)
        .does("Change one's own password, through an application")
        .notes("Order of checks: key, token, fields, old password, difference, strength.")
        .reads(object([("oldPassword", any_text(1, 128)), ("newPassword", any_text(8, 128))]))
        .for_example("printed", printed::user_request())
        .for_example("printed in the command", printed::user_request_of_command())
        .answers(openapi::Answer::json(StatusCode::OK, DONE, done).for_example("printed", printed::user_answer()))
        .refuses(Reason::InvalidApiKey)
        .refuses(say(StatusCode::BAD_REQUEST, MISSING))
        .refuses(say(StatusCode::BAD_REQUEST, "Unknown fields: role"))
        .refuses(Reason::WrongPassword)
        .refuses(Reason::PasswordUnchanged)
        .changes_password()
        .refuses(Reason::NotYours);
    vec![change.complete()]
}

/// How the surface refuses.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![("UserRefusal", object([("success", value!({"const": false})), ("message", value!({"type": "string"}))]))]
}

/// Lets a request through that names exactly one good API key.
pub async fn with_api_key(State(gateway): State<Shared>, request: Request, next: Next) -> Answer {
    let key = api_key(request.headers()).ok_or(Fault::Refused(Reason::InvalidApiKey))?;
    gateway.identity().verify_api_key(pb::VerifyApiKeyRequest { key }).await?;
    Ok(next.run(request).await)
}

fn api_key(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all("x-api-key").iter();
    let key = values.next()?.to_str().ok()?.to_owned();
    values.next().is_none().then_some(key)
}

async fn change_password(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    fields: Fields,
) -> Answer {
    if let Some(unknown) = fields.unknown(&FIELDS) {
        return Err(say(StatusCode::BAD_REQUEST, &format!("Unknown fields: {unknown}")).into());
    }
    if !FIELDS.iter().all(|name| fields.is_filled(name)) {
        return Err(say(StatusCode::BAD_REQUEST, MISSING).into());
    }
    let change = pb::ChangePasswordRequest {
        account_id: caller.subject.clone(),
        old_password: fields.text("oldPassword"),
        new_password: fields.text("newPassword"),
        confirmation: None,
        must_differ: true,
    };

    gateway.identity_for(&caller).change_password(change).await.map_err(of_ones_own)?;

    Ok(say(StatusCode::OK, DONE))
}

#[derive(Serialize)]
struct Envelope<'a> {
    success: bool,
    message: &'a str,
}

fn say(status: StatusCode, message: &str) -> Response {
    json(status, &Envelope { success: status.is_success(), message })
}

/// The document's words for a refusal.
pub fn refuse(fault: &Fault) -> Response {
    match fault {
        Fault::NoToken | Fault::BadToken | Fault::ExpiredToken | Fault::RevokedToken => {
            say(StatusCode::UNAUTHORIZED, "Access denied")
        }
        Fault::Refused(Reason::InvalidApiKey) => say(StatusCode::FORBIDDEN, "Invalid API key"),
        Fault::Refused(Reason::WrongPassword) => say(StatusCode::UNAUTHORIZED, "Incorrect password"),
        Fault::Refused(Reason::PasswordUnchanged) => {
            say(StatusCode::BAD_REQUEST, "New password cannot be the same as the old password")
        }
        Fault::Refused(Reason::WeakPassword) => say(
            StatusCode::BAD_REQUEST,
            "Password must contain at least 8 characters, one uppercase letter, one lowercase letter, and one number.",
        ),
        Fault::Refused(Reason::ShortPassword) => {
            say(StatusCode::BAD_REQUEST, "Password must contain at least 15 characters.")
        }
        Fault::Refused(Reason::CommonPassword) => say(StatusCode::BAD_REQUEST, "Password is too easy to guess"),
        Fault::PasswordLength { least, most } => {
            say(StatusCode::BAD_REQUEST, &format!("Password must have between {least} and {most} characters."))
        }
        Fault::NotFound(_) => say(StatusCode::NOT_FOUND, "Not found"),
        Fault::MethodNotAllowed => say(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
        Fault::TooLarge => say(StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large"),
        Fault::TooSlow => say(StatusCode::REQUEST_TIMEOUT, "The request body did not come in time"),
        Fault::UnsupportedMediaType => {
            say(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The request body must be application/json")
        }
        Fault::Malformed(how) => say(StatusCode::BAD_REQUEST, &format!("The request body {how}")),
        Fault::TooMany { retry_after: after } => {
            retry_after(say(StatusCode::TOO_MANY_REQUESTS, "Too many attempts, please try again later"), *after)
        }
        Fault::Unavailable => {
            retry_after(say(StatusCode::SERVICE_UNAVAILABLE, "Service temporarily unavailable"), SOON)
        }
        Fault::Forbidden => say(StatusCode::FORBIDDEN, "Access denied"),
        Fault::Internal
        | Fault::Invalid(_)
        | Fault::ChildrenNotFound(_)
        | Fault::Refused(not_of_a_change!() | Reason::ConfirmationMismatch) => {
            say(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
        }
    }
}
