//! The blast radius of a key: what somebody who had it could do, and what was done with it.

use std::collections::BTreeMap;

use domain::concern::Concerned;
use domain::decide::{audits, decide};
use domain::effect::Effect;
use domain::event::Event;
use domain::ids::{KeyId, TenantId, UserId};
use domain::key::{Owner, RevocationReason};
use domain::life::{tenants_of, turns};
use domain::role::{Role, Scopes};
use domain::row::Key;
use domain::status::{Bearer, admit, admit_outside_tenants};
use domain::time::{Moment, Position, Timestamp};
use domain::token_life::TokenLives;
use domain::{Command, Lookup as _, Recorded};
use store::history::Marked;
use store::{Snapshot, StoreError};

use crate::as_of::{Answer, AsOf, View};
use crate::authenticate::Caller;
use crate::authority::Authority;
use crate::events::{EventView, Reader};
use crate::failure::Failure;
use crate::living_tokens::LivingTokens;
use crate::named::{KeyNamed, unseen};
use crate::queries::{UseTold, told_of};
use crate::usage::KeyUsage;

/// How many of the events that were made with the key are told; all are counted.
const EVENTS_TOLD_MAX: usize = 1_000;
/// At how many moments it is asked where and as what the key was accepted, for all tenants together: the latest ones.
const TURNS_MAX: usize = 10_000;
/// How many keys of a lineage are told to each side.
const LINEAGE_MAX: usize = 1_000;

/// What a key reached, and what was done with it.
#[derive(Clone, Debug)]
pub struct BlastRadius {
    /// The key.
    pub key: KeyId,
    /// Whose it is.
    pub owner: Owner,
    /// What it is narrowed to; for good.
    pub scopes: Scopes,
    /// When it was made.
    pub created: Moment,
    /// Why it was revoked, if it was.
    pub revoked: Option<RevocationReason>,
    /// Where and as what it was accepted, from when until when: by tenant, then by time.
    pub spells: Vec<Spell>,
    /// Whether it may have been accepted before the first of these, of which nothing is told: what a key rests on can have changed
    /// more often than anybody reads.
    pub earlier: bool,
    /// What their tenants are called, as far as the caller may look at them.
    pub tenant_names: BTreeMap<TenantId, String>,
    /// The events that were made with it or with a token minted from it: the last thousand, the last first.
    pub acted: Vec<EventView>,
    /// How many there are.
    pub acted_count: u64,
    /// Keys that were made with it: they outlive it.
    pub keys_made: Vec<KeyId>,
    /// The keys whose place it took, the nearest first.
    pub predecessors: Vec<KeyId>,
    /// The keys that took its place, the nearest first.
    pub successors: Vec<KeyId>,
    /// When the last token minted from it is dead at the latest, wherever it is checked; none: more can be minted.
    pub tokens_dead_at: Option<Timestamp>,
    /// What is known of its use: approximate.
    pub usage: Option<KeyUsage>,
    /// Whether nothing of its use is told to whoever asks, for its owner acts in their tenant no more: it may have been used.
    pub usage_withheld: bool,
    /// What is known of the tokens minted from it that live now, for the tenants that are told: approximate; none: another
    /// moment is asked about.
    pub tokens: Option<LivingTokens>,
    /// Whether a command is needed to stop it.
    pub containment: Containment,
}

/// A stretch of time in which a key was accepted in a tenant with a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spell {
    /// The tenant; none: outside of any, as an operator's.
    pub tenant: Option<TenantId>,
    /// The role; none: an operator's, outside of any tenant.
    pub role: Option<Role>,
    /// The event since which it was so.
    pub from: Moment,
    /// When it ended; none: it has not.
    pub until: Option<Timestamp>,
}

/// What stops a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Containment {
    /// It must be revoked.
    Revoke,
    /// It must be revoked, which whoever asks may not do; they may remove its user from its home, where it is refused then.
    RemoveMember(TenantId, UserId),
    /// It is refused for good.
    Done,
}

