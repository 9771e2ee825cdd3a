//! Dry runs: the events that a command would append, and everything that would stop with them.
//!
//! The command is composed as ever and decided by the same rules, on a snapshot. Nothing is appended, no idempotency key is
//! used up (one that was used before means what it would mean then), and no secret is kept. That it was refused is kept once
//! in a while, as of a command that was meant: whoever tries doors is seen, and does not fill the list.

use std::collections::BTreeSet;

use domain::actor::Metadata;
use domain::difference::{Kind, between};
use domain::event::{Recorded, RetirementReason, TokenTarget};
use domain::ids::{KeyId, ServiceAccountId, TenantId, UserId};
use domain::key::Owner;
use domain::overlay::Overlay;
use domain::past::{Past as _, Versioned};
use domain::rejection::Refusal;
use domain::row::{Change, Key, Membership, Standing};
use domain::status::{Bearer, admit};
use domain::time::{Position, Timestamp};
use domain::token_life::{TokenLife, TokenLives};
use domain::{Lookup, decide, evolve};
use store::{Attempt, Snapshot, StoreError};

use crate::as_of::{Answer, AsOf, View};
use crate::authenticate::Caller;
use crate::authority::{Authority, Request};
use crate::compose::Composed;
use crate::events::{EventView, Reader, Scope};
use crate::failure::Failure;
use crate::living_tokens::LivingTokens;
use crate::refusals::Asked;
use crate::state_diff::{self, DifferenceView};

/// How many keys, service accounts, members and changes are named; all are counted.
const NAMED_MAX: usize = 1_000;

/// What a command would do.
#[derive(Clone, Debug)]
pub struct Rehearsed {
    /// The events that it would append, at the positions that they would have now.
    pub events: Vec<EventView>,
    /// What would be accepted no more.
    pub stops: Stops,
    /// What would be otherwise, as the difference of the two states would tell it.
    pub changes: Named<DifferenceView>,
    /// The events of the command, if it was carried out before under the same idempotency key: then it would not be again.
    pub before: Vec<Recorded>,
}

/// What would be accepted no more. Of each kind the first thousand are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stops {
    /// Keys.
    pub keys: Named<StoppedKey>,
    /// Service accounts.
    pub service_accounts: Named<ServiceAccountId>,
    /// Members, with the tenant where they are.
    pub members: Named<(TenantId, UserId)>,
    /// Until when a token may live that was minted before, for services that check tokens by themselves; none: no token
    /// is concerned. Here all of them are refused at once.
    pub tokens_live_until: Option<Timestamp>,
    /// What is known of the tokens that live now of the keys concerned, those that are not named, too: approximate. None:
    /// tokens are concerned of which it is not kept how many there are.
    pub tokens: Option<LivingTokens>,
}

/// The first of them, and how many there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<T> {
    /// The first thousand.
    pub first: Vec<T>,
    /// All of them.
    pub count: u64,
}

/// A key that would be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoppedKey {
    /// The key.
    pub key: KeyId,
    /// Whose it is.
    pub owner: Owner,
    /// The only tenant where it stops; none: where it acts if none is named.
    pub tenant: Option<TenantId>,
    /// How it would be refused.
    pub refusal: Refusal,
    /// Until when a token of it may live.
    pub tokens_live_until: Timestamp,
    /// When it was used last, as far as is known: approximate.
    pub last_used: Option<Timestamp>,
    /// What is known of its tokens that live now and would be refused: approximate.
    pub tokens: LivingTokens,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { first: vec![], count: 0 }
    }
}

impl<T> Named<T> {
    fn push(&mut self, one: T) {
        self.count += 1;
        if self.first.len() < NAMED_MAX {
            self.first.push(one);
        }
    }
}

impl Authority {
    /// What the command would do, if it were carried out now.
    pub fn rehearse(
        &self,
        caller: &Caller,
        request: &Request,
        composed: &Composed,
    ) -> Result<Answer<Rehearsed>, Failure> {
        let asked = Asked::of(&caller.actor, request, &composed.command);
        let outcome = self.rehearsed(caller, request, composed);
        asked.rehearsed(&outcome, &self.shared, &self.recorder.counters);
        outcome
    }

