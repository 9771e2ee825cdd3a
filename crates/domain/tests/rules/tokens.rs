//! Rules about tokens: watermarks of every kind, and what a token rests on.

use keyledger_domain::actor::{Actor, Holder, Token};
use keyledger_domain::command::Command;
use keyledger_domain::event::{Event, RetirementReason, TokenTarget};
use keyledger_domain::ids::{KeyId, SigningKeyId, TokenId};
use keyledger_domain::key::{Owner, Reach};
use keyledger_domain::rejection::Refusal;
use keyledger_domain::role::{Role, Scopes};
use keyledger_domain::time::Position;

use crate::scene::*;

const K: KeyId = id(NEW);
const NEXT: SigningKeyId = id(NEW);
const FIRST: TokenId = id(0x71);
const SECOND: TokenId = id(0x72);
const LATER: TokenId = id(0x73);

const MAX_TOKEN: TokenTarget = TokenTarget::Token { token: FIRST, key: MAXS };
const BOT_TOKEN: TokenTarget = TokenTarget::Token { token: FIRST, key: BOTS };
const OF_MAX: TokenTarget = TokenTarget::Owner(Owner::User(MAX));
const OF_BOT: TokenTarget = TokenTarget::Owner(Owner::ServiceAccount(BOT));

fn revoke_tokens(actor: Actor, target: TokenTarget) -> Deed {
    by(actor, Command::RevokeTokens { target })
}

/// Tokens of these keys, two of the first; then a watermark; then which are refused.
#[track_caller]
fn check_refused(target: TokenTarget, keys: &[(KeyId, bool)]) {
    let before = Scene::cast();
    let tenant = |key| before.model.keys[&key].reach.home();
    let after = before.clone().given([fact(Event::TokensRevoked { target })]);
    for (key, refused) in keys {
        let minted = before.mint(FIRST, *key, tenant(*key));
        assert_eq!(before.accepts_token(&minted, 0), Ok(()), "{key} before {target:?}");
        let expected = if *refused { Err(Refusal::TokenRevoked) } else { Ok(()) };
        assert_eq!(after.accepts_token(&minted, 0), expected, "{key} after {target:?}");
        assert_eq!(after.accepts(*key, 0), Ok(()), "the key itself is untouched");
        let later = after.mint(LATER, *key, tenant(*key));
        assert_eq!(after.accepts_token(&later, 0), Ok(()), "{key} minted after {target:?}");
    }
}

#[test]
fn a_watermark_refuses_the_tokens_of_its_target_minted_before_and_no_others() {
    let (mine, not) = (true, false);
    check_refused(MAX_TOKEN, &[(MAXS, mine), (RITAS, not), (BOTS, not), (OTTOS, not)]);
    check_refused(TokenTarget::Key(MAXS), &[(MAXS, mine), (RITAS, not), (BOTS, not), (OTTOS, not)]);
    check_refused(OF_MAX, &[(MAXS, mine), (RITAS, not), (BOTS, not), (OTTOS, not)]);
    check_refused(OF_BOT, &[(BOTS, mine), (ETLS, not), (MAXS, not), (OTTOS, not)]);
    check_refused(TokenTarget::Tenant(A), &[(MAXS, mine), (RITAS, mine), (BOTS, mine), (OTTOS, not)]);
    check_refused(TokenTarget::SigningKey(SIGNING), &[(MAXS, mine), (BOTS, mine), (OTTOS, mine)]);
    check_refused(TokenTarget::SigningKey(NEXT), &[(MAXS, not), (BOTS, not), (OTTOS, not)]);
    check_refused(TokenTarget::All, &[(MAXS, mine), (RITAS, mine), (BOTS, mine), (OTTOS, mine)]);
}

