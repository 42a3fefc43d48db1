//! Books in and out of files, from the command line: into the suite that runs and into one that does not, whatever the files
//! are like, and however often somebody pulls the plug.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use process::{Ended, Process, Setup, column, eventually};
use tempfile::{TempDir, tempdir};
use testing::Database;
use tokio::time::sleep;

/// How long an import of thousands may take on a busy machine.
const LONG: Duration = Duration::from_secs(150);

/// The report of an import, a row for each record: what stands under each heading.
type Report = Vec<BTreeMap<String, String>>;

/// A place where somebody imports: a directory, and perhaps a suite.
struct Place {
    directory: TempDir,
    database_url: Option<String>,
    catalog: Option<String>,
}

impl Place {
    /// Where nothing runs.
    fn quiet() -> Self {
        Self { directory: tempdir().unwrap(), database_url: None, catalog: None }
    }

    /// Where a suite runs on its embedded databases.
    async fn with_suite() -> (Self, Process) {
        let place = Self::quiet();
        let suite = Setup::suite(&place.directory).start().await;
        (Self { catalog: Some(suite.catalog.clone()), ..place }, suite)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        fs::write(self.directory.path().join(name), bytes).unwrap();
        name.to_owned()
    }

    fn setup(&self, arguments: &[&str]) -> Setup {
        let mut setup = Setup::new(&self.directory, arguments);
        for (name, value) in [("CATALOG_ADDR", &self.catalog), ("CATALOG_DATABASE_URL", &self.database_url)] {
            if let Some(value) = value {
                setup = setup.with(name, value);
            }
        }
        setup
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        self.setup(arguments).spawn().ends(LONG).await
    }

    /// Imports a file that can be imported; answers with the last word on it, and the report.
    async fn import(&self, file: &str, options: &[&str]) -> (String, Report) {
        let ended = self.run(&[&["import", "books", file], options].concat()).await;
        assert!(ended.status.success(), "{file}: {}{}", ended.said, ended.logged);
        let name = format!("{}.report.csv", Path::new(file).file_name().unwrap().to_str().unwrap());
        (ended.said.lines().next().unwrap().to_owned(), report(&self.directory.path().join(name)))
    }

    /// Exports; what comes out.
    async fn export(&self, format: &str) -> String {
        let ended = self.run(&["export", "books", "--format", format]).await;
        assert!(ended.status.success(), "{}", ended.logged);
        ended.said
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Catalog's database.
    fn url(&self) -> String {
        let embedded = || format!("sqlite://{}", self.path("data/catalog.db").display());
        self.database_url.clone().unwrap_or_else(embedded)
    }

    async fn titles(&self) -> BTreeSet<String> {
        column(&self.url(), "SELECT title FROM book").await
    }
}

fn report(file: &Path) -> Report {
    let mut rows = csv::Reader::from_path(file).unwrap();
    let headings = rows.headers().unwrap().clone();
    let row = |row: csv::StringRecord| headings.iter().map(str::to_owned).zip(row.iter().map(str::to_owned)).collect();
    rows.records().map(|record| row(record.unwrap())).collect()
}

/// What stands under a heading, row by row.
fn under<'a>(heading: &str, report: &'a Report) -> Vec<&'a str> {
    report.iter().map(|row| row[heading].as_str()).collect()
}

/// The last digit of an ISBN-13 (ISO 2108).
fn check_13(body: &str) -> u32 {
    let digits = body.chars().map(|digit| digit.to_digit(10).unwrap());
    (10 - digits.zip([1, 3].into_iter().cycle()).map(|(digit, weight)| digit * weight).sum::<u32>() % 10) % 10
}

/// The last character of an ISBN-10 (ISO 2108).
fn check_10(body: &str) -> char {
    let digits = body.chars().map(|digit| digit.to_digit(10).unwrap());
    match (11 - digits.zip((2..=10).rev()).map(|(digit, weight)| digit * weight).sum::<u32>() % 11) % 11 {
        10 => 'X',
        check => char::from_digit(check, 10).unwrap(),
    }
}

