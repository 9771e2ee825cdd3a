//! A snapshot: the ledger as it was committed at one moment, read while the writer goes on.

use std::ops::RangeInclusive;

use domain::Recorded;
use domain::actor::{ActorId, Idempotency};
use domain::concern::Concerned;
use domain::ids::{KeyId, LedgerId, ServiceAccountId, TenantId, UserId};
use domain::key::Owner;
use domain::past::{Past, Versioned};
use domain::row::Standing;
use domain::time::{Position, Timestamp};
use redb::{ReadOnlyTable, ReadTransaction};

use crate::attempts::{self, Attempt};
use crate::chain::{self, ChainHash};
use crate::error::{StoreError, database};
use crate::head::Head;
use crate::history::{self, Among, History};
use crate::lifetimes::{List, Lived, Search, Then};
use crate::rows::Rows;
use crate::scan::{self, Scanned};
use crate::tables::{
    self, ATTEMPTS, HEAD, HISTORIES, LEDGER, LIFETIMES, LINKS, LOG, META, RowKey, TREE, VIEW_ROWS,
};
use crate::tree::stored::Tree;

/// The log as it was committed at one moment. It can be read whatever state the views are in.
pub(crate) struct Log {
    ledger: LedgerId,
    head: Head,
    runs: ReadOnlyTable<u64, &'static [u8]>,
}

impl Log {
    pub(crate) fn take(txn: &ReadTransaction) -> Result<Self, StoreError> {
        let meta = txn.open_table(META).map_err(database)?;
        let ledger = meta.get(LEDGER).map_err(database)?;
        let ledger = ledger.and_then(|id| id.value().try_into().ok()).map(LedgerId::from_bytes);
        let head = meta.get(HEAD).map_err(database)?;
        let missing = || StoreError::damaged("the file names no ledger or no head");
        Ok(Self {
            ledger: ledger.ok_or_else(missing)?,
            head: Head::from_bytes(head.ok_or_else(missing)?.value())?,
            runs: txn.open_table(LOG).map_err(database)?,
        })
    }

    /// The end of the log.
    pub(crate) fn head(&self) -> Head {
        self.head
    }

    /// Every event in order, its chain checked; ends at the first thing wrong.
    pub(crate) fn scan<E: From<StoreError>>(
        &self,
        each: impl FnMut(Scanned) -> Result<(), E>,
    ) -> Result<(), E> {
        scan::scan(&self.runs, self.ledger, &self.head, each)
    }

    /// The same, with the bytes of each envelope as stored.
    pub(crate) fn scan_envelopes<E: From<StoreError>>(
        &self,
        each: impl FnMut(Scanned, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        scan::scan_envelopes(&self.runs, self.ledger, &self.head, each)
    }

    /// Of which ledger it is.
    pub(crate) fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// Every run of envelopes as stored, and its first position. Nothing is checked: [`crate::scan::Walk`] does that.
    pub(crate) fn runs<E: From<StoreError>>(
        &self,
        mut each: impl FnMut(Position, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for row in self.runs.range(0..).map_err(database)? {
            let (first, run) = row.map_err(database)?;
            each(Position::new(first.value()), run.value())?;
        }
        Ok(())
    }
}

/// A consistent view of everything committed when it was taken.
pub struct Snapshot {
    log: Log,
    pub(crate) views: ReadOnlyTable<&'static [u8], &'static [u8]>,
    pub(crate) links: ReadOnlyTable<&'static [u8], ()>,
    pub(crate) lifetimes: ReadOnlyTable<&'static [u8], ()>,
    pub(crate) histories: ReadOnlyTable<&'static [u8], &'static [u8]>,
    pub(crate) tree: ReadOnlyTable<&'static [u8], &'static [u8]>,
    pub(crate) attempts: ReadOnlyTable<&'static [u8], &'static [u8]>,
}

/// Rows of a snapshot.
pub type SnapshotRows<'a> = Rows<'a, ReadOnlyTable<&'static [u8], &'static [u8]>>;

/// The tree of a snapshot.
pub type SnapshotTree<'a> = Tree<'a, ReadOnlyTable<&'static [u8], &'static [u8]>>;

/// One projected row as stored: its table, key and value.
pub type ProjectedBytes = (&'static str, Vec<u8>, Vec<u8>);

impl Past for Snapshot {
    type Error = StoreError;
    type Rows<'a> = SnapshotRows<'a>;

    fn rows_at(&self, position: Position) -> SnapshotRows<'_> {
        Self::rows_at(self, position)
    }

    fn version(&self, of: Versioned, at: Position) -> Result<Option<Position>, StoreError> {
        let row = match of {
            Versioned::Tenant(tenant) => RowKey::Tenant(tenant),
            Versioned::User(user) => RowKey::User(user),
            Versioned::Membership(tenant, user) => RowKey::Membership(user, tenant),
            Versioned::ServiceAccount(account) => RowKey::ServiceAccount(account),
            Versioned::Key(key) => RowKey::Key(key),
            Versioned::Watermark(target) => RowKey::Watermark(target),
        };
        self.rows_at(at).version(&row)
    }
}

impl Snapshot {
    pub(crate) fn take(txn: &ReadTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            log: Log::take(txn)?,
            views: txn.open_table(VIEW_ROWS).map_err(database)?,
            links: txn.open_table(LINKS).map_err(database)?,
            lifetimes: txn.open_table(LIFETIMES).map_err(database)?,
            histories: txn.open_table(HISTORIES).map_err(database)?,
            tree: txn.open_table(TREE).map_err(database)?,
            attempts: txn.open_table(ATTEMPTS).map_err(database)?,
        })
    }