#[test]
fn the_watermark_of_one_token_leaves_the_others_of_its_key() {
    let scene = Scene::cast();
    let (first, second) = (scene.mint(FIRST, MAXS, A), scene.mint(SECOND, MAXS, A));
    let scene = scene.given([revoke_tokens(max(), MAX_TOKEN)]);
    assert_eq!(scene.accepts_token(&first, 0), Err(Refusal::TokenRevoked));
    assert_eq!(scene.accepts_token(&second, 0), Ok(()));
}

#[test]
fn nobody_revokes_another_keys_token_by_calling_it_their_own() {
    let scene = Scene::cast();
    let (token, key) = (FIRST, RITAS);
    let maxs = scene.mint(token, MAXS, A);
    let scene = scene.given([revoke_tokens(rita(), TokenTarget::Token { token, key })]);
    assert_eq!(scene.accepts_token(&maxs, 0), Ok(()));
}

#[test]
fn a_later_watermark_of_the_same_target_reaches_further() {
    let target = TokenTarget::Key(MAXS);
    let scene = Scene::cast().given([revoke_tokens(max(), target)]);
    let between = scene.mint(FIRST, MAXS, A);
    let scene = scene.given([revoke_tokens(max(), target)]);
    assert_eq!(scene.accepts_token(&between, 0), Err(Refusal::TokenRevoked));
    assert_eq!(scene.model.watermarks[&target], scene.head());
}

#[test]
fn whoever_manages_what_tokens_rest_on_revokes_them_each_time_anew() {
    let (key, unconfined_max) = unconfined(MAX, K, A);
    let may = [
        (max(), MAX_TOKEN),
        (olga(), MAX_TOKEN),
        (anna(), BOT_TOKEN),
        (etl(), BOT_TOKEN),
        (olga(), BOT_TOKEN),
        (max(), TokenTarget::Key(MAXS)),
        (olga(), TokenTarget::Key(MAXS)),
        (anna(), TokenTarget::Key(BOTS)),
        (unconfined_max, OF_MAX),
        (olga(), OF_MAX),
        (anna(), OF_BOT),
        (etl(), OF_BOT),
        (olga(), OF_BOT),
        (anna(), TokenTarget::Tenant(A)),
        (etl(), TokenTarget::Tenant(A)),
        (olga(), TokenTarget::Tenant(A)),
        (olga(), TokenTarget::Tenant(B)),
        (olga(), TokenTarget::SigningKey(SIGNING)),
        (olga(), TokenTarget::All),
    ];
    for (actor, target) in may {
        let revoke = || revoke_tokens(actor.clone(), target);
        check([key.clone()], revoke(), events([Event::TokensRevoked { target }]));
        check([key.clone(), revoke()], revoke(), events([Event::TokensRevoked { target }]));
    }
}

#[test]
fn nobody_else_revokes_tokens() {
    let must_not = [
        ("NOT_FOUND", vec![anna(), rita(), etl(), bot(), bert()], MAX_TOKEN),
        ("NOT_FOUND", vec![anna(), rita(), etl(), bot(), bert()], TokenTarget::Key(MAXS)),
        ("FORBIDDEN", vec![max(), rita(), bot()], TokenTarget::Key(ETLS)),
        ("FORBIDDEN", vec![max(), rita()], TokenTarget::Key(BOTS)),
        ("NOT_FOUND", vec![bert(), otto(), bee()], TokenTarget::Key(BOTS)),
        ("NOT_FOUND", vec![olga()], TokenTarget::Key(K)),
        ("NOT_FOUND", vec![olga()], TokenTarget::Owner(Owner::ServiceAccount(id(NEW)))),
        ("NOT_FOUND", vec![olga()], TokenTarget::Owner(Owner::User(id(NEW)))),
        ("NOT_FOUND", vec![olga()], TokenTarget::Tenant(id(NEW))),
        // All of a user's tokens act in more than one tenant; a confined credential does not.
        ("FORBIDDEN", vec![anna(), max(), bert()], OF_MAX),
        ("FORBIDDEN", vec![max(), rita(), bot()], OF_BOT),
        ("NOT_FOUND", vec![bert(), bee(), narrowed(olga(), "keyledger:admin")], OF_BOT),
        ("FORBIDDEN", vec![max(), rita(), bot()], TokenTarget::Tenant(A)),
        ("NOT_FOUND", vec![bert(), bee(), narrowed(olga(), "keyledger:admin")], TokenTarget::Tenant(A)),
        ("FORBIDDEN", vec![anna(), max(), etl(), bert()], TokenTarget::SigningKey(SIGNING)),
        ("NOT_FOUND", vec![olga()], TokenTarget::SigningKey(NEXT)),
        ("FORBIDDEN", vec![anna(), max(), etl(), bert()], TokenTarget::All),
        ("FORBIDDEN", vec![Actor::Console, Actor::Server], TokenTarget::All),
        ("KEY_REVOKED", vec![mira()], TokenTarget::Key(MIRAS)),
    ];
    for (code, actors, target) in must_not {
        for actor in actors {
            check([], revoke_tokens(actor, target), rejected(code));
        }
    }
}

