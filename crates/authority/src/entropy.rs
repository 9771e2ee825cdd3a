//! Randomness: the one place where it enters. Everywhere else random bytes are values.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// A fresh id: a UUID of version 7 (RFC 9562, section 5.7), so that ids made later sort later, but for those of one millisecond.
pub fn id<K>(now: Timestamp) -> Id<K> {
    uuid(ms(now), public_bytes())
}

/// A fresh id for a row. Of those made within one millisecond, too, the later one sorts later: people read lists by id. A counter
/// stands where the first random bits would (RFC 9562, section 6.2, method 1), and all threads share it, so this is not for what
/// every request has.
pub fn row_id<K>(now: Timestamp) -> Id<K> {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let ms = ms(now);
    let next = |last: u64| if last >> 12 == ms && last & 0xFFF < 0xFFF { last + 1 } else { ms << 12 };
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
    let count = next(last.expect("there is always a next one")) & 0xFFF;
    let mut bytes = public_bytes();
    // Of the first two bytes twelve bits are used, the lower ones.
    bytes[..2].copy_from_slice(&(count as u16).to_be_bytes());
    uuid(ms, bytes)
}

fn ms(now: Timestamp) -> u64 {
    u64::try_from(now.unix_ms()).expect("instants start in 1970")
}

fn uuid<K>(ms: u64, bytes: [u8; 10]) -> Id<K> {
    Id::from_bytes(uuid::Builder::from_unix_timestamp_millis(ms, &bytes).into_uuid().into_bytes())
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

#[cfg(test)]
mod tests {
    use domain::ids::KeyId;

    use super::*;

    #[test]
    fn rows_of_one_millisecond_sort_as_they_were_made() {
        let now = Timestamp::from_unix_ms(1_767_225_600_000).unwrap();
        // Other tests make ids of other instants meanwhile, after which the count begins anew.
        let ordered = (0..50).any(|_| {
            let ids: Vec<KeyId> = (0..500).map(|_| row_id(now)).collect();
            ids.is_sorted() && ids.windows(2).all(|pair| pair[0] != pair[1])
        });
        assert!(ordered);
        let id: KeyId = row_id(now);
        let bytes = id.bytes();
        assert_eq!((bytes[6] >> 4, bytes[8] >> 6), (7, 2), "version and variant");
        assert_eq!(u64::from_be_bytes(*bytes.first_chunk().unwrap()) >> 16, 1_767_225_600_000);
    }

    #[test]
    fn more_than_a_count_can_hold_are_apart_all_the_same() {
        let now = Timestamp::from_unix_ms(1_767_225_600_001).unwrap();
        let ids: std::collections::HashSet<KeyId> = (0..10_000).map(|_| row_id(now)).collect();
        assert_eq!(ids.len(), 10_000);
    }
}
