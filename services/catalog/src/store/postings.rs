//! Postings: which books have a word, 65,536 books to a block, as sets that are cut and joined here and not in the database.
//!
//! A row of `posting` holds, for a block of books, all words that begin with the same four characters, and for each of them
//! three sets of places in that block: the books that have the word in the title, in the author, and elsewhere. So a word is
//! found in every block by a key, and so are all words that begin alike; and a batch of new books writes few rows, which lie
//! together. A shorter beginning is that of very many words: those of two and three letters have rows of their own (`^ca`, `^cam`)
//! with the books of all of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use roaring::{MultiOps as _, RoaringBitmap};
use shared::on;
use sqlx::{AssertSqlSafe, FromRow};

use super::{
    Result, Store,
    lists::{Value, bind, places},
};
use crate::domain::words::Words;

/// The most keys or rows in one statement.
pub(super) const ROWS: usize = 200;

/// So many blocks are read over two connections at once: whoever asks waits for all of them.
const MANY: usize = 6;

/// The words of a row have so many first characters in common.
const COMMON: usize = 4;

/// Behind every word that begins in a certain way.
const LAST: char = char::MAX;

/// What the rows of beginnings begin with; no letter or digit, so no word does. With it they have their own key.
const BEGINNING: char = '^';

/// The shortest beginnings that have rows. Of one letter there would be few, but large ones, and every new book would change them.
const SHORTEST: usize = 2;

/// The lengths of the beginnings that have rows.
const BEGINNINGS: [usize; 2] = [SHORTEST, COMMON - 1];

/// The places of a block.
const PLACES: usize = 1 << 16;

/// Up to so many places are kept as they are, in two bytes each; more as a roaring bitmap, which is longer than all of them.
const FEW: usize = 32;

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

/// Some of a block's rows, one behind the other; nothing when there are none.
#[derive(FromRow)]
struct PostingRows {
    block: i64,
    words: Option<Vec<u8>>,
}

/// Some of a block's rows, one behind the other: each word says what it is, so it does not matter which row it is from.
#[derive(Default)]
pub(super) struct Rows(Vec<u8>);

/// What the words of a row begin with, and the words.
pub(super) type Row = (String, Vec<u8>);

/// What changes in a row: by word, the places that go and those that come.
pub(super) type Changed = BTreeMap<String, (Sets, Sets)>;

/// What changes in a block, by row.
pub(super) type Block = BTreeMap<String, Changed>;

/// A word in a row and its sets, as they are kept.
struct Entry<'a> {
    word: &'a [u8],
    sets: [&'a [u8]; 3],
}

/// The block of a book, and its place in it.
pub(super) const fn position(number: i64) -> (i64, u32) {
    (number >> 16, (number & 0xffff) as u32)
}

/// The book at a place of a block.
pub(super) fn number(block: i64, place: u32) -> i64 {
    (block << 16) + i64::from(place)
}

impl Sets {
    fn decode([title, author, rest]: [&[u8]; 3]) -> Result<Self> {
        Ok(Self { title: decode(title)?, author: decode(author)?, rest: decode(rest)? })
    }

    /// All the books of both.
    fn join(&mut self, other: &Self) {
        self.title |= &other.title;
        self.author |= &other.author;
        self.rest |= &other.rest;
    }

    /// Without the books of another.
    fn cut(&mut self, other: &Self) {
        self.title -= &other.title;
        self.author -= &other.author;
        self.rest -= &other.rest;
    }
}

impl Rows {
    /// The sets of each of these words; empty ones of a word that no book has. Looks through the rows once.
    pub(super) fn sets<'a>(&self, words: impl Iterator<Item = &'a String>) -> Result<Vec<Sets>> {
        let mut found: Vec<(&[u8], Sets)> = words.map(|word| (word.as_bytes(), Sets::default())).collect();
        for entry in entries(&self.0) {
            let entry = entry?;
            for (_, sets) in found.iter_mut().filter(|(word, _)| *word == entry.word) {
                *sets = Sets::decode(entry.sets)?;
            }
        }
        Ok(found.into_iter().map(|(_, sets)| sets).collect())
    }

    /// The books of all words that begin so.
    pub(super) fn of_beginning(&self, beginning: &str) -> Result<Sets> {
        let mut unions = [Union::default(), Union::default(), Union::default()];
        for entry in entries(&self.0) {
            let entry = entry?;
            if entry.word.starts_with(beginning.as_bytes()) {
                unions.iter_mut().zip(entry.sets).try_for_each(|(union, set)| union.add(set))?;
            }
        }
        let [title, author, rest] = unions.map(Union::finish);
        Ok(Sets { title, author, rest })
    }
}

