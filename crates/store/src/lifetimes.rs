//! Lifetimes: what may have lived at an instant, found without reading what was dead then.
//!
//! A service account lives until it is removed; a key until it is revoked or its grace is over. What lives still is
//! *open*: kept by list and beginning. What has ended is *closed*: kept in a relational interval tree (Kriegel, Pötke,
//! Seidl: *Managing Intervals Efficiently in Object-Relational Databases*, VLDB 2000). Its nodes are the numbers of a
//! clock; a lifetime hangs at its fork, the number within it that most powers of two divide. Whatever lived at an instant
//! hangs at one of the [`BITS`] numbers on the way from the root to that instant: below it, ordered by its end; above it,
//! by its beginning. So each needs one seek, and every further row that is read is one of the answer.
//!
//! The clock ticks once in 1.024 seconds, so a few may be found that had just ended, or not yet begun: whoever asks looks
//! at the row, which decides. Nothing that lived is missed.
//!
//! | key of the table `lifetimes` | bytes |
//! |---|---|
//! | open: 1, list, beginning, id | 1 + 17 + 4 + 16 |
//! | closed, by beginning: 2, list, fork, beginning, id | 1 + 17 + 4 + 4 + 16 |
//! | closed, by end: 3, list, fork, end, id | 1 + 17 + 4 + 4 + 16 |
//!
//! Open keys are listed by owner, so that those of a removed owner are never met; closed ones of service accounts by tenant,
//! so that one way through the tree finds them all.

use std::ops::RangeInclusive;

use domain::Lookup;
use domain::ids::TenantId;
use domain::key::Owner;
use domain::row::{Change, Key, ServiceAccount, Standing};
use domain::time::{Moment, Timestamp};
use redb::{ReadableTable, Table};

use crate::error::{StoreError, database};
use crate::forward::Forward;
use crate::rows::Rows;

/// How long a tick is: 2 to this power milliseconds.
const TICK_BITS: u32 = 10;
/// The height of the tree: ticks are numbers of so many bits, up to the year 2109; what ends later ends there.
const BITS: u32 = u32::BITS;
const ID_BYTES: usize = 16;

/// A list whose members live and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    /// The service accounts of a tenant.
    ServiceAccounts(TenantId),
    /// The keys of all service accounts of a tenant: of the closed.
    KeysOfServiceAccounts(TenantId),
    /// The keys of an owner: of the open, and of a user's closed.
    Keys(Owner),
}

impl List {
    fn bytes(self) -> [u8; 17] {
        let (kind, id) = match self {
            Self::ServiceAccounts(tenant) => (1, tenant.bytes()),
            Self::KeysOfServiceAccounts(tenant) => (2, tenant.bytes()),
            Self::Keys(Owner::User(user)) => (3, user.bytes()),
            Self::Keys(Owner::ServiceAccount(account)) => (4, account.bytes()),
        };
        let mut bytes = [0; 17];
        bytes[0] = kind;
        bytes[1..].copy_from_slice(&id);
        bytes
    }
}

/// Where something hangs: among the open, or among the closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    id: [u8; ID_BYTES],
    begun: u32,
    /// The list if it is open, and if it is closed; and when it ended.
    open: List,
    closed: List,
    ended: Option<u32>,
}

/// Takes in what a changed row says about when it lives. `before` are the rows before the event.
pub(crate) fn project<T: ReadableTable<&'static [u8], &'static [u8]>>(
    table: &mut Table<'_, &'static [u8], ()>,
    before: &Rows<'_, T>,
    change: &Change,
    moment: Moment,
) -> Result<(), StoreError> {
    let Moved { gone, new } = moved(before, change, moment)?;
    for key in gone {
        table.remove(key.as_slice()).map_err(database)?;
    }
    for key in new {
        table.insert(key.as_slice(), ()).map_err(database)?;
    }
    Ok(())
}

/// The places that a changed row leaves, and those that it takes.
#[derive(Default)]
pub(crate) struct Moved {
    pub(crate) gone: Vec<Vec<u8>>,
    pub(crate) new: Vec<Vec<u8>>,
}

/// Where a changed row goes. `before` are the rows before the event.
pub(crate) fn moved<L: Lookup>(before: &L, change: &Change, moment: Moment) -> Result<Moved, L::Error> {
    let (old, new) = match change {
        Change::ServiceAccount(row) => {
            let old = before.service_account(row.id)?;
            let was_removed = old.as_ref().is_some_and(|old| old.standing == Standing::Removed);
            if was_removed {
                return Ok(Moved::default());
            }
            (old.map(|old| account_place(&old, None)), account_place(row, Some(moment)))
        }
        Change::Key(row) => {
            let old = before.key(row.id)?;
            // The first end stays, and rows do not say when it was.
            if old.as_ref().is_some_and(|old| old.life.revoked.is_some()) {
                return Ok(Moved::default());
            }
            (old.map(|old| key_place(&old, None)), key_place(row, Some(moment)))
        }
        Change::Membership(_)
        | Change::Deployment(_)
        | Change::Tenant(_)
        | Change::User(_)
        | Change::SigningKey(_)
        | Change::Watermark(_, _)
        | Change::UniqueName(_, _) => return Ok(Moved::default()),
    };
    if old == Some(new) {
        return Ok(Moved::default());
    }
    Ok(Moved { gone: old.map(Place::keys).unwrap_or_default(), new: new.keys() })
}

