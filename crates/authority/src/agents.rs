//! Agents: they register with a key and poll for work that there never is; that they did is told with the key's use.

use credentials::digest::TextKind;
use domain::ids::AgentId;
use domain::names::Name;
use domain::time::Timestamp;
use store::usage::{Agent, Agents, Called};

use crate::authenticate::Caller;
use crate::authority::Authority;
use crate::compose::subject_of;

pub use store::usage::{AGENTS_MAX, AgentKind};

/// An agent, with its name opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentView {
    /// The same for the same key, kind and name.
    pub id: AgentId,
    /// What kind of agent it is, by its own word; none: it polls, and that it registered is forgotten.
    pub kind: Option<String>,
    /// Its name, if it gave one.
    pub name: Option<String>,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// When it polled last; none: it has not.
    pub last_poll: Option<Timestamp>,
    /// How often it polled, about.
    pub polls: u64,
}

impl Authority {
    /// Notes an agent that begins. One that begins again under the same name is the same, so that a key's agents do not
    /// become more with every start.
    pub fn register_agent(&self, caller: &Caller, kind: AgentKind, name: Option<&Name>) -> AgentId {
        let keyring = &self.shared.keyring;
        let asked = format!("register_agent {} {kind:?} {name:?}", caller.key);
        let id = agent_id(keyring.pepper.text_digest(TextKind::Command, &asked).0);
        let (subject, _) = subject_of(caller.owner);
        // Without the owner's key the name is left out: nothing rests on it.
        let sealed =
            name.zip(keyring.subject(subject)).map(|(name, key)| keyring.seal(&key, subject, name.as_str()));
        let agent = Agent::registered(id, Called { kind, name: sealed }, self.now());
        self.recorder.counters.seen(caller.key, agent);
        id
    }

    /// Notes that an agent polled.
    pub fn agent_polled(&self, caller: &Caller, id: AgentId) {
        self.recorder.counters.seen(caller.key, Agent::polled(id, self.now()));
    }

    pub(crate) fn agent_views(&self, agents: &Agents) -> Vec<AgentView> {
        let views = agents.last_first().into_iter().map(|agent| {
            let called = agent.called.as_ref();
            AgentView {
                id: agent.id,
                kind: called.map(|called| called.kind.as_str().to_owned()),
                name: called.and_then(|called| called.name.as_ref()).map(|name| self.open_text(name)),
                first_seen: agent.first,
                last_poll: agent.polled,
                polls: agent.polls,
            }
        });
        views.collect()
    }
}

/// A UUID of version 8 (RFC 9562, section 5.8) made of a digest.
fn agent_id(mut bytes: [u8; 16]) -> AgentId {
    bytes[6] = bytes[6] & 0x0F | 0x80;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    AgentId::from_bytes(bytes)
}
