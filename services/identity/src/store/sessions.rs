//! Sessions: a row is a session that lives.

use shared::{Db, Timestamp, database::Coalesced, on, tx};
use sqlx::{AssertSqlSafe, FromRow};

use super::{Result, Store, record, role};
use crate::domain::{
    AccountId, Refusal, SessionId,
    account::Role,
    audit::{Event, Origin},
};

/// A session to be opened.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub id: SessionId,
    pub account: AccountId,
    pub expires: Timestamp,
}

/// An open session.
#[derive(Clone, Debug, FromRow)]
pub struct Session {
    pub id: String,
    pub account_id: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// A session and its account, as whoever holds it is let in by.
#[derive(Clone, Debug, FromRow)]
pub(super) struct Standing {
    id: String,
    account_id: String,
    expires_at: Timestamp,
    role: String,
    active: bool,
}

/// The standings of sessions that are asked for one by one: every request of somebody who is signed in asks for his.
pub(super) fn standings(db: &Db) -> Coalesced<String, Standing> {
    let db = db.clone();
    Coalesced::new(move |ids| {
        let db = db.clone();
        async move {
            let (ids, places) = db.listed(ids);
            let sql = format!(
                "SELECT s.id, s.account_id, s.expires_at, a.role, a.active
                 FROM session s JOIN account a ON a.id = s.account_id WHERE s.id IN ({places})"
            );
            let found: Vec<Standing> = on!(&db, |db| {
                let mut query = sqlx::query_as(AssertSqlSafe(sql));
                for id in ids {
                    query = query.bind(id);
                }
                query.fetch_all(db).await
            })?;
            Ok(found.into_iter().map(|standing| (standing.id.clone(), standing)).collect())
        }
    })
}

/// Opens a session. An account has at most 100: the oldest ends then. Some of all expired ones are swept.
macro_rules! open {
    ($tx:expr, $session:expr, $by:expr) => {{
        sqlx::query(
            "DELETE FROM session WHERE account_id = $1 AND id NOT IN
                (SELECT id FROM session WHERE account_id = $1 ORDER BY id DESC LIMIT 99)",
        )
        .bind($session.account.to_string())
        .execute(&mut *$tx)
        .await?;
        sqlx::query(
            "DELETE FROM session WHERE id IN
                (SELECT id FROM session WHERE expires_at <= $1 ORDER BY expires_at LIMIT 20)",
        )
        .bind($by.at)
        .execute(&mut *$tx)
        .await?;
        sqlx::query("INSERT INTO session (id, account_id, created_at, expires_at) VALUES ($1, $2, $3, $4)")
            .bind($session.id.to_string())
            .bind($session.account.to_string())
            .bind($by.at)
            .bind($session.expires)
            .execute(&mut *$tx)
            .await?;
        let detail = format!("session={}", $session.id);
        $crate::store::record!($tx, $by, $crate::domain::audit::Event::TokenCreated, Some($session.account), detail);
    }};
}
pub(super) use open;

impl Store {
    /// What the holder of a session may do now; `None` when it has ended or its account may not sign in.
    pub async fn standing(&self, session: SessionId, account: AccountId, now: Timestamp) -> Result<Option<Role>> {
        let standing = self.standings.get(session.to_string()).await?;
        let is_good =
            |found: &Standing| found.active && found.expires_at > now && found.account_id == account.to_string();
        standing.filter(is_good).map(|found| role(&found.role)).transpose()
    }

    /// An account's open sessions, newest first.
    pub async fn sessions(&self, account: AccountId, now: Timestamp) -> Result<Vec<Session>> {
        let sessions = on!(&self.db, |db| {
            sqlx::query_as(
                "SELECT id, account_id, created_at, expires_at FROM session
                 WHERE account_id = $1 AND expires_at > $2 ORDER BY id DESC",
            )
            .bind(account.to_string())
            .bind(now)
            .fetch_all(db)
            .await
        })?;
        Ok(sessions)
    }

    /// How many sessions live, out of the index by their end alone.
    pub async fn count_sessions(&self, now: Timestamp) -> Result<i64> {
        Ok(on!(&self.db, |db| {
            sqlx::query_scalar("SELECT COUNT(*) FROM session WHERE expires_at > $1").bind(now).fetch_one(db).await
        })?)
    }

    /// Ends a session, of `owner` alone if one is given.
    ///
    /// # Errors
    /// [`Refusal::SessionNotFound`]
    pub async fn end_session(&self, session: SessionId, owner: Option<AccountId>, by: &Origin) -> Result<()> {
        tx!(&self.db, |tx| {
            let ended: Option<(String,)> = sqlx::query_as(
                "DELETE FROM session WHERE id = $1 AND ($2 = '' OR account_id = $2) RETURNING account_id",
            )
            .bind(session.to_string())
            .bind(owner.map(|id| id.to_string()).unwrap_or_default())
            .fetch_optional(&mut *tx)
            .await?;
            let (account,) = ended.ok_or(shared::Error::Refused(Refusal::SessionNotFound))?;
            record!(tx, by, Event::TokenRevoked, account.parse().ok(), format!("session={session}"));
        })
    }

    /// Ends every session there is, after a restore of which `detail` says more.
    pub async fn end_all_sessions(&self, detail: &str, by: &Origin) -> Result<()> {
        tx!(&self.db, |tx| {
            sqlx::query("DELETE FROM session").execute(&mut *tx).await?;
            record!(tx, by, Event::Restored, None, detail);
        })
    }
}
