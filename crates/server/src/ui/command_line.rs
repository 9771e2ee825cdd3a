//! What a page shows, as a line to paste into a shell.

/// A command with the flags that have a value.
pub(super) fn with_flags(command: &str, flags: &[(&str, Option<&str>)]) -> String {
    let mut line = command.to_owned();
    for (flag, value) in flags {
        if let Some(value) = value {
            // What begins like a flag is none, if it stands right behind its own.
            let mark = if value.starts_with('-') { '=' } else { ' ' };
            line.push_str(&format!(" {flag}{mark}{}", quoted(value)));
        }
    }
    line
}

/// A word that a shell takes as it stands, whatever is in it.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.,:@/+%=".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_word_to_a_shell_and_no_flag() {
        let line = |value| with_flags("keyledger key list", &[("--named", value)]);
        assert_eq!(line(None), "keyledger key list");
        assert_eq!(line(Some("nightly")), "keyledger key list --named nightly");
        assert_eq!(line(Some("a b")), "keyledger key list --named 'a b'");
        assert_eq!(line(Some("$(reboot)'; x")), r"keyledger key list --named '$(reboot)'\''; x'");
        assert_eq!(line(Some("--all")), "keyledger key list --named=--all");
    }
}
