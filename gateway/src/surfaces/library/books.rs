//! Operations 12 to 16: books.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
};
use prost_types::FieldMask;
use proto::catalog::v1 as pb;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::passport::Caller;
use tonic::Status;
use tonic_types::StatusExt as _;

use super::{
    availability::{Numbers, now},
    envelope::{bad, say, tagged, tell, unfit},
    idempotency::Once,
    ids::{RawId, id_of},
    pages::{Extent, Page},
    precondition,
    query::{optional_id, parameters, yes_or_no},
};
use crate::{
    Shared,
    body::{Field, Fields},
    fault::{Answer, Ending, Fault, Reason},
};

/// The largest body: a book with the longest texts, each character escaped.
pub const BYTES: usize = 256 * 1024;

/// What a field takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// A text; `null` is an empty one.
    Optional,
    Whole,
    /// A whole number; `null` is none.
    Year,
}

/// The fields of a book that may be set: their names here, in the protobuf message, and what they take.
const FIELDS: [(&str, &str, Kind); 9] = [
    ("isbn", "isbn", Kind::Optional),
    ("titre", "title", Kind::Text),
    ("auteur", "author", Kind::Text),
    ("anneePublication", "publication_year", Kind::Year),
    ("editeur", "publisher", Kind::Text),
    ("langue", "language", Kind::Text),
    ("description", "description", Kind::Optional),
    ("quantite", "available_copies", Kind::Whole),
    ("categorieId", "category_id", Kind::Optional),
];

/// What a new book has to name. An empty ISBN says that it has none.
pub const REQUIRED: [&str; 6] = ["isbn", "titre", "auteur", "anneePublication", "editeur", "langue"];

/// What is said of an order that is none.
pub const BAD_SORT: &str = "Invalid sort! It must be titre, auteur or anneePublication, reversed by a leading -.";

/// The names of the fields of a book that may be set.
pub fn fields() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|(name, ..)| *name)
}

/// A field that does not fit, and what is wrong with it.
type Misfit<'a> = (&'a str, String);

/// A book as the contract prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Livre {
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

#[derive(Serialize)]
struct One {
    livre: Livre,
}

#[derive(Serialize)]
struct All {
    livres: Vec<Livre>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facettes: Option<Facettes>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Facettes {
    categorie_id: Vec<Facette>,
    langue: Vec<Facette>,
    auteur: Vec<Facette>,
}

#[derive(Serialize)]
struct Facette {
    valeur: String,
    nombre: i64,
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

impl From<pb::CountBooksResponse> for Facettes {
    fn from(counts: pb::CountBooksResponse) -> Self {
        let facet = |counts: Vec<pb::count_books_response::Count>| {
            counts.into_iter().map(|of| Facette { valeur: of.value, nombre: of.count }).collect()
        };
        Self { categorie_id: facet(counts.categories), langue: facet(counts.languages), auteur: facet(counts.authors) }
    }
}

/// What a list may be asked for, besides its page.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    categorie_id: String,
    #[serde(default)]
    auteur: String,
    #[serde(default)]
    langue: String,
    #[serde(default)]
    disponible: String,
    #[serde(default)]
    sort: String,
    #[serde(default)]
    facettes: String,
}

impl Wanted {
    fn filter(&self) -> Result<pb::BookFilter, Ending> {
        Ok(pb::BookFilter {
            category_id: optional_id("categorieId", &self.categorie_id)?,
            author: self.auteur.clone(),
            language: self.langue.clone(),
            available: yes_or_no("disponible", &self.disponible)?,
        })
    }

    fn order(&self) -> Result<&'static str, Ending> {
        match self.sort.as_str() {
            "" => Ok(""),
            "titre" => Ok("title"),
            "-titre" => Ok("title desc"),
            "auteur" => Ok("author"),
            "-auteur" => Ok("author desc"),
            "anneePublication" => Ok("publication_year"),
            "-anneePublication" => Ok("publication_year desc"),
            _ => Err(bad(BAD_SORT).into()),
        }
    }
}

