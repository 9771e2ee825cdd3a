//! Exports and backups as sources: what proves them, and what is refused.

use std::fs;
use std::path::PathBuf;

use domain::time::Position;
use keyledger_replay::report::Outcome;
use keyledger_replay::verify::verify_file;
use keyledger_replay::{Depth, Filter, Format, Names, Repair, ReplayError, Source, export, import, show};
use store::envelope::{self, Envelope};
use store::{DataFolder, StoreError};

use crate::scene::{BEGIN, Scene};

fn exported(scene: &Scene) -> (PathBuf, Vec<u8>) {
    let mut out = vec![];
    export(&scene.source(), &mut out, &mut |_, _| {}).unwrap();
    let path = scene.folder.root().join("log.jsonl");
    fs::write(&path, &out).unwrap();
    (path, out)
}

/// Reads all of a file.
fn read(path: &std::path::Path) -> Result<u64, ReplayError> {
    let source = Source::open(path, Repair::Forbidden)?;
    let shown = show(&source, &Names::sealed(), &Filter::default(), Format::Jsonl, std::io::sink())?;
    Ok(shown.events)
}

#[test]
fn an_export_is_proved_and_says_what_was_not_done() {
    let (path, _) = exported(&Scene::told());
    let source = Source::open(&path, Repair::Forbidden);
    assert!(source.is_err(), "the scene is gone, and its folder with it");
    let scene = Scene::told();
    let (path, _) = exported(&scene);
    let source = Source::open(&path, Repair::Forbidden).unwrap();
    let report = verify_file(&source, &[], Depth::Everything, BEGIN, None).unwrap();
    assert!(report.is_ok(), "{}", report.verdict());
    assert_eq!(report.events, 21);
    let names: Vec<_> = report.checks.iter().map(|check| (check.name, check.outcome)).collect();
    let passed = |name| (name, Outcome::Passed);
    let checked = ["chain", "head", "instants", "causes", "encoding", "entities", "tree"].map(passed);
    assert_eq!(names, [&checked[..], &[("checkpoints", Outcome::NotDone)]].concat());
}

#[test]
fn an_export_that_is_cut_short_anywhere_is_refused() {
    let scene = Scene::told();
    let (path, whole) = exported(&scene);
    assert_eq!(read(&path).unwrap(), 21);
    for length in (0..whole.len()).step_by(97).chain([whole.len() - 1]) {
        fs::write(&path, &whole[..length]).unwrap();
        let error = read(&path).unwrap_err();
        assert!(matches!(error, ReplayError::Export { .. }), "{length} bytes: {error}");
    }
    let lines: Vec<_> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    for left in 0..lines.len() {
        fs::write(&path, lines[..left].concat()).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("no whole export"), "{left} lines");
    }
}

/// Whoever can write the log can chain anything; what an event says is looked at where everything is asked for.
#[test]
fn a_cause_that_is_not_before_its_effect_is_found_by_a_full_verification() {
    let scene = Scene::told();
    let (path, whole) = exported(&scene);
    let whole = String::from_utf8(whole).unwrap();
    let (_, digits) = whole.trim_end().rsplit_once(r#""envelope":""#).unwrap();
    let digits = digits.strip_suffix(r#""}"#).unwrap();
    let last = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap());
    let last: Vec<u8> = last.collect();
    let Envelope { mut recorded, salt, previous } = envelope::decode(&last).unwrap();
    let hash = |envelope: &[u8]| store::chain::hash(envelope).to_string();
    let mut verdicts = vec![];
    for cause in [recorded.position.number() - 1, recorded.position.number()] {
        recorded.metadata.cause = Some(Position::new(cause));
        let forged = envelope::encode(&recorded, salt, previous).unwrap();
        let forged_digits: String = forged.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = whole.replace(digits, &forged_digits).replace(&hash(&last), &hash(&forged));
        fs::write(&path, text).unwrap();
        let source = Source::open(&path, Repair::Forbidden).unwrap();
        for depth in [Depth::Log, Depth::Everything] {
            let report = verify_file(&source, &[], depth, BEGIN, None).unwrap();
            let found = report.problems.iter().map(|problem| (problem.check, problem.position));
            verdicts.push(found.collect::<Vec<_>>());
        }
    }
    assert_eq!(verdicts, [vec![], vec![], vec![], vec![("causes", Some(recorded.position))]]);
}

#[test]
fn a_changed_byte_of_an_export_is_found_wherever_it_is() {
    let scene = Scene::told();
    let (path, whole) = exported(&scene);
    for at in (0..whole.len()).step_by(13) {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        fs::write(&path, altered).unwrap();
        assert!(read(&path).is_err(), "byte {at}");
    }
}

#[test]
fn lines_that_are_left_out_swapped_repeated_or_added_are_found() {
    let scene = Scene::told();
    let (path, whole) = exported(&scene);
    let lines: Vec<_> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    for at in 1..lines.len() - 1 {
        let (mut without, mut swapped, mut twice) = (lines.clone(), lines.clone(), lines.clone());
        without.remove(at);
        swapped.swap(at, at + 1);
        twice.insert(at, lines[at]);
        for altered in [without, swapped, twice] {
            fs::write(&path, altered.concat()).unwrap();
            assert!(read(&path).is_err(), "line {at}");
        }
    }
    fs::write(&path, [whole.as_slice(), b"\n"].concat()).unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("something follows its last event"));
}

