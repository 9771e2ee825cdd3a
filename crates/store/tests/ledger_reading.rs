//! A ledger as its users meet it: made, opened, read beside its writer, appended to, refused.
#![allow(clippy::unwrap_used, reason = "a test may; clippy knows only functions marked as one")]

#[path = "common/ledgers.rs"]
mod ledgers;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use domain::actor::ActorId;
use domain::concern::{Concerned, acting_key, concerned};
use domain::effect::Effect;
use domain::event::Event;
use domain::ids::UserId;
use domain::key::Owner;
use domain::sealed::Subject;
use domain::time::Position;
use domain::{Lookup as _, Model, evolve};
use keyledger_store::history::Marked;
use keyledger_store::{
    Attempt, DataFolder, Ledger, OpenOptions, ReadOnlyLedger, Sharing, StoreError, TransactError, anew, chain,
};
use redb::{Database, TableDefinition};
use tempfile::TempDir;

use ledgers::{LEDGER, answers, at, grow, links, log, origin, sealed_name, tenant, tenant_created, used};

const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
const VIEWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("views");

fn created() -> (TempDir, PathBuf, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    let ledger = Ledger::create(&path, LEDGER, &OpenOptions::default()).unwrap();
    (folder, path, ledger)
}

fn opened(path: &Path) -> Ledger {
    Ledger::open(path, &OpenOptions::default()).unwrap()
}

/// Sealed text that does not fit into an envelope.
fn too_large() -> Event {
    let name = sealed_name(Subject::Tenant(tenant(9)), 66_000);
    Event::TenantRenamed { tenant: tenant(9), name }
}

#[test]
fn a_new_ledger_is_empty_and_begins_with_its_own_genesis() {
    let (_folder, _path, ledger) = created();
    let snapshot = ledger.snapshot().unwrap();
    assert_eq!(snapshot.ledger(), LEDGER);
    assert_eq!(snapshot.head().position, Position::START);
    assert_eq!(snapshot.head().hash, chain::genesis(LEDGER));
    assert_eq!(snapshot.hash_at(Position::START).unwrap(), Some(chain::genesis(LEDGER)));
    assert_eq!(log(&snapshot).unwrap(), vec![]);
    assert_eq!(snapshot.projected().unwrap(), vec![]);
    assert_eq!(snapshot.position_at(at(0)).unwrap(), Position::START);
    assert_eq!(snapshot.rows().deployment().unwrap(), None);
}

#[test]
fn a_ledger_is_made_only_where_there_is_none_and_opened_only_where_there_is_one() {
    let (folder, path, ledger) = created();
    grow(&ledger, 1, 2);
    let head = ledger.snapshot().unwrap().head();
    drop(ledger);
    let Err(error) = Ledger::create(&path, LEDGER, &OpenOptions::default()) else { panic!("made twice") };
    assert!(matches!(error, StoreError::LedgerExists(_)), "{error}");
    assert_eq!(opened(&path).snapshot().unwrap().head(), head);
    let nowhere = folder.path().join("nowhere/ledger.redb");
    for outcome in [
        Ledger::open(&nowhere, &OpenOptions::default()).map(drop),
        ReadOnlyLedger::open(&nowhere, &OpenOptions::default()).map(drop),
    ] {
        let error = outcome.unwrap_err();
        assert!(matches!(error, StoreError::NoLedger(_)), "{error}");
        assert!(error.to_string().contains("keyledger init"), "{error}");
    }
    assert!(!nowhere.exists());
}

#[test]
fn what_is_no_ledger_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    for bytes in
        [vec![0; 1], b"not a ledger at all".to_vec(), vec![0; 8192], b"redb\x1A\x0A\xA9\x0D\x0A".to_vec()]
    {
        fs::write(&path, &bytes).unwrap();
        assert!(Ledger::open(&path, &OpenOptions::default()).is_err(), "{} bytes", bytes.len());
        assert!(ReadOnlyLedger::open(&path, &OpenOptions::default()).is_err());
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn somebody_elses_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    drop(Database::create(&path).unwrap());
    let Err(error) = Ledger::open(&path, &OpenOptions::default()) else { panic!("opened") };
    assert!(error.to_string().contains("meta"), "{error}");
}