impl Authority {
    /// The blast radius of a key as of a moment: for its owner, the administrators of its home, and operators.
    pub fn blast_radius(
        &self,
        caller: &Caller,
        named: &KeyNamed,
        as_of: AsOf,
    ) -> Result<Answer<BlastRadius>, Failure> {
        let view = self.view(as_of)?;
        let (id, scope) = self.known_with_past(&view, caller, named)?;
        let key = view.then().key(id)?.ok_or_else(|| unseen(&KeyNamed::Id(id)))?;
        let told_of = told_of(caller, key.owner, scope);
        let mut tenants = tenants_of(&view.then(), &key)?;
        tenants.retain(|tenant| told_of.is_none_or(|told| *tenant == told));
        let tenant_names = self.names_seen(&view, caller, &tenants)?;
        let Spells { spells, tokens_dead_at, earlier } = Spells::of(&view, &key, &tenants)?;
        let Acted { told, count, keys_made } = acted(&view, id, told_of)?;
        let reader = Reader::new(self, &view.snapshot, caller, scope);
        let acted = told.into_iter().map(|recorded| reader.view(recorded)).collect::<Result<Vec<_>, _>>()?;
        let rows = view.then();
        let tokens =
            (as_of == AsOf::Now).then(|| self.tokens.of(id, key.created.position, told_of, self.now()));
        let use_told = self.use_told(&view, &key, told_of)?;
        let minting = spells.iter().any(|spell| spell.until.is_none());
        Ok(view.answer(BlastRadius {
            key: id,
            owner: key.owner,
            created: key.created,
            revoked: key.life.revoked,
            acted,
            acted_count: count,
            keys_made,
            predecessors: lineage(key.predecessor, |id| Ok(rows.key(id)?.and_then(|key| key.predecessor)))?,
            successors: lineage(key.successor, |id| Ok(rows.key(id)?.and_then(|key| key.successor)))?,
            tokens_dead_at: if minting { None } else { tokens_dead_at.or(Some(key.created.at)) },
            usage_withheld: use_told == UseTold::Withheld,
            usage: use_told.known(),
            tokens,
            containment: self.containment(&view, caller, &key)?,
            scopes: key.scopes,
            spells,
            earlier,
            tenant_names,
        }))
    }

    /// What stops the key, of what the caller may do; if they may do nothing, what others may.
    fn containment(&self, view: &View, caller: &Caller, key: &Key) -> Result<Containment, Failure> {
        if key.life.revoked.is_some() {
            return Ok(Containment::Done);
        }
        // What changes nothing stops nothing.
        let may = |command| {
            let decided = decide(&view.now(), &caller.actor, command, self.now())?;
            Ok::<_, Failure>(decided.is_ok_and(|events| !events.is_empty()))
        };
        let reason = RevocationReason::KeyCompromise;
        let revoke = Command::RevokeKey { key: key.id, reason, note: None };
        let (Owner::User(user), tenant) = (key.owner, key.reach.home()) else {
            return Ok(Containment::Revoke);
        };
        let removes = !may(revoke)? && may(Command::RemoveMember { tenant, user })?;
        Ok(if removes { Containment::RemoveMember(tenant, user) } else { Containment::Revoke })
    }

    /// What tenants are called, those at which the caller may look now.
    fn names_seen(
        &self,
        view: &View,
        caller: &Caller,
        tenants: &[TenantId],
    ) -> Result<BTreeMap<TenantId, String>, Failure> {
        let rows = view.now();
        let sees_all = audits(&rows, &caller.actor, self.now())?.is_ok();
        let mut names = BTreeMap::new();
        for id in tenants {
            if sees_all || self.looks_at(&rows, caller, *id)? {
                let row = view.then().tenant(*id)?;
                names.extend(row.map(|row| (*id, self.open_text(&row.name.text))));
            }
        }
        Ok(names)
    }
}

/// Where and as what a key was accepted, from when until when.
struct Spells {
    spells: Vec<Spell>,
    /// When the last token is dead that was minted in one which is over.
    tokens_dead_at: Option<Timestamp>,
    /// Whether it was looked no further back than to the first of some tenant.
    earlier: bool,
}

impl Spells {
    fn of(view: &View, key: &Key, tenants: &[TenantId]) -> Result<Self, Failure> {
        let mut found = Self { spells: vec![], tokens_dead_at: None, earlier: false };
        let mut left = TURNS_MAX;
        // Outside of any tenant there is what operators do.
        for tenant in tenants.iter().copied().map(Some).chain([None]) {
            left = left.saturating_sub(found.add(view, key, tenant, left.max(1))?);
        }
        Ok(found)
    }

