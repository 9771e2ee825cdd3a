//! Any single changed, dropped, added or moved byte or event is found, with the first position at which it is.

use domain::actor::{ActorId, Metadata, Way};
use domain::event::Event;
use domain::ids::{RequestId, TenantId};
use domain::time::Timestamp;

use super::*;
use crate::tree::TreeHash;

const EVENTS: u64 = 1_000;
const LEDGER: LedgerId = LedgerId::from_bytes([9; 16]);

/// A log of a thousand events: its envelopes, the head after each (the first: before any), and the leaves of its tree.
struct Log {
    envelopes: Vec<Vec<u8>>,
    heads: Vec<Head>,
    leaves: Vec<TreeHash>,
}

fn log() -> Log {
    let mut log = Log { envelopes: vec![], heads: vec![Head::genesis(LEDGER)], leaves: vec![] };
    for number in 1..=EVENTS {
        let (position, recorded_at) =
            (Position::new(number), Timestamp::from_unix_ms(number as i64).unwrap());
        let metadata = Metadata {
            actor: ActorId::Console,
            way: Way::Cli,
            request: RequestId::from_bytes([number as u8; 16]),
            idempotency: None,
            cause: None,
        };
        let event = Event::TenantSuspended { tenant: TenantId::from_bytes([(number / 7) as u8; 16]) };
        let recorded = Recorded { position, recorded_at, metadata, event };
        let before = log.heads.last().unwrap().hash;
        let envelope = envelope::encode(&recorded, [(number * 31) as u8; 16], before).unwrap();
        log.heads.push(Head { position, recorded_at, hash: chain::hash(&envelope) });
        log.leaves.push(TreeHash::of_leaf(&envelope));
        log.envelopes.push(envelope);
    }
    log
}

impl Log {
    /// Reads from an event on what is there instead, up to the end of the log; and where that is first wrong.
    fn broken_at<R: FromEnvelope>(&self, from: usize, instead: &[u8]) -> Option<u64> {
        let mut walk = Walk::after(&self.heads[from]);
        let first = Position::new(from as u64 + 1);
        let walked = walk.commits(&[(first, instead.len())], instead, |_: R, _| Ok::<_, StoreError>(()));
        let wrong = walked.err().or_else(|| walk.end(&self.heads[EVENTS as usize]).err());
        wrong.map(|error| {
            if let StoreError::Chain { position, .. } | StoreError::Event { position, .. } = error {
                return position.number();
            }
            walk.position().number() + 1
        })
    }

    /// The first event of those whose leaf is not the one in the tree.
    fn other_leaf(&self, from: usize, events: &[&[u8]]) -> Option<u64> {
        let other = |(event, leaf): (&&[u8], &TreeHash)| TreeHash::of_leaf(event) != *leaf;
        let place = events.iter().zip(&self.leaves[from..]).position(other);
        place.map(|place| (from + place + 1) as u64)
    }
}

#[test]
fn whatever_is_done_to_a_byte_is_found_where_it_was_done() {
    let log = log();
    let mut changes = 0_u64;
    for (event, envelope) in log.envelopes.iter().enumerate() {
        let position = event as u64 + 1;
        // What follows is as it was; one event of it is enough to see a wrong link, and none to see a wrong end.
        let after: Vec<u8> = log.envelopes[event + 1..].iter().take(2).flatten().copied().collect();
        for place in 0..envelope.len() {
            let mut changed = envelope.clone();
            changed[place] ^= 1 << ((place + event) % 8);
            let mut dropped = envelope.clone();
            dropped.remove(place);
            let mut added = envelope.clone();
            added.insert(place, (place + event) as u8);
            let mut moved = envelope.clone();
            moved.swap(place, (place + 1) % envelope.len());
            for bytes in [changed, dropped, added, moved] {
                if bytes == *envelope {
                    continue;
                }
                changes += 1;
                let instead = [bytes.as_slice(), &after].concat();
                // Whoever reads events, and whoever reads what stands before them.
                for found in
                    [log.broken_at::<Scanned>(event, &instead), log.broken_at::<Header>(event, &instead)]
                {
                    // The chain tells a changed event by the link of the next, at the latest.
                    let found = found.unwrap_or_else(|| panic!("byte {place} of position {position}"));
                    assert!(
                        (position..=position + 1).contains(&found),
                        "byte {place} of {position}: {found}"
                    );
                }
                // The tree tells it itself.
                assert_eq!(log.other_leaf(event, &[&bytes]), Some(position), "byte {place} of {position}");
            }
        }
    }
    assert!(changes > 3 * EVENTS * 100, "{changes}");
}

#[test]
fn whatever_is_done_to_an_event_is_found_where_it_was_done() {
    let log = log();
    for event in 0..log.envelopes.len() {
        let position = event as u64 + 1;
        let all: Vec<&[u8]> = log.envelopes.iter().map(Vec::as_slice).collect();
        let rest = &all[event..];
        let dropped = rest[1..].to_vec();
        let twice = [&rest[..1], rest].concat();
        let another = [&all[(event + 500) % all.len()..][..1], rest].concat();
        let mut found = vec![(dropped, position), (twice, position + 1), (another, position)];
        if event + 1 < all.len() {
            let mut swapped = rest.to_vec();
            swapped.swap(0, 1);
            found.push((swapped, position));
        }
        for (events, expected) in found {
            let instead = events.concat();
            assert_eq!(log.broken_at::<Scanned>(event, &instead), Some(expected), "position {position}");
            assert_eq!(log.broken_at::<Header>(event, &instead), Some(expected), "position {position}");
            let leaf = log.other_leaf(event, &events);
            // Of a log that only lost its last event every leaf is good: its head, or a checkpoint, tells.
            assert!(leaf == Some(expected) || events.is_empty() || leaf.is_none() && event + 1 == all.len());
        }
    }
}

#[test]
fn a_thousand_good_events_are_good() {
    let log = log();
    assert_eq!(log.broken_at::<Scanned>(0, &log.envelopes.concat()), None);
    assert_eq!(log.broken_at::<Header>(0, &log.envelopes.concat()), None);
    let all: Vec<&[u8]> = log.envelopes.iter().map(Vec::as_slice).collect();
    assert_eq!(log.other_leaf(0, &all), None);
}
