//! A disk that fails in the middle of a commit: the events are wholly there afterwards, or not at all.
#![allow(clippy::unwrap_used, reason = "a test may; clippy knows only functions marked as one")]

#[path = "common/disk.rs"]
mod disk;
#[path = "common/ledgers.rs"]
mod ledgers;
#[path = "common/locks.rs"]
mod locks;

use domain::actor::ActorId;
use domain::time::Position;
use keyledger_store::{Attempt, Committed, Ledger, OpenOptions, Sharing, StoreError, TransactError};

use disk::{Cut, Disk, Fault, Kind};
use ledgers::{LEDGER, at, grow, log, origin, tenant_created, used};

const CUTS: [Cut; 6] =
    [Cut::Lost, Cut::Kept, Cut::Reordered(1), Cut::Sectors(1), Cut::Sectors(2), Cut::Bytes(1)];

/// A ledger with a few commits, closed; every fault begins from the same bytes.
fn prepared() -> Vec<u8> {
    let disk = Disk::default();
    let ledger = Ledger::create_on(disk.clone(), LEDGER, &OpenOptions::default()).unwrap();
    grow(&ledger, 1, 6);
    ledger.close().unwrap();
    disk.bytes()
}

/// A command of three events, under an idempotency key.
fn three_events(ledger: &Ledger) -> Result<((), Committed), TransactError> {
    ledger.transact(|transaction| {
        let events = vec![tenant_created(31), tenant_created(32), tenant_created(33)];
        transaction.append(events, &origin(3), at(1_000)).map(drop)
    })
}

fn head(ledger: &Ledger) -> Position {
    ledger.snapshot().unwrap().head().position
}

/// Opens what is left after the power was cut, and tells where it ends; everything must fit together.
fn comes_back(disk: &Disk, told: &str) -> Position {
    let ledger = Ledger::open_on(disk.clone(), &OpenOptions::default())
        .unwrap_or_else(|error| panic!("{told}: {error}"));
    let snapshot = ledger.snapshot().unwrap();
    let events = log(&snapshot).unwrap_or_else(|error| panic!("{told}: {error}"));
    let position = snapshot.head().position;
    assert_eq!(events.len() as u64, position.number(), "{told}");
    let live = snapshot.projected().unwrap();
    let (attempt, _) =
        ledger.transact(|transaction| transaction.attempt(&ActorId::Console, &used(3))).unwrap();
    let there = events.iter().filter(|it| it.metadata.idempotency == Some(used(3))).cloned();
    let there: Vec<_> = there.collect();
    let expected = if there.is_empty() { Attempt::New } else { Attempt::Done(there) };
    assert_eq!(attempt, expected, "{told}: a repetition would be told the truth");
    ledger.rebuild().unwrap();
    assert!(ledger.snapshot().unwrap().projected().unwrap() == live, "{told}: the views lag or lead");
    // And it can be gone on with.
    grow(&ledger, 9, 2);
    log(&ledger.snapshot().unwrap()).unwrap_or_else(|error| panic!("{told}, gone on: {error}"));
    position
}

/// Beside readers the database insists on what we ask for; alone it would do less, if it were not asked.
fn both_ways_of_sharing() -> [OpenOptions; 2] {
    [Sharing::SingleWriter, Sharing::Exclusive]
        .map(|sharing| OpenOptions { sharing, ..OpenOptions::default() })
}

#[test]
fn a_commit_syncs_more_than_once_and_is_durable_when_it_returns() {
    for options in both_ways_of_sharing() {
        let disk = Disk::holding(prepared());
        let ledger = Ledger::open_on(disk.clone(), &options).unwrap();
        let before = head(&ledger);
        disk.count();
        let ((), committed) = three_events(&ledger).unwrap();
        assert!(disk.syncs() >= 2, "two phases, {} syncs, {:?}", disk.syncs(), options.sharing);
        assert_eq!(committed.head.position.number(), before.number() + 3);
        for cut in CUTS {
            let position = comes_back(&disk.cut(cut), &format!("acknowledged, then {cut:?}"));
            assert_eq!(position, committed.head.position, "{cut:?}, {:?}", options.sharing);
        }
    }
}

