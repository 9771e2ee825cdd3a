//! Refused commands: kept for the tenant in which they were asked for, bounded, and never in the log.

use domain::actor::{ActorId, Way};
use domain::ids::TenantId;
use domain::key::Owner;
use domain::rejection::Entity;
use domain::role::Role;
use domain::{Command, Rejection};
use keyledger_authority::compose::Composed;
use keyledger_authority::refusals::RefusalsWanted;
use keyledger_authority::refusals::{RefusalPage, RefusedCommand};
use keyledger_authority::{AsOf, Caller, Failure, Shown, Wanted};

use crate::scene::{Scene, at, key_input};

impl Scene {
    pub fn caller(&self, shown: &str) -> Caller {
        self.authority.authenticate(Shown::from_nowhere(shown), None).unwrap()
    }

    /// Asks for what must be refused, with this code.
    fn refuse(&self, shown: &str, command: Command, code: &str) {
        let actor = self.caller(shown).actor;
        let outcome = self.authority.execute(&actor, &self.request(), Composed::plain(command));
        assert_eq!(outcome.unwrap_err().code(), code);
    }

    fn kept(&self, shown: &str, of: Option<TenantId>) -> Result<RefusalPage, Failure> {
        Ok(self
            .authority
            .refusals(&self.caller(shown), RefusalsWanted { of, key: None }, None, 100, AsOf::Now)?
            .value)
    }

    fn commands(&self, shown: &str, of: TenantId) -> Vec<String> {
        let page = self.kept(shown, Some(of)).unwrap();
        page.refusals.into_iter().map(|(_, refusal)| refusal.command).collect()
    }
}

#[test]
fn a_refusal_is_kept_with_who_asked_for_what_and_is_no_event() {
    let scene = Scene::new();
    let (bob, bobs) = scene.member(scene.tenant, "bob", Role::Member);
    let bobs = bobs.unwrap();
    let position = scene.authority.position();
    scene.refuse(&bobs, Command::RemoveTenant { tenant: scene.tenant }, "FORBIDDEN");
    let page = scene.kept(&scene.root, Some(scene.tenant)).unwrap();
    let [(number, refusal)] = page.refusals.as_slice() else { panic!("{page:?}") };
    let expected = RefusedCommand {
        at: scene.authority.now(),
        code: "FORBIDDEN".into(),
        command: "RemoveTenant".into(),
        actor: ActorId::Holder { identity: Owner::User(bob), key: scene.caller(&bobs).key, token: None },
        way: Way::GraphQl,
        request: refusal.request,
        about: Some(Entity::Tenant(scene.tenant)),
    };
    assert_eq!((*number, refusal), (0, &expected));
    assert_eq!((page.more, page.dropped), (false, 0));
    assert_eq!(scene.authority.position(), position);
    let scene = scene.reopened();
    assert_eq!(scene.kept(&scene.root, Some(scene.tenant)).unwrap(), page, "it lasts over a stop");
}

#[test]
fn what_is_done_is_not_kept_and_neither_is_a_credential_that_ended() {
    let scene = Scene::new();
    let (key, string) = scene.own_key(&key_input("laptop"));
    let actor = scene.caller(&string).actor;
    scene.must(Command::DisableKey { key });
    let outcome =
        scene.authority.execute(&actor, &scene.request(), Composed::plain(Command::EnableKey { key }));
    assert!(matches!(outcome, Err(Failure::Rejected(Rejection::NotAuthenticated(_)))), "{outcome:?}");
    assert_eq!(scene.commands(&scene.root, scene.tenant), [""; 0]);
}

#[test]
fn of_a_key_they_are_those_about_it_and_those_of_who_tried_with_it() {
    let scene = Scene::new();
    let (key, _) = scene.own_key(&key_input("laptop"));
    let (_, bobs) = scene.member(scene.tenant, "bob", Role::Member);
    let bobs = bobs.unwrap();
    let disable = |key| Command::DisableKey { key };
    scene.refuse(&bobs, disable(key), "NOT_FOUND");
    scene.refuse(&bobs, disable(scene.key), "NOT_FOUND");
    let of = |key| {
        let wanted = RefusalsWanted { of: Some(scene.tenant), key: Some(key) };
        let page = scene.authority.refusals(&scene.caller(&scene.root), wanted, None, 100, AsOf::Now);
        page.unwrap().value.refusals.into_iter().map(|(_, refusal)| refusal.about).collect::<Vec<_>>()
    };
    let about = |key| Some(Entity::Key(key));
    assert_eq!(of(key), [about(key)]);
    assert_eq!(of(scene.caller(&bobs).key), [about(scene.key), about(key)], "the newest first");
}

#[test]
fn as_of_an_instant_they_are_those_until_then_and_of_then() {
    let scene = Scene::new();
    let (_, bobs) = scene.member(scene.tenant, "bob", Role::Member);
    scene.clock.set(at(1_000));
    scene.refuse(&bobs.unwrap(), Command::RemoveTenant { tenant: scene.tenant }, "FORBIDDEN");
    scene.clock.set(at(2_000));
    let until = |ms| {
        let (root, wanted) =
            (scene.caller(&scene.root), RefusalsWanted { of: Some(scene.tenant), key: None });
        let page = scene.authority.refusals(&root, wanted, None, 100, AsOf::Instant(at(ms)));
        page.unwrap().value.refusals.len()
    };
    assert_eq!((until(999), until(1_000), until(1_001)), (0, 1, 1));
}

