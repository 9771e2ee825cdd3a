//! Data folders to measure: made once by the real `init`, grown, and kept for the next run.

use std::path::{Path, PathBuf};

use authority::compose::{TenantInput, UserInput};
use authority::{Authority, Clock, Initialised, Options};
use credentials::claims::Issuer;
use credentials::digest::Pepper;
use domain::event::TenantPolicy;
use domain::names::{Email, Name, Slug};
use store::secrets::SubjectKeys;
use store::{DataFolder, Ledger, OpenOptions, secrets};

use crate::grown::{self, Grown, Mix};

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
    // What grows is older than the run: a ledger records nothing as earlier than its last event.
    let options = Options { clock: Clock::manual(grown::began()), ..options(root) };
    Authority::initialise(options, &tenant, &administrator).map_err(|error| error.to_string())
}

/// The pepper of a data folder.
pub fn pepper(folder: &DataFolder) -> Result<Pepper, String> {
    let (id, key) = secrets::read_pepper(&folder.pepper()).map_err(|error| error.to_string())?;
    Ok(Pepper::derive(id, &key))
}

/// A data folder with so many keys, made if there is none.
pub fn with_keys(scratch: &Path, keys: u64, mix: Mix, commands_per_commit: usize) -> Result<PathBuf, String> {
    let name = format!("{mix:?}-{keys}-{commands_per_commit}").to_lowercase();
    grown(scratch, &name, |grown, _| grown.until(keys, mix, commands_per_commit))
}

/// A data folder whose first tenant has so many keys, with names that can be read, and whose other tenants have the rest of
/// so many with a mixed history; made if there is none.
pub fn with_a_tenant_of(scratch: &Path, of_tenant: u64, keys: u64) -> Result<PathBuf, String> {
    grown(scratch, &format!("tenant-{of_tenant}-{keys}"), |grown, folder| {
        let told = |error: store::StoreError| error.to_string();
        let mut subjects = SubjectKeys::open(&folder.subjects()).map_err(told)?;
        grown.until_readable(of_tenant, &mut subjects, COMMANDS_PER_COMMIT)?;
        subjects.sync().map_err(told)?;
        grown.until(keys, Mix::Mixed, COMMANDS_PER_COMMIT)
    })
}

const COMMANDS_PER_COMMIT: usize = 4_096;
/// Counts the ways in which ledgers were grown: one that is kept from another way is not measured.
const WAY: u32 = 2;

fn grown(
    scratch: &Path,
    name: &str,
    grow: impl FnOnce(&mut Grown<'_>, &DataFolder) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let root = scratch.join(format!("{name}-{WAY}"));
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
    grow(&mut Grown::new(&ledger, &pepper, made.user, made.tenant), &folder)?;
    ledger.close().map_err(told)?;
    std::fs::write(&finished, made.key_string.expose()).map_err(|error| error.to_string())?;
    Ok(root)
}

/// The key of the administrator of a folder that was made here.
pub fn administrator_key(root: &Path) -> Result<String, String> {
    std::fs::read_to_string(root.join("finished")).map_err(|error| error.to_string())
}
