//! An event as JSON for programs: complete, with whole ids, positions as strings and texts beside what they were sealed as.
//!
//! The fields of `payload` have the names that `domain::event` gives them. A sealed text is an object with
//! its `subject`, its `ciphertext`, the `digest` of a name, and its `text`, which is null when the
//! subject's key is not to be had. `scopes` is null when a key is not narrowed.

use domain::Recorded;
use domain::actor::ActorId;
use domain::event::{Event, KeyCreated, TenantPolicy, TokenTarget};
use domain::key::{DigestScheme, KeyDigest, Owner, Reach};
use domain::network::{AllowedAddresses, Network};
use domain::role::Scopes;
use domain::sealed::{Sealed, SealedName, Subject};
use serde::Serialize;
use serde_json::{Value, json};
use store::scan::Scanned;

use crate::names::Names;
use crate::print::{harmless_json, hex, instant};
use crate::summary::retirement;

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
    harmless_json(&serde_json::to_string(&json).expect("texts and numbers can always be written"))
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
    let sealed = |text: &Sealed| sealed(text, names);
    let name = |name: &SealedName| sealed_name(name, names);
    match event {
        Event::TenantCreated { tenant, slug, name: full, policy } => json!({
            "tenant": tenant.to_string(), "slug": name(slug), "name": name(full), "policy": rules(policy),
        }),
        Event::TenantRenamed { tenant, name: full } => {
            json!({ "tenant": tenant.to_string(), "name": name(full) })
        }
        Event::TenantPolicyChanged { tenant, policy } => {
            json!({ "tenant": tenant.to_string(), "policy": rules(policy) })
        }
        Event::TenantSuspended { tenant }
        | Event::TenantResumed { tenant }
        | Event::TenantRemoved { tenant } => {
            json!({ "tenant": tenant.to_string() })
        }

        Event::UserCreated { user, email, name: own } => json!({
            "user": user.to_string(), "email": name(email), "name": own.as_ref().map(sealed),
        }),
        Event::UserSuspended { user }
        | Event::UserResumed { user }
        | Event::UserRemoved { user }
        | Event::OperatorGranted { user }
        | Event::OperatorWithdrawn { user } => json!({ "user": user.to_string() }),

        Event::MemberAdded { tenant, user, role } | Event::MemberRoleChanged { tenant, user, role } => {
            json!({
                "tenant": tenant.to_string(), "user": user.to_string(), "role": role.as_str(),
            })
        }
        Event::MemberRemoved { tenant, user } => {
            json!({ "tenant": tenant.to_string(), "user": user.to_string() })
        }

        Event::ServiceAccountCreated { service_account, tenant, name: own, role } => json!({
            "service_account": service_account.to_string(), "tenant": tenant.to_string(),
            "name": name(own), "role": role.as_str(),
        }),
        Event::ServiceAccountRenamed { service_account, name: own } => {
            json!({ "service_account": service_account.to_string(), "name": name(own) })
        }
        Event::ServiceAccountRoleChanged { service_account, role } => {
            json!({ "service_account": service_account.to_string(), "role": role.as_str() })
        }
        Event::ServiceAccountSuspended { service_account }
        | Event::ServiceAccountResumed { service_account }
        | Event::ServiceAccountRemoved { service_account } => {
            json!({ "service_account": service_account.to_string() })
        }

        Event::KeyCreated(created) => key_created(created, names),
        Event::KeyRenamed { key, name: own } => json!({ "key": key.to_string(), "name": name(own) }),
        Event::KeyExpiryChanged { key, expires_at } => {
            json!({ "key": key.to_string(), "expires_at": expires_at.map(instant) })
        }
        Event::KeyDisabled { key } | Event::KeyEnabled { key } => json!({ "key": key.to_string() }),
        Event::KeyRevoked { key, reason, note } => json!({
            "key": key.to_string(), "reason": reason.as_str(), "note": note.as_ref().map(sealed),
        }),
        Event::KeyRotated { key, successor, grace_ends_at } => json!({
            "key": key.to_string(), "successor": successor.to_string(), "grace_ends_at": instant(*grace_ends_at),
        }),

        Event::KeyAddressesChanged { key, addresses } => {
            json!({ "key": key.to_string(), "addresses": networks(addresses) })
        }
        Event::KeyRateChanged { key, rate } => {
            let rate = rate
                .map(|rate| json!({ "requests": rate.requests(), "period_seconds": rate.period_seconds() }));
            json!({ "key": key.to_string(), "rate": rate })
        }

        Event::SigningKeyAdded { signing_key, public_key, active_from } => json!({
            "signing_key": signing_key.to_string(), "public_key": hex(&public_key.0),
            "active_from": instant(*active_from),
        }),
        Event::SigningKeyRetired { signing_key, reason } => {
            json!({ "signing_key": signing_key.to_string(), "reason": retirement(*reason) })
        }
        Event::TokensRevoked { target } => json!({ "target": tokens(target) }),
        Event::RollbackAccepted { guard_position, guard_hash } => {
            json!({ "guard_position": guard_position.to_string(), "guard_hash": hex(guard_hash) })
        }
    }
}

