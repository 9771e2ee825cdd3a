//! Tokens: what they say, what ends them, and which keys sign them when.

use credentials::claims::{Audience, Claims, ClaimsError, Issuer};
use credentials::jws::{JwsError, Unverified};
use credentials::signing_key::{Kid, VerifyingKey};
use domain::event::{RetirementReason, TokenTarget};
use domain::ids::KeyId;
use domain::key::Owner;
use domain::rejection::Rejection;
use domain::role::{Role, Scopes};
use domain::{Command, Refusal};
use keyledger_authority::{Authority, Denied, ExchangeError, Failure, Options, Shown, Wanted};

use crate::scene::{Scene, at, key_input, only};

fn claims(scene: &Scene, token: &str) -> Claims {
    let unverified = Unverified::parse(token).unwrap();
    let kid = unverified.kid();
    let model = scene.model();
    let public = model.signing_keys.values().map(|it| it.public_key).find(|it| Kid::of(it) == kid).unwrap();
    unverified.verify(&VerifyingKey::parse(&public).unwrap()).unwrap()
}

fn denied(authority: &Authority, token: &str) -> Option<Denied> {
    authority.authenticate(Shown::from_nowhere(token), None).err().map(|denial| denial.denied)
}

#[test]
fn a_token_lets_its_bearer_in_to_no_tenant_but_its_own() {
    let scene = Scene::new();
    let other = scene.another_tenant("globex");
    let admitted = |shown: &str, tenant| {
        let admitted = scene.authority.admit_to(&scene.caller(shown), tenant);
        admitted.map(|caller| caller.tenant).map_err(|denial| denial.denied)
    };
    let token = scene.exchange(&scene.root, None).token;
    assert_eq!(admitted(&scene.root, other), Ok(Some(other)));
    assert_eq!(admitted(&token, scene.tenant), Ok(Some(scene.tenant)));
    assert_eq!(admitted(&token, other), Err(Denied::Refused(Refusal::OtherTenant)));
}

fn kid_of(scene: &Scene, id: domain::ids::SigningKeyId) -> Kid {
    Kid::of(&scene.model().signing_keys[&id].public_key)
}

/// Whether the key set of the moment holds the public half of a signing key.
fn published(scene: &Scene, id: domain::ids::SigningKeyId) -> bool {
    scene.authority.jwks().contains(&kid_of(scene, id).to_string())
}

#[test]
fn a_token_says_what_its_key_is_and_lets_its_bearer_in_as_that() {
    let scene = Scene::new();
    let (account, key, string) = scene.account("etl", Role::Runner);
    let minted = scene.exchange(&string, None);
    let claims = claims(&scene, &minted.token);
    assert_eq!(claims.issuer.as_str(), "https://keys.example.com");
    assert_eq!(claims.audience.as_slice(), ["https://keys.example.com"]);
    assert_eq!((claims.owner, claims.key), (Owner::ServiceAccount(account), key));
    assert_eq!((claims.tenant, claims.role), (scene.tenant, Role::Runner));
    assert_eq!((claims.token, claims.seq), (minted.id, scene.authority.position()));
    assert_eq!((claims.issued_at, claims.not_before), (at(0), at(0)));
    assert_eq!((claims.expires_at, minted.expires_in_seconds), (at(600_000), 600));
    let caller = scene.authority.authenticate(Shown::from_nowhere(&minted.token), None).unwrap();
    assert_eq!((caller.owner, caller.key, caller.role), (claims.owner, key, Some(Role::Runner)));
    assert_eq!((caller.tenant, caller.expires_at), (Some(scene.tenant), Some(at(600_000))));
    // Minting is no event.
    assert_eq!(scene.authority.position(), claims.seq);
}

#[test]
fn a_token_ends_at_its_very_instant() {
    let scene = Scene::new();
    let token = scene.exchange(&scene.root, None).token;
    scene.clock.set(at(599_999));
    assert_eq!(denied(&scene.authority, &token), None);
    scene.clock.set(at(600_000));
    assert_eq!(denied(&scene.authority, &token), Some(Denied::Claims(ClaimsError::Expired)));
}

