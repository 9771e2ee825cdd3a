//! `init`: makes a data folder with one tenant, its administrator and that user's key.

use std::path::Path;

use authority::compose::{TenantInput, UserInput};
use authority::{Authority, Initialised, Options};
use clap::Args;
use credentials::claims::Issuer;
use domain::event::TenantPolicy;
use domain::names::{Email, Name, Slug};
use serde_json::json;
use store::DataFolder;

use crate::args::{DataArgs, GuardArgs, PrefixArgs, SecretArgs};
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs, shell_word};

const EXAMPLES: &str = "\
Examples:
  keyledger init --data /var/lib/keyledger --tenant acme --admin ada@example.com
  keyledger init --data ./data --tenant acme --admin ada@example.com -o json > first-key.json

The key is shown once, on standard output. The administrator is also operator of the deployment.
The folder DIR/secrets must be backed up, and apart from the ledger.";

/// What to begin with.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct InitArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The first tenant's short name, such as acme: lower-case letters, digits and inner hyphens
    #[arg(long, value_name = "SLUG", value_parser = Slug::parse)]
    tenant: Slug,
    /// The first administrator's e-mail address
    #[arg(long, value_name = "EMAIL", value_parser = Email::parse)]
    admin: Email,
    /// The tenant's display name [default: its short name]
    #[arg(long, value_name = "NAME", value_parser = Name::parse)]
    tenant_name: Option<Name>,
    /// The administrator's own name
    #[arg(long, value_name = "NAME", value_parser = Name::parse)]
    admin_name: Option<Name>,
    #[command(flatten)]
    guard: GuardArgs,
    #[command(flatten)]
    secrets: SecretArgs,
    #[command(flatten)]
    prefixes: PrefixArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Makes the folder, and writes the key out.
pub fn run(args: InitArgs) -> Result<(), CliError> {
    let folder = args.data.folder(Some(&args.guard));
    // Nothing is minted here, so nothing carries the name of an issuer.
    let issuer = Issuer::parse("http://localhost").expect("this is a well-formed issuer");
    let (secrets, prefixes) = (args.secrets.sources(), args.prefixes.prefixes());
    let options = Options { secrets, prefixes, ..Options::new(folder.clone(), issuer) };
    let named_by_slug =
        || Name::parse(args.tenant.as_str()).expect("a slug is short and plain enough for a name");
    let tenant = TenantInput {
        slug: args.tenant.clone(),
        name: args.tenant_name.clone().unwrap_or_else(named_by_slug),
        policy: TenantPolicy::default(),
    };
    let administrator = UserInput { email: args.admin.clone(), name: args.admin_name.clone() };
    let made = Authority::initialise(options, &tenant, &administrator)?;
    let text = match args.output.output {
        Output::Json => for_programs(&made),
        Output::Table => for_people(&made, &args, &folder),
    };
    // Also a reader who left is an error here: nobody has the key, and it is not to be had again.
    output::write_all(&text).map_err(|error| CliError::KeyLost { folder: folder.root().to_owned(), error })
}

fn for_programs(made: &Initialised) -> String {
    let json = json!({
        "tenant_id": made.tenant.to_string(),
        "user_id": made.user.to_string(),
        "key_id": made.key.to_string(),
        "key": made.key_string.expose(),
    });
    format!("{json}\n")
}

fn for_people(made: &Initialised, args: &InitArgs, folder: &DataFolder) -> String {
    let Initialised { tenant, user, key, key_string } = made;
    let (slug, email) = (args.tenant.as_str(), args.admin.as_str());
    let width = slug.chars().count().max(email.chars().count());
    format!(
        "\
Made a ledger in {root}

  tenant  {slug:<width$}  {tenant}
  user    {email:<width$}  {user}  administrator of the tenant, operator of the deployment
  key     {none:<width$}  {key}

The user's key, shown this once:

  {key_string}

Next:

  {serve}

Back up {secrets}, and apart from the ledger.
Without it every key is refused for good and names stay unreadable; with it anyone can sign tokens.
",
        none = "",
        root = folder.root().display(),
        secrets = folder.secrets().display(),
        key_string = key_string.expose(),
        serve = next_command(args),
    )
}

/// The command that serves what was made, with the paths that it needs.
fn next_command(args: &InitArgs) -> String {
    let word = |path: &Path| shell_word(&path.to_string_lossy());
    let mut command = format!("keyledger serve --data {}", word(&args.data.data));
    for (flag, path) in [
        ("--guard", &args.guard.guard),
        ("--master-key-file", &args.secrets.master_key_file),
        ("--pepper-file", &args.secrets.pepper_file),
    ] {
        if let Some(path) = path {
            command += &format!(" {flag} {}", word(path));
        }
    }
    command
}
