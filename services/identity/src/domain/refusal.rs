//! Everything the rules can answer other than yes.

use std::time::Duration;

use super::AccountId;

/// A refusal: data, not text. `grpc/refusal.rs` gives each its code, reason and sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Unknown login, wrong password, inactive or locked account: never told apart.
    InvalidCredentials,
    /// The old password of a change is not the account's.
    WrongPassword,
    /// The account's failure budget is spent; `None` when only an admin can lift the lock.
    TooManyAttempts {
        /// Until the next attempt is let through.
        retry_after: Option<Duration>,
    },
    /// The password was typed differently the second time.
    ConfirmationMismatch,
    /// The new password is the old one, where that is not allowed.
    PasswordUnchanged,
    /// The password does not have the form that the realm asks for.
    WeakPassword,
    /// The password is shorter than the realm asks for, and that is all it asks for.
    ShortPassword,
    /// The password does not have as many characters as the school realm asks for.
    PasswordLength {
        /// So many at least.
        least: u8,
        /// So many at most.
        most: u8,
    },
    /// The password has the form, but is among the first that anybody would try.
    CommonPassword,
    /// Another account has this login.
    LoginTaken,
    /// There is no such account, or it is not the caller's business.
    AccountNotFound,
    /// There is no such session, or it is not the caller's business.
    SessionNotFound,
    /// There is no such API key, or it is revoked.
    ApiKeyNotFound,
    /// The API key is malformed, unknown or revoked.
    InvalidApiKey,
    /// Without this account nobody could run the place.
    LastAdmin,
    /// There is an admin already.
    AdminExists,
    /// Only an admin may change this.
    RoleRequired,
    /// Accounts of this realm do not have what was to be changed.
    WrongRealm,
    /// The caller may do this, but not with what is another's.
    NotYours,
    /// There is no such institution.
    InstitutionNotFound,
    /// Another institution has this name.
    InstitutionTaken,
    /// Accounts belong to the institution.
    InstitutionInUse,
    /// The institution that an account is to belong to does not exist.
    InstitutionUnknown,
    /// These are no children.
    ChildrenNotFound(Vec<AccountId>),
    /// There is no such group, or it is not the owner's.
    GroupNotFound,
    /// The owner has a group of this name.
    GroupTaken,
    /// The account's holder has books on loan.
    PatronHasLoans,
    /// The request's id was that of another request.
    RequestIdReused,
    /// Too many passwords wait to be hashed.
    HashingQueueFull {
        /// When it is worth trying again.
        retry_after: Duration,
    },
}
