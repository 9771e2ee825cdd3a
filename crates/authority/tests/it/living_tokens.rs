//! How many tokens of a key live: counted wherever one is minted, until it ends by itself, since the authority was opened.

use domain::Command;
use domain::ids::KeyId;
use domain::key::{Owner, RevocationReason};
use domain::role::Role;
use keyledger_authority::compose::Composed;
use keyledger_authority::living_tokens::LivingTokens;
use keyledger_authority::named::KeyNamed;
use keyledger_authority::queries::Which;
use keyledger_authority::rehearsal::Stops;
use keyledger_authority::{AsOf, Caller, Shown, Wanted};

use crate::scene::{Scene, at, key_input};

/// In milliseconds, as the clock is set; a token of the scene lives for ten minutes.
const MINUTE: i64 = 60_000;

impl Scene {
    fn bearer(&self, shown: &str) -> Caller {
        self.authority.authenticate(Shown::from_nowhere(shown), None).unwrap()
    }

    fn tokens(&self, key: KeyId) -> LivingTokens {
        let (root, named) = (self.bearer(&self.root), KeyNamed::Id(key));
        let found =
            self.authority.key_named(&root, &named, AsOf::Now).unwrap().value.unwrap().tokens.unwrap();
        let listed = self.authority.keys(&root, Which::All, AsOf::Now).unwrap().value;
        if let Some(listed) = listed.into_iter().find(|listed| listed.id == key) {
            assert_eq!(listed.tokens, Some(found), "a list tells the same");
        }
        let radius = self.authority.blast_radius(&root, &named, AsOf::Now).unwrap().value;
        assert_eq!(radius.tokens, Some(found), "so does the blast radius, for an operator");
        found
    }

    fn counted(&self, key: KeyId) -> (u64, Option<i64>) {
        let tokens = self.tokens(key);
        assert_eq!(tokens.counted_since, at(0));
        (tokens.living, tokens.last_ends_at.map(|end| end.unix_ms() - at(0).unix_ms()))
    }

    fn stops(&self, composed: &Composed) -> Stops {
        self.authority.rehearse(&self.bearer(&self.root), &self.request(), composed).unwrap().value.stops
    }
}

#[test]
fn each_way_to_a_token_is_counted_for_its_own_key_until_it_ends() {
    let scene = Scene::new();
    let (key, string) = scene.own_key(&key_input("laptop"));
    let (_, other, other_string) = scene.account("etl", Role::Runner);
    assert_eq!((scene.counted(key), scene.counted(other)), ((0, None), (0, None)));

    scene.exchange(&string, None);
    scene.exchange(&other_string, None);
    scene.clock.set(at(MINUTE));
    let caller = scene.bearer(&string);
    scene.authority.mint(caller.clone(), Wanted::default()).unwrap();
    assert_eq!(scene.counted(key), (2, Some(11 * MINUTE)));

    // With a token comes a refresh token, which is worth nothing elsewhere.
    scene.clock.set(at(2 * MINUTE));
    let pair = scene.authority.switch_tenant(&caller, scene.tenant).unwrap();
    assert_eq!(scene.counted(key), (3, Some(12 * MINUTE)));
    scene.clock.set(at(3 * MINUTE));
    let shown = Shown::from_nowhere(&pair.refresh_token);
    let holder = scene.authority.authenticate_or_renew(shown, None).unwrap();
    scene.authority.renew(&holder, &pair.access.token).unwrap();
    assert_eq!(scene.counted(key), (4, Some(13 * MINUTE)));
    assert_eq!(scene.counted(other), (1, Some(10 * MINUTE)), "the other key has its own");

    scene.clock.set(at(10 * MINUTE - 1));
    assert_eq!((scene.counted(key).0, scene.counted(other).0), (4, 1));
    scene.clock.set(at(10 * MINUTE));
    assert_eq!((scene.counted(key).0, scene.counted(other)), (3, (0, None)));
    scene.clock.set(at(13 * MINUTE));
    assert_eq!(scene.counted(key), (0, None));
}

/// Whoever checks tokens by itself does not know of a revocation.
#[test]
fn what_is_refused_here_is_counted_on_until_it_ends() {
    let scene = Scene::new();
    let (key, string) = scene.own_key(&key_input("laptop"));
    let token = scene.exchange(&string, None);
    scene.exchange(&string, None);
    scene.must(Command::RevokeTokens { target: domain::event::TokenTarget::Key(key) });
    let revoke = scene.authority.revoke_key(key, RevocationReason::KeyCompromise, None).unwrap();
    scene.as_root(revoke).unwrap();
    assert!(scene.refused(&token.token).is_some());
    assert_eq!(scene.counted(key), (2, Some(10 * MINUTE)));
    scene.clock.set(at(10 * MINUTE));
    assert_eq!(scene.counted(key), (0, None));
}

