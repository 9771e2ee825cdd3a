//! Words of the API, as people say them. One that a newer server may tell is shown as it is.

use domain::key::RevocationReason;
use domain::telling::Word;

/// The interface of a command, in words.
pub(super) fn interface_words(way: &str) -> &str {
    match way {
        "graphql" => "GraphQL",
        "rest" => "REST",
        "oauth" => "OAuth",
        "cli" => "the command line",
        "ui" => "this web UI",
        "bootstrap" => "the machine itself",
        "schedule" => "the server itself",
        "import" => "an import",
        other => other,
    }
}

/// A kind of program, in words.
pub(super) fn program_words(kind: &str) -> &str {
    match kind {
        "browser" => "a browser",
        "python" => "a Python program",
        "go" => "a Go program",
        "node" => "a Node program",
        "other" => "another program",
        "none" => "a program that gave no name",
        // Those that have a name of their own.
        named => named,
    }
}

/// Why a key was revoked, in words.
pub(super) fn reason_words(reason: &str) -> &str {
    // None was given: that is no reason.
    if reason == RevocationReason::Unspecified.as_str() {
        return "none was given";
    }
    let known = RevocationReason::ALL.into_iter().find(|known| known.as_str() == reason);
    known.map_or(reason, |known| Word::Revoked(known).in_plain_words())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::ending_key::REASONS;

    #[test]
    fn nobody_is_told_a_word_of_the_api() {
        for (value, _) in REASONS {
            assert!(!reason_words(value).contains('_') && reason_words(value) != value, "{value}");
        }
        assert_eq!(program_words("none"), "a program that gave no name");
        assert_eq!((program_words("curl"), interface_words("ui")), ("curl", "this web UI"));
        assert_eq!(reason_words("of_a_newer_server"), "of_a_newer_server");
    }
}
