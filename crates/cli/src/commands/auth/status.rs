//! `auth status`: which server, which key and which tenant are used.

use clap::Args;

use crate::client::settings::Settings;
use crate::client::{ClientArgs, show};
use crate::commands::whoami;
use crate::error::CliError;

const EXAMPLES: &str = "\
Examples:
  keyledger auth status
  keyledger auth status --profile prod -o json

Ends with 3 if the key is not accepted, and says why.";

/// Of which login.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct StatusArgs {
    #[command(flatten)]
    client: ClientArgs,
}

/// Says it.
pub fn run(args: StatusArgs) -> Result<(), CliError> {
    let settings = Settings::of(&args.client)?;
    let mut who = args.client.server_of(&settings)?.whoami()?;
    let mut facts = vec![("server", settings.url.to_string()), ("key from", settings.source.clone())];
    facts.extend(whoami::facts(&who));
    who["url"] = settings.url.as_str().into();
    who["key_from"] = settings.source.into();
    who["profile"] = settings.profile.as_ref().map(|name| name.as_str()).into();
    show::result(args.client.form(), &who, || show::facts(&facts))
}
