//! Data folders to measure: made once by the real `init`, grown, and kept for the next run.

use std::path::{Path, PathBuf};

use authority::compose::{TenantInput, UserInput};
use authority::{Authority, Initialised, Options};
use credentials::claims::Issuer;
use credentials::digest::Pepper;
use domain::event::TenantPolicy;
use domain::names::{Email, Name, Slug};
use store::{DataFolder, Ledger, OpenOptions, secrets};

use crate::grown::{Grown, Mix};

/// How an authority is opened here.
pub fn options(root: &Path) -> Options {
    let issuer = Issuer::parse("https://keys.example.com").expect("a URL");
    Options::new(DataFolder::at(root), issuer)
}

/// A new data folder with one tenant, its administrator and that user's key.
pub fn initialised(root: &Path) -> Result<Initialised, String> {
    let name = Name::parse("Acme").expect("a name");
    let slug = Slug::parse("acme").expect("a slug");
    let tenant = TenantInput { slug, name, policy: TenantPolicy::default() };
    let administrator = UserInput { email: Email::parse("ada@example.com").expect("an address"), name: None };
    Authority::initialise(options(root), &tenant, &administrator).map_err(|error| error.to_string())
}

/// The pepper of a data folder.
pub fn pepper(folder: &DataFolder) -> Result<Pepper, String> {
    let (id, key) = secrets::read_pepper(&folder.pepper()).map_err(|error| error.to_string())?;
    Ok(Pepper::derive(id, &key))
}

/// A data folder with so many keys, made if there is none.
pub fn with_keys(scratch: &Path, keys: u64, mix: Mix, commands_per_commit: usize) -> Result<PathBuf, String> {
    let root = scratch.join(format!("{mix:?}-{keys}-{commands_per_commit}").to_lowercase());
    let finished = root.join("finished");
    if finished.exists() {
        return Ok(root);
    }
    eprintln!("  growing {} ...", root.display());
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir_all(scratch).map_err(|error| error.to_string())?;
    let made = initialised(&root)?;
    let folder = DataFolder::at(&root);
    let pepper = pepper(&folder)?;
    let told = |error: store::StoreError| error.to_string();
    let ledger = Ledger::open(&folder.ledger(), &OpenOptions::default()).map_err(told)?;
    Grown::new(&ledger, &pepper, made.user, made.tenant).until(keys, mix, commands_per_commit)?;
    ledger.close().map_err(told)?;
    std::fs::write(&finished, made.key_string.expose()).map_err(|error| error.to_string())?;
    Ok(root)
}

/// The key of the administrator of a folder that [`with_keys`] made.
pub fn administrator_key(root: &Path) -> Result<String, String> {
    std::fs::read_to_string(root.join("finished")).map_err(|error| error.to_string())
}
