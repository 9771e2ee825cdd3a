//! Explanations against the plain fold: without the events that are said to decide, the answer is another.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ops::Range;

use domain::Model;
use domain::event::{Recorded, RetirementReason, TokenTarget};
use domain::explain::{Explanation, Objection, Question, explain};
use domain::ids::{KeyId, TenantId};
use domain::key::{KeyLife, Owner};
use domain::life::{Through, befallen, tenants_of, turns};
use domain::rejection::Refusal;
use domain::role::Scopes;
use domain::row::Standing;
use domain::status::{Admission, Bearer, admit};
use domain::time::{Moment, Position, Timestamp};
use keyledger_tests::history::folded::Folded;
use keyledger_tests::history::{History, recorded};

const SEEDS: Range<u64> = 300..312;
const COMMANDS: usize = 400;
/// How many questions are asked of each history.
const QUESTIONS: u64 = 400;

type Verdict = Result<Admission, Objection>;

/// The answer as the rules give it, in a log that may lack events.
fn verdict<'a>(log: impl Iterator<Item = &'a Recorded>, asked: &Question, at: Timestamp) -> Verdict {
    let model = Model::fold(log);
    let refused = |refusal| Err(Objection::Refused(refusal));
    let Some(key) = model.keys.get(&asked.key) else { return refused(Refusal::KeyUnknown) };
    let bearer = Bearer::key(key.owner, key.reach, key.created.position);
    let Ok(admitted): Result<_, Infallible> = admit(&model, &bearer, &key.life, asked.tenant, at);
    let admission = admitted.map_err(Objection::Refused)?;
    if asked.from.is_some() {
        key.limits.addresses.admit(asked.from).map_err(Objection::Refused)?;
    }
    let held = asked.scopes.within(&key.scopes) && asked.scopes.permitted_to(admission.role);
    if held { Ok(admission) } else { Err(Objection::ScopesNotHeld) }
}

/// Numbers that look like chance and are the same each time.
fn scattered(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |below| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        usize::try_from((mixed ^ (mixed >> 27)) >> 33).unwrap() % below
    }
}

/// Some key, tenant, scopes and address, at or shortly after some event.
fn asked(log: &[Recorded], ever: &Model, dice: &mut impl FnMut(usize) -> usize) -> (Question, Moment) {
    let place = dice(log.len());
    let event = &log[place];
    let until = log.get(place + 1).map_or(event.recorded_at, |next| next.recorded_at);
    let at = if dice(2) == 0 { event.recorded_at } else { until };
    let position = Position::new(log.iter().filter(|recorded| recorded.recorded_at <= at).count() as u64);
    let position = if at == event.recorded_at { event.position } else { position };
    let keys: Vec<KeyId> = ever.keys.keys().copied().collect();
    let tenants: Vec<TenantId> = ever.tenants.keys().copied().collect();
    let key = keys[dice(keys.len())];
    let tenant = match dice(3) {
        0 => None,
        1 => Some(ever.keys[&key].reach.home()),
        _ => Some(tenants[dice(tenants.len())]),
    };
    let scopes = Scopes::parse(["", "", "keyledger:read", "keyledger:admin", "jobs:run"][dice(5)]);
    let scopes = scopes.unwrap_or_else(|_| Scopes::only([]).unwrap());
    let from = [None, Some("192.0.2.7"), Some("10.1.2.3")][dice(3)].map(|text| text.parse().unwrap());
    (Question { key, tenant, scopes, from }, Moment { position, at })
}

fn without(log: &[Recorded], left_out: &[Position]) -> Vec<Recorded> {
    log.iter().filter(|recorded| !left_out.contains(&recorded.position)).cloned().collect()
}

