//! What differs between two states: what became of what, told field by field, and whether somebody can do more.

use keyledger_domain::Model;
use keyledger_domain::difference::{Difference, Kind, between, touched_by};
use keyledger_domain::event::{Event, RetirementReason, TenantPolicy, TokenTarget};
use keyledger_domain::key::{Owner, Reach};
use keyledger_domain::limits::RateLimit;
use keyledger_domain::network::AllowedAddresses;
use keyledger_domain::role::Role;
use keyledger_domain::row::{Change, RowId};
use keyledger_domain::telling::Piece;
use keyledger_domain::time::Timestamp;
use keyledger_domain::token_life::TokenLife;

use crate::scene::*;

const MORE: bool = true;
const NO_MORE: bool = false;

fn differences(before: &Model, after: &Model, events: &[Event]) -> Vec<Difference> {
    let Ok(differences) = between(before, after, events.iter().flat_map(touched_by));
    differences.into_iter().filter(|difference| difference.kind() != Kind::Derived).collect()
}

/// Given these facts, what do further ones amount to? One row: its kind, its fields, and whether it gives more.
#[track_caller]
fn check<const G: usize, const N: usize>(
    given: [Event; G],
    when: [Event; N],
    kind: Kind,
    fields: &str,
    increases: bool,
) {
    let before = Scene::cast().given(given.map(fact));
    let after = before.clone().given(when.clone().map(|event| fact(event).at(5)));
    let differences = differences(&before.model, &after.model, &when);
    let [difference] = differences.as_slice() else { panic!("one row differs: {differences:#?}") };
    assert_eq!(difference.kind(), kind);
    let names: Vec<_> = difference.fields().iter().map(|field| field.name).collect();
    assert_eq!(names.join(" "), fields);
    assert_eq!(difference.increases_access(), increases, "{when:?}");
}

fn expires(seconds: Option<u64>) -> Event {
    Event::KeyExpiryChanged { key: MAXS, expires_at: seconds.map(at) }
}

fn addresses(text: &str) -> Event {
    let addresses = match text {
        "any" => AllowedAddresses::Any,
        list => AllowedAddresses::parse(list.split(' ')).expect("networks"),
    };
    Event::KeyAddressesChanged { key: MAXS, addresses }
}

fn rate(rate: Option<(u32, u32)>) -> Event {
    Event::KeyRateChanged {
        key: MAXS,
        rate: rate.map(|(requests, seconds)| RateLimit::new(requests, seconds).expect("in bounds")),
    }
}

#[test]
fn a_key_is_wider_if_it_lasts_longer() {
    check([expires(Some(10))], [expires(Some(11))], Kind::Changed, "expires_at", MORE);
    check([expires(Some(10))], [expires(None)], Kind::Changed, "expires_at", MORE);
    check([expires(Some(10))], [expires(Some(9))], Kind::Changed, "expires_at", NO_MORE);
    check([expires(None)], [expires(Some(9))], Kind::Changed, "expires_at", NO_MORE);
}

#[test]
fn a_key_is_wider_if_it_is_accepted_from_more_addresses_or_more_often() {
    check([], [addresses("10.0.0.0/8")], Kind::Changed, "addresses", NO_MORE);
    check([addresses("10.0.0.0/8")], [addresses("any")], Kind::Changed, "addresses", MORE);
    check([addresses("10.0.0.0/8")], [addresses("10.1.0.0/16")], Kind::Changed, "addresses", NO_MORE);
    check([addresses("10.0.0.0/8")], [addresses("11.0.0.0/8")], Kind::Changed, "addresses", MORE);
    check([], [rate(Some((5, 60)))], Kind::Changed, "rate", NO_MORE);
    check([rate(Some((5, 60)))], [rate(None)], Kind::Changed, "rate", MORE);
    check([rate(Some((5, 60)))], [rate(Some((6, 60)))], Kind::Changed, "rate", MORE);
    check([rate(Some((5, 60)))], [rate(Some((5, 30)))], Kind::Changed, "rate", MORE);
    check([rate(Some((5, 60)))], [rate(Some((1, 60)))], Kind::Changed, "rate", NO_MORE);
    check([rate(Some((5, 60)))], [rate(Some((5, 90)))], Kind::Changed, "rate", NO_MORE);
}

#[test]
fn what_is_disabled_or_suspended_can_do_less_and_what_is_back_more() {
    let (disabled, enabled) = (Event::KeyDisabled { key: MAXS }, Event::KeyEnabled { key: MAXS });
    check([], [disabled.clone()], Kind::Changed, "disabled", NO_MORE);
    check([disabled], [enabled], Kind::Changed, "disabled", MORE);
    let pairs = [
        (Event::TenantSuspended { tenant: A }, Event::TenantResumed { tenant: A }),
        (Event::UserSuspended { user: MAX }, Event::UserResumed { user: MAX }),
        (
            Event::ServiceAccountSuspended { service_account: BOT },
            Event::ServiceAccountResumed { service_account: BOT },
        ),
    ];
    for (suspended, resumed) in pairs {
        check([], [suspended.clone()], Kind::Changed, "standing", NO_MORE);
        check([suspended], [resumed], Kind::Changed, "standing", MORE);
    }
}

#[test]
fn a_higher_role_is_more() {
    let member = |role| Event::MemberRoleChanged { tenant: A, user: MAX, role };
    check([], [member(Role::Administrator)], Kind::Changed, "role", MORE);
    check([], [member(Role::ReadOnly)], Kind::Changed, "role", NO_MORE);
    let account = |role| Event::ServiceAccountRoleChanged { service_account: BOT, role };
    check([], [account(Role::Member)], Kind::Changed, "role", MORE);
    check([], [account(Role::ReadOnly)], Kind::Changed, "role", NO_MORE);
    check([], [Event::OperatorGranted { user: MAX }], Kind::Changed, "operator", MORE);
    check([], [Event::OperatorWithdrawn { user: OLGA }], Kind::Changed, "operator", NO_MORE);
}