#[test]
fn a_second_writer_is_refused_in_either_way_of_sharing() {
    for sharing in [Sharing::SingleWriter, Sharing::Exclusive] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.redb");
        let options = OpenOptions { sharing, ..OpenOptions::default() };
        let ledger = Ledger::create(&path, LEDGER, &options).unwrap();
        grow(&ledger, 1, 1);
        let Err(error) = Ledger::open(&path, &options) else { panic!("{sharing:?}: two writers") };
        assert!(matches!(error, StoreError::InUse), "{sharing:?}: {error}");
        grow(&ledger, 2, 1);
        drop(ledger);
        let ledger = opened(&path);
        let snapshot = ledger.snapshot().unwrap();
        assert_eq!(log(&snapshot).unwrap().len() as u64, snapshot.head().position.number());
    }
}

#[test]
fn a_reader_beside_the_writer_sees_what_is_committed_and_no_more() {
    let (_folder, path, ledger) = created();
    grow(&ledger, 1, 3);
    let reader = ReadOnlyLedger::open(&path, &OpenOptions::default()).unwrap();
    let early = reader.snapshot().unwrap();
    let before = log(&early).unwrap();
    let ((), _) = ledger
        .transact(|transaction| {
            transaction.append(vec![tenant_created(40)], &origin(77), at(0))?;
            // Not yet.
            assert_eq!(reader.snapshot()?.head(), early.head());
            Ok(())
        })
        .unwrap();
    assert_eq!(log(&early).unwrap(), before, "a snapshot stays");
    let later = reader.snapshot().unwrap();
    assert_eq!(later.head(), ledger.snapshot().unwrap().head());
    assert_eq!(log(&later).unwrap(), log(&ledger.snapshot().unwrap()).unwrap());
    // And the writer is not in the reader's way, nor the other way round.
    for seed in 2..6 {
        grow(&ledger, seed, 2);
        let snapshot = reader.snapshot().unwrap();
        assert_eq!(log(&snapshot).unwrap().len() as u64, snapshot.head().position.number());
    }
    drop(reader);
    ledger.close().unwrap();
    ReadOnlyLedger::open(&path, &OpenOptions::default()).unwrap();
}

#[test]
fn an_exclusive_writer_has_no_reader_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    let options = OpenOptions { sharing: Sharing::Exclusive, ..OpenOptions::default() };
    let ledger = Ledger::create(&path, LEDGER, &options).unwrap();
    let Err(error) = ReadOnlyLedger::open(&path, &options) else { panic!("read beside") };
    assert!(matches!(error, StoreError::InUse), "{error}");
    drop(ledger);
    ReadOnlyLedger::open(&path, &options).unwrap();
}

#[test]
fn work_that_fails_leaves_nothing_and_the_next_goes_on() {
    let (_folder, _path, ledger) = created();
    grow(&ledger, 1, 3);
    let before = (ledger.snapshot().unwrap().head(), ledger.snapshot().unwrap().projected().unwrap());
    let failed = ledger.transact(|transaction| {
        transaction.append(vec![tenant_created(40)], &origin(3), at(9))?;
        assert!(transaction.rows().tenant(tenant(40))?.is_some());
        Err::<(), _>(StoreError::NeedsRepair)
    });
    assert!(matches!(failed, Err(TransactError::Aborted(StoreError::NeedsRepair))));
    let snapshot = ledger.snapshot().unwrap();
    assert!((snapshot.head(), snapshot.projected().unwrap()) == before);
    assert_eq!(log(&snapshot).unwrap().len() as u64, before.0.position.number());

    let panicked = ledger.transact(|transaction| -> Result<(), _> {
        transaction.append(vec![tenant_created(41)], &origin(3), at(9))?;
        panic!("somewhere in the work");
    });
    assert!(matches!(panicked, Err(TransactError::Aborted(StoreError::Damaged { .. }))));
    assert!(ledger.snapshot().unwrap().head() == before.0);

    let ((), committed) = ledger
        .transact(|transaction| {
            assert_eq!(transaction.attempt(&ActorId::Console, &used(3))?, Attempt::New);
            transaction.append(vec![tenant_created(42)], &origin(3), at(9)).map(drop)
        })
        .unwrap();
    assert_eq!(committed.head.position, before.0.position.next());
    assert_eq!(ledger.snapshot().unwrap().rows().tenant(tenant(40)).unwrap(), None);
}

