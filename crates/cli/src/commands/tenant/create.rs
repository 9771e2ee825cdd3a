//! `tenant create`: makes a tenant with its first administrator.

use clap::Args;
use domain::names::{Email, Name, Slug};
use serde_json::json;

use crate::client::graphql::text;
use crate::client::seconds::Limit;
use crate::client::{AttemptArgs, ClientArgs, Mutation, show};
use crate::error::CliError;
use crate::output::{self, Output};

const CREATE: Mutation = Mutation {
    name: "create_tenant",
    input: "create_tenant_input",
    selection: "id administrator_id key key_id position",
};

const EXAMPLES: &str = "\
Examples:
  keyledger tenant create acme --admin ada@example.com
  keyledger tenant create acme --admin ada@example.com --key-life-max 90d --key-life-default 30d

If the administrator is a new user, that user's first key is shown, this once.";

/// What it is to be.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CreateArgs {
    /// Its short name, for good: lower-case letters, digits and inner hyphens
    #[arg(value_name = "SLUG", value_parser = Slug::parse)]
    slug: Slug,
    /// The e-mail address of its first administrator: a known user, or a new one
    #[arg(long, value_name = "EMAIL", value_parser = Email::parse)]
    admin: Email,
    /// Its display name [default: the slug]
    #[arg(long, value_name = "NAME", value_parser = Name::parse)]
    name: Option<Name>,
    /// The longest life of a new key, such as 90d, or none
    #[arg(long, value_name = "TIME", value_parser = Limit::parse)]
    key_life_max: Option<Limit>,
    /// The life of a new key for which no end was asked, such as 30d, or none
    #[arg(long, value_name = "TIME", value_parser = Limit::parse)]
    key_life_default: Option<Limit>,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Makes it.
pub fn run(args: CreateArgs) -> Result<(), CliError> {
    let input = json!({
        "slug": args.slug.as_str(),
        "name": args.name.as_ref().map(Name::as_str),
        "administrator_email": args.admin.as_str(),
        "key_life_seconds_max": args.key_life_max.and_then(Limit::asked),
        "key_life_seconds_default": args.key_life_default.and_then(Limit::asked),
    });
    let made = args.client.server_and_tenant()?.0.mutate(CREATE, input, &args.attempt)?;
    let mut facts = vec![
        ("tenant", text(&made, "id").to_owned()),
        ("slug", args.slug.as_str().to_owned()),
        ("administrator", text(&made, "administrator_id").to_owned()),
    ];
    facts.extend(made["key"].as_str().map(|key| ("key", key.to_owned())));
    show::result(args.client.form(), &made, || show::facts(&facts))?;
    if args.client.form() == Output::Table {
        output::remark(if made["key"].is_null() {
            "note: no key is shown: the administrator was known already, or this attempt was made before\n"
        } else {
            "the administrator's key is shown this once\n"
        });
    }
    Ok(())
}
