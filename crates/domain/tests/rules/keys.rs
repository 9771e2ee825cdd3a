//! Rules about keys: a user manages its own, administrators those of their tenant's service accounts.

use keyledger_domain::actor::Actor;
use keyledger_domain::command::{Command, NewKey, Successor};
use keyledger_domain::event::{Event, TokenTarget};
use keyledger_domain::ids::{KeyId, TenantId, UserId};
use keyledger_domain::key::{Owner, Reach, RevocationReason};
use keyledger_domain::limits::KeyLimits;
use keyledger_domain::rejection::{Entity, Refusal, Rejection};
use keyledger_domain::role::{Role, Scopes};
use keyledger_domain::time::Timestamp;

use crate::scene::*;

const K: KeyId = id(NEW);
const K2: KeyId = id(NEW + 1);
const K3: KeyId = id(NEW + 2);
const OF_OLGA: Owner = Owner::User(OLGA);
const OF_MAX: Owner = Owner::User(MAX);
const OF_OTTO: Owner = Owner::User(OTTO);
const OF_BOT: Owner = Owner::ServiceAccount(BOT);
const DAY: u64 = 24 * 60 * 60;

fn create(owner: Owner, reach: Reach, key: NewKey) -> Command {
    Command::CreateKey { owner, reach, key }
}

fn rotate(key: KeyId, to: KeyId, grace_ends_at: Timestamp) -> Command {
    Command::RotateKey { key, successor: successor(to), grace_ends_at }
}

fn expire(key: KeyId, expires_at: Option<Timestamp>) -> Command {
    Command::ChangeKeyExpiry { key, expires_at }
}

fn tighten(max: Option<u64>, default: Option<u64>) -> Deed {
    by(anna(), Command::ChangeTenantPolicy { tenant: A, policy: policy(max, default) })
}

/// What a successor begins with: everything of its predecessor but id, secret and end.
fn succeeded(owner: Owner, reach: Reach, id: KeyId, scopes: Scopes, end: Option<Timestamp>) -> Event {
    let Successor { id, digest, prefix, last_four, expires_at: _ } = successor(id);
    let name = key_name(owner, "first name");
    let key = NewKey {
        id,
        name,
        digest,
        prefix,
        last_four,
        scopes,
        expires_at: None,
        limits: KeyLimits::default(),
        note: None,
    };
    key_created(owner, reach, key, end)
}

#[test]
fn at_the_machine_itself_keys_of_service_accounts_are_brought_over() {
    let owner = Owner::ServiceAccount(BOT);
    let import = || by(Actor::Console, create_key(owner, Reach::Tenant(B), K));
    let made = || key_created(owner, Reach::Tenant(A), new_key(owner, K), None);
    // Whatever was asked for: it acts in the account's tenant.
    check([], import(), events([made()]));
    check([by(olga(), Command::SuspendTenant { tenant: A })], import(), events([made()]));
    check(
        [by(anna(), Command::SuspendServiceAccount { service_account: BOT })],
        import(),
        rejected("SUSPENDED"),
    );
    check(
        [by(anna(), Command::RemoveServiceAccount { service_account: BOT })],
        import(),
        rejected("REMOVED"),
    );
    check([by(olga(), Command::RemoveTenant { tenant: A })], import(), rejected("REMOVED"));
    check([], by(Actor::Server, create_key(owner, Reach::Tenant(A), K)), rejected("FORBIDDEN"));
}

#[test]
fn a_user_of_any_role_creates_its_own_keys() {
    for (actor, user) in [(anna(), ANNA), (max(), MAX), (rita(), RITA), (rex(), REX)] {
        let (owner, reach) = (Owner::User(user), Reach::Tenant(A));
        let created = key_created(owner, reach, new_key(owner, K), None);
        check([], by(actor.clone(), create_key(owner, reach, K)), events([created]));
        check([], by(actor, create_key(owner, reach, MAXS)), rejected("ID_TAKEN"));
    }
}

#[test]
fn nobody_creates_keys_for_somebody_else() {
    let command = || create_key(OF_MAX, Reach::Tenant(A), K);
    for actor in [anna(), rita(), rex(), etl(), bot(), bert(), otto(), bee(), olga()] {
        let there_is_none = Rejection::NotFound(Entity::User(MAX));
        check([], by(actor, command()), Then::Rejection(there_is_none));
    }
    check([], by(Actor::Server, command()), rejected("FORBIDDEN"));
}

/// Who has lost every key is let in again; what the rules hold for every new key, they hold for this one.
#[test]
fn at_the_console_a_living_member_or_operator_is_given_a_key() {
    let command = |owner, reach| by(Actor::Console, create_key(owner, reach, K));
    for (owner, reach) in [
        (OF_MAX, Reach::AnyTenant { home: A }),
        (OF_MAX, Reach::Tenant(A)),
        (OF_OLGA, Reach::AnyTenant { home: HOME }),
    ] {
        let created = key_created(owner, reach, new_key(owner, K), None);
        check([], command(owner, reach), events([created]));
        check([], by(Actor::Console, create_key(owner, reach, MAXS)), rejected("ID_TAKEN"));
    }
    let any = |home| Reach::AnyTenant { home };
    let suspended = by(olga(), Command::SuspendUser { user: MAX });
    check([suspended], command(OF_MAX, any(A)), Then::Rejection(Rejection::Suspended(Entity::User(MAX))));
    let removed = by(olga(), Command::RemoveUser { user: MAX });
    check([removed], command(OF_MAX, any(A)), Then::Rejection(Rejection::Removed(Entity::User(MAX))));
    let left = Rejection::Removed(Entity::Member { tenant: A, user: MAX });
    check([by(anna(), remove_member(A, MAX))], command(OF_MAX, any(A)), Then::Rejection(left.clone()));
    check([by(olga(), Command::RemoveTenant { tenant: A })], command(OF_MAX, any(A)), Then::Rejection(left));
    let never = Rejection::NotFound(Entity::Member { tenant: B, user: MAX });
    check([], command(OF_MAX, any(B)), Then::Rejection(never));
    let unknown = Then::Rejection(Rejection::NotFound(Entity::User(id(NEW))));
    check([], command(Owner::User(id(NEW)), any(A)), unknown);
    let end = key_created(OF_MAX, any(A), new_key(OF_MAX, K), Some(at(60)));
    check([tighten(Some(60), None)], command(OF_MAX, any(A)), events([end]));
}

