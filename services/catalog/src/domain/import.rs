//! Imports: what becomes of a book that a file has.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use shared::Timestamp;

use super::{
    BookId, CategoryId,
    book::{Book, Changes, Copies, Year},
    fold::plain,
    isbn::Isbn,
    order::Kind,
    text::{Name, Title},
};

/// What becomes of a draft whose book there is already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMatch {
    /// The book stays as it is.
    Skip,
    /// The book takes what the draft says.
    Update,
    /// The draft's copies are added to the book's.
    Add,
}

/// A book as a file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Where the file has it.
    pub line: i64,
    /// What a book needs.
    pub title: Title,
    /// What else the file says; what it leaves empty is `None`.
    pub changes: Changes,
    /// The name of its category.
    pub category: Option<Name>,
    /// How many copies the file says there are.
    pub copies: Option<Copies>,
}

/// How drafts become books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// See [`OnMatch`].
    pub on_match: OnMatch,
    /// How many copies a new book gets whose draft does not say.
    pub default_copies: Copies,
}

impl Terms {
    /// What is to be ordered for books that were there: of each, how many copies could be borrowed and how many shall be.
    pub fn order(self, books: BTreeMap<BookId, (Copies, Copies)>) -> (Kind, Vec<(BookId, Copies)>) {
        let books = books.into_iter();
        match self.on_match {
            OnMatch::Add => {
                let more = |(book, (before, after)): (_, (Copies, Copies))| (book, after.less(before.get()));
                (Kind::Add, books.map(more).collect())
            }
            OnMatch::Skip | OnMatch::Update => (Kind::Set, books.map(|(book, (_, after))| (book, after)).collect()),
        }
    }

    /// What becomes of a draft of a book that an earlier one would have added, as far as a dry run can tell.
    pub fn of_a_double(self) -> Fate {
        match self.on_match {
            OnMatch::Skip => Fate::Skipped("stands further up in the file"),
            OnMatch::Update | OnMatch::Add => Fate::UpdatedLater,
        }
    }
}

/// What a book is known by: its ISBN; without one its title, author and year, whatever their case and accents.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Likeness {
    /// The ISBN.
    Isbn(Isbn),
    /// Title and author, folded, and the year.
    Words(String, String, Option<i32>),
}

impl Likeness {
    /// Of a book.
    pub fn of(book: &Book) -> Self {
        let year = book.publication_year.map(Year::get);
        let words = || Self::Words(plain(book.title.as_str()), plain(book.author.as_str()), year);
        book.isbn.map_or_else(words, Self::Isbn)
    }

    /// Of a draft.
    pub fn of_draft(draft: &Draft) -> Self {
        let year = draft.changes.publication_year.flatten().map(Year::get);
        let author = draft.changes.author.as_ref().map(|author| plain(author.as_str())).unwrap_or_default();
        let words = || Self::Words(plain(draft.title.as_str()), author, year);
        draft.changes.isbn.flatten().map_or_else(words, Self::Isbn)
    }

    /// A number that tells likenesses apart, for remembering very many of them.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// What becomes of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It becomes a book.
    Added,
    /// Its book changes.
    Updated(Box<Book>),
    /// Its book, which is not there yet, would change.
    UpdatedLater,
    /// Its book stays, and why.
    Skipped(&'static str),
    /// It cannot be had: a field, and what is wrong with it.
    Refused(&'static str, &'static str),
}

impl Draft {
    /// A new book of this draft.
    ///
    /// # Errors
    /// A sentence when it would have more copies than a book may have.
    pub fn book(
        &self,
        id: BookId,
        category: Option<CategoryId>,
        terms: Terms,
        now: Timestamp,
    ) -> Result<Book, &'static str> {
        let copies = self.copies.unwrap_or(terms.default_copies);
        let changes = Changes { category: Some(category), available: Some(copies), ..self.changes.clone() };
        Book::new(id, self.title.clone(), now).change(changes, now)
    }

    /// What becomes of this draft of `book`.
    pub fn settle(&self, book: &Book, category: Option<CategoryId>, terms: Terms, now: Timestamp) -> Fate {
        match terms.on_match {
            OnMatch::Skip => Fate::Skipped("the book is there already"),
            OnMatch::Update => self.update(book, category, now),
            OnMatch::Add => self.add_copies(book, terms, now),
        }
    }

