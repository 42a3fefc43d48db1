//! Rows that many ask for at the same time, one each, are read together.

use std::{collections::HashMap, fmt, hash::Hash, pin::Pin, sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};

use super::is_away;

/// The most rows of one statement.
const TOGETHER: usize = 64;

/// How long whoever asks waits for a statement that is not his, times the sixty-fours who wait before him. A near database has answered
/// by then, and with one that is far away every role had better ask than wait.
const MOMENT: Duration = Duration::from_millis(2);

type Answer<V> = Result<Option<V>, Arc<sqlx::Error>>;
type Asked<K, V> = (K, oneshot::Sender<Answer<V>>);
type Found<K, V> = Pin<Box<dyn Future<Output = sqlx::Result<Vec<(K, V)>>> + Send>>;
type Read<K, V> = Arc<dyn Fn(Vec<K>) -> Found<K, V> + Send + Sync>;

/// Reads rows by their keys: at once, if nobody else does; and what is asked for while a statement is under way is read by the
/// next, up to 64 rows. Most of what one row costs is the way to the database, so the more are asked for, the less each costs.
///
/// Whoever asks sees what was committed before: no statement answers who asked after it had begun.
pub struct Coalesced<K, V> {
    read: Read<K, V>,
    /// Whoever has it reads.
    turn: Arc<Semaphore>,
    waiting: mpsc::UnboundedSender<Asked<K, V>>,
}

impl<K, V> Clone for Coalesced<K, V> {
    fn clone(&self) -> Self {
        Self { read: Arc::clone(&self.read), turn: Arc::clone(&self.turn), waiting: self.waiting.clone() }
    }
}

impl<K, V> fmt::Debug for Coalesced<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coalesced").finish_non_exhaustive()
    }
}

