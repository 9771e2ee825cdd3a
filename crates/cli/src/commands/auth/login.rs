//! `auth login`: checks a key, and saves it with its server as a profile.

use std::ffi::OsString;

use clap::Args;
use domain::ids::TenantId;

use crate::client::credential::Credential;
use crate::client::graphql::text;
use crate::client::old_settings;
use crate::client::profile::{Profile, Profiles};
use crate::client::settings::{Environment, Settings};
use crate::client::{ClientArgs, ClientError, Server, show};
use crate::error::CliError;
use crate::output::{self, Output};

const EXAMPLES: &str = "\
Examples:
  keyledger auth login --url https://keys.example.com
  keyledger auth login --url https://keys.example.com --key-file ./key
  pass show keyledger | keyledger auth login --url https://keys.example.com
  keyledger auth login --url https://keys.example.com --profile prod --key-file - < key
  keyledger auth login --url https://keys.example.com --import

The key comes from --key-file, else from KEYLEDGER_KEY or KEYLEDGER_KEY_FILE, else from standard
input if that is a pipe or a file, else it is asked for on the terminal, without echo. A pipe beside
KEYLEDGER_KEY is an error: it is not clear which is meant. A pipe that stays silent for 10 seconds
is an error; --key-file - waits. A key is never an argument.

With --import it comes from PREFECT__CLOUD__API_KEY, else from PREFECT__CLOUD__AGENT__AUTH_TOKEN,
else from auth_token in the table [cloud.agent] of ~/.prefect/config.toml, or of the file that
PREFECT__USER_CONFIG_PATH names, and from nowhere else.

The profile is saved in $XDG_CONFIG_HOME/keyledger/profiles.toml, or in ~/.config/keyledger, for
its owner's eyes only. The key in it is sent to this server and to no other.";

/// Where and as whom to log in.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct LoginArgs {
    /// What other tools call it here. It is an error, and says what to do instead.
    #[arg(long, short, alias = "token", short_alias = 't', hide = true, num_args = 0..=1)]
    key: Option<Option<OsString>>,
    /// Take the key from where clients of the product that this replaces have it
    #[arg(long, conflicts_with = "key_file")]
    import: bool,
    #[command(flatten)]
    client: ClientArgs,
}

/// Logs in.
pub fn run(args: LoginArgs) -> Result<(), CliError> {
    if args.key.is_some() {
        return Err(ClientError::SecretInArguments.into());
    }
    let environment = Environment::read()?;
    let name = environment.profile_name(args.client.profile.as_ref());
    let profiles = Profiles::own()?;
    let before = profiles.get(&name)?;
    let url = args.client.url.clone().or_else(|| environment.url().cloned());
    let url = url.or_else(|| before.map(|profile| profile.url)).ok_or(ClientError::NoUrl)?;
    let form = args.client.form();
    if url.is_clear_text() && form == Output::Table {
        output::remark(&format!("warning: {url} has no TLS: the key can be read on the way\n"));
    }

    let settings = Settings {
        credential: credential(&args, &environment, form)?,
        source: format!("profile {name}"),
        profile: Some(name.clone()),
        tenant: environment.tenant(args.client.tenant.as_ref()),
        url,
    };
    let mut server = Server::new(&settings);
    let tenant: Option<TenantId> = settings.tenant.as_ref().map(|tenant| tenant.id(&server)).transpose()?;
    if let Some(tenant) = tenant {
        server = server.in_tenant(tenant);
    }
    let mut who = server.whoami()?;
    let Settings { url, credential: key, .. } = settings;
    profiles.put(&name, &Profile { url: url.clone(), key, tenant })?;

    who["profile"] = name.as_str().into();
    who["url"] = url.as_str().into();
    show::result(form, &who, || {
        let kind = text(&who, "kind").replace('_', " ");
        let role = show::cell_or(&who, "role", "no role");
        let tenant = show::cell_or(&who, "tenant_id", "none");
        format!("Logged in to {url} as {kind} {}, {role} in tenant {tenant}", text(&who, "id"))
    })?;
    if form == Output::Table && environment.credential().is_ok_and(|set| set.is_some()) {
        output::remark(
            "note: the environment gives a key, too, and comes before the profile: unset KEYLEDGER_KEY and KEYLEDGER_KEY_FILE\n",
        );
    }
    Ok(())
}

fn credential(args: &LoginArgs, environment: &Environment, form: Output) -> Result<Credential, ClientError> {
    if args.import {
        let (credential, place) = old_settings::credential()?;
        if form == Output::Table {
            output::remark(&format!("the key of {place} is taken\n"));
        }
        return Ok(credential);
    }
    if let Some(path) = &args.client.key_file {
        return Credential::from_file(path);
    }
    if let Some((credential, _)) = environment.credential()? {
        // Whoever pipes a key in means that one, and may have forgotten the one exported an hour ago.
        return if Credential::could_come_by_pipe() {
            Err(ClientError::PipeBesideEnvironment)
        } else {
            Ok(credential)
        };
    }
    if let Some(credential) = Credential::from_pipe()? {
        return Ok(credential);
    }
    Credential::asked_for("Key (not shown): ")?.ok_or(ClientError::NoCredential)
}
