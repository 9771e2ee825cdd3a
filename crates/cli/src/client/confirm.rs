//! A question before what cannot be undone: on a terminal only.

use std::io::{self, BufRead as _, IsTerminal as _};

use super::args::ConfirmArgs;
use super::error::ClientError;
use crate::output;

/// Asks, unless it was answered beforehand or there is nobody to ask.
pub fn confirm(args: &ConfirmArgs, what: &str) -> Result<(), ClientError> {
    if args.yes || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(());
    }
    output::remark(&format!("{what} This cannot be undone. Go on? [y/N] "));
    let mut answer = String::new();
    // A terminal that closes has not said yes.
    let _ = io::stdin().lock().read_line(&mut answer);
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(ClientError::NotConfirmed),
    }
}
