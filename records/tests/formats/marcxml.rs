//! Reads and writes MARCXML.

use records::{Error, Format, MarcXmlWriter, Record};

use crate::{entries, read, records, summary};

fn book(title: &str) -> String {
    format!(
        "<record><datafield tag=\"245\" ind1=\"0\" ind2=\"0\"><subfield code=\"a\">{title}</subfield></datafield></record>\n"
    )
}

fn titles(xml: &str) -> Vec<String> {
    records(xml.as_bytes(), Format::MarcXml).into_iter().map(|record| record.title).collect()
}

/// What is read of three books, of which the second is this.
fn second(xml: &str) -> String {
    let file = ["<collection>\n", &book("One"), xml, "\n", &book("Three"), "</collection>"].concat();
    let summary = summary(&entries(file.as_bytes(), Format::MarcXml));
    assert_eq!((summary.len(), summary[0].as_str()), (3, "2: One"), "{summary:?}");
    assert!(summary[2].ends_with(": Three"), "{summary:?}");
    summary[1].clone()
}

#[test]
fn collections_and_single_records_are_read_with_and_without_namespaces() {
    let prefixed = book("Dune").replace("<", "<marc:").replace("<marc:/", "</marc:");

    assert_eq!(titles(&book("Dune")), ["Dune"]);
    assert_eq!(titles(&format!("<collection>{}{}</collection>", book("Dune"), book("Emma"))), ["Dune", "Emma"]);
    assert_eq!(titles(&format!("\u{FEFF}<?xml version='1.0' encoding='UTF-8'?><marc:collection>{prefixed}")), ["Dune"]);
    assert_eq!(titles(&format!("<!-- a > b {} --><collection>{}", book("No"), book("Dune"))), ["Dune"]);
    assert_eq!(titles("<collection><record/></collection>"), [""; 0]);
}

#[test]
fn wrapped_records_are_read() {
    let harvest = format!("<OAI-PMH><record><header/><metadata>{}</metadata></record></OAI-PMH>", book("Dune"));

    assert_eq!(titles(&harvest), ["Dune"]);
}

#[test]
fn text_is_what_xml_means_by_it() {
    assert_eq!(titles(&book("a &amp; b &#233; &#xE9; <![CDATA[<c>]]>")), ["a & b é é <c>"]);
    assert_eq!(titles(&book("\n  a\tb\r\nc ")), ["a\tb\nc"]);
}

#[test]
fn a_bad_record_is_a_flaw_and_the_next_one_is_read() {
    assert!(second("<record><leader></record>").starts_with("3: LDR is not well-formed XML"));
    assert!(second(&book("a & b")).starts_with("3: 245 is not well-formed XML"));
    assert_eq!(second(&book("&eacute;")), "3: 245 has the entity &eacute; which XML does not know");
    assert_eq!(second(&book("x").replace("code=\"a\"", "")), "3: 245 has a subfield without a proper code");
    assert_eq!(second(&book("x").replace("245", "24")), "3: the record has a datafield without a proper tag");
    assert_eq!(second(&book(" ")), "3: 245 has no title in it");
    assert_eq!(second("<record></record>"), "3: the record has no title, neither in 245 nor in 200");
}

#[test]
fn bytes_that_are_no_text_are_a_flaw() {
    let mut second = book("X").into_bytes();
    second.iter_mut().filter(|byte| **byte == b'X').for_each(|byte| *byte = 0xE9);
    let file = [book("One").as_bytes(), &second, book("Three").as_bytes()].concat();

    assert_eq!(summary(&entries(&file, Format::MarcXml)), ["1: One", "2: the record is not UTF-8", "3: Three"]);
}

