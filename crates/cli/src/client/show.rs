//! How answers are shown: JSON for programs, a table, a sentence or a list of facts for people.

use replay::print::{harmless_json, one_line, quoted};
use replay::table::Table;
use serde_json::{Value, json};

use super::as_of;
use super::error::ClientError;
use super::graphql::{Listed, text};
use crate::error::CliError;
use crate::output::{self, Output};

/// One object for programs, or a text for people.
pub fn result(form: Output, answer: &Value, for_people: impl FnOnce() -> String) -> Result<(), CliError> {
    let text = match form {
        Output::Json => json_line(answer),
        Output::Table => format!("{}\n", for_people()),
    };
    output::write(&text)?;
    Ok(())
}

/// An array for programs, or a table for people. If a moment was asked about, an object with `as_of` and `entries`, or
/// a line above the table.
pub fn list<const N: usize>(
    form: Output,
    listed: Listed,
    headings: [&str; N],
    cells: impl Fn(&Value) -> [String; N],
) -> Result<(), CliError> {
    let Listed { entries, as_of, more: _ } = listed;
    let text = match form {
        Output::Json if as_of.is_null() => json_line(&json!(entries)),
        Output::Json => json_line(&json!({"as_of": as_of, "entries": entries})),
        Output::Table => {
            let mut out = vec![];
            if !as_of.is_null() {
                out.extend_from_slice(format!("{}\n\n", as_of::line(&as_of)).as_bytes());
            }
            let mut table = Table::new(&mut out, headings);
            for entry in &entries {
                table.line(cells(entry))?;
            }
            table.finish()?;
            String::from_utf8(out).expect("a table of texts is text")
        }
    };
    output::write(&text)?;
    if entries.is_empty() && form == Output::Table {
        output::remark("note: there are none that you may see\n");
    }
    Ok(())
}

/// Notes what a single thing rests on, if a moment was asked about.
pub fn as_of(thing: &mut Value, as_of: Value) {
    if !as_of.is_null() {
        thing["as_of"] = as_of;
    }
}

/// A text for people, below the moment that it rests on, if one was asked about.
pub fn below_moment(thing: &Value, text: String) -> String {
    match &thing["as_of"] {
        Value::Null => text,
        as_of => format!("{}\n\n{text}", super::as_of::line(as_of)),
    }
}

/// A secret, which is shown this once: alone on standard output, so that it can be piped, with a remark beside it.
pub fn secret(form: Output, answer: &Value, remark: Option<&str>) -> Result<(), CliError> {
    let id = text(answer, "id");
    let Some(secret) = answer["key"].as_str() else {
        return Err(ClientError::KeyNotShownAgain { id: id.to_owned() }.into());
    };
    let out = match form {
        Output::Json => json_line(answer),
        Output::Table => format!("{secret}\n"),
    };
    output::write_all(&out).map_err(|error| ClientError::KeyLost { id: id.to_owned(), error })?;
    if let (Output::Table, Some(remark)) = (form, remark) {
        output::remark(remark);
    }
    Ok(())
}

/// How many, for people: `1 key`, `2 keys`.
pub fn counted(count: &Value, noun: &str) -> String {
    let many = if *count == 1 { "" } else { "s" };
    format!("{count} {noun}{many}")
}

/// Names and values, one a line, aligned.
pub fn facts(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let line = |(name, value): &(&str, String)| format!("{name:<width$}  {value}");
    facts.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A text as a cell: as it is, unless something in it would deceive the reader.
pub fn plain(text: &str) -> String {
    let quoted = quoted(text);
    if quoted.len() == text.len() + 2 { text.to_owned() } else { quoted }
}

/// A line that has names in quotes already: only what would deceive the reader is escaped.
pub fn line(value: &Value, name: &str) -> String {
    one_line(text(value, name))
}

/// A member of an answer as a cell; `-` if it is null.
pub fn cell(value: &Value, name: &str) -> String {
    cell_or(value, name, "-")
}

/// The same with another word for null.
pub fn cell_or(value: &Value, name: &str, none: &str) -> String {
    match &value[name] {
        Value::Null => none.to_owned(),
        Value::String(text) => plain(text),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().filter_map(Value::as_str).map(plain).collect();
            if items.is_empty() { none.to_owned() } else { items.join(" ") }
        }
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => plain(&other.to_string()),
    }
}

fn json_line(value: &Value) -> String {
    format!("{}\n", harmless_json(value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_deceives_is_quoted() {
        assert_eq!(plain("Zoë's key 🔑"), "Zoë's key 🔑");
        assert_eq!(plain("a\u{1b}[2J"), r#""a\u{1b}[2J""#);
        let value = json!({"n": null, "b": true, "l": ["a", "b"], "i": 3});
        let cells = ["n", "b", "l", "i", "missing"].map(|name| cell(&value, name));
        assert_eq!(cells, ["-", "yes", "a b", "3", "-"]);
    }

    #[test]
    fn facts_are_aligned() {
        assert_eq!(facts(&[("id", "1".into()), ("tenant", "2".into())]), "id      1\ntenant  2");
    }
}