    fn rehearsed(
        &self,
        caller: &Caller,
        request: &Request,
        composed: &Composed,
    ) -> Result<Answer<Rehearsed>, Failure> {
        let view = self.view(AsOf::Now)?;
        let rows = view.now();
        let now = self.now().max(view.snapshot.head().recorded_at);
        let before = self.done_before(&view, caller, request, composed)?;
        let events = match &before {
            Some(_) => vec![],
            None => decide(&rows, &caller.actor, composed.command.clone(), now)??,
        };
        let scope = self.reading_scope(&view, caller)?;
        let reader = Reader::new(self, &view.snapshot, caller, scope);
        let (mut after, mut changes, mut told) = (Overlay::of(&rows), vec![], vec![]);
        let first = view.basis.position.next();
        let mut position = first;
        for event in events {
            let metadata = Metadata {
                actor: caller.actor.id(),
                way: request.way,
                request: request.id,
                idempotency: None,
                cause: (position != first).then_some(first),
            };
            let recorded = Recorded { position, recorded_at: now, metadata, event };
            for change in evolve(&after, &recorded)? {
                after.apply(change.clone());
                changes.push(change);
            }
            told.push(reader.view(recorded)?);
            position = position.next();
        }
        let alive = |key: &Key, tenant| self.tokens.of(key.id, key.created.position, tenant, self.now());
        let begun = Stops { tokens: Some(self.tokens.none()), ..Stops::default() };
        let mut stops = stops(&view.snapshot, &after, &changes, now, begun, &alive)?;
        let usage = self.usage_of(&stops.keys.first.iter().map(|stopped| stopped.key).collect::<Vec<_>>());
        for stopped in &mut stops.keys.first {
            stopped.last_used = usage.get(&stopped.key).map(|usage| usage.tally.last);
        }
        let mut changed = Named::default();
        for difference in between(&rows, &after, changes.iter().map(Change::row))? {
            if difference.kind() != Kind::Derived {
                changed.push(state_diff::told(&reader, &difference, &after)?);
            }
        }
        Ok(view.answer(Rehearsed {
            events: told,
            stops,
            changes: changed,
            before: before.unwrap_or_default(),
        }))
    }

    /// The events of the command if it was carried out before, under the same idempotency key: then it would not be again.
    fn done_before(
        &self,
        view: &View,
        caller: &Caller,
        request: &Request,
        composed: &Composed,
    ) -> Result<Option<Vec<Recorded>>, Failure> {
        let Some(idempotency) = self.idempotency(request, composed) else { return Ok(None) };
        domain::decide::authenticated(&view.now(), &caller.actor, self.now())??;
        match view.snapshot.attempt(&caller.actor.id(), &idempotency)? {
            Attempt::New => Ok(None),
            Attempt::Done(recorded) => Ok(Some(recorded)),
            Attempt::Conflict => Err(Failure::IdempotencyConflict),
        }
    }

    /// As whom the events of one's own command are read: what could be named in it, its author could see.
    fn reading_scope(&self, view: &View, caller: &Caller) -> Result<Scope, Failure> {
        let (rows, now) = (view.now(), self.now());
        if domain::decide::operates(&rows, &caller.actor, now)?.is_ok() {
            return Ok(Scope::Deployment);
        }
        let Some(tenant) = caller.tenant else { return Ok(Scope::Oneself) };
        let needs = domain::role::Permission::Administer;
        let administers = domain::decide::role_of(&rows, &caller.actor, tenant, needs, now)?.is_ok();
        Ok(if administers { Scope::Tenant(tenant) } else { Scope::Oneself })
    }
}

