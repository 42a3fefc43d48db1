//! Books that nobody wrote, the same in every run: words and names by Zipf's law, valid ISBNs.

use std::collections::HashSet;

use crate::random::{Random, Zipf};

/// What words begin with.
const ONSETS: [&str; 22] = [
    "b", "c", "d", "f", "g", "j", "l", "m", "n", "p", "r", "s", "t", "v", "br", "ch", "cl", "fr", "gr", "pl", "tr",
    "st",
];

/// What their syllables sound like.
const VOWELS: [&str; 11] = ["a", "e", "i", "o", "u", "é", "è", "ai", "eu", "ou", "oi"];

/// What their syllables end with; mostly nothing.
const ENDS: [&str; 9] = ["", "", "", "", "n", "r", "s", "l", "t"];

/// The languages; the first ones are the most frequent.
const LANGUAGES: [&str; 5] = ["Français", "Anglais", "Arabe", "Espagnol", "Allemand"];

/// Where they stand.
const CATEGORIES: [&str; 20] = [
    "Romans",
    "Poésie",
    "Théâtre",
    "Contes",
    "Bandes dessinées",
    "Policiers",
    "Science-fiction",
    "Histoire",
    "Géographie",
    "Biographies",
    "Sciences",
    "Médecine",
    "Informatique",
    "Arts",
    "Musique",
    "Cuisine",
    "Voyages",
    "Philosophie",
    "Droit",
    "Jeunesse",
];

/// A part of all ISBNs that is no multiple of 2 or 5, so that its multiples meet no ISBN twice.
const STRIDE: u64 = 618_033_989;

/// A generated book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book {
    pub isbn: String,
    pub title: String,
    pub author: String,
    pub year: i32,
    pub publisher: String,
    pub language: &'static str,
    pub description: String,
    pub category: &'static str,
}

/// What somebody types into the search, and the ISBN of the book that he has in mind.
#[derive(Clone, Debug)]
pub struct Question {
    /// Words, or an ISBN.
    pub text: String,
    /// Of the book that it is taken from.
    pub isbn: String,
}

/// All the books there could be, by number.
pub struct Books {
    words: Words,
    names: Words,
    publishers: Words,
    languages: Zipf,
}

/// A vocabulary, the most frequent word first.
struct Words {
    words: Vec<String>,
    zipf: Zipf,
}

impl Words {
    /// The more frequent a word, the shorter, as in every language: `short` words have one syllable, twenty times as many two.
    fn new(many: usize, short: usize, random: &mut Random) -> Self {
        let (mut seen, mut words) = (HashSet::new(), Vec::with_capacity(many));
        while words.len() < many {
            let syllables = if words.len() < short {
                1
            } else if words.len() < 21 * short {
                2
            } else {
                3 + random.below(2)
            };
            let word: String = (0..syllables).map(|_| syllable(random)).collect();
            if seen.insert(word.clone()) {
                words.push(word);
            }
        }
        Self { words, zipf: Zipf::new(many) }
    }

    fn some(&self, many: usize, random: &mut Random) -> Vec<&str> {
        (0..many).map(|_| self.words[self.zipf.rank(random)].as_str()).collect()
    }
}

fn syllable(random: &mut Random) -> String {
    [random.one_of(&ONSETS), random.one_of(&VOWELS), random.one_of(&ENDS)].concat()
}

impl Default for Books {
    /// A title has 2 to 6 words of 100,000; an author 2 names of 50,000; a publisher 1 or 2 words of 5,000; every second book
    /// a description of 10 to 25 words.
    fn default() -> Self {
        let mut random = Random::new(1);
        Self {
            words: Words::new(100_000, 100, &mut random),
            names: Words::new(50_000, 0, &mut random),
            publishers: Words::new(5000, 0, &mut random),
            languages: Zipf::new(LANGUAGES.len()),
        }
    }
}

impl Books {
    /// One of them. The numbers up to a thousand million have ISBNs of their own.
    pub fn book(&self, number: u32) -> Book {
        let mut random = Random::new(u64::from(number) << 8);
        let random = &mut random;
        let titled = 2 + random.below(5);
        let published = 1 + random.below(2);
        let described = if random.below(2) == 0 { 0 } else { 10 + random.below(16) };
        Book {
            isbn: isbn(number),
            title: capital(&self.words.some(titled, random).join(" ")),
            author: self.names.some(2, random).into_iter().map(capital).collect::<Vec<_>>().join(" "),
            year: 1900 + i32::try_from(random.below(126)).unwrap_or_default(),
            publisher: capital(&self.publishers.some(published, random).join(" ")),
            language: LANGUAGES[self.languages.rank(random)],
            description: capital(&self.words.some(described, random).join(" ")),
            category: CATEGORIES[number as usize % CATEGORIES.len()],
        }
    }

    /// A question for one of the books below `end`: one to three words of its title and author in any order, every second time
    /// with the last one cut, to no fewer than three letters; every twentieth time its ISBN.
    pub fn question(&self, end: u32, random: &mut Random) -> Question {
        let number = u32::try_from(random.below(end as usize)).unwrap_or_default();
        let Book { isbn, title, author, .. } = self.book(number);
        if random.below(20) == 0 {
            return Question { text: isbn.clone(), isbn };
        }
        let mut words: Vec<&str> = title.split(' ').chain(author.split(' ')).collect();
        let mut asked: Vec<&str> =
            (0..=random.below(3)).map(|_| words.swap_remove(random.below(words.len()))).collect();
        if random.below(2) == 0
            && let Some(last) = asked.last_mut()
        {
            let ends: Vec<usize> = last.char_indices().map(|(end, _)| end).skip(3).collect();
            if !ends.is_empty() {
                *last = &last[..ends[random.below(ends.len())]];
            }
        }
        Question { text: asked.join(" "), isbn }
    }
}

/// With the check digit of ISO 2108.
fn isbn(number: u32) -> String {
    let digits = format!("978{:09}", u64::from(number) * STRIDE % 1_000_000_000);
    let sum: u32 =
        digits.bytes().zip([1, 3].into_iter().cycle()).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_is_the_same_in_every_run_and_no_other() {
        let (books, again) = (Books::default(), Books::default());
        let isbns: HashSet<String> = (0..10_000).map(|number| books.book(number).isbn).collect();

        assert_eq!(books.book(4711), again.book(4711));
        assert_eq!(isbns.len(), 10_000);
    }

    #[test]
    fn isbns_have_their_check_digit() {
        assert_eq!(isbn(0), "9780000000002");
        assert!(isbn(1).starts_with("978618033989"));
    }

    #[test]
    fn a_question_is_made_of_the_words_of_a_book() {
        let (books, mut random) = (Books::default(), Random::new(3));
        let by_isbn: std::collections::HashMap<String, Book> =
            (0..100).map(|number| books.book(number)).map(|book| (book.isbn.clone(), book)).collect();
        for _ in 0..1000 {
            let Question { text, isbn } = books.question(100, &mut random);
            let book = &by_isbn[&isbn];
            let words: Vec<&str> =
                [&book.isbn, &book.title, &book.author].into_iter().flat_map(|of| of.split(' ')).collect();

            for part in text.split(' ') {
                assert!(words.iter().any(|word| word.starts_with(part)), "{text:?} of {book:?}");
            }
            assert!((1..=3).contains(&text.split(' ').count()));
        }
    }
}
