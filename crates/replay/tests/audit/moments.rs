//! Moments: the state as of each, and those that there are not.

use std::collections::{BTreeMap, BTreeSet};

use domain::key::{Owner, Reach};
use domain::role::{Role, Scopes};
use domain::row::RowId;
use domain::sealed::Subject;
use domain::status::{Bearer, admit};
use domain::time::{Position, Timestamp};
use domain::{Model, Recorded};
use keyledger_replay::{
    AsOf, AsOfError, DiffFilter, Ended, Filter, Format, Names, Past, Repair, ReplayError, RowFilter, Shown,
    Source, Wait, diff, export, follow, show, state, timeline,
};
use serde_json::Value;

use crate::scene::{
    ACME, ADA, BEGIN, BOB, BOBS, ETL, ETLS, OTHER, Scene, ada, id, key_created, name, tenant_created,
};
use domain::actor::Way;
use domain::event::Event;

fn at(position: u64) -> AsOf {
    AsOf::Position(Position::new(position))
}

fn second(seconds: u64) -> AsOf {
    AsOf::Instant(BEGIN.plus_seconds(seconds))
}

fn late() -> Timestamp {
    BEGIN.plus_seconds(1_000)
}

#[track_caller]
fn refused(source: &Source, as_of: AsOf) -> AsOfError {
    match source.past(as_of, late(), &mut |_, _| {}).map(drop) {
        Err(ReplayError::AsOf(error)) => error,
        other => panic!("{as_of:?}: {other:?}"),
    }
}

#[test]
fn a_moment_that_there_is_not_is_an_error_and_not_now() {
    let scene = Scene::told();
    let source = scene.source();
    let before = AsOf::Instant(Timestamp::from_unix_ms(BEGIN.unix_ms() - 1).unwrap());
    for none in [at(0), before] {
        assert_eq!(refused(&source, none), AsOfError::BeforeFirstEvent);
    }
    assert_eq!(refused(&source, at(22)), AsOfError::BeyondHead { head: Position::new(21) });
    assert_eq!(refused(&source, second(1_001)), AsOfError::InFuture);
    // A folder has all that happened until now; a copy does not know what came after it.
    assert!(source.past(second(999), late(), &mut |_, _| {}).is_ok());
    let mut out = vec![];
    export(&source, &mut out, &mut |_, _| {}).unwrap();
    let path = scene.folder.root().join("log.jsonl");
    std::fs::write(&path, out).unwrap();
    let copy = Source::open(&path, Repair::Forbidden).unwrap();
    assert_eq!(refused(&copy, second(999)), AsOfError::BeyondHead { head: Position::new(21) });
    assert!(copy.past(second(14), late(), &mut |_, _| {}).is_ok());
}

#[test]
fn a_window_does_not_run_backwards() {
    let scene = Scene::told();
    let source = scene.source();
    let window = |from, to| source.window(from, to, late(), &mut |_, _| {}).map(|window| window.events);
    assert_eq!(window(at(3), at(3)).unwrap(), 0);
    assert_eq!(window(at(3), second(2)).unwrap(), 5);
    assert_eq!(window(second(20), second(30)).unwrap(), 0);
    for (from, to) in [(at(4), at(3)), (second(2), at(3)), (second(30), second(20))] {
        let error = window(from, to).unwrap_err();
        assert!(matches!(error, ReplayError::AsOf(AsOfError::Backwards)), "{error}");
    }
}

#[test]
fn an_instant_takes_in_what_was_recorded_then() {
    let scene = Scene::told();
    let source = scene.source();
    let basis = |as_of| source.past(as_of, late(), &mut |_, _| {}).unwrap().basis;
    assert_eq!(basis(second(0)).position, Position::new(6));
    assert_eq!(basis(second(6)).position, Position::new(13));
    assert_eq!(basis(second(900)).position, Position::new(21));
    assert_eq!(basis(second(900)).instant, BEGIN.plus_seconds(900));
    assert_eq!(basis(at(12)).instant, BEGIN.plus_seconds(6));
}

fn rows(source: &Source, as_of: AsOf, filter: RowFilter) -> Vec<Value> {
    let past = source.past(as_of, BEGIN.plus_seconds(10_000_000), &mut |_, _| {}).unwrap();
    let mut out = vec![];
    state(&past, &Names::sealed(), filter, Format::Json, &mut out).unwrap();
    let json: Value = serde_json::from_slice(&out).unwrap();
    json["rows"].as_array().unwrap().clone()
}

