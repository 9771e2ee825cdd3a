//! Saved profiles: which server, with which key, in which tenant. A file of its owner's alone.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use domain::ids::TenantId;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use super::credential::Credential;
use super::error::ClientError;
use super::server_url::ServerUrl;
use crate::args::MalformedValue;
use crate::error::CliError;

/// The name of a profile.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProfileName(String);

/// A saved login.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The server.
    pub url: ServerUrl,
    /// The key, which is sent nowhere else.
    pub key: Credential,
    /// The tenant switched to; none: the key's own.
    pub tenant: Option<TenantId>,
}

/// The file of profiles.
#[derive(Clone, Debug)]
pub struct Profiles {
    path: PathBuf,
}

/// The file as TOML has it.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    #[serde(default)]
    profiles: BTreeMap<String, StoredProfile>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredProfile {
    url: String,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<String>,
}

impl Drop for StoredProfile {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl ProfileName {
    /// Accepts letters, digits, `-` and `_`.
    pub fn parse(text: &str) -> Result<Self, MalformedValue> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if text.is_empty() || text.len() > 64 || !text.chars().all(plain) {
            return Err(MalformedValue("the name of a profile has 1 to 64 letters, digits, - and _"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ProfileName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Profiles {
    /// Those of whoever runs this: `$XDG_CONFIG_HOME/keyledger/profiles.toml`, or below `~/.config`.
    pub fn own() -> Result<Self, ClientError> {
        let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let config = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
        Ok(Self::in_folder(&config.ok_or(ClientError::NoHome)?.join("keyledger")))
    }

    fn in_folder(folder: &Path) -> Self {
        Self { path: folder.join("profiles.toml") }
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A profile; none if there is none of that name.
    pub fn get(&self, name: &ProfileName) -> Result<Option<Profile>, ClientError> {
        let Some(stored) = self.read()?.profiles.remove(name.as_str()) else { return Ok(None) };
        let malformed = |why: &str| ClientError::ProfileMalformed {
            path: self.path.clone(),
            line: None,
            why: format!("profile {name}: {why}"),
        };
        Ok(Some(Profile {
            url: ServerUrl::parse(&stored.url).map_err(|error| malformed(error.0))?,
            key: Credential::parse(&stored.key, &format!("profile {name}"))?,
            tenant: match stored.tenant_id.as_deref().map(TenantId::parse) {
                None => None,
                Some(Ok(tenant)) => Some(tenant),
                Some(Err(_)) => return Err(malformed("tenant_id is not an id")),
            },
        }))
    }

    /// Saves a profile under its name.
    pub fn put(&self, name: &ProfileName, profile: &Profile) -> Result<(), CliError> {
        let stored = StoredProfile {
            url: profile.url.as_str().to_owned(),
            key: profile.key.expose().to_owned(),
            tenant_id: profile.tenant.map(|tenant| tenant.to_string()),
        };
        self.change(|profiles| drop(profiles.insert(name.as_str().to_owned(), stored)))
    }

    /// Forgets a profile. Tells whether there was one.
    pub fn remove(&self, name: &ProfileName) -> Result<bool, CliError> {
        if self.get(name)?.is_none() {
            return Ok(false);
        }
        self.change(|profiles| drop(profiles.remove(name.as_str())))?;
        Ok(true)
    }

    /// Reads, changes and replaces the file, one process at a time.
    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, StoredProfile>)) -> Result<(), CliError> {
        let folder = self.path.parent().expect("the file is in a folder");
        store::files::create_private_folder(folder)?;
        let lock = self.path.with_extension("lock");
        let failed = |error| ClientError::ProfileFile { path: lock.clone(), error };
        let held = File::options().create(true).append(true).mode(0o600).open(&lock).map_err(failed)?;
        held.lock().map_err(failed)?;

        let mut stored = self.read()?;
        change(&mut stored.profiles);
        let text = toml::to_string(&stored).expect("texts in tables are TOML");
        let text = Zeroizing::new(text);
        store::files::replace(&self.path, text.as_bytes())?;
        Ok(())
    }

    fn read(&self) -> Result<Stored, ClientError> {
        let failed = |error| ClientError::ProfileFile { path: self.path.clone(), error };
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Stored::default()),
            Err(error) => return Err(failed(error)),
        };
        // Of the file that is open, not of whatever has its name by now.
        let metadata = file.metadata().map_err(failed)?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(ClientError::ProfileExposed { path: self.path.clone(), mode });
        }
        let size = usize::try_from(metadata.len()).unwrap_or(0);
        let mut text = Zeroizing::new(String::with_capacity(size));
        file.read_to_string(&mut text).map_err(failed)?;
        toml::from_str(&text).map_err(|error| {
            // The whole text of the error would repeat the line, and the key that may stand in it.
            let line = error.span().map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            let why = "it is not what keyledger auth login writes".to_owned();
            ClientError::ProfileMalformed { path: self.path.clone(), line, why }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn inode(path: &Path) -> u64 {
        fs::metadata(path).unwrap().ino()
    }

    fn profile(key: &str) -> Profile {
        Profile {
            url: ServerUrl::parse("http://127.0.0.1:4200").unwrap(),
            key: Credential::parse(key, "a test").unwrap(),
            tenant: None,
        }
    }

    fn name(text: &str) -> ProfileName {
        ProfileName::parse(text).unwrap()
    }

    #[test]
    fn profiles_are_kept_for_their_owner_alone_and_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let profiles = Profiles::in_folder(&folder.path().join("keyledger"));
        assert!(profiles.get(&name("default")).unwrap().is_none());
        profiles.put(&name("default"), &profile("klu_one")).unwrap();
        let first = inode(profiles.path());
        let tenant = TenantId::from_bytes([7; 16]);
        profiles.put(&name("prod"), &Profile { tenant: Some(tenant), ..profile("klu_two") }).unwrap();
        assert_ne!(inode(profiles.path()), first, "a new file took its place");

        assert_eq!(profiles.get(&name("default")).unwrap().unwrap().key.expose(), "klu_one");
        let prod = profiles.get(&name("prod")).unwrap().unwrap();
        assert_eq!((prod.key.expose(), prod.tenant), ("klu_two", Some(tenant)));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(profiles.path()), mode(profiles.path().parent().unwrap())), (0o600, 0o700));

        assert!(profiles.remove(&name("default")).unwrap());
        assert!(!profiles.remove(&name("default")).unwrap());
        assert!(profiles.get(&name("prod")).unwrap().is_some());
    }

