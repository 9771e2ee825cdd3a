//! An event as a list of named facts, for whoever shows it: every field by its name, nothing interpreted.

pub mod rows;

use std::borrow::Cow;

use crate::event::{Event, KeyCreated, RetirementReason, TenantPolicy, TokenTarget};
use crate::ids::TokenId;
use crate::key::{KeyDigest, Owner, Reach};
use crate::limits::RateLimit;
use crate::network::AllowedAddresses;
use crate::rejection::Entity;
use crate::role::Scopes;
use crate::sealed::{Sealed, SealedName, Subject};
use crate::time::{Position, Timestamp};

/// One fact: a field of the event, under the name that [`Event`] gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact<'a> {
    /// The field.
    pub name: &'static str,
    /// What it says.
    pub value: Value<'a>,
}

/// What a fact says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Nothing: the field may be empty, and is.
    Nothing,
    /// The id of a thing.
    Thing(Entity),
    /// The id of a token.
    Token(TokenId),
    /// A word of the API: a role, a reason, a kind.
    Word(&'a str),
    /// Yes or no.
    Flag(bool),
    /// Words of the API.
    Words(Vec<Cow<'a, str>>),
    /// A text about the thing.
    Text(Entity, &'a Sealed),
    /// A name of the thing.
    Name(Entity, &'a SealedName),
    /// An instant.
    At(Timestamp),
    /// A number of seconds.
    Seconds(u64),
    /// A number of other things.
    Number(u64),
    /// A place in the log.
    Position(Position),
    /// Bytes.
    Bytes(&'a [u8]),
    /// What recognises a key's secret.
    Digest(&'a KeyDigest),
    /// Facts of their own.
    Group(Vec<Fact<'a>>),
}

/// What the event says, field by field, in the order of its definition.
pub fn facts_of(event: &Event) -> Vec<Fact<'_>> {
    match event {
        Event::TenantCreated { tenant, slug, name, policy } => {
            let thing = Entity::Tenant(*tenant);
            vec![
                fact("tenant", Value::Thing(thing)),
                fact("slug", Value::Name(thing, slug)),
                fact("name", Value::Name(thing, name)),
                rules(policy),
            ]
        }
        Event::TenantRenamed { tenant, name } => {
            let thing = Entity::Tenant(*tenant);
            vec![fact("tenant", Value::Thing(thing)), fact("name", Value::Name(thing, name))]
        }
        Event::TenantPolicyChanged { tenant, policy } => {
            vec![fact("tenant", Value::Thing(Entity::Tenant(*tenant))), rules(policy)]
        }
        Event::TenantSuspended { tenant }
        | Event::TenantResumed { tenant }
        | Event::TenantRemoved { tenant } => vec![fact("tenant", Value::Thing(Entity::Tenant(*tenant)))],

        Event::UserCreated { user, email, name } => {
            let thing = Entity::User(*user);
            vec![
                fact("user", Value::Thing(thing)),
                fact("email", Value::Name(thing, email)),
                fact("name", maybe(name.as_ref(), |name| Value::Text(thing, name))),
            ]
        }
        Event::UserSuspended { user }
        | Event::UserResumed { user }
        | Event::UserRemoved { user }
        | Event::OperatorGranted { user }
        | Event::OperatorWithdrawn { user } => vec![fact("user", Value::Thing(Entity::User(*user)))],

        Event::MemberAdded { tenant, user, role } | Event::MemberRoleChanged { tenant, user, role } => vec![
            fact("tenant", Value::Thing(Entity::Tenant(*tenant))),
            fact("user", Value::Thing(Entity::User(*user))),
            fact("role", Value::Word(role.as_str())),
        ],
        Event::MemberRemoved { tenant, user } => vec![
            fact("tenant", Value::Thing(Entity::Tenant(*tenant))),
            fact("user", Value::Thing(Entity::User(*user))),
        ],

        Event::ServiceAccountCreated { service_account, tenant, name, role } => {
            let thing = Entity::ServiceAccount(*service_account);
            vec![
                fact("service_account", Value::Thing(thing)),
                fact("tenant", Value::Thing(Entity::Tenant(*tenant))),
                fact("name", Value::Name(thing, name)),
                fact("role", Value::Word(role.as_str())),
            ]
        }
        Event::ServiceAccountRenamed { service_account, name } => {
            let thing = Entity::ServiceAccount(*service_account);
            vec![fact("service_account", Value::Thing(thing)), fact("name", Value::Name(thing, name))]
        }
        Event::ServiceAccountRoleChanged { service_account, role } => vec![
            fact("service_account", Value::Thing(Entity::ServiceAccount(*service_account))),
            fact("role", Value::Word(role.as_str())),
        ],
        Event::ServiceAccountSuspended { service_account }
        | Event::ServiceAccountResumed { service_account }
        | Event::ServiceAccountRemoved { service_account } => {
            vec![fact("service_account", Value::Thing(Entity::ServiceAccount(*service_account)))]
        }

        Event::KeyCreated(created) => key_created(created),
        Event::KeyRenamed { key, name } => {
            let thing = Entity::Key(*key);
            vec![fact("key", Value::Thing(thing)), fact("name", Value::Name(thing, name))]
        }
        Event::KeyExpiryChanged { key, expires_at } => vec![
            fact("key", Value::Thing(Entity::Key(*key))),
            fact("expires_at", maybe(*expires_at, Value::At)),
        ],
        Event::KeyDisabled { key } | Event::KeyEnabled { key } => {
            vec![fact("key", Value::Thing(Entity::Key(*key)))]
        }
        Event::KeyRevoked { key, reason, note } => vec![
            fact("key", Value::Thing(Entity::Key(*key))),
            fact("reason", Value::Word(reason.as_str())),
            fact("note", remark(note.as_ref())),
        ],
        Event::KeyRotated { key, successor, grace_ends_at } => vec![
            fact("key", Value::Thing(Entity::Key(*key))),
            fact("successor", Value::Thing(Entity::Key(*successor))),
            fact("grace_ends_at", Value::At(*grace_ends_at)),
        ],

        Event::KeyAddressesChanged { key, addresses } => {
            vec![fact("key", Value::Thing(Entity::Key(*key))), fact("addresses", networks(addresses))]
        }
        Event::KeyRateChanged { key, rate } => {
            vec![fact("key", Value::Thing(Entity::Key(*key))), fact("rate", frequency(*rate))]
        }
        Event::KeyNoteChanged { key, note } => {
            vec![fact("key", Value::Thing(Entity::Key(*key))), fact("note", remark(note.as_ref()))]
        }

        Event::SigningKeyAdded { signing_key, public_key, active_from } => vec![
            fact("signing_key", Value::Thing(Entity::SigningKey(*signing_key))),
            fact("public_key", Value::Bytes(&public_key.0)),
            fact("active_from", Value::At(*active_from)),
        ],
        Event::SigningKeyRetired { signing_key, reason } => vec![
            fact("signing_key", Value::Thing(Entity::SigningKey(*signing_key))),
            fact("reason", Value::Word(retirement(*reason))),
        ],
        Event::TokensRevoked { target } => vec![fact("target", Value::Group(tokens(target)))],
        Event::TokenLifeChanged { life } => {
            vec![fact("life_seconds", Value::Seconds(life.seconds().into()))]
        }
        Event::SubjectErased { subject } => vec![fact("subject", Value::Group(described(*subject)))],
        Event::RollbackAccepted { guard_position, guard_hash } => vec![
            fact("guard_position", Value::Position(*guard_position)),
            fact("guard_hash", Value::Bytes(guard_hash)),
        ],
    }
}

/// The word for the reason.
pub const fn retirement(reason: RetirementReason) -> &'static str {
    match reason {
        RetirementReason::Superseded => "superseded",
        RetirementReason::Compromised => "compromised",
    }
}

fn key_created(created: &KeyCreated) -> Vec<Fact<'_>> {
    let KeyCreated { key, owner, reach, name, digest, prefix, last_four, scopes, expires_at } = created;
    let thing = Entity::Key(*key);
    vec![
        fact("key", Value::Thing(thing)),
        fact("owner", Value::Group(owned_by(*owner))),
        fact("reach", Value::Group(where_it_acts(*reach))),
        fact("name", Value::Name(thing, name)),
        fact("digest", Value::Digest(digest)),
        fact("prefix", Value::Word(prefix.as_str())),
        fact("last_four", Value::Word(last_four.as_str())),
        fact("scopes", narrowed_to(scopes)),
        fact("expires_at", maybe(*expires_at, Value::At)),
    ]
}

fn rules(policy: &TenantPolicy) -> Fact<'_> {
    let TenantPolicy { key_life_seconds_max, key_life_seconds_default } = policy;
    fact(
        "policy",
        Value::Group(vec![
            fact("key_life_seconds_max", maybe(*key_life_seconds_max, Value::Seconds)),
            fact("key_life_seconds_default", maybe(*key_life_seconds_default, Value::Seconds)),
        ]),
    )
}

fn tokens(target: &TokenTarget) -> Vec<Fact<'_>> {
    let kind = |word| fact("kind", Value::Word(word));
    match target {
        TokenTarget::Token { token, key } => vec![
            kind("token"),
            fact("token", Value::Token(*token)),
            fact("key", Value::Thing(Entity::Key(*key))),
        ],
        TokenTarget::Key(key) => vec![kind("key"), fact("key", Value::Thing(Entity::Key(*key)))],
        TokenTarget::Owner(owner) => vec![kind("owner"), fact("owner", Value::Group(owned_by(*owner)))],
        TokenTarget::Tenant(tenant) => {
            vec![kind("tenant"), fact("tenant", Value::Thing(Entity::Tenant(*tenant)))]
        }
        TokenTarget::SigningKey(id) => {
            vec![kind("signing_key"), fact("signing_key", Value::Thing(Entity::SigningKey(*id)))]
        }
        TokenTarget::All => vec![kind("all")],
    }
}

/// The id of what the tokens are of; none: of everything.
pub fn target_id(target: &TokenTarget) -> Option<[u8; 16]> {
    match target {
        TokenTarget::Token { token, .. } => Some(token.bytes()),
        TokenTarget::Key(key) => Some(key.bytes()),
        TokenTarget::Owner(owner) => Some(Entity::from(*owner).id()),
        TokenTarget::Tenant(tenant) => Some(tenant.bytes()),
        TokenTarget::SigningKey(id) => Some(id.bytes()),
        TokenTarget::All => None,
    }
}

fn owned_by(owner: Owner) -> Vec<Fact<'static>> {
    let kind = match owner {
        Owner::User(_) => "user",
        Owner::ServiceAccount(_) => "service_account",
    };
    vec![fact("kind", Value::Word(kind)), fact("id", Value::Thing(owner.into()))]
}

