//! Lives that are longer than anybody reads, and clocks that go back.

use domain::Command;
use domain::concern::Concerned;
use domain::event::{Event, TokenTarget};
use domain::key::{Owner, Reach};
use domain::limits::RateLimit;
use domain::role::{Role, Scopes};
use domain::time::Position;
use keyledger_authority::events::{EventFilter, Order, Scope};
use keyledger_authority::life::{Step, What};
use keyledger_authority::named::KeyNamed;
use keyledger_authority::queries::Which;
use keyledger_authority::renewal::RenewalError;
use keyledger_authority::state_diff::Wanted;
use keyledger_authority::{AsOf, Caller, Credential, Shown};

use crate::scene::{Scene, at, key_input, only};

impl Scene {
    fn root_caller(&self) -> Caller {
        self.caller(&self.root)
    }
}

/// Anybody can change a key of their own again and again, and an administrator can refuse a tenant's tokens as often.
#[test]
fn a_life_tells_its_latest_events_and_those_before_as_of_an_earlier_moment() {
    let scene = Scene::new();
    let root = scene.root_caller();
    let (key, _) = scene.own_key(&key_input("laptop"));
    let made = scene.authority.position();
    let again = |times: u32| match times % 3 {
        0 => Event::TokensRevoked { target: TokenTarget::Tenant(scene.tenant) },
        1 => Event::KeyRateChanged { key, rate: Some(RateLimit::new(times, 60).unwrap()) },
        _ => Event::TokensRevoked { target: TokenTarget::Key(key) },
    };
    let events: Vec<_> = (1..=2_100).map(again).collect();
    let scene = scene.with_events(events);
    let named = KeyNamed::Id(key);
    let life = scene.authority.key_history(&root, &named, AsOf::Now).unwrap().value;
    let positions = |life: &[Step]| -> Vec<u64> {
        life.iter().filter_map(|step| step.position().map(Position::number)).collect()
    };
    let latest = positions(&life.steps);
    assert!(life.earlier);
    let head = made.number() + 2_100;
    assert!(latest.iter().copied().eq(head - 1_999..=head), "{} to {:?}", latest[0], latest.last());
    let before = AsOf::Position(Position::new(latest[0] - 1));
    let life = scene.authority.key_history(&root, &named, before).unwrap().value;
    assert!(!life.earlier);
    // It was made by the event before the first of its changes.
    assert!(positions(&life.steps).into_iter().eq(made.number()..latest[0]));

    let radius = scene.authority.blast_radius(&root, &named, AsOf::Now).unwrap().value;
    assert!(!radius.earlier, "none of this changes where the key is accepted");
    let spells: Vec<_> = radius.spells.iter().map(|spell| (spell.tenant, spell.from.position)).collect();
    assert_eq!(spells, [(Some(scene.tenant), made), (None, made)]);
}

/// What the tokens of a pair say that they rest on is no later than what was asked about the refresh token: whatever refuses
/// that from then on, refuses them.
#[test]
fn a_renewed_token_is_no_younger_than_what_it_was_renewed_with() {
    let scene = Scene::new();
    let pair = scene.authority.switch_tenant(&scene.root_caller(), scene.tenant).unwrap();
    let caller = |token| scene.authority.authenticate_or_renew(Shown::from_nowhere(token), None).unwrap();
    let bearer = caller(&pair.refresh_token);
    let asked = scene.authority.position();
    scene.own_key(&key_input("meanwhile"));
    let renewed = scene.authority.renew(&bearer, &pair.access.token).unwrap();
    assert_eq!(renewed.access.caller.position, asked);
    let Credential::Refresh(claims) = caller(&renewed.refresh_token).credential else { panic!("it renews") };
    assert_eq!(claims.seq, asked);
}

