//! What the story made so far, under the names that it gave.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::crash::Burst;
use super::watched::Watched;
use crate::client::{Answer, Client, Unreachable};
use crate::server::Server;

/// Everything there is.
pub struct Stage {
    /// The data folder.
    pub data: PathBuf,
    /// The program that is an agent when told so.
    pub program: PathBuf,
    /// Dropped before the agents: they survive that, it is what they are for.
    pub server: Option<Server>,
    /// Where every server of the story listens, once one did.
    pub listen: Option<String>,
    pub tenants: BTreeMap<String, Tenant>,
    pub people: BTreeMap<String, Person>,
    pub accounts: BTreeMap<String, Account>,
    pub keys: BTreeMap<String, Key>,
    pub agents: BTreeMap<String, Watched>,
    /// What writers did before the server was killed.
    pub burst: Option<Burst>,
}

pub struct Tenant {
    pub id: String,
    pub slug: String,
    /// Its first administrator, as the story calls them.
    pub admin: String,
}

pub struct Person {
    pub id: String,
    pub email: String,
    pub tenant: String,
    pub secret: String,
}

pub struct Account {
    pub id: String,
    pub tenant: String,
}

pub struct Key {
    pub id: String,
    pub secret: String,
    pub account: String,
    /// When its removal was acknowledged, in microseconds since 1970.
    pub removed_us: Option<u64>,
}

/// Why a step could not be carried out. The story ends there.
#[derive(Debug)]
pub struct Broken(pub String);

/// Something is missing that a step before should have made.
fn missing(what: &str, name: &str) -> Broken {
    Broken(format!("the {what} `{name}` was not made"))
}

impl Stage {
    pub fn new(data: PathBuf, program: PathBuf) -> Self {
        Self {
            data,
            program,
            server: None,
            listen: None,
            tenants: BTreeMap::new(),
            people: BTreeMap::new(),
            accounts: BTreeMap::new(),
            keys: BTreeMap::new(),
            agents: BTreeMap::new(),
            burst: None,
        }
    }

    pub fn url(&self) -> Result<&str, Broken> {
        self.server.as_ref().map(Server::url).ok_or_else(|| Broken("no server runs".to_owned()))
    }

    pub fn tenant(&self, name: &str) -> Result<&Tenant, Broken> {
        self.tenants.get(name).ok_or_else(|| missing("tenant", name))
    }

    pub fn person(&self, name: &str) -> Result<&Person, Broken> {
        self.people.get(name).ok_or_else(|| missing("person", name))
    }

    pub fn account(&self, name: &str) -> Result<&Account, Broken> {
        self.accounts.get(name).ok_or_else(|| missing("service account", name))
    }

    pub fn key(&self, name: &str) -> Result<&Key, Broken> {
        self.keys.get(name).ok_or_else(|| missing("key", name))
    }

    pub fn agent(&self, name: &str) -> Result<&Watched, Broken> {
        self.agents.get(name).ok_or_else(|| missing("agent", name))
    }

    /// A client that holds a person's key.
    pub fn client(&self, person: &str) -> Result<Client, Broken> {
        Ok(Client::holding(self.url()?, &self.person(person)?.secret))
    }

    /// A client that holds any credential.
    pub fn holder(&self, credential: &str) -> Result<Client, Broken> {
        Ok(Client::holding(self.url()?, credential))
    }

    /// A mutation by a person; its payload, or the code with which it was refused.
    pub fn attempt(
        &self,
        by: &str,
        mutation: &str,
        input: &Value,
        selection: &str,
    ) -> Result<Result<Value, String>, Broken> {
        let query =
            format!("mutation($input: {mutation}_input!) {{ {mutation}(input: $input) {{ {selection} }} }}");
        let answer = self.client(by)?.try_graphql(&query, &json!({"input": input}))?;
        payload(mutation, &answer)
    }

    /// A mutation by a person, who must be allowed to do that.
    pub fn mutate(&self, by: &str, mutation: &str, input: &Value, selection: &str) -> Result<Value, Broken> {
        let refused = |code| Broken(format!("{mutation} by `{by}` was refused: {code}"));
        self.attempt(by, mutation, input, selection)?.map_err(refused)
    }
}

/// The payload of a field, or the code of the refusal.
pub fn payload(field: &str, answer: &Answer) -> Result<Result<Value, String>, Broken> {
    match answer.code() {
        Some(code) => Ok(Err(code)),
        None if answer.status == 200 && !answer.json()["data"][field].is_null() => {
            Ok(Ok(answer.json()["data"][field].clone()))
        }
        None => Err(Broken(format!("{field}: HTTP {}: {}", answer.status, answer.text))),
    }
}

/// A text of a payload.
pub fn text(payload: &Value, field: &str) -> Result<String, Broken> {
    let text = payload[field].as_str().map(str::to_owned);
    text.ok_or_else(|| Broken(format!("an answer has no `{field}`")))
}

impl From<Unreachable> for Broken {
    fn from(error: Unreachable) -> Self {
        Self(format!("the server does not answer: {}", error.0))
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