/// An operator acts outside of tenants, too: the end of every tenant must not be the end of its keys.
#[test]
fn at_the_console_an_operator_without_a_tenant_is_given_a_key() {
    let home_removed = by(olga(), Command::RemoveTenant { tenant: HOME });
    let reach = Reach::AnyTenant { home: HOME };
    let created = key_created(OF_OLGA, reach, new_key(OF_OLGA, K), None);
    let when = by(Actor::Console, create_key(OF_OLGA, reach, K));
    check([home_removed], when, events([created]));
}

#[test]
fn only_administrators_of_its_tenant_create_keys_for_a_service_account() {
    let created = || key_created(OF_BOT, Reach::Tenant(A), new_key(OF_BOT, K), None);
    let command = || create_key(OF_BOT, Reach::Tenant(A), K);
    for actor in [anna(), etl()] {
        check([], by(actor, command()), events([created()]));
    }
    for actor in [max(), rita(), rex(), bot(), Actor::Server] {
        check([], by(actor, command()), rejected("FORBIDDEN"));
    }
    for actor in [bert(), otto(), bee(), olga()] {
        let there_is_none = Rejection::NotFound(Entity::ServiceAccount(BOT));
        check([], by(actor, command()), Then::Rejection(there_is_none));
    }
}

#[test]
fn a_service_accounts_key_acts_in_its_tenant_whatever_is_asked_for() {
    for reach in [Reach::AnyTenant { home: A }, Reach::Tenant(B), Reach::AnyTenant { home: B }] {
        let created = key_created(OF_BOT, Reach::Tenant(A), new_key(OF_BOT, K), None);
        check([], by(anna(), create_key(OF_BOT, reach, K)), events([created]));
        check([], by(bert(), create_key(OF_BOT, reach, K)), rejected("NOT_FOUND"));
    }
    let scene = Scene::cast();
    assert_eq!(scene.admit(BOTS, Some(A), 0).map(|admission| admission.role), Ok(Some(Role::Runner)));
    assert_eq!(scene.admit(BOTS, Some(B), 0), Err(Refusal::OtherTenant));
    // Even if a log held one of another reach.
    let stray = fact(key_created(OF_BOT, Reach::Tenant(B), new_key(OF_BOT, K), None));
    assert_eq!(Scene::cast().given([stray]).accepts(K, 0), Err(Refusal::OtherTenant));
}

#[test]
fn a_suspended_or_removed_service_account_gets_no_keys() {
    let command = || by(anna(), create_key(OF_BOT, Reach::Tenant(A), K));
    let suspended = by(anna(), Command::SuspendServiceAccount { service_account: BOT });
    let removed = by(anna(), Command::RemoveServiceAccount { service_account: BOT });
    check([suspended], command(), rejected("SUSPENDED"));
    check([removed], command(), rejected("REMOVED"));
}

#[test]
fn a_user_creates_keys_only_for_tenants_that_it_is_a_member_of() {
    let create = |reach| by(olga(), create_key(OF_OLGA, reach, K));
    let created = |reach| key_created(OF_OLGA, reach, new_key(OF_OLGA, K), None);
    for reach in [Reach::Tenant(HOME), Reach::AnyTenant { home: HOME }] {
        check([], create(reach), events([created(reach)]));
    }
    for reach in [Reach::Tenant(A), Reach::AnyTenant { home: A }, Reach::Tenant(id(NEW))] {
        check([], create(reach), rejected("NOT_FOUND"));
    }
    let joined = || by(anna(), add_member(A, OLGA, Role::Runner));
    let left = by(anna(), remove_member(A, OLGA));
    check([joined()], create(Reach::Tenant(A)), events([created(Reach::Tenant(A))]));
    check([joined(), left], create(Reach::Tenant(A)), rejected("NOT_FOUND"));
}

#[test]
fn no_key_is_confined_to_a_removed_tenant() {
    let joined = by(anna(), add_member(A, OLGA, Role::Runner));
    let gone = by(olga(), Command::RemoveTenant { tenant: A });
    check([joined, gone], by(olga(), create_key(OF_OLGA, Reach::Tenant(A), K)), rejected("REMOVED"));
}