fn account_place(row: &ServiceAccount, now: Option<Moment>) -> Place {
    let list = List::ServiceAccounts(row.tenant);
    let removed = now.filter(|_| row.standing == Standing::Removed);
    let ended = removed.map(|moment| tick(moment.at));
    Place { id: row.id.bytes(), begun: tick(row.created.at), open: list, closed: list, ended }
}

fn key_place(row: &Key, now: Option<Moment>) -> Place {
    let open = List::Keys(row.owner);
    let closed = match row.owner {
        Owner::User(_) => open,
        Owner::ServiceAccount(_) => List::KeysOfServiceAccounts(row.reach.home()),
    };
    let begun = tick(row.created.at);
    let revoked = now.filter(|_| row.life.revoked.is_some()).map(|moment| moment.at);
    let ended = revoked.into_iter().chain(row.life.grace_ends_at).min();
    Place { id: row.id.bytes(), begun, open, closed, ended: ended.map(|at| tick(at).max(begun)) }
}

impl Place {
    fn keys(self) -> Vec<Vec<u8>> {
        let key = |kind: u8, list: List, numbers: &[u32]| {
            let mut key = beginning(kind, list, numbers);
            key.extend_from_slice(&self.id);
            key
        };
        match self.ended {
            None => vec![key(OPEN, self.open, &[self.begun])],
            Some(ended) => {
                let fork = fork(self.begun, ended);
                vec![
                    key(BY_BEGINNING, self.closed, &[fork, self.begun]),
                    key(BY_END, self.closed, &[fork, ended]),
                ]
            }
        }
    }
}

const OPEN: u8 = 1;
const BY_BEGINNING: u8 = 2;
const BY_END: u8 = 3;

fn beginning(kind: u8, list: List, numbers: &[u32]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + 17 + 8 + ID_BYTES);
    key.push(kind);
    key.extend_from_slice(&list.bytes());
    numbers.iter().for_each(|number| key.extend_from_slice(&number.to_be_bytes()));
    key
}

/// The tick of an instant, from 1: zero has no place in the tree.
fn tick(at: Timestamp) -> u32 {
    u32::try_from((at.unix_ms() >> TICK_BITS) + 1).unwrap_or(u32::MAX)
}

/// The number from `begun` to `ended` that most powers of two divide.
fn fork(begun: u32, ended: u32) -> u32 {
    match (begun - 1) ^ ended {
        0 => ended,
        differ => ended & !((1 << differ.ilog2()) - 1),
    }
}

/// The numbers on the way from a tick up to the root, itself the first.
fn path(tick: u32) -> impl DoubleEndedIterator<Item = u32> {
    (tick.trailing_zeros()..BITS).map(move |height| ((tick >> height) | 1) << height)
}

/// Something that may have lived at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lived {
    pub(crate) id: [u8; ID_BYTES],
    pub(crate) then: Then,
}

/// How sure it is that something lived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Then {
    /// It had begun, and had not ended.
    Surely,
    /// It began or ended within the same tick, or so it may be.
    Perhaps,
}

/// A walk through the table of lifetimes, and what was found on it.
pub(crate) struct Search<'t, T> {
    walk: Forward<'t, T, ()>,
    found: Vec<Lived>,
    /// Places that were looked at: each costs one descent at most, and every row that is read is one of the answer.
    looks: usize,
}

