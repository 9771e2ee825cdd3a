//! The bytes of what is kept of use and refusals. Lossy like the file itself: another shape is another version of it.

use bincode::{Decode, Encode};
use domain::ids::Id;
use domain::rejection::Entity;
use domain::sealed::Sealed;

use super::codes::{self, thing};
use super::error::{DecodeError, Malformed};
use super::rows::{StoredRow, decode};
use super::v1::metadata::ActorV1;
use super::v1::parts::{SealedV1, instant};
use super::write;
use crate::usage::{Agent, AgentKind, Agents, Called, Callers, RefusedCommand, Session, Tally, UseWay};

#[derive(Encode, Decode)]
struct TallyRow {
    first_ms: i64,
    last_ms: i64,
    count: u64,
    callers: u16,
    last_way: u8,
}

#[derive(Encode, Decode)]
struct AgentsRow {
    agents: Vec<AgentPart>,
}

#[derive(Encode, Decode)]
struct AgentPart {
    id: [u8; 16],
    called: Option<CalledPart>,
    first_ms: i64,
    last_ms: i64,
    polled_ms: Option<i64>,
    polls: u64,
}

#[derive(Encode, Decode)]
struct CalledPart {
    kind: String,
    name: Option<SealedV1>,
}

#[derive(Encode, Decode)]
struct RefusedRow {
    at_ms: i64,
    code: String,
    command: String,
    actor: ActorV1,
    way: u8,
    request: [u8; 16],
    about: Option<EntityPart>,
}

#[derive(Encode, Decode)]
struct SessionRow {
    key: [u8; 16],
    tenant: Option<[u8; 16]>,
    opened_ms: i64,
    seen_ms: i64,
    proved_ms: i64,
}

/// `tenant` is there exactly for a member, whose id is the user's.
#[derive(Encode, Decode)]
struct EntityPart {
    kind: u8,
    id: [u8; 16],
    tenant: Option<[u8; 16]>,
}

impl StoredRow for Tally {
    fn to_bytes(&self) -> Vec<u8> {
        write(&TallyRow {
            first_ms: self.first.unix_ms(),
            last_ms: self.last.unix_ms(),
            count: self.count,
            callers: self.callers.bits(),
            last_way: of_way(self.last_way),
        })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode("use", bytes, |row: TallyRow| {
            Ok(Self {
                first: instant("first", row.first_ms)?,
                last: instant("last", row.last_ms)?,
                count: row.count,
                callers: Callers::from_bits(row.callers),
                last_way: way(row.last_way)?,
            })
        })
    }
}

impl StoredRow for Agents {
    fn to_bytes(&self) -> Vec<u8> {
        write(&AgentsRow { agents: self.last_first().into_iter().map(AgentPart::from).collect() })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode("agents", bytes, |row: AgentsRow| {
            let agents: Result<Vec<_>, _> = row.agents.into_iter().map(Agent::try_from).collect();
            Ok(Self::of(agents?))
        })
    }
}

impl StoredRow for RefusedCommand {
    fn to_bytes(&self) -> Vec<u8> {
        write(&RefusedRow {
            at_ms: self.at.unix_ms(),
            code: self.code.clone(),
            command: self.command.clone(),
            actor: self.actor.into(),
            way: codes::of_way(self.way),
            request: self.request.bytes(),
            about: self.about.map(EntityPart::from),
        })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode("refusals", bytes, |row: RefusedRow| {
            Ok(Self {
                at: instant("at", row.at_ms)?,
                code: row.code,
                command: row.command,
                actor: row.actor.try_into()?,
                way: codes::way(row.way)?,
                request: Id::from_bytes(row.request),
                about: row.about.map(Entity::try_from).transpose()?,
            })
        })
    }
}

impl From<&Agent> for AgentPart {
    fn from(agent: &Agent) -> Self {
        let called = agent.called.as_ref().map(|called| CalledPart {
            kind: called.kind.as_str().to_owned(),
            name: called.name.as_ref().map(SealedV1::from),
        });
        Self {
            id: agent.id.bytes(),
            called,
            first_ms: agent.first.unix_ms(),
            last_ms: agent.last.unix_ms(),
            polled_ms: agent.polled.map(|at| at.unix_ms()),
            polls: agent.polls,
        }
    }
}

