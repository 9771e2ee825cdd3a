//! What an event means: the new rows of the few entities that it touches. Nobody else reads an event's meaning.
//!
//! Never refuses. An event about something that is not there changes nothing; no history that
//! `decide` allowed has one.

use crate::event::{Event, KeyCreated, Recorded, TokenTarget};
use crate::ids::{KeyId, ServiceAccountId, TenantId, UserId};
use crate::key::KeyLife;
use crate::limits::KeyLimits;
use crate::lookup::Lookup;
use crate::role::Role;
use crate::row::{
    Change, Deployment, Key, Membership, NameHolder, Retirement, ServiceAccount, SigningKey, Standing,
    Tenant, UniqueName, User,
};
use crate::sealed::{SealedName, Subject};
use crate::time::Moment;

/// The new rows after the event, given the rows before it.
pub fn evolve<L: Lookup>(rows: &L, recorded: &Recorded) -> Result<Vec<Change>, L::Error> {
    let moment = Moment { position: recorded.position, at: recorded.recorded_at };
    match &recorded.event {
        Event::TenantCreated { tenant, slug, name, policy } => Ok(vec![
            Change::Tenant(Tenant {
                id: *tenant,
                slug: slug.clone(),
                name: name.clone(),
                policy: *policy,
                standing: Standing::Living,
                administrators: 0,
                erased: false,
                created: moment,
            }),
            Change::UniqueName(UniqueName::TenantSlug(slug.digest), Some(NameHolder::Tenant(*tenant))),
        ]),
        Event::TenantRenamed { tenant, name } => tenant_with(rows, *tenant, |row| row.name = name.clone()),
        Event::TenantPolicyChanged { tenant, policy } => {
            tenant_with(rows, *tenant, |row| row.policy = *policy)
        }
        Event::TenantSuspended { tenant } => {
            tenant_with(rows, *tenant, |row| row.standing = Standing::Suspended)
        }
        Event::TenantResumed { tenant } => tenant_with(rows, *tenant, |row| row.standing = Standing::Living),
        Event::TenantRemoved { tenant } => {
            let mut changes = tenant_with(rows, *tenant, |row| row.standing = Standing::Removed)?;
            if let Some(row) = rows.tenant(*tenant)? {
                changes.push(Change::UniqueName(UniqueName::TenantSlug(row.slug.digest), None));
            }
            Ok(changes)
        }

        Event::UserCreated { user, email, name } => Ok(vec![
            Change::User(User {
                id: *user,
                email: email.clone(),
                name: name.clone(),
                standing: Standing::Living,
                operator: false,
                erased: false,
                created: moment,
            }),
            Change::UniqueName(UniqueName::UserEmail(email.digest), Some(NameHolder::User(*user))),
        ]),
        Event::UserSuspended { user } => user_stands(rows, *user, Standing::Suspended),
        Event::UserResumed { user } => user_stands(rows, *user, Standing::Living),
        Event::UserRemoved { user } => {
            let mut changes = user_stands(rows, *user, Standing::Removed)?;
            if let Some(row) = rows.user(*user)? {
                changes.push(Change::UniqueName(UniqueName::UserEmail(row.email.digest), None));
            }
            Ok(changes)
        }
        Event::OperatorGranted { user } => operator(rows, *user, true),
        Event::OperatorWithdrawn { user } => operator(rows, *user, false),

        Event::MemberAdded { tenant, user, role } => {
            let left = rows.membership(*tenant, *user)?.and_then(|row| row.left);
            let (tenant, user, role) = (*tenant, *user, *role);
            member(rows, Membership { tenant, user, role, standing: Standing::Living, since: moment, left })
        }
        Event::MemberRoleChanged { tenant, user, role } => match rows.membership(*tenant, *user)? {
            Some(row) => member(rows, Membership { role: *role, ..row }),
            None => Ok(vec![]),
        },
        Event::MemberRemoved { tenant, user } => match rows.membership(*tenant, *user)? {
            Some(row) => {
                let left = Some(moment.position);
                member(rows, Membership { standing: Standing::Removed, left, ..row })
            }
            None => Ok(vec![]),
        },

        Event::ServiceAccountCreated { service_account, tenant, name, role } => Ok(vec![
            Change::ServiceAccount(ServiceAccount {
                id: *service_account,
                tenant: *tenant,
                name: name.clone(),
                role: *role,
                standing: Standing::Living,
                erased: false,
                created: moment,
            }),
            Change::UniqueName(
                UniqueName::ServiceAccountName(*tenant, name.digest),
                Some(NameHolder::ServiceAccount(*service_account)),
            ),
        ]),
        Event::ServiceAccountRenamed { service_account, name } => {
            account_renamed(rows, *service_account, name)
        }
        Event::ServiceAccountRoleChanged { service_account, role } => {
            account_with(rows, *service_account, |row| row.role = *role)
        }
        Event::ServiceAccountSuspended { service_account } => {
            account_with(rows, *service_account, |row| row.standing = Standing::Suspended)
        }
        Event::ServiceAccountResumed { service_account } => {
            account_with(rows, *service_account, |row| row.standing = Standing::Living)
        }
        Event::ServiceAccountRemoved { service_account } => {
            let mut changes = account_with(rows, *service_account, |row| row.standing = Standing::Removed)?;
            if let Some(row) = rows.service_account(*service_account)? {
                changes.push(Change::UniqueName(
                    UniqueName::ServiceAccountName(row.tenant, row.name.digest),
                    None,
                ));
            }
            Ok(changes)
        }

        Event::KeyCreated(created) => Ok(vec![Change::Key(new_key(created, moment))]),
        Event::KeyRenamed { key, name } => key_with(rows, *key, |row| row.name = name.clone()),
        Event::KeyExpiryChanged { key, expires_at } => {
            key_with(rows, *key, |row| row.life.expires_at = *expires_at)
        }
        Event::KeyDisabled { key } => key_with(rows, *key, |row| row.life.disabled = true),
        Event::KeyEnabled { key } => key_with(rows, *key, |row| row.life.disabled = false),
        // The reason given first stays.
        Event::KeyRevoked { key, reason, note: _ } => {
            key_with(rows, *key, |row| row.life.revoked = row.life.revoked.or(Some(*reason)))
        }
        Event::KeyRotated { key, successor, grace_ends_at } => {
            let mut changes = key_with(rows, *key, |row| {
                row.life.grace_ends_at = Some(*grace_ends_at);
                row.successor = Some(*successor);
            })?;
            changes.extend(key_with(rows, *successor, |row| row.predecessor = Some(*key))?);
            Ok(changes)
        }

        Event::KeyAddressesChanged { key, addresses } => {
            key_with(rows, *key, |row| row.limits.addresses = addresses.clone())
        }
        Event::KeyRateChanged { key, rate } => key_with(rows, *key, |row| row.limits.rate = *rate),
        Event::KeyNoteChanged { key, note } => key_with(rows, *key, |row| row.note = note.clone()),

        Event::SigningKeyAdded { signing_key, public_key, active_from } => {
            Ok(vec![Change::SigningKey(SigningKey {
                id: *signing_key,
                public_key: *public_key,
                active_from: *active_from,
                retired: None,
                created: moment,
            })])
        }
        Event::SigningKeyRetired { signing_key, reason } => Ok(rows
            .signing_key(*signing_key)?
            .map(|row| {
                Change::SigningKey(SigningKey {
                    retired: Some(Retirement { moment, reason: *reason }),
                    ..row
                })
            })
            .into_iter()
            .collect()),
        Event::TokensRevoked { target } => Ok(vec![Change::Watermark(*target, moment.position)]),
        Event::TokenLifeChanged { life } => {
            let (token_life, token_life_since) = (*life, Some(moment));
            let row = rows.deployment()?;
            let with = |row| Change::Deployment(Deployment { token_life, token_life_since, ..row });
            Ok(row.map(with).into_iter().collect())
        }
        Event::SubjectErased { subject } => match *subject {
            Subject::Tenant(id) => tenant_with(rows, id, |row| row.erased = true),
            Subject::User(id) => {
                Ok(rows.user(id)?.map(|row| Change::User(User { erased: true, ..row })).into_iter().collect())
            }
            Subject::ServiceAccount(id) => account_with(rows, id, |row| row.erased = true),
        },
        Event::RollbackAccepted { guard_position: _, guard_hash: _ } => {
            // The positions of the lost events are used again, so that no `seq` from before can be trusted.
            let mut changes = vec![Change::Watermark(TokenTarget::All, moment.position)];
            // One of the lost events may have been another life: of tokens from before nothing is known again.
            if let Some(Deployment { operators, .. }) = rows.deployment()? {
                changes.push(Change::Deployment(Deployment { operators, ..Deployment::default() }));
            }
            Ok(changes)
        }
    }
}

