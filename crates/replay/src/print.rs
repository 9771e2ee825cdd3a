//! How values are written out: instants, short ids, and texts that cannot deceive the reader of a listing.

use std::fmt::Write as _;

use domain::time::Timestamp;

/// An instant as RFC 3339 in UTC, with milliseconds.
pub fn instant(at: Timestamp) -> String {
    at.to_string()
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS[usize::from(nibble)];
    // An export is mostly this: formatting byte by byte takes most of its time.
    let pairs: Vec<_> = bytes.iter().map(|byte| [digit(byte >> 4), digit(byte & 0xF)]).collect();
    String::from_utf8(pairs.into_flattened()).expect("digits are ASCII")
}

/// A text in quotes, on one line, with nothing in it that a terminal or a reader would take for something else.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if deceives(c) => quoted.extend(c.escape_unicode()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A text on one line, with nothing in it that a terminal or a reader would take for something else.
pub fn one_line(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars() {
        if deceives(c) { line.extend(c.escape_unicode()) } else { line.push(c) }
    }
    line
}

/// The same lines, with nothing in them that a terminal or a reader would take for something else: a damaged file may have chosen
/// what is said of it.
pub fn harmless(text: &str) -> String {
    text.split('\n').map(one_line).collect::<Vec<_>>().join("\n")
}

/// The same JSON with deceiving characters escaped. Outside of strings JSON has none.
pub fn harmless_json(json: String) -> String {
    // Nearly every text is plain, and a listing has millions of them: all bytes are looked at, many at once.
    let plain = |byte: u8| (byte == b'\n') | (b' '..=b'~').contains(&byte);
    if json.bytes().fold(true, |all, byte| all & plain(byte)) {
        return json;
    }
    let mut harmless = String::with_capacity(json.len());
    for c in json.chars() {
        // Line breaks are the writer's own: those of a string are escaped already.
        if c == '\n' || !deceives(c) {
            harmless.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(harmless, "\\u{unit:04x}").expect("a string takes everything");
        }
    }
    harmless
}

/// No name has one, as names are parsed; but a listing must not depend on that.
fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{FEFF}')
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}')
        || matches!(c, '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_on_its_line_and_inside_its_quotes() {
        assert_eq!(quoted("Zoë 🔑"), "\"Zoë 🔑\"");
        assert_eq!(quoted("a\nb\u{9b}2J\u{202e}\"c\\"), r#""a\u{a}b\u{9b}2J\u{202e}\"c\\""#);
    }

    #[test]
    fn harmless_lines_stay_lines() {
        assert_eq!(
            harmless("error: Zoë\nhint: \u{1b}[2J\u{202e}\n"),
            "error: Zoë\nhint: \\u{1b}[2J\\u{202e}\n"
        );
    }

    #[test]
    fn harmless_json_says_the_same() {
        let text = "a\n\u{9b}2J \u{202e}\u{E0041} Zoë";
        let json = harmless_json(serde_json::to_string(text).unwrap());
        assert_eq!(json, r#""a\n\u009b2J \u202e\udb40\udc41 Zoë""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
