//! Everything that a surface can have to say no to, and how the services' refusals become it.

use std::time::Duration;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Why a request is not answered with what it asked for. Each surface says it in its own words: a handler just returns it,
/// and the edge has the surface of the path render it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No `Authorization: Bearer`.
    NoToken,
    /// A token that identity did not sign for us.
    BadToken,
    /// A token past its time.
    ExpiredToken,
    /// A token whose session or account has ended.
    RevokedToken,
    /// Signed in, and not allowed.
    Forbidden,
    /// No such path, which this is.
    NotFound(String),
    /// The path is known, the method is not.
    MethodNotAllowed,
    /// The body is larger than the route takes.
    TooLarge,
    /// The body did not come in time.
    TooSlow,
    /// The body is not JSON by its type.
    UnsupportedMediaType,
    /// The body is not a JSON object; with a sentence's end that says why.
    Malformed(&'static str),
    /// Too many attempts or requests.
    TooMany {
        /// When to try again, if that helps.
        retry_after: Option<Duration>,
    },
    /// Another role or its database is away, or overloaded.
    Unavailable,
    /// Our own failure.
    Internal,
    /// Fields that a service found malformed, by their names there.
    Invalid(Vec<Misfit>),
    /// A password of another length than its realm asks for, in characters.
    PasswordLength {
        /// The fewest.
        least: String,
        /// The most.
        most: String,
    },
    /// There are no such children: their ids, with commas.
    ChildrenNotFound(String),
    /// The rules say no.
    Refused(Reason),
}

/// A field that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Its name in the protobuf message.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

/// A handler's answer. A refusal that only one surface knows is an answer too, so it comes already rendered.
pub type Answer = Result<Response, Ending>;

/// What a handler ends early with.
pub enum Ending {
    /// Rendered by the surface of the path.
    Fault(Fault),
    /// Rendered already.
    Told(Box<Response>),
}

