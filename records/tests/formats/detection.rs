//! Which format a file has.

use records::{Format, detect};

#[test]
fn formats_are_known_by_how_they_begin() {
    assert_eq!(detect(b"isbn,title\n1,Dune\n"), Some(Format::Csv));
    assert_eq!(detect("\u{FEFF}Titre;Année\r\n".as_bytes()), Some(Format::Csv));
    assert_eq!(detect(b"00123nam a2200061 a 4500001"), Some(Format::Marc));
    assert_eq!(detect(b"\r\n00123nam a2200061 a 4500001"), Some(Format::Marc));
    assert_eq!(detect(b"abcdenam  22xxxxx   45  245\x1E00\x1FaDune\x1E\x1D"), Some(Format::Marc));
    assert_eq!(detect(b"<?xml version=\"1.0\"?>\n<!-- x -->\n<collection xmlns="), Some(Format::MarcXml));
    assert_eq!(detect(b"<marc:record xmlns:marc='http://www.loc.gov/MARC21/slim'>"), Some(Format::MarcXml));
}

#[test]
fn text_in_the_wrong_encoding_is_csv_for_the_reader_to_refuse() {
    assert_eq!(detect(b"Titre;Ann\xE9e\r\n"), Some(Format::Csv));
    assert_eq!(detect(b"\xFF\xFET\0i\0t\0l\0e\0"), Some(Format::Csv));
}

#[test]
fn other_files_have_none() {
    let others: [&[u8]; 10] = [
        b"",
        b" \n",
        b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR",
        b"PK\x03\x04\x14\0\x06\0",
        b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
        b"{\"title\": \"Dune\"}",
        b"[{\"title\": \"Dune\"}]",
        b"<!DOCTYPE html><html><head><title>Dune</title>",
        b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n",
        b"T\0i\0t\0l\0e\0",
    ];
    for beginning in others {
        assert_eq!(detect(beginning), None, "{beginning:?}");
    }
}