#[test]
fn a_confined_credential_gives_no_wider_reach() {
    let wider = || create_key(OF_MAX, Reach::AnyTenant { home: A }, K);
    check([], by(max(), wider()), rejected("REACH_NOT_HELD"));
    check([], by(narrowed(max(), "keyledger:read"), wider()), rejected("REACH_NOT_HELD"));
    let token = Scene::cast().mint(id(1), OLGAS, HOME).shown_by(OF_OLGA);
    let wider = create_key(OF_OLGA, Reach::AnyTenant { home: HOME }, K);
    check([], by(token.clone(), wider), rejected("REACH_NOT_HELD"));
    let joined = by(anna(), add_member(A, OLGA, Role::Member));
    let elsewhere = create_key(OF_OLGA, Reach::Tenant(A), K);
    check([joined.clone()], by(token.clone(), elsewhere.clone()), rejected("REACH_NOT_HELD"));
    // What it would make, it knows; a key that is there, out of its reach, it does not.
    check([], by(token, Command::DisableKey { key: OLGAS }), rejected("NOT_FOUND"));
    let created = key_created(OF_OLGA, Reach::Tenant(A), new_key(OF_OLGA, K), None);
    check([joined], by(olga(), elsewhere), events([created]));
}

#[test]
fn nobody_grants_scopes_that_they_do_not_have() {
    let key = |scopes| NewKey { scopes, ..new_key(OF_MAX, K) };
    let holder = || narrowed(max(), "keyledger:keys flows:run");
    let create = |scopes| by(holder(), create(OF_MAX, Reach::Tenant(A), key(scopes)));
    for scopes in [Scopes::All, narrow("flows:run flows:read"), narrow("keyledger:admin")] {
        check([], create(scopes), rejected("SCOPES_NOT_HELD"));
    }
    for scopes in [narrow("flows:run"), narrow("flows:run keyledger:keys"), narrow("")] {
        let created = key_created(OF_MAX, Reach::Tenant(A), key(scopes.clone()), None);
        check([], create(scopes), events([created]));
    }
    let administrator = narrowed(anna(), "keyledger:admin");
    check([], by(administrator, create_key(OF_BOT, Reach::Tenant(A), K)), rejected("SCOPES_NOT_HELD"));
}

#[test]
fn scopes_narrow_what_a_role_permits() {
    let commands = |key| {
        [
            create_key(OF_MAX, Reach::Tenant(A), K),
            Command::RenameKey { key, name: key_name(OF_MAX, "new") },
            expire(key, Some(at(60))),
            Command::DisableKey { key },
            rotate(key, K, at(0)),
        ]
    };
    let holder = || narrowed(max(), "keyledger:read keyledger:admin");
    for command in commands(MAXS) {
        check([], by(holder(), command), rejected("FORBIDDEN"));
    }
    let other = by(max(), create_key(OF_MAX, Reach::Tenant(A), K2));
    let stops = [revoke(K2), Command::RevokeTokens { target: TokenTarget::Key(K2) }];
    for command in commands(K2).into_iter().chain(stops) {
        check([other.clone()], by(holder(), command), rejected("FORBIDDEN"));
    }
    // And never widen it.
    let rename = Command::RenameTenant { tenant: A, name: tenant_name(A, "new") };
    check([], by(narrowed(max(), "keyledger:admin"), rename), rejected("FORBIDDEN"));
}

#[test]
fn nobody_rotates_a_key_wider_than_the_one_used() {
    let wide = by(narrowed(max(), "keyledger:keys"), rotate(MAXS, K, at(0)));
    check([], wide, rejected("SCOPES_NOT_HELD"));
}

#[test]
fn the_longest_key_life_binds_new_keys() {
    let create = |end| {
        let key = NewKey { expires_at: end, ..new_key(OF_MAX, K) };
        by(max(), create(OF_MAX, Reach::Tenant(A), key))
    };
    let created = |end| key_created(OF_MAX, Reach::Tenant(A), new_key(OF_MAX, K), end);
    let max = || [tighten(Some(100), None)];
    check(max(), create(Some(at(100))), events([created(Some(at(100)))]));
    let too_long = || Then::Rejection(Rejection::KeyLifeTooLong { tenant: A, seconds_max: 100 });
    check(max(), create(Some(at(101))), too_long());
    check(max(), create(None).at(5), events([created(Some(at(105)))]));
    check(max(), create(Some(at(150))).at(50), events([created(Some(at(150)))]));
}

#[test]
fn the_default_key_life_fills_in_what_was_not_asked() {
    let create = |end| {
        let key = NewKey { expires_at: end, ..new_key(OF_MAX, K) };
        by(max(), create(OF_MAX, Reach::Tenant(A), key))
    };
    let created = |end| events([key_created(OF_MAX, Reach::Tenant(A), new_key(OF_MAX, K), end)]);
    check([tighten(None, Some(60))], create(None).at(5), created(Some(at(65))));
    check([tighten(None, Some(60))], create(Some(at(DAY))), created(Some(at(DAY))));
    check([tighten(Some(100), Some(60))], create(None), created(Some(at(60))));
    check([], create(None), created(None));
    // As long as may be, where only that is said.
    check([tighten(Some(100), None)], create(None), created(Some(at(100))));
    let for_bot = key_created(OF_BOT, Reach::Tenant(A), new_key(OF_BOT, K), Some(at(100)));
    check([tighten(Some(100), None)], by(anna(), create_key(OF_BOT, Reach::Tenant(A), K)), events([for_bot]));
}