/// The books of many sets. Most of those are small: they are joined bit by bit, which costs a tenth of joining bitmaps.
#[derive(Default)]
struct Union {
    /// A bit for each place of a block, once there is one.
    bits: Vec<u8>,
    large: Vec<RoaringBitmap>,
}

impl Union {
    /// One more, as it is kept.
    fn add(&mut self, set: &[u8]) -> Result<()> {
        let Some(places) = few(set) else {
            self.large.push(decode(set)?);
            return Ok(());
        };
        for place in places {
            self.bits.resize(PLACES / 8, 0);
            if let Some(bits) = self.bits.get_mut(usize::from(place / 8)) {
                *bits |= 1 << (place % 8);
            }
        }
        Ok(())
    }

    fn finish(self) -> RoaringBitmap {
        let small = RoaringBitmap::from_lsb0_bytes(0, &self.bits);
        self.large.into_iter().chain([small]).union()
    }
}

/// Whether the words that begin so stand in one row, like the one that is just that.
pub(super) fn is_long(beginning: &str) -> bool {
    beginning.chars().count() >= COMMON
}

/// Where a word stands.
fn row_of(word: &str) -> String {
    word.chars().take(COMMON).collect()
}

/// The words of a row, each followed by its three sets, each of the four preceded by its length.
fn entries(mut row: &[u8]) -> impl Iterator<Item = Result<Entry<'_>>> {
    std::iter::from_fn(move || {
        let is_end = row.is_empty();
        (!is_end)
            .then(|| Ok(Entry { word: part(&mut row)?, sets: [part(&mut row)?, part(&mut row)?, part(&mut row)?] }))
    })
}

/// Takes what its length precedes.
fn part<'a>(row: &mut &'a [u8]) -> Result<&'a [u8]> {
    let parts =
        row.split_first_chunk().and_then(|(length, rest)| rest.split_at_checked(u16::from_le_bytes(*length).into()));
    let Some((part, rest)) = parts else {
        // Or `entries` would go on for ever.
        *row = &[];
        return Err(shared::Error::internal("a row of postings ends too soon"));
    };
    *row = rest;
    Ok(part)
}

fn push(row: &mut Vec<u8>, part: &[u8]) -> Result<()> {
    row.extend(u16::try_from(part.len()).map_err(shared::Error::internal)?.to_le_bytes());
    row.extend(part);
    Ok(())
}

fn decode(set: &[u8]) -> Result<RoaringBitmap> {
    match few(set) {
        Some(places) => RoaringBitmap::from_sorted_iter(places.map(u32::from)).map_err(shared::Error::internal),
        None => RoaringBitmap::deserialize_from(set).map_err(shared::Error::internal),
    }
}

/// The places of a set that is kept as they are.
fn few(set: &[u8]) -> Option<impl Iterator<Item = u16>> {
    let (places, _) = set.as_chunks();
    (set.len() <= 2 * FEW).then(|| places.iter().map(|place| u16::from_le_bytes(*place)))
}

/// A set as it is kept.
fn encode(set: &RoaringBitmap) -> Result<Vec<u8>> {
    if set.len() <= FEW as u64 {
        return Ok(set.iter().flat_map(|place| (place as u16).to_le_bytes()).collect());
    }
    let mut bytes = Vec::with_capacity(set.serialized_size());
    set.serialize_into(&mut bytes).map_err(shared::Error::internal)?;
    Ok(bytes)
}

