//! Settings: a flag wins over the environment, that over the configuration file, and that over the default.
//!
//! A setting is an argument with a variable `KEYLEDGER_…`: declaring it is all that there is to do. Its name
//! in the file is that of the variable, in lower case and without the beginning; the variable's twin, which
//! ends in `_FILE`, names a file that holds the value. Commands take part that have `--config`.

mod file;
mod names;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory as _, FromArgMatches as _};

use crate::args::Cli;
use crate::error::CliError;
use crate::help;
use crate::usage::UsageError;

pub use file::File;
use names::twin_of;
pub use names::{name_of, settings_of};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// A variable of the environment.
    Variable(String),
    /// The file that a variable of the environment names.
    VariableFile(String, PathBuf),
    /// The configuration file.
    File(PathBuf),
    /// Nobody set it.
    Default,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Variable(variable) => f.write_str(variable),
            Self::VariableFile(variable, path) => write!(f, "{variable}: {}", path.display()),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A command line to which everything was added that is set elsewhere.
pub struct Resolved {
    /// The whole command line.
    pub arguments: Vec<OsString>,
    /// Where each setting comes from, by the id of its argument.
    pub origins: BTreeMap<String, Origin>,
    /// Names that are no settings.
    pub unknown: Vec<UsageError>,
}

/// Parses the command line, with what is set elsewhere.
pub fn parse(arguments: Vec<OsString>) -> Result<Cli, CliError> {
    let command = Cli::command();
    let matches = command.clone().ignore_errors(true).try_get_matches_from(&arguments);
    // Help was asked for, or the version.
    let Ok(matches) = matches else { return Ok(parsed(&arguments)?) };
    let (mut asked, mut inner) = (&command, &matches);
    while let Some((name, matches)) = inner.subcommand() {
        let Some(command) = asked.find_subcommand(name) else { break };
        (asked, inner) = (command, matches);
    }
    if asked.get_arguments().all(|argument| argument.get_id() != "config") {
        return Ok(parsed(&arguments)?);
    }
    let resolved = resolve(asked, inner, arguments, config(inner))?;
    // Only a doctor goes on to tell of them among other things.
    if asked.get_name() != "doctor"
        && let Some(unknown) = resolved.unknown.into_iter().next()
    {
        return Err(unknown.into());
    }
    parsed(&resolved.arguments).map_err(|error| explained(error, asked, &resolved.origins))
}

fn parsed(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&help::command().try_get_matches_from(arguments)?)
}

/// The configuration file, if one is named.
fn config(matches: &ArgMatches) -> Option<PathBuf> {
    let flag = matches.try_get_one::<PathBuf>("config").ok().flatten().cloned();
    flag.or_else(|| std::env::var_os("KEYLEDGER_CONFIG").map(PathBuf::from))
}

/// Adds to the arguments of a command what the environment's files and the configuration file set.
pub fn resolve(
    asked: &Command,
    given: &ArgMatches,
    mut arguments: Vec<OsString>,
    config: Option<PathBuf>,
) -> Result<Resolved, CliError> {
    let file = config.map(File::read).transpose()?;
    let mut added = vec![];
    let mut origins = BTreeMap::new();
    for setting in settings_of(asked) {
        let id = setting.get_id().as_str();
        let variable = names::variable_of(setting);
        let twin = twin_of(&variable).and_then(|twin| Some((std::env::var_os(&twin)?, twin)));
        let set = std::env::var_os(&variable).is_some();
        let from_file = file.as_ref().and_then(|file| Some((file.values(&name_of(&variable))?, file)));
        let origin = match (given.value_source(id), twin, from_file) {
            (_, Some((_, twin)), _) if set => {
                let message = format!("{variable} and {twin} are both given; give one of them");
                return Err(UsageError { code: "SETTING_TWICE", message, hint: None }.into());
            }
            (Some(ValueSource::CommandLine), _, _) => Origin::Flag,
            (_, None, _) if set => Origin::Variable(variable),
            (_, Some((path, twin)), _) => {
                let path = PathBuf::from(path);
                let origin = Origin::VariableFile(twin, path.clone());
                let contents = fs::read(&path).map_err(|error| {
                    let message = format!("{origin}: {error}");
                    UsageError { code: "SETTING_UNREADABLE", message, hint: None }
                })?;
                let value = OsStr::from_bytes(contents.trim_ascii()).to_owned();
                added.extend(as_arguments(setting, vec![value], &origin)?);
                origin
            }
            (_, None, Some((values, file))) => {
                let origin = Origin::File(file.path.clone());
                added.extend(as_arguments(setting, values?, &origin)?);
                origin
            }
            (_, None, None) => Origin::Default,
        };
        origins.insert(id.to_owned(), origin);
    }
    let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    arguments.splice(end..end, added);
    let mut unknown = names::unknown_variables();
    unknown.extend(file.iter().flat_map(File::unknown));
    Ok(Resolved { arguments, origins, unknown })
}

