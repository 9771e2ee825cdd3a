//! Histories by hand: for each rule one that keeps it and one that breaks it, and overlaps that may go either way.

use domain::event::TokenTarget;
use domain::ids::{KeyId, SigningKeyId, TenantId, TokenId, UserId};
use domain::key::Owner;

use super::*;
use crate::histories::credential::TokenMinted;
use crate::histories::operation::{Change, Clock, Kind, Write};
use crate::histories::recorder::Thread;

const KEY: KeyId = KeyId::from_bytes([1; 16]);
const USER: UserId = UserId::from_bytes([2; 16]);
const TENANT: TenantId = TenantId::from_bytes([3; 16]);
const SIGNS: SigningKeyId = SigningKeyId::from_bytes([4; 16]);
const TOKEN: TokenId = TokenId::from_bytes([5; 16]);
const TOKEN_ENDS_MS: i64 = 900_000;

/// A key made before the history, one made within it, and a token of the first as of position 10.
const OLD: u32 = 0;
const NEW: u32 = 1;
const JWT: u32 = 2;

fn position(number: u64) -> Position {
    Position::new(number)
}

fn reason(code: &str) -> Reason {
    Reason::parse(code).unwrap()
}

fn at(began: u64, ended: u64, what: What) -> Operation {
    // The clock shows the tickets.
    let clock = Clock { before_ms: i64::try_from(began).unwrap(), after_ms: i64::try_from(ended).unwrap() };
    Operation { thread: Thread(0), began: Stamp(began), ended: Stamp(ended), clock, what }
}

fn accepted(began: u64, ended: u64, credential: u32, as_of: u64) -> Operation {
    at(began, ended, What::Verified(CredentialNumber(credential), Verdict::Accepted(position(as_of))))
}

fn refused(began: u64, ended: u64, credential: u32, code: &str) -> Operation {
    at(began, ended, What::Verified(CredentialNumber(credential), Verdict::Refused(reason(code), None)))
}

fn change(register: Register, value: Value) -> Box<Change> {
    // What it is called makes no difference.
    Box::new(Change { kind: Kind::RevokeKey, writes: vec![Write { register, value }] })
}

fn done(began: u64, ended: u64, as_of: u64, register: Register, value: Value) -> Operation {
    at(began, ended, What::Changed(change(register, value), Outcome::Acknowledged(position(as_of))))
}

fn unknown(began: u64, ended: u64, register: Register, value: Value) -> Operation {
    at(began, ended, What::Changed(change(register, value), Outcome::Unknown))
}

fn revoke(began: u64, ended: u64, as_of: u64) -> Operation {
    done(began, ended, as_of, Register::KeyRevoked(KEY), Value::Refuses)
}

fn disable(began: u64, ended: u64, as_of: u64) -> Operation {
    done(began, ended, as_of, Register::KeyDisabled(KEY), Value::Refuses)
}

fn enable(began: u64, ended: u64, as_of: u64) -> Operation {
    done(began, ended, as_of, Register::KeyDisabled(KEY), Value::Fine)
}

fn expires(began: u64, ended: u64, as_of: u64, at_ms: i64) -> Operation {
    let value = Value::Ends { earliest_ms: at_ms, latest_ms: at_ms };
    done(began, ended, as_of, Register::KeyExpires(KEY), value)
}

fn history(operations: Vec<Operation>) -> History {
    let owner = Owner::User(USER);
    let old = Credential { key: KEY, owner, tenant: TENANT, token: None, made_within: false };
    let new = Credential { key: KeyId::from_bytes([9; 16]), made_within: true, ..old };
    let token = TokenMinted { id: TOKEN, seq: position(10), signing_key: SIGNS, ends_at_ms: TOKEN_ENDS_MS };
    let jwt = Credential { token: Some(token), ..old };
    History { credentials: vec![old, new, jwt], operations }
}

#[track_caller]
fn holds(operations: Vec<Operation>) -> Tally {
    check(&history(operations)).unwrap_or_else(|broken| panic!("{broken}"))
}

/// The rules that are broken, each with the operation that breaks it and the one it contradicts.
#[track_caller]
fn broken(operations: Vec<Operation>, expected: &[(Rule, usize, Option<usize>)]) {
    let broken = check(&history(operations)).expect_err("a rule is broken");
    let found: Vec<_> =
        broken.all.iter().map(|violation| (violation.rule, violation.operation, violation.against)).collect();
    assert_eq!(found, expected, "{broken}");
}

use Rule::{
    LivingMeansAccepted, PositionsNeverGoBack, RevokedMeansRefused, ThePositionIsRight, TheReasonIsRight,
};

