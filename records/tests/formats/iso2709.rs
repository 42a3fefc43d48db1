//! Reads ISO 2709, as the standard has it and as it is met.

use records::{Format, Record};

use crate::{entries, records, summary};

/// A record of these fields, which have their indicators and subfields with `$` for the delimiter.
fn marc(leader_9: u8, fields: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut directory, mut data) = (Vec::new(), Vec::new());
    for (tag, field) in fields {
        directory.extend(format!("{tag}{:04}{:05}", field.len() + 1, data.len()).bytes());
        data.extend(field.iter().map(|byte| if *byte == b'$' { 0x1F } else { *byte }));
        data.push(0x1E);
    }
    let base = 24 + directory.len() + 1;
    let mut record = format!("{:05}nam  22{base:05} a 4500", base + data.len() + 1).into_bytes();
    record[9] = leader_9;
    [record, directory, vec![0x1E], data, vec![0x1D]].concat()
}

fn book(title: &str) -> Vec<u8> {
    let coded = b"840101s1999    fr            000 1 eng  ";
    // So that 245 begins at 45, and the directory looks a little like a leader.
    marc(b'a', &[("001", b"042"), ("008", coded), ("245", format!("10$a{title}").as_bytes())])
}

/// What is read of three books, after something was done to the second.
fn damaged(damage: impl Fn(&mut Vec<u8>)) -> Vec<String> {
    let mut second = book("Two");
    damage(&mut second);
    summary(&entries(&[book("One"), second, book("Three")].concat(), Format::Marc))
}

fn one(bytes: &[u8]) -> Record {
    let [record]: [Record; 1] = records(bytes, Format::Marc).try_into().unwrap();
    record
}

#[test]
fn a_marc_21_record_is_read() {
    let record = one(&marc(
        b'a',
        &[
            ("008", b"840101s1999    fr            000 1 eng  "),
            ("020", b"  $a2070360245 (br.) :$c5 EUR"),
            ("020", b"  $a978-2-07-036024-5"),
            ("041", b"1 $afreeng"),
            ("100", b"1 $aHugo, Victor,$d1802-1885."),
            ("245", "14$aLes misérables :$broman.$n2,$pCosette /$cVictor Hugo.".as_bytes()),
            ("260", b"  $aParis :$bGallimard,$cc1984."),
            ("520", b"  $aJean Valjean."),
            ("650", b" 0$aFrance$vFiction."),
            ("655", b" 7$aNovels.$2lcgft"),
            ("700", b"1 $aDumas, Alexandre,$tTitle of another work."),
            ("700", b"1 $aGohin, Yves, 1928-"),
            ("952", b"  $pA1"),
            ("952", b"  $pA2"),
        ],
    ));

    let expected = Record {
        line: 1,
        isbn: "9782070360245".to_owned(),
        title: "Les misérables : roman. 2, Cosette".to_owned(),
        author: "Victor Hugo, Yves Gohin".to_owned(),
        publication_year: Some(1984),
        publisher: "Gallimard".to_owned(),
        language: "fre".to_owned(),
        description: "Jean Valjean.".to_owned(),
        category: "Novels".to_owned(),
        copies: Some(2),
    };
    assert_eq!(record, expected);
}

#[test]
fn what_the_fields_do_not_say_the_codes_say() {
    let coded = ("008", b"840101s1999    fr            000 1 eng  ".as_slice());
    let record = one(&marc(b'a', &[coded, ("110", b"2 $aUnesco."), ("245", b"00$aAtlas /"), ("264", b" 1$c[199-?]")]));

    assert_eq!((record.publication_year, record.language.as_str()), (Some(1999), "eng"));
    assert_eq!((record.author.as_str(), record.copies), ("Unesco", None));
}

#[test]
fn a_unimarc_record_is_read() {
    let record = one(&marc(
        b' ',
        &[
            ("010", b"  $a2-07-036024-5$bbr.$d5 EUR"),
            ("100", b"  $a19991203d1972    m  y0frey50      ba"),
            ("101", b"0 $afre"),
            ("200", "1 $a\u{98}L'\u{9C}étranger$eroman$fAlbert Camus".as_bytes()),
            ("210", b"  $aParis$cGallimard$dDL 1972"),
            ("330", "  $aAujourd'hui, maman est morte.".as_bytes()),
            ("606", b"  $aRoman"),
            ("700", b" 1$aCamus$bAlbert$f1913-1960"),
            ("702", " 1$aDupré$bÉlodie$4440".as_bytes()),
            ("995", b"  $fA1"),
        ],
    ));

    let expected = Record {
        line: 1,
        isbn: "2070360245".to_owned(),
        title: "L'étranger : roman".to_owned(),
        author: "Albert Camus, Élodie Dupré".to_owned(),
        publication_year: Some(1972),
        publisher: "Gallimard".to_owned(),
        language: "fre".to_owned(),
        description: "Aujourd'hui, maman est morte.".to_owned(),
        category: "Roman".to_owned(),
        copies: Some(1),
    };
    assert_eq!(record, expected);
}

#[test]
fn marc_8_is_read() {
    let title = |leader_9, text: &[u8]| one(&marc(leader_9, &[("245", &[b"00$a", text].concat())])).title;

    assert_eq!(title(b' ', b"\xE2Elodie"), "Élodie");
    assert_eq!(title(b' ', b"\xA6uvres"), "Œuvres");
    assert_eq!(title(b' ', b"\x1B(NwOJNA I MIR\x1B(B"), "Война и мир");
    // Says that it is MARC-8, and is not.
    assert_eq!(title(b' ', "Élodie".as_bytes()), "Élodie");
    assert_eq!(title(b'a', "Œuvres".as_bytes()), "Œuvres");
}

