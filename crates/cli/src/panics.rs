//! Panics: defects, told like any other error instead of in the middle of a program's JSON.
//!
//! The audit of a damaged file outlives panics of the database on purpose; those are in its report.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::{Mutex, PoisonError};

use crate::error::CliError;

static LAST: Mutex<String> = Mutex::new(String::new());

/// From now on a panic is logged, if a log was started, and kept; nothing else is printed.
pub fn keep_for_the_error() {
    set_hook(Box::new(|panic| {
        let text = panic.to_string();
        tracing::error!(code = "DEFECT", panic = text, "a thread panicked");
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }));
}

/// Runs the command; a panic becomes an error.
pub fn caught(command: impl FnOnce() -> Result<(), CliError>) -> Result<(), CliError> {
    catch_unwind(AssertUnwindSafe(command)).unwrap_or_else(|_| {
        Err(CliError::Defect(LAST.lock().unwrap_or_else(PoisonError::into_inner).replace('\n', " ")))
    })
}
