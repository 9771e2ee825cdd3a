//! Random histories: whatever people, servers and accidents could wish, decided and folded by the rules themselves.
//!
//! The same seed gives the same history, byte for byte. Ids are drawn so that things of other tenants,
//! removed things and unknown things are met; names from a small pool, so that they are taken and free again.

pub mod folded;
pub(crate) mod dice;
mod wishes;

use std::convert::Infallible;

use domain::actor::{Actor, Holder, Idempotency, IdempotencyKey, Metadata, Token, Way};
use domain::command::Command;
use domain::event::{Event, Recorded};
use domain::ids::{KeyId, RequestId};
use domain::key::Owner;
use domain::rejection::Rejection;
use domain::status::{Bearer, admit};
use domain::time::{Position, Timestamp};
use domain::{Model, decide};

use dice::Dice;

/// One command, with all that it takes to give it again, and what came of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// Who gave it.
    pub actor: Actor,
    /// What was asked for.
    pub command: Command,
    /// When; never before the step before.
    pub now: Timestamp,
    /// By which interface it came in.
    pub way: Way,
    /// The server's id of the request.
    pub request: RequestId,
    /// The client's idempotency key, if it sent one; never the same twice.
    pub idempotency: Option<Idempotency>,
    /// The events as recorded (none: nothing had to change), or the rejection.
    pub outcome: Result<Vec<Recorded>, Rejection>,
}

/// A history in the making: an endless iterator of steps, the first of which begins the ledger.
#[derive(Clone, Debug)]
pub struct History {
    dice: Dice,
    model: Model,
    head: Position,
    now: Timestamp,
    /// Tokens minted on the way, used as long as they are remembered, whether still accepted or not.
    tokens: Vec<Actor>,
    /// How many ids were given out, and how many idempotency keys.
    drawn: u64,
}

impl History {
    /// The history of this seed, from its beginning.
    pub fn new(seed: u64) -> Self {
        let now = Timestamp::from_unix_ms(1_767_225_600_000).expect("the year 2026 is in range");
        let (model, head) = (Model::default(), Position::START);
        Self { dice: Dice::new(seed), model, head, now, tokens: vec![], drawn: 0 }
    }

    /// So many commands of the history of this seed.
    pub fn random(seed: u64, commands: usize) -> Vec<Step> {
        Self::new(seed).take(commands).collect()
    }

    /// The state after the steps taken so far.
    pub const fn model(&self) -> &Model {
        &self.model
    }

    /// Three wishes in four are meant to come true: somebody who may is looked for, then another wish.
    fn draw(&mut self) -> (Actor, Command, Result<Vec<Event>, Rejection>) {
        let meant_well = !self.dice.one_in(4);
        loop {
            let (command, anybody) = (self.wish(), self.anybody());
            let somebody = if meant_well { self.somebody_who_may(&command) } else { Some(anybody) };
            let Some(actor) = somebody else { continue };
            let decided = self.decide(&actor, &command);
            if !decided.as_ref().is_ok_and(|events| self.locks_everybody_out(events)) {
                return (actor, command, decided);
            }
        }
    }

    fn decide(&self, actor: &Actor, command: &Command) -> Result<Vec<Event>, Rejection> {
        let Ok(decided): Result<_, Infallible> = decide(&self.model, actor, command.clone(), self.now);
        decided
    }

    /// The first of a few dozen, beginning anywhere, whose wish would change something.
    fn somebody_who_may(&mut self, command: &Command) -> Option<Actor> {
        let mut candidates = vec![Actor::Console, Actor::Server];
        candidates.extend(self.tokens.iter().cloned());
        let living = self.model.keys.values().rev().filter(|key| self.lives(key));
        candidates.extend(living.take(48).map(|key| self.holder(key.id)));
        candidates.extend(self.first_key().map(|(key, _)| self.holder(key)));
        let begin = self.dice.index(candidates.len());
        candidates.rotate_left(begin);
        let to_no_avail = self.dice.one_in(8);
        candidates
            .into_iter()
            .find(|actor| self.decide(actor, command).is_ok_and(|events| to_no_avail || !events.is_empty()))
    }