#[test]
fn a_token_does_not_live_beyond_the_end_of_its_key_nor_beyond_its_grace() {
    let scene = Scene::new();
    let mut input = key_input("short");
    input.expires_at = Some(at(90_500));
    let (_, string) = scene.own_key(&input);
    let minted = scene.exchange(&string, None);
    assert_eq!(claims(&scene, &minted.token).expires_at, at(90_000), "whole seconds, never later");
    assert_eq!(minted.expires_in_seconds, 90);
    scene.clock.set(at(90_100));
    assert_eq!(denied(&scene.authority, &minted.token), Some(Denied::Claims(ClaimsError::Expired)));
    // Less than a second is left: no token of that length can be written.
    let late = scene.authority.exchange(Shown::from_nowhere(&string), Wanted::default());
    assert!(matches!(late, Err(ExchangeError::Denied(_))), "{:?}", late.err());

    let (key, string) = scene.own_key(&key_input("rotated"));
    scene.as_root(scene.authority.rotate_key(key, None, at(120_000)).unwrap()).unwrap();
    assert_eq!(claims(&scene, &scene.exchange(&string, None).token).expires_at, at(120_000));
    // And an end brought forward afterwards ends the token, too.
    let (key, string) = scene.own_key(&key_input("cut"));
    let token = scene.exchange(&string, None).token;
    scene.must(Command::ChangeKeyExpiry { key, expires_at: Some(at(100_000)) });
    scene.clock.set(at(100_000));
    assert_eq!(denied(&scene.authority, &token), Some(Refusal::KeyExpired.into()));
}

#[test]
fn a_token_of_another_issuer_or_for_another_audience_is_refused() {
    let scene = Scene::new();
    let audience = Some(Audience::parse("https://api.example.com").unwrap());
    let elsewhere = scene
        .authority
        .exchange(Shown::from_nowhere(&scene.root), Wanted { audience, ..Wanted::default() })
        .unwrap();
    assert_eq!(denied(&scene.authority, &elsewhere.token), Some(Denied::Claims(ClaimsError::Audience)));
    let audience = Audience::of(["https://api.example.com", "https://keys.example.com"]).unwrap();
    let both = Wanted { audience: Some(audience), ..Wanted::default() };
    let both = scene.authority.exchange(Shown::from_nowhere(&scene.root), both).unwrap().token;
    assert_eq!(denied(&scene.authority, &both), None);

    // The same ledger and keys, under another name.
    let here = scene.exchange(&scene.root, None).token;
    let Scene { authority, options, folder: _folder, .. } = scene;
    drop(authority);
    let issuer = Issuer::parse("https://other.example.com").unwrap();
    let other = Authority::open(Options { issuer, ..options }).unwrap();
    assert_eq!(denied(&other, &here), Some(Denied::Claims(ClaimsError::Issuer)));
}

#[test]
fn a_token_of_another_ledger_or_altered_is_refused() {
    let (scene, other) = (Scene::new(), Scene::new());
    let token = other.exchange(&other.root, None).token;
    assert_eq!(denied(&scene.authority, &token), Some(Denied::Token(JwsError::Kid)));
    let token = scene.exchange(&scene.root, None).token;
    let (body, signature) = token.rsplit_once('.').unwrap();
    let (head, _) = body.split_once('.').unwrap();
    let (other_body, _) = {
        let narrowed = scene.exchange(&scene.root, Some(only("a"))).token;
        let (body, signature) = narrowed.rsplit_once('.').unwrap();
        (body.split_once('.').unwrap().1.to_owned(), signature.to_owned())
    };
    let forged = format!("{head}.{other_body}.{signature}");
    assert_eq!(denied(&scene.authority, &forged), Some(Denied::Token(JwsError::Signature)));
}