#[test]
fn a_key_for_any_tenant_obeys_the_policies_of_all_its_users_tenants() {
    let joined = || by(anna(), add_member(A, OLGA, Role::Member));
    let strict = || tighten(Some(100), Some(60));
    let create = |end| {
        let key = NewKey { expires_at: end, ..new_key(OF_OLGA, K) };
        by(olga(), create(OF_OLGA, Reach::AnyTenant { home: HOME }, key))
    };
    let reach = Reach::AnyTenant { home: HOME };
    let created = |end| events([key_created(OF_OLGA, reach, new_key(OF_OLGA, K), end)]);
    let too_long = || Then::Rejection(Rejection::KeyLifeTooLong { tenant: A, seconds_max: 100 });
    check([joined(), strict()], create(Some(at(100))), created(Some(at(100))));
    check([joined(), strict()], create(Some(at(101))), too_long());
    // For ever is too long as well: A does not shorten a life unseen.
    check([joined(), strict()], create(None), too_long());
    check([strict()], create(None), created(None));
    let suspended = by(olga(), Command::SuspendTenant { tenant: A });
    check([joined(), strict(), suspended], create(None), too_long());
    let left = by(anna(), remove_member(A, OLGA));
    check([joined(), strict(), left], create(None), created(None));
    let gone = by(olga(), Command::RemoveTenant { tenant: A });
    check([joined(), strict(), gone], create(None), created(None));
}

#[test]
fn the_home_of_a_key_for_any_tenant_alone_fills_in_when_it_ends() {
    let joined = || by(anna(), add_member(A, OLGA, Role::Member));
    let at_home =
        |max, default| by(olga(), Command::ChangeTenantPolicy { tenant: HOME, policy: policy(max, default) });
    let create = |home| by(olga(), create_key(OF_OLGA, Reach::AnyTenant { home }, K));
    let created = |home, end| {
        let reach = Reach::AnyTenant { home };
        events([key_created(OF_OLGA, reach, new_key(OF_OLGA, K), Some(at(end)))])
    };
    let too_long = || Then::Rejection(Rejection::KeyLifeTooLong { tenant: A, seconds_max: 100 });
    let strict = || [joined(), tighten(Some(100), Some(60))];
    // Its default; else its longest life; never a shorter default elsewhere.
    check(strict().into_iter().chain([at_home(None, Some(80))]), create(HOME), created(HOME, 80));
    check(strict().into_iter().chain([at_home(Some(90), Some(80))]), create(HOME), created(HOME, 80));
    check(strict().into_iter().chain([at_home(Some(90), None)]), create(HOME), created(HOME, 90));
    // What it fills in is bound elsewhere like what is asked.
    check(strict().into_iter().chain([at_home(None, Some(101))]), create(HOME), too_long());
    check(strict().into_iter().chain([at_home(Some(101), None)]), create(HOME), too_long());
    // The same two tenants, the other one home.
    check(strict().into_iter().chain([at_home(Some(90), Some(30))]), create(A), created(A, 60));
    check([joined(), tighten(None, Some(60)), at_home(Some(90), None)], create(A), created(A, 60));
}

#[test]
fn a_successor_for_any_tenant_ends_as_its_home_says() {
    let at_home = by(olga(), Command::ChangeTenantPolicy { tenant: HOME, policy: policy(Some(90), None) });
    let joined = by(anna(), add_member(A, OLGA, Role::Member));
    let expected = events([
        succeeded(OF_OLGA, Reach::AnyTenant { home: HOME }, K, Scopes::All, Some(at(100))),
        Event::KeyRotated { key: OLGAS, successor: K, grace_ends_at: at(20) },
    ]);
    let strict = tighten(Some(100), Some(60));
    check([at_home, joined, strict], by(olga(), rotate(OLGAS, K, at(20))).at(10), expected);
}

#[test]
fn a_changed_expiry_of_a_key_for_any_tenant_ends_as_its_home_says_from_creation_on() {
    let at_home =
        |max, default| by(olga(), Command::ChangeTenantPolicy { tenant: HOME, policy: policy(max, default) });
    let strict = || [by(anna(), add_member(A, OLGA, Role::Member)), tighten(Some(100), Some(60))];
    let change = |end| by(olga(), expire(OLGAS, end)).at(50);
    let changed = |end| events([Event::KeyExpiryChanged { key: OLGAS, expires_at: Some(at(end)) }]);
    let too_long = || Then::Rejection(Rejection::KeyLifeTooLong { tenant: A, seconds_max: 100 });
    check(strict(), change(Some(at(100))), changed(100));
    check(strict(), change(Some(at(101))), too_long());
    check(strict(), change(None), too_long());
    for (policy, end) in [(at_home(None, Some(80)), 80), (at_home(Some(90), None), 90)] {
        check(strict().into_iter().chain([policy]), change(None), changed(end));
    }
    check(strict().into_iter().chain([at_home(None, Some(50))]), change(None), rejected("EXPIRY_IN_PAST"));
    check(strict().into_iter().chain([at_home(Some(50), None)]), change(None), rejected("EXPIRY_IN_PAST"));
}

#[test]
fn the_expiry_asked_for_lies_ahead() {
    let create = |end| {
        let key = NewKey { expires_at: Some(end), ..new_key(OF_MAX, K) };
        by(max(), create(OF_MAX, Reach::Tenant(A), key)).at(10)
    };
    check([], create(at(9)), rejected("EXPIRY_IN_PAST"));
    check([], create(at(10)), rejected("EXPIRY_IN_PAST"));
    let after = at(11);
    check(
        [],
        create(after),
        events([key_created(OF_MAX, Reach::Tenant(A), new_key(OF_MAX, K), Some(after))]),
    );
    check([], by(max(), expire(MAXS, Some(at(10)))).at(10), rejected("EXPIRY_IN_PAST"));
}

#[test]
fn a_key_expires_at_the_very_instant() {
    let scene = Scene::cast().given([by(max(), expire(MAXS, Some(at(60))))]);
    assert_eq!(scene.accepts(MAXS, 59), Ok(()));
    assert_eq!(scene.accepts(MAXS, 60), Err(Refusal::KeyExpired));
    let rename = || by(max(), Command::RenameKey { key: MAXS, name: key_name(OF_MAX, "new") });
    let renamed = Event::KeyRenamed { key: MAXS, name: key_name(OF_MAX, "new") };
    scene.clone().check(rename().at(59), events([renamed]));
    scene.check(rename().at(60), rejected("KEY_EXPIRED"));
}

