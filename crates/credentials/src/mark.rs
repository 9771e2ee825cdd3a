//! Marks: what recognises a token that this process has seen before, without keeping the token.
//!
//! A mark is the keyed BLAKE3 hash of the whole text under a key that is drawn when the process starts and never leaves
//! it. Two texts that differ anywhere have two marks, and nobody outside can make texts whose marks agree in part.

use zeroize::Zeroizing;

/// Makes marks. Another process makes others.
pub struct Marker(Zeroizing<[u8; 32]>);

/// The mark of a text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark([u8; 32]);

impl Marker {
    /// A marker with these bytes, fresh from the system's random source.
    pub fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }

    /// The mark of a text: of all of it.
    pub fn mark(&self, text: &str) -> Mark {
        Mark(*blake3::keyed_hash(&self.0, text.as_bytes()).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_mark_and_another_text_or_process_another() {
        let [one, other] = [1, 2].map(|byte| Marker::new(Zeroizing::new([byte; 32])));
        assert!(one.mark("a token") == one.mark("a token"));
        assert!(one.mark("a token") != one.mark("a tokem") && one.mark("a token") != one.mark("a token "));
        assert!(one.mark("a token") != other.mark("a token"));
    }
}
