//! The events that a caller may read: of a tenant, for its administrators; of the deployment, for operators.
//!
//! A page is found through the histories that the ledger links, never by scanning the log. What no history tells,
//! the type and the actor, is looked for in a bounded number of events; a page may then be shorter than asked.

mod reader;

use std::borrow::Cow;

use std::ops::RangeInclusive;

use domain::Lookup as _;
use domain::Recorded;
use domain::concern::Concerned;
use domain::decide::{audits, role_of};
use domain::ids::{KeyId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use domain::past::just_before;
use domain::rejection::Rejection;
use domain::role::Permission;
use domain::time::{Position, Timestamp};
use store::snapshot::SnapshotRows;
use store::{Snapshot, StoreError};

use crate::as_of::{Answer, AsOf, View};
use crate::authenticate::Caller;
use crate::authority::Authority;
use crate::failure::{Failure, InputError};

pub(crate) use reader::Reader;

pub use store::codec::event_type::EventType;

/// How many events are read for one page, at most.
const EXAMINED_MAX: usize = 10_000;

/// Whose events are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those that concern a tenant.
    Tenant(TenantId),
    /// Every event.
    Deployment,
    /// Those of a key of one's own: no list, but what is read of them one by one.
    Oneself,
}

/// In which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they happened.
    OldestFirst,
    /// The last one first.
    NewestFirst,
}

/// Which events are wanted: those that everything said here applies to.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Of one of these types; no list: of any.
    pub types: Option<Vec<EventType>>,
    /// That concern each of these.
    pub concerning: Vec<Concerned>,
    /// By the user or service account with this id, or with the key or token with this id.
    pub actor: Option<[u8; 16]>,
    /// From this position on.
    pub from: Option<Position>,
    /// Up to and including this position.
    pub to: Option<Position>,
    /// Recorded at this instant or later.
    pub since: Option<Timestamp>,
    /// Recorded before this instant.
    pub until: Option<Timestamp>,
    /// In the log as it was at this moment.
    pub as_of: AsOf,
}

impl EventFilter {
    /// Reads the names of event types.
    pub fn types(names: &[String]) -> Result<Vec<EventType>, InputError> {
        names.iter().map(|name| EventType::named(name).ok_or(InputError::UnknownEvent)).collect()
    }

    fn admits(&self, recorded: &Recorded) -> bool {
        let typed = self.types.as_ref().is_none_or(|types| types.contains(&EventType::of(&recorded.event)));
        typed && self.actor.is_none_or(|id| recorded.metadata.actor.is(id))
    }
}

/// A page of events.
#[derive(Clone, Debug)]
pub struct EventPage {
    /// The events.
    pub events: Vec<EventView>,
    /// Whether more may follow.
    pub more: bool,
    /// How far the log was read for this page: what the next one is asked for after.
    pub end: Option<Position>,
}

/// An event, as a reader may see it.
#[derive(Clone, Debug)]
pub struct EventView {
    /// The event with its metadata. Its texts are sealed.
    pub recorded: Recorded,
    /// The tenant that it is about; none: it is about none, or about several.
    pub tenant: Option<TenantId>,
    /// The user that it is about, or whose key.
    pub user: Option<UserId>,
    /// The service account that it is about, or whose key.
    pub service_account: Option<ServiceAccountId>,
    /// The key that it is about.
    pub key: Option<KeyId>,
    /// The signing key that it is about.
    pub signing_key: Option<SigningKeyId>,
    /// What happened, and who did it: one line, in pieces.
    pub line: Vec<Said>,
    /// What it says, field by field.
    pub details: Vec<(String, Said)>,
}

/// A piece of what is said of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// As it is.
    Text(String),
    /// A word of the interfaces, and how people say it.
    Word {
        /// The word.
        word: &'static str,
        /// The same for people.
        plain: Cow<'static, str>,
    },
    /// An instant, to be written as the interface writes instants.
    Instant(Timestamp),
    /// A text that the reader may not see.
    Hidden,
}

impl Authority {
    /// A tenant is read by its administrators and auditors, the deployment by operators and theirs; what is of oneself is no list.
    pub(crate) fn may_list(&self, view: &View, caller: &Caller, scope: Scope) -> Result<(), Failure> {
        let (rows, actor, now) = (view.now(), &caller.actor, self.now());
        match scope {
            Scope::Tenant(tenant) => {
                role_of(&rows, actor, tenant, Permission::Audit, now)??;
                Ok(())
            }
            Scope::Deployment => Ok(audits(&rows, actor, now)??),
            Scope::Oneself => Err(Rejection::Forbidden { needs: Permission::Administer }.into()),
        }
    }

