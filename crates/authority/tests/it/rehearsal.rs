//! Dry runs: what they tell is what then happens, and until then nothing does.

use std::collections::BTreeSet;

use domain::event::{Event, RetirementReason, TenantPolicy, TokenTarget};
use domain::ids::{KeyId, TenantId, UserId};
use domain::key::{Owner, Reach, RevocationReason};
use domain::limits::RateLimit;
use domain::names::{Name, Note};
use domain::network::{AllowedAddresses, Network};
use domain::role::Role;
use domain::{Command, Recorded};
use keyledger_authority::compose::{Composed, KeyInput};
use keyledger_authority::events::Scope;
use keyledger_authority::named::KeyNamed;
use keyledger_authority::refusals::RefusalsWanted;
use keyledger_authority::rehearsal::Rehearsed;
use keyledger_authority::state_diff::{DifferenceView, Wanted};
use keyledger_authority::{AsOf, Caller, Failure, Request, Shown, Wanted as TokenWanted};
use store::chain::ChainHash;
use store::envelope;

use crate::scene::{Scene, at, key_input};

/// A deployment with something of every kind, all of it accepted.
struct Household {
    scene: Scene,
    /// Every key with its string, and the tenants in which it is tried.
    keys: Vec<(KeyId, String)>,
    bob: UserId,
    other: TenantId,
    account: domain::ids::ServiceAccountId,
}

impl Household {
    fn new() -> Self {
        let scene = Scene::new();
        let (account, first, string) = scene.account("etl", Role::Runner);
        let mut keys = vec![(scene.key, scene.root.clone()), (first, string)];
        keys.push(scene.key_for(
            Owner::ServiceAccount(account),
            Reach::Tenant(scene.tenant),
            &key_input("second"),
        ));
        let other = scene.another_tenant("globex");
        let (bob, bobs) = scene.member(scene.tenant, "bob", Role::Administrator);
        let (_, again) = scene.member(other, "bob", Role::Member);
        for string in [bobs, again].into_iter().flatten() {
            let caller = scene.authority.authenticate(Shown::from_nowhere(&string), None).unwrap();
            keys.push((caller.key, string));
        }
        keys.push(scene.own_key(&key_input("laptop")));
        Self { scene, keys, bob, other, account }
    }

    fn root(&self) -> Caller {
        self.scene.authority.authenticate(Shown::from_nowhere(&self.scene.root), None).unwrap()
    }

    /// In which tenants each key is accepted; none stands for where it acts if none is named.
    fn accepted(&self) -> BTreeSet<(KeyId, Option<TenantId>)> {
        let mut accepted = BTreeSet::new();
        for (key, string) in &self.keys {
            for tenant in [None, Some(self.scene.tenant), Some(self.other)] {
                if self.scene.authority.authenticate(Shown::from_nowhere(string), tenant).is_ok() {
                    accepted.insert((*key, tenant));
                }
            }
        }
        accepted
    }

    fn rehearse(&self, request: &Request, composed: &Composed) -> Result<Rehearsed, Failure> {
        Ok(self.scene.authority.rehearse(&self.root(), request, composed)?.value)
    }
}

fn bytes(recorded: &Recorded) -> Vec<u8> {
    envelope::encode(recorded, [7; 16], ChainHash([9; 32])).unwrap()
}

/// What is otherwise, but for the name of what is new: a text is read by who may see what it is about, which is not there yet.
fn otherwise(changes: &[DifferenceView]) -> Vec<String> {
    let unnamed = |change: &DifferenceView| {
        let fields: Vec<_> = change.fields.iter().filter(|field| field.name != "name").collect();
        format!("{:?} {:?} {} {fields:?}", change.row, change.kind, change.increases_access)
    };
    changes.iter().map(unnamed).collect()
}

