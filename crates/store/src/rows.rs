//! The views as rules see them: the latest version of each row at a position, its check verified.
//!
//! A value in `views` is a row as [`crate::codec::rows`] writes it, then the first 8 bytes of BLAKE3 over
//! its key and the row. The database verifies no checksum on ordinary reads, and one flipped bit must not
//! decide anything.

mod many;
mod abreast;

use domain::event::TokenTarget;
use domain::ids::{KeyId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use domain::lookup::Lookup;
use domain::row::{
    Change, Deployment, Key, Membership, NameHolder, ServiceAccount, SigningKey, Tenant, UniqueName, User,
};
use domain::time::Position;
use redb::{AccessGuard, ReadableTable};

use crate::codec::rows::StoredRow;
use crate::codec::rows::key::{ChangedKey, KeyVersion};
use crate::error::{StoreError, database};
use crate::tables::{self, RowKey};

pub(crate) use abreast::Abreast;
pub use many::{Keys, ServiceAccounts};

/// How many bytes of its hash are the check of a row.
pub(crate) const CHECK_BYTES: usize = 8;
const POSITION_BYTES: usize = 8;

/// A row of the table: its key and its value.
type Found<'t> = (AccessGuard<'t, &'static [u8]>, AccessGuard<'t, &'static [u8]>);

/// The rows at a position: in a snapshot, or inside the open write transaction.
pub struct Rows<'t, T> {
    table: &'t T,
    at: Position,
}

impl<'t, T: ReadableTable<&'static [u8], &'static [u8]>> Rows<'t, T> {
    pub(crate) fn new(table: &'t T, at: Position) -> Self {
        Self { table, at }
    }

    /// Every tenant there ever was, by id.
    pub fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        self.all(&tables::TENANTS)
    }

    /// Every user there ever was, by id.
    pub fn users(&self) -> Result<Vec<User>, StoreError> {
        self.all(&tables::USERS)
    }

    /// The keys with these ids, in their order: what [`Lookup::key`] says of each, for less if they are many. Ids that ascend
    /// cost the least.
    pub fn keys<'r>(&'r self, ids: &'r [KeyId]) -> Keys<'r, 't, T> {
        Keys::of(self, ids)
    }

    /// The service accounts with these ids, in the same way.
    pub fn service_accounts<'r>(&'r self, ids: &'r [ServiceAccountId]) -> ServiceAccounts<'r, 't, T> {
        ServiceAccounts::of(self, ids)
    }

    fn latest<R: StoredRow>(&self, key: &RowKey) -> Result<Option<R>, StoreError> {
        self.latest_under(&key.bytes())
    }

    /// The newest version of one row that is not newer than the position: one backward seek.
    fn latest_under<R: StoredRow>(&self, key: &[u8]) -> Result<Option<R>, StoreError> {
        let Some(found) = self.newest(key)? else { return Ok(None) };
        checked(found.0.value(), found.1.value()).map(Some)
    }

    fn newest(&self, key: &[u8]) -> Result<Option<Found<'_>>, StoreError> {
        let first = [key, &[0; POSITION_BYTES]].concat();
        let last = [key, &self.at.number().to_be_bytes()].concat();
        let mut range = self.table.range(first.as_slice()..=last.as_slice()).map_err(database)?;
        let Some(found) = range.next_back() else { return Ok(None) };
        let found = found.map_err(database)?;
        if !(first.as_slice()..=last.as_slice()).contains(&found.0.value()) {
            return Err(out_of_order(found.0.value()));
        }
        Ok(Some(found))
    }

    /// Where the version of a row began that is the newest not newer than the position: one backward seek.
    pub(crate) fn version(&self, of: &RowKey) -> Result<Option<Position>, StoreError> {
        let Some(found) = self.newest(&of.bytes())? else { return Ok(None) };
        let (key, value) = (found.0.value(), found.1.value());
        unsealed(key, value)?;
        let position = key.last_chunk::<POSITION_BYTES>().ok_or_else(|| out_of_order(key))?;
        Ok(Some(Position::new(u64::from_be_bytes(*position))))
    }

    /// The first row of a key that began at this position; none, if it has none there.
    pub(crate) fn begun_key(&self, id: KeyId, created: Position) -> Result<Option<Key>, StoreError> {
        let key = RowKey::Key(id).at(created);
        let Some(found) = self.table.get(key.as_slice()).map_err(database)? else { return Ok(None) };
        match checked(&key, found.value())? {
            KeyVersion::Begun(begun) => Ok(Some(*begun)),
            KeyVersion::Changed(_) => Err(out_of_order(&key)),
        }
    }

    /// The key of which this is a later row.
    fn whole_key(&self, id: KeyId, changed: ChangedKey) -> Result<Key, StoreError> {
        let missing =
            || StoreError::Row { what: format!("key {id}: the first row, which a later one names") };
        let begun = self.begun_key(id, changed.created)?.ok_or_else(missing)?;
        Ok(changed.whole(begun))
    }

    /// The newest version of every row whose key begins so: two seeks a row.
    fn all<R: StoredRow>(&self, prefix: &[u8]) -> Result<Vec<R>, StoreError> {
        let mut rows = vec![];
        let mut from = prefix.to_vec();
        loop {
            let next = {
                let mut range = self.table.range(from.as_slice()..).map_err(database)?;
                match range.next() {
                    None => return Ok(rows),
                    Some(found) => found.map_err(database)?.0.value().to_vec(),
                }
            };
            // In a damaged tree a search may lead back: that must not go on for ever.
            if next < from {
                return Err(out_of_order(&next));
            }
            if !next.starts_with(prefix) {
                return Ok(rows);
            }
            let Some((key, _)) = next.split_last_chunk::<POSITION_BYTES>() else {
                return Err(out_of_order(&next));
            };
            rows.extend(self.latest_under(key)?);
            from = [key, &[0xFF; POSITION_BYTES], &[0]].concat();
        }
    }
}

