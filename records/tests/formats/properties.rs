//! What holds for all bytes and all records.

use proptest::prelude::*;
use records::{CsvWriter, Format, MarcXmlWriter, Record, detect};

use crate::{read, records};

/// A text as records have it.
fn text() -> impl Strategy<Value = String> {
    let lines = "[\\PC\n\t\"<>&;,|$ ./:]{0,40}";
    prop_oneof![lines, any::<String>()].prop_map(|text| {
        let is_kept = |c: &char| matches!(c, '\n' | '\t') || !(c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}'));
        text.chars().filter(is_kept).collect::<String>().trim().to_owned()
    })
}

/// Names, each once, without what parts them.
fn author() -> impl Strategy<Value = String> {
    proptest::collection::vec(text(), 0..4).prop_map(|names| {
        let mut each = Vec::new();
        for name in names.iter().map(|name| name.replace([';', '|', ','], "").trim().to_owned()) {
            if !name.is_empty() && !each.contains(&name) {
                each.push(name);
            }
        }
        each.join(", ")
    })
}

prop_compose! {
    fn record()(
        isbn in "|[1-9][0-9]{8}[0-9X]|97[89][0-9]{10}",
        title in text().prop_filter("every book has a title", |title| !title.is_empty()),
        author in author(),
        publication_year in proptest::option::of(-9999..=9999),
        publisher in text(),
        language in prop_oneof!["[a-z]{3}", text()],
        description in text(),
        category in text(),
        copies in proptest::option::of(1..20_u32),
    ) -> Record {
        Record { line: 0, isbn, title, author, publication_year, publisher, language, description, category, copies }
    }
}

fn without_lines(records: Vec<Record>) -> Vec<Record> {
    records.into_iter().map(|record| Record { line: 0, ..record }).collect()
}

/// Bytes that are more likely to be nearly something.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        any::<Vec<u8>>(),
        "[ -~]{0,30}".prop_map(String::into_bytes),
        proptest::sample::select(vec![
            b"title,year\n".to_vec(),
            b"\"".to_vec(),
            b",\r\n".to_vec(),
            b"\xEF\xBB\xBF".to_vec(),
            b"00063nam  2200037 a 4500".to_vec(),
            b"245000800000\x1E10\x1FaDune\x1E\x1D".to_vec(),
            b"200000900000\x1E1 \x1Fa\xC2e\x1B(N\x1E\x1D".to_vec(),
            b"\x1B$1".to_vec(),
            b"<record>".to_vec(),
            b"</record>".to_vec(),
            b"<datafield tag=\"245\"><subfield code=\"a\">".to_vec(),
            b"&#x0;&lt;&foo;</subfield></datafield>".to_vec(),
            b"<!--".to_vec(),
            b"<![CDATA[".to_vec(),
            b"]]>".to_vec(),
        ]),
    ];
    proptest::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic_or_go_on_forever(bytes in bytes()) {
        _ = detect(&bytes);
        for format in [Format::Csv, Format::Marc, Format::MarcXml] {
            prop_assert!(read(&bytes, format).0.len() <= bytes.len());
        }
        let with_title = [b"title,isbn,author,year\n", bytes.as_slice()].concat();
        prop_assert!(read(&with_title, Format::Csv).0.len() <= bytes.len());
    }

    #[test]
    fn csv_reads_back_as_it_was(books in proptest::collection::vec(record(), 0..4)) {
        let mut writer = CsvWriter::new(Vec::new()).unwrap();
        for book in &books {
            writer.write(book).unwrap();
        }
        let bytes = writer.finish().unwrap();

        prop_assert_eq!(detect(&bytes), Some(Format::Csv));
        prop_assert_eq!(without_lines(records(&bytes, Format::Csv)), books);
    }

    #[test]
    fn marcxml_reads_back_as_it_was(books in proptest::collection::vec(record(), 0..4)) {
        let mut writer = MarcXmlWriter::new(Vec::new()).unwrap();
        for book in &books {
            writer.write(book, None).unwrap();
        }
        let bytes = writer.finish().unwrap();

        prop_assert_eq!(detect(&bytes), Some(Format::MarcXml));
        prop_assert_eq!(without_lines(records(&bytes, Format::MarcXml)), books);
    }
}