/// Rehearses the command, sees that nothing was appended, carries it out, and sees that it happened as rehearsed.
#[track_caller]
fn rehearse_and_do(house: &Household, composed: Composed) -> Rehearsed {
    let (authority, request, before) = (&house.scene.authority, house.scene.request(), house.accepted());
    let head = authority.snapshot().unwrap().head();
    let rehearsed = house.rehearse(&request, &composed).unwrap();
    assert_eq!(authority.snapshot().unwrap().head(), head, "nothing was appended");
    assert_eq!(house.accepted(), before, "nothing has stopped");

    let done = authority.execute(&house.root().actor, &request, composed).unwrap();
    assert!(!done.recorded.is_empty());
    let told: Vec<_> = rehearsed.events.iter().map(|event| event.recorded.clone()).collect();
    assert_eq!(told, done.recorded);
    assert!(told.iter().map(bytes).eq(done.recorded.iter().map(bytes)), "byte for byte");
    let (from, all) = (AsOf::Position(head.position), Wanted::All);
    let differences =
        authority.state_diff(&house.root(), Scope::Deployment, from, AsOf::Now, all, 0..usize::MAX).unwrap();
    assert_eq!(otherwise(&rehearsed.changes.first), otherwise(&differences.value.entries));
    rehearsed
}

/// The same, and sees that what stopped is what it said would stop.
#[track_caller]
fn check(compose: impl FnOnce(&Household) -> Composed) -> Rehearsed {
    let house = Household::new();
    let before = house.accepted();
    let rehearsed = rehearse_and_do(&house, compose(&house));
    let stops = &rehearsed.stops;

    let after = house.accepted();
    let mut told = BTreeSet::new();
    for stopped in &stops.keys.first {
        told.insert((stopped.key, stopped.tenant));
    }
    for (key, tenant) in before.difference(&after) {
        // Where it acts if none is named is its home.
        let home = house.scene.model().keys[key].reach.home();
        let here = [*tenant, None, Some(tenant.unwrap_or(home))];
        let named = here.iter().any(|place| told.contains(&(*key, *place)));
        assert!(named, "{key} stopped in {tenant:?}: {stops:?}");
    }
    for (key, tenant) in told {
        let lost = before.contains(&(key, tenant)) && !after.contains(&(key, tenant));
        assert!(lost, "{key} did not stop in {tenant:?}");
    }
    rehearsed
}

#[test]
fn a_dry_run_tells_what_then_happens() {
    let revoke = |house: &Household| {
        let note = Note::parse("seen in a build log").unwrap();
        let (key, _) = house.keys[1];
        house.scene.authority.revoke_key(key, RevocationReason::KeyCompromise, Some(&note)).unwrap()
    };
    assert_eq!(check(revoke).stops.keys.count, 1);
    assert_eq!(
        check(|house| Composed::plain(Command::DisableKey { key: house.keys[1].0 })).stops.keys.count,
        1
    );
    let rotate =
        |house: &Household| house.scene.authority.rotate_key_overlapping(house.keys[1].0, None, 0).unwrap();
    assert_eq!(check(rotate).stops.keys.count, 1);
    let later = |house: &Household| {
        house.scene.authority.rotate_key_overlapping(house.keys[1].0, None, 3_600).unwrap()
    };
    let stops = check(later).stops;
    assert_eq!((stops.keys.count, stops.tokens_live_until), (0, None), "both are accepted for the overlap");

    let stops =
        check(|house| Composed::plain(Command::SuspendServiceAccount { service_account: house.account }))
            .stops;
    assert_eq!((stops.keys.count, stops.service_accounts.count, stops.members.count), (2, 1, 0));
    let stops =
        check(|house| Composed::plain(Command::RemoveServiceAccount { service_account: house.account }))
            .stops;
    assert_eq!((stops.keys.count, stops.service_accounts.count), (2, 1));
    assert_eq!(stops.tokens_live_until, Some(at(900_000)), "as long as the longest token");

    let stops =
        check(|house| Composed::plain(Command::RemoveMember { tenant: house.scene.tenant, user: house.bob }))
            .stops;
    assert_eq!((stops.service_accounts.count, stops.members.count), (0, 1));
    let stops = check(|house| Composed::plain(Command::SuspendUser { user: house.bob })).stops;
    assert_eq!(stops.members.count, 2, "of both tenants");
    let stops = check(|house| Composed::plain(Command::RemoveUser { user: house.bob })).stops;
    assert_eq!(stops.members.count, 2);
    let stops = check(|house| Composed::plain(Command::SuspendTenant { tenant: house.scene.tenant })).stops;
    assert_eq!((stops.service_accounts.count, stops.members.count), (1, 2));
    let stops = check(|house| Composed::plain(Command::RemoveTenant { tenant: house.other })).stops;
    assert_eq!((stops.service_accounts.count, stops.members.count), (0, 2));

    let stops =
        check(|house| Composed::plain(Command::RevokeTokens { target: TokenTarget::Key(house.keys[1].0) }))
            .stops;
    assert_eq!((stops.keys.count, stops.tokens_live_until), (0, Some(at(900_000))));
    let retire = |house: &Household| {
        let signing_key = house.scene.signing_keys()[0];
        house.scene.authority.retire_signing_key(signing_key, RetirementReason::Compromised).unwrap()
    };
    assert_eq!(check(retire).stops.tokens_live_until, Some(at(900_000)));
}

