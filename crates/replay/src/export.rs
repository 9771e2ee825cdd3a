//! An export: the log as lines of JSON that say what they are, with the exact bytes of every envelope.
//!
//! ```text
//! {"keyledger_export":1,"about":"…","ledger":"UUID","head":{"position":"N","recorded_at":"…","hash":"…"}}
//! {"position":"1","recorded_at":"…","event":"TenantCreated","hash":"…","envelope":"4b4c4556…"}
//! …
//! ```
//!
//! `envelope` is the envelope of docs/log-format.md in hexadecimal digits, and `hash` its BLAKE3; the other fields say
//! again what it says, for whoever looks through the file. A reader believes the envelopes alone, and refuses a line of
//! which a single byte is another than it should be. Texts are sealed: what is erased is erased in exports, too.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Write};
use std::path::Path;

use domain::ids::LedgerId;
use domain::time::{Position, Timestamp};
use serde_json::Value;
use store::StoreError;
use store::chain::ChainHash;
use store::envelope;
use store::head::Head;
use store::scan::Scanned;

use crate::as_of::PROGRESS_EVENTS;
use crate::error::ReplayError;
use crate::print::{hex, instant};
use crate::source::Source;

const VERSION: u64 = 1;
const ABOUT: &str = "the log of a Keyledger, as `keyledger audit export` writes it; each line that follows is one event, \
                     its envelope in hexadecimal digits as docs/log-format.md describes it, its hash the BLAKE3 of \
                     that; `keyledger audit verify --data FILE` proves it";
/// No line is longer: an envelope has at most 65,535 bytes.
const LINE_BYTES_MAX: u64 = 1 << 18;
const ENVELOPE: &str = "\"envelope\":\"";

/// Writes the whole log. Tells how many events that were.
pub fn export(
    source: &Source,
    out: &mut impl Write,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, ReplayError> {
    let total = source.head().position.number();
    writeln!(out, "{}", first_line(source.ledger(), &source.head()))?;
    source.exactly(|scanned, envelope| {
        writeln!(out, "{}", line(&scanned, envelope))?;
        let number = scanned.recorded.position.number();
        if number.is_multiple_of(PROGRESS_EVENTS) {
            progress(number, total);
        }
        Ok::<_, ReplayError>(())
    })?;
    out.flush()?;
    Ok(total)
}

fn first_line(ledger: LedgerId, head: &Head) -> String {
    let Head { position, recorded_at, hash } = head;
    let at = instant(*recorded_at);
    format!(
        r#"{{"keyledger_export":{VERSION},"about":"{ABOUT}","ledger":"{ledger}","head":{{"position":"{position}","recorded_at":"{at}","hash":"{hash}"}}}}"#
    )
}

fn line(scanned: &Scanned, envelope: &[u8]) -> String {
    let recorded = &scanned.recorded;
    let (position, at, event) = (recorded.position, instant(recorded.recorded_at), recorded.event.name());
    let (hash, envelope) = (scanned.hash, hex(envelope));
    format!(
        r#"{{"position":"{position}","recorded_at":"{at}","event":"{event}","hash":"{hash}",{ENVELOPE}{envelope}"}}"#
    )
}

/// Of which ledger an export says to be, and up to where. Reading all of it proves that.
pub(crate) fn beginning(path: &Path) -> Result<(LedgerId, Head), ReplayError> {
    Lines::open(path)?.beginning()
}

/// Runs of at most so many bytes fill pages of the database well.
const RUN_BYTES: usize = 1_352;

/// Hands on the envelopes in runs, each with its first position; all that come before something wrong, then what that is. The
/// chain is for the caller to check.
pub(crate) fn runs<E: From<ReplayError>>(
    path: &Path,
    mut each: impl FnMut(Position, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut lines = Lines::open(path)?;
    let (_, head) = lines.beginning()?;
    let (mut first, mut run) = (Position::new(1), vec![]);
    let mut wrong = None;
    for number in 1..=head.position.number() {
        let position = Position::new(number);
        let bytes = match lines.envelope(position) {
            Ok(bytes) => bytes,
            Err(error) => {
                wrong = Some(error);
                break;
            }
        };
        if !run.is_empty() && run.len() + bytes.len() > RUN_BYTES {
            each(first, &run)?;
            run.clear();
        }
        if run.is_empty() {
            first = position;
        }
        run.extend_from_slice(&bytes);
    }
    if !run.is_empty() {
        each(first, &run)?;
    }
    match wrong.map_or_else(|| lines.next(), Err)? {
        None => Ok(()),
        Some(_) => Err(lines.wrong("something follows its last event").into()),
    }
}

fn envelope_of(line: &str) -> Option<Vec<u8>> {
    let (_, rest) = line.rsplit_once(ENVELOPE)?;
    let digits = rest.strip_suffix("\"}")?.as_bytes();
    let nibble = |digit: u8| (digit as char).to_digit(16);
    let (pairs, odd) = digits.as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some((nibble(*high)? << 4 | nibble(*low)?) as u8)).collect()
}

/// The lines of a file, one after the other.
struct Lines<'a> {
    path: &'a Path,
    file: BufReader<File>,
}

