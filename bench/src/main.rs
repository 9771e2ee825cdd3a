//! `make bench`: measures what Keyledger costs, each figure beside what it is compared with, in one run.
//!
//! These are no tests: nothing fails because a machine is slow. `docs/performance.md` says how to read the table.

mod dice;
mod folders;
mod grown;
mod process;
mod wrk;
mod signature;
mod http;
mod browser;
mod ui;
mod verify;
mod size;
mod start;
mod removal;
mod time;
mod audit;
mod durable;
mod slow_disk;
mod rounds;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use report::Report;

/// Measures what Keyledger costs, each figure beside what it is compared with, in one run.
#[derive(Parser)]
#[command(name = "bench")]
struct Arguments {
    /// Which parts to measure; all, if none is named.
    parts: Vec<Part>,
    /// How many keys the large ledger holds.
    #[arg(long, env = "KEYLEDGER_BENCH_KEYS", default_value_t = 1_000_000)]
    keys: u64,
    /// Where large ledgers are made, and kept between runs.
    #[arg(long, env = "KEYLEDGER_BENCH_DIR", default_value = "target/bench")]
    scratch: PathBuf,
    /// Where the figures go as JSON.
    #[arg(long, default_value = "target/bench/figures.json")]
    json: PathBuf,
}

/// What is measured together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The size of the file.
    Size,
    /// From start to ready.
    Start,
    /// Removing a tenant with many keys.
    Removal,
    /// Durable creations.
    Durable,
    /// The past, in process.
    Time,
    /// The audit tool on one core.
    Audit,
    /// Verification in process, and the memory of its index.
    Verify,
    /// What a request costs; needs wrk.
    Http,
    /// What the pages of the web UI cost.
    Ui,
}

impl Part {
    const ALL: [Self; 9] = [
        Self::Size,
        Self::Start,
        Self::Removal,
        Self::Durable,
        Self::Time,
        Self::Audit,
        Self::Verify,
        Self::Http,
        Self::Ui,
    ];

    fn measure(self, arguments: &Arguments, report: &mut Report) -> Result<(), String> {
        match self {
            Self::Size => size::measure(&arguments.scratch, report),
            Self::Start => start::measure(&arguments.scratch, arguments.keys, report),
            Self::Removal => removal::measure(&arguments.scratch, arguments.keys, report),
            Self::Durable => durable::measure(&arguments.scratch, report),
            Self::Time => time::measure(&arguments.scratch, arguments.keys, report),
            Self::Audit => audit::measure(&arguments.scratch, arguments.keys, report),
            Self::Verify => verify::measure(&arguments.scratch, arguments.keys, report),
            Self::Http => http::measure(&arguments.scratch, arguments.keys, report),
            Self::Ui => ui::measure(&arguments.scratch, report),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let parts = if arguments.parts.is_empty() { Part::ALL.to_vec() } else { arguments.parts.clone() };
    let mut report = Report::default();
    for part in parts {
        eprintln!("measuring {part:?} ...");
        if let Err(error) = part.measure(&arguments, &mut report) {
            eprintln!("error: {part:?} could not be measured: {error}");
            return ExitCode::FAILURE;
        }
    }
    print!("{report}");
    match report.write(&arguments.json) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}: {error}", arguments.json.display());
            ExitCode::FAILURE
        }
    }
}
