//! Imports and exports: many books at a time.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use shared::{Id, Timestamp, on, tx};
use sqlx::{AssertSqlSafe, FromRow};

use super::{
    BookRow, Result, Store, books, categories, columns,
    lists::{Value, bind, places},
    orders::{foresee, order},
    postings::{ROWS, index},
};
use crate::domain::{
    BookId, CategoryId, Refusal,
    book::{Book, Copies},
    category::{Category, name_key},
    fold::key,
    import::{Draft, Fate, Likeness, OnMatch, Terms},
    order::Kind,
    text::{Name, Remark},
};

/// How long it is remembered that a batch added copies.
const MEMORY: Duration = Duration::from_secs(30 * 24 * 3600);

/// How often a batch is tried when others change the same books meanwhile.
const TRIES: usize = 5;

/// Drafts that are imported together, or not at all.
pub struct Batch {
    /// Names the batch if it adds copies; the same batch again adds none.
    pub request_id: Option<String>,
    /// How they become books.
    pub terms: Terms,
    /// Only what would become of them.
    pub dry_run: bool,
    /// The drafts.
    pub drafts: Vec<Draft>,
    /// When.
    pub now: Timestamp,
}

/// What became of a draft, and the book that it is about.
pub type Outcome = (Fate, Option<BookId>);

/// A book that a draft may be of.
enum Known {
    /// It was there before: its number, and what it is like now.
    Kept(i64, Box<Book>),
    /// An earlier draft of the batch adds it: its place among those that are added.
    Added(usize),
}

/// What a dry run would have added so far.
#[derive(Default)]
pub struct Seen(HashSet<u64>);

/// A book with the name of its category.
#[derive(FromRow)]
struct EntryRow {
    #[sqlx(flatten)]
    book: BookRow,
    category: String,
}

/// Some books in the order in which they came, and where they go on.
pub struct Exported {
    /// The books, with the names of their categories; none at the end.
    pub entries: Vec<(Book, String)>,
    /// Behind the last.
    pub after: i64,
}

/// The books that the drafts are of, by what they are known by.
macro_rules! known {
    ($tx:expr, $db:expr, $drafts:expr) => {{
        let (mut isbns, mut titles) = (Vec::new(), Vec::new());
        for draft in $drafts {
            match Likeness::of_draft(draft) {
                Likeness::Isbn(isbn) => isbns.push(Value::Text(isbn.to_string())),
                // More books have this key than are alike: the map below tells them apart.
                Likeness::Words(..) => titles.push(Value::Text(key(draft.title.as_str()))),
            }
        }
        let mut known: HashMap<Likeness, Known> = HashMap::new();
        let by_isbn = isbns.chunks(ROWS).map(|some| ("b.isbn", some));
        let by_title = titles.chunks(ROWS).map(|some| ("b.isbn IS NULL AND b.title_key", some));
        for (condition, some) in by_isbn.chain(by_title).collect::<Vec<_>>() {
            let sql = format!(
                concat!("SELECT ", columns!(), " FROM book b WHERE {} IN ({}) ORDER BY b.number DESC"),
                condition,
                places(1, some.len())
            );
            let sql = $db.in_order(sql);
            let rows: Vec<BookRow> = bind!(sqlx::query_as(AssertSqlSafe(sql)), some).fetch_all(&mut *$tx).await?;
            for row in rows {
                let (number, book) = (row.number, Book::try_from(row)?);
                known.insert(Likeness::of(&book), Known::Kept(number, Box::new(book)));
            }
        }
        known
    }};
}

/// The categories that the drafts name, by what they are unique by.
macro_rules! named {
    ($tx:expr, $db:expr, $drafts:expr) => {{
        let keys: HashSet<String> = $drafts.iter().filter_map(|draft| draft.category.as_ref().map(name_key)).collect();
        let mut named: HashMap<String, CategoryId> = HashMap::new();
        if !keys.is_empty() {
            let sql = format!("SELECT name_key, id FROM category WHERE name_key IN ({})", places(1, keys.len()));
            let sql = $db.in_order(sql);
            let values: Vec<Value> = keys.into_iter().map(Value::Text).collect();
            let rows: Vec<(String, String)> =
                bind!(sqlx::query_as(AssertSqlSafe(sql)), &values).fetch_all(&mut *$tx).await?;
            for (key, id) in rows {
                named.insert(key, id.parse().map_err(shared::Error::internal)?);
            }
        }
        named
    }};
}

/// A category by its name, made if it is not there.
macro_rules! category {
    ($tx:expr, $named:expr, $name:expr, $batch:expr) => {{
        let name: &Name = $name;
        match $named.get(&name_key(name)) {
            Some(id) => *id,
            None => {
                let id: CategoryId = Id::fresh($batch.now).into();
                if !$batch.dry_run {
                    let description: Remark = name.as_str().parse().map_err(shared::Error::<Refusal>::internal)?;
                    let made = Category::new(id, name.clone(), description, $batch.now);
                    categories::insert!($tx, made);
                }
                $named.insert(name_key(name), id);
                id
            }
        }
    }};
}

impl Store {
    /// Imports a batch.
    ///
    /// # Errors
    /// None that are a draft's: those are in the outcomes, which come in the order of the drafts.
    pub async fn import(&self, batch: &Batch, seen: &mut Seen) -> Result<Vec<Outcome>> {
        let mut tried = 1;
        loop {
            match self.import_once(batch, seen).await {
                Err(shared::Error::Database(cause)) if tried < TRIES && has_changed_meanwhile(&cause) => tried += 1,
                Ok(outcomes) if batch.dry_run => {
                    seen.0.extend(batch.drafts.iter().map(|draft| Likeness::of_draft(draft).digest()));
                    return Ok(outcomes);
                }
                outcome => return outcome,
            }
        }
    }

