//! Requests that may come again.

use shared::{Timestamp, replay::Replay};

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

    /// Forgets requests that are too old to come again.
    pub async fn forget_requests(&self, now: Timestamp) -> Result<()> {
        shared::replay::forget(&self.db, now).await
    }
}
