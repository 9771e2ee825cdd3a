//! With which field of a form what was refused is wrong: whoever sent it is led there, and the field says so itself.

use std::fmt;

use askama::filters::HtmlSafe;

use crate::graphql::in_process::Refused;

/// A field: its id on the page, and its label there.
pub(super) type Field = (&'static str, &'static str);

pub(super) const NAME: Field = ("name", "Name");
pub(super) const NOTE: Field = ("note", "Note");
pub(super) const EMAIL: Field = ("email", "E-mail address");
pub(super) const OWNER: Field = ("owner", "Whose key is it?");
pub(super) const CUSTOM_END: Field = ("custom_end", "At this time, in UTC");
pub(super) const MORE_SCOPES: Field = ("more_scopes", "Scopes of your own services");
pub(super) const PROOF: Field = ("proof", "Your key");

/// What is refused about a field: the codes, and of those that are about any name the word by which the message tells which.
pub(super) struct Meant {
    pub(super) field: Field,
    pub(super) codes: &'static [&'static str],
    pub(super) word: Option<&'static str>,
}

/// What concerns a key that is pasted once more.
const OF_THE_PROOF: &[&str] = &[
    "PROOF_MISSING",
    "OTHER_KEY",
    "CREDENTIAL_MALFORMED",
    "KEY_MISTYPED",
    "KEY_UNKNOWN",
    "TOO_MANY_GUESSES",
];

/// What was refused, with the field that it is about: of a part that the API names the label says more.
pub(super) fn about(refused: Refused, fields: &[Meant]) -> Refused {
    if refused.field.is_some() {
        return refused;
    }
    let of_a_name = ["NAME_TOO_LONG", "NAME_INVALID"].contains(&refused.code.as_str());
    let is_meant = |meant: &&Meant| {
        let named = || meant.word.is_some_and(|word| refused.message.contains(word));
        meant.codes.contains(&refused.code.as_str()) || of_a_name && named()
    };
    let found = fields.iter().find(is_meant).map(|meant| meant.field);
    let of_the_proof = OF_THE_PROOF.contains(&refused.code.as_str()).then_some(PROOF);
    match found.or(of_the_proof) {
        Some(field) => {
            let message = without_the_part(&refused.message).to_owned();
            Refused { message, ..refused }.at(field)
        }
        None => refused,
    }
}

/// A message without the name of a part of the API's input before it, such as `allowed_addresses: `.
fn without_the_part(message: &str) -> &str {
    let named = |part: &str| part.bytes().all(|byte| byte.is_ascii_lowercase() || b"_.".contains(&byte));
    message.split_once(": ").filter(|(part, _)| named(part)).map_or(message, |(_, rest)| rest)
}

/// The attributes of a field: by what it is described, and whether it is what is wrong.
pub(super) struct Marks {
    wrong: bool,
    hint: &'static str,
}

/// Those of the field with this id, which has a hint with that id; empty: it has none.
pub(super) fn marks(error: &Option<Refused>, id: &str, hint: &'static str) -> Marks {
    let field = error.as_ref().and_then(|refused| refused.field);
    Marks { wrong: field.is_some_and(|(wrong, _)| wrong == id), hint }
}

impl fmt::Display for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.wrong, self.hint) {
            (true, "") => write!(f, r#"aria-invalid="true" aria-describedby="error""#),
            (true, hint) => write!(f, r#"aria-invalid="true" aria-describedby="error {hint}""#),
            (false, "") => Ok(()),
            (false, hint) => write!(f, r#"aria-describedby="{hint}""#),
        }
    }
}

/// Only words of our own are ever written.
impl HtmlSafe for Marks {}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [Meant; 2] = [
        Meant { field: EMAIL, codes: &["EMAIL_TAKEN"], word: Some("e-mail address") },
        Meant { field: NAME, codes: &["NAME_TAKEN"], word: Some("a name") },
    ];

    #[test]
    fn the_field_that_is_wrong_is_named_and_says_so() {
        let wrong = |code: &str, message: &str| about(Refused::new(code, message), &FIELDS).field;
        assert_eq!(wrong("NAME_TAKEN", "another one has it"), Some(NAME));
        assert_eq!(wrong("NAME_INVALID", "not an e-mail address: it has no @"), Some(EMAIL));
        assert_eq!(wrong("NAME_TOO_LONG", "a name may have at most 200 bytes"), Some(NAME));
        assert_eq!(wrong("FORBIDDEN", "a name"), None);
        assert_eq!(wrong("OTHER_KEY", "this is another"), Some(PROOF));
        let refused = Some(Refused::new("X", "x").at(NAME));
        assert_eq!(
            marks(&refused, "name", "name-hint").to_string(),
            r#"aria-invalid="true" aria-describedby="error name-hint""#
        );
        assert_eq!(marks(&refused, "note", "note-hint").to_string(), r#"aria-describedby="note-hint""#);
        assert_eq!(marks(&None, "name", "").to_string(), "");
        assert_eq!(without_the_part("allowed_addresses: a network is"), "a network is");
        assert_eq!(without_the_part("not a slug: use letters"), "not a slug: use letters");
    }
}