/// The changes by block and row, both in order, so that whoever writes takes them in the same one.
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
                let (gone, come) = block.entry(row_of(key)).or_default().entry(key.clone()).or_default();
                of(come).remove(place);
                of(gone).insert(place);
            }
            for key in new.difference(&old) {
                let (gone, come) = block.entry(row_of(key)).or_default().entry(key.clone()).or_default();
                of(gone).remove(place);
                of(come).insert(place);
            }
        }
    }
    blocks
}

/// What words are kept under: themselves, and their beginnings.
fn keys(words: &BTreeSet<String>) -> BTreeSet<String> {
    let beginnings =
        |word: &String| BEGINNINGS.map(|length| [BEGINNING].into_iter().chain(word.chars().take(length)).collect());
    words.iter().flat_map(beginnings).chain(words.iter().cloned()).collect()
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
        for (block, rows) in $crate::store::postings::by_block($changes) {
            sqlx::query(
                "INSERT INTO posting_block (block, version) VALUES ($1, 1)
                 ON CONFLICT (block) DO UPDATE SET version = posting_block.version + 1",
            )
            .bind(block)
            .execute(&mut *$tx)
            .await?;
            let rows: Vec<_> = rows.into_iter().collect();
            for some in rows.chunks($crate::store::postings::ROWS) {
                let sql = $db.in_order($crate::store::postings::of_a_block(some.len()));
                let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(block);
                for (beginning, _) in some {
                    query = query.bind(beginning);
                }
                let before: Vec<(String, Option<Vec<u8>>)> = query.fetch_all(&mut *$tx).await?;
                let (kept, emptied) = $crate::store::postings::merge(some, before)?;
                if !kept.is_empty() {
                    let sql = $db.in_order($crate::store::postings::upsert(kept.len()));
                    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
                    for (beginning, words) in kept {
                        query = query.bind(block).bind(beginning).bind(words);
                    }
                    query.execute(&mut *$tx).await?;
                }
                for (beginning, _) in emptied {
                    sqlx::query("DELETE FROM posting WHERE block = $1 AND beginning = $2")
                        .bind(block)
                        .bind(beginning)
                        .execute(&mut *$tx)
                        .await?;
                }
            }
        }
    };
}
pub(super) use index;

/// Reads so many rows of a block. Each by its whole key: of a condition on the block and another on the beginnings PostgreSQL
/// looks up the first alone, and reads all of a block, as long as it does not know how large blocks are. It never knows that
/// of a new one.
pub(super) fn of_a_block(rows: usize) -> String {
    format!(
        "SELECT b.column1, (SELECT p.words FROM posting p WHERE p.block = $1 AND p.beginning = b.column1)
         FROM (VALUES {}) AS b",
        tuples(2, rows, 1)
    )
}

/// Writes so many rows.
pub(super) fn upsert(rows: usize) -> String {
    format!(
        "INSERT INTO posting (block, beginning, words) VALUES {}
         ON CONFLICT (block, beginning) DO UPDATE SET words = excluded.words",
        tuples(1, rows, 3)
    )
}

/// `($first, …), …`: so many tuples of so many parameters.
fn tuples(first: usize, many: usize, columns: usize) -> String {
    (0..many).map(|at| format!("({})", places(first + columns * at, columns))).collect::<Vec<_>>().join(", ")
}

/// The rows as they are to be kept, and those that are empty now, whose words no book of the block has any more.
pub(super) fn merge(
    changes: &[(String, Changed)],
    before: Vec<(String, Option<Vec<u8>>)>,
) -> Result<(Vec<Row>, Vec<Row>)> {
    let before: HashMap<String, Option<Vec<u8>>> = before.into_iter().collect();
    let mut rows = Vec::with_capacity(changes.len());
    for (beginning, changed) in changes {
        let before = before.get(beginning).and_then(Option::as_deref).unwrap_or_default();
        rows.push((beginning.clone(), merge_row(before, changed)?));
    }
    Ok(rows.into_iter().partition(|(_, words)| !words.is_empty()))
}

