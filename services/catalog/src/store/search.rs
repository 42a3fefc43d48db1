//! Search: which books have all words, best first, without looking at more of them than a page needs.
//!
//! Books are ranked by where their words stand: what is called just as was asked, then all words in the title, the last one
//! whole, then by its beginning; then in title and author together; then anywhere; among equals the oldest first. A rank is
//! read block by block and only as far as the page needs; whoever ranked by frequency would have to look at every match.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
};

use roaring::RoaringBitmap;
use shared::on;
use sqlx::AssertSqlSafe;

use super::{
    BookRow, Result, Store, columns,
    lists::{Conditions, Filter, Found, Listing, Value, bind, places},
    postings::{Sets, number, position},
};
use crate::domain::{
    book::Book,
    words::{Query, Question, Words},
};

/// How many blocks are read at first, and counted in any case: 131,072 books.
const COUNTED: usize = 2;

/// How many blocks are read together after that.
const TOGETHER: usize = 16;

/// Numbers of books whose rows are read together.
const CANDIDATES: usize = 500;

/// How well a book fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// It is called just that.
    Called,
    /// All words in the title, the last one whole.
    Title,
    /// All words in the title, the last one by its beginning.
    TitleBegins,
    /// All words in title and author.
    Author,
    /// All words anywhere.
    Anywhere,
}

const RANKS: [Rank; 5] = [Rank::Called, Rank::Title, Rank::TitleBegins, Rank::Author, Rank::Anywhere];

/// A book and its rank, which is also where a page ends.
type Hit = (Rank, i64);

/// What has been read of a block: the sets of the words, and those of all words that begin like the last.
#[derive(Default)]
struct Read {
    whole: HashMap<String, Sets>,
    begins: Option<Sets>,
}

/// A search that goes on from page to page: what it asks for and what it has read.
struct Search<'a> {
    store: &'a Store,
    query: &'a Query,
    blocks: Vec<i64>,
    read: BTreeMap<i64, Read>,
    called: BTreeSet<i64>,
    /// The books of an author, if one is asked for.
    author: Option<Books>,
}

/// Books, by their blocks.
type Books = BTreeMap<i64, RoaringBitmap>;

/// Where the words of a rank may stand.
#[derive(Clone, Copy)]
enum Place {
    Title,
    Author,
    Anywhere,
}

impl Sets {
    fn in_place(&self, place: Place) -> RoaringBitmap {
        match place {
            Place::Title => self.title.clone(),
            Place::Author => &self.title | &self.author,
            Place::Anywhere => &(&self.title | &self.author) | &self.rest,
        }
    }
}

impl Read {
    fn word(&self, word: &str, place: Place) -> RoaringBitmap {
        self.whole.get(word).map(|sets| sets.in_place(place)).unwrap_or_default()
    }

    /// The books that have all the words but the last.
    fn others(&self, query: &Query, place: Place) -> Option<RoaringBitmap> {
        let mut words = query.whole.iter();
        let mut all = self.word(words.next()?, place);
        for word in words {
            all &= self.word(word, place);
        }
        Some(all)
    }

    /// The books that have all the words, the last one by its beginning.
    fn all(&self, query: &Query, place: Place) -> RoaringBitmap {
        let begins = self.begins.as_ref().map(|sets| sets.in_place(place)).unwrap_or_default();
        self.others(query, place).map_or_else(|| begins.clone(), |others| others & &begins)
    }

    /// The books that have all the words as they are.
    fn all_whole(&self, query: &Query, place: Place) -> RoaringBitmap {
        let last = self.word(&query.last, place);
        self.others(query, place).map_or_else(|| last.clone(), |others| others & &last)
    }

    /// The books of a rank, and none of a better one.
    fn of(&self, rank: Rank, query: &Query) -> RoaringBitmap {
        match rank {
            Rank::Called => RoaringBitmap::new(),
            Rank::Title => self.all_whole(query, Place::Title),
            Rank::TitleBegins => self.all(query, Place::Title) - self.all_whole(query, Place::Title),
            Rank::Author => self.all(query, Place::Author) - self.all(query, Place::Title),
            Rank::Anywhere => self.all(query, Place::Anywhere) - self.all(query, Place::Author),
        }
    }
}

impl<'a> Search<'a> {
    async fn new(store: &'a Store, query: &'a Query, filter: &Filter) -> Result<Self> {
        let blocks = store.blocks().await?;
        let author = store.by_author(filter).await?;
        let called = match &query.title_key {
            Some(title_key) => store.called(title_key).await?,
            None => BTreeSet::new(),
        };
        Ok(Self { store, query, blocks, read: BTreeMap::new(), called, author })
    }