#[test]
fn an_expiry_is_changed_once() {
    let change = |end| by(max(), expire(MAXS, end));
    let changed = |expires_at| once([Event::KeyExpiryChanged { key: MAXS, expires_at }]);
    check([], change(Some(at(60))), changed(Some(at(60))));
    check([change(Some(at(60)))], change(None), changed(None));
    check([], change(None), nothing());
}

#[test]
fn an_expired_key_stays_expired() {
    let short = || {
        let key = NewKey { expires_at: Some(at(60)), ..new_key(OF_MAX, K) };
        by(max(), create(OF_MAX, Reach::Tenant(A), key))
    };
    let later = by(max(), expire(K, Some(at(DAY))));
    let changed = Event::KeyExpiryChanged { key: K, expires_at: Some(at(DAY)) };
    check([short()], later.clone().at(59), events([changed]));
    check([short()], later.at(60), Then::Rejection(Rejection::KeyExpired(K)));
    check([short()], by(max(), rotate(K, K2, at(70))).at(60), rejected("KEY_EXPIRED"));
    check([short()], by(max(), revoke(K)).at(60), events([revoked(K)]));
}

#[test]
fn a_changed_expiry_is_bound_from_creation_on() {
    let change = |end| by(max(), expire(MAXS, end)).at(50);
    let changed = |end| events([Event::KeyExpiryChanged { key: MAXS, expires_at: Some(end) }]);
    check([tighten(Some(100), None)], change(Some(at(100))), changed(at(100)));
    check([tighten(Some(100), None)], change(Some(at(101))), rejected("KEY_LIFE_TOO_LONG"));
    check([tighten(Some(100), None)], change(None), changed(at(100)));
    check([tighten(None, Some(60))], change(None), changed(at(60)));
}

#[test]
fn a_default_life_that_is_over_does_not_end_a_key_by_surprise() {
    let change = || by(max(), expire(MAXS, None));
    check([tighten(None, Some(60))], change().at(60), rejected("EXPIRY_IN_PAST"));
    check([tighten(None, Some(60))], change().at(61), rejected("EXPIRY_IN_PAST"));
    check([tighten(Some(60), None)], change().at(60), rejected("EXPIRY_IN_PAST"));
}

#[test]
fn keys_are_renamed_disabled_and_enabled() {
    let name = |text| key_name(OF_MAX, text);
    let rename = |text| by(max(), Command::RenameKey { key: MAXS, name: name(text) });
    check([], rename("new"), once([Event::KeyRenamed { key: MAXS, name: name("new") }]));
    check([], rename("first name"), nothing());
    let other = by(max(), create_key(OF_MAX, Reach::Tenant(A), K));
    let disable = || by(max(), Command::DisableKey { key: K });
    let enable = || by(max(), Command::EnableKey { key: K });
    check([other.clone()], disable(), once([Event::KeyDisabled { key: K }]));
    check([other.clone(), disable()], enable(), once([Event::KeyEnabled { key: K }]));
    check([other.clone()], enable(), nothing());
    let scene = Scene::cast().given([other, disable()]);
    assert_eq!(scene.accepts(K, 0), Err(Refusal::KeyDisabled));
    assert_eq!(scene.given([enable()]).accepts(K, 0), Ok(()));
}

#[test]
fn a_key_is_revoked_once_and_the_first_reason_stays() {
    let other = by(max(), create_key(OF_MAX, Reach::Tenant(A), K));
    let because = |reason| by(max(), Command::RevokeKey { key: K, reason, note: None });
    let first = RevocationReason::KeyCompromise;
    let revoked = Event::KeyRevoked { key: K, reason: first, note: None };
    check([other.clone()], because(first), once([revoked]));
    check([other.clone(), because(first)], because(RevocationReason::Superseded), nothing());
    let again = fact(Event::KeyRevoked { key: K, reason: RevocationReason::Superseded, note: None });
    let enabled = fact(Event::KeyEnabled { key: K });
    let scene = Scene::cast().given([other, because(first), again, enabled]);
    assert_eq!(scene.model.keys[&K].life.revoked, Some(first));
}

#[test]
fn nothing_is_done_with_a_revoked_key() {
    let given = || [by(max(), create_key(OF_MAX, Reach::Tenant(A), K)), by(max(), revoke(K))];
    let commands = [
        Command::RenameKey { key: K, name: key_name(OF_MAX, "new") },
        expire(K, Some(at(60))),
        Command::DisableKey { key: K },
        Command::EnableKey { key: K },
        rotate(K, K2, at(60)),
    ];
    for command in commands {
        check(given(), by(max(), command), Then::Rejection(Rejection::KeyRevoked(K)));
    }
}