#[test]
fn without_what_decides_the_answer_is_another() {
    let mut met = BTreeMap::<&str, usize>::new();
    for seed in SEEDS {
        let log = recorded(&History::random(seed, COMMANDS));
        let folded = Folded::of(&log);
        let ever = Model::fold(&log);
        let mut dice = scattered(seed);
        for _ in 0..QUESTIONS {
            let (question, moment) = asked(&log, &ever, &mut dice);
            let until = &log[..usize::try_from(moment.position.number()).unwrap()];
            let Ok(Explanation { verdict: told, decided_by }) = explain(&folded, &question, moment);
            let context = format!("seed {seed}: {question:?} at {moment:?}: {told:?} by {decided_by:?}");
            assert_eq!(told, verdict(until.iter(), &question, moment.at), "{context}");
            assert!(decided_by.iter().all(|decisive| decisive.position <= moment.position), "{context}");
            let positions: Vec<_> = decided_by.iter().map(|decisive| decisive.position).collect();
            match told {
                Ok(_) => {
                    *met.entry("ACCEPTED").or_default() += 1;
                    assert!(!positions.is_empty(), "{context}");
                    for position in &positions {
                        let flipped = without(until, &[*position]);
                        let flipped = verdict(flipped.iter(), &question, moment.at);
                        assert_ne!(flipped, told, "{context}: without {position} it is the same");
                    }
                }
                Err(objection) => {
                    *met.entry(objection.code()).or_default() += 1;
                    let nothing =
                        matches!(objection, Objection::Refused(Refusal::KeyUnknown | Refusal::NotAMember));
                    assert_eq!(positions.is_empty(), nothing, "{context}");
                    if !nothing {
                        let flipped = without(until, &positions);
                        let flipped = verdict(flipped.iter(), &question, moment.at);
                        assert_ne!(flipped, told, "{context}: without them it is the same");
                    }
                }
            }
        }
    }
    for code in [
        "ACCEPTED",
        "SCOPES_NOT_HELD",
        "KEY_UNKNOWN",
        "KEY_REVOKED",
        "OWNER_REMOVED",
        "TENANT_REMOVED",
        "MEMBERSHIP_REMOVED",
        "NOT_A_MEMBER",
        "OTHER_TENANT",
        "KEY_ROTATED",
        "KEY_EXPIRED",
        "KEY_DISABLED",
        "OWNER_SUSPENDED",
        "TENANT_SUSPENDED",
        "ADDRESS_NOT_ALLOWED",
    ] {
        assert!(met.contains_key(code), "no {code} among {met:#?}");
    }
}

/// A random history folded until every event, and until its last one, with the position of that.
fn folded_twice(seed: u64) -> (u64, Folded, Model, Position) {
    let log = recorded(&History::random(seed, COMMANDS));
    let until = Position::new(log.len() as u64);
    (seed, Folded::of(&log), Model::fold(&log), until)
}

