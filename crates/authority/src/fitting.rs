//! Whether the secrets fit the log: its pepper, and the keys of the subjects that it names.

use std::collections::BTreeSet;

use credentials::digest::{Pepper, TextKind};
use credentials::sealing::{self, SubjectKey};
use domain::rejection::Entity;
use domain::sealed::Subject;
use domain::{Event, Recorded};

use crate::keyring::Keyring;

/// How many of them a line of the log names.
const NAMED_MAX: usize = 10;

/// What a start finds while it reads the log.
#[derive(Default)]
pub(crate) struct Fitting {
    /// Whether the pepper is the log's own, once a name was found that tells.
    pepper_fits: Option<bool>,
    /// Subjects whose key is lost.
    nameless: BTreeSet<Subject>,
    /// Subjects whose key was destroyed, which the log does not say.
    unrecorded: BTreeSet<Subject>,
    /// The events by which keys were destroyed.
    erasures: Vec<Recorded>,
}

impl Fitting {
    /// Holds the secrets against the next event.
    pub(crate) fn hold(&mut self, keyring: &Keyring, recorded: Recorded) {
        let event = &recorded.event;
        if self.pepper_fits.is_none() {
            self.pepper_fits = pepper_fits(&keyring.pepper, event, |subject| keyring.subject(subject));
        }
        if let Some(subject) = event.begins() {
            if keyring.is_erased(subject) {
                self.unrecorded.insert(subject);
            } else if keyring.subject(subject).is_none() {
                self.nameless.insert(subject);
            }
        }
        if let Some(subject) = event.erases() {
            self.nameless.remove(&subject);
            self.unrecorded.remove(&subject);
            self.erasures.push(recorded);
        }
    }

    /// Whether the pepper made none of the log's digests, though it may have the id of the one that did.
    pub(crate) fn is_other_pepper(&self) -> bool {
        self.pepper_fits == Some(false)
    }

    /// The events by which keys were destroyed.
    pub(crate) fn erasures(&self) -> &[Recorded] {
        &self.erasures
    }

    /// Tells the log of subjects whose key does not fit.
    pub(crate) fn tell(&self) {
        if !self.nameless.is_empty() {
            tracing::warn!(
                subjects = self.nameless.len(),
                named = named(&self.nameless),
                "secrets/subjects lacks keys of subjects that the log names: their names cannot be read or found, and they get no more keys; stop the server, and add the lines that are missing from a copy. An older copy in the place of the whole file would lose the keys of everybody made since"
            );
        }
        if !self.unrecorded.is_empty() {
            tracing::warn!(
                subjects = self.unrecorded.len(),
                named = named(&self.unrecorded),
                "the keys of subjects were destroyed, and the log does not say so any more: it was rolled back to before their erasure; repeat that with keyledger erase"
            );
        }
    }
}

fn named(subjects: &BTreeSet<Subject>) -> String {
    let named = subjects.iter().take(NAMED_MAX).map(|subject| Entity::from(*subject).to_string());
    named.collect::<Vec<_>>().join(", ")
}

/// Whether this pepper made the digest of the name with which this event begins something; none, if it begins nothing, or
/// the name cannot be opened. The id of a pepper stands beside its key, and says nothing of that.
pub fn pepper_fits(
    pepper: &Pepper,
    event: &Event,
    key: impl FnOnce(Subject) -> Option<SubjectKey>,
) -> Option<bool> {
    let (kind, name) = match event {
        Event::TenantCreated { slug, .. } => (TextKind::TenantSlug, slug),
        Event::UserCreated { email, .. } => (TextKind::Email, email),
        Event::ServiceAccountCreated { name, .. } => (TextKind::AccountName, name),
        _ => return None,
    };
    let text = sealing::open(&key(name.text.subject)?, &name.text).ok()?;
    Some(pepper.text_digest(kind, &text) == name.digest)
}