    /// Without the first operator and its first key a history could come to a standstill.
    fn locks_everybody_out(&self, events: &[Event]) -> bool {
        let Some((first_key, owner)) = self.first_key() else { return false };
        let first_user = |user| owner == Owner::User(user);
        events.iter().any(|event| match event {
            Event::UserSuspended { user }
            | Event::UserRemoved { user }
            | Event::OperatorWithdrawn { user } => first_user(*user),
            Event::KeyExpiryChanged { key, .. }
            | Event::KeyDisabled { key }
            | Event::KeyRevoked { key, .. }
            | Event::KeyAddressesChanged { key, .. }
            | Event::KeyRotated { key, .. } => *key == first_key,
            Event::TenantCreated { .. }
            | Event::TenantRenamed { .. }
            | Event::TenantPolicyChanged { .. }
            | Event::TenantSuspended { .. }
            | Event::TenantResumed { .. }
            | Event::TenantRemoved { .. }
            | Event::UserCreated { .. }
            | Event::UserResumed { .. }
            | Event::OperatorGranted { .. }
            | Event::MemberAdded { .. }
            | Event::MemberRoleChanged { .. }
            | Event::MemberRemoved { .. }
            | Event::ServiceAccountCreated { .. }
            | Event::ServiceAccountRenamed { .. }
            | Event::ServiceAccountRoleChanged { .. }
            | Event::ServiceAccountSuspended { .. }
            | Event::ServiceAccountResumed { .. }
            | Event::ServiceAccountRemoved { .. }
            | Event::KeyCreated(_)
            | Event::KeyRenamed { .. }
            | Event::KeyEnabled { .. }
            | Event::KeyRateChanged { .. }
            | Event::KeyNoteChanged { .. }
            | Event::SigningKeyAdded { .. }
            | Event::SigningKeyRetired { .. }
            | Event::TokensRevoked { .. }
            | Event::SubjectErased { .. }
            | Event::TokenLifeChanged { .. }
            | Event::RollbackAccepted { .. } => false,
        })
    }

    fn first_key(&self) -> Option<(KeyId, Owner)> {
        let first = self.model.keys.values().min_by_key(|key| key.created.position)?;
        Some((first.id, first.owner))
    }

    fn anybody(&mut self) -> Actor {
        match self.dice.below(12) {
            0 => Actor::Console,
            1 => Actor::Server,
            2 | 3 if !self.tokens.is_empty() => self.dice.pick(&self.tokens).clone(),
            4..=7 => self.first_key().map_or(Actor::Console, |(key, _)| self.holder(key)),
            _ => {
                let key = self.key();
                self.holder(key)
            }
        }
    }

    /// Whoever shows this key, as authentication would tell.
    fn holder(&self, key: KeyId) -> Actor {
        let Some(key) = self.model.keys.get(&key) else { return Actor::Console };
        Actor::Holder(Holder {
            identity: key.owner,
            key: key.id,
            confined_to: key.reach.confined_to(),
            scopes: key.scopes.clone(),
            token: None,
            from: wishes::place_of(&key.limits.addresses),
        })
    }

    /// Exchanges some key, if it is accepted, and remembers a few such tokens.
    fn mint(&mut self) {
        let key = self.key();
        let Some(key) = self.model.keys.get(&key).cloned() else { return };
        let signing: Vec<_> =
            self.model.signing_keys.values().filter(|key| key.retired.is_none()).map(|key| key.id).collect();
        if signing.is_empty() {
            return;
        }
        let bearer = Bearer::key(key.owner, key.reach, key.created.position);
        let wanted = if self.dice.one_in(2) { Some(self.tenant()) } else { None };
        let Ok(admitted): Result<_, Infallible> = admit(&self.model, &bearer, &key.life, wanted, self.now);
        let Some(tenant) = admitted.ok().and_then(|admission| admission.tenant) else { return };
        let token = Token { id: self.fresh_id(), seq: self.head, signing_key: *self.dice.pick(&signing) };
        if self.tokens.len() >= 16 {
            self.tokens.remove(0);
        }
        self.tokens.push(Actor::Holder(Holder {
            identity: key.owner,
            key: key.id,
            confined_to: Some(tenant),
            scopes: key.scopes,
            token: Some(token),
            from: wishes::place_of(&key.limits.addresses),
        }));
    }

    /// Often no time passes, sometimes days.
    fn pass_time(&mut self) {
        let ms = match self.dice.below(100) {
            0..40 => 0,
            40..70 => self.dice.below(2_000),
            70..97 => self.dice.below(60_000),
            97..99 => self.dice.below(7_200_000),
            _ => self.dice.below(5 * 86_400_000),
        };
        let later = self.now.unix_ms().saturating_add(ms.cast_signed());
        self.now = Timestamp::from_unix_ms(later).unwrap_or(self.now);
    }

    fn way(&mut self, actor: &Actor) -> Way {
        match actor {
            Actor::Console => Way::Bootstrap,
            Actor::Server => Way::Schedule,
            Actor::Holder(_) => {
                *self.dice.pick(&[Way::GraphQl, Way::Rest, Way::OAuth, Way::Cli, Way::Ui, Way::Import])
            }
        }
    }

