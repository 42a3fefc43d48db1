//! Every line of SQL of this service. A rule runs inside the transaction that keeps its outcome.

mod accounts;
mod api_keys;
mod audit;
mod check;
mod credentials;
mod departures;
mod families;
mod groups;
mod institutions;
pub mod listing;
mod members;
mod requests;
mod sessions;
mod signing_keys;

use shared::{
    Db, Timestamp,
    database::{Coalesced, Migrations, OpenError, Schema},
    secret::Secret,
};
use sqlx::FromRow;

use crate::domain::{
    Refusal,
    account::{Account, Realm, Role},
    login::Login,
};

pub use check::Findings;
pub use credentials::{Credential, Subject};
pub use departures::Departure;
pub use members::fields;
use sessions::Standing;
pub use sessions::{NewSession, Session};
pub use signing_keys::SigningKey;

/// What the store answers.
pub type Result<T> = std::result::Result<T, shared::Error<Refusal>>;

/// Identity's database.
#[derive(Clone)]
pub struct Store {
    db: Db,
    standings: Coalesced<String, Standing>,
}

fn migrations() -> Migrations {
    Migrations { sqlite: sqlx::migrate!("migrations/sqlite"), postgres: sqlx::migrate!("migrations/postgres") }
}

/// What whoever copies the database has to know.
pub fn schema() -> Schema {
    // A backup holds no sessions, so none comes back to life with it.
    Schema { migrations: migrations(), still: &["account"], without: &["session"] }
}

impl Store {
    fn of(db: Db) -> Self {
        Self { standings: sessions::standings(&db), db }
    }

    /// Opens the database and brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn open(url: &Secret) -> std::result::Result<Self, OpenError> {
        let db = Db::open(url, &migrations()).await?;
        shared::metrics::watch_pools("identity", &db);
        Ok(Self::of(db))
    }

    /// Opens a database that is there, to read it.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn look_into(url: &Secret) -> std::result::Result<Self, OpenError> {
        Ok(Self::of(Db::look_into(url, &migrations()).await?))
    }

    /// Opens a database that is there, with the schema that it has.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn as_it_is(url: &Secret) -> std::result::Result<Self, OpenError> {
        Ok(Self::of(Db::as_it_is(url).await?))
    }

    /// Ends all connections.
    pub async fn close(self) {
        self.db.close().await;
    }

    /// Whether the database answers.
    pub async fn answers(&self) -> bool {
        self.db.answers().await
    }
}

/// Writes a row of the audit log in the transaction `$tx`.
macro_rules! record {
    ($tx:expr, $by:expr, $event:expr, $account:expr, $detail:expr) => {
        sqlx::query(
            "INSERT INTO audit_event (id, created_at, event, account_id, actor, request_id, detail)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(shared::Id::fresh($by.at).to_string())
        .bind($by.at)
        .bind($event.name())
        .bind($account.map(|account: $crate::domain::AccountId| account.to_string()).unwrap_or_default())
        .bind(&$by.actor)
        .bind($by.request_id.as_str())
        .bind($detail)
        .execute(&mut *$tx)
        .await?
    };
}
use record;

#[derive(FromRow)]
struct AccountRow {
    id: String,
    realm: String,
    name: String,
    email: String,
    address: String,
    role: String,
    active: bool,
    created_at: Timestamp,
}

impl TryFrom<AccountRow> for Account {
    type Error = shared::Error<Refusal>;

    fn try_from(row: AccountRow) -> Result<Self> {
        let (login, name) = match realm(&row.realm)? {
            Realm::Library => (Login::Email(kept(&row.email)?), Some(kept(&row.name)?)),
            Realm::School => (Login::Username(kept(&row.name)?), None),
        };
        Ok(Self {
            id: kept(&row.id)?,
            login,
            name,
            address: kept(&row.address)?,
            role: role(&row.role)?,
            active: row.active,
            created: row.created_at,
        })
    }
}

/// What was checked when it was written.
fn kept<T: std::str::FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>>>(text: &str) -> Result<T> {
    text.parse().map_err(shared::Error::internal)
}

fn role(name: &str) -> Result<Role> {
    Role::ALL
        .into_iter()
        .find(|role| role.name() == name)
        .ok_or_else(|| shared::Error::internal("an account has a role of a newer version"))
}

fn realm(name: &str) -> Result<Realm> {
    match name {
        "library" => Ok(Realm::Library),
        "school" => Ok(Realm::School),
        _ => Err(shared::Error::internal("an account has a realm of a newer version")),
    }
}

const fn realm_name(realm: Realm) -> &'static str {
    match realm {
        Realm::Library => "library",
        Realm::School => "school",
    }
}
