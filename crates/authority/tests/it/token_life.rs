//! The life of tokens: what the log says of it, and that no token outlives what is then said of the last one.

use std::fs;
use std::path::Path;

use domain::actor::{ActorId, Way};
use domain::event::{Event, RetirementReason, TokenTarget};
use domain::ids::KeyId;
use domain::key::{Owner, Reach, RevocationReason};
use domain::time::{Position, Timestamp};
use domain::token_life::TokenLife;
use domain::{Command, Recorded};
use keyledger_authority::compose::{Composed, KeyInput};
use keyledger_authority::named::KeyNamed;
use keyledger_authority::rehearsal::Rehearsed;
use keyledger_authority::set_up;
use keyledger_authority::{AsOf, Authority, Caller, Clock, Minted, Options, Rollback, Shown, Wanted};

use crate::scene::{Scene, at, key_input, log, options, tenant_input, user_input};

const SECOND: i64 = 1_000;

fn life(seconds: u32) -> TokenLife {
    TokenLife::new(seconds).unwrap()
}

/// The same after a restart with another setting, which is not yet recorded.
fn set(scene: Scene, seconds: u32) -> Scene {
    let options = Options { token_life: life(seconds), ..scene.options.clone() };
    scene.reopened_after(|| {}, options)
}

/// The same after a restart with another setting.
fn lasting(scene: Scene, seconds: u32) -> Scene {
    let scene = set(scene, seconds);
    scene.authority.keep_token_life().unwrap();
    scene
}

fn said(log: &[Recorded]) -> Vec<&Recorded> {
    log.iter().filter(|recorded| matches!(recorded.event, Event::TokenLifeChanged { .. })).collect()
}

fn root(scene: &Scene) -> Caller {
    scene.authority.authenticate(Shown::from_nowhere(&scene.root), None).unwrap()
}

fn rehearse(scene: &Scene, composed: &Composed) -> Rehearsed {
    scene.authority.rehearse(&root(scene), &scene.request(), composed).unwrap().value
}

fn lives_until(scene: &Scene, command: Command) -> Option<Timestamp> {
    rehearse(scene, &Composed::plain(command)).stops.tokens_live_until
}

fn revoke(scene: &Scene, key: KeyId) -> Composed {
    scene.authority.revoke_key(key, RevocationReason::KeyCompromise, None).unwrap()
}

fn dead_at(scene: &Scene, key: KeyId, as_of: AsOf) -> Option<Timestamp> {
    scene.authority.blast_radius(&root(scene), &KeyNamed::Id(key), as_of).unwrap().value.tokens_dead_at
}

/// How long a token lives that is minted now.
fn lives(scene: &Scene) -> u64 {
    scene.exchange(&scene.root, None).expires_in_seconds
}

#[test]
fn the_log_says_it_once_and_the_server_is_who_says_so() {
    let scene = Scene::new();
    assert!(said(&scene.log()).is_empty());
    assert!(scene.authority.keep_token_life().unwrap());
    assert!(!scene.authority.keep_token_life().unwrap(), "it is said");
    let log = scene.log();
    let [recorded] = said(&log)[..] else { panic!("{log:?}") };
    assert_eq!(recorded.event, Event::TokenLifeChanged { life: life(600) });
    assert_eq!((&recorded.metadata.actor, recorded.metadata.way), (&ActorId::Server, Way::Schedule));

    let scene = scene.reopened();
    assert!(!scene.authority.keep_token_life().unwrap(), "the log remembers");
    let scene = lasting(scene, 120);
    assert!(!scene.authority.keep_token_life().unwrap());
    assert_eq!(said(&scene.log()).len(), 2);
    let scene = lasting(scene, 600);
    assert_eq!(said(&scene.log()).len(), 3);
    // The ways to open a ledger that serve nobody say nothing.
    let position = scene.authority.position();
    let scene = set(scene, 60).reopened();
    assert_eq!(scene.authority.position(), position);
}

