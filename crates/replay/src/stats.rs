//! `audit stats`: what there is in a log, and how often.

use std::collections::BTreeMap;
use std::io::{self, Write};

use domain::actor::ActorId;
use domain::ids::LedgerId;
use domain::key::Owner;
use domain::time::{Moment, Timestamp};
use serde_json::{Value, json};

use crate::as_of::PROGRESS_EVENTS;
use crate::error::ReplayError;
use crate::print::{harmless_json, instant};
use crate::source::Source;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What there is in a log. Takes as much memory as there are days and names, however long the log is.
#[derive(Clone, Debug)]
pub struct Stats {
    /// The ledger.
    pub ledger: LedgerId,
    /// How many events there are.
    pub events: u64,
    /// How many bytes their envelopes have together, and the largest.
    pub bytes: u64,
    /// How many bytes the largest envelope has.
    pub bytes_max: u64,
    /// The first event.
    pub first: Option<Moment>,
    /// The last event.
    pub last: Option<Moment>,
    /// By the name of the event.
    pub by_event: BTreeMap<&'static str, u64>,
    /// By what sort of actor acted.
    pub by_actor: BTreeMap<&'static str, u64>,
    /// By the interface.
    pub by_way: BTreeMap<&'static str, u64>,
    /// By the month, such as 2026-01.
    pub by_month: BTreeMap<String, u64>,
}

/// Counts what there is in a log, its chain checked on the way.
pub fn stats(source: &Source, progress: &mut dyn FnMut(u64, u64)) -> Result<Stats, ReplayError> {
    let mut stats = Stats {
        ledger: source.ledger(),
        events: 0,
        bytes: 0,
        bytes_max: 0,
        first: None,
        last: None,
        by_event: BTreeMap::new(),
        by_actor: BTreeMap::new(),
        by_way: BTreeMap::new(),
        by_month: BTreeMap::new(),
    };
    let total = source.head().position.number();
    // A day is a number, a month is a text; and hardly any two days are in as many months.
    let mut by_day: BTreeMap<i64, u64> = BTreeMap::new();
    source.scan(|scanned| {
        let recorded = &scanned.recorded;
        let moment = Moment { position: recorded.position, at: recorded.recorded_at };
        stats.events += 1;
        stats.bytes += scanned.bytes as u64;
        stats.bytes_max = stats.bytes_max.max(scanned.bytes as u64);
        stats.first = stats.first.or(Some(moment));
        stats.last = Some(moment);
        *stats.by_event.entry(recorded.event.name()).or_default() += 1;
        *stats.by_actor.entry(actor(&recorded.metadata.actor)).or_default() += 1;
        *stats.by_way.entry(recorded.metadata.way.as_str()).or_default() += 1;
        *by_day.entry(recorded.recorded_at.unix_ms() / DAY_MS).or_default() += 1;
        if stats.events.is_multiple_of(PROGRESS_EVENTS) {
            progress(stats.events, total);
        }
        Ok::<_, ReplayError>(())
    })?;
    for (day, count) in by_day {
        let begins = Timestamp::from_unix_ms(day * DAY_MS).expect("something was recorded on that day");
        *stats.by_month.entry(instant(begins)[..7].to_owned()).or_default() += count;
    }
    Ok(stats)
}

const fn actor(actor: &ActorId) -> &'static str {
    match actor {
        ActorId::Console => "console",
        ActorId::Server => "server",
        ActorId::Holder { identity: Owner::User(_), .. } => "user",
        ActorId::Holder { identity: Owner::ServiceAccount(_), .. } => "service_account",
    }
}

impl Stats {
    /// Writes it for people.
    pub fn write_table(&self, out: &mut impl Write) -> io::Result<()> {
        let moment = |moment: Option<Moment>| {
            moment.map_or("none".to_owned(), |m| format!("position {}, {}", m.position, instant(m.at)))
        };
        let mean = self.bytes.checked_div(self.events).unwrap_or(0);
        writeln!(out, "ledger    {}", self.ledger)?;
        writeln!(out, "events    {}", self.events)?;
        writeln!(out, "bytes     {}, {mean} an event, at most {}", self.bytes, self.bytes_max)?;
        writeln!(out, "first     {}", moment(self.first))?;
        writeln!(out, "last      {}", moment(self.last))?;
        let sections = [("EVENTS", &self.by_event), ("ACTORS", &self.by_actor), ("WAYS", &self.by_way)];
        for (heading, counts) in sections {
            writeln!(out, "\n{heading}")?;
            for (name, count) in counts {
                writeln!(out, "  {name:<26}{count:>10}")?;
            }
        }
        writeln!(out, "\nMONTHS")?;
        for (month, count) in &self.by_month {
            writeln!(out, "  {month:<26}{count:>10}")?;
        }
        Ok(())
    }

    /// Writes it for programs.
    pub fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let text =
            serde_json::to_string_pretty(&self.json()).expect("texts and numbers can always be written");
        writeln!(out, "{}", harmless_json(text))
    }

    fn json(&self) -> Value {
        let moment = |moment: Option<Moment>| {
            moment.map(|m| json!({ "position": m.position.to_string(), "recorded_at": instant(m.at) }))
        };
        json!({
            "ledger": self.ledger.to_string(),
            "events": self.events,
            "bytes": self.bytes,
            "bytes_max": self.bytes_max,
            "first": moment(self.first),
            "last": moment(self.last),
            "by_event": self.by_event,
            "by_actor": self.by_actor,
            "by_way": self.by_way,
            "by_month": self.by_month,
        })
    }
}
