//! Everything that a surface can have to say no to, and how the services' refusals become it.

mod reason;

use std::time::Duration;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

pub use reason::Reason;
pub(crate) use reason::{not_of_a_change, not_of_identity};

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

impl From<Reason> for Ending {
    fn from(reason: Reason) -> Self {
        Self::Fault(Fault::Refused(reason))
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
