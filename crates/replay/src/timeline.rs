//! `audit timeline`: the life of a key, with whatever stopped it or let it be accepted again, and who did that.

use std::io::{BufWriter, Write};

use domain::difference::touched_by;
use domain::event::{Event, TokenTarget};
use domain::ids::KeyId;
use domain::key::{KeyLife, Owner};
use domain::rejection::Entity;
use domain::row::{Change, Key, RowId};
use domain::subjects::subjects_of;
use domain::time::Timestamp;
use domain::{Lookup, Recorded};
use serde_json::json;
use store::StoreError;
use store::scan::Scanned;

use crate::as_of::PROGRESS_EVENTS;
use crate::error::ReplayError;
use crate::json;
use crate::listing::{Format, Listing};
use crate::names::Names;
use crate::print::instant;
use crate::rows::RowsAt;
use crate::show::{Stop, unless_left};
use crate::source::Source;
use crate::state::status;
use crate::summary::Summary;

const HEADINGS: [&str; 8] = ["POSITION", "TIME", "STATUS", "EVENT", "ACTOR", "WAY", "CAUSE", "WHAT"];

/// Writes every event about the key, every one that changed whether it is accepted, and the instants at which it
/// expired or its grace ended, up to `until`; each with how the key stood after it.
pub fn timeline(
    source: &Source,
    names: &Names,
    key: KeyId,
    until: Timestamp,
    format: Format,
    out: impl Write,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), ReplayError> {
    let listing = Listing::new(format, BufWriter::new(out), HEADINGS);
    let mut line = Timeline { key, names, listing, life: None };
    let total = source.head().position.number();
    let read = source.follow_rows(|scanned, rows| {
        let recorded = &scanned.recorded;
        if recorded.position.number().is_multiple_of(PROGRESS_EVENTS) {
            progress(recorded.position.number(), total);
        }
        if recorded.recorded_at > until {
            return Err(Stop::Enough);
        }
        line.take(&scanned, rows)
    });
    let known = line.life.is_some();
    let written = match read {
        Ok(()) | Err(Stop::Enough) if known => line.clock(until).and_then(|()| Ok(line.listing.finish()?)),
        Ok(()) | Err(Stop::Enough) => Err(ReplayError::NoSuchKey { key }.into()),
        Err(stop) => {
            line.listing.leave();
            Err(stop)
        }
    };
    unless_left(written)
}

struct Timeline<'a, W: Write> {
    key: KeyId,
    names: &'a Names,
    listing: Listing<BufWriter<W>, 8>,
    life: Option<Life>,
}

/// How the key stood after the last event.
struct Life {
    owner: Owner,
    status: &'static str,
    row: KeyLife,
    /// Up to here, what the clock ended was told.
    told: Timestamp,
}

impl<W: Write> Timeline<'_, W> {
    fn take(&mut self, scanned: &Scanned, rows: &RowsAt<'_>) -> Result<(), Stop> {
        let recorded = &scanned.recorded;
        let about = subjects_of(&recorded.event).contains(&Entity::Key(self.key));
        let (owner, before) = match &self.life {
            None if about && matches!(recorded.event, Event::KeyCreated(_)) => (None, ""),
            None => return Ok(()),
            Some(life) => (Some(life.owner), life.status),
        };
        let touched = touched_by(&recorded.event);
        if !about && owner.is_some_and(|owner| !touched.iter().any(|row| rests_on(owner, *row))) {
            return Ok(());
        }
        self.clock(recorded.recorded_at)?;
        let Some(row) = rows.key(self.key)? else { return Ok(()) };
        let now = status_of(rows, &row, recorded.recorded_at)?;
        let tokens = touched.iter().any(|touched| covers(*touched, &row));
        self.life = Some(Life { owner: row.owner, status: now, row: row.life, told: recorded.recorded_at });
        if about || tokens || now != before {
            self.event(scanned, rows, now)?;
        }
        Ok(())
    }

    /// What ended by itself since the last event.
    fn clock(&mut self, until: Timestamp) -> Result<(), Stop> {
        let Some(life) = &mut self.life else { return Ok(()) };
        let KeyLife { expires_at, grace_ends_at, revoked, .. } = life.row;
        let mut ends =
            [(expires_at, "KeyExpired", "KEY_EXPIRED"), (grace_ends_at, "GraceEnded", "KEY_ROTATED")];
        ends.sort_by_key(|(at, ..)| *at);
        for (at, what, code) in ends {
            let Some(at) = at.filter(|at| *at > life.told && *at <= until && revoked.is_none()) else {
                continue;
            };
            life.told = at;
            // What stopped it for good before is still why it is refused.
            if life.status == "accepted" || life.status == "KEY_DISABLED" {
                life.status = code;
            }
            let (status, at) = (life.status.to_owned(), instant(at));
            let json = json!({ "position": null, "recorded_at": at, "event": what, "status": status });
            let none = || "-".to_owned();
            let cells =
                [none(), at, status, what.to_owned(), none(), "clock".to_owned(), none(), String::new()];
            self.listing.entry(|| cells, || json.to_string())?;
        }
        Ok(())
    }

    fn event(&mut self, scanned: &Scanned, rows: &RowsAt<'_>, status: &str) -> Result<(), Stop> {
        let recorded = &scanned.recorded;
        let Recorded { position, recorded_at, metadata, event } = recorded;
        let summary = Summary { names: self.names, rows };
        let cells = || {
            [
                position.to_string(),
                instant(*recorded_at),
                status.to_owned(),
                event.name().to_owned(),
                summary.actor(&metadata.actor),
                metadata.way.as_str().to_owned(),
                metadata.cause.map_or("-".to_owned(), |cause| cause.to_string()),
                summary.what(recorded),
            ]
        };
        let with_status = || {
            let json = json::event(scanned, self.names);
            let members = json.strip_suffix('}').expect("an event is an object");
            format!("{members},\"status\":\"{status}\"}}")
        };
        Ok(self.listing.entry(cells, with_status)?)
    }
}

fn status_of(rows: &RowsAt<'_>, key: &Key, at: Timestamp) -> Result<&'static str, StoreError> {
    Ok(status(rows, &Change::Key(key.clone()), at)?.word)
}

/// Whether the standing of a key of this owner may rest on the row.
fn rests_on(owner: Owner, row: RowId) -> bool {
    match row {
        RowId::Tenant(_) => true,
        RowId::User(user) | RowId::Membership { user, .. } => owner == Owner::User(user),
        RowId::ServiceAccount(account) => owner == Owner::ServiceAccount(account),
        RowId::Watermark(_) => true,
        RowId::Key(_) | RowId::SigningKey(_) | RowId::Deployment | RowId::UniqueName(_) => false,
    }
}

/// Whether tokens of the key are among those that the row refuses.
fn covers(row: RowId, key: &Key) -> bool {
    let RowId::Watermark(target) = row else { return false };
    match target {
        TokenTarget::Token { key: of, .. } | TokenTarget::Key(of) => of == key.id,
        TokenTarget::Owner(owner) => owner == key.owner,
        TokenTarget::Tenant(tenant) => key.reach.confined_to().is_none_or(|only| only == tenant),
        TokenTarget::SigningKey(_) => false,
        TokenTarget::All => true,
    }
}
