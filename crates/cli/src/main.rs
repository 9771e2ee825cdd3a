//! The `keyledger` command: its arguments become calls on the rooms below, its errors exit codes.

mod args;
mod help;
mod commands;
mod client;
mod error;
mod exit;
mod settings;
mod set_up;
mod checkpoint_key;
mod usage;
mod catalogue;
mod output;
mod moment;
mod open_files;
mod progress;
mod log;
mod panics;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::error::CliError;
use crate::exit::Exit;

/// A request allocates some seventy times. The allocator of musl, for which the container is built, takes a lock each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    panics::keep_for_the_error();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let form = output::ErrorForm::asked_for(&arguments);
    let outcome = panics::caught(|| {
        client::refuse_secrets(&arguments)?;
        let cli = settings::parse(arguments)?;
        commands::run(cli.command)
    });
    match outcome {
        Ok(()) => Exit::Ok.into(),
        Err(CliError::Help(text)) => output::help(&text).into(),
        Err(error) => {
            form.write(&error);
            error.exit().into()
        }
    }
}