/// A record of MARC 21 in ISO 2709, UTF-8, of these fields; data fields with their indicators and `$` before each code.
fn marc(fields: &[(&str, &str)]) -> Vec<u8> {
    let (mut directory, mut data) = (String::new(), Vec::new());
    for (tag, text) in fields {
        let begin = data.len();
        data.extend(text.replace('$', "\u{1f}").into_bytes());
        data.push(0x1e);
        write!(directory, "{tag}{:04}{begin:05}", data.len() - begin).unwrap();
    }
    let base = 24 + directory.len() + 1;
    let length = base + data.len() + 1;
    let leader = format!("{length:05}nam a22{base:05} a 4500");
    [leader.as_bytes(), directory.as_bytes(), &[0x1e], &data, &[0x1d]].concat()
}

/// A record with ISBN, author, title, publisher, year and two copies.
fn marc_book(isbn: &str, author: &str, title: &str) -> Vec<u8> {
    marc(&[
        ("001", "1"),
        ("008", "      s1942    fr            000 0 fre d"),
        ("020", &format!("  $a{isbn} (br.)")),
        ("100", &format!("1 $a{author},")),
        ("245", &format!("10$a{title} /$c{author}.")),
        ("264", " 1$aParis :$bGallimard,$c1942."),
        ("520", "  $aAlger, le soleil."),
        ("655", " 4$aRomans."),
        ("852", "  $a1"),
        ("852", "  $a2"),
    ])
}

/// As many rows, each with an ISBN or without one, and words of its own.
fn crowd(many: usize) -> String {
    let mut file = "isbn,title,author,year,publisher,description,category,copies\n".to_owned();
    for number in 0..many {
        let body = format!("979{number:09}");
        let isbn = if number.is_multiple_of(4) { String::new() } else { format!("{body}{}", check_13(&body)) };
        let words = "Une histoire de mer, de vent et de sable";
        writeln!(
            file,
            "{isbn},Livre {number}x,Auteur {},{},Maison,\"{words}\",Rayon {},2",
            number % 97,
            1900 + number % 100,
            number % 13
        )
        .unwrap();
    }
    file
}

/// Everything of `crowd` is there, once.
async fn is_there_once(place: &Place, many: usize) {
    let url = place.url();
    assert_eq!(process::count(&url, "SELECT COUNT(*) FROM book").await, many as i64);
    assert_eq!(place.titles().await.len(), many);
    assert_eq!(process::count(&url, "SELECT COUNT(*) FROM category").await, 13);
    let copies = "SELECT COUNT(*) FROM book WHERE copies <> 2 OR available <> 2";
    assert_eq!(process::count(&url, copies).await, 0);
}

