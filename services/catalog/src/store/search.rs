//! Search: which books have all words, best first, without looking at more of them than a page needs.
//!
//! Books are ranked by where their words stand: what is called just as was asked, then all words in the title, the last one
//! whole, then by its beginning; then in title and author together; then anywhere; among equals the oldest first. Whoever ranked
//! by frequency would have to look at every match.

use std::collections::{BTreeSet, HashMap};

use roaring::RoaringBitmap;
use shared::on;
use sqlx::AssertSqlSafe;

use super::{
    BookRow, Result, Store, columns,
    lists::{Conditions, Filter, Found, Listing, Value, bind, places},
    postings::number,
    ranks::{Books, Hit, RANKS, Search, TOGETHER},
};
use crate::domain::{
    book::Book,
    words::{Query, Question, Words},
};

/// Numbers of books whose rows are read together.
const CANDIDATES: usize = 500;

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
    pub(super) async fn called(&self, title_key: &str) -> Result<BTreeSet<i64>> {
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
    pub(super) async fn by_author(&self, filter: &Filter) -> Result<Option<Books>> {
        let Some(words) = &filter.author else { return Ok(None) };
        let mut books = Books::new();
        for some in self.blocks().await?.chunks(TOGETHER) {
            for (block, rows) in self.postings(some, words.iter()).await? {
                let sets = rows.sets(words.iter())?.into_iter().map(|sets| sets.author);
                books.insert(block, sets.reduce(|all, set| all & set).unwrap_or_default());
            }
        }
        Ok(Some(books))
    }

    /// One condition more: to be one of these.
    fn among(&self, numbers: &[i64], mut conditions: Conditions) -> Conditions {
        let list: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        let json = format!("[{}]", list.join(","));
        conditions.and(&self.db.is_among("b.number", "?"), [Value::Text(json)]);
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
