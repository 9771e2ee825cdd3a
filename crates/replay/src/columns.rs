//! An event as a row of CSV: whole ids, each in a column of its own, so that rows can be filtered and joined.

use domain::actor::ActorId;
use domain::key::Owner;
use domain::rejection::Entity;
use domain::subjects::subjects_of;
use domain::{Lookup, Recorded};
use store::StoreError;
use store::scan::Scanned;

use crate::json::id;
use crate::names::Names;
use crate::print::instant;
use crate::rows::RowsAt;
use crate::summary::Summary;

/// What the columns are called.
pub(crate) const COLUMNS: [&str; 18] = [
    "position",
    "recorded_at",
    "event",
    "actor",
    "actor_id",
    "actor_key",
    "actor_token",
    "tenant",
    "user",
    "service_account",
    "keys",
    "signing_key",
    "way",
    "request_id",
    "idempotency_key",
    "cause",
    "hash",
    "what",
];

/// The ids that an event names, and of a key or a service account also whose it is.
#[derive(Default)]
struct Ids {
    tenants: Vec<String>,
    users: Vec<String>,
    service_accounts: Vec<String>,
    keys: Vec<String>,
    signing_keys: Vec<String>,
}

impl Ids {
    /// Rows are those after the event.
    fn of(recorded: &Recorded, rows: &RowsAt<'_>) -> Result<Self, StoreError> {
        let mut ids = Self::default();
        for subject in subjects_of(&recorded.event) {
            ids.add(subject);
            match subject {
                Entity::ServiceAccount(account) => {
                    if let Some(row) = rows.service_account(account)? {
                        ids.add(Entity::Tenant(row.tenant));
                    }
                }
                Entity::Key(key) => {
                    if let Some(row) = rows.key(key)? {
                        ids.add(row.owner.into());
                        ids.add(Entity::Tenant(row.reach.home()));
                    }
                }
                Entity::Tenant(_) | Entity::User(_) | Entity::Member { .. } | Entity::SigningKey(_) => {}
            }
        }
        Ok(ids)
    }

    fn add(&mut self, entity: Entity) {
        let list = match entity {
            Entity::Tenant(_) => &mut self.tenants,
            Entity::Member { tenant, user } => {
                self.add(Entity::Tenant(tenant));
                return self.add(Entity::User(user));
            }
            Entity::User(_) => &mut self.users,
            Entity::ServiceAccount(_) => &mut self.service_accounts,
            Entity::Key(_) => &mut self.keys,
            Entity::SigningKey(_) => &mut self.signing_keys,
        };
        let id = id(entity.id());
        if !list.contains(&id) {
            list.push(id);
        }
    }
}

/// The cells of an event, in the order of [`COLUMNS`]; several ids have a space between.
pub(crate) fn columns(
    scanned: &Scanned,
    rows: &RowsAt<'_>,
    names: &Names,
) -> Result<[String; COLUMNS.len()], StoreError> {
    let recorded = &scanned.recorded;
    let Recorded { position, recorded_at, metadata, event } = recorded;
    let ids = Ids::of(recorded, rows)?;
    let none = String::new;
    let [actor, actor_id, actor_key, actor_token] = match &metadata.actor {
        ActorId::Console => ["console".to_owned(), none(), none(), none()],
        ActorId::Server => ["server".to_owned(), none(), none(), none()],
        ActorId::Holder { identity, key, token } => {
            let (kind, id) = match identity {
                Owner::User(user) => ("user", user.to_string()),
                Owner::ServiceAccount(account) => ("service_account", account.to_string()),
            };
            let token = token.map(|token| token.to_string()).unwrap_or_default();
            [kind.to_owned(), id, key.to_string(), token]
        }
    };
    Ok([
        position.to_string(),
        instant(*recorded_at),
        event.name().to_owned(),
        actor,
        actor_id,
        actor_key,
        actor_token,
        ids.tenants.join(" "),
        ids.users.join(" "),
        ids.service_accounts.join(" "),
        ids.keys.join(" "),
        ids.signing_keys.join(" "),
        metadata.way.as_str().to_owned(),
        metadata.request.to_string(),
        metadata.idempotency.as_ref().map(|used| used.key.as_str().to_owned()).unwrap_or_default(),
        metadata.cause.map(|cause| cause.to_string()).unwrap_or_default(),
        scanned.hash.to_string(),
        Summary::of(names, rows).what(recorded),
    ])
}