fn new_key(created: &KeyCreated, moment: Moment) -> Key {
    Key {
        id: created.key,
        owner: created.owner,
        reach: created.reach,
        name: created.name.clone(),
        digest: created.digest,
        prefix: created.prefix.clone(),
        last_four: created.last_four,
        scopes: created.scopes.clone(),
        life: KeyLife { expires_at: created.expires_at, ..KeyLife::default() },
        limits: KeyLimits::default(),
        note: None,
        successor: None,
        predecessor: None,
        created: moment,
    }
}

fn tenant_with<L: Lookup>(
    rows: &L,
    id: TenantId,
    change: impl FnOnce(&mut Tenant),
) -> Result<Vec<Change>, L::Error> {
    Ok(rows.tenant(id)?.map(|row| Change::Tenant(changed(row, change))).into_iter().collect())
}

fn account_with<L: Lookup>(
    rows: &L,
    id: ServiceAccountId,
    change: impl FnOnce(&mut ServiceAccount),
) -> Result<Vec<Change>, L::Error> {
    Ok(rows
        .service_account(id)?
        .map(|row| Change::ServiceAccount(changed(row, change)))
        .into_iter()
        .collect())
}

fn key_with<L: Lookup>(rows: &L, id: KeyId, change: impl FnOnce(&mut Key)) -> Result<Vec<Change>, L::Error> {
    Ok(rows.key(id)?.map(|row| Change::Key(changed(row, change))).into_iter().collect())
}

