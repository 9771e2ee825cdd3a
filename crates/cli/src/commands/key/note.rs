//! `key note`: changes what is remarked about a key.

use clap::Args;
use domain::ids::KeyId;
use domain::names::Note;
use serde_json::json;

use crate::client::{AttemptArgs, ClientArgs, Mutation, show};
use crate::error::CliError;

const CHANGE: Mutation = Mutation::plain("change_api_key_note", "change_api_key_note_input");

const EXAMPLES: &str = "\
Examples:
  keyledger key note 01890a5d-ac96-774b-bcce-b302099a8057 'in the vault of the data team, OPS-1311'
  keyledger key note 01890a5d-ac96-774b-bcce-b302099a8057 --remove

Whoever may see the key reads it. Notes before stay in its history. Never write a secret into it.";

/// Which key, and what to remark.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct NoteArgs {
    /// The key's id
    #[arg(value_name = "KEY_ID", value_parser = KeyId::parse)]
    key: KeyId,
    /// The remark from now on
    #[arg(value_name = "TEXT", value_parser = Note::parse, required_unless_present = "remove")]
    note: Option<Note>,
    /// Remark nothing any more
    #[arg(long, conflicts_with = "note")]
    remove: bool,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Changes it.
pub fn run(args: NoteArgs) -> Result<(), CliError> {
    let note = args.note.as_ref().map(Note::as_str);
    let input = json!({"key_id": args.key.to_string(), "note": note});
    let done = args.client.server()?.mutate(CHANGE, input, &args.attempt)?;
    show::result(args.client.form(), &done, || match note {
        Some(note) => format!("Key {} is noted: {}", args.key, show::plain(note)),
        None => format!("Key {} has no note", args.key),
    })
}
