//! Reads CSV as spreadsheets and other libraries write it.

use std::{collections::BTreeMap, fs::File, io::BufReader};

use records::{CsvWriter, Error, Format, Reader, Record};

use crate::{entries, read, records, summary};

fn csv(text: &str) -> Vec<Record> {
    records(text.as_bytes(), Format::Csv)
}

fn refusal(bytes: &[u8]) -> String {
    read(bytes, Format::Csv).1.unwrap().to_string()
}

#[test]
fn all_fields_are_read() {
    let record = csv("ISBN;Titre;Auteur;Année de publication;Éditeur;Langue;Résumé;Catégorie;Exemplaires\n\
                      978-2-07-036024-5;L'Étranger;Albert Camus;1942;Gallimard;fre;\"Aujourd'hui,\nmaman\";Roman;3\n");

    let expected = Record {
        line: 2,
        isbn: "9782070360245".to_owned(),
        title: "L'Étranger".to_owned(),
        author: "Albert Camus".to_owned(),
        publication_year: Some(1942),
        publisher: "Gallimard".to_owned(),
        language: "fre".to_owned(),
        description: "Aujourd'hui,\nmaman".to_owned(),
        category: "Roman".to_owned(),
        copies: Some(3),
    };
    assert_eq!(record, [expected]);
}

#[test]
fn separators_are_guessed_outside_of_quotation_marks() {
    assert_eq!(csv("title,year\nDune,1965")[0].publication_year, Some(1965));
    assert_eq!(csv("title\tyear\nDune\t1965")[0].publication_year, Some(1965));
    assert_eq!(csv("\"a,b,c\";title;year\n;Dune;1965")[0].publication_year, Some(1965));
    assert_eq!(csv("sep=|\r\ntitle|year\r\nDune|1965")[0].publication_year, Some(1965));
    assert_eq!(csv("\u{FEFF}title\nDune")[0].title, "Dune");
}

#[test]
fn lines_are_those_of_the_file() {
    let entries = entries(b"title,year\r\n\r\nA,1\r\n\"B\r\nb\",2\r\n,\r\nC,3\r\nD,x\r\n", Format::Csv);

    assert_eq!(summary(&entries), ["3: A", "4: B\nb", "7: C", "8: year is no year: \"x\""]);
}

#[test]
fn a_bad_row_is_a_flaw_and_the_next_one_is_read() {
    let file = b"title,year,copies\nA,1\nB,1,2,3\n\xE9,1,1\nC,soon,1\nD,1,many\n,1,1\nE,1,1\n";

    let expected = [
        "2: the record has 2 cells where the heading line has 3",
        "3: the record has 4 cells where the heading line has 3",
        "4: title is not UTF-8: \"\u{FFFD}\"",
        "5: year is no year: \"soon\"",
        "6: copies is no number: \"many\"",
        "7: title is empty",
        "8: E",
    ];
    assert_eq!(summary(&entries(file, Format::Csv)), expected);
}

#[test]
fn a_huge_cell_is_a_flaw_of_its_column_and_the_rows_after_it_are_read() {
    let huge = "x\n".repeat(5 << 20);
    let file = format!("title,notes,other\nA,,\nB,\"{huge}\",\nC,,\nD,,\"{huge}\"\nE,,");

    let entries = entries(file.as_bytes(), Format::Csv);
    let flaw = entries[1].as_ref().unwrap_err();
    assert_eq!((flaw.line, flaw.field.as_str()), (3, "notes"));
    assert!(flaw.reason.starts_with("is longer than 1 MiB"));
    // Nobody asked for the last column.
    let lines: Vec<_> = entries.iter().flatten().map(|record| (record.line, record.title.as_str())).collect();
    let five = 5 << 20;
    assert_eq!(lines, [(2, "A"), (4 + five, "C"), (5 + five, "D"), (6 + 2 * five, "E")]);
}

