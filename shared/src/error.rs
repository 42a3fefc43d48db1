//! What a service answers when it does not do what it was asked, and how that becomes a gRPC status.

use std::{collections::HashMap, error::Error as StdError, fmt, sync::Arc, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

/// A refusal by the rules, malformed input, or a failure of our own.
#[derive(Debug)]
pub enum Error<R> {
    /// The rules say no.
    Refused(R),
    /// Fields of the request are malformed: at least one.
    Invalid(Vec<Violation>),
    /// The database failed, or is away; maybe for several who asked at the same time.
    Database(Arc<sqlx::Error>),
    /// Something that cannot happen happened.
    Internal(Box<dyn StdError + Send + Sync>),
}

/// A malformed field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its name in the protobuf message.
    pub field: &'static str,
    /// What it should be like.
    pub description: String,
}

impl<R> Error<R> {
    /// A malformed field.
    pub fn invalid(field: &'static str, description: impl fmt::Display) -> Self {
        Self::Invalid(vec![Violation { field, description: description.to_string() }])
    }

    /// Something that cannot happen.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }
}

impl<R> Error<R> {
    /// The error, or the refusal that a violated unique constraint means: its name is `<table>_<column>`.
    #[must_use]
    pub fn or_taken(self, constraint: &str, refusal: R) -> Self {
        match &self {
            Self::Database(cause) if crate::database::violated_unique(cause).is_some_and(|name| name == constraint) => {
                Self::Refused(refusal)
            }
            _ => self,
        }
    }
}

impl<R> From<sqlx::Error> for Error<R> {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl<R> From<Arc<sqlx::Error>> for Error<R> {
    fn from(error: Arc<sqlx::Error>) -> Self {
        Self::Database(error)
    }
}

impl<R> From<(&'static str, &'static str)> for Error<R> {
    fn from((field, description): (&'static str, &'static str)) -> Self {
        Self::invalid(field, description)
    }
}

/// The boundary: our own failures are logged here, once and whole, and told as a sentence without a cause.
impl<R: Into<Status>> From<Error<R>> for Status {
    fn from(error: Error<R>) -> Self {
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Invalid(violations) => {
                let sentences = violations.iter().map(|misfit| format!("{}: {}", misfit.field, misfit.description));
                let sentence = sentences.collect::<Vec<_>>().join("; ");
                let fields = violations.into_iter().map(|misfit| FieldViolation::new(misfit.field, misfit.description));
                let details = ErrorDetails::with_bad_request(fields.collect::<Vec<_>>());
                Self::with_error_details(Code::InvalidArgument, sentence, details)
            }
            Error::Database(cause) if crate::database::is_away(&cause) => {
                tracing::error!(cause = chain(cause.as_ref()), "the database is away");
                Self::unavailable("temporarily unavailable")
            }
            Error::Database(cause) => {
                tracing::error!(cause = chain(cause.as_ref()), "the database failed");
                Self::internal("internal error")
            }
            Error::Internal(cause) => {
                tracing::error!(cause = chain(cause.as_ref()), "internal error");
                Self::internal("internal error")
            }
        }
    }
}

/// An error with everything that caused it.
pub fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let told = error.to_string();
        // Some errors say themselves what caused them.
        if !text.ends_with(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        cause = error.source();
    }
    text
}

/// What a refusal says besides its code.
#[derive(Clone, Debug, Default)]
pub struct Telling {
    /// What it is about, for programs (AIP-193).
    pub metadata: HashMap<String, String>,
    /// When it is worth trying again.
    pub retry_after: Option<Duration>,
}

/// A refusal as a status: a code, a stable reason (AIP-193) of the service's domain, and a sentence.
pub fn refusal(code: Code, domain: &str, reason: &str, sentence: &str, telling: Telling) -> Status {
    let mut details = ErrorDetails::with_error_info(reason, domain, telling.metadata);
    if telling.retry_after.is_some() {
        details.set_retry_info(telling.retry_after);
    }
    Status::with_error_details(code, sentence, details)
}
