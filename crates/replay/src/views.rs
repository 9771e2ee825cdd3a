//! Comparing the views with the fold: row by row, version by version, list by list.

use std::collections::BTreeMap;

use domain::key::Owner;
use domain::rejection::Entity;
use domain::row::Change;
use domain::time::Position;
use domain::{Lookup, Model};
use store::{Snapshot, StoreError};

/// What is wrong with one row of the views.
pub(crate) fn wrong<L: Lookup<Error = StoreError>>(rows: &L, expected: &Change) -> Option<String> {
    match expected.row().read(rows) {
        Ok(Some(found)) if found == *expected => None,
        Ok(Some(_)) => {
            Some(format!("{}: the views have another row than the log amounts to", named(expected)))
        }
        Ok(None) => Some(format!("{}: the views have no row, and the log amounts to one", named(expected))),
        Err(error) => Some(format!("{}: {error}", named(expected))),
    }
}

/// The rows that one event leaves behind: where it changed a row twice, the last of them.
pub(crate) fn lasting(changes: &[Change]) -> impl Iterator<Item = &Change> {
    let later = |index: usize| &changes[index + 1..];
    let lasts = move |(index, change): &(usize, &Change)| {
        !later(*index).iter().any(|later| later.row() == change.row())
    };
    changes.iter().enumerate().filter(lasts).map(|(_, change)| change)
}

/// Whether the row begins here with an id that the model has already.
pub(crate) fn begins_again(model: &Model, change: &Change, position: Position) -> bool {
    match change {
        Change::Tenant(row) => row.created.position == position && model.tenants.contains_key(&row.id),
        Change::User(row) => row.created.position == position && model.users.contains_key(&row.id),
        Change::ServiceAccount(row) => {
            row.created.position == position && model.service_accounts.contains_key(&row.id)
        }
        Change::Key(row) => row.created.position == position && model.keys.contains_key(&row.id),
        Change::SigningKey(row) => {
            row.created.position == position && model.signing_keys.contains_key(&row.id)
        }
        // A membership may begin again in its row; the others have no beginning.
        Change::Deployment(_)
        | Change::Membership(_)
        | Change::Watermark(_, _)
        | Change::UniqueName(_, _) => false,
    }
}

/// What is wrong with the rows as they are now.
pub(crate) fn wrong_now(snapshot: &Snapshot, model: &Model, report: &mut dyn FnMut(String)) -> u64 {
    let (rows, mut compared) = (snapshot.rows(), 0);
    for row in model.row_ids() {
        compared += 1;
        let Ok(expected) = row.read(model);
        if let Some(what) = expected.and_then(|expected| wrong(&rows, &expected)) {
            report(what);
        }
    }
    compared
}

/// What is wrong with the lists: who belongs to a tenant, whose a key is, what there is at all.
pub(crate) fn wrong_lists(snapshot: &Snapshot, model: &Model, report: &mut dyn FnMut(String)) -> u64 {
    let rows = snapshot.rows();
    let mut lists = 0;
    let mut list = |what: String, equal: Result<bool, StoreError>| {
        lists += 1;
        match equal {
            Ok(true) => {}
            Ok(false) => report(format!("{what}: the views list others than the log amounts to")),
            Err(error) => report(format!("{what}: {error}")),
        }
    };
    list("every tenant".into(), rows.tenants().map(|found| found.iter().eq(model.tenants.values())));
    list("every signing key".into(), rows.signing_keys().map(|it| it.iter().eq(model.signing_keys.values())));

    let (mut members, mut accounts, mut keys) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (user, tenant) in model.memberships.keys() {
        members.entry(*tenant).or_insert_with(Vec::new).push(*user);
    }
    for account in model.service_accounts.values() {
        accounts.entry(account.tenant).or_insert_with(Vec::new).push(account.id);
    }
    for key in model.keys.values() {
        keys.entry(key.owner).or_insert_with(Vec::new).push(key.id);
    }
    for tenant in model.tenants.keys() {
        let expected = members.remove(tenant).unwrap_or_default();
        list(format!("members of tenant {tenant}"), snapshot.members_of(*tenant).map(|ids| ids == expected));
        let expected = accounts.remove(tenant).unwrap_or_default();
        let found = snapshot.service_accounts_of(*tenant).map(|ids| ids == expected);
        list(format!("service accounts of tenant {tenant}"), found);
    }
    for user in model.users.keys() {
        let Ok(expected) = model.memberships_of(*user);
        let found = rows.memberships_of(*user).map(|memberships| memberships == expected);
        list(format!("memberships of user {user}"), found);
    }
    let owners = model.users.keys().map(|user| Owner::User(*user));
    for owner in owners.chain(model.service_accounts.keys().map(|id| Owner::ServiceAccount(*id))) {
        let expected = keys.remove(&owner).unwrap_or_default();
        let what = match owner {
            Owner::User(user) => format!("keys of user {user}"),
            Owner::ServiceAccount(account) => format!("keys of service account {account}"),
        };
        list(what, snapshot.keys_of(owner).map(|ids| ids == expected));
    }
    lists
}

fn named(change: &Change) -> String {
    match change {
        Change::Deployment(_) => "the deployment".to_owned(),
        Change::Tenant(row) => Entity::Tenant(row.id).to_string(),
        Change::User(row) => Entity::User(row.id).to_string(),
        Change::Membership(row) => Entity::Member { tenant: row.tenant, user: row.user }.to_string(),
        Change::ServiceAccount(row) => Entity::ServiceAccount(row.id).to_string(),
        Change::Key(row) => Entity::Key(row.id).to_string(),
        Change::SigningKey(row) => Entity::SigningKey(row.id).to_string(),
        Change::Watermark(target, _) => format!("the watermark of {target:?}"),
        Change::UniqueName(name, _) => format!("the holder of {name:?}"),
    }
}
