//! `audit prove` and `audit check-proof`: that the log has an event, as a file that anybody can check.

use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use credentials::note::NoteVerifier;
use domain::time::Position;
use replay::{Audit, Names, ProofError, Prover, Repair, check_proof, json};
use serde_json::json;
use store::checkpoint::Checkpoint;
use store::unfinished_file::UnfinishedFile;

use super::show::parse_position;
use crate::args::{DataArgs, GuardArgs, WitnessKeyArgs};
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs};

const PROVE_EXAMPLES: &str = "\
Examples:
  keyledger audit prove --data /var/lib/keyledger --position 42 --to 42.tlog-proof
  keyledger audit prove --data ./data --position 42 -o json

The proof is a file of C2SP tlog-proof v1. It leads to the latest checkpoint that witnesses signed, if
that covers the event, else to the highest that the server signed, and holds the event as the log has
it. It works beside a running server, too.";

/// What to prove.
#[derive(Debug, Args)]
#[command(after_help = PROVE_EXAMPLES)]
pub struct ProveArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    guard: GuardArgs,
    /// The event's place in the log
    #[arg(long, value_name = "N", value_parser = parse_position)]
    position: Position,
    /// Where to write the proof, never over another file [default: standard output]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  keyledger audit check-proof 42.tlog-proof --verifier-key 'keys.example.com/tlog+1f3b0c2a+AAAA…'
  keyledger audit check-proof 42.tlog-proof --verifier-key KEY --entry 42.envelope
  jq -r .data.inclusion_proof.proof answer.json > receipt; keyledger audit check-proof receipt --verifier-key KEY
  keyledger audit check-proof 42.tlog-proof --verifier-key KEY --witness-key 'wit.example/w+3e590217+BAAA…'

Ends with 1 and PROOF_INVALID if it does not hold. The keys must be known from elsewhere.";

/// What to check.
#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub struct CheckProofArgs {
    /// The proof
    #[arg(value_name = "FILE")]
    proof: PathBuf,
    /// The key that must have signed its checkpoint, as NAME+HASH+KEY
    #[arg(long, value_name = "KEY", value_parser = NoteVerifier::parse)]
    verifier_key: NoteVerifier,
    #[command(flatten)]
    witnesses: WitnessKeyArgs,
    /// The event's bytes as the log has them, if they are not in the proof
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Proves, and writes the proof.
pub fn run(args: ProveArgs) -> Result<(), CliError> {
    let audit = Audit::open(&args.data.folder(Some(&args.guard)), Repair::Forbidden)?;
    let prover = Prover::new(&audit)?;
    let proof = prover.prove(args.position)?.to_string();
    let key = prover.verifier_key().map(ToString::to_string);
    if let Some(to) = &args.to {
        write_new(to, proof.as_bytes())?;
    }
    let size = prover.covering(args.position).checkpoint.size;
    let text = match (args.output.output, &args.to) {
        (Output::Json, to) => {
            let file = to.as_ref().map(|to| to.to_string_lossy());
            let json = json!({
                "position": args.position.to_string(),
                "tree_size": size.to_string(),
                "verifier_key": key,
                "file": file,
                "proof": proof,
            });
            format!("{json}\n")
        }
        (Output::Table, None) => proof,
        (Output::Table, Some(to)) => {
            let key = key.unwrap_or_else(|| "unknown here".to_owned());
            format!("wrote {}, of {size} events; the verifier key is {key}\n", to.display())
        }
    };
    output::write(&text)?;
    Ok(())
}

/// Checks a proof, and tells what it proves.
pub fn check(args: CheckProofArgs) -> Result<(), CliError> {
    let entry = args.entry.as_deref().map(replay::prove::read_bytes).transpose()?;
    let proof = replay::prove::read(&args.proof)?;
    let proved = check_proof(without_printed_end(&proof), entry, &args.verifier_key)?;
    let cosigned = proved.signed.cosigned_by(Some(&args.verifier_key), &args.witnesses.witness_key)?;
    let event = json::event(&proved.scanned, &Names::sealed());
    let (position, name) = (proved.scanned.recorded.position, proved.scanned.recorded.event.name());
    let Checkpoint { origin, size, .. } = &proved.signed.checkpoint;
    let text = match args.output.output {
        Output::Table => {
            let lines = [format!("OK: {origin} of {size} events has {name} at position {position}")];
            let lines: Vec<_> = lines.into_iter().chain(cosigned.said()).chain([event]).collect();
            format!("{}\n", lines.join("\n"))
        }
        Output::Json => {
            let event: serde_json::Value = serde_json::from_str(&event).expect("we wrote it");
            let json = json!({
                "ok": true,
                "origin": origin.to_string(),
                "tree_size": size.to_string(),
                "cosignatures": cosigned.json(),
                "event": event,
            });
            format!("{json}\n")
        }
    };
    output::write(&text)?;
    Ok(())
}

/// A proof without the line end that a program adds which prints texts, such as `jq -r`. No other byte is forgiven.
fn without_printed_end(proof: &str) -> &str {
    if proof.ends_with("\n\n") { &proof[..proof.len() - 1] } else { proof }
}

/// A new file of its owner's alone. Until it is written whole, there is none of that name.
fn write_new(path: &Path, contents: &[u8]) -> Result<(), ProofError> {
    let failed = |error: io::Error| match error.kind() {
        ErrorKind::AlreadyExists => ProofError::Exists(path.to_owned()),
        _ => ProofError::File { path: path.to_owned(), error },
    };
    if path.symlink_metadata().is_ok() {
        return Err(ProofError::Exists(path.to_owned()));
    }
    let unfinished = UnfinishedFile::begin(path, "proof")?;
    let mut file = unfinished.file();
    file.write_all(contents).and_then(|()| file.sync_all()).map_err(failed)?;
    unfinished.finish().map_err(failed)
}
