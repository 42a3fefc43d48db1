//! Requests that come again (AIP-155): one effect, one answer.
//!
//! Each service that takes a `request_id` has a table `request (caller, id, digest, answer, expires_at)`. A row is written in the
//! transaction that has the effect, so both are there or neither is; a refused request leaves none. On PostgreSQL whoever
//! comes with the same id meanwhile waits for that transaction to end, on SQLite everybody does.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
pub use prost::Message;

use crate::{Db, Error, Timestamp, on, page::Misfit, passport::Caller, tx};

/// How long a client's request is remembered.
pub const MEMORY: Duration = Duration::from_secs(24 * 3600);

/// How long that of a role of the suite is: it may have been away for long before it asks again.
pub const SERVICE_MEMORY: Duration = Duration::from_secs(30 * 24 * 3600);

/// A request that may come again.
#[derive(Clone, PartialEq, Eq)]
pub struct Replay {
    /// Whose it is: ids of different callers have nothing to do with each other.
    pub caller: String,
    /// What the caller named it.
    pub id: String,
    /// Tells whether it says the same.
    pub digest: Vec<u8>,
    /// When.
    pub now: Timestamp,
    /// How long it is remembered.
    pub memory: Duration,
}

impl Replay {
    /// A request to `rpc`; `None` without a `request_id`.
    ///
    /// # Errors
    /// When the id is longer than 255 characters or not visible ASCII.
    pub fn of(
        caller: &Caller,
        request_id: &str,
        rpc: &str,
        request: &impl Message,
        now: Timestamp,
    ) -> Result<Option<Self>, Misfit> {
        let mut contents = rpc.as_bytes().to_vec();
        contents.push(0);
        contents.extend(request.encode_to_vec());
        Self::told_by(caller, request_id, digest(&SHA256, &contents).as_ref().to_vec(), now)
    }

    /// The same, with a digest of one's own: of a request that holds a secret.
    ///
    /// # Errors
    /// When the id is longer than 255 characters or not visible ASCII.
    pub fn told_by(caller: &Caller, request_id: &str, digest: Vec<u8>, now: Timestamp) -> Result<Option<Self>, Misfit> {
        if request_id.is_empty() {
            return Ok(None);
        }
        if request_id.len() > 255 || !request_id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(("request_id", "must be 1 to 255 visible ASCII characters"));
        }
        let memory = if caller.subject.starts_with("service:") { SERVICE_MEMORY } else { MEMORY };
        Ok(Some(Self { caller: caller.subject.clone(), id: request_id.to_owned(), digest, now, memory }))
    }
}

/// The answer that a request got before, as it was kept, for whoever can do without a transaction if there is one. `reused`: the
/// refusal of an id with other contents.
///
/// # Errors
/// `reused`, and what the database fails with.
pub async fn answered<R>(db: &Db, replay: &Replay, reused: R) -> Result<Option<Vec<u8>>, Error<R>> {
    let known: Option<(Vec<u8>, Vec<u8>)> = on!(db, |db| {
        sqlx::query_as("SELECT digest, answer FROM request WHERE caller = $1 AND id = $2 AND expires_at >= $3")
            .bind(&replay.caller)
            .bind(&replay.id)
            .bind(replay.now)
            .fetch_optional(db)
            .await
    })?;
    match known {
        Some((digest, _)) if digest != replay.digest => Err(Error::Refused(reused)),
        known => Ok(known.map(|(_, answer)| answer)),
    }
}

/// Forgets the requests that are too old to come again.
///
/// # Errors
/// What the database fails with.
pub async fn forget<R>(db: &Db, now: Timestamp) -> Result<(), Error<R>> {
    tx!(db, |tx| {
        sqlx::query("DELETE FROM request WHERE expires_at < $1").bind(now).execute(&mut *tx).await?;
    })
}

/// Does what a request asks for, once, in the transaction `$tx`: `$effect` is its answer, a message, unless it was answered before.
/// `$reused`: the refusal of an id with other contents.
#[macro_export]
macro_rules! once {
    ($tx:expr, $replay:expr, $reused:expr, $effect:expr) => {{
        match $crate::answered_before!($tx, $replay, $reused) {
            Some(answer) => $crate::replay::decode(&answer).map_err($crate::Error::internal)?,
            None => {
                let answer = $effect;
                $crate::keep_answer!($tx, $replay, $crate::replay::encode(&answer));
                answer
            }
        }
    }};
}

