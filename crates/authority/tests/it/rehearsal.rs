//! Dry runs: what they tell is what then happens, and until then nothing does.

use std::collections::BTreeSet;

use domain::event::{Event, RetirementReason, TokenTarget};
use domain::ids::{KeyId, TenantId, UserId};
use domain::key::{Owner, Reach, RevocationReason};
use domain::names::{Name, Note};
use domain::role::Role;
use domain::{Command, Recorded};
use keyledger_authority::compose::Composed;
use keyledger_authority::rehearsal::{Rehearsed, Stops};
use keyledger_authority::{Caller, Failure, Request, Shown};
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

/// Rehearses the command, sees that nothing happened, carries it out, and sees that it happened as rehearsed.
#[track_caller]
fn check(compose: impl FnOnce(&Household) -> Composed) -> Stops {
    let house = Household::new();
    let composed = compose(&house);
    let (request, before) = (house.scene.request(), house.accepted());
    let head = house.scene.authority.snapshot().unwrap().head();
    let Rehearsed { events, stops } = house.rehearse(&request, &composed).unwrap();
    assert_eq!(house.scene.authority.snapshot().unwrap().head(), head, "nothing was appended");
    assert_eq!(house.accepted(), before, "nothing has stopped");

    let done = house.scene.authority.execute(&house.root().actor, &request, composed).unwrap();
    assert!(!done.recorded.is_empty());
    let rehearsed: Vec<_> = events.into_iter().map(|event| event.recorded).collect();
    assert_eq!(rehearsed, done.recorded);
    assert!(rehearsed.iter().map(bytes).eq(done.recorded.iter().map(bytes)), "byte for byte");

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
    stops
}

#[test]
fn a_dry_run_tells_what_then_happens() {
    let revoke = |house: &Household| {
        let note = Note::parse("seen in a build log").unwrap();
        let (key, _) = house.keys[1];
        house.scene.authority.revoke_key(key, RevocationReason::KeyCompromise, Some(&note)).unwrap()
    };
    assert_eq!(check(revoke).keys.count, 1);
    assert_eq!(check(|house| Composed::plain(Command::DisableKey { key: house.keys[1].0 })).keys.count, 1);
    let rotate =
        |house: &Household| house.scene.authority.rotate_key_overlapping(house.keys[1].0, None, 0).unwrap();
    assert_eq!(check(rotate).keys.count, 1);
    let later = |house: &Household| {
        house.scene.authority.rotate_key_overlapping(house.keys[1].0, None, 3_600).unwrap()
    };
    let stops = check(later);
    assert_eq!((stops.keys.count, stops.tokens_live_until), (0, None), "both are accepted for the overlap");

    let stops =
        check(|house| Composed::plain(Command::SuspendServiceAccount { service_account: house.account }));
    assert_eq!((stops.keys.count, stops.service_accounts.count, stops.members.count), (2, 1, 0));
    let stops =
        check(|house| Composed::plain(Command::RemoveServiceAccount { service_account: house.account }));
    assert_eq!((stops.keys.count, stops.service_accounts.count), (2, 1));
    assert_eq!(stops.tokens_live_until, Some(at(900_000)), "as long as the longest token");

    let stops =
        check(|house| Composed::plain(Command::RemoveMember { tenant: house.scene.tenant, user: house.bob }));
    assert_eq!((stops.service_accounts.count, stops.members.count), (0, 1));
    let stops = check(|house| Composed::plain(Command::SuspendUser { user: house.bob }));
    assert_eq!(stops.members.count, 2, "of both tenants");
    let stops = check(|house| Composed::plain(Command::RemoveUser { user: house.bob }));
    assert_eq!(stops.members.count, 2);
    let stops = check(|house| Composed::plain(Command::SuspendTenant { tenant: house.scene.tenant }));
    assert_eq!((stops.service_accounts.count, stops.members.count), (1, 2));
    let stops = check(|house| Composed::plain(Command::RemoveTenant { tenant: house.other }));
    assert_eq!((stops.service_accounts.count, stops.members.count), (0, 2));

    let stops =
        check(|house| Composed::plain(Command::RevokeTokens { target: TokenTarget::Key(house.keys[1].0) }));
    assert_eq!((stops.keys.count, stops.tokens_live_until), (0, Some(at(900_000))));
    let retire = |house: &Household| {
        let signing_key = house.scene.signing_keys()[0];
        house.scene.authority.retire_signing_key(signing_key, RetirementReason::Compromised).unwrap()
    };
    assert_eq!(check(retire).tokens_live_until, Some(at(900_000)));
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
    // Nor does one that was used stand in its way: what would be done is told.
    assert_eq!(house.rehearse(&request, &disable).unwrap().events.len(), 1);
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
    let now = keyledger_authority::AsOf::Now;
    let kept = house.scene.authority.refusals(&house.root(), tenant, None, 10, now).unwrap().value;
    assert_eq!(kept.refusals.len(), 2, "whoever tries doors is seen");
}
