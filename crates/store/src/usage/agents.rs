//! The agents that poll with a key: what they call themselves, and when they polled last. The last few of each key.

use domain::ids::AgentId;
use domain::sealed::Sealed;
use domain::time::Timestamp;

/// How many agents of one key are kept: whoever holds a key can make up as many as it likes.
pub const AGENTS_MAX: usize = 16;

/// An agent, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// The same for the same key, kind and name.
    pub id: AgentId,
    /// What it said of itself; none: it polls, and nobody knows any more that it registered.
    pub called: Option<Called>,
    /// When it was seen first.
    pub first: Timestamp,
    /// When it was seen last.
    pub last: Timestamp,
    /// When it polled last; none: it has not.
    pub polled: Option<Timestamp>,
    /// How often it polled, about.
    pub polls: u64,
}

/// What an agent says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// What kind of agent it is, such as `LocalAgent`.
    pub kind: AgentKind,
    /// Its name, sealed for the owner of its key: people call agents after their machines, or themselves.
    pub name: Option<Sealed>,
}

/// What kind of agent it is, by its own word: a name as programs have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentKind(String);

impl AgentKind {
    /// The most characters that it may have.
    pub const BYTES_MAX: usize = 64;

    /// Accepts letters, digits, `_`, `-` and `.` of ASCII.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        (plain && (1..=Self::BYTES_MAX).contains(&text.len())).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The agents of one key, at most [`AGENTS_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agents(Vec<Agent>);

impl Agents {
    /// Agents as they were stored.
    pub(crate) fn of(agents: Vec<Agent>) -> Self {
        let mut kept = Self::default();
        agents.into_iter().for_each(|agent| kept.add(agent));
        kept
    }

    /// Adds what was seen of an agent. If there are too many, one is forgotten: of those that never registered, or else
    /// of all, the one that was seen longest ago.
    pub fn add(&mut self, new: Agent) {
        match self.0.iter_mut().find(|known| known.id == new.id) {
            Some(known) => known.absorb(new),
            None => self.0.push(new),
        }
        if self.0.len() > AGENTS_MAX {
            let first_to_go = |agent: &Agent| (agent.called.is_some(), agent.last, agent.id);
            let place = (0..self.0.len()).min_by_key(|place| first_to_go(&self.0[*place]));
            self.0.swap_remove(place.expect("there are some"));
        }
    }

    /// Adds what was seen of the agents of the same key at another time.
    pub fn absorb(&mut self, others: &Self) {
        others.0.iter().for_each(|agent| self.add(agent.clone()));
    }

    /// The agents, the one that was seen last first.
    pub fn last_first(&self) -> Vec<&Agent> {
        let mut agents: Vec<_> = self.0.iter().collect();
        agents.sort_by_key(|agent| (std::cmp::Reverse(agent.last), agent.id));
        agents
    }
}

impl Agent {
    /// An agent that registered.
    pub fn registered(id: AgentId, called: Called, at: Timestamp) -> Self {
        Self { id, called: Some(called), first: at, last: at, polled: None, polls: 0 }
    }

    /// An agent that polled.
    pub fn polled(id: AgentId, at: Timestamp) -> Self {
        Self { id, called: None, first: at, last: at, polled: Some(at), polls: 1 }
    }

    fn absorb(&mut self, other: Self) {
        // The id is made of them, so two never differ.
        self.called = self.called.take().or(other.called);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.polled = self.polled.max(other.polled);
        self.polls = self.polls.saturating_add(other.polls);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> AgentId {
        AgentId::from_bytes([number; 16])
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(ms).unwrap()
    }

    fn registered(number: u8, ms: i64) -> Agent {
        let kind = AgentKind::parse("LocalAgent").unwrap();
        Agent::registered(id(number), Called { kind, name: None }, at(ms))
    }

    #[test]
    fn what_is_seen_of_an_agent_adds_up_in_either_order() {
        let (mut one, mut other) = (Agents::default(), Agents::default());
        let seen = [registered(1, 5), Agent::polled(id(1), at(7)), Agent::polled(id(1), at(9))];
        seen.iter().for_each(|agent| one.add(agent.clone()));
        seen.iter().rev().for_each(|agent| other.add(agent.clone()));
        assert_eq!(one, other);
        let agent = one.last_first()[0];
        assert_eq!((agent.first, agent.last, agent.polled, agent.polls), (at(5), at(9), Some(at(9)), 2));
        assert!(agent.called.is_some());
    }

    #[test]
    fn the_last_ones_are_kept_and_those_that_never_registered_go_first() {
        let mut agents = Agents::default();
        for number in 0..AGENTS_MAX as u8 {
            agents.add(registered(number, i64::from(number)));
        }
        for number in 100..150 {
            agents.add(Agent::polled(id(number), at(1_000 + i64::from(number))));
        }
        let kept: Vec<_> = agents.last_first().iter().map(|agent| agent.id).collect();
        assert_eq!(
            kept,
            (0..AGENTS_MAX as u8).rev().map(id).collect::<Vec<_>>(),
            "made-up ids push out nobody"
        );
        agents.add(registered(200, 500));
        assert_eq!(agents.last_first().len(), AGENTS_MAX);
        assert!(agents.last_first().iter().all(|agent| agent.id != id(0)), "the one seen longest ago");
    }

    #[test]
    fn kinds_are_names_of_programs() {
        assert!(AgentKind::parse("prefect.agent.docker_v2-x").is_some());
        for bad in ["", "a b", "a\n", "é", &"x".repeat(65)] {
            assert_eq!(AgentKind::parse(bad), None, "{bad}");
        }
    }
}
