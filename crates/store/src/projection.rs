//! Projection: what one recorded event writes into the views, links, lifetimes, histories, tree and attempts. Their only
//! writer.

use domain::actor::{ActorId, IdempotencyKey};
use domain::concern::{acting_key, concerned};
use domain::key::Owner;
use domain::row::Change;
use domain::time::{Moment, Position};
use domain::{Recorded, evolve};
use redb::Table;

use crate::error::{StoreError, database};
use crate::history::{self, Marked};
use crate::lifetimes;
use crate::rows::{Rows, sealed_with_check, stored};
use crate::tables::Link;
use crate::tree::{self, TreeHash};

/// The tables that can be deleted and rebuilt.
pub(crate) struct Projected<'txn> {
    pub(crate) views: Table<'txn, &'static [u8], &'static [u8]>,
    pub(crate) links: Table<'txn, &'static [u8], ()>,
    pub(crate) lifetimes: Table<'txn, &'static [u8], ()>,
    pub(crate) histories: Table<'txn, &'static [u8], &'static [u8]>,
    pub(crate) tree: Table<'txn, &'static [u8], &'static [u8]>,
    pub(crate) attempts: Table<'txn, &'static [u8], &'static [u8]>,
}

impl Projected<'_> {
    /// Takes in one event, and tells which rows it changed.
    pub(crate) fn project(&mut self, recorded: &Recorded) -> Result<Vec<Change>, StoreError> {
        let changes = evolve(&Rows::new(&self.views, recorded.position), recorded)?;
        for change in &changes {
            let (key, row) = stored(change, &Rows::new(&self.views, recorded.position))?;
            let key = key.at(recorded.position);
            let value = sealed_with_check(&key, row);
            self.views.insert(key.as_slice(), value.as_slice()).map_err(database)?;
            if let Some(link) = link(change, recorded.position) {
                self.links.insert(link.bytes().as_slice(), ()).map_err(database)?;
            }
        }
        let moment = Moment { position: recorded.position, at: recorded.recorded_at };
        let before = Rows::new(&self.views, Position::new(recorded.position.number() - 1));
        for change in &changes {
            lifetimes::project(&mut self.lifetimes, &before, change, moment)?;
        }
        let event = Marked { position: recorded.position, effect: recorded.event.effect() };
        for change in &changes {
            let rows = Rows::new(&self.views, recorded.position);
            for of in concerned(&rows, change)? {
                history::add(&mut self.histories, of, event)?;
            }
        }
        if let Some(of) = acting_key(&recorded.metadata.actor) {
            history::add(&mut self.histories, of, event)?;
        }
        if let Some((key, value)) = attempt(recorded) {
            self.attempts.insert(key.as_slice(), value.as_slice()).map_err(database)?;
        }
        Ok(changes)
    }

    /// Adds the leaves of the events after a position to the tree.
    pub(crate) fn grow(&mut self, after: Position, leaves: Vec<TreeHash>) -> Result<(), StoreError> {
        tree::stored::extend(&mut self.tree, after.number(), leaves)
    }
}

/// The link that a row needs, if it has just begun; a key's, if it has an end.
pub(crate) fn link(change: &Change, position: Position) -> Option<Link> {
    match change {
        Change::Membership(row) if row.since.position == position => Some(Link::Member(row.tenant, row.user)),
        Change::ServiceAccount(row) if row.created.position == position => {
            Some(Link::ServiceAccount(row.tenant, row.id))
        }
        Change::Key(row) if row.has_end() => Some(Link::Key(row.owner, row.id)),
        Change::Membership(_)
        | Change::ServiceAccount(_)
        | Change::Key(_)
        | Change::Deployment(_)
        | Change::Tenant(_)
        | Change::User(_)
        | Change::SigningKey(_)
        | Change::Watermark(_, _)
        | Change::UniqueName(_, _) => None,
    }
}

/// The row of `attempts` that an event makes, key and value: the first of a command that has an idempotency key.
pub fn attempt(recorded: &Recorded) -> Option<(Vec<u8>, Vec<u8>)> {
    let (Some(used), None) = (&recorded.metadata.idempotency, recorded.metadata.cause) else { return None };
    let value = [recorded.position.number().to_le_bytes().as_slice(), &used.command].concat();
    Some((attempt_key(&recorded.metadata.actor, &used.key), value))
}

/// The key of `attempts`: an idempotency key belongs to the identity that used it, whatever credential it showed.
pub(crate) fn attempt_key(actor: &ActorId, key: &IdempotencyKey) -> Vec<u8> {
    let actor = match actor {
        ActorId::Console => vec![1],
        ActorId::Server => vec![2],
        ActorId::Holder { identity: Owner::User(user), .. } => [&[3], user.bytes().as_slice()].concat(),
        ActorId::Holder { identity: Owner::ServiceAccount(account), .. } => {
            [&[4], account.bytes().as_slice()].concat()
        }
    };
    [actor.as_slice(), blake3::hash(key.as_str().as_bytes()).as_bytes()].concat()
}