#[test]
fn a_huge_field_is_a_flaw_and_the_next_record_is_read() {
    assert_eq!(second(&book(&"x".repeat(2 << 20))), "3: 245 is longer than 1 MiB");
    assert_eq!(second(&book(&"x<![CDATA[ ]]>".repeat(1 << 20))), "3: 245 is longer than 4 MiB, or its record is");
    assert_eq!(second(&book(&"x".repeat(10 << 20))), "3: 245 is longer than 4 MiB, or its record is");
}

#[test]
fn a_file_that_ends_within_a_record_says_so() {
    let file = [book("One"), book("Two")].concat();
    let summary = summary(&entries(&file.as_bytes()[..file.len() - 5], Format::MarcXml));

    assert_eq!(summary, ["1: One", "2: the record is cut off before its end"]);
}

#[test]
fn document_types_and_other_encodings_are_refused() {
    let laughs = "<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [<!ENTITY lol \"lol\">]>\n<collection/>";
    let error = |xml: &str| read(xml.as_bytes(), Format::MarcXml).1.unwrap();

    assert!(matches!(error(laughs), Error::DocumentType { line: 2 }));
    assert!(
        matches!(error("<?xml version='1.0' encoding='iso-8859-1'?>"), Error::Encoding(name) if name == "ISO-8859-1")
    );
}

#[test]
fn what_is_written_is_marc_21() {
    let record = Record {
        isbn: "9782070360245".to_owned(),
        title: "L'étranger & <autres>".to_owned(),
        author: "Albert Camus, Élodie Dupré".to_owned(),
        publication_year: Some(1942),
        publisher: "Gallimard".to_owned(),
        language: "fre".to_owned(),
        copies: Some(2),
        ..Record::default()
    };
    let mut writer = MarcXmlWriter::new(Vec::new()).unwrap();
    writer.write(&record, Some("42")).unwrap();

    let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<collection xmlns="http://www.loc.gov/MARC21/slim">
  <record>
    <leader>00000nam a2200000uc 4500</leader>
    <controlfield tag="001">42</controlfield>
    <controlfield tag="008">||||||s1942    xx |||||||||||||||||fre||</controlfield>
    <datafield tag="020" ind1=" " ind2=" "><subfield code="a">9782070360245</subfield></datafield>
    <datafield tag="041" ind1=" " ind2=" "><subfield code="a">fre</subfield></datafield>
    <datafield tag="100" ind1="0" ind2=" "><subfield code="a">Albert Camus</subfield></datafield>
    <datafield tag="245" ind1="1" ind2="0"><subfield code="a">L&apos;étranger &amp; &lt;autres&gt;</subfield></datafield>
    <datafield tag="264" ind1=" " ind2="1"><subfield code="b">Gallimard</subfield><subfield code="c">1942</subfield></datafield>
    <datafield tag="700" ind1="0" ind2=" "><subfield code="a">Élodie Dupré</subfield></datafield>
    <datafield tag="852" ind1=" " ind2=" "><subfield code="t">1</subfield></datafield>
    <datafield tag="852" ind1=" " ind2=" "><subfield code="t">2</subfield></datafield>
  </record>
</collection>
"#;
    assert_eq!(String::from_utf8(writer.finish().unwrap()).unwrap(), expected);
}

#[test]
fn the_coded_field_has_its_forty_characters() {
    for publication_year in [None, Some(7), Some(-750), Some(12_345)] {
        let mut writer = MarcXmlWriter::new(Vec::new()).unwrap();
        writer.write(&Record { title: "x".to_owned(), publication_year, ..Record::default() }, None).unwrap();
        let xml = String::from_utf8(writer.finish().unwrap()).unwrap();
        let coded = xml.split("tag=\"008\">").nth(1).unwrap().split('<').next().unwrap();
        assert_eq!(coded.len(), 40, "{coded}");
    }
}

#[test]
fn more_copies_than_a_record_can_hold_are_refused() {
    let mut writer = MarcXmlWriter::new(Vec::new()).unwrap();

    assert!(writer.write(&Record { copies: Some(10_000), ..Record::default() }, None).is_err());
}
