//! `doctor`: looks at everything that a deployment rests on, and says what to do about what is wrong.

mod finding;
mod folder;
mod ledger;
mod reach;
mod secrets;

use authority::Clock;
use clap::Args;
use domain::time::Timestamp;
use replay::{Audit, Repair};
use serde_json::json;
use store::DataFolder;

use crate::args::{DataArgs, GuardArgs, SecretArgs};
use crate::client::server_url::ServerUrl;
use crate::commands::config::show::settings_of_serve;
use crate::commands::doctor::finding::{Finding, Level};
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs};
use crate::progress::Progress;
use crate::settings;

const EXAMPLES: &str = "\
Examples:
  keyledger doctor --data /var/lib/keyledger
  keyledger doctor --config /etc/keyledger.toml --url https://keys.example.com -o json

Changes nothing, and runs beside a server. Ends with 1 if something fails; a warning is no failure.";

/// What to look at.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DoctorArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    guard: GuardArgs,
    #[command(flatten)]
    secrets: SecretArgs,
    /// Where clients reach the server, to look at it from there, too
    #[arg(long, value_name = "URL", value_parser = ServerUrl::parse)]
    url: Option<ServerUrl>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Looks at everything, and writes what was found.
pub fn run(args: DoctorArgs) -> Result<(), CliError> {
    let folder = args.data.folder(Some(&args.guard));
    let now = Clock::System.now();
    let mut findings = match folder::absent(&folder) {
        // Whatever else is said of a folder that is not there would lead astray.
        Some(absent) => vec![absent],
        None => here(&args, &folder, now),
    };
    if let Some(url) = &args.url {
        findings.extend(reach::server(url, Clock::System));
    }
    write(&findings, now, args.output.output)?;
    let failed = findings.iter().filter(|finding| finding.level == Level::Fail).count();
    if failed == 0 { Ok(()) } else { Err(CliError::Unwell { failed }) }
}

/// Looks at the data folder, and at the settings that go with it.
fn here(args: &DoctorArgs, folder: &DataFolder, now: Timestamp) -> Vec<Finding> {
    let mut findings = configuration(args);
    findings.extend(folder::permissions(folder, &args.secrets.sources()));
    findings.extend(folder::writable(folder));
    findings.extend(folder::storage(folder));
    match Audit::open(folder, Repair::Forbidden) {
        Ok(audit) => {
            let mut progress = Progress::new(args.output.output);
            findings.extend(ledger::integrity(&audit, now, &mut |done, total| {
                progress.tell("verifying", done, total);
            }));
            drop(progress);
            findings.extend(ledger::clock(&audit, now));
            findings.extend(secrets::fitting(&audit, &args.secrets.sources()));
        }
        Err(error) => findings.push(ledger::unreadable(error)),
    }
    findings.push(folder::guard(folder));
    findings
}

/// Names that are no settings, and values that the server would not start with.
fn configuration(args: &DoctorArgs) -> Vec<Finding> {
    let mut findings: Vec<_> = settings::unknown(args.data.config.clone())
        .into_iter()
        .map(|error| Finding::fail("configuration", error.to_string(), "correct the name, or remove it"))
        .collect();
    if let Err(error) = settings_of_serve(args.data.config.clone(), vec![]) {
        let next = error.hint().unwrap_or_else(|| "correct that setting".to_owned());
        findings.push(Finding::fail("configuration", error.to_string(), next));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("configuration", "every setting is known and well-formed"));
    }
    findings
}

fn write(findings: &[Finding], now: Timestamp, form: Output) -> Result<(), CliError> {
    let counted = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (warned, failed) = (counted(Level::Warn), counted(Level::Fail));
    let text = match form {
        Output::Json => {
            let json = json!({
                "ok": failed == 0,
                "at": replay::print::instant(now),
                "checks": findings.iter().map(Finding::json).collect::<Vec<_>>(),
                "warnings": warned,
                "failures": failed,
            });
            format!("{}\n", replay::print::harmless_json(json.to_string()))
        }
        Output::Table => {
            let lines: String = findings.iter().map(Finding::line).collect();
            let checks = findings.len();
            format!("{lines}\n{checks} checks, {warned} with a warning, {failed} failed\n")
        }
    };
    output::write(&text)?;
    Ok(())
}