#[test]
fn whoever_holds_a_key_revokes_its_tokens_however_little_it_permits() {
    let holders = [
        (narrowed(max(), "keyledger:read"), MAXS),
        (narrowed(anna(), ""), ANNAS),
        (rex(), REXS),
        (bot(), BOTS),
        (narrowed(bee(), ""), BEES),
    ];
    for (holder, key) in holders {
        for target in [TokenTarget::Key(key), TokenTarget::Token { token: FIRST, key }] {
            check([], revoke_tokens(holder.clone(), target), events([Event::TokensRevoked { target }]));
        }
    }
    // Of one's other keys it takes the scope.
    let other = by(max(), create_key(Owner::User(MAX), Reach::Tenant(A), K));
    for target in [TokenTarget::Key(K), TokenTarget::Token { token: FIRST, key: K }] {
        let narrow = revoke_tokens(narrowed(max(), "keyledger:read"), target);
        check([other.clone()], narrow, rejected("FORBIDDEN"));
    }
}

#[test]
fn a_token_that_is_for_no_tenant_is_none_of_ours() {
    let minted = Scene::cast().mint(FIRST, OLGAS, HOME);
    let Actor::Holder(holder) = minted.shown_by(Owner::User(OLGA)) else { panic!("a token has a holder") };
    let everywhere = Actor::Holder(Holder { confined_to: None, ..holder });
    for command in [Command::SuspendTenant { tenant: A }, revoke(OLGAS), Command::GrantOperator { user: MAX }]
    {
        check([], by(everywhere.clone(), command), rejected("SIGNING_KEY_REFUSED"));
    }
}

#[test]
fn a_token_acts_as_its_key_does() {
    let token = Scene::cast().mint(FIRST, ANNAS, A).shown_by(Owner::User(ANNA));
    let rename = || by(token.clone(), Command::RenameTenant { tenant: A, name: tenant_name(A, "new") });
    check([], rename(), once([Event::TenantRenamed { tenant: A, name: tenant_name(A, "new") }]));
    check([revoke_tokens(anna(), TokenTarget::Key(ANNAS))], rename(), rejected("TOKEN_REVOKED"));
    check([by(anna(), revoke(ANNAS))], rename(), rejected("KEY_REVOKED"));
    check([by(olga(), Command::SuspendTenant { tenant: A })], rename(), rejected("TENANT_SUSPENDED"));
}

#[test]
fn a_token_acts_only_in_its_tenant_even_from_a_key_for_any() {
    let joined = || by(anna(), add_member(A, OLGA, Role::Administrator));
    let token = Scene::cast().given([joined()]).mint(FIRST, OLGAS, A).shown_by(Owner::User(OLGA));
    let rename =
        |tenant| by(token.clone(), Command::RenameTenant { tenant, name: tenant_name(tenant, "new") });
    let renamed = Event::TenantRenamed { tenant: A, name: tenant_name(A, "new") };
    check([joined()], rename(A), events([renamed]));
    check([joined()], rename(HOME), rejected("NOT_FOUND"));
    // It does not operate the deployment either.
    check([joined()], by(token, Command::SuspendTenant { tenant: B }), rejected("NOT_FOUND"));
}

