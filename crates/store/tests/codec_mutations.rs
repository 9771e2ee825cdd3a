//! Damaged records: whatever the bytes, reading never panics, and accepts nothing that has two spellings.

#[path = "common/events.rs"]
mod events;
#[path = "common/fixtures.rs"]
mod fixtures;

use domain::event::Event;
use domain::sealed::{Sealed, Subject};
use domain::time::Position;
use keyledger_store::chain::{self, ChainHash};
use keyledger_store::codec::error::{DecodeError, EncodeError};
use keyledger_store::envelope::{self, BYTES_MAX, HEADER_BYTES};
use proptest::prelude::*;

/// Whatever is accepted is spelled as it would be written.
fn check(bytes: &[u8]) {
    let _ = envelope::header(bytes);
    if let Ok(envelope) = envelope::decode(bytes) {
        let again = envelope::encode(&envelope.recorded, envelope.salt, envelope.previous);
        assert_eq!(again.as_deref(), Ok(bytes), "two spellings of {envelope:?}");
    }
    if let Ok((first, rest)) = envelope::split_first(bytes) {
        assert!(!first.is_empty() && first.len() + rest.len() == bytes.len());
    }
}

fn flip_every_bit(bytes: &[u8]) {
    let mut flipped = bytes.to_vec();
    for bit in 0..bytes.len() * 8 {
        flipped[bit / 8] ^= 1 << (bit % 8);
        check(&flipped);
        flipped[bit / 8] ^= 1 << (bit % 8);
    }
}

/// The lengths in the header keep every cut and every extension from being an envelope of its own.
fn cut_and_extend(bytes: &[u8]) {
    for length in 0..bytes.len() {
        let cut = envelope::decode(&bytes[..length]);
        assert!(matches!(cut, Err(DecodeError::Truncated { .. })), "{length}: {cut:?}");
    }
    for more in 1..=8 {
        for filler in [0x00, 0x01, 0xFF] {
            let extended = [bytes, &vec![filler; more]].concat();
            assert_eq!(envelope::decode(&extended), Err(DecodeError::TrailingBytes { bytes: more }));
        }
    }
}

/// Moves the border between metadata and payload, and the payload's end with the bytes that follow it.
fn restate_lengths(bytes: &[u8]) {
    let lengths = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let (metadata, payload) = (lengths(74), lengths(76));
    for moved in -8..=8_i16 {
        let mut border = bytes.to_vec();
        border[74..76].copy_from_slice(&metadata.saturating_add_signed(moved).to_le_bytes());
        border[76..78].copy_from_slice(&payload.saturating_add_signed(-moved).to_le_bytes());
        check(&border);
        assert_eq!(envelope::decode(&border).is_ok(), moved == 0);
    }
    for more in 1..=8_u16 {
        for filler in [0x00, 0x01, 0xFF] {
            let mut longer = [bytes, &vec![filler; more.into()]].concat();
            longer[76..78].copy_from_slice(&(payload + more).to_le_bytes());
            check(&longer);
            let refused = envelope::decode(&longer);
            assert!(matches!(refused, Err(DecodeError::MalformedPayload { .. })), "{refused:?}");
        }
    }
    for less in 1..=payload.min(8) {
        let mut shorter = bytes[..bytes.len() - usize::from(less)].to_vec();
        shorter[76..78].copy_from_slice(&(payload - less).to_le_bytes());
        check(&shorter);
        let refused = envelope::decode(&shorter);
        assert!(matches!(refused, Err(DecodeError::MalformedPayload { .. })), "{refused:?}");
    }
}

#[test]
fn golden_records_withstand_damage() {
    for fixture in fixtures::all() {
        let bytes = fixture.stored();
        flip_every_bit(&bytes);
        cut_and_extend(&bytes);
        restate_lengths(&bytes);
        every_byte_at_its_extremes(&bytes);
    }
}

