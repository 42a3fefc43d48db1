//! Ranks: how well a book fits, read block by block and only as far as a page needs.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use roaring::RoaringBitmap;

use super::{
    Result, Store,
    lists::Filter,
    postings::{Rows, Sets, is_long, number, position},
};
use crate::domain::words::Query;

/// How many blocks are read at first, and counted in any case: 131,072 books.
const COUNTED: usize = 2;

/// How many blocks are read together after that.
pub(super) const TOGETHER: usize = 16;

/// How well a book fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
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

/// The best first.
pub(super) const RANKS: [Rank; 5] = [Rank::Called, Rank::Title, Rank::TitleBegins, Rank::Author, Rank::Anywhere];

/// A book and its rank, which is also where a page ends.
pub(super) type Hit = (Rank, i64);

/// What has been read of a block.
#[derive(Default)]
struct Read {
    /// The sets of the words but for the last.
    others: Vec<Sets>,
    /// The words that begin like the last, if they are in one row.
    begins: Option<Rows>,
    /// The books that have all words in the title, the last one whole.
    title: RoaringBitmap,
    /// Read when they are needed.
    wider: Option<Wider>,
}

/// The books that have all words, the last one by its beginning.
struct Wider {
    title: RoaringBitmap,
    author: RoaringBitmap,
    anywhere: RoaringBitmap,
}

/// A search that goes on from page to page: what it asks for and what it has read.
pub(super) struct Search<'a> {
    store: &'a Store,
    query: &'a Query,
    blocks: Vec<i64>,
    read: BTreeMap<i64, Read>,
    called: BTreeSet<i64>,
    /// The books of an author, if one is asked for.
    author: Option<Books>,
}

/// Books, by their blocks.
pub(super) type Books = BTreeMap<i64, RoaringBitmap>;

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

    /// Those of the books that have it there. Costs what the books cost, where joining its sets would cost what they do.
    fn among(&self, books: &RoaringBitmap, place: Place) -> RoaringBitmap {
        match place {
            Place::Title => books & &self.title,
            Place::Author => (books & &self.title) | (books & &self.author),
            Place::Anywhere => (books & &self.title) | (books & &self.author) | (books & &self.rest),
        }
    }

    fn len(&self) -> u64 {
        self.title.len() + self.author.len() + self.rest.len()
    }
}

/// The books that have all of it there: the rarest first, so that few are left at once. `None` when nothing is asked for.
fn have_all<'a>(sets: impl Iterator<Item = &'a Sets>, place: Place) -> Option<RoaringBitmap> {
    let mut sets: Vec<&Sets> = sets.collect();
    sets.sort_by_key(|sets| sets.len());
    let (rarest, others) = sets.split_first()?;
    Some(others.iter().fold(rarest.in_place(place), |books, sets| sets.among(&books, place)))
}

impl Read {
    fn of(rows: Rows, query: &Query) -> Result<Self> {
        let mut others = rows.sets(query.whole.iter().chain([&query.last]))?;
        let last = others.pop().unwrap_or_default();
        let title = have_all(others.iter().chain([&last]), Place::Title).unwrap_or_default();
        Ok(Self { others, begins: is_long(&query.last).then_some(rows), title, wider: None })
    }

    /// The books of the other words, wherever they stand.
    fn others(&self) -> Option<RoaringBitmap> {
        have_all(self.others.iter(), Place::Anywhere)
    }

    /// With the books of the words that begin like the last.
    fn widen(&mut self, begins: &Sets) {
        let anywhere = match self.others() {
            Some(others) => begins.among(&others, Place::Anywhere),
            None => begins.in_place(Place::Anywhere),
        };
        let among = |books: &RoaringBitmap, place| {
            self.others.iter().fold(begins.among(books, place), |books, sets| sets.among(&books, place))
        };
        let author = among(&anywhere, Place::Author);
        self.wider = Some(Wider { title: among(&author, Place::Title), author, anywhere });
    }

