//! `audit replay`: the state as of a moment, row by row.

use std::io::{BufWriter, Write};

use domain::Lookup;
use domain::concern::{Concerned, concerned};
use domain::difference::row_in_words;
use domain::facts::rows::{facts_of_row, standing};
use domain::facts::target_id;
use domain::ids::TenantId;
use domain::row::{Change, RowId, Standing};
use domain::status::{Bearer, admit};
use domain::time::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::as_of::{Basis, Past};
use crate::error::{ReplayError, reading};
use crate::json::{Group, id, line};
use crate::listing::{About, Format, Listing};
use crate::names::Names;
use crate::print::instant;
use crate::rows::RowsAt;
use crate::show::{Stop, unless_left};
use crate::summary::Summary;

/// The columns of CSV. That of the tenant is for members, who have no id of their own.
const COLUMNS: [&str; 5] = ["kind", "id", "tenant", "status", "what"];

/// How much is written at once: a state has as many rows as there ever were keys.
const OUT_BYTES: usize = 1 << 16;

/// Which rows are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowFilter {
    /// Of this tenant, or what belongs to it.
    pub tenant: Option<TenantId>,
    /// Also what had ended by then.
    pub ended: Ended,
}

/// Whether what has ended is wanted, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ended {
    /// It is.
    #[default]
    Shown,
    /// Only what lives, and for keys: what is accepted.
    Left,
}

/// Writes the state as of a moment; tells how many rows that were. Rows of a data folder are not kept.
pub fn state(
    past: &Past<'_>,
    names: &Names,
    filter: RowFilter,
    format: Format,
    out: impl Write,
) -> Result<u64, ReplayError> {
    let headings = ["KIND", "ID", "STATUS", "WHAT"];
    let about = About { entries: "rows", ..past.basis.about() };
    // Each row is read once; what many keys rest on, again and again.
    let ancestry = past.remembering();
    let summary = Summary::of_one_moment(names, &ancestry);
    let mut count = 0;
    let written = (|| {
        let mut listing =
            Listing::about(format, BufWriter::with_capacity(OUT_BYTES, out), headings, &COLUMNS, &about)?;
        reading(|| {
            past.each_change(|change| {
                if !is_told(change.row()) || !filter.admits(&ancestry, &change)? {
                    return Ok(());
                }
                let status = status(&ancestry, &change, past.basis.instant)?;
                if filter.ended == Ended::Left && !status.lives {
                    return Ok(());
                }
                count += 1;
                if listing.takes_rows() {
                    return Ok(listing.row(&columns(&change, status.word, &summary))?);
                }
                let json = || row_json(&change, status.word, names);
                let cells = || cells(&change, status.word, &summary);
                listing.entry(cells, json).map_err(Stop::from)
            })
        })?;
        listing.finish().map_err(Stop::from)
    })();
    unless_left(written)?;
    Ok(count)
}

impl Basis {
    /// What an answer rests on, in words.
    pub fn said(&self) -> String {
        self.about().line
    }

    /// What an answer says that it rests on.
    pub(crate) fn about(&self) -> About {
        let Self { position, instant: at, head } = self;
        let at = instant(*at);
        About {
            line: format!("As of position {position}, {at}; the log ends at position {head}"),
            members: format!("\"as_of\":{}", self.json()),
            entries: "entries",
        }
    }

    pub(crate) fn json(&self) -> Value {
        let Self { position, instant: at, head } = self;
        json!({ "position": position.to_string(), "instant": instant(*at), "head": head.to_string() })
    }
}

impl RowFilter {
    fn admits<L: Lookup>(&self, rows: &L, change: &Change) -> Result<bool, L::Error> {
        let Some(tenant) = self.tenant else { return Ok(true) };
        Ok(concerned(rows, change)?.contains(&Concerned::Tenant(tenant)))
    }
}

/// Of what is derived from other rows, nothing is told.
fn is_told(row: RowId) -> bool {
    !matches!(row, RowId::UniqueName(_))
}

/// How something stands.
pub(crate) struct Status {
    /// A word, or the code with which its key is refused.
    pub(crate) word: &'static str,
    /// Whether it lives, or its key is accepted.
    pub(crate) lives: bool,
}

