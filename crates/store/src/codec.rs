//! The codec: how events and view rows become bytes and come back. The only place that names bincode.
//!
//! `docs/log-format.md` says every byte of it. What is decoded here is parsed: each value went through
//! its own `parse`, and no value has two encodings, so what decodes is exactly what was encoded.

mod codes;
pub mod error;
pub mod event_type;
pub mod rows;
mod usage;
pub(crate) mod v1;

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bincode::error::DecodeError as BincodeError;

use error::Malformed;

/// Fixed width, because a variable-width integer has several spellings; limited, because a length is
/// believed only as far as an envelope reaches.
const LAYOUT: Configuration<LittleEndian, Fixint, Limit<65_535>> =
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<65_535>();

/// The bytes of a stored shape.
fn write<T: bincode::Encode>(shape: &T) -> Vec<u8> {
    bincode::encode_to_vec(shape, LAYOUT).expect("a plain struct can always be written to memory")
}

/// A stored shape out of all of the bytes.
fn read<T: bincode::Decode<()>>(bytes: &[u8]) -> Result<T, Malformed> {
    let (shape, used) = bincode::decode_from_slice(bytes, LAYOUT).map_err(layout)?;
    if used != bytes.len() {
        return Err(Malformed::Trailing { bytes: bytes.len() - used });
    }
    Ok(shape)
}

fn layout(error: BincodeError) -> Malformed {
    if let BincodeError::UnexpectedEnd { .. } = error {
        return Malformed::CutShort;
    }
    Malformed::Layout { why: format!("{error:?}") }
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
#[path = "../tests/common/events.rs"]
mod random;