#[test]
fn every_watermark_ends_the_tokens_it_covers_and_no_others_and_new_ones_are_minted_again() {
    let scene = Scene::new();
    let (account, key, string) = scene.account("etl", Role::Runner);
    let (_, beside) = scene.own_key(&key_input("beside"));
    let signing_key = scene.signing_keys()[0];
    for (covers_beside, target) in [
        (false, None),
        (false, Some(TokenTarget::Key(key))),
        (false, Some(TokenTarget::Owner(Owner::ServiceAccount(account)))),
        (true, Some(TokenTarget::Tenant(scene.tenant))),
        (true, Some(TokenTarget::SigningKey(signing_key))),
        (true, Some(TokenTarget::All)),
    ] {
        let (first, second) = (scene.exchange(&string, None), scene.exchange(&string, None));
        let other = scene.exchange(&beside, None);
        let target = target.unwrap_or(TokenTarget::Token { token: first.id, key });
        let told = format!("{target:?}");
        scene.must(Command::RevokeTokens { target });
        let revoked = Some(Denied::from(Refusal::TokenRevoked));
        assert_eq!(denied(&scene.authority, &first.token), revoked, "{told}");
        let whole = !matches!(target, TokenTarget::Token { .. });
        assert_eq!(denied(&scene.authority, &second.token).is_some(), whole, "{told}");
        assert_eq!(denied(&scene.authority, &other.token).is_some(), covers_beside, "{told}");
        // The keys themselves live, and mint on.
        assert_eq!(scene.refused(&string), None, "{told}");
        let new = scene.exchange(&string, None).token;
        assert_eq!(denied(&scene.authority, &new), None, "{told}");
    }
    let user = TokenTarget::Owner(Owner::User(scene.user));
    let other = scene.exchange(&beside, None).token;
    scene.must(Command::RevokeTokens { target: user });
    assert_eq!(denied(&scene.authority, &other), Some(Refusal::TokenRevoked.into()));
    let scene = scene.reopened();
    assert_eq!(denied(&scene.authority, &other), Some(Refusal::TokenRevoked.into()));
}

#[test]
fn whatever_ends_the_key_or_what_it_rests_on_ends_its_tokens() {
    let scene = Scene::new();
    let globex = scene.another_tenant("globex");
    type End = fn(&Scene, Owner, KeyId) -> Command;
    let ends: [(&str, End, Refusal); 5] = [
        (
            "the key is revoked",
            |_, _, key| Command::RevokeKey {
                key,
                reason: domain::key::RevocationReason::KeyCompromise,
                note: None,
            },
            Refusal::KeyRevoked,
        ),
        ("the key is disabled", |_, _, key| Command::DisableKey { key }, Refusal::KeyDisabled),
        (
            "the account is suspended",
            |_, owner, _| match owner {
                Owner::ServiceAccount(service_account) => Command::SuspendServiceAccount { service_account },
                Owner::User(user) => Command::SuspendUser { user },
            },
            Refusal::OwnerSuspended,
        ),
        (
            "the account is removed",
            |_, owner, _| match owner {
                Owner::ServiceAccount(service_account) => Command::RemoveServiceAccount { service_account },
                Owner::User(user) => Command::RemoveUser { user },
            },
            Refusal::OwnerRemoved,
        ),
        (
            "the tenant is suspended",
            |scene, _, _| Command::SuspendTenant { tenant: scene.tenant },
            Refusal::TenantSuspended,
        ),
    ];
    for (n, (told, end, refusal)) in ends.iter().enumerate() {
        let (account, key, string) = scene.account(&format!("account {n}"), Role::Member);
        let token = scene.exchange(&string, None).token;
        assert_eq!(denied(&scene.authority, &token), None, "{told}");
        scene.must(end(&scene, Owner::ServiceAccount(account), key));
        assert_eq!(denied(&scene.authority, &token), Some((*refusal).into()), "{told}");
        assert_eq!(scene.refused(&string), Some(*refusal), "{told}");
    }
    // A member of another tenant leaves it.
    let (user, string) = scene.member(globex, "bob", Role::Member);
    let string = string.unwrap();
    let token = scene.exchange(&string, None).token;
    scene.must(Command::RemoveMember { tenant: globex, user });
    assert_eq!(denied(&scene.authority, &token), Some(Refusal::MembershipRemoved.into()));
}