impl TryFrom<AgentPart> for Agent {
    type Error = Malformed;

    fn try_from(stored: AgentPart) -> Result<Self, Malformed> {
        Ok(Self {
            id: Id::from_bytes(stored.id),
            called: stored.called.map(Called::try_from).transpose()?,
            first: instant("first", stored.first_ms)?,
            last: instant("last", stored.last_ms)?,
            polled: stored.polled_ms.map(|ms| instant("polled", ms)).transpose()?,
            polls: stored.polls,
        })
    }
}

impl StoredRow for Session {
    fn to_bytes(&self) -> Vec<u8> {
        write(&SessionRow {
            key: self.key.bytes(),
            tenant: self.tenant.map(|tenant| tenant.bytes()),
            opened_ms: self.opened.unix_ms(),
            seen_ms: self.seen.unix_ms(),
            proved_ms: self.proved.unix_ms(),
        })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode("a session", bytes, |row: SessionRow| {
            Ok(Self {
                key: Id::from_bytes(row.key),
                tenant: row.tenant.map(Id::from_bytes),
                opened: instant("opened", row.opened_ms)?,
                seen: instant("seen", row.seen_ms)?,
                proved: instant("proved", row.proved_ms)?,
            })
        })
    }
}

impl TryFrom<CalledPart> for Called {
    type Error = Malformed;

    fn try_from(stored: CalledPart) -> Result<Self, Malformed> {
        let kind = AgentKind::parse(&stored.kind);
        let kind = kind.ok_or(Malformed::Layout { why: "an agent's kind is no name".to_owned() })?;
        Ok(Self { kind, name: stored.name.map(Sealed::try_from).transpose()? })
    }
}

const fn of_way(way: UseWay) -> u8 {
    match way {
        UseWay::Rest => 1,
        UseWay::GraphQl => 2,
        UseWay::OAuth => 3,
        UseWay::Shown => 4,
        UseWay::Ui => 5,
    }
}

fn way(code: u8) -> Result<UseWay, Malformed> {
    match code {
        1 => Ok(UseWay::Rest),
        2 => Ok(UseWay::GraphQl),
        3 => Ok(UseWay::OAuth),
        4 => Ok(UseWay::Shown),
        5 => Ok(UseWay::Ui),
        found => Err(Malformed::Code { what: "way of use", found }),
    }
}

impl From<Entity> for EntityPart {
    fn from(entity: Entity) -> Self {
        let id = entity.id();
        match entity {
            Entity::Tenant(_) => Self { kind: thing::TENANT, id, tenant: None },
            Entity::User(_) => Self { kind: thing::USER, id, tenant: None },
            Entity::Member { tenant, .. } => Self { kind: thing::USER, id, tenant: Some(tenant.bytes()) },
            Entity::ServiceAccount(_) => Self { kind: thing::SERVICE_ACCOUNT, id, tenant: None },
            Entity::Key(_) => Self { kind: thing::KEY, id, tenant: None },
            Entity::SigningKey(_) => Self { kind: thing::SIGNING_KEY, id, tenant: None },
        }
    }
}

impl TryFrom<EntityPart> for Entity {
    type Error = Malformed;

    fn try_from(stored: EntityPart) -> Result<Self, Malformed> {
        match (stored.kind, stored.tenant) {
            (thing::TENANT, None) => Ok(Self::Tenant(Id::from_bytes(stored.id))),
            (thing::USER, None) => Ok(Self::User(Id::from_bytes(stored.id))),
            (thing::USER, Some(tenant)) => {
                Ok(Self::Member { tenant: Id::from_bytes(tenant), user: Id::from_bytes(stored.id) })
            }
            (thing::SERVICE_ACCOUNT, None) => Ok(Self::ServiceAccount(Id::from_bytes(stored.id))),
            (thing::KEY, None) => Ok(Self::Key(Id::from_bytes(stored.id))),
            (thing::SIGNING_KEY, None) => Ok(Self::SigningKey(Id::from_bytes(stored.id))),
            (found, _) => Err(Malformed::Code { what: "entity", found }),
        }
    }
}
