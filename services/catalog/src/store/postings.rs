//! Postings: which books have a word, 65,536 books to a row, as sets that are cut and joined here and not in the database.
//!
//! A row of `posting` holds, for a block of books and a word, three sets of places in that block: the books that have the word
//! in the title, in the author, and elsewhere, as roaring bitmaps in their portable format. Rows of one block lie together, so
//! a batch of new books writes few pages, and a word is found in every block by its key. Rows of beginnings (`^cam`) hold the
//! books of all words that begin so, because a short beginning is that of very many words.

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringBitmap;
use shared::on;
use sqlx::{AssertSqlSafe, FromRow};

use super::{
    Result, Store,
    lists::{Value, bind, places},
};
use crate::domain::words::Words;

/// The most keys or rows in one statement.
pub(super) const ROWS: usize = 200;

/// Behind every word that begins in a certain way.
const LAST: char = char::MAX;

/// What the rows of beginnings begin with; no letter or digit, so no word does.
const BEGINNING: char = '^';

/// The characters of a beginning, or fewer of a shorter word.
const BEGINNING_LENGTH: usize = 3;

/// What a book was found by, and what it is found by now.
pub(super) struct Change {
    /// The book.
    pub number: i64,
    /// Before; nothing for a new book.
    pub old: Words,
    /// After; nothing for one that goes.
    pub new: Words,
}

/// The books of a block that have a word, by where it stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sets {
    pub title: RoaringBitmap,
    pub author: RoaringBitmap,
    pub rest: RoaringBitmap,
}

#[derive(FromRow)]
pub(super) struct PostingRow {
    pub block: i64,
    pub word: String,
    pub title: Vec<u8>,
    pub author: Vec<u8>,
    pub rest: Vec<u8>,
}

/// What changes in a block: by word, the places that go and those that come.
pub(super) type Block = BTreeMap<String, (Sets, Sets)>;

/// The block of a book, and its place in it.
pub(super) const fn position(number: i64) -> (i64, u32) {
    (number >> 16, (number & 0xffff) as u32)
}

/// The book at a place of a block.
pub(super) fn number(block: i64, place: u32) -> i64 {
    (block << 16) + i64::from(place)
}

impl Sets {
    /// Out of a row.
    pub(super) fn of(row: &PostingRow) -> Result<Self> {
        Ok(Self { title: decode(&row.title)?, author: decode(&row.author)?, rest: decode(&row.rest)? })
    }

    /// All the books of both.
    pub(super) fn join(&mut self, other: &Self) {
        self.title |= &other.title;
        self.author |= &other.author;
        self.rest |= &other.rest;
    }

    /// Without the books of another.
    pub(super) fn cut(&mut self, other: &Self) {
        self.title -= &other.title;
        self.author -= &other.author;
        self.rest -= &other.rest;
    }
}

fn decode(bytes: &[u8]) -> Result<RoaringBitmap> {
    if bytes.is_empty() {
        return Ok(RoaringBitmap::new());
    }
    RoaringBitmap::deserialize_from(bytes).map_err(shared::Error::internal)
}

/// A set as it is kept; nothing at all for an empty one.
pub(super) fn encode(set: &RoaringBitmap) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if !set.is_empty() {
        set.serialize_into(&mut bytes).map_err(shared::Error::internal)?;
    }
    Ok(bytes)
}

/// The changes by block and word, both in order, so that whoever writes takes them in the same one.
pub(super) fn by_block(changes: &[Change]) -> BTreeMap<i64, Block> {
    let mut blocks: BTreeMap<i64, Block> = BTreeMap::new();
    for change in changes {
        let (block, place) = position(change.number);
        let block = blocks.entry(block).or_default();
        let (old, new) = (&change.old, &change.new);
        for (old, new, of) in [
            (&old.title, &new.title, Sets::title_mut as fn(&mut Sets) -> &mut RoaringBitmap),
            (&old.author, &new.author, Sets::author_mut),
            (&old.rest, &new.rest, Sets::rest_mut),
        ] {
            let (old, new) = (keys(old), keys(new));
            // A book may change twice in a batch: the last word counts.
            for key in old.difference(&new) {
                let (gone, come) = block.entry(key.clone()).or_default();
                of(come).remove(place);
                of(gone).insert(place);
            }
            for key in new.difference(&old) {
                let (gone, come) = block.entry(key.clone()).or_default();
                of(gone).remove(place);
                of(come).insert(place);
            }
        }
    }
    blocks
}

