//! The file of use and refusals: `usage.redb`, beside the ledger, lossy, and never in the way of anything.
//!
//! | table | key | value | life |
//! |---|---|---|---|
//! | `meta` | `version` | u32 | for ever |
//! | `keys` | key id | [`Tally`] | for ever |
//! | `agents` | key id | [`Agents`] | for ever |
//! | `refusals` | tenant (17 bytes: 0 or 1, its id), number (u64, big-endian) | [`RefusedCommand`] | the last [`KEPT_MAX`] a tenant |
//! | `refused` | tenant | how many refusals there were, u64 | for ever |
//! | `sessions` | SHA-256 of the session's secret | [`Session`] | until it is over, or signed out |
//!
//! It is a second database because nothing may depend on it: what it says is approximate, it may be deleted while
//! the server is down, and one that cannot be read is moved aside.

mod agents;
mod refused;
mod session;
mod tally;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use domain::ids::{KeyId, TenantId};
use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use crate::codec::rows::StoredRow;
use crate::error::{StoreError, database};
use crate::files::{like_its_surroundings, private_file};

pub use agents::{AGENTS_MAX, Agent, AgentKind, Agents, Called};
pub use refused::{NewRefusals, RefusalQueue, RefusedCommand};
pub use session::{Session, SessionDigest};
pub use tally::{CallerKind, Callers, Tally, UseWay};

/// How many refusals of one tenant are kept.
pub const KEPT_MAX: usize = 1_000;

/// The version of the file that this software writes. Another one is moved aside.
const VERSION: u32 = 1;
/// Memory for pages of the file.
const CACHE_BYTES: usize = 16 << 20;
/// Files up to this size have every page checked when they are opened.
const CHECK_BYTES_MAX: u64 = 256 << 20;

const META: TableDefinition<&str, u32> = TableDefinition::new("meta");
const KEYS: TableDefinition<&[u8; 16], &[u8]> = TableDefinition::new("keys");
const AGENTS: TableDefinition<&[u8; 16], &[u8]> = TableDefinition::new("agents");
const REFUSALS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("refusals");
const REFUSED: TableDefinition<&[u8], u64> = TableDefinition::new("refused");
/// Younger than the others: a file without it gets it when it is opened, and stays of the same version.
const SESSIONS: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("sessions");

/// The file, open for writing by one process.
pub struct UsageFile {
    database: Database,
}

/// What was found where the file should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The file, or none: then it was made.
    Usable,
    /// Something that cannot be used. It was moved aside, and a new file made.
    Unusable {
        /// Why it cannot.
        why: String,
        /// Where it is now.
        aside: PathBuf,
    },
}

/// The refusals of one tenant, of which the file keeps the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptRefusals {
    /// With the number of each, counted from 0; ascending.
    pub recent: Vec<(u64, RefusedCommand)>,
    /// How many there were, those that are kept no more included.
    pub seen: u64,
}

impl UsageFile {
    /// Opens the file, or makes it. One that is damaged or of another version is moved aside.
    pub fn open(path: &Path) -> Result<(Self, Found), StoreError> {
        let opened = catch_unwind(AssertUnwindSafe(|| Self::try_open(path)))
            .unwrap_or_else(|_| Err(StoreError::damaged("its pages lead nowhere")));
        let why = match opened {
            Ok(file) => return Ok((file, Found::Usable)),
            Err(error) if unusable(&error) => error.to_string(),
            Err(error) => return Err(error),
        };
        let mut aside = path.as_os_str().to_owned();
        aside.push(".unusable");
        let aside = PathBuf::from(aside);
        std::fs::rename(path, &aside).map_err(StoreError::file(path))?;
        Ok((Self::try_open(path)?, Found::Unusable { why, aside }))
    }

