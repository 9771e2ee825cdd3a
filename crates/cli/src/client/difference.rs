//! What is not the same in two states, for people.

use serde_json::Value;

use super::graphql::text;
use super::show;

/// What is asked of a difference.
pub const SELECTION: &str = "what kind id tenant_id increases_access summary fields { name before after }";

/// In one line: added (`+`), removed (`-`) or changed (`~`), and whether it lets somebody do more.
pub fn line(difference: &Value) -> String {
    let sign = match text(difference, "what") {
        "added" => "+",
        "removed" => "-",
        _ => "~",
    };
    let more = if difference["increases_access"] == true { "  (more access)" } else { "" };
    format!("{sign} {}{more}", show::line(difference, "summary"))
}

/// What is otherwise, a field a line.
pub fn fields(difference: &Value) -> impl Iterator<Item = String> {
    let fields = difference["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
    fields.iter().map(|field| {
        let side = |name| show::cell_or(field, name, "nothing");
        format!("    {}: {} -> {}", text(field, "name"), side("before"), side("after"))
    })
}