/// Every name that is no setting. A file that cannot be read is another error's.
pub fn unknown(config: Option<PathBuf>) -> Vec<UsageError> {
    let mut unknown = names::unknown_variables();
    let file = config.and_then(|path| File::read(path).ok());
    unknown.extend(file.iter().flat_map(File::unknown));
    unknown
}

/// A setting's values as its flag would have them.
fn as_arguments(setting: &Arg, values: Vec<OsString>, origin: &Origin) -> Result<Vec<OsString>, CliError> {
    let long = format!("--{}", setting.get_long().expect("a setting has a long flag"));
    let malformed = |why: &str| {
        let message = format!("{long}: {why}");
        UsageError { code: "VALUE_INVALID", message, hint: Some(set_by(origin)) }
    };
    if matches!(setting.get_action(), ArgAction::SetTrue) {
        let values: Vec<_> = values.iter().map(|value| value.to_string_lossy().to_lowercase()).collect();
        return match values.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["true" | "yes" | "on" | "y" | "t" | "1"] => Ok(vec![long.into()]),
            ["false" | "no" | "off" | "n" | "f" | "0"] => Ok(vec![]),
            _ => Err(malformed("give true or false").into()),
        };
    }
    let values = match setting.get_value_delimiter() {
        Some(delimiter) if values.len() > 1 => vec![joined(&values, delimiter)],
        _ => values,
    };
    if values.len() != 1 && !matches!(setting.get_action(), ArgAction::Append) {
        return Err(malformed("give one value").into());
    }
    let argument = |value: OsString| [OsStr::new(&long), OsStr::new("="), &value].into_iter().collect();
    Ok(values.into_iter().map(argument).collect())
}

fn joined(values: &[OsString], delimiter: char) -> OsString {
    let mut delimiter_bytes = [0; 4];
    let delimiter = delimiter.encode_utf8(&mut delimiter_bytes).as_bytes();
    OsString::from_vec(values.iter().map(|value| value.as_bytes()).collect::<Vec<_>>().join(delimiter))
}

/// An error of the command line; where the value at fault is from elsewhere, with a word on where.
pub fn explained(error: clap::Error, asked: &Command, origins: &BTreeMap<String, Origin>) -> CliError {
    let at_fault = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => argument.split(' ').next().map(str::to_owned),
        _ => None,
    };
    let origin = at_fault.and_then(|flag| {
        let long = |argument: &&Arg| argument.get_long().is_some_and(|long| flag == format!("--{long}"));
        origins.get(asked.get_arguments().find(long)?.get_id().as_str())
    });
    match (CliError::from(error), origin) {
        (CliError::Usage(error), Some(origin)) if error.hint.is_none() && *origin != Origin::Flag => {
            UsageError { hint: Some(set_by(origin)), ..error }.into()
        }
        (error, _) => error,
    }
}

fn set_by(origin: &Origin) -> String {
    format!("this is set by {origin}; keyledger config show --origin shows every setting")
}