    fn update(&self, book: &Book, category: Option<CategoryId>, now: Timestamp) -> Fate {
        let out = book.copies.get() - book.available.get().min(book.copies.get());
        let available = self.copies.map(|copies| copies.less(out));
        let title = Some(self.title.clone());
        let changes = Changes { title, category: category.map(Some), available, ..self.changes.clone() };
        let after = match book.change(changes, now) {
            Ok(after) => after,
            Err(misfit) => return Fate::Refused("copies", misfit),
        };
        if (Book { updated: book.updated, ..after.clone() }) == *book {
            return Fate::Skipped("the book says the same already");
        }
        Fate::Updated(Box::new(after))
    }

    fn add_copies(&self, book: &Book, terms: Terms, now: Timestamp) -> Fate {
        let more = self.copies.unwrap_or(terms.default_copies);
        if more == Copies::default() {
            return Fate::Skipped("there are no copies to add");
        }
        let added = book
            .available
            .plus(more)
            .and_then(|available| book.change(Changes { available: Some(available), ..Changes::default() }, now));
        match added {
            Ok(after) => Fate::Updated(Box::new(after)),
            Err(_) => Fate::Refused("copies", "would be more than 9999 with those that are there"),
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::Id;

    use super::*;

    const THEN: Timestamp = Timestamp::from_micros(0);
    const NOW: Timestamp = Timestamp::from_micros(1);

    fn terms(on_match: OnMatch) -> Terms {
        Terms { on_match, default_copies: 1.try_into().unwrap() }
    }

    fn draft() -> Draft {
        let changes = Changes { author: "Albert Camus".parse().ok(), ..Changes::default() };
        Draft { line: 2, title: "L'Étranger".parse().unwrap(), changes, category: None, copies: None }
    }

    fn book() -> Book {
        draft().book(Id::new(THEN, [0; 5]).into(), None, terms(OnMatch::Skip), THEN).unwrap()
    }

    #[test]
    fn a_new_book_has_the_copies_of_its_draft_or_as_many_as_any() {
        assert_eq!((book().copies.get(), book().available.get()), (1, 1));

        let three = Draft { copies: 3.try_into().ok(), ..draft() };
        assert_eq!(three.book(book().id, None, terms(OnMatch::Skip), THEN).unwrap().available.get(), 3);
    }

    #[test]
    fn a_draft_that_says_nothing_new_leaves_its_book() {
        let fate = |draft: Draft, on_match| draft.settle(&book(), None, terms(on_match), NOW);

        assert!(matches!(fate(draft(), OnMatch::Skip), Fate::Skipped(_)));
        assert!(matches!(fate(draft(), OnMatch::Update), Fate::Skipped(_)));
        let none = Draft { copies: 0.try_into().ok(), ..draft() };
        assert!(matches!(fate(none, OnMatch::Add), Fate::Skipped(_)));
    }

    #[test]
    fn an_update_sets_what_the_draft_says_and_leaves_the_rest() {
        let lent = Book { available: Copies::default(), language: "français".parse().unwrap(), ..book() };
        let changes = Changes { publisher: "Gallimard".parse().ok(), ..Changes::default() };
        let draft = Draft { changes, copies: 3.try_into().ok(), ..draft() };

        let Fate::Updated(after) = draft.settle(&lent, None, terms(OnMatch::Update), NOW) else { panic!("an update") };

        assert_eq!((after.copies.get(), after.available.get()), (3, 2));
        assert_eq!(
            (after.publisher.as_str(), after.language.as_str(), after.author.as_str()),
            ("Gallimard", "français", "Albert Camus")
        );
    }

    #[test]
    fn copies_are_added_up_to_what_a_book_may_have() {
        let fate = |copies: i32| {
            Draft { copies: copies.try_into().ok(), ..draft() }.settle(&book(), None, terms(OnMatch::Add), NOW)
        };

        let Fate::Updated(after) = fate(9998) else { panic!("an update") };
        assert_eq!((after.copies.get(), after.available.get()), (9999, 9999));
        assert!(matches!(fate(9999), Fate::Refused("copies", _)));
    }

    #[test]
    fn books_without_isbn_are_known_by_title_author_and_year() {
        let like = Draft { title: "l'Etranger".parse().unwrap(), ..draft() };
        let other =
            Draft { changes: Changes { publication_year: Some(1942.try_into().ok()), ..draft().changes }, ..draft() };

        assert_eq!(Likeness::of_draft(&like), Likeness::of(&book()));
        let volume = |number| Draft { title: format!("{}{number}", "x".repeat(200)).parse().unwrap(), ..draft() };
        assert_ne!(Likeness::of_draft(&volume(1)), Likeness::of_draft(&volume(2)));
        assert_ne!(Likeness::of_draft(&other), Likeness::of(&book()));
        assert_ne!(Likeness::of_draft(&other).digest(), Likeness::of(&book()).digest());
    }
}
