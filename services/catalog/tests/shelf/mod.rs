//! Catalog over gRPC: short ways to put books there, to find them again, and to read what was refused.

use proto::catalog::v1::{
    self as pb, catalog_service_client::CatalogServiceClient, import_books_response::Outcome,
    import_books_response::outcome::Kind as Fate,
};
use shared::{channel::Channel, passport::Caller};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use testing::{Database, Kind, TestSuite};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// A way to catalog.
pub type Catalog = CatalogServiceClient<Channel>;

/// A suite, and an operator's way to its catalog.
pub async fn open(db: &Database) -> (TestSuite, Catalog) {
    let suite = TestSuite::start(db).await;
    let catalog = suite.catalog_as(Caller::operator());
    (suite, catalog)
}

/// A book of which only the title is known.
pub fn titled(title: &str) -> pb::Book {
    pb::Book { title: title.to_owned(), ..pb::Book::default() }
}

/// A book with title and author.
pub fn by(author: &str, title: &str) -> pb::Book {
    pb::Book { author: author.to_owned(), ..titled(title) }
}

/// Tries to put a book there.
pub async fn try_create(catalog: &Catalog, book: pb::Book) -> Result<pb::Book, Status> {
    let request = pb::CreateBookRequest { book: Some(book), validate_only: false, ..pb::CreateBookRequest::default() };
    catalog.clone().create_book(request).await.map(|made| made.into_inner().book.unwrap())
}

/// Puts a book there.
pub async fn create(catalog: &Catalog, book: pb::Book) -> pb::Book {
    try_create(catalog, book).await.unwrap()
}

/// Tries to change of a book what `mask` names.
pub async fn try_update(catalog: &Catalog, book: pb::Book, mask: &[&str]) -> Result<pb::Book, Status> {
    let paths = mask.iter().map(ToString::to_string).collect();
    let update_mask = Some(prost_types::FieldMask { paths });
    let request = pb::UpdateBookRequest { book: Some(book), update_mask, validate_only: false };
    catalog.clone().update_book(request).await.map(|made| made.into_inner().book.unwrap())
}

/// Changes of a book what `mask` names.
pub async fn update(catalog: &Catalog, book: pb::Book, mask: &[&str]) -> pb::Book {
    try_update(catalog, book, mask).await.unwrap()
}

/// Tries to take a book away.
pub async fn try_delete(catalog: &Catalog, id: &str) -> Result<pb::Book, Status> {
    let request = pb::DeleteBookRequest { book_id: id.to_owned(), etag: String::new() };
    catalog.clone().delete_book(request).await.map(|gone| gone.into_inner().book.unwrap())
}

/// Tries to make a category.
pub async fn try_categorize(catalog: &Catalog, name: &str) -> Result<pb::Category, Status> {
    let category = pb::Category { name: name.to_owned(), description: "rayon".to_owned(), ..pb::Category::default() };
    let request = pb::CreateCategoryRequest { category: Some(category), request_id: String::new() };
    catalog.clone().create_category(request).await.map(|made| made.into_inner().category.unwrap())
}

/// Makes a category; answers with its id.
pub async fn category(catalog: &Catalog, name: &str) -> String {
    try_categorize(catalog, name).await.unwrap().id
}

/// A question for all books that have these words.
pub fn ask(query: &str) -> pb::ListBooksRequest {
    pb::ListBooksRequest { query: query.to_owned(), ..pb::ListBooksRequest::default() }
}

/// Tries to list.
pub async fn try_list(catalog: &Catalog, request: pb::ListBooksRequest) -> Result<pb::ListBooksResponse, Status> {
    catalog.clone().list_books(request).await.map(tonic::Response::into_inner)
}

/// Lists.
pub async fn list(catalog: &Catalog, request: pb::ListBooksRequest) -> pb::ListBooksResponse {
    try_list(catalog, request).await.unwrap()
}

/// The titles that a question finds, in their order; the total must agree.
pub async fn found(catalog: &Catalog, query: &str) -> Vec<String> {
    let answer = list(catalog, ask(query)).await;
    assert_eq!(answer.total_size, answer.books.len() as i64, "{query:?}");
    titles(&answer)
}

