//! Books: what they are like and what may change.

use std::str::FromStr;

use shared::Timestamp;

use super::{
    BookId, CategoryId, Refusal,
    isbn::Isbn,
    text::{Author, Description, Language, Publisher, Title},
};

/// The most copies that a book may have.
const MOST_COPIES: u32 = 9999;

/// An edition of a work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book {
    /// Never changes.
    pub id: BookId,
    /// Unique among books; some have none.
    pub isbn: Option<Isbn>,
    /// See [`Title`].
    pub title: Title,
    /// See [`Author`].
    pub author: Author,
    /// `None` when nobody knows.
    pub publication_year: Option<Year>,
    /// See [`Publisher`].
    pub publisher: Publisher,
    /// See [`Language`].
    pub language: Language,
    /// See [`Description`].
    pub description: Description,
    /// Where it stands.
    pub category: Option<CategoryId>,
    /// How many copies there are.
    pub copies: Copies,
    /// How many of them can be borrowed now.
    pub available: Copies,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// Grows with every change.
    pub version: i64,
}

/// What is to change; `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of Book")]
pub struct Changes {
    pub isbn: Option<Option<Isbn>>,
    pub title: Option<Title>,
    pub author: Option<Author>,
    pub publication_year: Option<Option<Year>>,
    pub publisher: Option<Publisher>,
    pub language: Option<Language>,
    pub description: Option<Description>,
    pub category: Option<Option<CategoryId>>,
    pub available: Option<Copies>,
}

impl Book {
    /// A book of which only the title is known.
    pub fn new(id: BookId, title: Title, now: Timestamp) -> Self {
        Self {
            id,
            isbn: None,
            title,
            author: Author::default(),
            publication_year: None,
            publisher: Publisher::default(),
            language: Language::default(),
            description: Description::default(),
            category: None,
            copies: Copies::default(),
            available: Copies::default(),
            created: now,
            updated: now,
            version: 1,
        }
    }

    /// The book with `changes`. More or fewer copies that can be borrowed are copies that are added or withdrawn.
    ///
    /// # Errors
    /// A sentence when there would be more copies than a book may have.
    pub fn change(&self, changes: Changes, now: Timestamp) -> Result<Self, &'static str> {
        let available = changes.available.unwrap_or(self.available);
        let copies = match changes.available {
            Some(available) => self.copies.beside(self.available, available)?,
            None => self.copies,
        };
        Ok(Self {
            isbn: changes.isbn.unwrap_or(self.isbn),
            title: changes.title.unwrap_or_else(|| self.title.clone()),
            author: changes.author.unwrap_or_else(|| self.author.clone()),
            publication_year: changes.publication_year.unwrap_or(self.publication_year),
            publisher: changes.publisher.unwrap_or_else(|| self.publisher.clone()),
            language: changes.language.unwrap_or_else(|| self.language.clone()),
            description: changes.description.unwrap_or_else(|| self.description.clone()),
            category: changes.category.unwrap_or(self.category),
            copies,
            available,
            updated: now,
            ..self.clone()
        })
    }

    /// Names this state of the book (AIP-154).
    pub fn etag(&self) -> String {
        self.version.to_string()
    }

    /// Whether this still is the state that `etag` names; an empty one names any.
    ///
    /// # Errors
    /// [`Refusal::StaleEtag`]
    pub fn must_be(&self, etag: &str) -> Result<(), Refusal> {
        if etag.is_empty() || etag == self.etag() { Ok(()) } else { Err(Refusal::StaleEtag) }
    }
}

/// A year of the Gregorian calendar, -9999 to 9999, negative before our era.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Year(i32);

impl Year {
    /// As a number.
    pub const fn get(self) -> i32 {
        self.0
    }
}

impl TryFrom<i32> for Year {
    type Error = &'static str;

    fn try_from(year: i32) -> Result<Self, &'static str> {
        if (-9999..=9999).contains(&year) { Ok(Self(year)) } else { Err("must be a year from -9999 to 9999") }
    }
}

/// A number of copies, 0 to 9999.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Copies(u32);

