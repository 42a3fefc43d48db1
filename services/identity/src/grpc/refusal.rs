//! Each refusal's code, reason and sentence: the only place where they stand.

use std::{collections::HashMap, time::Duration};

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
        let (code, reason, sentence) = words(&refused);
        let telling = Telling { retry_after: retry_after(&refused), metadata: metadata(&refused) };
        refusal(code, DOMAIN, reason, sentence, telling)
    }
}

const fn words(refused: &Refusal) -> (Code, &'static str, &'static str) {
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
        Refusal::PasswordLength { .. } => {
            (InvalidArgument, "PASSWORD_LENGTH", "the password has fewer or more characters than the school asks for")
        }
        Refusal::WrongRealm => (FailedPrecondition, "WRONG_REALM", "accounts of this realm do not have this"),
        Refusal::NotYours => (PermissionDenied, "NOT_YOURS", "this belongs to somebody else"),
        Refusal::InstitutionNotFound => (NotFound, "INSTITUTION_NOT_FOUND", "there is no such institution"),
        Refusal::InstitutionTaken => (AlreadyExists, "INSTITUTION_TAKEN", "another institution has this name"),
        Refusal::InstitutionInUse => (FailedPrecondition, "INSTITUTION_IN_USE", "accounts belong to the institution"),
        Refusal::InstitutionUnknown => {
            (FailedPrecondition, "INSTITUTION_UNKNOWN", "an account cannot belong to an institution that there is not")
        }
        Refusal::ChildrenNotFound(_) => (FailedPrecondition, "CHILDREN_NOT_FOUND", "some of the children do not exist"),
        Refusal::GroupNotFound => (NotFound, "GROUP_NOT_FOUND", "there is no such group"),
        Refusal::GroupTaken => (AlreadyExists, "GROUP_TAKEN", "the owner has a group of this name"),
        Refusal::PatronHasLoans => (FailedPrecondition, "PATRON_HAS_LOANS", "the account's holder has books on loan"),
        Refusal::RequestIdReused => {
            (FailedPrecondition, "REQUEST_ID_REUSED", "the request's id was that of another request")
        }
        Refusal::HashingQueueFull { .. } => (ResourceExhausted, "HASHING_QUEUE_FULL", "too many sign-ins at once"),
    }
}

const fn retry_after(refused: &Refusal) -> Option<Duration> {
    match refused {
        Refusal::TooManyAttempts { retry_after } => *retry_after,
        Refusal::HashingQueueFull { retry_after } => Some(*retry_after),
        _ => None,
    }
}

fn metadata(refused: &Refusal) -> HashMap<String, String> {
    match refused {
        Refusal::PasswordLength { least, most } => {
            HashMap::from([("least".to_owned(), least.to_string()), ("most".to_owned(), most.to_string())])
        }
        Refusal::ChildrenNotFound(ids) => {
            let ids = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            HashMap::from([("children".to_owned(), ids)])
        }
        _ => HashMap::new(),
    }
}
