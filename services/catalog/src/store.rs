//! Every line of SQL of this service. A rule runs inside the transaction that keeps its outcome.

mod books;
mod categories;
mod check;
mod departures;
mod feed;
mod imports;
mod lists;
mod orders;
mod postings;
mod ranks;
mod requests;
mod search;

use shared::{
    Db, Timestamp,
    database::{Coalesced, Migrations, OpenError, Schema},
    secret::Secret,
};
use sqlx::FromRow;

use crate::domain::{
    Refusal,
    book::{Book, Year},
    category::Category,
};

pub use check::Findings;
pub use departures::{Asked, Departure};
pub use feed::Availability;
pub use imports::{Batch, Seen};
pub use lists::{Count, Facets, Filter, Listing};

/// What the store answers.
pub type Result<T> = std::result::Result<T, shared::Error<Refusal>>;

/// The catalog's database.
#[derive(Clone)]
pub struct Store {
    db: Db,
    one_by_one: Coalesced<String, BookRow>,
}

fn migrations() -> Migrations {
    Migrations { sqlite: sqlx::migrate!("migrations/sqlite"), postgres: sqlx::migrate!("migrations/postgres") }
}

/// What whoever copies the database has to know.
pub fn schema() -> Schema {
    // How far lending's feed was followed says nothing of the one that lending has after it was restored.
    Schema { migrations: migrations(), still: &["book"], without: &["feed"] }
}

impl Store {
    fn of(db: Db) -> Self {
        Self { one_by_one: books::one_by_one(&db), db }
    }

    /// Opens the database and brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn open(url: &Secret) -> std::result::Result<Self, OpenError> {
        let db = Db::open(url, &migrations()).await?;
        shared::metrics::watch_pools("catalog", &db);
        Ok(Self::of(db))
    }

    /// Opens a database that is there, to read it.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn look_into(url: &Secret) -> std::result::Result<Self, OpenError> {
        Ok(Self::of(Db::look_into(url, &migrations()).await?))
    }

    /// Whether the database answers.
    pub async fn answers(&self) -> bool {
        self.db.answers().await
    }
}

/// The columns of a [`BookRow`], of the table `book` under the name `b`; `columns!(bare)` without a name.
macro_rules! columns {
    () => {
        "b.number, b.id, b.isbn, b.title, b.author, b.publication_year, b.publisher, b.language, b.description,
         b.category_id, b.copies, b.available, b.created_at, b.updated_at, b.version"
    };
    (bare) => {
        "number, id, isbn, title, author, publication_year, publisher, language, description,
         category_id, copies, available, created_at, updated_at, version"
    };
}
use columns;

#[derive(Clone, Debug, FromRow)]
struct BookRow {
    number: i64,
    id: String,
    isbn: Option<String>,
    title: String,
    author: String,
    publication_year: Option<i32>,
    publisher: String,
    language: String,
    description: String,
    category_id: Option<String>,
    copies: i32,
    available: i32,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: i64,
}

impl TryFrom<BookRow> for Book {
    type Error = shared::Error<Refusal>;

    fn try_from(row: BookRow) -> Result<Self> {
        use shared::Error;
        Ok(Self {
            id: row.id.parse().map_err(Error::internal)?,
            isbn: row.isbn.map(|isbn| isbn.parse()).transpose().map_err(Error::<Refusal>::internal)?,
            title: row.title.try_into().map_err(Error::<Refusal>::internal)?,
            author: row.author.try_into().map_err(Error::<Refusal>::internal)?,
            publication_year: row
                .publication_year
                .map(Year::try_from)
                .transpose()
                .map_err(Error::<Refusal>::internal)?,
            publisher: row.publisher.try_into().map_err(Error::<Refusal>::internal)?,
            language: row.language.try_into().map_err(Error::<Refusal>::internal)?,
            description: row.description.try_into().map_err(Error::<Refusal>::internal)?,
            category: row.category_id.map(|id| id.parse()).transpose().map_err(Error::<Refusal>::internal)?,
            copies: row.copies.try_into().map_err(Error::<Refusal>::internal)?,
            available: row.available.try_into().map_err(Error::<Refusal>::internal)?,
            created: row.created_at,
            updated: row.updated_at,
            version: row.version,
        })
    }
}

#[derive(Clone, Debug, FromRow)]
struct CategoryRow {
    id: String,
    name: String,
    description: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: i64,
}

impl TryFrom<CategoryRow> for Category {
    type Error = shared::Error<Refusal>;

    fn try_from(row: CategoryRow) -> Result<Self> {
        Ok(Self {
            id: row.id.parse().map_err(shared::Error::internal)?,
            name: row.name.try_into().map_err(shared::Error::<Refusal>::internal)?,
            description: row.description.try_into().map_err(shared::Error::<Refusal>::internal)?,
            created: row.created_at,
            updated: row.updated_at,
            version: row.version,
        })
    }
}

#[derive(FromRow)]
struct Total {
    count: i64,
}