#[test]
fn a_longer_life_is_recorded_before_the_first_token_that_has_it() {
    let scene = lasting(Scene::new(), 120);
    assert_eq!(lives(&scene), 120);
    let scene = set(scene, 900);
    assert_eq!(lives(&scene), 120, "the log does not say otherwise yet");
    scene.authority.keep_token_life().unwrap();
    assert_eq!(lives(&scene), 900);
    // A shorter one needs no leave.
    let scene = set(scene, 300);
    assert_eq!(lives(&scene), 300);
    scene.authority.keep_token_life().unwrap();
    assert_eq!(lives(&scene), 300);
}

#[test]
fn tokens_that_renew_have_a_life_of_their_own() {
    let scene = lasting(Scene::new(), 60);
    let pair = scene.authority.switch_tenant(&root(&scene), scene.tenant).unwrap();
    assert_eq!(pair.access.expires_at, at(60 * SECOND));
    let shown = |ms| {
        scene.clock.set(at(ms));
        scene.authority.authenticate_or_renew(Shown::from_nowhere(&pair.refresh_token), None).is_ok()
    };
    assert!(shown(899 * SECOND) && !shown(900 * SECOND));
}

#[test]
fn a_signing_key_stays_published_until_the_last_token_that_renews_is_dead() {
    let scene = lasting(Scene::new(), 60);
    let [first] = scene.signing_keys()[..] else { panic!("one") };
    let published = scene.authority.jwks();
    scene.as_root(scene.authority.add_signing_key(at(0))).unwrap();
    let retire = scene.authority.retire_signing_key(first, RetirementReason::Superseded).unwrap();
    scene.as_root(retire).unwrap();
    let kid = published.split("\"kid\":\"").nth(1).unwrap().split('"').next().unwrap();
    scene.clock.set(at(900 * SECOND - 1));
    assert!(scene.authority.jwks().contains(kid));
    scene.clock.set(at(900 * SECOND));
    assert!(!scene.authority.jwks().contains(kid));
}

/// Each with a key that is from before the change of the life, and one that is from after it.
struct Changed {
    scene: Scene,
    old: (KeyId, String),
    new: (KeyId, String),
    /// Of the old key, minted just before the change and just after it; and of the new one.
    tokens: [Minted; 3],
    before: Position,
}

/// When the life changed.
const CHANGE: i64 = 2_000 * SECOND;

impl Changed {
    fn from_to(from: u32, to: u32) -> Self {
        let scene = lasting(Scene::new(), from);
        let (account, old, string) = scene.account("etl", domain::role::Role::Runner);
        let old = (old, string);
        scene.clock.set(at(CHANGE));
        let first = scene.exchange(&old.1, None);
        let before = scene.authority.position();
        let scene = lasting(scene, to);
        let reach = Reach::Tenant(scene.tenant);
        let new = scene.key_for(Owner::ServiceAccount(account), reach, &key_input("new"));
        let tokens = [first, scene.exchange(&old.1, None), scene.exchange(&new.1, None)];
        Self { scene, old, new, tokens, before }
    }

    /// Until when tokens may live if the key is revoked now: by a dry run, then by its blast radius.
    #[track_caller]
    fn check(self, key: fn(&Self) -> KeyId, dead: i64, tokens: &[usize]) {
        let (key, scene) = (key(&self), &self.scene);
        let composed = revoke(scene, key);
        let told = rehearse(scene, &composed).stops;
        assert_eq!(told.tokens_live_until, Some(at(dead)), "by a dry run");
        assert_eq!(told.keys.first[0].tokens_live_until, at(dead));
        scene.as_root(composed).unwrap();
        scene.clock.set(at(CHANGE + 10_000 * SECOND));
        assert_eq!(dead_at(scene, key, AsOf::Now), Some(at(dead)), "by the blast radius");
        for token in tokens {
            assert!(self.tokens[*token].expires_at <= at(dead), "token {token}");
        }
    }
}

