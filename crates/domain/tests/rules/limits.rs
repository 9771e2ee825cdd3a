//! Rules about the limits of keys: from where one is accepted, how often, and what that does to the keys it makes.

use keyledger_domain::actor::Actor;
use keyledger_domain::command::{Command, NewKey};
use keyledger_domain::event::Event;
use keyledger_domain::ids::KeyId;
use keyledger_domain::key::{Owner, Reach};
use keyledger_domain::limits::{KeyLimits, RateLimit};
use keyledger_domain::network::AllowedAddresses;
use keyledger_domain::rejection::{Refusal, Rejection};

use crate::scene::*;

const K: KeyId = id(NEW);
const K2: KeyId = id(0xF1);

fn addresses(text: &str) -> AllowedAddresses {
    AllowedAddresses::parse(text.split(' ')).expect("networks")
}

fn rate() -> Option<RateLimit> {
    RateLimit::new(100, 60).ok()
}

fn change(key: KeyId, addresses: AllowedAddresses) -> Command {
    Command::ChangeKeyAddresses { key, addresses }
}

fn changed(key: KeyId, addresses: AllowedAddresses) -> Event {
    Event::KeyAddressesChanged { key, addresses }
}

/// Max's only key, accepted from this network.
fn held(network: &str) -> Scene {
    Scene::cast().given([fact(changed(MAXS, addresses(network)))])
}

fn max_from(address: &str) -> Actor {
    from(max(), address)
}

fn create(limits: KeyLimits) -> Command {
    let owner = Owner::User(MAX);
    Command::CreateKey { owner, reach: Reach::Tenant(A), key: NewKey { limits, ..new_key(owner, K) } }
}

#[test]
fn a_key_is_made_with_its_limits_in_one_command() {
    let limits = KeyLimits { addresses: addresses("10.0.0.0/8"), rate: rate() };
    let made = NewKey { limits: limits.clone(), ..new_key(Owner::User(MAX), K) };
    Scene::cast().check(
        by(max(), create(limits)),
        events([
            key_created(Owner::User(MAX), Reach::Tenant(A), made, None),
            changed(K, addresses("10.0.0.0/8")),
            Event::KeyRateChanged { key: K, rate: rate() },
        ]),
    );
}

#[test]
fn a_note_begins_with_the_key_is_changed_once_and_follows_to_the_successor() {
    let owner = Owner::User(MAX);
    let remark = |text: &str| Some(key_name(owner, text).text);
    let note = |key, text: Option<&str>| Command::ChangeKeyNote { key, note: text.and_then(remark) };
    let noted = |key, text: Option<&str>| Event::KeyNoteChanged { key, note: text.and_then(remark) };
    let made = NewKey { note: remark("OPS-1"), ..new_key(owner, K) };
    let make = Command::CreateKey { owner, reach: Reach::Tenant(A), key: made.clone() };
    let begun = [key_created(owner, Reach::Tenant(A), made, None), noted(K, Some("OPS-1"))];
    Scene::cast().check(by(max(), make), events(begun));

    let first = by(max(), note(MAXS, Some("OPS-1")));
    Scene::cast().check(first.clone(), once([noted(MAXS, Some("OPS-1"))]));
    let other = by(max(), note(MAXS, Some("OPS-2")));
    Scene::cast().given([first.clone()]).check(other, once([noted(MAXS, Some("OPS-2"))]));
    Scene::cast().given([first.clone()]).check(by(max(), note(MAXS, None)), once([noted(MAXS, None)]));
    Scene::cast().check(by(max(), note(MAXS, None)), events([]));

    let rotate = Command::RotateKey { key: MAXS, successor: successor(K), grace_ends_at: at(50) };
    let scene = Scene::cast().given([first, by(max(), rotate)]);
    assert_eq!(scene.model.keys[&K].note, remark("OPS-1"));
    let begun = by(max(), create(KeyLimits::default()));
    let over = Scene::cast().given([begun, fact(revoked(K))]);
    over.check(by(max(), note(K, Some("late"))), Then::Rejection(Rejection::KeyRevoked(K)));
}