    async fn import_once(&self, batch: &Batch, seen: &Seen) -> Result<Vec<Outcome>> {
        tx!(&self.db, |tx| {
            if !batch.dry_run {
                // One import at a time: nothing else tells two books apart that have no ISBN.
                sqlx::query(
                    "INSERT INTO import_lock (id, version) VALUES (1, 1)
                     ON CONFLICT (id) DO UPDATE SET version = import_lock.version + 1",
                )
                .execute(&mut *tx)
                .await?;
            }
            if let Some(request_id) = &batch.request_id {
                let known: Option<String> = sqlx::query_scalar(
                    "SELECT request_id FROM import_batch WHERE request_id = $1 AND created_at >= $2",
                )
                .bind(request_id)
                .bind(batch.now - MEMORY)
                .fetch_optional(&mut *tx)
                .await?;
                if known.is_some() {
                    return Ok(batch.drafts.iter().map(|_| (Fate::Skipped("was imported before"), None)).collect());
                }
            }
            if let (Some(request_id), false) = (&batch.request_id, batch.dry_run) {
                sqlx::query("DELETE FROM import_batch WHERE created_at < $1")
                    .bind(batch.now - MEMORY)
                    .execute(&mut *tx)
                    .await?;
                sqlx::query("INSERT INTO import_batch (request_id, created_at) VALUES ($1, $2)")
                    .bind(request_id)
                    .bind(batch.now)
                    .execute(&mut *tx)
                    .await?;
            }
            let mut known = known!(tx, &self.db, &batch.drafts);
            let mut named = named!(tx, &self.db, &batch.drafts);
            let (mut outcomes, mut changes) = (Vec::with_capacity(batch.drafts.len()), Vec::new());
            let mut added: Vec<Book> = Vec::new();
            // Of books that were there: how many copies could be borrowed, and how many shall be.
            let mut ordered: BTreeMap<BookId, (Copies, Copies)> = BTreeMap::new();
            for draft in &batch.drafts {
                let likeness = Likeness::of_draft(draft);
                if batch.dry_run && !known.contains_key(&likeness) && seen.0.contains(&likeness.digest()) {
                    outcomes.push((batch.terms.of_a_double(), None));
                    continue;
                }
                let book = match known.get(&likeness) {
                    Some(Known::Kept(_, book)) => Some(book.as_ref().clone()),
                    Some(Known::Added(place)) => added.get(*place).cloned(),
                    None => None,
                };
                // As needed: a book that stays as it is needs none.
                let category = match &draft.category {
                    Some(name) if book.is_none() || batch.terms.on_match == OnMatch::Update => {
                        Some(category!(tx, named, name, batch))
                    }
                    _ => None,
                };
                let Some(book) = book else {
                    match draft.book(Id::fresh(batch.now).into(), category, batch.terms, batch.now) {
                        Ok(book) => {
                            outcomes.push((Fate::Added, Some(book.id)));
                            known.insert(likeness, Known::Added(added.len()));
                            added.push(book);
                        }
                        Err(misfit) => outcomes.push((Fate::Refused("copies", misfit), None)),
                    }
                    continue;
                };
                let fate = draft.settle(&book, category, batch.terms, batch.now);
                if let (Fate::Updated(after), Some(known)) = (&fate, known.get_mut(&likeness)) {
                    match known {
                        Known::Added(place) => added.splice(*place..=*place, [after.as_ref().clone()]).for_each(drop),
                        Known::Kept(number, kept) => {
                            let after = Book { version: book.version + 1, ..after.as_ref().clone() };
                            if !batch.dry_run {
                                changes.push(books::replace!(tx, *number, &book, &after));
                            }
                            if after.available != book.available {
                                ordered.entry(book.id).or_insert((book.available, book.available)).1 = after.available;
                            }
                            **kept = after;
                        }
                    }
                }
                outcomes.push((fate, Some(book.id)));
            }
            if !batch.dry_run {
                changes.extend(books::insert!(tx, &self.db, &added));
                index!(tx, &self.db, &changes);
                let (kind, ordered) = batch.terms.order(ordered);
                for (book, copies) in &ordered {
                    foresee!(tx, kind, book, copies);
                }
                order!(tx, &self.db, kind, &ordered, batch.now);
                let new: Vec<(BookId, Copies)> = added.iter().map(|book| (book.id, book.available)).collect();
                order!(tx, &self.db, Kind::Add, &new, batch.now);
            }
            outcomes
        })
    }

    /// The next `many` books behind the one with the number `after`.
    pub async fn export(&self, after: i64, many: i64) -> Result<Exported> {
        let rows: Vec<EntryRow> = on!(&self.db, |db| {
            sqlx::query_as(concat!(
                "SELECT ",
                columns!(),
                ", COALESCE(c.name, '') AS category FROM book b LEFT JOIN category c ON c.id = b.category_id
                 WHERE b.number > $1 ORDER BY b.number LIMIT $2"
            ))
            .bind(after)
            .bind(many)
            .fetch_all(db)
            .await
        })?;
        let after = rows.last().map_or(after, |row| row.book.number);
        let entries: Result<Vec<_>> = rows.into_iter().map(|row| Ok((row.book.try_into()?, row.category))).collect();
        Ok(Exported { entries: entries?, after })
    }
}

/// Whether somebody else took an ISBN or a name, changed a book or deleted a category between our reading and our writing.
fn has_changed_meanwhile(cause: &sqlx::Error) -> bool {
    matches!(cause, sqlx::Error::RowNotFound)
        || shared::database::violated_unique(cause).is_some()
        || shared::database::violates_reference(cause)
}
