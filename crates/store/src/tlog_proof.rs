//! A proof in a file (C2SP tlog-proof v1): that a log has an entry, by its place, its path to the root, and a signed
//! checkpoint. It is checked without the log.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra S0xFVgEA…
//! index 41
//! B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
//!
//! keys.example.com/tlog
//! 42
//! …
//! ```
//!
//! The line `extra` holds the envelope itself, for whoever may see it. Its index is one below its position.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::tree::TreeHash;
use crate::tree::tile::decimal;

/// What the first line says.
const VERSION: &str = "c2sp.org/tlog-proof@v1";
/// The most hashes of a path.
const PATH_MAX: usize = 63;

/// What is in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// The envelope, as far as the format knows: any bytes.
    pub extra: Option<Vec<u8>>,
    /// The place of the entry, from 0.
    pub index: u64,
    /// From the leaf's sibling up.
    pub path: Vec<TreeHash>,
    /// The signed checkpoint, as it is.
    pub checkpoint: String,
}

/// A text that is not such a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a proof of the form c2sp.org/tlog-proof@v1")]
pub struct MalformedProof;

impl TlogProof {
    /// Reads the file.
    pub fn parse(text: &str) -> Result<Self, MalformedProof> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(MalformedProof)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(VERSION) {
            return Err(MalformedProof);
        }
        let extra =
            lines.next_if(|line| line.starts_with("extra ")).and_then(|line| line.strip_prefix("extra "));
        let extra = extra.map(|bytes| STANDARD.decode(bytes).map_err(|_| MalformedProof));
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(decimal);
        let path: Option<Vec<_>> = lines.map(TreeHash::parse).collect();
        Ok(Self {
            extra: extra.transpose()?,
            index: index.ok_or(MalformedProof)?,
            path: path.filter(|path| path.len() <= PATH_MAX).ok_or(MalformedProof)?,
            checkpoint: checkpoint.to_owned(),
        })
    }
}

/// As the file has it.
impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{VERSION}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_reads_back_as_written() {
        for (extra, path) in
            [(None, vec![]), (Some(vec![1, 2, 3]), vec![TreeHash([4; 32]), TreeHash([5; 32])])]
        {
            let proof = TlogProof { extra, index: 41, path, checkpoint: "a\n\n— b AAAA\n".to_owned() };
            assert_eq!(TlogProof::parse(&proof.to_string()), Ok(proof));
        }
        let text = "c2sp.org/tlog-proof@v1\nextra AQID\nindex 0\n\na\n\n— b AAAA\n";
        assert!(TlogProof::parse(text).is_ok());
        for bad in [
            "",
            &text.replace("@v1", "@v2"),
            &text.replace("index 0", "index 00"),
            &text.replace("index 0\n", ""),
            &text.replace("AQID", "AQI"),
            &text.replace("extra ", "extra extra "),
            &text.replace("index 0\n", "index 0\nAAAA\n"),
            &text.replace("extra AQID\nindex 0", "index 0\nextra AQID"),
            "c2sp.org/tlog-proof@v1\nindex 0\n",
        ] {
            assert_eq!(TlogProof::parse(bad), Err(MalformedProof), "{bad:?}");
        }
    }
}