    /// A page of events: so many after a position, in this order.
    pub fn events(
        &self,
        caller: &Caller,
        scope: Scope,
        filter: &EventFilter,
        order: Order,
        after: Option<Position>,
        first: usize,
    ) -> Result<Answer<EventPage>, Failure> {
        let view = self.view(filter.as_of)?;
        let snapshot = &view.snapshot;
        let rows = snapshot.rows();
        self.may_list(&view, caller, scope)?;
        let mut page = EventPage { events: vec![], more: false, end: None };
        if filter.types.as_ref().is_some_and(Vec::is_empty) {
            return Ok(view.answer(page));
        }
        if let Scope::Tenant(tenant) = scope {
            for of in &filter.concerning {
                // How far one would have to look must not tell that there is such a thing elsewhere.
                if !known_in(&rows, tenant, *of)? {
                    return Ok(view.answer(page));
                }
            }
        }
        let range = range(&view, filter, order, after)?;
        let reader = Reader::new(self, snapshot, caller, scope);
        let mut concerning = filter.concerning.clone();
        concerning.extend(match scope {
            Scope::Tenant(tenant) => Some(Concerned::Tenant(tenant)),
            Scope::Deployment | Scope::Oneself => None,
        });
        // The narrowest history leads, and the others are asked about each of its events.
        concerning.sort_by_key(|of| std::cmp::Reverse(*of));
        let (tenants, others): (Vec<_>, Vec<_>) =
            concerning.iter().skip(1).partition(|of| matches!(of, Concerned::Tenant(_)));
        let among = |of: Vec<&Concerned>| of.into_iter().map(|of| snapshot.among(*of)).collect::<Vec<_>>();
        let (tenant, mut tenants, mut others) = (tenants.first().copied(), among(tenants), among(others));
        let mut ahead = positions(snapshot, concerning.first(), range.clone(), order)?;
        let mut examined = 0;
        while let Some(position) = ahead.next() {
            let mut position = position?;
            let mut wanted = true;
            for of in &mut tenants {
                wanted = wanted && of.has(position)?;
            }
            if let (false, Some(tenant)) = (wanted, tenant) {
                // On to the tenant's next event: neither where others lie nor how many they are is told.
                let rest = from(&range, position, order);
                let Some(next) = positions(snapshot, Some(tenant), rest, order)?.next() else { break };
                let next = next?;
                ahead = positions(snapshot, concerning.first(), from(&range, next, order), order)?;
                position = before(next, order);
            }
            for other in &mut others {
                wanted = wanted && other.has(position)?;
            }
            if wanted {
                let recorded = snapshot.recorded(position)?;
                if filter.admits(&recorded) {
                    if page.events.len() == first {
                        page.more = true;
                        break;
                    }
                    page.events.push(reader.view(recorded)?);
                    page.end = Some(position);
                }
            }
            examined += 1;
            if examined >= EXAMINED_MAX {
                page.more = true;
                // A full page ends with its last event; one that is not, as far as was looked.
                if page.events.len() < first {
                    page.end = Some(position);
                }
                break;
            }
        }
        Ok(view.answer(page))
    }
}

/// Whether the tenant ever had to do with it: none of its events concern the tenant otherwise.
fn known_in(rows: &SnapshotRows<'_>, tenant: TenantId, of: Concerned) -> Result<bool, StoreError> {
    Ok(match of {
        Concerned::Tenant(other) => other == tenant,
        Concerned::User(user) => rows.membership(tenant, user)?.is_some(),
        Concerned::ServiceAccount(account) => {
            rows.service_account(account)?.is_some_and(|row| row.tenant == tenant)
        }
        Concerned::Key(key) | Concerned::ActingKey(key) => match rows.key(key)?.map(|row| row.owner) {
            Some(owner) => known_in(rows, tenant, owner.into())?,
            None => false,
        },
    })
}

/// What is left of a range from a position on, in this order.
fn from(range: &RangeInclusive<Position>, position: Position, order: Order) -> RangeInclusive<Position> {
    match order {
        Order::OldestFirst => position..=*range.end(),
        Order::NewestFirst => *range.start()..=position,
    }
}

/// The position after which the page that begins with this one is asked for.
fn before(position: Position, order: Order) -> Position {
    match order {
        Order::OldestFirst => just_before(position),
        Order::NewestFirst => position.next(),
    }
}

/// Within what positions the page lies.
fn range(
    view: &View,
    filter: &EventFilter,
    order: Order,
    after: Option<Position>,
) -> Result<RangeInclusive<Position>, StoreError> {
    let (snapshot, end) = (&view.snapshot, view.basis.position);
    // What was recorded before an instant ends with the last event at or before the millisecond before it.
    let before = |at: Timestamp| match Timestamp::from_unix_ms(at.unix_ms() - 1) {
        Some(just_before) => snapshot.position_at(just_before),
        None => Ok(Position::START),
    };
    let mut first = filter.from.unwrap_or_default().max(Position::START.next());
    let mut last = filter.to.unwrap_or(end).min(end);
    if let Some(since) = filter.since {
        first = first.max(before(since)?.next());
    }
    if let Some(until) = filter.until {
        last = last.min(before(until)?);
    }
    match (order, after) {
        (Order::OldestFirst, Some(after)) => {
            first = first.max(Position::new(after.number().saturating_add(1)))
        }
        (Order::NewestFirst, Some(after)) => last = last.min(Position::new(after.number().saturating_sub(1))),
        (Order::OldestFirst | Order::NewestFirst, None) => {}
    }
    Ok(first..=last)
}

type Positions<'s> = Box<dyn Iterator<Item = Result<Position, StoreError>> + 's>;

fn positions<'s>(
    snapshot: &'s Snapshot,
    of: Option<&Concerned>,
    range: RangeInclusive<Position>,
    order: Order,
) -> Result<Positions<'s>, StoreError> {
    Ok(match (of, order) {
        (Some(of), Order::OldestFirst) => Box::new(snapshot.history(*of, &range)?.positions()),
        (Some(of), Order::NewestFirst) => Box::new(snapshot.history(*of, &range)?.positions().rev()),
        (None, order) => {
            let numbers = range.start().number()..=range.end().number();
            let position = |number| Ok(Position::new(number));
            match order {
                Order::OldestFirst => Box::new(numbers.map(position)),
                Order::NewestFirst => Box::new(numbers.rev().map(position)),
            }
        }
    })
}
