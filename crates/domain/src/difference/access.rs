//! What lets somebody do more: each way in which a row can be wider than it was.

use crate::difference::lives;
use crate::key::KeyLife;
use crate::limits::{KeyLimits, RateLimit};
use crate::role::Role;
use crate::row::{Change, Key, Membership, ServiceAccount, Standing, User};
use crate::time::Timestamp;

/// Whether the row lets somebody do more than it did before.
pub(super) fn increases(before: Option<&Change>, after: &Change) -> bool {
    if !lives(after) {
        return false;
    }
    match before.filter(|before| lives(before)) {
        None => begins_with_access(after),
        Some(before) => widens(before, after),
    }
}

/// A tenant, or a user without a membership, may do nothing yet. A key that begins disabled can be enabled.
fn begins_with_access(row: &Change) -> bool {
    match row {
        Change::User(row) => row.operator,
        Change::Membership(_) | Change::ServiceAccount(_) | Change::Key(_) | Change::SigningKey(_) => true,
        Change::Tenant(_) | Change::Deployment(_) | Change::Watermark(_, _) | Change::UniqueName(_, _) => {
            false
        }
    }
}

fn widens(before: &Change, after: &Change) -> bool {
    match (before, after) {
        (Change::Tenant(before), Change::Tenant(after)) => resumed(before.standing, after.standing),
        (Change::User(before), Change::User(after)) => user(before, after),
        (Change::Membership(before), Change::Membership(after)) => membership(before, after),
        (Change::ServiceAccount(before), Change::ServiceAccount(after)) => service_account(before, after),
        (Change::Key(before), Change::Key(after)) => key(before, after),
        // Where tokens are checked without us, they are good for longer.
        (Change::Deployment(before), Change::Deployment(after)) => before.token_life < after.token_life,
        // A watermark only rises, a signing key only retires; the rest is derived. Both are of one row.
        (
            Change::Tenant(_)
            | Change::User(_)
            | Change::Membership(_)
            | Change::ServiceAccount(_)
            | Change::Key(_)
            | Change::SigningKey(_)
            | Change::Watermark(_, _)
            | Change::Deployment(_)
            | Change::UniqueName(_, _),
            _,
        ) => false,
    }
}

fn user(before: &User, after: &User) -> bool {
    resumed(before.standing, after.standing) || !before.operator && after.operator
}

fn membership(before: &Membership, after: &Membership) -> bool {
    resumed(before.standing, after.standing) || more_powerful(before.role, after.role)
}

fn service_account(before: &ServiceAccount, after: &ServiceAccount) -> bool {
    resumed(before.standing, after.standing) || more_powerful(before.role, after.role)
}

fn key(before: &Key, after: &Key) -> bool {
    !after.scopes.within(&before.scopes)
        || lives_longer(&before.life, &after.life)
        || held_to_less(&before.limits, &after.limits)
}

fn lives_longer(before: &KeyLife, after: &KeyLife) -> bool {
    before.disabled && !after.disabled
        || later(before.expires_at, after.expires_at)
        || later(before.grace_ends_at, after.grace_ends_at)
}

fn held_to_less(before: &KeyLimits, after: &KeyLimits) -> bool {
    !after.addresses.within(&before.addresses) || more_often(before.rate, after.rate)
}

fn resumed(before: Standing, after: Standing) -> bool {
    before != Standing::Living && after == Standing::Living
}

/// Roles are in the order of their power, the most powerful first.
fn more_powerful(before: Role, after: Role) -> bool {
    after < before
}

/// No end is later than any.
fn later(before: Option<Timestamp>, after: Option<Timestamp>) -> bool {
    before.is_some_and(|before| after.is_none_or(|after| after > before))
}

/// More in the same time, or as many at once in less of it.
fn more_often(before: Option<RateLimit>, after: Option<RateLimit>) -> bool {
    let Some(before) = before else { return false };
    let Some(after) = after else { return true };
    let per_time =
        |of: RateLimit, other: RateLimit| u64::from(of.requests()) * u64::from(other.period_seconds());
    after.requests() > before.requests() || per_time(after, before) > per_time(before, after)
}