#[test]
fn a_dry_run_tells_what_would_be_otherwise_where_nothing_stops() {
    let field = |rehearsed: &Rehearsed, name: &str| {
        assert_eq!((rehearsed.stops.keys.count, rehearsed.changes.count), (0, 1), "{rehearsed:?}");
        let change = &rehearsed.changes.first[0];
        let field = change.fields.iter().find(|field| field.name == name);
        let field = field.unwrap_or_else(|| panic!("{name} of {change:?}"));
        (format!("{:?} {:?}", field.before, field.after), change.increases_access)
    };
    let told = |before: &str, after: &str, more| {
        let side = |text: &str| match text {
            "" => "None".to_owned(),
            _ => format!("Some(Text({text:?}))"),
        };
        (format!("{} {}", side(before), side(after)), more)
    };
    let role = |role| {
        check(move |house| {
            Composed::plain(Command::ChangeServiceAccountRole { service_account: house.account, role })
        })
    };
    assert_eq!(field(&role(Role::ReadOnly), "role"), told("runner", "read_only", false));
    assert_eq!(field(&role(Role::Administrator), "role"), told("runner", "administrator", true));
    let member = check(|house| {
        let (tenant, user) = (house.other, house.bob);
        Composed::plain(Command::ChangeMemberRole { tenant, user, role: Role::ReadOnly })
    });
    assert_eq!(field(&member, "role"), told("member", "read_only", false));
    // From where a key will be shown, nobody knows: such a key is not said to stop.
    let house = Household::new();
    let addresses = AllowedAddresses::only([Network::parse("10.0.0.0/8").unwrap()]).unwrap();
    let command = Command::ChangeKeyAddresses { key: house.keys[1].0, addresses };
    let addresses = rehearse_and_do(&house, Composed::plain(command));
    assert_eq!(field(&addresses, "addresses"), told("", "10.0.0.0/8", false));
    let rate = check(|house| {
        let rate = Some(RateLimit::new(5, 60).unwrap());
        Composed::plain(Command::ChangeKeyRate { key: house.keys[1].0, rate })
    });
    assert_eq!(field(&rate, "rate.requests"), told("", "5", false));
    let policy = check(|house| {
        let policy = TenantPolicy { key_life_seconds_max: Some(86_400), ..TenantPolicy::default() };
        Composed::plain(Command::ChangeTenantPolicy { tenant: house.other, policy })
    });
    assert_eq!(field(&policy, "policy.key_life_seconds_max"), told("", "86400", false));
    let expiry = check(|house| {
        let expires_at = Some(at(3_600_000));
        Composed::plain(Command::ChangeKeyExpiry { key: house.keys[1].0, expires_at })
    });
    let (fields, more) = field(&expiry, "expires_at");
    assert!(fields.starts_with("None Some(Instant(") && !more, "{fields}");
}

