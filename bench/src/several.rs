//! Several things that are done at once, and no more than that.

use anyhow::Context as _;
use tokio::task::JoinSet;

/// At once.
const TOGETHER: usize = 32;

/// Things that are being done, and what came of those that are.
pub struct Several<T> {
    underway: JoinSet<anyhow::Result<T>>,
    done: Vec<T>,
}

impl<T> Default for Several<T> {
    fn default() -> Self {
        Self { underway: JoinSet::new(), done: Vec::new() }
    }
}

impl<T: Send + 'static> Several<T> {
    /// Begins with one more, as soon as there is room for it.
    ///
    /// # Errors
    /// What one of those before failed with.
    pub async fn add(&mut self, one: impl Future<Output = anyhow::Result<T>> + Send + 'static) -> anyhow::Result<()> {
        if self.underway.len() >= TOGETHER {
            let done = self.underway.join_next().await.context("one is underway")?;
            self.done.push(done??);
        }
        self.underway.spawn(one);
        Ok(())
    }

    /// Waits until all are done; answers with what came of them, in the order in which they were.
    ///
    /// # Errors
    /// What one of them failed with.
    pub async fn all(mut self) -> anyhow::Result<Vec<T>> {
        while let Some(done) = self.underway.join_next().await {
            self.done.push(done??);
        }
        Ok(self.done)
    }
}
