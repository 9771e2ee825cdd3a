//! What a command made, read off its events, and the secret that goes with it.

use authority::Done;
use credentials::key_string::KeyString;
use domain::ids::KeyId;
use domain::time::Timestamp;
use domain::{Event, Recorded};

/// The key that the command made, and when it ends.
pub(crate) fn key_created(recorded: &[Recorded]) -> Option<(KeyId, Option<Timestamp>)> {
    recorded.iter().find_map(|recorded| match &recorded.event {
        Event::KeyCreated(created) => Some((created.key, created.expires_at)),
        _ => None,
    })
}

/// The secret, if the command that made it was carried out now: that of a repetition was never kept.
pub(crate) fn shown(done: &Done, secret: Option<KeyString>) -> Option<String> {
    let made = |id: KeyId| {
        done.recorded
            .iter()
            .any(|recorded| matches!(&recorded.event, Event::KeyCreated(key) if key.key == id))
    };
    secret.filter(|secret| made(secret.id())).map(|secret| secret.expose().to_owned())
}
