//! The life of a key: the events that bear on it and no others, each with how the key stood, and what the clock brought.

mod agreement;
mod evidence;

use domain::actor::Way;
use domain::event::{Event, PublicKey, RetirementReason, TokenTarget};
use domain::ids::{KeyId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use domain::key::{Owner, Reach};
use domain::role::{Role, Scopes};
use domain::sealed::Subject;
use domain::time::Timestamp;
use keyledger_replay::{Format, Names, Source, timeline};
use serde_json::Value;

use crate::scene::{
    ACME, ADA, ADAS, BEGIN, BOB, BOBS, ETL, ETLS, ETLS_NEXT, OTHER, SIGNING, Scene, ada, id, key_created,
    name, tenant_created,
};

const LAB: TenantId = id(0x33);
const BOT: ServiceAccountId = id(0x44);
/// Bob's, in whatever tenants he is in.
const ROAMING: KeyId = id(0x46);
/// Bob's, in `lab` alone.
const CONFINED: KeyId = id(0x47);
const BOTS: KeyId = id(0x48);
/// When the keys of the scene expire.
const END: u64 = 7_776_000;

fn refused(target: TokenTarget) -> Event {
    Event::TokensRevoked { target }
}

fn compromised(signing_key: SigningKeyId) -> Event {
    Event::SigningKeyRetired { signing_key, reason: RetirementReason::Compromised }
}

fn signing_key_added(signing_key: SigningKeyId) -> Event {
    Event::SigningKeyAdded { signing_key, public_key: PublicKey([0xAC; 32]), active_from: BEGIN }
}

fn joined(tenant: TenantId, user: UserId) -> Event {
    Event::MemberAdded { tenant, user, role: Role::Member }
}

fn renamed(tenant: TenantId) -> Event {
    Event::TenantRenamed { tenant, name: name(Subject::Tenant(tenant), "Another Name") }
}

/// The scene, and these events after it: one a second from `second` on.
fn told(second: u64, events: impl IntoIterator<Item = Event>) -> Scene {
    let mut scene = Scene::empty();
    scene.tell();
    tell(&scene, second, events);
    scene.close();
    scene
}

fn tell(scene: &Scene, second: u64, events: impl IntoIterator<Item = Event>) {
    for (second, event) in (second..).zip(events) {
        scene.append(second, ada(), Way::Cli, vec![event]);
    }
}

/// The lines of a timeline.
fn lines(source: &Source, key: KeyId, until: Timestamp) -> Vec<Value> {
    let mut out = vec![];
    timeline(source, &Names::sealed(), key, until, Format::Jsonl, &mut out, &mut |_, _| {}).unwrap();
    String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Those of them that are of events.
fn positions(lines: &[Value]) -> Vec<u64> {
    lines.iter().filter_map(|line| line["position"].as_str()?.parse().ok()).collect()
}

/// What happened to the key after the scene, and how it stood after each.
fn lived(scene: &Scene, key: KeyId) -> Vec<String> {
    let word = |line: &Value, member: &str| line[member].as_str().unwrap().to_owned();
    let until = BEGIN.plus_seconds(10 * END);
    let mut lines = lines(&scene.source(), key, until);
    lines.retain(|line| line["position"].as_str().is_none_or(|at| at.parse::<u64>().unwrap() > 21));
    lines.iter().map(|line| format!("{} {}", word(line, "event"), word(line, "status"))).collect()
}

/// What the log has on the second day of the scene, none of it about its keys.
fn business_of_others() -> Vec<Event> {
    let stranger = id(0x22);
    vec![
        tenant_created(LAB, "lab"),
        renamed(ACME),
        refused(TokenTarget::Owner(Owner::User(stranger))),
        signing_key_added(id(0x53)),
        Event::SubjectErased { subject: Subject::User(BOB) },
    ]
}

#[test]
fn what_the_clock_brought_is_credited_to_no_event() {
    let scene = told(END + 10, business_of_others());
    assert_eq!(lived(&scene, ETLS_NEXT), ["KeyExpired KEY_EXPIRED"]);
    assert_eq!(lived(&scene, ETLS), ["GraceEnded KEY_ROTATED", "KeyExpired KEY_ROTATED"]);
    assert_eq!(lived(&scene, ADAS), ["KeyExpired KEY_EXPIRED"]);
}

#[test]
fn the_clock_comes_before_the_events_of_its_instant() {
    let scene = told(
        END,
        [
            Event::KeyRenamed { key: ETLS_NEXT, name: name(Subject::ServiceAccount(ETL), "late") },
            renamed(ACME),
        ],
    );
    assert_eq!(lived(&scene, ETLS_NEXT), ["KeyExpired KEY_EXPIRED", "KeyRenamed KEY_EXPIRED"]);
}

#[test]
fn what_the_clock_brought_says_how_the_key_stood_then() {
    let suspended = Event::ServiceAccountSuspended { service_account: ETL };
    let resumed = Event::ServiceAccountResumed { service_account: ETL };
    let mut scene = Scene::empty();
    scene.tell();
    tell(&scene, 50, [suspended]);
    tell(&scene, END + 10, [resumed]);
    scene.close();
    let expected = [
        "ServiceAccountSuspended OWNER_SUSPENDED",
        "KeyExpired KEY_EXPIRED",
        "ServiceAccountResumed KEY_EXPIRED",
    ];
    assert_eq!(lived(&scene, ETLS_NEXT), expected);
    let expected = [
        "ServiceAccountSuspended OWNER_SUSPENDED",
        "GraceEnded KEY_ROTATED",
        "KeyExpired KEY_ROTATED",
        "ServiceAccountResumed KEY_ROTATED",
    ];
    assert_eq!(lived(&scene, ETLS), expected);
    // What is final is told before what the clock brings.
    let scene = told(50, [Event::ServiceAccountRemoved { service_account: ETL }]);
    let expected = ["ServiceAccountRemoved OWNER_REMOVED", "KeyExpired OWNER_REMOVED"];
    assert_eq!(lived(&scene, ETLS_NEXT), expected);
}

#[test]
fn two_ends_at_one_instant_are_both_told() {
    let mut scene = Scene::empty();
    scene.tell();
    let expiry = Event::KeyExpiryChanged { key: ETLS, expires_at: Some(BEGIN.plus_seconds(3_600)) };
    tell(&scene, 50, [expiry]);
    scene.close();
    let expected = ["KeyExpiryChanged accepted", "KeyExpired KEY_ROTATED", "GraceEnded KEY_ROTATED"];
    assert_eq!(lived(&scene, ETLS), expected);
}

#[test]
fn tokens_of_a_tenant_are_those_of_its_members_then() {
    let whole = |tenant| refused(TokenTarget::Tenant(tenant));
    let left = Event::MemberRemoved { tenant: LAB, user: BOB };
    let scene = told(
        50,
        [
            Event::UserResumed { user: BOB },
            tenant_created(LAB, "lab"),
            key_created(ROAMING, Owner::User(BOB), Reach::AnyTenant { home: ACME }, "k", Scopes::All),
            whole(LAB),
            whole(ACME),
            joined(LAB, BOB),
            whole(LAB),
            left,
            whole(LAB),
        ],
    );
    let expected = [
        "KeyCreated accepted",
        "TokensRevoked accepted",
        "MemberAdded accepted",
        "TokensRevoked accepted",
        "MemberRemoved accepted",
        "KeyExpired KEY_EXPIRED",
    ];
    assert_eq!(lived(&scene, ROAMING), expected);
    assert_eq!(lived(&scene, ETLS_NEXT), ["TokensRevoked accepted", "KeyExpired KEY_EXPIRED"]);
}

#[test]
fn a_tenant_that_its_user_joined_later_is_one_that_the_key_rests_on() {
    let scene = told(
        50,
        [
            Event::UserResumed { user: BOB },
            tenant_created(LAB, "lab"),
            key_created(ROAMING, Owner::User(BOB), Reach::AnyTenant { home: ACME }, "k", Scopes::All),
            joined(LAB, BOB),
            Event::MemberRemoved { tenant: ACME, user: BOB },
            Event::TenantSuspended { tenant: ACME },
            Event::TenantSuspended { tenant: LAB },
            Event::TenantResumed { tenant: LAB },
        ],
    );
    let expected = [
        "KeyCreated accepted",
        "MemberAdded accepted",
        "MemberRemoved accepted",
        "TenantSuspended MEMBERSHIP_REMOVED",
        "TenantResumed accepted",
        // Where it is accepted nowhere, its home says why.
        "KeyExpired MEMBERSHIP_REMOVED",
    ];
    // Of a home that its user left, nothing more is told.
    assert_eq!(lived(&scene, ROAMING), expected);
}

#[test]
fn whatever_gives_more_rights_is_told_as_what_takes_them() {
    let role = |role| Event::ServiceAccountRoleChanged { service_account: ETL, role };
    let scene = told(
        50,
        [
            role(Role::Administrator),
            Event::OperatorWithdrawn { user: ADA },
            Event::MemberRoleChanged { tenant: ACME, user: ADA, role: Role::Member },
            Event::TenantSuspended { tenant: ACME },
            Event::OperatorGranted { user: ADA },
            Event::TenantResumed { tenant: ACME },
        ],
    );
    let expected = [
        "ServiceAccountRoleChanged accepted",
        "TenantSuspended TENANT_SUSPENDED",
        "TenantResumed accepted",
        "KeyExpired KEY_EXPIRED",
    ];
    assert_eq!(lived(&scene, ETLS_NEXT), expected);
    let expected = [
        "OperatorWithdrawn accepted",
        "MemberRoleChanged accepted",
        "TenantSuspended TENANT_SUSPENDED",
        "OperatorGranted accepted",
        "TenantResumed accepted",
        "KeyExpired KEY_EXPIRED",
    ];
    assert_eq!(lived(&scene, ADAS), expected);
}

#[test]
fn a_signing_key_that_others_may_have_refuses_tokens_of_the_keys_that_it_signed_for() {
    let superseded =
        |signing_key| Event::SigningKeyRetired { signing_key, reason: RetirementReason::Superseded };
    let (next, last) = (id(0x51), id(0x52));
    let roaming = key_created(ROAMING, Owner::User(ADA), Reach::AnyTenant { home: ACME }, "k", Scopes::All);
    let scene = told(
        50,
        [
            signing_key_added(next),
            roaming,
            signing_key_added(last),
            // It was superseded in the scene, before one key was made and after the other.
            compromised(SIGNING),
            refused(TokenTarget::SigningKey(SIGNING)),
            superseded(next),
            compromised(next),
        ],
    );
    let (retired, end) = ("SigningKeyRetired accepted", "KeyExpired KEY_EXPIRED");
    assert_eq!(lived(&scene, ETLS_NEXT), [retired, "TokensRevoked accepted", retired, end]);
    assert_eq!(lived(&scene, ROAMING), ["KeyCreated accepted", retired, end]);
}

/// Everything that may befall a key, to this one and that one.
fn everything() -> Vec<Event> {
    let (bob, bot) = (Owner::User(BOB), Owner::ServiceAccount(BOT));
    let made = |key, owner, reach| key_created(key, owner, reach, "k", Scopes::All);
    let name = name(Subject::ServiceAccount(BOT), "bot");
    let of_lab = |event: fn(TenantId) -> Event| event(LAB);
    let suspended = of_lab(|tenant| Event::TenantSuspended { tenant });
    let resumed = of_lab(|tenant| Event::TenantResumed { tenant });
    let whole = refused(TokenTarget::Tenant(LAB));
    let next = id(0x51);
    vec![
        Event::UserResumed { user: BOB },
        tenant_created(LAB, "lab"),
        Event::ServiceAccountCreated { service_account: BOT, tenant: LAB, name, role: Role::Runner },
        made(ROAMING, bob, Reach::AnyTenant { home: ACME }),
        made(BOTS, bot, Reach::Tenant(LAB)),
        whole.clone(),
        suspended.clone(),
        resumed.clone(),
        joined(LAB, BOB),
        made(CONFINED, bob, Reach::Tenant(LAB)),
        whole.clone(),
        Event::MemberRoleChanged { tenant: LAB, user: BOB, role: Role::Administrator },
        Event::MemberRoleChanged { tenant: ACME, user: BOB, role: Role::Administrator },
        suspended.clone(),
        renamed(LAB),
        resumed.clone(),
        Event::OperatorGranted { user: BOB },
        Event::OperatorWithdrawn { user: BOB },
        Event::ServiceAccountRoleChanged { service_account: BOT, role: Role::Administrator },
        Event::ServiceAccountSuspended { service_account: BOT },
        Event::ServiceAccountResumed { service_account: BOT },
        refused(TokenTarget::Owner(bob)),
        refused(TokenTarget::Owner(bot)),
        refused(TokenTarget::Key(ROAMING)),
        refused(TokenTarget::Token { token: id(0x61), key: CONFINED }),
        refused(TokenTarget::All),
        signing_key_added(next),
        refused(TokenTarget::SigningKey(next)),
        refused(TokenTarget::SigningKey(SIGNING)),
        compromised(SIGNING),
        compromised(next),
        Event::KeyDisabled { key: ROAMING },
        Event::KeyEnabled { key: ROAMING },
        Event::MemberRemoved { tenant: LAB, user: BOB },
        whole.clone(),
        suspended,
        resumed,
        joined(LAB, BOB),
        whole,
        Event::MemberRemoved { tenant: ACME, user: BOB },
        refused(TokenTarget::Tenant(ACME)),
        Event::UserSuspended { user: BOB },
        Event::UserResumed { user: BOB },
        Event::SubjectErased { subject: Subject::Tenant(OTHER) },
        Event::ServiceAccountRemoved { service_account: BOT },
        Event::UserRemoved { user: BOB },
        Event::TenantRemoved { tenant: LAB },
    ]
}
