//! The names of settings: which there are, how they are called where, and which name comes nearest to another.

use std::collections::BTreeSet;

use clap::{Arg, Command, CommandFactory as _};

use crate::args::Cli;
use crate::usage::UsageError;

const PREFIX: &str = "KEYLEDGER_";

/// Variables that are no argument of a command with settings, and who reads them.
const OTHERS: [&str; 7] = [
    // The filter of log lines.
    "KEYLEDGER_LOG",
    // Clients of a server.
    "KEYLEDGER_URL",
    "KEYLEDGER_KEY",
    "KEYLEDGER_KEY_FILE",
    "KEYLEDGER_PROFILE",
    "KEYLEDGER_TENANT",
    // The tests from outside.
    "KEYLEDGER_TEST_BINARY",
];

/// The settings among the arguments of a command.
pub fn settings_of(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| is_setting(argument))
}

/// Whether an argument is a setting. The configuration file cannot name itself.
pub fn is_setting(argument: &Arg) -> bool {
    argument.get_id() != "config" && variable(argument).is_some()
}

/// The variable of a setting.
pub fn variable_of(setting: &Arg) -> String {
    variable(setting).expect("a setting has a variable")
}

fn variable(argument: &Arg) -> Option<String> {
    let variable = argument.get_env()?.to_str()?;
    variable.starts_with(PREFIX).then(|| variable.to_owned())
}

/// What a setting is called in a configuration file.
pub fn name_of(variable: &str) -> String {
    variable.trim_start_matches(PREFIX).to_lowercase()
}

/// The variable that names a file with the value. What names a file already needs none.
pub fn twin_of(variable: &str) -> Option<String> {
    (!variable.ends_with("_FILE")).then(|| format!("{variable}_FILE"))
}

/// Every name that a configuration file may have: what any command takes of it.
pub fn of_files() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    each_command(&Cli::command(), &mut |command| {
        if command.get_arguments().any(|argument| argument.get_id() == "config") {
            names.extend(settings_of(command).map(|setting| name_of(&variable_of(setting))));
        }
    });
    names
}

/// Variables that look like ours and are not.
pub fn unknown_variables() -> Vec<UsageError> {
    let mut known: BTreeSet<String> = OTHERS.map(str::to_owned).into();
    each_command(&Cli::command(), &mut |command| {
        let variables: Vec<_> = command.get_arguments().filter_map(variable).collect();
        known.extend(settings_of(command).filter_map(|setting| twin_of(&variable_of(setting))));
        known.extend(variables);
    });
    let found = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut unknown: Vec<_> = found
        .filter(|name| name.starts_with(PREFIX) && !known.contains(name) && !is_service_link(name))
        .collect();
    unknown.sort();
    let error = |name: String| unknown_name(&name, "in the environment", &known);
    unknown.into_iter().map(error).collect()
}

/// The error about an unknown name, with the known one that it is likest to.
pub fn unknown_name(name: &str, place: &str, known: &BTreeSet<String>) -> UsageError {
    let likeness = |known: &&String| strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase());
    let nearest = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let suggestion = match nearest.filter(|nearest| likeness(nearest) > 0.85) {
        Some(nearest) => format!("; did you mean {nearest}?"),
        None => String::new(),
    };
    UsageError {
        code: "SETTING_UNKNOWN",
        message: format!("{name} {place} is no setting{suggestion}"),
        hint: Some("keyledger config show lists every setting".to_owned()),
    }
}

/// Whether an orchestrator made this variable of a service that has our name: nobody set it.
fn is_service_link(name: &str) -> bool {
    let words: Vec<_> = name.split('_').collect();
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || words.windows(3).any(|words| {
            words[0] == "PORT"
                && words[1].bytes().all(|byte| byte.is_ascii_digit())
                && matches!(words[2], "TCP" | "UDP" | "SCTP")
        })
}

fn each_command(command: &Command, each: &mut dyn FnMut(&Command)) {
    each(command);
    command.get_subcommands().for_each(|command| each_command(command, each));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Arguments of `serve` that are no settings, for a reason each.
    const BY_FLAG_ONLY: [&str; 5] = [
        "help",
        // It names the file of settings.
        "config",
        // The form of one command's output.
        "output",
        // For one start only: a restart must not accept the next rollback by itself.
        "accept_rollback",
        // For the first start only: a later one that finds no ledger has lost its folder, and must say so.
        "set_up",
    ];

    #[test]
    fn every_argument_of_serve_can_be_set_by_environment_and_file() {
        let command = Cli::command();
        let serve = command.find_subcommand("serve").unwrap();
        let names = of_files();
        for argument in serve.get_arguments() {
            let id = argument.get_id().as_str();
            assert_eq!(
                is_setting(argument),
                !BY_FLAG_ONLY.contains(&id),
                "{id}: give it env = \"KEYLEDGER_…\", or a reason in BY_FLAG_ONLY"
            );
            if is_setting(argument) {
                assert!(argument.get_long().is_some(), "{id} has no long flag");
                assert!(argument.is_hide_env_values_set(), "{id} shows its value in the help");
                assert!(names.contains(&name_of(&variable_of(argument))), "{id}");
            }
        }
    }

    #[test]
    fn no_variable_is_the_twin_of_another() {
        let mut variables = BTreeSet::new();
        let mut twins = BTreeSet::new();
        each_command(&Cli::command(), &mut |command| {
            variables.extend(settings_of(command).map(variable_of));
            twins.extend(settings_of(command).filter_map(|setting| twin_of(&variable_of(setting))));
        });
        assert_eq!(variables.intersection(&twins).collect::<Vec<_>>(), Vec::<&String>::new());
    }

    #[test]
    fn services_of_an_orchestrator_are_nobodys_settings() {
        for name in [
            "KEYLEDGER_SERVICE_HOST",
            "KEYLEDGER_SERVICE_PORT",
            "KEYLEDGER_SERVICE_PORT_HTTP",
            "KEYLEDGER_PORT",
            "KEYLEDGER_PORT_4200_TCP",
            "KEYLEDGER_PORT_4200_TCP_ADDR",
            "KEYLEDGER_WEB_SERVICE_HOST",
            "KEYLEDGER_WEB_PORT_80_TCP_PROTO",
        ] {
            assert!(is_service_link(name), "{name}");
        }
        for name in ["KEYLEDGER_LISTEM", "KEYLEDGER_PORTS", "KEYLEDGER_SERVICE", "KEYLEDGER_TRUSTED_PROXY"] {
            assert!(!is_service_link(name), "{name}");
        }
    }
}