impl<'t, T: ReadableTable<&'static [u8], ()>> Search<'t, T> {
    pub(crate) fn of(table: &'t T) -> Self {
        Self { walk: Forward::through(table, 0), found: vec![], looks: 0 }
    }

    /// What was found, by id.
    pub(crate) fn found(mut self) -> Vec<Lived> {
        self.found.sort_unstable();
        self.found
    }

    /// What of a list is open and had begun by then.
    pub(crate) fn open_at(&mut self, list: List, at: Timestamp) -> Result<(), StoreError> {
        let at = tick(at);
        self.between(OPEN, list, None, 0..=at, |begun| sure(begun < at))
    }

    /// What of a list is open, whenever it began.
    pub(crate) fn open(&mut self, list: List) -> Result<(), StoreError> {
        self.between(OPEN, list, None, 0..=u32::MAX, |_| Then::Surely)
    }

    /// What of a list has ended since, and lived then. Nothing of the ledger began before its first instant: no fork is
    /// earlier.
    pub(crate) fn closed_at(
        &mut self,
        list: List,
        at: Timestamp,
        first: Timestamp,
    ) -> Result<(), StoreError> {
        let (at, first) = (tick(at), tick(first));
        // In the order of the table: first by beginning, and then by end.
        for fork in path(at).filter(|fork| *fork >= at.max(first)) {
            self.between(BY_BEGINNING, list, Some(fork), 0..=at, |begun| sure(begun < at && at < fork))?;
        }
        for fork in path(at).rev().filter(|fork| (first..at).contains(fork)) {
            self.between(BY_END, list, Some(fork), at..=u32::MAX, |end| sure(at < end))?;
        }
        Ok(())
    }

    /// Whatever has this kind, this list, this fork, and a number within this range.
    fn between(
        &mut self,
        kind: u8,
        list: List,
        fork: Option<u32>,
        range: RangeInclusive<u32>,
        then: impl Fn(u32) -> Then,
    ) -> Result<(), StoreError> {
        self.looks += 1;
        let mut first = beginning(kind, list, fork.as_slice());
        let before_number = first.len();
        first.extend_from_slice(&range.start().to_be_bytes());
        self.walk.seek(&first)?;
        let malformed = || StoreError::Row { what: "a lifetime".into() };
        while let Some((key, ())) = self.walk.row() {
            if key < first.as_slice() {
                return Err(malformed());
            }
            let Some(end) = key.strip_prefix(&first[..before_number]) else { break };
            let (number, id) = end.split_first_chunk().ok_or_else(malformed)?;
            let number = u32::from_be_bytes(*number);
            if number > *range.end() {
                break;
            }
            self.found.push(Lived { id: id.try_into().map_err(|_| malformed())?, then: then(number) });
            self.walk.step()?;
        }
        Ok(())
    }
}