/// Whoever renews gets no more than the token that is renewed was worth, be it one that was asked for by itself; and nothing for
/// one of another tenant.
#[test]
fn a_renewed_token_is_no_wider_than_the_one_in_whose_place_it_comes() {
    let scene = Scene::new();
    let other = scene.another_tenant("globex");
    let pair = scene.authority.switch_tenant(&scene.root_caller(), scene.tenant).unwrap();
    let refresh = Shown::from_nowhere(&pair.refresh_token);
    let renew = |token: &str| {
        let bearer = scene.authority.authenticate_or_renew(refresh, None).unwrap();
        scene.authority.renew(&bearer, token)
    };
    let narrow = scene.exchange(&scene.root, Some(only("keyledger:read")));
    let renewed = renew(&narrow.token).unwrap();
    assert_eq!(renewed.access.scopes, only("keyledger:read"));
    let next = scene.authority.authenticate_or_renew(Shown::from_nowhere(&renewed.refresh_token), None);
    assert_eq!(next.unwrap().scopes, only("keyledger:read"));
    let elsewhere = scene.authority.switch_tenant(&scene.root_caller(), other).unwrap();
    assert!(matches!(renew(&elsewhere.access.token), Err(RenewalError::OtherToken(_))));
    assert_eq!(renew(&pair.access.token).unwrap().access.scopes, Scopes::All);
}

/// What lives is looked up by ticks of about a second: what began within one must be there, and what ended within it must not.
#[test]
fn what_began_and_what_ended_within_one_tick_is_listed_as_it_stands() {
    let scene = Scene::new();
    let (_, living, _) = scene.account("new", Role::Runner);
    let (account, dead, _) = scene.account("old", Role::Runner);
    scene.must(Command::RemoveServiceAccount { service_account: account });
    let listed = |which| -> Vec<_> {
        let keys = scene.authority.keys(&scene.root_caller(), which, AsOf::Now).unwrap().value;
        keys.into_iter().map(|key| key.id).filter(|id| *id != scene.key).collect()
    };
    assert_eq!(listed(Which::Living), [living]);
    assert_eq!(listed(Which::All), [living, dead]);
}

#[test]
fn when_the_clock_went_back_now_is_still_the_latest_moment() {
    let scene = Scene::new();
    scene.clock.set(at(7_200_000));
    scene.own_key(&key_input("laptop"));
    let late = AsOf::Position(scene.authority.position());
    scene.own_key(&key_input("phone"));
    scene.clock.set(at(3_600_000));
    let differs = |from, to| {
        let caller = scene.root_caller();
        scene.authority.state_diff(&caller, Scope::Deployment, from, to, Wanted::All, 0..10)
    };
    assert_eq!(differs(late, AsOf::Now).unwrap().value.count, 1);
    differs(AsOf::Now, late).unwrap_err();
    // What is recorded is no future, whatever the clock says; what is not, is.
    let instant = |ms| AsOf::Instant(at(ms));
    assert_eq!(scene.authority.basis(instant(7_200_000)).unwrap().instant, at(7_200_000));
    assert_eq!(scene.authority.basis(instant(7_200_001)).unwrap_err().code(), "AS_OF_IN_FUTURE");
    // Of two instants between the same two events one is the later one all the same.
    assert_eq!(differs(instant(10), instant(20)).unwrap().value.count, 0);
    assert_eq!(differs(instant(20), instant(10)).unwrap_err().code(), "AS_OF_BACKWARDS");
}

/// As `rotate_api_key` of the REST API does.
#[test]
fn an_account_whose_narrow_keys_ended_gets_one_that_is_no_wider() {
    let scene = Scene::new();
    let (account, first, _) = scene.account("etl", Role::Administrator);
    let narrow = keyledger_authority::compose::KeyInput {
        scopes: crate::scene::only("keyledger:read"),
        ..key_input("narrow")
    };
    let (second, _) = scene.key_for(Owner::ServiceAccount(account), Reach::Tenant(scene.tenant), &narrow);
    for key in [first, second] {
        let reason = domain::key::RevocationReason::Unspecified;
        scene.must(Command::RevokeKey { key, reason, note: None });
    }
    let root = scene.root_caller();
    let accounts =
        scene.authority.service_accounts(&root, scene.tenant, Which::Living, AsOf::Now).unwrap().value;
    let etl = accounts.iter().find(|view| view.id == account).unwrap();
    let mut composed = scene.authority.rotate_newest_key(&root, etl, None, 0).unwrap();
    let another = composed.key.take().unwrap();
    scene.as_root(composed).unwrap();
    let shown = scene.authority.authenticate(Shown::from_nowhere(another.expose()), None).unwrap();
    assert_eq!(shown.scopes, crate::scene::only("keyledger:read"));
}