/// Words that do not change are copied as they are: they are most of a row.
fn merge_row(before: &[u8], changed: &Changed) -> Result<Vec<u8>> {
    let mut row = Vec::with_capacity(before.len() + 64);
    let mut changed: BTreeMap<&[u8], &(Sets, Sets)> =
        changed.iter().map(|(word, change)| (word.as_bytes(), change)).collect();
    for entry in entries(before) {
        let entry = entry?;
        match changed.remove(entry.word) {
            Some(change) => push_changed(&mut row, entry.word, Sets::decode(entry.sets)?, change)?,
            None => [entry.word].into_iter().chain(entry.sets).try_for_each(|part| push(&mut row, part))?,
        }
    }
    for (word, change) in changed {
        push_changed(&mut row, word, Sets::default(), change)?;
    }
    Ok(row)
}

/// Nothing of a word that no book has any more.
fn push_changed(row: &mut Vec<u8>, word: &[u8], mut sets: Sets, (gone, come): &(Sets, Sets)) -> Result<()> {
    sets.cut(gone);
    sets.join(come);
    if sets == Sets::default() {
        return Ok(());
    }
    push(row, word)?;
    [&sets.title, &sets.author, &sets.rest].into_iter().try_for_each(|set| push(row, &encode(set)?))
}

impl Store {
    /// The rows of these words in these blocks.
    pub(super) async fn postings(
        &self,
        blocks: &[i64],
        words: impl Iterator<Item = &String>,
    ) -> Result<HashMap<i64, Rows>> {
        let beginnings: BTreeSet<String> = words.map(|word| row_of(word)).collect();
        let (some, others) = blocks.split_at(if blocks.len() < MANY { 0 } else { blocks.len() / 2 });
        let halves = tokio::try_join!(self.rows_at(some, &beginnings), self.rows_at(others, &beginnings));
        halves.map(|(some, others)| some.into_iter().chain(others).collect())
    }

