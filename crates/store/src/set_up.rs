//! The code of the set-up link: what is kept of it, and until when it counts.
//!
//! A small file under `secrets`, so that a command at the machine can put a new code in the place of the one that a
//! running server printed. Text, so that a person can read it:
//!
//! ```text
//! keyledger-set-up 1
//! sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//! ends_at_ms 1764150000000
//! ```

use std::fs;
use std::io::ErrorKind;

use domain::time::Timestamp;

use crate::error::StoreError;
use crate::files::{replace, sync_folder_of};
use crate::folder::DataFolder;
use crate::secrets::{hex, unhex};

/// What is kept of a code. There is one at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetUpCode {
    /// The SHA-256 of its text.
    pub sha256: [u8; 32],
    /// Until when it counts.
    pub ends_at: Timestamp,
}

impl SetUpCode {
    /// The code that counts, if there is one. What cannot be made out is no code: a new one is easily made.
    pub fn read(folder: &DataFolder) -> Result<Option<Self>, StoreError> {
        let path = folder.set_up();
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidData) => Ok(None),
            Err(error) => Err(StoreError::File { path, error }),
        }
    }

    /// Puts it in the place of the one before, which counts no more.
    pub fn keep(&self, folder: &DataFolder) -> Result<(), StoreError> {
        let Self { sha256, ends_at } = self;
        let text = format!("keyledger-set-up 1\nsha256 {}\nends_at_ms {}\n", *hex(sha256), ends_at.unix_ms());
        replace(&folder.set_up(), text.as_bytes())
    }

    /// Takes the file away: no code counts any more.
    pub fn forget(folder: &DataFolder) -> Result<(), StoreError> {
        let path = folder.set_up();
        let forget = || match fs::remove_file(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| sync_folder_of(&path)),
        };
        forget().map_err(StoreError::file(&path))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned);
        if value("keyledger-set-up")? != "1" {
            return None;
        }
        let sha256 = unhex(&value("sha256")?)?;
        let ends_at = Timestamp::from_unix_ms(value("ends_at_ms")?.parse().ok()?)?;
        Some(Self { sha256, ends_at })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::secrets::create_folders;

    #[test]
    fn one_code_is_kept_for_its_owner_alone_and_forgotten() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = DataFolder::at(scratch.path());
        create_folders(&folder).unwrap();
        assert_eq!(SetUpCode::read(&folder).unwrap(), None);
        for number in [1, 2] {
            let code = SetUpCode { sha256: [number; 32], ends_at: Timestamp::MAX };
            code.keep(&folder).unwrap();
            assert_eq!(SetUpCode::read(&folder).unwrap(), Some(code), "the last one counts");
        }
        let mode = fs::metadata(folder.set_up()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        SetUpCode::forget(&folder).unwrap();
        SetUpCode::forget(&folder).unwrap();
        assert_eq!(SetUpCode::read(&folder).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_made_out_is_no_code() {
        let digest = "0".repeat(64);
        let good = format!("keyledger-set-up 1\nsha256 {digest}\nends_at_ms 1\n");
        assert!(SetUpCode::parse(&good).is_some());
        for bad in [
            String::new(),
            good.replace("up 1", "up 2"),
            good.replace("sha256 0", "sha256 g"),
            good.replace("ends_at_ms 1", "ends_at_ms -1"),
            good.replace("ends_at_ms 1\n", ""),
        ] {
            assert_eq!(SetUpCode::parse(&bad), None, "{bad}");
        }
    }
}
