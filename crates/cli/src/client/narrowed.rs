//! Arguments that narrow a list down, the same for all that stands and has a name.

use clap::{Args, ValueEnum};
use domain::role::Role;
use serde_json::{Value, json};

use super::names::parse_role;

/// How those wanted stand.
#[derive(Debug, Args)]
pub struct StateArgs {
    /// That stand so: living, suspended or removed; several with commas between
    #[arg(
        long = "state",
        value_name = "STATE",
        value_enum,
        value_delimiter = ',',
        hide_possible_values = true
    )]
    states: Vec<State>,
}

/// Which roles those wanted have.
#[derive(Debug, Args)]
pub struct RoleArgs {
    /// With this role: administrator, member, runner or read_only; several with commas between
    #[arg(long = "role", value_name = "ROLE", value_parser = parse_role, value_delimiter = ',')]
    roles: Vec<Role>,
}

/// How something stands, spelt as in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum State {
    Living,
    Suspended,
    Removed,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Living => "living",
            Self::Suspended => "suspended",
            Self::Removed => "removed",
        }
    }
}

impl StateArgs {
    /// For a filter of the API: null, if any will do.
    pub fn asked(&self) -> Value {
        any_or(self.states.iter().map(|state| state.as_str()).collect())
    }
}

impl RoleArgs {
    /// For a filter of the API: null, if any will do.
    pub fn asked(&self) -> Value {
        any_or(self.roles.iter().map(|role| role.as_str()).collect())
    }
}

/// An empty list would mean none of them.
fn any_or(words: Vec<&'static str>) -> Value {
    if words.is_empty() { Value::Null } else { json!(words) }
}