impl<'a> Lines<'a> {
    fn open(path: &'a Path) -> Result<Self, ReplayError> {
        let file = File::open(path).map_err(file(path))?;
        Ok(Self { path, file: BufReader::with_capacity(1 << 20, file) })
    }

    /// The next line without its end; none after the last. A line that was not ended was cut short.
    fn next(&mut self) -> Result<Option<String>, ReplayError> {
        let mut line = vec![];
        let read = self.file.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        if read.map_err(file(self.path))? == 0 {
            return Ok(None);
        }
        if line.pop() != Some(b'\n') {
            return Err(self.wrong("it is cut short within a line"));
        }
        String::from_utf8(line).map(Some).map_err(|_| self.wrong("it is no text"))
    }

    /// The envelope that the next line holds, of which every other byte must follow from it.
    fn envelope(&mut self, position: Position) -> Result<Vec<u8>, ReplayError> {
        let text =
            self.next()?.ok_or_else(|| self.wrong(format!("it is cut short before position {position}")))?;
        let bytes = envelope_of(&text)
            .ok_or_else(|| self.wrong(format!("the line of position {position} has no envelope")))?;
        let decoded = envelope::decode(&bytes).map_err(|error| StoreError::Event { position, error })?;
        let scanned =
            Scanned { recorded: decoded.recorded, hash: store::chain::hash(&bytes), bytes: bytes.len() };
        if line(&scanned, &bytes) != text {
            let what = format!("the line of position {position} says something else than its envelope");
            return Err(self.wrong(what));
        }
        Ok(bytes)
    }

    fn beginning(&mut self) -> Result<(LedgerId, Head), ReplayError> {
        let text = match self.next() {
            Ok(Some(text)) => text,
            Ok(None) => return Err(self.wrong("it is empty")),
            // A line without an end is what most files begin with that are something else.
            Err(ReplayError::Export { .. }) => {
                return Err(self.wrong("it does not begin like an export or a backup"));
            }
            Err(error) => return Err(error),
        };
        let unlike = || self.wrong("it does not begin like an export or a backup");
        let json: Value = serde_json::from_str(&text).map_err(|_| unlike())?;
        let version = json["keyledger_export"].as_u64().ok_or_else(unlike)?;
        if version > VERSION {
            let path = self.path.to_owned();
            return Err(StoreError::Newer { path, kind: "an export", found: version, known: VERSION }.into());
        }
        if version != VERSION {
            let what = format!("it is of version {version}, and this software reads version {VERSION}");
            return Err(self.wrong(what));
        }
        let altered = || self.wrong("its first line was altered");
        let ledger = json["ledger"].as_str().and_then(|id| LedgerId::parse(id).ok()).ok_or_else(altered)?;
        let head = head_of(&json["head"]).ok_or_else(altered)?;
        if first_line(ledger, &head) == text { Ok((ledger, head)) } else { Err(altered()) }
    }

    fn wrong(&self, what: impl Into<String>) -> ReplayError {
        ReplayError::Export { path: self.path.to_owned(), what: what.into() }
    }
}

fn file(path: &Path) -> impl FnOnce(io::Error) -> ReplayError {
    |error| StoreError::File { path: path.to_owned(), error }.into()
}

fn head_of(json: &Value) -> Option<Head> {
    let at: jiff::Timestamp = json["recorded_at"].as_str()?.parse().ok()?;
    let digits = json["hash"].as_str()?;
    let mut hash = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Head {
        position: Position::new(json["position"].as_str()?.parse().ok()?),
        recorded_at: Timestamp::from_unix_ms(at.as_millisecond())?,
        hash: ChainHash(hash),
    })
}