#[test]
fn work_that_appends_nothing_leaves_nothing_not_even_a_commit() {
    let (_folder, path, ledger) = created();
    grow(&ledger, 1, 1);
    let before = fs::read(&path).unwrap();
    let (answer, committed) = ledger
        .transact(|transaction| {
            assert_eq!(transaction.append(vec![], &origin(3), at(9))?, vec![]);
            Ok(transaction.head())
        })
        .unwrap();
    assert_eq!((answer, committed.head), (ledger.snapshot().unwrap().head(), answer));
    assert!(committed.recorded.is_empty() && committed.changes.is_empty());
    assert!(fs::read(&path).unwrap() == before, "the file was written");
}

#[test]
fn a_command_too_large_is_refused_alone_and_its_neighbours_stay() {
    let (_folder, path, ledger) = created();
    let ((), committed) = ledger
        .transact(|transaction| {
            transaction.append(vec![tenant_created(1)], &origin(1), at(1))?;
            let head = transaction.head();
            // Also when only a later event of the command does not fit: all of it or nothing.
            for events in [vec![too_large()], vec![tenant_created(9), too_large(), tenant_created(8)]] {
                let error = transaction.append(events, &origin(3), at(2)).unwrap_err();
                assert!(matches!(error, StoreError::TooLarge(_)), "{error}");
                assert!(error.to_string().contains("65535"), "{error}");
            }
            assert_eq!(transaction.head(), head);
            assert_eq!(transaction.rows().tenant(tenant(9))?, None);
            assert_eq!(transaction.attempt(&ActorId::Console, &used(3))?, Attempt::New);
            transaction.append(vec![tenant_created(2)], &origin(2), at(3)).map(drop)
        })
        .unwrap();
    assert_eq!(committed.recorded.len(), 2);
    drop(ledger);
    let ledger = opened(&path);
    let snapshot = ledger.snapshot().unwrap();
    assert_eq!(log(&snapshot).unwrap(), committed.recorded);
    assert!(snapshot.rows().tenant(tenant(2)).unwrap().is_some());
    assert_eq!(snapshot.rows().tenant(tenant(8)).unwrap(), None);
}

#[test]
fn the_largest_envelope_that_fits_is_taken() {
    let (_folder, path, ledger) = created();
    let renamed = |bytes| Event::TenantRenamed {
        tenant: tenant(1),
        name: sealed_name(Subject::Tenant(tenant(1)), bytes),
    };
    let ((), committed) = ledger
        .transact(|transaction| {
            transaction.append(vec![tenant_created(1)], &origin(1), at(1))?;
            let mut bytes = 66_000;
            while let Err(error) = transaction.append(vec![renamed(bytes)], &origin(1), at(1)) {
                assert!(matches!(error, StoreError::TooLarge(_)), "{error}");
                bytes -= 1;
            }
            Ok(())
        })
        .unwrap();
    drop(ledger);
    let ledger = opened(&path);
    let mut sizes = vec![];
    let snapshot = ledger.snapshot().unwrap();
    snapshot
        .scan(|scanned| {
            sizes.push(scanned.bytes);
            Ok::<_, StoreError>(())
        })
        .unwrap();
    assert_eq!(sizes.last(), Some(&65_535));
    assert_eq!(log(&snapshot).unwrap(), committed.recorded);
    let live = snapshot.projected().unwrap();
    ledger.rebuild().unwrap();
    assert!(ledger.snapshot().unwrap().projected().unwrap() == live, "its row is as large");
}

