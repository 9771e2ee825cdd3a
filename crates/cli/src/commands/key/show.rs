//! `key show`: all that is known of a key.

use clap::Args;
use domain::ids::KeyId;
use serde_json::json;

use super::list::KEYS;
use crate::client::{AsOfArgs, ClientArgs, ClientError, limits, living_tokens, show};
use crate::error::CliError;

const EXAMPLES: &str = "\
Examples:
  keyledger key show 01890a5d-ac96-774b-bcce-b302099a8057
  keyledger key show 01890a5d-ac96-774b-bcce-b302099a8057 --as-of before:1042";

/// Which key.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ShowArgs {
    /// The key's id
    #[arg(value_name = "KEY_ID", value_parser = KeyId::parse)]
    key: KeyId,
    #[command(flatten)]
    as_of: AsOfArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Asked of one key only: for each the event has to be read with which it began.
const MADE_BY: &str = "created_by { kind id key_id token_id } created_by_name";

/// Shows it.
pub fn run(args: ShowArgs) -> Result<(), CliError> {
    let id = args.key.to_string();
    let (_, _, moment) = args.as_of.argument();
    let document = format!(
        "query($key: key_named_input!, $as_of: as_of_input) {{ key(key: $key, as_of: $as_of) {{ {} {MADE_BY} }} }}",
        KEYS.selection
    );
    let variables = json!({"key": {"id": id}, "as_of": moment});
    let (mut key, as_of) = args.client.server()?.query_as_of("key", &document, variables)?;
    if key.is_null() {
        return Err(ClientError::NotFound { what: format!("key {id}") }.into());
    }
    show::as_of(&mut key, as_of);
    // Use is not of the moment asked about: nothing but what is known now is kept of it.
    let roughly = if key["as_of"].is_null() { "roughly" } else { "roughly, as known now" };
    show::result(args.client.form(), &key, || {
        let mut facts = vec![
            ("key", id.clone()),
            ("name", show::cell(&key, "name")),
            ("note", show::cell(&key, "note")),
            ("owner", named(&key["user_id"], &key["owner_name"])),
            ("tenant", show::cell_or(&key, "tenant_id", "any of its user")),
            ("scopes", show::cell_or(&key, "scopes", "all that the role permits")),
            (
                "begins, ends with",
                format!("{}_ … {}", show::cell(&key, "prefix"), show::cell(&key, "last_four")),
            ),
            ("accepted from", limits::addresses_of(&key)),
            ("rate", limits::rate_of(&key)),
            ("made", show::cell(&key, "created_at")),
            ("made by", maker(&key)),
            ("expires", show::cell_or(&key, "expires_at", "never")),
            ("replaced, refused from", show::cell_or(&key, "grace_ends_at", "no")),
            ("status", show::cell(&key, "status")),
            ("revoked", show::cell_or(&key, "revocation_reason", "no")),
            ("used first", format!("{} ({roughly})", first_use(&key))),
            ("used last", format!("{} ({roughly})", last_use(&key))),
            ("used", format!("{} ({roughly})", times_used(&key))),
            ("tokens alive, roughly", living_tokens::words(&key["tokens"])),
            ("successor", show::cell(&key, "successor_id")),
            ("predecessor", show::cell(&key, "predecessor_id")),
        ];
        let agents = key["usage"]["agents"].as_array().map_or(&[][..], Vec::as_slice);
        facts.extend(agents.iter().map(|agent| ("agent", polling(agent))));
        show::below_moment(&key, show::facts(&facts))
    })
}

/// An id, and what it is called now, as far as that may be told.
fn named(id: &serde_json::Value, name: &serde_json::Value) -> String {
    let id = id.as_str().unwrap_or("-");
    name.as_str().map_or_else(|| id.to_owned(), |name| format!("{} ({id})", show::plain(name)))
}

fn maker(key: &serde_json::Value) -> String {
    let maker = &key["created_by"];
    match maker["id"] {
        // A machine's console, or the server, has no id.
        serde_json::Value::Null => show::cell(maker, "kind"),
        ref id => named(id, &key["created_by_name"]),
    }
}

/// Who polls with it, and since when it has not, as far as is known.
fn polling(agent: &serde_json::Value) -> String {
    let name = show::cell_or(agent, "name", "without a name");
    let kind = show::cell_or(agent, "type", "not registered, as far as is known");
    format!("{name} ({kind}), last poll {}", show::cell_or(agent, "last_poll_at", "never"))
}

fn first_use(key: &serde_json::Value) -> String {
    show::cell_or(&key["usage"], "first_used_at", unused(key, "never"))
}

/// When and by whom, as far as is known.
fn last_use(key: &serde_json::Value) -> String {
    let usage = &key["usage"];
    if usage.is_null() {
        return unused(key, "never").to_owned();
    }
    let (when, way) = (show::cell(usage, "last_used_at"), show::cell(usage, "last_way"));
    format!("{when} by {way}; ever by {}", show::cell_or(usage, "callers", "programs unknown"))
}

fn times_used(key: &serde_json::Value) -> String {
    let usage = &key["usage"];
    if usage.is_null() {
        return unused(key, "0 times").to_owned();
    }
    format!("{} times", show::cell(usage, "count"))
}

/// What is said where no use is told: that there is none, or that it is withheld.
pub(super) fn unused<'a>(told: &serde_json::Value, none: &'a str) -> &'a str {
    if told["usage_withheld"].as_bool().unwrap_or_default() { "not for you to see" } else { none }
}