#[test]
fn the_lines_of_a_state_and_of_a_difference() {
    let scene = Scene::told();
    let (source, names) = (scene.source(), Names::read(&scene.folder));
    let past = source.past(at(21), late(), &mut |_, _| {}).unwrap();
    let mut out = vec![];
    state(&past, &names, RowFilter::default(), Format::Jsonl, &mut out).unwrap();
    insta::assert_snapshot!("state", String::from_utf8(out).unwrap());
    let window = source.window(at(11), at(21), late(), &mut |_, _| {}).unwrap();
    let mut out = vec![];
    diff(&window, &names, DiffFilter::default(), Format::Jsonl, &mut out).unwrap();
    insta::assert_snapshot!("difference", String::from_utf8(out).unwrap());
}

fn status(source: &Source, as_of: AsOf, key: &str) -> String {
    let rows = rows(source, as_of, RowFilter::default());
    let row = rows.iter().find(|row| row["id"] == key).unwrap_or(&Value::Null);
    row["status"].as_str().unwrap_or("not there").to_owned()
}

#[test]
fn what_ends_by_itself_is_judged_at_the_moment() {
    let scene = Scene::told();
    let source = scene.source();
    let (bobs, etls) = (BOBS.to_string(), ETLS.to_string());
    assert_eq!(status(&source, at(10), &bobs), "not there");
    assert_eq!(status(&source, at(11), &bobs), "accepted");
    assert_eq!(status(&source, at(16), &bobs), "KEY_DISABLED");
    assert_eq!(status(&source, at(17), &bobs), "KEY_REVOKED");
    assert_eq!(status(&source, at(21), &etls), "accepted", "its grace is not over");
    assert_eq!(status(&source, second(3_599), &etls), "accepted");
    assert_eq!(status(&source, second(3_600), &etls), "KEY_ROTATED", "at the very instant");
    let adas = crate::scene::ADAS.to_string();
    assert_eq!(status(&source, second(7_775_999), &adas), "accepted");
    assert_eq!(status(&source, second(7_776_000), &adas), "KEY_EXPIRED");
}

