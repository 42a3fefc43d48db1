//! The punctuation of catalogue cards (ISBD), which MARC 21 records carry at the ends of their subfields.

/// Words that keep the period behind them.
const ABBREVIATIONS: [&str; 18] = [
    "etc", "mr", "mrs", "ms", "dr", "jr", "sr", "st", "inc", "co", "ltd", "bros", "vol", "no", "ed", "esq", "cie",
    "prof",
];

/// Without what parts this text from the next one: ` /`, ` :`, ` ;`, ` =`, `,`, and the period of its end.
pub fn stripped(text: &str) -> &str {
    let text = text.trim_end_matches(|c: char| c.is_whitespace() || "/:;=,".contains(c));
    let Some(sentence) = text.strip_suffix('.') else { return text };
    let word = sentence.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let is_initial = word.chars().count() <= 1;
    if is_initial || ABBREVIATIONS.contains(&word.to_lowercase().as_str()) { text } else { sentence }
}

/// Adds a part to a title; `mark` parts the two unless punctuation does already.
pub fn add(title: &mut String, mark: &str, part: &str) {
    if title.is_empty() || part.is_empty() {
        title.push_str(part);
        return;
    }
    let is_parted = title.ends_with([':', ';', '/', '=', ',', '.']);
    title.push_str(if is_parted { " " } else { mark });
    title.push_str(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_parts_texts_is_stripped_and_what_belongs_to_them_stays() {
        assert_eq!(stripped("Les misérables /"), "Les misérables");
        assert_eq!(stripped("Dune."), "Dune");
        assert_eq!(stripped("Hugo, Victor,"), "Hugo, Victor");
        assert_eq!(stripped("Rowling, J. K."), "Rowling, J. K.");
        assert_eq!(stripped("Wait..."), "Wait...");
        assert_eq!(stripped("Simon & Schuster, Inc. ;"), "Simon & Schuster, Inc.");
        assert_eq!(stripped(" / : "), "");
    }

    #[test]
    fn parts_are_parted_once() {
        let mut title = "Dune".to_owned();
        add(&mut title, " : ", "a novel /");
        add(&mut title, ". ", "2,");
        add(&mut title, ", ", "Messiah");
        assert_eq!(title, "Dune : a novel / 2, Messiah");
    }
}