    /// Adds what came together since the last time, durably.
    pub fn add(
        &self,
        tallies: &HashMap<KeyId, Tally>,
        agents: &HashMap<KeyId, Agents>,
        refusals: &HashMap<Option<TenantId>, NewRefusals>,
    ) -> Result<(), StoreError> {
        if tallies.is_empty() && agents.is_empty() && refusals.is_empty() {
            return Ok(());
        }
        let txn = self.database.begin_write().map_err(database)?;
        {
            let mut keys = txn.open_table(KEYS).map_err(database)?;
            for (key, new) in tallies {
                let mut tally = *new;
                if let Some(known) =
                    keys.get(&key.bytes()).map_err(database)?.and_then(|row| read(row.value()))
                {
                    tally.absorb(&known);
                }
                keys.insert(&key.bytes(), tally.to_bytes().as_slice()).map_err(database)?;
            }
            let mut table = txn.open_table(AGENTS).map_err(database)?;
            for (key, new) in agents {
                let row = table.get(&key.bytes()).map_err(database)?.and_then(|row| read(row.value()));
                let mut known: Agents = row.unwrap_or_default();
                known.absorb(new);
                table.insert(&key.bytes(), known.to_bytes().as_slice()).map_err(database)?;
            }
        }
        for (tenant, new) in refusals {
            add_refusals(&txn, *tenant, new)?;
        }
        txn.commit().map_err(database)
    }

    /// What is known of the use of these keys.
    pub fn tallies(&self, keys: &[KeyId]) -> Result<HashMap<KeyId, Tally>, StoreError> {
        let txn = self.database.begin_read().map_err(database)?;
        let table = txn.open_table(KEYS).map_err(database)?;
        let mut found = HashMap::new();
        for key in keys {
            let row = table.get(&key.bytes()).map_err(database)?;
            found.extend(row.and_then(|row| read(row.value())).map(|tally| (*key, tally)));
        }
        Ok(found)
    }

    /// The agents that are known to poll with these keys.
    pub fn agents(&self, keys: &[KeyId]) -> Result<HashMap<KeyId, Agents>, StoreError> {
        let txn = self.database.begin_read().map_err(database)?;
        let table = txn.open_table(AGENTS).map_err(database)?;
        let mut found = HashMap::new();
        for key in keys {
            let row = table.get(&key.bytes()).map_err(database)?;
            found.extend(row.and_then(|row| read(row.value())).map(|agents| (*key, agents)));
        }
        Ok(found)
    }

    /// The refusals that are kept of a tenant, or of no tenant.
    pub fn refusals(&self, tenant: Option<TenantId>) -> Result<KeptRefusals, StoreError> {
        let txn = self.database.begin_read().map_err(database)?;
        let drawer = drawer(tenant);
        let seen = txn.open_table(REFUSED).map_err(database)?.get(drawer.as_slice()).map_err(database)?;
        let table = txn.open_table(REFUSALS).map_err(database)?;
        let mut recent = vec![];
        let (first, last) = (numbered(&drawer, 0), numbered(&drawer, u64::MAX));
        for row in table.range(first.as_slice()..=last.as_slice()).map_err(database)? {
            let (key, value) = row.map_err(database)?;
            let number = key.value().last_chunk().map(|bytes| u64::from_be_bytes(*bytes));
            recent.extend(number.zip(read(value.value())));
        }
        Ok(KeptRefusals { recent, seen: seen.map_or(0, |seen| seen.value()) })
    }

    /// Every session that is kept.
    pub fn sessions(&self) -> Result<HashMap<SessionDigest, Session>, StoreError> {
        let txn = self.database.begin_read().map_err(database)?;
        let table = txn.open_table(SESSIONS).map_err(database)?;
        let mut sessions = HashMap::new();
        for row in table.iter().map_err(database)? {
            let (digest, session) = row.map_err(database)?;
            sessions.extend(read(session.value()).map(|session| (SessionDigest(*digest.value()), session)));
        }
        Ok(sessions)
    }

    /// Keeps sessions as they are now, durably; those that are over are forgotten.
    pub fn keep_sessions(&self, changed: &HashMap<SessionDigest, Option<Session>>) -> Result<(), StoreError> {
        if changed.is_empty() {
            return Ok(());
        }
        let txn = self.database.begin_write().map_err(database)?;
        {
            let mut table = txn.open_table(SESSIONS).map_err(database)?;
            for (SessionDigest(digest), session) in changed {
                match session {
                    Some(session) => {
                        drop(table.insert(digest, session.to_bytes().as_slice()).map_err(database)?)
                    }
                    None => drop(table.remove(digest).map_err(database)?),
                }
            }
        }
        txn.commit().map_err(database)
    }

