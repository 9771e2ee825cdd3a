//! Opening: beside a writer, after a crash, and where there is nothing.

use std::fs;

use domain::actor::{ActorId, Way};
use domain::event::Event;
use keyledger_replay::{
    Audit, Depth, Filter, Format, Names, Repair, ReplayError, Source, Wait, follow, show,
};
use store::{DataFolder, Ledger, OpenOptions, Pages, Sharing, StoreError};

use crate::scene::{ACME, BEGIN, ETLS_NEXT, Scene};

fn refused(folder: &DataFolder, repair: Repair) -> ReplayError {
    Audit::open(folder, repair).map(drop).unwrap_err()
}

#[test]
fn where_there_is_no_ledger_it_says_how_to_make_one() {
    let empty = tempfile::tempdir().unwrap();
    for root in [empty.path().to_owned(), empty.path().join("missing")] {
        let error = refused(&DataFolder::at(&root), Repair::Allowed);
        assert!(matches!(error, ReplayError::Store(StoreError::NoLedger(_))), "{error:?}");
        let root = root.display();
        assert_eq!(
            error.to_string(),
            format!(
                "there is no ledger in {root}; make one with: keyledger init --data {root} --tenant SLUG --admin EMAIL"
            )
        );
    }
}

#[test]
fn a_writer_goes_on_while_its_ledger_is_read() {
    let scene = Scene::empty();
    scene.tell();
    let audit = scene.audit();
    let before = Source::of(audit.clone()).unwrap();
    for second in 100..400 {
        let event = if second % 2 == 0 {
            Event::TenantSuspended { tenant: ACME }
        } else {
            Event::TenantResumed { tenant: ACME }
        };
        scene.append(second, ActorId::Console, Way::Cli, vec![event]);
    }
    let count = |source| {
        show(source, &Names::sealed(), &Filter::default(), Format::Jsonl, std::io::sink()).unwrap().events
    };
    let after = Source::of(audit.clone()).unwrap();
    assert_eq!(count(&before) + 300, count(&after));
    // Nor does a reader's being there or its end disturb the writer.
    drop((before, after, audit));
    scene.append(500, ActorId::Console, Way::Cli, vec![Event::TenantSuspended { tenant: ACME }]);
    let report = keyledger_replay::verify(&scene.audit(), Depth::Everything, BEGIN, None).unwrap();
    assert!(report.is_ok(), "{}", report.verdict());
}

#[test]
fn a_writer_that_wants_the_file_to_itself_is_told() {
    let mut scene = Scene::told();
    let options = OpenOptions { sharing: Sharing::Exclusive, ..OpenOptions::default() };
    scene.ledger = Some(Ledger::open(&scene.folder.ledger(), &options).unwrap());
    let error = refused(&scene.folder, Repair::Allowed);
    assert!(matches!(error, ReplayError::Store(StoreError::InUse)), "{error:?}");
    assert_eq!(error.to_string(), StoreError::InUse.to_string());
}

#[test]
fn after_a_crash_it_is_repaired_only_if_that_is_allowed() {
    let scene = Scene::empty();
    scene.tell();
    // What a crash leaves is the file as it is while a writer has it open.
    let crashed = tempfile::tempdir().unwrap();
    let folder = DataFolder::at(crashed.path());
    fs::copy(scene.folder.ledger(), folder.ledger()).unwrap();
    let left = fs::read(folder.ledger()).unwrap();

    let error = refused(&folder, Repair::Forbidden);
    assert!(matches!(error, ReplayError::NeedsRepair { .. }), "{error:?}");
    assert!(error.to_string().contains("was not closed cleanly"), "{error}");
    assert_eq!(fs::read(folder.ledger()).unwrap(), left, "nothing was written");

    let audit = Audit::open(&folder, Repair::Allowed).unwrap();
    let report = keyledger_replay::verify(&audit, Depth::Everything, BEGIN, None).unwrap();
    assert!(report.is_ok(), "{}", report.verdict());
    drop(audit);
    assert!(Audit::open(&folder, Repair::Forbidden).is_ok(), "it was closed cleanly again");
}

/// A restore puts another file in the place of the one that is followed, to which nothing is appended any more.
#[test]
fn whoever_follows_a_ledger_is_told_when_another_takes_its_place() {
    let scene = Scene::told();
    let source = scene.source();
    let (path, aside) = (scene.folder.ledger(), scene.folder.root().join("aside"));
    let all = Filter::default();
    let shown = show(&source, &Names::sealed(), &all, Format::Jsonl, std::io::sink()).unwrap();
    let mut looks = 0;
    let wait = || {
        looks += 1;
        match looks {
            3 => fs::rename(&path, &aside).map(|()| fs::copy(&aside, &path)).map(drop).unwrap(),
            6 => return Wait::Ended,
            _ => {}
        }
        Wait::Over
    };
    let audit = source.audit().unwrap();
    let followed = follow(audit, source.head(), &shown, &all, Format::Jsonl, std::io::sink(), wait);
    let error = followed.unwrap_err();
    assert!(error.to_string().contains("no longer the file that was opened"), "{error}");
    assert_eq!(looks, 3);
}

/// It looks at the log again and again; at all pages that rows lie on, once.
#[test]
fn whoever_follows_a_ledger_has_its_pages_looked_at_once() {
    let scene = Scene::told();
    let audit = scene.audit().checking(Some(Pages::OfRows));
    let source = Source::of(audit.clone()).unwrap();
    scene.damage_views(&[ETLS_NEXT.bytes()[15]; 32]);
    assert!(audit.snapshot().is_err());
    assert!(source.audit().unwrap().snapshot().is_ok());
}
