//! The head: the last event of the log, as every commit notes it.

use domain::ids::LedgerId;
use domain::time::{Position, Timestamp};

use crate::chain::{self, ChainHash};
use crate::error::StoreError;

/// The end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last position; [`Position::START`] of an empty log.
    pub position: Position,
    /// Its instant; no later event is recorded before it.
    pub recorded_at: Timestamp,
    /// The hash of its envelope, or the genesis.
    pub hash: ChainHash,
}

impl Head {
    /// The head of a ledger without events.
    pub(crate) fn genesis(ledger: LedgerId) -> Self {
        Self { position: Position::START, recorded_at: Timestamp::MIN, hash: chain::genesis(ledger) }
    }

    pub(crate) fn to_bytes(self) -> [u8; 48] {
        let mut bytes = [0; 48];
        bytes[..8].copy_from_slice(&self.position.number().to_le_bytes());
        bytes[8..16].copy_from_slice(&self.recorded_at.unix_ms().to_le_bytes());
        bytes[16..].copy_from_slice(&self.hash.0);
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let malformed = || StoreError::damaged("the note of the log's head is malformed");
        let (position, rest) = bytes.split_first_chunk().ok_or_else(malformed)?;
        let (instant, hash) = rest.split_first_chunk().ok_or_else(malformed)?;
        Ok(Self {
            position: Position::new(u64::from_le_bytes(*position)),
            recorded_at: Timestamp::from_unix_ms(i64::from_le_bytes(*instant)).ok_or_else(malformed)?,
            hash: ChainHash(hash.try_into().map_err(|_| malformed())?),
        })
    }
}
