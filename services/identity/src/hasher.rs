//! Admission to hashing: a bounded pool, so that a flood of sign-ins costs everybody else nothing.
//!
//! Who is let in (a [`Turn`]) still has something to ask the database before there is anything to hash. So there are twice as
//! many turns as permits to hash: while one hashes, the next one prepares, and no core waits for a disk.

use std::{
    sync::Arc,
    thread::available_parallelism,
    time::{Duration, Instant},
};

use metrics::{Counter, Histogram, counter, histogram};
use shared::{Error, metrics::since};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::timeout,
};

use crate::domain::{
    Refusal,
    hash::{Pepper, StoredHash},
    password::Password,
};

/// How many passwords are hashed at once, and how many wait how long.
#[derive(Clone, Copy, Debug)]
pub struct Admission {
    /// At once.
    pub permits: usize,
    /// Waiting; one more is turned away at once.
    pub waiting: usize,
    /// How long one waits before it is turned away.
    pub patience: Duration,
}

impl Default for Admission {
    /// One core stays free for everything else.
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, std::num::NonZero::get);
        Self { permits: cores.saturating_sub(1).max(1), waiting: 64, patience: Duration::from_secs(1) }
    }
}

/// Hashes passwords, a few at a time.
pub struct Hasher {
    pepper: Arc<Pepper>,
    cost: u32,
    nobody: StoredHash,
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    permits: Arc<Semaphore>,
    patience: Duration,
    admission: Admission,
    measured: Measured,
}

/// The queue in figures.
#[derive(Clone)]
struct Measured {
    refused: Counter,
    wait: Histogram,
    duration: Histogram,
}

/// How much there is to do at the moment.
pub struct Load {
    places: Arc<Semaphore>,
    permits: Arc<Semaphore>,
    admission: Admission,
}

impl Load {
    /// How many were let in and wait, and how many passwords are being hashed.
    pub fn now(&self) -> (f64, f64) {
        let taken = |most: usize, of: &Semaphore| most.saturating_sub(of.available_permits());
        let Admission { permits, waiting, .. } = self.admission;
        let running = taken(permits, &self.permits);
        let waits = taken(permits + waiting, &self.places).saturating_sub(running);
        let number = |many| u32::try_from(many).map_or(f64::NAN, f64::from);
        (number(waits), number(running))
    }
}

impl Hasher {
    /// With a bcrypt cost. Hashes once, for [`Hasher::nobody`].
    pub fn new(pepper: Pepper, cost: u32, admission: Admission) -> Self {
        // Nobody knows this password: it exists only here.
        let unguessable = shared::random::bytes::<32>().map(|byte| char::from(byte | 0x80)).iter().collect();
        let nobody = Password::parse(unguessable).map(|password| pepper.hash(&password, cost, shared::random::bytes()));
        Self {
            pepper: Arc::new(pepper),
            cost,
            nobody: nobody.unwrap_or_else(|| StoredHash::from_database(String::new())),
            places: Arc::new(Semaphore::new(admission.permits + admission.waiting)),
            turns: Arc::new(Semaphore::new(admission.permits * 2)),
            permits: Arc::new(Semaphore::new(admission.permits)),
            patience: admission.patience,
            admission,
            measured: Measured {
                refused: counter!("bibliotique_password_hashes_refused_total"),
                wait: histogram!("bibliotique_password_hash_wait_seconds"),
                duration: histogram!("bibliotique_password_hash_duration_seconds"),
            },
        }
    }

    /// How much there is to do, for whoever looks again and again.
    pub fn load(&self) -> Load {
        Load { places: Arc::clone(&self.places), permits: Arc::clone(&self.permits), admission: self.admission }
    }

    /// A hash of the current cost that no password matches, for logins that do not exist.
    pub const fn nobody(&self) -> &StoredHash {
        &self.nobody
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// [`Refusal::HashingQueueFull`]
    pub async fn turn(&self) -> Result<Turn, Error<Refusal>> {
        let began = Instant::now();
        let full = || {
            self.measured.refused.increment(1);
            Error::Refused(Refusal::HashingQueueFull { retry_after: self.patience })
        };
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| full())?;
        let turn = timeout(self.patience, Arc::clone(&self.turns).acquire_owned()).await.map_err(|_| full())?;
        let held = (place, turn.map_err(Error::internal)?);
        self.measured.wait.record(since(began));
        let (pepper, permits) = (Arc::clone(&self.pepper), Arc::clone(&self.permits));
        Ok(Turn { pepper, cost: self.cost, permits, duration: self.measured.duration.clone(), _held: held })
    }
}

