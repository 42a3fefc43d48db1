//! Each refusal's code, reason and sentence: the only place where they stand.

use std::time::Duration;

use shared::error::{Telling, refusal};
use tonic::{
    Code::{
        self, AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, ResourceExhausted,
        Unauthenticated,
    },
    Status,
};

use crate::domain::Refusal;

/// The domain of the reasons (AIP-193).
const DOMAIN: &str = "identity.bibliotique";

impl From<Refusal> for Status {
    fn from(refused: Refusal) -> Self {
        let (code, reason, sentence) = words(refused);
        let telling = Telling { retry_after: retry_after(refused), ..Telling::default() };
        refusal(code, DOMAIN, reason, sentence, telling)
    }
}

const fn words(refused: Refusal) -> (Code, &'static str, &'static str) {
    match refused {
        Refusal::InvalidCredentials => (Unauthenticated, "INVALID_CREDENTIALS", "the login or the password is wrong"),
        Refusal::WrongPassword => (FailedPrecondition, "WRONG_PASSWORD", "the old password is wrong"),
        Refusal::TooManyAttempts { .. } => (ResourceExhausted, "TOO_MANY_ATTEMPTS", "too many wrong passwords"),
        Refusal::ConfirmationMismatch => (InvalidArgument, "CONFIRMATION_MISMATCH", "the passwords do not match"),
        Refusal::PasswordUnchanged => (FailedPrecondition, "PASSWORD_UNCHANGED", "the new password is the old one"),
        Refusal::WeakPassword => {
            (InvalidArgument, "WEAK_PASSWORD", "the password does not have the form that is asked for")
        }
        Refusal::ShortPassword => (InvalidArgument, "SHORT_PASSWORD", "the password has fewer than 15 characters"),
        Refusal::CommonPassword => (InvalidArgument, "COMMON_PASSWORD", "the password is too easy to guess"),
        Refusal::LoginTaken => (AlreadyExists, "LOGIN_TAKEN", "another account has this login"),
        Refusal::AccountNotFound => (NotFound, "ACCOUNT_NOT_FOUND", "there is no such account"),
        Refusal::SessionNotFound => (NotFound, "SESSION_NOT_FOUND", "there is no such session"),
        Refusal::ApiKeyNotFound => (NotFound, "API_KEY_NOT_FOUND", "there is no such API key"),
        Refusal::InvalidApiKey => (Unauthenticated, "INVALID_API_KEY", "the API key is not valid"),
        Refusal::LastAdmin => (FailedPrecondition, "LAST_ADMIN", "the last admin cannot leave"),
        Refusal::AdminExists => (FailedPrecondition, "ADMIN_EXISTS", "there is an admin already"),
        Refusal::RoleRequired => (PermissionDenied, "ROLE_REQUIRED", "only an admin may change this"),
        Refusal::PatronHasLoans => (FailedPrecondition, "PATRON_HAS_LOANS", "the account's holder has books on loan"),
        Refusal::RequestIdReused => {
            (FailedPrecondition, "REQUEST_ID_REUSED", "the request's id was that of another request")
        }
        Refusal::HashingQueueFull { .. } => (ResourceExhausted, "HASHING_QUEUE_FULL", "too many sign-ins at once"),
    }
}

const fn retry_after(refused: Refusal) -> Option<Duration> {
    match refused {
        Refusal::TooManyAttempts { retry_after } => retry_after,
        Refusal::HashingQueueFull { retry_after } => Some(retry_after),
        _ => None,
    }
}
