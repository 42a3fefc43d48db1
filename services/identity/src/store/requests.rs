//! Requests that may come again.

use shared::{Timestamp, on, replay::Replay};

use super::{Result, Store};
use crate::domain::Refusal;

impl Store {
    /// The answer that a request got before, before anything is done for it.
    ///
    /// # Errors
    /// [`Refusal::RequestIdReused`]
    pub async fn answered(&self, replay: &Replay) -> Result<Option<Vec<u8>>> {
        let known: Option<(Vec<u8>, Vec<u8>)> = on!(&self.db, |db| {
            sqlx::query_as("SELECT digest, answer FROM request WHERE caller = $1 AND id = $2 AND expires_at >= $3")
                .bind(&replay.caller)
                .bind(&replay.id)
                .bind(replay.now)
                .fetch_optional(db)
                .await
        })?;
        match known {
            Some((digest, _)) if digest != replay.digest => Err(shared::Error::Refused(Refusal::RequestIdReused)),
            known => Ok(known.map(|(_, answer)| answer)),
        }
    }

    /// Forgets requests that are too old to come again.
    pub async fn forget_requests(&self, now: Timestamp) -> Result<()> {
        shared::replay::forget(&self.db, now).await.map_err(shared::Error::widen)
    }
}