#[test]
fn a_shorter_life_bounds_what_was_minted_after_it() {
    let changed = || Changed::from_to(900, 120);
    let ends = |token: &Minted| token.expires_at;
    assert_eq!(changed().tokens.each_ref().map(ends), [900, 120, 120].map(|life| at(CHANGE + life * SECOND)));
    let at_once = |key: fn(&Changed) -> KeyId, dead, tokens: &[usize]| {
        changed().check(key, CHANGE + dead * SECOND, tokens);
    };
    // The token from just before lives on as it was: to the millisecond.
    at_once(|it| it.old.0, 900, &[0, 1]);
    at_once(|it| it.new.0, 120, &[2]);
    for (later, of_old, of_new) in [(500, 900, 620), (779, 900, 899), (781, 901, 901), (5_000, 5_120, 5_120)]
    {
        for (key, dead) in [((|it| it.old.0) as fn(&Changed) -> KeyId, of_old), (|it| it.new.0, of_new)] {
            let changed = changed();
            changed.scene.clock.set(at(CHANGE + later * SECOND));
            changed.check(key, CHANGE + dead * SECOND, &[]);
        }
    }
}

#[test]
fn a_longer_life_bounds_everything_from_then_on() {
    let changed = || Changed::from_to(120, 900);
    let ends = |token: &Minted| token.expires_at;
    assert_eq!(changed().tokens.each_ref().map(ends), [120, 900, 900].map(|life| at(CHANGE + life * SECOND)));
    changed().check(|it| it.old.0, CHANGE + 900 * SECOND, &[0, 1]);
    changed().check(|it| it.new.0, CHANGE + 900 * SECOND, &[2]);
    // Just before it, the shorter one was all that there was.
    let changed = changed();
    let disable = Composed::plain(Command::DisableKey { key: changed.old.0 });
    changed.scene.as_root(disable).unwrap();
    assert_eq!(
        dead_at(&changed.scene, changed.old.0, AsOf::Position(changed.before)),
        None,
        "it could go on"
    );
    let scene = lasting(Scene::new(), 120);
    let (key, _) = scene.own_key(&key_input("ended in time"));
    scene.as_root(revoke(&scene, key)).unwrap();
    let ended = scene.authority.position();
    let scene = lasting(scene, 900);
    for as_of in [AsOf::Position(ended), AsOf::Now] {
        assert_eq!(dead_at(&scene, key, as_of), Some(at(120 * SECOND)), "{as_of:?}");
    }
}

/// A key that the clock ended is bounded by the life that was in force when it did.
#[test]
fn what_was_set_after_the_end_of_a_key_is_nothing_to_it() {
    for (from, to) in [(120, 900), (900, 120)] {
        let scene = lasting(Scene::new(), from);
        let input = KeyInput { expires_at: Some(at(4_000 * SECOND)), ..key_input("short") };
        let (key, string) = scene.own_key(&input);
        scene.clock.set(at(1_000 * SECOND));
        let token = scene.exchange(&string, None);
        let (end, disabled) = (Some(at(1_050 * SECOND)), at(1_010 * SECOND));
        scene.clock.set(disabled);
        scene.must(Command::ChangeKeyExpiry { key, expires_at: end });
        scene.clock.set(at(2_000 * SECOND));
        let scene = lasting(scene, to);
        let dead = dead_at(&scene, key, AsOf::Now).unwrap();
        // Minted before the end was brought forward, it lives as long as was said then.
        assert_eq!(dead, disabled.plus_seconds(from.into()), "{from} to {to}");
        assert!(token.expires_at <= dead);
    }
}