    /// The ledger's id.
    pub fn ledger(&self) -> LedgerId {
        self.log.ledger
    }

    /// The end of the log.
    pub fn head(&self) -> Head {
        self.log.head
    }

    /// The rows now.
    pub fn rows(&self) -> SnapshotRows<'_> {
        self.rows_at(self.log.head.position)
    }

    /// The rows as they were after the event at this position.
    pub fn rows_at(&self, position: Position) -> SnapshotRows<'_> {
        Rows::new(&self.views, position.min(self.log.head.position))
    }

    /// Whoever is or was a member of the tenant.
    pub fn members_of(&self, tenant: TenantId) -> Result<Vec<UserId>, StoreError> {
        self.linked(&tables::members_of(tenant), UserId::from_bytes)
    }

    /// The service accounts that the tenant has or had.
    pub fn service_accounts_of(&self, tenant: TenantId) -> Result<Vec<ServiceAccountId>, StoreError> {
        self.linked(&tables::service_accounts_of(tenant), ServiceAccountId::from_bytes)
    }

    /// The keys that the owner has or had.
    pub fn keys_of(&self, owner: Owner) -> Result<Vec<KeyId>, StoreError> {
        let mut keys = self.linked(&tables::keys_of(owner), KeyId::from_bytes)?;
        let mut search = Search::of(&self.lifetimes);
        search.open(List::Keys(owner))?;
        keys.extend(search.found().into_iter().map(|lived| KeyId::from_bytes(lived.id)));
        keys.sort_unstable();
        Ok(keys)
    }

    /// The service accounts of a tenant that may have lived after the event at this position: all that did, and hardly
    /// any other. What the rows say there is what holds.
    pub fn service_accounts_living_in(
        &self,
        tenant: TenantId,
        position: Position,
    ) -> Result<Vec<ServiceAccountId>, StoreError> {
        let list = List::ServiceAccounts(tenant);
        let found = self.lived(list, self.instant_of(position)?, self.first_instant()?)?;
        Ok(found.into_iter().map(|lived| ServiceAccountId::from_bytes(lived.id)).collect())
    }

    /// The keys of a user that may have lived after the event at this position, in the same sense.
    pub fn keys_living_of(&self, user: UserId, position: Position) -> Result<Vec<KeyId>, StoreError> {
        let list = List::Keys(Owner::User(user));
        let found = self.lived(list, self.instant_of(position)?, self.first_instant()?)?;
        Ok(found.into_iter().map(|lived| KeyId::from_bytes(lived.id)).collect())
    }

    /// The keys of a tenant's service accounts that may have lived after the event at this position, in the same sense.
    /// What it costs grows with these, and not with what was removed or revoked before.
    pub fn keys_living_in(&self, tenant: TenantId, position: Position) -> Result<Vec<KeyId>, StoreError> {
        let (at, first) = (self.instant_of(position)?, self.first_instant()?);
        let accounts = self.lived(List::ServiceAccounts(tenant), at, first)?;
        let id = |lived: &Lived| ServiceAccountId::from_bytes(lived.id);
        let in_doubt: Vec<_> = accounts.iter().filter(|lived| lived.then == Then::Perhaps).map(id).collect();
        let rows = self.rows_at(position);
        let mut rows = rows.service_accounts(&in_doubt);
        let mut search = Search::of(&self.lifetimes);
        for account in &accounts {
            let lived = match account.then {
                Then::Surely => true,
                Then::Perhaps => {
                    let row = rows.next().transpose()?.flatten();
                    row.is_some_and(|row| row.standing != Standing::Removed)
                }
            };
            // The keys of one that was removed are dead, however many they are.
            if lived {
                search.open_at(List::Keys(Owner::ServiceAccount(id(account))), at)?;
            }
        }
        search.closed_at(List::KeysOfServiceAccounts(tenant), at, first)?;
        Ok(search.found().into_iter().map(|lived| KeyId::from_bytes(lived.id)).collect())
    }

    /// What of a list may have lived, by id.
    fn lived(&self, list: List, at: Timestamp, first: Timestamp) -> Result<Vec<Lived>, StoreError> {
        let mut search = Search::of(&self.lifetimes);
        search.open_at(list, at)?;
        search.closed_at(list, at, first)?;
        Ok(search.found())
    }

    /// When the log begins.
    fn first_instant(&self) -> Result<Timestamp, StoreError> {
        self.instant_of(Position::START.next())
    }

    /// When the event at a position was recorded; the first instant, before the first event.
    fn instant_of(&self, position: Position) -> Result<Timestamp, StoreError> {
        let position = position.min(self.log.head.position);
        if position == self.log.head.position {
            return Ok(self.log.head.recorded_at);
        }
        if position == Position::START {
            return Ok(Timestamp::MIN);
        }
        Ok(self.recorded(position)?.recorded_at)
    }

    /// The events that concern something, within the range of positions: where they are, and of what kind.
    pub fn history(
        &self,
        of: Concerned,
        range: &RangeInclusive<Position>,
    ) -> Result<History<'_>, StoreError> {
        History::read(&self.histories, of, range)
    }

    /// Whether the event at a position concerns something; asked of many positions, one after the other.
    pub fn among(&self, of: Concerned) -> Among<'_> {
        Among::of(&self.histories, of)
    }

    /// Whether the event at a position concerns something.
    pub fn concerns(&self, of: Concerned, position: Position) -> Result<bool, StoreError> {
        self.among(of).has(position)
    }

    /// How many positions all histories have together.
    pub fn history_positions(&self) -> Result<u64, StoreError> {
        history::count(&self.histories)
    }

    /// The event at a position.
    pub fn event(&self, position: Position) -> Result<Option<Recorded>, StoreError> {
        Ok(scan::find(&self.log.runs, position)?.map(|scanned| scanned.recorded))
    }

    /// The event at a position that the log has; where there is none, it is damaged.
    pub fn recorded(&self, position: Position) -> Result<Recorded, StoreError> {
        let missing = || StoreError::damaged(format!("position {position} is missing"));
        self.event(position)?.ok_or_else(missing)
    }

    /// What became of an earlier command with this idempotency key.
    pub fn attempt(&self, actor: &ActorId, wanted: &Idempotency) -> Result<Attempt, StoreError> {
        attempts::attempt(&self.attempts, actor, wanted, |position| self.event(position))
    }

    /// The envelope at a position, as stored.
    pub fn envelope(&self, position: Position) -> Result<Option<Vec<u8>>, StoreError> {
        scan::find_envelope(&self.log.runs, position, |_, envelope| envelope.to_owned())
    }

    /// The end of the log as it was after the event at a position.
    pub fn head_at(&self, position: Position) -> Result<Option<Head>, StoreError> {
        if position == Position::START {
            return Ok(Some(Head::genesis(self.log.ledger)));
        }
        let found = scan::find(&self.log.runs, position)?;
        Ok(found.map(|Scanned { recorded, hash, .. }| Head {
            position,
            recorded_at: recorded.recorded_at,
            hash,
        }))
    }

    /// The Merkle tree over every envelope up to the head.
    pub fn tree(&self) -> SnapshotTree<'_> {
        Tree::new(&self.tree, self.log.head.position.number())
    }

    /// The chain hash after the event at a position; the genesis for the place before the first.
    pub fn hash_at(&self, position: Position) -> Result<Option<ChainHash>, StoreError> {
        if position == Position::START {
            return Ok(Some(chain::genesis(self.log.ledger)));
        }
        Ok(scan::find(&self.log.runs, position)?.map(|scanned| scanned.hash))
    }

    /// The last position recorded at or before the instant: a binary search, for instants never go back.
    pub fn position_at(&self, instant: Timestamp) -> Result<Position, StoreError> {
        let (mut low, mut high) = (0, self.log.head.position.number());
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            let event = self.recorded(Position::new(middle))?;
            if event.recorded_at <= instant { low = middle } else { high = middle - 1 }
        }
        Ok(Position::new(low))
    }

    /// Every event in order, its chain checked; ends at the first thing wrong.
    pub fn scan<E: From<StoreError>>(&self, each: impl FnMut(Scanned) -> Result<(), E>) -> Result<(), E> {
        self.log.scan(each)
    }

    /// The same, with the bytes of each envelope as stored.
    pub fn scan_envelopes<E: From<StoreError>>(
        &self,
        each: impl FnMut(Scanned, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.log.scan_envelopes(each)
    }

    /// Every event in order, as [`Snapshot::scan`] reads them, while another thread reads and checks ahead.
    pub fn scan_ahead(&self, each: impl FnMut(Scanned)) -> Result<(), StoreError> {
        scan::scan_ahead(&self.log.runs, self.log.ledger, &self.log.head, each)
    }

    /// Every event after an end of the log that was known before, which must still be there, and its bytes; its chain
    /// checked.
    pub fn scan_after<E: From<StoreError>>(
        &self,
        known: &Head,
        each: impl FnMut(Scanned, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.hash_at(known.position)? {
            Some(hash) if hash == known.hash => scan::scan_after(&self.log.runs, known, &self.log.head, each),
            Some(_) | None => Err(StoreError::Lost { position: known.position, hash: known.hash }.into()),
        }
    }

    /// Every run of envelopes as stored, and its first position. Nothing is checked: [`crate::scan::Walk`] does that.
    pub fn runs<E: From<StoreError>>(
        &self,
        each: impl FnMut(Position, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.log.runs(each)
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// The bytes of everything projected, by table and key: what a rebuild must give again.
    pub fn projected(&self) -> Result<Vec<ProjectedBytes>, StoreError> {
        let mut rows = vec![];
        for (name, table) in [
            ("views", &self.views),
            ("histories", &self.histories),
            ("tree", &self.tree),
            ("attempts", &self.attempts),
        ] {
            for row in table.range::<&[u8]>(..).map_err(database)? {
                let (key, value) = row.map_err(database)?;
                rows.push((name, key.value().to_vec(), value.value().to_vec()));
            }
        }
        for (name, table) in [("links", &self.links), ("lifetimes", &self.lifetimes)] {
            for row in table.range::<&[u8]>(..).map_err(database)? {
                rows.push((name, row.map_err(database)?.0.value().to_vec(), vec![]));
            }
        }
        Ok(rows)
    }

    fn linked<I>(&self, prefix: &[u8], id: impl Fn([u8; 16]) -> I) -> Result<Vec<I>, StoreError> {
        let mut ids = vec![];
        for row in self.links.range(prefix..).map_err(database)? {
            let (key, _) = row.map_err(database)?;
            let malformed = || StoreError::Row { what: "a link".into() };
            if key.value() < prefix {
                return Err(malformed());
            }
            let Some(end) = key.value().strip_prefix(prefix) else { break };
            ids.push(id(end.try_into().map_err(|_| malformed())?));
        }
        Ok(ids)
    }
}
