//! Randomness: the one place where it enters. Everywhere else random bytes are values.

use std::cell::RefCell;

use domain::ids::Id;
use domain::time::Timestamp;
use zeroize::Zeroizing;

/// Fresh bytes from the system's random source.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("a system without a random source cannot hold keys");
    bytes
}

/// Fresh secret bytes, wiped when dropped.
pub fn secret() -> Zeroizing<[u8; 32]> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut_slice()).expect("a system without a random source cannot hold keys");
    secret
}

/// A fresh id: a UUID of version 7 (RFC 9562, section 5.7), so that ids made later sort later.
pub fn id<K>(now: Timestamp) -> Id<K> {
    let ms = u64::try_from(now.unix_ms()).expect("instants start in 1970");
    Id::from_bytes(uuid::Builder::from_unix_timestamp_millis(ms, &public_bytes()).into_uuid().into_bytes())
}

/// How many bytes are drawn for ids at once.
const BLOCK_BYTES: usize = 1000;

/// Ten fresh bytes that everybody may know, as an id's are: drawn for a hundred ids at a time, because every request has
/// one, and asking the system costs more than all else about it. Secrets are never taken from here.
fn public_bytes() -> [u8; 10] {
    thread_local! {
        static BLOCK: RefCell<([u8; BLOCK_BYTES], usize)> =
            const { RefCell::new(([0; BLOCK_BYTES], BLOCK_BYTES)) };
    }
    BLOCK.with_borrow_mut(|(block, used)| {
        if *used + 10 > BLOCK_BYTES {
            (*block, *used) = (bytes(), 0);
        }
        let drawn = *block[*used..].first_chunk().expect("ten are left");
        *used += 10;
        drawn
    })
}