#[test]
fn what_ends_is_removed_and_gives_nobody_more() {
    check([], [revoked(MAXS)], Kind::Removed, "revoked", NO_MORE);
    check([], [Event::TenantRemoved { tenant: A }], Kind::Removed, "standing", NO_MORE);
    check([], [Event::UserRemoved { user: MAX }], Kind::Removed, "standing", NO_MORE);
    let removed = Event::ServiceAccountRemoved { service_account: BOT };
    check([], [removed], Kind::Removed, "standing", NO_MORE);
    check([], [Event::MemberRemoved { tenant: A, user: MAX }], Kind::Removed, "standing left", NO_MORE);
    let retired = Event::SigningKeyRetired { signing_key: SIGNING, reason: RetirementReason::Superseded };
    check([], [retired], Kind::Removed, "retired", NO_MORE);
    // What has ended does not give more by what is changed of it.
    check([revoked(MAXS), expires(Some(1))], [expires(None)], Kind::Changed, "expires_at", NO_MORE);
}

#[test]
fn what_is_neither_wider_nor_narrower_gives_nobody_more() {
    let named = Event::KeyRenamed { key: MAXS, name: key_name(Owner::User(MAX), "other") };
    check([], [named], Kind::Changed, "name", NO_MORE);
    let noted = Event::KeyNoteChanged { key: MAXS, note: Some(key_name(Owner::User(MAX), "remark").text) };
    check([], [noted], Kind::Changed, "note", NO_MORE);
    let policy = TenantPolicy { key_life_seconds_max: Some(5), key_life_seconds_default: None };
    check([], [Event::TenantPolicyChanged { tenant: A, policy }], Kind::Changed, "policy", NO_MORE);
    let tokens = Event::TokensRevoked { target: TokenTarget::Tenant(A) };
    check([], [tokens.clone()], Kind::Added, "refused_before", NO_MORE);
    let again = Event::TokensRevoked { target: TokenTarget::Tenant(A) };
    check([tokens], [again], Kind::Changed, "refused_before", NO_MORE);
}

#[test]
fn a_longer_life_of_tokens_is_more() {
    let life = |seconds| Event::TokenLifeChanged { life: TokenLife::new(seconds).expect("in bounds") };
    check([], [life(300)], Kind::Changed, "token_life_seconds", NO_MORE);
    check([life(300)], [life(301)], Kind::Changed, "token_life_seconds", MORE);
    check([life(300)], [life(299)], Kind::Changed, "token_life_seconds", NO_MORE);
    // Who operates is told of users.
    let before = Scene::cast();
    let granted = [Event::OperatorGranted { user: MAX }];
    let after = before.clone().given(granted.clone().map(fact));
    assert!(
        differences(&before.model, &after.model, &granted).iter().all(|one| one.row != RowId::Deployment)
    );
}

#[test]
fn who_joins_again_is_new_and_whoever_was_revoked_and_not_made_never_there() {
    let (left, joined) = (
        Event::MemberRemoved { tenant: A, user: MAX },
        Event::MemberAdded { tenant: A, user: MAX, role: Role::Runner },
    );
    check([left.clone()], [joined.clone()], Kind::Added, "role standing since", MORE);
    // Gone and back within the window: the role is lower, and what is from before is refused.
    check([], [left, joined], Kind::Changed, "role since left", NO_MORE);
}

#[test]
fn a_new_key_is_told_whole_and_going_back_it_was_never_there() {
    let before = Scene::cast();
    let made = key_created(Owner::User(MAX), Reach::Tenant(A), new_key(Owner::User(MAX), id(NEW)), None);
    let after = before.clone().given([fact(made.clone())]);
    let forward = differences(&before.model, &after.model, std::slice::from_ref(&made));
    let [difference] = forward.as_slice() else { panic!("{forward:?}") };
    assert_eq!((difference.kind(), difference.increases_access()), (Kind::Added, MORE));
    assert_eq!(difference.row, RowId::Key(id(NEW)));
    assert!(matches!(&difference.after, Some(Change::Key(key)) if key.id == id(NEW)));
    let back = differences(&after.model, &before.model, &[made]);
    let [difference] = back.as_slice() else { panic!("{back:?}") };
    assert_eq!((difference.kind(), difference.increases_access()), (Kind::Removed, NO_MORE));
}

#[test]
fn a_difference_is_told_in_words() {
    let (soon, late) = (expires(Some(10)), [expires(None), rate(Some((5, 60))), addresses("10.0.0.0/8")]);
    let before = Scene::cast().given([fact(soon)]);
    let after = before.clone().given(late.clone().map(fact));
    let differences = differences(&before.model, &after.model, &late);
    let told: String = differences[0].told().into_iter().map(in_words).collect();
    let expected = "key 42: expires at 1767225610000 → never, addresses everywhere → [10.0.0.0/8], \
                    rate unlimited → requests 5, period 60 s";
    assert_eq!(told, expected);
}

fn in_words(piece: Piece<'_>) -> String {
    match piece {
        Piece::Words(words) => words.into_owned(),
        Piece::Word(word) => word.as_str().to_owned(),
        Piece::Thing(entity) | Piece::Unnamed(entity) => {
            format!("{} {:02x}", entity.kind(), entity.id()[0])
        }
        Piece::Token(token) => token.to_string(),
        Piece::Text(_, _) => "[sealed]".to_owned(),
        Piece::At(at) => Timestamp::unix_ms(at).to_string(),
        Piece::Bytes(bytes) => format!("{bytes:?}"),
    }
}
