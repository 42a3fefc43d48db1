//! `{"success":…,"message":"…","data":…}`, and what the surface says when it says no.

use axum::{
    http::{HeaderValue, StatusCode, header::ETAG},
    response::Response,
};
use proto::identity::v1 as pb;
use serde::Serialize;

use crate::{
    fault::{Fault, Misfit, Reason},
    surfaces::json::{SOON, json, retry_after},
};

#[derive(Serialize)]
struct Envelope<'a, T> {
    success: bool,
    message: &'a str,
    data: Option<T>,
}

/// An answer with data.
pub fn say(status: StatusCode, message: &str, data: impl Serialize) -> Response {
    json(status, &Envelope { success: status.is_success(), message, data: Some(data) })
}

/// An answer without.
pub fn tell(status: StatusCode, message: &str) -> Response {
    json(status, &Envelope::<()> { success: status.is_success(), message, data: None })
}

/// 400, with what is wrong.
pub fn bad(message: &str) -> Response {
    tell(StatusCode::BAD_REQUEST, message)
}

/// 400, naming every field that does not fit, each with what is wrong.
pub fn unfit(misfits: &[(&str, String)]) -> Response {
    let sentences: Vec<String> = misfits.iter().map(|(field, why)| format!("{field} {why}")).collect();
    bad(&format!("Invalid fields: {}", sentences.join("; ")))
}

/// Says which state of a thing an answer shows (RFC 9110, 8.8.3).
pub fn tagged(mut answer: Response, etag: &str) -> Response {
    if let Ok(etag) = HeaderValue::try_from(format!("\"{etag}\"")) {
        answer.headers_mut().insert(ETAG, etag);
    }
    answer
}

/// `{"client":…}`.
#[derive(Serialize)]
pub struct One {
    pub client: Client,
}

/// A client as the document prints it.
#[derive(Serialize)]
pub struct Client {
    #[serde(rename = "_id")]
    id: String,
    nom: String,
    email: String,
    adresse: String,
    role: &'static str,
}

impl From<pb::Account> for Client {
    fn from(account: pb::Account) -> Self {
        let role = match account.role() {
            pb::Role::Admin => "admin",
            pb::Role::Client | pb::Role::Unspecified => "client",
        };
        Self { id: account.id, nom: account.name, email: account.email, adresse: account.address, role }
    }
}

/// The account of an answer, as `{"client":…}`.
pub fn one(account: Option<pb::Account>) -> One {
    One { client: account.unwrap_or_default().into() }
}

/// The surface's words for a refusal.
pub fn refuse(fault: Fault) -> Response {
    match fault {
        Fault::NoToken | Fault::BadToken | Fault::ExpiredToken | Fault::RevokedToken => {
            tell(StatusCode::UNAUTHORIZED, "Authentication required!")
        }
        Fault::Forbidden => tell(StatusCode::FORBIDDEN, "Access denied. Insufficient permissions."),
        Fault::NotFound(_) => tell(StatusCode::NOT_FOUND, "Not found!"),
        Fault::MethodNotAllowed => tell(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed!"),
        Fault::TooLarge => tell(StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large!"),
        Fault::TooSlow => tell(StatusCode::REQUEST_TIMEOUT, "The request body did not come in time!"),
        Fault::UnsupportedMediaType => {
            tell(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The request body must be application/json!")
        }
        Fault::Malformed(how) => bad(&format!("The request body {how}!")),
        Fault::TooMany { retry_after: after } => {
            retry_after(tell(StatusCode::TOO_MANY_REQUESTS, "Too many attempts. Please try again later."), after)
        }
        Fault::Unavailable => {
            retry_after(tell(StatusCode::SERVICE_UNAVAILABLE, "Service temporarily unavailable!"), SOON)
        }
        Fault::Invalid(misfits) => invalid(&misfits),
        Fault::Refused(reason) => refused(reason),
        Fault::Internal => tell(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error!"),
    }
}

fn invalid(misfits: &[Misfit]) -> Response {
    match misfits.first().map(|misfit| misfit.field.trim_start_matches("account.")).unwrap_or_default() {
        "name" => bad("Invalid name! It must have 1 to 100 characters, at least one letter and no control characters."),
        "email" => bad("Invalid email format!"),
        "address" => bad("Invalid address! It must have at most 500 characters and no control characters."),
        "page_token" => bad("Invalid apres! It must come from the Link of an earlier answer."),
        "filter.author" => bad("Invalid auteur! It must have at most 500 characters and 32 words."),
        "query" => bad("Invalid q! It must have at most 500 characters and 32 words."),
        _ => tell(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error!"),
    }
}

fn refused(reason: Reason) -> Response {
    match reason {
        Reason::InvalidCredentials => tell(StatusCode::UNAUTHORIZED, "Invalid email or password!"),
        Reason::WrongPassword => bad("Current password is incorrect!"),
        Reason::ConfirmationMismatch => bad("Passwords do not match!"),
        Reason::WeakPassword => bad(
            "Password must contain at least 8 characters, one uppercase letter, one lowercase letter, and one number.",
        ),
        Reason::ShortPassword => bad("Password must contain at least 15 characters."),
        Reason::CommonPassword => bad("Password is too easy to guess!"),
        Reason::LoginTaken => bad("Invalid Email!"),
        Reason::AccountNotFound => tell(StatusCode::NOT_FOUND, "Client not found!"),
        Reason::ApiKeyNotFound => tell(StatusCode::NOT_FOUND, "API key not found!"),
        Reason::BookNotFound => tell(StatusCode::NOT_FOUND, "Book not found!"),
        Reason::CategoryNotFound => tell(StatusCode::NOT_FOUND, "Category not found!"),
        Reason::CategoryTaken => bad("Invalid category name! Already exists."),
        Reason::CategoryInUse => tell(StatusCode::CONFLICT, "Category has books!"),
        Reason::IsbnTaken => tell(StatusCode::CONFLICT, "ISBN already exists!"),
        Reason::StaleEtag => {
            tell(StatusCode::PRECONDITION_FAILED, "Precondition failed! It has been changed meanwhile.")
        }
        Reason::LastAdmin => tell(StatusCode::CONFLICT, "The last admin cannot leave!"),
        // The session ended while the request was on its way.
        Reason::SessionNotFound => tell(StatusCode::UNAUTHORIZED, "Authentication required!"),
        Reason::RoleRequired => tell(StatusCode::FORBIDDEN, "Access denied. Insufficient permissions."),
        Reason::AdminExists
        | Reason::HashingQueueFull
        | Reason::InvalidApiKey
        | Reason::PasswordUnchanged
        | Reason::TooManyAttempts => tell(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error!"),
    }
}
