//! The book of use and refusals: the file, if it can be had, and what is not in it yet.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use domain::ids::{KeyId, TenantId};
use store::StoreError;
use store::usage::{Agents, Found, KEPT_MAX, KeptRefusals, RefusalQueue, Tally, UsageFile};

use super::sessions::Sessions;

/// What was counted: written, and not written yet.
#[derive(Default)]
pub(crate) struct Book {
    path: Option<PathBuf>,
    /// None: not opened yet, or it failed, and is opened again before the next writing.
    file: Option<UsageFile>,
    tallies: HashMap<KeyId, Tally>,
    agents: HashMap<KeyId, Agents>,
    refusals: RefusalQueue,
    pub(crate) sessions: Sessions,
}

impl Book {
    /// Opens the file; one that cannot be used is replaced, and the log says so. Without one everything goes on.
    pub(crate) fn open(&mut self, path: &Path) {
        self.path = Some(path.to_owned());
        match UsageFile::open(path) {
            Ok((file, found)) => {
                if let Found::Unusable { why, aside } = found {
                    let aside = aside.display();
                    tracing::warn!(why, %aside, "the file of use and refusals could not be used and was moved aside; a new one was made");
                }
                match file.sessions() {
                    Ok(kept) => self.sessions.read(kept),
                    Err(error) => {
                        tracing::warn!(%error, "the sessions cannot be read; everybody signs in again")
                    }
                }
                self.file = Some(file);
            }
            Err(error) => {
                let path = path.display();
                tracing::warn!(%error, %path, "the file of use and refusals cannot be opened; use and refusals are kept in memory only, until it can");
            }
        }
    }

    /// Adds the use of a key.
    pub(crate) fn add(&mut self, key: KeyId, new: Tally) {
        self.tallies.entry(key).and_modify(|tally| tally.absorb(&new)).or_insert(new);
    }

    /// Adds what was seen of the agents of a key.
    pub(crate) fn add_agents(&mut self, key: KeyId, new: &Agents) {
        self.agents.entry(key).or_default().absorb(new);
    }

    /// Adds refusals that came after those that are here.
    pub(crate) fn add_refusals(&mut self, later: RefusalQueue) {
        self.refusals.append(later);
    }

    /// Writes what is not written yet. If that fails, it is tried again the next time.
    pub(crate) fn write(&mut self) {
        if let (None, Some(path)) = (&self.file, self.path.clone()) {
            self.open(&path);
        }
        let Some(file) = &self.file else { return };
        let added = file.add(&self.tallies, &self.agents, self.refusals.waiting());
        match added.and_then(|()| file.keep_sessions(self.sessions.unsaved())) {
            Ok(()) => {
                self.sessions.saved();
                self.tallies.clear();
                self.agents.clear();
                self.refusals = RefusalQueue::default();
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Writes the sessions that the file does not have yet: a sign-in and a sign-out should outlive a crash.
    pub(crate) fn write_sessions(&mut self) {
        let Some(file) = &self.file else { return };
        match file.keep_sessions(self.sessions.unsaved()) {
            Ok(()) => self.sessions.saved(),
            Err(error) => self.failed(&error),
        }
    }

    /// What is known of the use of these keys.
    pub(crate) fn tallies(&mut self, keys: &[KeyId]) -> HashMap<KeyId, Tally> {
        let mut known = self.read(|file| file.tallies(keys));
        for key in keys {
            if let Some(new) = self.tallies.get(key) {
                known.entry(*key).and_modify(|tally| tally.absorb(new)).or_insert(*new);
            }
        }
        known
    }

    /// The agents that are known to poll with these keys.
    pub(crate) fn agents(&mut self, keys: &[KeyId]) -> HashMap<KeyId, Agents> {
        let mut known = self.read(|file| file.agents(keys));
        for key in keys {
            if let Some(new) = self.agents.get(key) {
                known.entry(*key).or_default().absorb(new);
            }
        }
        known
    }

    /// The refusals that are kept of a tenant, or of no tenant.
    pub(crate) fn refusals(&mut self, tenant: Option<TenantId>) -> KeptRefusals {
        let mut kept = self.read(|file| file.refusals(tenant));
        if let Some(new) = self.refusals.waiting().get(&tenant) {
            let numbered = new.numbered_from(kept.seen);
            kept.recent.extend(numbered.map(|(number, refusal)| (number, refusal.clone())));
            kept.seen = kept.seen.saturating_add(new.seen);
            let surplus = kept.recent.len().saturating_sub(KEPT_MAX);
            kept.recent.drain(..surplus);
        }
        kept
    }

    fn read<T: Default>(&mut self, ask: impl FnOnce(&UsageFile) -> Result<T, StoreError>) -> T {
        let Some(file) = &self.file else { return T::default() };
        ask(file).unwrap_or_else(|error| {
            self.failed(&error);
            T::default()
        })
    }

    /// A handle that failed once is not used again.
    fn failed(&mut self, error: &StoreError) {
        tracing::warn!(%error, "the file of use and refusals failed; it is opened again before the next writing");
        self.file = None;
    }
}