#[test]
fn what_befalls_a_key_is_what_changes_in_the_fold() {
    let (mut met, mut cut) = (BTreeMap::<Through, usize>::new(), 0);
    for (seed, folded, ever, until) in SEEDS.take(4).map(folded_twice) {
        for key in ever.keys.values() {
            let Ok(tenants): Result<_, Infallible> = tenants_of(&ever, key);
            let Ok(all) = befallen(&folded, key, &tenants, None, until, usize::MAX);
            assert_eq!(all.since, None);
            let mut told = all.events;
            told.sort_unstable();
            for most in [1, 2, 5] {
                let Ok(mut latest) = befallen(&folded, key, &tenants, None, until, most);
                latest.events.sort_unstable();
                let expected = told.iter().filter(|(position, _)| Some(*position) >= latest.since);
                assert!(latest.events.iter().eq(expected), "seed {seed}: the latest {most} of {}", key.id);
                cut += usize::from(latest.since.is_some());
            }
            // The same, by looking at every state.
            let owner = |model: &Model| match key.owner {
                Owner::User(user) => {
                    model.users.get(&user).map(|row| (row.standing, Some(row.operator), None))
                }
                Owner::ServiceAccount(account) => {
                    model.service_accounts.get(&account).map(|row| (row.standing, None, Some(row.role)))
                }
            };
            let membership = |model: &Model, tenant: TenantId| match key.owner {
                Owner::User(user) => model.memberships.get(&(user, tenant)).copied(),
                Owner::ServiceAccount(_) => None,
            };
            let standing =
                |model: &Model, tenant: TenantId| model.tenants.get(&tenant).map(|row| row.standing);
            let refused_before = |model: &Model, target| model.watermarks.get(&target).copied();
            let mut expected = vec![];
            for number in key.created.position.number() + 1..=until.number() {
                let position = Position::new(number);
                let (before, after) = (folded.at(Position::new(number - 1)), folded.at(position));
                if owner(before) != owner(after) {
                    expected.push((position, Through::Owner));
                }
                for tenant in &tenants {
                    if membership(before, *tenant) != membership(after, *tenant) {
                        expected.push((position, Through::Membership));
                    }
                    // What happens to a tenant befalls the keys of those who are in it then.
                    let in_it = matches!(key.owner, Owner::ServiceAccount(_))
                        || membership(after, *tenant).is_some_and(|row| row.standing == Standing::Living);
                    if in_it && standing(before, *tenant) != standing(after, *tenant) {
                        expected.push((position, Through::Tenant));
                    }
                    let target = TokenTarget::Tenant(*tenant);
                    if in_it && refused_before(before, target) != refused_before(after, target) {
                        expected.push((position, Through::Tenant));
                    }
                }
                let others =
                    [(TokenTarget::Owner(key.owner), Through::Owner), (TokenTarget::All, Through::AllTokens)];
                let retired = |model: &Model, id| model.signing_keys.get(&id).and_then(|row| row.retired);
                let begun = folded.at(key.created.position);
                let signing = ever.signing_keys.keys().filter(|id| retired(begun, **id).is_none());
                let compromised = |model, id| {
                    retired(model, id).is_some_and(|of| of.reason == RetirementReason::Compromised)
                };
                let ended =
                    signing.clone().filter(|id| compromised(before, **id) != compromised(after, **id));
                expected.extend(ended.map(|_| (position, Through::SigningKey)));
                let signing = signing.map(|id| (TokenTarget::SigningKey(*id), Through::SigningKey));
                for (target, through) in signing.chain(others) {
                    if refused_before(before, target) != refused_before(after, target) {
                        expected.push((position, through));
                    }
                }
            }
            expected.sort_unstable();
            assert_eq!(told, expected, "seed {seed}: key {}", key.id);
            told.iter().for_each(|(_, through)| *met.entry(*through).or_default() += 1);
        }
    }
    assert!(cut > 100, "too seldom more than are looked at: {cut}");
    let all = [Through::Owner, Through::Membership, Through::Tenant, Through::SigningKey, Through::AllTokens];
    for through in all {
        assert!(met.get(&through).is_some_and(|times| *times > 10), "too seldom: {met:?}");
    }
}

/// Where a blast radius looks whether a key was accepted: nowhere else does that change.
#[test]
fn whether_a_key_is_accepted_changes_at_its_turns_alone() {
    let (mut changed, mut cut) = (0, 0);
    for (seed, folded, ever, until) in SEEDS.take(4).map(folded_twice) {
        for key in ever.keys.values() {
            let Ok(tenants): Result<_, Infallible> = tenants_of(&ever, key);
            for tenant in tenants {
                let Ok(all) = turns(&folded, key, Some(tenant), until, usize::MAX);
                let told: BTreeSet<_> = all.events.into_iter().map(|(position, _)| position).collect();
                let accepted = |position: Position| {
                    let model = folded.at(position);
                    let row = model.keys.get(&key.id)?;
                    let bearer = Bearer::key(row.owner, row.reach, row.created.position);
                    // The clock aside: its turns are not events.
                    let life = KeyLife { expires_at: None, grace_ends_at: None, ..row.life };
                    let Ok(admitted) = admit(model, &bearer, &life, Some(tenant), Timestamp::MIN);
                    Some((admitted, row.life))
                };
                for number in key.created.position.number()..=until.number() {
                    let position = Position::new(number);
                    if accepted(Position::new(number - 1)) != accepted(position) {
                        assert!(told.contains(&position), "seed {seed}: {} at {position}", key.id);
                        changed += 1;
                    }
                }
                let Ok(latest) = turns(&folded, key, Some(tenant), until, 1);
                let latest_told: BTreeSet<_> = latest.events.iter().map(|(position, _)| *position).collect();
                let expected = told.iter().filter(|position| Some(**position) >= latest.since);
                assert!(latest_told.iter().eq(expected), "seed {seed}: the latest of {}", key.id);
                cut += usize::from(latest.since.is_some());
            }
        }
    }
    assert!(changed > 500 && cut > 50, "too seldom: {changed}, {cut}");
}