/// What an answer that is kept begins with: the shortest message has no bytes at all, and no answer has none either.
const KEPT: u8 = 1;

/// An answer as it is kept.
pub fn encode(answer: &impl Message) -> Vec<u8> {
    let mut kept = vec![KEPT];
    kept.extend(answer.encode_to_vec());
    kept
}

/// An answer that was kept cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("an answer was kept by a version that says it in another way")]
pub struct Unreadable;

/// Reads an answer that was kept.
///
/// # Errors
/// [`Unreadable`]
pub fn decode<M: Message + Default>(kept: &[u8]) -> Result<M, Unreadable> {
    let answer = kept.strip_prefix(&[KEPT]).ok_or(Unreadable)?;
    M::decode(answer).map_err(|_| Unreadable)
}

/// The answer that a request got before, in the transaction `$tx` that would have its effect: `None` when it is new. To be the
/// first statement, so that the same request waits here and nowhere else. `$reused`: the refusal of an id with other contents.
#[macro_export]
macro_rules! answered_before {
    ($tx:expr, $replay:expr, $reused:expr) => {{
        let replay: Option<&$crate::replay::Replay> = $replay;
        match replay {
            None => None,
            Some(replay) => {
                sqlx::query("DELETE FROM request WHERE caller = $1 AND id = $2 AND expires_at < $3")
                    .bind(&replay.caller)
                    .bind(&replay.id)
                    .bind(replay.now)
                    .execute(&mut *$tx)
                    .await?;
                let written = sqlx::query(
                    "INSERT INTO request (caller, id, digest, answer, expires_at) VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (caller, id) DO NOTHING",
                )
                .bind(&replay.caller)
                .bind(&replay.id)
                .bind(&replay.digest)
                .bind(Vec::<u8>::new())
                .bind(replay.now + replay.memory)
                .execute(&mut *$tx)
                .await?;
                if written.rows_affected() == 1 {
                    None
                } else {
                    let (digest, answer): (Vec<u8>, Vec<u8>) =
                        sqlx::query_as("SELECT digest, answer FROM request WHERE caller = $1 AND id = $2")
                            .bind(&replay.caller)
                            .bind(&replay.id)
                            .fetch_one(&mut *$tx)
                            .await?;
                    if digest != replay.digest {
                        return Err($crate::Error::Refused($reused));
                    }
                    Some(answer)
                }
            }
        }
    }};
}

/// Keeps the answer of a request that is new, in the transaction that has its effect.
#[macro_export]
macro_rules! keep_answer {
    ($tx:expr, $replay:expr, $answer:expr) => {
        if let Some(replay) = $replay {
            sqlx::query("UPDATE request SET answer = $3 WHERE caller = $1 AND id = $2")
                .bind(&replay.caller)
                .bind(&replay.id)
                .bind($answer)
                .execute(&mut *$tx)
                .await?;
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn replay(id: &str, contents: &str) -> Result<Option<Replay>, Misfit> {
        Replay::of(&Caller::operator(), id, "BorrowBook", &contents.to_owned(), NOW)
    }

    #[test]
    fn the_same_request_has_the_same_digest_and_another_has_another() {
        let digest = |contents| replay("a", contents).unwrap().unwrap().digest;

        assert_eq!(digest("x"), digest("x"));
        assert_ne!(digest("x"), digest("y"));
    }

    #[test]
    fn an_answer_reads_back_and_none_is_none() {
        for answer in ["", "lent"] {
            assert_eq!(decode::<String>(&encode(&answer.to_owned())).unwrap(), answer);
        }
        assert!(decode::<String>(&[]).is_err());
    }

    #[test]
    fn an_id_is_visible_ascii_and_none_is_none() {
        assert!(replay("", "x").unwrap().is_none());
        assert!(replay(&"a".repeat(255), "x").unwrap().is_some());
        for misfit in [&"a".repeat(256), "a b", "é", "a\n"] {
            assert_eq!(replay(misfit, "x").err().unwrap().0, "request_id", "{misfit}");
        }
    }
}