#[test]
fn a_user_manages_only_its_own_keys_and_administrators_those_of_service_accounts() {
    let commands = |key, owner| {
        [
            Command::RenameKey { key, name: key_name(owner, "new") },
            expire(key, Some(at(60))),
            Command::DisableKey { key },
            Command::EnableKey { key },
            rotate(key, K, at(60)),
            revoke(key),
        ]
    };
    for command in commands(MAXS, OF_MAX) {
        for actor in [anna(), rita(), etl(), bot(), bert(), otto()] {
            let there_is_none = Rejection::NotFound(Entity::Key(MAXS));
            check([], by(actor, command.clone()), Then::Rejection(there_is_none));
        }
    }
    // Another than the one it shows: even the service account itself does nothing with that.
    let spare = || [by(anna(), create_key(OF_BOT, Reach::Tenant(A), K2))];
    for command in commands(K2, OF_BOT) {
        for actor in [max(), rita(), rex(), bot()] {
            check(spare(), by(actor, command.clone()), rejected("FORBIDDEN"));
        }
        for actor in [bert(), otto(), bee()] {
            let there_is_none = Rejection::NotFound(Entity::Key(K2));
            check(spare(), by(actor, command.clone()), Then::Rejection(there_is_none));
        }
        for actor in [anna(), etl()] {
            let scene = Scene::cast().given(spare());
            assert!(scene.decide(&actor, command.clone(), at(0)).is_ok(), "{command:?}");
        }
    }
    for command in commands(K2, OF_MAX) {
        check([], by(max(), command), rejected("NOT_FOUND"));
    }
}

#[test]
fn whoever_holds_a_key_ends_it_however_little_it_permits_and_does_nothing_else_with_it() {
    let holders = [
        (narrowed(max(), "keyledger:read"), MAXS),
        (narrowed(max(), ""), MAXS),
        (narrowed(anna(), "flows:run"), ANNAS),
        (narrowed(olga(), "keyledger:verify"), OLGAS),
        (rex(), REXS),
        (bot(), BOTS),
        (narrowed(bot(), ""), BOTS),
        (narrowed(bee(), "keyledger:read"), BEES),
    ];
    for (holder, key) in holders {
        check([], by(holder.clone(), revoke(key)), events([revoked(key)]));
        check([by(holder.clone(), revoke(key))], by(holder, revoke(key)), rejected("KEY_REVOKED"));
    }
    for holder in [bot(), narrowed(bot(), "")] {
        let commands = [
            Command::RenameKey { key: BOTS, name: account_name(BOT, "new") },
            expire(BOTS, Some(at(60))),
            Command::DisableKey { key: BOTS },
            rotate(BOTS, K, at(60)),
        ];
        for command in commands {
            check([], by(holder.clone(), command), rejected("FORBIDDEN"));
        }
    }
    // What is dead already ends nothing, and nobody calls another's key their own.
    check([], by(mira(), revoke(MIRAS)), rejected("KEY_REVOKED"));
    check([], by(shows(OF_MAX, BOTS, Some(A)), revoke(BOTS)), rejected("KEY_UNKNOWN"));
}

#[test]
fn an_operator_stops_any_key_in_an_emergency_but_manages_none() {
    for key in [MAXS, BOTS, BERTS] {
        check([], by(olga(), revoke(key)), once([revoked(key)]));
        check([], by(narrowed(olga(), "keyledger:keys"), revoke(key)), rejected("NOT_FOUND"));
        for command in [Command::EnableKey { key }, Command::DisableKey { key }, rotate(key, K, at(0))] {
            check([], by(olga(), command), rejected("NOT_FOUND"));
        }
    }
}

#[test]
fn a_rotation_makes_a_successor_like_the_key_and_gives_grace() {
    let scopes = || narrow("keyledger:keys flows:run");
    let key = NewKey { scopes: scopes(), ..new_key(OF_MAX, K) };
    let given = || [by(max(), create(OF_MAX, Reach::Tenant(A), key.clone()))];
    let expected = events([
        succeeded(OF_MAX, Reach::Tenant(A), K2, scopes(), None),
        Event::KeyRotated { key: K, successor: K2, grace_ends_at: at(60) },
    ]);
    let rotate_it = || by(max(), rotate(K, K2, at(60)));
    check(given(), rotate_it(), expected);
    let scene = Scene::cast().given(given()).given([rotate_it()]);
    let rows = (&scene.model.keys[&K], &scene.model.keys[&K2]);
    assert_eq!((rows.0.successor, rows.1.predecessor), (Some(K2), Some(K)));
    assert_eq!(scene.accepts(K, 59), Ok(()));
    assert_eq!(scene.accepts(K, 60), Err(Refusal::KeyRotated));
    assert_eq!(scene.accepts(K2, 60), Ok(()));
    let again = Rejection::KeyRotated { key: K, successor: K2 };
    scene.clone().check(by(max(), rotate(K, id(NEW + 2), at(60))), Then::Rejection(again));
    // Revoking the old key in its grace does not touch the new one.
    let scene = scene.given([by(max(), revoke(K))]);
    assert_eq!((scene.accepts(K, 0), scene.accepts(K2, 0)), (Err(Refusal::KeyRevoked), Ok(())));
}

#[test]
fn a_disabled_key_is_enabled_before_it_is_rotated() {
    let disabled =
        || [by(max(), create_key(OF_MAX, Reach::Tenant(A), K)), by(max(), Command::DisableKey { key: K })];
    let rotate_it = || by(max(), rotate(K, K2, at(60)));
    check(disabled(), rotate_it(), Then::Rejection(Rejection::KeyDisabled(K)));
    let scene =
        Scene::cast().given(disabled()).given([by(max(), Command::EnableKey { key: K }), rotate_it()]);
    assert_eq!(scene.accepts(K2, 0), Ok(()));
    // What is final is told first.
    let revoked = by(max(), revoke(K));
    check(disabled().into_iter().chain([revoked]), rotate_it(), rejected("KEY_REVOKED"));
}