/// The right to hash when a permit is free, which takes no longer than somebody else's hashing.
pub struct Turn {
    pepper: Arc<Pepper>,
    cost: u32,
    permits: Arc<Semaphore>,
    duration: Histogram,
    _held: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

impl Turn {
    /// Whether `stored` is the password's hash. A wrong password takes as long as one of the current cost, whatever `stored` is.
    ///
    /// # Errors
    /// Only when the hashing itself panics.
    pub async fn matches(self, password: &Password, stored: &StoredHash) -> Result<(Self, bool), Error<Refusal>> {
        let (password, stored) = (password.clone(), stored.clone());
        self.run(move |turn| turn.pepper.matches_in_equal_time(&password, &stored, turn.cost)).await
    }

    /// Hashes a password at the current cost.
    ///
    /// # Errors
    /// Only when the hashing itself panics.
    pub async fn hash(self, password: &Password) -> Result<(Self, StoredHash), Error<Refusal>> {
        let password = password.clone();
        self.run(move |turn| turn.pepper.hash(&password, turn.cost, shared::random::bytes())).await
    }

    /// Runs `work`, which is too slow for the threads that serve requests. The permit lives inside the work, so that a caller
    /// who goes away does not let another one in early.
    ///
    /// # Errors
    /// Only when `work` panics.
    pub async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<(Self, T), Error<Refusal>> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(Error::internal)?;
        let working = spawn_blocking(move || {
            let _permit = permit;
            let began = Instant::now();
            let outcome = work(&self);
            self.duration.record(since(began));
            (self, outcome)
        });
        // What it said when it panicked may be the password.
        working.await.map_err(|_| Error::internal("hashing panicked"))
    }
}

#[cfg(test)]
mod tests {
    use shared::secret::Secret;

    use super::*;

    fn hasher(admission: Admission) -> Hasher {
        Hasher::new(Pepper::new(&Secret::from("pepper".repeat(6))), 4, admission)
    }

    fn is_full(turn: &Result<Turn, Error<Refusal>>) -> bool {
        matches!(turn, Err(Error::Refused(Refusal::HashingQueueFull { .. })))
    }

    #[tokio::test]
    async fn who_finds_the_queue_full_is_turned_away_at_once_and_who_waits_too_long_later() {
        let hasher = hasher(Admission { permits: 1, waiting: 2, patience: Duration::from_millis(500) });
        let held = (hasher.turn().await.unwrap(), hasher.turn().await.unwrap());

        let (waited, turned_away) = tokio::join!(hasher.turn(), async {
            tokio::task::yield_now().await;
            timeout(Duration::from_millis(250), hasher.turn()).await
        });

        assert!(is_full(&waited));
        assert!(is_full(&turned_away.unwrap()));
        drop(held);
        assert!(hasher.turn().await.is_ok());
    }

    #[tokio::test]
    async fn a_panic_gives_the_turn_back() {
        let hasher = hasher(Admission { permits: 1, waiting: 0, patience: Duration::from_millis(50) });

        let outcome = hasher.turn().await.unwrap().run(|_| panic!("on purpose")).await;

        assert!(matches!(outcome, Err(Error::<Refusal>::Internal(_))));
        assert!(hasher.turn().await.unwrap().run(|_| ()).await.is_ok());
    }

    #[tokio::test]
    async fn what_a_panic_says_goes_nowhere() {
        let hasher = hasher(Admission::default());

        let outcome = hasher.turn().await.unwrap().run(|_| panic!("j7QzxtXoTXrJSMR")).await;

        assert!(!format!("{:?}", outcome.err()).contains("j7QzxtXoTXrJSMR"));
    }

    #[tokio::test]
    async fn a_caller_who_goes_away_keeps_his_permit_until_the_work_is_done() {
        let hasher = hasher(Admission { permits: 1, waiting: 8, patience: Duration::from_millis(50) });
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let turn = hasher.turn().await.unwrap();
        let next = hasher.turn().await.unwrap();

        let gone = timeout(Duration::from_millis(10), turn.run(move |_| wait.recv())).await;
        let mut waiting = Box::pin(next.run(|_| ()));

        assert!(gone.is_err());
        assert!(timeout(Duration::from_millis(50), &mut waiting).await.is_err(), "two at once");
        go.send(()).unwrap();
        assert!(waiting.await.is_ok());
    }

    #[tokio::test]
    async fn no_password_matches_nobody() {
        let hasher = hasher(Admission::default());

        assert!(hasher.nobody().is_current(4));
        let password = Password::parse(String::new()).unwrap();
        assert!(!hasher.turn().await.unwrap().matches(&password, hasher.nobody()).await.unwrap().1);
    }
}
