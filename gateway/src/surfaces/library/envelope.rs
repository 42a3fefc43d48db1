//! `{"success":…,"message":"…","data":…}`, and what the surface says when it says no.

use axum::{
    http::{HeaderValue, StatusCode, header::ETAG},
    response::Response,
};
use proto::identity::v1 as pb;
use serde::Serialize;

use super::idempotency;
use crate::{
    body::Fields,
    fault::{Ending, Fault, Misfit, Reason},
    surfaces::json::{SOON, json, retry_after},
};

/// What is said of a `dateRetourPrevu` that cannot be.
pub const BAD_DUE_TIME: &str = "Invalid dateRetourPrevu! It must be an ISO 8601 date, or date-time with Z or an offset, between the years 1970 and 2200.";

/// What is said of a `statut` that is none of a loan.
pub const BAD_STATUT: &str = "Invalid statut! It must be en cours, en retard or retourné.";

/// What is said of an `etat` that nobody can give a copy.
pub const BAD_ETAT: &str = "Invalid etat! It must be perdu or en rayon.";

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

/// That a body has no fields but these.
///
/// # Errors
/// 400, naming the others.
pub fn only(fields: &Fields, known: &[&str]) -> Result<(), Ending> {
    match fields.unknown(known) {
        Some(unknown) => Err(bad(&format!("Invalid fields: {unknown}")).into()),
        None => Ok(()),
    }
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
            _ => "client",
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
        Fault::PasswordLength { least, most } => {
            bad(&format!("Password must have between {least} and {most} characters."))
        }
        Fault::Refused(reason) => refused(reason),
        Fault::ChildrenNotFound(_) | Fault::Internal => {
            tell(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error!")
        }
    }
}

fn invalid(misfits: &[Misfit]) -> Response {
    match misfits.first().map(|misfit| misfit.field.trim_start_matches("account.")).unwrap_or_default() {
        "name" => bad("Invalid name! It must have 1 to 100 characters, at least one letter and no control characters."),
        "email" => bad("Invalid email format!"),
        "address" => bad("Invalid address! It must have at most 500 characters and no control characters."),
        "page_token" => bad("Invalid apres! It must come from the Link of an earlier answer."),
        "filter.author" => bad("Invalid auteur! It must have at most 500 characters and 32 words."),
        "barcode" | "copy.barcode" => bad("Invalid codeBarres! It must have 1 to 64 visible ASCII characters."),
        "copy.state" => bad(BAD_ETAT),
        "loan.due_time" => bad(BAD_DUE_TIME),
        "loan.state" => bad(BAD_STATUT),
        "request_id" => bad(idempotency::MALFORMED),
        "query" => bad("Invalid q! It must have at most 500 characters and 32 words."),
        _ => tell(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error!"),
    }
}

fn refused(reason: Reason) -> Response {
    let forbidden = |message| tell(StatusCode::FORBIDDEN, message);
    let missing = |message| tell(StatusCode::NOT_FOUND, message);
    let conflict = |message| tell(StatusCode::CONFLICT, message);
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
        Reason::AccountNotFound | Reason::PatronNotFound => missing("Client not found!"),
        Reason::PatronHasLoans => conflict("Client has books on loan!"),
        Reason::PatronBlocked => forbidden("Client is blocked!"),
        Reason::PatronHasOverdueLoans => forbidden("Client has overdue loans!"),
        Reason::ApiKeyNotFound => missing("API key not found!"),
        Reason::BookNotFound => missing("Book not found!"),
        Reason::BookNotAvailable => bad("Book not available!"),
        Reason::BookOnLoan => conflict("Book is on loan!"),
        Reason::BookAwaited => conflict("Book is reserved by another client!"),
        Reason::CategoryNotFound => missing("Category not found!"),
        Reason::CategoryTaken => bad("Invalid category name! Already exists."),
        Reason::CategoryInUse => conflict("Category has books!"),
        Reason::IsbnTaken => conflict("ISBN already exists!"),
        Reason::LoanNotFound => missing("Emprunt not found!"),
        Reason::LoanReturned => conflict("Book already returned!"),
        Reason::LoanOverdue => conflict("Emprunt is overdue!"),
        Reason::LoanLimitReached => forbidden("Loan limit reached!"),
        Reason::DueTimeTooEarly => bad("Invalid dateRetourPrevu! It must not be before dateEmprunt."),
        Reason::LoanStateContradicted => bad("Invalid statut! It contradicts the facts."),
        Reason::RenewalLimitReached => conflict("Renewal limit reached!"),
        Reason::HoldNotFound => missing("Reservation not found!"),
        Reason::HoldExists => conflict("Reservation already exists!"),
        Reason::HoldEnded => conflict("Reservation already ended!"),
        Reason::HoldLimitReached => forbidden("Reservation limit reached!"),
        Reason::CopyNotFound => missing("Exemplaire not found!"),
        Reason::CopyNotAvailable => bad("Exemplaire not available!"),
        Reason::CopyNotOnLoan => conflict("Exemplaire is not on loan!"),
        Reason::CopyOnLoan => conflict("Exemplaire is on loan!"),
        Reason::CopySetAside => conflict("Exemplaire is set aside for a reservation!"),
        Reason::CopyStateContradicted => conflict("Invalid etat! It contradicts the facts."),
        Reason::BarcodeTaken => conflict("Barcode already exists!"),
        Reason::TooManyCopies => conflict("Book has too many copies!"),
        Reason::StaleEtag => {
            tell(StatusCode::PRECONDITION_FAILED, "Precondition failed! It has been changed meanwhile.")
        }
        Reason::RequestIdReused => {
            tell(StatusCode::UNPROCESSABLE_ENTITY, "Idempotency-Key was used with another request!")
        }
        Reason::WrongRealm => bad("Accounts of the school cannot be changed here!"),
        Reason::LastAdmin => conflict("The last admin cannot leave!"),
        // The session ended while the request was on its way.
        Reason::SessionNotFound => tell(StatusCode::UNAUTHORIZED, "Authentication required!"),
        Reason::NotYours | Reason::RoleRequired => forbidden("Access denied. Insufficient permissions."),
        Reason::AdminExists
        | Reason::ChildrenNotFound
        | Reason::GroupNotFound
        | Reason::GroupTaken
        | Reason::HashingQueueFull
        | Reason::InstitutionInUse
        | Reason::InstitutionNotFound
        | Reason::InstitutionTaken
        | Reason::InstitutionUnknown
        | Reason::InvalidApiKey
        | Reason::PasswordLength
        | Reason::PasswordUnchanged
        | Reason::TooManyAttempts => tell(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error!"),
    }
}
