//! Requests that may come again: they are remembered where they have their effect, and forgotten here.

use shared::Timestamp;

use super::{Result, Store};

impl Store {
    /// Forgets requests that are too old to come again.
    pub async fn forget_requests(&self, now: Timestamp) -> Result<()> {
        shared::replay::forget(&self.db, now).await
    }
}
