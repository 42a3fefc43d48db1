//! Passwords' hashes and the failure budget that guards them.

use std::fmt;

use shared::{Timestamp, on, tx};
use sqlx::FromRow;

use super::{AccountRow, NewSession, Result, Store, record};
use crate::domain::{
    AccountId, Refusal, SessionId,
    account::Account,
    audit::{Event, Origin},
    budget::Budget,
    hash::StoredHash,
};

/// The hash that a password has to match, as it was read.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Whose it is.
    pub account: Account,
    /// The hash.
    pub hash: StoredHash,
    version: i64,
}

/// Whose failures are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An account.
    Account(AccountId),
    /// One of a fixed number of rows for logins that do not exist: the same work is done for them.
    Decoy(u8),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => id.fmt(f),
            Self::Decoy(number) => write!(f, "decoy:{number}"),
        }
    }
}

#[derive(FromRow)]
struct CredentialRow {
    #[sqlx(flatten)]
    account: AccountRow,
    password_hash: String,
    version: i64,
}

#[derive(FromRow)]
struct BudgetRow {
    in_a_row: i64,
    in_window: i64,
    window_start: Option<Timestamp>,
    locked_until: Option<Timestamp>,
}

/// Counts a subject's failures from zero again.
macro_rules! forgive {
    ($tx:expr, $subject:expr) => {
        sqlx::query("DELETE FROM failure_budget WHERE subject = $1")
            .bind($subject.to_string())
            .execute(&mut *$tx)
            .await?
    };
}
pub(super) use forgive;

/// Locks a credential's account by updating it, if it may sign in. Whoever blocks it, or ends all its sessions, waits here.
macro_rules! lock_active {
    ($tx:expr, $credential:expr, $refusal:expr) => {{
        let locked = sqlx::query("UPDATE account SET version = version + 1 WHERE id = $1 AND active")
            .bind($credential.account.id.to_string())
            .execute(&mut *$tx)
            .await?;
        if locked.rows_affected() == 0 {
            return Err(shared::Error::Refused($refusal));
        }
    }};
}

/// Locks a credential by updating it, if it is still the one that was read.
macro_rules! lock {
    ($tx:expr, $credential:expr, $refusal:expr) => {{
        let locked = sqlx::query("UPDATE credential SET version = version + 1 WHERE account_id = $1 AND version = $2")
            .bind($credential.account.id.to_string())
            .bind($credential.version)
            .execute(&mut *$tx)
            .await?;
        if locked.rows_affected() == 0 {
            return Err(shared::Error::Refused($refusal));
        }
    }};
}

/// Replaces a password, ends all the account's sessions but `$keep`, and counts failures from zero again.
macro_rules! replace {
    ($tx:expr, $account:expr, $hash:expr, $keep:expr) => {{
        let keep: Option<SessionId> = $keep;
        sqlx::query("UPDATE credential SET password_hash = $2 WHERE account_id = $1")
            .bind($account.to_string())
            .bind($hash.expose())
            .execute(&mut *$tx)
            .await?;
        sqlx::query("DELETE FROM session WHERE account_id = $1 AND id <> $2")
            .bind($account.to_string())
            .bind(keep.map(|id| id.to_string()).unwrap_or_default())
            .execute(&mut *$tx)
            .await?;
        // Whoever still has the old password and the request that it came with has no way in by it.
        sqlx::query("DELETE FROM request WHERE account_id = $1").bind($account.to_string()).execute(&mut *$tx).await?;
        forgive!($tx, Subject::Account($account));
    }};
}

impl Store {
    /// The credential behind a normalised login.
    pub async fn credential_of_login(&self, login_key: &str) -> Result<Option<Credential>> {
        let row: Option<CredentialRow> = on!(&self.db, |db| {
            sqlx::query_as(
                "SELECT a.id, a.realm, a.name, a.email, a.address, a.role, a.active, a.created_at,
                        c.password_hash, c.version
                 FROM account a JOIN credential c ON c.account_id = a.id WHERE a.login_key = $1",
            )
            .bind(login_key)
            .fetch_optional(db)
            .await
        })?;
        row.map(Credential::try_from).transpose()
    }

    /// The credential of an account.
    pub async fn credential(&self, id: AccountId) -> Result<Option<Credential>> {
        let row: Option<CredentialRow> = on!(&self.db, |db| {
            sqlx::query_as(
                "SELECT a.id, a.realm, a.name, a.email, a.address, a.role, a.active, a.created_at,
                        c.password_hash, c.version
                 FROM account a JOIN credential c ON c.account_id = a.id WHERE a.id = $1",
            )
            .bind(id.to_string())
            .fetch_optional(db)
            .await
        })?;
        row.map(Credential::try_from).transpose()
    }

