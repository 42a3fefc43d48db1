//! Books, one by one.

use shared::{
    Db,
    database::Coalesced,
    on, once,
    replay::{Message, Replay},
    tx,
};
use sqlx::AssertSqlSafe;

use super::{
    BookRow, Result, Store, columns,
    lists::places,
    orders::{foresee, order},
    postings::index,
};
use crate::domain::{
    BookId, Refusal,
    book::{Book, Copies},
    isbn::Isbn,
    order::Kind,
};

/// How often a book is kept anew when another one took its ISBN meanwhile and is gone again.
const TRIES: usize = 3;

/// The most books in one statement.
pub(super) const TOGETHER: usize = 64;

/// The columns that are written of a new book.
const WRITTEN: usize = 18;

/// Writes so many new books.
pub(super) fn insertion(books: usize) -> String {
    let values: Vec<String> = (0..books).map(|book| format!("({})", places(WRITTEN * book + 1, WRITTEN))).collect();
    format!(
        "INSERT INTO book (id, isbn, title, title_key, author, author_key, publication_year, year_key, publisher, language,
             language_key, description, category_id, copies, available, created_at, updated_at, version)
         VALUES {} RETURNING id, number",
        values.join(", ")
    )
}

/// Keeps new books, with the copies that are to be expected of them; answers with what there is to index.
macro_rules! insert {
    ($tx:expr, $db:expr, $books:expr) => {{
        let books: &[Book] = $books;
        let mut changes = Vec::with_capacity(books.len());
        for some in books.chunks($crate::store::books::TOGETHER) {
            let sql = $db.in_order($crate::store::books::insertion(some.len()));
            let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
            for book in some {
                let year = book.publication_year.map($crate::domain::book::Year::get);
                query = query
                    .bind(book.id.to_string())
                    .bind(book.isbn.map(|isbn| isbn.to_string()))
                    .bind(book.title.as_str())
                    .bind($crate::domain::fold::key(book.title.as_str()))
                    .bind(book.author.as_str())
                    .bind($crate::domain::fold::key(book.author.as_str()))
                    .bind(year)
                    .bind($crate::store::lists::year_key(year))
                    .bind(book.publisher.as_str())
                    .bind(book.language.as_str())
                    .bind($crate::domain::fold::case_key(book.language.as_str().trim()))
                    .bind(book.description.as_str())
                    .bind(book.category.map(|category| category.to_string()))
                    .bind(i64::from(book.copies.get()))
                    .bind(i64::from(book.available.get()))
                    .bind(book.created)
                    .bind(book.updated)
                    .bind(book.version);
            }
            let kept: Vec<(String, i64)> = query.fetch_all(&mut *$tx).await?;
            let numbers: std::collections::HashMap<String, i64> = kept.into_iter().collect();
            for book in some {
                let number = numbers.get(&book.id.to_string()).copied().unwrap_or_default();
                let (old, new) = ($crate::domain::words::Words::default(), $crate::domain::words::Words::of(book));
                changes.push($crate::store::postings::Change { number, old, new });
            }
        }
        changes
    }};
}
pub(super) use insert;

/// Keeps what is new of the book `$number` but for its copies, which are lending's; answers with what there is to index.
/// `RowNotFound` when the book is not the one any more that was read.
macro_rules! replace {
    ($tx:expr, $number:expr, $before:expr, $after:expr) => {{
        let (number, before, after): (i64, &Book, &Book) = ($number, $before, $after);
        let updated = sqlx::query(
            "UPDATE book SET isbn = $2, title = $3, title_key = $4, author = $5, author_key = $6, publication_year = $7,
                 year_key = $8, publisher = $9, language = $10, language_key = $11, description = $12, category_id = $13,
                 updated_at = $14, version = $15 WHERE number = $1 AND version = $16",
        )
        .bind(number)
        .bind(after.isbn.map(|isbn| isbn.to_string()))
        .bind(after.title.as_str())
        .bind($crate::domain::fold::key(after.title.as_str()))
        .bind(after.author.as_str())
        .bind($crate::domain::fold::key(after.author.as_str()))
        .bind(after.publication_year.map($crate::domain::book::Year::get))
        .bind($crate::store::lists::year_key(after.publication_year.map($crate::domain::book::Year::get)))
        .bind(after.publisher.as_str())
        .bind(after.language.as_str())
        .bind($crate::domain::fold::case_key(after.language.as_str().trim()))
        .bind(after.description.as_str())
        .bind(after.category.map(|category| category.to_string()))
        .bind(after.updated)
        .bind(after.version)
        .bind(before.version)
        .execute(&mut *$tx)
        .await?;
        if updated.rows_affected() == 0 {
            return Err(sqlx::Error::RowNotFound.into());
        }
        $crate::store::postings::Change {
            number,
            old: $crate::domain::words::Words::of(before),
            new: $crate::domain::words::Words::of(after),
        }
    }};
}
pub(super) use replace;

/// Locks a book by updating it. SQLite's RETURNING knows no other name of the table.
macro_rules! lock {
    ($tx:expr, $id:expr) => {{
        let row: Option<$crate::store::BookRow> = sqlx::query_as(concat!(
            "UPDATE book SET version = version WHERE id = $1 RETURNING ",
            $crate::store::columns!(bare)
        ))
        .bind($id.to_string())
        .fetch_optional(&mut *$tx)
        .await?;
        let row = row.ok_or(shared::Error::Refused($crate::domain::Refusal::BookNotFound))?;
        (row.number, $crate::domain::book::Book::try_from(row)?)
    }};
}
pub(super) use lock;