impl<K, V> Coalesced<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
{
    /// `read`: those that there are of up to 64 different keys.
    ///
    /// # Panics
    /// Outside of a runtime: a task reads for all who wait, until the last clone is dropped.
    pub fn new<F>(read: impl Fn(Vec<K>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = sqlx::Result<Vec<(K, V)>>> + Send + 'static,
    {
        let read: Read<K, V> = Arc::new(move |keys| Box::pin(read(keys)));
        let turn = Arc::new(Semaphore::new(1));
        let (waiting, asked) = mpsc::unbounded_channel();
        tokio::spawn(read_together(Arc::clone(&read), Arc::clone(&turn), asked));
        Self { read, turn, waiting }
    }

    /// The row of a key, if there is one.
    ///
    /// # Errors
    /// What the statement failed with. If the database was away, all are told whom it was to answer.
    pub async fn get(&self, key: K) -> Answer<V> {
        // Nobody reads: no reason to wait for anybody, or to have anybody else do it.
        if let Ok(_turn) = self.turn.try_acquire() {
            let rows = (self.read)(vec![key]).await?;
            return Ok(rows.into_iter().next().map(|(_, row)| row));
        }
        let (sender, answer) = oneshot::channel();
        if self.waiting.send((key, sender)).is_err() {
            // Only when the runtime ends.
            return Err(Arc::new(sqlx::Error::WorkerCrashed));
        }
        // What panics has said so itself.
        answer.await.unwrap_or_else(|_| Err(Arc::new(sqlx::Error::AnyDriverError("reading together panicked".into()))))
    }
}

async fn read_together<K, V>(read: Read<K, V>, turn: Arc<Semaphore>, mut waiting: mpsc::UnboundedReceiver<Asked<K, V>>)
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
{
    let mut asked = Vec::with_capacity(TOGETHER);
    while let Some(first) = waiting.recv().await {
        // Without a turn if that takes long: whoever has it may have a connection that is slow, or silent.
        let turn = timeout(MOMENT, Arc::clone(&turn).acquire_owned()).await;
        asked.push(first);
        while asked.len() < TOGETHER
            && let Ok(next) = waiting.try_recv()
        {
            asked.push(next);
        }
        let (read, asked) = (Arc::clone(&read), by_key(asked.drain(..)));
        // A task of its own: it may take longer, or panic, and the next ones are read all the same.
        tokio::spawn(async move {
            let _turn = turn;
            answer_all(&read, asked).await;
        });
    }
}

/// Answers all; one by one, if they fail together and not for want of a database: a row that cannot be read is that of one of them.
async fn answer_all<K, V>(read: &Read<K, V>, asked: ByKey<K, V>)
where
    K: Clone + Eq + Hash,
    V: Clone,
{
    if asked.is_empty() {
        return;
    }
    match read(asked.keys().cloned().collect()).await {
        Err(error) if asked.len() > 1 && !is_away(&error) => {
            for (key, senders) in asked {
                let rows = read(vec![key.clone()]).await;
                answer(ByKey::from([(key, senders)]), rows);
            }
        }
        rows => answer(asked, rows),
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
    use std::sync::Mutex;

    use tokio::{
        sync::Notify,
        task::{JoinSet, yield_now},
    };

    use super::*;

    /// With this key a statement fails, as when there is no database, as when a row cannot be read, and by a panic.
    const AWAY: u32 = 1001;
    const SPOILED: u32 = 1003;
    const PANIC: u32 = 1005;

    /// Doubles of even numbers, and how many each statement was asked for. The first statement ends when `held` is notified.
    fn doubles(held: &Arc<Notify>) -> (Coalesced<u32, u32>, Arc<Mutex<Vec<usize>>>) {
        let statements: Arc<Mutex<Vec<usize>>> = Arc::default();
        let (held, seen) = (Arc::clone(held), Arc::clone(&statements));
        let read = move |keys: Vec<u32>| {
            let is_first = seen.lock().unwrap().is_empty();
            seen.lock().unwrap().push(keys.len());
            let held = Arc::clone(&held);
            async move {
                if is_first {
                    held.notified().await;
                }
                assert!(!keys.contains(&PANIC), "on purpose");
                match keys {
                    keys if keys.contains(&AWAY) => Err(sqlx::Error::PoolTimedOut),
                    keys if keys.contains(&SPOILED) => Err(sqlx::Error::Decode("spoiled".into())),
                    keys => Ok(keys.into_iter().filter(|key| key % 2 == 0).map(|key| (key, 2 * key)).collect()),
                }
            }
        };
        (Coalesced::new(read), statements)
    }

    /// All of these ask, and have got as far as they get.
    async fn ask(coalesced: &Coalesced<u32, u32>, keys: impl IntoIterator<Item = u32>) -> JoinSet<(u32, Answer<u32>)> {
        let asking = keys.into_iter().map(|key| {
            let coalesced = coalesced.clone();
            async move { (key, coalesced.get(key).await) }
        });
        let asking = asking.collect();
        for _ in 0..100 {
            yield_now().await;
        }
        asking
    }

    #[tokio::test]
    async fn who_asks_while_others_are_answered_is_answered_with_those_who_wait_too() {
        let held = Arc::new(Notify::new());
        let (coalesced, statements) = doubles(&held);
        let first = ask(&coalesced, [2]).await;
        let rest = ask(&coalesced, (0..99).chain(0..99)).await;
        held.notify_one();

        assert_eq!(first.join_all().await[0].1.as_ref().unwrap(), &Some(4));
        for (key, answer) in rest.join_all().await {
            assert_eq!(answer.unwrap(), (key % 2 == 0).then_some(2 * key));
        }
        let statements = statements.lock().unwrap().clone();
        assert!(statements.len() < 20 && statements.iter().all(|keys| *keys <= TOGETHER), "{statements:?}");
    }

    #[tokio::test]
    async fn nobody_waits_for_a_statement_that_does_not_end() {
        let (coalesced, statements) = doubles(&Arc::default());
        let _never = ask(&coalesced, [2]).await;

        let answer = timeout(Duration::from_secs(30), coalesced.get(4)).await;

        assert_eq!(answer.unwrap().unwrap(), Some(8));
        assert_eq!(*statements.lock().unwrap(), [1, 1]);
    }

    #[tokio::test]
    async fn whoever_goes_takes_nobodys_turn_with_him() {
        let (coalesced, _) = doubles(&Arc::default());
        let mut gone = ask(&coalesced, [2]).await;
        let waiting = ask(&coalesced, [4, 6]).await;
        gone.abort_all();
        assert!(gone.join_next().await.unwrap().unwrap_err().is_cancelled());

        assert_eq!(waiting.join_all().await.len(), 2);
        assert_eq!(coalesced.get(4).await.unwrap(), Some(8));
        assert_eq!(coalesced.turn.available_permits(), 1);
    }

    #[tokio::test]
    async fn all_are_told_that_the_database_is_away_and_the_next_are_answered() {
        let held = Arc::new(Notify::new());
        let (coalesced, _) = doubles(&held);
        let first = ask(&coalesced, [2]).await;
        let rest = ask(&coalesced, [AWAY, 4]).await;
        held.notify_one();

        assert!(first.join_all().await[0].1.is_ok());
        for (_, answer) in rest.join_all().await {
            assert!(matches!(*answer.unwrap_err(), sqlx::Error::PoolTimedOut));
        }
        assert_eq!(coalesced.get(4).await.unwrap(), Some(8));
    }

    #[tokio::test]
    async fn a_row_that_cannot_be_read_is_one_askers_alone() {
        let held = Arc::new(Notify::new());
        let (coalesced, _) = doubles(&held);
        let _first = ask(&coalesced, [2]).await;
        let rest = ask(&coalesced, [4, SPOILED, 6]).await;
        held.notify_one();

        for (key, answer) in rest.join_all().await {
            match answer {
                Ok(row) => assert_eq!(row, Some(2 * key)),
                Err(error) => assert!(matches!(*error, sqlx::Error::Decode(_)) && key == SPOILED, "{key}"),
            }
        }
    }

    #[tokio::test]
    async fn a_panic_ends_one_statement_and_is_no_database_that_is_away() {
        let held = Arc::new(Notify::new());
        let (coalesced, _) = doubles(&held);
        let _first = ask(&coalesced, [2]).await;
        let mut rest = ask(&coalesced, [PANIC]).await;
        held.notify_one();

        let error = rest.join_next().await.unwrap().unwrap().1.unwrap_err();
        assert!(!is_away(&error), "{error:?}");
        assert_eq!(coalesced.get(4).await.unwrap(), Some(8));
    }
}