/// Imports and searches over HTTP; answers with the titles.
async fn searched(suite: &Process, query: &str) -> Vec<String> {
    let path = format!("/api/livres?q={}", query.replace(' ', "%20"));
    let answer = suite.door().get(&path, None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    let books = body["data"]["livres"].as_array().or(body["data"].as_array()).unwrap();
    books.iter().map(|book| book["titre"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_into_a_suite_that_runs_and_into_one_that_does_not() {
    let file = "title,author,isbn,copies\nL'Étranger,Albert Camus,2070360024,3\nDune,Frank Herbert,,\n,Personne,,\n";
    let quiet = Place::quiet();
    let (busy, suite) = Place::with_suite().await;
    for place in [&quiet, &busy] {
        place.file("livres.csv", file);

        let (sum, rows) = place.import("livres.csv", &[]).await;

        assert_eq!(sum, "livres.csv: 3 records: 2 added, 0 updated, 0 skipped, 1 refused.");
        assert_eq!(under("line", &rows), ["2", "3", "4"]);
        assert_eq!(under("outcome", &rows), ["added", "added", "refused"]);
        assert_eq!(under("field", &rows), ["", "", "title"]);
        assert!(!rows[2]["reason"].is_empty() && rows[0]["book_id"].len() == 24);
        assert_eq!(rows[0]["title"], "L'Étranger");
        let (sum, _) = place.import("livres.csv", &["--copies", "5"]).await;
        assert_eq!(sum, "livres.csv: 3 records: 0 added, 0 updated, 2 skipped, 1 refused.");
        assert_eq!(place.titles().await.len(), 2);
    }
    assert_eq!(searched(&suite, "camus").await, ["L'Étranger"]);

    // The quiet one is started on what was put there before.
    let suite = Setup::suite(&quiet.directory).start().await;
    assert_eq!(searched(&suite, "herbert").await, ["Dune"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_can_be_corrected_and_imported_again() {
    let place = Place::quiet();
    place.file("livres.csv", "title,isbn,author\nUn,9782070360025,Camus\nDeux,,Camus\n");
    let (_, rows) = place.import("livres.csv", &[]).await;
    assert_eq!((rows[0]["outcome"].as_str(), rows[0]["field"].as_str()), ("refused", "isbn"));
    assert_eq!((rows[0]["isbn"].as_str(), rows[0]["title"].as_str()), ("9782070360025", "Un"));

    let corrected =
        fs::read_to_string(place.path("livres.csv.report.csv")).unwrap().replace("9782070360025", "9782070360024");
    place.file("corrigé.csv", corrected);
    let (sum, _) = place.import("corrigé.csv", &["--report", "corrigé.csv.report.csv"]).await;

    assert_eq!(sum, "corrigé.csv: 1 records: 1 added, 0 updated, 0 skipped, 0 refused.");
    assert_eq!(column(&place.url(), "SELECT COALESCE(isbn, '-') || title || author FROM book").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_does_not_take_the_place_of_its_file() {
    let place = Place::quiet();
    let file = "title\nUn\n";
    place.file("livres.csv", file);

    for name in ["livres.csv", "./livres.csv"] {
        let ended = place.run(&["import", "books", "livres.csv", "--report", name]).await;
        assert_eq!(ended.status.code(), Some(1), "{}{}", ended.said, ended.logged);
        assert_eq!(fs::read_to_string(place.path("livres.csv")).unwrap(), file);
    }
    let nowhere = place.run(&["import", "books", "livres.csv", "--report", "pas/ici.csv"]).await;
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(nowhere.logged.contains("pas/ici.csv"), "{}", nowhere.logged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_the_same_and_changes_nothing() {
    let place = Place::quiet();
    let rows = "title,isbn,category\nUn,2070360024,Romans\nUn,978-2-07-036002-4,Romans\nDeux,x,\nTrois,,Essais\n";
    place.file("livres.csv", rows);

    let (told, dry) = place.import("livres.csv", &["--dry-run"]).await;

    assert_eq!(told, "livres.csv: 4 records: 2 added, 0 updated, 1 skipped, 1 refused, if this were no dry run.");
    for sql in ["SELECT COUNT(*) FROM book", "SELECT COUNT(*) FROM category", "SELECT COUNT(*) FROM posting"] {
        assert_eq!(process::count(&place.url(), sql).await, 0, "{sql}");
    }
    let (_, real) = place.import("livres.csv", &[]).await;
    assert_eq!(under("outcome", &dry), under("outcome", &real));
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_guessed_in_french_or_named() {
    let place = Place::quiet();
    let french = "Titre;Auteur(s);Année de publication;Éditeur;Langue;Catégorie;Nb ex;ISBN\n\
                  \"L'Étranger ; récit\";Camus, Albert;1942;Gallimard;fre;Romans;2;2-07-036002-4\n\n";
    place.file("français.csv", format!("\u{feff}{}", french.replace('\n', "\r\n")));
    place.file("autre.csv", "Nom du livre\tQui\nLa Peste\tCamus\n");

    let (sum, _) = place.import("français.csv", &[]).await;
    assert_eq!(sum, "français.csv: 1 records: 1 added, 0 updated, 0 skipped, 0 refused.");
    let row = "SELECT title || '|' || publication_year || '|' || publisher || '|' || language || '|' || copies || '|' || isbn FROM book";
    assert_eq!(
        column(&place.url(), row).await,
        BTreeSet::from(["L'Étranger ; récit|1942|Gallimard|fre|2|9782070360024".to_owned()])
    );

    let unnamed = place.run(&["import", "books", "autre.csv"]).await;
    assert_eq!(unnamed.status.code(), Some(1));
    assert!(unnamed.logged.contains("autre.csv") && unnamed.logged.contains("Nom du livre"), "{}", unnamed.logged);
    let wrong = place.run(&["import", "books", "autre.csv", "--map", "titre=Titre du livre"]).await;
    assert!(wrong.logged.contains("Titre du livre") && wrong.logged.contains("Nom du livre"), "{}", wrong.logged);
    let malformed = place.run(&["import", "books", "autre.csv", "--map", "nom=Qui"]).await;
    assert!(!malformed.status.success() && malformed.logged.contains("FIELD=COLUMN"), "{}", malformed.logged);
    place.import("autre.csv", &["--map", "titre=Nom du livre", "--map", "author=qui"]).await;
    assert_eq!(column(&place.url(), "SELECT title || author FROM book WHERE isbn IS NULL").await.len(), 1);
    assert!(place.titles().await.contains("La Peste"));
}

#[tokio::test(flavor = "multi_thread")]
async fn marc_and_marcxml_are_read_for_what_they_are() {
    let (iso, xml) = (Place::quiet(), Place::quiet());
    let records = [
        marc_book("2070360024", "Camus, Albert", "L'étranger"),
        marc_book("9782070360420", "Camus, Albert", "La peste"),
    ];
    iso.file("notices.mrc", records.concat());
    let record = |isbn: &str, title: &str| {
        format!(
            "<record><leader>00000nam a2200000 a 4500</leader>\
             <datafield tag=\"020\" ind1=\" \" ind2=\" \"><subfield code=\"a\">{isbn}</subfield></datafield>\
             <datafield tag=\"100\" ind1=\"1\" ind2=\" \"><subfield code=\"a\">Camus, Albert,</subfield></datafield>\
             <datafield tag=\"245\" ind1=\"1\" ind2=\"0\"><subfield code=\"a\">{title} /</subfield></datafield>\
             <datafield tag=\"264\" ind1=\" \" ind2=\"1\"><subfield code=\"b\">Gallimard,</subfield><subfield code=\"c\">1942.</subfield></datafield>\
             <datafield tag=\"520\" ind1=\" \" ind2=\" \"><subfield code=\"a\">Alger, le soleil.</subfield></datafield>\
             <datafield tag=\"655\" ind1=\" \" ind2=\"4\"><subfield code=\"a\">Romans.</subfield></datafield>\
             <datafield tag=\"041\" ind1=\" \" ind2=\" \"><subfield code=\"a\">fre</subfield></datafield>\
             <datafield tag=\"852\" ind1=\" \" ind2=\" \"><subfield code=\"a\">1</subfield></datafield>\
             <datafield tag=\"852\" ind1=\" \" ind2=\" \"><subfield code=\"a\">2</subfield></datafield></record>"
        )
    };
    let records = [record("2070360024", "L'étranger"), record("9782070360420", "La peste")].concat();
    xml.file(
        "notices.xml",
        format!("<?xml version=\"1.0\"?><collection xmlns=\"http://www.loc.gov/MARC21/slim\">{records}</collection>"),
    );

    for (place, file) in [(&iso, "notices.mrc"), (&xml, "notices.xml")] {
        let (sum, _) = place.import(file, &[]).await;
        assert_eq!(sum, format!("{file}: 2 records: 2 added, 0 updated, 0 skipped, 0 refused."));
    }

    let (iso, xml) = (iso.export("csv").await, xml.export("csv").await);
    assert_eq!(iso, xml);
    let lines: Vec<&str> = iso.lines().collect();
    assert_eq!(lines[1], "9782070360024,L'étranger,Albert Camus,1942,Gallimard,fre,\"Alger, le soleil.\",Romans,2");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_and_imported_elsewhere_is_the_same() {
    let (here, _suite) = Place::with_suite().await;
    let mut rows = "isbn,title,author,year,publisher,language,description,category,copies\n".to_owned();
    for row in [
        "9782070360024,L'Étranger,\"Albert Camus, Une Autre\",1942,Gallimard,français,\"Deux\nlignes, \"\"citées\"\" <b>&amp;</b>\",Romans,3",
        ",L'Iliade,Homère,-750,,grc,,Épopées,0",
        "080442957X,\"=1+1; \t…\",,,,,,,1",
        ",日本語の本 😀,著者,2001,出版社,jpn,説明,Romans,12",
        ",Sans rien,,,,,,,1",
    ] {
        writeln!(rows, "{row}").unwrap();
    }
    here.file("livres.csv", rows);
    here.import("livres.csv", &[]).await;
    let original = here.export("csv").await;
    assert_eq!(original.matches("Romans").count(), 2);

    for format in ["csv", "marcxml"] {
        let exported = here.export(format).await;
        let written = here.run(&["export", "books", "--format", format, "--output", "sortie"]).await;
        assert!(written.status.success() && written.said.contains("5 books"), "{}{}", written.said, written.logged);
        assert_eq!(fs::read_to_string(here.path("sortie")).unwrap(), exported);
        let there = Place::quiet();
        there.file("entrée", &exported);

        let (sum, rows) = there.import("entrée", &[]).await;

        assert_eq!(sum, "entrée: 5 records: 5 added, 0 updated, 0 skipped, 0 refused.", "{rows:?}");
        assert_eq!(there.export("csv").await, original, "{format}");
        let (sum, _) = here.import("sortie", &["--on-match", "update"]).await;
        assert_eq!(sum, "sortie: 5 records: 0 added, 0 updated, 5 skipped, 0 refused.", "{format}");
    }
    let nowhere = here.run(&["export", "books", "--output", "pas/ici.csv"]).await;
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(nowhere.logged.contains("pas/ici.csv"), "{}", nowhere.logged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_something_else_is_refused_in_one_sentence_and_nothing_changes() {
    let (place, _suite) = Place::with_suite().await;
    place.file("avant.csv", "title\nLà\n");
    place.import("avant.csv", &[]).await;
    let utf16: Vec<u8> = "\u{feff}title,author\nUn,Deux\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    place.file("photo.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89");
    place.file("tableau.xlsx", b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0title,author");
    place.file("vide.csv", "");
    place.file("blanc.csv", " \n\n ");
    place.file("utf16.csv", utf16);
    place.file("page.html", "<!DOCTYPE html><html><body>title</body></html>");
    place.file("autre.xml", "<?xml version=\"1.0\"?><rss><title>x</title></rss>");
    place.file("objet.json", "{\"title\": \"x\"}");
    place.file("papier.pdf", "%PDF-1.7 title,author");
    fs::create_dir(place.path("dossier")).unwrap();

    for name in [
        "photo.png",
        "tableau.xlsx",
        "vide.csv",
        "blanc.csv",
        "utf16.csv",
        "page.html",
        "autre.xml",
        "objet.json",
        "papier.pdf",
        "dossier",
        "absent.csv",
    ] {
        let ended = place.run(&["import", "books", name]).await;

        assert_eq!(ended.status.code(), Some(1), "{name}: {}{}", ended.said, ended.logged);
        let lines: Vec<&str> = ended.logged.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), 1, "{name}: {}", ended.logged);
        assert!(lines[0].starts_with("bibliotique: ") && lines[0].contains(name), "{}", lines[0]);
        assert!(!ended.logged.contains("panicked") && ended.said.is_empty(), "{name}: {}{}", ended.said, ended.logged);
        assert!(!place.path(&format!("{name}.report.csv")).exists(), "{name} has a report");
    }
    let forced = place.run(&["import", "books", "photo.png", "--format", "csv"]).await;
    assert_eq!(forced.status.code(), Some(1), "{}{}", forced.said, forced.logged);
    assert_eq!(place.titles().await, BTreeSet::from(["Là".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_cannot_be_are_refused_by_line_and_field_and_the_good_ones_go_in() {
    let place = Place::quiet();
    let mut file = b"title,author,description,year,copies,isbn\nBon 1,,,,,\n".to_vec();
    file.extend(b"\xc9tranger,Camus,,,,\n");
    file.extend(b"Bon 2,,,,,\n,Sans titre,,,,\n");
    file.extend([b"Gros,,".as_slice(), &[b'x'].repeat(10 << 20), b",,,\n"].concat());
    file.extend("Bon 3,,\"deux\nlignes\",,,\nAn,,,avant-hier,,\nEx,,,,beaucoup,\nTrop,,,,10000,\n".bytes());
    file.extend(
        format!("{},,,,,\nBon 4,,,,,\nTrop peu,de cellules\nNumero,,,,,9782070360025\nBon 5,,,,,\n", "é".repeat(501))
            .bytes(),
    );
    // Rows that a reader takes and a message cannot hold.
    let million = "x".repeat(1_000_000);
    let wide = format!("{million},{million},{million},,,{million}\n");
    let nearly = format!("Long,,{},,,\n", "x".repeat(900_000));
    file.extend(format!("{wide}Bon 6,,,,,\n{wide}{wide}Bon 7,,,,,\n{nearly}{wide}Bon 8,,,,,\n").bytes());
    place.file("livres.csv", file);

    let ended = place.run(&["import", "books", "livres.csv"]).await;

    assert!(ended.status.success(), "{}{}", ended.said, ended.logged);
    let rows = report(&place.path("livres.csv.report.csv"));
    let refused: Vec<(&str, &str)> = rows
        .iter()
        .filter(|row| row["outcome"] == "refused")
        .map(|row| (row["line"].as_str(), row["field"].as_str()))
        .collect();
    let expected = [
        ("3", "title"),
        ("5", "title"),
        ("6", "description"),
        ("9", "year"),
        ("10", "copies"),
        ("11", "copies"),
        ("12", "title"),
        ("14", ""),
        ("15", "isbn"),
        ("17", "title"),
        ("19", "title"),
        ("20", "title"),
        ("22", "description"),
        ("23", "title"),
    ];
    let fields: Vec<(&str, &str)> = refused.iter().map(|(line, field)| (*line, *field)).collect();
    assert_eq!(fields.iter().map(|(line, _)| *line).collect::<Vec<_>>(), expected.map(|(line, _)| line).to_vec());
    for ((line, field), (_, expected)) in fields.iter().zip(expected) {
        // A field of the file is called as its heading is.
        assert!(
            *field == expected || (["17", "19", "20", "23"].contains(line) && !field.is_empty()),
            "{line}: {field}"
        );
        let told = format!("livres.csv:{line}: {}", if field.is_empty() { "the record" } else { field });
        assert!(ended.logged.contains(&told), "{told}: {}", ended.logged.chars().take(3000).collect::<String>());
    }
    let good: BTreeSet<String> = (1..=8).map(|number| format!("Bon {number}")).collect();
    assert_eq!(place.titles().await, good);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marc_file_that_is_damaged_gives_what_is_whole() {
    let place = Place::quiet();
    let whole = |number: u32, title: &str| {
        let body = format!("97820703{number:04}");
        marc_book(&format!("{body}{}", check_13(&body)), "Camus, Albert", title)
    };
    let mut untitled = marc(&[("001", "x"), ("100", "1 $aCamus, Albert")]);
    let mut file = [whole(1, "Bon 1"), whole(2, "Bon 2")].concat();
    file.append(&mut untitled);
    file.extend(whole(3, "Bon 3"));
    let cut = whole(4, "Coupé");
    file.extend(&cut[..cut.len() - 40]);
    place.file("notices.mrc", file);

    let ended = place.run(&["import", "books", "notices.mrc"]).await;

    assert!(ended.status.success(), "{}{}", ended.said, ended.logged);
    let rows = report(&place.path("notices.mrc.report.csv"));
    assert_eq!(under("outcome", &rows), ["added", "added", "refused", "added", "refused"]);
    assert_eq!(under("line", &rows), ["1", "2", "3", "4", "5"]);
    assert!(ended.logged.contains("notices.mrc:5:") && ended.logged.contains("cut off"), "{}", ended.logged);
    assert_eq!(place.titles().await, BTreeSet::from(["Bon 1", "Bon 2", "Bon 3"].map(str::to_owned)));
}

testing::on_both! {
    async fn killed_in_the_middle_and_run_again_every_row_is_there_once(database: Database) {
        let many = 30_000;
        let url = database.url().replace("?mode=rwc", "");
        let place = Place { database_url: Some(url.clone()), ..Place::quiet() };
        place.file("foule.csv", crowd(many));
        let role = Setup::new(&place.directory, &["serve", "catalog"])
            .with("CATALOG_DATABASE_URL", &url)
            .with("INTERNAL_KEY", process::INTERNAL_KEY);
        let mut catalog = role.start().await;
        let importing = place
            .setup(&["import", "books", "foule.csv"])
            .with("CATALOG_ADDR", &catalog.catalog)
            .with("INTERNAL_KEY", process::INTERNAL_KEY);
        let books = async || process::count(&url, "SELECT COUNT(*) FROM book").await;

        // First whoever imports is killed, a little way into it.
        let mut importer = importing.spawn();
        eventually(LONG, "books go in", async || books().await >= 2000).await;
        importer.kill();
        let left = books().await;
        assert!((2000..many as i64).contains(&left), "{left} books were there when it was killed");

        // Then catalog itself, further on: whoever imports has to say so.
        let mut importer = importing.spawn();
        let before = books().await;
        eventually(LONG, "more books go in", async || books().await > before).await;
        catalog.kill();
        let ended = importer.ends(LONG).await;
        assert_eq!(ended.status.code(), Some(1), "{}{}", ended.said, ended.logged);
        assert!(ended.logged.contains("bibliotique: ") && !ended.logged.contains("panicked"), "{}", ended.logged);

        let catalog = catalog.again().start().await;
        let left = books().await;
        assert!((before + 1..many as i64).contains(&left), "{left} books were there when it was started again");
        let ended = importing.spawn().ends(LONG).await;
        assert!(ended.status.success(), "{}{}", ended.said, ended.logged);
        let rows = report(&place.path("foule.csv.report.csv"));
        assert_eq!(rows.len(), many);
        assert_eq!(rows.iter().filter(|row| row["outcome"] == "skipped").count() as i64, left);
        assert_eq!(rows.iter().filter(|row| row["outcome"] == "added").count() as i64, many as i64 - left);
        is_there_once(&place, many).await;
        let again = importing.spawn().ends(LONG).await;
        assert!(again.said.contains("30000 records: 0 added, 0 updated, 30000 skipped, 0 refused"), "{}", again.said);
        drop(catalog);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_import_is_killed_at_any_moment_and_copies_are_added_once() {
    let place = Place::quiet();
    let many = 3_000;
    place.file("foule.csv", crowd(many));
    for life in [5_u64, 50, 150, 300, 450, 700] {
        let mut importer = place.setup(&["import", "books", "foule.csv", "--on-match", "add"]).spawn();
        // The moment is the point of this test.
        sleep(Duration::from_millis(life)).await;
        importer.kill();
    }

    let (_, rows) = place.import("foule.csv", &["--on-match", "add"]).await;

    assert_eq!(rows.len(), many);
    is_there_once(&place, many).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_real_books_go_in_once_and_are_found() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/goodbooks/books.csv");
    if !file.exists() {
        eprintln!("The story of ten thousand real books is not told: {} is absent.", file.display());
        return;
    }
    let (place, suite) = Place::with_suite().await;
    let file = file.canonicalize().unwrap();

    let (sum, rows) = place.import(file.to_str().unwrap(), &[]).await;

    assert_eq!(rows.len(), 10_000);
    assert!(sum.contains("10000 records"), "{sum}");
    let mut original = csv::Reader::from_path(&file).unwrap();
    let headings = original.headers().unwrap().clone();
    let cell = |name: &str, row: &csv::StringRecord| {
        row[headings.iter().position(|heading| heading == name).unwrap()].to_owned()
    };
    for (row, of) in original.records().zip(&rows) {
        let row = row.unwrap();
        let isbn = cell("isbn", &row);
        match of["outcome"].as_str() {
            "refused" => {
                assert_eq!(of["field"], "isbn", "{of:?}");
                let padded = format!("{isbn:0>10}");
                let (body, last) = padded.split_at(padded.len() - 1);
                let right = if padded.len() == 10 { check_10(body).to_string() } else { check_13(body).to_string() };
                assert_ne!(last.to_uppercase(), right, "{isbn} has the right check digit: {of:?}");
            }
            "added" | "skipped" => assert!(!of["book_id"].is_empty() && !of["title"].is_empty(), "{of:?}"),
            other => panic!("{other}: {of:?}"),
        }
    }
    let added = rows.iter().filter(|row| row["outcome"] == "added").count();
    assert_eq!(process::count(&place.url(), "SELECT COUNT(*) FROM book").await, added as i64);
    assert!(added > 9_900, "{sum}");
    // A record that is skipped is one whose book another record has put there.
    let ids: BTreeSet<&str> =
        rows.iter().filter(|row| row["outcome"] == "added").map(|row| row["book_id"].as_str()).collect();
    assert!(rows.iter().filter(|row| row["outcome"] == "skipped").all(|row| ids.contains(row["book_id"].as_str())));

    let (again, _) = place.import(file.to_str().unwrap(), &[]).await;
    assert!(again.contains(" 0 added, 0 updated, "), "{again}");
    assert_eq!(process::count(&place.url(), "SELECT COUNT(*) FROM book").await, added as i64);
    for (query, title) in [
        ("hunger games collins", "The Hunger Games"),
        ("0-439-02348-3", "The Hunger Games"),
        ("grandpre rowl", "Harry Potter"),
        ("stranger camus", "The Stranger"),
        ("MARQUEZ garcia soli", "One Hundred Years of Solitude"),
    ] {
        let found = searched(&suite, query).await;
        assert!(found.iter().any(|found| found.starts_with(title)), "{query}: {found:?}");
    }
}
