//! Document 001: for now the one operation that it prints in full, `PUT /v1/users/{user_id}/password`.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{FromRequestParts as _, Path, Request, State},
    http::StatusCode,
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::put,
};
use proto::identity::v1 as pb;
use serde::Serialize;
use shared::{Id, passport::Caller};

use super::json::{SOON, json, retry_after};
use crate::{
    Shared,
    body::{Field, Fields},
    fault::{Answer, Ending, Fault, Reason, not_of_a_change, of_ones_own},
    tokens,
};

/// What the document's menu begins with.
pub const ROOTS: [&str; 7] = [
    "/v1/users",
    "/v1/institutions",
    "/v1/children",
    "/v1/educators",
    "/v1/healthprofessionals",
    "/v1/families",
    "/v1/applications",
];

/// One of these is enough to change a password; the account has to be one's own all the same.
const SCOPES: [&str; 5] =
    ["educators:update", "families:update", "healthprofessionals:update", "applications:update", "children:update"];

const FIELDS: [&str; 2] = ["old_password", "new_password"];

const INVALID: &str = "One or more request fields are invalid...";

/// In the contract's order of checks: token, scope, id, ownership, and only then the body.
pub fn routes(gateway: &Shared) -> Router<Shared> {
    Router::new()
        .route("/v1/users/{user_id}/password", put(change_password))
        .route("/v1/users/{user_id}/password/", put(change_password))
        .route_layer(from_fn(own_password))
        .route_layer(from_fn_with_state(Arc::clone(gateway), tokens::signed_in))
}

