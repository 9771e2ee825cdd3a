//! What `show` lists, and what it leaves out.

use std::io::{self, ErrorKind, Write};

use domain::ids::{KeyId, TenantId};
use domain::time::Position;
use keyledger_replay::{ActorFilter, Filter, Format, Names, Shown, Unknown, parse_event_type, show};
use serde_json::Value;
use store::DataFolder;

use crate::scene::{ACME, ADA, ADAS, BOB, BOBS, ETL, ETLS, OTHER, Scene, id};

#[test]
fn the_table() {
    insta::assert_snapshot!(Scene::told().shown(&Filter::default(), Format::Table));
}

#[test]
fn the_lines_of_json() {
    insta::assert_snapshot!(Scene::told().shown(&Filter::default(), Format::Jsonl));
}

#[test]
fn the_array_holds_what_the_lines_hold() {
    let scene = Scene::told();
    let lines = scene.shown(&Filter::default(), Format::Jsonl);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let array: Vec<Value> = serde_json::from_str(&scene.shown(&Filter::default(), Format::Json)).unwrap();
    assert_eq!(array, lines);
    let none = Filter { limit: Some(0), ..Filter::default() };
    assert_eq!(scene.shown(&none, Format::Json), "[]\n");
    assert_eq!(scene.shown(&none, Format::Jsonl), "");
    assert_eq!(scene.shown(&none, Format::Table), "POSITION  TIME  EVENT  ACTOR  WAY  WHAT\n");
}

#[test]
fn without_the_secrets_every_text_stays_sealed() {
    let scene = Scene::told();
    let elsewhere = tempfile::tempdir().unwrap();
    let names = Names::read(&DataFolder::at(elsewhere.path()));
    assert!(names.missing().is_some());
    let mut out = vec![];
    show(&scene.source(), &names, &Filter::default(), Format::Table, &mut out).unwrap();
    let table = String::from_utf8(out).unwrap();
    assert!(table.contains("user [sealed]") && !table.contains("ada@"), "{table}");
}

#[track_caller]
fn check(filter: Filter, positions: &[u64]) {
    let lines = Scene::told().shown(&filter, Format::Jsonl);
    let position = |line: &str| {
        let json: Value = serde_json::from_str(line).unwrap();
        json["position"].as_str().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(lines.lines().map(position).collect::<Vec<_>>(), positions);
}

#[test]
fn by_position_and_limit() {
    let (from, to) = (Position::new(3), Some(Position::new(5)));
    check(Filter { from, to, ..Filter::default() }, &[3, 4, 5]);
    check(Filter { from, limit: Some(2), ..Filter::default() }, &[3, 4]);
    check(Filter { from: Position::new(1000), ..Filter::default() }, &[]);
}

#[test]
fn by_type() {
    let types = vec![parse_event_type("KeyRevoked").unwrap(), parse_event_type("tenantremoved").unwrap()];
    check(Filter { types, ..Filter::default() }, &[15, 17]);
}

#[test]
fn by_key() {
    check(Filter { key: Some(ETLS), ..Filter::default() }, &[10, 13, 18]);
    check(Filter { key: Some(BOBS), ..Filter::default() }, &[11, 16, 17]);
}

#[test]
fn by_tenant_with_its_accounts_keys_and_members() {
    check(Filter { tenant: Some(OTHER), ..Filter::default() }, &[14, 15]);
    let acme = [1, 4, 5, 8, 9, 10, 11, 12, 13, 16, 17, 18, 20];
    check(Filter { tenant: Some(ACME), ..Filter::default() }, &acme);
}

#[test]
fn by_actor() {
    let by = |actor| Filter { actor: Some(actor), ..Filter::default() };
    check(by(ActorFilter::Server), &[19]);
    check(by(ActorFilter::Console), &[1, 2, 3, 4, 5, 6, 21]);
    check(by(ActorFilter::Id(ETLS.bytes())), &[12, 13]);
    let adas = [7, 8, 9, 10, 11, 14, 15, 16, 17, 18, 20];
    check(by(ActorFilter::Id(ADAS.bytes())), &adas);
    check(by(ActorFilter::parse(&ADA.to_string()).unwrap()), &adas);
}

/// What nobody knows is told, however the filter ends otherwise; what exists and is left out by the rest of it is not.
#[test]
fn an_id_that_the_log_does_not_know_is_no_empty_listing() {
    let (scene, tenant) = (Scene::told(), id(0x99));
    let (stranger, end) = (TenantId::bytes(&tenant), Some(Position::new(3)));
    let look = |filter: Filter| {
        let mut out = vec![];
        let shown = show(&scene.source(), &Names::sealed(), &filter, Format::Table, &mut out).unwrap();
        assert_eq!(shown.unknown.is_some(), out.is_empty(), "headings are for what is there");
        (shown.events, shown.unknown)
    };
    let by = |id| Some(ActorFilter::Id(id));
    let none = Filter::default;
    let key = Unknown::Key(KeyId::from_bytes(stranger));
    assert_eq!(look(Filter { key: Some(KeyId::from_bytes(stranger)), ..none() }), (0, Some(key)));
    assert_eq!(look(Filter { tenant: Some(tenant), to: end, ..none() }), (0, Some(Unknown::Tenant(tenant))));
    assert_eq!(look(Filter { actor: by(stranger), ..none() }), (0, Some(Unknown::Actor(stranger))));
    assert_eq!(look(Filter { actor: by(ACME.bytes()), ..none() }).1, Some(Unknown::Actor(ACME.bytes())));

    // Made later than what is listed; and of whom nothing is to be told.
    assert_eq!(look(Filter { key: Some(ETLS), to: end, ..none() }), (0, None));
    assert_eq!(look(Filter { tenant: Some(OTHER), limit: Some(0), ..none() }), (0, None));
    for id in [BOB.bytes(), BOBS.bytes(), ETL.bytes()] {
        assert_eq!(look(Filter { actor: by(id), to: end, ..none() }), (0, None));
    }
}

/// Takes so many bytes, then fails.
struct Pipe(usize, ErrorKind);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::Error::from(self.1))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_has_enough_is_no_error_and_a_full_disk_is() {
    let scene = Scene::told();
    let source = scene.source();
    for format in [Format::Table, Format::Json, Format::Jsonl] {
        let to = |pipe| show(&source, &Names::sealed(), &Filter::default(), format, pipe);
        assert!(to(Pipe(100, ErrorKind::BrokenPipe)).is_ok(), "{format:?}");
        assert!(to(Pipe(100, ErrorKind::StorageFull)).is_err(), "{format:?}");
        assert_eq!(to(Pipe(1 << 20, ErrorKind::BrokenPipe)).unwrap(), Shown { events: 21, unknown: None });
    }
}
