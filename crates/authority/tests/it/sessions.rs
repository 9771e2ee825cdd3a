//! Sessions: they last as long as their limits and their key say, and no longer.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use domain::ids::KeyId;
use domain::key::RevocationReason;
use domain::role::Role;
use domain::{Command, Event, Refusal};
use keyledger_authority::compose::Composed;
use keyledger_authority::sessions::{Presence, SessionLimits, SessionOver};
use keyledger_authority::{Caller, Denied, OpaqueSecret, Shown, When};

use crate::scene::{Scene, at, key_input};

const LIMITS: SessionLimits = SessionLimits { idle_seconds: 1_800, life_seconds: 43_200, proof_seconds: 600 };
const MINUTE_MS: i64 = 60_000;

impl Scene {
    fn signed_in(&self, key: &str) -> OpaqueSecret {
        let caller = self.authority.authenticate(Shown::from_nowhere(key), None).unwrap();
        self.authority.open_session(&caller, LIMITS)
    }

    fn resumed(&self, secret: &OpaqueSecret) -> Result<Caller, SessionOver> {
        self.authority
            .resume_session(secret.expose(), None, Presence::Somebody, LIMITS)
            .map(|resumed| resumed.caller)
    }

    fn is_proved(&self, secret: &OpaqueSecret) -> bool {
        self.authority.resume_session(secret.expose(), None, Presence::Somebody, LIMITS).unwrap().proved
    }

    fn revoke(&self, key: KeyId) {
        let reason = RevocationReason::Unspecified;
        self.must(Command::RevokeKey { key, reason, note: None });
    }
}

#[test]
fn a_session_is_worth_what_its_key_is() {
    let scene = Scene::new();
    let (key, string) = scene.own_key(&key_input("laptop"));
    let secret = scene.signed_in(&string);
    let shown = scene.authority.authenticate(Shown::from_nowhere(&string), None).unwrap();
    assert_eq!(scene.resumed(&secret), Ok(shown), "as if the key itself had been shown");
    scene.must(Command::DisableKey { key });
    let refused = scene.resumed(&secret).unwrap_err();
    let SessionOver::Denied(denial) = refused else { panic!("{refused:?}") };
    assert_eq!((denial.denied, denial.key), (Denied::Refused(Refusal::KeyDisabled), Some(key)));
    scene.must(Command::EnableKey { key });
    assert_eq!(scene.resumed(&secret), Err(SessionOver::NoSession), "what ended does not come back");

    let secret = scene.signed_in(&string);
    scene.revoke(key);
    assert!(matches!(scene.resumed(&secret), Err(SessionOver::Denied(_))));
}

#[test]
fn it_ends_when_it_is_left_alone_and_at_the_latest_after_its_life() {
    let scene = Scene::new();
    let secret = scene.signed_in(&scene.root);
    scene.clock.set(at(30 * MINUTE_MS));
    assert!(scene.resumed(&secret).is_ok(), "30 minutes are not too long");
    scene.clock.set(at(60 * MINUTE_MS + 1));
    assert_eq!(scene.resumed(&secret), Err(SessionOver::NoSession));

    let secret = scene.signed_in(&scene.root);
    let began = 60 * MINUTE_MS + 1;
    for step in 1..=(12 * 60 / 20) {
        scene.clock.set(at(began + step * 20 * MINUTE_MS));
        assert!(scene.resumed(&secret).is_ok(), "used every 20 minutes: {step}");
    }
    scene.clock.set(at(began + 12 * 60 * MINUTE_MS + 1));
    assert_eq!(scene.resumed(&secret), Err(SessionOver::NoSession), "twelve hours are all there is");
}

