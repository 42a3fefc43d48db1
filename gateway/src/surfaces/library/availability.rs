//! How many copies of books there are and can be borrowed now: lending says, and while it does not, what catalog last heard.

use std::{collections::HashMap, time::Duration};

use proto::{catalog::v1::Book, lending::v1 as pb};
use tokio::time::timeout;

use crate::Shared;

/// How long a book waits for its numbers.
pub const PATIENCE: Duration = Duration::from_millis(500);

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
