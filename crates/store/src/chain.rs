//! The chain: each event's envelope holds the hash of the one before it, back to the ledger's genesis.

mod abreast;

use std::fmt;

use domain::ids::LedgerId;

pub(crate) use abreast::hash_each;

/// The BLAKE3 hash of an envelope as stored, or the genesis of a ledger.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash(pub [u8; 32]);

/// What the first event names as the hash before it: no two ledgers begin alike.
pub fn genesis(ledger: LedgerId) -> ChainHash {
    ChainHash(blake3::derive_key("keyledger 2026 log genesis v1", &ledger.bytes()))
}

/// The hash of one whole envelope, over its bytes as stored. Never hash what was encoded anew.
pub fn hash(envelope: &[u8]) -> ChainHash {
    ChainHash(*blake3::hash(envelope).as_bytes())
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ledgers_begin_apart_and_hashes_are_plain_blake3() {
        assert_ne!(genesis(LedgerId::from_bytes([1; 16])), genesis(LedgerId::from_bytes([2; 16])));
        // The first test vector of the BLAKE3 specification: the empty input.
        let empty = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(hash(&[]).to_string(), empty);
    }

    #[test]
    fn the_genesis_of_a_ledger_is_fixed_for_good() {
        let ledger = LedgerId::parse("01890a5d-ac96-774b-bcce-b302099a8057").unwrap();
        assert_eq!(
            genesis(ledger).to_string(),
            "0ff2cbb5fe5f594d23cb013f2b4585e3419a2d71626e55522b5c7ee1b34ce9c7"
        );
    }
}
