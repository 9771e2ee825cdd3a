//! Signed notes (C2SP signed-note v1): a text, and lines below it with the signatures of named keys.
//!
//! ```text
//! keys.example.com/tlog
//! 42
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — keys.example.com/tlog Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
//! ```
//!
//! Two kinds of Ed25519 signatures are known: of the note itself, and of a witness with the second at which it saw the
//! note (C2SP tlog-cosignature v1). Lines of other keys are kept and not looked at.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::event::PublicKey;
use domain::origin::LogOrigin;
use sha2::{Digest as _, Sha256};

use crate::signing_key::{Seed, SigningKeyPair, VerifyingKey};

/// A note, whose signatures are not checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// A line below a note.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature {
    name: String,
    /// The key's id (4 bytes) and what it signed.
    bytes: Vec<u8>,
}

/// A text that is not a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a signed note: a text, an empty line, and lines that begin with an em dash, a name and base64")]
pub struct MalformedNote;

/// A text that is not a verifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a verifier key of Ed25519: it has the form NAME+HASH+KEY, as the server and audit prove tell it"
)]
pub struct MalformedVerifierKey;

/// A note without the signature that it should have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the note has no good signature of {0}")]
pub struct Unsigned(String);

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The text of the note.
    Note,
    /// The text, after the second at which it was seen.
    Cosignature,
}

impl Kind {
    /// The byte that stands for it in ids and verifier keys.
    const fn byte(self) -> u8 {
        match self {
            Self::Note => 1,
            Self::Cosignature => 4,
        }
    }
}

/// The name and the public half of a key that signs notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteVerifier {
    name: String,
    kind: Kind,
    key: VerifyingKey,
}

/// A key that signs notes. Its private half hides itself.
#[derive(Debug)]
pub struct NoteSigner {
    pair: SigningKeyPair,
    verifier: NoteVerifier,
}

/// The most signatures of a note that is read.
const SIGNATURES_MAX: usize = 64;
/// What begins a signature's line: an em dash.
const DASH: &str = "\u{2014} ";
/// The bytes of a key's id.
const ID_BYTES: usize = 4;

impl Note {
    /// Reads a note. Its signatures are not checked.
    pub fn parse(note: &str) -> Result<Self, MalformedNote> {
        let end = note.rfind("\n\n").ok_or(MalformedNote)?;
        let (text, lines) = (&note[..=end], &note[end + 2..]);
        let plain = text.chars().all(|c| c == '\n' || !c.is_control());
        let lines = lines.strip_suffix('\n').ok_or(MalformedNote)?;
        let signatures: Vec<_> =
            lines.split('\n').take(SIGNATURES_MAX + 1).map(Signature::parse).collect::<Result<_, _>>()?;
        if plain && signatures.len() <= SIGNATURES_MAX {
            Ok(Self { text: text.to_owned(), signatures })
        } else {
            Err(MalformedNote)
        }
    }

    /// The text that is signed, its last newline included.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same text without any signature.
    pub fn unsigned(self) -> Self {
        Self { signatures: vec![], ..self }
    }

    /// The same note with those lines of these that are good signatures of one of the keys and not there yet; whatever
    /// else there is among them is left away.
    pub fn with_good(mut self, lines: &str, keys: &[NoteVerifier]) -> Self {
        for line in lines.lines().take(SIGNATURES_MAX) {
            let Ok(signature) = Signature::parse(line) else { continue };
            let good = keys.iter().any(|key| key.accepts(&self.text, &signature));
            let anew = self.signatures.iter().all(|other| {
                other.name != signature.name || other.bytes[..ID_BYTES] != signature.bytes[..ID_BYTES]
            });
            if good && anew {
                self.signatures.push(signature);
            }
        }
        self
    }

    /// Whether the key signed it.
    pub fn check(&self, key: &NoteVerifier) -> Result<(), Unsigned> {
        let signed = self.signatures.iter().any(|signature| key.accepts(&self.text, signature));
        if signed { Ok(()) } else { Err(Unsigned(key.name.clone())) }
    }
}

/// As it is sent and kept.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|Signature { name, bytes }| writeln!(f, "{DASH}{name} {}", STANDARD.encode(bytes)))
    }
}

impl Signature {
    fn parse(line: &str) -> Result<Self, MalformedNote> {
        let (name, bytes) =
            line.strip_prefix(DASH).and_then(|line| line.split_once(' ')).ok_or(MalformedNote)?;
        let bytes = STANDARD.decode(bytes).map_err(|_| MalformedNote)?;
        let named = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+');
        if named && bytes.len() > ID_BYTES {
            Ok(Self { name: name.to_owned(), bytes })
        } else {
            Err(MalformedNote)
        }
    }
}

