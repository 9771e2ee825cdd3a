//! `auth switch-tenant`: makes a profile act in another tenant.

use clap::Args;
use domain::ids::TenantId;
use domain::names::Slug;

use crate::client::graphql::text;
use crate::client::names::TenantName;
use crate::client::profile::{Profile, Profiles};
use crate::client::settings::Settings;
use crate::client::{ClientArgs, ClientError, Server, show};
use crate::error::CliError;

const EXAMPLES: &str = "\
Examples:
  keyledger auth switch-tenant acme
  keyledger auth switch-tenant --id 01890a5d-ac96-774b-bcce-b302099a8057
  keyledger auth switch-tenant --default

It is saved in the profile. For one command, give --tenant instead.";

/// To which tenant.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, group(clap::ArgGroup::new("to").required(true)))]
pub struct SwitchTenantArgs {
    /// The tenant, by slug or id
    #[arg(value_name = "TENANT", value_parser = TenantName::parse, group = "to")]
    which: Option<TenantName>,
    /// The tenant, by slug
    #[arg(long, short, value_name = "SLUG", value_parser = Slug::parse, group = "to")]
    slug: Option<Slug>,
    /// The tenant, by id
    #[arg(long, short, value_name = "ID", value_parser = TenantId::parse, group = "to")]
    id: Option<TenantId>,
    /// The key's own tenant
    #[arg(long, group = "to")]
    default: bool,
    #[command(flatten)]
    client: ClientArgs,
}

/// Switches.
pub fn run(args: SwitchTenantArgs) -> Result<(), CliError> {
    let settings = Settings::of(&args.client)?;
    let Some(name) = &settings.profile else {
        return Err(ClientError::NotFromProfile { source_of_key: settings.source }.into());
    };
    let wanted = args.which.or(args.slug.map(TenantName::Slug)).or(args.id.map(TenantName::Id));
    let server = Server::new(&settings);
    let tenant = wanted.map(|tenant| tenant.id(&server)).transpose()?;
    let server = match tenant {
        Some(tenant) => server.in_tenant(tenant),
        None => server,
    };
    // Whether the key acts there, before it is saved.
    let mut who = server.whoami()?;
    Profiles::own()?
        .put(name, &Profile { url: settings.url.clone(), key: settings.credential.clone(), tenant })?;
    who["profile"] = name.as_str().into();
    show::result(args.client.form(), &who, || {
        let role = show::cell_or(&who, "role", "no role");
        format!("Profile {name} acts in tenant {} from now on, as {role}", text(&who, "tenant_id"))
    })
}
