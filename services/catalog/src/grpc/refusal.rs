//! Each refusal's code, reason and sentence: the only place where they stand.

use std::collections::HashMap;

use shared::error::{Telling, refusal};
use tonic::{
    Code::{self, Aborted, AlreadyExists, FailedPrecondition, NotFound},
    Status,
};

use crate::domain::Refusal;

/// The domain of the reasons (AIP-193).
const DOMAIN: &str = "catalog.bibliotique";

impl From<Refusal> for Status {
    fn from(refused: Refusal) -> Self {
        let (code, reason, sentence) = words(&refused);
        refusal(code, DOMAIN, reason, sentence, Telling { metadata: metadata(refused), retry_after: None })
    }
}

const fn words(refused: &Refusal) -> (Code, &'static str, &'static str) {
    match refused {
        Refusal::BookNotFound => (NotFound, "BOOK_NOT_FOUND", "there is no such book"),
        Refusal::CategoryNotFound => (NotFound, "CATEGORY_NOT_FOUND", "there is no such category"),
        Refusal::IsbnTaken { .. } => (AlreadyExists, "ISBN_TAKEN", "another book has this ISBN"),
        Refusal::CategoryTaken => (AlreadyExists, "CATEGORY_TAKEN", "another category has this name"),
        Refusal::CategoryInUse => (FailedPrecondition, "CATEGORY_IN_USE", "books stand in this category"),
        Refusal::BookOnLoan => (FailedPrecondition, "BOOK_ON_LOAN", "a copy of the book is on loan"),
        Refusal::RequestIdReused => {
            (FailedPrecondition, "REQUEST_ID_REUSED", "the request's id was that of another request")
        }
        Refusal::StaleEtag => (Aborted, "STALE_ETAG", "it has been changed since this etag"),
    }
}

fn metadata(refused: Refusal) -> HashMap<String, String> {
    match refused {
        Refusal::IsbnTaken { book, title } => {
            HashMap::from([("book_id".to_owned(), book.to_string()), ("title".to_owned(), title)])
        }
        _ => HashMap::new(),
    }
}
