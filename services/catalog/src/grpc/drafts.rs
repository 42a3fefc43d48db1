//! Drafts of an import to domain, and what became of them back.

use proto::catalog::v1::{
    self as pb,
    import_books_response::{Outcome, outcome::Kind},
};
use shared::Error;

use super::render::{Misfits, changes};
use crate::{
    domain::{
        BookId, Refusal,
        book::{Changes, Copies},
        import::{Draft, Fate, OnMatch, Terms},
        text::Name,
    },
    store::Batch,
};

/// The most drafts in a message.
const MOST_DRAFTS: usize = 5000;

/// The longest id of a request, in bytes.
const LONGEST_ID: usize = 100;

/// What a file says of a book, as the fields of its draft.
const SAID: [&str; 7] = ["isbn", "title", "author", "publication_year", "publisher", "language", "description"];

/// A message, read: what can be imported, and for every draft that cannot an outcome and its place.
pub struct Reading {
    pub batch: Batch,
    pub refused: Vec<(usize, Outcome)>,
}

/// Reads a message.
pub fn read(request: pb::ImportBooksRequest, now: shared::Timestamp) -> Result<Reading, Error<Refusal>> {
    let on_match = match request.on_match() {
        pb::OnMatch::Skip => OnMatch::Skip,
        pb::OnMatch::Update => OnMatch::Update,
        pb::OnMatch::Add => OnMatch::Add,
        pb::OnMatch::Unspecified => return Err(Error::invalid("on_match", "must be given")),
    };
    let default_copies =
        Copies::try_from(request.default_copies).map_err(|misfit| Error::invalid("default_copies", misfit))?;
    if request.drafts.len() > MOST_DRAFTS {
        return Err(Error::invalid("drafts", "must be at most 5000 in a message"));
    }
    let terms = Terms { on_match, default_copies };
    let request_id = request_id(request.request_id, on_match)?;
    let (mut drafts, mut refused) = (Vec::with_capacity(request.drafts.len()), Vec::new());
    for (place, draft) in request.drafts.into_iter().enumerate() {
        match self::draft(&draft) {
            Ok(draft) => drafts.push(draft),
            Err((field, reason)) => refused.push((place, refusal(draft.line, field, reason))),
        }
    }
    Ok(Reading { batch: Batch { request_id, terms, dry_run: request.validate_only, drafts, now }, refused })
}

/// Only a batch that adds copies needs to be known again.
fn request_id(id: String, on_match: OnMatch) -> Result<Option<String>, Error<Refusal>> {
    let plain = id.len() <= LONGEST_ID && id.bytes().all(|byte| byte.is_ascii_graphic());
    match (on_match, id.is_empty()) {
        _ if !plain => Err(Error::invalid("request_id", "must have at most 100 visible ASCII characters")),
        (OnMatch::Add, true) => Err(Error::invalid("request_id", "must be given where copies are added")),
        (OnMatch::Add, false) => Ok(Some(id)),
        _ => Ok(None),
    }
}

/// A draft, or the first field that does not fit and why.
fn draft(draft: &pb::Draft) -> Result<Draft, (&'static str, String)> {
    let book = draft.book.clone().unwrap_or_default();
    let said = SAID.into_iter().filter(|field| says(&book, field)).map(str::to_owned).collect::<Vec<_>>();
    let mut misfits = Misfits::default();
    let changes = changes(&book, &said, &mut misfits);
    if let Err(Error::Invalid(violations)) = misfits.none()
        && let Some(first) = violations.into_iter().next()
    {
        return Err((first.field.trim_start_matches("book."), first.description));
    }
    let title = changes.title.clone().ok_or(("title", "must be given".to_owned()))?;
    let category = Some(&draft.category).filter(|name| !name.trim().is_empty());
    let category = category.map(|name| name.parse::<Name>()).transpose().map_err(|misfit| ("category", misfit))?;
    let copies = draft.copies.map(Copies::try_from).transpose().map_err(|misfit| ("copies", misfit.to_owned()))?;
    Ok(Draft { line: draft.line, title, changes: Changes { title: None, ..changes }, category, copies })
}

/// Whether a draft says anything about a field.
fn says(book: &pb::Book, field: &str) -> bool {
    let text = match field {
        "publication_year" => return book.publication_year.is_some(),
        "isbn" => &book.isbn,
        "title" => &book.title,
        "author" => &book.author,
        "publisher" => &book.publisher,
        "language" => &book.language,
        _ => &book.description,
    };
    !text.trim().is_empty()
}

fn refusal(line: i64, field: &str, reason: String) -> Outcome {
    Outcome { line, kind: Kind::Refused.into(), field: field.to_owned(), reason, ..Outcome::default() }
}

/// What became of a draft.
pub fn outcome(line: i64, fate: Fate, book: Option<BookId>) -> Outcome {
    let (kind, field, reason) = match fate {
        Fate::Added => (Kind::Added, "", ""),
        Fate::Updated(_) | Fate::UpdatedLater => (Kind::Updated, "", ""),
        Fate::Skipped(why) => (Kind::Skipped, "", why),
        Fate::Refused(field, why) => (Kind::Refused, field, why),
    };
    let book_id = book.map(|book| book.to_string()).unwrap_or_default();
    Outcome { line, kind: kind.into(), book_id, field: field.to_owned(), reason: reason.to_owned() }
}