/// A service that checks tokens by itself goes by what a token says, which is what held when it was minted.
#[test]
fn no_token_outlives_what_is_said_of_the_last_one() {
    type Compose = fn(&Household, KeyId) -> Composed;
    let ways: [(&str, Compose); 6] = [
        ("its end is brought forward", |_, key| {
            Composed::plain(Command::ChangeKeyExpiry { key, expires_at: Some(at(2_000)) })
        }),
        ("replaced at once", |house, key| {
            house.scene.authority.rotate_key_overlapping(key, None, 0).unwrap()
        }),
        ("replaced with an overlap shorter than a token's life", |house, key| {
            house.scene.authority.rotate_key_overlapping(key, None, 3).unwrap()
        }),
        ("revoked", |house, key| {
            house.scene.authority.revoke_key(key, RevocationReason::KeyCompromise, None).unwrap()
        }),
        ("disabled", |_, key| Composed::plain(Command::DisableKey { key })),
        ("its owner removed", |house, _| {
            Composed::plain(Command::RemoveServiceAccount { service_account: house.account })
        }),
    ];
    for (way, compose) in ways {
        let house = Household::new();
        let authority = &house.scene.authority;
        let (key, string) = &house.keys[1];
        let token = authority.exchange(Shown::from_nowhere(string), TokenWanted::default()).unwrap();
        let (request, composed) = (house.scene.request(), compose(&house, *key));
        let until = house.rehearse(&request, &composed).unwrap().stops.tokens_live_until;
        assert!(until >= Some(token.expires_at), "{way}: the dry run says {until:?}");
        authority.execute(&house.root().actor, &request, composed).unwrap();
        house.scene.clock.set(at(5_000));
        let named = KeyNamed::Id(*key);
        let radius = authority.blast_radius(&house.root(), &named, AsOf::Now).unwrap().value;
        assert!(radius.tokens_dead_at >= Some(token.expires_at), "{way}: {:?}", radius.tokens_dead_at);
    }

    // An end that it always had binds its tokens, too.
    let house = Household::new();
    let input = KeyInput { expires_at: Some(at(60_000)), ..key_input("short") };
    let (key, _) =
        house.scene.key_for(Owner::ServiceAccount(house.account), Reach::Tenant(house.scene.tenant), &input);
    let revoke =
        || Composed::plain(Command::RevokeKey { key, reason: RevocationReason::KeyCompromise, note: None });
    let until = |house: &Household| {
        house.rehearse(&house.scene.request(), &revoke()).unwrap().stops.tokens_live_until
    };
    assert_eq!(until(&house), Some(at(60_000)));
    // What was changed of it a moment ago may have been its end: tokens from before may not know.
    let rename = house.scene.authority.rename_key(key, &Name::parse("other").unwrap()).unwrap();
    house.scene.authority.execute(&house.root().actor, &house.scene.request(), rename).unwrap();
    assert!(until(&house) > Some(at(60_000)));
    house.scene.clock.set(at(61_000));
    let radius =
        house.scene.authority.blast_radius(&house.root(), &KeyNamed::Id(key), AsOf::Now).unwrap().value;
    assert_eq!(radius.tokens_dead_at, Some(at(60_000)));
}

#[test]
fn a_dry_run_uses_up_no_idempotency_key() {
    let house = Household::new();
    let request = house.scene.attempt("incident-7");
    let disable = Composed::plain(Command::DisableKey { key: house.keys[1].0 });
    house.rehearse(&request, &disable).unwrap();
    let rename = house.scene.authority.rename_tenant(house.scene.tenant, &Name::parse("other").unwrap());
    let done = house.scene.authority.execute(&house.root().actor, &request, rename.unwrap()).unwrap();
    assert!(matches!(done.recorded[0].event, Event::TenantRenamed { .. }));
    // One that was used means what it would mean then.
    assert!(matches!(house.rehearse(&request, &disable), Err(Failure::IdempotencyConflict)));
    let rename = house.scene.authority.rename_tenant(house.scene.tenant, &Name::parse("other").unwrap());
    let again = house.rehearse(&request, &rename.unwrap()).unwrap();
    assert_eq!((again.events.len(), again.before), (0, done.recorded));
}

