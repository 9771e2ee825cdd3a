//! As of: the state at a moment of the past, and what lies between two such moments.

use std::collections::BTreeSet;

use domain::difference::touched_by;
use domain::event::{Event, TokenTarget};
use domain::ids::{TenantId, UserId};
use domain::key::Owner;
use domain::rejection::Entity;
use domain::row::{Change, RowId, Standing};
use domain::time::{Position, Timestamp};
use domain::{Lookup, Model, Recorded};
use store::codec::event_type::EventType;
use store::envelope::{self, Header};
use store::{Snapshot, StoreError};

use crate::error::{ReplayError, reading};
use crate::of_tenant::OfTenant;
use crate::remembered::Remembered;
use crate::rows::RowsAt;
use crate::show::{Stop, unless_left};
use crate::source::Source;

/// A moment of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// Just after the event at this position.
    Position(Position),
    /// This instant, with every event that was recorded until then.
    Instant(Timestamp),
}

/// Why there is no such moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AsOfError {
    /// There was nothing yet.
    #[error("there was nothing yet: the log begins with position 1; ask for a later moment")]
    BeforeFirstEvent,
    /// Nobody knows yet.
    #[error("this instant is in the future; ask for one that has passed")]
    InFuture,
    /// The log does not go so far.
    #[error("the log ends here at position {head}; ask for that one or an earlier one, or read a later copy")]
    BeyondHead {
        /// Its last position.
        head: Position,
    },
    /// The second of two moments is the earlier one.
    #[error("the second moment lies before the first; name the earlier one first")]
    Backwards,
}

/// What an answer rests on: where in the log, and at which instant the clock decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Basis {
    /// The last event that counts.
    pub position: Position,
    /// The instant at which what ends by itself has ended or not.
    pub instant: Timestamp,
    /// Where the log ends.
    pub head: Position,
}

/// The state as of a moment.
pub struct Past<'a> {
    /// Which moment.
    pub basis: Basis,
    rows: Held<'a>,
    /// What there is of the tenant, if only that was asked for.
    of_tenant: Option<OfTenant>,
    /// Whatever tokens were refused: no list of it is kept.
    watermarks: BTreeSet<TokenTarget>,
}

enum Held<'a> {
    Views(&'a Snapshot),
    Folded(Box<Model>),
}

/// What lies between two moments.
pub struct Window<'a> {
    /// The state as of the first.
    pub before: Past<'a>,
    /// The state as of the second.
    pub after: Past<'a>,
    /// The rows that events between them name.
    pub touched: BTreeSet<RowId>,
    /// How many events that are.
    pub events: u64,
}

/// Told now and then how many events were read, and how many there are.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// How many keys are read together.
const KEYS_TOGETHER: usize = 1_024;

/// How often progress is told.
pub(crate) const PROGRESS_EVENTS: u64 = 4_096;

impl Source {
    /// The state as of a moment; `now` is what is no future yet. Reads the log up to there, its chain checked.
    pub fn past(&self, as_of: AsOf, now: Timestamp, progress: Progress<'_>) -> Result<Past<'_>, ReplayError> {
        self.past_of(None, as_of, now, progress)
    }

    /// The same. If it is to be that of a tenant, [`Past::each_row`] need not name the rows of others.
    pub fn past_of(
        &self,
        tenant: Option<TenantId>,
        as_of: AsOf,
        now: Timestamp,
        progress: Progress<'_>,
    ) -> Result<Past<'_>, ReplayError> {
        let state = State::of(self, tenant);
        let fold = self.fold(state, [as_of, as_of], now, progress)?;
        Ok(fold.state.past(self, as_of)?)
    }

