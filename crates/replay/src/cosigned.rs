//! Whether witnesses that somebody trusts signed a checkpoint, and when.

use domain::time::Timestamp;
use serde_json::{Value, json};

use crate::print::instant;
use crate::report::counted;

/// What there is below a checkpoint besides the log's own signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// The witnesses whose keys were given. All of them signed it.
    pub by: Vec<Seen>,
    /// How many other lines there are. Anybody may have written them.
    pub unchecked: usize,
}

/// That a witness saw the checkpoint, and none before that contradicts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What the witness is called.
    pub witness: String,
    /// When, by its own clock; none: it names a time that there is not.
    pub at: Option<Timestamp>,
}

impl Cosigned {
    /// In words, a line for each; none, if there is nothing to say.
    pub fn said(&self) -> Vec<String> {
        let seen = |Seen { witness, at }: &Seen| match at {
            Some(at) => format!("The witness {witness} signed its checkpoint at {}.", instant(*at)),
            None => format!("The witness {witness} signed its checkpoint."),
        };
        let unchecked = (self.unchecked > 0).then(|| {
            let lines = counted(self.unchecked as u64, "cosignature");
            format!("{lines} NOT CHECKED: give the keys of the witnesses that you trust, with --witness-key.")
        });
        self.by.iter().map(seen).chain(unchecked).collect()
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let seen = |Seen { witness, at }: &Seen| json!({ "witness": witness, "at": at.map(instant) });
        json!({ "by": self.by.iter().map(seen).collect::<Vec<_>>(), "not_checked": self.unchecked })
    }
}
