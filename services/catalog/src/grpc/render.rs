//! Protobuf to domain and back.

use std::fmt::Display;

use proto::{catalog::v1 as pb, lending::v1 as lending};
use shared::{Error, error::Violation};

use crate::{
    domain::{
        Refusal,
        book::{Book, Changes, Order},
        category::{self, Category},
        fold::case_key,
        words::{Question, asked_words},
    },
    store::{Count, Facets, Filter},
};

/// What may be set of a book.
pub const BOOK: [&str; 9] = [
    "isbn",
    "title",
    "author",
    "publication_year",
    "publisher",
    "language",
    "description",
    "category_id",
    "available_copies",
];

/// All fields of a request that do not fit, in the order in which they were looked at.
#[derive(Default)]
pub struct Misfits(Vec<Violation>);

impl Misfits {
    /// The value, or one misfit more.
    fn take<T, E: Display>(&mut self, field: &'static str, value: Result<T, E>) -> Option<T> {
        value.map_err(|misfit| self.0.push(Violation { field, description: misfit.to_string() })).ok()
    }

    /// A field that has to be given, and is not; nothing when it already is a misfit.
    pub fn missing(&mut self, field: &'static str) {
        if self.0.iter().all(|misfit| misfit.field != field) {
            self.add(field, "must be given");
        }
    }

    /// One more.
    pub fn add(&mut self, field: &'static str, description: &str) {
        self.0.push(Violation { field, description: description.to_owned() });
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// # Errors
    /// [`Error::Invalid`] with all of them.
    pub fn none(self) -> Result<(), Error<Refusal>> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self.0)) }
    }
}

/// A field that has a form.
pub fn field<T: std::str::FromStr<Err: Display>>(name: &'static str, text: &str) -> Result<T, Error<Refusal>> {
    text.parse().map_err(|misfit| Error::invalid(name, misfit))
}

/// A text that may be empty, which means none.
fn optional<T: std::str::FromStr>(text: &str) -> Result<Option<T>, T::Err> {
    if text.trim().is_empty() { Ok(None) } else { text.parse().map(Some) }
}

/// What the mask names, out of `book`.
pub fn changes(book: &pb::Book, mask: &[String], misfits: &mut Misfits) -> Changes {
    let mut changes = Changes::default();
    for path in mask {
        match path.as_str() {
            "isbn" => changes.isbn = misfits.take("book.isbn", optional(&book.isbn)),
            "title" => changes.title = misfits.take("book.title", book.title.parse()),
            "author" => changes.author = misfits.take("book.author", book.author.parse()),
            "publication_year" => {
                let year = book.publication_year.map(TryInto::try_into).transpose();
                changes.publication_year = misfits.take("book.publication_year", year);
            }
            "publisher" => changes.publisher = misfits.take("book.publisher", book.publisher.parse()),
            "language" => changes.language = misfits.take("book.language", book.language.parse()),
            "description" => changes.description = misfits.take("book.description", book.description.parse()),
            "category_id" => changes.category = misfits.take("book.category_id", optional(&book.category_id)),
            "available_copies" => {
                changes.available = misfits.take("book.available_copies", book.available_copies.try_into());
            }
            _ => drop(misfits.take::<(), _>(
                "update_mask",
                Err(format!("{:?} cannot be changed", path.chars().take(50).collect::<String>())),
            )),
        }
    }
    changes
}

/// What the mask names, out of `category`.
pub fn category_changes(category: &pb::Category, mask: &[String], misfits: &mut Misfits) -> category::Changes {
    let mut changes = category::Changes::default();
    for path in mask {
        match path.as_str() {
            "name" => changes.name = misfits.take("category.name", category.name.parse()),
            "description" => {
                changes.description = misfits.take("category.description", category.description.parse());
            }
            _ => drop(misfits.take::<(), _>(
                "update_mask",
                Err(format!("{:?} cannot be changed", path.chars().take(50).collect::<String>())),
            )),
        }
    }
    changes
}

/// What is asked for.
pub fn question(text: &str) -> Result<Question, Error<Refusal>> {
    Question::parse(text).map_err(|misfit| Error::invalid("query", misfit))
}

/// A filter.
pub fn filter(filter: pb::BookFilter) -> Result<Filter, Error<Refusal>> {
    let language = Some(filter.language.trim()).filter(|language| !language.is_empty());
    let author = Some(&filter.author).filter(|author| !author.trim().is_empty());
    let author = author
        .map(|author| asked_words(author))
        .transpose()
        .map_err(|misfit| Error::invalid("filter.author", misfit))?;
    Ok(Filter {
        category: optional(&filter.category_id).map_err(|misfit| Error::invalid("filter.category_id", misfit))?,
        author,
        // A language has no control characters, and a database takes no NUL.
        language: language.map(|language| case_key(language).replace('\0', "\u{1}")),
        available: filter.available,
    })
}

/// An order; empty for none.
pub fn order(order_by: &str) -> Result<Option<Order>, Error<Refusal>> {
    optional(order_by).map_err(|misfit| Error::invalid("order_by", misfit))
}

impl From<Book> for pb::Book {
    fn from(book: Book) -> Self {
        let count = |copies: u32| i32::try_from(copies).unwrap_or(i32::MAX);
        Self {
            id: book.id.to_string(),
            isbn: book.isbn.map(|isbn| isbn.to_string()).unwrap_or_default(),
            publication_year: book.publication_year.map(crate::domain::book::Year::get),
            category_id: book.category.map(|category| category.to_string()).unwrap_or_default(),
            copies: count(book.copies.get()),
            available_copies: count(book.available.get()),
            create_time: Some(book.created.into()),
            update_time: Some(book.updated.into()),
            etag: book.etag(),
            title: book.title.into_string(),
            author: book.author.into_string(),
            publisher: book.publisher.into_string(),
            language: book.language.into_string(),
            description: book.description.into_string(),
        }
    }
}

/// A book with the copies that lending says there are, if it said so.
pub fn as_said(book: Book, said: Option<&lending::Availability>) -> pb::Book {
    let book = pb::Book::from(book);
    match said {
        Some(said) => pb::Book { copies: said.copies, available_copies: said.available_copies, ..book },
        None => book,
    }
}

impl From<Category> for pb::Category {
    fn from(category: Category) -> Self {
        Self {
            id: category.id.to_string(),
            create_time: Some(category.created.into()),
            update_time: Some(category.updated.into()),
            etag: category.etag(),
            name: category.name.into_string(),
            description: category.description.into_string(),
        }
    }
}

impl From<Facets> for pb::CountBooksResponse {
    fn from(facets: Facets) -> Self {
        let counts = |counts: Vec<Count>| {
            counts.into_iter().map(|of| pb::count_books_response::Count { value: of.value, count: of.count }).collect()
        };
        Self {
            categories: counts(facets.categories),
            languages: counts(facets.languages),
            authors: counts(facets.authors),
        }
    }
}
