//! Accounts that are to be deleted: marked first, then let go by lending, deleted last.

use shared::{Timestamp, on, tx};

use super::{
    Result, Store,
    accounts::{lock, lock_other_admins},
    members::tally,
    record,
};
use crate::domain::{
    AccountId,
    account::{Account, Realm, Role},
    audit::{Event, Origin},
};

/// A marked account, and which attempt to delete it this is: the last one decides whether it stays.
#[derive(Clone, Copy, Debug)]
pub struct Departure {
    pub account: AccountId,
    pub attempt: i64,
}

/// Who asked for it, in which request, for the audit log.
struct Asked {
    actor: String,
    request_id: String,
    at: Timestamp,
}

impl Store {
    /// Marks an account that may leave. One that is marked goes on from where it is.
    ///
    /// # Errors
    /// [`Refusal::AccountNotFound`](crate::domain::Refusal::AccountNotFound),
    /// [`Refusal::LastAdmin`](crate::domain::Refusal::LastAdmin)
    pub async fn mark_leaving(&self, id: AccountId, by: &Origin) -> Result<Departure> {
        tx!(&self.db, |tx| {
            let account: Account = lock!(tx, id);
            let is_leaving: bool = sqlx::query_scalar("SELECT leaving_at IS NOT NULL FROM account WHERE id = $1")
                .bind(id.to_string())
                .fetch_one(&mut *tx)
                .await?;
            if !is_leaving {
                let others = if account.role == Role::Admin { lock_other_admins!(tx, id) } else { 0 };
                account.may_leave(others).map_err(shared::Error::Refused)?;
                sqlx::query(
                    "UPDATE account SET leaving_at = $2, leaving_actor = $3, leaving_request_id = $4 WHERE id = $1",
                )
                .bind(id.to_string())
                .bind(by.at)
                .bind(&by.actor)
                .bind(by.request_id.as_str())
                .execute(&mut *tx)
                .await?;
            }
            let attempt: i64 = sqlx::query_scalar(
                "UPDATE account SET leaving_attempt = leaving_attempt + 1 WHERE id = $1 RETURNING leaving_attempt",
            )
            .bind(id.to_string())
            .fetch_one(&mut *tx)
            .await?;
            Departure { account: id, attempt }
        })
    }

    /// Accounts that were marked before `until`, the oldest marks first.
    pub async fn departures(&self, until: Timestamp, many: i64) -> Result<Vec<AccountId>> {
        let ids: Vec<String> = on!(&self.db, |db| {
            sqlx::query_scalar("SELECT id FROM account WHERE leaving_at < $1 ORDER BY leaving_at LIMIT $2")
                .bind(until)
                .bind(many)
                .fetch_all(db)
                .await
        })?;
        ids.iter().map(|id| id.parse().map_err(shared::Error::internal)).collect()
    }

    /// How many accounts are marked.
    pub async fn count_departures(&self) -> Result<i64> {
        Ok(on!(&self.db, |db| {
            sqlx::query_scalar("SELECT COUNT(*) FROM account WHERE leaving_at IS NOT NULL").fetch_one(db).await
        })?)
    }

    /// Takes a departure over from whoever began it; `None` when the account is not marked any more.
    pub async fn take_over(&self, id: AccountId) -> Result<Option<Departure>> {
        let attempt: Option<i64> = tx!(&self.db, |tx| {
            sqlx::query_scalar(
                "UPDATE account SET leaving_attempt = leaving_attempt + 1 WHERE id = $1 AND leaving_at IS NOT NULL
                 RETURNING leaving_attempt",
            )
            .bind(id.to_string())
            .fetch_optional(&mut *tx)
            .await?
        })?;
        Ok(attempt.map(|attempt| Departure { account: id, attempt }))
    }

    /// The account stays, unless somebody else is about to delete it.
    pub async fn unmark_leaving(&self, departure: Departure) -> Result<()> {
        tx!(&self.db, |tx| {
            sqlx::query(
                "UPDATE account SET leaving_at = NULL, leaving_actor = NULL, leaving_request_id = NULL
                 WHERE id = $1 AND leaving_attempt = $2",
            )
            .bind(departure.account.to_string())
            .bind(departure.attempt)
            .execute(&mut *tx)
            .await?;
        })
    }

    /// Deletes an account with its sessions and password, on behalf of whoever asked for it first.
    ///
    /// # Errors
    /// [`Refusal::AccountNotFound`](crate::domain::Refusal::AccountNotFound); if it is not marked any more also
    /// [`Refusal::LastAdmin`](crate::domain::Refusal::LastAdmin)
    pub async fn delete_account(&self, id: AccountId, by: &Origin) -> Result<Account> {
        tx!(&self.db, |tx| {
            let account: Account = lock!(tx, id);
            let asked: Option<(String, String)> = sqlx::query_as(
                "SELECT leaving_actor, leaving_request_id FROM account WHERE id = $1 AND leaving_at IS NOT NULL",
            )
            .bind(id.to_string())
            .fetch_optional(&mut *tx)
            .await?;
            // Somebody else, whom lending refused, took the mark away while lending let us go on.
            if asked.is_none() {
                let others = if account.role == Role::Admin { lock_other_admins!(tx, id) } else { 0 };
                account.may_leave(others).map_err(shared::Error::Refused)?;
            }
            let (actor, request_id) = asked.unwrap_or_else(|| (by.actor.clone(), by.request_id.as_str().to_owned()));
            let asked = Asked { actor, request_id, at: by.at };
            super::credentials::forgive!(tx, super::Subject::Account(id));
            // Of a child the families and groups first: whoever is changing one of them waits for this row and not the other way round.
            for sql in [
                "DELETE FROM family_child WHERE child_id = $1",
                "DELETE FROM group_child WHERE child_id = $1",
                "DELETE FROM request WHERE account_id = $1",
                "DELETE FROM account WHERE id = $1",
            ] {
                sqlx::query(sql).bind(id.to_string()).execute(&mut *tx).await?;
            }
            if account.realm() == Realm::School && account.role != Role::Admin {
                tally!(tx, account.role, -1_i64);
            }
            record!(tx, asked, Event::UserDeleted, Some(id), "");
            account
        })
    }
}
