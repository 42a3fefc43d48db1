//! Ranks: how well a book fits, read block by block and only as far as a page needs.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
};

use roaring::RoaringBitmap;

use super::{
    Result, Store,
    lists::Filter,
    postings::{Sets, number, position},
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

/// What has been read of a block: the sets of the words, and those of all words that begin like the last.
#[derive(Default)]
struct Read {
    whole: HashMap<String, Sets>,
    begins: Option<Sets>,
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
    pub(super) async fn total(&mut self, is_all: Option<usize>) -> Result<(i64, bool)> {
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
    pub(super) async fn numbers(&mut self) -> Result<Vec<i64>> {
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