#[test]
fn what_stops_a_key_for_a_while_ends_its_sessions_for_good() {
    let scene = Scene::new();
    let (key, string) = scene.own_key(&key_input("laptop"));
    let (disabled, other) = (scene.signed_in(&string), scene.signed_in(&scene.root));
    scene.must(Command::DisableKey { key });
    scene.must(Command::EnableKey { key });
    assert_eq!(scene.resumed(&disabled), Err(SessionOver::NoSession), "nobody asked in between");
    assert!(scene.resumed(&other).is_ok(), "the sessions of other keys go on");

    let (account, _, machine) = scene.account("etl", Role::Runner);
    let suspended = scene.signed_in(&machine);
    scene.must(Command::SuspendServiceAccount { service_account: account });
    scene.must(Command::ResumeServiceAccount { service_account: account });
    assert_eq!(scene.resumed(&suspended), Err(SessionOver::NoSession));

    let (bob, string) = scene.member(scene.tenant, "bob", Role::Member);
    let suspended = scene.signed_in(&string.unwrap());
    scene.must(Command::SuspendUser { user: bob });
    scene.must(Command::ResumeUser { user: bob });
    assert_eq!(scene.resumed(&suspended), Err(SessionOver::NoSession));
    assert!(scene.resumed(&other).is_ok());
}

#[test]
fn what_stopped_a_key_just_before_a_crash_ends_its_sessions_at_the_next_start() {
    let scene = Scene::new();
    let (account, _, machine) = scene.account("etl", Role::Runner);
    let (stopped, other) = (scene.signed_in(&machine), scene.signed_in(&scene.root));
    let scene = scene.with_events([Event::ServiceAccountSuspended { service_account: account }]);
    scene.must(Command::ResumeServiceAccount { service_account: account });
    assert!(scene.authority.authenticate(Shown::from_nowhere(&machine), None).is_ok());
    assert_eq!(scene.resumed(&stopped), Err(SessionOver::NoSession));
    assert!(scene.resumed(&other).is_ok());
}

#[test]
fn a_session_does_not_come_back_with_another_tenant_or_with_an_operators_rights() {
    let scene = Scene::new();
    let other = scene.another_tenant("globex");
    let (bob, string) = scene.member(scene.tenant, "bob", Role::Member);
    let string = string.unwrap();
    let secret = scene.signed_in(&string);
    scene.must(Command::RemoveMember { tenant: scene.tenant, user: bob });
    scene.member(other, "bob", Role::Member);
    assert!(scene.authority.authenticate(Shown::from_nowhere(&string), None).is_ok(), "his key acts there");
    assert_eq!(scene.resumed(&secret), Err(SessionOver::NoSession));

    // Nor after its tenant's end.
    let (third, secret) = (scene.another_tenant("initech"), scene.signed_in(&string));
    scene.must(Command::RemoveTenant { tenant: other });
    scene.member(third, "bob", Role::Member);
    assert!(scene.authority.authenticate(Shown::from_nowhere(&string), None).is_ok(), "his key acts there");
    assert_eq!(scene.resumed(&secret), Err(SessionOver::NoSession));

    scene.must(Command::RemoveMember { tenant: third, user: bob });
    scene.must(Command::GrantOperator { user: bob });
    let secret = scene.signed_in(&string);
    scene.must(Command::WithdrawOperator { user: bob });
    scene.must(Command::GrantOperator { user: bob });
    assert_eq!(scene.resumed(&secret), Err(SessionOver::NoSession));
}

#[test]
fn a_command_that_is_sent_again_ends_no_session_that_was_begun_since() {
    let scene = Scene::new();
    let (key, string) = scene.own_key(&key_input("laptop"));
    let disable = || {
        let command = Composed::plain(Command::DisableKey { key });
        scene.authority.execute(&scene.actor(), &scene.attempt("once"), command).unwrap()
    };
    disable();
    scene.must(Command::EnableKey { key });
    let secret = scene.signed_in(&string);
    assert_eq!(disable().when, When::Before);
    assert!(scene.resumed(&secret).is_ok());
}

#[test]
fn a_session_does_not_come_back_into_a_tenant_that_was_closed_to_it() {
    for asks_meanwhile in [false, true] {
        let scene = Scene::new();
        let other = scene.another_tenant("globex");
        let secret = scene.signed_in(&scene.root);
        scene.authority.enter_tenant(secret.expose(), other);
        assert_eq!(scene.resumed(&secret).unwrap().tenant, Some(other));
        scene.must(Command::SuspendTenant { tenant: other });
        if asks_meanwhile {
            assert_eq!(scene.resumed(&secret).unwrap().tenant, Some(scene.tenant));
        }
        scene.must(Command::ResumeTenant { tenant: other });
        assert_eq!(scene.resumed(&secret).unwrap().tenant, Some(scene.tenant), "{asks_meanwhile}");
    }
}