#[test]
fn the_rows_of_a_tenant_and_the_living_ones_are_fewer() {
    let scene = Scene::told();
    let source = scene.source();
    let all = rows(&source, at(21), RowFilter::default());
    let living = rows(&source, at(21), RowFilter { ended: Ended::Left, tenant: None });
    let kinds =
        |rows: &[Value]| rows.iter().map(|row| row["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert!(all.len() > living.len() && !living.is_empty());
    assert!(living.iter().all(|row| row["status"] != "removed" && row["status"] != "KEY_REVOKED"));
    let other = rows(&source, at(21), RowFilter { tenant: Some(OTHER), ..RowFilter::default() });
    assert_eq!(kinds(&other), ["tenant"]);
    let acme = rows(&source, at(21), RowFilter { tenant: Some(ACME), ..RowFilter::default() });
    assert!(
        acme.iter().any(|row| row["kind"] == "key") && acme.iter().all(|row| row["id"] != OTHER.to_string())
    );
}

/// Whoever asks who has access is told of nobody whose access has ended with something else.
#[test]
fn members_and_machines_stand_as_what_they_rest_on() {
    let mut scene = Scene::empty();
    scene.tell();
    let after = [
        Event::UserSuspended { user: BOB },
        Event::UserResumed { user: BOB },
        Event::UserRemoved { user: BOB },
        Event::TenantSuspended { tenant: ACME },
        Event::TenantRemoved { tenant: ACME },
    ];
    for (second, event) in (50..).zip(after) {
        scene.append(second, ada(), Way::Cli, vec![event]);
    }
    scene.close();
    let source = scene.source();
    let last = source.head().position.number();
    let stand = |position: u64| {
        let rows = rows(&source, at(position), RowFilter::default());
        let of = |kind: &str, id: String| {
            let row = rows.iter().find(|row| row["kind"] == kind && row["id"] == id);
            row.map_or("not there".to_owned(), |row| row["status"].as_str().unwrap().to_owned())
        };
        let of =
            [("member", BOB.to_string()), ("member", ADA.to_string()), ("service_account", ETL.to_string())]
                .map(|(kind, id)| of(kind, id));
        (of[0].clone(), of[1].clone(), of[2].clone())
    };
    let stood = |bob: &str, ada: &str, etl: &str| (bob.to_owned(), ada.to_owned(), etl.to_owned());
    assert_eq!(stand(last - 4), stood("suspended", "living", "living"));
    assert_eq!(stand(last - 3), stood("living", "living", "living"));
    assert_eq!(stand(last - 2), stood("removed", "living", "living"));
    assert_eq!(stand(last - 1), stood("removed", "suspended", "suspended"));
    assert_eq!(stand(last), stood("removed", "removed", "removed"));
    let living = rows(&source, at(last), RowFilter { ended: Ended::Left, tenant: Some(ACME) });
    let kinds: BTreeSet<_> = living.iter().map(|row| row["kind"].as_str().unwrap()).collect();
    // People are in no tenant by themselves, and Ada operates the deployment with her key.
    assert_eq!(kinds, BTreeSet::from(["key", "tokens", "user"]));
}

/// Whoever asks for a tenant gets what they would find among the rows of all.
#[test]
fn the_rows_of_a_tenant_are_those_of_all_that_concern_it_at_every_position() {
    let scene = Scene::told();
    let source = scene.source();
    for (position, tenant) in (1..=21).flat_map(|position| [(position, ACME), (position, OTHER)]) {
        let filter = RowFilter { tenant: Some(tenant), ..RowFilter::default() };
        let listed = |past: &Past<'_>| {
            let mut out = vec![];
            state(past, &Names::sealed(), filter, Format::Jsonl, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let all = source.past(at(position), late(), &mut |_, _| {}).unwrap();
        let own = source.past_of(Some(tenant), at(position), late(), &mut |_, _| {}).unwrap();
        assert_eq!(listed(&own), listed(&all), "of {tenant} as of {position}");
        let mut named = 0;
        own.each_row(|row| {
            named += u32::from(!matches!(row, RowId::Watermark(_)));
            Ok::<_, ReplayError>(())
        })
        .unwrap();
        assert!(tenant == ACME || named == 1, "of {tenant} as of {position}: {named} rows are named");
    }
}

/// Who stops at an instant must not stop at an event whose instant was changed in the file: the next event tells.
#[test]
fn a_flipped_bit_of_an_instant_gives_no_other_past() {
    let scene = Scene::told();
    let path = scene.folder.ledger();
    let whole = std::fs::read(&path).unwrap();
    let answer = |instant: Timestamp| -> Result<Vec<u8>, ReplayError> {
        let (source, mut out) = (Source::open_with_rows(scene.folder.root(), Repair::Forbidden)?, vec![]);
        let past = source.past(AsOf::Instant(instant), late(), &mut |_, _| {})?;
        state(&past, &Names::sealed(), RowFilter::default(), Format::Jsonl, &mut out)?;
        let before = Filter { until: Some(instant), ..Filter::default() };
        show(&source, &Names::sealed(), &before, Format::Jsonl, &mut out)?;
        Ok(out)
    };
    // After the magic bytes, three numbers and the position.
    let places = whole.windows(4).enumerate().filter(|(_, bytes)| *bytes == b"KLEV").map(|(at, _)| at + 18);
    let (mut refused, mut other) = (0, vec![]);
    for (place, bit) in places.flat_map(|place| [8, 10, 13, 40].map(|bit| (place, bit))) {
        let recorded_at = i64::from_le_bytes(*whole[place..].first_chunk().unwrap());
        let (at, before) = (recorded_at, recorded_at - 1);
        for instant in [at, before].map(|ms| Timestamp::from_unix_ms(ms).unwrap()) {
            std::fs::write(&path, &whole).unwrap();
            let Ok(expected) = answer(instant) else { continue };
            let mut flipped = whole.clone();
            flipped[place + bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, flipped).unwrap();
            match answer(instant) {
                Ok(found) if found == expected => {}
                Ok(_) => other.push((place, bit, instant)),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(other.is_empty(), "{} other pasts: {other:?}", other.len());
    assert!(refused > 50, "{refused} flips mattered");
}

fn log(source: &Source) -> Vec<Recorded> {
    let mut log = vec![];
    let read = source.scan(|scanned| {
        log.push(scanned.recorded);
        Ok::<_, ReplayError>(())
    });
    read.map(|()| log).unwrap()
}

#[test]
fn every_position_of_the_log_gives_the_rows_that_folding_it_gives() {
    let scene = Scene::told();
    let source = scene.source();
    let log = log(&source);
    for (index, last) in log.iter().enumerate() {
        let model = Model::fold(&log[..=index]);
        let past = source.past(AsOf::Position(last.position), late(), &mut |_, _| {}).unwrap();
        let mut found = BTreeMap::new();
        past.each_row(|row| {
            if let Some(change) = row.read(&past.rows())? {
                found.insert(row, change);
            }
            Ok::<_, ReplayError>(())
        })
        .unwrap();
        for row in model.row_ids() {
            let Ok(expected) = row.read(&model);
            let derived = matches!(row, RowId::UniqueName(_));
            assert!(derived || found.remove(&row) == expected, "{row:?} as of position {}", last.position);
        }
        assert!(found.is_empty(), "more as of position {}: {found:?}", last.position);
    }
}

#[test]
fn every_key_stands_as_the_rules_say_that_it_does() {
    let mut scene = Scene::empty();
    scene.tell();
    // A key of each owner in each tenant, so that what one rests on is never what the one before rested on.
    let (lab, bot, bob) = (id(0x33), id(0x44), Owner::User(BOB));
    let made = |key, owner, tenant| key_created(id(key), owner, Reach::Tenant(tenant), "k", Scopes::All);
    let member = |tenant, user| Event::MemberAdded { tenant, user, role: Role::Member };
    let account = name(Subject::ServiceAccount(bot), "bot");
    let events = [
        Event::UserResumed { user: BOB },
        tenant_created(lab, "lab"),
        member(lab, BOB),
        member(lab, ADA),
        Event::ServiceAccountCreated { service_account: bot, tenant: lab, name: account, role: Role::Runner },
        made(0x51, bob, ACME),
        made(0x52, bob, lab),
        made(0x53, bob, ACME),
        made(0x54, Owner::User(ADA), lab),
        made(0x55, Owner::ServiceAccount(bot), lab),
        Event::TenantSuspended { tenant: lab },
        Event::MemberRemoved { tenant: ACME, user: BOB },
        Event::TenantResumed { tenant: lab },
        Event::ServiceAccountRemoved { service_account: bot },
        member(ACME, BOB),
        Event::UserSuspended { user: ADA },
        Event::TenantRemoved { tenant: lab },
        Event::UserRemoved { user: BOB },
    ];
    for (second, event) in (3_700..).zip(events) {
        scene.append(second, ada(), Way::Cli, vec![event]);
    }
    scene.close();
    let source = scene.source();
    let log = log(&source);
    let mut words = BTreeSet::new();
    for (index, last) in log.iter().enumerate() {
        let model = Model::fold(&log[..=index]);
        let keys = model.keys.values().map(|key| {
            let bearer = Bearer::key(key.owner, key.reach, key.created.position);
            let Ok(admitted) = admit(&model, &bearer, &key.life, None, last.recorded_at);
            (key.id.to_string(), admitted.map_or_else(|refusal| refusal.code(), |_| "accepted").to_owned())
        });
        let expected: BTreeMap<_, _> = keys.collect();
        let all = rows(&source, AsOf::Position(last.position), RowFilter::default());
        let text = |row: &Value, member: &str| row[member].as_str().unwrap().to_owned();
        let keys = all.iter().filter(|row| row["kind"] == "key");
        let found: BTreeMap<_, _> = keys.map(|row| (text(row, "id"), text(row, "status"))).collect();
        assert_eq!(found, expected, "as of position {}", last.position);
        words.extend(expected.into_values());
    }
    assert_eq!(words.len(), 9, "{words:?}");
}

#[test]
fn a_diff_of_a_tenant_leaves_others_out() {
    let scene = Scene::told();
    let source = scene.source();
    let window = source.window(at(6), at(21), late(), &mut |_, _| {}).unwrap();
    let count = |tenant| {
        let filter = DiffFilter { tenant, ..DiffFilter::default() };
        diff(&window, &Names::sealed(), filter, Format::Json, std::io::sink()).unwrap()
    };
    assert_eq!(count(Some(OTHER)), 1);
    assert!(count(Some(ACME)) > 1 && count(Some(ACME)) < count(None));
}

#[test]
fn a_key_that_nobody_made_has_no_life() {
    let scene = Scene::told();
    let told = timeline(
        &scene.source(),
        &Names::sealed(),
        id(0x99),
        late(),
        Format::Table,
        std::io::sink(),
        &mut |_, _| {},
    );
    assert!(matches!(told, Err(ReplayError::NoSuchKey { .. })));
}

#[test]
fn cascades_and_the_clock_are_told_in_the_life_of_a_key() {
    let mut scene = Scene::empty();
    scene.tell();
    scene.append(3_700, ada(), Way::Cli, vec![Event::TenantSuspended { tenant: ACME }]);
    scene.append(3_800, ada(), Way::Cli, vec![Event::TenantResumed { tenant: ACME }]);
    scene.append(3_900, ada(), Way::Cli, vec![Event::TenantSuspended { tenant: OTHER }]);
    scene.append(4_000, ada(), Way::Cli, vec![Event::TenantRemoved { tenant: ACME }]);
    scene.close();
    let mut out = vec![];
    let until = BEGIN.plus_seconds(9_000_000);
    timeline(
        &scene.source(),
        &Names::sealed(),
        crate::scene::ETLS_NEXT,
        until,
        Format::Jsonl,
        &mut out,
        &mut |_, _| {},
    )
    .unwrap();
    let told: Vec<_> = String::from_utf8(out)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| format!("{} {}", line["event"].as_str().unwrap(), line["status"].as_str().unwrap()))
        .collect();
    let expected = [
        "KeyCreated accepted",
        "KeyRotated accepted",
        "RollbackAccepted accepted",
        "TenantSuspended TENANT_SUSPENDED",
        "TenantResumed accepted",
        "TenantRemoved TENANT_REMOVED",
        "KeyExpired TENANT_REMOVED",
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_is_appended_is_followed() {
    let scene = Scene::empty();
    scene.tell();
    let audit = scene.audit();
    let head = audit.snapshot().unwrap().head();
    let (mut out, mut turns) = (vec![], 0);
    let suspend =
        |second| scene.append(second, ada(), Way::Cli, vec![Event::TenantSuspended { tenant: ACME }]);
    follow(&audit, head, &Shown::default(), &Filter::default(), Format::Jsonl, &mut out, || {
        turns += 1;
        match turns {
            1 => suspend(100),
            2 => {}
            3 => {
                suspend(101);
                suspend(102);
            }
            _ => return Wait::Ended,
        }
        Wait::Over
    })
    .unwrap();
    let out = String::from_utf8(out).unwrap();
    let position =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()["position"].as_str().unwrap().to_owned();
    assert_eq!(out.lines().map(position).collect::<Vec<_>>(), ["22", "23", "24"]);
}

#[test]
fn views_that_were_built_anew_are_compared_byte_by_byte() {
    let scene = Scene::told();
    let scratch = tempfile::tempdir().unwrap();
    let left = || std::fs::read_dir(scratch.path()).unwrap().count();
    let mut told = 0;
    let mut tell = |_, _| {
        told += 1;
        assert_eq!(left(), 0, "whoever is killed now leaves nothing");
    };
    let compared = keyledger_replay::rebuild::check(&scene.folder, scratch.path(), &mut tell).unwrap();
    assert!(told > 0);
    assert_eq!(compared.divergence(), None);
    let nowhere = scratch.path().join("nowhere");
    assert!(keyledger_replay::rebuild::check(&scene.folder, &nowhere, &mut |_, _| {}).is_err());
    assert!(!nowhere.exists());
    assert!(compared.table().lines().last().unwrap().starts_with("OK: "), "{}", compared.table());
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "nothing is left");

    // Last four, in the row of each key, and nowhere else in the views.
    scene.damage_views(b"wxyz");
    let compared = keyledger_replay::rebuild::check(&scene.folder, scratch.path(), &mut |_, _| {}).unwrap();
    let first = compared.divergence().expect("a row is another");
    let row = format!("key {} at position 5", crate::scene::ADAS);
    assert_eq!(
        first,
        format!("the table views at {row}: the live row says something else than the log amounts to")
    );
    assert!(compared.json().contains("\"ok\":false"), "{}", compared.json());
}
