//! The corpus of a target: inputs that were made or found, and the words that its inputs are made of.

use std::fs;
use std::path::{Path, PathBuf};

/// The inputs and words of a target, as they are in the repository.
pub struct Corpus {
    /// Each input, by its file, in the order of names.
    pub inputs: Vec<(PathBuf, Vec<u8>)>,
    /// The words.
    pub words: Vec<Vec<u8>>,
}

impl Corpus {
    /// Reads `fuzz/corpus/NAME` and `fuzz/dictionaries/NAME.dict`.
    pub fn of(name: &str) -> Self {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let folder = fuzz.join("corpus").join(name);
        let entries = fs::read_dir(&folder).expect("each target has a corpus");
        let mut files: Vec<_> = entries.map(|entry| entry.expect("it can be read").path()).collect();
        files.sort();
        let read = |path: PathBuf| {
            let bytes = fs::read(&path).expect("it can be read");
            (path, bytes)
        };
        let dictionary = fuzz.join("dictionaries").join(format!("{name}.dict"));
        let dictionary = fs::read_to_string(dictionary).expect("each target has a dictionary");
        Self {
            inputs: files.into_iter().map(read).collect(),
            words: dictionary.lines().filter_map(word).collect(),
        }
    }
}

/// A word in quotes, with `\"`, `\\` and `\xNN` as libFuzzer has them; none on a line without.
fn word(line: &str) -> Option<Vec<u8>> {
    let quoted = line.trim().strip_prefix('"')?.strip_suffix('"')?.as_bytes();
    let (mut word, mut at) = (vec![], 0);
    while let Some(byte) = quoted.get(at) {
        let (byte, taken) = match (byte, quoted.get(at + 1)) {
            (b'\\', Some(b'x')) => {
                let digits = std::str::from_utf8(quoted.get(at + 2..at + 4)?).ok()?;
                (u8::from_str_radix(digits, 16).ok()?, 4)
            }
            (b'\\', Some(escaped)) => (*escaped, 2),
            (byte, _) => (*byte, 1),
        };
        word.push(byte);
        at += taken;
    }
    Some(word)
}
