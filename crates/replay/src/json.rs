//! An event as JSON for programs: complete, with whole ids, positions as strings and texts beside what they were sealed as.
//!
//! The fields of `payload` have the names that `domain::event` gives them. A sealed text is an object with
//! its `subject`, its `ciphertext`, the `digest` of a name, and its `text`, which is null when the
//! subject's key is not to be had. `scopes` is null when a key is not narrowed.

use domain::Recorded;
use domain::actor::ActorId;
use domain::facts::{self, Fact, facts_of};
use domain::ids::{RequestId, TEXT_BYTES};
use domain::key::{DigestScheme, KeyDigest, Owner};
use domain::rejection::Entity;
use domain::sealed::{Sealed, SealedName, Subject};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use store::scan::Scanned;

use crate::names::Names;
use crate::print::{harmless_json, hex, instant};

/// How long most lines are at most.
const LINE_BYTES: usize = 1_024;

/// One event.
#[derive(serde::Serialize)]
struct EventJson<'a> {
    position: String,
    recorded_at: String,
    event: &'static str,
    payload: Group<'a>,
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
#[derive(serde::Serialize)]
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
    let facts = facts_of(event);
    let json = EventJson {
        position: position.to_string(),
        recorded_at: instant(*recorded_at),
        event: event.name(),
        payload: Group(&facts, names),
        actor: actor(&metadata.actor),
        way: metadata.way.as_str(),
        request_id: metadata.request.to_string(),
        idempotency_key: idempotency.map(|used| used.key.as_str()),
        idempotency_command: idempotency.map(|used| hex(&used.command)),
        cause: metadata.cause.map(|cause| cause.to_string()),
        hash: scanned.hash.to_string(),
    };
    line(&json)
}

/// As JSON on one line, with nothing in it that deceives.
pub(crate) fn line(json: &impl Serialize) -> String {
    let mut bytes = Vec::with_capacity(LINE_BYTES);
    serde_json::to_writer(&mut bytes, json).expect("texts and numbers can always be written");
    harmless_json(String::from_utf8(bytes).expect("JSON is text"))
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

/// Facts as an object, its members in the order of their names.
pub(crate) struct Group<'a>(pub(crate) &'a [Fact<'a>], pub(crate) &'a Names);

/// What a fact says.
pub(crate) struct Told<'a>(pub(crate) &'a facts::Value<'a>, pub(crate) &'a Names);

/// A sealed text beside what it was sealed as; of a name, its digest, too.
struct SealedJson<'a> {
    text: &'a Sealed,
    digest: Option<&'a [u8]>,
    names: &'a Names,
}

/// Whose text it is.
#[derive(serde::Serialize)]
struct SubjectJson {
    id: String,
    kind: &'static str,
}

/// What recognises a key's secret.
#[derive(serde::Serialize)]
struct DigestJson {
    bytes: String,
    pepper: Option<String>,
    scheme: &'static str,
}

// Written as they are met: a listing has millions of them, and to build each first would cost more than all the rest.
impl Serialize for Group<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(facts, names) = self;
        let mut ordered: Vec<_> = facts.iter().collect();
        ordered.sort_unstable_by_key(|fact| fact.name);
        serializer.collect_map(ordered.into_iter().map(|fact| (fact.name, Told(&fact.value, names))))
    }
}

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(value, names) = self;
        match value {
            facts::Value::Nothing => serializer.serialize_unit(),
            facts::Value::Thing(entity) => {
                serializer.serialize_str(id_of(*entity).text(&mut [0; TEXT_BYTES]))
            }
            facts::Value::Token(token) => serializer.serialize_str(token.text(&mut [0; TEXT_BYTES])),
            facts::Value::Word(word) => serializer.serialize_str(word),
            facts::Value::Flag(flag) => serializer.serialize_bool(*flag),
            facts::Value::Words(words) => serializer.collect_seq(words),
            facts::Value::Text(_, text) => SealedJson { text, digest: None, names }.serialize(serializer),
            facts::Value::Name(_, SealedName { text, digest }) => {
                SealedJson { text, digest: Some(&digest.0), names }.serialize(serializer)
            }
            facts::Value::At(at) => serializer.serialize_str(&instant(*at)),
            facts::Value::Seconds(number) | facts::Value::Number(number) => serializer.serialize_u64(*number),
            facts::Value::Position(position) => serializer.serialize_str(&position.to_string()),
            facts::Value::Bytes(bytes) => serializer.serialize_str(&hex(bytes)),
            facts::Value::Digest(digest) => key_digest(digest).serialize(serializer),
            facts::Value::Group(facts) => Group(facts, names).serialize(serializer),
        }
    }
}

impl Serialize for SealedJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("ciphertext", &hex(&self.text.ciphertext))?;
        if let Some(digest) = self.digest {
            members.serialize_entry("digest", &hex(digest))?;
        }
        members.serialize_entry("subject", &subject(self.text.subject))?;
        members.serialize_entry("text", &self.names.open(self.text))?;
        members.end()
    }
}

fn key_digest(digest: &KeyDigest) -> DigestJson {
    let (scheme, pepper) = match digest.scheme {
        DigestScheme::KeyedBlake3(pepper) => ("keyed_blake3", Some(id(pepper.bytes()))),
        DigestScheme::Sha256 => ("sha256", None),
    };
    DigestJson { bytes: hex(&digest.bytes), pepper, scheme }
}

fn subject(subject: Subject) -> SubjectJson {
    let (kind, bytes) = match subject {
        Subject::Tenant(id) => ("tenant", id.bytes()),
        Subject::User(id) => ("user", id.bytes()),
        Subject::ServiceAccount(id) => ("service_account", id.bytes()),
    };
    SubjectJson { id: id(bytes), kind }
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

/// The id of whatever kind of thing; only its text is wanted.
pub(crate) fn id_of(entity: Entity) -> RequestId {
    RequestId::from_bytes(entity.id())
}