#[test]
fn grace_is_bounded_and_may_be_none() {
    let rotate = |end| by(max(), rotate(MAXS, K, end)).at(10);
    let expected = |grace_ends_at| {
        events([
            succeeded(OF_MAX, Reach::Tenant(A), K, Scopes::All, None),
            Event::KeyRotated { key: MAXS, successor: K, grace_ends_at },
        ])
    };
    check([], rotate(at(10 + 90 * DAY)), expected(at(10 + 90 * DAY)));
    check([], rotate(at(11 + 90 * DAY)), rejected("GRACE_TOO_LONG"));
    check([], rotate(at(0)), expected(at(10)));
    let scene = Scene::cast().given([rotate(at(0))]);
    assert_eq!(scene.accepts(MAXS, 10), Err(Refusal::KeyRotated));
}

#[test]
fn grace_does_not_lengthen_a_life() {
    let given = [by(max(), expire(MAXS, Some(at(30)))), by(max(), rotate(MAXS, K, at(60)))];
    let scene = Scene::cast().given(given);
    assert_eq!((scene.accepts(MAXS, 29), scene.accepts(MAXS, 30)), (Ok(()), Err(Refusal::KeyExpired)));
}

#[test]
fn what_was_rotated_is_over_when_its_grace_is() {
    let rotated = || by(max(), rotate(K, K2, at(60)));
    let given = || [by(max(), create_key(OF_MAX, Reach::Tenant(A), K)), rotated()];
    check(given(), by(max(), expire(K, Some(at(DAY)))).at(60), rejected("KEY_EXPIRED"));
    let changed = Event::KeyExpiryChanged { key: K, expires_at: Some(at(DAY)) };
    check(given(), by(max(), expire(K, Some(at(DAY)))).at(59), events([changed]));
}

#[test]
fn a_successor_is_bound_by_the_policy_of_its_day() {
    let rotate = |expires_at| {
        let successor = Successor { expires_at, ..successor(K) };
        by(max(), Command::RotateKey { key: MAXS, successor, grace_ends_at: at(50) }).at(50)
    };
    let expected = |end| {
        events([
            succeeded(OF_MAX, Reach::Tenant(A), K, Scopes::All, Some(end)),
            Event::KeyRotated { key: MAXS, successor: K, grace_ends_at: at(50) },
        ])
    };
    let strict = || [tighten(Some(100), Some(60))];
    check(strict(), rotate(None), expected(at(110)));
    check(strict(), rotate(Some(at(150))), expected(at(150)));
    check(strict(), rotate(Some(at(151))), rejected("KEY_LIFE_TOO_LONG"));
    check([tighten(Some(100), None)], rotate(None), expected(at(150)));
    check([], rotate(Some(at(50))), rejected("EXPIRY_IN_PAST"));
    let successor = successor(ANNAS);
    let taken = Command::RotateKey { key: MAXS, successor, grace_ends_at: at(50) };
    check([], by(max(), taken), rejected("ID_TAKEN"));
}

#[test]
fn a_key_that_ended_with_what_it_rested_on_has_no_successor() {
    let (member, confined) =
        (by(anna(), add_member(A, OLGA, Role::Member)), create_key(OF_OLGA, Reach::Tenant(A), K));
    let left = by(anna(), remove_member(A, OLGA));
    let rotate_it = || by(olga(), rotate(K, K2, at(60)));
    let given = [member.clone(), by(olga(), confined), left];
    let gone = |entity| Then::Rejection(Rejection::Removed(entity));
    check(given.clone(), rotate_it(), gone(Entity::Member { tenant: A, user: OLGA }));
    let rejoined = given.clone().into_iter().chain([member]);
    check(rejoined, rotate_it(), gone(Entity::Member { tenant: A, user: OLGA }));
    let [member, confined, _] = given;
    let tenant_gone = by(olga(), Command::RemoveTenant { tenant: A });
    check([member, confined, tenant_gone], rotate_it(), gone(Entity::Tenant(A)));
    let account_gone = by(anna(), Command::RemoveServiceAccount { service_account: BOT });
    let rotate_bots = by(anna(), rotate(BOTS, K, at(60)));
    check([account_gone], rotate_bots, gone(Entity::ServiceAccount(BOT)));
}

/// Otto has a key for any tenant, was in A, left it and came back.
fn came_back() -> (Scene, Actor) {
    let (key, actor) = unconfined(OTTO, K, B);
    let scene = Scene::cast().given([
        by(anna(), add_member(A, OTTO, Role::Member)),
        key,
        by(anna(), remove_member(A, OTTO)),
        by(anna(), add_member(A, OTTO, Role::Member)),
    ]);
    (scene, actor)
}

fn joined_again() -> Then {
    Then::Rejection(Rejection::JoinedAgain { tenants: vec![A] })
}

#[test]
fn a_key_from_before_its_user_left_makes_none_for_any_tenant() {
    let anywhere = |home| create_key(OF_OTTO, Reach::AnyTenant { home }, K2);
    let (scene, otto) = came_back();
    scene.clone().check(by(otto.clone(), anywhere(B)), joined_again());
    assert_eq!(scene.admit(K, Some(A), 0), Err(Refusal::MembershipRemoved));
    // Where it is still accepted, it still makes keys.
    let in_b = key_created(OF_OTTO, Reach::Tenant(B), new_key(OF_OTTO, K2), None);
    scene.clone().check(by(otto.clone(), create_key(OF_OTTO, Reach::Tenant(B), K2)), events([in_b]));
    // There is nothing to regain while its user is not there.
    let gone = scene.clone().given([by(anna(), remove_member(A, OTTO))]);
    let created = key_created(OF_OTTO, Reach::AnyTenant { home: B }, new_key(OF_OTTO, K2), None);
    gone.check(by(otto, anywhere(B)), events([created]));
    // A key from afterwards makes what it likes.
    let (later, with_later) = unconfined(OTTO, K3, B);
    let created = key_created(OF_OTTO, Reach::AnyTenant { home: A }, new_key(OF_OTTO, K2), None);
    scene.given([later]).check(by(with_later, anywhere(A)), events([created]));
}

