//! What the doctor sees of the secrets: that they are there, and are those of this ledger.

use std::collections::BTreeSet;

use authority::{SecretSources, pepper_fits};
use credentials::digest::Pepper;
use credentials::sealing::SubjectKey;
use credentials::wrapping::{MasterKey, WrappedKey};
use domain::Event;
use domain::ids::{PepperId, SigningKeyId};
use domain::key::DigestScheme;
use domain::rejection::Entity;
use domain::sealed::Subject;
use replay::{Audit, ReplayError};
use store::secrets::{self, KeptNoteKey, SecretBytes, SubjectKeys, Subjects};
use store::{DataFolder, StoreError};

use crate::checkpoint_key;
use crate::commands::doctor::finding::Finding;

/// What the log says about secrets.
#[derive(Default)]
struct Needed {
    peppers: BTreeSet<PepperId>,
    signing_keys: BTreeSet<SigningKeyId>,
    subjects: BTreeSet<Subject>,
    /// Whether the pepper made the digests of names, once one was found that tells.
    pepper_fits: Option<bool>,
}

/// The pepper is the one under which keys were digested, the master key opens the private signing keys.
pub fn fitting(audit: &Audit, sources: &SecretSources) -> Vec<Finding> {
    let folder = audit.folder();
    let pepper_file = sources.pepper.clone().unwrap_or_else(|| folder.pepper());
    let pepper = secrets::read_pepper(&pepper_file);
    let subjects = SubjectKeys::read(&folder.subjects());
    let needed = match needed(audit, pepper.as_ref().ok(), subjects.as_ref().ok()) {
        Ok(needed) => needed,
        Err(error) => {
            let detail = format!("what they have to fit cannot be read: {error}");
            return vec![Finding::fail("secrets", detail, "see what is wrong with the ledger first")];
        }
    };
    vec![
        self::pepper(pepper.map(|(id, _)| id), &needed),
        master_key(folder, sources, &needed),
        checkpoint_key(folder),
        self::subjects(subjects, &needed),
    ]
}

fn needed(
    audit: &Audit,
    pepper: Option<&(PepperId, SecretBytes)>,
    subjects: Option<&Subjects>,
) -> Result<Needed, ReplayError> {
    let pepper = pepper.map(|(id, key)| Pepper::derive(*id, key));
    let key = |subject| Some(SubjectKey::from_bytes(**subjects?.keys.get(&subject)?));
    replay::reading(|| {
        let mut needed = Needed::default();
        audit.snapshot()?.scan(|scanned| {
            let event = scanned.recorded.event;
            needed.subjects.extend(event.begins());
            if let Some(subject) = event.erases() {
                needed.subjects.remove(&subject);
            }
            if needed.pepper_fits.is_none() {
                needed.pepper_fits = pepper.as_ref().and_then(|pepper| pepper_fits(pepper, &event, key));
            }
            if let Event::KeyCreated(key) = &event
                && let DigestScheme::KeyedBlake3(pepper) = key.digest.scheme
            {
                needed.peppers.insert(pepper);
            } else if let Event::SigningKeyAdded { signing_key, .. } = event {
                needed.signing_keys.insert(signing_key);
            } else if let Event::SigningKeyRetired { signing_key, .. } = event {
                needed.signing_keys.remove(&signing_key);
            }
            Ok::<_, ReplayError>(())
        })?;
        Ok(needed)
    })
}

fn pepper(pepper: Result<PepperId, StoreError>, needed: &Needed) -> Finding {
    let next = "put the pepper of this ledger back, or name its file with --pepper-file; without it every key is refused";
    let id = match pepper {
        Ok(id) => id,
        Err(error) => return Finding::fail("pepper", error.to_string(), next),
    };
    if let Some(other) = needed.peppers.iter().find(|needed| **needed != id) {
        return Finding::fail("pepper", format!("it is {id}, and keys were digested under {other}"), next);
    }
    if needed.pepper_fits == Some(false) {
        let detail = format!("it is called {id}, but names were digested under another key");
        return Finding::fail("pepper", detail, next);
    }
    Finding::ok("pepper", format!("{id}, under which the keys were digested"))
}

