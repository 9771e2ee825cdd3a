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
use domain::time::Timestamp;
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

/// A text that is not the verifier key that it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedVerifierKey {
    /// It is none at all.
    #[error(
        "not a verifier key of Ed25519: it has the form NAME+HASH+KEY, as the server and audit prove tell it"
    )]
    NoKey,
    /// A witness signs that it saw a log, and not for it.
    #[error(
        "this is the key of a witness (type 4, for cosignatures), and a log signs with another; give the log's own, as the server and audit prove tell it"
    )]
    OfWitness,
    /// What a log signs of itself is no witness's word (C2SP tlog-witness asks for cosignatures).
    #[error(
        "this is the key of a log (type 1); a witness has a key of its own for cosignatures (type 4), which begins with B after the last plus"
    )]
    OfLog,
}

/// A note without the signature that it should have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// The key did not sign it.
    #[error("the note has no signature of {0}")]
    Missing(String),
    /// A line has the name and the id of the key, and it is not the key's.
    #[error("the note has no good signature of {0}: a line in its name is wrong")]
    Wrong(String),
}

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

/// The most signatures of a note: none is read that has more, nor written.
pub const SIGNATURES_MAX: usize = 64;
/// What begins a signature's line: an em dash.
const DASH: &str = "\u{2014} ";
/// The bytes of a key's id.
const ID_BYTES: usize = 4;
/// The bytes of a cosignature's time.
const TIME_BYTES: usize = 8;

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

    /// The lines below it.
    pub fn signature_lines(&self) -> String {
        let line =
            |Signature { name, bytes }: &Signature| format!("{DASH}{name} {}\n", STANDARD.encode(bytes));
        self.signatures.iter().map(line).collect()
    }

    /// The same note with those lines of these that are good signatures of one of the keys and not there yet, as many as
    /// a note has room for; whatever else there is among them is left away.
    pub fn with_good(mut self, lines: &str, keys: &[NoteVerifier]) -> Self {
        for line in lines.lines().take(SIGNATURES_MAX) {
            let Ok(signature) = Signature::parse(line) else { continue };
            let Some(key) = keys.iter().find(|key| key.accepts(&self.text, &signature)) else { continue };
            if self.check(key).is_ok() {
                continue;
            }
            // A wrong line in the same name would spoil it.
            self.signatures.retain(|other| !key.is_named_by(other));
            if self.signatures.len() < SIGNATURES_MAX {
                self.signatures.push(signature);
            }
        }
        self
    }

    /// Whether the key signed it: there is a line of the key, and each that has its name and id is good.
    pub fn check(&self, key: &NoteVerifier) -> Result<(), Unsigned> {
        let mut of_key = self.signatures.iter().filter(|signature| key.is_named_by(signature)).peekable();
        if of_key.peek().is_none() {
            return Err(Unsigned::Missing(key.name.clone()));
        }
        let good = of_key.all(|signature| key.accepts(&self.text, signature));
        if good { Ok(()) } else { Err(Unsigned::Wrong(key.name.clone())) }
    }

    /// When a witness saw it last, as its signature says; a key that signs without a time gives none.
    pub fn cosigned_at(&self, witness: &NoteVerifier) -> Result<Option<Timestamp>, Unsigned> {
        self.check(witness)?;
        let of_key = self.signatures.iter().filter(|signature| witness.is_named_by(signature));
        let times = of_key.filter_map(|signature| witness.time_in(signature));
        Ok(times
            .max()
            .and_then(|seconds| Timestamp::from_unix_ms(i64::try_from(seconds).ok()?.checked_mul(1_000)?)))
    }

    /// How many lines it has that are of none of these keys, good or not.
    pub fn signatures_besides(&self, keys: &[NoteVerifier]) -> usize {
        let of_others = |signature: &&Signature| !keys.iter().any(|key| key.is_named_by(signature));
        self.signatures.iter().filter(of_others).count()
    }
}

