//! Attempts: what each idempotency key was used for, so that a command that is sent again is not carried out again.

use domain::Recorded;
use domain::actor::{ActorId, Idempotency};
use domain::time::Position;
use redb::ReadableTable;

use crate::error::{StoreError, database};
use crate::projection::attempt_key;

/// What an idempotency key was used for before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It was not used.
    New,
    /// For the same command; these were its events.
    Done(Vec<Recorded>),
    /// For another command.
    Conflict,
}

/// What became of an earlier command with this idempotency key; `event` is the event at a position.
pub(crate) fn attempt(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    actor: &ActorId,
    wanted: &Idempotency,
    event: impl Fn(Position) -> Result<Option<Recorded>, StoreError>,
) -> Result<Attempt, StoreError> {
    let key = attempt_key(actor, &wanted.key);
    let Some(found) = table.get(key.as_slice()).map_err(database)? else { return Ok(Attempt::New) };
    let malformed = || StoreError::Row { what: "an idempotency key".into() };
    let (position, command) = found.value().split_first_chunk().ok_or_else(malformed)?;
    if command != wanted.command {
        return Ok(Attempt::Conflict);
    }
    let events = events_from(Position::new(u64::from_le_bytes(*position)), event)?;
    // The row says where; the log says what. One flipped bit must not show somebody else's answer.
    let meant = events.first().is_some_and(|event| {
        let used = event.metadata.idempotency.as_ref();
        used == Some(wanted) && attempt_key(&event.metadata.actor, &wanted.key) == key
    });
    if meant { Ok(Attempt::Done(events)) } else { Err(malformed()) }
}

/// The events of the command whose first event is here.
fn events_from(
    first: Position,
    event: impl Fn(Position) -> Result<Option<Recorded>, StoreError>,
) -> Result<Vec<Recorded>, StoreError> {
    let (mut events, mut position) = (vec![], first);
    while let Some(event) = event(position)? {
        if position != first && event.metadata.cause != Some(first) {
            break;
        }
        events.push(event);
        position = position.next();
    }
    Ok(events)
}
