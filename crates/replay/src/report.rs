//! What a verification found, for people and for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use domain::ids::LedgerId;
use domain::time::{Moment, Position, Timestamp};
use serde_json::{Value, json};
use store::chain::ChainHash;

use crate::cosigned::Cosigned;
use crate::print::{harmless_json, instant, one_line};

/// No position is missing, and each event names the hash of the one before.
pub(crate) const CHAIN: &str = "chain";
/// The log ends with what is noted as its end.
pub(crate) const HEAD: &str = "head";
/// Time runs forward.
pub(crate) const INSTANTS: &str = "instants";
/// What an event follows from came before it.
pub(crate) const CAUSES: &str = "causes";
/// Events are encoded in the one way there is.
pub(crate) const ENCODING: &str = "encoding";
/// Events are about what the log introduced.
pub(crate) const ENTITIES: &str = "entities";
/// The views have the row that each event left behind.
pub(crate) const VERSIONS: &str = "versions";
/// The views have the rows of now.
pub(crate) const ROWS: &str = "rows";
/// The views list what there is.
pub(crate) const LISTS: &str = "lists";
/// The views have nothing else.
pub(crate) const COUNTS: &str = "counts";
/// The views have, all in all, what the log amounts to.
pub(crate) const SUMS: &str = "sums";
/// The Merkle tree has the hashes of the envelopes.
pub(crate) const TREE: &str = "tree";
/// The log has what checkpoints say that were signed of it.
pub(crate) const CHECKPOINTS: &str = "checkpoints";
/// The ledger has what its guard saw.
pub(crate) const GUARD: &str = "guard";
/// The pages of the file, by the checksums that the database gave them.
pub(crate) const PAGES: &str = "pages";

/// Of one check, so many problems are told one by one; the rest are counted.
const PROBLEMS_TOLD_MAX: u64 = 20;

/// What a verification found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The ledger.
    pub ledger: LedgerId,
    /// How many events were read.
    pub events: u64,
    /// The first event.
    pub first: Option<Moment>,
    /// The last event that was read.
    pub last: Option<Moment>,
    /// How many bytes the envelopes read have.
    pub bytes: u64,
    /// The position at which the ledger says that it ends.
    pub head: Position,
    /// The chain hash there.
    pub head_hash: ChainHash,
    /// How many events of each name were read.
    pub events_by_name: BTreeMap<String, u64>,
    /// How many keys stand how at the instant `now`: `living`, or the refusal's code in lower case, without `key_`.
    pub keys_by_status: BTreeMap<String, u64>,
    /// The instant that `keys_by_status` is about.
    pub now: Timestamp,
    /// What was checked.
    pub checks: Vec<Check>,
    /// What is wrong, in the order of positions.
    pub problems: Vec<Problem>,
    /// How many more problems there are.
    pub problems_left_out: u64,
    /// The checkpoints that somebody gave, each by its name, and what witnesses signed of them.
    pub against: Vec<(String, Cosigned)>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is checked.
    pub name: &'static str,
    /// What came of it.
    pub outcome: Outcome,
    /// How much was checked, or why not.
    pub detail: String,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is wrong.
    Passed,
    /// Something is.
    Failed,
    /// It could not be done.
    NotDone,
    /// It was not to be done: only the log was asked for.
    NotAsked,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which check found it.
    pub check: &'static str,
    /// Where in the log, if it is in one place.
    pub position: Option<Position>,
    /// What is wrong.
    pub what: String,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::Failed => "FAILED",
            Self::NotDone => "not done",
            Self::NotAsked => "left",
        }
    }

    const fn ok(self) -> Option<bool> {
        match self {
            Self::Passed => Some(true),
            Self::Failed => Some(false),
            Self::NotDone | Self::NotAsked => None,
        }
    }
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }

    /// The one line that says it.
    pub fn verdict(&self) -> String {
        let Some(first) = self.problems.first() else {
            let (events, hash) = (counted(self.events, "event"), self.head_hash);
            let not_done = self.named("; not done: ", Outcome::NotDone);
            let not_asked = self.named("; left to --full: ", Outcome::NotAsked);
            return format!(
                "OK: {events}, chained up to {hash}, and every check passed{not_done}{not_asked}"
            );
        };
        match first.position {
            Some(position) => format!("FAILED: first problem at position {position}: {}", first.what),
            None => format!("FAILED: first problem: {}", first.what),
        }
    }

    /// The checks of which this came, if there are any.
    fn named(&self, before: &str, outcome: Outcome) -> String {
        let such = self.checks.iter().filter(|check| check.outcome == outcome);
        let names: Vec<_> = such.map(|check| check.name).collect();
        if names.is_empty() { String::new() } else { format!("{before}{}", names.join(", ")) }
    }

    /// Writes it for people; the verdict is the last line.
    pub fn write_table(&self, out: &mut impl Write) -> io::Result<()> {
        let moment = |moment: Option<Moment>| {
            moment.map_or("none".to_owned(), |m| format!("position {}, {}", m.position, instant(m.at)))
        };
        writeln!(out, "ledger    {}", self.ledger)?;
        writeln!(out, "events    {}, {}", counted(self.events, "event"), counted(self.bytes, "byte"))?;
        writeln!(out, "first     {}", moment(self.first))?;
        writeln!(out, "last      {}", moment(self.last))?;
        writeln!(out, "head      position {}, hash {}", self.head, self.head_hash)?;
        writeln!(out, "\nEVENTS")?;
        for (name, count) in &self.events_by_name {
            writeln!(out, "  {name:<26}{count:>10}")?;
        }
        if !self.keys_by_status.is_empty() {
            writeln!(out, "\nKEYS at {}", instant(self.now))?;
        }
        for (status, count) in &self.keys_by_status {
            writeln!(out, "  {status:<26}{count:>10}")?;
        }
        writeln!(out, "\nCHECKS")?;
        for Check { name, outcome, detail } in &self.checks {
            writeln!(out, "  {name:<12}{:<10}{}", outcome.as_str(), one_line(detail))?;
        }
        if !self.is_ok() {
            writeln!(out, "\nPROBLEMS")?;
        }
        for Problem { check, position, what } in &self.problems {
            let position = position.map_or("-".to_owned(), |position| position.to_string());
            // A damaged file may have chosen what is said of it.
            writeln!(out, "  {check:<12}{position:<10}{}", one_line(what))?;
        }
        if self.problems_left_out > 0 {
            writeln!(out, "  and {} more", self.problems_left_out)?;
        }
        for (name, cosigned) in &self.against {
            for said in cosigned.said() {
                writeln!(out, "\n{}", one_line(&format!("{name}: {said}")))?;
            }
        }
        writeln!(out, "\n{}", one_line(&self.verdict()))
    }

    /// Writes it for programs.
    pub fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let text =
            serde_json::to_string_pretty(&self.json()).expect("texts and numbers can always be written");
        writeln!(out, "{}", harmless_json(text))
    }

    /// The same as a JSON value. A check that was not done or not asked for is neither ok nor not: null.
    pub fn json(&self) -> Value {
        let position = |moment: Option<Moment>| moment.map(|moment| moment.position.to_string());
        let at = |moment: Option<Moment>| moment.map(|moment| instant(moment.at));
        let check =
            |check: &Check| json!({ "name": check.name, "ok": check.outcome.ok(), "detail": check.detail });
        let problem = |problem: &Problem| {
            let position = problem.position.map(|position| position.to_string());
            json!({ "check": problem.check, "position": position, "what": problem.what })
        };
        let against = |(name, cosigned): &(String, Cosigned)| json!({ "checkpoint": name, "cosignatures": cosigned.json() });
        json!({
            "ok": self.is_ok(),
            "verdict": self.verdict(),
            "ledger": self.ledger.to_string(),
            "events": self.events,
            "bytes": self.bytes,
            "first_position": position(self.first),
            "last_position": position(self.last),
            "first_recorded_at": at(self.first),
            "last_recorded_at": at(self.last),
            "head_position": self.head.to_string(),
            "head_hash": self.head_hash.to_string(),
            "events_by_name": self.events_by_name,
            "keys_at": instant(self.now),
            "keys_by_status": self.keys_by_status,
            "checks": self.checks.iter().map(check).collect::<Vec<_>>(),
            "problems": self.problems.iter().map(problem).collect::<Vec<_>>(),
            "problems_left_out": self.problems_left_out,
            "against": self.against.iter().map(against).collect::<Vec<_>>(),
        })
    }
}