    fn idempotency(&mut self) -> Option<Idempotency> {
        if !self.dice.one_in(5) {
            return None;
        }
        self.drawn += 1;
        let key = IdempotencyKey::parse(&format!("attempt-{}", self.drawn)).expect("visible ASCII");
        Some(Idempotency { key, command: self.dice.bytes() })
    }

    fn record(&mut self, event: Event, metadata: Metadata) -> Recorded {
        self.head = self.head.next();
        let recorded = Recorded { position: self.head, recorded_at: self.now, metadata, event };
        self.model.record(&recorded);
        recorded
    }
}

impl Iterator for History {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        self.pass_time();
        let (actor, command, decided) = if self.head == Position::START {
            let (actor, command) = (Actor::Console, self.bootstrap());
            let decided = self.decide(&actor, &command);
            (actor, command, decided)
        } else {
            if self.dice.one_in(3) {
                self.mint();
            }
            self.draw()
        };
        let (way, request, idempotency) =
            (self.way(&actor), RequestId::from_bytes(self.dice.bytes()), self.idempotency());
        let mut cause = None;
        let outcome = decided.map(|events| {
            let mut recorded = vec![];
            for event in events {
                let (actor, idempotency) = (actor.id(), idempotency.clone());
                let metadata = Metadata { actor, way, request, idempotency, cause };
                recorded.push(self.record(event, metadata));
                cause = cause.or(Some(self.head));
            }
            recorded
        });
        Some(Step { actor, command, now: self.now, way, request, idempotency, outcome })
    }
}

/// The log that the steps amount to.
pub fn recorded(steps: &[Step]) -> Vec<Recorded> {
    steps.iter().flat_map(|step| step.outcome.iter().flatten().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_history_and_another_another() {
        let told = |seed| format!("{:?}", History::random(seed, 50));
        assert_eq!(told(1), told(1));
        assert_ne!(told(1), told(2));
    }

    #[test]
    fn positions_are_dense_and_time_never_turns_back() {
        let log = recorded(&History::random(7, 500));
        for (place, pair) in log.windows(2).enumerate() {
            assert_eq!(pair[0].position.number(), place as u64 + 1);
            assert!(pair[0].recorded_at <= pair[1].recorded_at);
        }
    }

    #[test]
    fn what_follows_from_an_event_of_the_same_command_names_it() {
        for step in History::random(7, 500) {
            let Ok(events) = step.outcome else { continue };
            let first = events.first().map(|recorded| recorded.position);
            for (place, recorded) in events.iter().enumerate() {
                assert_eq!(recorded.metadata.cause, if place == 0 { None } else { first });
            }
        }
    }

    #[test]
    fn every_event_happens_and_most_wishes_come_true() {
        let mut count = BTreeMap::<&str, usize>::new();
        for seed in 0..12 {
            let steps = History::random(seed, 400);
            for recorded in recorded(&steps) {
                *count.entry(recorded.event.name()).or_default() += 1;
            }
            let rejected = steps.iter().filter(|step| step.outcome.is_err()).count();
            let idle = steps.iter().filter(|step| step.outcome.as_ref().is_ok_and(Vec::is_empty)).count();
            assert!((10..200).contains(&rejected), "seed {seed}: {rejected} of 400 rejected");
            assert!((4..120).contains(&idle), "seed {seed}: {idle} of 400 changed nothing");
        }
        assert_eq!(count.len(), 37, "only {count:#?}");
        assert!(count.values().all(|times| *times >= 3), "too seldom: {count:#?}");
    }

    #[test]
    fn many_ways_to_be_rejected_are_met() {
        let mut codes = BTreeMap::<&str, usize>::new();
        for step in (0..24).flat_map(|seed| History::random(seed, 400)) {
            if let Err(rejection) = step.outcome {
                *codes.entry(rejection.code()).or_default() += 1;
            }
        }
        for code in [
            "FORBIDDEN",
            "NOT_FOUND",
            "CONSOLE_ONLY",
            "SERVER_ONLY",
            "REMOVED",
            "SUSPENDED",
            "KEY_REVOKED",
            "ID_TAKEN",
            "SLUG_TAKEN",
            "EMAIL_TAKEN",
            "NAME_TAKEN",
            "LAST_ADMINISTRATOR",
            "KEY_LIFE_TOO_LONG",
            "TOKEN_REVOKED",
            "OWNER_SUSPENDED",
            "TENANT_SUSPENDED",
            "MEMBERSHIP_REMOVED",
            "KEY_EXPIRED",
        ] {
            assert!(codes.contains_key(code), "no {code} among {codes:#?}");
        }
    }
}
