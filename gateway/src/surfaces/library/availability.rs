//! How many copies of books there are and can be borrowed now: catalog says, as long as it hears from lending; otherwise lending
//! itself, and while it does not, what catalog last heard.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use proto::{catalog::v1::Book, lending::v1 as pb};
use tokio::time::{Instant, timeout};

use crate::Shared;

/// How long a book waits for its numbers.
pub const PATIENCE: Duration = Duration::from_millis(500);

/// How long lending itself is asked for a book that was lent or returned here: much longer than catalog takes to hear of it, so
/// that everybody sees what he did himself.
const MOMENT: Duration = Duration::from_secs(2);

/// These books as they are now. `are_current`: catalog says that they are.
pub async fn now(gateway: &Shared, books: Vec<Book>, are_current: bool) -> Vec<Book> {
    let are_asked_for = |book: &&Book| !are_current || gateway.moved.has(&book.id);
    let asked = books.iter().filter(are_asked_for).map(|book| book.id.clone()).collect();
    let numbers = Numbers::of(gateway, asked).await;
    books.into_iter().map(|book| numbers.onto(book)).collect()
}

/// The books whose copies were moved through this gateway a moment ago, and when.
#[derive(Default)]
pub struct Moved(Mutex<Moves>);

#[derive(Default)]
struct Moves {
    books: HashMap<String, Instant>,
    /// When old ones were last forgotten.
    cleared: Option<Instant>,
}

impl Moved {
    /// To be told before whoever moved a copy is answered.
    pub fn note(&self, book_id: &str) {
        let now = Instant::now();
        let mut moves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if moves.cleared.is_none_or(|at| now - at > MOMENT) {
            moves.books.retain(|_, at| now - *at <= MOMENT);
            moves.cleared = Some(now);
        }
        moves.books.insert(book_id.to_owned(), now);
    }

    fn has(&self, book_id: &str) -> bool {
        let moves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        moves.books.get(book_id).is_some_and(|at| at.elapsed() <= MOMENT)
    }
}

/// The numbers of some books, by their ids.
#[derive(Default)]
pub struct Numbers(HashMap<String, pb::Availability>);

impl Numbers {
    /// Lending's of now. Books that it does not know have none, and none has any when it is away or slow.
    pub async fn of(gateway: &Shared, book_ids: Vec<String>) -> Self {
        if book_ids.is_empty() {
            return Self::default();
        }
        let mut lending = gateway.lending();
        let asked = lending.batch_get_availability(pb::BatchGetAvailabilityRequest { book_ids });
        match timeout(PATIENCE, asked).await {
            Ok(Ok(answer)) => answer.into_inner().availabilities.into_iter().collect(),
            Ok(Err(status)) => unknown(&status.code().to_string()),
            Err(_) => unknown("no answer in time"),
        }
    }

    /// A book with its numbers, if there are any.
    pub fn onto(&self, book: Book) -> Book {
        match self.0.get(&book.id) {
            Some(now) => Book { copies: now.copies, available_copies: now.available_copies, ..book },
            None => book,
        }
    }
}

impl FromIterator<pb::Availability> for Numbers {
    fn from_iter<T: IntoIterator<Item = pb::Availability>>(availabilities: T) -> Self {
        Self(availabilities.into_iter().map(|of| (of.book_id.clone(), of)).collect())
    }
}

fn unknown(why: &str) -> Numbers {
    tracing::debug!(why, "lending does not say what is available: showing what catalog last heard");
    Numbers::default()
}