/// Collects what the checks find.
#[derive(Default)]
pub(crate) struct Findings {
    checks: Vec<Check>,
    problems: Vec<Problem>,
    by_check: BTreeMap<&'static str, u64>,
}

impl Findings {
    pub(crate) fn problem(
        &mut self,
        check: &'static str,
        position: Option<Position>,
        what: impl Into<String>,
    ) {
        let found = self.by_check.entry(check).or_default();
        *found += 1;
        if *found <= PROBLEMS_TOLD_MAX {
            self.problems.push(Problem { check, position, what: what.into() });
        }
    }

    /// Whether nothing was found.
    pub(crate) fn are_none(&self) -> bool {
        self.problems.is_empty()
    }

    /// Concludes a check: it passed if it found nothing.
    pub(crate) fn done(&mut self, name: &'static str, detail: impl Into<String>) {
        let (outcome, detail) = match self.by_check.get(name) {
            None => (Outcome::Passed, detail.into()),
            Some(count) => (Outcome::Failed, format!("{}; {}", counted(*count, "problem"), detail.into())),
        };
        self.checks.push(Check { name, outcome, detail });
    }

    /// Concludes a check that could not be done, at least not to its end.
    pub(crate) fn not_done(&mut self, name: &'static str, why: impl Into<String>) {
        if self.by_check.contains_key(name) {
            return self.done(name, why);
        }
        self.checks.push(Check { name, outcome: Outcome::NotDone, detail: why.into() });
    }

    /// Leaves a check to whoever asks for everything.
    pub(crate) fn not_asked(&mut self, name: &'static str) {
        let detail = "only the log was asked for; --full does this, too".to_owned();
        self.checks.push(Check { name, outcome: Outcome::NotAsked, detail });
    }

    /// The checks, the problems in the order of positions, and how many more there are.
    pub(crate) fn into_parts(mut self) -> (Vec<Check>, Vec<Problem>, u64) {
        let told = |count: &u64| count.saturating_sub(PROBLEMS_TOLD_MAX);
        let left_out = self.by_check.values().map(told).sum();
        self.problems.sort_by_key(|problem| (problem.position.is_none(), problem.position));
        (self.checks, self.problems, left_out)
    }
}

/// A count with its noun.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
