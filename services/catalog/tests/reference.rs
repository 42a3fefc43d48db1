//! Lists of a crowd of books, compared with a reference that looks at every book: the same ones, in the same order, as many,
//! and of the same kinds; also after changes and deletions.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part")]
mod apart;
#[expect(dead_code, reason = "each story uses its part")]
mod shelf;

use std::collections::BTreeMap;

use apart::settled;
use proto::catalog::v1::{self as pb, BookFilter};
use shelf::{Catalog, Dice, batch, category, create, draft, import, list, open, pages, try_delete, update};
use testing::Database;

/// Few, so that they meet, and begin alike.
const WORDS: [&str; 14] =
    ["a", "ab", "abc", "abcd", "b", "ba", "bac", "mer", "merci", "mère", "vent", "ventôse", "ou", "où"];

const LANGUAGES: [&str; 4] = ["", "fr", "FR", "en"];

/// How many books, and how many questions about them.
const MANY: usize = 300;

/// The shelf as the reference knows it, the oldest book first.
#[derive(Clone)]
struct Known {
    book: pb::Book,
}

/// How well a book fits; smaller is better.
type Rank = usize;

/// The words of a text. The vocabulary has two accents, and nothing else that needs folding.
fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(|word| word.replace('è', "e").replace('ô', "o").replace('ù', "u")).collect()
}

fn key(text: &str) -> String {
    words(text).join(" ")
}

impl Known {
    /// The rank of a book for a question, as `catalog.proto` has it; `None` when it does not have all the words.
    fn rank(&self, asked: &[String]) -> Option<Rank> {
        let (last, whole) = asked.split_last()?;
        let (title, author) = (words(&self.book.title), words(&self.book.author));
        let rest = [words(&self.book.publisher), words(&self.book.description)].concat();
        let (title_author, all) = ([title.clone(), author.clone()].concat(), [title.clone(), author, rest].concat());
        let has_others = |place: &[String]| whole.iter().all(|word| place.contains(word));
        let begins = |place: &[String]| place.iter().any(|word| word.starts_with(last.as_str()));
        let ranks = [
            title == asked,
            has_others(&title) && title.contains(last),
            has_others(&title) && begins(&title),
            has_others(&title_author) && begins(&title_author),
            has_others(&all) && begins(&all),
        ];
        ranks.into_iter().position(|fits| fits)
    }

    fn meets(&self, filter: &BookFilter) -> bool {
        let author = words(&self.book.author);
        words(&filter.author).iter().all(|word| author.contains(word))
            && (filter.category_id.is_empty() || filter.category_id == self.book.category_id)
            && (filter.language.is_empty() || filter.language.to_lowercase() == self.book.language.to_lowercase())
            && (!filter.available || self.book.available_copies > 0)
    }
}

/// What a question should find.
fn expected(shelf: &[Known], request: &pb::ListBooksRequest) -> Vec<pb::Book> {
    let asked = words(&request.query);
    let filter = request.filter.clone().unwrap_or_default();
    let mut fit: Vec<(Rank, &Known)> = shelf
        .iter()
        .filter(|known| known.meets(&filter))
        .filter_map(|known| Some((if asked.is_empty() { 0 } else { known.rank(&asked)? }, known)))
        .collect();
    let (column, descending) = match request.order_by.split_once(' ') {
        Some((column, _)) => (column, true),
        None => (request.order_by.as_str(), false),
    };
    match column {
        "" => fit.sort_by_key(|(rank, _)| *rank),
        "title" => fit.sort_by_key(|(_, known)| key(&known.book.title)),
        "author" => fit.sort_by_key(|(_, known)| key(&known.book.author)),
        _ => fit.sort_by_key(|(_, known)| known.book.publication_year.unwrap_or(i32::MIN)),
    }
    if descending {
        // Those that are equal are turned round too: the order is one of column and age.
        fit.reverse();
    }
    fit.into_iter().map(|(_, known)| known.book.clone()).collect()
}

