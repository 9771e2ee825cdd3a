//! The blast radius of a key in GraphQL.

use std::collections::BTreeMap;

use authority::blast::{self, Containment};
use domain::ids::TenantId;
use domain::key::Owner;
use domain::role::Scopes;
use juniper::GraphQLObject;

use super::as_of::AsOfShown;
use super::events::Event;
use super::inputs::Reason;
use super::living_tokens::LivingTokens;
use super::scalars::{Instant, LogPosition, Uuid};
use super::types::Role;
use super::usage::Usage;

/// What somebody who had a key could do, and what was done with it.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "blast_radius", rename_all = "none")]
pub struct BlastRadius {
    /// The key.
    pub key_id: Uuid,
    /// Its owner: a user or a service account.
    pub user_id: Uuid,
    /// What it is narrowed to; null: whatever its owner's role permits.
    pub scopes: Option<Vec<String>>,
    /// When it was made.
    pub created_at: Instant,
    /// Why it was revoked; null: it was not.
    pub revocation_reason: Option<Reason>,
    /// Where and as what it was accepted, from when until when: by tenant, then by time.
    pub spells: Vec<SpellShown>,
    /// Whether it may have been accepted before the first of these, which is left out: it is asked at the latest 10,000 changes of
    /// what it rests on.
    pub earlier: bool,
    /// The events that were made with it, or with a token minted from it: the last 1,000, the last first.
    pub events: Vec<Event>,
    /// How many events were made with it.
    pub events_count: i32,
    /// Keys that were made with it, the last first. They outlive it: look at each.
    pub keys_made: Vec<Uuid>,
    /// The keys whose place it took, the nearest first.
    pub predecessor_ids: Vec<Uuid>,
    /// The keys that took its place, the nearest first.
    pub successor_ids: Vec<Uuid>,
    /// When the last token minted from it is dead at the latest, for services that check tokens by themselves, too;
    /// null: more can be minted.
    pub tokens_dead_at: Option<Instant>,
    /// How it was used, approximately, as far as is known now; null: no use of it is known, or it is withheld.
    pub usage: Option<Usage>,
    /// Whether nothing of its use is told to you, whatever is known: it acts in every tenant of its owner, who acts in yours
    /// no more.
    pub usage_withheld: bool,
    /// The tokens minted from it that live now, approximately: of somebody else's key, for an administrator, those for the
    /// own tenant. Null in an answer about an earlier moment: how many lived then is not kept.
    pub tokens: Option<LivingTokens>,
    /// The one command that stops it and its tokens; null: it is revoked. Whoever may not revoke it is told what else they may do: to
    /// remove its user from its home stops it there, and an operator revokes it.
    pub contain_with: Option<String>,
    /// The moment that it is true as of.
    pub as_of: AsOfShown,
}

/// A stretch of time in which a key was accepted in a tenant with a role.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "spell", rename_all = "none")]
pub struct SpellShown {
    /// The tenant; null: outside of any, as an operator.
    pub tenant_id: Option<Uuid>,
    /// What it is called; null: it is not yours to look at, or outside of any.
    pub tenant_name: Option<String>,
    /// The role of its owner.
    pub role: Option<Role>,
    /// The event since which it was so.
    pub position: LogPosition,
    /// When it began.
    pub from: Instant,
    /// When it ended; null: it has not.
    pub until: Option<Instant>,
}

impl BlastRadius {
    pub(super) fn of(radius: blast::BlastRadius, as_of: AsOfShown) -> Self {
        let ids = |ids: Vec<domain::ids::KeyId>| ids.into_iter().map(Uuid::from).collect();
        Self {
            key_id: radius.key.into(),
            user_id: match radius.owner {
                Owner::User(user) => user.into(),
                Owner::ServiceAccount(account) => account.into(),
            },
            scopes: match radius.scopes {
                Scopes::All => None,
                Scopes::Only(list) => {
                    Some(list.as_slice().iter().map(|scope| scope.as_str().to_owned()).collect())
                }
            },
            created_at: Instant(radius.created.at),
            revocation_reason: radius.revoked.map(Reason::from),
            spells: radius.spells.iter().map(|spell| SpellShown::of(spell, &radius.tenant_names)).collect(),
            events: radius.acted.into_iter().map(Event::from).collect(),
            events_count: i32::try_from(radius.acted_count).unwrap_or(i32::MAX),
            keys_made: ids(radius.keys_made),
            predecessor_ids: ids(radius.predecessors),
            successor_ids: ids(radius.successors),
            tokens_dead_at: radius.tokens_dead_at.map(Instant),
            earlier: radius.earlier,
            usage: radius.usage.map(Usage::from),
            usage_withheld: radius.usage_withheld,
            tokens: radius.tokens.map(LivingTokens::from),
            contain_with: match radius.containment {
                Containment::Done => None,
                Containment::Revoke => {
                    Some(format!("keyledger key revoke {} --reason key_compromise", radius.key))
                }
                Containment::RemoveMember(tenant, user) => {
                    Some(format!("keyledger member remove {user} --tenant {tenant}"))
                }
            },
            as_of,
        }
    }

    /// How many entries its lists have, and those of its events.
    pub(super) fn entries(&self) -> (usize, usize) {
        let ids = self.keys_made.len() + self.predecessor_ids.len() + self.successor_ids.len();
        let details = self.events.iter().map(|event| event.details.len()).sum();
        (self.events.len() + self.spells.len() + ids, details)
    }
}

impl SpellShown {
    fn of(spell: &blast::Spell, names: &BTreeMap<TenantId, String>) -> Self {
        Self {
            tenant_id: spell.tenant.map(Uuid::from),
            tenant_name: spell.tenant.and_then(|tenant| names.get(&tenant).cloned()),
            role: spell.role.map(Into::into),
            position: LogPosition(spell.from.position),
            from: Instant(spell.from.at),
            until: spell.until.map(Instant),
        }
    }
}