    #[test]
    fn a_file_that_others_can_read_is_neither_used_nor_changed() {
        let folder = tempfile::tempdir().unwrap();
        let profiles = Profiles::in_folder(folder.path());
        profiles.put(&name("default"), &profile("klu_one")).unwrap();
        let before = fs::read(profiles.path()).unwrap();
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(profiles.path(), fs::Permissions::from_mode(mode)).unwrap();
            let error = profiles.get(&name("default")).unwrap_err();
            assert!(
                matches!(error, ClientError::ProfileExposed { mode: found, .. } if found == mode),
                "{error}"
            );
            assert!(profiles.put(&name("other"), &profile("klu_two")).is_err());
            assert_eq!(fs::read(profiles.path()).unwrap(), before);
        }
    }

    #[test]
    fn a_malformed_file_is_told_by_its_line_without_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let profiles = Profiles::in_folder(folder.path());
        profiles.put(&name("default"), &profile("klu_one")).unwrap();
        for (text, line) in [
            ("[profiles.default]\nurl = \"http://x\"\nkey = klu_secret\n", 3),
            ("[profiles.default]\nkeys = \"klu_secret\"\n", 2),
        ] {
            fs::write(profiles.path(), text).unwrap();
            let error = profiles.get(&name("default")).unwrap_err().to_string();
            assert!(error.contains(&format!("in line {line}")) && !error.contains("klu_secret"), "{error}");
        }
    }
}