#[test]
fn an_instant_before_the_last_is_recorded_as_the_last() {
    let (_folder, _path, ledger) = created();
    for (asked, recorded) in [(50, 50), (10, 50), (50, 50), (60, 60), (59, 60)] {
        let ((), committed) = ledger
            .transact(|transaction| {
                transaction.append(vec![tenant_created(1)], &origin(1), at(asked)).map(drop)
            })
            .unwrap();
        assert_eq!(committed.recorded[0].recorded_at, at(recorded), "asked for {asked}");
        assert_eq!(committed.head.recorded_at, at(recorded));
    }
}

#[test]
fn an_idempotency_key_belongs_to_whoever_used_it_whatever_credential_was_shown() {
    let (_folder, _path, ledger) = created();
    let user = |n: u8| Owner::User(UserId::from_bytes([n; 16]));
    let shown = |identity, key: u8| ActorId::Holder {
        identity,
        key: domain::ids::Id::from_bytes([key; 16]),
        token: None,
    };
    let mut with_key = origin(1);
    (with_key.actor, with_key.idempotency) = (shown(user(1), 1), Some(used(5)));
    let (done, _) = ledger
        .transact(|transaction| {
            let done = transaction.append(vec![tenant_created(1), tenant_created(2)], &with_key, at(1))?;
            // In the same transaction, before it is committed.
            assert_eq!(transaction.attempt(&shown(user(1), 2), &used(5))?, Attempt::Done(done.clone()));
            transaction.append(vec![tenant_created(3)], &origin(1), at(1))?;
            Ok(done)
        })
        .unwrap();
    assert_eq!(done.len(), 2);
    ledger
        .transact(|transaction| {
            let mut other = used(5);
            other.command = [0; 16];
            for actor in [shown(user(1), 1), shown(user(1), 2)] {
                assert_eq!(transaction.attempt(&actor, &used(5))?, Attempt::Done(done.clone()));
                assert_eq!(transaction.attempt(&actor, &other)?, Attempt::Conflict);
            }
            let others = [shown(user(2), 1), ActorId::Console, ActorId::Server];
            for actor in others {
                assert_eq!(transaction.attempt(&actor, &used(5))?, Attempt::New);
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn views_of_an_older_version_are_rebuilt_on_opening() {
    let (folder, path, ledger) = created();
    grow(&ledger, 1, 20);
    let (head, live) = (ledger.snapshot().unwrap().head(), ledger.snapshot().unwrap().projected().unwrap());
    ledger.close().unwrap();
    for version in [Some(0_u32), None] {
        let database = Database::open(&path).unwrap();
        let txn = database.begin_write().unwrap();
        {
            let mut meta = txn.open_table(META).unwrap();
            match version {
                Some(version) => drop(meta.insert("views", version.to_le_bytes().as_slice()).unwrap()),
                None => drop(meta.remove("views").unwrap()),
            }
            let mut views = txn.open_table(VIEWS).unwrap();
            views.retain(|key, _| key[0] % 2 == 0).unwrap();
            views.insert([99, 99].as_slice(), [1].as_slice()).unwrap();
        }
        // Views of the first versions had no such tables.
        txn.delete_table(TableDefinition::<&[u8], &[u8]>::new("histories")).unwrap();
        txn.delete_table(TableDefinition::<&[u8], &[u8]>::new("tree")).unwrap();
        txn.commit().unwrap();
        drop(database);
        // Reading alone cannot rebuild them, and says what does.
        let Err(error) = ReadOnlyLedger::open(&path, &OpenOptions::default()) else { panic!("opened") };
        assert!(matches!(error, StoreError::OtherViews { found, .. } if found == version), "{error}");
        assert!(error.to_string().contains("keyledger audit rebuild"), "{error}");
        if version.is_none() {
            anew::rebuild(&DataFolder::at(folder.path()), &mut |_, _| {}).unwrap();
        }
        let ledger = opened(&path);
        let snapshot = ledger.snapshot().unwrap();
        assert_eq!(snapshot.head(), head);
        assert!(snapshot.projected().unwrap() == live, "from version {version:?}");
    }
}

#[test]
fn views_of_a_newer_version_are_refused_and_left_alone() {
    let (_folder, path, ledger) = created();
    grow(&ledger, 1, 5);
    let live = ledger.snapshot().unwrap().projected().unwrap();
    ledger.close().unwrap();
    let set = |version: u32| {
        let database = Database::open(&path).unwrap();
        let txn = database.begin_write().unwrap();
        txn.open_table(META).unwrap().insert("views", version.to_le_bytes().as_slice()).unwrap();
        txn.commit().unwrap();
    };
    let of_ours = {
        let database = Database::open(&path).unwrap();
        let txn = redb::ReadableDatabase::begin_read(&database).unwrap();
        let meta = txn.open_table(META).unwrap();
        let bytes = meta.get("views").unwrap().unwrap().value().to_vec();
        u32::from_le_bytes(bytes.try_into().unwrap())
    };
    set(of_ours + 1);
    let Err(error) = Ledger::open(&path, &OpenOptions::default()) else { panic!("opened") };
    let found = Some(of_ours + 1);
    assert!(matches!(error, StoreError::OtherViews { .. }), "{error}");
    for part in [format!("version {}", of_ours + 1), format!("version {of_ours}")] {
        assert!(error.to_string().contains(&part), "{error}");
    }
    assert!(error.to_string().ends_with("use the keyledger that wrote them, or a newer one"), "{error}");
    let Err(error) = ReadOnlyLedger::open(&path, &OpenOptions::default()) else { panic!("opened") };
    assert!(matches!(error, StoreError::OtherViews { found: of, .. } if of == found), "{error}");
    set(of_ours);
    assert!(opened(&path).snapshot().unwrap().projected().unwrap() == live);
}

#[test]
fn a_head_that_is_not_the_logs_end_is_refused() {
    let (_folder, path, ledger) = created();
    grow(&ledger, 1, 5);
    let head = ledger.snapshot().unwrap().head();
    ledger.close().unwrap();
    let good = {
        let database = Database::open(&path).unwrap();
        let txn = redb::ReadableDatabase::begin_read(&database).unwrap();
        let meta = txn.open_table(META).unwrap();
        meta.get("head").unwrap().unwrap().value().to_vec()
    };
    for byte in 0..good.len() {
        let mut bad = good.clone();
        bad[byte] ^= 1;
        let database = Database::open(&path).unwrap();
        let txn = database.begin_write().unwrap();
        txn.open_table(META).unwrap().insert("head", bad.as_slice()).unwrap();
        txn.commit().unwrap();
        drop(database);
        let caught = match Ledger::open(&path, &OpenOptions::default()) {
            Err(_) => true,
            Ok(ledger) => log(&ledger.snapshot().unwrap()).is_err(),
        };
        assert!(caught, "byte {byte} of the head {head:?}");
    }
}

#[test]
fn rebuilding_gives_every_row_again_whatever_was_lost() {
    let (_folder, path, ledger) = created();
    grow(&ledger, 1, 40);
    let ever = Model::fold(&log(&ledger.snapshot().unwrap()).unwrap());
    let told = |ledger: &Ledger| {
        let snapshot = ledger.snapshot().unwrap();
        let rows: Result<Vec<_>, _> = answers(&snapshot.rows(), &ever).into_iter().collect();
        let links: Result<Vec<_>, _> = links(&snapshot, &ever).into_iter().collect();
        (rows.unwrap(), links.unwrap(), snapshot.projected().unwrap())
    };
    let before = told(&ledger);
    ledger.close().unwrap();
    let database = Database::open(&path).unwrap();
    let txn = database.begin_write().unwrap();
    for name in ["views", "histories", "tree", "attempts"] {
        txn.delete_table(TableDefinition::<&[u8], &[u8]>::new(name)).unwrap();
    }
    for name in ["links", "lifetimes"] {
        txn.delete_table(TableDefinition::<&[u8], ()>::new(name)).unwrap();
    }
    txn.commit().unwrap();
    drop(database);
    // Without its views it cannot be read, so whoever rebuilds must open it for writing.
    let Err(_) = ReadOnlyLedger::open(&path, &OpenOptions::default()).and_then(|it| it.snapshot().map(drop))
    else {
        panic!("read without views")
    };
    let database = Database::open(&path).unwrap();
    let txn = database.begin_write().unwrap();
    for name in ["views", "histories", "tree", "attempts"] {
        txn.open_table(TableDefinition::<&[u8], &[u8]>::new(name)).unwrap();
    }
    for name in ["links", "lifetimes"] {
        txn.open_table(TableDefinition::<&[u8], ()>::new(name)).unwrap();
    }
    txn.commit().unwrap();
    drop(database);
    let ledger = opened(&path);
    ledger.rebuild().unwrap();
    assert!(told(&ledger) == before);
}

#[test]
fn histories_are_what_a_plain_fold_says_from_either_end_and_within_any_range() {
    let (_folder, _path, ledger) = created();
    grow(&ledger, 3, 500);
    let snapshot = ledger.snapshot().unwrap();
    let mut model = Model::default();
    let mut histories = BTreeMap::<Concerned, BTreeMap<Position, Effect>>::new();
    for recorded in log(&snapshot).unwrap() {
        let Ok(changes) = evolve(&model, &recorded);
        changes.iter().cloned().for_each(|change| model.apply(change));
        if let Some(of) = acting_key(&recorded.metadata.actor) {
            histories.entry(of).or_default().insert(recorded.position, recorded.event.effect());
        }
        for change in &changes {
            let Ok(concerned) = concerned(&model, change);
            for of in concerned {
                histories.entry(of).or_default().insert(recorded.position, recorded.event.effect());
            }
        }
    }
    assert!(histories.values().any(|positions| positions.len() > 2 * 64), "several blocks are met");
    let head = snapshot.head().position;
    for (of, positions) in histories {
        let ranges = [(0, head.number()), (70, 71), (head.number() / 3, head.number() / 2), (9, 8)];
        for (first, last) in ranges.map(|(first, last)| (Position::new(first), Position::new(last))) {
            let within = |(position, _): &(&Position, &Effect)| (first..=last).contains(*position);
            let event =
                |(position, effect): (&Position, &Effect)| Marked { position: *position, effect: *effect };
            let expected: Vec<Marked> = positions.iter().filter(within).map(event).collect();
            let history = || snapshot.history(of, &(first..=last)).unwrap();
            assert_eq!(history().collect::<Result<Vec<_>, _>>().unwrap(), expected, "{of:?}");
            let mut backwards = history().rev().collect::<Result<Vec<_>, _>>().unwrap();
            backwards.reverse();
            assert_eq!(backwards, expected, "{of:?}, from the end");
            let (mut both, mut front, mut back) = (history(), vec![], vec![]);
            while let Some(position) = both.next() {
                front.push(position.unwrap());
                back.extend(both.next_back().transpose().unwrap());
            }
            back.reverse();
            assert_eq!([front, back].concat(), expected, "{of:?}, from both ends");
        }
        // There and back, with steps within a block and beyond it.
        let some: Vec<_> = (1..=head.number()).step_by(7).map(Position::new).collect();
        let mut among = snapshot.among(of);
        for position in some.iter().chain(some.iter().rev()).copied() {
            assert_eq!(among.has(position).unwrap(), positions.contains_key(&position), "{of:?}");
        }
    }
}

#[test]
fn a_compacted_ledger_says_the_same_in_a_smaller_file_and_is_gone_on_with() {
    let (_folder, path, ledger) = created();
    grow(&ledger, 4, 400);
    let before = ledger.snapshot().unwrap();
    let said = (log(&before).unwrap(), before.projected().unwrap(), before.head());
    drop(before);
    ledger.close().unwrap();
    let bytes = fs::metadata(&path).unwrap().len();
    let mut ledger = opened(&path);
    ledger.compact().unwrap();
    ledger.close().unwrap();
    let compacted = fs::metadata(&path).unwrap().len();
    assert!(compacted * 4 < bytes * 3, "{compacted} of {bytes} bytes are left");
    let ledger = opened(&path);
    let after = ledger.snapshot().unwrap();
    assert!((log(&after).unwrap(), after.projected().unwrap(), after.head()) == said);
    drop(after);
    grow(&ledger, 5, 20);
    let live = ledger.snapshot().unwrap().projected().unwrap();
    ledger.rebuild().unwrap();
    assert!(ledger.snapshot().unwrap().projected().unwrap() == live);
}
