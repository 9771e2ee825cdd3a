//! What differs between two moments as a unified diff: plain text that can be pasted into a ticket.

use super::shown::Basis;
use super::time_machine::{Difference, Entry};

/// A line, with the class of its style.
pub(super) struct Line {
    pub(super) class: &'static str,
    pub(super) text: String,
}

/// The lines of the whole difference; none if nothing is otherwise.
pub(super) fn lines(difference: &Difference) -> Vec<Line> {
    if difference.entries.is_empty() {
        return vec![];
    }
    let mut lines = vec![
        Line { class: "file", text: format!("--- {}", moment(&difference.from)) },
        Line { class: "file", text: format!("+++ {}", moment(&difference.to)) },
    ];
    for entry in &difference.entries {
        let more = if entry.increases_access { " (more access)" } else { "" };
        let head = format!("@@ {} {}{more} @@", entry.what, on_one_line(entry.subject()));
        lines.push(Line { class: "head", text: head });
        lines.extend(fields(entry));
    }
    lines
}

fn fields(entry: &Entry) -> Vec<Line> {
    let mut lines = vec![];
    for field in &entry.fields {
        for (class, sign, value) in [("gone", '-', &field.before), ("new", '+', &field.after)] {
            if let Some(value) = value {
                lines.push(Line { class, text: format!("{sign}{}: {}", field.name, on_one_line(value)) });
            }
        }
    }
    lines
}

fn moment(basis: &Basis) -> String {
    format!("event {}\t{}", basis.position, basis.instant.exact())
}

/// A text that cannot look like another line.
fn on_one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_field_is_a_line_and_a_name_is_never_two() {
        let basis =
            |position: &str| json!({"position": position, "instant": "2026-01-01T00:00:00Z", "head": "9"});
        let difference = serde_json::from_value(json!({
            "from": basis("3"), "to": basis("9"), "events_count": 6, "count": 1,
            "entries": [{
                "what": "changed", "kind": "key", "id": null, "increases_access": true,
                "summary": "key \"night\n+ly\"",
                "fields": [
                    {"name": "expires_at", "before": "2026-02-01T00:00:00Z", "after": null},
                    {"name": "name", "before": "a\r\nb", "after": "c"},
                ],
            }],
        }));
        let lines: Vec<_> = lines(&difference.unwrap()).into_iter().map(|line| line.text).collect();
        assert_eq!(
            lines,
            [
                "--- event 3\t2026-01-01T00:00:00Z",
                "+++ event 9\t2026-01-01T00:00:00Z",
                "@@ changed key \"night +ly\" (more access) @@",
                "-expires_at: 2026-02-01T00:00:00Z",
                "-name: a  b",
                "+name: c",
            ]
        );
    }
}