/// How what the row is of stands at the instant, with all that it rests on.
pub(crate) fn status<L: Lookup>(rows: &L, row: &Change, at: Timestamp) -> Result<Status, L::Error> {
    let stands = |of| Status { word: standing(of), lives: of != Standing::Removed };
    // Whoever rests on what has ended has ended with it, and is suspended with it.
    let with = |own, others: [Option<Standing>; 2]| {
        let all = || others.into_iter().flatten().chain([own]);
        let worst = [Standing::Removed, Standing::Suspended].into_iter().find(|of| all().any(|it| it == *of));
        stands(worst.unwrap_or(Standing::Living))
    };
    let tenant = |id| Ok::<_, L::Error>(rows.tenant(id)?.map(|row| row.standing));
    Ok(match row {
        Change::Tenant(row) => stands(row.standing),
        Change::User(row) => stands(row.standing),
        Change::Membership(row) => {
            let user = rows.user(row.user)?.map(|row| row.standing);
            with(row.standing, [user, tenant(row.tenant)?])
        }
        Change::ServiceAccount(row) => with(row.standing, [tenant(row.tenant)?, None]),
        Change::Key(key) => {
            let bearer = Bearer::key(key.owner, key.reach, key.created.position);
            match admit(rows, &bearer, &key.life, None, at)? {
                Ok(_) => Status { word: "accepted", lives: true },
                Err(refusal) => Status { word: refusal.code(), lives: false },
            }
        }
        Change::SigningKey(row) if row.retired.is_some() => Status { word: "retired", lives: false },
        Change::SigningKey(row) if row.active_from > at => Status { word: "published", lives: true },
        Change::SigningKey(_) => Status { word: "active", lives: true },
        Change::Watermark(_, _) => Status { word: "refused", lives: true },
        Change::Deployment(row) if row.token_life_since.is_some() => Status { word: "recorded", lives: true },
        // The log does not say.
        Change::Deployment(_) => Status { word: "assumed", lives: true },
        Change::UniqueName(_, _) => Status { word: "derived", lives: true },
    })
}

/// The kind and the id of a row.
pub(crate) fn named(row: RowId) -> (&'static str, String) {
    match row {
        RowId::Deployment => ("deployment", "-".into()),
        RowId::Tenant(id) => ("tenant", id.to_string()),
        RowId::User(id) => ("user", id.to_string()),
        RowId::Membership { user, .. } => ("member", user.to_string()),
        RowId::ServiceAccount(id) => ("service_account", id.to_string()),
        RowId::Key(id) => ("key", id.to_string()),
        RowId::SigningKey(id) => ("signing_key", id.to_string()),
        RowId::Watermark(target) => ("tokens", target_id(&target).map_or("-".into(), id)),
        RowId::UniqueName(_) => ("name", "-".into()),
    }
}

fn cells(change: &Change, status: &str, summary: &Summary<'_, RowsAt<'_>>) -> [String; 4] {
    summary.remember(change);
    let (kind, id) = named(change.row());
    [kind.to_owned(), id, status.to_owned(), summary.line(row_in_words(change))]
}

fn columns(change: &Change, status: &str, summary: &Summary<'_, RowsAt<'_>>) -> [String; COLUMNS.len()] {
    let [kind, id, status, what] = cells(change, status, summary);
    [kind, id, tenant_of_member(change.row()).unwrap_or_default(), status, what]
}

/// The tenant, where the id alone does not tell which row it is.
pub(crate) fn tenant_of_member(row: RowId) -> Option<String> {
    if let RowId::Membership { tenant, .. } = row { Some(tenant.to_string()) } else { None }
}

/// A row, for programs.
#[derive(Serialize)]
struct RowJson<'a> {
    fields: Group<'a>,
    id: String,
    kind: &'static str,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<String>,
}

fn row_json(change: &Change, status: &str, names: &Names) -> String {
    let (kind, id) = named(change.row());
    let facts = facts_of_row(change);
    let tenant_id = tenant_of_member(change.row());
    let json = RowJson { fields: Group(&facts, names), id, kind, status, tenant_id };
    line(&json)
}
