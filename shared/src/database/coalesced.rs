//! Rows that many ask for at the same time, one each, are read together.

use std::{collections::HashMap, hash::Hash, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// The most rows of one statement.
const TOGETHER: usize = 64;

/// How long whoever asks waits for a statement that is not his. One that takes longer has a slow connection, and others need
/// not have it.
const MOMENT: Duration = Duration::from_millis(20);

type Answer<V> = Result<Option<V>, Arc<sqlx::Error>>;
type Asked<K, V> = (K, oneshot::Sender<Answer<V>>);

/// Reads rows by their keys: at once, if nobody else does; and what is asked for while a statement is under way is read by the
/// next, all of it. Most of what one row costs is the way to the database, so the more are asked for, the less each costs.
///
/// Whoever asks sees what was committed before: no statement answers who asked after it had begun.
#[derive(Debug)]
pub struct Coalesced<K, V>(mpsc::UnboundedSender<Asked<K, V>>);

impl<K, V> Clone for Coalesced<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V> Coalesced<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
{
    /// `read`: those that there are of up to 64 different keys. It runs until the last clone is dropped.
    pub fn new<F>(read: impl Fn(Vec<K>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = sqlx::Result<Vec<(K, V)>>> + Send + 'static,
    {
        let (sender, mut waiting) = mpsc::unbounded_channel::<Asked<K, V>>();
        tokio::spawn(async move {
            let mut asked = Vec::with_capacity(TOGETHER);
            while waiting.recv_many(&mut asked, TOGETHER).await > 0 {
                let asked = by_key(asked.drain(..));
                if asked.is_empty() {
                    continue;
                }
                let rows = read(asked.keys().cloned().collect());
                // A task of its own: it may take longer, or panic, and the next ones are read all the same.
                let _later = timeout(MOMENT, tokio::spawn(async move { answer(asked, rows.await) })).await;
            }
        });
        Self(sender)
    }

    /// The row of a key, if there is one.
    ///
    /// # Errors
    /// What the statement failed with, for all whom it was to answer.
    pub async fn get(&self, key: K) -> Answer<V> {
        let (sender, answer) = oneshot::channel();
        // Neither fails but when the runtime ends, or reading panics.
        let gone = || Err(Arc::new(sqlx::Error::WorkerCrashed));
        if self.0.send((key, sender)).is_err() {
            return gone();
        }
        answer.await.unwrap_or_else(|_| gone())
    }
}

type ByKey<K, V> = HashMap<K, Vec<oneshot::Sender<Answer<V>>>>;

/// Those who still wait.
fn by_key<K: Eq + Hash, V>(asked: impl Iterator<Item = Asked<K, V>>) -> ByKey<K, V> {
    let mut by_key = ByKey::new();
    for (key, sender) in asked.filter(|(_, sender)| !sender.is_closed()) {
        by_key.entry(key).or_default().push(sender);
    }
    by_key
}

fn answer<K: Eq + Hash, V: Clone>(asked: ByKey<K, V>, rows: sqlx::Result<Vec<(K, V)>>) {
    let mut rows: Result<HashMap<K, V>, _> = rows.map(|rows| rows.into_iter().collect()).map_err(Arc::new);
    for (key, mut senders) in asked {
        let row = rows.as_mut().map(|rows| rows.remove(&key)).map_err(|error| Arc::clone(error));
        let last = senders.pop();
        // Who does not wait any more needs no answer.
        for sender in senders {
            let _gone = sender.send(row.clone());
        }
        let _gone = last.map(|sender| sender.send(row));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use tokio::{sync::Notify, task::JoinSet};

    use super::*;

    /// Doubles of even numbers, and what was read together. While `held` is not notified, the first statement does not end.
    fn doubles(held: Arc<Notify>) -> (Coalesced<u32, u32>, Arc<Mutex<Vec<usize>>>) {
        let statements: Arc<Mutex<Vec<usize>>> = Arc::default();
        let seen = Arc::clone(&statements);
        let read = move |keys: Vec<u32>| {
            let is_first = seen.lock().unwrap().is_empty();
            seen.lock().unwrap().push(keys.len());
            let held = Arc::clone(&held);
            async move {
                if is_first {
                    held.notified().await;
                }
                match keys.contains(&99) {
                    true => Err(sqlx::Error::PoolTimedOut),
                    false => Ok(keys.into_iter().filter(|key| key % 2 == 0).map(|key| (key, 2 * key)).collect()),
                }
            }
        };
        (Coalesced::new(read), statements)
    }

    fn all(coalesced: &Coalesced<u32, u32>, keys: impl IntoIterator<Item = u32>) -> JoinSet<(u32, Answer<u32>)> {
        keys.into_iter()
            .map(|key| {
                let coalesced = coalesced.clone();
                async move { (key, coalesced.get(key).await) }
            })
            .collect()
    }

    #[tokio::test]
    async fn who_asks_while_others_are_answered_is_answered_with_those_who_wait_too() {
        let held = Arc::new(Notify::new());
        let (coalesced, statements) = doubles(Arc::clone(&held));
        let mut first = all(&coalesced, [2]);
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        let rest = all(&coalesced, (0..99).chain(0..99));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        held.notify_one();

        assert_eq!(first.join_next().await.unwrap().unwrap().1.unwrap(), Some(4));
        for (key, answer) in rest.join_all().await {
            assert_eq!(answer.unwrap(), (key % 2 == 0).then_some(2 * key));
        }
        let statements = statements.lock().unwrap().clone();
        assert!(statements.len() < 10 && statements[1..].iter().all(|keys| *keys <= TOGETHER), "{statements:?}");
    }

    #[tokio::test]
    async fn nobody_waits_long_for_the_statement_of_others() {
        let (coalesced, statements) = doubles(Arc::default());
        let _never = all(&coalesced, [2]);
        tokio::task::yield_now().await;

        assert_eq!(timeout(500 * MOMENT, coalesced.get(4)).await.unwrap().unwrap(), Some(8));
        assert_eq!(*statements.lock().unwrap(), [1, 1]);
    }

    #[tokio::test]
    async fn all_are_told_of_a_failure_and_the_next_are_answered() {
        let held = Arc::new(Notify::new());
        let (coalesced, _) = doubles(Arc::clone(&held));
        let waiting = all(&coalesced, [2]);
        tokio::task::yield_now().await;
        let failing = all(&coalesced, [99, 4]);
        tokio::task::yield_now().await;
        held.notify_one();

        assert!(waiting.join_all().await[0].1.is_ok());
        for (_, answer) in failing.join_all().await {
            assert!(matches!(*answer.unwrap_err(), sqlx::Error::PoolTimedOut));
        }
        assert_eq!(coalesced.get(4).await.unwrap(), Some(8));
    }

    #[tokio::test]
    async fn a_panic_ends_one_statement() {
        let asked = AtomicUsize::new(0);
        let read = move |keys: Vec<u32>| {
            let is_first = asked.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                assert!(!is_first, "on purpose");
                Ok(keys.into_iter().map(|key| (key, key)).collect())
            }
        };
        let coalesced = Coalesced::new(read);

        assert!(matches!(*coalesced.get(1).await.unwrap_err(), sqlx::Error::WorkerCrashed));
        assert_eq!(coalesced.get(1).await.unwrap(), Some(1));
    }
}