fn described(subject: Subject) -> Vec<Fact<'static>> {
    let kind = match subject {
        Subject::Tenant(_) => "tenant",
        Subject::User(_) => "user",
        Subject::ServiceAccount(_) => "service_account",
    };
    vec![fact("kind", Value::Word(kind)), fact("id", Value::Thing(subject.into()))]
}

fn where_it_acts(reach: Reach) -> Vec<Fact<'static>> {
    match reach {
        Reach::Tenant(tenant) => {
            vec![fact("kind", Value::Word("tenant")), fact("tenant", Value::Thing(Entity::Tenant(tenant)))]
        }
        Reach::AnyTenant { home } => {
            vec![fact("kind", Value::Word("any_tenant")), fact("home", Value::Thing(Entity::Tenant(home)))]
        }
    }
}

fn narrowed_to(scopes: &Scopes) -> Value<'_> {
    match scopes {
        Scopes::All => Value::Nothing,
        Scopes::Only(list) => {
            Value::Words(list.as_slice().iter().map(|scope| scope.as_str().into()).collect())
        }
    }
}

fn networks(addresses: &AllowedAddresses) -> Value<'static> {
    match addresses {
        AllowedAddresses::Any => Value::Nothing,
        AllowedAddresses::Only(list) => {
            Value::Words(list.as_slice().iter().map(|network| network.to_string().into()).collect())
        }
    }
}

fn frequency(rate: Option<RateLimit>) -> Value<'static> {
    maybe(rate, |rate| {
        let (requests, seconds) = (rate.requests().into(), rate.period_seconds().into());
        Value::Group(vec![
            fact("requests", Value::Number(requests)),
            fact("period_seconds", Value::Seconds(seconds)),
        ])
    })
}

/// A remark is for whoever may read about the key's owner; it says nothing of the key that its name does.
fn remark(note: Option<&Sealed>) -> Value<'_> {
    maybe(note, |note| Value::Text(note.subject.into(), note))
}

fn maybe<'a, T>(value: Option<T>, say: impl FnOnce(T) -> Value<'a>) -> Value<'a> {
    value.map_or(Value::Nothing, say)
}

const fn fact<'a>(name: &'static str, value: Value<'a>) -> Fact<'a> {
    Fact { name, value }
}