#[test]
fn every_way_to_end_tokens_is_bounded_by_what_the_log_says() {
    let changed = Changed::from_to(900, 120);
    let scene = &changed.scene;
    let (old, new) = (changed.old.0, changed.new.0);
    let by = |seconds: i64| Some(at(CHANGE + seconds * SECOND));
    let target = |target| Command::RevokeTokens { target };
    let [token_of_old, _, token_of_new] = &changed.tokens;
    let sooner = Some(at(CHANGE + 5 * SECOND));
    let account = scene.model().keys[&old].owner;
    let Owner::ServiceAccount(service_account) = account else { panic!("{account:?}") };
    for (command, seconds) in [
        (target(TokenTarget::Token { token: token_of_old.id, key: old }), 900),
        (target(TokenTarget::Token { token: token_of_new.id, key: new }), 120),
        (target(TokenTarget::Key(old)), 900),
        (target(TokenTarget::Key(new)), 120),
        (target(TokenTarget::Owner(account)), 900),
        (target(TokenTarget::Owner(Owner::User(scene.user))), 900),
        (target(TokenTarget::Tenant(scene.tenant)), 900),
        (target(TokenTarget::SigningKey(scene.signing_keys()[0])), 900),
        (target(TokenTarget::All), 900),
        (Command::ChangeKeyExpiry { key: old, expires_at: sooner }, 900),
        (Command::ChangeKeyExpiry { key: new, expires_at: sooner }, 120),
        (Command::DisableKey { key: new }, 120),
        (Command::SuspendServiceAccount { service_account }, 900),
        (Command::RemoveServiceAccount { service_account }, 900),
        (Command::RemoveTenant { tenant: scene.tenant }, 900),
    ] {
        let told = format!("{command:?}");
        assert_eq!(lives_until(scene, command), by(seconds), "{told}");
    }
    let compromised =
        |signing_key| scene.authority.retire_signing_key(signing_key, RetirementReason::Compromised).unwrap();
    let told = rehearse(scene, &compromised(scene.signing_keys()[0]));
    assert_eq!(told.stops.tokens_live_until, by(900));
    // What began after the change has no tokens from before.
    let tenant = scene.another_tenant("globex");
    assert_eq!(lives_until(scene, target(TokenTarget::Tenant(tenant))), by(120));
    scene.as_root(scene.authority.add_signing_key(scene.authority.now())).unwrap();
    let newest = *scene.signing_keys().last().unwrap();
    assert_eq!(lives_until(scene, target(TokenTarget::SigningKey(newest))), by(120));
}

#[test]
fn after_an_accepted_rollback_it_is_said_anew() {
    let scene = lasting(Scene::new(), 300);
    let (ledger, copy) = (scene.options.folder.ledger(), scene.folder.path().join("copy"));
    let copied = |from: &Path, to: &Path| assert!(fs::copy(from, to).unwrap() > 0);
    // What was lost: another life, so that tokens of the lost range lived longer than the ledger says.
    let longer = Options { token_life: life(900), ..scene.options.clone() };
    let scene = scene.reopened_after(|| copied(&ledger, &copy), longer);
    scene.authority.keep_token_life().unwrap();
    assert_eq!(lives(&scene), 900);
    let accepting = Options { rollback: Rollback::Accept, token_life: life(300), ..scene.options.clone() };
    let scene = scene.reopened_after(|| copied(&copy, &ledger), accepting);
    let all = || lives_until(&scene, Command::RevokeTokens { target: TokenTarget::All });
    assert_eq!(all(), Some(at(900 * SECOND)), "nobody knows what was lost");
    assert!(scene.authority.keep_token_life().unwrap());
    assert_eq!((all(), lives(&scene)), (Some(at(900 * SECOND)), 300));
    let (key, _) = scene.own_key(&key_input("from after it"));
    assert_eq!(lives_until(&scene, Command::DisableKey { key }), Some(at(300 * SECOND)));
}

#[test]
fn a_server_that_is_set_up_by_a_link_says_it_with_the_first_tenant() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(at(0));
    let options = Options { token_life: life(300), ..options(&folder.path().join("data"), &clock) };
    Authority::begin(options.clone()).unwrap();
    let authority = Authority::open(options.clone()).unwrap();
    assert!(!authority.keep_token_life().unwrap(), "there is nobody yet to mint a token for");
    assert_eq!(authority.position(), Position::START);
    let (code, _) = set_up::new_code(&options.folder, authority.now(), 900).unwrap();
    let id = authority.request_id();
    let request = keyledger_authority::Request { way: Way::Ui, id, idempotency_key: None };
    let made = authority.set_up(code.expose(), &request, &tenant_input("acme"), &user_input("ada")).unwrap();
    let log = log(&authority.snapshot().unwrap());
    let [recorded] = said(&log)[..] else { panic!("{log:?}") };
    assert_eq!(recorded.event, Event::TokenLifeChanged { life: life(300) });
    let key = made.key_string.expose().to_owned();
    let token = authority.exchange(Shown::from_nowhere(&key), Wanted::default()).unwrap();
    assert_eq!(token.expires_in_seconds, 300);
}