/// Lengths and codes meet their limits here: each byte, and each eight, as small and as large as can be.
fn every_byte_at_its_extremes(bytes: &[u8]) {
    for at in 0..bytes.len() {
        for value in [0x00, 0x01, 0x02, 0x07, 0x7F, 0x80, 0xFF] {
            let mut changed = bytes.to_vec();
            changed[at] = value;
            check(&changed);
        }
        for value in [0, 1, 65_535, 65_536, u64::MAX >> 1, u64::MAX] {
            let mut changed = bytes.to_vec();
            let end = bytes.len().min(at + 8);
            changed[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
            check(&changed);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn random_events_come_back_and_withstand_damage(
        recorded in events::recorded(), salt: [u8; 16], previous: [u8; 32],
    ) {
        let bytes = envelope::encode(&recorded, salt, ChainHash(previous)).unwrap();
        let envelope = envelope::decode(&bytes).unwrap();
        prop_assert_eq!(&envelope.recorded, &recorded);
        prop_assert_eq!((envelope.salt, envelope.previous.0), (salt, previous));
        flip_every_bit(&bytes);
        cut_and_extend(&bytes);
        restate_lengths(&bytes);
    }

    #[test]
    fn the_header_says_what_the_whole_says(recorded in events::recorded(), salt: [u8; 16]) {
        let previous = ChainHash([7; 32]);
        let bytes = envelope::encode(&recorded, salt, previous).unwrap();
        let header = envelope::header(&bytes[..HEADER_BYTES]).unwrap();
        prop_assert_eq!(header.position, recorded.position);
        prop_assert_eq!(header.recorded_at, recorded.recorded_at);
        prop_assert_eq!(header.event_type.to_string(), recorded.event.name());
        prop_assert_eq!((header.salt, header.previous), (salt, previous));
        prop_assert_eq!(header.envelope_bytes(), bytes.len());
    }

    #[test]
    fn a_row_of_many_is_walked_one_by_one(all in proptest::collection::vec(events::recorded(), 0..12)) {
        let mut previous = chain::genesis(domain::ids::Id::from_bytes([9; 16]));
        let mut row = Vec::new();
        for recorded in &all {
            let envelope = envelope::encode(recorded, [3; 16], previous).unwrap();
            previous = chain::hash(&envelope);
            row.extend_from_slice(&envelope);
        }

        let mut link = chain::genesis(domain::ids::Id::from_bytes([9; 16]));
        let mut rest = row.as_slice();
        let mut walked = Vec::new();
        while !rest.is_empty() {
            let (first, after) = envelope::split_first(rest).unwrap();
            let envelope = envelope::decode(first).unwrap();
            prop_assert_eq!(envelope.previous, link);
            (link, rest) = (chain::hash(first), after);
            walked.push(envelope.recorded);
        }
        prop_assert_eq!(walked, all);
        prop_assert_eq!(link, previous);
    }

    #[test]
    fn noise_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        check(&bytes);
        check(&[&envelope::MAGIC[..], &bytes].concat());
    }
}

#[test]
fn what_newer_software_wrote_is_refused_with_what_was_found_and_what_is_known() {
    let bytes = fixtures::all()[0].stored();
    let said = |at: usize, value: u16| {
        let mut changed = bytes.clone();
        changed[at..at + 2].copy_from_slice(&value.to_le_bytes());
        let whole = envelope::decode(&changed).unwrap_err();
        assert_eq!(envelope::header(&changed), Err(whole.clone()));
        assert_eq!(envelope::split_first(&changed), Err(whole.clone()));
        whole.to_string()
    };
    assert_eq!(
        said(4, 2),
        "the event is in log format 2, and this version of Keyledger reads format 1; \
         use the version that wrote it, or a newer one"
    );
    assert_eq!(
        said(6, 777),
        "unknown event type 777 at position 72623859790381157; \
         use the version of Keyledger that wrote it, or a newer one"
    );
    assert_eq!(
        said(8, 2),
        "TenantCreated at position 72623859790381157 is of version 2, and this version of Keyledger \
         reads up to version 1; use the version that wrote it, or a newer one"
    );
    assert_eq!(said(0, 0), "not an event: an event starts with 4b4c4556 (KLEV), these bytes with 00004556");
    assert!(said(8, 0).contains("is of version 0"));
}

#[test]
fn a_malformed_part_is_named() {
    let stored = |name: &str| {
        let named = |fixture: &fixtures::Fixture| fixture.file.contains(name);
        fixtures::all().into_iter().find(named).expect("a fixture of that name").stored()
    };
    let said = |mut bytes: Vec<u8>, from_end: usize, value: u8| {
        let at = bytes.len() - from_end;
        bytes[at] = value;
        envelope::decode(&bytes).unwrap_err().to_string()
    };
    assert!(said(stored("301-MemberAdded"), 1, 5).ends_with("is malformed: 5 is no code of a role"));
    assert!(said(stored("301-MemberAdded"), 1, 0).ends_with("is malformed: 0 is no code of a role"));
    assert!(
        said(stored("603-TokensRevoked.v1.min"), 3, 1)
            .ends_with("is malformed: a token target of code 1 has the wrong parts")
    );
    assert!(
        said(stored("507-KeyRotated"), 1, 0x80).contains("grace_ends_at is outside the years 1970 to 9999")
    );
    assert!(said(stored("503-KeyExpiryChanged.v1.min"), 1, 2).contains("do not follow its layout"));
    assert!(
        said(stored("503-KeyExpiryChanged.v1.min"), 1, 1).ends_with("is malformed: its bytes end too early")
    );
}

/// A set has one spelling: a scope that belongs further up or down is refused where it is.
#[test]
fn scopes_out_of_order_are_refused() {
    let key_created =
        fixtures::all().into_iter().find(|f| f.file == "501-KeyCreated.v1.hex").expect("it exists");
    let bytes = key_created.stored();
    let with = |old: &[u8; 7], new: &[u8; 7]| {
        let at = bytes.windows(7).position(|window| window == old).expect("the scope is in the fixture");
        let mut changed = bytes.clone();
        changed[at..at + 7].copy_from_slice(new);
        envelope::decode(&changed)
    };
    assert!(with(b"flows:*", b"flowt:*").is_ok());
    for unordered in [b"Aflows:", b"zflows:"] {
        let refused = with(b"flows:*", unordered).unwrap_err().to_string();
        assert!(refused.ends_with("its scopes are not in strictly ascending order"), "{refused}");
    }
    let refused = with(b"flows:*", b"flows \"").unwrap_err().to_string();
    assert!(refused.contains("visible ASCII"), "{refused}");
}

#[test]
fn an_event_may_be_as_large_as_an_envelope_and_no_larger() {
    let mut recorded = fixtures::all()[0].envelope.recorded.clone();
    let mut with_note_of = |length: usize| {
        let subject = Subject::User(domain::ids::Id::from_bytes([1; 16]));
        let note = Some(Sealed { subject, ciphertext: vec![0xAB; length] });
        let reason = domain::key::RevocationReason::Superseded;
        recorded.event = Event::KeyRevoked { key: domain::ids::Id::from_bytes([2; 16]), reason, note };
        envelope::encode(&recorded, [0; 16], ChainHash([0; 32]))
    };
    let room = BYTES_MAX - with_note_of(0).unwrap().len();
    let largest = with_note_of(room).unwrap();
    assert_eq!(largest.len(), BYTES_MAX);
    assert!(envelope::decode(&largest).is_ok());
    for length in [room + 1, 65_535, 65_536, 1 << 20] {
        let bytes = BYTES_MAX - room + length;
        assert_eq!(with_note_of(length), Err(EncodeError::TooLarge { bytes, bytes_max: BYTES_MAX }));
    }
}

#[test]
fn no_event_is_before_the_first() {
    let fixture = &fixtures::all()[0];
    let mut recorded = fixture.envelope.recorded.clone();
    recorded.position = Position::START;
    assert_eq!(envelope::encode(&recorded, [0; 16], ChainHash([0; 32])), Err(EncodeError::NoPosition));
    let mut bytes = fixture.stored();
    bytes[10..18].fill(0);
    assert_eq!(envelope::decode(&bytes), Err(DecodeError::NoPosition));
}