/// What is accepted now, and would not be with these changes.
fn stops<L: Lookup<Error = StoreError>>(
    snapshot: &Snapshot,
    after: &L,
    changes: &[Change],
    now: Timestamp,
    mut found: Stops,
    alive: &dyn Fn(&Key, Option<TenantId>) -> LivingTokens,
) -> Result<Stops, StoreError> {
    let before = snapshot.rows();
    let lives = TokenLives::until(snapshot, snapshot.head().position, now)?;
    let window = snapshot.position_at(TokenLife::LONGEST.before(now))?;
    // When the last token of a key is dead. A token ends with its key, as that was when it was minted: an end that was changed
    // since, it does not know.
    let last_dead_at = |key: &Key| {
        let last = lives.last_dead_at(key.created.position);
        let Some(end) = key.life.ends_at().filter(|end| *end < last) else { return Ok(last) };
        let changed = snapshot.version(Versioned::Key(key.id), snapshot.head().position)?;
        let known = changed.is_some_and(|changed| changed <= window || changed == key.created.position);
        Ok::<_, StoreError>(if known { end } else { last })
    };
    let mut seen = BTreeSet::new();
    let mut key = |key: Option<Key>, tenant: Option<TenantId>, found: &mut Stops| {
        let Some(key) = key else { return Ok(()) };
        // In its only tenant and where it acts if none is named are the same.
        let tenant = tenant.filter(|_| key.reach.confined_to().is_none());
        let bearer = Bearer::key(key.owner, key.reach, key.created.position);
        let changed = after.key(key.id)?.map_or(key.life, |row| row.life);
        let accepted = admit(&before, &bearer, &key.life, tenant, now)?.is_ok();
        if let (true, Err(refusal)) = (accepted, admit(after, &bearer, &changed, tenant, now)?)
            && seen.insert((key.id, tenant))
        {
            let until = last_dead_at(&key)?;
            found.tokens_live_until = found.tokens_live_until.max(Some(until));
            let tokens = alive(&key, tenant);
            if let Some(all) = &mut found.tokens {
                all.absorb(&tokens);
            }
            let (key, owner) = (key.id, key.owner);
            found.keys.push(StoppedKey {
                key,
                owner,
                tenant,
                refusal,
                tokens_live_until: until,
                last_used: None,
                tokens,
            });
        }
        Ok::<_, StoreError>(())
    };
    let living = |standing: Option<Standing>| standing == Some(Standing::Living);
    let tenant_lives = |tenant| Ok::<_, StoreError>(living(before.tenant(tenant)?.map(|row| row.standing)));
    // Whether somebody has access to a tenant that they can lose: what has ended with something else already does not count.
    let is_in = |membership: &Membership| {
        let user = before.user(membership.user)?.map(|row| row.standing);
        Ok::<_, StoreError>(
            membership.standing == Standing::Living && living(user) && tenant_lives(membership.tenant)?,
        )
    };
    for change in changes {
        match change {
            Change::Key(row) => {
                let was = before.key(row.id)?;
                // An end that comes sooner than tokens that were minted before it was known.
                let longest = match &was {
                    Some(was) => last_dead_at(was)?,
                    None => lives.last_dead_at(row.created.position),
                };
                let sooner = |end: &Timestamp| {
                    *end < longest
                        && was.as_ref().is_some_and(|was| was.life.ends_at().is_none_or(|was| *end < was))
                };
                let sooner = row.life.ends_at().filter(sooner).is_some();
                if sooner {
                    found.tokens_live_until = found.tokens_live_until.max(Some(longest));
                }
                let stopped = found.keys.count;
                key(was.clone(), None, &mut found)?;
                // It goes on for a while, and its tokens that live now do not know of its end.
                if let (Some(all), Some(was), true) = (&mut found.tokens, &was, sooner)
                    && found.keys.count == stopped
                {
                    all.absorb(&alive(was, None));
                }
            }
            Change::ServiceAccount(row) => {
                let was = before.service_account(row.id)?.map(|row| row.standing);
                if living(was) && tenant_lives(row.tenant)? && row.standing != Standing::Living {
                    found.service_accounts.push(row.id);
                }
                for id in snapshot.keys_of(Owner::ServiceAccount(row.id))? {
                    key(before.key(id)?, None, &mut found)?;
                }
            }
            Change::User(row) => {
                let was = before.user(row.id)?.map(|row| row.standing);
                if living(was) && row.standing != Standing::Living {
                    for membership in before.memberships_of(row.id)? {
                        if is_in(&membership)? {
                            found.members.push((membership.tenant, row.id));
                        }
                    }
                }
                for id in snapshot.keys_of(Owner::User(row.id))? {
                    key(before.key(id)?, None, &mut found)?;
                }
            }
            Change::Membership(row) => {
                let was = before.membership(row.tenant, row.user)?;
                let lost = was.as_ref().map_or(Ok(false), is_in)? && row.standing != Standing::Living;
                if lost {
                    found.members.push((row.tenant, row.user));
                }
                for id in snapshot.keys_of(Owner::User(row.user))? {
                    key(before.key(id)?, Some(row.tenant), &mut found)?;
                }
            }
            Change::Tenant(row) => {
                let was = before.tenant(row.id)?.map(|row| row.standing);
                if !living(was) || row.standing == Standing::Living {
                    continue;
                }
                for account in snapshot.service_accounts_of(row.id)? {
                    if living(before.service_account(account)?.map(|row| row.standing)) {
                        found.service_accounts.push(account);
                    }
                    for id in snapshot.keys_of(Owner::ServiceAccount(account))? {
                        key(before.key(id)?, None, &mut found)?;
                    }
                }
                for user in snapshot.members_of(row.id)? {
                    if before.membership(row.id, user)?.as_ref().map_or(Ok(false), is_in)? {
                        found.members.push((row.id, user));
                    }
                    for id in snapshot.keys_of(Owner::User(user))? {
                        key(before.key(id)?, Some(row.id), &mut found)?;
                    }
                }
            }
            // Tokens stop, whose keys do not.
            Change::Watermark(target, _) => {
                let longest = lives.last_dead_at(began(&before, *target)?);
                found.tokens = None;
                found.tokens_live_until = found.tokens_live_until.max(Some(longest));
            }
            // A key that was superseded only signs no more: what it signed is accepted as before.
            Change::SigningKey(row)
                if row.retired.is_none_or(|of| of.reason == RetirementReason::Superseded) => {}
            Change::SigningKey(row) => {
                let longest = lives.last_dead_at(row.created.position);
                found.tokens = None;
                found.tokens_live_until = found.tokens_live_until.max(Some(longest));
            }
            Change::Deployment(_) | Change::UniqueName(_, _) => {}
        }
    }
    Ok(found)
}

/// The event before which there was no token of the target.
fn began<L: Lookup>(rows: &L, target: TokenTarget) -> Result<Position, L::Error> {
    let created = match target {
        TokenTarget::Token { key, .. } | TokenTarget::Key(key) => rows.key(key)?.map(|row| row.created),
        TokenTarget::Owner(Owner::User(user)) => rows.user(user)?.map(|row| row.created),
        TokenTarget::Owner(Owner::ServiceAccount(account)) => {
            rows.service_account(account)?.map(|row| row.created)
        }
        TokenTarget::Tenant(tenant) => rows.tenant(tenant)?.map(|row| row.created),
        TokenTarget::SigningKey(signing_key) => rows.signing_key(signing_key)?.map(|row| row.created),
        TokenTarget::All => None,
    };
    Ok(created.map_or(Position::START, |created| created.position))
}
