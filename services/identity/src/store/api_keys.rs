//! API keys.

use shared::{Timestamp, on, tx};
use sqlx::FromRow;

use super::{Result, Store, record};
use crate::domain::{
    ApiKeyId, Refusal,
    api_key::{ApiKey, Digest, USE_GRAIN},
    audit::{Event, Origin},
};

#[derive(FromRow)]
struct ApiKeyRow {
    id: String,
    name: String,
    prefix: String,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
}

impl Store {
    /// Keeps a new key.
    pub async fn create_api_key(&self, key: &ApiKey, digest: &Digest, by: &Origin) -> Result<()> {
        tx!(&self.db, |tx| {
            sqlx::query("INSERT INTO api_key (id, name, prefix, digest, created_at) VALUES ($1, $2, $3, $4, $5)")
                .bind(key.id.to_string())
                .bind(key.name.as_str())
                .bind(&key.prefix)
                .bind(digest)
                .bind(key.created)
                .execute(&mut *tx)
                .await?;
            record!(tx, by, Event::ApiKeyCreated, by.account(), format!("key={}", key.id));
        })
    }

    /// The keys that are not revoked, oldest first.
    pub async fn api_keys(&self) -> Result<Vec<ApiKey>> {
        let rows: Vec<ApiKeyRow> = on!(&self.db, |db| {
            sqlx::query_as(
                "SELECT id, name, prefix, created_at, last_used_at FROM api_key WHERE revoked_at IS NULL ORDER BY id",
            )
            .fetch_all(db)
            .await
        })?;
        rows.into_iter().map(ApiKey::try_from).collect()
    }

    /// Revokes a key.
    ///
    /// # Errors
    /// [`Refusal::ApiKeyNotFound`]
    pub async fn revoke_api_key(&self, id: ApiKeyId, by: &Origin) -> Result<ApiKey> {
        tx!(&self.db, |tx| {
            let row: Option<ApiKeyRow> = sqlx::query_as(
                "UPDATE api_key SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL
                 RETURNING id, name, prefix, created_at, last_used_at",
            )
            .bind(id.to_string())
            .bind(by.at)
            .fetch_optional(&mut *tx)
            .await?;
            let key = ApiKey::try_from(row.ok_or(shared::Error::Refused(Refusal::ApiKeyNotFound))?)?;
            record!(tx, by, Event::TokenRevoked, by.account(), format!("key={id}"));
            key
        })
    }

    /// The key with this digest, if it is good; notes its use once a minute.
    pub async fn use_api_key(&self, digest: &Digest, now: Timestamp) -> Result<Option<ApiKey>> {
        let row: Option<ApiKeyRow> = on!(&self.db, |db| {
            sqlx::query_as(
                "SELECT id, name, prefix, created_at, last_used_at FROM api_key WHERE digest = $1 AND revoked_at IS NULL",
            )
            .bind(digest)
            .fetch_optional(db)
            .await
        })?;
        let Some(key) = row.map(ApiKey::try_from).transpose()? else { return Ok(None) };
        if key.last_used.is_none_or(|used| now.since(used) >= USE_GRAIN) {
            let noted: Result<()> = tx!(&self.db, |tx| {
                sqlx::query("UPDATE api_key SET last_used_at = $2 WHERE id = $1")
                    .bind(key.id.to_string())
                    .bind(now)
                    .execute(&mut *tx)
                    .await?;
            });
            noted?;
        }
        Ok(Some(key))
    }
}

impl TryFrom<ApiKeyRow> for ApiKey {
    type Error = shared::Error<Refusal>;

    fn try_from(row: ApiKeyRow) -> Result<Self> {
        Ok(Self {
            id: row.id.parse().map_err(shared::Error::internal)?,
            name: row.name.parse().map_err(shared::Error::internal)?,
            prefix: row.prefix,
            created: row.created_at,
            last_used: row.last_used_at,
        })
    }
}
