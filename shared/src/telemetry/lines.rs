//! One event, one line, whatever is in it: nobody outside can write a line of his own into the log, or move a terminal's cursor.

use std::{fmt::Write as _, io};

/// Writes events, each in one piece.
pub struct Lines<W> {
    /// Whether a terminal reads it: then there are colours, and what begins them (ESC) is escaped in values already.
    pub coloured: bool,
    pub to: W,
}

impl<W: io::Write> io::Write for Lines<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        // Most of them are plain.
        if is_plain(event.strip_suffix(b"\n").unwrap_or(event)) {
            self.to.write_all(event)?;
            return Ok(event.len());
        }
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let ours = |letter: char| self.coloured && letter == '\u{1b}';
        if line.chars().any(|letter| breaks(letter) && !ours(letter)) {
            let mut clean = String::with_capacity(event.len() + 16);
            for letter in line.chars() {
                match breaks(letter) && !ours(letter) {
                    true => escape(letter, &mut clean),
                    false => clean.push(letter),
                }
            }
            clean.push('\n');
            self.to.write_all(clean.as_bytes())?;
        } else {
            self.to.write_all(event)?;
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Whether there is nothing but visible ASCII and spaces.
fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Control characters, and what some programs take for the end of a line or turn the direction of writing with.
fn breaks(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// As JSON does too.
fn escape(letter: char, into: &mut String) {
    match letter {
        '\n' => into.push_str("\\n"),
        // Writing into a string does not fail.
        _ => drop(write!(into, "\\u{:04x}", u32::from(letter))),
    }
}

/// A text from outside, in visible ASCII and not too long: the rest is written as in a URL (`%0A`).
pub struct Plain<'text>(pub &'text str);

/// The most bytes of a text from outside.
const LONGEST: usize = 512;

impl std::fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.len() <= LONGEST && !self.0.contains(' ') && is_plain(self.0.as_bytes()) {
            return f.write_str(self.0);
        }
        for byte in self.0.bytes().take(LONGEST) {
            match byte.is_ascii_graphic() {
                true => f.write_char(char::from(byte))?,
                false => write!(f, "%{byte:02X}")?,
            }
        }
        if self.0.len() > LONGEST { f.write_str("...") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn written(event: &str, coloured: bool) -> String {
        let mut to = Vec::new();
        Lines { coloured, to: &mut to }.write_all(event.as_bytes()).unwrap();
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        assert_eq!(written("Élodie reads\n", false), "Élodie reads\n");
        assert_eq!(
            written("a\nb\r\u{85}c\u{2028}d\u{1b}[2Je\u{202e}\n", false),
            "a\\nb\\u000d\\u0085c\\u2028d\\u001b[2Je\\u202e\n"
        );
        assert_eq!(written("\u{1b}[32m INFO\u{1b}[0m a\nb\n", true), "\u{1b}[32m INFO\u{1b}[0m a\\nb\n");
    }

    #[test]
    fn a_text_from_outside_is_visible_and_short() {
        assert_eq!(Plain("/api/livres/é\u{9b}\u{85} x").to_string(), "/api/livres/%C3%A9%C2%9B%C2%85%20x");
        assert_eq!(Plain(&"x".repeat(65536)).to_string().len(), LONGEST + 3);
    }
}