impl NoteVerifier {
    /// Reads `NAME+HASH+KEY`, as C2SP signed-note writes verifier keys.
    pub fn parse(text: &str) -> Result<Self, MalformedVerifierKey> {
        let (name, rest) = text.split_once('+').ok_or(MalformedVerifierKey)?;
        let (id, key) = rest.split_once('+').ok_or(MalformedVerifierKey)?;
        let name = LogOrigin::parse(name).map_err(|_| MalformedVerifierKey)?;
        let key = STANDARD.decode(key).map_err(|_| MalformedVerifierKey)?;
        let (kind, key) = key.split_first().ok_or(MalformedVerifierKey)?;
        let kind = [Kind::Note, Kind::Cosignature].into_iter().find(|known| known.byte() == *kind);
        let key = key.try_into().map_err(|_| MalformedVerifierKey)?;
        let key = VerifyingKey::parse(&PublicKey(key)).map_err(|_| MalformedVerifierKey)?;
        let parsed = Self { name: name.as_str().to_owned(), kind: kind.ok_or(MalformedVerifierKey)?, key };
        // Its spelling is its only one, and its hash is its own.
        if parsed.to_string() == text && parsed.to_string().contains(&format!("+{id}+")) {
            Ok(parsed)
        } else {
            Err(MalformedVerifierKey)
        }
    }

    /// The key of a log that signs its checkpoints.
    pub fn of_log(origin: &LogOrigin, public: &PublicKey) -> Result<Self, MalformedVerifierKey> {
        let key = VerifyingKey::parse(public).map_err(|_| MalformedVerifierKey)?;
        Ok(Self { name: origin.as_str().to_owned(), kind: Kind::Note, key })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its public half.
    pub fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    /// SHA-256 over name, kind and key, cut to four bytes.
    fn id(&self) -> [u8; ID_BYTES] {
        let hash = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', self.kind.byte()])
            .chain_update(self.key.public_key().0)
            .finalize();
        *hash.first_chunk().expect("a hash has 32 bytes")
    }

    fn accepts(&self, text: &str, signature: &Signature) -> bool {
        let Some((id, signed)) = signature.bytes.split_first_chunk() else { return false };
        if signature.name != self.name || *id != self.id() {
            return false;
        }
        match self.kind {
            Kind::Note => {
                signed.try_into().is_ok_and(|signed| self.key.verify(text.as_bytes(), signed).is_ok())
            }
            Kind::Cosignature => signed.split_first_chunk().is_some_and(|(time, signed)| {
                let time = u64::from_be_bytes(*time);
                let text = format!("cosignature/v1\ntime {time}\n{text}");
                signed.try_into().is_ok_and(|signed| self.key.verify(text.as_bytes(), signed).is_ok())
            }),
        }
    }
}

/// As C2SP signed-note writes verifier keys.
impl fmt::Display for NoteVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [[self.kind.byte()].as_slice(), &self.key.public_key().0].concat();
        write!(f, "{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id()), STANDARD.encode(key))
    }
}

impl NoteSigner {
    /// The key of a log with this origin.
    pub fn of_log(origin: &LogOrigin, seed: &Seed) -> Self {
        let pair = SigningKeyPair::from_seed(seed);
        let verifier =
            NoteVerifier { name: origin.as_str().to_owned(), kind: Kind::Note, key: *pair.verifying_key() };
        Self { pair, verifier }
    }

    /// What checks its signatures.
    pub fn verifier(&self) -> &NoteVerifier {
        &self.verifier
    }

