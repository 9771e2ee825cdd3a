//! The golden records: the bytes of every event type and version, as they were first written.

#[path = "common/fixtures.rs"]
mod fixtures;

use std::collections::BTreeSet;

use domain::actor::{ActorId, Way};
use domain::event::Event;
use domain::key::RevocationReason;
use domain::role::Role;
use keyledger_store::codec::event_type::EventType;
use keyledger_store::envelope::{self, Envelope};

use fixtures::Fixture;

/// With `UPDATE_FIXTURES=1`, writes the files that are missing. It never changes one that exists.
#[test]
fn every_record_is_encoded_as_on_the_first_day() {
    let update = std::env::var_os("UPDATE_FIXTURES").is_some_and(|value| value == "1");
    for fixture in fixtures::all() {
        let path = fixtures::directory().join(&fixture.file);
        if update && !path.exists() {
            let lines: Vec<String> = encoded(&fixture).chunks(32).map(hex).collect();
            std::fs::create_dir_all(fixtures::directory()).unwrap();
            std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        }
        assert_eq!(hex(&encoded(&fixture)), hex(&fixture.stored()), "{}", fixture.file);
    }
}

#[test]
fn every_record_is_decoded_to_what_it_meant_on_the_first_day() {
    for fixture in fixtures::all() {
        assert_eq!(envelope::decode(&fixture.stored()), Ok(fixture.envelope), "{}", fixture.file);
    }
}

#[test]
fn every_event_type_and_version_has_a_record() {
    let files = files();
    for event_type in EventType::ALL {
        for version in 1..=event_type.version() {
            let file = format!("{}-{event_type}.v{version}.hex", event_type.tag());
            assert!(files.contains(&file), "{file} is missing");
        }
    }
}

#[test]
fn no_record_is_left_unread_and_none_has_two_meanings() {
    let known: Vec<String> = fixtures::all().into_iter().map(|fixture| fixture.file).collect();
    let distinct: BTreeSet<String> = known.iter().cloned().collect();
    assert_eq!(distinct.len(), known.len());
    assert_eq!(files(), distinct);
}

#[test]
fn the_records_hold_every_code_of_the_small_tables() {
    let (mut ways, mut roles, mut reasons) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let (mut console, mut holder) = (false, false);
    for fixture in fixtures::all() {
        let recorded = fixture.envelope.recorded;
        ways.insert(recorded.metadata.way);
        console |= recorded.metadata.actor == ActorId::Console;
        holder |= matches!(recorded.metadata.actor, ActorId::Holder { .. });
        if let Event::MemberAdded { role, .. }
        | Event::MemberRoleChanged { role, .. }
        | Event::ServiceAccountCreated { role, .. }
        | Event::ServiceAccountRoleChanged { role, .. } = recorded.event
        {
            roles.insert(role);
        }
        if let Event::KeyRevoked { reason, .. } = recorded.event {
            reasons.insert(reason.as_str());
        }
    }
    assert!(ways.iter().eq(BTreeSet::from(Way::ALL).iter()) && console && holder);
    assert!(roles.iter().eq(BTreeSet::from(Role::ALL).iter()));
    assert_eq!(reasons, RevocationReason::ALL.map(RevocationReason::as_str).into());
}

fn encoded(fixture: &Fixture) -> Vec<u8> {
    let Envelope { recorded, salt, previous } = &fixture.envelope;
    envelope::encode(recorded, *salt, *previous).expect("fixtures are small")
}

fn files() -> BTreeSet<String> {
    let entries =
        std::fs::read_dir(fixtures::directory()).expect("fixtures/records is part of the repository");
    entries.map(|entry| entry.expect("readable").file_name().into_string().expect("ASCII")).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
