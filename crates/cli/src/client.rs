//! The client half: what the commands that talk to a server share.
//!
//! A command resolves where the server is and which credential to show ([`settings`]), asks over HTTP
//! ([`http`]) in GraphQL ([`graphql`]), and shows the answer ([`show`]). What the server refuses becomes an
//! exit code by its stable code ([`codes`]).

pub mod args;
pub mod settings;
pub mod credential;
pub mod old_settings;
pub mod profile;
pub mod server_url;
pub mod http;
pub mod graphql;
pub mod codes;
pub mod names;
pub mod when;
pub mod as_of;
pub mod seconds;
pub mod narrowed;
pub mod limits;
pub mod confirm;
pub mod difference;
pub mod living_tokens;
pub mod dry_run;
pub mod new_key;
pub mod show;
pub mod error;

use std::ffi::OsString;

pub use args::{AttemptArgs, ClientArgs};
pub use as_of::AsOfArgs;
pub use dry_run::{Change, DryRunArgs};
pub use error::ClientError;
pub use graphql::{Mutation, Server};
pub use narrowed::{RoleArgs, StateArgs};

/// Refuses a command line that holds a secret, before anything repeats a part of it.
pub fn refuse_secrets(arguments: &[OsString]) -> Result<(), ClientError> {
    let mut words = arguments.iter().skip(1);
    match words.any(|word| credential::looks_secret(&word.to_string_lossy())) {
        true => Err(ClientError::SecretInArguments),
        false => Ok(()),
    }
}