#[test]
fn a_token_dies_with_its_key_its_owner_its_membership_and_its_tenant() {
    let token = |key| (Scene::cast().mint(FIRST, key, A), key);
    let ends = [
        (token(MAXS), by(max(), revoke(MAXS)), Refusal::KeyRevoked),
        (token(MAXS), by(max(), Command::DisableKey { key: MAXS }), Refusal::KeyDisabled),
        (token(MAXS), by(anna(), remove_member(A, MAX)), Refusal::MembershipRemoved),
        (token(MAXS), by(olga(), Command::RemoveUser { user: MAX }), Refusal::OwnerRemoved),
        (token(MAXS), by(olga(), Command::SuspendUser { user: MAX }), Refusal::OwnerSuspended),
        (token(MAXS), by(olga(), Command::RemoveTenant { tenant: A }), Refusal::TenantRemoved),
        (token(MAXS), by(olga(), Command::SuspendTenant { tenant: A }), Refusal::TenantSuspended),
        (
            token(BOTS),
            by(anna(), Command::RemoveServiceAccount { service_account: BOT }),
            Refusal::OwnerRemoved,
        ),
    ];
    for ((minted, key), end, refusal) in ends {
        let scene = Scene::cast().given([end]);
        assert_eq!(scene.accepts_token(&minted, 0), Err(refusal));
        assert_eq!(scene.accepts(key, 0), Err(refusal), "and so does its key");
    }
}

#[test]
fn a_token_of_a_compromised_or_unknown_signing_key_is_refused_but_not_of_a_superseded_one() {
    let retire = |reason| {
        let replacement = Some(new_signing_key(NEXT, at(0)));
        by(olga(), Command::RetireSigningKey { signing_key: SIGNING, reason, replacement })
    };
    let minted = Scene::cast().mint(FIRST, MAXS, A);
    let superseded = Scene::cast().given([retire(RetirementReason::Superseded)]);
    assert_eq!(superseded.accepts_token(&minted, 0), Ok(()));
    let compromised = Scene::cast().given([retire(RetirementReason::Compromised)]);
    assert_eq!(compromised.accepts_token(&minted, 0), Err(Refusal::SigningKeyRefused));
    let mut foreign = minted;
    foreign.token.signing_key = NEXT;
    assert_eq!(Scene::cast().accepts_token(&foreign, 0), Err(Refusal::SigningKeyRefused));
}

#[test]
fn after_a_rollback_no_token_from_before_is_trusted_not_even_from_the_lost_range() {
    let scene = Scene::cast();
    let known = scene.mint(FIRST, MAXS, A);
    let mut lost = known;
    lost.token.seq = Position::new(scene.head().number() + 50);
    let accept = Command::AcceptRollback {
        guard_position: Position::new(scene.head().number() + 60),
        guard_hash: [7; 32],
        signing_key: new_signing_key(NEXT, at(0)),
    };
    let scene = scene.given([by(Actor::Console, accept)]);
    assert_eq!(scene.accepts_token(&known, 0), Err(Refusal::SigningKeyRefused));
    assert_eq!(scene.accepts_token(&lost, 0), Err(Refusal::SigningKeyRefused));
    let mut signed_anew = known;
    signed_anew.token.signing_key = NEXT;
    assert_eq!(scene.accepts_token(&signed_anew, 0), Err(Refusal::TokenRevoked));
    let mut fresh = scene.mint(LATER, MAXS, A);
    fresh.token.signing_key = NEXT;
    assert_eq!(scene.accepts_token(&fresh, 0), Ok(()));
}