/// As it is sent and kept.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.text, self.signature_lines())
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
    /// Reads the key of a log: `NAME+HASH+KEY`, as C2SP signed-note writes verifier keys.
    pub fn parse(text: &str) -> Result<Self, MalformedVerifierKey> {
        let key = Self::parse_any(text).ok_or(MalformedVerifierKey::NoKey)?;
        match key.kind {
            Kind::Note => Ok(key),
            Kind::Cosignature => Err(MalformedVerifierKey::OfWitness),
        }
    }

    /// Reads the key of a witness, in the same form.
    pub fn parse_witness(text: &str) -> Result<Self, MalformedVerifierKey> {
        let key = Self::parse_any(text).ok_or(MalformedVerifierKey::NoKey)?;
        match key.kind {
            Kind::Cosignature => Ok(key),
            Kind::Note => Err(MalformedVerifierKey::OfLog),
        }
    }

    fn parse_any(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once('+')?;
        let (id, key) = rest.split_once('+')?;
        let name = LogOrigin::parse(name).ok()?;
        let key = STANDARD.decode(key).ok()?;
        let (kind, key) = key.split_first()?;
        let kind = [Kind::Note, Kind::Cosignature].into_iter().find(|known| known.byte() == *kind)?;
        let key = VerifyingKey::parse(&PublicKey(key.try_into().ok()?)).ok()?;
        let parsed = Self { name: name.as_str().to_owned(), kind, key };
        // Its spelling is its only one, and its hash is its own.
        (parsed.to_string() == text && parsed.to_string().contains(&format!("+{id}+"))).then_some(parsed)
    }

    /// The key of a log that signs its checkpoints.
    pub fn of_log(origin: &LogOrigin, public: &PublicKey) -> Result<Self, MalformedVerifierKey> {
        let key = VerifyingKey::parse(public).map_err(|_| MalformedVerifierKey::NoKey)?;
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

    /// Whether the line says to be of this key.
    fn is_named_by(&self, signature: &Signature) -> bool {
        signature.name == self.name && signature.bytes[..ID_BYTES] == self.id()
    }

    fn accepts(&self, text: &str, signature: &Signature) -> bool {
        let verifies = |text: &str, signed: &[u8]| {
            signed.try_into().is_ok_and(|signed| self.key.verify(text.as_bytes(), signed).is_ok())
        };
        if !self.is_named_by(signature) {
            return false;
        }
        match self.kind {
            Kind::Note => verifies(text, &signature.bytes[ID_BYTES..]),
            Kind::Cosignature => self.time_in(signature).is_some_and(|time| {
                let text = format!("cosignature/v1\ntime {time}\n{text}");
                verifies(&text, &signature.bytes[ID_BYTES + TIME_BYTES..])
            }),
        }
    }

    /// The second that a cosignature names; none of what is none.
    fn time_in(&self, signature: &Signature) -> Option<u64> {
        let (time, _) = signature.bytes[ID_BYTES..].split_first_chunk::<TIME_BYTES>()?;
        (self.kind == Kind::Cosignature).then(|| u64::from_be_bytes(*time))
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
        assert_eq!(NoteVerifier::parse_witness(&witness.to_string()).as_ref(), Ok(&witness));
        let line = |time: u64, text: &str| {
            let signed = pair.sign(format!("cosignature/v1\ntime {time}\n{text}").as_bytes());
            let bytes = [witness.id().as_slice(), &time.to_be_bytes(), &signed].concat();
            format!("{DASH}wit.example/w {}\n", STANDARD.encode(bytes))
        };
        let note = signer("example.com/log").sign(TEXT);
        let cosigned = note.clone().with_good(&line(5, TEXT), std::slice::from_ref(&witness));
        assert_eq!(cosigned.check(&witness), Ok(()));
        assert_eq!(cosigned.cosigned_at(&witness), Ok(Timestamp::from_unix_ms(5_000)));
        let signer = signer("example.com/log");
        let log = std::slice::from_ref(signer.verifier());
        assert_eq!((cosigned.signatures_besides(log), note.signatures_besides(log)), (1, 0));
        // A wrong one of the same witness is none beside a good one, and in the way of none.
        let other = line(6, "example.com/log\n2\nAAAA\n");
        let spoilt = Note::parse(&format!("{note}{other}")).unwrap();
        assert_eq!(spoilt.check(&witness), Err(Unsigned::Wrong("wit.example/w".into())));
        assert_eq!(spoilt.with_good(&line(5, TEXT), std::slice::from_ref(&witness)), cosigned);
        assert!(Note::parse(&format!("{cosigned}{other}")).unwrap().check(&witness).is_err());
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
            assert_eq!(NoteVerifier::parse(bad), Err(MalformedVerifierKey::NoKey), "{bad}");
        }
    }

    fn witness(number: u8) -> (SigningKeyPair, NoteVerifier) {
        let pair = SigningKeyPair::from_seed(&Seed::from_bytes([number; 32]));
        let key = *pair.verifying_key();
        (pair, NoteVerifier { name: format!("wit.example/{number}"), kind: Kind::Cosignature, key })
    }

    #[test]
    fn a_wrong_line_in_the_name_of_a_known_key_spoils_the_note() {
        let signer = signer("example.com/log");
        let (good, other) = (signer.sign(TEXT), signer.sign("example.com/log\n2\nAAAA\n"));
        let line = |note: &Note| note.to_string().split_once("\n\n").unwrap().1.to_owned();
        for lines in [line(&good) + &line(&other), line(&other) + &line(&good), line(&other)] {
            let note = Note::parse(&format!("{TEXT}\n{lines}")).unwrap();
            let wrong = Unsigned::Wrong("example.com/log".into());
            assert_eq!(note.check(signer.verifier()), Err(wrong), "{lines}");
        }
        // Of an unknown key, whatever its name is, a line counts for nothing.
        let stranger =
            NoteSigner::of_log(&LogOrigin::parse("example.com/log").unwrap(), &Seed::from_bytes([8; 32]));
        let lines = line(&good) + &line(&stranger.sign("example.com/log\n2\nAAAA\n"));
        assert_eq!(Note::parse(&format!("{TEXT}\n{lines}")).unwrap().check(signer.verifier()), Ok(()));
        assert!(matches!(
            Note::parse(&format!("{TEXT}\n{}", line(&stranger.sign(TEXT)))).unwrap().check(signer.verifier()),
            Err(Unsigned::Missing(_))
        ));
    }

    #[test]
    fn what_is_written_can_be_read_however_many_sign() {
        let signer = signer("example.com/log");
        let cosigned = |(pair, key): &(SigningKeyPair, NoteVerifier)| {
            let signed = pair.sign(format!("cosignature/v1\ntime 5\n{TEXT}").as_bytes());
            let bytes = [key.id().as_slice(), &5_u64.to_be_bytes(), &signed].concat();
            format!("{DASH}{} {}\n", key.name, STANDARD.encode(bytes))
        };
        let witnesses: Vec<_> = (1..=70).map(witness).collect();
        let keys: Vec<_> = witnesses.iter().map(|(_, key)| key.clone()).collect();
        let note =
            witnesses.iter().fold(signer.sign(TEXT), |note, one| note.with_good(&cosigned(one), &keys));
        let read = Note::parse(&note.to_string()).unwrap();
        assert_eq!(
            (read.check(signer.verifier()), read.signatures_besides(std::slice::from_ref(signer.verifier()))),
            (Ok(()), 63)
        );
    }

    #[test]
    fn the_key_of_a_witness_is_no_logs_key_and_the_other_way_around() {
        let (witness, log) = (witness(9).1.to_string(), signer("example.com/log").verifier().to_string());
        assert_eq!(NoteVerifier::parse(&witness), Err(MalformedVerifierKey::OfWitness));
        assert_eq!(NoteVerifier::parse_witness(&log), Err(MalformedVerifierKey::OfLog));
        assert!(NoteVerifier::parse_witness(&witness).is_ok() && NoteVerifier::parse(&log).is_ok());
        assert_eq!(NoteVerifier::parse_witness("x"), Err(MalformedVerifierKey::NoKey));
    }
}
