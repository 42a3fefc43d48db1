//! What is ordered of lending, which owns the copies of books.

use super::{BookId, book::Copies};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The books become known, and get so many copies more.
    Add,
    /// So many copies of the book can be borrowed.
    Set,
}

impl Kind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Set => "set",
        }
    }
}

/// One request to lending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiesOrder {
    /// Names the request: it may be sent more than once.
    pub id: String,
    /// See [`Kind`].
    pub kind: Kind,
    /// The books, each once, and how many copies. Copies are set of one book at a time.
    pub books: Vec<(BookId, Copies)>,
}

/// The most books in one request.
const MOST_BOOKS: usize = 2000;

/// When a request has so many copies, no more books are added to it: lending makes each copy.
const MANY_COPIES: u32 = 10_000;

/// What is to be done to these books, in requests that lending carries out in good time.
pub fn in_requests(kind: Kind, books: &[(BookId, Copies)]) -> Vec<&[(BookId, Copies)]> {
    let (mut requests, mut rest) = (Vec::new(), books);
    while !rest.is_empty() {
        let mut copies = 0;
        let fits = rest.iter().take(MOST_BOOKS).take_while(|(_, more)| {
            let fits = copies < MANY_COPIES;
            copies += more.get();
            fits
        });
        let many = match kind {
            Kind::Add => fits.count(),
            Kind::Set => 1,
        };
        let (request, later) = rest.split_at_checked(many).unwrap_or((rest, &[]));
        requests.push(request);
        rest = later;
    }
    requests
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::{Id, Timestamp};

    use super::*;

    fn books(copies: &[i32]) -> Vec<(BookId, Copies)> {
        let id = Id::new(Timestamp::from_micros(0), [0; 5]);
        copies.iter().map(|copies| (id.into(), Copies::try_from(*copies).unwrap())).collect()
    }

    proptest! {
        #[test]
        fn every_book_is_in_one_request_and_none_is_too_large(copies in prop::collection::vec(0..9999, 0..200)) {
            let books = books(&copies);

            let requests = in_requests(Kind::Add, &books);

            prop_assert_eq!(requests.concat(), books.clone());
            for request in requests {
                let before_the_last = request.iter().rev().skip(1).map(|(_, copies)| copies.get()).sum::<u32>();
                prop_assert!(!request.is_empty() && before_the_last < MANY_COPIES);
            }
            prop_assert!(in_requests(Kind::Set, &books).iter().all(|request| request.len() == 1));
        }
    }

    #[test]
    fn books_without_copies_are_not_all_in_one_request() {
        assert_eq!(
            in_requests(Kind::Add, &books(&[0; 4001])).iter().map(|of| of.len()).collect::<Vec<_>>(),
            [2000, 2000, 1]
        );
    }
}