    /// Counts one more attempt, before it is looked at. What is written is the same in every case, a refused attempt and a
    /// decoy included: nobody shall tell them apart by the time it takes.
    ///
    /// # Errors
    /// [`Refusal::TooManyAttempts`], for accounts alone.
    pub async fn spend(&self, subject: Subject, by: &Origin) -> Result<()> {
        let verdict: Result<std::result::Result<Budget, Refusal>> = tx!(&self.db, |tx| {
            let row: BudgetRow = sqlx::query_as(
                "INSERT INTO failure_budget (subject, in_a_row, in_window) VALUES ($1, 0, 0)
                 ON CONFLICT (subject) DO UPDATE SET in_a_row = failure_budget.in_a_row
                 RETURNING in_a_row, in_window, window_start, locked_until",
            )
            .bind(subject.to_string())
            .fetch_one(&mut *tx)
            .await?;
            let before = Budget::from(row);
            let verdict = before.spend(by.at);
            let after = verdict.as_ref().copied().unwrap_or(before);
            sqlx::query(
                "UPDATE failure_budget SET in_a_row = $2, in_window = $3, window_start = $4, locked_until = $5
                 WHERE subject = $1",
            )
            .bind(subject.to_string())
            .bind(after.in_a_row)
            .bind(after.in_window)
            .bind(after.window_start)
            .bind(after.locked_until)
            .execute(&mut *tx)
            .await?;
            if let (Ok(spent), Subject::Account(id)) = (&verdict, subject)
                && spent.is_locked()
            {
                record!(tx, by, Event::LoginLock, Some(id), format!("failures={}", spent.in_a_row));
            }
            verdict
        });
        match (verdict?, subject) {
            (Err(refusal), Subject::Account(_)) => Err(shared::Error::Refused(refusal)),
            _ => Ok(()),
        }
    }

    /// Counts from zero again: the password was right, whatever else was wrong.
    pub async fn forgive(&self, id: AccountId) -> Result<()> {
        tx!(&self.db, |tx| {
            forgive!(tx, Subject::Account(id));
        })
    }

    /// Writes down an attempt that failed.
    pub async fn record_failure(&self, event: Event, account: Option<AccountId>, by: &Origin) -> Result<()> {
        tx!(&self.db, |tx| {
            record!(tx, by, event, account, "");
        })
    }

    /// Opens a session for somebody who proved his password, and keeps the password's hash in a newer form if there is one.
    ///
    /// # Errors
    /// [`Refusal::InvalidCredentials`] when the password was changed, or the account blocked, since it was read.
    pub async fn sign_in(
        &self,
        credential: &Credential,
        rehashed: Option<&StoredHash>,
        session: &NewSession,
        by: &Origin,
    ) -> Result<()> {
        tx!(&self.db, |tx| {
            lock_active!(tx, credential, Refusal::InvalidCredentials);
            let unchanged =
                sqlx::query("UPDATE credential SET password_hash = $3 WHERE account_id = $1 AND version = $2")
                    .bind(credential.account.id.to_string())
                    .bind(credential.version)
                    .bind(rehashed.unwrap_or(&credential.hash).expose())
                    .execute(&mut *tx)
                    .await?;
            if unchanged.rows_affected() == 0 {
                return Err(shared::Error::Refused(Refusal::InvalidCredentials));
            }
            sqlx::query("UPDATE account SET last_login_at = $2 WHERE id = $1")
                .bind(credential.account.id.to_string())
                .bind(by.at)
                .execute(&mut *tx)
                .await?;
            forgive!(tx, Subject::Account(credential.account.id));
            record!(tx, by, Event::LoginSuccess, Some(credential.account.id), "");
            super::sessions::open!(tx, session, by);
        })
    }

    /// Replaces a password that was proved, and ends all the account's sessions but `keep`.
    ///
    /// # Errors
    /// [`Refusal::WrongPassword`] when somebody else replaced it since it was read: then the proof is worth nothing.
    /// [`Refusal::SessionNotFound`] when `keep` has ended or the account was blocked meanwhile.
    pub async fn replace_password(
        &self,
        credential: &Credential,
        hash: &StoredHash,
        keep: Option<SessionId>,
        by: &Origin,
    ) -> Result<()> {
        tx!(&self.db, |tx| {
            lock_active!(tx, credential, Refusal::SessionNotFound);
            if let Some(keep) = keep {
                let lives: Option<(String,)> =
                    sqlx::query_as("SELECT id FROM session WHERE id = $1 AND account_id = $2")
                        .bind(keep.to_string())
                        .bind(credential.account.id.to_string())
                        .fetch_optional(&mut *tx)
                        .await?;
                lives.ok_or(shared::Error::Refused(Refusal::SessionNotFound))?;
            }
            lock!(tx, credential, Refusal::WrongPassword);
            replace!(tx, credential.account.id, hash, keep);
            record!(tx, by, Event::PasswordChange, Some(credential.account.id), "");
        })
    }

    /// Replaces a password that nobody had to prove, and ends all the account's sessions but `keep`. Whoever is about to use the old
    /// one sees that it is gone.
    ///
    /// # Errors
    /// [`Refusal::AccountNotFound`]
    pub async fn reset_password(
        &self,
        account: AccountId,
        hash: &StoredHash,
        keep: Option<SessionId>,
        by: &Origin,
    ) -> Result<()> {
        tx!(&self.db, |tx| {
            super::accounts::lock!(tx, account);
            sqlx::query("UPDATE credential SET version = version + 1 WHERE account_id = $1")
                .bind(account.to_string())
                .execute(&mut *tx)
                .await?;
            replace!(tx, account, hash, keep);
            record!(tx, by, Event::PasswordChange, Some(account), "reset");
        })
    }
}

impl TryFrom<CredentialRow> for Credential {
    type Error = shared::Error<Refusal>;

    fn try_from(row: CredentialRow) -> Result<Self> {
        let hash = StoredHash::from_database(row.password_hash);
        Ok(Self { account: row.account.try_into()?, hash, version: row.version })
    }
}

impl From<BudgetRow> for Budget {
    fn from(row: BudgetRow) -> Self {
        let BudgetRow { in_a_row, in_window, window_start, locked_until } = row;
        Self { in_a_row, in_window, window_start, locked_until }
    }
}
