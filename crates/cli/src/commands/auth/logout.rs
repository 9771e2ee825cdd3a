//! `auth logout`: forgets a profile.

use clap::Args;
use serde_json::json;

use crate::client::ClientError;
use crate::client::profile::{ProfileName, Profiles};
use crate::client::settings::Environment;
use crate::client::show;
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs};

const EXAMPLES: &str = "\
Examples:
  keyledger auth logout
  keyledger auth logout --profile prod

The key itself stays valid. To end it, first: keyledger auth revoke-key -i ID";

/// Which profile to forget.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct LogoutArgs {
    /// The saved login to forget [env: KEYLEDGER_PROFILE] [default: default]
    #[arg(long, value_name = "NAME", value_parser = ProfileName::parse)]
    profile: Option<ProfileName>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Forgets it. That there is none is no error, unless it was named.
pub fn run(args: LogoutArgs) -> Result<(), CliError> {
    let environment = Environment::read()?;
    let name = environment.profile_name(args.profile.as_ref());
    let profiles = Profiles::own()?;
    let removed = profiles.remove(&name)?;
    if !removed && args.profile.is_some() {
        return Err(ClientError::ProfileUnknown { profile: name, path: profiles.path().to_owned() }.into());
    }
    let form = args.output.output;
    show::result(form, &json!({"profile": name.as_str(), "removed": removed}), || {
        if removed {
            format!("Logged out: profile {name} is forgotten")
        } else {
            format!("There was no profile {name}")
        }
    })?;
    if removed && form == Output::Table {
        output::remark("note: the key itself is still valid; revoke it if it is not needed any more\n");
    }
    Ok(())
}
