//! Accounts.

use shared::{answered_before, keep_answer, on, page::Page, replay::Replay, tx};
use sqlx::FromRow;

use super::{AccountRow, NewSession, Result, Store, record};
use crate::domain::{
    AccountId, Refusal,
    account::{Account, Realm, Role},
    audit::{Event, Origin},
    hash::StoredHash,
};

#[derive(FromRow)]
struct Count {
    count: i64,
}

/// Locks all admins by updating them, so that two who leave at the same time see each other; counts the active ones
/// besides `$but`, without those who are to be deleted. Two such transactions may lock in another order each: PostgreSQL ends one of them, and it runs again.
macro_rules! lock_other_admins {
    ($tx:expr, $but:expr) => {{
        let admins: Vec<(String, bool)> = sqlx::query_as(
            "UPDATE account SET version = version + 1 WHERE role = 'admin' RETURNING id, active AND leaving_at IS NULL",
        )
        .fetch_all(&mut *$tx)
        .await?;
        let but = $but.to_string();
        i64::try_from(admins.iter().filter(|(id, active)| *active && *id != but).count()).unwrap_or(i64::MAX)
    }};
}
pub(super) use lock_other_admins;

/// Locks an account by updating it.
macro_rules! lock {
    ($tx:expr, $id:expr) => {{
        let row: Option<$crate::store::AccountRow> = sqlx::query_as(
            "UPDATE account SET version = version + 1 WHERE id = $1
             RETURNING id, realm, name, email, address, role, active, created_at",
        )
        .bind($id.to_string())
        .fetch_optional(&mut *$tx)
        .await?;
        $crate::domain::account::Account::try_from(
            row.ok_or(shared::Error::Refused($crate::domain::Refusal::AccountNotFound))?,
        )?
    }};
}
pub(super) use lock;