#[test]
fn what_was_revoked_before_a_verification_started_is_refused() {
    holds(vec![accepted(1, 2, OLD, 20), revoke(3, 6, 21), refused(7, 8, OLD, "KEY_REVOKED")]);
    broken(vec![revoke(3, 6, 21), accepted(7, 8, OLD, 21)], &[(RevokedMeansRefused, 1, Some(0))]);
    // A token falls with its key.
    broken(vec![revoke(3, 6, 21), accepted(7, 8, JWT, 21)], &[(RevokedMeansRefused, 1, Some(0))]);
}

#[test]
fn what_overlaps_may_go_either_way() {
    // Started before the acknowledgement, by one ticket; or ended just after the change was begun.
    for (began, ended) in [(5, 8), (2, 4), (1, 9), (4, 5)] {
        holds(vec![revoke(3, 6, 21), accepted(began, ended, OLD, 20)]);
        holds(vec![revoke(3, 6, 21), refused(began, ended, OLD, "KEY_REVOKED")]);
    }
    // Two that overlap one revocation, one after the other: what the first saw, the second sees.
    let seen = refused(4, 5, OLD, "KEY_REVOKED");
    holds(vec![revoke(3, 12, 21), accepted(4, 5, OLD, 20), refused(6, 7, OLD, "KEY_REVOKED")]);
    broken(vec![revoke(3, 12, 21), seen, accepted(6, 7, OLD, 20)], &[(RevokedMeansRefused, 2, Some(1))]);
}

#[test]
fn every_ancestor_counts_and_what_is_undone_counts_no_more() {
    let owner = Owner::User(USER);
    for register in [
        Register::OwnerRemoved(owner),
        Register::TenantRemoved(TENANT),
        Register::MembershipEnded(TENANT, USER),
        Register::KeyRotated(KEY),
        Register::KeyDisabled(KEY),
        Register::OwnerSuspended(owner),
        Register::TenantSuspended(TENANT),
    ] {
        let code = register.reason().code();
        let ended = || done(3, 6, 21, register, Value::Refuses);
        holds(vec![ended(), refused(7, 8, OLD, code), refused(7, 8, JWT, code)]);
        for credential in [OLD, JWT] {
            let wrong = accepted(7, 8, credential, 21);
            broken(vec![ended(), wrong], &[(RevokedMeansRefused, 1, Some(0))]);
        }
    }
    let suspended = done(3, 6, 21, Register::TenantSuspended(TENANT), Value::Refuses);
    let resumed = done(9, 12, 22, Register::TenantSuspended(TENANT), Value::Fine);
    holds(vec![suspended.clone(), resumed.clone(), accepted(13, 14, OLD, 22)]);
    // While it is resumed, both may be told; but not before that was asked for.
    holds(vec![suspended.clone(), resumed.clone(), accepted(8, 10, OLD, 22)]);
    holds(vec![suspended.clone(), resumed.clone(), refused(8, 10, OLD, "TENANT_SUSPENDED")]);
    broken(vec![suspended, resumed, accepted(7, 8, OLD, 22)], &[(RevokedMeansRefused, 2, Some(0))]);
}

#[test]
fn what_is_alive_is_accepted() {
    holds(vec![disable(1, 2, 21), enable(3, 6, 22), accepted(7, 8, OLD, 22)]);
    broken(vec![refused(1, 2, OLD, "KEY_DISABLED")], &[(LivingMeansAccepted, 0, None)]);
    broken(
        vec![disable(1, 2, 21), enable(3, 6, 22), refused(7, 8, OLD, "KEY_DISABLED")],
        &[(LivingMeansAccepted, 2, Some(1))],
    );
    // Disabled again meanwhile, perhaps.
    holds(vec![disable(1, 2, 21), enable(3, 6, 22), disable(7, 12, 23), refused(8, 9, OLD, "KEY_DISABLED")]);
}

#[test]
fn a_refusal_gives_the_reason_that_comes_first() {
    let removed = done(4, 5, 22, Register::TenantRemoved(TENANT), Value::Refuses);
    holds(vec![disable(1, 2, 21), removed.clone(), refused(7, 8, OLD, "TENANT_REMOVED")]);
    broken(
        vec![disable(1, 2, 21), removed, refused(7, 8, OLD, "KEY_DISABLED")],
        &[(TheReasonIsRight, 2, Some(1))],
    );
    broken(vec![disable(1, 2, 21), refused(7, 8, OLD, "KEY_REVOKED")], &[(TheReasonIsRight, 1, Some(0))]);
    // It may be disabled or enabled: nothing else can be the reason.
    broken(vec![disable(7, 12, 21), refused(8, 9, OLD, "KEY_EXPIRED")], &[(TheReasonIsRight, 1, None)]);
}

