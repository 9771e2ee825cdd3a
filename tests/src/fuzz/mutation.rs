//! Changes of inputs, drawn from a seed: what a fuzzer does, without its sense of what was new.

/// Draws changes. The same seed draws the same.
pub struct Mutator {
    state: u64,
}

/// The most bytes of a changed input.
const BYTES_MAX: usize = 64 * 1024;

impl Mutator {
    /// A mutator of this seed.
    pub fn of(seed: u64) -> Self {
        Self { state: seed }
    }

    /// SplitMix64.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below the bound, which is not zero.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.draw() % bound as u64) as usize
    }

    /// One to eight changes of the input; others of the corpus and words may be put in.
    pub fn change(&mut self, input: &[u8], others: &[&[u8]], words: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..=self.below(8) {
            self.change_once(&mut bytes, others, words);
        }
        bytes.truncate(BYTES_MAX);
        bytes
    }

    fn change_once(&mut self, bytes: &mut Vec<u8>, others: &[&[u8]], words: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        let end = at + self.below(bytes.len() - at + 1).min(64);
        match self.below(9) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << self.below(8);
                }
            }
            1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = [0x00, 0x01, 0x20, 0x22, 0x2E, 0x5C, 0x7F, 0x80, 0xFF][self.below(9)];
                }
            }
            2 => bytes.insert(at, self.below(256) as u8),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let piece = bytes[at..end].to_vec();
                let times = 1 << self.below(6);
                drop(bytes.splice(at..at, piece.repeat(times)));
            }
            5 if !words.is_empty() => {
                let word = words[self.below(words.len())].clone();
                drop(bytes.splice(at..at, word));
            }
            6 if !words.is_empty() => {
                let word = words[self.below(words.len())].clone();
                drop(bytes.splice(at..end, word));
            }
            7 if !others.is_empty() => {
                let other = others[self.below(others.len())];
                let from = self.below(other.len() + 1);
                drop(bytes.splice(at.., other[from..].iter().copied()));
            }
            _ => bytes.truncate(at.max(1)),
        }
    }
}
