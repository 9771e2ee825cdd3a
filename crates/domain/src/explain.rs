//! Why a key is accepted or refused at a moment: the answer of `admit`, and the events that decide it.
//!
//! An acceptance rests on every event named: without any one of them the answer is another. A refusal stands as long as
//! one of the events named does: without all of them the answer is another. Mostly that is one event. Where nothing ever
//! happened, as with a key that nobody made, no event decides.

use core::net::IpAddr;

use crate::ids::{KeyId, TenantId};
use crate::key::Owner;
use crate::lookup::Lookup;
use crate::past::{Past, Versioned, just_before, versions};
use crate::rejection::Refusal;
use crate::role::{Role, Scopes};
use crate::row::{Key, Standing};
use crate::status::{Admission, Bearer, admit, from_before};
use crate::time::{Moment, Position, Timestamp};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Of which key.
    pub key: KeyId,
    /// In which tenant; none: where the key acts if none is named.
    pub tenant: Option<TenantId>,
    /// Which scopes it must include, beyond being accepted.
    pub scopes: Scopes,
    /// From which address; none: the key's list of addresses is not asked.
    pub from: Option<IpAddr>,
}

/// The answer, and what decides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// As what the key was accepted, or why not.
    pub verdict: Result<Admission, Objection>,
    /// The events that decide it, in the order of the log.
    pub decided_by: Vec<Decisive>,
}

/// Why a key is not good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objection {
    /// It is not accepted.
    Refused(Refusal),
    /// It is accepted, but does not include all of the scopes.
    ScopesNotHeld,
}

impl Objection {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::ScopesNotHeld => "SCOPES_NOT_HELD",
        }
    }
}

/// An event that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decisive {
    /// Where it is.
    pub position: Position,
    /// What it decides.
    pub fact: Fact,
}

/// A fact on which it rests whether a key is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// That there is the key, with its scopes and its reach.
    Key,
    /// That it was revoked.
    Revocation,
    /// Whether it is disabled.
    Disabled,
    /// When it ends by itself.
    Expiry,
    /// When it ends after its rotation.
    Grace,
    /// From where it is accepted.
    Addresses,
    /// That there is its owner, and how it stands.
    Owner,
    /// That its owner operates the deployment.
    Operator,
    /// That there is the tenant, and how it stands.
    Tenant,
    /// Whether its user is a member of the tenant.
    Membership,
    /// What its owner may do in the tenant.
    Role,
}

impl Fact {
    /// The word for it on every interface.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Revocation => "revocation",
            Self::Disabled => "disabled",
            Self::Expiry => "expiry",
            Self::Grace => "grace",
            Self::Addresses => "addresses",
            Self::Owner => "owner",
            Self::Operator => "operator",
            Self::Tenant => "tenant",
            Self::Membership => "membership",
            Self::Role => "role",
        }
    }
}

/// Whether the key was accepted at the moment, and which events decide it.
pub fn explain<P: Past>(past: &P, asked: &Question, at: Moment) -> Result<Explanation, P::Error> {
    let rows = past.rows_at(at.position);
    let Some(key) = rows.key(asked.key)? else {
        return Ok(Explanation { verdict: Err(Objection::Refused(Refusal::KeyUnknown)), decided_by: vec![] });
    };
    let bearer = Bearer::key(key.owner, key.reach, key.created.position);
    let admitted = admit(&rows, &bearer, &key.life, asked.tenant, at.at)?;
    let addressed = asked.from.map_or(Ok(()), |_| key.limits.addresses.admit(asked.from));
    let included = asked.scopes.within(&key.scopes);
    let verdict = match (admitted, addressed) {
        (Err(refusal), _) | (Ok(_), Err(refusal)) => Err(Objection::Refused(refusal)),
        (Ok(admission), Ok(())) if !included || !asked.scopes.permitted_to(admission.role) => {
            Err(Objection::ScopesNotHeld)
        }
        (Ok(admission), Ok(())) => Ok(admission),
    };
    let tenant = asked.tenant.or(key.reach.confined_to()).unwrap_or(key.reach.home());
    let case = Case { past, key: &key, at, from: asked.from };
    let mut decided_by = match verdict {
        Ok(admission) => case.rests_on(admission)?,
        Err(Objection::Refused(refusal)) => case.refused_by(refusal, tenant)?,
        Err(Objection::ScopesNotHeld) if !included => vec![case.made()],
        // The role that it has there does not permit them.
        Err(Objection::ScopesNotHeld) => {
            let tenant = admitted.ok().and_then(|admission| admission.tenant);
            let mut found = case.of_role(tenant, &asked.scopes)?;
            // Where no tenant is named, the key would act in another one instead, with the role that it has there.
            let elsewhere = asked.tenant.is_none() && key.reach.confined_to().is_none();
            found.extend(elsewhere.then(|| case.made()));
            found
        }
    };
    decided_by.sort_unstable();
    decided_by.dedup();
    Ok(Explanation { verdict, decided_by })
}