/// How many of these books there are of each value, the values in lower case.
fn counted<'a>(books: &'a [pb::Book], value: impl Fn(&'a pb::Book) -> String) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for value in books.iter().map(value).filter(|value| !value.is_empty()) {
        *counts.entry(value).or_default() += 1;
    }
    counts
}

fn answered(counts: &[pb::count_books_response::Count], value: impl Fn(&str) -> String) -> BTreeMap<String, i64> {
    assert!(counts.is_sorted_by_key(|count| -count.count), "the most frequent come first: {counts:?}");
    counts.iter().map(|count| (value(&count.value), count.count)).collect()
}

/// A book of the vocabulary. The number tells it apart from others for an import.
fn random_book(dice: &mut Dice, shelves: &[String], number: usize) -> pb::Book {
    let title = format!("{} {}", dice.pick(&WORDS), dice.words(&WORDS, 2)).trim().to_owned();
    pb::Book {
        title,
        author: dice.words(&WORDS, 2),
        publisher: dice.words(&WORDS, 1),
        description: dice.words(&WORDS, 3),
        language: (*dice.pick(&LANGUAGES)).to_owned(),
        category_id: dice.pick(shelves).clone(),
        available_copies: i32::try_from(dice.roll(3)).unwrap(),
        publication_year: (!number.is_multiple_of(4)).then(|| i32::try_from(number).unwrap() - 100),
        ..pb::Book::default()
    }
}

/// A question of up to three words, each once, of which the last may be cut.
fn random_request(dice: &mut Dice, shelves: &[String]) -> pb::ListBooksRequest {
    let mut asked: Vec<String> = Vec::new();
    for word in dice.words(&WORDS, 3).split_whitespace() {
        if !asked.iter().any(|other| key(other) == key(word)) {
            asked.push(word.to_owned());
        }
    }
    if let Some(last) = asked.pop() {
        let left = 1 + dice.roll(last.chars().count());
        let cut: String = last.chars().take(left).collect();
        // Cut to a word that is asked for already it would say nothing.
        asked.push(if asked.iter().any(|other| key(other) == key(&cut)) { last } else { cut });
    }
    let mut filter = BookFilter::default();
    match dice.roll(8) {
        0 => filter.author = (*dice.pick(&WORDS)).to_owned(),
        1 => filter.language = (*dice.pick(&LANGUAGES)).to_owned(),
        2 => filter.category_id = dice.pick(shelves).clone(),
        3 => filter.available = true,
        4 => {
            filter.available = true;
            filter.author = dice.words(&WORDS, 2);
        }
        _ => (),
    }
    let orders =
        ["", "", "", "", "title", "title desc", "author", "author desc", "publication_year", "publication_year desc"];
    pb::ListBooksRequest {
        query: asked.join(*dice.pick(&[" ", ", ", "-", "  "])),
        filter: Some(filter),
        order_by: (*dice.pick(&orders)).to_owned(),
        ..pb::ListBooksRequest::default()
    }
}

fn ids(books: &[pb::Book]) -> Vec<&str> {
    books.iter().map(|book| book.id.as_str()).collect()
}