    /// A note with this text, which ends with a newline and has no empty line.
    pub fn sign(&self, text: &str) -> Note {
        debug_assert!(text.ends_with('\n') && !text.contains("\n\n"), "a text that can be read back");
        let bytes = [self.verifier.id().as_slice(), &self.pair.sign(text.as_bytes())].concat();
        Note {
            text: text.to_owned(),
            signatures: vec![Signature { name: self.verifier.name.clone(), bytes }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the documentation of golang.org/x/mod/sumdb/note.
    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const PETERS_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
         then you don't know what your problem is.\n\n\
         — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    const TEXT: &str = "example.com/log\n1\nAAAA\n";

    fn signer(name: &str) -> NoteSigner {
        NoteSigner::of_log(&LogOrigin::parse(name).unwrap(), &Seed::from_bytes([7; 32]))
    }

    #[test]
    fn the_note_of_the_reference_implementation_is_good_and_its_changed_twins_are_not() {
        let key = NoteVerifier::parse(PETER).unwrap();
        assert_eq!((key.to_string().as_str(), key.name()), (PETER, "PeterNeumann"));
        let note = Note::parse(PETERS_NOTE).unwrap();
        assert_eq!((note.to_string().as_str(), note.check(&key)), (PETERS_NOTE, Ok(())));
        for place in 0..PETERS_NOTE.len() {
            let mut changed = PETERS_NOTE.as_bytes().to_vec();
            changed[place] ^= 1;
            let read = String::from_utf8(changed).ok().and_then(|text| Note::parse(&text).ok());
            assert!(read.is_none_or(|note| note.check(&key).is_err()), "byte {place}");
        }
    }

    #[test]
    fn what_is_signed_is_good_for_its_key_alone() {
        let signer = signer("example.com/log");
        let note = Note::parse(&signer.sign(TEXT).to_string()).unwrap();
        assert_eq!((note.text(), note.check(signer.verifier())), (TEXT, Ok(())));
        assert_eq!(NoteVerifier::parse(&signer.verifier().to_string()).as_ref(), Ok(signer.verifier()));
        let renamed =
            NoteSigner::of_log(&LogOrigin::parse("example.com/b").unwrap(), &Seed::from_bytes([7; 32]));
        let another =
            NoteSigner::of_log(&LogOrigin::parse("example.com/log").unwrap(), &Seed::from_bytes([8; 32]));
        for other in [renamed, another] {
            assert!(note.check(other.verifier()).is_err());
        }
        assert!(!format!("{signer:?}").contains("[7, 7"), "{signer:?}");
    }

    #[test]
    fn a_cosignature_counts_if_its_witness_is_known_and_saw_this_note() {
        let pair = SigningKeyPair::from_seed(&Seed::from_bytes([9; 32]));
        let witness = NoteVerifier {
            name: "wit.example/w".into(),
            kind: Kind::Cosignature,
            key: *pair.verifying_key(),
        };
        assert_eq!(NoteVerifier::parse(&witness.to_string()).as_ref(), Ok(&witness));
        let line = |time: u64, text: &str| {
            let signed = pair.sign(format!("cosignature/v1\ntime {time}\n{text}").as_bytes());
            let bytes = [witness.id().as_slice(), &time.to_be_bytes(), &signed].concat();
            format!("{DASH}wit.example/w {}\n", STANDARD.encode(bytes))
        };
        let note = signer("example.com/log").sign(TEXT);
        let cosigned = note.clone().with_good(&line(5, TEXT), std::slice::from_ref(&witness));
        assert_eq!(cosigned.check(&witness), Ok(()));
        assert_eq!(Note::parse(&cosigned.to_string()).as_ref(), Ok(&cosigned));
        let twice = cosigned.clone().with_good(&line(6, TEXT), std::slice::from_ref(&witness));
        assert_eq!(twice, cosigned);
        for (lines, keys) in [
            (line(5, "example.com/log\n2\nAAAA\n"), vec![witness.clone()]),
            (line(5, TEXT), vec![]),
            ("no signature\n".to_owned(), vec![witness.clone()]),
        ] {
            assert_eq!(note.clone().with_good(&lines, &keys), note, "{lines}");
        }
    }

    #[test]
    fn malformed_notes_and_keys_are_refused() {
        let note = signer("example.com/log").sign(TEXT).to_string();
        let (text, line) = note.split_once("\n\n").unwrap();
        for bad in [
            "",
            "\n\n",
            TEXT,
            &format!("{text}\n\n"),
            &format!("{text}\n{line}"),
            note.trim_end(),
            &note.replace('\u{2014}', "-"),
            &note.replace("example.com/log ", "example.com/log  "),
            &format!("{note}\n"),
            &note.replace('1', "\u{1}"),
            &format!("{text}\n\n{}", line.repeat(65)),
        ] {
            assert_eq!(Note::parse(bad), Err(MalformedNote), "{bad:?}");
        }
        for bad in [
            "",
            "x",
            "x+c74f20a3",
            &PETER.replace("c74f", "c74e"),
            &PETER.replace("c74f20a3", "C74F20A3"),
            &PETER.replace("+AR", "+AS"),
            &PETER.replace("+AR", "+Ag"),
            &format!("{PETER}="),
            &PETER.replace("Peter", "Pe ter"),
            &PETER[..PETER.len() - 4],
        ] {
            assert_eq!(NoteVerifier::parse(bad), Err(MalformedVerifierKey), "{bad}");
        }
    }
}
