//! `verify`: asks what a key or token that somebody showed is worth.

use std::path::{Path, PathBuf};

use clap::Args;
use domain::time::Position;
use serde_json::{Value, json};

use crate::args::MalformedValue;
use crate::client::credential::Credential;
use crate::client::graphql::text;
use crate::client::http::Doubt;
use crate::client::new_key::parse_scope;
use crate::client::{ClientArgs, ClientError, show};
use crate::commands::whoami;
use crate::error::CliError;

const EXAMPLES: &str = "\
Examples:
  keyledger verify --credential-file ./shown
  printf %s \"$SHOWN\" | keyledger verify --scope jobs:run -o json
  keyledger verify --credential-file ./token --audience https://api.example.com

Ends with 1 if the credential is not accepted, and with 7 if the server cannot say so now: it is not
there, or behind --min-position. The answer is written in either case, if there is one. The caller's own
key must have the permission keyledger:verify. Without --credential-file the credential comes from
standard input if that is a pipe or a file, else it is asked for on the terminal, without echo.";

/// What was shown, and what it must be good for.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArgs {
    /// The file of the key or token that was shown; - is standard input
    #[arg(long, value_name = "PATH")]
    credential_file: Option<PathBuf>,
    /// The service that a token must be for [default: Keyledger itself]; a key is for any
    #[arg(long, value_name = "AUDIENCE")]
    audience: Option<String>,
    /// A scope that it must include; several with commas between
    #[arg(long, value_name = "SCOPE", value_parser = parse_scope, value_delimiter = ',')]
    scope: Vec<String>,
    /// Answer only as of this position of the log or a later one
    #[arg(long, value_name = "N", value_parser = parse_position)]
    min_position: Option<Position>,
    #[command(flatten)]
    client: ClientArgs,
}

/// Asks.
pub fn run(args: VerifyArgs) -> Result<(), CliError> {
    let standard_input = Path::new("-");
    let shown_on_input = args.credential_file.as_deref().is_none_or(|path| path == standard_input);
    if shown_on_input && args.client.key_file.as_deref() == Some(standard_input) {
        return Err(ClientError::StandardInputTwice.into());
    }
    let (server, tenant) = args.client.server_and_tenant()?;
    let shown = shown(args.credential_file.as_deref())?;
    let mut question = json!({"credential": shown.expose(), "scopes": args.scope});
    if let Some(tenant) = tenant {
        question["tenant_id"] = json!(tenant);
    }
    if let Some(audience) = args.audience {
        question["audience"] = json!(audience);
    }
    if let Some(position) = args.min_position {
        question["min_position"] = json!(position.to_string());
    }
    let answer = server.http().post("/v1/verify", &question, Doubt::None)?;
    let valid = answer["valid"] == json!(true);
    show::result(args.client.form(), &answer, || show::facts(&facts(&answer)))?;
    if valid {
        return Ok(());
    }
    let (code, message) = (text(&answer, "code").to_owned(), text(&answer, "message").to_owned());
    Err(ClientError::NotValid { code, message }.into())
}

fn facts(answer: &Value) -> Vec<(&'static str, String)> {
    let mut facts = vec![("valid", show::cell(answer, "valid"))];
    if answer["valid"] == json!(true) {
        facts.push(("shown", show::cell(answer, "credential_kind")));
        facts.extend(whoami::facts(answer));
        if answer["audience"].is_array() {
            facts.push(("audience", show::cell(answer, "audience")));
        }
    } else {
        facts.push(("code", show::cell(answer, "code")));
    }
    facts.push(("as of", show::cell(answer, "position")));
    facts
}

fn shown(path: Option<&Path>) -> Result<Credential, ClientError> {
    match path {
        Some(path) => Credential::from_file(path),
        None => match Credential::from_pipe()? {
            Some(shown) => Ok(shown),
            None => Credential::asked_for("Credential (not shown): ")?
                .ok_or(ClientError::CredentialEmpty { from: "standard input".to_owned() }),
        },
    }
}

fn parse_position(text: &str) -> Result<Position, MalformedValue> {
    text.parse().map(Position::new).map_err(|_| MalformedValue("a position is a whole number"))
}
