//! The envelope: one event as the log stores it, with its place, its instant and its link of the chain.
//!
//! An envelope says how long it is, so that a row of the log is envelopes one after the other.
//! `docs/log-format.md` draws it.

use domain::event::Recorded;
use domain::time::{Position, Timestamp};

use crate::chain::ChainHash;
use crate::codec::error::{DecodeError, EncodeError};
use crate::codec::event_type::EventType;
use crate::codec::v1::{events, metadata};

/// What every envelope begins with.
pub const MAGIC: [u8; 4] = *b"KLEV";
/// The version of the envelope and of the metadata in it.
pub const FORMAT_VERSION: u16 = 1;
/// The most bytes of one envelope.
pub const BYTES_MAX: usize = 65_535;
/// The bytes of an envelope before its metadata.
pub const HEADER_BYTES: usize = 78;

/// What one envelope holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The event, where the log holds it.
    pub recorded: Recorded,
    /// Random bytes, so that nobody can guess an event from its hash.
    pub salt: [u8; 16],
    /// The hash of the envelope before; of the first, the genesis of the ledger.
    pub previous: ChainHash,
}

/// What an envelope says before its metadata and payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What kind of event it holds.
    pub event_type: EventType,
    /// In which version of that kind; one that can be read.
    pub type_version: u16,
    /// Its place in the log; from 1.
    pub position: Position,
    /// The instant.
    pub recorded_at: Timestamp,
    /// Random bytes.
    pub salt: [u8; 16],
    /// The hash of the envelope before.
    pub previous: ChainHash,
    /// How many bytes of metadata follow the header.
    pub metadata_bytes: u16,
    /// How many bytes of payload follow the metadata.
    pub payload_bytes: u16,
}

impl Header {
    /// The size of the whole envelope; at most [`BYTES_MAX`].
    pub const fn envelope_bytes(&self) -> usize {
        HEADER_BYTES + self.metadata_bytes as usize + self.payload_bytes as usize
    }
}

/// The envelope of an event.
pub fn encode(recorded: &Recorded, salt: [u8; 16], previous: ChainHash) -> Result<Vec<u8>, EncodeError> {
    if recorded.position == Position::START {
        return Err(EncodeError::NoPosition);
    }
    let metadata = metadata::encode(&recorded.metadata);
    let payload = events::encode(&recorded.event);
    let bytes = HEADER_BYTES + metadata.len() + payload.len();
    let too_large = EncodeError::TooLarge { bytes, bytes_max: BYTES_MAX };
    if bytes > BYTES_MAX {
        return Err(too_large);
    }
    let metadata_bytes = u16::try_from(metadata.len()).map_err(|_| too_large)?;
    let payload_bytes = u16::try_from(payload.len()).map_err(|_| too_large)?;
    let event_type = EventType::of(&recorded.event);

    let mut envelope = Vec::with_capacity(bytes);
    envelope.extend_from_slice(&MAGIC);
    envelope.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    envelope.extend_from_slice(&event_type.tag().to_le_bytes());
    envelope.extend_from_slice(&event_type.version().to_le_bytes());
    envelope.extend_from_slice(&recorded.position.number().to_le_bytes());
    envelope.extend_from_slice(&recorded.recorded_at.unix_ms().to_le_bytes());
    envelope.extend_from_slice(&salt);
    envelope.extend_from_slice(&previous.0);
    envelope.extend_from_slice(&metadata_bytes.to_le_bytes());
    envelope.extend_from_slice(&payload_bytes.to_le_bytes());
    debug_assert_eq!(envelope.len(), HEADER_BYTES);
    envelope.extend_from_slice(&metadata);
    envelope.extend_from_slice(&payload);
    debug_assert!(
        decode(&envelope).is_ok_and(|read| read.recorded == *recorded),
        "what is written can be read"
    );
    Ok(envelope)
}