#[test]
fn tokens_of_a_superseded_signing_key_live_on_and_those_of_a_compromised_one_die() {
    for (reason, after) in [
        (RetirementReason::Superseded, None),
        (RetirementReason::Compromised, Some(Denied::from(Refusal::SigningKeyRefused))),
    ] {
        let scene = Scene::new();
        let old = scene.signing_keys()[0];
        let before = scene.exchange(&scene.root, None).token;
        scene.as_root(scene.authority.replace_signing_key(old, reason)).unwrap();
        assert_eq!(denied(&scene.authority, &before), after, "{reason:?}");
        let new = scene.signing_keys()[1];
        let token = scene.exchange(&scene.root, None).token;
        assert_eq!(Unverified::parse(&token).unwrap().kid(), kid_of(&scene, new), "{reason:?}");
        assert_eq!(denied(&scene.authority, &token), None, "{reason:?}");
        let scene = scene.reopened();
        assert_eq!(denied(&scene.authority, &before), after, "{reason:?}, after a restart");
        assert_eq!(denied(&scene.authority, &token), None, "{reason:?}, after a restart");
        let again = scene.exchange(&scene.root, None).token;
        assert_eq!(Unverified::parse(&again).unwrap().kid(), kid_of(&scene, new), "{reason:?}");
    }
}

#[test]
fn the_key_set_shows_keys_before_they_sign_and_until_their_last_token_is_dead() {
    let scene = Scene::new();
    let first = scene.signing_keys()[0];
    scene.as_root(scene.authority.add_signing_key(at(3_600_000))).unwrap();
    let second = scene.signing_keys()[1];
    assert!(published(&scene, first) && published(&scene, second));
    let signed_by =
        |scene: &Scene| Unverified::parse(&scene.exchange(&scene.root, None).token).unwrap().kid();
    scene.clock.set(at(3_599_999));
    assert_eq!(signed_by(&scene), kid_of(&scene, first));
    scene.clock.set(at(3_600_000));
    assert_eq!(signed_by(&scene), kid_of(&scene, second));

    scene.must(Command::RetireSigningKey {
        signing_key: first,
        reason: RetirementReason::Superseded,
        replacement: None,
    });
    // As long as a token may live at most, however long they are made to live now.
    for (ms, shown) in [(0, true), (899_999, true), (900_000, false), (9_000_000, false)] {
        scene.clock.set(at(3_600_000 + ms));
        assert_eq!(published(&scene, first), shown, "{ms} after its retirement");
        assert!(published(&scene, second));
    }
    scene.as_root(scene.authority.replace_signing_key(second, RetirementReason::Compromised)).unwrap();
    assert!(!published(&scene, second), "a compromised key is not trusted for a moment longer");
    let third = scene.signing_keys()[2];
    assert!(published(&scene, third));
    let scene = scene.reopened();
    assert!(!published(&scene, first) && !published(&scene, second) && published(&scene, third));
}

#[test]
fn the_last_signing_key_stays_and_without_its_private_half_nothing_is_signed() {
    let scene = Scene::new();
    let only_one = scene.signing_keys()[0];
    let refused = scene.plain(Command::RetireSigningKey {
        signing_key: only_one,
        reason: RetirementReason::Superseded,
        replacement: None,
    });
    assert_eq!(refused, Err(Failure::Rejected(Rejection::LastSigningKey)));
    let token = scene.exchange(&scene.root, None).token;
    std::fs::remove_file(scene.options.folder.signing_key(only_one)).unwrap();
    let scene = scene.reopened();
    let nothing = scene.authority.exchange(Shown::from_nowhere(&scene.root), Wanted::default());
    assert!(matches!(nothing, Err(ExchangeError::NoSigningKey)), "{:?}", nothing.err());
    // What was signed can still be checked, and a new key mends it.
    assert_eq!(denied(&scene.authority, &token), None);
    scene.as_root(scene.authority.add_signing_key(at(0))).unwrap();
    assert_eq!(denied(&scene.authority, &scene.exchange(&scene.root, None).token), None);
}