fn key_created(created: &KeyCreated, names: &Names) -> Value {
    let KeyCreated { key, owner, reach, name, digest, prefix, last_four, scopes, expires_at } = created;
    let reach = match reach {
        Reach::Tenant(tenant) => json!({ "kind": "tenant", "tenant": tenant.to_string() }),
        Reach::AnyTenant { home } => json!({ "kind": "any_tenant", "home": home.to_string() }),
    };
    let scopes = match scopes {
        Scopes::All => None,
        Scopes::Only(list) => Some(list.as_slice().iter().map(|scope| scope.as_str()).collect::<Vec<_>>()),
    };
    json!({
        "key": key.to_string(), "owner": owned_by(*owner), "reach": reach, "name": sealed_name(name, names),
        "digest": key_digest(digest), "prefix": prefix.as_str(), "last_four": last_four.as_str(),
        "scopes": scopes, "expires_at": expires_at.map(instant),
    })
}

/// Null: accepted from everywhere.
fn networks(addresses: &AllowedAddresses) -> Value {
    match addresses {
        AllowedAddresses::Any => Value::Null,
        AllowedAddresses::Only(list) => list.as_slice().iter().map(Network::to_string).collect(),
    }
}

fn key_digest(digest: &KeyDigest) -> Value {
    let (scheme, pepper) = match digest.scheme {
        DigestScheme::KeyedBlake3(pepper) => ("keyed_blake3", Some(pepper.to_string())),
        DigestScheme::Sha256 => ("sha256", None),
    };
    json!({ "scheme": scheme, "pepper": pepper, "bytes": hex(&digest.bytes) })
}

fn tokens(target: &TokenTarget) -> Value {
    match target {
        TokenTarget::Token { token, key } => {
            json!({ "kind": "token", "token": token.to_string(), "key": key.to_string() })
        }
        TokenTarget::Key(key) => json!({ "kind": "key", "key": key.to_string() }),
        TokenTarget::Owner(owner) => json!({ "kind": "owner", "owner": owned_by(*owner) }),
        TokenTarget::Tenant(tenant) => json!({ "kind": "tenant", "tenant": tenant.to_string() }),
        TokenTarget::SigningKey(id) => json!({ "kind": "signing_key", "signing_key": id.to_string() }),
        TokenTarget::All => json!({ "kind": "all" }),
    }
}

fn rules(policy: &TenantPolicy) -> Value {
    let TenantPolicy { key_life_seconds_max, key_life_seconds_default } = policy;
    json!({
        "key_life_seconds_max": key_life_seconds_max, "key_life_seconds_default": key_life_seconds_default,
    })
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

fn owned_by(owner: Owner) -> Value {
    let (kind, id) = kind_and_id(owner);
    json!({ "kind": kind, "id": id })
}

fn kind_and_id(owner: Owner) -> (&'static str, String) {
    match owner {
        Owner::User(user) => ("user", user.to_string()),
        Owner::ServiceAccount(account) => ("service_account", account.to_string()),
    }
}
