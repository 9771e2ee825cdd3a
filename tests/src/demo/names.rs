//! The names in a story: each is given once, by the step that makes the thing, and used only afterwards.

use std::collections::BTreeMap;
use std::fmt;

use super::story::{Attempt, Step, Story};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tenant,
    Person,
    Account,
    Key,
    Agent,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tenant => "tenant",
            Self::Person => "person",
            Self::Account => "service account",
            Self::Key => "key",
            Self::Agent => "agent",
        })
    }
}

/// What is wrong with a story's names, and where.
pub fn check(story: &Story) -> Result<(), String> {
    let mut known = BTreeMap::new();
    for chapter in &story.chapters {
        for (place, step) in chapter.steps.iter().enumerate() {
            let wrong = |what| format!("chapter `{}`, step {}: {what}", chapter.title, place + 1);
            let (uses, makes) = names(step);
            uses.into_iter().try_for_each(|(kind, name)| used(&known, kind, name)).map_err(wrong)?;
            for (kind, name) in makes {
                if let Some(other) = known.insert(name, kind) {
                    return Err(wrong(format!("there is a {other} called `{name}` already")));
                }
            }
            if let Step::ExpectAccepted { agents, .. } | Step::ExpectRefused { agents, .. } = step
                && agents.is_empty()
            {
                return Err(wrong("it names no agent".to_owned()));
            }
        }
    }
    Ok(())
}

fn used(known: &BTreeMap<&str, Kind>, kind: Kind, name: &str) -> Result<(), String> {
    match known.get(name) {
        Some(found) if *found == kind => Ok(()),
        Some(found) => Err(format!("`{name}` is a {found}, not a {kind}")),
        None => Err(format!("no {kind} is called `{name}` yet")),
    }
}

type Named<'a> = Vec<(Kind, &'a str)>;

/// What a step uses, and what it makes.
fn names(step: &Step) -> (Named<'_>, Named<'_>) {
    use Kind::{Account, Agent, Key, Person, Tenant};
    match step {
        Step::Init { tenant, admin, email: _ } => (vec![], vec![(Tenant, tenant), (Person, admin)]),
        Step::CreateTenant { by, tenant, admin, email: _ } => {
            (vec![(Person, by)], vec![(Tenant, tenant), (Person, admin)])
        }
        Step::CreateAccount { by, account, tenant, role: _ } => {
            (vec![(Person, by), (Tenant, tenant)], vec![(Account, account)])
        }
        Step::CreateKey { by, key, account } => (vec![(Person, by), (Account, account)], vec![(Key, key)]),
        Step::StartAgent { agent, key } => (vec![(Key, key)], vec![(Agent, agent)]),
        Step::RevokeKey { by, key, reason: _ } => (vec![(Person, by), (Key, key)], vec![]),
        Step::RemoveAccount { by, account } => (vec![(Person, by), (Account, account)], vec![]),
        Step::ExpectWhoami { who, tenant, role: _ } => (vec![(Person, who), (Tenant, tenant)], vec![]),
        Step::ExpectAccepted { agents, polls: _ } | Step::ExpectRefused { agents, .. } => {
            (agents.iter().map(|agent| (Agent, agent.as_str())).collect(), vec![])
        }
        Step::ExpectNothingSeen { by, of } => (vec![(Person, by), (Tenant, of)], vec![]),
        Step::ExpectDenied { by, to, of, code: _ } => {
            let kind = match to {
                Attempt::ActIn | Attempt::ListAccounts | Attempt::CreateAccount => Tenant,
                Attempt::CreateKey | Attempt::RemoveAccount => Account,
                Attempt::RevokeKey => Key,
            };
            (vec![(Person, by), (kind, of)], vec![])
        }
        Step::KillDuringWrites { by, account, .. } => (vec![(Person, by), (Account, account)], vec![]),
        Step::Serve {}
        | Step::Stop {}
        | Step::Restart {}
        | Step::ExpectNothingLost {}
        | Step::ShowLog { .. }
        | Step::VerifyLog {} => (vec![], vec![]),
    }
}