/// Operation 12.
pub async fn list(State(gateway): State<Shared>, uri: Uri) -> Answer {
    let page = Page::of(&uri)?;
    let wanted: Wanted = parameters(&uri)?;
    let (filter, order_by) = (Some(wanted.filter()?), wanted.order()?.to_owned());
    let with_facets = yes_or_no("facettes", &wanted.facettes)?;
    let counted = pb::CountBooksRequest { query: wanted.q.clone(), filter: filter.clone() };
    let listed = pb::ListBooksRequest {
        page_size: page.limit(),
        page_token: page.after(),
        skip: page.skip(),
        query: wanted.q,
        filter,
        order_by,
    };

    let mut counts = gateway.catalog();
    let facets = async {
        match with_facets {
            true => counts.count_books(counted).await.map(|counts| Some(counts.into_inner().into())),
            false => Ok(None),
        }
    };
    let (found, facettes) = tokio::try_join!(with_numbers(&gateway, listed), facets)?;

    let livres = found.books.into_iter().map(Livre::from).collect();
    let answer = say(StatusCode::OK, "Books found successfully!", All { livres, facettes });
    let extent =
        Extent { total: found.total_size, is_least: found.total_size_is_least, next: Some(found.next_page_token) };
    Ok(page.describe(answer, &uri, &extent))
}

/// A page of books, as many of each as there are now.
async fn with_numbers(gateway: &Shared, listed: pb::ListBooksRequest) -> Result<pb::ListBooksResponse, Status> {
    let found = gateway.catalog().list_books(listed).await?.into_inner();
    let books = now(gateway, found.books, found.copies_are_current).await;
    Ok(pb::ListBooksResponse { books, ..found })
}

/// Operation 13.
pub async fn get(State(gateway): State<Shared>, id: RawId) -> Answer {
    let book_id = id_of(id, "book")?;

    let found = gateway.catalog().get_book(pb::GetBookRequest { book_id }).await?.into_inner();
    let book = now(&gateway, found.book.into_iter().collect(), found.copies_are_current).await.pop();

    Ok(shown(StatusCode::OK, "Book found successfully!", book))
}

/// Operation 14.
pub async fn create(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    once: Once,
    fields: Fields,
) -> Answer {
    let (book, _, mut misfits) = read(&fields);
    for name in REQUIRED {
        let is_missing = match fields.get(name) {
            Field::Absent | Field::Null => true,
            Field::Text(text) => name != "isbn" && text.trim().is_empty(),
            Field::Other(_) => false,
        };
        if is_missing {
            misfits.retain(|(misfit, _)| *misfit != name);
            misfits.push((name, "is required".to_owned()));
        }
    }
    let validate_only = !misfits.is_empty();
    let request = pb::CreateBookRequest { book: Some(book), validate_only, request_id: once.request_id };

    let made = gateway.catalog_for(&caller).create_book(request).await;
    let made = judge(made, misfits)?;

    Ok(shown(StatusCode::CREATED, "Book created successfully!", made.into_inner().book))
}

/// Operation 15.
pub async fn update(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    id: RawId,
    headers: HeaderMap,
    fields: Fields,
) -> Answer {
    let id = id_of(id, "book")?;
    let (book, paths, misfits) = read(&fields);
    let etag = precondition::wanted(&headers, etag(&gateway, &id)).await?;
    let request = pb::UpdateBookRequest {
        book: Some(pb::Book { id, etag, ..book }),
        update_mask: Some(FieldMask { paths }),
        validate_only: !misfits.is_empty(),
    };

    let changed = gateway.catalog_for(&caller).update_book(request).await;
    let book = judge(changed, misfits)?.into_inner().book.unwrap_or_default();
    let book = Numbers::of(&gateway, vec![book.id.clone()]).await.onto(book);

    Ok(shown(StatusCode::OK, "Book updated successfully!", Some(book)))
}

/// Operation 16.
pub async fn delete(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    id: RawId,
    headers: HeaderMap,
) -> Answer {
    let book_id = id_of(id, "book")?;
    let etag = precondition::wanted(&headers, etag(&gateway, &book_id)).await?;

    let deleted = gateway.catalog_for(&caller).delete_book(pb::DeleteBookRequest { book_id, etag }).await?;

    let livre = deleted.into_inner().book.unwrap_or_default().into();
    Ok(say(StatusCode::OK, "Book deleted successfully!", One { livre }))
}

async fn etag(gateway: &Shared, book_id: &str) -> Result<String, Ending> {
    let request = pb::GetBookRequest { book_id: book_id.to_owned() };
    Ok(gateway.catalog().get_book(request).await?.into_inner().book.unwrap_or_default().etag)
}

fn shown(status: StatusCode, message: &str, book: Option<pb::Book>) -> axum::response::Response {
    let book = book.unwrap_or_default();
    let etag = book.etag.clone();
    tagged(say(status, message, One { livre: book.into() }), &etag)
}