/// A key at a moment.
struct Case<'a, P> {
    past: &'a P,
    key: &'a Key,
    at: Moment,
    from: Option<IpAddr>,
}

type Found<P> = Result<Vec<Decisive>, <P as Past>::Error>;

impl<P: Past> Case<'_, P> {
    /// The events without all of which this refusal would not be the answer.
    fn refused_by(&self, refusal: Refusal, tenant: TenantId) -> Found<P> {
        let (key, at) = (Versioned::Key(self.key.id), self.at.at);
        let over = |end: Option<Timestamp>| end.filter(|end| at >= *end);
        match refusal {
            Refusal::KeyRevoked => self.of_key(Fact::Revocation, |key| key.life.revoked),
            Refusal::KeyRotated => self.of_key(Fact::Grace, |key| over(key.life.grace_ends_at)),
            Refusal::KeyExpired => self.of_key(Fact::Expiry, |key| over(key.life.expires_at)),
            Refusal::KeyDisabled => self.of_key(Fact::Disabled, |key| key.life.disabled.then_some(())),
            Refusal::AddressNotAllowed => self.run(Fact::Addresses, key, |at| {
                let addresses = self.past.rows_at(at).key(self.key.id)?.map(|key| key.limits.addresses);
                Ok(addresses.filter(|addresses| addresses.admit(self.from).is_err()))
            }),
            Refusal::OwnerRemoved => self.of_owner(Standing::Removed),
            Refusal::OwnerSuspended => self.of_owner(Standing::Suspended),
            Refusal::TenantRemoved => self.of_tenant(tenant, Standing::Removed),
            Refusal::TenantSuspended => self.of_tenant(tenant, Standing::Suspended),
            Refusal::MembershipRemoved => match self.key.owner {
                Owner::User(user) => self.run(Fact::Membership, Versioned::Membership(tenant, user), |at| {
                    let made = self.key.created.position;
                    let ended = |row: &crate::row::Membership| {
                        row.standing == Standing::Removed || from_before(row, made)
                    };
                    let row = self.past.rows_at(at).membership(tenant, user)?.filter(ended);
                    Ok(row.map(|row| (row.standing, row.since, row.left)))
                }),
                Owner::ServiceAccount(_) => Ok(vec![]),
            },
            Refusal::OtherTenant => Ok(vec![self.made()]),
            // Nobody ever made it so.
            Refusal::KeyUnknown | Refusal::NotAMember => Ok(vec![]),
            // A key is no token.
            Refusal::TokenRevoked | Refusal::SigningKeyRefused => Ok(vec![]),
        }
    }

    /// The events without any one of which the key would not be accepted so.
    fn rests_on(&self, admission: Admission) -> Found<P> {
        let rows = self.past.rows_at(self.at.position);
        let id = self.key.id;
        let mut found = vec![self.made()];
        let created = self.key.created.position;
        let key = Versioned::Key(id);
        found.extend(self.since(Fact::Disabled, key, created, |at| {
            Ok(self.past.rows_at(at).key(id)?.map(|key| key.life.disabled))
        })?);
        // A new end decides if the one before was over.
        let at = self.at.at;
        let over = |key: &Key| key.life.expires_at.is_some_and(|end| at >= end);
        found.extend(self.lifted(Fact::Expiry, |key| key.life.expires_at, over)?);
        if self.from.is_some() {
            let elsewhere = |key: &Key| key.limits.addresses.admit(self.from).is_err();
            found.extend(self.lifted(Fact::Addresses, |key| key.limits.addresses.clone(), elsewhere)?);
        }
        match self.key.owner {
            Owner::User(user) => {
                let Some(row) = rows.user(user)? else { return Ok(found) };
                let (of, begun) = (Versioned::User(user), row.created.position);
                found.push(Decisive { position: begun, fact: Fact::Owner });
                found.extend(self.since(Fact::Owner, of, begun, |at| {
                    Ok(self.past.rows_at(at).user(user)?.map(|row| row.standing))
                })?);
                match admission.tenant {
                    None => found.extend(self.since(Fact::Operator, of, begun, |at| {
                        Ok(self.past.rows_at(at).user(user)?.map(|row| row.operator))
                    })?),
                    Some(tenant) => {
                        let Some(row) = rows.membership(tenant, user)? else { return Ok(found) };
                        let (of, begun) = (Versioned::Membership(tenant, user), row.since.position);
                        found.push(Decisive { position: begun, fact: Fact::Membership });
                        found.extend(self.since(Fact::Role, of, begun, |at| {
                            Ok(self.past.rows_at(at).membership(tenant, user)?.map(|row| row.role))
                        })?);
                    }
                }
            }
            Owner::ServiceAccount(account) => {
                let Some(row) = rows.service_account(account)? else { return Ok(found) };
                let (of, begun) = (Versioned::ServiceAccount(account), row.created.position);
                found.push(Decisive { position: begun, fact: Fact::Owner });
                found.extend(self.since(Fact::Owner, of, begun, |at| {
                    Ok(self.past.rows_at(at).service_account(account)?.map(|row| row.standing))
                })?);
                found.extend(self.since(Fact::Role, of, begun, |at| {
                    Ok(self.past.rows_at(at).service_account(account)?.map(|row| row.role))
                })?);
            }
        }
        if let Some(tenant) = admission.tenant
            && let Some(row) = rows.tenant(tenant)?
        {
            let (of, begun) = (Versioned::Tenant(tenant), row.created.position);
            found.push(Decisive { position: begun, fact: Fact::Tenant });
            found.extend(self.since(Fact::Tenant, of, begun, |at| {
                Ok(self.past.rows_at(at).tenant(tenant)?.map(|row| row.standing))
            })?);
        }
        Ok(found)
    }

    fn made(&self) -> Decisive {
        Decisive { position: self.key.created.position, fact: Fact::Key }
    }

    fn of_key<V: PartialEq>(&self, fact: Fact, refuses: impl Fn(&Key) -> Option<V>) -> Found<P> {
        let id = self.key.id;
        self.run(fact, Versioned::Key(id), |at| {
            Ok(self.past.rows_at(at).key(id)?.as_ref().and_then(&refuses))
        })
    }

    fn of_owner(&self, standing: Standing) -> Found<P> {
        let so = |found: Standing| (found == standing).then_some(());
        match self.key.owner {
            Owner::User(user) => self.run(Fact::Owner, Versioned::User(user), |at| {
                Ok(self.past.rows_at(at).user(user)?.and_then(|row| so(row.standing)))
            }),
            Owner::ServiceAccount(account) => {
                self.run(Fact::Owner, Versioned::ServiceAccount(account), |at| {
                    Ok(self.past.rows_at(at).service_account(account)?.and_then(|row| so(row.standing)))
                })
            }
        }
    }

    /// The events that gave its owner a role that does not permit the scopes.
    fn of_role(&self, tenant: Option<TenantId>, scopes: &Scopes) -> Found<P> {
        let lacking = |role: Role| (!scopes.permitted_to(Some(role))).then_some(role);
        match (self.key.owner, tenant) {
            (Owner::User(user), Some(tenant)) => {
                self.run(Fact::Role, Versioned::Membership(tenant, user), |at| {
                    let row = self.past.rows_at(at).membership(tenant, user)?;
                    Ok(row.filter(|row| row.standing == Standing::Living).and_then(|row| lacking(row.role)))
                })
            }
            (Owner::ServiceAccount(account), _) => {
                self.run(Fact::Role, Versioned::ServiceAccount(account), |at| {
                    Ok(self.past.rows_at(at).service_account(account)?.and_then(|row| lacking(row.role)))
                })
            }
            // Outside of any tenant there is no role.
            (Owner::User(_), None) => Ok(vec![self.made()]),
        }
    }

    fn of_tenant(&self, tenant: TenantId, standing: Standing) -> Found<P> {
        self.run(Fact::Tenant, Versioned::Tenant(tenant), |at| {
            Ok(self.past.rows_at(at).tenant(tenant)?.and_then(|row| (row.standing == standing).then_some(())))
        })
    }

    /// The events that made or changed what refuses, back to when it did not refuse.
    fn run<V: PartialEq>(
        &self,
        fact: Fact,
        of: Versioned,
        refuses: impl Fn(Position) -> Result<Option<V>, P::Error>,
    ) -> Found<P> {
        let mut found = vec![];
        let mut value = refuses(self.at.position)?;
        for version in versions(self.past, of, self.at.position) {
            let position = version?;
            if value.is_none() {
                break;
            }
            let before = refuses(just_before(position))?;
            if before != value {
                found.push(Decisive { position, fact });
            }
            value = before;
        }
        Ok(found)
    }

    /// The event since which the value is as it is, if that is later than the row's beginning.
    fn since<V: PartialEq>(
        &self,
        fact: Fact,
        of: Versioned,
        begun: Position,
        value: impl Fn(Position) -> Result<V, P::Error>,
    ) -> Result<Option<Decisive>, P::Error> {
        let now = value(self.at.position)?;
        for version in versions(self.past, of, self.at.position) {
            let position = version?;
            if position <= begun {
                break;
            }
            if value(just_before(position))? != now {
                return Ok(Some(Decisive { position, fact }));
            }
        }
        Ok(None)
    }

    /// The event that set the value in force, if the value before would refuse.
    fn lifted<V: PartialEq>(
        &self,
        fact: Fact,
        value: impl Fn(&Key) -> V,
        refuses: impl Fn(&Key) -> bool,
    ) -> Result<Option<Decisive>, P::Error> {
        let (id, created) = (self.key.id, self.key.created.position);
        let set = self.since(fact, Versioned::Key(id), created, |at| {
            Ok(self.past.rows_at(at).key(id)?.as_ref().map(&value))
        })?;
        let Some(set) = set else { return Ok(None) };
        let before = self.past.rows_at(just_before(set.position)).key(id)?;
        Ok(before.is_some_and(|key| refuses(&key)).then_some(set))
    }
}