/// The titles of an answer.
pub fn titles(answer: &pb::ListBooksResponse) -> Vec<String> {
    answer.books.iter().map(|book| book.title.clone()).collect()
}

/// All answers to a question, page by page by their tokens.
pub async fn pages(catalog: &Catalog, request: &pb::ListBooksRequest) -> Vec<pb::ListBooksResponse> {
    let mut pages = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = list(catalog, pb::ListBooksRequest { page_token, ..request.clone() }).await;
        page_token = page.next_page_token.clone();
        pages.push(page);
        assert!(pages.len() < 2000, "the pages of {request:?} come to no end");
        if page_token.is_empty() {
            return pages;
        }
    }
}

/// A refusal: its code and its reason.
pub fn refusal(refused: &Status) -> (Code, String) {
    let reason = refused.get_details_error_info().map(|info| info.reason).unwrap_or_default();
    (refused.code(), reason)
}

/// The fields that do not fit.
pub fn misfits(refused: &Status) -> Vec<String> {
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    let violations = refused.get_details_bad_request().map(|details| details.field_violations);
    violations.unwrap_or_default().into_iter().map(|violation| violation.field).collect()
}

/// A book as a file has it.
pub fn draft(line: i64, book: pb::Book) -> pb::Draft {
    pb::Draft { line, book: Some(book), ..pb::Draft::default() }
}

/// A batch of an import.
pub fn batch(on_match: pb::OnMatch, drafts: Vec<pb::Draft>) -> pb::ImportBooksRequest {
    pb::ImportBooksRequest { on_match: on_match.into(), default_copies: 1, drafts, ..pb::ImportBooksRequest::default() }
}

/// Imports batches; the outcomes of each, and how it ended.
pub async fn try_import(
    catalog: &Catalog,
    batches: Vec<pb::ImportBooksRequest>,
) -> (Vec<Vec<Outcome>>, Result<(), Status>) {
    let answers = catalog.clone().import_books(tokio_stream::iter(batches)).await;
    let mut answers = match answers {
        Ok(answers) => answers.into_inner(),
        Err(refused) => return (Vec::new(), Err(refused)),
    };
    let mut outcomes = Vec::new();
    loop {
        match answers.message().await {
            Ok(Some(answer)) => outcomes.push(answer.outcomes),
            Ok(None) => return (outcomes, Ok(())),
            Err(refused) => return (outcomes, Err(refused)),
        }
    }
}

/// Imports one batch.
pub async fn import(catalog: &Catalog, batch: pb::ImportBooksRequest) -> Vec<Outcome> {
    let (outcomes, ended) = try_import(catalog, vec![batch]).await;
    ended.unwrap();
    outcomes.concat()
}

/// What became of drafts.
pub fn fates(outcomes: &[Outcome]) -> Vec<Fate> {
    outcomes.iter().map(Outcome::kind).collect()
}

/// All books with the names of their categories, as they are exported.
pub async fn export(catalog: &Catalog) -> Vec<(pb::Book, String)> {
    let mut answers = catalog.clone().export_books(pb::ExportBooksRequest {}).await.unwrap().into_inner();
    let mut books = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        books.extend(answer.entries.into_iter().map(|entry| (entry.book.unwrap(), entry.category)));
    }
    books
}

/// Does something to catalog's tables by hand.
pub async fn by_hand(db: &Database, sql: &str) {
    match db.kind() {
        Kind::Sqlite => {
            let url = db.url().replace("test.db", "catalog.db");
            let mut tables = SqliteConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut tables).await.unwrap();
            tables.close().await.unwrap();
        }
        Kind::Postgres => {
            let mut tables = PgConnection::connect(db.url()).await.unwrap();
            let sql = format!("SET search_path TO catalog; {sql}");
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut tables).await.unwrap();
            tables.close().await.unwrap();
        }
    }
}

/// Numbers without end that only look random: a story goes the same way each time.
pub struct Dice(u64);

impl Dice {
    /// Of a seed that is not 0.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to `below` - 1 (Marsaglia's xorshift).
    pub fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % below
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }

    /// Some words, with blanks between them.
    pub fn words(&mut self, of: &[&str], most: usize) -> String {
        let many = self.roll(most + 1);
        (0..many).map(|_| *self.pick(of)).collect::<Vec<_>>().join(" ")
    }
}
