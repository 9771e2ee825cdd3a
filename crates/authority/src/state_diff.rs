//! What differs between two moments, in a tenant or in the whole deployment: added, removed, changed.
//!
//! It costs what happened between the two, whatever there is besides.

use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};

use domain::Lookup;
use domain::concern::{Concerned, concerned};
use domain::difference::{Difference, Kind, between, touched_by};
use domain::facts::Fact;
use domain::ids::{TenantId, UserId};
use domain::past::just_before;
use domain::row::{Membership, RowId, Standing};
use domain::time::Position;
use store::StoreError;

use crate::as_of::{Answer, AsOf, AsOfError, Basis, View};
use crate::authenticate::Caller;
use crate::authority::Authority;
use crate::events::{Reader, Said, Scope};
use crate::failure::{Failure, InputError};

/// The most events between the two moments.
const EVENTS_MAX: u64 = 100_000;

/// What differs.
#[derive(Clone, Debug)]
pub struct Differences {
    /// The first moment; the answer is as of the second.
    pub from: Basis,
    /// How many events were looked at.
    pub events: u64,
    /// How many differences there are.
    pub count: usize,
    /// Those of the part that is told, by what they are of, then by id.
    pub entries: Vec<DifferenceView>,
}

/// Something that is not the same at both moments.
#[derive(Clone, Debug)]
pub struct DifferenceView {
    /// What it is.
    pub row: RowId,
    /// What became of it.
    pub kind: Kind,
    /// Whether it lets somebody do more.
    pub increases_access: bool,
    /// In one line.
    pub line: Vec<Said>,
    /// What is otherwise, field by field.
    pub fields: Vec<FieldView>,
}

/// A field that is not the same at both moments. None: it said nothing.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are what their names say")]
pub struct FieldView {
    pub name: String,
    pub before: Option<Said>,
    pub after: Option<Said>,
}

/// Which differences are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All.
    All,
    /// Those that let somebody do more.
    OnlyIncreases,
}

impl Authority {
    /// What differs in a tenant, for its administrators, or in the deployment, for operators. All differences are counted,
    /// and those of a part of them told.
    pub fn state_diff(
        &self,
        caller: &Caller,
        scope: Scope,
        from: AsOf,
        to: AsOf,
        wanted: Wanted,
        part: Range<usize>,
    ) -> Result<Answer<Differences>, Failure> {
        let view = self.view(to)?;
        self.may_list(&view, caller, scope)?;
        let from = view.basis_of(from, self.now())?;
        // The clock may have gone back behind what is recorded: nothing is later than now all the same.
        let is_later = to != AsOf::Now && from.instant > view.basis.instant;
        if from.position > view.basis.position || is_later {
            return Err(InputError::AsOf(AsOfError::Backwards).into());
        }
        let window = Window::read(&view, scope, from.position.next()..=view.basis.position)?;
        let (before, after) = (view.snapshot.rows_at(from.position), view.then());
        let reader = Reader::new(self, &view.snapshot, caller, scope);
        let (mut count, mut entries) = (0, vec![]);
        for difference in between(&before, &after, window.touched)? {
            let difference = match (difference.row, scope) {
                (RowId::User(user), Scope::Tenant(tenant)) => {
                    let there = there(&view, tenant, user, from.position)?;
                    let Some(there) = there else { continue };
                    let rows_at = |position| view.snapshot.rows_at(position);
                    let changed =
                        between(&rows_at(*there.start()), &rows_at(*there.end()), [difference.row])?;
                    let Some(changed) = changed.into_iter().next() else { continue };
                    changed
                }
                _ => difference,
            };
            let unwanted = wanted == Wanted::OnlyIncreases && !difference.increases_access();
            if unwanted || difference.kind() == Kind::Derived {
                continue;
            }
            if let Scope::Tenant(tenant) = scope
                && !within(tenant, &difference, &before, &after)?
            {
                continue;
            }
            if part.contains(&count) {
                entries.push(told(&reader, &difference, &after)?);
            }
            count += 1;
        }
        Ok(view.answer(Differences { from, events: window.events, count, entries }))
    }
}

