//! The keys that sign access tokens.

use std::time::Duration;

use shared::{Timestamp, on, tx};
use sqlx::FromRow;

use super::{Result, Store, record};
use crate::domain::audit::{Event, Origin};

/// A signing key; its private half is sealed.
#[derive(Clone, FromRow)]
pub struct SigningKey {
    pub id: String,
    pub sealed_key: Vec<u8>,
    pub public_key: Vec<u8>,
    pub created_at: Timestamp,
}

impl Store {
    /// The key that signs now: not always the newest of all, because of two rotations at once the later may be of the older.
    pub async fn newest_signing_key(&self) -> Result<Option<SigningKey>> {
        let key = on!(&self.db, |db| {
            sqlx::query_as(
                "SELECT id, sealed_key, public_key, created_at FROM signing_key
                 WHERE retired_at IS NULL ORDER BY id DESC LIMIT 1",
            )
            .fetch_optional(db)
            .await
        })?;
        Ok(key)
    }

    /// The keys whose tokens may still be good, newest first: a token lives for `lifetime` after its key was retired.
    pub async fn signing_keys(&self, lifetime: Duration, now: Timestamp) -> Result<Vec<SigningKey>> {
        let keys = on!(&self.db, |db| {
            sqlx::query_as(
                "SELECT id, sealed_key, public_key, created_at FROM signing_key
                 WHERE retired_at IS NULL OR retired_at > $1 ORDER BY id DESC",
            )
            .bind(now - lifetime)
            .fetch_all(db)
            .await
        })?;
        Ok(keys)
    }

    /// Retires the keys of now and keeps a new one.
    pub async fn rotate_signing_keys(&self, key: &SigningKey, by: &Origin) -> Result<()> {
        tx!(&self.db, |tx| {
            sqlx::query("UPDATE signing_key SET retired_at = $1 WHERE retired_at IS NULL")
                .bind(by.at)
                .execute(&mut *tx)
                .await?;
            sqlx::query("INSERT INTO signing_key (id, sealed_key, public_key, created_at) VALUES ($1, $2, $3, $4)")
                .bind(&key.id)
                .bind(&key.sealed_key)
                .bind(&key.public_key)
                .bind(key.created_at)
                .execute(&mut *tx)
                .await?;
            record!(tx, by, Event::SigningKeyRotated, None, format!("key={}", key.id));
        })
    }
}
