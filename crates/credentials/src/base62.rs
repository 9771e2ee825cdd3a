//! Base 62 of fixed width: 0-9, A-Z, a-z, the most significant digit first.
//!
//! The alphabet is in ASCII order, so texts of one width compare as the numbers that they stand for.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Writes the big-endian number, which is zero afterwards, into the whole of `text`.
pub(crate) fn encode(number: &mut [u8], text: &mut [u8]) {
    for digit in text.iter_mut().rev() {
        let mut remainder = 0;
        for byte in number.iter_mut() {
            let value = remainder << 8 | u32::from(*byte);
            *byte = (value / 62) as u8;
            remainder = value % 62;
        }
        *digit = ALPHABET[remainder as usize];
    }
    debug_assert!(number.iter().all(|byte| *byte == 0), "the width holds every number of this many bytes");
}

/// Reads a big-endian number; none if a character is no digit or the number needs more than `N` bytes.
pub(crate) fn decode<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut number = [0; N];
    for character in text {
        let mut carry = value(*character)?;
        for byte in number.iter_mut().rev() {
            let next = u32::from(*byte) * 62 + carry;
            *byte = next as u8;
            carry = next >> 8;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(number)
}

/// Writes a number that fits a register into the whole of `text`.
pub(crate) fn encode_u32(mut number: u32, text: &mut [u8]) {
    for digit in text.iter_mut().rev() {
        *digit = ALPHABET[(number % 62) as usize];
        number /= 62;
    }
    debug_assert!(number == 0, "the width holds every number of this many bytes");
}

/// Whether the character is one of the 62 digits.
pub(crate) fn is_digit(character: u8) -> bool {
    character.is_ascii_alphanumeric()
}

fn value(character: u8) -> Option<u32> {
    let value = match character {
        b'0'..=b'9' => character - b'0',
        b'A'..=b'Z' => character - b'A' + 10,
        b'a'..=b'z' => character - b'a' + 36,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text<const N: usize>(number: [u8; N], width: usize) -> String {
        let mut text = vec![0; width];
        encode(&mut number.clone(), &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn digits_are_in_ascii_order_and_each_reads_back() {
        assert!(ALPHABET.is_sorted());
        for (expected, character) in ALPHABET.iter().enumerate() {
            assert_eq!(value(*character), Some(expected as u32));
            assert!(is_digit(*character));
        }
        assert_eq!((0..=u8::MAX).filter(|c| value(*c).is_some()).count(), 62);
    }

    #[test]
    fn numbers_too_large_are_refused() {
        assert_eq!(text([0; 16], 22), "0".repeat(22));
        assert_eq!(text([0xff; 16], 22), "7n42DGM5Tflk9n8mt7Fhc7");
        assert_eq!(decode::<16>(b"7n42DGM5Tflk9n8mt7Fhc7"), Some([0xff; 16]));
        assert_eq!(decode::<16>(b"7n42DGM5Tflk9n8mt7Fhc8"), None);
        assert_eq!(decode::<16>("z".repeat(22).as_bytes()), None);
        assert_eq!(decode::<16>(b"000000000000000000000_"), None);
    }

    proptest! {
        #[test]
        fn round_trip_in_order(left: [u8; 16], right: [u8; 16]) {
            let (l, r) = (text(left, 22), text(right, 22));
            prop_assert_eq!(decode::<16>(l.as_bytes()), Some(left));
            prop_assert_eq!(left.cmp(&right), l.cmp(&r));
        }
    }
}
