//! `key history`: the life of a key.

use clap::Args;
use serde_json::{Value, json};

use super::named::KeyNamedArgs;
use crate::client::graphql::Listed;
use crate::client::{AsOfArgs, ClientArgs, show};
use crate::error::CliError;
use crate::output;

const DOCUMENT: &str = "\
query($key: key_named_input!, $as_of: as_of_input) {
  key_history(key: $key, as_of: $as_of) {
    key_id earlier
    steps {
      at what through position status approximate
      event { summary actor { kind id key_id token_id } way request_id cause details { name value } }
    }
    as_of { position instant head }
  }
}";

const EXAMPLES: &str = "\
Examples:
  keyledger key history 01890a5d-ac96-774b-bcce-b302099a8057
  keyledger key history --secret-file ./leaked -o json

What was done to the key, and what befell it through its owner, its memberships and its tenants. When
it was used is approximate.";

/// Which key, until when.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct HistoryArgs {
    #[command(flatten)]
    key: KeyNamedArgs,
    #[command(flatten)]
    as_of: AsOfArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Tells it.
pub fn run(args: HistoryArgs) -> Result<(), CliError> {
    let (_, _, moment) = args.as_of.argument();
    let variables = json!({"key": args.key.asked(&args.client)?, "as_of": moment});
    let mut life = args.client.server()?.query("key_history", DOCUMENT, variables)?;
    let entries = life["steps"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let as_of = if args.as_of.as_of.is_some() { life["as_of"].take() } else { Value::Null };
    let earlier = life["earlier"].as_bool().unwrap_or_default();
    let first = entries.iter().find_map(|step| step["position"].as_str().map(str::to_owned));
    let listed = Listed { entries, more: false, as_of };
    let headings = ["AT", "POSITION", "WHAT", "THROUGH", "STATUS AFTER", "WAY", "CAUSE", "TOLD"];
    show::list(args.client.form(), listed, headings, |step: &Value| {
        let told = match step["approximate"].as_bool() {
            Some(true) => "approximate".to_owned(),
            Some(false) | None if step["event"].is_null() => "-".to_owned(),
            Some(false) | None => show::line(&step["event"], "summary"),
        };
        [
            show::cell(step, "at"),
            show::cell(step, "position"),
            show::cell(step, "what"),
            show::cell(step, "through"),
            show::cell(step, "status"),
            show::cell(&step["event"], "way"),
            show::cell(&step["event"], "cause"),
            told,
        ]
    })?;
    if let (true, Some(first)) = (earlier, first) {
        output::remark(&format!("note: earlier events are left out; --as-of before:{first} tells them\n"));
    }
    Ok(())
}
