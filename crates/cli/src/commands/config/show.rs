//! `config show`: lists every setting of `serve`, as the server would have it if it were started now.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, CommandFactory as _};
use serde_json::{Value, json};

use crate::args::Cli;
use crate::commands::serve;
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs};
use crate::settings::{self, Origin};

const EXAMPLES: &str = "\
Examples:
  keyledger config show --origin
  keyledger config show --config /etc/keyledger.toml -o json
  keyledger config show --origin -- --listen 127.0.0.1:8080

A flag wins over the environment, that over the configuration file, and that over the default.";

/// What to show.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ShowArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "KEYLEDGER_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// Also where each value comes from
    #[arg(long)]
    origin: bool,
    /// Flags as serve would be given them
    #[arg(last = true, value_name = "FLAGS")]
    flags: Vec<OsString>,
    #[command(flatten)]
    output: OutputArgs,
}

/// One setting.
pub struct Shown {
    name: String,
    variable: String,
    flag: String,
    value: Option<String>,
    origin: Origin,
}

/// Lists them.
pub fn run(args: ShowArgs) -> Result<(), CliError> {
    let shown = settings_of_serve(args.config, args.flags)?;
    let text = match args.output.output {
        Output::Json => {
            let settings: Vec<_> = shown.iter().map(|shown| as_json(shown, args.origin)).collect();
            format!("{}\n", json!({ "settings": settings }))
        }
        Output::Table => as_table(&shown, args.origin),
    };
    output::write(&text)?;
    Ok(())
}

/// Every setting of `serve` with these flags; an error if one of them is malformed.
pub fn settings_of_serve(config: Option<PathBuf>, flags: Vec<OsString>) -> Result<Vec<Shown>, CliError> {
    let command = Cli::command();
    let serve = command.find_subcommand("serve").expect("there is a command to serve");
    let serve = serve.clone().mut_args(|argument| argument.required(false));
    let arguments: Vec<OsString> = ["serve".into()].into_iter().chain(flags).collect();
    let given = serve.clone().ignore_errors(true).try_get_matches_from(&arguments)?;
    let resolved = settings::resolve(&serve, &given, arguments, config)?;
    let matches = serve.clone().try_get_matches_from(&resolved.arguments);
    let matches = matches.map_err(|error| settings::explained(error, &serve, &resolved.origins))?;
    serve::fit_together(&matches)?;
    let shown = settings::settings_of(&serve).map(|setting| {
        let variable = setting.get_env().expect("a setting has a variable").to_string_lossy().into_owned();
        Shown {
            name: settings::name_of(&variable),
            flag: format!("--{}", setting.get_long().expect("a setting has a long flag")),
            variable,
            value: value(setting, &matches),
            origin: resolved.origins[setting.get_id().as_str()].clone(),
        }
    });
    Ok(shown.collect())
}

fn value(setting: &Arg, matches: &ArgMatches) -> Option<String> {
    let id = setting.get_id().as_str();
    if matches!(setting.get_action(), ArgAction::SetTrue) {
        return Some(matches.get_flag(id).to_string());
    }
    let values = matches.get_raw(id)?.map(|value| without_password(&value.to_string_lossy()));
    Some(values.collect::<Vec<_>>().join(","))
}

/// A URL without what stands before its host: that is the one secret that a setting can hold.
fn without_password(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://[hidden]@{host}{path}"),
        None => value.to_owned(),
    }
}

fn as_json(shown: &Shown, with_origin: bool) -> Value {
    let Shown { name, variable, flag, value, origin } = shown;
    let mut json = json!({ "name": name, "variable": variable, "flag": flag, "value": value });
    if with_origin {
        json["origin"] = origin.to_string().into();
    }
    json
}

fn as_table(shown: &[Shown], with_origin: bool) -> String {
    let value = |shown: &Shown| shown.value.clone().unwrap_or_else(|| "-".to_owned());
    let width = |text: &dyn Fn(&Shown) -> String| {
        shown.iter().map(|shown| text(shown).chars().count()).max().unwrap_or_default()
    };
    let (names, values) = (width(&|shown| shown.name.clone()), width(&value));
    let line = |shown: &Shown| {
        let line = format!("{:<names$}  {:<values$}", shown.name, value(shown));
        let origin = if with_origin { format!("  {}", shown.origin) } else { String::new() };
        format!("{}\n", format!("{line}{origin}").trim_end())
    };
    shown.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_hidden() {
        for (url, shown) in [
            ("https://a:b@host/x@y", "https://[hidden]@host/x@y"),
            ("https://host/a@b", "https://host/a@b"),
            ("/etc/a@b", "/etc/a@b"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