    /// The rows of these beginnings in these blocks.
    async fn rows_at(&self, blocks: &[i64], beginnings: &BTreeSet<String>) -> Result<HashMap<i64, Rows>> {
        if blocks.is_empty() || beginnings.is_empty() {
            return Ok(HashMap::new());
        }
        // Each by its whole key: see `of_a_block`. One answer for a block, because each costs a change of threads.
        let sql = format!(
            "SELECT a.column1 AS block, (
                 SELECT {} FROM (
                     SELECT (SELECT p.words FROM posting p WHERE p.block = a.column1 AND p.beginning = b.column1) AS words
                     FROM (VALUES {}) AS b
                 ) AS r
             ) AS words FROM (VALUES {}) AS a",
            self.db.joined_bytes("r.words"),
            tuples(1, beginnings.len(), 1),
            tuples(1 + beginnings.len(), blocks.len(), 1)
        );
        let blocks = blocks.iter().map(|block| Value::Number(*block));
        self.posting_rows(sql, beginnings.iter().cloned().map(Value::Text).chain(blocks).collect()).await
    }

    /// The books that have words with this short beginning, in these blocks.
    pub(super) async fn postings_by_beginning(&self, blocks: &[i64], beginning: &str) -> Result<HashMap<i64, Sets>> {
        let beginning = format!("{BEGINNING}{beginning}");
        let rows = match beginning.chars().count() <= SHORTEST {
            true => self.rows_of_beginnings(blocks, &beginning).await?,
            false => self.postings(blocks, [&beginning].into_iter()).await?,
        };
        rows.into_iter().map(|(block, rows)| Ok((block, rows.of_beginning(&beginning)?))).collect()
    }

    /// Those of the shortest beginnings that begin so.
    async fn rows_of_beginnings(&self, blocks: &[i64], beginning: &str) -> Result<HashMap<i64, Rows>> {
        if blocks.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = format!(
            "SELECT block, {} AS words FROM posting WHERE beginning >= $1 AND beginning < $2 AND length(beginning) <= $3
                 AND block IN ({}) GROUP BY block",
            self.db.joined_bytes("words"),
            places(4, blocks.len())
        );
        let length = i64::try_from(1 + SHORTEST).unwrap_or_default();
        let ends =
            [Value::Text(beginning.to_owned()), Value::Text(format!("{beginning}{LAST}")), Value::Number(length)];
        self.posting_rows(sql, ends.into_iter().chain(blocks.iter().map(|block| Value::Number(*block))).collect()).await
    }

    async fn posting_rows(&self, sql: String, values: Vec<Value>) -> Result<HashMap<i64, Rows>> {
        let sql = self.db.in_order(sql);
        let rows: Vec<PostingRows> =
            on!(&self.db, |db| bind!(sqlx::query_as(AssertSqlSafe(sql)), &values).fetch_all(db).await)?;
        Ok(rows.into_iter().filter_map(|row| Some((row.block, Rows(row.words?)))).collect())
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

    fn names(rows: &[Row]) -> Vec<&str> {
        rows.iter().map(|(beginning, _)| beginning.as_str()).collect()
    }

    fn all(places: &[u32]) -> Sets {
        let set = RoaringBitmap::from_iter(places);
        Sets { title: set.clone(), author: set.clone(), rest: set }
    }

    #[test]
    fn of_a_book_that_changes_twice_the_last_words_count() {
        let added = Change { number: 7, old: Words::default(), new: words(&["a", "b"]) };
        let changed = Change { number: 7, old: words(&["a", "b"]), new: words(&["b", "c"]) };
        let block: Vec<_> = by_block(&[added, changed]).remove(&0).unwrap().into_iter().collect();

        let (kept, emptied) = merge(&block, Vec::new()).unwrap();

        assert_eq!(names(&kept), ["^b", "^c", "b", "c"]);
        assert_eq!(names(&emptied), ["^a", "a"]);
    }

    #[test]
    fn a_word_that_no_book_has_any_more_goes_and_its_neighbours_stay() {
        let added = Change { number: 7, old: Words::default(), new: words(&["merci", "mercure", "mer"]) };
        let block: Vec<_> = by_block(&[added]).remove(&0).unwrap().into_iter().collect();
        let (kept, _) = merge(&block, Vec::new()).unwrap();
        let gone = Change { number: 7, old: words(&["merci", "mercure", "mer"]), new: words(&["mercure"]) };
        let block: Vec<_> = by_block(&[gone]).remove(&0).unwrap().into_iter().collect();

        let before = kept.into_iter().map(|(beginning, row)| (beginning, Some(row))).collect();
        let (kept, emptied) = merge(&block, before).unwrap();

        let rows = Rows(kept.iter().flat_map(|(_, row)| row.clone()).collect());
        let found = rows.sets(["merci", "mercure"].map(str::to_owned).iter()).unwrap();
        assert_eq!(found[0], Sets::default());
        assert_eq!(found[1].title, RoaringBitmap::from_iter([7]));
        assert_eq!(names(&kept), ["merc"]);
        assert_eq!(names(&emptied), ["mer"]);
    }

    #[test]
    fn a_row_that_is_cut_off_is_an_error() {
        let row = merge_row(&[], &Changed::from([("mer".to_owned(), (Sets::default(), all(&[7])))])).unwrap();

        let cut = row.get(..row.len() - 1).unwrap().to_vec();

        assert_eq!(Rows(row).of_beginning("m").unwrap(), all(&[7]));
        assert!(Rows(cut).of_beginning("m").is_err());
    }

    proptest! {
        #[test]
        fn a_book_has_one_place(wanted in 1..i64::from(u32::MAX)) {
            let (block, place) = position(wanted);

            prop_assert!(place < 1 << 16);
            prop_assert_eq!(number(block, place), wanted);
        }

        #[test]
        fn many_sets_are_joined(sets in proptest::collection::vec(proptest::collection::btree_set(0..500_u32, 0..80), 0..8)) {
            let sets: Vec<RoaringBitmap> = sets.into_iter().map(RoaringBitmap::from_iter).collect();
            let mut union = Union::default();
            for set in &sets {
                union.add(&encode(set).unwrap()).unwrap();
            }

            prop_assert_eq!(union.finish(), sets.union());
        }

        #[test]
        fn a_set_reads_back(places: BTreeSet<u16>) {
            let set: RoaringBitmap = places.into_iter().map(u32::from).collect();

            prop_assert_eq!(decode(&encode(&set).unwrap()).unwrap(), set);
        }
    }
}