/// A token for a tenant is used on that tenant's behalf: what it is refused is for those who answer for it there.
#[test]
fn what_a_confined_credential_is_refused_is_told_where_it_acts() {
    let scene = Scene::new();
    let other = scene.another_tenant("globex");
    let (_, bobs) = scene.member(scene.tenant, "bob", Role::Member);
    scene.member(other, "bob", Role::Member);
    let shown = Shown::from_nowhere(bobs.as_ref().unwrap());
    let wanted = Wanted { tenant: Some(other), ..Wanted::default() };
    let token = scene.authority.exchange(shown, wanted).unwrap().token;
    scene.refuse(&token, Command::RemoveTenant { tenant: scene.tenant }, "NOT_FOUND");
    assert_eq!(scene.commands(&scene.root, other), ["RemoveTenant"]);
    assert_eq!(scene.commands(&scene.root, scene.tenant), [""; 0]);
}

#[test]
fn only_administrators_read_them_and_of_no_tenant_only_operators() {
    let scene = Scene::new();
    let (_, bobs) = scene.member(scene.tenant, "bob", Role::Member);
    let bobs = bobs.unwrap();
    let code = |outcome: Result<RefusalPage, Failure>| outcome.unwrap_err().code();
    assert_eq!(code(scene.kept(&bobs, Some(scene.tenant))), "FORBIDDEN");
    assert_eq!(code(scene.kept(&bobs, None)), "FORBIDDEN");
    let other = scene.another_tenant("globex");
    assert_eq!(code(scene.kept(&bobs, Some(other))), "NOT_FOUND");
    assert!(scene.kept(&scene.root, None).is_ok());
}

#[test]
fn a_stranger_writes_into_the_own_tenants_list_only() {
    let scene = Scene::new();
    let other = scene.another_tenant("globex");
    let (_, eves) = scene.member(other, "eve", Role::Administrator);
    let eves = eves.unwrap();
    scene.refuse(&eves, Command::RemoveTenant { tenant: scene.tenant }, "NOT_FOUND");
    scene.refuse(&eves, Command::DisableKey { key: scene.key }, "NOT_FOUND");
    assert_eq!(scene.commands(&scene.root, scene.tenant), [""; 0]);
    assert_eq!(scene.commands(&eves, other), ["DisableKey", "RemoveTenant"], "the newest first");
    // Somebody who belongs to both: where the command was meant.
    let last = Command::ChangeMemberRole { tenant: scene.tenant, user: scene.user, role: Role::Member };
    scene.refuse(&scene.root, last, "LAST_ADMINISTRATOR");
    assert_eq!(scene.commands(&scene.root, scene.tenant), ["ChangeMemberRole"]);
}

#[test]
fn a_flood_is_bounded_counted_and_at_nobody_elses_cost() {
    let scene = Scene::new();
    let other = scene.another_tenant("globex");
    let (_, eves) = scene.member(other, "eve", Role::Member);
    let (_, bobs) = scene.member(scene.tenant, "bob", Role::Member);
    let (eves, bobs) = (eves.unwrap(), bobs.unwrap());
    scene.refuse(&bobs, Command::SuspendTenant { tenant: scene.tenant }, "FORBIDDEN");
    for _ in 0..1_100 {
        scene.refuse(&eves, Command::RemoveTenant { tenant: other }, "FORBIDDEN");
    }
    let scene = scene.reopened();
    for _ in 0..50 {
        scene.refuse(&eves, Command::RemoveTenant { tenant: other }, "FORBIDDEN");
    }
    let root = scene.caller(&scene.root);
    let (mut before, mut read) = (None, vec![]);
    loop {
        let page = scene
            .authority
            .refusals(&root, RefusalsWanted { of: Some(other), key: None }, before, 300, AsOf::Now)
            .unwrap()
            .value;
        assert_eq!(page.dropped, 150);
        read.extend(page.refusals.into_iter().map(|(number, _)| number));
        before = read.last().copied();
        if !page.more {
            break;
        }
    }
    assert!(read.iter().copied().eq((150..1_150).rev()), "{} read", read.len());
    assert_eq!(scene.commands(&scene.root, scene.tenant), ["SuspendTenant"]);
}

#[test]
fn an_idempotency_key_used_for_another_command_is_a_refusal_too() {
    let scene = Scene::new();
    let tenant = scene.tenant;
    let actor = scene.actor();
    let first = scene.authority.execute(
        &actor,
        &scene.attempt("once"),
        Composed::plain(Command::RevokeTokens { target: domain::event::TokenTarget::Tenant(tenant) }),
    );
    first.unwrap();
    let other = Composed::plain(Command::RevokeTokens { target: domain::event::TokenTarget::Key(scene.key) });
    let outcome = scene.authority.execute(&actor, &scene.attempt("once"), other);
    assert_eq!(outcome.unwrap_err(), Failure::IdempotencyConflict);
    let page = scene.kept(&scene.root, Some(tenant)).unwrap();
    assert_eq!(page.refusals[0].1.code, "IDEMPOTENCY_CONFLICT");
    assert_eq!(page.refusals[0].1.about, Some(Entity::Key(scene.key)));
}
