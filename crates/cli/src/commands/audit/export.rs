//! `audit export`: writes a log out, whole and provable, or as events of OCSF.

use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use replay::{Names, ProofError, ReplayError, Source};
use serde_json::json;
use store::StoreError;
use store::unfinished_file::UnfinishedFile;

use crate::commands::audit::log::{LogArgs, Reads};
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs};
use crate::progress::Progress;
use crate::usage::UsageError;

const EXAMPLES: &str = "\
Examples:
  keyledger audit export --data /var/lib/keyledger --to log.jsonl
  keyledger audit verify --data log.jsonl
  keyledger audit export --data /var/lib/keyledger --form ocsf | vector --config siem.toml
  keyledger audit export --data /var/lib/keyledger --form ocsf --names /var/lib/keyledger --to siem.jsonl
  keyledger audit export --data /var/lib/keyledger | keyledger audit import --from - --data ./copy

The lines hold the exact envelopes: every audit command reads them, and proves them by their chain.
Names stay sealed in them. The lines of ocsf are for systems that collect events; they prove nothing,
and their names are opened where --names says with what.";

/// What is written leaves the machine: unlike elsewhere, nothing is opened unless somebody asks for it.
const NAMES: &str =
    "The data folder whose secrets open the names in --form ocsf [default: names stay sealed]";

/// What to write, and where.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, mut_arg("names", |names| names.help(NAMES)))]
pub struct ExportArgs {
    #[command(flatten)]
    log: LogArgs,
    /// The file to write, which must not be there [default: standard output]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// keyledger: lines that can be read back and proved. ocsf: events of the Open Cybersecurity Schema Framework
    #[arg(long, value_name = "FORM", value_enum, default_value_t, hide_possible_values = true)]
    form: Form,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    #[default]
    Keyledger,
    Ocsf,
}

/// Writes it.
pub fn run(args: ExportArgs) -> Result<(), CliError> {
    let ExportArgs { log, to, form, output } = args;
    let source = log.open(if form == Form::Ocsf { Reads::Rows } else { Reads::LogAlone })?;
    let names = log.names_given();
    if names.is_some() && form == Form::Keyledger {
        let why = "--names opens the names of --form ocsf; the lines of the other form hold what is sealed, and no names";
        return Err(UsageError { code: "USAGE", message: why.to_owned(), hint: None }.into());
    }
    let names = names.unwrap_or_else(Names::sealed);
    let Some(to) = to else {
        let mut out = BufWriter::new(io::stdout().lock());
        return match written(&source, &names, form, &mut out, &mut |_, _| {}) {
            Err(ReplayError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written.map(drop)?),
        };
    };
    let mut progress = Progress::new(output.output);
    let events = file(&source, &names, form, &to, &mut |done, total| progress.tell("exporting", done, total));
    drop(progress);
    let (events, file) = (events?, to.to_string_lossy());
    output::write(&match output.output {
        Output::Table => format!("OK: {events} events in {file}\n"),
        Output::Json => format!("{}\n", json!({"ok": true, "events": events, "file": file})),
    })?;
    Ok(())
}

fn written(
    source: &Source,
    names: &Names,
    form: Form,
    out: &mut impl Write,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, ReplayError> {
    match form {
        Form::Keyledger => replay::export(source, out, progress),
        Form::Ocsf => replay::ocsf(source, names, out, progress),
    }
}

/// A new file of its owner's alone. Until it is written whole, there is none of that name.
fn file(
    source: &Source,
    names: &Names,
    form: Form,
    to: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, CliError> {
    let there = || CliError::from(ProofError::Exists(to.to_owned()));
    if to.symlink_metadata().is_ok() {
        return Err(there());
    }
    let unfinished = UnfinishedFile::begin(to, "export").map_err(ReplayError::from)?;
    let failed = |error| ReplayError::from(StoreError::File { path: to.to_owned(), error });
    let mut out = BufWriter::with_capacity(1 << 20, unfinished.file());
    let events = written(source, names, form, &mut out, progress)?;
    drop(out);
    unfinished.file().sync_all().map_err(failed)?;
    match unfinished.finish() {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(there()),
        finished => Ok(finished.map_err(failed).map(|()| events)?),
    }
}
