//! What `verify` finds in a good ledger, and in damaged ones.

use std::collections::BTreeSet;

use domain::actor::Way;
use domain::event::Event;
use domain::time::{Position, Timestamp};
use keyledger_replay::{
    Audit, Depth, Filter, Format, Names, Outcome, Repair, ReplayError, Report, show, verify,
};
use serde_json::Value;
use store::envelope;
use store::guard::Guard;
use store::secrets::{NoteKey, create_note_key};

use crate::scene::{ADAS, BEGIN, ETLS_NEXT, Scene, ada, id};

const NOW: Timestamp = BEGIN.plus_seconds(4_000);

fn verified(scene: &Scene) -> Report {
    verify(&scene.audit(), Depth::Everything, NOW, None).unwrap()
}

fn table(report: &Report) -> String {
    let mut out = vec![];
    report.write_table(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The outcome of one check.
fn outcome(report: &Report, name: &str) -> Outcome {
    report.checks.iter().find(|check| check.name == name).unwrap().outcome
}

#[test]
fn a_good_ledger_passes_every_check() {
    let mut scene = Scene::empty();
    scene.tell();
    scene.write_guard();
    scene.append(60, ada(), Way::Cli, vec![Event::KeyEnabled { key: ADAS }]);
    scene.close();
    let report = verified(&scene);
    assert!(report.checks.iter().all(|check| check.outcome == Outcome::Passed), "{}", table(&report));
    insta::assert_snapshot!(table(&report));
}

#[test]
fn the_log_alone_is_verified_without_a_look_at_the_rest() {
    let mut scene = Scene::empty();
    scene.tell();
    scene.write_guard();
    scene.close();
    let report = verify(&scene.audit(), Depth::Log, NOW, None).unwrap();
    assert!(report.is_ok(), "{}", report.verdict());
    let everything = verified(&scene);
    assert_eq!((report.events, report.head_hash), (everything.events, everything.head_hash));
    assert_eq!(report.events_by_name, everything.events_by_name);
    insta::assert_snapshot!(table(&report));
}

#[test]
fn the_report_as_json() {
    let report = verified(&Scene::told());
    let mut out = vec![];
    report.write_json(&mut out).unwrap();
    let json: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(json["ok"], true);
    assert_eq!(json["events"], 21);
    assert_eq!(json["last_position"], "21");
    assert_eq!(json["keys_by_status"]["living"], 2);
    let [.., guard, pages] = json["checks"].as_array().unwrap().as_slice() else { panic!("two checks") };
    assert_eq!((guard["name"].as_str(), &guard["ok"]), (Some("guard"), &Value::Null));
    assert_eq!((pages["name"].as_str(), &pages["ok"]), (Some("pages"), &Value::Bool(true)));
    assert!(
        json["verdict"].as_str().unwrap().ends_with("; not done: checkpoints, guard"),
        "{}",
        json["verdict"]
    );
}

/// Whoever writes the whole folder can make a log that holds in itself. A checkpoint that somebody kept tells.
#[test]
fn a_log_that_was_rewritten_is_found_by_a_checkpoint_that_was_kept() {
    let honest = Scene::empty();
    honest.tell();
    let kept = honest.checkpoint();
    // The same with one event more, chained and projected like the real one.
    let mut rewritten = Scene::empty();
    rewritten.append(0, ada(), Way::Cli, vec![Event::KeyEnabled { key: ADAS }]);
    rewritten.tell();
    rewritten.close();
    let alone = verified(&rewritten);
    assert!(
        !alone.problems.iter().any(|problem| ["chain", "tree"].contains(&problem.check)),
        "{}",
        table(&alone)
    );
    let report = verify(&rewritten.audit().against(kept.clone()), Depth::Everything, NOW, None).unwrap();
    assert_eq!(outcome(&report, "checkpoints"), Outcome::Failed);
    let told: Vec<_> = report.problems.iter().filter(|problem| problem.check == "checkpoints").collect();
    assert_eq!(told[0].position, Some(kept.size), "{}", table(&report));
    // One that was cut is found, too.
    let mut cut = Scene::empty();
    cut.append(0, ada(), Way::Cli, vec![Event::KeyEnabled { key: ADAS }]);
    cut.close();
    let report = verify(&cut.audit().against(kept.clone()), Depth::Everything, NOW, None).unwrap();
    assert_eq!(outcome(&report, "checkpoints"), Outcome::Failed);
    // The honest one passes, longer by now.
    honest.append(60, ada(), Way::Cli, vec![Event::KeyEnabled { key: ADAS }]);
    let mut honest = honest;
    honest.close();
    let report = verify(&honest.audit().against(kept), Depth::Everything, NOW, None).unwrap();
    assert_eq!(outcome(&report, "checkpoints"), Outcome::Passed, "{}", table(&report));
}

#[test]
fn keys_are_counted_as_they_stand_at_the_instant_given() {
    let scene = Scene::told();
    let at = |now| {
        verify(&scene.audit(), Depth::Everything, now, None)
            .unwrap()
            .keys_by_status
            .into_iter()
            .collect::<Vec<_>>()
    };
    let counts = |counts: &[(&str, u64)]| counts.iter().map(|(s, n)| (s.to_string(), *n)).collect::<Vec<_>>();
    assert_eq!(at(BEGIN), counts(&[("living", 3), ("revoked", 1)]));
    assert_eq!(at(NOW), counts(&[("living", 2), ("revoked", 1), ("rotated", 1)]));
    assert_eq!(at(Timestamp::MAX), counts(&[("expired", 2), ("revoked", 1), ("rotated", 1)]));
}

#[test]
fn an_empty_ledger_is_a_good_one() {
    let mut scene = Scene::empty();
    scene.close();
    let report = verified(&scene);
    assert!(report.is_ok() && report.first.is_none(), "{}", table(&report));
}

#[test]
fn altered_views_are_found_by_whoever_asks_for_everything_and_left_by_whoever_does_not() {
    let scene = Scene::told();
    scene.damage_views(&[ETLS_NEXT.bytes()[15]; 32]);
    let log = verify(&scene.audit(), Depth::Log, NOW, None).unwrap();
    assert!(log.is_ok(), "{}", table(&log));
    for check in ["versions", "rows", "lists", "counts", "sums", "pages"] {
        assert_eq!(outcome(&log, check), Outcome::NotAsked, "{}", table(&log));
    }
    let everything = verified(&scene);
    assert!(!everything.is_ok());
    for check in ["versions", "rows", "pages"] {
        assert_eq!(outcome(&everything, check), Outcome::Failed, "{}", table(&everything));
    }
}

/// A good ledger is read once. Where something is wrong, it is read again, to say what and where.
#[test]
fn progress_is_told_up_to_the_end() {
    let scene = Scene::told();
    let told = || {
        let mut told = vec![];
        let mut tell = |done, total| told.push((done, total));
        verify(&scene.audit(), Depth::Everything, NOW, Some(&mut tell)).unwrap();
        told
    };
    assert_eq!(told(), [(21, 21)]);
    scene.damage_views(&[ETLS_NEXT.bytes()[15]; 32]);
    assert_eq!(told(), [(21, 21), (21, 21)]);
}

/// The digest of a key is in the log, and in the rows of the views.
#[test]
fn a_changed_event_breaks_the_chain_and_the_views() {
    let scene = Scene::told();
    scene.damage(&[ETLS_NEXT.bytes()[15]; 32]);
    let report = verified(&scene);
    assert!(!report.is_ok());
    assert_eq!(outcome(&report, "chain"), Outcome::Failed, "{}", table(&report));
    assert_eq!(outcome(&report, "rows"), Outcome::NotDone);
    assert!(
        report.verdict().starts_with("FAILED: first problem at position 12: key "),
        "{}",
        report.verdict()
    );
    let broken = report.problems.iter().find(|problem| problem.check == "chain").unwrap();
    assert_eq!(broken.position, Some(Position::new(13)));
    assert!(table(&report).trim_end().ends_with(&report.verdict()));
    // A listing tells as well.
    let source = scene.source();
    let mut out = vec![];
    let error = show(&source, &Names::sealed(), &Filter::default(), Format::Json, &mut out).unwrap_err();
    assert!(error.to_string().contains("position 13"), "{error}");
    assert!(serde_json::from_slice::<Value>(&out).is_err(), "what is not whole must not look whole");
}

/// The salt of the last event is nowhere but in its envelope, and no event after it names its hash.
#[test]
fn a_changed_last_event_is_not_the_head() {
    let scene = Scene::told();
    scene.damage(&[0xDD; 32]);
    let report = verified(&scene);
    let verdict = report.verdict();
    assert!(verdict.starts_with("FAILED: first problem at position 21: "), "{}", table(&report));
}

#[test]
fn a_changed_envelope_that_cannot_be_read_is_named() {
    let scene = Scene::told();
    let mut header = b"KLEV\x01\x00".to_vec();
    header.extend_from_slice(&506_u16.to_le_bytes());
    scene.damage(&header);
    let report = verified(&scene);
    let verdict = report.verdict();
    assert!(
        verdict.starts_with("FAILED: first problem at position 17: the log is damaged at position 17: "),
        "{verdict}"
    );
}

/// The rows of the views are elsewhere than the log.
#[test]
fn a_changed_row_is_told_and_ends_nothing() {
    let scene = Scene::told();
    scene.damage_views(&[ETLS_NEXT.bytes()[15]; 32]);
    let report = verified(&scene);
    assert_eq!((report.events, outcome(&report, "chain")), (21, Outcome::Passed), "{}", table(&report));
    for (check, expected) in [
        ("versions", Outcome::Failed),
        ("rows", Outcome::Failed),
        ("lists", Outcome::Passed),
        ("counts", Outcome::Passed),
        ("sums", Outcome::Failed),
    ] {
        assert_eq!(outcome(&report, check), expected, "{check}: {}", table(&report));
    }
    assert!(
        report.verdict().starts_with("FAILED: first problem at position 12: key "),
        "{}",
        report.verdict()
    );
    assert!(report.verdict().contains("rebuild the views"), "{}", report.verdict());
}

/// Wherever a byte of the file changes, the answer is no crash; and where it is OK, the log is the same.
#[test]
fn no_damage_passes_for_another_log_or_brings_the_audit_down() {
    let scene = Scene::told();
    let path = scene.folder.ledger();
    let good = std::fs::read(&path).unwrap();
    let listing = scene.shown(&Filter::default(), Format::Jsonl);
    let written: Vec<_> = (0..good.len()).filter(|place| good[*place] != 0).collect();
    let (mut failed, mut passed) = (0, 0);
    for place in written.iter().step_by(written.len().div_ceil(1_000)) {
        let mut bad = good.clone();
        bad[*place] ^= 0x40;
        std::fs::write(&path, &bad).unwrap();
        let report = Audit::open(&scene.folder, Repair::Forbidden)
            .and_then(|audit| verify(&audit, Depth::Everything, NOW, None));
        if report.is_ok_and(|report| report.is_ok()) {
            assert_eq!(scene.shown(&Filter::default(), Format::Jsonl), listing, "byte {place}");
            passed += 1;
        } else {
            failed += 1;
        }
    }
    // Pages that are in use no more may change unseen.
    assert!(failed > 30 && passed > 0, "{failed} failed, {passed} passed");
}

/// One bit of every event there is, in every copy of it that the file holds: where the log lies, it is told with
/// its position, or that of the event after it, which names its hash; and its page is told, too.
#[test]
fn a_flipped_bit_of_any_event_is_told_with_its_position() {
    let scene = Scene::told();
    let path = scene.folder.ledger();
    let good = std::fs::read(&path).unwrap();
    let mut told = BTreeSet::new();
    let places = good.windows(4).enumerate().filter(|(_, bytes)| **bytes == envelope::MAGIC);
    for (place, _) in places {
        let Ok((one, _)) = envelope::split_first(&good[place..]) else { continue };
        let position = envelope::decode(one).unwrap().recorded.position;
        let bit = (place * 31) % (one.len() * 8);
        let mut bad = good.clone();
        bad[place + bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &bad).unwrap();
        let report = verified(&scene);
        let verdict = report.verdict();
        let Some(first) = report.problems.iter().filter_map(|problem| problem.position).min() else {
            // An older copy, in a page of which nothing is left.
            assert!(report.is_ok(), "position {position}: {verdict}");
            continue;
        };
        assert!([position, position.next()].contains(&first), "position {position}: {verdict}");
        assert_eq!(outcome(&report, "chain"), Outcome::Failed, "position {position}: {verdict}");
        let quick = verify(&scene.audit(), Depth::Log, NOW, None).unwrap();
        let found = quick.problems.iter().filter_map(|problem| problem.position).min();
        assert_eq!(found, Some(first), "position {position}: {}", quick.verdict());
        let page = report.problems.iter().find(|problem| problem.check == "pages").unwrap();
        assert!(page.what.contains("table \"log\": the page at byte"), "{}", page.what);
        told.insert(position.number());
    }
    assert_eq!(told, (1..=21).collect(), "the live copy of each must be among those flipped");
}

/// Where the database walks into nonsense it panics; the audit goes on and says so.
#[test]
fn pages_that_the_database_cannot_walk_are_told() {
    let scene = Scene::told();
    let path = scene.folder.ledger();
    let good = std::fs::read(&path).unwrap();
    let mut told = 0;
    for page in (4096..good.len()).step_by(4096).filter(|page| good[*page] != 0) {
        let mut bad = good.clone();
        bad[page] ^= 0x40;
        std::fs::write(&path, &bad).unwrap();
        match Audit::open(&scene.folder, Repair::Forbidden)
            .and_then(|audit| verify(&audit, Depth::Everything, NOW, None))
        {
            Ok(report) => told += usize::from(report.verdict().contains("pages are damaged")),
            Err(error) => told += usize::from(matches!(error, ReplayError::Pages { .. })),
        }
    }
    assert!(told > 0);
}

#[test]
fn events_about_nothing_and_ids_used_twice_are_told_and_end_nothing() {
    let mut scene = Scene::empty();
    scene.tell();
    scene.append(70, ada(), Way::Cli, vec![Event::KeyDisabled { key: id(0x99) }]);
    let again = scene.ledger.as_ref().unwrap().snapshot().unwrap().event(Position::new(5)).unwrap().unwrap();
    scene.append(71, ada(), Way::Cli, vec![again.event]);
    scene.close();
    let report = verified(&scene);
    let found: Vec<_> =
        report.problems.iter().map(|problem| (problem.position.unwrap().number(), &*problem.what)).collect();
    assert_eq!(
        found,
        [
            (22, "KeyDisabled of something that the log did not introduce"),
            (23, "KeyCreated with an id that was used before"),
        ]
    );
    assert_eq!(outcome(&report, "chain"), Outcome::Passed);
    assert_eq!(outcome(&report, "sums"), Outcome::NotDone);
    assert_eq!(
        report.verdict(),
        "FAILED: first problem at position 22: KeyDisabled of something that the log did not introduce"
    );
}

#[test]
fn a_guard_that_saw_more_tells_of_a_rollback() {
    let mut scene = Scene::empty();
    scene.tell();
    let seen = Guard::of(&scene.ledger.as_ref().unwrap().snapshot().unwrap());
    Guard { position: seen.position.next(), ..seen }.write(&scene.folder.guard()).unwrap();
    scene.close();
    let report = verified(&scene);
    assert_eq!(outcome(&report, "guard"), Outcome::Failed);
    let verdict = report.verdict();
    assert!(
        verdict.starts_with("FAILED: first problem at position 22: the ledger was rolled back"),
        "{verdict}"
    );

    std::fs::write(scene.folder.guard(), "no guard").unwrap();
    assert_eq!(outcome(&verified(&scene), "guard"), Outcome::Failed);
}

/// The server may commit and sign while an audit begins.
#[test]
fn a_checkpoint_that_is_signed_meanwhile_is_no_alarm() {
    let mut scene = Scene::empty();
    scene.tell();
    scene.write_guard();
    let (kept, aside) = (scene.folder.checkpoint(), scene.folder.root().join("aside"));
    let audit = scene.audit();
    // Whoever reads a pipe waits for what is written to it.
    std::fs::remove_file(&kept).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&kept).status().unwrap().success());
    let report = std::thread::scope(|scope| {
        let verified = scope.spawn(|| verify(&audit, Depth::Log, NOW, None).unwrap());
        let mut pipe = std::fs::File::options().write(true).open(&kept).unwrap();
        scene.append(60, ada(), Way::Cli, vec![Event::KeyEnabled { key: ADAS }]);
        let folder = store::DataFolder::at(&aside);
        scene.keep_checkpoint_in(&folder, &scene.checkpoint());
        std::io::Write::write_all(&mut pipe, &std::fs::read(folder.checkpoint()).unwrap()).unwrap();
        drop(pipe);
        verified.join().unwrap()
    });
    assert!(report.is_ok(), "{}", table(&report));
    assert_eq!(outcome(&report, "checkpoints"), Outcome::Passed);
    scene.close();
}