    /// The best `many` books behind `after`.
    async fn best(&mut self, after: Option<Hit>, many: usize) -> Result<Vec<Hit>> {
        let mut hits = Vec::new();
        for rank in RANKS.into_iter().filter(|rank| after.is_none_or(|(after, _)| *rank >= after)) {
            let behind = after.filter(|(after, _)| *after == rank).map_or(0, |(_, number)| number);
            if rank == Rank::Called {
                let called = self.called.range((Bound::Excluded(behind), Bound::Unbounded));
                hits.extend(called.filter(|number| self.is_of_author(**number)).map(|number| (rank, *number)));
            } else {
                self.of_rank(rank, behind, many, &mut hits).await?;
            }
            if hits.len() >= many {
                hits.truncate(many);
                break;
            }
        }
        Ok(hits)
    }

    /// Adds the books of a rank behind the book `behind`, until there are `many`.
    async fn of_rank(&mut self, rank: Rank, behind: i64, many: usize, hits: &mut Vec<Hit>) -> Result<()> {
        let (block, _) = position(behind);
        let blocks: Vec<i64> = self.blocks.iter().copied().filter(|of| *of >= block).collect();
        for some in in_steps(&blocks) {
            self.prepare(some, rank).await?;
            for block in some {
                let Some(read) = self.read.get(block) else { continue };
                let found = self.by_author(*block, read.of(rank, self.query));
                let numbers = found.into_iter().map(|place| number(*block, place));
                let new = numbers.filter(|number| *number > behind && !self.called.contains(number));
                hits.extend(new.map(|number| (rank, number)));
                if hits.len() >= many {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn is_of_author(&self, number: i64) -> bool {
        let (block, place) = position(number);
        self.author.as_ref().is_none_or(|author| author.get(&block).is_some_and(|books| books.contains(place)))
    }

    /// Those of the author, if one is asked for.
    fn by_author(&self, block: i64, found: RoaringBitmap) -> RoaringBitmap {
        match &self.author {
            None => found,
            Some(author) => author.get(&block).map(|books| found & books).unwrap_or_default(),
        }
    }

    /// Reads of these blocks what a rank needs.
    async fn prepare(&mut self, blocks: &[i64], rank: Rank) -> Result<()> {
        let unread: Vec<i64> = blocks.iter().copied().filter(|block| !self.read.contains_key(block)).collect();
        let words = self.query.whole.iter().chain([&self.query.last]).cloned().collect();
        for row in self.store.postings(&unread, &words).await? {
            let sets = Sets::of(&row)?;
            self.read.entry(row.block).or_default().whole.insert(row.word, sets);
        }
        for block in unread {
            self.read.entry(block).or_default();
        }
        if rank > Rank::Title {
            self.prepare_beginnings(blocks).await?;
        }
        Ok(())
    }

    /// Many words may begin like the last: they are looked up only where books have all the others.
    async fn prepare_beginnings(&mut self, blocks: &[i64]) -> Result<()> {
        let query = self.query;
        let needs = |read: &Read| {
            let others = read.others(query, Place::Anywhere);
            read.begins.is_none() && others.is_none_or(|others| !others.is_empty())
        };
        let wanted: Vec<i64> = blocks.iter().copied().filter(|block| self.read.get(block).is_some_and(needs)).collect();
        for row in self.store.postings_by_prefix(&wanted, &query.last).await? {
            let sets = Sets::of(&row)?;
            self.read.entry(row.block).or_default().begins.get_or_insert_default().join(&sets);
        }
        for block in wanted {
            self.read.entry(block).or_default().begins.get_or_insert_default();
        }
        Ok(())
    }

    /// How many books there are, or for large catalogues how many at least.
    async fn total(&mut self, is_all: Option<usize>) -> Result<(i64, bool)> {
        if let Some(all) = is_all {
            return Ok((i64::try_from(all).unwrap_or(i64::MAX), false));
        }
        let counted: Vec<i64> = self.blocks.iter().copied().take(COUNTED).collect();
        self.prepare(&counted, Rank::Anywhere).await?;
        let sets = counted.iter().filter_map(|block| Some((*block, self.read.get(block)?)));
        let total: u64 =
            sets.map(|(block, read)| self.by_author(block, read.all(self.query, Place::Anywhere)).len()).sum();
        Ok((i64::try_from(total).unwrap_or(i64::MAX), self.blocks.len() > COUNTED))
    }

    /// All books that have the words, the oldest first.
    async fn numbers(&mut self) -> Result<Vec<i64>> {
        let mut numbers = Vec::new();
        let blocks = self.blocks.clone();
        for some in in_steps(&blocks) {
            self.prepare(some, Rank::Anywhere).await?;
            for block in some {
                // What has been counted is not kept: this may be most of the catalogue.
                let read = self.read.remove(block).unwrap_or_default();
                let all = self.by_author(*block, read.all(self.query, Place::Anywhere));
                numbers.extend(all.into_iter().map(|place| number(*block, place)));
            }
        }
        Ok(numbers)
    }
}

/// First a few blocks, then many at a time.
fn in_steps(blocks: &[i64]) -> impl Iterator<Item = &[i64]> {
    let (first, rest) = blocks.split_at(COUNTED.min(blocks.len()));
    std::iter::once(first).chain(rest.chunks(TOGETHER)).filter(|some| !some.is_empty())
}

impl Store {
    /// The best matches.
    ///
    /// # Errors
    /// When the page's token is of another question.
    pub(super) async fn search(&self, query: &Query, listing: &Listing) -> Result<Found> {
        let page = &listing.page;
        let mut search = Search::new(self, query, &listing.filter).await?;
        let after = parse_position(&page.after)?;
        let conditions = Conditions::of(&listing.filter);
        let skip = usize::try_from(page.skip).unwrap_or(usize::MAX);
        let wanted = usize::try_from(page.skip + page.probe()).unwrap_or(usize::MAX);

        let hits = match conditions.is_empty() {
            true => search.best(after, wanted).await?,
            false => self.best_of(&mut search, after, wanted, &conditions).await?,
        };
        let shown = hits.get(skip..wanted.saturating_sub(1).min(hits.len())).unwrap_or_default();
        let books = self.rows_of(shown).await?.into_iter().map(Book::try_from).collect::<Result<_>>()?;
        let is_all = (after.is_none() && hits.len() < wanted).then_some(hits.len());
        let (counted, total_is_least) = match (conditions.is_empty(), &listing.filter.author) {
            (true, None) => search.total(is_all).await?,
            (true, Some(_)) => (i64::try_from(search.numbers().await?.len()).unwrap_or(i64::MAX), false),
            (false, _) => (self.total(&self.among(&search.numbers().await?, conditions)).await?, false),
        };
        let total = counted.max(i64::try_from(hits.len()).unwrap_or(i64::MAX));
        // From the hits: of the rows, one may be gone since its words were read.
        let mut shown = hits.get(skip..).unwrap_or_default().to_vec();
        let next_page_token = page.close(&mut shown, |(rank, number)| format!("{} {number}", *rank as u8));
        Ok(Found { books, next_page_token, total, total_is_least })
    }

    /// The best `wanted` books that meet the conditions too: candidates are looked at, some at a time.
    async fn best_of(
        &self,
        search: &mut Search<'_>,
        mut after: Option<Hit>,
        wanted: usize,
        conditions: &Conditions,
    ) -> Result<Vec<Hit>> {
        let mut hits = Vec::new();
        loop {
            let candidates = search.best(after, CANDIDATES).await?;
            let fitting = self.fitting(&candidates, conditions).await?;
            hits.extend(candidates.iter().filter(|(_, number)| fitting.contains(number)));
            after = candidates.last().copied();
            if candidates.len() < CANDIDATES || hits.len() >= wanted {
                hits.truncate(wanted);
                return Ok(hits);
            }
        }
    }

    /// Which of these books meet the conditions.
    async fn fitting(&self, hits: &[Hit], conditions: &Conditions) -> Result<BTreeSet<i64>> {
        let numbers: Vec<i64> = hits.iter().map(|(_, number)| *number).collect();
        let conditions = self.among(&numbers, conditions.clone());
        let sql = format!("SELECT b.number FROM book b{}", conditions.clause());
        let found: Vec<i64> =
            on!(&self.db, |db| bind!(sqlx::query_scalar(AssertSqlSafe(sql)), conditions.values()).fetch_all(db).await)?;
        Ok(found.into_iter().collect())
    }

    /// The rows of these books, in their order.
    async fn rows_of(&self, hits: &[Hit]) -> Result<Vec<BookRow>> {
        let mut rows = HashMap::new();
        for some in hits.chunks(CANDIDATES) {
            let places = places(1, some.len());
            let sql = self
                .db
                .in_order(format!(concat!("SELECT ", columns!(), " FROM book b WHERE b.number IN ({})"), places));
            let numbers: Vec<Value> = some.iter().map(|(_, number)| Value::Number(*number)).collect();
            let found: Vec<BookRow> =
                on!(&self.db, |db| bind!(sqlx::query_as(AssertSqlSafe(sql)), &numbers).fetch_all(db).await)?;
            rows.extend(found.into_iter().map(|row| (row.number, row)));
        }
        Ok(hits.iter().filter_map(|(_, number)| rows.remove(number)).collect())
    }

    /// The books that are called just this.
    async fn called(&self, title_key: &str) -> Result<BTreeSet<i64>> {
        let numbers: Vec<i64> = on!(&self.db, |db| {
            sqlx::query_scalar("SELECT number FROM book WHERE title_key = $1").bind(title_key).fetch_all(db).await
        })?;
        Ok(numbers.into_iter().collect())
    }

    /// What the books of a list have to meet.
    pub(super) async fn conditions(&self, question: &Question, filter: &Filter) -> Result<Conditions> {
        let conditions = Conditions::of(filter);
        if let Question::Words(query) = question {
            return Ok(self.among(&Search::new(self, query, filter).await?.numbers().await?, conditions));
        }
        let conditions = match self.by_author(filter).await? {
            None => conditions,
            Some(author) => {
                let numbers = |(block, books): (&i64, &RoaringBitmap)| {
                    books.iter().map(|place| number(*block, place)).collect::<Vec<_>>()
                };
                self.among(&author.iter().flat_map(numbers).collect::<Vec<_>>(), conditions)
            }
        };
        Ok(match question {
            Question::Blank | Question::Words(_) => conditions,
            Question::Wordless => self.among(&[], conditions),
            Question::Isbn(isbn, query) => {
                let mut conditions = conditions;
                conditions.and("b.isbn = ?", [Value::Text(isbn.to_string())]);
                match query {
                    Some(query) => self.checked(conditions, query).await?,
                    None => conditions,
                }
            }
        })
    }

    /// Conditions that only one book can meet, if it has the words as well.
    async fn checked(&self, conditions: Conditions, query: &Query) -> Result<Conditions> {
        let sql = format!(concat!("SELECT ", columns!(), " FROM book b{}"), conditions.clause());
        let row: Option<BookRow> = on!(&self.db, |db| bind!(sqlx::query_as(AssertSqlSafe(sql)), conditions.values())
            .fetch_optional(db)
            .await)?;
        let has_words = row.map(Book::try_from).transpose()?.is_some_and(|book| query.finds(&Words::of(&book)));
        Ok(if has_words { conditions } else { self.among(&[], conditions) })
    }

    /// The books whose author has all the words that a filter asks for; `None` if it asks for none.
    async fn by_author(&self, filter: &Filter) -> Result<Option<Books>> {
        let Some(words) = &filter.author else { return Ok(None) };
        let words: BTreeSet<String> = words.iter().cloned().collect();
        let mut books = Books::new();
        for some in self.blocks().await?.chunks(TOGETHER) {
            let mut sets: BTreeMap<i64, Vec<RoaringBitmap>> = BTreeMap::new();
            for row in self.postings(some, &words).await? {
                sets.entry(row.block).or_default().push(Sets::of(&row)?.author);
            }
            for (block, sets) in sets.into_iter().filter(|(_, sets)| sets.len() == words.len()) {
                books.insert(block, sets.into_iter().reduce(|all, set| all & set).unwrap_or_default());
            }
        }
        Ok(Some(books))
    }

    /// One condition more: to be one of these.
    fn among(&self, numbers: &[i64], mut conditions: Conditions) -> Conditions {
        let list: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        let json = format!("[{}]", list.join(","));
        conditions.and(&format!("b.number IN ({})", self.db.numbers_in_json("?")), [Value::Text(json)]);
        conditions
    }
}

fn parse_position(token: &str) -> Result<Option<Hit>> {
    if token.is_empty() {
        return Ok(None);
    }
    let position = token.split_once(' ').and_then(|(rank, number)| {
        let rank = RANKS.into_iter().find(|known| (*known as u8).to_string() == rank)?;
        Some((rank, number.parse().ok()?))
    });
    match position {
        Some(position) => Ok(Some(position)),
        None => Err(shared::Error::invalid("page_token", "must come from an earlier answer to the same question")),
    }
}