/// Keeps a new account, its password's hash and possibly its first session.
macro_rules! insert {
    ($tx:expr, $account:expr, $hash:expr, $session:expr, $by:expr) => {{
        let (account, session): (&$crate::domain::account::Account, Option<&$crate::store::NewSession>) =
            ($account, $session);
        sqlx::query(
            "INSERT INTO account (id, realm, login_key, email, name, address, role, active, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(account.id.to_string())
        .bind($crate::store::realm_name(account.realm()))
        .bind(account.login.key())
        .bind(account.email())
        .bind(account.display_name())
        .bind(account.address.as_str())
        .bind(account.role.name())
        .bind(account.active)
        .bind(account.created)
        .execute(&mut *$tx)
        .await?;
        sqlx::query("INSERT INTO credential (account_id, password_hash) VALUES ($1, $2)")
            .bind(account.id.to_string())
            .bind($hash.expose())
            .execute(&mut *$tx)
            .await?;
        let created = $crate::domain::audit::Event::UserCreated;
        $crate::store::record!($tx, $by, created, Some(account.id), format!("role={}", account.role.name()));
        if let Some(session) = session {
            $crate::store::sessions::open!($tx, session, $by);
        }
    }};
}
pub(super) use insert;

impl Store {
    /// Keeps a new account and its password's hash.
    ///
    /// # Errors
    /// [`Refusal::LoginTaken`]; with `first_admin_only` [`Refusal::AdminExists`].
    pub async fn create_account(
        &self,
        account: &Account,
        hash: &StoredHash,
        first_admin_only: bool,
        by: &Origin,
    ) -> Result<()> {
        let created = tx!(&self.db, |tx| {
            if first_admin_only && lock_other_admins!(tx, "") > 0 {
                return Err(shared::Error::Refused(Refusal::AdminExists));
            }
            insert!(tx, account, hash, None, by);
        });
        created.map_err(taken)
    }

    /// Keeps a new account with its first session, and `answer` with it. If the request comes again it changes nothing, and
    /// answers with what was kept.
    ///
    /// # Errors
    /// [`Refusal::LoginTaken`], [`Refusal::RequestIdReused`]
    pub async fn register_account(
        &self,
        account: &Account,
        hash: &StoredHash,
        session: &NewSession,
        replay: Option<&Replay>,
        answer: &[u8],
        by: &Origin,
    ) -> Result<Option<Vec<u8>>> {
        let registered = tx!(&self.db, |tx| {
            let before = answered_before!(tx, replay, Refusal::RequestIdReused);
            if before.is_none() {
                insert!(tx, account, hash, Some(session), by);
                keep_answer!(tx, replay, answer);
                if let Some(replay) = replay {
                    sqlx::query("UPDATE request SET account_id = $3 WHERE caller = $1 AND id = $2")
                        .bind(&replay.caller)
                        .bind(&replay.id)
                        .bind(account.id.to_string())
                        .execute(&mut *tx)
                        .await?;
                }
            }
            before
        });
        registered.map_err(taken)
    }

    /// One account.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>> {
        let row: Option<AccountRow> = on!(&self.db, |db| {
            sqlx::query_as(
                "SELECT id, realm, name, email, address, role, active, created_at FROM account WHERE id = $1",
            )
            .bind(id.to_string())
            .fetch_optional(db)
            .await
        })?;
        row.map(Account::try_from).transpose()
    }

    /// A page of a realm's accounts in order of age, with one row more than the page holds if there is one, and how many
    /// there are in all.
    pub async fn accounts(&self, realm: Realm, page: &Page) -> Result<(Vec<Account>, i64)> {
        let (rows, count): (Vec<AccountRow>, Count) = on!(&self.db, |db| {
            let rows = sqlx::query_as(
                "SELECT id, realm, name, email, address, role, active, created_at FROM account
                 WHERE realm = $1 AND id > $2 ORDER BY id LIMIT $3 OFFSET $4",
            )
            .bind(super::realm_name(realm))
            .bind(&page.after)
            .bind(page.probe())
            .bind(page.skip)
            .fetch_all(db)
            .await?;
            let count = sqlx::query_as("SELECT COUNT(*) AS count FROM account WHERE realm = $1")
                .bind(super::realm_name(realm))
                .fetch_one(db)
                .await?;
            (rows, count)
        });
        let accounts: Result<Vec<Account>> = rows.into_iter().map(Account::try_from).collect();
        Ok((accounts?, count.count))
    }

    /// Whether anybody runs the place.
    pub async fn has_admin(&self) -> Result<bool> {
        let admins: Count = on!(&self.db, |db| {
            sqlx::query_as("SELECT COUNT(*) AS count FROM account WHERE role = 'admin'").fetch_one(db).await
        })?;
        Ok(admins.count > 0)
    }

    /// Changes an account by `rule`, which also gets the number of other active admins. Ends its sessions when the change
    /// outdates them; lifts a lock after failures when `unlock`.
    ///
    /// # Errors
    /// [`Refusal::AccountNotFound`], [`Refusal::LoginTaken`], and what `rule` refuses.
    pub async fn update_account(
        &self,
        id: AccountId,
        rule: impl Fn(&Account, i64) -> std::result::Result<Account, Refusal>,
        unlock: bool,
        by: &Origin,
    ) -> Result<Account> {
        let changed = tx!(&self.db, |tx| {
            let before = lock!(tx, id);
            let others = if before.role == Role::Admin { lock_other_admins!(tx, id) } else { 0 };
            let after = rule(&before, others).map_err(shared::Error::Refused)?;
            sqlx::query(
                "UPDATE account SET login_key = $2, email = $3, name = $4, address = $5, role = $6, active = $7 WHERE id = $1",
            )
            .bind(id.to_string())
            .bind(after.login.key())
            .bind(after.email())
            .bind(after.display_name())
            .bind(after.address.as_str())
            .bind(after.role.name())
            .bind(after.active)
            .execute(&mut *tx)
            .await?;
            record!(tx, by, Event::UserUpdated, Some(id), before.differences(&after).join(" "));
            if before.role != after.role || before.active != after.active {
                let detail = format!("role={} active={}", after.role.name(), after.active);
                record!(tx, by, Event::PrivilegeChange, Some(id), detail);
            }
            if before.outdates_sessions(&after) {
                sqlx::query("DELETE FROM session WHERE account_id = $1").bind(id.to_string()).execute(&mut *tx).await?;
            }
            if unlock {
                super::credentials::forgive!(tx, super::Subject::Account(id));
                record!(tx, by, Event::LoginUnlock, Some(id), "");
            }
            after
        });
        changed.map_err(taken)
    }
}

/// Another account has the login.
pub(super) fn taken(error: shared::Error<Refusal>) -> shared::Error<Refusal> {
    error.or_taken("account_login_key", Refusal::LoginTaken)
}