/// It is not the log that is wrong then; but nobody can say that all is well.
#[test]
fn a_checkpoint_that_was_changed_or_damaged_is_named() {
    let mut scene = Scene::empty();
    scene.tell();
    scene.write_guard();
    scene.close();
    let path = scene.folder.checkpoint();
    let good = std::fs::read(&path).unwrap();
    let key = NoteKey { public: scene.note_key(), wrapped: vec![0; 72] };
    create_note_key(&scene.folder, &key).unwrap();
    assert_eq!(outcome(&verified(&scene), "checkpoints"), Outcome::Passed);
    let text = String::from_utf8(good.clone()).unwrap();
    let unreadable = "is not one that the server wrote";
    let unsigned = "is not signed by the key in secrets/note.key";
    let byte = [&good[..5], b"\xff", &good[6..]].concat();
    for (bad, why) in [
        (b"no note".to_vec(), unreadable),
        (byte, unreadable),
        (text.replace("\n21\n", "\n20\n").into_bytes(), unsigned),
        (text.replace("keys.example.com", "keys.example.org").into_bytes(), unsigned),
    ] {
        std::fs::write(&path, bad).unwrap();
        for depth in [Depth::Log, Depth::Everything] {
            let report = verify(&scene.audit(), depth, NOW, None).unwrap();
            let told: Vec<_> = report.problems.iter().map(|problem| (problem.check, &problem.what)).collect();
            assert!(matches!(told[..], [("checkpoints", what)] if what.contains(why)), "{}", table(&report));
            assert_eq!(outcome(&report, "checkpoints"), Outcome::Failed);
        }
    }
    // Of a folder without the key nobody can tell who signed.
    std::fs::remove_file(scene.folder.note_key()).unwrap();
    std::fs::write(&path, good).unwrap();
    assert!(verified(&scene).is_ok());
}

