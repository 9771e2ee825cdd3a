//! `audit timeline`: the life of a key, with what befell it through what it rests on, and who did that.

use std::io::{BufWriter, Write};

use domain::Recorded;
use domain::event::Event;
use domain::ids::KeyId;
use domain::rejection::Entity;
use domain::time::Timestamp;
use serde_json::json;

use crate::as_of::PROGRESS_EVENTS;
use crate::columns::{COLUMNS, columns};
use crate::error::ReplayError;
use crate::json;
use crate::life::{Happened, Life};
use crate::listing::{Format, Listing};
use crate::names::Names;
use crate::print::instant;
use crate::show::{Stop, unless_left};
use crate::source::Source;
use crate::summary::Summary;

const HEADINGS: [&str; 8] = ["POSITION", "TIME", "STATUS", "EVENT", "ACTOR", "WAY", "CAUSE", "WHAT"];

/// The columns of an event, and how the key stood after it.
const WITH_STATUS: [&str; COLUMNS.len() + 1] = {
    let (mut all, mut next) = (["status"; COLUMNS.len() + 1], 0);
    while next < COLUMNS.len() {
        all[next] = COLUMNS[next];
        next += 1;
    }
    all
};

/// Writes every event about the key, every one that befell it through what it rests on, and the instants at which it
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
    let mut listing = Listing::new(format, BufWriter::new(out), HEADINGS, &WITH_STATUS);
    let mut life = Life::of(key);
    let total = source.head().position.number();
    let mut tell = |happened: Happened<'_>| entry(&mut listing, names, happened);
    let read = source.follow_rows(|scanned, rows| {
        let recorded = &scanned.recorded;
        if recorded.position.number().is_multiple_of(PROGRESS_EVENTS) {
            progress(recorded.position.number(), total);
        }
        if recorded.recorded_at > until {
            if life.begun() {
                return Err(Stop::Enough);
            }
            // Nothing is told of it, but that it came later.
            if matches!(&recorded.event, Event::KeyCreated(created) if created.key == key) {
                let (what, position, at) = (Entity::Key(key), recorded.position, recorded.recorded_at);
                return Err(ReplayError::MadeLater { what, position, at }.into());
            }
            return Ok(());
        }
        life.take(&scanned, rows, &mut tell)
    });
    let written = match read {
        Ok(()) | Err(Stop::Enough) if life.begun() => {
            life.clock(until, &mut tell).and_then(|()| Ok(listing.finish()?))
        }
        Ok(()) | Err(Stop::Enough) => Err(ReplayError::NoSuchKey { key }.into()),
        Err(stop) => {
            listing.leave();
            Err(stop)
        }
    };
    unless_left(written)
}

fn entry<W: Write>(listing: &mut Listing<W, 8>, names: &Names, happened: Happened<'_>) -> Result<(), Stop> {
    match happened {
        Happened::Ended { at, what, status } => {
            let at = instant(at);
            if listing.takes_rows() {
                let mut cells = vec![String::new(); WITH_STATUS.len()];
                for (column, cell) in WITH_STATUS.iter().zip(&mut cells) {
                    *cell = match *column {
                        "recorded_at" => at.clone(),
                        "event" => what.to_owned(),
                        "actor" => "clock".to_owned(),
                        "status" => status.to_owned(),
                        _ => continue,
                    };
                }
                return Ok(listing.row(&cells)?);
            }
            let json = json!({ "position": null, "recorded_at": at, "event": what, "status": status });
            let none = || "-".to_owned();
            let cells = [
                none(),
                at,
                status.to_owned(),
                what.to_owned(),
                none(),
                "clock".to_owned(),
                none(),
                String::new(),
            ];
            Ok(listing.entry(|| cells, || json.to_string())?)
        }
        Happened::Event { scanned, rows, status } => {
            let recorded = &scanned.recorded;
            let Recorded { position, recorded_at, metadata, event } = recorded;
            if listing.takes_rows() {
                let mut cells = columns(scanned, rows, names)?.to_vec();
                cells.push(status.to_owned());
                return Ok(listing.row(&cells)?);
            }
            let summary = Summary::of(names, rows);
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
                let json = json::event(scanned, names);
                let members = json.strip_suffix('}').expect("an event is an object");
                format!("{members},\"status\":\"{status}\"}}")
            };
            Ok(listing.entry(cells, with_status)?)
        }
    }
}
