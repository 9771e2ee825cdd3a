//! The keyring: the secrets that a running authority holds. Pepper, subjects' keys, private signing keys.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use credentials::digest::{Pepper, TextKind};
use credentials::jws::{Algorithm, Signer};
use credentials::sealing::{self, ERASED_TEXT, SubjectKey};
use credentials::signing_key::{Seed, SigningKeyPair};
use credentials::wrapping::{MasterKey, WrappedKey};
use domain::command::NewSigningKey;
use domain::event::Recorded;
use domain::ids::SigningKeyId;
use domain::sealed::{Sealed, SealedName, Subject};
use domain::time::Timestamp;
use store::secrets::{self, SubjectKeys};
use store::{DataFolder, StoreError};
use zeroize::Zeroizing;

use crate::entropy;

/// Where secrets come from, if not from the data folder.
#[derive(Clone, Debug, Default)]
pub struct SecretSources {
    /// The file of the pepper.
    pub pepper: Option<PathBuf>,
    /// The file of the master key.
    pub master_key: Option<PathBuf>,
}

/// The secrets in memory.
pub(crate) struct Keyring {
    folder: DataFolder,
    pub(crate) pepper: Pepper,
    master: MasterKey,
    subjects: Mutex<SubjectKeys>,
    signers: RwLock<HashMap<SigningKeyId, Arc<Signer>>>,
    algorithm: Algorithm,
    /// Whether a secret could not be kept, so that nobody knows what the files hold.
    doubtful: AtomicBool,
}

/// A secret that a command brings along. It is kept only once the command is accepted: refused ones must
/// not fill the disk.
pub(crate) enum NewSecret {
    /// The key of a subject that begins.
    Subject(Subject, Zeroizing<[u8; 32]>),
    /// The private half of a signing key.
    SigningKey(SigningKeyId, Box<WrappedKey>, Arc<Signer>),
}

/// What is shown for a text that cannot be opened.
pub const UNREADABLE_TEXT: &str = "[unreadable]";

impl Keyring {
    /// Makes the secrets of a new data folder.
    pub(crate) fn create(
        folder: &DataFolder,
        sources: &SecretSources,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        secrets::create_folders(folder)?;
        // What is provided from elsewhere exists already; so does what an interrupted attempt made.
        if sources.pepper.is_none() && !folder.pepper().exists() {
            secrets::create_pepper(&folder.pepper(), entropy::id(now), &entropy::secret())?;
        }
        if sources.master_key.is_none() && !folder.master_key().exists() {
            secrets::create_master_key(&folder.master_key(), &entropy::secret())?;
        }
        Ok(())
    }

    /// Reads the secrets of a data folder.
    pub(crate) fn open(
        folder: &DataFolder,
        sources: &SecretSources,
        algorithm: Algorithm,
    ) -> Result<Self, StoreError> {
        let (pepper_id, pepper) =
            secrets::read_pepper(&sources.pepper.clone().unwrap_or_else(|| folder.pepper()))?;
        let master =
            secrets::read_master_key(&sources.master_key.clone().unwrap_or_else(|| folder.master_key()))?;
        Ok(Self {
            folder: folder.clone(),
            pepper: Pepper::derive(pepper_id, &pepper),
            master: MasterKey::from_bytes(*master),
            subjects: Mutex::new(SubjectKeys::open(&folder.subjects())?),
            signers: RwLock::default(),
            algorithm,
            doubtful: AtomicBool::new(false),
        })
    }

    /// Loads the private half of a signing key. One that cannot be read signs nothing; the log says so.
    pub(crate) fn load_signer(&self, id: SigningKeyId) {
        let loaded = secrets::read_signing_key(&self.folder, id).map_err(|error| error.to_string());
        let seed = loaded.and_then(|bytes| {
            let wrapped: [u8; WrappedKey::BYTES] =
                bytes.try_into().map_err(|_| "it has the wrong length".to_owned())?;
            self.master.unwrap(id, &WrappedKey(wrapped)).map_err(|error| error.to_string())
        });
        match seed {
            Ok(seed) => self.keep_signer(id, self.signer(&seed)),
            Err(error) => {
                tracing::warn!(signing_key = %id, error, "a private signing key cannot be used");
            }
        }
    }