impl Copies {
    /// As a number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// How many there are when of these, of which `before` could be borrowed, `after` can be.
    fn beside(self, before: Self, after: Self) -> Result<Self, &'static str> {
        let copies = self.0.saturating_sub(before.0) + after.0;
        let fits = copies <= MOST_COPIES;
        fits.then_some(Self(copies)).ok_or("would be more than 9999 copies with those that cannot be borrowed now")
    }

    /// What lending says that there are, which may be more than a book may have here.
    pub fn told(copies: i32) -> Self {
        Self(u32::try_from(copies).unwrap_or(0).min(MOST_COPIES))
    }

    /// Without so many.
    #[must_use]
    pub const fn less(self, fewer: u32) -> Self {
        Self(self.0.saturating_sub(fewer))
    }

    /// Both together.
    ///
    /// # Errors
    /// A sentence when that is more than a book may have.
    pub fn plus(self, more: Self) -> Result<Self, &'static str> {
        i32::try_from(self.0 + more.0).unwrap_or(i32::MAX).try_into()
    }
}

impl TryFrom<i32> for Copies {
    type Error = &'static str;

    fn try_from(copies: i32) -> Result<Self, &'static str> {
        let copies = u32::try_from(copies).ok().filter(|copies| *copies <= MOST_COPIES);
        copies.map(Self).ok_or("must be a whole number from 0 to 9999")
    }
}

/// What lists are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Folded.
    Title,
    /// Folded.
    Author,
    /// Books of an unknown year come first.
    PublicationYear,
}

/// A column, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// By what.
    pub column: Column,
    /// From the last to the first.
    pub descending: bool,
}

impl FromStr for Order {
    type Err = &'static str;

    /// AIP-132, for one column.
    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (column, descending) = match text.strip_suffix(" desc") {
            Some(column) => (column, true),
            None => (text, false),
        };
        let column = match column {
            "title" => Column::Title,
            "author" => Column::Author,
            "publication_year" => Column::PublicationYear,
            _ => return Err("must be title, author or publication_year, possibly with ' desc'"),
        };
        Ok(Self { column, descending })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::Id;

    use super::*;

    fn book() -> Book {
        let now = Timestamp::from_micros(0);
        Book::new(Id::new(now, [0; 5]).into(), "L'Étranger".parse().unwrap(), now)
    }

    #[test]
    fn a_stale_etag_is_refused_and_none_is_any() {
        assert_eq!(book().must_be(""), Ok(()));
        assert_eq!(book().must_be("1"), Ok(()));
        for stale in ["0", "2", "01", "1 ", "x"] {
            assert_eq!(book().must_be(stale), Err(Refusal::StaleEtag), "{stale}");
        }
    }

    #[test]
    fn what_is_not_named_stays() {
        let now = Timestamp::from_micros(7);
        let changes = Changes { author: "Albert Camus".parse().ok(), ..Changes::default() };

        let changed = book().change(changes, now).unwrap();

        assert_eq!(changed, Book { author: "Albert Camus".parse().unwrap(), updated: now, ..book() });
    }

    #[test]
    fn an_order_is_a_column_and_a_way() {
        let order = |column, descending| Ok(Order { column, descending });

        assert_eq!("title".parse(), order(Column::Title, false));
        assert_eq!("publication_year desc".parse(), order(Column::PublicationYear, true));
        for other in ["", "titre", "title asc", "title desc desc", "-title"] {
            assert!(other.parse::<Order>().is_err(), "{other}");
        }
    }

    #[test]
    fn more_copies_than_a_book_may_have_are_refused_and_what_lending_says_is_not() {
        let of = |copies: i32| Copies::try_from(copies).unwrap();
        let lent = Book { copies: of(9999), available: of(9998), ..book() };
        let change =
            |available| lent.change(Changes { available: Some(of(available)), ..Changes::default() }, lent.updated);

        assert!(change(9998).is_ok());
        assert!(change(9999).is_err());
        assert_eq!([-1, 0, 7, 9999, 10_000].map(|copies| Copies::told(copies).get()), [0, 0, 7, 9999, 9999]);
    }

    proptest! {
        #[test]
        fn copies_that_are_out_stay_out(available in 0_i32..100, out in 0_i32..100, wanted in 0_i32..100) {
            let of = |copies: i32| Copies::try_from(copies).unwrap();
            let book = Book { copies: of(available + out), available: of(available), ..book() };

            let changed = book.change(Changes { available: Some(of(wanted)), ..Changes::default() }, book.updated).unwrap();

            prop_assert_eq!((changed.copies, changed.available), (of(wanted + out), of(wanted)));
        }
    }
}