#[test]
fn a_sync_that_fails_at_the_commit_leaves_the_outcome_unknown_and_the_events_whole_or_absent() {
    let bytes = prepared();
    let (mut there, mut absent) = (0, 0);
    let kinds = [Kind::NotDone, Kind::DoneAllTheSame];
    for (kind, options) in kinds.into_iter().flat_map(|kind| both_ways_of_sharing().map(|it| (kind, it))) {
        let mut unknown = 0;
        for operation in 0.. {
            let disk = Disk::holding(bytes.clone());
            let ledger = Ledger::open_on(disk.clone(), &options).unwrap();
            let before = head(&ledger);
            disk.fail(Fault { operation, kind });
            let told = format!("{kind:?} at operation {operation}, {:?}", options.sharing);
            let outcome = three_events(&ledger);
            let after = before.number() + 3;
            match &outcome {
                Ok((_, committed)) => assert_eq!(committed.head.position.number(), after, "{told}"),
                Err(TransactError::Unknown(error)) => {
                    unknown += 1;
                    assert!(matches!(error, StoreError::Database(_)), "{told}: {error}");
                    // The handle is dead: it neither takes more nor pretends.
                    assert!(three_events(&ledger).is_err(), "{told}: it goes on");
                }
                Err(TransactError::Aborted(_)) => {
                    assert!(three_events(&ledger).is_err(), "{told}: it goes on");
                }
            }
            let done = disk.operations() <= operation;
            for cut in CUTS {
                let told = format!("{told}, {cut:?}, {outcome:?}");
                let position = comes_back(&disk.cut(cut), &told).number();
                match &outcome {
                    Ok(_) => assert_eq!(position, after, "{told}"),
                    Err(TransactError::Aborted(_)) => assert_eq!(position, before.number(), "{told}"),
                    Err(TransactError::Unknown(_)) => {
                        assert!([before.number(), after].contains(&position), "{told}: {position}");
                        if position == after { there += 1 } else { absent += 1 }
                    }
                }
            }
            if done {
                break;
            }
        }
        assert!(unknown >= 2, "{kind:?}: only {unknown} faults met the commit");
    }
    assert!(there > 0 && absent > 0, "both must have been met: {there} there, {absent} absent");
}

/// The database promises no more than a panic where its file was changed while it was open.
#[test]
fn a_panic_in_the_middle_of_a_transaction_is_an_error_and_leaves_nothing() {
    for options in both_ways_of_sharing() {
        let disk = Disk::holding(prepared());
        let ledger = Ledger::open_on(disk.clone(), &options).unwrap();
        let before = head(&ledger);
        let outcome = ledger.transact(|transaction| -> Result<(), StoreError> {
            transaction.append(vec![tenant_created(31)], &origin(3), at(1_000))?;
            panic!("a page leads to nowhere")
        });
        let Err(TransactError::Aborted(error)) = outcome else { panic!("{outcome:?}") };
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("a page leads to nowhere"), "{error}");
        assert_eq!(head(&ledger), before);
        drop(ledger);
        assert_eq!(comes_back(&disk.cut(Cut::Kept), "a panic"), before);
    }
}

#[test]
fn a_disk_that_fails_while_a_ledger_is_made_leaves_no_ledger_or_a_whole_one() {
    for kind in [Kind::NotDone, Kind::DoneAllTheSame] {
        for operation in 0.. {
            let disk = Disk::default();
            disk.fail(Fault { operation, kind });
            let outcome = Ledger::create_on(disk.clone(), LEDGER, &OpenOptions::default());
            let done = disk.operations() <= operation;
            let made = outcome.is_ok();
            drop(outcome);
            for cut in CUTS {
                let again = Ledger::open_on(disk.cut(cut), &OpenOptions::default());
                match again {
                    Ok(ledger) => assert_eq!(head(&ledger), Position::START, "{operation} {kind:?} {cut:?}"),
                    Err(error) => assert!(!made, "{operation} {kind:?} {cut:?}: {error}"),
                }
            }
            if done {
                break;
            }
        }
    }
}

#[test]
fn a_rebuild_that_fails_leaves_views_that_are_whole() {
    let bytes = prepared();
    let expected = {
        let ledger = Ledger::open_on(Disk::holding(bytes.clone()), &OpenOptions::default()).unwrap();
        ledger.snapshot().unwrap().projected().unwrap()
    };
    for operation in 0.. {
        let disk = Disk::holding(bytes.clone());
        let ledger = Ledger::open_on(disk.clone(), &OpenOptions::default()).unwrap();
        disk.fail(Fault { operation, kind: Kind::NotDone });
        let _ = ledger.rebuild();
        let done = disk.operations() <= operation;
        for cut in CUTS {
            let ledger = Ledger::open_on(disk.cut(cut), &OpenOptions::default()).unwrap();
            assert!(ledger.snapshot().unwrap().projected().unwrap() == expected, "{operation} {cut:?}");
        }
        if done {
            break;
        }
    }
}

#[test]
fn a_compacting_that_fails_changes_nothing_that_the_ledger_says() {
    let bytes = prepared();
    let expected = {
        let ledger = Ledger::open_on(Disk::holding(bytes.clone()), &OpenOptions::default()).unwrap();
        let snapshot = ledger.snapshot().unwrap();
        (log(&snapshot).unwrap(), snapshot.projected().unwrap())
    };
    for operation in 0.. {
        let disk = Disk::holding(bytes.clone());
        let mut ledger = Ledger::open_on(disk.clone(), &OpenOptions::default()).unwrap();
        disk.fail(Fault { operation, kind: Kind::NotDone });
        let _ = ledger.compact();
        let done = disk.operations() <= operation;
        for cut in CUTS {
            let ledger = Ledger::open_on(disk.cut(cut), &OpenOptions::default()).unwrap();
            let snapshot = ledger.snapshot().unwrap();
            let found = (log(&snapshot).unwrap(), snapshot.projected().unwrap());
            assert!(found == expected, "{operation} {cut:?}");
        }
        if done {
            break;
        }
    }
}