#[test]
fn after_a_restart_it_is_said_until_when_older_tokens_may_live() {
    let scene = Scene::new();
    let (key, string) = scene.own_key(&key_input("laptop"));
    assert_eq!(scene.tokens(key).uncounted_until, None, "it was made since the start");
    assert_eq!(scene.tokens(scene.key).uncounted_until, Some(at(15 * MINUTE)), "and this one before");
    scene.exchange(&string, None);
    scene.clock.set(at(MINUTE));
    let scene = scene.reopened();
    let told = scene.tokens(key);
    let nothing = LivingTokens {
        living: 0,
        last_ends_at: None,
        counted_since: at(MINUTE),
        uncounted_until: Some(at(16 * MINUTE)),
    };
    assert_eq!(told, nothing);
    scene.exchange(&string, None);
    let one = LivingTokens { living: 1, last_ends_at: Some(at(11 * MINUTE)), ..nothing };
    assert_eq!(scene.tokens(key), one);
    let (fresh, _) = scene.own_key(&key_input("fresh"));
    assert_eq!(scene.tokens(fresh).uncounted_until, None);
    scene.clock.set(at(16 * MINUTE));
    assert_eq!(scene.tokens(key), LivingTokens { uncounted_until: None, ..nothing });
}

#[test]
fn of_another_moment_nothing_is_told() {
    let scene = Scene::new();
    let (key, string) = scene.own_key(&key_input("laptop"));
    scene.exchange(&string, None);
    let (root, named) = (scene.bearer(&scene.root), KeyNamed::Id(key));
    let then = AsOf::Position(scene.authority.position());
    let key = scene.authority.key_named(&root, &named, then).unwrap().value.unwrap();
    assert_eq!(key.tokens, None);
    assert!(
        scene.authority.keys(&root, Which::All, then).unwrap().value.iter().all(|key| key.tokens.is_none())
    );
    assert_eq!(scene.authority.blast_radius(&root, &named, then).unwrap().value.tokens, None);
}

/// What somebody's key does in another tenant is no business of the administrators of its home.
#[test]
fn an_administrator_is_told_of_the_own_tenant_alone() {
    let scene = Scene::new();
    let (_, _, administrator) = scene.account("admin", Role::Administrator);
    let globex = scene.another_tenant("globex");
    let (bob, string) = scene.member(scene.tenant, "bob", Role::Member);
    scene.member(globex, "bob", Role::Member);
    let string = string.unwrap();
    scene.exchange(&string, None);
    scene.clock.set(at(MINUTE));
    let elsewhere = Wanted { tenant: Some(globex), ..Wanted::default() };
    scene.authority.exchange(Shown::from_nowhere(&string), elsewhere).unwrap();
    let caller = scene.bearer(&string);
    assert_eq!(caller.owner, Owner::User(bob));
    let (named, now) = (KeyNamed::Id(caller.key), AsOf::Now);
    for (reader, living) in [(&administrator, 1), (&string, 2), (&scene.root, 2)] {
        let reader = scene.bearer(reader);
        let key = scene.authority.key_named(&reader, &named, now).unwrap().value.unwrap();
        let radius = scene.authority.blast_radius(&reader, &named, now).unwrap().value;
        let told = [key.tokens, radius.tokens].map(|tokens| tokens.unwrap().living);
        assert_eq!(told, [living; 2], "{:?}", reader.owner);
    }
}

#[test]
fn a_dry_run_counts_the_tokens_of_what_would_stop() {
    let scene = Scene::new();
    let (account, key, string) = scene.account("etl", Role::Runner);
    let reach = domain::key::Reach::Tenant(scene.tenant);
    let (second, second_string) = scene.key_for(Owner::ServiceAccount(account), reach, &key_input("second"));
    let globex = scene.another_tenant("globex");
    let (bob, bob_string) = scene.member(scene.tenant, "bob", Role::Member);
    scene.member(globex, "bob", Role::Member);
    let bob_string = bob_string.unwrap();
    scene.exchange(&string, None);
    scene.clock.set(at(MINUTE));
    scene.exchange(&second_string, None);
    scene.exchange(&second_string, None);
    scene.exchange(&bob_string, None);
    let elsewhere = Wanted { tenant: Some(globex), ..Wanted::default() };
    scene.authority.exchange(Shown::from_nowhere(&bob_string), elsewhere).unwrap();

    let told = |command: Command| {
        scene.stops(&Composed::plain(command)).tokens.map(|it| (it.living, it.last_ends_at))
    };
    let both = Some((3, Some(at(11 * MINUTE))));
    assert_eq!(told(Command::RemoveServiceAccount { service_account: account }), both);
    assert_eq!(told(Command::DisableKey { key }), Some((1, Some(at(10 * MINUTE)))));
    let stops = scene.stops(&Composed::plain(Command::RemoveServiceAccount { service_account: account }));
    let mut by_key: Vec<_> = stops.keys.first.iter().map(|it| (it.key, it.tokens.living)).collect();
    by_key.sort();
    let mut expected = [(key, 1), (second, 2)];
    expected.sort();
    assert_eq!(by_key, expected);
    // A membership stops what is for its tenant, and a user everything.
    assert_eq!(told(Command::RemoveMember { tenant: globex, user: bob }), Some((1, Some(at(11 * MINUTE)))));
    assert_eq!(told(Command::RemoveUser { user: bob }), Some((2, Some(at(11 * MINUTE)))));
    // An end that comes sooner stops the key now or later: counted once.
    for overlap in [0, 60] {
        let rotate = scene.authority.rotate_key_overlapping(second, None, overlap).unwrap();
        let living = scene.stops(&rotate).tokens.map(|tokens| tokens.living);
        assert_eq!(living, Some(2), "with an overlap of {overlap} s");
    }
    // Nothing stops, and what is not kept by key.
    assert_eq!(
        told(Command::ChangeServiceAccountRole { service_account: account, role: Role::Member }),
        Some((0, None))
    );
    assert_eq!(told(Command::RevokeTokens { target: domain::event::TokenTarget::All }), None);
}
