//! How a key was used, roughly, in GraphQL.

use authority::agents::AgentView;
use authority::usage::{KeyUsage, UseWay};
use juniper::{GraphQLEnum, GraphQLObject};

use super::scalars::{Instant, Uuid};

/// How a key, with the tokens minted from it, was used. All of it is approximate: it is counted beside the log, and
/// what was counted in the last seconds before a crash is lost.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "key_usage", rename_all = "none")]
pub struct Usage {
    /// When it was used first, as far as is known; approximate.
    pub first_used_at: Instant,
    /// When it was used last, as far as is known; approximate.
    pub last_used_at: Instant,
    /// How often it was accepted; approximate. 2147483647 stands for that many or more.
    pub count: i32,
    /// What kinds of programs showed it here, by what they said of themselves: keyledger, prefect, curl, browser,
    /// python, go, node, other, or none for those that said nothing; approximate.
    pub callers: Vec<String>,
    /// By which way it was used last; approximate.
    pub last_way: UseWayValue,
    /// The agents that poll with it: the last 16, the one that was seen last first; approximate.
    pub agents: Vec<Agent>,
    /// Always true: nothing of this is in the log, so nothing of it can be proved. In an answer about an earlier
    /// moment, too, it is what is known now.
    pub approximate: bool,
}

/// An agent that polls with a key, by what it says of itself.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "key_agent", rename_all = "none")]
pub struct Agent {
    /// The same for the same key, type and name.
    pub id: Uuid,
    /// What kind of agent it is, such as LocalAgent; null: it polls, and that it registered is forgotten.
    #[graphql(name = "type")]
    pub kind: Option<String>,
    /// Its name; null: it gave none.
    pub name: Option<String>,
    /// When it was seen first; approximate.
    pub first_seen_at: Instant,
    /// When it polled last; null: it has not. Approximate.
    pub last_poll_at: Option<Instant>,
    /// How often it polled; approximate. 2147483647 stands for that many or more.
    pub polls: i32,
}

/// By which way a key was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, GraphQLEnum)]
#[graphql(name = "use_way", rename_all = "none")]
#[expect(non_camel_case_types, reason = "spelt as in the API")]
pub enum UseWayValue {
    /// The REST API.
    rest,
    /// The GraphQL API.
    graphql,
    /// Exchanged for a token, or shown as an OAuth client's secret.
    oauth,
    /// Shown to another service, which asked here what it is worth.
    shown,
    /// Signed in with to the web UI.
    ui,
}

impl Usage {
    /// How many entries its lists have.
    pub(super) fn within(&self) -> usize {
        self.callers.len() + self.agents.len()
    }
}

impl From<AgentView> for Agent {
    fn from(view: AgentView) -> Self {
        let AgentView { id, kind, name, first_seen, last_poll, polls } = view;
        Self {
            id: id.into(),
            kind,
            name,
            first_seen_at: Instant(first_seen),
            last_poll_at: last_poll.map(Instant),
            polls: i32::try_from(polls).unwrap_or(i32::MAX),
        }
    }
}

impl From<KeyUsage> for Usage {
    fn from(usage: KeyUsage) -> Self {
        let KeyUsage { tally: usage, agents } = usage;
        Self {
            first_used_at: Instant(usage.first),
            last_used_at: Instant(usage.last),
            count: i32::try_from(usage.count).unwrap_or(i32::MAX),
            callers: usage.callers.kinds().map(|kind| kind.as_str().to_owned()).collect(),
            last_way: match usage.last_way {
                UseWay::Rest => UseWayValue::rest,
                UseWay::GraphQl => UseWayValue::graphql,
                UseWay::OAuth => UseWayValue::oauth,
                UseWay::Shown => UseWayValue::shown,
                UseWay::Ui => UseWayValue::ui,
            },
            agents: agents.into_iter().map(Agent::from).collect(),
            approximate: true,
        }
    }
}