fn changed<R>(mut row: R, change: impl FnOnce(&mut R)) -> R {
    change(&mut row);
    row
}

fn account_renamed<L: Lookup>(
    rows: &L,
    id: ServiceAccountId,
    name: &SealedName,
) -> Result<Vec<Change>, L::Error> {
    let Some(row) = rows.service_account(id)? else { return Ok(vec![]) };
    let claim = |digest| UniqueName::ServiceAccountName(row.tenant, digest);
    let mut changes = vec![Change::ServiceAccount(ServiceAccount { name: name.clone(), ..row.clone() })];
    if row.name.digest != name.digest {
        changes.push(Change::UniqueName(claim(row.name.digest), None));
        changes.push(Change::UniqueName(claim(name.digest), Some(NameHolder::ServiceAccount(id))));
    }
    Ok(changes)
}

/// A user's new standing, with the counts of living operators and administrators that it changes.
fn user_stands<L: Lookup>(rows: &L, id: UserId, standing: Standing) -> Result<Vec<Change>, L::Error> {
    let Some(row) = rows.user(id)? else { return Ok(vec![]) };
    let (before, after) = (row.standing == Standing::Living, standing == Standing::Living);
    let mut changes = vec![];
    if before != after {
        if row.operator {
            changes.push(operators(rows, before, after)?);
        }
        for membership in rows.memberships_of(id)? {
            if administers(&membership) {
                changes.extend(administrators(rows, membership.tenant, before, after)?);
            }
        }
    }
    changes.push(Change::User(User { standing, ..row }));
    Ok(changes)
}

fn operator<L: Lookup>(rows: &L, id: UserId, operator: bool) -> Result<Vec<Change>, L::Error> {
    let Some(row) = rows.user(id)? else { return Ok(vec![]) };
    let living = row.standing == Standing::Living;
    let count = operators(rows, living && row.operator, living && operator)?;
    Ok(vec![Change::User(User { operator, ..row }), count])
}

/// A new or changed membership, with the tenant's count of living administrators.
fn member<L: Lookup>(rows: &L, membership: Membership) -> Result<Vec<Change>, L::Error> {
    let user_lives = rows.user(membership.user)?.is_some_and(|user| user.standing == Standing::Living);
    let counted = |row: &Membership| user_lives && administers(row);
    let before = rows.membership(membership.tenant, membership.user)?.is_some_and(|row| counted(&row));
    let mut changes = vec![Change::Membership(membership)];
    changes.extend(administrators(rows, membership.tenant, before, counted(&membership))?);
    Ok(changes)
}

fn administers(membership: &Membership) -> bool {
    membership.standing == Standing::Living && membership.role == Role::Administrator
}

fn operators<L: Lookup>(rows: &L, before: bool, after: bool) -> Result<Change, L::Error> {
    let row = rows.deployment()?.unwrap_or_default();
    Ok(Change::Deployment(Deployment { operators: recount(row.operators, before, after), ..row }))
}

fn administrators<L: Lookup>(
    rows: &L,
    tenant: TenantId,
    before: bool,
    after: bool,
) -> Result<Vec<Change>, L::Error> {
    if before == after {
        return Ok(vec![]);
    }
    tenant_with(rows, tenant, |row| row.administrators = recount(row.administrators, before, after))
}

fn recount(count: u32, before: bool, after: bool) -> u32 {
    match (before, after) {
        (false, true) => count.saturating_add(1),
        (true, false) => count.saturating_sub(1),
        (false, false) | (true, true) => count,
    }
}