/// A body as a book, the names of the fields that it sets, and what does not fit at first sight.
fn read(fields: &Fields) -> (pb::Book, Vec<String>, Vec<Misfit<'_>>) {
    let (mut book, mut paths, mut misfits) = (pb::Book::default(), Vec::new(), Vec::new());
    for (name, path, kind) in FIELDS {
        match set(&mut book, path, kind, fields.get(name)) {
            Ok(true) => paths.push(path.to_owned()),
            Ok(false) => (),
            Err(why) => misfits.push((name, why.to_owned())),
        }
    }
    let is_known = |name: &&str| FIELDS.iter().any(|(known, ..)| known == name);
    misfits.extend(fields.names().filter(|name| !is_known(name)).map(|name| (name, "cannot be set".to_owned())));
    (book, paths, misfits)
}

/// Sets a field; answers with whether it was there.
fn set(book: &mut pb::Book, path: &str, kind: Kind, value: Field<'_>) -> Result<bool, &'static str> {
    match (kind, value) {
        (_, Field::Absent) => return Ok(false),
        (Kind::Text | Kind::Optional, Field::Text(text)) => *text_of(book, path) = text.to_owned(),
        (Kind::Optional, Field::Null) => text_of(book, path).clear(),
        (Kind::Year, Field::Null) => book.publication_year = None,
        (Kind::Year, Field::Other(value)) => book.publication_year = Some(whole(value)?),
        (Kind::Whole, Field::Other(value)) => book.available_copies = whole(value)?,
        (Kind::Text | Kind::Optional, _) => return Err("must be a string"),
        (Kind::Whole | Kind::Year, _) => return Err("must be a whole number"),
    }
    Ok(true)
}

fn text_of<'a>(book: &'a mut pb::Book, path: &str) -> &'a mut String {
    match path {
        "isbn" => &mut book.isbn,
        "title" => &mut book.title,
        "author" => &mut book.author,
        "publisher" => &mut book.publisher,
        "language" => &mut book.language,
        "description" => &mut book.description,
        _ => &mut book.category_id,
    }
}

/// A whole number. What is beyond its type is beyond its range too: catalog says which that is.
fn whole(value: &Value) -> Result<i32, &'static str> {
    let number = value.as_i64().or_else(|| value.as_u64().map(|_| i64::MAX)).ok_or("must be a whole number")?;
    Ok(i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX }))
}

/// Catalog's answer; with misfits of ours, which it was asked about but not told of, only what it finds besides them.
fn judge<T>(outcome: Result<T, Status>, misfits: Vec<Misfit<'_>>) -> Result<T, Ending> {
    let status = match outcome {
        Ok(answer) if misfits.is_empty() => return Ok(answer),
        Ok(_) => return Err(unfit(&sorted(misfits, Vec::new())).into()),
        Err(status) => status,
    };
    let metadata = status.get_details_error_info().map(|info| info.metadata).unwrap_or_default();
    match Fault::from(status) {
        Fault::Invalid(theirs) => {
            let theirs = theirs.into_iter().map(|misfit| (misfit.field, misfit.description)).collect();
            Err(unfit(&sorted(misfits, theirs)).into())
        }
        Fault::Refused(Reason::CategoryNotFound) => {
            let theirs = vec![("category_id".to_owned(), "does not exist".to_owned())];
            Err(unfit(&sorted(misfits, theirs)).into())
        }
        Fault::Refused(Reason::IsbnTaken) if misfits.is_empty() => {
            let of = |key| metadata.get(key).map(String::as_str).unwrap_or_default();
            let message = format!("ISBN already exists: \"{}\" ({})!", of("title"), of("book_id"));
            Err(tell(StatusCode::CONFLICT, &message).into())
        }
        Fault::Refused(Reason::IsbnTaken) => Err(unfit(&sorted(misfits, Vec::new())).into()),
        fault => Err(fault.into()),
    }
}

/// All misfits in the order of the fields, each field once, and by its name here.
fn sorted<'a>(ours: Vec<Misfit<'a>>, theirs: Vec<(String, String)>) -> Vec<Misfit<'a>> {
    let place = |name: &str| FIELDS.iter().position(|(known, ..)| *known == name).unwrap_or(FIELDS.len());
    let mut all = ours;
    for (field, why) in theirs {
        let path = field.trim_start_matches("book.");
        let name = FIELDS.iter().find(|(_, known, _)| *known == path).map_or("livre", |(name, ..)| *name);
        if all.iter().all(|(misfit, _)| *misfit != name) {
            all.push((name, why));
        }
    }
    all.sort_by_key(|(name, _)| place(name));
    all
}