#[test]
fn iso_5426_is_read_and_other_sets_of_unimarc_are_named() {
    let general = |sets: &[u8]| [b"  $a19991203d1972    m  y0frey", sets, b"    ba"].concat();
    let record = |sets: &[u8]| marc(b' ', &[("100", &general(sets)), ("200", b"1 $a\xC2Elodie")]);

    assert_eq!(one(&record(b"0103")).title, "Élodie");
    let flaw = entries(&record(b"0102"), Format::Marc).remove(0).unwrap_err();
    assert_eq!(flaw.to_string(), "1: 100 names character sets of UNIMARC that cannot be read: \"0102\"");
}

#[test]
fn text_that_cannot_be_read_is_a_flaw_of_its_field_unless_nobody_reads_that() {
    let escape = |tag| {
        let mut record = marc(b' ', &[("245", b"00$aDune"), (tag, b"  $aXXXXXX")]);
        let at = record.windows(6).position(|bytes| bytes == b"XXXXXX").unwrap();
        record[at..at + 6].copy_from_slice(b"\x1B$1!0!");
        record
    };
    let entries = entries(&[escape("520"), escape("880")].concat(), Format::Marc);

    assert!(summary(&entries)[0].starts_with("1: 520 uses the character set EACC, which cannot be read"));
    assert_eq!(summary(&entries)[1], "2: Dune");
}

#[test]
fn numbers_that_are_wrong_do_no_harm() {
    let all = ["1: One", "2: Two", "3: Three"];

    assert_eq!(damaged(|_| {}), all);
    assert_eq!(damaged(|record| record[..5].copy_from_slice(b"00099")), all);
    assert_eq!(damaged(|record| record[..5].copy_from_slice(b"00001")), all);
    assert_eq!(damaged(|record| record[..5].copy_from_slice(b"abcde")), all);
    assert_eq!(damaged(|record| record[12..17].copy_from_slice(b"99999")), all);
    assert_eq!(damaged(|record| record[39..43].copy_from_slice(b"0900")), all);
    assert_eq!(damaged(|record| record[43..48].copy_from_slice(b"09000")), all);
    assert_eq!(damaged(|record| record[39..48].copy_from_slice(b"xxxxxxxxx")), all);
}

#[test]
fn lost_terminators_and_junk_do_no_harm() {
    let all = ["1: One", "2: Two", "3: Three"];

    assert_eq!(damaged(|record| record.truncate(record.len() - 1)), all);
    assert_eq!(damaged(|record| _ = record.remove(record.len() - 2)), all);
    assert_eq!(damaged(|record| record.extend(b"\r\n\0")), all);
    assert_eq!(damaged(|record| record.extend(b"<junk>")), all);
    assert_eq!(damaged(|record| record.push(0x1D)), all);
    let twice = |record: &mut Vec<u8>| {
        record[..5].copy_from_slice(b"abcde");
        record.truncate(record.len() - 1);
    };
    assert_eq!(damaged(twice), all);
}

#[test]
fn what_is_lost_is_a_flaw_and_the_next_record_is_read() {
    let second = |damage: &dyn Fn(&mut Vec<u8>)| {
        let summary = damaged(damage);
        assert_eq!((summary.len(), summary[0].as_str(), summary[2].as_str()), (3, "1: One", "3: Three"));
        summary[1].split(": \"").next().unwrap().to_owned()
    };

    assert_eq!(
        second(&|record| drop(record.drain(30..35))),
        "2: the record has a directory that is not made of 12-byte entries"
    );
    assert_eq!(second(&|record| _ = record.remove(64)), "2: the record has a directory that does not fit its fields");
    assert_eq!(second(&|record| drop(record.drain(10..record.len() - 1))), "2: the record is shorter than a leader");
    assert_eq!(second(&|record| record.truncate(90)), "2: the record is cut off before its end");
    assert_eq!(
        second(&|record| *record = marc(b'a', &[("500", b"  $aNote")])),
        "2: the record has no title, neither in 245 nor in 200"
    );
    assert_eq!(
        second(&|record| *record = marc(b'a', &[("245", b"00$a\xE2E")])),
        "2: 245 is not the UTF-8 that the record says it is"
    );
}

#[test]
fn a_record_that_is_cut_off_at_the_end_is_a_flaw() {
    let whole = [book("One"), book("Two")].concat();

    for cut in 2..book("Two").len() {
        let summary = summary(&entries(&whole[..whole.len() - cut], Format::Marc));
        assert_eq!((summary.len(), summary[0].as_str()), (2, "1: One"), "{cut}");
        assert!(summary[1].starts_with("2: the record is cut off before its end"), "{summary:?}");
    }
    assert_eq!(summary(&entries(&whole[..whole.len() - 1], Format::Marc)), ["1: One", "2: Two"]);
}

/// Otherwise less than a hundred kilobytes could become a hundred megabytes.
#[test]
fn a_directory_that_names_one_field_again_and_again_does_not_fit() {
    let text = ["00$a", &"x".repeat(9_000)].concat();
    let record = marc(b'a', &[("245", text.as_bytes())]);
    let entry = &record[24..36];
    let record = [&record[..24], &entry.repeat(5_000), &record[36..]].concat();

    let expected = "1: the record has a directory that does not fit its fields";
    assert!(summary(&entries(&record, Format::Marc))[0].starts_with(expected));
}

#[test]
fn a_record_that_is_too_long_is_a_flaw() {
    let huge = marc(b'a', &[("245", b"00$aHuge"), ("520", "x".repeat(10 << 20).as_bytes())]);
    let entries = entries(&[book("One"), huge, book("Three")].concat(), Format::Marc);

    let expected = ["1: One", "2: the record is longer than the 99,999 bytes that a record can have", "3: Three"];
    assert_eq!(summary(&entries), expected);
}
