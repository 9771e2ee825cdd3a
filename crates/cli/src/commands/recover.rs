//! `recover`: makes a key for a user who has lost every other, with the data folder in hand.

use authority::recover::Recovered;
use authority::{Authority, Options};
use clap::Args;
use credentials::claims::Issuer;
use domain::names::Email;
use serde_json::json;

use crate::args::{DataArgs, GuardArgs, PrefixArgs, SecretArgs};
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs};

const EXAMPLES: &str = "\
Examples:
  keyledger recover --data /var/lib/keyledger --user ada@example.com
  keyledger recover --data ./data --user ada@example.com -o json > recovery-key.json

Stop the server first: one process writes a ledger. The key is shown once, on standard output, and the
log records that it was made at the console. It does what its user may do; nobody else's key changes.";

/// For whom.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RecoverArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The user's e-mail address
    #[arg(long, value_name = "EMAIL", value_parser = Email::parse)]
    user: Email,
    #[command(flatten)]
    guard: GuardArgs,
    #[command(flatten)]
    secrets: SecretArgs,
    #[command(flatten)]
    prefixes: PrefixArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Makes the key, and writes it out.
pub fn run(args: RecoverArgs) -> Result<(), CliError> {
    // Nothing is minted here, so nothing carries the name of an issuer.
    let issuer = Issuer::parse("http://localhost").expect("this is a well-formed issuer");
    let folder = args.data.folder_of_a_ledger(Some(&args.guard))?;
    let (secrets, prefixes) = (args.secrets.sources(), args.prefixes.prefixes());
    let authority = Authority::open(Options { secrets, prefixes, ..Options::new(folder, issuer) })?;
    let recovered = authority.recover(&args.user)?;
    let recovered = recovered.ok_or(CliError::NoSuchUser { email: args.user.as_str().to_owned() })?;
    // The ledger is closed, its guard written, before anybody hears of the key.
    drop(authority);
    let text = match args.output.output {
        Output::Json => for_programs(&recovered),
        Output::Table => for_people(&recovered, &args.user),
    };
    output::write_all(&text)
        .map_err(|error| CliError::RecoveredKeyLost { key: recovered.key_string.id(), error })
}

fn for_programs(Recovered { user, key_string }: &Recovered) -> String {
    let json = json!({
        "user_id": user.to_string(),
        "key_id": key_string.id().to_string(),
        "key": key_string.expose(),
    });
    format!("{json}\n")
}

fn for_people(Recovered { user, key_string }: &Recovered, email: &Email) -> String {
    format!(
        "\
Made a key for {email}, user {user}

  key  {id}

It is shown this once:

  {key}

Start the server again. If the lost keys may be in other hands, revoke them with this one.
",
        email = email.as_str(),
        id = key_string.id(),
        key = key_string.expose(),
    )
}
