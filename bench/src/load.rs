//! Books into a suite that runs, as an import brings them in.

use std::{ops::Range, sync::Arc, time::Duration};

use anyhow::bail;
use proto::catalog::v1::{self as pb, import_books_response::outcome::Kind};
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;

use crate::{Books, Served};

/// Drafts in a message.
const BATCH: usize = 1000;

/// Imports the books of these numbers; answers with how long that took.
///
/// # Errors
/// When one of them is not added.
pub async fn load(served: &Served, books: &Arc<Books>, numbers: Range<u32>) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let (give, requests) = mpsc::channel(2);
    let (source, all) = (Arc::clone(books), numbers.len());
    tokio::task::spawn_blocking(move || {
        let numbers: Vec<u32> = numbers.collect();
        for some in numbers.chunks(BATCH) {
            let drafts = some.iter().map(|number| draft(&source, *number)).collect();
            let request = pb::ImportBooksRequest {
                on_match: pb::OnMatch::Skip.into(),
                default_copies: 1,
                drafts,
                ..pb::ImportBooksRequest::default()
            };
            if give.blocking_send(request).is_err() {
                return;
            }
        }
    });

    let mut answers = served.catalog()?.import_books(ReceiverStream::new(requests)).await?.into_inner();
    let mut added = 0;
    while let Some(answer) = answers.message().await? {
        added += answer.outcomes.iter().filter(|outcome| outcome.kind() == Kind::Added).count();
    }
    if added < all {
        bail!("{added} of {all} books were added");
    }
    Ok(began.elapsed())
}

fn draft(books: &Books, number: u32) -> pb::Draft {
    let book = books.book(number);
    let book = pb::Book {
        isbn: book.isbn,
        title: book.title,
        author: book.author,
        publication_year: Some(book.year),
        publisher: book.publisher,
        language: book.language.to_owned(),
        description: book.description,
        ..pb::Book::default()
    };
    pb::Draft { line: number.into(), book: Some(book), ..pb::Draft::default() }
}
