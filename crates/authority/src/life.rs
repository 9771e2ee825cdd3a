//! The life of a key: what was done to it, what befell it through what it rests on, and how it stood after each.

use domain::Lookup as _;
use domain::concern::Concerned;
use domain::event::Event;
use domain::ids::{KeyId, TenantId};
use domain::life::{Through, befallen, tenants_of};
use domain::rejection::Refusal;
use domain::row::Key;
use domain::status::{Bearer, admit};
use domain::time::{Position, Timestamp};
use store::StoreError;

use crate::as_of::{Answer, AsOf, View};
use crate::authenticate::Caller;
use crate::authority::Authority;
use crate::events::{EventView, Reader, Scope};
use crate::failure::Failure;
use crate::named::KeyNamed;
use crate::queries::told_of;
use crate::usage::KeyUsage;

/// The most events that a life tells, the latest ones.
const STEPS_MAX: usize = 2_000;

/// A key and its life until a moment.
#[derive(Clone, Debug)]
pub struct Life {
    /// The key.
    pub key: KeyId,
    /// What happened, the first first.
    pub steps: Vec<Step>,
    /// Whether something happened before the first of these, of which nothing is told: a life can be longer than anybody reads.
    pub earlier: bool,
}

/// Something that happened to a key.
#[derive(Clone, Debug)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
    /// Whether the key was accepted from then on, and if not, why.
    pub status: Result<(), Refusal>,
}

/// What happened to a key.
#[derive(Clone, Debug)]
pub enum What {
    /// An event, of the key itself or of something that it rests on.
    Event(Through, Box<EventView>),
    /// Its time was over.
    Expired,
    /// The grace after its rotation was over.
    GraceOver,
    /// It was used for the first time, as far as is known: approximate.
    FirstUsed,
    /// It was used for the last time, as far as is known: approximate.
    LastUsed,
}

impl Authority {
    /// The life of a key as of a moment: for its owner, the administrators of its home, and operators.
    pub fn key_history(
        &self,
        caller: &Caller,
        named: &KeyNamed,
        as_of: AsOf,
    ) -> Result<Answer<Life>, Failure> {
        let view = self.view(as_of)?;
        let (id, scope) = self.known_with_past(&view, caller, named)?;
        let Some(key) = view.then().key(id)? else {
            return Ok(view.answer(Life { key: id, steps: vec![], earlier: false }));
        };
        let told = told_of(caller, key.owner, scope);
        let (mut steps, earlier) = self.events_of_life(&view, caller, scope, &key)?;
        let begun = steps.first().map_or(key.created.at, |step| step.at);
        let revoked = when(&steps, |event| matches!(event, Event::KeyRevoked { .. }));
        let rotated = when(&steps, |event| matches!(event, Event::KeyRotated { key, .. } if *key == id));
        let ends = [(key.life.expires_at, What::Expired), (key.life.grace_ends_at, What::GraceOver)];
        let mut timed = |at: Option<Timestamp>, what| -> Result<(), Failure> {
            let at = at.filter(|at| !earlier || *at >= begun);
            steps.extend(timed(&view, &key, told, at, what)?);
            Ok(())
        };
        for (at, what) in ends {
            // A key that was revoked by then had ended already.
            timed(at.filter(|at| revoked.is_none_or(|revoked| *at <= revoked)), what)?;
        }
        if let Some(KeyUsage { tally: usage, .. }) = self.use_told(&view, &key, told)?.known() {
            timed(Some(usage.first), What::FirstUsed)?;
            if usage.last > usage.first {
                timed(Some(usage.last), What::LastUsed)?;
            }
        }
        // What the clock decides at the instant of an event, it decides before the event; but a grace of no length is over with
        // the rotation.
        let after = |step: &Step| matches!(step.what, What::GraceOver) && rotated == Some(step.at);
        steps.sort_by_key(|step| (step.at, after(step), step.position()));
        Ok(view.answer(Life { key: id, steps, earlier }))
    }

    /// The latest events of a life, and whether there are earlier ones.
    fn events_of_life(
        &self,
        view: &View,
        caller: &Caller,
        scope: Scope,
        key: &Key,
    ) -> Result<(Vec<Step>, bool), Failure> {
        let until = view.basis.position;
        let told = told_of(caller, key.owner, scope);
        let mut tenants = tenants_of(&view.then(), key)?;
        // What befell it elsewhere is another tenant's business.
        tenants.retain(|tenant| told.is_none_or(|told| *tenant == told));
        let befallen = befallen(&view.snapshot, key, &tenants, told, until, STEPS_MAX)?;
        let (mut found, mut since) = (befallen.events, befallen.since.unwrap_or(key.created.position));
        let own = view.snapshot.history(Concerned::Key(key.id), &(since..=until))?.positions();
        for position in own.rev().take(STEPS_MAX + 1) {
            found.push((position?, Through::Key));
        }
        found.sort_unstable();
        // One event may befall a key in two ways: as its user's end and as that of a membership.
        found.dedup_by_key(|(position, _)| *position);
        if found.len() > STEPS_MAX {
            drop(found.drain(..found.len() - STEPS_MAX));
            since = found[0].0;
        }
        let reader = Reader::new(self, &view.snapshot, caller, scope);
        let mut steps = Vec::with_capacity(found.len());
        for (position, through) in found {
            let recorded = view.snapshot.recorded(position)?;
            let at = recorded.recorded_at;
            let status = status(view, key, told, position, at)?;
            steps.push(Step { at, what: What::Event(through, Box::new(reader.view(recorded)?)), status });
        }
        Ok((steps, since > key.created.position))
    }
}

impl Step {
    /// The place of the event in the log; none: it is no event.
    pub fn position(&self) -> Option<Position> {
        match &self.what {
            What::Event(_, event) => Some(event.recorded.position),
            What::Expired | What::GraceOver | What::FirstUsed | What::LastUsed => None,
        }
    }
}

/// When the first such event was.
fn when(steps: &[Step], is_it: impl Fn(&Event) -> bool) -> Option<Timestamp> {
    let found = steps.iter().find(|step| match &step.what {
        What::Event(_, event) => is_it(&event.recorded.event),
        What::Expired | What::GraceOver | What::FirstUsed | What::LastUsed => false,
    });
    found.map(|step| step.at)
}

/// Something that happened at an instant without an event, if that instant has come.
fn timed(
    view: &View,
    key: &Key,
    tenant: Option<TenantId>,
    at: Option<Timestamp>,
    what: What,
) -> Result<Option<Step>, Failure> {
    let Some(at) = at.filter(|at| *at <= view.basis.instant) else { return Ok(None) };
    let position = view.snapshot.position_at(at)?.min(view.basis.position);
    Ok(Some(Step { at, what, status: status(view, key, tenant, position, at)? }))
}

/// Whether the key was accepted just after the position, at the instant: in the tenant, or where it acts if none is named.
fn status(
    view: &View,
    key: &Key,
    tenant: Option<TenantId>,
    position: Position,
    at: Timestamp,
) -> Result<Result<(), Refusal>, StoreError> {
    let rows = view.snapshot.rows_at(position);
    let Some(then) = rows.key(key.id)? else { return Ok(Err(Refusal::KeyUnknown)) };
    let bearer = Bearer::key(then.owner, then.reach, then.created.position);
    Ok(admit(&rows, &bearer, &then.life, tenant, at)?.map(drop))
}