fn sure(it_is: bool) -> Then {
    if it_is { Then::Surely } else { Then::Perhaps }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use redb::backends::InMemoryBackend;
    use redb::{Database, ReadOnlyTable, ReadableDatabase as _, TableDefinition};

    use super::*;

    const LIFETIMES: TableDefinition<'_, &[u8], ()> = TableDefinition::new("lifetimes");
    const LIST: List = List::ServiceAccounts(TenantId::from_bytes([7; 16]));

    fn id(number: usize) -> [u8; 16] {
        (number as u128).to_be_bytes()
    }

    fn at(tick: u32) -> Timestamp {
        Timestamp::from_unix_ms(i64::from(tick - 1) << TICK_BITS).unwrap()
    }

    /// A table with these lifetimes, from a tick to a tick; or still open.
    fn filled(lifetimes: &[(u32, Option<u32>)]) -> Database {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        let txn = database.begin_write().unwrap();
        {
            let mut table = txn.open_table(LIFETIMES).unwrap();
            for (number, (begun, ended)) in lifetimes.iter().enumerate() {
                let place = Place { id: id(number), begun: *begun, open: LIST, closed: LIST, ended: *ended };
                for key in place.keys() {
                    table.insert(key.as_slice(), ()).unwrap();
                }
            }
        }
        txn.commit().unwrap();
        database
    }

    /// What was found, and how much was read for it.
    struct Found {
        ids: Vec<[u8; 16]>,
        touched: usize,
    }

    impl Found {
        fn of(search: Search<'_, ReadOnlyTable<&'static [u8], ()>>) -> Self {
            let touched = search.looks + search.found.len();
            assert!(search.walk.touched() <= touched, "it read what it does not tell");
            Self { ids: search.found().into_iter().map(|lived| lived.id).collect(), touched }
        }
    }

    fn lived(database: &Database, tick: u32) -> Found {
        lived_since(database, tick, Timestamp::MIN)
    }

    /// The same in a ledger that began at an instant.
    fn lived_since(database: &Database, tick: u32, first: Timestamp) -> Found {
        let table = database.begin_read().unwrap().open_table(LIFETIMES).unwrap();
        let mut search = Search::of(&table);
        search.open_at(LIST, at(tick)).unwrap();
        search.closed_at(LIST, at(tick), first).unwrap();
        Found::of(search)
    }

    proptest! {
        #[test]
        fn what_lived_at_a_tick_is_found_and_nothing_else(
            spans in prop::collection::vec((1_u32..400, prop::option::of(0_u32..400)), 0..60),
            offset in prop_oneof![Just(0_u32), Just(1_700_000_000), Just(u32::MAX - 900)],
        ) {
            let spans: Vec<_> = spans.into_iter()
                .map(|(begun, length)| (offset + begun, length.map(|length| offset + begun + length)))
                .collect();
            let database = filled(&spans);
            // The ledger began with the first of them, which may hang at that very tick.
            let first = spans.iter().map(|(begun, _)| at(*begun)).min().unwrap_or(Timestamp::MIN);
            for tick in (offset + 1)..(offset + 820) {
                let expected: Vec<_> = spans.iter().enumerate()
                    .filter(|(_, (begun, ended))| *begun <= tick && ended.is_none_or(|ended| tick <= ended))
                    .map(|(number, _)| id(number))
                    .collect();
                prop_assert_eq!(lived(&database, tick).ids, &*expected, "at {}", tick);
                prop_assert_eq!(lived_since(&database, tick, first).ids, expected, "at {}", tick);
            }
        }
    }

    #[test]
    fn what_surely_lived_began_before_the_tick_and_ended_after_it() {
        let spans =
            [(5, None), (9, None), (10, None), (5, Some(20)), (10, Some(11)), (9, Some(10)), (8, Some(8))];
        // Alike at ticks whose forks lie otherwise.
        for offset in 0..300 {
            let spans = spans.map(|(begun, ended)| (offset + begun, ended.map(|ended: u32| offset + ended)));
            let database = filled(&spans);
            let table = database.begin_read().unwrap().open_table(LIFETIMES).unwrap();
            let mut search = Search::of(&table);
            search.open_at(LIST, at(offset + 10)).unwrap();
            search.closed_at(LIST, at(offset + 10), Timestamp::MIN).unwrap();
            for lived in search.found() {
                let (begun, ended) = spans[u128::from_be_bytes(lived.id) as usize];
                let within = begun < offset + 10 && ended.is_none_or(|ended| offset + 10 < ended);
                assert!(within || lived.then == Then::Perhaps, "{begun} to {ended:?}, at {}", offset + 10);
                assert!(ended.is_some() || within == (lived.then == Then::Surely), "{begun}, still open");
            }
        }
    }

    #[test]
    fn the_fork_is_within_the_lifetime_and_on_the_way_to_each_of_its_ticks() {
        for begun in 1..130 {
            for ended in begun..260 {
                let fork = fork(begun, ended);
                assert!((begun..=ended).contains(&fork), "{begun} to {ended}: {fork}");
                assert!((begun..=ended).all(|tick| path(tick).any(|on_the_way| on_the_way == fork)));
            }
        }
        assert_eq!(path(u32::MAX).count(), 32);
        assert_eq!((fork(5, 7), fork(6, 6), fork(1, u32::MAX)), (6, 6, 1 << 31));
    }

    #[test]
    fn where_nothing_can_hang_nothing_is_looked_for() {
        let now = 1_700_000_000;
        let database = filled(&[(now - 40_000, Some(now + 9)), (now - 3, Some(now + 60_000)), (now, None)]);
        let table = database.begin_read().unwrap().open_table(LIFETIMES).unwrap();
        let closed = |first| {
            let mut search = Search::of(&table);
            search.closed_at(LIST, at(now), first).unwrap();
            Found::of(search)
        };
        let (within, everywhere) = (closed(at(now - 40_000)), closed(Timestamp::MIN));
        assert_eq!(within.ids, everywhere.ids);
        assert_eq!((within.ids.len(), everywhere.touched), (2, 2 + path(now).count()));
        assert!(within.touched + 5 < everywhere.touched, "{} seeks and rows", within.touched);
    }

    #[test]
    fn the_dead_are_not_read() {
        let now = 1_700_000_000;
        // A hundred thousand that lived before, two hundred each of a hundred ticks.
        let dead = (0..100_000).map(|number| (now - 60_000 + number / 2, Some(now - 59_900 + number / 2)));
        let living = [(now - 70_000, None), (now - 5, Some(now + 5)), (now - 61_000, Some(now + 1))];
        let database = filled(&dead.chain(living).collect::<Vec<_>>());
        let found = lived(&database, now);
        assert_eq!(found.ids, [id(100_000), id(100_001), id(100_002)]);
        assert!(found.touched <= 1 + 32 + 3, "{} seeks and rows", found.touched);
        // In the middle of them, each that is read is one of the answer.
        let found = lived(&database, now - 50_000);
        assert!(found.ids.len() > 100, "{}", found.ids.len());
        assert!(found.touched <= 1 + 32 + found.ids.len(), "{} seeks and rows", found.touched);
    }

    #[test]
    fn instants_become_ticks_up_to_the_last() {
        assert_eq!(tick(Timestamp::MIN), 1);
        assert_eq!(tick(Timestamp::MAX), u32::MAX);
        assert!(tick(Timestamp::from_unix_ms(1_764_115_200_000).unwrap()) < u32::MAX / 2);
    }
}
