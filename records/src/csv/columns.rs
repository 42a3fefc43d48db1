//! Which columns of a CSV file hold what: as it was said, or as their headings let guess.

use std::str::FromStr;

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use crate::Error;

/// What a column can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Isbn,
    Title,
    Author,
    Year,
    Publisher,
    Language,
    Description,
    Category,
    Copies,
}

/// The fields with their two names, under which they can be asked for: ours and that of the French API.
const FIELDS: [(Field, &str, &str); 9] = [
    (Field::Isbn, "isbn", "isbn"),
    (Field::Title, "title", "titre"),
    (Field::Author, "author", "auteur"),
    (Field::Year, "year", "anneePublication"),
    (Field::Publisher, "publisher", "editeur"),
    (Field::Language, "language", "langue"),
    (Field::Description, "description", "description"),
    (Field::Category, "category", "categorie"),
    (Field::Copies, "copies", "quantite"),
];

/// What columns are called, in English, French, Spanish, German and Italian, and by Goodreads, LibraryThing, Koha, PMB and
/// Zotero. Case, accents and all but letters and digits do not count. Of several columns the one that stands first here is
/// looked at first; the next ones only if it is empty. (Authors are taken from all.)
const HEADINGS: [(Field, &str); 9] = [
    (Field::Isbn, "isbn 13, ean 13, ean, isbn, isbn 10, isbns, isbn/ean, ean/isbn, isbn/issn, isbn (ou code-barre)"),
    (
        Field::Title,
        "title, book title, full title, title proper, main title, titre, titre propre, titre principal, \
         titre du livre, título, titel, titolo, original title, titre original",
    ),
    (
        Field::Author,
        "author, authors, author(s), book author, primary author, main author, auteur, auteurs, \
         auteur principal, auteur(s) principal(aux), autor, autores, autore, verfasser, creator, creators, \
         additional authors, secondary author, secondary authors, autres auteurs, co-auteurs",
    ),
    (
        Field::Year,
        "year, publication year, year published, year of publication, annee, annee de publication, \
         annee publication, annee d'edition, annee de parution, año, jahr, erscheinungsjahr, anno, \
         copyright date, publication date, date published, pub date, date de publication, date de parution, \
         date d'edition, date, original publication year",
    ),
    (
        Field::Publisher,
        "publisher, publisher name, publisher code, editeur, editeurs, editeur(s), maison d'edition, \
         editorial, verlag, editore",
    ),
    (
        Field::Language,
        "language, languages, language code, lang, langue, langues, langue(s), code langue, idioma, sprache, \
         lingua",
    ),
    (
        Field::Description,
        "description, abstract, abstract note, resume, summary, synopsis, presentation, resumen, \
         beschreibung, notes, note",
    ),
    (
        Field::Category,
        "category, categories, categorie, genre, genres, collection code, rayon, section, subject, subjects, \
         sujet, sujets, theme, categoria, kategorie",
    ),
    (
        Field::Copies,
        "copies, copy count, number of copies, owned copies, quantity, quantite, exemplaires, \
         nombre d'exemplaires, nb exemplaires, nb ex, ejemplares, exemplare, items, item count",
    ),
];

/// That a column holds a field: `title=Name of the book`. Of several for one field, the first that is not empty counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    field: Field,
    column: String,
}

/// The text is not FIELD=COLUMN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be FIELD=COLUMN, where FIELD is isbn, title (titre), author (auteur), year (anneePublication), publisher (editeur), \
     language (langue), description, category (categorie) or copies (quantite)"
)]
pub struct MalformedAssignment;

impl FromStr for Assignment {
    type Err = MalformedAssignment;

    fn from_str(text: &str) -> Result<Self, MalformedAssignment> {
        let (name, column) = text.split_once('=').ok_or(MalformedAssignment)?;
        let name = name.trim();
        let is_called = |ours: &str, french: &str| name.eq_ignore_ascii_case(ours) || name.eq_ignore_ascii_case(french);
        let field = FIELDS.iter().find(|(_, ours, french)| is_called(ours, french)).ok_or(MalformedAssignment)?.0;
        Ok(Self { field, column: column.trim().to_owned() })
    }
}

/// The columns that are read, by their numbers from 0.
#[derive(Default)]
pub struct Columns {
    fields: Vec<(Field, usize)>,
    /// What became of a record, in the report of an import.
    outcome: Option<usize>,
}

impl Columns {
    /// # Errors
    /// [`Error::NoColumn`], [`Error::NoTitle`]
    pub fn new(headings: &[String], assignments: &[Assignment]) -> Result<Self, Error> {
        let columns = || headings.to_vec();
        let mut assigned = Vec::new();
        for Assignment { field, column } in assignments {
            let place =
                find(headings, column).ok_or_else(|| Error::NoColumn { column: column.clone(), columns: columns() })?;
            assigned.push((*field, place));
        }
        let is_open = |field: Field| assigned.iter().all(|(other, _)| *other != field);
        let guessed: Vec<_> = guesses(headings).into_iter().filter(|(field, _)| is_open(*field)).collect();
        let named = |name| headings.iter().position(|heading| heading == name);
        let outcome = named("outcome").filter(|_| named("book_id").is_some());
        let all = Self { fields: assigned.into_iter().chain(guessed).collect(), outcome };
        if all.of(Field::Title).next().is_some() { Ok(all) } else { Err(Error::NoTitle { columns: columns() }) }
    }

