//! The log as events of the Open Cybersecurity Schema Framework, version 1.3.0 (schema.ocsf.io): one JSON object a line.
//!
//! Users are told of as Account Change (3001), who may do what where as User Access Management (3005), and everything
//! else, keys above all, as Entity Management (3004). Whatever has no place there is in `unmapped`. Texts stay sealed, as
//! in every export. These lines prove nothing: they are for systems that collect events.

use std::io::Write;

use domain::actor::ActorId;
use domain::event::Event;
use domain::facts::facts_of;
use domain::ids::TenantId;
use domain::key::Owner;
use domain::rejection::Entity;
use domain::subjects::subjects_of;
use domain::{Lookup, Recorded};
use serde_json::{Value, json};
use store::StoreError;
use store::scan::Scanned;

use crate::as_of::PROGRESS_EVENTS;
use crate::error::ReplayError;
use crate::json::{Group, id, line};
use crate::names::Names;
use crate::rows::RowsAt;
use crate::show::{Stop, unless_left};
use crate::source::Source;

const OCSF_VERSION: &str = "1.3.0";
/// The category Identity & Access Management.
const IAM: u16 = 3;
/// Informational: what was refused is not in the log.
const SEVERITY: u8 = 1;
const SUCCESS: u8 = 1;

/// A class of OCSF, with the activity of it that an event is.
#[derive(Clone, Copy)]
enum Activity {
    Account(AccountChange),
    Entity(EntityManagement),
    Access(UserAccess),
}

#[derive(Clone, Copy)]
#[repr(u8)]
enum AccountChange {
    Create = 1,
    Enable = 2,
    Disable = 5,
    Delete = 6,
}

#[derive(Clone, Copy)]
#[repr(u8)]
enum EntityManagement {
    Create = 1,
    Update = 3,
    Delete = 4,
}

#[derive(Clone, Copy)]
#[repr(u8)]
enum UserAccess {
    AssignPrivileges = 1,
    RevokePrivileges = 2,
}

impl Activity {
    const fn of(event: &Event) -> Self {
        match event {
            Event::UserCreated { .. } => Self::Account(AccountChange::Create),
            Event::UserSuspended { .. } => Self::Account(AccountChange::Disable),
            Event::UserResumed { .. } => Self::Account(AccountChange::Enable),
            Event::UserRemoved { .. } => Self::Account(AccountChange::Delete),

            Event::OperatorGranted { .. } | Event::MemberAdded { .. } | Event::MemberRoleChanged { .. } => {
                Self::Access(UserAccess::AssignPrivileges)
            }
            Event::OperatorWithdrawn { .. } | Event::MemberRemoved { .. } => {
                Self::Access(UserAccess::RevokePrivileges)
            }

            Event::TenantCreated { .. }
            | Event::ServiceAccountCreated { .. }
            | Event::KeyCreated(_)
            | Event::SigningKeyAdded { .. } => Self::Entity(EntityManagement::Create),
            Event::TenantRemoved { .. }
            | Event::ServiceAccountRemoved { .. }
            | Event::KeyRevoked { .. }
            | Event::SigningKeyRetired { .. }
            | Event::TokensRevoked { .. }
            | Event::SubjectErased { .. } => Self::Entity(EntityManagement::Delete),
            Event::TenantRenamed { .. }
            | Event::TenantPolicyChanged { .. }
            | Event::TenantSuspended { .. }
            | Event::TenantResumed { .. }
            | Event::ServiceAccountRenamed { .. }
            | Event::ServiceAccountRoleChanged { .. }
            | Event::ServiceAccountSuspended { .. }
            | Event::ServiceAccountResumed { .. }
            | Event::KeyRenamed { .. }
            | Event::KeyExpiryChanged { .. }
            | Event::KeyDisabled { .. }
            | Event::KeyEnabled { .. }
            | Event::KeyRotated { .. }
            | Event::KeyAddressesChanged { .. }
            | Event::KeyRateChanged { .. }
            | Event::KeyNoteChanged { .. }
            | Event::TokenLifeChanged { .. }
            | Event::RollbackAccepted { .. } => Self::Entity(EntityManagement::Update),
        }
    }

    const fn class_uid(self) -> u16 {
        match self {
            Self::Account(_) => 3001,
            Self::Entity(_) => 3004,
            Self::Access(_) => 3005,
        }
    }

    const fn id(self) -> u8 {
        match self {
            Self::Account(activity) => activity as u8,
            Self::Entity(activity) => activity as u8,
            Self::Access(activity) => activity as u8,
        }
    }
}