/// What happened between two moments.
struct Window {
    touched: BTreeSet<RowId>,
    events: u64,
}

impl Window {
    fn read(view: &View, scope: Scope, range: RangeInclusive<Position>) -> Result<Self, Failure> {
        let mut window = Self { touched: BTreeSet::new(), events: 0 };
        if range.is_empty() {
            return Ok(window);
        }
        match scope {
            Scope::Tenant(tenant) => {
                for position in view.snapshot.history(Concerned::Tenant(tenant), &range)?.positions() {
                    window.take(view, position?)?;
                }
            }
            Scope::Deployment | Scope::Oneself => {
                for number in range.start().number()..=range.end().number() {
                    window.take(view, Position::new(number))?;
                }
            }
        }
        Ok(window)
    }

    fn take(&mut self, view: &View, position: Position) -> Result<(), Failure> {
        self.events += 1;
        if self.events > EVENTS_MAX {
            let rule = "more than 100,000 events lie between the two moments: name a tenant or moments that lie closer \
                        together, or run keyledger audit diff, which needs no server";
            return Err(InputError::Malformed { field: "from", rule }.into());
        }
        let recorded = view.snapshot.recorded(position)?;
        self.touched.extend(touched_by(&recorded.event));
        Ok(())
    }
}

/// From when until when a user was a member between the moments: from the later of the first and their joining on, until the
/// earlier of the second and just before their leaving. What befell them elsewhere is not the tenant's business.
fn there(
    view: &View,
    tenant: TenantId,
    user: UserId,
    from: Position,
) -> Result<Option<RangeInclusive<Position>>, StoreError> {
    let membership = |position| view.snapshot.rows_at(position).membership(tenant, user);
    let is_member = |row: &Membership| row.standing == Standing::Living;
    let (before, after) = (membership(from)?, view.then().membership(tenant, user)?);
    let was_member = before.as_ref().is_some_and(is_member);
    Ok(after.and_then(|row| {
        let until = if is_member(&row) { Some(view.basis.position) } else { row.left.map(just_before) };
        let since = if was_member { from } else { row.since.position };
        until.filter(|until| since <= *until).map(|until| since..=until)
    }))
}

/// Whether it belonged to the tenant at either moment.
fn within<L: Lookup<Error = StoreError>>(
    tenant: TenantId,
    difference: &Difference,
    before: &L,
    after: &L,
) -> Result<bool, StoreError> {
    let of = |rows: &L, row: &Option<domain::Change>| match row {
        Some(row) => Ok::<_, StoreError>(concerned(rows, row)?.contains(&Concerned::Tenant(tenant))),
        None => Ok(false),
    };
    Ok(of(before, &difference.before)? || of(after, &difference.after)?)
}

/// A difference, with the names of the later state.
pub(crate) fn told<L: Lookup<Error = StoreError>>(
    reader: &Reader<'_>,
    difference: &Difference,
    after: &L,
) -> Result<DifferenceView, StoreError> {
    // A thing keeps its row when it ends: the later rows know every name.
    let line = difference.told().into_iter().map(|piece| reader.piece(after, piece));
    let mut fields: Vec<FieldView> = vec![];
    for field in difference.fields() {
        let side = |value| {
            let mut said = vec![];
            reader.detail("", vec![Fact { name: field.name, value }], &mut said)?;
            Ok::<_, StoreError>(said)
        };
        let (before, after) = (side(field.before.clone())?, side(field.after.clone())?);
        // Of a group both sides tell each member that says something.
        let first = fields.len();
        fields.extend(before.into_iter().map(|(name, said)| FieldView {
            name,
            before: Some(said),
            after: None,
        }));
        for (name, said) in after {
            match fields[first..].iter_mut().find(|known| known.name == name) {
                Some(known) => known.after = Some(said),
                None => fields.push(FieldView { name, before: None, after: Some(said) }),
            }
        }
    }
    Ok(DifferenceView {
        row: difference.row,
        kind: difference.kind(),
        increases_access: difference.increases_access(),
        line: line.collect::<Result<_, _>>()?,
        fields,
    })
}
