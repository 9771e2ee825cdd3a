//! As of: the moment that a reading command asks about, as people write it.

use clap::Args;
use serde_json::Value;

use super::graphql::{Argument, text};
use crate::moment::Moment;

/// The moment asked about.
#[derive(Debug, Default, Args)]
pub struct AsOfArgs {
    /// As it was at this moment: 2026-01-01T00:00:00Z, -2h, a position such as 1042 or @1042, or before:1042 for
    /// just before that event
    #[arg(long, value_name = "MOMENT", value_parser = Moment::parse_past, allow_hyphen_values = true)]
    pub as_of: Option<Moment>,
}

impl AsOfArgs {
    /// Now.
    pub const NOW: Self = Self { as_of: None };

    /// The argument of a query; null, if now is meant.
    pub fn argument(&self) -> Argument {
        ("as_of", "as_of_input", self.as_of.map_or(Value::Null, Moment::asked))
    }
}

/// What an answer rests on, for people.
pub fn line(as_of: &Value) -> String {
    format!(
        "As of position {}, {}; the log ends at position {}",
        text(as_of, "position"),
        text(as_of, "instant"),
        text(as_of, "head")
    )
}