#[test]
fn isbns_that_a_spreadsheet_has_spoilt_are_mended_or_left_out() {
    let isbn = |row: &str| csv(&format!("title,isbn,isbn13\nA,{row}"))[0].isbn.clone();

    assert_eq!(isbn("439023483,9.78043902348e+12"), "0439023483");
    assert_eq!(isbn("439023483,9780439023481"), "9780439023481");
    assert_eq!(isbn(",9.78043902348e+12"), "");
    assert_eq!(isbn("unknown,"), "unknown");
}

#[test]
fn authors_of_several_columns_and_in_several_manners_become_one_text() {
    let author = |file: &str| csv(file)[0].author.clone();

    assert_eq!(
        author("title,author,additional authors\nA,Neil Gaiman,\"Terry Pratchett, Neil Gaiman\""),
        "Neil Gaiman, Terry Pratchett, Neil Gaiman"
    );
    assert_eq!(author("title,author\nA,\"Gaiman, Neil; Pratchett, Terry\""), "Neil Gaiman, Terry Pratchett");
    assert_eq!(author("title,authors\nA,\"J.K. Rowling, Mary GrandPré\""), "J.K. Rowling, Mary GrandPré");
}

#[test]
fn columns_may_be_said() {
    let file = "code,nom\n42,Dune\n";
    let assignments = ["titre=Nom", "isbn=code"].map(|text| text.parse().unwrap());
    let mut reader = Reader::new(file.as_bytes(), Format::Csv, &assignments).unwrap();

    let record = reader.next().unwrap().unwrap().unwrap();
    assert_eq!((record.title.as_str(), record.isbn.as_str()), ("Dune", "0000000042"));
    assert!(reader.next().is_none());
}

#[test]
fn a_file_that_is_none_is_refused_by_what_is_wrong() {
    assert_eq!(refusal(b"\xFF\xFEt\0i\0"), "UTF-16 is not UTF-8: save the file as UTF-8");
    assert_eq!(refusal(b"Titre;Ann\xE9e\n"), "the heading line is not UTF-8: save the file as UTF-8");
    assert_eq!(refusal(b""), "the file has no heading line");
    assert_eq!(
        refusal(b"name,age\n"),
        "no column holds the title: say which one with title=COLUMN; the columns are name, age"
    );
    assert!(matches!(read(&b",".repeat(3 << 20), Format::Csv).1, Some(Error::NoHeadings)));
}

#[test]
fn what_is_written_is_rfc_4180_under_our_headings() {
    let mut writer = CsvWriter::new(Vec::new()).unwrap();
    let record = Record {
        title: "=1+\"1\"".to_owned(),
        author: "A, B".to_owned(),
        publication_year: Some(-750),
        ..Record::default()
    };
    writer.write(&record).unwrap();

    let expected = "isbn,title,author,year,publisher,language,description,category,copies\n\
                    ,\"=1+\"\"1\"\"\",\"A, B\",-750,,,,,\n";
    assert_eq!(String::from_utf8(writer.finish().unwrap()).unwrap(), expected);
}

/// Ten thousand real books, with the dirt of a real export.
#[test]
fn goodbooks_reads_well() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/goodbooks/books.csv");
    let Ok(file) = File::open(path) else {
        eprintln!("skipped: {path} is not there");
        return;
    };
    let (mut books, mut flaws) = (Vec::new(), BTreeMap::new());
    for entry in Reader::new(BufReader::new(file), Format::Csv, &[]).unwrap() {
        match entry.unwrap() {
            Ok(record) => books.push(record),
            Err(flaw) => *flaws.entry(flaw.reason).or_insert(0) += 1,
        }
    }

    assert_eq!((books.len(), flaws), (10_000, BTreeMap::new()));
    assert_eq!(books[0].isbn, "0439023483");
    assert_eq!(books[0].title, "The Hunger Games (The Hunger Games, #1)");
    assert_eq!(books[1].author, "J.K. Rowling, Mary GrandPré");
    assert!(books.iter().all(|book| matches!(book.isbn.len(), 0 | 10 | 13)));
    assert!(books.iter().any(|book| book.publication_year.is_some_and(|year| year < 0)));
}