    /// What lies between two moments, the second no earlier than the first.
    pub fn window(
        &self,
        from: AsOf,
        to: AsOf,
        now: Timestamp,
        progress: Progress<'_>,
    ) -> Result<Window<'_>, ReplayError> {
        let fold = self.fold(State::of(self, None), [from, to], now, progress)?;
        let Fold { before, state, touched, events, .. } = fold;
        let before = match before {
            Some(before) => before,
            None => state.clone().past(self, from)?,
        };
        let after = state.past(self, to)?;
        // Of two moments between the same two events, the clock tells which is the later one.
        let order = |past: &Past<'_>| (past.basis.position, past.basis.instant);
        if order(&after) < order(&before) {
            return Err(AsOfError::Backwards.into());
        }
        Ok(Window { before, after, touched, events })
    }

    /// How the tenant stands as of the moment; an error says that the log does not know it, or not yet.
    pub fn tenant_as_of(&self, tenant: TenantId, past: &Past<'_>) -> Result<Standing, ReplayError> {
        let known = reading(|| past.rows().tenant(tenant).map_err(ReplayError::from))?;
        if let Some(row) = known {
            return Ok(row.standing);
        }
        // A row stays once it is there: if it is anywhere, it is later.
        let mut made = None;
        let read = self.scan(|scanned| {
            let Recorded { position, recorded_at, event, .. } = &scanned.recorded;
            if matches!(event, Event::TenantCreated { tenant: created, .. } if *created == tenant) {
                made = Some((*position, *recorded_at));
                return Err(Stop::Enough);
            }
            Ok(())
        });
        unless_left(read)?;
        Err(match made {
            Some((position, at)) => ReplayError::MadeLater { what: Entity::Tenant(tenant), position, at },
            None => ReplayError::NoSuchTenant { tenant },
        })
    }

    fn fold(
        &self,
        state: State,
        ends: [AsOf; 2],
        now: Timestamp,
        progress: Progress<'_>,
    ) -> Result<Fold<'_>, ReplayError> {
        for end in ends {
            self.check_moment(end, now)?;
        }
        let mut fold = Fold { source: self, ends, before: None, state, touched: BTreeSet::new(), events: 0 };
        let total = self.head().position.number();
        let read = self.proved(|header: Header, envelope| {
            let number = header.position.number();
            if number.is_multiple_of(PROGRESS_EVENTS) {
                progress(number, total);
            }
            fold.take(&header, envelope)
        });
        match read {
            Ok(()) | Err(Stop::Enough) => Ok(fold),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// Whether there is such a moment at all; `now` is what is no future yet.
    pub fn check_moment(&self, as_of: AsOf, now: Timestamp) -> Result<(), AsOfError> {
        let head = self.head();
        let beyond = Err(AsOfError::BeyondHead { head: head.position });
        match as_of {
            AsOf::Position(Position::START) => Err(AsOfError::BeforeFirstEvent),
            AsOf::Position(position) if position > head.position => beyond,
            // A clock that went back does not make the future of what is recorded.
            AsOf::Instant(instant) if instant > now.max(head.recorded_at) => Err(AsOfError::InFuture),
            // What happened after a copy was made is not in it; a folder has all there was.
            AsOf::Instant(instant) if self.audit().is_none() && instant > head.recorded_at => beyond,
            AsOf::Position(_) | AsOf::Instant(_) => Ok(()),
        }
    }
}

impl AsOf {
    fn holds(self, header: &Header) -> bool {
        match self {
            Self::Position(position) => header.position <= position,
            Self::Instant(instant) => header.recorded_at <= instant,
        }
    }
}

/// The reading of the log up to the second of two moments.
struct Fold<'a> {
    source: &'a Source,
    ends: [AsOf; 2],
    before: Option<Past<'a>>,
    state: State,
    touched: BTreeSet<RowId>,
    events: u64,
}

#[derive(Clone)]
struct State {
    /// None, where there are views.
    model: Option<Model>,
    of_tenant: Option<OfTenant>,
    watermarks: BTreeSet<TokenTarget>,
    last: Option<(Position, Timestamp)>,
}

impl From<AsOfError> for Stop {
    fn from(error: AsOfError) -> Self {
        Self::Failed(error.into())
    }
}

impl<'a> Fold<'a> {
    /// Takes in the next event, which is read only if anything is to be learnt from it.
    fn take(&mut self, header: &Header, envelope: &[u8]) -> Result<(), Stop> {
        let [from, to] = self.ends;
        if !to.holds(header) {
            return Err(if from.holds(header) { AsOfError::Backwards.into() } else { Stop::Enough });
        }
        let between = !from.holds(header);
        if between && self.before.is_none() {
            self.before = Some(self.state.clone().past(self.source, from)?);
        }
        self.state.last = Some((header.position, header.recorded_at));
        if !between && !self.state.wants(header.event_type, envelope) {
            return Ok(());
        }
        let position = header.position;
        let recorded = envelope::decode_after(header, envelope)
            .map_err(|error| StoreError::Event { position, error })?;
        if between {
            self.touched.extend(touched_by(&recorded.event));
            self.events += 1;
        }
        self.state.take(&recorded);
        Ok(())
    }
}

impl State {
    fn of(source: &Source, tenant: Option<TenantId>) -> Self {
        let model = source.snapshot().is_none().then(Model::default);
        Self { model, of_tenant: tenant.map(OfTenant::new), watermarks: BTreeSet::new(), last: None }
    }

    /// Whether anything is to be learnt from the event. Where there are views, these have the rows.
    fn wants(&self, event: EventType, envelope: &[u8]) -> bool {
        self.model.is_some()
            || matches!(event, EventType::TokensRevoked | EventType::RollbackAccepted)
            || self.of_tenant.as_ref().is_some_and(|of_tenant| of_tenant.may_want(event, envelope))
    }