#[test]
fn a_key_ends_at_its_instant_and_a_new_one_counts_from_its_acknowledgement_on() {
    holds(vec![expires(3, 6, 21, 50), accepted(7, 49, OLD, 21)]);
    holds(vec![expires(3, 6, 21, 50), accepted(49, 51, OLD, 21), refused(49, 51, OLD, "KEY_EXPIRED")]);
    holds(vec![expires(3, 6, 21, 50), refused(50, 51, OLD, "KEY_EXPIRED")]);
    broken(vec![expires(3, 6, 21, 50), accepted(50, 51, OLD, 21)], &[(RevokedMeansRefused, 1, Some(0))]);
    broken(
        vec![expires(3, 6, 21, 50), refused(7, 49, OLD, "KEY_EXPIRED")],
        &[(LivingMeansAccepted, 1, Some(0))],
    );
    let later = || expires(30, 35, 22, 90);
    holds(vec![expires(3, 6, 21, 50), later(), accepted(60, 61, OLD, 22)]);
    let wrong = refused(60, 61, OLD, "KEY_EXPIRED");
    broken(vec![expires(3, 6, 21, 50), later(), wrong], &[(LivingMeansAccepted, 2, Some(1))]);
    // Shortened and lengthened at once: the positions say which was last.
    let both = |first, second| vec![expires(3, 20, first, 30), expires(4, 21, second, 90)];
    holds([both(21, 22), vec![accepted(40, 41, OLD, 22)]].concat());
    broken([both(22, 21), vec![accepted(40, 41, OLD, 22)]].concat(), &[(RevokedMeansRefused, 2, Some(0))]);
}

#[test]
fn a_key_is_known_once_it_is_made() {
    let made = || done(3, 6, 21, Register::Known(KeyId::from_bytes([9; 16])), Value::Fine);
    holds(vec![refused(1, 2, NEW, "KEY_UNKNOWN"), made(), accepted(7, 8, NEW, 21)]);
    holds(vec![made(), refused(4, 5, NEW, "KEY_UNKNOWN")]);
    broken(vec![made(), refused(7, 8, NEW, "KEY_UNKNOWN")], &[(LivingMeansAccepted, 1, Some(0))]);
    broken(vec![accepted(1, 2, NEW, 21), made()], &[(RevokedMeansRefused, 0, None)]);
    // Once known, it is not forgotten.
    broken(
        vec![made(), accepted(4, 5, NEW, 21), refused(6, 7, NEW, "KEY_UNKNOWN")],
        &[(LivingMeansAccepted, 2, Some(1))],
    );
}

#[test]
fn a_watermark_refuses_tokens_from_before_it_only() {
    for target in [
        TokenTarget::All,
        TokenTarget::Token { token: TOKEN, key: KEY },
        TokenTarget::Key(KEY),
        TokenTarget::Owner(Owner::User(USER)),
        TokenTarget::Tenant(TENANT),
        TokenTarget::SigningKey(SIGNS),
    ] {
        let mark = |as_of| done(3, 6, as_of, Register::TokensRevoked(target), Value::RefusesOlder);
        holds(vec![mark(11), refused(7, 8, JWT, "TOKEN_REVOKED"), accepted(7, 8, OLD, 11)]);
        broken(vec![mark(11), accepted(7, 8, JWT, 11)], &[(RevokedMeansRefused, 1, Some(0))]);
        // The token is as of 10.
        holds(vec![mark(10), accepted(7, 8, JWT, 10)]);
        broken(vec![mark(10), refused(7, 8, JWT, "TOKEN_REVOKED")], &[(LivingMeansAccepted, 1, Some(0))]);
    }
}

#[test]
fn a_compromised_signing_key_and_a_tokens_own_time_end_it() {
    let retired = || done(3, 6, 21, Register::SigningKeyRetired(SIGNS), Value::Refuses);
    holds(vec![retired(), refused(7, 8, JWT, "SIGNING_KEY_REFUSED"), accepted(7, 8, OLD, 21)]);
    broken(vec![retired(), accepted(7, 8, JWT, 21)], &[(RevokedMeansRefused, 1, Some(0))]);
    let late = 900_000;
    holds(vec![accepted(1, late, JWT, 20), refused(late, late + 1, JWT, "TOKEN_EXPIRED")]);
    broken(vec![accepted(late, late + 1, JWT, 20)], &[(RevokedMeansRefused, 0, None)]);
    broken(vec![refused(1, 2, JWT, "TOKEN_EXPIRED")], &[(LivingMeansAccepted, 0, None)]);
    broken(
        vec![retired(), refused(late, late + 1, JWT, "SIGNING_KEY_REFUSED")],
        &[(TheReasonIsRight, 1, None)],
    );
}

