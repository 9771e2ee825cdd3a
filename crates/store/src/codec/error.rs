//! Why bytes were not accepted, or could not be made.

use domain::limits::RateLimitError;
use domain::network::{NetworkError, NetworkListError};
use domain::role::ScopeError;
use domain::token_life::TokenLifeError;

use super::event_type::EventType;

/// Why an event could not be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// More bytes than an envelope may have.
    #[error(
        "the event needs {bytes} bytes and an event may have at most {bytes_max}; shorten its texts or lists"
    )]
    TooLarge {
        /// How many bytes it would have.
        bytes: usize,
        /// How many it may have.
        bytes_max: usize,
    },
    /// Position 0 is the place before the first event; no event is there.
    #[error("an event needs a position, and positions start from 1")]
    NoPosition,
}

/// Why bytes are not what they should be: an envelope, or a row of a view.
///
/// None of them is ever passed over. An unknown event or version means that newer software wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not an envelope at all.
    #[error("not an event: an event starts with 4b4c4556 (KLEV), these bytes with {}", hex(found))]
    BadMagic {
        /// The first four bytes.
        found: [u8; 4],
    },
    /// An envelope in another form than this version of Keyledger knows.
    #[error(
        "the event is in log format {found}, and this version of Keyledger reads format {supported}; use the version that wrote it, or a newer one"
    )]
    UnsupportedFormat {
        /// The format version found.
        found: u16,
        /// The only one that can be read.
        supported: u16,
    },
    /// A type of event that this version of Keyledger does not know.
    #[error(
        "unknown event type {tag} at position {position}; use the version of Keyledger that wrote it, or a newer one"
    )]
    UnknownEventType {
        /// The number of the type.
        tag: u16,
        /// The position that its envelope states.
        position: u64,
    },
    /// A version of a known event that this version of Keyledger does not know.
    #[error(
        "{event} at position {position} is of version {found}, and this version of Keyledger reads up to version {supported}; use the version that wrote it, or a newer one"
    )]
    UnsupportedTypeVersion {
        /// The type of the event.
        event: EventType,
        /// The version found.
        found: u16,
        /// The newest that can be read.
        supported: u16,
        /// The position that its envelope states.
        position: u64,
    },
    /// Fewer bytes than the envelope needs.
    #[error("the event is cut short: it needs {needed} bytes, and there are {found}")]
    Truncated {
        /// How many bytes are needed, as far as can be told.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// More bytes than the envelope has.
    #[error("{bytes} bytes follow the event where nothing should")]
    TrailingBytes {
        /// How many there are too many.
        bytes: usize,
    },
    /// An envelope that says it is larger than any may be.
    #[error("the event states a size of {bytes} bytes, and an event may have at most {bytes_max}")]
    TooLarge {
        /// The size it states.
        bytes: usize,
        /// How many bytes it may have.
        bytes_max: usize,
    },
    /// An envelope of position 0, the place before the first event.
    #[error("the event states position 0, and positions start from 1")]
    NoPosition,
    /// An instant outside the years 1970 to 9999.
    #[error(
        "the event at position {position} states an instant outside the years 1970 to 9999: {unix_ms} ms"
    )]
    RecordedAt {
        /// The position that its envelope states.
        position: u64,
        /// Milliseconds since 1970.
        unix_ms: i64,
    },
    /// Metadata that no event can have.
    #[error("the metadata of {event} at position {position} is malformed: {why}")]
    MalformedMetadata {
        /// The type of the event.
        event: EventType,
        /// The position that its envelope states.
        position: u64,
        /// What is wrong.
        why: Malformed,
    },
    /// A payload that no event of its type can have.
    #[error("{event} at position {position} is malformed: {why}")]
    MalformedPayload {
        /// The type of the event.
        event: EventType,
        /// The position that its envelope states.
        position: u64,
        /// What is wrong.
        why: Malformed,
    },
    /// A view's row that no row of its kind can be.
    #[error("a row of the view of {row} is malformed: {why}; rebuild the views from the log")]
    MalformedRow {
        /// What the row describes.
        row: &'static str,
        /// What is wrong.
        why: Malformed,
    },
}

/// What is wrong with the bytes of a stored shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes end before the shape does.
    #[error("its bytes end too early")]
    CutShort,
    /// The shape ends before the bytes do.
    #[error("{bytes} bytes are left over")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// The bytes do not follow the shape: a presence byte, a text or a length is impossible.
    #[error("its bytes do not follow its layout ({why})")]
    Layout {
        /// What the reader met.
        why: String,
    },
    /// A number that stands for nothing.
    #[error("{found} is no code of a {what}")]
    Code {
        /// What the number should stand for.
        what: &'static str,
        /// The number.
        found: u8,
    },
    /// A part that its code demands is missing, or one that its code excludes is there.
    #[error("a {what} of code {code} has the wrong parts")]
    Parts {
        /// What has the parts.
        what: &'static str,
        /// The code that says which it should have.
        code: u8,
    },
    /// An instant outside the years 1970 to 9999.
    #[error("{what} is outside the years 1970 to 9999: {unix_ms} ms")]
    Instant {
        /// Which instant.
        what: &'static str,
        /// Milliseconds since 1970.
        unix_ms: i64,
    },
    /// A scope that cannot be, or too many of them.
    #[error("{0}")]
    Scope(#[from] ScopeError),
    /// Scopes must be stored in ascending order, each once.
    #[error("its scopes are not in strictly ascending order")]
    ScopeOrder,
    /// A network that cannot be.
    #[error("{0}")]
    Network(#[from] NetworkError),
    /// A network that is written in another way than it must be.
    #[error("a network has bytes where it must have none")]
    NetworkSpelling,
    /// Networks must be stored in ascending order, each once.
    #[error("its networks are not in strictly ascending order")]
    NetworkOrder,
    /// Networks that are no list.
    #[error("{0}")]
    NetworkList(#[from] NetworkListError),
    /// A rate that cannot be.
    #[error("{0}")]
    RateLimit(#[from] RateLimitError),
    /// A life of tokens that cannot be.
    #[error("{0}")]
    TokenLife(#[from] TokenLifeError),
    /// Not the beginning of a key string.
    #[error("{found:?} is no key prefix")]
    KeyPrefix {
        /// What is there instead.
        found: String,
    },
    /// Not the end of a key string.
    #[error("{} are not the last four characters of a key", hex(found))]
    LastFour {
        /// What is there instead.
        found: [u8; 4],
    },
    /// Not an idempotency key.
    #[error("{found:?} is no idempotency key")]
    IdempotencyKey {
        /// What is there instead.
        found: String,
    },
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