    /// The books of a rank, and none of a better one.
    fn of_rank(&self, rank: Rank) -> RoaringBitmap {
        match (rank, &self.wider) {
            (Rank::Title, _) => self.title.clone(),
            (Rank::TitleBegins, Some(wider)) => &wider.title - &self.title,
            (Rank::Author, Some(wider)) => &wider.author - &wider.title,
            (Rank::Anywhere, Some(wider)) => &wider.anywhere - &wider.author,
            (Rank::Called, _) | (Rank::TitleBegins | Rank::Author | Rank::Anywhere, None) => RoaringBitmap::new(),
        }
    }

    /// The books of all ranks.
    fn all(&self) -> RoaringBitmap {
        self.wider.as_ref().map(|wider| wider.anywhere.clone()).unwrap_or_default()
    }
}

impl<'a> Search<'a> {
    /// With nothing read yet but who the author is.
    pub(super) async fn new(store: &'a Store, query: &'a Query, filter: &Filter) -> Result<Self> {
        let blocks = store.blocks().await?;
        let author = store.by_author(filter).await?;
        let called = match &query.title_key {
            Some(title_key) => store.called(title_key).await?,
            None => BTreeSet::new(),
        };
        Ok(Self { store, query, blocks, read: BTreeMap::new(), called, author })
    }

    /// The best `many` books behind `after`.
    pub(super) async fn best(&mut self, after: Option<Hit>, many: usize) -> Result<Vec<Hit>> {
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
                let found = self.by_author(*block, read.of_rank(rank));
                let numbers = found.into_iter().map(|place| number(*block, place));
                let new = numbers.filter(|number| *number > behind && !self.called.contains(number));
                hits.extend(new.take(many.saturating_sub(hits.len())).map(|number| (rank, number)));
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
        let words = self.query.whole.iter().chain([&self.query.last]);
        let mut rows = self.store.postings(&unread, words).await?;
        for block in unread {
            self.read.insert(block, Read::of(rows.remove(&block).unwrap_or_default(), self.query)?);
        }
        if rank > Rank::Title {
            self.widen(blocks).await?;
        }
        Ok(())
    }

    /// Many words may begin like the last: they are looked at only where books have all the others.
    async fn widen(&mut self, blocks: &[i64]) -> Result<()> {
        let last = &self.query.last;
        let mut elsewhere = Vec::new();
        for block in blocks {
            let Some(read) = self.read.get_mut(block).filter(|read| read.wider.is_none()) else { continue };
            if read.others().is_some_and(|others| others.is_empty()) {
                read.widen(&Sets::default());
            } else if let Some(rows) = read.begins.take() {
                read.widen(&rows.of_beginning(last)?);
            } else {
                elsewhere.push(*block);
            }
        }
        let mut begins = self.store.postings_by_beginning(&elsewhere, last).await?;
        for block in elsewhere {
            if let Some(read) = self.read.get_mut(&block) {
                read.widen(&begins.remove(&block).unwrap_or_default());
            }
        }
        Ok(())
    }

    /// How many books there are, or for large catalogues how many at least.
    pub(super) async fn total(&mut self, is_all: Option<usize>) -> Result<(i64, bool)> {
        if let Some(all) = is_all {
            return Ok((i64::try_from(all).unwrap_or(i64::MAX), false));
        }
        let counted: Vec<i64> = self.blocks.iter().copied().take(COUNTED).collect();
        self.prepare(&counted, Rank::Anywhere).await?;
        let sets = counted.iter().filter_map(|block| Some((*block, self.read.get(block)?)));
        let total: u64 = sets.map(|(block, read)| self.by_author(block, read.all()).len()).sum();
        Ok((i64::try_from(total).unwrap_or(i64::MAX), self.blocks.len() > COUNTED))
    }

    /// All books that have the words, the oldest first.
    pub(super) async fn numbers(&mut self) -> Result<Vec<i64>> {
        let mut numbers = Vec::new();
        let blocks = self.blocks.clone();
        for some in in_steps(&blocks) {
            self.prepare(some, Rank::Anywhere).await?;
            for block in some {
                // What has been counted is not kept: this may be most of the catalogue.
                let read = self.read.remove(block).unwrap_or_default();
                let all = self.by_author(*block, read.all());
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
