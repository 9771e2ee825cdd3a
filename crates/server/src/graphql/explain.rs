//! Explanations in GraphQL: would this key have been accepted, and which events decide it.

use std::net::IpAddr;

use authority::explaining::{Asked, Deciding, Explained};
use authority::named::KeyNamed;
use authority::{Failure, InputError};
use domain::role::{Scope, Scopes};
use juniper::{GraphQLInputObject, GraphQLObject};

use super::as_of::AsOfShown;
use super::events::Event;
use super::scalars::{Instant, LogPosition, Uuid};
use super::types::Role;

/// A key, named by exactly one of these.
#[derive(Clone, GraphQLInputObject)]
#[graphql(name = "key_named_input", rename_all = "none")]
#[expect(non_camel_case_types, reason = "spelt as in the API")]
pub enum KeyNamedInput {
    /// Its public id.
    id(Uuid),
    /// The key itself, whole. Send it in the variables of a POST, where nothing writes it down.
    secret(String),
    /// What is stored of it: the digest, as 64 hexadecimal digits.
    digest(String),
}

impl From<KeyNamedInput> for KeyNamed {
    fn from(named: KeyNamedInput) -> Self {
        match named {
            KeyNamedInput::id(id) => Self::Id(id.id()),
            KeyNamedInput::secret(secret) => Self::Secret(secret),
            KeyNamedInput::digest(digest) => Self::Digest(digest),
        }
    }
}

/// What the authority is asked.
pub(super) fn asked(
    key: KeyNamedInput,
    tenant: Option<Uuid>,
    scopes: Option<Vec<String>>,
    address: Option<&str>,
) -> Result<Asked, Failure> {
    let scopes: Result<Vec<_>, _> =
        scopes.unwrap_or_default().iter().map(|scope| Scope::parse(scope)).collect();
    let scopes = scopes.and_then(Scopes::only)?;
    let rule = "give an IPv4 or IPv6 address";
    let from: Option<IpAddr> = address
        .map(|text| text.parse().map_err(|_| InputError::Malformed { field: "address", rule }))
        .transpose()?;
    Ok(Asked { key: key.into(), tenant: tenant.map(Uuid::id), scopes, from })
}

/// Whether a key was accepted at a moment, and why.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "explanation", rename_all = "none")]
pub struct Explanation {
    /// The key; null: nobody has such a secret or digest, or the digest is of one that you may not see.
    pub key_id: Option<Uuid>,
    /// Whether it was accepted, with the scopes asked for.
    pub accepted: bool,
    /// ACTIVE, or the code with which it was refused.
    pub code: String,
    /// The tenant in which it was accepted; null: in none, or not at all.
    pub tenant_id: Option<Uuid>,
    /// As what it was accepted.
    pub role: Option<Role>,
    /// The events that decide it, in the order of the log. An acceptance rests on every one of them; a refusal stands
    /// as long as one of them does. Empty: nothing ever happened that would let it be accepted.
    pub decided_by: Vec<DecidingEvent>,
    /// The moment that it is true as of.
    pub as_of: AsOfShown,
}

/// An event that decides whether a key was accepted.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "deciding_event", rename_all = "none")]
pub struct DecidingEvent {
    /// Its place in the log.
    pub position: LogPosition,
    /// When it was recorded.
    pub recorded_at: Instant,
    /// What happened, such as KeyRevoked.
    pub r#type: String,
    /// What it decides: key, revocation, disabled, expiry, grace, addresses, owner, operator, tenant, membership or role.
    pub decides: String,
    /// The event itself; null: you may not read it.
    pub event: Option<Event>,
}

impl Explanation {
    pub(super) fn of(explained: Explained, as_of: AsOfShown) -> Self {
        let Explained { key, verdict, decided_by } = explained;
        let (tenant, role) = verdict.map_or((None, None), |admission| (admission.tenant, admission.role));
        Self {
            key_id: key.map(Uuid::from),
            accepted: verdict.is_ok(),
            code: verdict.map_or_else(|objection| objection.code(), |_| "ACTIVE").to_owned(),
            tenant_id: tenant.map(Uuid::from),
            role: role.map(Into::into),
            decided_by: decided_by.into_iter().map(DecidingEvent::from).collect(),
            as_of,
        }
    }

    /// How many entries the lists of its events have.
    pub(super) fn within(&self) -> usize {
        let details =
            |deciding: &DecidingEvent| deciding.event.as_ref().map_or(0, |event| event.details.len());
        self.decided_by.iter().map(details).sum()
    }
}

impl From<Deciding> for DecidingEvent {
    fn from(deciding: Deciding) -> Self {
        let Deciding { position, recorded_at, event_type, fact, event } = deciding;
        Self {
            position: LogPosition(position),
            recorded_at: Instant(recorded_at),
            r#type: event_type.to_owned(),
            decides: fact.as_str().to_owned(),
            event: event.map(Event::from),
        }
    }
}