impl From<Fault> for Ending {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Status> for Ending {
    fn from(status: Status) -> Self {
        Self::Fault(status.into())
    }
}

impl From<Response> for Ending {
    fn from(response: Response) -> Self {
        Self::Told(Box::new(response))
    }
}

impl IntoResponse for Ending {
    fn into_response(self) -> Response {
        match self {
            Self::Fault(fault) => fault.into_response(),
            Self::Told(response) => *response,
        }
    }
}

/// A fault on its way to the edge. Should it ever get past it, this is a bare 500.
impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Declares the reasons that the services give, by their names on the wire.
macro_rules! reasons {
    ($($name:ident = $wire:literal),+ $(,)?) => {
        /// A refusal of the rules; the .proto files say what each means.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason {
            $($name,)+
        }

        impl Reason {
            fn parse(wire: &str) -> Option<Self> {
                match wire {
                    $($wire => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

reasons! {
    AccountNotFound = "ACCOUNT_NOT_FOUND",
    AdminExists = "ADMIN_EXISTS",
    ApiKeyNotFound = "API_KEY_NOT_FOUND",
    BarcodeTaken = "BARCODE_TAKEN",
    BookAwaited = "BOOK_AWAITED",
    BookNotAvailable = "BOOK_NOT_AVAILABLE",
    BookNotFound = "BOOK_NOT_FOUND",
    BookOnLoan = "BOOK_ON_LOAN",
    CategoryInUse = "CATEGORY_IN_USE",
    CategoryNotFound = "CATEGORY_NOT_FOUND",
    CategoryTaken = "CATEGORY_TAKEN",
    ChildrenNotFound = "CHILDREN_NOT_FOUND",
    CommonPassword = "COMMON_PASSWORD",
    ConfirmationMismatch = "CONFIRMATION_MISMATCH",
    CopyNotAvailable = "COPY_NOT_AVAILABLE",
    CopyNotFound = "COPY_NOT_FOUND",
    CopyNotOnLoan = "COPY_NOT_ON_LOAN",
    CopyOnLoan = "COPY_ON_LOAN",
    CopySetAside = "COPY_SET_ASIDE",
    CopyStateContradicted = "COPY_STATE_CONTRADICTED",
    DueTimeTooEarly = "DUE_TIME_TOO_EARLY",
    GroupNotFound = "GROUP_NOT_FOUND",
    GroupTaken = "GROUP_TAKEN",
    HashingQueueFull = "HASHING_QUEUE_FULL",
    HoldEnded = "HOLD_ENDED",
    HoldExists = "HOLD_EXISTS",
    HoldLimitReached = "HOLD_LIMIT_REACHED",
    HoldNotFound = "HOLD_NOT_FOUND",
    InstitutionInUse = "INSTITUTION_IN_USE",
    InstitutionNotFound = "INSTITUTION_NOT_FOUND",
    InstitutionTaken = "INSTITUTION_TAKEN",
    InstitutionUnknown = "INSTITUTION_UNKNOWN",
    InvalidApiKey = "INVALID_API_KEY",
    InvalidCredentials = "INVALID_CREDENTIALS",
    IsbnTaken = "ISBN_TAKEN",
    LastAdmin = "LAST_ADMIN",
    LoanLimitReached = "LOAN_LIMIT_REACHED",
    LoanNotFound = "LOAN_NOT_FOUND",
    LoanOverdue = "LOAN_OVERDUE",
    LoanReturned = "LOAN_RETURNED",
    LoanStateContradicted = "LOAN_STATE_CONTRADICTED",
    LoginTaken = "LOGIN_TAKEN",
    NotYours = "NOT_YOURS",
    PasswordLength = "PASSWORD_LENGTH",
    PasswordUnchanged = "PASSWORD_UNCHANGED",
    PatronBlocked = "PATRON_BLOCKED",
    PatronHasLoans = "PATRON_HAS_LOANS",
    PatronHasOverdueLoans = "PATRON_HAS_OVERDUE_LOANS",
    PatronNotFound = "PATRON_NOT_FOUND",
    RenewalLimitReached = "RENEWAL_LIMIT_REACHED",
    RequestIdReused = "REQUEST_ID_REUSED",
    RoleRequired = "ROLE_REQUIRED",
    SessionNotFound = "SESSION_NOT_FOUND",
    ShortPassword = "SHORT_PASSWORD",
    StaleEtag = "STALE_ETAG",
    TooManyAttempts = "TOO_MANY_ATTEMPTS",
    TooManyCopies = "TOO_MANY_COPIES",
    WeakPassword = "WEAK_PASSWORD",
    WrongPassword = "WRONG_PASSWORD",
    WrongRealm = "WRONG_REALM",
}

/// The pattern of the reasons that only catalog and lending give. Spelt out, as the next one is, so that a new reason does not
/// compile until each surface has words for it.
macro_rules! not_of_identity {
    () => {
        $crate::fault::Reason::BarcodeTaken
            | $crate::fault::Reason::BookAwaited
            | $crate::fault::Reason::BookNotAvailable
            | $crate::fault::Reason::BookNotFound
            | $crate::fault::Reason::BookOnLoan
            | $crate::fault::Reason::CategoryInUse
            | $crate::fault::Reason::CategoryNotFound
            | $crate::fault::Reason::CategoryTaken
            | $crate::fault::Reason::CopyNotAvailable
            | $crate::fault::Reason::CopyNotFound
            | $crate::fault::Reason::CopyNotOnLoan
            | $crate::fault::Reason::CopyOnLoan
            | $crate::fault::Reason::CopySetAside
            | $crate::fault::Reason::CopyStateContradicted
            | $crate::fault::Reason::DueTimeTooEarly
            | $crate::fault::Reason::HoldEnded
            | $crate::fault::Reason::HoldExists
            | $crate::fault::Reason::HoldLimitReached
            | $crate::fault::Reason::HoldNotFound
            | $crate::fault::Reason::IsbnTaken
            | $crate::fault::Reason::LoanLimitReached
            | $crate::fault::Reason::LoanNotFound
            | $crate::fault::Reason::LoanOverdue
            | $crate::fault::Reason::LoanReturned
            | $crate::fault::Reason::LoanStateContradicted
            | $crate::fault::Reason::PatronBlocked
            | $crate::fault::Reason::PatronHasOverdueLoans
            | $crate::fault::Reason::PatronNotFound
            | $crate::fault::Reason::RenewalLimitReached
            | $crate::fault::Reason::StaleEtag
            | $crate::fault::Reason::TooManyCopies
    };
}
pub(crate) use not_of_identity;

/// The pattern of the reasons that no answer to a change of password carries on to a surface.
macro_rules! not_of_a_change {
    () => {
        $crate::fault::not_of_identity!()
            | $crate::fault::Reason::AccountNotFound
            | $crate::fault::Reason::AdminExists
            | $crate::fault::Reason::ApiKeyNotFound
            | $crate::fault::Reason::ChildrenNotFound
            | $crate::fault::Reason::GroupNotFound
            | $crate::fault::Reason::GroupTaken
            | $crate::fault::Reason::HashingQueueFull
            | $crate::fault::Reason::InstitutionInUse
            | $crate::fault::Reason::InstitutionNotFound
            | $crate::fault::Reason::InstitutionTaken
            | $crate::fault::Reason::InstitutionUnknown
            | $crate::fault::Reason::InvalidCredentials
            | $crate::fault::Reason::LastAdmin
            | $crate::fault::Reason::LoginTaken
            | $crate::fault::Reason::NotYours
            | $crate::fault::Reason::PasswordLength
            | $crate::fault::Reason::PatronHasLoans
            | $crate::fault::Reason::RequestIdReused
            | $crate::fault::Reason::RoleRequired
            | $crate::fault::Reason::SessionNotFound
            | $crate::fault::Reason::TooManyAttempts
            | $crate::fault::Reason::WrongRealm
    };
}
pub(crate) use not_of_a_change;

impl From<Status> for Fault {
    fn from(status: Status) -> Self {
        let info = status.get_details_error_info();
        let reason = info.as_ref().and_then(|info| Reason::parse(&info.reason));
        let about = |key| info.as_ref().and_then(|info| info.metadata.get(key)).cloned().unwrap_or_default();
        let retry_after = || status.get_details_retry_info().and_then(|info| info.retry_delay);
        match (reason, status.code()) {
            (Some(Reason::TooManyAttempts), _) => Self::TooMany { retry_after: retry_after() },
            (Some(Reason::HashingQueueFull), _) => Self::Unavailable,
            (Some(Reason::NotYours), _) => Self::Forbidden,
            (Some(Reason::PasswordLength), _) => Self::PasswordLength { least: about("least"), most: about("most") },
            (Some(Reason::ChildrenNotFound), _) => Self::ChildrenNotFound(about("children")),
            (Some(reason), _) => Self::Refused(reason),
            (None, Code::InvalidArgument) => match misfits(&status) {
                Some(misfits) => Self::Invalid(misfits),
                None => internal(&status),
            },
            (None, Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted) => Self::Unavailable,
            (None, _) => internal(&status),
        }
    }
}

/// What a refusal of a call about the caller's own account means: when that is gone, or his session is, his token is revoked.
pub fn of_ones_own(status: Status) -> Ending {
    match Fault::from(status) {
        Fault::Refused(Reason::AccountNotFound | Reason::SessionNotFound) => Fault::RevokedToken.into(),
        fault => fault.into(),
    }
}

/// The fields that a status names, at least one.
fn misfits(status: &Status) -> Option<Vec<Misfit>> {
    let violations = status.get_details_bad_request()?.field_violations;
    let misfits = violations.into_iter().map(|misfit| Misfit { field: misfit.field, description: misfit.description });
    Some(misfits.collect::<Vec<_>>()).filter(|misfits| !misfits.is_empty())
}

fn internal(status: &Status) -> Fault {
    // It has logged why, with the same request id.
    tracing::debug!(code = ?status.code(), "another role failed");
    Fault::Internal
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn every_reason_that_a_proto_file_documents_is_known_here() {
        let set = FileDescriptorSet::decode(proto::DESCRIPTORS).unwrap();
        let ours = set.file.iter().filter(|file| file.package().starts_with("bibliotique."));
        let comments = ours.flat_map(|file| file.source_code_info.iter().flat_map(|info| &info.location));
        let rpcs =
            comments.filter(|place| place.path.len() == 4 && place.path[0] == 6).map(|place| place.leading_comments());
        let quoted =
            rpcs.flat_map(|comment| comment.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>());
        let is_reason =
            |word: &String| word.contains('_') && word.bytes().all(|byte| byte == b'_' || byte.is_ascii_uppercase());
        let reasons: Vec<String> = quoted.filter(is_reason).collect();

        assert!(reasons.len() > 10, "{reasons:?}");
        for reason in reasons {
            assert!(Reason::parse(&reason).is_some(), "{reason}");
        }
    }
}