#[test]
fn a_file_that_is_no_log_is_refused_as_one() {
    let scene = Scene::told();
    let path = scene.folder.root().join("other");
    for contents in ["", "{}\n", "hello\n", "{\"keyledger_export\":0}\n", "\u{0}\u{1}", "[1]\n"] {
        fs::write(&path, contents).unwrap();
        let error = read(&path).unwrap_err();
        assert!(matches!(error, ReplayError::Export { .. }), "{contents:?}: {error}");
    }
    fs::write(&path, "{\"keyledger_export\":2}\n").unwrap();
    let newer = read(&path).unwrap_err();
    assert!(matches!(newer, ReplayError::Store(StoreError::Newer { found: 2, known: 1, .. })), "{newer}");
    assert!(newer.to_string().contains("is an export of version 2, and this software reads up to version 1"));
    let database = read(&scene.folder.ledger()).unwrap_err();
    assert!(matches!(database, ReplayError::Export { .. }), "{database}");
}

#[test]
fn an_imported_ledger_is_the_one_that_was_exported() {
    let scene = Scene::told();
    let (path, whole) = exported(&scene);
    let target = tempfile::tempdir().unwrap();
    let folder = DataFolder::at(target.path().join("copy"));
    let restored = import(&path, &folder, &mut |_, _, _| {}).unwrap();
    assert_eq!(restored.summary.head, scene.source().head());
    let copy = Source::open(folder.root(), Repair::Forbidden).unwrap();
    let mut out = vec![];
    export(&copy, &mut out, &mut |_, _| {}).unwrap();
    assert!(out == whole, "byte for byte the same");
    let report = keyledger_replay::verify(copy.audit().unwrap(), Depth::Everything, BEGIN, None).unwrap();
    assert!(report.is_ok(), "{}", report.verdict());

    let error = import(&path, &folder, &mut |_, _, _| {}).map(drop).unwrap_err();
    assert!(matches!(error, ReplayError::Store(StoreError::LedgerExists(_))), "{error}");
}

#[test]
fn a_bad_export_is_not_imported_and_leaves_nothing() {
    let scene = Scene::told();
    let (path, mut whole) = exported(&scene);
    whole.truncate(whole.len() - 5);
    fs::write(&path, whole).unwrap();
    let target = tempfile::tempdir().unwrap();
    let folder = DataFolder::at(target.path().join("copy"));
    assert!(import(&path, &folder, &mut |_, _, _| {}).is_err());
    assert!(!folder.root().exists());
}

#[test]
fn a_backup_is_proved_and_one_that_was_altered_is_not() {
    let scene = Scene::told();
    let path = scene.folder.root().join("backup");
    store::backup::write(scene.source().snapshot().unwrap(), &path, &mut |_, _, _| {}).unwrap();
    let source = Source::open(&path, Repair::Forbidden).unwrap();
    assert_eq!(source.head().position, Position::new(21));
    assert!(verify_file(&source, &[], Depth::Everything, BEGIN, None).unwrap().is_ok());
    let whole = fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(31) {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        fs::write(&path, altered).unwrap();
        let found = Source::open(&path, Repair::Forbidden)
            .map(|source| verify_file(&source, &[], Depth::Everything, BEGIN, None));
        assert!(!matches!(found, Ok(Ok(report)) if report.is_ok()), "byte {at}");
    }
}

/// The position that a verification of the file names first.
fn first_wrong(path: &std::path::Path) -> u64 {
    let source = Source::open(path, Repair::Forbidden).unwrap();
    let report = verify_file(&source, &[], Depth::Everything, BEGIN, None).unwrap();
    let position = report.problems[0].position.unwrap();
    assert!(report.verdict().contains(&format!("position {position}")), "{}", report.verdict());
    position.number()
}

/// As on the ledger itself, and not that of the run or the commit in which it lies.
#[test]
fn the_first_wrong_position_of_a_file_is_named() {
    let scene = Scene::told();
    let (path, whole) = exported(&scene);
    let lines: Vec<_> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    for position in 1..lines.len() {
        let mut altered: Vec<Vec<u8>> = lines.iter().map(|line| line.to_vec()).collect();
        let text = String::from_utf8(altered[position].clone()).unwrap();
        altered[position] = text.replacen("\"event\":\"", "\"event\":\"X", 1).into_bytes();
        fs::write(&path, altered.concat()).unwrap();
        assert_eq!(first_wrong(&path), position as u64, "another word");
        fs::write(&path, lines[..position].concat()).unwrap();
        assert_eq!(first_wrong(&path), position as u64, "cut short");
    }

    let path = scene.folder.root().join("backup");
    let source = scene.source();
    let snapshot = source.snapshot().unwrap();
    store::backup::write(snapshot, &path, &mut |_, _, _| {}).unwrap();
    let whole = fs::read(&path).unwrap();
    for position in 1..lines.len() as u64 {
        let envelope = snapshot.envelope(Position::new(position)).unwrap().unwrap();
        let begin = whole.windows(envelope.len()).position(|bytes| bytes == envelope).unwrap();
        let mut altered = whole.clone();
        altered[begin] ^= 1;
        fs::write(&path, &altered).unwrap();
        assert_eq!(first_wrong(&path), position, "no envelope any more");
        fs::write(&path, &whole[..begin + envelope.len() / 2]).unwrap();
        assert_eq!(first_wrong(&path), position, "cut short within it");
        // Its salt is bound by the next event's link, as on the ledger.
        let mut altered = whole.clone();
        altered[begin + envelope.len() - 1] ^= 1;
        fs::write(&path, &altered).unwrap();
        assert!([position, position + 1].contains(&first_wrong(&path)), "position {position}");
    }
}
