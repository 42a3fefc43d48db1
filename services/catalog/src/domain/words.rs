//! Words: what a book is found by, and what is asked for.

use std::collections::BTreeSet;

use super::{
    book::Book,
    fold::{KEY, fold},
    isbn::Isbn,
};

/// Of longer words only so many characters count: within what an index takes, and no language's words are longer.
const LONGEST_WORD: usize = 40;

/// The longest question, in characters.
const LONGEST_QUERY: usize = 500;

/// The most words of a question.
const MOST_WORDS: usize = 32;

/// The words of a book by where they stand, folded. A word of the title or the author is not repeated in `rest`. The ISBN is
/// not among them: books are found by it in their own table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// In the title.
    pub title: BTreeSet<String>,
    /// In the author.
    pub author: BTreeSet<String>,
    /// In publisher and description.
    pub rest: BTreeSet<String>,
}

impl Words {
    /// What a book is found by.
    pub fn of(book: &Book) -> Self {
        let title: BTreeSet<String> = words(book.title.as_str()).collect();
        let author: BTreeSet<String> = words(book.author.as_str()).collect();
        let rest = words(book.publisher.as_str()).chain(words(book.description.as_str()));
        let rest = rest.filter(|word| !title.contains(word) && !author.contains(word)).collect();
        Self { title, author, rest }
    }
}

/// What is asked for: all of these words in any order, the last one by its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The words that are asked for as they are.
    pub whole: Vec<String>,
    /// The last word, which may go on.
    pub last: String,
    /// The question as a title would be kept, for the book that is called just that; `None` if no title is so long.
    pub title_key: Option<String>,
}

impl Query {
    /// Whether these are words of a book.
    pub fn finds(&self, words: &Words) -> bool {
        let mut all = words.title.iter().chain(&words.author).chain(&words.rest);
        let has =
            |word: &String| [&words.title, &words.author, &words.rest].into_iter().any(|place| place.contains(word));
        self.whole.iter().all(has) && all.any(|word| word.starts_with(&self.last))
    }
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Nothing is asked for: all books.
    Blank,
    /// Something is asked for that has neither letter nor digit: no book.
    Wordless,
    /// Words.
    Words(Query),
    /// The book with this ISBN, if it has these words as well.
    Isbn(Isbn, Option<Query>),
}

impl Question {
    /// Reads what somebody typed. All of it is text, none of it is syntax. An ISBN is one word, however it is written.
    ///
    /// # Errors
    /// A sentence when it is too long.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::Blank);
        }
        check_length(text)?;
        let (isbns, whole) = asked(text);
        check_words(&whole)?;
        let query = query(text, whole);
        Ok(match (isbns.as_slice(), query) {
            ([], None) => Self::Wordless,
            ([], Some(query)) => Self::Words(query),
            ([isbn, others @ ..], query) if others.iter().all(|other| other == isbn) => Self::Isbn(*isbn, query),
            // No book has two.
            _ => Self::Wordless,
        })
    }
}

/// Words that are asked for as they are.
///
/// # Errors
/// A sentence when they are too many.
pub fn asked_words(text: &str) -> Result<Vec<String>, String> {
    check_length(text)?;
    let words: Vec<String> = words(text).collect();
    check_words(&words)?;
    Ok(words)
}

fn check_length(text: &str) -> Result<(), String> {
    match text.chars().count() > LONGEST_QUERY {
        true => Err(format!("must have at most {LONGEST_QUERY} characters")),
        false => Ok(()),
    }
}

fn check_words(words: &[String]) -> Result<(), String> {
    if words.len() > MOST_WORDS { Err(format!("must have at most {MOST_WORDS} words")) } else { Ok(()) }
}

/// The ISBNs of a question, and its words.
fn asked(text: &str) -> (Vec<Isbn>, Vec<String>) {
    if let Ok(isbn) = text.parse() {
        return (vec![isbn], Vec::new());
    }
    let (mut isbns, mut rest) = (Vec::new(), Vec::new());
    for part in text.split_whitespace() {
        match part.parse() {
            Ok(isbn) => isbns.push(isbn),
            Err(_) => rest.extend(words(part)),
        }
    }
    (isbns, rest)
}

