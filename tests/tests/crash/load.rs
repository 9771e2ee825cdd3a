//! Writers that are cut off in the middle, what each knows of what it asked for, and whether that held.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::Event;
use keyledger_tests::client::{Answer, Client, Unreachable};
use keyledger_tests::server::{Initialised, events_of};
use serde_json::{Value, json};

/// How many clients write at once.
pub const WRITERS: usize = 4;

/// A key that a writer asked for, and what it knows of it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The key's name, and its attempt's.
    name: String,
    way: Way,
    /// The service account that it is for, if there is to be one and its creation was acknowledged.
    account: Option<String>,
    /// Its id and secret, if the creation was acknowledged.
    pub made: Option<(String, String)>,
    pub end: End,
}

/// Whose key it is to be, and how it is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The administrator's own, and it stays.
    Stays,
    /// The administrator's own, and it is revoked.
    Revoked,
    /// A service account's, which is suspended.
    Suspended,
    /// A service account's, which is removed.
    Removed,
}

/// What a writer knows of the end of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    NotAsked,
    /// No answer came.
    Unknown,
    Acknowledged,
}

impl Way {
    fn of(number: usize) -> Self {
        [Self::Removed, Self::Stays, Self::Revoked, Self::Suspended, Self::Stays][number % 5]
    }

    fn needs_account(self) -> bool {
        matches!(self, Self::Suspended | Self::Removed)
    }
}

impl Asked {
    /// With what code the key is refused once its end was acknowledged.
    pub fn refusal(&self) -> &'static str {
        match self.way {
            Way::Stays | Way::Revoked => "KEY_REVOKED",
            Way::Suspended => "OWNER_SUSPENDED",
            Way::Removed => "OWNER_REMOVED",
        }
    }

    fn account_attempt(&self) -> String {
        format!("{}-account", self.name)
    }

    fn ask_for_account(&self, client: &Client, admin: &Initialised) -> Result<String, Unreachable> {
        let input = json!({
            "tenant_id": admin.tenant_id, "name": self.name, "role": "runner",
            "idempotency_key": self.account_attempt()
        });
        let made = ask(client, "create_service_account", "create_service_account_input", &input, "id")?;
        Ok(text(&made, "id"))
    }

    /// The input by which the key is made.
    pub fn creation(&self, admin: &Initialised) -> Value {
        let owner = self.account.as_ref().unwrap_or(&admin.user_id);
        json!({"user_id": owner, "name": self.name, "expires_at": null, "idempotency_key": self.name})
    }

    fn ask_for_key(&self, client: &Client, admin: &Initialised) -> Result<Value, Unreachable> {
        ask(client, "create_api_key", "create_api_key_input", &self.creation(admin), "id key")
    }

    fn ask_for_end(&self, client: &Client, key: &str) -> Result<(), Unreachable> {
        let attempt = format!("{}-ended", self.name);
        let (name, input_type, mut input) = match self.way {
            Way::Stays | Way::Revoked => {
                ("delete_api_key", "delete_api_key_input", json!({"key_id": key, "reason": "superseded"}))
            }
            Way::Suspended => (
                "suspend_service_account",
                "service_account_id_input",
                json!({"service_account_id": self.account}),
            ),
            Way::Removed => (
                "delete_service_account",
                "delete_service_account_input",
                json!({"service_account_id": self.account}),
            ),
        };
        input["idempotency_key"] = attempt.into();
        let done = ask(client, name, input_type, &input, "success")?;
        assert_eq!(done["success"], true, "{}", self.name);
        Ok(())
    }
}

/// A mutation, of a server that may be gone before it answers. One that answers must do what it is asked.
fn ask(
    client: &Client,
    name: &str,
    input_type: &str,
    input: &Value,
    selection: &str,
) -> Result<Value, Unreachable> {
    let query = format!("mutation($input: {input_type}!) {{ {name}(input: $input) {{ {selection} }} }}");
    let answer = client.try_graphql(&query, &json!({"input": input}))?;
    let done = answer.json()["data"][name].clone();
    assert!(!done.is_null(), "{name} {input}: {}", answer.text);
    Ok(done)
}

