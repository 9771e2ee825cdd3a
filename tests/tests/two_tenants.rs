//! Two tenants on one server, with their people and keys: what one of them may never see of the other.

use std::path::{Path, PathBuf};

use keyledger_tests::client::Client;
use keyledger_tests::server::{Initialised, Server, init};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A key with its id.
#[derive(Clone)]
pub struct Shown {
    pub id: String,
    pub secret: String,
}

/// Acme, with an operator, a member and an agent; and Globex, with an administrator.
pub struct TwoTenants {
    pub server: Server,
    /// Administrator of Acme, and operator.
    pub ada: Initialised,
    /// Member of Acme.
    pub bob: Shown,
    pub bob_id: String,
    /// A service account of Acme, administrator there.
    pub account_id: String,
    pub agent: Shown,
    pub globex_id: String,
    /// Administrator of Globex.
    pub eve: Shown,
    pub data: PathBuf,
    _scratch: TempDir,
}

impl TwoTenants {
    pub fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("data");
        let ada = init(&data, "acme", "ada@example.com");
        let server = Server::start(&data);
        let client = Client::holding(server.url(), &ada.key);
        let input = json!({"email": "bob@example.com", "role": "member", "first_key": true});
        let added = client.mutate("add_member", &input, "user_id key").unwrap();
        let account = client.mutate("create_service_account", &json!({"name": "etl"}), "id").unwrap();
        let account_id = text(&account["id"]);
        let agent = key_for(&client, &account_id, "etl-key");
        let input = json!({"slug": "globex", "administrator_email": "eve@example.com"});
        let made = client.mutate("create_tenant", &input, "id key").unwrap();
        let held = |secret: String| {
            let id = text(&Client::holding(server.url(), &secret).whoami().json()["key_id"]);
            Shown { id, secret }
        };
        let (bob, eve) = (held(text(&added["key"])), held(text(&made["key"])));
        let (bob_id, globex_id) = (text(&added["user_id"]), text(&made["id"]));
        Self { server, ada, bob, bob_id, account_id, agent, globex_id, eve, data, _scratch: scratch }
    }

    pub fn holding(&self, credential: &str) -> Client {
        Client::holding(self.server.url(), credential)
    }

    pub fn ada(&self) -> Client {
        self.holding(&self.ada.key)
    }

    pub fn bob(&self) -> Client {
        self.holding(&self.bob.secret)
    }

    pub fn agent(&self) -> Client {
        self.holding(&self.agent.secret)
    }

    pub fn eve(&self) -> Client {
        self.holding(&self.eve.secret)
    }

    /// The same after a stop, or after a crash.
    pub fn restarted(self, end: fn(Server)) -> Self {
        end(self.server);
        Self { server: Server::start(&self.data), ..self }
    }

    /// The same after a stop during which something befell the data folder.
    pub fn restarted_with(self, befall: impl FnOnce(&Path)) -> Self {
        assert_eq!(self.server.stop(), Some(0));
        befall(&self.data);
        Self { server: Server::start(&self.data), ..self }
    }

    pub fn position(&self) -> u64 {
        let ready = Client::anonymous(self.server.url()).get("/readyz").json();
        ready["position"].as_str().unwrap().parse().unwrap()
    }
}

/// A new key of this owner.
pub fn key_for(client: &Client, owner: &str, name: &str) -> Shown {
    let made = client.mutate("create_api_key", &json!({"user_id": owner, "name": name}), "id key").unwrap();
    Shown { id: text(&made["id"]), secret: text(&made["key"]) }
}

/// The nodes of a connection's page.
pub fn nodes(page: &Value) -> Vec<Value> {
    page["edges"].as_array().unwrap().iter().map(|edge| edge["node"].clone()).collect()
}

/// The nodes of `FIELD(ARGUMENTS) { edges { node { SELECTION } } }`, or the code of the refusal.
pub fn listed(client: &Client, field: &str, arguments: &str, selection: &str) -> Result<Vec<Value>, String> {
    let arguments = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
    let document = format!("{{ {field}{arguments} {{ edges {{ node {{ {selection} }} }} }} }}");
    client.query(field, &document).map(|page| nodes(&page))
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