#[test]
fn whoever_was_put_into_a_tenant_again_leaves_it_with_any_key_and_goes_on() {
    let (scene, otto) = came_back();
    let leave = || by(otto.clone(), remove_member(A, OTTO));
    let left = || events([Event::MemberRemoved { tenant: A, user: OTTO }]);
    let suspended = [by(olga(), Command::SuspendTenant { tenant: A })];
    for scene in [scene.clone(), scene.clone().given(suspended)] {
        scene.clone().check(by(otto.clone(), rotate(K, K2, at(60))), joined_again());
        scene.clone().check(leave(), left());
        scene.given([leave(), by(otto.clone(), rotate(K, K2, at(60)))]);
    }
    // A tenant that is removed is in nobody's way, and nobody leaves it.
    let removed = scene.clone().given([by(olga(), Command::RemoveTenant { tenant: A })]);
    removed.clone().check(leave(), Then::Rejection(Rejection::Removed(Entity::Tenant(A))));
    removed.given([by(otto.clone(), rotate(K, K2, at(60)))]);
}

#[test]
fn a_key_from_before_its_user_left_has_no_successor_for_any_tenant() {
    let (scene, otto) = came_back();
    let rotate_it = || by(otto.clone(), rotate(K, K2, at(60)));
    scene.clone().check(rotate_it(), joined_again());
    scene.clone().given([by(anna(), remove_member(A, OTTO)), rotate_it()]);
    let (later, with_later) = unconfined(OTTO, K3, B);
    let scene = scene.given([later]);
    // Neither does it get one by a key that is accepted in A: the successor would be.
    scene.clone().check(by(with_later.clone(), rotate(K, K2, at(60))), rejected("REACH_NOT_HELD"));
    let scene = scene.given([by(with_later, rotate(K3, K2, at(60)))]);
    assert!(scene.admit(K2, Some(A), 0).is_ok());
}

#[test]
fn a_key_from_before_its_user_left_regains_nothing_by_rotating_one_from_afterwards() {
    let (scene, otto) = came_back();
    let first_key = fact(key_created(OF_OTTO, Reach::Tenant(A), new_key(OF_OTTO, K2), None));
    let (later, _) = unconfined(OTTO, K3, B);
    let scene = scene.given([first_key, later]);
    let rotate_it = |key| by(otto.clone(), rotate(key, id(NEW + 3), at(60)));
    scene.clone().check(rotate_it(K2), Then::Rejection(Rejection::NotFound(Entity::Tenant(A))));
    scene.clone().check(rotate_it(K3), joined_again());
    // But it may end them.
    scene.check(by(otto, revoke(K2)), events([revoked(K2)]));
}

#[test]
fn a_key_for_one_tenant_is_made_only_with_one_that_is_accepted_there() {
    let in_a = |owner| create_key(owner, Reach::Tenant(A), K2);
    let (scene, otto) = came_back();
    scene.check(by(otto, in_a(OF_OTTO)), Then::Rejection(Rejection::NotFound(Entity::Tenant(A))));
    let suspended = by(olga(), Command::SuspendTenant { tenant: A });
    let removed = by(olga(), Command::RemoveTenant { tenant: A });
    let anna_in_a = || by(anna(), in_a(Owner::User(ANNA)));
    check([suspended], anna_in_a(), Then::Rejection(Rejection::Suspended(Entity::Tenant(A))));
    check([removed], anna_in_a(), Then::Rejection(Rejection::Removed(Entity::Tenant(A))));
    let unseen = Rejection::NotFound(Entity::Tenant(B));
    let elsewhere = create_key(Owner::User(ANNA), Reach::Tenant(B), K2);
    check([], by(anna(), elsewhere), Then::Rejection(unseen));
}

#[test]
fn a_key_acts_only_where_it_reaches() {
    let roles = [by(anna(), add_member(A, OTTO, Role::Runner))];
    let scene = Scene::cast().given(roles);
    assert_eq!(scene.admit(OTTOS, Some(A), 0), Err(Refusal::OtherTenant), "the key is confined to B");
    let (key, _) = unconfined(OTTO, K, B);
    let scene = scene.given([key]);
    let role = |wanted| scene.admit(K, wanted, 0).map(|admission| admission.role);
    assert_eq!(role(Some(A)), Ok(Some(Role::Runner)));
    assert_eq!(role(Some(B)), Ok(Some(Role::Member)));
    assert_eq!(role(None), Ok(Some(Role::Member)));
    assert_eq!(role(Some(HOME)), Err(Refusal::NotAMember));
    assert_eq!(role(Some(TenantId::from_bytes([9; 16]))), Err(Refusal::NotAMember));
}

#[test]
fn a_credential_shown_by_another_than_its_owner_is_unknown() {
    let disguised = shows(Owner::User(ANNA), MAXS, Some(A));
    let command = Command::RenameTenant { tenant: A, name: tenant_name(A, "new") };
    check([], by(disguised, command.clone()), rejected("KEY_UNKNOWN"));
    let unknown = shows(Owner::User(UserId::from_bytes([9; 16])), K, Some(A));
    check([], by(unknown, command), rejected("KEY_UNKNOWN"));
}