fn text(made: &Value, field: &str) -> String {
    made[field].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

/// Makes keys and ends most of them, until the server is gone. What is acknowledged acts at the next request.
pub fn write_until_the_end(
    url: &str,
    admin: &Initialised,
    round: usize,
    writer: usize,
    acks: &AtomicUsize,
) -> Vec<Asked> {
    let client = Client::holding(url, &admin.key);
    let mut asked = vec![];
    for number in 0.. {
        let name = format!("round-{round}-writer-{writer}-key-{number}");
        let way = Way::of(round + writer + number);
        asked.push(Asked { name, way, account: None, made: None, end: End::NotAsked });
        let key = asked.last_mut().expect("one was pushed");
        if write(key, url, &client, admin, acks).is_err() {
            break;
        }
    }
    asked
}

fn write(
    key: &mut Asked,
    url: &str,
    client: &Client,
    admin: &Initialised,
    acks: &AtomicUsize,
) -> Result<(), Unreachable> {
    if key.way.needs_account() {
        key.account = Some(key.ask_for_account(client, admin)?);
    }
    let made = key.ask_for_key(client, admin)?;
    let (id, secret) = (text(&made, "id"), text(&made, "key"));
    key.made = Some((id.clone(), secret.clone()));
    acks.fetch_add(1, Ordering::Relaxed);
    let holder = Client::holding(url, &secret);
    let answer = holder.try_get("/v1/whoami")?;
    assert_eq!(answer.status, 200, "just acknowledged: {}", answer.text);
    if key.way == Way::Stays {
        return Ok(());
    }
    key.end = End::Unknown;
    key.ask_for_end(client, &id)?;
    key.end = End::Acknowledged;
    let answer = holder.try_get("/v1/whoami")?;
    assert_eq!(answer.code().as_deref(), Some(key.refusal()), "just ended: {}", answer.text);
    Ok(())
}

/// Shows keys of before, the living and the dead, until the server is gone. How often that was.
pub fn read_until_the_end(url: &str, known: &[Asked]) -> usize {
    let mut read = 0;
    for key in known.iter().rev().cycle() {
        let Some((_, secret)) = &key.made else { continue };
        let Ok(answer) = Client::holding(url, secret).try_get("/v1/whoami") else { break };
        check(key, &answer);
        read += 1;
    }
    read
}

/// Until so many creations were acknowledged.
pub fn wait_for_load(acks: &AtomicUsize, wanted: usize) {
    let since = Instant::now();
    while acks.load(Ordering::Relaxed) < wanted {
        assert!(since.elapsed() < Duration::from_secs(60), "no load came about");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// `GET /v1/whoami` of every key that is known: as acknowledged, whatever came after.
pub fn check_what_was_acknowledged(url: &str, asked: &[Asked]) {
    for key in asked {
        let Some((_, secret)) = &key.made else { continue };
        check(key, &Client::holding(url, secret).whoami());
    }
}

fn check(key: &Asked, answer: &Answer) {
    let id = key.made.as_ref().map(|(id, _)| id.as_str());
    match key.end {
        End::NotAsked => {
            assert_eq!(answer.status, 200, "{} is lost: {}", key.name, answer.text);
            assert_eq!(answer.json()["key_id"].as_str(), id);
        }
        End::Acknowledged => {
            assert_eq!(answer.code().as_deref(), Some(key.refusal()), "{}: {}", key.name, answer.text);
        }
        End::Unknown => {
            let known = answer.status == 200 || answer.code().as_deref() == Some(key.refusal());
            assert!(known, "{}: {}", key.name, answer.text);
        }
    }
}

/// Whoever got no answer asks again, with the same idempotency key.
pub fn ask_again(url: &str, admin: &Initialised, asked: &mut [Asked]) {
    let client = Client::holding(url, &admin.key);
    let answers = "the server answers";
    for key in asked {
        if key.way.needs_account() && key.account.is_none() {
            key.account = Some(key.ask_for_account(&client, admin).expect(answers));
        }
        let id = match &key.made {
            Some((id, _)) => id.clone(),
            None => {
                let made = key.ask_for_key(&client, admin).expect(answers);
                let id = text(&made, "id");
                // A secret is shown once: if it was made before, nobody has it now.
                if let Some(secret) = made["key"].as_str() {
                    key.made = Some((id.clone(), secret.to_owned()));
                }
                id
            }
        };
        if key.end == End::Unknown {
            key.ask_for_end(&client, &id).expect(answers);
            key.end = End::Acknowledged;
        }
    }
}

/// By the log: every attempt made one key and at most one account, every end that was asked for is one event.
pub fn check_that_each_happened_once(data: &Path, asked: &[Asked]) {
    let mut made = BTreeMap::<String, Vec<String>>::new();
    let mut accounts = BTreeMap::<String, Vec<String>>::new();
    let mut ended = BTreeMap::<String, usize>::new();
    for recorded in events_of(data) {
        let attempt = recorded.metadata.idempotency.map(|attempt| attempt.key.as_str().to_owned());
        match (recorded.event, attempt) {
            (Event::KeyCreated(key), Some(attempt)) => {
                made.entry(attempt).or_default().push(key.key.to_string());
            }
            (Event::ServiceAccountCreated { service_account, .. }, Some(attempt)) => {
                accounts.entry(attempt).or_default().push(service_account.to_string());
            }
            (Event::KeyRevoked { key, .. }, _) => *ended.entry(key.to_string()).or_default() += 1,
            (
                Event::ServiceAccountSuspended { service_account, .. }
                | Event::ServiceAccountRemoved { service_account, .. },
                _,
            ) => *ended.entry(service_account.to_string()).or_default() += 1,
            _ => {}
        }
    }
    let attempts: BTreeSet<_> = asked.iter().map(|key| key.name.clone()).collect();
    assert_eq!(made.keys().cloned().collect::<BTreeSet<_>>(), attempts);
    for key in asked {
        let ids = &made[&key.name];
        assert_eq!(ids.len(), 1, "{} was made more than once: {ids:?}", key.name);
        if let Some((id, _)) = &key.made {
            assert_eq!(id, &ids[0]);
        }
        let known: Vec<_> = key.account.iter().cloned().collect();
        assert_eq!(accounts.get(&key.account_attempt()).cloned().unwrap_or_default(), known, "{}", key.name);
        let wanted = usize::from(key.end != End::NotAsked);
        let subject = key.account.as_ref().unwrap_or(&ids[0]);
        assert_eq!(ended.get(subject).copied().unwrap_or(0), wanted, "ends of {}", key.name);
    }
}
