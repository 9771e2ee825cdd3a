//! `tenant policy`: shows or replaces a tenant's rules for the life of keys.

use clap::Args;
use serde_json::{Value, json};

use super::list::TENANTS;
use crate::client::graphql::{Listed, text};
use crate::client::names::TenantName;
use crate::client::seconds::Limit;
use crate::client::{
    AsOfArgs, AttemptArgs, Change, ClientArgs, ClientError, DryRunArgs, Mutation, Server, show,
};
use crate::error::CliError;
use crate::exit::Exit;

const CHANGE: Mutation = Mutation::plain("change_tenant_policy", "change_tenant_policy_input");

const EXAMPLES: &str = "\
Examples:
  keyledger tenant policy acme
  keyledger tenant policy acme --as-of 2026-01-01T00:00:00Z
  keyledger tenant policy acme --key-life-max 90d --key-life-default 30d
  keyledger tenant policy acme --key-life-max none --key-life-default none

Both are replaced together, so that none is lifted unseen. Keys that there are keep their end.";

/// Whose rules, and which.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PolicyArgs {
    /// The tenant, by slug or id
    #[arg(value_name = "TENANT", value_parser = TenantName::parse)]
    which: TenantName,
    /// The longest life of a new key, such as 90d, or none
    #[arg(long, value_name = "TIME", value_parser = Limit::parse, requires = "key_life_default", conflicts_with = "as_of")]
    key_life_max: Option<Limit>,
    /// The life of a new key for which no end was asked, such as 30d; none: the longest
    #[arg(long, value_name = "TIME", value_parser = Limit::parse, requires = "key_life_max")]
    key_life_default: Option<Limit>,
    /// Change nothing; tell what would be changed
    #[arg(long, requires = "key_life_max")]
    dry_run: bool,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    as_of: AsOfArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Replaces the rules if new ones are given; else shows them.
pub fn run(args: PolicyArgs) -> Result<(), CliError> {
    let (server, _) = args.client.server_and_tenant()?;
    let id = args.which.id(&server)?.to_string();
    let (Some(max), Some(default)) = (args.key_life_max, args.key_life_default) else {
        let tenant = known(&server, &id, &args.as_of)?;
        return show::result(args.client.form(), &tenant, || show::below_moment(&tenant, facts(&tenant)));
    };
    // Null lifts a limit here, and must be said.
    let input = json!({
        "tenant_id": id,
        "key_life_seconds_max": max.asked(),
        "key_life_seconds_default": default.asked(),
    });
    let dry_run = DryRunArgs { dry_run: args.dry_run };
    let change = Change { mutation: CHANGE, input, attempt: &args.attempt, dry_run };
    change.carry_out(&server, args.client.form(), |_| {
        format!("Tenant {id} has these rules for new keys from now on")
    })
}

/// The tenant as it is listed: among the key's own or, for an operator, among all.
fn known(server: &Server, id: &str, as_of: &AsOfArgs) -> Result<Value, CliError> {
    let this = |listed: Listed| {
        let mut tenant = listed.entries.into_iter().find(|tenant| text(tenant, "id") == id)?;
        show::as_of(&mut tenant, listed.as_of);
        Some(tenant)
    };
    if let Some(tenant) = this(server.all_as_of(TENANTS, &[], as_of)?) {
        return Ok(tenant);
    }
    let all = match server.all_as_of(TENANTS, &[("all", "Boolean", json!(true))], as_of) {
        Err(ClientError::Refused(refusal)) if refusal.exit == Exit::NotAllowed => None,
        all => this(all?),
    };
    all.ok_or_else(|| ClientError::NotFound { what: format!("tenant {id}") }.into())
}

fn facts(tenant: &Value) -> String {
    let seconds = |name: &str, none: &str| match tenant[name].as_i64() {
        Some(seconds) if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        Some(seconds) => format!("{seconds}s"),
        None => none.to_owned(),
    };
    show::facts(&[
        ("tenant", show::cell(tenant, "id")),
        ("slug", show::cell(tenant, "slug")),
        ("longest life of a key", seconds("key_life_seconds_max", "unlimited")),
        ("life if none is asked", seconds("key_life_seconds_default", "the longest")),
    ])
}