#[test]
fn scopes_only_narrow() {
    let scene = Scene::new();
    let mut input = key_input("narrow");
    input.scopes = only("a b");
    let (_, string) = scene.own_key(&input);
    let wanted = |scopes: &str| Wanted { scopes: Some(only(scopes)), ..Wanted::default() };
    for (asked, given) in [("a", "a"), ("b a", "a b"), ("", "")] {
        let minted = scene.authority.exchange(Shown::from_nowhere(&string), wanted(asked)).unwrap();
        let caller = scene.authority.authenticate(Shown::from_nowhere(&minted.token), None).unwrap();
        assert_eq!((&minted.scopes, &caller.scopes), (&only(given), &only(given)));
    }
    assert_eq!(scene.exchange(&string, None).scopes, only("a b"));
    for asked in ["c", "a c", "keyledger:read"] {
        let beyond = scene.authority.exchange(Shown::from_nowhere(&string), wanted(asked));
        assert!(matches!(beyond, Err(ExchangeError::ScopesNotHeld)), "{asked}: {:?}", beyond.err());
    }
    let everything = Wanted { scopes: Some(Scopes::All), ..Wanted::default() };
    let beyond = scene.authority.exchange(Shown::from_nowhere(&string), everything);
    assert!(matches!(beyond, Err(ExchangeError::ScopesNotHeld)), "{:?}", beyond.err());
    // A scope of ours that the role does not include cannot be had, whatever the key says.
    let (_, _, runner) = scene.account("runner", Role::Runner);
    let beyond = scene.authority.exchange(Shown::from_nowhere(&runner), wanted("keyledger:admin"));
    assert!(matches!(beyond, Err(ExchangeError::ScopesNotHeld)), "{:?}", beyond.err());
}

#[test]
fn a_token_is_not_exchanged_again() {
    let scene = Scene::new();
    let token = scene.exchange(&scene.root, None).token;
    let again = scene.authority.exchange(Shown::from_nowhere(&token), Wanted::default());
    assert!(matches!(again, Err(ExchangeError::NotAKey)), "{:?}", again.err());
}

#[test]
fn a_token_acts_in_its_tenant_only_though_its_key_acts_in_several() {
    let scene = Scene::new();
    let globex = scene.another_tenant("globex");
    let wanted = Wanted { tenant: Some(globex), ..Wanted::default() };
    let token = scene.authority.exchange(Shown::from_nowhere(&scene.root), wanted).unwrap().token;
    assert_eq!(scene.authority.authenticate(Shown::from_nowhere(&token), None).unwrap().tenant, Some(globex));
    let elsewhere =
        scene.authority.authenticate(Shown::from_nowhere(&token), Some(scene.tenant)).unwrap_err();
    assert_eq!(elsewhere.denied, Refusal::OtherTenant.into());
    assert!(scene.authority.authenticate(Shown::from_nowhere(&scene.root), Some(scene.tenant)).is_ok());
}

#[test]
fn what_is_no_credential_is_told_apart_from_an_unknown_one() {
    let scene = Scene::new();
    let code = |shown: &str| {
        scene.authority.authenticate(Shown::from_nowhere(shown), None).unwrap_err().denied.code()
    };
    let mut mistyped = scene.root.clone();
    let last = if mistyped.pop() == Some('a') { 'b' } else { 'a' };
    mistyped.push(last);
    assert_eq!(code(&mistyped), "KEY_MISTYPED");
    assert_eq!(code(&scene.root[..scene.root.len() - 3]), "KEY_MISTYPED");
    assert_eq!(code(&Scene::new().root), "KEY_UNKNOWN");
    assert_eq!(code("some-imported-key"), "KEY_UNKNOWN");
    for malformed in ["", " ", "a b", "\u{e9}", &"x".repeat(600)] {
        assert_eq!(code(malformed), "CREDENTIAL_MALFORMED", "{malformed:?}");
    }
    for malformed in ["eyJ.", "eyJ..", "eyJhbGciOiJub25lIn0.e30.", "eyJ.eyJ.eyJ.eyJ"] {
        assert_eq!(code(malformed), "TOKEN_MALFORMED", "{malformed:?}");
    }
}
