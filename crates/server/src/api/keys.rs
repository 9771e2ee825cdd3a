//! `/api/users/{user}/api_keys`: the keys of a user, or of a service account, which is named in the same place.

use authority::compose::{self, KeyInput};
use authority::queries::{KeyView, Which};
use authority::{Done, Failure};
use axum::http::StatusCode;
use axum::response::Response;
use credentials::key_string::KeyString;
use domain::Event;
use domain::ids::{KeyId, UserId};
use domain::key::{Owner, RevocationReason};
use domain::limits::KeyLimits;
use domain::rejection::{Entity, Rejection};
use domain::time::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::asker::{Asked, Asker, answered, done};
use super::given::{Given, id, instant};
use crate::made::shown;
use crate::named::Named;

/// A key to be.
#[derive(Deserialize)]
pub(crate) struct NewKey {
    name: String,
    expiration: Option<String>,
}

/// `POST`: makes a key, and shows it this once. Sent again with the same `Idempotency-Key`, it is the same key, and `key`
/// is null: what was shown is not kept.
pub(crate) async fn create(asker: Asker, Named(owner): Named<String>, Given(new): Given<NewKey>) -> Response {
    asker
        .answer(move |asked| {
            let owner: UserId = id("user_id", &owner)?;
            let name = compose::name(&new.name)?;
            let expires_at = instant("expiration", new.expiration.as_deref())?;
            let scopes = asked.caller.scopes.clone();
            let key = KeyInput { name, expires_at, scopes, limits: KeyLimits::default(), note: None };
            let (owner, reach) = asked.authority.place_of_key(&asked.caller, owner.bytes(), None)?;
            let mut composed = asked.authority.create_key(owner, reach, &key)?;
            let secret = composed.key.take();
            let done = asked.execute(composed).map_err(as_of_a_user)?;
            let made = new_key(key.name.as_str(), &done, secret);
            Ok(answered(StatusCode::CREATED, made))
        })
        .await
}

/// `GET`: the keys that have not ended for good, never their secrets.
pub(crate) async fn list(asker: Asker, Named(owner): Named<String>) -> Response {
    asker
        .answer(move |asked| {
            let owner: UserId = id("user_id", &owner)?;
            let (_, keys) = asked.authority.keys_of(&asked.caller, owner.bytes(), Which::Living)?;
            Ok(answered(StatusCode::OK, keys.iter().map(known_key).collect()))
        })
        .await
}

/// `GET` of one.
pub(crate) async fn show(asker: Asker, Named((owner, key)): Named<(String, String)>) -> Response {
    asker
        .answer(move |asked| {
            let key = of_owner(asked, &owner, &key)?;
            if key.has_ended() {
                return Err(Rejection::NotFound(Entity::Key(key.id)).into());
            }
            Ok(answered(StatusCode::OK, known_key(&key)))
        })
        .await
}

/// `DELETE`: revokes a key. One that is revoked is so already.
pub(crate) async fn delete(asker: Asker, Named((owner, key)): Named<(String, String)>) -> Response {
    asker
        .answer(move |asked| {
            let key = of_owner(asked, &owner, &key)?;
            let revoke = asked.authority.revoke_key(key.id, RevocationReason::Unspecified, None)?;
            asked.execute(revoke)?;
            Ok(done())
        })
        .await
}

/// A service account that the caller may not see is as little there as a user: which of both an id names, is not told.
fn as_of_a_user(failure: Failure) -> Failure {
    match failure {
        Failure::Rejected(Rejection::NotFound(Entity::ServiceAccount(id))) => {
            Rejection::NotFound(Entity::User(UserId::from_bytes(id.bytes()))).into()
        }
        failure => failure,
    }
}

/// The key, if it is this owner's; else there is none at this address.
fn of_owner(asked: &Asked, owner: &str, key: &str) -> Result<KeyView, Failure> {
    let (owner, key): (UserId, KeyId) = (id("user_id", owner)?, id("key_id", key)?);
    let key = asked.authority.key(&asked.caller, key)?;
    let of = match key.owner {
        Owner::User(user) => user.bytes(),
        Owner::ServiceAccount(account) => account.bytes(),
    };
    if of == owner.bytes() { Ok(key) } else { Err(Rejection::NotFound(Entity::Key(key.id)).into()) }
}

/// A key as it is told of.
pub(super) fn known_key(key: &KeyView) -> Value {
    told(key.id, &key.name, key.created.at, key.expires_at)
}

/// A key that was just made, with its secret.
pub(super) fn new_key(name: &str, made: &Done, secret: Option<KeyString>) -> Value {
    let created = made.recorded.iter().find_map(|recorded| match &recorded.event {
        Event::KeyCreated(key) => Some((key, recorded.recorded_at)),
        _ => None,
    });
    let (key, at) = created.expect("making a key is an event, or a refusal");
    let mut told = told(key.key, name, at, key.expires_at);
    told["key"] = json!(shown(made, secret));
    told
}

fn told(id: KeyId, name: &str, created: Timestamp, expires_at: Option<Timestamp>) -> Value {
    json!({
        "id": id.to_string(),
        "name": name,
        "created": created.to_string(),
        "expiration": expires_at.map(|at| at.to_string()),
    })
}
