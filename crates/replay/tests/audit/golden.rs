//! A fixed history, as people read it: every listing is kept under `fixtures/history` and looked at when it changes.
//!
//! `UPDATE_FIXTURES=1` writes them. The export among them is only ever added to: what wrote it may be old.

use std::fs;
use std::path::PathBuf;

use domain::ids::KeyId;
use domain::time::Position;
use keyledger_replay::{
    AsOf, DiffFilter, Filter, Format, Names, Repair, RowFilter, Source, Which, diff, export, ocsf, show,
    state, stats, timeline,
};

use crate::scene::{BEGIN, BOBS, ETLS, Scene};

fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/history")).join(name)
}

#[track_caller]
fn golden(name: &str, found: &str) {
    let path = path(name);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, found).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == found,
        "{} is not what is listed now; UPDATE_FIXTURES=1 writes it:\n{found}",
        path.display()
    );
}

const NO_PROGRESS: fn(u64, u64) = |_, _| {};

fn exported(scene: &Scene) -> String {
    let mut out = vec![];
    export(&scene.source(), &mut out, &mut { NO_PROGRESS }).unwrap();
    String::from_utf8(out).unwrap()
}

/// The kept export, with the names of a data folder that has the same subjects' keys.
fn kept() -> (Source, Names, Scene) {
    let scene = Scene::told();
    let source = Source::open(&path("log.jsonl"), Repair::Forbidden).unwrap();
    (source, Names::read(&scene.folder), scene)
}

fn listed(source: &Source, names: &Names, what: &str, format: Format) -> String {
    let (mut out, now) = (vec![], BEGIN.plus_seconds(100));
    let at = |position| AsOf::Position(Position::new(position));
    let mut life = |key: KeyId| {
        let mut tell = NO_PROGRESS;
        timeline(source, names, key, source.head().recorded_at, format, &mut out, &mut tell).unwrap();
    };
    match what {
        "timeline of a revoked key" => life(BOBS),
        "timeline of a rotated key" => life(ETLS),
        "show" => drop(show(source, names, &Filter::default(), format, &mut out).unwrap()),
        "replay at 12" => {
            let past = source.past(at(12), now, &mut { NO_PROGRESS }).unwrap();
            state(&past, names, RowFilter::default(), format, &mut out).unwrap();
        }
        "replay at the end" => {
            let past = source.past(at(21), now, &mut { NO_PROGRESS }).unwrap();
            state(&past, names, RowFilter::default(), format, &mut out).unwrap();
        }
        "diff from 6 to the end" | "only increases" => {
            let window = source.window(at(6), at(21), now, &mut { NO_PROGRESS }).unwrap();
            let which = if what == "only increases" { Which::OnlyIncreases } else { Which::All };
            diff(&window, names, DiffFilter { which, tenant: None }, format, &mut out).unwrap();
        }
        "stats" => stats(source, &mut { NO_PROGRESS }).unwrap().write_table(&mut out).unwrap(),
        other => panic!("no listing is called {other}"),
    }
    String::from_utf8(out).unwrap()
}

const LISTINGS: [&str; 8] = [
    "show",
    "replay at 12",
    "replay at the end",
    "diff from 6 to the end",
    "only increases",
    "timeline of a revoked key",
    "timeline of a rotated key",
    "stats",
];

#[test]
fn the_export_is_the_one_that_is_kept() {
    golden("log.jsonl", &exported(&Scene::told()));
}

#[test]
fn the_listings_are_those_that_are_kept() {
    let (source, names, _scene) = kept();
    for what in LISTINGS {
        golden(&format!("{}.txt", what.replace(' ', "-")), &listed(&source, &names, what, Format::Table));
    }
}

#[test]
fn the_events_of_ocsf_are_those_that_are_kept() {
    let (source, ..) = kept();
    let mut out = vec![];
    ocsf(&source, &Names::sealed(), &mut out, &mut { NO_PROGRESS }).unwrap();
    golden("ocsf.jsonl", &String::from_utf8(out).unwrap());
}

#[test]
fn a_folder_a_backup_and_an_export_are_listed_alike_in_every_form() {
    let (export, names, scene) = kept();
    let folder = scene.source();
    let file = scene.folder.root().join("backup");
    store::backup::write(folder.snapshot().unwrap(), &file, &mut |_, _, _| {}).unwrap();
    let backup = Source::open(&file, Repair::Forbidden).unwrap();
    for what in LISTINGS {
        for format in [Format::Table, Format::Json, Format::Jsonl, Format::Csv] {
            let expected = sorted(listed(&folder, &names, what, format));
            assert_eq!(sorted(listed(&export, &names, what, format)), expected, "{what}, an export");
            assert_eq!(sorted(listed(&backup, &names, what, format)), expected, "{what}, a backup");
        }
    }
}

/// A folder lists keys owner by owner, a fold by id; a line is a line, wherever it stands.
fn sorted(text: String) -> Vec<String> {
    let mut lines: Vec<_> = text.lines().map(|line| line.trim_end_matches(',').to_owned()).collect();
    lines.sort_unstable();
    lines
}