#[test]
fn limits_are_changed_and_taken_away_and_saying_so_twice_changes_nothing() {
    let list = addresses("10.0.0.0/8");
    let narrow = by(max_from("10.1.1.1"), change(MAXS, list.clone()));
    Scene::cast().check(narrow.clone(), once([changed(MAXS, list)]));
    // From another key of the same user that is held to nothing.
    let (other, _) = unconfined(MAX, K, A);
    let scene = Scene::cast().given([other, narrow]);
    let free = by(shows(Owner::User(MAX), K, None), change(MAXS, AllowedAddresses::Any));
    scene.check(free, once([changed(MAXS, AllowedAddresses::Any)]));

    let limit = by(max(), Command::ChangeKeyRate { key: MAXS, rate: rate() });
    let limited = Event::KeyRateChanged { key: MAXS, rate: rate() };
    Scene::cast().check(limit.clone(), once([limited]));
    let unlimited = Event::KeyRateChanged { key: MAXS, rate: None };
    let lift = by(max(), Command::ChangeKeyRate { key: MAXS, rate: None });
    Scene::cast().given([limit]).check(lift, once([unlimited]));
}

#[test]
fn nothing_is_done_with_a_key_from_an_address_that_it_does_not_list() {
    let rename = || Command::RenameKey { key: MAXS, name: key_name(Owner::User(MAX), "new") };
    for elsewhere in [max_from("192.0.2.1"), max_from("::1"), max()] {
        let refused = Rejection::NotAuthenticated(Refusal::AddressNotAllowed);
        held("10.0.0.0/8").check(by(elsewhere, rename()), Then::Rejection(refused));
    }
    let renamed = Event::KeyRenamed { key: MAXS, name: key_name(Owner::User(MAX), "new") };
    held("10.0.0.0/8").check(by(max_from("10.9.9.9"), rename()), events([renamed]));
}

#[test]
fn what_is_final_is_told_before_where_the_caller_is() {
    let revoked = held("10.0.0.0/8").given([fact(revoked(MAXS))]);
    let anything = Command::DisableKey { key: MAXS };
    revoked.check(by(max(), anything), Then::Rejection(Rejection::NotAuthenticated(Refusal::KeyRevoked)));
}

#[test]
fn nobody_locks_the_key_in_hand_out() {
    let (inside, outside) = (max_from("10.1.1.1"), max_from("192.0.2.1"));
    let list = || change(MAXS, addresses("10.0.0.0/8"));
    Scene::cast().check(by(outside.clone(), list()), rejected("WOULD_LOCK_OUT"));
    Scene::cast().check(by(max(), list()), rejected("WOULD_LOCK_OUT"));
    Scene::cast().check(by(inside, list()), events([changed(MAXS, addresses("10.0.0.0/8"))]));
    // Another key is another matter: whoever uses that is elsewhere.
    let (other, _) = unconfined(MAX, K, A);
    let theirs = by(from(shows(Owner::User(MAX), K, None), "192.0.2.1"), list());
    Scene::cast().given([other]).check(theirs, events([changed(MAXS, addresses("10.0.0.0/8"))]));
}

#[test]
fn a_key_is_not_widened_by_itself_nor_by_one_that_is_narrower() {
    let inside = || max_from("10.1.1.1");
    let scene = || held("10.1.0.0/16");
    for wider in [AllowedAddresses::Any, addresses("10.0.0.0/8"), addresses("10.1.0.0/16 192.0.2.0/24")] {
        scene().check(by(inside(), change(MAXS, wider)), rejected("ADDRESSES_NOT_HELD"));
    }
    let narrower = addresses("10.1.1.0/24");
    scene().check(by(inside(), change(MAXS, narrower.clone())), events([changed(MAXS, narrower)]));
}

#[test]
fn a_key_made_with_another_is_accepted_from_no_more_addresses() {
    let inside = || max_from("10.1.1.1");
    let made = |addresses| {
        let limits = KeyLimits { addresses, rate: None };
        NewKey { limits, ..new_key(Owner::User(MAX), K) }
    };
    let created = key_created(Owner::User(MAX), Reach::Tenant(A), made(AllowedAddresses::Any), None);
    // Nothing asked for: from wherever the key used is.
    held("10.1.0.0/16").check(
        by(inside(), create(KeyLimits::default())),
        events([created.clone(), changed(K, addresses("10.1.0.0/16"))]),
    );
    let asked = |text| create(KeyLimits { addresses: addresses(text), rate: None });
    held("10.1.0.0/16")
        .check(by(inside(), asked("10.1.2.0/24")), events([created, changed(K, addresses("10.1.2.0/24"))]));
    held("10.1.0.0/16").check(by(inside(), asked("10.0.0.0/8")), rejected("ADDRESSES_NOT_HELD"));
}