#[test]
fn positions_never_go_back() {
    let elsewhere = || done(3, 6, 21, Register::KeyDisabled(KeyId::from_bytes([8; 16])), Value::Refuses);
    holds(vec![accepted(1, 2, OLD, 20), elsewhere(), accepted(7, 8, OLD, 21)]);
    holds(vec![elsewhere(), accepted(5, 8, OLD, 20)]);
    broken(vec![elsewhere(), accepted(7, 8, OLD, 20)], &[(PositionsNeverGoBack, 1, Some(0))]);
    // What one thread was told, another is not told less of; nor after a restart.
    let died = at(3, 4, What::Died);
    broken(
        vec![accepted(1, 2, OLD, 20), died, accepted(5, 6, JWT, 19)],
        &[(PositionsNeverGoBack, 2, Some(0))],
    );
    let told =
        What::Verified(CredentialNumber(OLD), Verdict::Refused(reason("KEY_DISABLED"), Some(position(30))));
    broken(vec![disable(1, 2, 21), at(3, 4, told), enable(5, 6, 29)], &[(PositionsNeverGoBack, 2, Some(1))]);
}

#[test]
fn what_is_accepted_as_of_a_position_is_accepted_there() {
    // Both overlap; but who has reached position 21 has seen the key revoked there.
    holds(vec![revoke(3, 6, 21), accepted(4, 5, OLD, 20)]);
    broken(vec![revoke(3, 6, 21), accepted(4, 5, OLD, 21)], &[(ThePositionIsRight, 1, Some(0))]);
    let (off, on) = (disable(3, 10, 21), enable(4, 11, 23));
    holds(vec![off.clone(), on.clone(), accepted(5, 9, OLD, 23)]);
    broken(vec![off, on, accepted(5, 9, OLD, 22)], &[(ThePositionIsRight, 2, Some(0))]);
}

#[test]
fn what_nobody_answered_may_have_happened_or_not() {
    let asked = || unknown(3, 6, Register::KeyRevoked(KEY), Value::Refuses);
    let died = || at(4, 8, What::Died);
    holds(vec![asked(), died(), accepted(9, 10, OLD, 20), accepted(11, 12, OLD, 20)]);
    holds(vec![asked(), died(), refused(9, 10, OLD, "KEY_REVOKED")]);
    // It did not happen before it was asked for.
    broken(vec![refused(1, 2, OLD, "KEY_REVOKED"), asked()], &[(LivingMeansAccepted, 0, None)]);
    // Once seen, it has happened.
    broken(
        vec![asked(), died(), refused(9, 10, OLD, "KEY_REVOKED"), accepted(11, 12, OLD, 20)],
        &[(RevokedMeansRefused, 3, Some(2))],
    );
}

#[test]
fn what_nobody_answered_ends_with_the_process_that_was_asked() {
    let asked = || unknown(3, 6, Register::KeyDisabled(KEY), Value::Refuses);
    let died = || at(4, 8, What::Died);
    let again = || enable(9, 10, 22);
    // Without a death it may come true at any time; with one, only what was asked for since then counts.
    holds(vec![asked(), again(), refused(11, 12, OLD, "KEY_DISABLED")]);
    holds(vec![asked(), died(), refused(9, 10, OLD, "KEY_DISABLED")]);
    holds(vec![asked(), died(), again(), accepted(11, 12, OLD, 22)]);
    broken(
        vec![asked(), died(), again(), refused(11, 12, OLD, "KEY_DISABLED")],
        &[(LivingMeansAccepted, 3, Some(2))],
    );
    // Asked again after the death, and acknowledged: there is nothing left to doubt.
    broken(
        vec![asked(), died(), disable(9, 10, 22), accepted(11, 12, OLD, 22)],
        &[(RevokedMeansRefused, 3, Some(2))],
    );
}

#[test]
fn what_was_rejected_or_got_no_verdict_proves_nothing() {
    let rejected =
        at(3, 6, What::Changed(change(Register::KeyRevoked(KEY), Value::Refuses), Outcome::Rejected));
    let silent = at(7, 8, What::Verified(CredentialNumber(OLD), Verdict::Unknown));
    let tally = holds(vec![rejected, accepted(7, 8, OLD, 20), silent]);
    assert_eq!((tally.rejected, tally.undecided, tally.accepted), (1, 1, 1));
    assert_eq!((tally.overlapping, tally.close_behind), (0, 0));
}

#[test]
fn a_history_is_counted() {
    let tally = holds(vec![
        revoke(3, 6, 21),
        accepted(1, 2, OLD, 20),
        accepted(4, 5, OLD, 20),
        refused(7, 8, JWT, "KEY_REVOKED"),
        refused(7 + Tally::CLOSE, 99, OLD, "KEY_REVOKED"),
        at(100, 101, What::Died),
    ]);
    assert_eq!((tally.operations, tally.accepted, tally.deaths), (6, 2, 1));
    assert_eq!((tally.overlapping, tally.close_behind), (1, 1));
    assert_eq!((tally.refused(reason("KEY_REVOKED")), tally.acknowledged(Kind::RevokeKey)), (2, 1));
}
