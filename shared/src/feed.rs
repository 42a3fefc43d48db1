//! A change feed: whoever follows a service gets the newest state of every row that changed, once or more, and misses none.
//!
//! The rows carry a number `changed`, which grows with every change. On SQLite, which has one writer, that is one more than the
//! largest. On PostgreSQL numbers of a sequence become visible out of order, so it is the number of the transaction, and only
//! rows are read whose transaction is older than every one that still runs (`pg_snapshot_xmin`): what is read is complete. Rows
//! that changed in one transaction are told apart by their key, so a position is both.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::time::{sleep, timeout};
use tokio_stream::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::Db;

/// Behind which row a feed goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The row's `changed`; 0 for the beginning.
    pub changed: i64,
    /// The row's key.
    pub key: String,
}

/// The token comes from no feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must come from an earlier answer")]
pub struct MalformedToken;

impl Position {
    /// For whoever follows, to come back with.
    pub fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{} {}", self.changed, self.key))
    }

    /// Out of a token; an empty one is the beginning.
    ///
    /// # Errors
    /// [`MalformedToken`]
    pub fn parse(token: &str) -> Result<Self, MalformedToken> {
        if token.is_empty() {
            return Ok(Self::default());
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| MalformedToken)?;
        let text = String::from_utf8(bytes).map_err(|_| MalformedToken)?;
        let (changed, key) = text.split_once(' ').filter(|_| !text.contains('\0')).ok_or(MalformedToken)?;
        Ok(Self { changed: changed.parse().map_err(|_| MalformedToken)?, key: key.to_owned() })
    }
}

impl Db {
    /// What `changed` of a row of `table` becomes when the row changes: an expression.
    pub fn change_of(&self, table: &str) -> String {
        match self {
            Self::Sqlite { .. } => format!("(SELECT COALESCE(MAX(changed), 0) + 1 FROM {table})"),
            Self::Postgres(_) => "pg_current_xact_id()::text::bigint".to_owned(),
        }
    }

    /// Which rows nobody can come before any more: a condition.
    pub const fn is_settled(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "TRUE",
            Self::Postgres(_) => "changed < pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
        }
    }

    /// The largest `changed` that a row of `table` may have by now: an expression. A row or a position beyond it is from another
    /// life of the database, before it was restored.
    pub fn last_change_of(&self, table: &str) -> String {
        match self {
            Self::Sqlite { .. } => format!("(SELECT COALESCE(MAX(changed), 0) FROM {table})"),
            Self::Postgres(_) => "pg_snapshot_xmax(pg_current_snapshot())::text::bigint".to_owned(),
        }
    }
}

/// From the end of a stream to the next try.
const PAUSE: Duration = Duration::from_millis(500);

/// A feed says again and again that there is nothing. One that says nothing for so long comes from nobody any more.
const SILENCE: Duration = Duration::from_secs(5);

/// Follows a feed until `stop`: connects with the last token, keeps what comes, and connects again when it ends.
///
/// `connect` opens the stream behind what is kept; `keep` keeps a message together with its token.
pub async fn follow<M, S, C, K, E>(name: &'static str, stop: CancellationToken, connect: C, keep: K)
where
    S: Stream<Item = Result<M, Status>> + Unpin,
    C: AsyncFn() -> Result<S, E>,
    K: AsyncFn(M) -> Result<(), E>,
    E: std::fmt::Display + From<Status>,
{
    let once = async || -> Result<(), E> {
        let mut messages = connect().await?;
        let silent = |_| Status::unavailable("the feed says nothing");
        while let Some(message) = timeout(SILENCE, messages.next()).await.map_err(silent)? {
            keep(message?).await?;
        }
        Ok(())
    };
    loop {
        match stop.run_until_cancelled(once()).await {
            None => return,
            Some(Ok(())) => (),
            Some(Err(error)) => tracing::debug!(name, %error, "the feed broke off"),
        }
        if stop.run_until_cancelled(sleep(PAUSE)).await.is_none() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_position_comes_back_as_it_was(changed: i64, key in "[0-9a-f]{24}") {
            let position = Position { changed, key };

            prop_assert_eq!(Position::parse(&position.token()), Ok(position));
        }

        #[test]
        fn no_token_is_a_failure_of_ours(token in "\\PC{0,40}") {
            let _ = Position::parse(&token);
        }
    }

    #[test]
    fn without_a_token_a_feed_begins_at_the_beginning() {
        assert_eq!(Position::parse(""), Ok(Position::default()));
        assert!(Position::parse("!").is_err());
    }
}