/// Bringing somebody in with a first key must not be the way around one's own list.
#[test]
fn a_first_key_is_accepted_from_where_the_key_used_is() {
    let scene = Scene::cast().given([fact(changed(ANNAS, addresses("10.0.0.0/8")))]);
    let first_key = Some(new_key(Owner::User(OTTO), K));
    let role = keyledger_domain::role::Role::Member;
    let add = Command::AddMember { tenant: A, user: OTTO, role, first_key };
    scene.check(
        by(from(anna(), "10.1.1.1"), add),
        events([
            Event::MemberAdded { tenant: A, user: OTTO, role },
            key_created(Owner::User(OTTO), Reach::Tenant(A), new_key(Owner::User(OTTO), K), None),
            changed(K, addresses("10.0.0.0/8")),
        ]),
    );
}

#[test]
fn a_successor_is_held_to_what_its_predecessor_is() {
    let rotate = || Command::RotateKey { key: MAXS, successor: successor(K), grace_ends_at: at(50) };
    let scene = held("10.0.0.0/8").given([fact(Event::KeyRateChanged { key: MAXS, rate: rate() })]);
    let scene = scene.given([by(max_from("10.1.1.1"), rotate())]);
    assert_eq!(scene.model.keys[&K].limits, scene.model.keys[&MAXS].limits);
    assert_eq!(scene.model.keys[&K].limits, KeyLimits { addresses: addresses("10.0.0.0/8"), rate: rate() });
    // A narrower key must not narrow another unseen by rotating it.
    let (narrow, _) = unconfined(MAX, K2, A);
    let scene = Scene::cast().given([narrow, fact(changed(K2, addresses("10.0.0.0/8")))]);
    let narrow = from(shows(Owner::User(MAX), K2, None), "10.1.1.1");
    scene.check(by(narrow, rotate()), rejected("ADDRESSES_NOT_HELD"));
}

#[test]
fn a_revoked_key_has_no_limits_to_change() {
    let scene = Scene::cast().given([fact(revoked(MAXS))]);
    let (other, _) = unconfined(MAX, K, A);
    let scene = scene.given([other]);
    for wish in [change(MAXS, addresses("10.0.0.0/8")), Command::ChangeKeyRate { key: MAXS, rate: rate() }] {
        scene.clone().check(by(shows(Owner::User(MAX), K, None), wish), rejected("KEY_REVOKED"));
    }
}

/// What lets a key be accepted longer, again or from elsewhere is for keys that could make such a key.
#[test]
fn a_key_that_may_do_less_loosens_no_other() {
    let (other, full) = unconfined(MAX, K, A);
    let ended = Event::KeyExpiryChanged { key: MAXS, expires_at: Some(at(90)) };
    let scene = Scene::cast()
        .given([other, fact(changed(MAXS, addresses("10.0.0.0/8"))), fact(Event::KeyDisabled { key: MAXS })])
        .given([fact(ended)]);
    let enable = || Command::EnableKey { key: MAXS };
    let expire = |end| Command::ChangeKeyExpiry { key: MAXS, expires_at: end };
    let loosened = || [change(MAXS, AllowedAddresses::Any), enable(), expire(Some(at(99))), expire(None)];
    for wish in loosened() {
        let less = narrowed(full.clone(), "keyledger:keys");
        scene.clone().check(by(less, wish), rejected("SCOPES_NOT_HELD"));
    }
    // Whoever could make it may do all of that; and anybody who manages it may hold it to less.
    for wish in loosened() {
        let decided = scene.decide(&full, wish.clone(), at(50));
        assert!(decided.is_ok_and(|events| events.len() == 1), "{wish:?}");
    }
    for wish in
        [change(MAXS, addresses("10.1.0.0/16")), expire(Some(at(80))), Command::DisableKey { key: MAXS }]
    {
        let less = narrowed(full.clone(), "keyledger:keys");
        assert!(scene.decide(&less, wish.clone(), at(50)).is_ok(), "{wish:?}");
    }
}

#[test]
fn a_key_held_to_addresses_brings_none_back_that_is_held_to_fewer() {
    let (narrow, holder) = unconfined(MAX, K2, A);
    let scene = Scene::cast().given([
        narrow,
        fact(changed(K2, addresses("10.0.0.0/8"))),
        fact(Event::KeyDisabled { key: MAXS }),
        fact(Event::KeyExpiryChanged { key: MAXS, expires_at: Some(at(90)) }),
    ]);
    for wish in [Command::EnableKey { key: MAXS }, Command::ChangeKeyExpiry { key: MAXS, expires_at: None }] {
        scene.clone().check(by(from(holder.clone(), "10.1.1.1"), wish), rejected("ADDRESSES_NOT_HELD"));
    }
}
