//! The configuration file: TOML, one line a setting.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use toml::{Table, Value};

use crate::error::CliError;
use crate::settings::names;
use crate::usage::UsageError;

/// A configuration file that was read.
#[derive(Debug)]
pub struct File {
    /// Where it is.
    pub path: PathBuf,
    table: Table,
}

impl File {
    /// Reads it. Whether its names are known is another question.
    pub fn read(path: PathBuf) -> Result<Self, CliError> {
        let unreadable = |why: String| {
            let message = format!("the configuration file {}: {why}", path.display());
            UsageError { code: "CONFIG_UNREADABLE", message, hint: None }
        };
        let text = fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
        let table = text.parse::<Table>().map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map(|before| format!("line {}: ", before.matches('\n').count() + 1));
            unreadable(format!("{}{}", line.unwrap_or_default(), error.message()))
        })?;
        Ok(Self { path, table })
    }

    /// The values of a setting, if the file has it.
    pub fn values(&self, name: &str) -> Option<Result<Vec<OsString>, CliError>> {
        let value = self.table.get(name)?;
        let values = match value {
            Value::Array(values) => values.iter().map(plain).collect(),
            value => plain(value).map(|value| vec![value]),
        };
        Some(values.ok_or_else(|| {
            let message =
                format!("{name} in {} is no text, number or truth, nor a list", self.path.display());
            UsageError { code: "VALUE_INVALID", message, hint: None }.into()
        }))
    }

    /// What it has that is a setting of no command.
    pub fn unknown(&self) -> Vec<UsageError> {
        let known = names::of_files();
        let place = format!("in {}", self.path.display());
        let unknown = self.table.keys().filter(|name| !known.contains(*name));
        unknown.map(|name| names::unknown_name(name, &place, &known)).collect()
    }
}

/// A value as a flag would have it.
fn plain(value: &Value) -> Option<OsString> {
    match value {
        Value::String(text) => Some(text.into()),
        Value::Integer(number) => Some(number.to_string().into()),
        Value::Float(number) => Some(number.to_string().into()),
        Value::Boolean(truth) => Some(truth.to_string().into()),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}