/// The next commit would build on them, or stop at them.
#[test]
fn hashes_that_no_event_gave_the_tree_are_told() {
    let scene = Scene::told();
    let database = redb::Database::open(scene.folder.ledger()).unwrap();
    let txn = database.begin_write().unwrap();
    let mut tree = txn.open_table(redb::TableDefinition::<&[u8], &[u8]>::new("tree")).unwrap();
    tree.insert([&[255][..], &9_u64.to_be_bytes()].concat().as_slice(), [7; 40].as_slice()).unwrap();
    drop(tree);
    txn.commit().unwrap();
    drop(database);
    for depth in [Depth::Log, Depth::Everything] {
        let report = verify(&scene.audit(), depth, NOW, None).unwrap();
        assert_eq!(outcome(&report, "tree"), Outcome::Failed, "{}", table(&report));
        assert!(report.verdict().contains("more hashes than the log gives it"), "{}", report.verdict());
    }
}

#[test]
fn a_table_for_people_holds_nothing_that_a_terminal_would_obey() {
    let mut scene = Scene::empty();
    scene.tell();
    scene.close();
    let guard = scene.folder.root().join("\u{1b}[2Jguard\nOK: all is well");
    std::fs::write(&guard, "no guard").unwrap();
    let folder = store::DataFolder::at(scene.folder.root()).with_guard(Some(guard));
    let report = verify(&Audit::open(&folder, Repair::Forbidden).unwrap(), Depth::Log, NOW, None).unwrap();
    let table = table(&report);
    assert!(table.contains("\\u{1b}[2Jguard\\u{a}OK"), "{table}");
    assert!(table.chars().all(|c| c == '\n' || !c.is_control()), "{table}");
}