/// What words are kept under: themselves, and their beginnings.
fn keys(words: &BTreeSet<String>) -> BTreeSet<String> {
    let beginning = |word: &String| [BEGINNING].into_iter().chain(word.chars().take(BEGINNING_LENGTH)).collect();
    words.iter().map(beginning).chain(words.iter().cloned()).collect()
}

impl Sets {
    const fn title_mut(&mut self) -> &mut RoaringBitmap {
        &mut self.title
    }

    const fn author_mut(&mut self) -> &mut RoaringBitmap {
        &mut self.author
    }

    const fn rest_mut(&mut self) -> &mut RoaringBitmap {
        &mut self.rest
    }
}

/// Keeps the changes of books' words, in the transaction that changes the books. Locks each block by updating it: one writer
/// at a time rewrites its rows. To be called once, last, so that nobody who has a block waits for a book.
macro_rules! index {
    ($tx:expr, $db:expr, $changes:expr) => {
        for (block, words) in $crate::store::postings::by_block($changes) {
            sqlx::query(
                "INSERT INTO posting_block (block, version) VALUES ($1, 1)
                 ON CONFLICT (block) DO UPDATE SET version = posting_block.version + 1",
            )
            .bind(block)
            .execute(&mut *$tx)
            .await?;
            let words: Vec<_> = words.into_iter().collect();
            for some in words.chunks($crate::store::postings::ROWS) {
                let sql = $db.in_order($crate::store::postings::of_a_block(some.len()));
                let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(block);
                for (word, _) in some {
                    query = query.bind(word);
                }
                let rows: Vec<$crate::store::postings::PostingRow> = query.fetch_all(&mut *$tx).await?;
                let (kept, emptied) = $crate::store::postings::merge(some, &rows)?;
                if !kept.is_empty() {
                    let sql = $db.in_order($crate::store::postings::upsert(kept.len()));
                    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
                    for row in kept {
                        query = query.bind(block).bind(row.word).bind(row.title).bind(row.author).bind(row.rest);
                    }
                    query.execute(&mut *$tx).await?;
                }
                if !emptied.is_empty() {
                    let sql = $db.in_order($crate::store::postings::deletion(emptied.len()));
                    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(block);
                    for word in emptied {
                        query = query.bind(word);
                    }
                    query.execute(&mut *$tx).await?;
                }
            }
        }
    };
}
pub(super) use index;

/// Reads the rows of so many words of a block.
pub(super) fn of_a_block(words: usize) -> String {
    format!("SELECT block, word, title, author, rest FROM posting WHERE block = $1 AND word IN ({})", places(2, words))
}

/// Takes away the rows of so many words of a block.
pub(super) fn deletion(words: usize) -> String {
    format!("DELETE FROM posting WHERE block = $1 AND word IN ({})", places(2, words))
}

/// Writes so many rows.
pub(super) fn upsert(rows: usize) -> String {
    let values: Vec<String> = (0..rows).map(|row| format!("({})", places(5 * row + 1, 5))).collect();
    format!(
        "INSERT INTO posting (block, word, title, author, rest) VALUES {}
         ON CONFLICT (block, word) DO UPDATE SET title = excluded.title, author = excluded.author, rest = excluded.rest",
        values.join(", ")
    )
}

/// The rows as they are to be kept, and the words that no book of the block has any more.
pub(super) fn merge(words: &[(String, (Sets, Sets))], rows: &[PostingRow]) -> Result<(Vec<PostingRow>, Vec<String>)> {
    let before: BTreeMap<&str, &PostingRow> = rows.iter().map(|row| (row.word.as_str(), row)).collect();
    let (mut kept, mut emptied) = (Vec::with_capacity(words.len()), Vec::new());
    for (word, (gone, come)) in words {
        let mut sets = before.get(word.as_str()).map_or_else(|| Ok(Sets::default()), |row| Sets::of(row))?;
        sets.cut(gone);
        sets.join(come);
        if sets == Sets::default() {
            emptied.push(word.clone());
            continue;
        }
        let (title, author, rest) = (encode(&sets.title)?, encode(&sets.author)?, encode(&sets.rest)?);
        kept.push(PostingRow { block: 0, word: word.clone(), title, author, rest });
    }
    Ok((kept, emptied))
}