/// Asks many questions, and compares.
async fn compare(catalog: &Catalog, dice: &mut Dice, shelf: &[Known], shelves: &[String]) {
    for _ in 0..MANY {
        let request = random_request(dice, shelves);
        let plain =
            pb::ListBooksRequest { query: words(&request.query.replace([',', '-'], " ")).join(" "), ..request.clone() };
        let expected = expected(shelf, &plain);

        let whole = list(catalog, request.clone()).await;

        let shown = |books: &[pb::Book]| -> Vec<String> {
            books
                .iter()
                .map(|book| format!("{} / {} / {} {}", book.title, book.author, book.publisher, book.description))
                .collect()
        };
        assert_eq!(
            ids(&whole.books),
            ids(&expected),
            "{request:?}\n{:#?}\nbut\n{:#?}",
            shown(&expected),
            shown(&whole.books)
        );
        assert_eq!((whole.total_size, whole.total_size_is_least), (expected.len() as i64, false), "{request:?}");
        assert_eq!(whole.books, expected, "{request:?}");

        let size = (1 + dice.roll(40)).max(expected.len() / 8);
        let request = pb::ListBooksRequest { page_size: i32::try_from(size).unwrap(), ..request };
        let pages = pages(catalog, &request).await;
        let turned: Vec<pb::Book> = pages.iter().flat_map(|page| page.books.clone()).collect();
        assert_eq!(ids(&turned), ids(&expected), "{request:?}");
        assert!(pages.iter().all(|page| page.total_size == expected.len() as i64), "{request:?}");
        assert_eq!(pages.len(), expected.len().div_ceil(size).max(1), "{request:?}");
        let which = dice.roll(pages.len());
        let skip = i32::try_from(which * size).unwrap();
        let skipped = list(catalog, pb::ListBooksRequest { skip, ..request.clone() }).await;
        assert_eq!(
            (ids(&skipped.books), &skipped.next_page_token),
            (ids(&pages[which].books), &pages[which].next_page_token)
        );

        let count = pb::CountBooksRequest { query: request.query.clone(), filter: request.filter.clone() };
        let counts = catalog.clone().count_books(count).await.unwrap().into_inner();
        let languages = counted(&expected, |book| book.language.to_lowercase());
        assert_eq!(answered(&counts.languages, str::to_lowercase), languages, "{request:?}");
        let categories = counted(&expected, |book| book.category_id.clone());
        assert_eq!(answered(&counts.categories, str::to_owned), categories, "{request:?}");
        let authors = counted(&expected, |book| key(&book.author));
        let shown = answered(&counts.authors, key);
        assert!(shown.iter().all(|(author, count)| authors.get(author) == Some(count)), "{request:?}");
        assert_eq!(shown.len(), authors.len().min(100), "{request:?}");
    }
}

testing::on_both! {
    async fn a_crowd_of_books_is_listed_as_the_reference_lists_it(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let mut dice = Dice::new(0x9E37_79B9_7F4A_7C15);
        let names = ["Un", "Deux", "Trois"];
        let mut shelves = vec![String::new()];
        for name in names {
            shelves.push(category(&catalog, name).await);
        }
        let mut shelf = Vec::new();
        let mut drafts = Vec::new();
        for number in 0..MANY {
            let book = random_book(&mut dice, &shelves, number);
            if number < MANY / 2 {
                shelf.push(Known { book: create(&catalog, book).await });
                continue;
            }
            // What imports tell apart: a year of its own, also where the others have none.
            let year = Some(book.publication_year.unwrap_or(i32::try_from(number).unwrap()));
            let named = shelves.iter().position(|shelf| *shelf == book.category_id).filter(|place| *place > 0);
            drafts.push(pb::Draft {
                category: named.map(|place| names[place - 1].to_owned()).unwrap_or_default(),
                copies: Some(book.available_copies),
                ..draft(number as i64, pb::Book { publication_year: year, ..book })
            });
        }
        for some in drafts.chunks(60) {
            for outcome in import(&catalog, batch(pb::OnMatch::Skip, some.to_vec())).await {
                let request = pb::GetBookRequest { book_id: outcome.book_id };
                let book = catalog.clone().get_book(request).await.unwrap().into_inner().book.unwrap();
                shelf.push(Known { book });
            }
        }
        assert_eq!(shelf.len(), MANY);

        compare(&catalog, &mut dice, &shelf, &shelves).await;

        for number in 0..150 {
            let place = dice.roll(shelf.len());
            if number % 3 == 0 {
                let gone = shelf.remove(place);
                try_delete(&catalog, &gone.book.id).await.unwrap();
                continue;
            }
            let new = random_book(&mut dice, &shelves, number);
            let id = shelf[place].book.id.clone();
            let all = ["title", "author", "publisher", "description", "language", "category_id", "available_copies", "publication_year"];
            let mask: Vec<&str> = all.into_iter().filter(|_| dice.roll(2) == 0).collect();
            shelf[place].book = update(&catalog, pb::Book { id, ..new }, &mask).await;
            settled(&db).await;
        }

        compare(&catalog, &mut dice, &shelf, &shelves).await;
    }
}