fn master_key(folder: &DataFolder, sources: &SecretSources, needed: &Needed) -> Finding {
    let path = sources.master_key.clone().unwrap_or_else(|| folder.master_key());
    let next = "put the master key and DIR/secrets/signing back, or name the file with --master-key-file; or rotate the signing key";
    let master = match secrets::read_master_key(&path) {
        Ok(bytes) => MasterKey::from_bytes(*bytes),
        Err(error) => return Finding::fail("master key", error.to_string(), next),
    };
    let opens = |id: &SigningKeyId| {
        let wrapped = secrets::read_signing_key(folder, *id).map_err(|error| error.to_string())?;
        let wrapped: [u8; WrappedKey::BYTES] =
            wrapped.try_into().map_err(|_| format!("the private signing key {id} has the wrong length"))?;
        let opened = master.unwrap(*id, &WrappedKey(wrapped));
        opened.map(drop).map_err(|error| format!("the private signing key {id}: {error}"))
    };
    let note_key = || {
        // One that cannot be read is told of with the checkpoints.
        let Ok(KeptNoteKey::Whole(key)) = secrets::read_note_key(folder) else { return Ok(()) };
        let wrapped: Option<[u8; WrappedKey::BYTES]> = key.wrapped.try_into().ok();
        let opened = wrapped.map(|wrapped| master.unwrap_note_key(&WrappedKey(wrapped)).is_ok());
        let why = || format!("it does not open the key for checkpoints, {}", folder.note_key().display());
        if opened == Some(true) { Ok(()) } else { Err(why()) }
    };
    match needed.signing_keys.iter().map(opens).find_map(Result::err).or_else(|| note_key().err()) {
        None => {
            Finding::ok("master key", format!("it opens {} private signing keys", needed.signing_keys.len()))
        }
        Some(why) => Finding::fail("master key", why, next),
    }
}

/// The key that signs checkpoints is the one that signed the highest of them.
fn checkpoint_key(folder: &DataFolder) -> Finding {
    match checkpoint_key::mismatch(folder) {
        None => Finding::ok("checkpoint key", "it signed the highest checkpoint"),
        Some(what) => {
            let next = "before the next start put both files back from their copies; see NO_CHECKPOINT in docs/runbooks/audit.md";
            Finding::fail("checkpoint key", what, next)
        }
    }
}

/// Each subject that the log names has its key, but for those that were erased.
fn subjects(subjects: Result<Subjects, StoreError>, needed: &Needed) -> Finding {
    let next = "stop the server, and add the lines that are missing from a copy of DIR/secrets/subjects; an older copy in the place of the whole file loses the keys of everybody made since";
    let subjects = match subjects {
        Ok(Subjects { unread: Some(error), .. }) | Err(error) => {
            return Finding::fail("names", error.to_string(), next);
        }
        Ok(subjects) => subjects,
    };
    let known = |subject: &&Subject| subjects.keys.contains_key(subject) || subjects.erased.contains(subject);
    let missing = needed.subjects.iter().filter(|subject| !known(subject)).count();
    if missing > 0 {
        let detail = format!(
            "the keys of {missing} of the {} subjects that the log names are missing: their names cannot be read or found",
            needed.subjects.len()
        );
        return Finding::fail("names", detail, next);
    }
    let unrecorded: Vec<_> =
        needed.subjects.intersection(&subjects.erased).map(|it| Entity::from(*it).to_string()).collect();
    if !unrecorded.is_empty() {
        let detail = format!(
            "the keys of {} were destroyed, and the log does not say so any more: it was rolled back to before their erasure",
            unrecorded.join(", ")
        );
        return Finding::warn("names", detail, "repeat the erasure, with keyledger erase");
    }
    let (there, erased) = (subjects.keys.len(), subjects.erased.len());
    let erased = if erased == 0 { String::new() } else { format!(", and {erased} were erased") };
    Finding::ok("names", format!("the keys of {there} subjects are there{erased}"))
}
