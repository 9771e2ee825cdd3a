//! A key as it is named where its id or its secret may be at hand.

use std::path::{Path, PathBuf};

use clap::Args;
use domain::ids::KeyId;
use serde_json::{Value, json};

use crate::client::credential::Credential;
use crate::client::{ClientArgs, ClientError};

/// Which key.
#[derive(Debug, Args)]
pub struct KeyNamedArgs {
    /// The key's id
    #[arg(value_name = "KEY_ID", value_parser = KeyId::parse, required_unless_present = "secret_file")]
    key: Option<KeyId>,
    /// The file of the key itself, where its id is not known; - is standard input
    #[arg(long, value_name = "PATH", conflicts_with = "key")]
    secret_file: Option<PathBuf>,
}

impl KeyNamedArgs {
    /// As the API takes it.
    pub fn asked(&self, client: &ClientArgs) -> Result<Value, ClientError> {
        let Some(path) = self.secret_file.as_deref() else {
            return Ok(json!({"id": self.key.map(|key| key.to_string())}));
        };
        if path == Path::new("-") && client.key_file.as_deref() == Some(path) {
            return Err(ClientError::StandardInputTwice);
        }
        Ok(json!({"secret": Credential::from_file(path)?.expose()}))
    }
}
