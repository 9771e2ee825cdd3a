//! What people may call things: plain text, parsed once at the edge, before it is sealed.

use crate::ids::TenantId;

/// Why a text is not fit to be a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing but white space was given.
    #[error("{what} must not be empty")]
    Empty {
        /// What the text was to be, with its article.
        what: &'static str,
    },
    /// More bytes than a name may have.
    #[error("{what} may have at most {bytes_max} bytes of UTF-8; this one has {bytes}")]
    TooLong {
        /// What the text was to be, with its article.
        what: &'static str,
        /// How many bytes it has.
        bytes: usize,
        /// How many it may have.
        bytes_max: usize,
    },
    /// A character that could deceive a reader of a list or a log.
    #[error("{what} must not hold control or invisible formatting characters (found U+{character:04X})")]
    Forbidden {
        /// What the text was to be, with its article.
        what: &'static str,
        /// The character's code point.
        character: u32,
    },
    /// Not of the form that this kind of name has.
    #[error("not {what}: {rule}")]
    Form {
        /// What the text was to be, with its article.
        what: &'static str,
        /// The form that it must have.
        rule: &'static str,
    },
}

/// A display name: of a key, a service account, a tenant or a person. Any script; one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The most bytes of UTF-8 a name may have.
    pub const BYTES_MAX: usize = 200;

    /// Trims white space at both ends and checks the rest.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        one_line("a name", text, Self::BYTES_MAX).map(Self)
    }

    /// The name that a service account is to have. Commands take a name, an id or a person's address in one place, so it
    /// must read as neither of the others.
    pub fn of_account(text: &str) -> Result<Self, NameError> {
        let name = Self::parse(text)?;
        let refused = |rule| Err(NameError::Form { what: "a service account's name", rule });
        if is_id(name.as_str()) {
            return refused(LIKE_AN_ID);
        }
        if Email::parse(name.as_str()).is_ok() {
            return refused(
                "it has the form of an e-mail address, and would be taken for a person's; choose another",
            );
        }
        Ok(name)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A free remark, such as the reason of a revocation. One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note(String);

impl Note {
    /// The most bytes of UTF-8 a note may have.
    pub const BYTES_MAX: usize = 2_000;

    /// Trims white space at both ends and checks the rest.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        one_line("a note", text, Self::BYTES_MAX).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A tenant's short name in addresses and commands: lower-case letters, digits and inner hyphens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slug(String);

impl Slug {
    /// The most characters a slug may have: those of a DNS label (RFC 1035, section 2.3.4).
    pub const BYTES_MAX: usize = 63;

    /// Accepts what a DNS label accepts, in lower case, and what is no id.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = one_line("a slug", text, Self::BYTES_MAX)?;
        if is_id(&text) {
            return Err(NameError::Form { what: "a slug", rule: LIKE_AN_ID });
        }
        let label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !text.chars().all(label) || text.starts_with('-') || text.ends_with('-') {
            let rule = "use lower-case letters a-z, digits and inner hyphens, for example acme-prod";
            return Err(NameError::Form { what: "a slug", rule });
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A person's e-mail address. Compared without regard to letter case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// The most bytes an address may have (RFC 5321, section 4.5.3.1.3, less the brackets).
    pub const BYTES_MAX: usize = 254;

    /// Checks the shape only: one `@`, something on both sides, no white space.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = one_line("an e-mail address", text, Self::BYTES_MAX)?;
        let shaped = text
            .split_once('@')
            .is_some_and(|(local, host)| !local.is_empty() && !host.is_empty() && !host.contains('@'));
        if !shaped || text.contains(char::is_whitespace) {
            let rule = "it needs one @ with something on both sides, for example ada@example.com";
            return Err(NameError::Form { what: "an e-mail address", rule });
        }
        Ok(Self(text))
    }

    /// The text as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which two spellings of one address are equal.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

const LIKE_AN_ID: &str = "it has the form of an id, and would be taken for one; choose another";

/// Whether a text is taken for an id wherever an id or a name can be given.
fn is_id(text: &str) -> bool {
    TenantId::parse(text).is_ok()
}

fn one_line(what: &'static str, text: &str, bytes_max: usize) -> Result<String, NameError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(NameError::Empty { what });
    }
    if text.len() > bytes_max {
        return Err(NameError::TooLong { what, bytes: text.len(), bytes_max });
    }
    let mut before = ' ';
    for c in text.chars() {
        // By it a sign such as the gear is asked for as a picture: there it is seen.
        let picture = c == '\u{FE0F}' && may_be_picture(before);
        if deceives(c) && !picture {
            return Err(NameError::Forbidden { what, character: c.into() });
        }
        before = c;
    }
    Ok(text.to_owned())
}

/// Whether a sign may be shown as a picture, roughly: the blocks of Unicode's `emoji-variation-sequences.txt` beyond ASCII.
fn may_be_picture(c: char) -> bool {
    matches!(c, '©' | '®' | '‼' | '⁉' | '™' | 'ℹ' | '↔'..='↪' | '⌚'..='⏿' | 'Ⓜ' | '▪'..='◾' | '☀'..='➿')
        || matches!(c, '⤴' | '⤵' | '⬅'..='⭕' | '〰' | '〽' | '㊗' | '㊙' | '\u{1F000}'..='\u{1FAFF}')
}

/// Control characters break lines in logs; bidirectional and invisible ones make one name look like another. These are those that
/// Unicode has as Default_Ignorable_Code_Point (`DerivedCoreProperties.txt`), two that break lines, and a letter of Braille without dots.
fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}')
        || matches!(c, '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}')
        || matches!(c, '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
        || matches!(c, '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}')
        || matches!(c, '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_script_are_kept_and_trimmed() {
        assert_eq!(Name::parse("  Schlüssel für Zoë 🔑 ").unwrap().as_str(), "Schlüssel für Zoë 🔑");
        assert!(Name::parse(&"é".repeat(100)).is_ok());
    }

    #[test]
    fn bad_names_say_what_is_wrong() {
        let said = |text: &str| Name::parse(text).unwrap_err().to_string();
        assert_eq!(said(" \t "), "a name must not be empty");
        assert_eq!(
            said(&"x".repeat(10_240)),
            "a name may have at most 200 bytes of UTF-8; this one has 10240"
        );
        assert!(said("a\nlevel=INFO forged").contains("U+000A"));
        assert!(said("evil\u{202E}txt.exe").contains("U+202E"));
        for invisible in [
            '\u{34F}',
            '\u{115F}',
            '\u{3164}',
            '\u{FFA0}',
            '\u{2800}',
            '\u{FE0F}',
            '\u{180B}',
            '\u{17B4}',
            '\u{E0100}',
        ] {
            assert!(Name::parse(&format!("deploy{invisible}")).is_err(), "U+{:04X}", u32::from(invisible));
            assert!(
                Email::parse(&format!("op{invisible}@example.com")).is_err(),
                "U+{:04X}",
                u32::from(invisible)
            );
        }
        for picture in ["⚙", "ℹ", "©", "☁", "❤", "🅰"] {
            assert!(Name::parse(&format!("{picture}\u{FE0F} nightly")).is_ok(), "{picture}");
        }
        for unseen in ["⚙\u{FE0F}", "deploy\u{3000}", "a–", "a•", "一"] {
            assert!(Name::parse(&format!("{unseen}\u{FE0F}b")).is_err(), "{unseen}");
        }
    }

    #[test]
    fn slugs_are_dns_labels() {
        for good in ["a", "acme", "acme-prod-2"] {
            assert_eq!(Slug::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a-", "Acme", "a b", "a_b", "é", &"a".repeat(64)] {
            assert!(Slug::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_that_are_given_where_ids_are_do_not_look_like_ids() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        for form in [id.to_owned(), id.replace('-', "")] {
            assert!(Slug::parse(&form).unwrap_err().to_string().contains("the form of an id"), "{form}");
            assert!(Name::of_account(&form).unwrap_err().to_string().contains("the form of an id"), "{form}");
            assert!(Name::parse(&form).is_ok(), "a key may be called so: it is not found by its name");
        }
        for form in [&id.to_uppercase(), &format!("{{{id}}}"), &format!("urn:uuid:{id}"), "ada@example.com"] {
            assert!(Name::of_account(form).is_err(), "{form}");
        }
        for good in ["etl-agent", "etl 01890a5d", "@home", "nightly @ 02:00", "deadbeef"] {
            assert!(Name::of_account(good).is_ok(), "{good}");
        }
        assert!(Slug::parse(&format!("{id}-x")).is_ok());
    }

    #[test]
    fn addresses_are_compared_without_case() {
        assert_eq!(Email::parse("Ada@Example.com").unwrap().folded(), "ada@example.com");
        for bad in ["", "ada", "@x", "a@", "a@b@c", "a b@c"] {
            let said = Email::parse(bad).unwrap_err().to_string();
            assert!(said.contains("an e-mail address"), "{bad}: {said}");
        }
    }
}
