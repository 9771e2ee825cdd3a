//! `audit verify`: proves the log of a ledger, or all of the ledger, and reports.

use std::io::{self, Write as _};
use std::path::PathBuf;

use authority::Clock;
use clap::Args;
use credentials::note::NoteVerifier;
use domain::ids::LedgerId;
use domain::origin::LogOrigin;
use replay::{Audit, Cosigned, Depth, ProofError, Repair, Report, Signed, Source};

use crate::args::{DataArgs, GuardArgs};
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs};
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  keyledger audit verify --data /var/lib/keyledger
  keyledger audit verify --data ./data -o json
  keyledger audit verify --data backup.keyledger
  keyledger audit verify --data ./data --against checkpoint-of-last-year
  keyledger audit verify --data ./data --full

One pass over the log proves it. That the views, from which a server answers, are what the
log amounts to takes several times as long: --full says it, and audit rebuild --check byte by byte.
A backup or an export has neither views nor a guard.
Ends with 1 if anything is wrong; the report is written all the same.";

/// What to verify.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    guard: GuardArgs,
    /// A signed checkpoint that you kept: the log must begin with the one that it names; may be given several times
    #[arg(long, value_name = "FILE")]
    against: Vec<PathBuf>,
    /// The key that must have signed them, as NAME+HASH+KEY; not given: their signatures are not checked
    #[arg(long, value_name = "KEY", value_parser = NoteVerifier::parse, requires = "against")]
    verifier_key: Option<NoteVerifier>,
    /// The key of a witness that must have signed each of them, too, as NAME+HASH+KEY; may be given several times. Not
    /// given: cosignatures are not checked
    #[arg(long, value_name = "KEY", value_parser = NoteVerifier::parse_witness, requires = "against")]
    witness_key: Vec<NoteVerifier>,
    /// Everything: also that each row and each list of the views is what the log amounts to, that each event is about what
    /// there was and is written in the one way there is, and that each page of the file is as it was written
    #[arg(long)]
    full: bool,
    /// First repair the file if a crash left it half written, as starting the server would
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Verifies, and writes the report.
pub fn run(args: VerifyArgs) -> Result<(), CliError> {
    let repair = if args.repair { Repair::Allowed } else { Repair::Forbidden };
    let mut progress = Progress::new(args.output.output);
    let mut tell = |done, total| progress.tell("verifying", done, total);
    let depth = if args.full { Depth::Everything } else { Depth::Log };
    let (report, known) = if args.data.data.is_file() {
        let source = Source::open(&args.data.data, repair)?;
        let known = known(&args, source.ledger(), None)?;
        let checkpoints: Vec<_> = known.iter().map(|kept| kept.signed.checkpoint.clone()).collect();
        (
            replay::verify::verify_file(&source, &checkpoints, depth, Clock::System.now(), Some(&mut tell)),
            known,
        )
    } else {
        let audit = Audit::open(&args.data.folder(Some(&args.guard)), repair)?;
        let ledger = audit.snapshot()?.ledger();
        let known = known(&args, ledger, audit.origin().as_ref())?;
        let audit = known.iter().map(|kept| kept.signed.checkpoint.clone()).fold(audit, Audit::against);
        (replay::verify(&audit, depth, Clock::System.now(), Some(&mut tell)), known)
    };
    drop(progress);
    let against = known.into_iter().map(|Kept { name, cosigned, .. }| (name, cosigned)).collect();
    let report = Report { against, ..report? };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = match args.output.output {
        Output::Table => report.write_table(&mut out),
        Output::Json => report.write_json(&mut out),
    };
    output::unless_left(written.and_then(|()| out.flush()))?;
    if report.is_ok() { Ok(()) } else { Err(CliError::VerificationFailed { verdict: report.verdict() }) }
}

/// A checkpoint that somebody kept, and what witnesses signed of it.
struct Kept {
    name: String,
    signed: Signed,
    cosigned: Cosigned,
}

/// Those that were given, each of this log.
fn known(args: &VerifyArgs, ledger: LedgerId, own: Option<&LogOrigin>) -> Result<Vec<Kept>, CliError> {
    let key = args.verifier_key.as_ref();
    let read = |file: &PathBuf| -> Result<Kept, ProofError> {
        let signed = Signed::parse(&replay::prove::read(file)?, key)?.of_ledger(ledger, own, key)?;
        let cosigned = signed.cosigned_by(key, &args.witness_key)?;
        Ok(Kept { name: file.display().to_string(), signed, cosigned })
    };
    let named = |file: &PathBuf| {
        read(file).map_err(|error| match error {
            ProofError::Invalid(what) => ProofError::Invalid(format!("{}: {what}", file.display())),
            error => error,
        })
    };
    Ok(args.against.iter().map(named).collect::<Result<_, _>>()?)
}