impl<T: ReadableTable<&'static [u8], &'static [u8]>> Lookup for Rows<'_, T> {
    type Error = StoreError;

    fn deployment(&self) -> Result<Option<Deployment>, StoreError> {
        self.latest(&RowKey::Deployment)
    }

    fn tenant(&self, id: TenantId) -> Result<Option<Tenant>, StoreError> {
        self.latest(&RowKey::Tenant(id))
    }

    fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.latest(&RowKey::User(id))
    }

    fn membership(&self, tenant: TenantId, user: UserId) -> Result<Option<Membership>, StoreError> {
        self.latest(&RowKey::Membership(user, tenant))
    }

    fn memberships_of(&self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        self.all(&tables::memberships_of(user))
    }

    fn service_account(&self, id: ServiceAccountId) -> Result<Option<ServiceAccount>, StoreError> {
        self.latest(&RowKey::ServiceAccount(id))
    }

    fn key(&self, id: KeyId) -> Result<Option<Key>, StoreError> {
        let Some(version) = self.latest(&RowKey::Key(id))? else { return Ok(None) };
        let changed = match version {
            KeyVersion::Begun(key) => return Ok(Some(*key)),
            KeyVersion::Changed(changed) => changed,
        };
        self.whole_key(id, changed).map(Some)
    }

    fn signing_key(&self, id: SigningKeyId) -> Result<Option<SigningKey>, StoreError> {
        self.latest(&RowKey::SigningKey(id))
    }

    fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        self.all(&tables::SIGNING_KEYS)
    }

    fn watermark(&self, target: TokenTarget) -> Result<Option<Position>, StoreError> {
        self.latest(&RowKey::Watermark(target))
    }

    fn unique_name(&self, name: UniqueName) -> Result<Option<NameHolder>, StoreError> {
        Ok(self.latest::<Option<NameHolder>>(&RowKey::UniqueName(name))?.flatten())
    }
}

/// The key and the bytes of a changed row, without its check. `before` are the rows as they were.
pub(crate) fn stored<T: ReadableTable<&'static [u8], &'static [u8]>>(
    change: &Change,
    before: &Rows<'_, T>,
) -> Result<(RowKey, Vec<u8>), StoreError> {
    Ok(match change {
        Change::Deployment(row) => (RowKey::Deployment, row.to_bytes()),
        Change::Tenant(row) => (RowKey::Tenant(row.id), row.to_bytes()),
        Change::User(row) => (RowKey::User(row.id), row.to_bytes()),
        Change::Membership(row) => (RowKey::Membership(row.user, row.tenant), row.to_bytes()),
        Change::ServiceAccount(row) => (RowKey::ServiceAccount(row.id), row.to_bytes()),
        Change::Key(row) => {
            let begun = before.begun_key(row.id, row.created.position)?;
            (RowKey::Key(row.id), KeyVersion::of(row, begun.as_ref()).to_bytes())
        }
        Change::SigningKey(row) => (RowKey::SigningKey(row.id), row.to_bytes()),
        Change::Watermark(target, before) => (RowKey::Watermark(*target), before.to_bytes()),
        Change::UniqueName(name, holder) => (RowKey::UniqueName(*name), holder.to_bytes()),
    })
}

/// The value for a key: the row, and the check over both.
pub(crate) fn sealed_with_check(key: &[u8], mut row: Vec<u8>) -> Vec<u8> {
    let check = check(key, &row);
    row.extend_from_slice(&check);
    row
}

fn checked<R: StoredRow>(key: &[u8], value: &[u8]) -> Result<R, StoreError> {
    R::from_bytes(unsealed(key, value)?).map_err(|error| damaged(key, &error.to_string()))
}

/// The row in a value, its check verified.
pub(crate) fn unsealed<'v>(key: &[u8], value: &'v [u8]) -> Result<&'v [u8], StoreError> {
    let (row, found) = value
        .split_last_chunk::<CHECK_BYTES>()
        .ok_or_else(|| damaged(key, "it is shorter than its check"))?;
    if check(key, row) == *found { Ok(row) } else { Err(damaged(key, "it does not match its check")) }
}

pub(crate) fn damaged(key: &[u8], why: &str) -> StoreError {
    StoreError::Row { what: format!("key {}: {why}", hex(key)) }
}

pub(crate) fn out_of_order(key: &[u8]) -> StoreError {
    StoreError::Row { what: format!("key {}: it is not where its table is searched for it", hex(key)) }
}

fn check(key: &[u8], row: &[u8]) -> [u8; CHECK_BYTES] {
    let hash = blake3::Hasher::new().update(key).update(row).finalize();
    *hash.as_bytes().first_chunk().expect("a hash has 32 bytes")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
