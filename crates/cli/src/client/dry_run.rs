//! Changes that end something: carried out, or only rehearsed.

use clap::Args;
use serde_json::Value;

use super::args::AttemptArgs;
use super::graphql::{Mutation, Server, text};
use super::{difference, living_tokens, show};
use crate::error::CliError;
use crate::output::Output;

/// What is asked of a dry run.
pub fn selection() -> String {
    let tokens = living_tokens::SELECTION;
    format!("dry_run {{ {STOPS} {tokens} changes {{ {} }} changes_count }}", difference::SELECTION)
}

const STOPS: &str = "
  events { position type summary details { name value } }
  keys { key_id user_id tenant_id code last_used_at tokens_live_until tokens { living last_ends_at } } keys_count
  service_account_ids service_accounts_count
  members { tenant_id user_id } members_count
  tokens_live_until as_of { position instant head }
";

/// Whether to do it, or to tell what it would do.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct DryRunArgs {
    /// Do nothing; tell the events that it would append, and everything that would stop
    #[arg(long)]
    pub dry_run: bool,
}

/// A change, and what is said when it is made.
pub struct Change<'a> {
    pub mutation: Mutation,
    pub input: Value,
    pub attempt: &'a AttemptArgs,
    pub dry_run: DryRunArgs,
}

impl Change<'_> {
    /// Makes the change and says so, or tells what it would do.
    pub fn carry_out(
        self,
        server: &Server,
        form: Output,
        said: impl FnOnce(&Value) -> String,
    ) -> Result<(), CliError> {
        if self.dry_run.dry_run {
            let told = server.rehearse(self.mutation, self.input, self.attempt)?;
            return show::result(form, &told, || for_people(&told));
        }
        let done = server.mutate(self.mutation, self.input, self.attempt)?;
        show::result(form, &done, || said(&done))
    }
}

fn for_people(told: &Value) -> String {
    let entries = |name: &str| told[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let heading = |what: &str, count: &str, noun: &str| {
        let end = if told[count] == 0 { "" } else { ":" };
        format!("{what} {}{end}", show::counted(&told[count], noun))
    };
    let mut lines = vec!["Nothing was done. It would append:".to_owned()];
    let event = |event: &Value| format!("  {}  {}", text(event, "position"), show::line(event, "summary"));
    lines.extend(entries("events").iter().map(event));
    if entries("events").is_empty() {
        lines.push("  nothing: things are so already".to_owned());
    }
    lines.push(heading("It would change", "changes_count", "thing"));
    lines.extend(entries("changes").iter().flat_map(|change| {
        let line = format!("  {}", difference::line(change));
        std::iter::once(line).chain(difference::fields(change))
    }));
    lines.push(heading("It would stop", "keys_count", "key"));
    lines.extend(entries("keys").iter().map(|key| {
        let place =
            key["tenant_id"].as_str().map(|tenant| format!(" in tenant {tenant}")).unwrap_or_default();
        let used = show::cell_or(key, "last_used_at", "never, as far as is known");
        format!(
            "  {} of {}{place}: {}; last used, roughly: {used}",
            text(key, "key_id"),
            text(key, "user_id"),
            text(key, "code")
        )
    }));
    lines.push(heading("It would stop", "service_accounts_count", "service account"));
    let account = |id: &Value| format!("  {}", id.as_str().unwrap_or_default());
    lines.extend(entries("service_account_ids").iter().map(account));
    lines.push(heading("It would end the access of", "members_count", "member"));
    let member =
        |member: &Value| format!("  {} in tenant {}", text(member, "user_id"), text(member, "tenant_id"));
    lines.extend(entries("members").iter().map(member));
    match told["tokens_live_until"].as_str() {
        Some(until) => {
            lines.push(format!(
                "Tokens minted before are refused here at once; a service that checks them by itself may accept them until {until}"
            ));
            let tokens = &told["tokens"];
            if !tokens.is_null() {
                lines.push(format!("Tokens that live now, roughly: {}", living_tokens::words(tokens)));
            }
        }
        None => lines.push("No token is concerned".to_owned()),
    }
    lines.join("\n")
}