/// Lets a request through whose caller may change his password here, and means his own.
async fn own_password(Extension(caller): Extension<Arc<Caller>>, request: Request, next: Next) -> Answer {
    if !caller.scope.split(' ').any(|scope| SCOPES.contains(&scope)) {
        return Err(Fault::Forbidden.into());
    }
    let (mut parts, body) = request.into_parts();
    let Path(user_id) = Path::<String>::from_request_parts(&mut parts, &()).await.map_err(|_| bad_id("user_id"))?;
    if user_id.parse::<Id>().is_err() {
        return Err(bad_id("user_id"));
    }
    if user_id != caller.subject {
        return Err(Fault::Forbidden.into());
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}

async fn change_password(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    fields: Fields,
) -> Answer {
    check(&fields)?;
    let change = pb::ChangePasswordRequest {
        account_id: caller.subject.clone(),
        old_password: fields.text("old_password"),
        new_password: fields.text("new_password"),
        confirmation: None,
        must_differ: false,
    };

    gateway.identity_for(&caller).change_password(change).await.map_err(of_ones_own)?;

    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A bad field beats a missing one, and a missing one an unknown one.
fn check(fields: &Fields) -> Result<(), Ending> {
    for name in FIELDS {
        match fields.get(name) {
            Field::Text("") => return Err(invalid(&format!("{name} must have at least one character!"))),
            Field::Text(_) | Field::Absent => (),
            Field::Null | Field::Other(_) => return Err(invalid(&format!("{name} must be a string!"))),
        }
    }
    let missing: Vec<&str> = FIELDS.into_iter().filter(|name| fields.get(name) == Field::Absent).collect();
    if !missing.is_empty() {
        let description = format!("{} are required!", missing.join(", "));
        return Err(say(StatusCode::BAD_REQUEST, "Required fields were not provided...", Some(&description)).into());
    }
    match fields.unknown(&FIELDS) {
        Some(unknown) => Err(invalid(&format!("{unknown} are not allowed!"))),
        None => Ok(()),
    }
}

fn invalid(description: &str) -> Ending {
    say(StatusCode::BAD_REQUEST, INVALID, Some(description)).into()
}

fn bad_id(name: &str) -> Ending {
    let message = format!("Parameter {{{name}}} is not in valid format!");
    let description = "A 24-byte hex ID similar to this: 507f191e810c19729de860ea is expected.";
    say(StatusCode::BAD_REQUEST, &message, Some(description)).into()
}

#[derive(Serialize)]
struct Envelope<'a> {
    code: u16,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_link: Option<&'a str>,
}

fn say(status: StatusCode, message: &str, description: Option<&str>) -> Response {
    json(status, &Envelope { code: status.as_u16(), message, description, redirect_link: None })
}

fn unauthorized(description: &str) -> Response {
    let status = StatusCode::UNAUTHORIZED;
    let envelope = Envelope {
        code: status.as_u16(),
        message: "UNAUTHORIZED",
        description: Some(description),
        redirect_link: Some("/auth"),
    };
    json(status, &envelope)
}

/// The contract's words for a refusal.
pub fn refuse(fault: Fault) -> Response {
    match fault {
        Fault::NoToken => unauthorized("Authentication failed for lack of authentication credentials."),
        Fault::BadToken => unauthorized("Authentication failed due to access token issues."),
        Fault::ExpiredToken => unauthorized("Authentication failed because access token is expired."),
        Fault::RevokedToken => unauthorized("The token user is not properly registered as a consumer at the gateway."),
        Fault::Forbidden => {
            say(StatusCode::FORBIDDEN, "FORBIDDEN", Some("Authorization failed due to insufficient permissions."))
        }
        Fault::NotFound(path) => say(StatusCode::NOT_FOUND, &format!("Endpoint {path} does not found!"), None),
        Fault::MethodNotAllowed => {
            let description = "This method is not supported for the resource.";
            say(StatusCode::METHOD_NOT_ALLOWED, "METHOD NOT ALLOWED", Some(description))
        }
        Fault::TooLarge => {
            let description = "The request body is larger than allowed.";
            say(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD TOO LARGE", Some(description))
        }
        Fault::TooSlow => {
            say(StatusCode::REQUEST_TIMEOUT, "REQUEST TIMEOUT", Some("The request body did not come in time."))
        }
        Fault::UnsupportedMediaType => {
            let description = "The request body must be sent as application/json.";
            say(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED MEDIA TYPE", Some(description))
        }
        Fault::Malformed(_) => {
            let description =
                "Please verify that the JSON provided in the request body has a valid format and try again.";
            say(StatusCode::BAD_REQUEST, "Unable to process request body!", Some(description))
        }
        Fault::TooMany { retry_after: after } => {
            let description = "Too many attempts. Please try again later.";
            retry_after(say(StatusCode::TOO_MANY_REQUESTS, "TOO MANY REQUESTS", Some(description)), after)
        }
        Fault::Unavailable => {
            let description = "The service is temporarily unavailable. Please try again later.";
            retry_after(say(StatusCode::SERVICE_UNAVAILABLE, "SERVICE UNAVAILABLE", Some(description)), SOON)
        }
        Fault::Refused(Reason::WrongPassword) => {
            let description = "The old password parameter does not match with the actual user password.";
            say(StatusCode::BAD_REQUEST, "Password does not match!", Some(description))
        }
        Fault::Refused(Reason::WeakPassword) => {
            let description = "new_password must contain at least 8 characters, one uppercase letter, one lowercase letter, and one number.";
            say(StatusCode::BAD_REQUEST, INVALID, Some(description))
        }
        Fault::Refused(Reason::ShortPassword) => {
            say(StatusCode::BAD_REQUEST, INVALID, Some("new_password must contain at least 15 characters."))
        }
        Fault::Refused(Reason::CommonPassword) => {
            say(StatusCode::BAD_REQUEST, INVALID, Some("new_password is too easy to guess!"))
        }
        Fault::Internal
        | Fault::Invalid(_)
        | Fault::Refused(
            not_of_a_change!() | Reason::ConfirmationMismatch | Reason::InvalidApiKey | Reason::PasswordUnchanged,
        ) => say(StatusCode::INTERNAL_SERVER_ERROR, "An internal server error has occurred.", None),
    }
}
