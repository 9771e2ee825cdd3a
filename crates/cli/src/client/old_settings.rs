//! Where clients and agents of the product that this replaces keep their key: read once, when asked to import it.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use toml::Table;

use super::credential::Credential;
use super::error::ClientError;

/// The variables that give those clients and agents their key, the one that comes first first.
const VARIABLES: [&str; 2] = ["PREFECT__CLOUD__API_KEY", "PREFECT__CLOUD__AGENT__AUTH_TOKEN"];
/// The variable that names another configuration file.
const CONFIG_VARIABLE: &str = "PREFECT__USER_CONFIG_PATH";

/// The key, from the first place that has one, and what that place is called.
pub fn credential() -> Result<(Credential, String), ClientError> {
    for name in VARIABLES {
        if let Some(text) = env::var(name).ok().filter(|text| !text.trim().is_empty()) {
            return Ok((Credential::parse(&text, name)?, name.to_owned()));
        }
    }
    let path = config_path();
    let place = format!("[cloud.agent] auth_token of {}", path.display());
    match agent_token(&path)? {
        Some(text) => Ok((Credential::parse(&text, &place)?, place)),
        None => Err(ClientError::NothingToImport { looked: format!("{}, {place}", VARIABLES.join(", ")) }),
    }
}

fn config_path() -> PathBuf {
    let home = env::home_dir().unwrap_or_default();
    match env::var_os(CONFIG_VARIABLE).filter(|path| !path.is_empty()) {
        Some(path) => at_home(&home, PathBuf::from(path)),
        None => home.join(".prefect").join("config.toml"),
    }
}

/// The path as those clients read it: `~` at its beginning is one's own home. A shell does not put that in its place within
/// quotes, nor in the file of a unit. The home of somebody else (`~name`) is looked for in nobody's.
fn at_home(home: &Path, path: PathBuf) -> PathBuf {
    match path.strip_prefix("~") {
        Ok(within) => home.join(within),
        Err(_) => path,
    }
}

/// What the file says, if there is one: `auth_token` of the table `cloud.agent`.
fn agent_token(path: &Path) -> Result<Option<String>, ClientError> {
    let failed = |error| ClientError::CredentialFile { from: path.display().to_string(), error };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    // What its error repeats of the file may be the key: only that it does not parse is told.
    let rule = "it is no TOML; a key needs quotes around it, as in auth_token = \"KEY\"";
    let malformed = |_| failed(io::Error::new(io::ErrorKind::InvalidData, rule));
    let table: Table = text.parse().map_err(malformed)?;
    let agent = table.get("cloud").and_then(|cloud| cloud.get("agent"));
    let token = agent.and_then(|agent| agent.get("auth_token")).and_then(|token| token.as_str());
    Ok(token.filter(|token| !token.trim().is_empty()).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_at_the_beginning_is_ones_own_home() {
        for (path, read) in [
            ("~/.prefect/other.toml", "/h/ada/.prefect/other.toml"),
            ("~", "/h/ada/"),
            ("/etc/prefect.toml", "/etc/prefect.toml"),
            ("here/~/x.toml", "here/~/x.toml"),
            ("~bob/x.toml", "~bob/x.toml"),
        ] {
            assert_eq!(at_home(Path::new("/h/ada"), path.into()), Path::new(read), "{path}");
        }
    }
}
