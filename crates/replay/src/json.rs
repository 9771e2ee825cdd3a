//! An event as JSON for programs: complete, with whole ids, positions as strings and texts beside what they were sealed as.
//!
//! The fields of `payload` have the names that `domain::event` gives them. A sealed text is an object with
//! its `subject`, its `ciphertext`, the `digest` of a name, and its `text`, which is null when the
//! subject's key is not to be had. `scopes` is null when a key is not narrowed.

use domain::Recorded;
use domain::actor::ActorId;
use domain::event::Event;
use domain::facts::{self, Fact, facts_of};
use domain::ids::RequestId;
use domain::key::{DigestScheme, KeyDigest, Owner};
use domain::sealed::{Sealed, SealedName, Subject};
use serde::Serialize;
use serde_json::{Value, json};
use store::scan::Scanned;

use crate::names::Names;
use crate::print::{harmless_json, hex, instant};

/// One event.
#[derive(Serialize)]
struct EventJson<'a> {
    position: String,
    recorded_at: String,
    event: &'static str,
    payload: Value,
    actor: ActorJson,
    way: &'static str,
    request_id: String,
    idempotency_key: Option<&'a str>,
    /// The digest of the command that the idempotency key stood for.
    idempotency_command: Option<String>,
    cause: Option<String>,
    hash: String,
}

/// Who acted. The id is a user's or a service account's.
#[derive(Serialize)]
struct ActorJson {
    kind: &'static str,
    id: Option<String>,
    key: Option<String>,
    token: Option<String>,
}

/// The event as one JSON object on one line.
pub fn event(scanned: &Scanned, names: &Names) -> String {
    let Recorded { position, recorded_at, metadata, event } = &scanned.recorded;
    let idempotency = metadata.idempotency.as_ref();
    let json = EventJson {
        position: position.to_string(),
        recorded_at: instant(*recorded_at),
        event: event.name(),
        payload: payload(event, names),
        actor: actor(&metadata.actor),
        way: metadata.way.as_str(),
        request_id: metadata.request.to_string(),
        idempotency_key: idempotency.map(|used| used.key.as_str()),
        idempotency_command: idempotency.map(|used| hex(&used.command)),
        cause: metadata.cause.map(|cause| cause.to_string()),
        hash: scanned.hash.to_string(),
    };
    harmless_json(serde_json::to_string(&json).expect("texts and numbers can always be written"))
}

fn actor(actor: &ActorId) -> ActorJson {
    match actor {
        ActorId::Console => ActorJson { kind: "console", id: None, key: None, token: None },
        ActorId::Server => ActorJson { kind: "server", id: None, key: None, token: None },
        ActorId::Holder { identity, key, token } => {
            let (kind, id) = kind_and_id(*identity);
            let (key, token) = (Some(key.to_string()), token.map(|token| token.to_string()));
            ActorJson { kind, id: Some(id), key, token }
        }
    }
}

fn payload(event: &Event, names: &Names) -> Value {
    group(facts_of(event), names)
}

pub(crate) fn group(facts: Vec<Fact<'_>>, names: &Names) -> Value {
    facts.into_iter().map(|fact| (fact.name.to_owned(), value(fact.value, names))).collect()
}

pub(crate) fn value(value: facts::Value<'_>, names: &Names) -> Value {
    match value {
        facts::Value::Nothing => Value::Null,
        facts::Value::Thing(entity) => id(entity.id()).into(),
        facts::Value::Token(token) => token.to_string().into(),
        facts::Value::Word(word) => word.into(),
        facts::Value::Flag(flag) => flag.into(),
        facts::Value::Words(words) => words.into(),
        facts::Value::Text(_, text) => sealed(text, names),
        facts::Value::Name(_, name) => sealed_name(name, names),
        facts::Value::At(at) => instant(at).into(),
        facts::Value::Seconds(number) | facts::Value::Number(number) => number.into(),
        facts::Value::Position(position) => position.to_string().into(),
        facts::Value::Bytes(bytes) => hex(bytes).into(),
        facts::Value::Digest(digest) => key_digest(digest),
        facts::Value::Group(facts) => group(facts, names),
    }
}

fn key_digest(digest: &KeyDigest) -> Value {
    let (scheme, pepper) = match digest.scheme {
        DigestScheme::KeyedBlake3(pepper) => ("keyed_blake3", Some(pepper.to_string())),
        DigestScheme::Sha256 => ("sha256", None),
    };
    json!({ "scheme": scheme, "pepper": pepper, "bytes": hex(&digest.bytes) })
}

fn sealed_name(name: &SealedName, names: &Names) -> Value {
    let mut json = sealed(&name.text, names);
    json["digest"] = hex(&name.digest.0).into();
    json
}

fn sealed(text: &Sealed, names: &Names) -> Value {
    let (kind, id) = match text.subject {
        Subject::Tenant(id) => ("tenant", id.to_string()),
        Subject::User(id) => ("user", id.to_string()),
        Subject::ServiceAccount(id) => ("service_account", id.to_string()),
    };
    json!({
        "text": names.open(text), "subject": { "kind": kind, "id": id }, "ciphertext": hex(&text.ciphertext),
    })
}

fn kind_and_id(owner: Owner) -> (&'static str, String) {
    match owner {
        Owner::User(user) => ("user", user.to_string()),
        Owner::ServiceAccount(account) => ("service_account", account.to_string()),
    }
}

pub(crate) fn id(bytes: [u8; 16]) -> String {
    RequestId::from_bytes(bytes).to_string()
}
