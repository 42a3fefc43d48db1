//! The yardsticks: the least that anybody would write for one book, in one process and in two.
//!
//! The same statement as catalog's, on a pool of the same size, axum, and between two processes tonic on
//! four connections; neither ids nor deadlines, no passports, no layers, no limits.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::bail;
use axum::{
    Router,
    extract::{Path, Request, State},
    http::{
        StatusCode,
        header::{CONTENT_TYPE, ETAG},
    },
    response::{IntoResponse as _, Response},
    routing::{get, post},
    serve::ListenerExt as _,
};
use proto::catalog::v1::{self as pb, catalog_service_client::CatalogServiceClient};
use serde::Serialize;
use shared::{Db, on};
use sqlx::{
    ConnectOptions as _, FromRow, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::net::TcpListener;
use tonic::{
    Status,
    server::{Grpc, UnaryService},
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

const GET_BOOK: &str = "/bibliotique.catalog.v1.CatalogService/GetBook";

/// HTTP/2 connections between the two processes, used in turn.
const CONNECTIONS: usize = 4;

/// Serves until the process is killed, if the arguments name one of them.
///
/// # Errors
/// When it cannot listen or reach the database.
pub async fn serve(arguments: &[&str]) -> anyhow::Result<()> {
    let (address, app) = match arguments {
        ["alone", address, catalog] => (*address, alone(open(catalog).await?)),
        ["front", address, back] => (*address, front(back)?),
        ["back", address, catalog] => (*address, back(open(catalog).await?)),
        _ => bail!("there is no such yardstick"),
    };
    let listener = TcpListener::bind(address).await?;
    println!("ready");
    let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
    Ok(axum::serve(listener, app).await?)
}

async fn open(url: &str) -> anyhow::Result<Db> {
    if url.starts_with("sqlite:") {
        let options = url.parse::<SqliteConnectOptions>()?.pragma("cache_size", "-16384");
        // A file does not go away: like ours, the pool does not ask before each query.
        let pool = SqlitePoolOptions::new().max_connections(4).test_before_acquire(false);
        let read = pool.connect_with(options.read_only(true).disable_statement_logging()).await?;
        return Ok(Db::Sqlite { write: read.clone(), read });
    }
    let options: PgConnectOptions = url.parse()?;
    let pool: PgPool =
        PgPoolOptions::new().max_connections(20).connect_with(options.disable_statement_logging()).await?;
    Ok(Db::Postgres(pool))
}

/// What is asked for of a row.
#[derive(FromRow)]
struct Row {
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
    version: i64,
}

async fn book(db: &Db, id: &str) -> sqlx::Result<Option<Row>> {
    on!(db, |db| {
        sqlx::query_as(
            "SELECT b.number, b.id, b.isbn, b.title, b.author, b.publication_year, b.publisher, b.language, b.description,
                 b.category_id, b.copies, b.available, b.created_at, b.updated_at, b.version
             FROM book b WHERE b.id = $1",
        )
        .bind(id)
        .fetch_optional(db)
        .await
    })
}

#[derive(Serialize)]
struct Answer {
    success: bool,
    message: &'static str,
    data: One,
}

#[derive(Serialize)]
struct One {
    livre: Livre,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Livre {
    #[serde(rename = "_id")]
    id: String,
    isbn: String,
    titre: String,
    auteur: String,
    annee_publication: Option<i32>,
    editeur: String,
    langue: String,
    description: String,
    quantite: i32,
    categorie_id: Option<String>,
    exemplaires: i32,
    disponible: bool,
}

fn found(livre: Livre, etag: &str) -> Response {
    let answer = Answer { success: true, message: "Book found successfully!", data: One { livre } };
    let body = serde_json::to_vec(&answer).unwrap_or_default();
    ([(CONTENT_TYPE, "application/json; charset=utf-8"), (ETAG, &format!("\"{etag}\""))], body).into_response()
}

/// One handler that queries the database itself.
fn alone(db: Db) -> Router {
    let handler = async |State(db): State<Arc<Db>>, Path(id): Path<String>| match book(&db, &id).await {
        Ok(Some(row)) => {
            let etag = row.version.to_string();
            found(row.into(), &etag)
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    };
    Router::new().route("/api/livres/{id}", get(handler)).with_state(Arc::new(db))
}

impl From<Row> for Livre {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            isbn: row.isbn.unwrap_or_default(),
            titre: row.title,
            auteur: row.author,
            annee_publication: row.publication_year,
            editeur: row.publisher,
            langue: row.language,
            description: row.description,
            quantite: row.available,
            categorie_id: row.category_id,
            exemplaires: row.copies,
            disponible: row.available > 0,
        }
    }
}

/// The way to the other process.
struct Way {
    clients: Vec<CatalogServiceClient<Channel>>,
    turn: AtomicUsize,
}

impl Way {
    fn client(&self) -> CatalogServiceClient<Channel> {
        self.clients[self.turn.fetch_add(1, Ordering::Relaxed) % self.clients.len()].clone()
    }
}

/// One handler that makes one call to the other process.
fn front(back: &str) -> anyhow::Result<Router> {
    let endpoint = Endpoint::from_shared(format!("http://{back}"))?.tcp_nodelay(true);
    let clients = (0..CONNECTIONS).map(|_| CatalogServiceClient::new(endpoint.connect_lazy())).collect();
    let handler = async |State(way): State<Arc<Way>>, Path(book_id): Path<String>| match way
        .client()
        .get_book(pb::GetBookRequest { book_id })
        .await
    {
        Ok(answer) => {
            let book = answer.into_inner().book.unwrap_or_default();
            let etag = book.etag.clone();
            found(book.into(), &etag)
        }
        Err(status) if status.code() == tonic::Code::NotFound => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    };
    let way = Way { clients, turn: AtomicUsize::new(0) };
    Ok(Router::new().route("/api/livres/{id}", get(handler)).with_state(Arc::new(way)))
}

impl From<pb::Book> for Livre {
    fn from(book: pb::Book) -> Self {
        Self {
            id: book.id,
            isbn: book.isbn,
            titre: book.title,
            auteur: book.author,
            annee_publication: book.publication_year,
            editeur: book.publisher,
            langue: book.language,
            description: book.description,
            quantite: book.available_copies,
            categorie_id: Some(book.category_id).filter(|id| !id.is_empty()),
            exemplaires: book.copies,
            disponible: book.available_copies > 0,
        }
    }
}

/// The other process: what tonic generates for one rpc, without the other thirteen.
fn back(db: Db) -> Router {
    let handler = async |State(db): State<Arc<Db>>, request: Request| {
        Grpc::new(ProstCodec::<pb::GetBookResponse, pb::GetBookRequest>::default()).unary(GetBook(db), request).await
    };
    Router::new().route(GET_BOOK, post(handler)).with_state(Arc::new(db))
}

struct GetBook(Arc<Db>);

impl UnaryService<pb::GetBookRequest> for GetBook {
    type Response = pb::GetBookResponse;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<tonic::Response<pb::GetBookResponse>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<pb::GetBookRequest>) -> Self::Future {
        let db = Arc::clone(&self.0);
        Box::pin(async move {
            let row = book(&db, &request.into_inner().book_id).await.map_err(|_| Status::unavailable("no database"))?;
            let row = row.ok_or_else(|| Status::not_found("no book"))?;
            Ok(tonic::Response::new(pb::GetBookResponse { book: Some(row.into()), copies_are_current: true }))
        })
    }
}

impl From<Row> for pb::Book {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            isbn: row.isbn.unwrap_or_default(),
            title: row.title,
            author: row.author,
            publication_year: row.publication_year,
            publisher: row.publisher,
            language: row.language,
            description: row.description,
            category_id: row.category_id.unwrap_or_default(),
            copies: row.copies,
            available_copies: row.available,
            etag: row.version.to_string(),
            ..Self::default()
        }
    }
}
