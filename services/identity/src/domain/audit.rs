//! What is written into the audit log, in the words of the OWASP Logging Vocabulary.

use shared::{Timestamp, context::RequestId};

use super::AccountId;

/// Something that happened to an account or a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Signed in.
    LoginSuccess,
    /// A wrong login or password, or a locked or inactive account.
    LoginFail,
    /// The failure budget is spent.
    LoginLock,
    /// An admin gave the account a new failure budget.
    LoginUnlock,
    /// The account holder changed his password.
    PasswordChange,
    /// Tried to, with a wrong old password.
    PasswordChangeFail,
    /// An access token was made out.
    TokenCreated,
    /// A session was ended, or an API key revoked.
    TokenRevoked,
    /// An API key was made.
    ApiKeyCreated,
    /// A new key signs access tokens.
    SigningKeyRotated,
    /// The database came out of a backup, and all sessions ended.
    Restored,
    /// An account was made.
    UserCreated,
    /// An account was changed.
    UserUpdated,
    /// An account was deleted.
    UserDeleted,
    /// An account got another role, or was blocked or let in again.
    PrivilegeChange,
    /// An institution or a group of children was made.
    SensitiveCreate,
    /// It was changed.
    SensitiveUpdate,
    /// It was deleted.
    SensitiveDelete,
}

impl Event {
    /// Its name in the vocabulary.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoginSuccess => "authn_login_success",
            Self::LoginFail => "authn_login_fail",
            Self::LoginLock => "authn_login_lock",
            Self::LoginUnlock => "authn_login_unlock",
            Self::PasswordChange => "authn_password_change",
            Self::PasswordChangeFail => "authn_password_change_fail",
            Self::TokenCreated => "authn_token_created",
            Self::TokenRevoked => "authn_token_revoked",
            Self::ApiKeyCreated => "authn_api_key_created",
            Self::SigningKeyRotated => "sys_signing_key_rotated",
            Self::Restored => "sys_restored",
            Self::UserCreated => "user_created",
            Self::UserUpdated => "user_updated",
            Self::UserDeleted => "user_deleted",
            Self::PrivilegeChange => "privilege_permissions_changed",
            Self::SensitiveCreate => "sensitive_create",
            Self::SensitiveUpdate => "sensitive_update",
            Self::SensitiveDelete => "sensitive_delete",
        }
    }
}

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Sorts by age.
    pub id: String,
    /// When it happened.
    pub created: Timestamp,
    /// [`Event::name`].
    pub event: String,
    /// Whose account it is about; empty for none.
    pub account: String,
    /// Who did it.
    pub actor: String,
    /// The request that did it.
    pub request_id: String,
    /// `key=value` words.
    pub detail: String,
}

/// Who does something, in which request, and when.
#[derive(Clone)]
pub struct Origin {
    /// A passport's subject.
    pub actor: String,
    /// See [`RequestId`].
    pub request_id: RequestId,
    /// The time of the request: all its rows carry the same.
    pub at: Timestamp,
}

impl Origin {
    /// The account that acts, if an account does.
    pub fn account(&self) -> Option<AccountId> {
        self.actor.parse().ok()
    }
}
