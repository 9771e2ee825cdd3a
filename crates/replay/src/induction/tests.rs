//! The log of one ledger beside the views of another: whatever differs between them is told, and as what.

use domain::actor::{ActorId, Idempotency, IdempotencyKey, Way};
use domain::event::{Event, KeyCreated, TenantPolicy, TokenTarget};
use domain::ids::{Id, KeyId, LedgerId, ServiceAccountId, TenantId, UserId};
use domain::key::{DigestScheme, KeyDigest, KeyPrefix, LastFour, Owner, Reach, RevocationReason};
use domain::role::{Role, Scopes};
use domain::sealed::{Sealed, SealedName, Subject, TextDigest};
use domain::time::Timestamp;
use store::{Ledger, OpenOptions, Origin, StoreError};

use super::*;

const TENANT: TenantId = id(1);
const ADA: UserId = id(2);
const ETL: ServiceAccountId = id(3);
const ADAS: KeyId = id(4);
const ETLS: KeyId = id(5);
const BEGIN: Timestamp = Timestamp::from_unix_ms(1_767_225_600_000).expect("in range");

const fn id<K>(byte: u8) -> Id<K> {
    Id::from_bytes([0x01, 0x9b, 0x76, 0xda, 0xa8, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, byte])
}

/// One command: after how many seconds, with which key of Ada's, for which attempt, and its event.
#[derive(Clone)]
struct Step {
    second: u64,
    key: KeyId,
    attempt: Option<[u8; 16]>,
    event: Event,
}

fn named(subject: Subject, text: &str) -> SealedName {
    let mut digest = [0; 16];
    digest[..text.len()].copy_from_slice(text.as_bytes());
    SealedName { text: Sealed { subject, ciphertext: text.as_bytes().to_vec() }, digest: TextDigest(digest) }
}

fn key_created(key: KeyId, owner: Owner, called: &str) -> Event {
    Event::KeyCreated(KeyCreated {
        key,
        owner,
        reach: Reach::Tenant(TENANT),
        name: named(Subject::User(ADA), called),
        digest: KeyDigest { scheme: DigestScheme::Sha256, bytes: [key.bytes()[15]; 32] },
        prefix: KeyPrefix::parse("klu").unwrap(),
        last_four: LastFour::parse(*b"wxyz").unwrap(),
        scopes: Scopes::All,
        expires_at: None,
    })
}

/// A tenant with Ada, her key, and a service account with one; then everything happens that moves rows about.
fn story() -> Vec<Step> {
    let name = |text| named(Subject::Tenant(TENANT), text);
    let policy = TenantPolicy { key_life_seconds_max: None, key_life_seconds_default: None };
    let account = Owner::ServiceAccount(ETL);
    let added = Event::MemberAdded { tenant: TENANT, user: ADA, role: Role::Administrator };
    let events = [
        Event::TenantCreated { tenant: TENANT, slug: name("acme"), name: name("Acme"), policy },
        Event::UserCreated { user: ADA, email: named(Subject::User(ADA), "ada@x"), name: None },
        added.clone(),
        key_created(ADAS, Owner::User(ADA), "laptop"),
        Event::ServiceAccountCreated {
            service_account: ETL,
            tenant: TENANT,
            name: named(Subject::ServiceAccount(ETL), "etl"),
            role: Role::Runner,
        },
        key_created(ETLS, account, "one"),
        key_created(id(6), account, "two"),
        Event::KeyRotated { key: ETLS, successor: id(6), grace_ends_at: BEGIN.plus_seconds(3_600) },
        Event::KeyRevoked { key: ADAS, reason: RevocationReason::Superseded, note: None },
        Event::TokensRevoked { target: TokenTarget::Owner(account) },
        Event::MemberRemoved { tenant: TENANT, user: ADA },
        added,
        Event::ServiceAccountRemoved { service_account: ETL },
    ];
    let steps = (0..).zip(events).map(|(number, event)| Step {
        second: number * 10,
        key: ADAS,
        attempt: number.is_multiple_of(2).then_some([number as u8; 16]),
        event,
    });
    steps.collect()
}