/// The event of exactly one envelope.
pub fn decode(bytes: &[u8]) -> Result<Envelope, DecodeError> {
    let (header, envelope, rest) = first(bytes)?;
    if !rest.is_empty() {
        return Err(DecodeError::TrailingBytes { bytes: rest.len() });
    }
    let recorded = decode_after(&header, envelope)?;
    Ok(Envelope { recorded, salt: header.salt, previous: header.previous })
}

/// The event of an envelope, whose header was read from it.
pub fn decode_after(header: &Header, envelope: &[u8]) -> Result<Recorded, DecodeError> {
    let (event, position) = (header.event_type, header.position.number());
    let (metadata, payload) = envelope[HEADER_BYTES..].split_at(header.metadata_bytes.into());
    Ok(Recorded {
        position: header.position,
        recorded_at: header.recorded_at,
        metadata: metadata::decode(metadata).map_err(|why| DecodeError::MalformedMetadata {
            event,
            position,
            why,
        })?,
        event: events::decode(event, payload).map_err(|why| DecodeError::MalformedPayload {
            event,
            position,
            why,
        })?,
    })
}

/// The bytes of the first envelope, and what follows it.
pub fn split_first(bytes: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    first(bytes).map(|(_, envelope, rest)| (envelope, rest))
}

/// The same, and what the envelope says before its metadata and payload.
pub(crate) fn first(bytes: &[u8]) -> Result<(Header, &[u8], &[u8]), DecodeError> {
    let header = header(bytes)?;
    let needed = header.envelope_bytes();
    let truncated = DecodeError::Truncated { needed, found: bytes.len() };
    let (envelope, rest) = bytes.split_at_checked(needed).ok_or(truncated)?;
    Ok((header, envelope, rest))
}

/// What the first envelope says before its metadata and payload, which need not be there.
pub fn header(bytes: &[u8]) -> Result<Header, DecodeError> {
    let mut fields = Fields { bytes, at: 0 };
    let magic = fields.take()?;
    if magic != MAGIC {
        return Err(DecodeError::BadMagic { found: magic });
    }
    let format = u16::from_le_bytes(fields.take()?);
    if format != FORMAT_VERSION {
        return Err(DecodeError::UnsupportedFormat { found: format, supported: FORMAT_VERSION });
    }
    let tag = u16::from_le_bytes(fields.take()?);
    let type_version = u16::from_le_bytes(fields.take()?);
    let position = u64::from_le_bytes(fields.take()?);
    let unix_ms = i64::from_le_bytes(fields.take()?);
    let event_type = EventType::from_tag(tag).ok_or(DecodeError::UnknownEventType { tag, position })?;
    let supported = event_type.version();
    if !(1..=supported).contains(&type_version) {
        let (event, found) = (event_type, type_version);
        return Err(DecodeError::UnsupportedTypeVersion { event, found, supported, position });
    }
    if position == Position::START.number() {
        return Err(DecodeError::NoPosition);
    }
    let header = Header {
        event_type,
        type_version,
        position: Position::new(position),
        recorded_at: Timestamp::from_unix_ms(unix_ms).ok_or(DecodeError::RecordedAt { position, unix_ms })?,
        salt: fields.take()?,
        previous: ChainHash(fields.take()?),
        metadata_bytes: u16::from_le_bytes(fields.take()?),
        payload_bytes: u16::from_le_bytes(fields.take()?),
    };
    debug_assert_eq!(fields.at, HEADER_BYTES);
    if header.envelope_bytes() > BYTES_MAX {
        return Err(DecodeError::TooLarge { bytes: header.envelope_bytes(), bytes_max: BYTES_MAX });
    }
    Ok(header)
}

/// The fields of a header, one after the other.
struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let truncated = DecodeError::Truncated { needed: HEADER_BYTES, found: self.bytes.len() };
        let field = self.bytes[self.at..].first_chunk().ok_or(truncated)?;
        self.at += N;
        Ok(*field)
    }
}
