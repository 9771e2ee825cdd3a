//! The stored shape of metadata. It belongs to the envelope: its version is the format version.

use bincode::{Decode, Encode};
use domain::actor::{ActorId, Idempotency, IdempotencyKey, Metadata};
use domain::ids::Id;
use domain::time::Position;

use super::parts::OwnerV1;
use crate::codec::error::Malformed;
use crate::codec::{codes, read, write};

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct MetadataV1 {
    actor: ActorV1,
    way: u8,
    request: [u8; 16],
    idempotency: Option<IdempotencyV1>,
    cause: Option<u64>,
}

/// `holder` is there exactly if `kind` says so.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct ActorV1 {
    kind: u8,
    holder: Option<HolderV1>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct HolderV1 {
    identity: OwnerV1,
    key: [u8; 16],
    token: Option<[u8; 16]>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct IdempotencyV1 {
    key: String,
    command: [u8; 16],
}

/// The bytes of an event's metadata.
pub(crate) fn encode(metadata: &Metadata) -> Vec<u8> {
    write(&MetadataV1 {
        actor: metadata.actor.into(),
        way: codes::of_way(metadata.way),
        request: metadata.request.bytes(),
        idempotency: metadata.idempotency.as_ref().map(IdempotencyV1::from),
        cause: metadata.cause.map(Position::number),
    })
}

/// The metadata of an event out of its bytes.
pub(crate) fn decode(bytes: &[u8]) -> Result<Metadata, Malformed> {
    let stored: MetadataV1 = read(bytes)?;
    Ok(Metadata {
        actor: stored.actor.try_into()?,
        way: codes::way(stored.way)?,
        request: Id::from_bytes(stored.request),
        idempotency: stored.idempotency.map(Idempotency::try_from).transpose()?,
        cause: stored.cause.map(Position::new),
    })
}

impl From<ActorId> for ActorV1 {
    fn from(actor: ActorId) -> Self {
        match actor {
            ActorId::Console => Self { kind: codes::actor::CONSOLE, holder: None },
            ActorId::Server => Self { kind: codes::actor::SERVER, holder: None },
            ActorId::Holder { identity, key, token } => {
                let token = token.map(|token| token.bytes());
                let holder = HolderV1 { identity: identity.into(), key: key.bytes(), token };
                Self { kind: codes::actor::HOLDER, holder: Some(holder) }
            }
        }
    }
}

impl TryFrom<ActorV1> for ActorId {
    type Error = Malformed;

    fn try_from(stored: ActorV1) -> Result<Self, Malformed> {
        match (stored.kind, stored.holder) {
            (codes::actor::CONSOLE, None) => Ok(Self::Console),
            (codes::actor::SERVER, None) => Ok(Self::Server),
            (codes::actor::HOLDER, Some(holder)) => Ok(Self::Holder {
                identity: holder.identity.try_into()?,
                key: Id::from_bytes(holder.key),
                token: holder.token.map(Id::from_bytes),
            }),
            (code @ codes::actor::CONSOLE..=codes::actor::HOLDER, _) => {
                Err(Malformed::Parts { what: "actor", code })
            }
            (found, _) => Err(Malformed::Code { what: "actor", found }),
        }
    }
}

impl From<&Idempotency> for IdempotencyV1 {
    fn from(idempotency: &Idempotency) -> Self {
        Self { key: idempotency.key.as_str().to_owned(), command: idempotency.command }
    }
}

impl TryFrom<IdempotencyV1> for Idempotency {
    type Error = Malformed;

    fn try_from(stored: IdempotencyV1) -> Result<Self, Malformed> {
        let key =
            IdempotencyKey::parse(&stored.key).ok_or(Malformed::IdempotencyKey { found: stored.key })?;
        Ok(Self { key, command: stored.command })
    }
}