#[test]
fn a_dry_run_is_refused_as_the_command_is_and_the_refusal_is_kept() {
    let house = Household::new();
    let (_, string) = &house.keys[1];
    let caller = house.scene.authority.authenticate(Shown::from_nowhere(string), None).unwrap();
    let command = || Composed::plain(Command::RemoveMember { tenant: house.scene.tenant, user: house.bob });
    let rehearsed = house.scene.authority.rehearse(&caller, &house.scene.request(), &command());
    let done = house.scene.authority.execute(&caller.actor, &house.scene.request(), command());
    assert_eq!(rehearsed.unwrap_err(), done.unwrap_err());
    let tenant = Some(house.scene.tenant);
    let now = AsOf::Now;
    let kept = house
        .scene
        .authority
        .refusals(&house.root(), RefusalsWanted { of: tenant, key: None }, None, 10, now)
        .unwrap()
        .value;
    assert_eq!(kept.refusals.len(), 2, "whoever tries doors is seen");
}

/// What has ended with something else is not lost once more.
#[test]
fn what_has_ended_already_does_not_stop_again() {
    let house = Household::new();
    house.scene.must(Command::RemoveTenant { tenant: house.other });
    let rehearse = |command| {
        let rehearsed = house.rehearse(&house.scene.request(), &Composed::plain(command)).unwrap();
        (rehearsed.stops.members.first, rehearsed.stops.service_accounts.count)
    };
    let in_acme = vec![(house.scene.tenant, house.bob)];
    assert_eq!(rehearse(Command::SuspendUser { user: house.bob }), (in_acme.clone(), 0));
    assert_eq!(rehearse(Command::RemoveUser { user: house.bob }), (in_acme, 0));
    house.scene.must(Command::SuspendUser { user: house.bob });
    let member = Command::RemoveMember { tenant: house.scene.tenant, user: house.bob };
    assert_eq!(rehearse(member), (vec![], 0), "who is suspended loses nothing now");
    let tenant = house.scene.tenant;
    house.scene.must(Command::SuspendTenant { tenant });
    assert_eq!(
        rehearse(Command::RemoveTenant { tenant }),
        (vec![], 0),
        "nor does anything of a closed tenant"
    );
}

/// A key that has one tenant only stops; one that acts elsewhere, too, stops in that tenant.
#[test]
fn where_a_key_stops_is_said_of_keys_that_act_elsewhere_too() {
    let house = Household::new();
    let (wide, confined) = (house.keys[3].0, house.keys[4].0);
    let leave = Command::RemoveMember { tenant: house.other, user: house.bob };
    let stops = house.rehearse(&house.scene.request(), &Composed::plain(leave)).unwrap().stops;
    let told: BTreeSet<_> = stops.keys.first.iter().map(|stopped| (stopped.key, stopped.tenant)).collect();
    assert_eq!(told, BTreeSet::from([(wide, Some(house.other)), (confined, None)]));
    assert_eq!(stops.keys.count, 2);
}

#[test]
fn no_token_stops_when_a_signing_key_is_superseded() {
    let house = Household::new();
    house.scene.exchange(&house.scene.root, None);
    house.scene.as_root(house.scene.authority.rotate_signing_key(None)).unwrap();
    let rehearse = |reason| {
        let composed =
            house.scene.authority.retire_signing_key(house.scene.signing_keys()[0], reason).unwrap();
        house.rehearse(&house.scene.request(), &composed).unwrap().stops
    };
    let superseded = rehearse(RetirementReason::Superseded);
    assert!(superseded.tokens_live_until.is_none() && superseded.tokens.is_some(), "{superseded:?}");
    let compromised = rehearse(RetirementReason::Compromised);
    assert!(compromised.tokens_live_until.is_some() && compromised.tokens.is_none(), "{compromised:?}");
}