/// The rows of these books, in no order.
async fn rows(db: &Db, ids: Vec<String>) -> sqlx::Result<Vec<BookRow>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (ids, places) = db.listed(ids);
    let sql = format!(concat!("SELECT ", columns!(), " FROM book b WHERE b.id IN ({})"), places);
    on!(db, |db| {
        let mut query = sqlx::query_as(AssertSqlSafe(sql));
        for id in ids {
            query = query.bind(id);
        }
        query.fetch_all(db).await
    })
}

/// Books that are asked for one by one.
pub(super) fn one_by_one(db: &Db) -> Coalesced<String, BookRow> {
    let db = db.clone();
    Coalesced::new(move |ids| {
        let db = db.clone();
        async move { Ok(rows(&db, ids).await?.into_iter().map(|row| (row.id.clone(), row)).collect()) }
    })
}

impl Store {
    /// Keeps a new book and the order that makes it known to lending; answers with what `render` makes of it.
    ///
    /// # Errors
    /// [`Refusal::CategoryNotFound`], [`Refusal::IsbnTaken`], [`Refusal::RequestIdReused`]
    pub async fn create_book<M: Message + Default>(
        &self,
        book: &Book,
        replay: Option<&Replay>,
        render: impl Fn(&Book) -> M,
    ) -> Result<M> {
        let mut tried = 1;
        loop {
            let made = tx!(&self.db, |tx| {
                once!(tx, replay, Refusal::RequestIdReused, {
                    let changes = insert!(tx, &self.db, std::slice::from_ref(book));
                    index!(tx, &self.db, &changes);
                    order!(tx, &self.db, Kind::Add, &[(book.id, book.available)], book.created);
                    render(book)
                })
            });
            match self.explain(made, book.isbn).await {
                Ok(None) if tried < TRIES => tried += 1,
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => return Err(shared::Error::internal("an ISBN is taken by nobody")),
                Err(error) => return Err(error),
            }
        }
    }

    /// One book.
    pub async fn book(&self, id: BookId) -> Result<Option<Book>> {
        self.one_by_one.get(id.to_string()).await?.map(Book::try_from).transpose()
    }

    /// Those of these books that there are, in no order.
    pub async fn books(&self, ids: &[BookId]) -> Result<Vec<Book>> {
        let rows = rows(&self.db, ids.iter().map(BookId::to_string).collect()).await?;
        rows.into_iter().map(Book::try_from).collect()
    }

    /// Changes a book by `rule`, and orders that so many copies of it can be borrowed, if `copies` says how many.
    ///
    /// # Errors
    /// [`Refusal::BookNotFound`], [`Refusal::CategoryNotFound`], [`Refusal::IsbnTaken`], and what `rule` refuses.
    pub async fn update_book(
        &self,
        id: BookId,
        rule: impl Fn(&Book) -> Result<Book>,
        copies: Option<Copies>,
    ) -> Result<Book> {
        let mut tried = 1;
        loop {
            let mut wanted = None;
            let changed = tx!(&self.db, |tx| {
                let (number, before) = lock!(tx, id);
                let leaves: Option<String> = sqlx::query_scalar("SELECT book_id FROM departure WHERE book_id = $1")
                    .bind(id.to_string())
                    .fetch_optional(&mut *tx)
                    .await?;
                if leaves.is_some() {
                    return Err(shared::Error::Refused(Refusal::BookNotFound));
                }
                let after = rule(&before)?;
                let after = Book { version: before.version + 1, ..after };
                wanted = after.isbn;
                let change = replace!(tx, number, &before, &after);
                index!(tx, &self.db, &[change]);
                if let Some(copies) = copies {
                    foresee!(tx, Kind::Set, id, copies);
                    order!(tx, &self.db, Kind::Set, &[(id, copies)], after.updated);
                }
                after
            });
            match self.explain(changed, wanted).await {
                Ok(None) if tried < TRIES => tried += 1,
                Ok(Some(book)) => return Ok(book),
                Ok(None) => return Err(shared::Error::internal("an ISBN is taken by nobody")),
                Err(error) => return Err(error),
            }
        }
    }

    /// What the outcome of keeping a book means; `None` when it is worth trying again.
    async fn explain<T>(&self, outcome: Result<T>, isbn: Option<Isbn>) -> Result<Option<T>> {
        let cause = match outcome {
            Ok(value) => return Ok(Some(value)),
            Err(shared::Error::Database(cause)) => cause,
            Err(error) => return Err(error),
        };
        if shared::database::violates_reference(&cause) {
            return Err(shared::Error::Refused(Refusal::CategoryNotFound));
        }
        if shared::database::violated_unique(&cause).is_none_or(|name| name != "book_isbn") {
            return Err(cause.into());
        }
        match isbn {
            Some(isbn) => self.holder(isbn).await?.map_or(Ok(None), |taken| Err(shared::Error::Refused(taken))),
            None => Err(cause.into()),
        }
    }

    /// The book that has an ISBN, as the reason why no other can have it.
    pub async fn holder(&self, isbn: Isbn) -> Result<Option<Refusal>> {
        let found: Option<(String, String)> = on!(&self.db, |db| {
            sqlx::query_as("SELECT id, title FROM book WHERE isbn = $1").bind(isbn.to_string()).fetch_optional(db).await
        })?;
        let taken = |(id, title): (String, String)| Ok(Refusal::IsbnTaken { book: id.parse()?, title });
        found.map(taken).transpose().map_err(|malformed: shared::id::MalformedId| shared::Error::internal(malformed))
    }
}