fn ledger(folder: &tempfile::TempDir, name: &str, steps: &[Step]) -> Ledger {
    let path = folder.path().join(name);
    let ledger = Ledger::create(&path, LedgerId::from_bytes([9; 16]), &OpenOptions::default()).unwrap();
    for (number, step) in steps.iter().enumerate() {
        let idempotency = step.attempt.map(|command| Idempotency {
            key: IdempotencyKey::parse(&format!("attempt-{number}")).unwrap(),
            command,
        });
        let actor = ActorId::Holder { identity: Owner::User(ADA), key: step.key, token: None };
        let origin = Origin { actor, way: Way::Cli, request: id(0), idempotency, seed: [0; 32] };
        let (at, event) = (BEGIN.plus_seconds(step.second), step.event.clone());
        ledger.transact(|txn| txn.append(vec![event], &origin, at).map(drop)).unwrap();
    }
    ledger
}

/// What of the views of one is not what the log of the other amounts to.
fn differences(log: &[Step], views: &[Step]) -> Vec<&'static str> {
    let folder = tempfile::tempdir().unwrap();
    let (log, views) = (ledger(&folder, "log", log), ledger(&folder, "views", views));
    let (log, views) = (log.snapshot().unwrap(), views.snapshot().unwrap());
    let secrets = Secrets::draw();
    let mut induction = Induction::new(&log, &secrets);
    log.scan(|scanned| {
        assert!(induction.take(&scanned.recorded).is_ok(), "{}", scanned.recorded.event.name());
        Ok::<_, StoreError>(())
    })
    .unwrap();
    induction.differences(&Found::read(&views, &secrets, BEGIN).unwrap())
}

/// The same story, but for one of its steps.
fn but(place: usize, change: impl Fn(&mut Step)) -> Vec<Step> {
    let mut steps = story();
    change(&mut steps[place]);
    steps
}

#[test]
fn the_views_of_a_log_are_what_it_amounts_to_wherever_it_ends() {
    for end in 0..=story().len() {
        assert_eq!(differences(&story()[..end], &story()[..end]), Vec::<&str>::new(), "{end} events");
    }
}

#[test]
fn whatever_is_otherwise_in_the_views_is_told() {
    let rows = but(5, |step| step.event = key_created(ETLS, Owner::ServiceAccount(ETL), "eins"));
    let other_key = but(4, |step| step.key = id(7));
    let other_attempt = but(4, |step| step.attempt = Some([0xFF; 16]));
    let no_attempt = but(4, |step| step.attempt = None);
    // A removed account's row does not say when that was.
    let later = but(12, |step| step.second += 60);
    for (views, expected) in [
        (rows, "the rows"),
        (other_key, "the histories"),
        (other_attempt, "the idempotency keys"),
        (no_attempt, "the idempotency keys"),
        (later, "the links or lifetimes"),
    ] {
        assert_eq!(differences(&story(), &views), [expected]);
        assert_eq!(differences(&views, &story()), [expected]);
    }
}

/// A key that is renamed as it was called, and one that is enabled that was so, have the same row; not the same history.
#[test]
fn the_kind_of_an_event_in_a_history_is_compared() {
    let renamed = Event::KeyRenamed { key: ETLS, name: named(Subject::User(ADA), "one") };
    let with = |event: Event| {
        let mut steps = story();
        steps.push(Step { second: 500, key: ADAS, attempt: None, event });
        steps
    };
    let (renamed, enabled) = (with(renamed), with(Event::KeyEnabled { key: ETLS }));
    assert_eq!(differences(&renamed, &enabled), ["the histories"]);
}

#[test]
fn what_is_missing_and_what_is_too_much_is_told() {
    let all = story();
    for end in 0..all.len() {
        let missing = differences(&all, &all[..end]);
        assert!(missing.contains(&"the rows") && missing.contains(&"the histories"), "{end}: {missing:?}");
        assert_eq!(differences(&all[..end], &all), missing, "{end}");
    }
}

#[test]
fn an_event_about_nothing_is_left_to_the_fold() {
    let folder = tempfile::tempdir().unwrap();
    let disabled = Step { event: Event::KeyDisabled { key: id(99) }, ..story()[0].clone() };
    let ledger = ledger(&folder, "log", &[disabled]);
    let snapshot = ledger.snapshot().unwrap();
    let secrets = Secrets::draw();
    let mut induction = Induction::new(&snapshot, &secrets);
    let recorded = snapshot.recorded(Position::new(1)).unwrap();
    assert!(matches!(induction.take(&recorded), Err(Ended::Enough)));
}
