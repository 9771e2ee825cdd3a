//! Many rows at once are what each is alone: in any order, at any position, and where a bit of one is flipped.
#![allow(clippy::unwrap_used, reason = "a test may; clippy knows only functions marked as one")]

#[path = "common/disk.rs"]
mod disk;
#[path = "common/ledgers.rs"]
mod ledgers;
#[path = "common/locks.rs"]
mod locks;

use domain::event::{Event, KeyCreated};
use domain::ids::{KeyId, ServiceAccountId};
use domain::time::Position;
use domain::{Lookup as _, Model};
use keyledger_store::snapshot::SnapshotRows;
use keyledger_store::{Ledger, OpenOptions, Snapshot, StoreError};
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};

use disk::Disk;
use ledgers::{Dice, LEDGER, at, event, grow, log, origin, positions};

const VIEWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("views");
/// How the keys of `views` begin that are of service accounts, and of keys.
const KINDS: [u8; 2] = [5, 30];

fn created(disk: &Disk) -> Ledger {
    Ledger::create_on(disk.clone(), LEDGER, &OpenOptions::default()).unwrap()
}

/// Some keys and service accounts that there are, and as many that there are not.
struct Ids {
    keys: Vec<KeyId>,
    accounts: Vec<ServiceAccountId>,
}

impl Ids {
    fn of(snapshot: &Snapshot) -> Self {
        let ever = Model::fold(&log(snapshot).unwrap());
        let other = |mut bytes: [u8; 16]| {
            bytes[5] ^= 1;
            bytes
        };
        let keys = ever.keys.keys().flat_map(|id| [*id, KeyId::from_bytes(other(id.bytes()))]);
        let accounts = ever.service_accounts.keys();
        let accounts = accounts.flat_map(|id| [*id, ServiceAccountId::from_bytes(other(id.bytes()))]);
        Self { keys: keys.collect(), accounts: accounts.collect() }
    }

    /// In other orders, with repetitions.
    fn shuffled(&self, dice: &mut Dice) -> Self {
        let mut of = |count: usize| dice.below(count as u64) as usize;
        let keys = (0..self.keys.len()).map(|_| self.keys[of(self.keys.len())]).collect();
        let accounts = (0..self.accounts.len()).map(|_| self.accounts[of(self.accounts.len())]).collect();
        Self { keys, accounts }
    }

    fn compare(&self, rows: &SnapshotRows<'_>) -> Compared {
        let mut compared = Compared { found: 0, told: vec![] };
        let keys: Vec<_> = rows.keys(&self.keys).collect();
        assert_eq!(keys.len(), self.keys.len());
        for (id, many) in self.keys.iter().zip(keys) {
            compared.one(id.bytes(), rows.key(*id), many);
        }
        let accounts: Vec<_> = rows.service_accounts(&self.accounts).collect();
        assert_eq!(accounts.len(), self.accounts.len());
        for (id, many) in self.accounts.iter().zip(accounts) {
            compared.one(id.bytes(), rows.service_account(*id), many);
        }
        compared
    }
}

/// How many rows were found, and what is said to be damaged.
struct Compared {
    found: usize,
    told: Vec<[u8; 16]>,
}

impl Compared {
    fn one<R: std::fmt::Debug + PartialEq>(
        &mut self,
        id: [u8; 16],
        alone: Result<Option<R>, StoreError>,
        many: Result<Option<R>, StoreError>,
    ) {
        match (alone, many) {
            (Ok(alone), Ok(many)) => {
                assert_eq!(many, alone);
                self.found += usize::from(many.is_some());
            }
            (Err(alone), Err(many)) => {
                assert_eq!(many.to_string(), alone.to_string());
                self.told.push(id);
            }
            (alone, many) => panic!("alone {alone:?}, among many {many:?}"),
        }
    }
}

#[test]
fn many_rows_are_what_each_is_alone_at_any_position_and_in_any_order() {
    let mut dice = Dice(1);
    for seed in 0..6 {
        let ledger = created(&Disk::default());
        grow(&ledger, seed, 60);
        let snapshot = ledger.snapshot().unwrap();
        let ids = Ids::of(&snapshot);
        let mut found = 0;
        for position in positions(&snapshot) {
            let rows = snapshot.rows_at(position);
            found += ids.compare(&rows).found;
            ids.shuffled(&mut dice).compare(&rows);
        }
        assert!(found > 500, "seed {seed}: {found}");
    }
}