    fn take(&mut self, recorded: &Recorded) {
        if let Some(model) = &mut self.model {
            model.record(recorded);
        }
        if let Some(of_tenant) = &mut self.of_tenant {
            of_tenant.take(&recorded.event);
        }
        if let Event::TokensRevoked { target } = &recorded.event {
            self.watermarks.insert(*target);
        } else if let Event::RollbackAccepted { .. } = &recorded.event {
            self.watermarks.insert(TokenTarget::All);
        }
    }

    fn past(self, source: &Source, as_of: AsOf) -> Result<Past<'_>, AsOfError> {
        let (position, recorded_at) = self.last.ok_or(AsOfError::BeforeFirstEvent)?;
        let instant = match as_of {
            AsOf::Position(_) => recorded_at,
            AsOf::Instant(instant) => instant,
        };
        let rows = match (self.model, source.snapshot()) {
            (Some(model), _) => Held::Folded(Box::new(model)),
            (None, Some(snapshot)) => Held::Views(snapshot),
            (None, None) => unreachable!("what has no views is folded"),
        };
        let basis = Basis { position, instant, head: source.head().position };
        Ok(Past { basis, rows, of_tenant: self.of_tenant, watermarks: self.watermarks })
    }
}

impl Past<'_> {
    /// The rows.
    pub fn rows(&self) -> RowsAt<'_> {
        match &self.rows {
            Held::Views(snapshot) => RowsAt::Views(snapshot.rows_at(self.basis.position)),
            Held::Folded(model) => RowsAt::Folded(model),
        }
    }

    /// The same, for whoever asks for the same rows again and again.
    pub(crate) fn remembering(&self) -> RowsAt<'_> {
        match &self.rows {
            Held::Views(snapshot) => {
                RowsAt::Remembered(Box::new(Remembered::new(snapshot, self.basis.position)))
            }
            Held::Folded(model) => RowsAt::Folded(model),
        }
    }

    /// Reads every row that is there, in the order in which [`Past::each_row`] names them. Of keys, which are most of them,
    /// many are read together.
    pub(crate) fn each_change<E: From<StoreError>>(
        &self,
        mut each: impl FnMut(Change) -> Result<(), E>,
    ) -> Result<(), E> {
        let (rows, mut keys) = (self.rows(), vec![]);
        self.each_row(|row| {
            if let RowId::Key(key) = row {
                keys.push(key);
                if keys.len() < KEYS_TOGETHER {
                    return Ok(());
                }
            }
            rows.each_key(&keys, |key| each(Change::Key(key)))?;
            keys.clear();
            if matches!(row, RowId::Key(_)) { Ok(()) } else { row.read(&rows)?.map_or(Ok(()), &mut each) }
        })?;
        rows.each_key(&keys, |key| each(Change::Key(key)))
    }

    /// Names every row that may be there, but those of which nothing is told; some may begin later only. If only a tenant was asked
    /// for, those that may be its own are enough.
    pub fn each_row<E: From<StoreError>>(
        &self,
        mut each: impl FnMut(RowId) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut watermarks = self.watermarks.iter().copied().map(RowId::Watermark);
        match (&self.rows, &self.of_tenant) {
            (Held::Folded(model), _) => model.row_ids().try_for_each(each),
            (Held::Views(_), Some(of_tenant)) => of_tenant.row_ids().chain(watermarks).try_for_each(each),
            (Held::Views(snapshot), None) => {
                let rows = snapshot.rows();
                each(RowId::Deployment)?;
                let tenants: Vec<TenantId> = rows.tenants()?.iter().map(|row| row.id).collect();
                let users: Vec<UserId> = rows.users()?.iter().map(|row| row.id).collect();
                tenants.iter().copied().map(RowId::Tenant).try_for_each(&mut each)?;
                users.iter().copied().map(RowId::User).try_for_each(&mut each)?;
                for user in &users {
                    for row in rows.memberships_of(*user)? {
                        each(RowId::Membership { tenant: row.tenant, user: row.user })?;
                    }
                }
                let mut accounts = vec![];
                for tenant in tenants {
                    accounts.extend(snapshot.service_accounts_of(tenant)?);
                }
                accounts.iter().copied().map(RowId::ServiceAccount).try_for_each(&mut each)?;
                let owners = users.into_iter().map(Owner::User);
                for owner in owners.chain(accounts.into_iter().map(Owner::ServiceAccount)) {
                    snapshot.keys_of(owner)?.into_iter().map(RowId::Key).try_for_each(&mut each)?;
                }
                rows.signing_keys()?.iter().map(|row| RowId::SigningKey(row.id)).try_for_each(&mut each)?;
                watermarks.try_for_each(each)
            }
        }
    }
}