    pub fn of(&self, field: Field) -> impl Iterator<Item = usize> {
        self.fields.iter().filter(move |(other, _)| *other == field).map(|(_, column)| *column)
    }

    /// Where the report of an import says what became of a record: of such a file only what was refused is read.
    pub const fn outcome(&self) -> Option<usize> {
        self.outcome
    }

    pub fn is_asked_for(&self, column: usize) -> bool {
        self.outcome == Some(column) || self.fields.iter().any(|(_, other)| *other == column)
    }
}

/// The column that is called `name` exactly, or else nearly.
fn find(headings: &[String], name: &str) -> Option<usize> {
    let exactly = headings.iter().position(|heading| heading == name);
    exactly.or_else(|| headings.iter().position(|heading| folded(heading) == folded(name)))
}

fn guesses(headings: &[String]) -> Vec<(Field, usize)> {
    let folded_headings: Vec<_> = headings.iter().map(|heading| folded(heading)).collect();
    let column = |name: &str| folded_headings.iter().position(|heading| *heading == folded(name));
    let mut guesses = Vec::new();
    for (field, names) in HEADINGS {
        for column in names.split(", ").filter_map(column) {
            // Names that differ in what does not count find the same column twice.
            if !guesses.contains(&(field, column)) {
                guesses.push((field, column));
            }
        }
    }
    guesses
}

/// Lower-case letters and digits, without accents.
fn folded(heading: &str) -> String {
    let characters = heading.nfkd().filter(|character| !is_combining_mark(*character));
    characters.flat_map(char::to_lowercase).filter(|character| character.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(headings: &str, assignments: &[&str]) -> Result<Columns, Error> {
        let headings: Vec<_> = headings.split(',').map(str::to_owned).collect();
        let assignments: Vec<_> = assignments.iter().map(|text| text.parse().unwrap()).collect();
        Columns::new(&headings, &assignments)
    }

    fn places(headings: &str, field: Field) -> Vec<usize> {
        columns(headings, &[]).unwrap().of(field).collect()
    }

    #[test]
    fn headings_are_guessed_whatever_their_case_and_accents() {
        assert_eq!(places("Auteur(s),TITRE,Année de publication", Field::Title), [1]);
        assert_eq!(places("Auteur(s),TITRE,Année de publication", Field::Author), [0]);
        assert_eq!(places("Auteur(s),TITRE,Année de publication", Field::Year), [2]);
        assert_eq!(places("Título,Book-Title", Field::Title), [1, 0]);
        assert_eq!(places("isbn,title,isbn_13", Field::Isbn), [2, 0]);
    }

    #[test]
    fn exports_of_known_programs_are_guessed() {
        let goodreads = "Book Id,Title,Author,Author l-f,Additional Authors,ISBN,ISBN13,My Rating,Average Rating,Publisher,Binding,\
                         Number of Pages,Year Published,Original Publication Year,Date Read,Private Notes,Owned Copies";
        assert_eq!(places(goodreads, Field::Author), [2, 4]);
        assert_eq!(places(goodreads, Field::Isbn), [6, 5]);
        assert_eq!(places(goodreads, Field::Year), [12, 13]);
        assert_eq!(places(goodreads, Field::Copies), [16]);
        let zotero =
            "Key,Item Type,Publication Year,Author,Title,Publication Title,ISBN,Abstract Note,Date,Publisher,Language";
        assert_eq!(places(zotero, Field::Title), [4]);
        assert_eq!(places(zotero, Field::Year), [2, 8]);
        assert_eq!(places(zotero, Field::Description), [7]);
    }

    #[test]
    fn what_was_said_goes_before_guesses() {
        let columns = columns("titre,Nom du livre,auteur", &["title=nom du LIVRE"]).unwrap();

        assert_eq!(columns.of(Field::Title).collect::<Vec<_>>(), [1]);
        assert_eq!(columns.of(Field::Author).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_file_without_the_column_is_refused_with_those_it_has() {
        let error = columns("a,b", &["titre=c"]).err().unwrap().to_string();
        assert_eq!(error, "there is no column \"c\"; the columns are a, b");
        let error = columns("a,b", &[]).err().unwrap().to_string();
        assert!(error.starts_with("no column holds the title"), "{error}");
    }

    #[test]
    fn fields_have_english_and_french_names() {
        for text in ["anneePublication=x", "year = x", "quantite=x", "copies=x", "Titre=x"] {
            assert!(text.parse::<Assignment>().is_ok(), "{text:?}");
        }
        for text in ["", "title", "name=x", "=x"] {
            assert_eq!(text.parse::<Assignment>(), Err(MalformedAssignment), "{text:?}");
        }
    }
}