/// An administrator who asks for the events of a member learns neither how many there are elsewhere nor where they lie.
#[test]
fn the_events_of_a_member_elsewhere_are_passed_over_without_a_trace() {
    let scene = Scene::new();
    let other = scene.another_tenant("globex");
    let (bob, _) = scene.member(scene.tenant, "bob", Role::Member);
    scene.member(other, "bob", Role::Member);
    let role = |times: u32| if times.is_multiple_of(2) { Role::Member } else { Role::Runner };
    let elsewhere: Vec<_> = (1..=20_100)
        .map(|times| Event::MemberRoleChanged { tenant: other, user: bob, role: role(times) })
        .collect();
    let scene = scene.with_events(elsewhere);
    let left = scene.must(Command::RemoveMember { tenant: scene.tenant, user: bob })[0].position;
    let root = scene.root_caller();
    let concerning = vec![Concerned::User(bob)];
    let filter = EventFilter { concerning, ..EventFilter::default() };
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let page =
            scene.authority.events(&root, Scope::Tenant(scene.tenant), &filter, order, None, 10).unwrap();
        let told: Vec<_> = page.value.events.iter().map(|event| event.recorded.position).collect();
        assert_eq!((told.len(), page.value.more), (3, false), "{told:?}");
        assert!(told.contains(&left));
    }
}

/// Whoever administers a tenant can put somebody there, unasked, and refuse its tokens as often as they like; and whoever left a
/// tenant can refuse their own tokens elsewhere as often.
#[test]
fn what_happens_elsewhere_makes_no_life_longer() {
    let scene = Scene::new();
    let other = scene.another_tenant("globex");
    let (_, _, machine) = scene.account("auditor", Role::Administrator);
    let (bob, string) = scene.member(scene.tenant, "bob", Role::Member);
    let string = string.unwrap();
    let named = KeyNamed::Id(scene.caller(&string).key);
    let told = |scene: &Scene, reader: &str| -> Vec<&'static str> {
        let life = scene.authority.key_history(&scene.caller(reader), &named, AsOf::Now).unwrap().value;
        assert!(!life.earlier, "{} steps", life.steps.len());
        let event = |step: &Step| match &step.what {
            What::Event(_, event) => Some(event.recorded.event.name()),
            _ => None,
        };
        life.steps.iter().filter_map(event).collect()
    };
    scene.member(other, "bob", Role::Member);
    scene.must(Command::RemoveMember { tenant: other, user: bob });
    let refused = |target| std::iter::repeat_n(Event::TokensRevoked { target }, 2_100);
    let scene = scene.with_events(refused(TokenTarget::Tenant(other)));
    assert_eq!(told(&scene, &scene.root), ["KeyCreated", "MemberAdded", "MemberRemoved"]);
    // He is there again: what happened in between did not befall his key either.
    scene.member(other, "bob", Role::Member);
    let there = ["KeyCreated", "MemberAdded", "MemberRemoved", "MemberAdded"];
    assert_eq!(told(&scene, &scene.root), there);

    scene.must(Command::RemoveMember { tenant: scene.tenant, user: bob });
    let scene = scene.with_events(refused(TokenTarget::Owner(Owner::User(bob))));
    assert_eq!(told(&scene, &machine), ["KeyCreated", "MemberRemoved"], "for an administrator of its home");
}
