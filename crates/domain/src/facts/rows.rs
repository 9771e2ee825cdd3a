//! A row as a list of named facts: what it says of its entity, without what only counts or repeats other rows.

use crate::facts::{
    Fact, Value, fact, frequency, maybe, narrowed_to, networks, owned_by, remark, retirement, rules,
    where_it_acts,
};
use crate::rejection::Entity;
use crate::row::{Change, Deployment, Key, Membership, ServiceAccount, SigningKey, Standing, Tenant, User};

/// What the row says, field by field; two rows of one kind have the same fields in the same order.
///
/// Nothing for what is derived from other rows: the deployment's count of operators, who has a unique name.
pub fn facts_of_row(row: &Change) -> Vec<Fact<'_>> {
    match row {
        Change::Tenant(row) => tenant(row),
        Change::User(row) => user(row),
        Change::Membership(row) => membership(row),
        Change::ServiceAccount(row) => service_account(row),
        Change::Key(row) => key(row),
        Change::SigningKey(row) => signing_key(row),
        Change::Watermark(_, before) => vec![fact("refused_before", Value::Position(*before))],
        Change::Deployment(row) => deployment(row),
        Change::UniqueName(_, _) => vec![],
    }
}

/// The word for the standing.
pub const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Living => "living",
        Standing::Suspended => "suspended",
        Standing::Removed => "removed",
    }
}

fn deployment(row: &Deployment) -> Vec<Fact<'_>> {
    let Deployment { operators: _, token_life, token_life_since: _ } = row;
    vec![fact("token_life_seconds", Value::Seconds(token_life.seconds().into()))]
}

fn tenant(row: &Tenant) -> Vec<Fact<'_>> {
    let Tenant { id, slug, name, policy, standing, administrators: _, erased, created } = row;
    let thing = Entity::Tenant(*id);
    vec![
        fact("slug", Value::Name(thing, slug)),
        fact("name", Value::Name(thing, name)),
        rules(policy),
        fact("standing", Value::Word(self::standing(*standing))),
        fact("erased", Value::Flag(*erased)),
        fact("created", Value::At(created.at)),
    ]
}

fn user(row: &User) -> Vec<Fact<'_>> {
    let User { id, email, name, standing, operator, erased, created } = row;
    let thing = Entity::User(*id);
    vec![
        fact("email", Value::Name(thing, email)),
        fact("name", maybe(name.as_ref(), |name| Value::Text(thing, name))),
        fact("standing", Value::Word(self::standing(*standing))),
        fact("operator", Value::Flag(*operator)),
        fact("erased", Value::Flag(*erased)),
        fact("created", Value::At(created.at)),
    ]
}

fn membership(row: &Membership) -> Vec<Fact<'_>> {
    let Membership { tenant: _, user: _, role, standing, since, left } = row;
    vec![
        fact("role", Value::Word(role.as_str())),
        fact("standing", Value::Word(self::standing(*standing))),
        fact("since", Value::At(since.at)),
        fact("left", maybe(*left, Value::Position)),
    ]
}

fn service_account(row: &ServiceAccount) -> Vec<Fact<'_>> {
    let ServiceAccount { id, tenant, name, role, standing, erased, created } = row;
    vec![
        fact("tenant", Value::Thing(Entity::Tenant(*tenant))),
        fact("name", Value::Name(Entity::ServiceAccount(*id), name)),
        fact("role", Value::Word(role.as_str())),
        fact("standing", Value::Word(self::standing(*standing))),
        fact("erased", Value::Flag(*erased)),
        fact("created", Value::At(created.at)),
    ]
}

fn key(row: &Key) -> Vec<Fact<'_>> {
    let Key { id, owner, reach, name, prefix, last_four, scopes, .. } = row;
    let Key { digest: _, life, limits, note, successor, predecessor, created, .. } = row;
    let other = |key: Option<_>| maybe(key, |key| Value::Thing(Entity::Key(key)));
    vec![
        fact("owner", Value::Group(owned_by(*owner))),
        fact("reach", Value::Group(where_it_acts(*reach))),
        fact("name", Value::Name(Entity::Key(*id), name)),
        fact("note", remark(note.as_ref())),
        fact("prefix", Value::Word(prefix.as_str())),
        fact("last_four", Value::Word(last_four.as_str())),
        fact("scopes", narrowed_to(scopes)),
        fact("expires_at", maybe(life.expires_at, Value::At)),
        fact("grace_ends_at", maybe(life.grace_ends_at, Value::At)),
        fact("disabled", Value::Flag(life.disabled)),
        fact("revoked", maybe(life.revoked, |reason| Value::Word(reason.as_str()))),
        fact("addresses", networks(&limits.addresses)),
        fact("rate", frequency(limits.rate)),
        fact("successor", other(*successor)),
        fact("predecessor", other(*predecessor)),
        fact("created", Value::At(created.at)),
    ]
}

fn signing_key(row: &SigningKey) -> Vec<Fact<'_>> {
    let SigningKey { id: _, public_key, active_from, retired, created } = row;
    vec![
        fact("public_key", Value::Bytes(&public_key.0)),
        fact("active_from", Value::At(*active_from)),
        fact("retired", maybe(*retired, |retired| Value::Word(retirement(retired.reason)))),
        fact("created", Value::At(created.at)),
    ]
}
