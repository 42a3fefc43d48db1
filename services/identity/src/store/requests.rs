//! Requests that may come again.

use shared::{Timestamp, replay::Replay, tx};

use super::{Result, Store};
use crate::domain::Refusal;

impl Store {
    /// The answer that a request got before, before anything is done for it.
    ///
    /// # Errors
    /// [`Refusal::RequestIdReused`]
    pub async fn answered(&self, replay: &Replay) -> Result<Option<Vec<u8>>> {
        shared::replay::answered(&self.db, replay, Refusal::RequestIdReused).await
    }

    /// Forgets the answer to a registration that is the same but for its password.
    pub async fn forget_guessed(&self, replay: &Replay) -> Result<()> {
        let (open, _) = replay.digest.split_at(replay.digest.len() / 2);
        tx!(&self.db, |tx| {
            sqlx::query("DELETE FROM request WHERE caller = $1 AND id = $2 AND SUBSTR(digest, 1, $3) = $4")
                .bind(&replay.caller)
                .bind(&replay.id)
                .bind(i32::try_from(open.len()).map_err(shared::Error::internal)?)
                .bind(open)
                .execute(&mut *tx)
                .await?;
        })
    }

    /// Forgets requests that are too old to come again.
    pub async fn forget_requests(&self, now: Timestamp) -> Result<()> {
        shared::replay::forget(&self.db, now).await
    }
}
