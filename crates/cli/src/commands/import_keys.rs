//! `import-keys`: keys that another system gave out, accepted here as they are, at the machine itself.

mod line;
mod lines;

use std::collections::VecDeque;
use std::path::PathBuf;

use authority::importing::{Brought, CarryOut, Import, Pending};
use authority::{Authority, Options};
use clap::Args;
use credentials::claims::Issuer;
use domain::key::Owner;
use serde_json::json;

use self::line::{Owners, Refused};
use self::lines::{Lines, ReadLine};
use crate::args::{DataArgs, GuardArgs, SecretArgs};
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs};
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  keyledger import-keys --data /var/lib/keyledger --from keys.jsonl --dry-run
  keyledger import-keys --data /var/lib/keyledger --from keys.jsonl

One JSON object a line; name, tenant, an owner and a key are needed:
  {\"name\": \"laptop\", \"tenant\": \"acme\", \"user\": \"ada@example.com\", \"sha256\": \"…\"}
  {\"name\": \"etl\", \"tenant\": \"acme\", \"service_account\": \"etl-agent\", \"secret\": \"pcu_…\",
   \"expires_at\": \"2027-01-01T00:00:00Z\", \"scopes\": [\"keyledger:read\"]}
With sha256, \"prefix\" and \"last_four\" say what lists show of the key. A user's key acts in all tenants of the
user, and in this one if none is named; \"confined\": true keeps it to this one.

Stop the server first: one process writes a ledger. What is here already is passed over, so that an import
can be repeated. Owners must exist; nothing but keys is made. Ends with 1 if a line was refused.";

/// So many keys are on their way at once: enough to fill a commit.
const BEGUN_MAX: usize = 512;
/// So many refusals are told.
const REFUSED_TOLD_MAX: usize = 1_000;

/// Which keys, into which ledger.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ImportKeysArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The file with one key a line, as JSON; -: standard input
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Ask the rules and tell what would be refused; change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    guard: GuardArgs,
    #[command(flatten)]
    secrets: SecretArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What came of it.
#[derive(Default)]
struct Report {
    lines: u64,
    imported: u64,
    known: u64,
    refused: u64,
    told: Vec<(u64, Refused)>,
}

impl Report {
    fn refuse(&mut self, line: u64, refused: Refused) {
        self.refused += 1;
        if self.told.len() < REFUSED_TOLD_MAX {
            self.told.push((line, refused));
        }
    }
}

/// Imports them, and reports.
pub fn run(args: ImportKeysArgs) -> Result<(), CliError> {
    let lines = Lines::open(&args.from)?;
    // Nothing is minted here, so nothing carries the name of an issuer.
    let issuer = Issuer::parse("http://localhost").expect("this is a well-formed issuer");
    let folder = args.data.folder_of_a_ledger(Some(&args.guard))?;
    let authority =
        Authority::open(Options { secrets: args.secrets.sources(), ..Options::new(folder, issuer) })?;
    let report = import(&args, &authority, lines)?;
    // The ledger is closed, its guard written, before anybody hears of it.
    drop(authority);
    let text = match args.output.output {
        Output::Json => for_programs(&report, args.dry_run),
        Output::Table => for_people(&report, args.dry_run),
    };
    output::write(&text)?;
    if report.refused == 0 { Ok(()) } else { Err(CliError::LinesRefused { count: report.refused }) }
}

fn import(args: &ImportKeysArgs, authority: &Authority, mut lines: Lines) -> Result<Report, CliError> {
    let carry_out = if args.dry_run { CarryOut::No } else { CarryOut::Yes };
    let mut import = Import::new(authority, carry_out);
    let mut owners = Owners::of(authority);
    let mut report = Report::default();
    let mut begun: VecDeque<(u64, Pending)> = VecDeque::new();
    let mut progress = Progress::of(args.output.output, "keys");
    while let Some(line) = lines.next()? {
        let number = lines.number;
        report.lines = number;
        let text = match line {
            ReadLine::Text(text) if text.trim_ascii().is_empty() => continue,
            ReadLine::Text(text) => text,
            ReadLine::TooLong => {
                report.refuse(number, Refused::malformed("the line is longer than 64 KiB"));
                continue;
            }
        };
        let mut brought = line::read(&text, &mut owners).and_then(|key| Ok((import.bring(&key)?, key)));
        if let Ok((Brought::UnderWay, key)) = &brought {
            settle(&mut begun, 0, &mut report);
            import.settled();
            brought = import.bring(key).map(|again| (again, key.clone())).map_err(Refused::from);
        }
        match brought {
            Ok((Brought::Begun(pending), _)) => begun.push_back((number, pending)),
            Ok((Brought::Would, _)) => report.imported += 1,
            Ok((Brought::Known | Brought::UnderWay, _)) => report.known += 1,
            Ok((Brought::OfAnother(owner), _)) => report.refuse(number, of_another(owner)),
            Err(refused) => report.refuse(number, refused),
        }
        if begun.len() >= BEGUN_MAX {
            settle(&mut begun, BEGUN_MAX / 2, &mut report);
        }
        progress.tell("importing", number, lines.total.unwrap_or(number));
    }
    settle(&mut begun, 0, &mut report);
    report.told.sort_by_key(|(line, _)| *line);
    Ok(report)
}

/// Waits until no more than so many keys are on their way.
fn settle(begun: &mut VecDeque<(u64, Pending)>, left: usize, report: &mut Report) {
    while begun.len() > left {
        let Some((line, pending)) = begun.pop_front() else { return };
        match pending.wait() {
            Ok(_) => report.imported += 1,
            Err(failure) => report.refuse(line, failure.into()),
        }
    }
}

fn of_another(owner: Owner) -> Refused {
    let why = match owner {
        Owner::User(user) => format!("this key is here already, as a key of user {user}"),
        Owner::ServiceAccount(account) => {
            format!("this key is here already, as a key of service account {account}")
        }
    };
    Refused { code: "KEY_OF_ANOTHER", why }
}

fn for_programs(report: &Report, dry_run: bool) -> String {
    let refused: Vec<_> = report
        .told
        .iter()
        .map(|(line, Refused { code, why })| json!({"line": line, "code": code, "message": why}))
        .collect();
    let json = json!({
        "dry_run": dry_run,
        "lines": report.lines,
        "imported": report.imported,
        "known": report.known,
        "refused": report.refused,
        "refusals": refused,
    });
    format!("{json}\n")
}

fn for_people(report: &Report, dry_run: bool) -> String {
    let mut text = String::new();
    for (line, Refused { code, why }) in &report.told {
        text += &format!("line {line}: {code}: {why}\n");
    }
    if report.refused > report.told.len() as u64 {
        text += &format!("and {} more\n", report.refused - report.told.len() as u64);
    }
    let done = if dry_run { "would be imported" } else { "imported" };
    let Report { imported, known, refused, .. } = report;
    text + &format!("{imported} {done}, {known} here already, {refused} refused\n")
}