#[test]
fn a_token_from_before_a_removal_stays_dead_after_joining_again() {
    let (left, rejoined) = (by(anna(), remove_member(A, MAX)), by(anna(), add_member(A, MAX, Role::Member)));
    let (key, _) = unconfined(MAX, K, A);
    let before = Scene::cast().given([key]);
    let (confined, from_any) = (before.mint(FIRST, MAXS, A), before.mint(SECOND, K, A));
    let after = before.given([left, rejoined]);
    assert_eq!(after.accepts_token(&confined, 0), Err(Refusal::MembershipRemoved));
    assert_eq!(after.accepts_token(&from_any, 0), Err(Refusal::MembershipRemoved));
    assert_eq!(after.admit(K, Some(A), 0), Err(Refusal::MembershipRemoved), "and there are no new ones");
    // Not even if one were minted: a token stands with its key.
    let token = Token { id: LATER, seq: after.head(), signing_key: SIGNING };
    let stray = Minted { token, key: K, tenant: A };
    assert_eq!(after.accepts_token(&stray, 0), Err(Refusal::MembershipRemoved));
    let (anew, _) = unconfined(MAX, id(NEW + 1), A);
    let after = after.given([anew]);
    let fresh = after.mint(LATER, id(NEW + 1), A);
    assert_eq!(after.accepts_token(&fresh, 0), Ok(()));
}

#[test]
fn a_token_for_a_tenant_is_no_key_to_another_when_that_one_ends() {
    // A key for any tenant falls back; a token minted from it does not.
    let (key, _) = unconfined(OTTO, K, B);
    let before = Scene::cast().given([by(anna(), add_member(A, OTTO, Role::Member)), key]);
    let minted = before.mint(FIRST, K, B);
    let after = before.given([by(bert(), remove_member(B, OTTO))]);
    assert_eq!(after.admit(K, None, 0).map(|admission| admission.tenant), Ok(Some(A)));
    assert_eq!(after.accepts_token(&minted, 0), Err(Refusal::MembershipRemoved));
}

#[test]
fn a_key_for_one_tenant_is_not_widened_by_its_owners_other_memberships() {
    let joined = by(anna(), add_member(A, OTTO, Role::Member));
    let scene = Scene::cast().given([joined]);
    let created = create_key(Owner::User(OTTO), Reach::Tenant(A), K);
    scene.check(by(otto(), created), rejected("REACH_NOT_HELD"));
}

/// A token of a key of Max, and Max who shows it.
fn a_token_is_shown() -> (Scene, Actor) {
    let (key, _) = unconfined(MAX, K, A);
    let scene = Scene::cast().given([key]);
    let minted = scene.mint(FIRST, K, A);
    let holder = Holder {
        identity: Owner::User(MAX),
        key: K,
        confined_to: Some(A),
        scopes: Scopes::All,
        token: Some(minted.token),
        from: None,
    };
    (scene, Actor::Holder(holder))
}

#[test]
fn whoever_shows_a_token_ends_it_but_not_its_key() {
    let (scene, shown) = a_token_is_shown();
    let itself = TokenTarget::Token { token: FIRST, key: K };
    scene
        .clone()
        .check(revoke_tokens(shown.clone(), itself), events([Event::TokensRevoked { target: itself }]));
    for beyond in [TokenTarget::Token { token: SECOND, key: K }, TokenTarget::Key(K)] {
        scene.clone().check(revoke_tokens(shown.clone(), beyond), rejected("NOT_FOUND"));
    }
}

#[test]
fn whoever_shows_a_token_does_not_end_it_in_the_name_of_another_key() {
    let (scene, shown) = a_token_is_shown();
    for of in [ANNAS, OTTOS, id(0xF1)] {
        let target = TokenTarget::Token { token: FIRST, key: of };
        scene.clone().check(revoke_tokens(shown.clone(), target), rejected("NOT_FOUND"));
    }
}
