//! Arguments that every command has which talks to a server.

use std::path::PathBuf;
use std::sync::OnceLock;

use authority::{Clock, fresh_id};
use clap::Args;
use domain::actor::IdempotencyKey;
use domain::ids::RequestId;
use domain::time::Timestamp;

use super::graphql::Server;
use super::names::TenantName;
use super::profile::ProfileName;
use super::server_url::ServerUrl;
use super::settings::Settings;
use crate::args::MalformedValue;
use crate::error::CliError;
use crate::output::{Output, OutputArgs};

/// Which server, as whom, and where.
#[derive(Debug, Args)]
pub struct ClientArgs {
    /// The server [env: KEYLEDGER_URL] [default: the profile's]
    #[arg(long, value_name = "URL", value_parser = ServerUrl::parse, help_heading = "Server")]
    pub url: Option<ServerUrl>,
    /// The file of the key or token to show; - is standard input [env: KEYLEDGER_KEY_FILE, or the key itself in KEYLEDGER_KEY]
    #[arg(long, value_name = "PATH", help_heading = "Server")]
    pub key_file: Option<PathBuf>,
    /// The saved login to use [env: KEYLEDGER_PROFILE] [default: default]
    #[arg(long, value_name = "NAME", value_parser = ProfileName::parse, help_heading = "Server")]
    pub profile: Option<ProfileName>,
    /// The tenant to act in, by slug or id [env: KEYLEDGER_TENANT] [default: the one switched to, or the key's own]
    #[arg(long, value_name = "TENANT", value_parser = TenantName::parse, help_heading = "Server")]
    pub tenant: Option<TenantName>,
    /// The form of results and errors.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The name of an attempt to change something.
#[derive(Debug, Default, Args)]
pub struct AttemptArgs {
    /// Your own name for this attempt: the same command under the same name is not done twice. Under a UUIDv7 times
    /// from now, such as 30d, count from the moment that is in it; under any other name give instants
    #[arg(long, value_name = "TEXT", value_parser = parse_idempotency_key)]
    pub idempotency_key: Option<IdempotencyKey>,
    /// The name that it has if none was given.
    #[arg(skip)]
    fresh: OnceLock<String>,
}

impl AttemptArgs {
    /// The attempt's name: that which was given, or else a fresh one, the same whenever it is asked.
    pub fn name(&self) -> &str {
        match &self.idempotency_key {
            Some(given) => given.as_str(),
            None => self.fresh.get_or_init(|| {
                let id: RequestId = fresh_id(Clock::System.now());
                id.to_string()
            }),
        }
    }

    /// When the first attempt of this name began, if the name says so: whoever tries again means the same instants.
    pub fn began(&self) -> Option<Timestamp> {
        RequestId::parse(self.name()).ok()?.made_at()
    }
}

/// An answer beforehand, for what cannot be undone.
#[derive(Debug, Args)]
pub struct ConfirmArgs {
    /// Do not ask; off a terminal nothing is asked anyway
    #[arg(long, short)]
    pub yes: bool,
}

impl ClientArgs {
    /// The form asked for.
    pub fn form(&self) -> Output {
        self.output.output
    }

    /// The server, as the credential's own tenant or the one asked for sees it.
    pub fn server(&self) -> Result<Server, CliError> {
        self.server_of(&Settings::of(self)?)
    }

    /// The same, of settings that are known already.
    pub fn server_of(&self, settings: &Settings) -> Result<Server, CliError> {
        let server = Server::new(settings);
        match &settings.tenant {
            None => Ok(server),
            Some(tenant) => {
                let tenant = tenant.id(&server)?;
                Ok(server.in_tenant(tenant))
            }
        }
    }

    /// The server, for commands whose input names a tenant: an operator may name one of which it is no member.
    pub fn server_and_tenant(&self) -> Result<(Server, Option<String>), CliError> {
        let settings = Settings::of(self)?;
        let server = Server::new(&settings);
        let tenant = settings.tenant.as_ref().map(|tenant| tenant.id(&server)).transpose()?;
        Ok((server, tenant.map(|tenant| tenant.to_string())))
    }
}

fn parse_idempotency_key(text: &str) -> Result<IdempotencyKey, MalformedValue> {
    IdempotencyKey::parse(text)
        .ok_or(MalformedValue("give 1 to 128 visible ASCII characters, without spaces"))
}