    fn try_open(path: &Path) -> Result<Self, StoreError> {
        // The database takes an empty file for a new one; it must be its owner's alone from the first byte on.
        let made = || {
            let file = private_file().write(true).create(true).truncate(false).open(path)?;
            like_its_surroundings(&file, path.parent().unwrap_or(path))?;
            file.metadata()
        };
        let bytes = made().map_err(StoreError::file(path))?.len();
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE_BYTES);
        builder.set_check_integrity_on_open(bytes <= CHECK_BYTES_MAX);
        let database = builder.create(path).map_err(database)?;
        Self { database }.prepared()
    }

    fn prepared(self) -> Result<Self, StoreError> {
        let txn = self.database.begin_write().map_err(database)?;
        {
            let mut meta = txn.open_table(META).map_err(database)?;
            let version = meta.get("version").map_err(database)?.map(|version| version.value());
            match version {
                None => drop(meta.insert("version", VERSION).map_err(database)?),
                Some(VERSION) => {}
                Some(other) => {
                    return Err(StoreError::damaged(format!(
                        "it is of version {other}, and this software writes version {VERSION}"
                    )));
                }
            }
            txn.open_table(KEYS).map_err(database)?;
            // A file that was made before there were agents gets the table now.
            txn.open_table(AGENTS).map_err(database)?;
            txn.open_table(REFUSALS).map_err(database)?;
            txn.open_table(REFUSED).map_err(database)?;
            txn.open_table(SESSIONS).map_err(database)?;
        }
        txn.commit().map_err(database)?;
        Ok(self)
    }
}

fn add_refusals(
    txn: &WriteTransaction,
    tenant: Option<TenantId>,
    new: &NewRefusals,
) -> Result<(), StoreError> {
    let drawer = drawer(tenant);
    let mut refused = txn.open_table(REFUSED).map_err(database)?;
    let before = refused.get(drawer.as_slice()).map_err(database)?.map_or(0, |seen| seen.value());
    let seen = before.saturating_add(new.seen);
    refused.insert(drawer.as_slice(), seen).map_err(database)?;
    let mut refusals = txn.open_table(REFUSALS).map_err(database)?;
    for (number, refusal) in new.numbered_from(before) {
        let key = numbered(&drawer, number);
        refusals.insert(key.as_slice(), refusal.to_bytes().as_slice()).map_err(database)?;
    }
    let (first, kept_from) = (numbered(&drawer, 0), numbered(&drawer, seen.saturating_sub(KEPT_MAX as u64)));
    refusals.retain_in(first.as_slice()..kept_from.as_slice(), |_, _| false).map_err(database)
}

/// The beginning of a tenant's keys in both tables of refusals.
fn drawer(tenant: Option<TenantId>) -> [u8; 17] {
    let mut drawer = [0; 17];
    if let Some(tenant) = tenant {
        drawer[0] = 1;
        drawer[1..].copy_from_slice(&tenant.bytes());
    }
    drawer
}

fn numbered(drawer: &[u8; 17], number: u64) -> [u8; 25] {
    let mut key = [0; 25];
    key[..17].copy_from_slice(drawer);
    key[17..].copy_from_slice(&number.to_be_bytes());
    key
}

/// A row that cannot be read is as good as lost: nothing rests on it.
fn read<R: StoredRow>(bytes: &[u8]) -> Option<R> {
    R::from_bytes(bytes).ok()
}

/// Whether another file must take its place. A disk that fails or a file that somebody else has is no such case.
#[expect(clippy::wildcard_enum_match_arm, reason = "the enums are redb's and ours, and may grow")]
fn unusable(error: &StoreError) -> bool {
    match error {
        StoreError::Damaged { .. } | StoreError::NeedsRepair => true,
        StoreError::Database(error) => match &**error {
            redb::Error::Io(error) => {
                matches!(error.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof)
            }
            redb::Error::LockPoisoned(_) | redb::Error::PreviousIo | redb::Error::DatabaseClosed => false,
            _ => true,
        },
        _ => false,
    }
}
