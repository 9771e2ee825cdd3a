//! Tokens that were accepted before: their signature is remembered, and nothing that could change.

use credentials::claims::{Audience, ClaimsError};
use domain::event::{RetirementReason, TokenTarget};
use domain::ids::{KeyId, ServiceAccountId};
use domain::key::{Owner, RevocationReason};
use domain::role::Role;
use domain::{Command, Refusal};
use keyledger_authority::{Denied, Minted, Shown, Wanted};

use crate::scene::{Scene, at};

fn denied(scene: &Scene, token: &str) -> Option<Denied> {
    scene.authority.authenticate(Shown::from_nowhere(token), None).err().map(|denial| denial.denied)
}

/// Shows a token until it is surely remembered.
fn remembered(scene: &Scene, token: &str) {
    let before = scene.authority.tokens_remembered();
    assert_eq!(denied(scene, token), None);
    assert_eq!(scene.authority.tokens_remembered(), before + 1);
    assert_eq!(denied(scene, token), None);
    assert_eq!(scene.authority.tokens_remembered(), before + 1, "the second time it was known");
}

#[test]
fn whatever_ends_a_token_ends_one_that_was_seen_before_at_the_next_request() {
    struct Bearer {
        account: ServiceAccountId,
        key: KeyId,
        minted: Minted,
    }
    type End = fn(&Scene, &Bearer);
    let refused = |refusal: Refusal| Denied::from(refusal);
    let ends: [(&str, End, Denied); 11] = [
        (
            "the key is revoked",
            |scene, bearer| {
                let (key, reason) = (bearer.key, RevocationReason::KeyCompromise);
                scene.must(Command::RevokeKey { key, reason, note: None });
            },
            refused(Refusal::KeyRevoked),
        ),
        (
            "the key is disabled",
            |scene, bearer| drop(scene.must(Command::DisableKey { key: bearer.key })),
            refused(Refusal::KeyDisabled),
        ),
        (
            "the account is suspended",
            |scene, bearer| {
                scene.must(Command::SuspendServiceAccount { service_account: bearer.account });
            },
            refused(Refusal::OwnerSuspended),
        ),
        (
            "the account is removed",
            |scene, bearer| {
                scene.must(Command::RemoveServiceAccount { service_account: bearer.account });
            },
            refused(Refusal::OwnerRemoved),
        ),
        (
            "the tenant is suspended",
            |scene, _| drop(scene.must(Command::SuspendTenant { tenant: scene.tenant })),
            refused(Refusal::TenantSuspended),
        ),
        (
            "the token is revoked",
            |scene, bearer| {
                let target = TokenTarget::Token { token: bearer.minted.id, key: bearer.key };
                scene.must(Command::RevokeTokens { target });
            },
            refused(Refusal::TokenRevoked),
        ),
        (
            "the tokens of its owner are revoked",
            |scene, bearer| {
                let target = TokenTarget::Owner(Owner::ServiceAccount(bearer.account));
                scene.must(Command::RevokeTokens { target });
            },
            refused(Refusal::TokenRevoked),
        ),
        (
            "all tokens are revoked",
            |scene, _| drop(scene.must(Command::RevokeTokens { target: TokenTarget::All })),
            refused(Refusal::TokenRevoked),
        ),
        (
            "its signing key is compromised",
            |scene, _| {
                let id = scene.signing_keys()[0];
                scene
                    .as_root(scene.authority.replace_signing_key(id, RetirementReason::Compromised))
                    .unwrap();
            },
            refused(Refusal::SigningKeyRefused),
        ),
        ("it ends", |scene, _| scene.clock.set(at(600_000)), Denied::Claims(ClaimsError::Expired)),
        (
            "the clock goes back to before it was minted",
            |scene, _| scene.clock.set(at(-60_000)),
            Denied::Claims(ClaimsError::NotYetValid),
        ),
    ];
    for (told, end, denial) in ends {
        let scene = Scene::new();
        let (account, key, string) = scene.account("etl", Role::Runner);
        let bearer = Bearer { account, key, minted: scene.exchange(&string, None) };
        remembered(&scene, &bearer.minted.token);
        end(&scene, &bearer);
        assert_eq!(denied(&scene, &bearer.minted.token), Some(denial), "{told}");
    }
}

#[test]
fn a_token_that_was_accepted_for_another_service_is_still_not_for_this_one() {
    let scene = Scene::new();
    let audience = Some(Audience::parse("https://api.example.com").unwrap());
    let wanted = Wanted { audience: audience.clone(), ..Wanted::default() };
    let token = scene.authority.exchange(Shown::from_nowhere(&scene.root), wanted).unwrap().token;
    assert!(scene.authority.verify(Shown::from_nowhere(&token), None, audience.as_ref()).is_ok());
    assert_eq!(scene.authority.tokens_remembered(), 1);
    assert_eq!(denied(&scene, &token), Some(Denied::Claims(ClaimsError::Audience)));
}

#[test]
fn a_token_altered_in_any_byte_is_not_the_one_that_is_remembered() {
    let scene = Scene::new();
    let token = scene.exchange(&scene.root, None).token;
    remembered(&scene, &token);
    for place in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(bytes).unwrap();
        assert!(denied(&scene, &altered).is_some(), "{place}");
    }
    for altered in [format!("{token}A"), format!("{token} "), token[..token.len() - 1].to_owned()] {
        assert!(denied(&scene, &altered).is_some(), "{altered}");
    }
    assert_eq!(scene.authority.tokens_remembered(), 1);
}

#[test]
fn what_is_refused_is_not_remembered() {
    let scene = Scene::new();
    let (_, key, string) = scene.account("etl", Role::Runner);
    let (revoked, ended) = (scene.exchange(&string, None).token, scene.exchange(&scene.root, None).token);
    let of_another = Scene::new();
    let foreign = of_another.exchange(&of_another.root, None).token;
    scene.must(Command::RevokeTokens { target: TokenTarget::Key(key) });
    scene.clock.set(at(600_000));
    for shown in [revoked, ended, foreign, "eyJ.eyJ.x".to_owned(), format!("eyJ.{}", "x".repeat(10_000))] {
        assert!(denied(&scene, &shown).is_some());
        let _ = scene.authority.claims(&shown);
    }
    assert_eq!(scene.authority.tokens_remembered(), 0);
}