    /// The signer with this id, if its private half is here.
    pub(crate) fn signer_with(&self, id: SigningKeyId) -> Option<Arc<Signer>> {
        self.signers.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// The algorithm that tokens name.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// A new signing key, active from an instant.
    pub(crate) fn new_signing_key(
        &self,
        now: Timestamp,
        active_from: Timestamp,
    ) -> (NewSigningKey, NewSecret) {
        let id = entropy::id(now);
        let seed = Seed::from_bytes(*entropy::secret());
        let wrapped = self.master.wrap(id, entropy::bytes(), &seed);
        let signer = self.signer(&seed);
        let public_key = signer.verifying_key().public_key();
        let secret = NewSecret::SigningKey(id, Box::new(wrapped), Arc::new(signer));
        (NewSigningKey { id, public_key, active_from }, secret)
    }

    /// The private key that signs checkpoints, encrypted for keeping.
    pub(crate) fn wrap_note_key(&self, seed: &Seed) -> WrappedKey {
        self.master.wrap_note_key(entropy::bytes(), seed)
    }

    /// The private key that signs checkpoints. One that cannot be read signs nothing; the log says so.
    pub(crate) fn unwrap_note_key(&self, wrapped: &[u8]) -> Option<Seed> {
        let wrapped = wrapped.try_into().map_err(|_| "it has the wrong length".to_owned());
        let seed = wrapped.and_then(|wrapped| {
            self.master.unwrap_note_key(&WrappedKey(wrapped)).map_err(|error| error.to_string())
        });
        seed.inspect_err(|error| tracing::warn!(error, "the private key for checkpoints cannot be used")).ok()
    }

    /// A key for a subject that begins, and the text sealed under it.
    pub(crate) fn new_subject(&self, subject: Subject) -> (SubjectKey, NewSecret) {
        let secret = entropy::secret();
        (SubjectKey::from_bytes(*secret), NewSecret::Subject(subject, secret))
    }

    /// A subject's key, if it is known.
    pub(crate) fn subject(&self, subject: Subject) -> Option<SubjectKey> {
        let subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        subjects.key(subject).map(|key| SubjectKey::from_bytes(**key))
    }

    /// A text sealed under a key.
    pub(crate) fn seal(&self, key: &SubjectKey, subject: Subject, text: &str) -> Sealed {
        sealing::seal(key, subject, entropy::bytes(), text)
    }

    /// A name sealed under a key, with the digest by which it is recognised.
    pub(crate) fn seal_name(
        &self,
        key: &SubjectKey,
        subject: Subject,
        kind: TextKind,
        text: &str,
    ) -> SealedName {
        SealedName { text: self.seal(key, subject, text), digest: self.pepper.text_digest(kind, text) }
    }

    /// The text; [`ERASED_TEXT`] if its key was destroyed, or else [`UNREADABLE_TEXT`].
    pub(crate) fn open_text(&self, sealed: &Sealed) -> String {
        let text = self.subject(sealed.subject).and_then(|key| sealing::open(&key, sealed).ok());
        let none = || if self.is_erased(sealed.subject) { ERASED_TEXT } else { UNREADABLE_TEXT };
        text.unwrap_or_else(|| none().to_owned())
    }

    /// Whether a subject's key was destroyed.
    pub(crate) fn is_erased(&self, subject: Subject) -> bool {
        let subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        subjects.all().erased.contains(&subject)
    }

    /// Destroys the keys of the subjects that these events erase, after the commit that has them. One that fails is tried again when the secrets
    /// are mended, and at the next start; nobody reads the texts in between.
    pub(crate) fn erase(&self, recorded: &[Recorded]) -> Result<(), StoreError> {
        let erased = recorded.iter().filter_map(|recorded| recorded.event.erases());
        let done = self.subjects.lock().unwrap_or_else(PoisonError::into_inner).erase(erased);
        if done.is_err() {
            self.doubtful.store(true, Ordering::Relaxed);
        }
        done
    }

    /// Makes the private signing keys of an accepted command durable, before its event.
    pub(crate) fn keep_signing_keys(&self, new: &[NewSecret]) -> Result<(), StoreError> {
        for secret in new {
            if let NewSecret::SigningKey(id, wrapped, signer) = secret {
                secrets::create_signing_key(&self.folder, *id, &wrapped.0)?;
                let mut signers = self.signers.write().unwrap_or_else(PoisonError::into_inner);
                signers.insert(*id, Arc::clone(signer));
            }
        }
        Ok(())
    }

    /// Makes the subjects' keys of accepted commands durable, before the commit that rests on them.
    pub(crate) fn keep_subjects(&self, new: Vec<NewSecret>) -> Result<(), StoreError> {
        let kept = self.try_to_keep_subjects(new);
        if kept.is_err() {
            self.doubtful.store(true, Ordering::Relaxed);
        }
        kept
    }

    /// After subjects' keys could not be kept: makes sure of those that were, and that others can be again.
    pub(crate) fn mend(&self) -> Result<(), StoreError> {
        if self.doubtful.load(Ordering::Relaxed) {
            self.subjects.lock().unwrap_or_else(PoisonError::into_inner).write_anew()?;
            self.doubtful.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    fn try_to_keep_subjects(&self, new: Vec<NewSecret>) -> Result<(), StoreError> {
        let mut subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        for secret in new {
            match secret {
                NewSecret::Subject(subject, key) => subjects.add(subject, key)?,
                NewSecret::SigningKey(..) => {}
            }
        }
        subjects.sync()
    }

    fn keep_signer(&self, id: SigningKeyId, signer: Signer) {
        self.signers.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::new(signer));
    }

    fn signer(&self, seed: &Seed) -> Signer {
        Signer::new(SigningKeyPair::from_seed(seed), self.algorithm)
    }
}
