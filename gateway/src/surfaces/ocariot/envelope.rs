//! `{"code":…,"message":"…","description":"…"}`: what the surface says when it says no.

use axum::{http::StatusCode, response::Response};
use serde::Serialize;

use crate::{
    fault::{Fault, Misfit, Reason, not_of_identity},
    surfaces::json::{SOON, json, retry_after},
};

const INVALID: &str = "One or more request fields are invalid...";

#[derive(Serialize)]
struct Envelope<'a> {
    code: u16,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_link: Option<&'a str>,
}

/// A refusal with a description.
pub fn say(status: StatusCode, message: &str, description: &str) -> Response {
    let code = status.as_u16();
    json(status, &Envelope { code, message, description: Some(description), redirect_link: None })
}

/// A refusal without.
pub fn tell(status: StatusCode, message: &str) -> Response {
    json(status, &Envelope { code: status.as_u16(), message, description: None, redirect_link: None })
}

/// 400 for a field.
pub fn invalid(description: &str) -> Response {
    say(StatusCode::BAD_REQUEST, INVALID, description)
}

/// An id that is none, by the name of its parameter.
pub fn bad_id(name: &str) -> Response {
    let message = format!("Parameter {{{name}}} is not in valid format!");
    let description = "A 24-byte hex ID similar to this: 507f191e810c19729de860ea is expected.";
    say(StatusCode::BAD_REQUEST, &message, description)
}

/// There is no such thing; mostly 404.
pub fn not_found(status: StatusCode, what: &str) -> Response {
    let description =
        format!("{what} not found or already removed. A new operation for the same resource is not required.");
    say(status, &format!("{what} not found!"), &description)
}

/// There is one of this name.
pub fn taken(what: &str) -> Response {
    tell(StatusCode::CONFLICT, &format!("{what} is already registered..."))
}

/// A password that is too short or too long, by the name of its field.
pub fn weak(field: &str, least: &str, most: &str) -> Response {
    invalid(&format!("{field} must have between {least} and {most} characters!"))
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
            say(StatusCode::FORBIDDEN, "FORBIDDEN", "Authorization failed due to insufficient permissions.")
        }
        Fault::NotFound(path) => tell(StatusCode::NOT_FOUND, &format!("Endpoint {path} does not found!")),
        Fault::MethodNotAllowed => {
            let description = "This method is not supported for the resource.";
            say(StatusCode::METHOD_NOT_ALLOWED, "METHOD NOT ALLOWED", description)
        }
        Fault::TooLarge => {
            say(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD TOO LARGE", "The request body is larger than allowed.")
        }
        Fault::TooSlow => say(StatusCode::REQUEST_TIMEOUT, "REQUEST TIMEOUT", "The request body did not come in time."),
        Fault::UnsupportedMediaType => {
            let description = "The request body must be sent as application/json.";
            say(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED MEDIA TYPE", description)
        }
        Fault::Malformed(_) => {
            let description =
                "Please verify that the JSON provided in the request body has a valid format and try again.";
            say(StatusCode::BAD_REQUEST, "Unable to process request body!", description)
        }
        Fault::TooMany { retry_after: after } => {
            let description = "Too many attempts. Please try again later.";
            retry_after(say(StatusCode::TOO_MANY_REQUESTS, "TOO MANY REQUESTS", description), after)
        }
        Fault::Unavailable => {
            let description = "The service is temporarily unavailable. Please try again later.";
            retry_after(say(StatusCode::SERVICE_UNAVAILABLE, "SERVICE UNAVAILABLE", description), SOON)
        }
        Fault::Invalid(misfits) => misfit(&misfits),
        Fault::PasswordLength { least, most } => weak("new_password", &least, &most),
        Fault::ChildrenNotFound(children) => {
            let description = format!("The following IDs were verified without registration: {children}");
            let message = "It is necessary for children to be registered before proceeding.";
            say(StatusCode::BAD_REQUEST, message, &description)
        }
        Fault::Refused(reason) => refused(reason),
        Fault::Internal => failure(),
    }
}

/// What a service finds wrong with a field that has the right form: its length, say.
fn misfit(misfits: &[Misfit]) -> Response {
    let Some(Misfit { field, description }) = misfits.first() else { return failure() };
    let name = field.rsplit('.').next().unwrap_or_default();
    invalid(&format!("{name} {description}!"))
}

fn failure() -> Response {
    tell(StatusCode::INTERNAL_SERVER_ERROR, "An internal server error has occurred.")
}

fn refused(reason: Reason) -> Response {
    let missing = |what| not_found(StatusCode::NOT_FOUND, what);
    match reason {
        Reason::InvalidCredentials => tell(StatusCode::UNAUTHORIZED, "Invalid username or password!"),
        Reason::WrongPassword => {
            let description = "The old password parameter does not match with the actual user password.";
            say(StatusCode::BAD_REQUEST, "Password does not match!", description)
        }
        Reason::WeakPassword => invalid(
            "new_password must contain at least 8 characters, one uppercase letter, one lowercase letter, and one number.",
        ),
        Reason::ShortPassword => invalid("new_password must contain at least 15 characters."),
        Reason::CommonPassword => invalid("new_password is too easy to guess!"),
        Reason::AccountNotFound => missing("User"),
        Reason::InstitutionNotFound => missing("Institution"),
        Reason::GroupNotFound => missing("Children Group"),
        Reason::LoginTaken => taken("User"),
        Reason::InstitutionTaken => taken("Institution"),
        Reason::GroupTaken => taken("Children Group"),
        Reason::InstitutionUnknown => {
            let description = "It is necessary that the institution be registered before trying again.";
            say(StatusCode::BAD_REQUEST, "The institution provided does not have a registration.", description)
        }
        Reason::InstitutionInUse => {
            tell(StatusCode::BAD_REQUEST, "The institution is associated with one or more users.")
        }
        Reason::PatronHasLoans => tell(StatusCode::CONFLICT, "The user has books on loan."),
        Reason::LastAdmin | Reason::NotYours | Reason::RoleRequired => refuse(Fault::Forbidden),
        not_of_identity!()
        | Reason::AdminExists
        | Reason::ApiKeyNotFound
        | Reason::ChildrenNotFound
        | Reason::ConfirmationMismatch
        | Reason::HashingQueueFull
        | Reason::InvalidApiKey
        | Reason::PasswordLength
        | Reason::PasswordUnchanged
        | Reason::RequestIdReused
        | Reason::SessionNotFound
        | Reason::TooManyAttempts
        | Reason::WrongRealm => failure(),
    }
}
