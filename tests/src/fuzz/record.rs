//! Records of the log: whatever is accepted is spelled as it would be written, and nothing panics.

use store::chain;
use store::envelope;

pub(super) fn run(bytes: &[u8]) {
    let header = envelope::header(bytes);
    if let Ok(envelope) = envelope::decode(bytes) {
        let again = envelope::encode(&envelope.recorded, envelope.salt, envelope.previous);
        assert_eq!(again.as_deref(), Ok(bytes), "two spellings of {envelope:?}");
        let header = header.expect("what can be read whole has a header");
        assert_eq!(header.envelope_bytes(), bytes.len());
        assert_eq!(
            (header.position, header.recorded_at),
            (envelope.recorded.position, envelope.recorded.recorded_at)
        );
        assert_eq!(header.event_type.to_string(), envelope.recorded.event.name());
    }
    // A row of the log is records one after the other.
    let mut rest = bytes;
    while let Ok((first, after)) = envelope::split_first(rest) {
        assert!(!first.is_empty() && first.len() + after.len() == rest.len());
        let _ = (envelope::decode(first), chain::hash(first));
        rest = after;
    }
}