/// Requests of one browser come side by side: each must leave alone what the others changed of the session.
#[test]
fn whoever_goes_on_undoes_nothing_that_is_done_to_the_session_meanwhile() {
    // Left alone for no time at all: whoever goes on is noted every time.
    const NOTED: SessionLimits = SessionLimits { idle_seconds: 3, ..LIMITS };
    let scene = Scene::new();
    let tenants = [scene.tenant, scene.another_tenant("globex")];
    let secret = scene.signed_in(&scene.root);
    let going_on = AtomicBool::new(true);
    let resume = |who| scene.authority.resume_session(secret.expose(), None, who, NOTED).unwrap();
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while going_on.load(Relaxed) {
                    resume(Presence::Somebody);
                }
            });
        }
        let undone = (0..200).find(|step| {
            let (tenant, now) = (tenants[step % 2], at(*step as i64));
            scene.clock.set(now);
            scene.authority.enter_tenant(secret.expose(), tenant);
            scene.authority.prove_session(secret.expose());
            (0..4).any(|_| {
                let session = resume(Presence::Page).session;
                (session.tenant, session.proved) != (Some(tenant), now)
            })
        });
        going_on.store(false, Relaxed);
        assert_eq!(undone, None);
    });
}

#[test]
fn a_page_that_was_left_open_keeps_no_session_alive() {
    let scene = Scene::new();
    let secret = scene.signed_in(&scene.root);
    for minute in 1..30 {
        scene.clock.set(at(minute * MINUTE_MS));
        let resumed = scene.authority.resume_session(secret.expose(), None, Presence::Page, LIMITS);
        assert!(resumed.is_ok(), "it is answered as long as the session lives: {minute}");
    }
    scene.clock.set(at(30 * MINUTE_MS + 1));
    assert_eq!(scene.resumed(&secret), Err(SessionOver::NoSession));
}

#[test]
fn a_new_secret_needs_a_key_that_was_shown_lately() {
    let scene = Scene::new();
    let secret = scene.signed_in(&scene.root);
    assert!(scene.is_proved(&secret));
    scene.clock.set(at(10 * MINUTE_MS + 1));
    assert!(!scene.is_proved(&secret));
    scene.authority.prove_session(secret.expose());
    assert!(scene.is_proved(&secret));
}

#[test]
fn sessions_outlive_a_restart_and_sign_outs_do_too() {
    let scene = Scene::new();
    let (kept, left) = (scene.signed_in(&scene.root), scene.signed_in(&scene.root));
    scene.authority.close_session(left.expose());
    assert_ne!(kept.expose(), left.expose());
    let scene = scene.reopened();
    assert!(scene.resumed(&kept).is_ok());
    assert_eq!(scene.resumed(&left), Err(SessionOver::NoSession));
}

#[test]
fn a_key_has_so_many_sessions_and_one_more_ends_the_one_left_alone_longest() {
    let scene = Scene::new();
    let secrets: Vec<_> = (0..17)
        .map(|number| {
            scene.clock.set(at(number * 1_000));
            scene.signed_in(&scene.root)
        })
        .collect();
    let open: Vec<_> = secrets.iter().map(|secret| scene.resumed(secret).is_ok()).collect();
    assert_eq!(open.iter().filter(|open| **open).count(), 16);
    assert!(!open[0] && open[16]);
}

#[test]
fn what_is_no_secret_of_ours_opens_nothing() {
    let scene = Scene::new();
    let secret = scene.signed_in(&scene.root);
    let upper = secret.expose().to_uppercase();
    for text in ["", "x", scene.root.as_str(), &"0".repeat(64), &"é".repeat(32), &secret.expose()[1..]] {
        let resumed = scene.authority.resume_session(text, None, Presence::Somebody, LIMITS);
        assert_eq!(resumed.map(drop).unwrap_err(), SessionOver::NoSession, "{text}");
    }
    assert!(
        upper == secret.expose()
            || scene.authority.resume_session(&upper, None, Presence::Somebody, LIMITS).is_err()
    );
}