    /// Where the key was accepted in one tenant: how many moments were looked at.
    fn add(
        &mut self,
        view: &View,
        key: &Key,
        tenant: Option<TenantId>,
        most: usize,
    ) -> Result<usize, Failure> {
        let (snapshot, until) = (&view.snapshot, view.basis.position);
        let turns = turns(snapshot, key, tenant, until, most)?;
        let mut boundaries: Vec<Position> = turns.events.into_iter().map(|(position, _)| position).collect();
        boundaries.extend(turns.since);
        boundaries.sort_unstable();
        boundaries.dedup();
        let left_out = boundaries.len().saturating_sub(most);
        drop(boundaries.drain(..left_out));
        let moments = boundaries.iter().map(|position| {
            let recorded = snapshot.recorded(*position)?;
            Ok(Moment { position: *position, at: recorded.recorded_at })
        });
        let moments = moments.collect::<Result<Vec<_>, StoreError>>()?;
        if let Some(first) = moments.first()
            && (turns.since.is_some() || left_out > 0)
        {
            self.earlier = true;
            // Of what was minted before, nothing else is known.
            let lives = TokenLives::until(snapshot, first.position, first.at)?;
            self.tokens_dead_at = self.tokens_dead_at.max(Some(lives.last_dead_at(key.created.position)));
        }
        let mut open: Option<Spell> = None;
        for (place, moment) in moments.iter().enumerate() {
            let next = moments.get(place + 1).copied();
            let next_at = next.map(|next| next.at);
            let Accepted { role, end, ended } =
                accepted(snapshot, key, tenant, *moment, next_at, view.basis.instant)?;
            let over = match (role, ended, next) {
                (None, _, _) | (_, None, None) => None,
                (Some(_), Some(ended), _) => {
                    Some(Moment { position: snapshot.position_at(ended)?.min(until), at: ended })
                }
                (Some(_), None, next) => next,
            };
            if let Some(over) = over {
                // A token ends with its key as it was when it was minted: an end that was brought forward since, it does not
                // know.
                let lives = TokenLives::until(snapshot, over.position, over.at)?;
                let last = lives.last_dead_at(moment.position);
                self.tokens_dead_at = self.tokens_dead_at.max(Some(end.map_or(last, |end| end.min(last))));
            }
            open = match (open, role) {
                // It goes on.
                (Some(spell), Some(role)) if spell.role == role => Some(spell),
                (before, role) => {
                    self.spells.extend(before.map(|spell| Spell { until: Some(moment.at), ..spell }));
                    role.map(|role| Spell { tenant, role, from: *moment, until: None })
                }
            };
            if let (Some(spell), Some(ended)) = (open, ended) {
                self.spells.push(Spell { until: Some(ended), ..spell });
                open = None;
            }
        }
        self.spells.extend(open);
        Ok(moments.len())
    }
}

/// How a key stood after an event.
struct Accepted {
    /// As what it was accepted, in no role outside of any tenant; none: it was not.
    role: Option<Option<Role>>,
    /// When it was to end by the clock.
    end: Option<Timestamp>,
    /// When the clock ended it, before the next event.
    ended: Option<Timestamp>,
}

/// How the key stood after the moment, and until the next.
fn accepted(
    snapshot: &Snapshot,
    key: &Key,
    tenant: Option<TenantId>,
    moment: Moment,
    next: Option<Timestamp>,
    now: Timestamp,
) -> Result<Accepted, StoreError> {
    let rows = snapshot.rows_at(moment.position);
    let Some(then) = rows.key(key.id)? else { return Ok(Accepted { role: None, end: None, ended: None }) };
    let role = match tenant {
        Some(_) => {
            let bearer = Bearer::key(then.owner, then.reach, then.created.position);
            let admitted = admit(&rows, &bearer, &then.life, tenant, moment.at)?;
            admitted.ok().map(|admission| admission.role)
        }
        None => {
            let operator = match (then.owner, then.reach.confined_to()) {
                (Owner::User(user), None) => rows.user(user)?.is_some_and(|row| row.operator),
                (Owner::User(_) | Owner::ServiceAccount(_), _) => false,
            };
            let admitted = admit_outside_tenants(&rows, then.owner, &then.life, moment.at)?;
            admitted.ok().filter(|()| operator).map(|()| None)
        }
    };
    let end = then.life.ends_at();
    let ended = end.filter(|end| *end <= now && next.is_none_or(|next| *end <= next));
    Ok(Accepted { role, end, ended })
}

/// What was done with a key.
struct Acted {
    told: Vec<Recorded>,
    count: u64,
    keys_made: Vec<KeyId>,
}

fn acted(view: &View, key: KeyId, told_of: Option<TenantId>) -> Result<Acted, Failure> {
    let snapshot = &view.snapshot;
    let mut acted = Acted { told: vec![], count: 0, keys_made: vec![] };
    let range = Position::START.next()..=view.basis.position;
    let mut within = told_of.map(|tenant| snapshot.among(Concerned::Tenant(tenant)));
    for event in snapshot.history(Concerned::ActingKey(key), &range)?.rev() {
        let Marked { position, effect } = event?;
        // What was done in other tenants is the business of those.
        if let Some(within) = &mut within
            && !within.has(position)?
        {
            continue;
        }
        acted.count += 1;
        let tells = acted.told.len() < EVENTS_TOLD_MAX;
        let may_make = effect == Effect::Begins && acted.keys_made.len() < EVENTS_TOLD_MAX;
        // Of the others it is enough to know that there are.
        if !tells && !may_make {
            continue;
        }
        let recorded = snapshot.recorded(position)?;
        if let Event::KeyCreated(made) = &recorded.event
            && may_make
        {
            acted.keys_made.push(made.key);
        }
        if tells {
            acted.told.push(recorded);
        }
    }
    Ok(acted)
}

/// A chain of keys, as far as it goes.
fn lineage(
    first: Option<KeyId>,
    next: impl Fn(KeyId) -> Result<Option<KeyId>, StoreError>,
) -> Result<Vec<KeyId>, StoreError> {
    let (mut chain, mut link) = (vec![], first);
    while let Some(key) = link.filter(|_| chain.len() < LINEAGE_MAX) {
        chain.push(key);
        link = next(key)?;
    }
    Ok(chain)
}