/// A thousand keys and a hundred service accounts, made and changed in any order.
fn wide(disk: &Disk) -> Ledger {
    let ledger = created(disk);
    let mut dice = Dice(7);
    for commit in 0..100 {
        let id = |bytes: [u8; 16], number: u64| {
            let mut bytes = bytes;
            bytes[2..4].copy_from_slice(&(number as u16).to_be_bytes());
            bytes
        };
        let events: Vec<_> = std::iter::repeat_with(|| (event(&mut dice), dice.next()))
            .filter_map(|(event, number)| {
                let key = KeyId::from_bytes(id([4; 16], number % 1_000));
                if let Event::KeyCreated(created) = event {
                    return Some(Event::KeyCreated(KeyCreated { key, ..created }));
                }
                if let Event::ServiceAccountCreated { tenant, name, role, .. } = event {
                    let service_account = ServiceAccountId::from_bytes(id([3; 16], number % 100));
                    return Some(Event::ServiceAccountCreated { service_account, tenant, name, role });
                }
                matches!(event, Event::KeyDisabled { .. }).then_some(Event::KeyDisabled { key })
            })
            .take(50)
            .collect();
        ledger
            .transact(|transaction| transaction.append(events, &origin(commit), at(commit as i64)).map(drop))
            .unwrap();
    }
    ledger
}

#[test]
fn so_they_are_in_a_ledger_of_many_pages() {
    let ledger = wide(&Disk::default());
    let snapshot = ledger.snapshot().unwrap();
    let ids = Ids::of(&snapshot);
    assert!(ids.keys.len() > 1_500 && ids.accounts.len() > 150, "{} keys", ids.keys.len());
    let mut dice = Dice(2);
    for position in positions(&snapshot).step_by(499) {
        let rows = snapshot.rows_at(position);
        ids.compare(&rows);
        ids.shuffled(&mut dice).compare(&rows);
    }
    assert_eq!(ids.compare(&snapshot.rows()).found * 2, ids.keys.len() + ids.accounts.len());
}

/// A small ledger's file, closed, and what is in it.
fn closed() -> (Ids, Vec<u8>) {
    let disk = Disk::default();
    let ledger = created(&disk);
    grow(&ledger, 5, 30);
    let ids = Ids::of(&ledger.snapshot().unwrap());
    ledger.close().unwrap();
    (ids, disk.bytes())
}

type Row = (Vec<u8>, Vec<u8>);

fn rows(bytes: &[u8]) -> Vec<Row> {
    let database = Database::builder().create_with_backend(Disk::holding(bytes.to_owned())).unwrap();
    let views = database.begin_read().unwrap().open_table(VIEWS).unwrap();
    let rows = views.iter().unwrap().map(|row| row.unwrap());
    let rows = rows.map(|(key, value)| (key.value().to_owned(), value.value().to_owned()));
    rows.filter(|(key, _)| KINDS.contains(&key[0])).collect()
}

/// The ledger with another row in the place of one, written as the database writes it: no page of it is damaged.
fn with(bytes: &[u8], row: &Row, other: &Row) -> Ledger {
    let disk = Disk::holding(bytes.to_owned());
    let database = Database::builder().create_with_backend(disk.clone()).unwrap();
    let txn = database.begin_write().unwrap();
    {
        let mut views = txn.open_table(VIEWS).unwrap();
        views.remove(row.0.as_slice()).unwrap();
        views.insert(other.0.as_slice(), other.1.as_slice()).unwrap();
    }
    txn.commit().unwrap();
    drop(database);
    Ledger::open_on(disk, &OpenOptions::default()).unwrap()
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_owned();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

#[test]
fn a_flipped_bit_of_any_row_is_told_by_many_as_by_one() {
    let (ids, bytes) = closed();
    let mut dice = Dice(3);
    let all = rows(&bytes);
    assert!(all.len() > 20, "{} rows", all.len());
    for row in &all {
        let (of, position) = row.0.split_last_chunk::<8>().unwrap();
        let position = Position::new(u64::from_be_bytes(*position));
        for _ in 0..8 {
            let bit = dice.below(row.1.len() as u64 * 8) as usize;
            let ledger = with(&bytes, row, &(row.0.clone(), flipped(&row.1, bit)));
            let snapshot = ledger.snapshot().unwrap();
            let told = ids.compare(&snapshot.rows_at(position)).told;
            assert_eq!(told, [<[u8; 16]>::try_from(&of[1..]).unwrap()], "bit {bit} of the row at {position}");
            ids.compare(&snapshot.rows());
        }
    }
}

/// A row under another key is another's, and does not match its check there.
#[test]
fn a_flipped_bit_of_any_key_is_told_by_many_as_by_one() {
    let (ids, bytes) = closed();
    let mut dice = Dice(4);
    let mut told = 0;
    for row in rows(&bytes) {
        for _ in 0..4 {
            // Not the kind, and not the high bytes of the position.
            let bit = 8 + dice.below(16 * 8) as usize;
            let ledger = with(&bytes, &row, &(flipped(&row.0, bit), row.1.clone()));
            let snapshot = ledger.snapshot().unwrap();
            told += ids.compare(&snapshot.rows()).told.len();
        }
        let low = row.0.len() * 8 - 1 - dice.below(3) as usize;
        let other = flipped(&row.0, low);
        if rows(&bytes).iter().all(|(key, _)| *key != other) {
            let ledger = with(&bytes, &row, &(other, row.1.clone()));
            told += ids.compare(&ledger.snapshot().unwrap().rows()).told.len();
        }
    }
    assert!(told > 5, "{told}");
}
