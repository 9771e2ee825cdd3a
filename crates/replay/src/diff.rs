//! `audit diff`: what differs between two moments, row by row: added, removed, changed.

use std::io::{BufWriter, Write};

use domain::concern::{Concerned, concerned};
use domain::difference::{Difference, Kind, between};
use domain::ids::TenantId;
use serde_json::{Value, json};

use crate::as_of::Window;
use crate::error::{ReplayError, reading};
use crate::json::{Told, line};
use crate::listing::{About, Format, Listing};
use crate::names::Names;
use crate::show::{Stop, unless_left};
use crate::state::{named, tenant_of_member};
use crate::summary::Summary;

/// The columns of CSV. That of the tenant is for members, who have no id of their own.
const COLUMNS: [&str; 6] = ["change", "kind", "id", "tenant", "access", "what"];

/// Which differences are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiffFilter {
    /// Of what belongs to this tenant at either moment.
    pub tenant: Option<TenantId>,
    /// Which way they go.
    pub which: Which,
}

/// Which differences are wanted, by what they do to access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// All.
    #[default]
    All,
    /// Those that let somebody do more.
    OnlyIncreases,
}

/// Writes what differs; tells how many rows that were. It costs what was touched between the two moments.
pub fn diff(
    window: &Window<'_>,
    names: &Names,
    filter: DiffFilter,
    format: Format,
    out: impl Write,
) -> Result<u64, ReplayError> {
    let (before, after) = (window.before.rows(), window.after.rows());
    let mut differences =
        reading(|| between(&before, &after, window.touched.iter().copied()).map_err(ReplayError::from))?;
    differences.retain(|difference| difference.kind() != Kind::Derived);
    if filter.which == Which::OnlyIncreases {
        differences.retain(Difference::increases_access);
    }
    if let Some(tenant) = filter.tenant {
        let mut kept = vec![];
        for difference in differences {
            let sides = [(&difference.before, &before), (&difference.after, &after)];
            let mut of = false;
            for (row, rows) in sides {
                if let Some(row) = row {
                    of |= concerned(rows, row)?.contains(&Concerned::Tenant(tenant));
                }
            }
            if of {
                kept.push(difference);
            }
        }
        differences = kept;
    }
    let written = (|| {
        let headings = ["", "KIND", "ID", "ACCESS", "WHAT"];
        let mut listing = Listing::about(format, BufWriter::new(out), headings, &COLUMNS, &about(window))?;
        // A thing keeps its row when it ends: the later rows know every name.
        let summary = Summary::of(names, &after);
        for difference in &differences {
            let (kind, id) = named(difference.row);
            let sign = match difference.kind() {
                Kind::Added => "+",
                Kind::Removed => "-",
                Kind::Changed | Kind::Derived => "~",
            };
            let access = if difference.increases_access() { "more" } else { "" };
            let what = || summary.line(difference.told());
            if listing.takes_rows() {
                let (change, tenant) =
                    (word(difference).to_owned(), tenant_of_member(difference.row).unwrap_or_default());
                listing.row(&[change, kind.to_owned(), id, tenant, access.to_owned(), what()])?;
                continue;
            }
            let cells = || [sign.to_owned(), kind.to_owned(), id, access.to_owned(), what()];
            listing.entry(cells, || entry_json(difference, names))?;
        }
        listing.finish().map_err(Stop::from)
    })();
    unless_left(written)?;
    Ok(differences.len() as u64)
}

impl Window<'_> {
    /// What an answer rests on, in words.
    pub fn said(&self) -> String {
        about(self).line
    }
}

fn about(window: &Window<'_>) -> About {
    let (from, to) = (window.before.basis, window.after.basis);
    let at = |basis: crate::as_of::Basis| crate::print::instant(basis.instant);
    About {
        line: format!(
            "From position {}, {}, to position {}, {}: {} events in all tenants; the log ends at position {}",
            from.position,
            at(from),
            to.position,
            at(to),
            window.events,
            to.head
        ),
        members: format!("\"from\":{},\"to\":{},\"events\":{}", from.json(), to.json(), window.events),
        entries: "differences",
    }
}

fn word(difference: &Difference) -> &'static str {
    match difference.kind() {
        Kind::Added => "added",
        Kind::Removed => "removed",
        Kind::Changed => "changed",
        Kind::Derived => "derived",
    }
}

fn entry_json(difference: &Difference, names: &Names) -> String {
    let (kind, id) = named(difference.row);
    let what = word(difference);
    let fields: Vec<Value> = difference
        .fields()
        .into_iter()
        .map(|field| json!({ "name": field.name, "before": Told(&field.before, names), "after": Told(&field.after, names) }))
        .collect();
    let mut json = json!({
        "what": what, "kind": kind, "id": id, "increases_access": difference.increases_access(), "fields": fields,
    });
    if let Some(tenant) = tenant_of_member(difference.row) {
        json["tenant_id"] = tenant.into();
    }
    line(&json)
}