fn query(text: &str, mut whole: Vec<String>) -> Option<Query> {
    let last = whole.pop()?;
    let mut seen = BTreeSet::new();
    whole.retain(|word| seen.insert(word.clone()));
    let title_key = Some(fold(text)).filter(|title| title.chars().count() < KEY);
    Some(Query { whole, last, title_key })
}

/// The folded words of a text.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    let folded = fold(text);
    let words: Vec<String> = folded.split(' ').map(|word| word.chars().take(LONGEST_WORD).collect()).collect();
    words.into_iter().filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::{Id, Timestamp};

    use super::*;
    use crate::domain::book::Changes;

    fn read(text: &str) -> Vec<String> {
        match Question::parse(text) {
            Ok(Question::Words(query) | Question::Isbn(_, Some(query))) => {
                query.whole.into_iter().chain([query.last]).collect()
            }
            _ => Vec::new(),
        }
    }

    #[test]
    fn an_isbn_is_one_however_it_is_written() {
        let isbn = "9782070360024".parse().unwrap();
        for text in ["2-07-036002-4", "2070360024", "978-2-07-036002-4", " 978 2 07 036002 4", "9782070360024"] {
            assert_eq!(Question::parse(text), Ok(Question::Isbn(isbn, None)), "{text}");
        }
        assert!(matches!(Question::parse("camus 2-07-036002-4"), Ok(Question::Isbn(is, Some(_))) if is == isbn));
        assert_eq!(Question::parse("2070360024 9780804429573"), Ok(Question::Wordless));
        assert_eq!(read("978-2-07"), ["978", "2", "07"]);
    }

    #[test]
    fn a_query_finds_words_in_any_order_and_the_last_by_its_beginning() {
        let set = |text: &str| words(text).collect::<BTreeSet<_>>();
        let of = Words { title: set("L'Étranger"), author: set("Albert Camus"), rest: set("Gallimard") };
        let finds = |text| matches!(Question::parse(text), Ok(Question::Words(query)) if query.finds(&of));

        assert!(finds("camus etran") && finds("gallimard l camus") && finds("GALL"));
        assert!(!finds("etran camus") && !finds("camus la peste"));
    }

    #[test]
    fn a_question_is_text_and_never_syntax() {
        assert_eq!(
            read("\"l'étranger\" OR NOT (camus*) title:x"),
            ["l", "etranger", "or", "not", "camus", "title", "x"]
        );
        assert_eq!(Question::parse(" \t"), Ok(Question::Blank));
        assert_eq!(Question::parse("* - \"\""), Ok(Question::Wordless));
        assert!(Question::parse(&"x".repeat(501)).is_err());
        assert!(Question::parse(&"x ".repeat(40)).is_err());
    }

    #[test]
    fn a_word_stands_where_it_counts_most() {
        let now = Timestamp::from_micros(0);
        let changes = Changes {
            author: "Albert Camus".parse().ok(),
            description: "L'étranger, de Camus".parse().ok(),
            ..Changes::default()
        };
        let book =
            Book::new(Id::new(now, [0; 5]).into(), "L'Étranger".parse().unwrap(), now).change(changes, now).unwrap();
        let set = |words: &[&str]| words.iter().map(ToString::to_string).collect::<BTreeSet<_>>();

        let words = Words::of(&book);

        assert_eq!(words.title, set(&["etranger", "l"]));
        assert_eq!(words.author, set(&["albert", "camus"]));
        assert_eq!(words.rest, set(&["de"]));
    }

    proptest! {
        #[test]
        fn whatever_is_asked_comes_down_to_letters_and_digits(text: String) {
            for word in read(&text) {
                prop_assert!(word.chars().all(char::is_alphanumeric));
                prop_assert!((1..=LONGEST_WORD).contains(&word.chars().count()));
            }
        }
    }
}