impl Store {
    /// The rows of these words in these blocks.
    pub(super) async fn postings(&self, blocks: &[i64], words: &BTreeSet<String>) -> Result<Vec<PostingRow>> {
        if blocks.is_empty() || words.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT block, word, title, author, rest FROM posting WHERE block IN ({}) AND word IN ({})",
            places(1, blocks.len()),
            places(1 + blocks.len(), words.len())
        );
        let values = blocks.iter().map(|block| Value::Number(*block)).chain(words.iter().cloned().map(Value::Text));
        self.posting_rows(sql, values.collect()).await
    }

    /// The rows whose words begin so, in these blocks: of a short beginning the rows of beginnings.
    pub(super) async fn postings_by_prefix(&self, blocks: &[i64], prefix: &str) -> Result<Vec<PostingRow>> {
        if blocks.is_empty() {
            return Ok(Vec::new());
        }
        let is_short = prefix.chars().count() <= BEGINNING_LENGTH;
        let prefix = if is_short { format!("{BEGINNING}{prefix}") } else { prefix.to_owned() };
        let many = blocks.len();
        let sql = format!(
            "SELECT block, word, title, author, rest FROM posting WHERE block IN ({}) AND word >= ${} AND word < ${}",
            places(1, many),
            many + 1,
            many + 2
        );
        let ends = [Value::Text(prefix.clone()), Value::Text(format!("{prefix}{LAST}"))];
        self.posting_rows(sql, blocks.iter().map(|block| Value::Number(*block)).chain(ends).collect()).await
    }

    async fn posting_rows(&self, sql: String, values: Vec<Value>) -> Result<Vec<PostingRow>> {
        let sql = self.db.in_order(sql);
        Ok(on!(&self.db, |db| bind!(sqlx::query_as(AssertSqlSafe(sql)), &values).fetch_all(db).await)?)
    }

    /// The blocks that there are books in, the oldest first.
    pub(super) async fn blocks(&self) -> Result<Vec<i64>> {
        let blocks = on!(&self.db, |db| {
            sqlx::query_scalar("SELECT block FROM posting_block ORDER BY block").fetch_all(db).await
        });
        Ok(blocks?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(title: &[&str]) -> Words {
        Words { title: title.iter().map(ToString::to_string).collect(), ..Words::default() }
    }

    #[test]
    fn of_a_book_that_changes_twice_the_last_words_count() {
        let added = Change { number: 7, old: Words::default(), new: words(&["a", "b"]) };
        let changed = Change { number: 7, old: words(&["a", "b"]), new: words(&["b", "c"]) };
        let block: Vec<_> = by_block(&[added, changed]).remove(&0).unwrap().into_iter().collect();

        let (kept, emptied) = merge(&block, &[]).unwrap();

        assert_eq!(kept.iter().map(|row| row.word.as_str()).collect::<Vec<_>>(), ["^b", "^c", "b", "c"]);
        assert_eq!(emptied, ["^a", "a"]);
    }

    #[test]
    fn a_word_that_no_book_has_any_more_goes() {
        let gone = Change { number: 7, old: words(&["a", "b"]), new: words(&["b"]) };
        let block: Vec<_> = by_block(&[gone]).remove(&0).unwrap().into_iter().collect();
        let title = encode(&RoaringBitmap::from_iter([7])).unwrap();
        let row = PostingRow { block: 0, word: "a".to_owned(), title, author: Vec::new(), rest: Vec::new() };

        let (kept, emptied) = merge(&block, &[row]).unwrap();

        assert!(kept.is_empty());
        assert_eq!(emptied, ["^a", "a"]);
    }

    proptest! {
        #[test]
        fn a_book_has_one_place(wanted in 1..i64::from(u32::MAX)) {
            let (block, place) = position(wanted);

            prop_assert!(place < 1 << 16);
            prop_assert_eq!(number(block, place), wanted);
        }

        #[test]
        fn a_set_reads_back(places: BTreeSet<u16>) {
            let set: RoaringBitmap = places.into_iter().map(u32::from).collect();

            prop_assert_eq!(decode(&encode(&set).unwrap()).unwrap(), set);
        }
    }
}
