//! A key to be: what every command that makes one asks, and how the new key is handed over.

use clap::Args;
use domain::names::{Name, Note};
use domain::role::{Scope, ScopeError};
use serde_json::json;

use super::args::AttemptArgs;
use super::graphql::{Mutation, Server, text};
use super::limits::{self, LimitArgs, Rate};
use super::names::TenantName;
use super::show;
use super::when::Expiry;
use crate::error::CliError;
use crate::output::{self, Output};

const CREATE: Mutation = Mutation {
    name: "create_api_key",
    input: "create_api_key_input",
    selection: "id key_id: id key expires_at position",
};

/// What the key is to be.
#[derive(Debug, Args)]
pub struct NewKeyArgs {
    /// What people will call it
    #[arg(long, short, value_name = "NAME", value_parser = Name::parse)]
    pub name: Name,
    /// When it ends: 30d, 12h, 2031-01-01T00:00:00Z or never [default: as the tenant's policy says, else never]
    #[arg(long, short, value_name = "WHEN", value_parser = Expiry::parse, allow_hyphen_values = true)]
    pub expires: Option<Expiry>,
    /// Narrow it to this scope; several with commas between [default: as wide as the key used]
    #[arg(long, value_name = "SCOPE", value_parser = parse_scope, value_delimiter = ',')]
    pub scope: Vec<String>,
    /// Let it act in this tenant only, by slug or id [default: as wide as the key used]
    #[arg(long, value_name = "TENANT", value_parser = TenantName::parse)]
    pub confine_to: Option<TenantName>,
    /// A remark for whoever may see the key, such as where it is kept
    #[arg(long, value_name = "TEXT", value_parser = Note::parse)]
    pub note: Option<Note>,
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// Whether remarks are wanted beside what was made.
#[derive(Debug, Args)]
pub struct QuietArgs {
    /// Write what was made to standard output and nothing else
    #[arg(long, short)]
    pub quiet: bool,
}

/// Makes a key for this owner, and hands it over.
pub fn create(
    server: &Server,
    owner: &str,
    args: &NewKeyArgs,
    attempt: &AttemptArgs,
    quiet: &QuietArgs,
    form: Output,
) -> Result<(), CliError> {
    let confined = args.confine_to.as_ref().map(|tenant| tenant.id(server)).transpose()?;
    let end = args.expires.map(|end| end.asked_in(attempt)).transpose()?.flatten();
    let input = json!({
        "user_id": owner,
        "name": args.name.as_str(),
        "expires_at": end,
        "scopes": (!args.scope.is_empty()).then_some(&args.scope),
        "tenant_id": confined.map(|tenant| tenant.to_string()),
        "allowed_addresses": limits::networks(&args.limits.allow),
        "rate_limit": args.limits.rate.map(Rate::input),
        "note": args.note.as_ref().map(Note::as_str),
    });
    let made = server.mutate(CREATE, input, attempt)?;
    let end = show::cell_or(&made, "expires_at", "never");
    let name = show::plain(args.name.as_str());
    let mut remark =
        format!("made key {}, named {name}, expires: {end}; it is shown this once\n", text(&made, "id"));
    if args.expires == Some(Expiry::Never) && !made["expires_at"].is_null() {
        remark += "note: the tenant's policy gives every key an end\n";
    }
    show::secret(form, &made, (!quiet.quiet).then_some(&remark))
}

/// Hands something over that was made: the value alone on standard output, a remark on standard error.
pub fn hand_over(
    form: Output,
    made: &serde_json::Value,
    name: &str,
    remark: &str,
    quiet: &QuietArgs,
) -> Result<(), CliError> {
    show::result(form, made, || text(made, name).to_owned())?;
    if form == Output::Table && !quiet.quiet {
        output::remark(remark);
    }
    Ok(())
}

/// A scope, checked here and sent as it is.
pub fn parse_scope(text: &str) -> Result<String, ScopeError> {
    Scope::parse(text).map(|scope| scope.as_str().to_owned())
}