/// Writes the whole log so, with names as far as they can be opened. Tells how many events that were.
pub fn ocsf(
    source: &Source,
    names: &Names,
    out: &mut impl Write,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, ReplayError> {
    let (ledger, total) = (source.ledger().to_string(), source.head().position.number());
    let read = source.follow_rows(|scanned, rows| {
        writeln!(out, "{}", line(&event(&scanned, &ledger, rows, names)?))?;
        let number = scanned.recorded.position.number();
        if number.is_multiple_of(PROGRESS_EVENTS) {
            progress(number, total);
        }
        Ok::<_, Stop>(())
    });
    unless_left(read.and_then(|()| Ok(out.flush()?)))?;
    Ok(total)
}

fn event(scanned: &Scanned, ledger: &str, rows: &RowsAt<'_>, names: &Names) -> Result<Value, StoreError> {
    let Recorded { position, recorded_at, metadata, event } = &scanned.recorded;
    let activity = Activity::of(event);
    let class_uid = activity.class_uid();
    let mut json = json!({
        "class_uid": class_uid,
        "category_uid": IAM,
        "activity_id": activity.id(),
        "type_uid": u32::from(class_uid) * 100 + u32::from(activity.id()),
        "severity_id": SEVERITY,
        "status_id": SUCCESS,
        "time": recorded_at.unix_ms(),
        "metadata": {
            "version": OCSF_VERSION,
            "product": { "name": "Keyledger", "vendor_name": "Keyledger", "version": env!("CARGO_PKG_VERSION") },
            "uid": format!("{ledger}/{position}"),
            "sequence": position.number(),
            "event_code": event.name(),
            "correlation_uid": metadata.request.to_string(),
            "log_name": ledger,
        },
        "actor": actor(&metadata.actor),
        "unmapped": {
            "way": metadata.way.as_str(),
            "cause": metadata.cause.map(|cause| cause.to_string()),
            "hash": scanned.hash.to_string(),
            "payload": Group(&facts_of(event), names),
        },
    });
    let subject = subjects_of(event).first().copied();
    match activity {
        Activity::Account(_) => json["user"] = user(subject),
        Activity::Access(_) => {
            json["user"] = user(subject);
            json["privileges"] = json!([privilege(event, rows)?]);
            if let Some(Entity::Member { tenant, .. }) = subject {
                json["resource"] = json!({ "type": "tenant", "uid": tenant.to_string() });
            }
        }
        Activity::Entity(_) => json["entity"] = entity(subject, ledger),
    }
    if let Some(tenant) = tenant(subject, rows)? {
        json["metadata"]["tenant_uid"] = tenant.to_string().into();
    }
    Ok(json)
}

fn actor(actor: &ActorId) -> Value {
    match actor {
        ActorId::Console => json!({ "app_name": "console" }),
        ActorId::Server => json!({ "app_name": "server" }),
        ActorId::Holder { identity, key, token } => {
            let kind = match identity {
                Owner::User(_) => "user",
                Owner::ServiceAccount(_) => "service_account",
            };
            let user = json!({
                "uid": id(Entity::from(*identity).id()), "type": kind, "credential_uid": key.to_string(),
            });
            match token {
                Some(token) => json!({ "user": user, "session": { "uid": token.to_string() } }),
                None => json!({ "user": user }),
            }
        }
    }
}

fn user(subject: Option<Entity>) -> Value {
    json!({ "uid": subject.map(|entity| id(entity.id())) })
}

/// What is not about one thing is about the ledger.
fn entity(subject: Option<Entity>, ledger: &str) -> Value {
    match subject {
        Some(entity) => json!({ "type": entity.kind(), "uid": id(entity.id()) }),
        None => json!({ "type": "ledger", "uid": ledger }),
    }
}

/// The role, or that of an operator. A membership that ended still has the role that it had.
fn privilege(event: &Event, rows: &RowsAt<'_>) -> Result<&'static str, StoreError> {
    let role = match subjects_of(event).first() {
        Some(Entity::Member { tenant, user }) => rows.membership(*tenant, *user)?.map(|row| row.role),
        Some(_) | None => None,
    };
    Ok(role.map_or("operator", |role| role.as_str()))
}

fn tenant(subject: Option<Entity>, rows: &RowsAt<'_>) -> Result<Option<TenantId>, StoreError> {
    Ok(match subject {
        Some(Entity::Tenant(tenant) | Entity::Member { tenant, .. }) => Some(tenant),
        Some(Entity::ServiceAccount(account)) => rows.service_account(account)?.map(|row| row.tenant),
        Some(Entity::Key(key)) => rows.key(key)?.map(|row| row.reach.home()),
        Some(Entity::User(_) | Entity::SigningKey(_)) | None => None,
    })
}
