//! A witness on loopback (C2SP tlog-witness) that does as it is told: it signs whatever it is shown, or errs, or is silent.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use credentials::signing_key::{Seed, SigningKeyPair};
use sha2::{Digest as _, Sha256};

/// What it does when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It signs.
    Signs,
    /// It says that it knows a log of so many events (409).
    Knows(u64),
    /// It takes the question and never answers.
    Silent,
}

/// A witness, and what it was asked.
pub struct Witness {
    /// Its verifier key.
    pub key: String,
    /// Where it listens.
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    pair: SigningKeyPair,
    manner: Mutex<Manner>,
    /// The `old` lines and the sizes that it was shown.
    asked: Mutex<Vec<(u64, u64)>>,
}

/// The second at which it says that it saw everything.
pub const SEEN_AT: u64 = 1_767_225_600;

impl Witness {
    /// Starts one of this name.
    pub fn start(name: &str, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let seed = Sha256::digest(name).into();
        let pair = SigningKeyPair::from_seed(&Seed::from_bytes(seed));
        let (manner, asked) = (Mutex::new(manner), Mutex::default());
        let shared = Arc::new(Shared { name: name.to_owned(), pair, manner, asked });
        let taking = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let taking = Arc::clone(&taking);
                std::thread::spawn(move || while taking.answer(&stream).is_some() {});
            }
        });
        Self { key: shared.verifier_key(), url, shared }
    }

    /// As `--witness` takes it.
    pub fn argument(&self) -> String {
        format!("{} {}", self.key, self.url)
    }

    /// From now on it does this.
    pub fn now(&self, manner: Manner) {
        *self.shared.manner.lock().expect("nobody panicked") = manner;
    }

    /// The `old` lines and the sizes that it was shown so far.
    pub fn asked(&self) -> Vec<(u64, u64)> {
        self.shared.asked.lock().expect("nobody panicked").clone()
    }
}

impl Shared {
    fn public(&self) -> Vec<u8> {
        [[4].as_slice(), &self.pair.public_key().0].concat()
    }

    fn id(&self) -> [u8; 4] {
        let hash = Sha256::new().chain_update(&self.name).chain_update(b"\n").chain_update(self.public());
        *hash.finalize().first_chunk().expect("a hash has 32 bytes")
    }

    fn verifier_key(&self) -> String {
        format!("{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id()), STANDARD.encode(self.public()))
    }

    /// The line of its signature below a note with this text.
    fn line(&self, text: &str) -> String {
        let signed = self.pair.sign(format!("cosignature/v1\ntime {SEEN_AT}\n{text}").as_bytes());
        let bytes = [self.id().as_slice(), &SEEN_AT.to_be_bytes(), &signed].concat();
        format!("\u{2014} {} {}\n", self.name, STANDARD.encode(bytes))
    }

    /// Takes one request of a connection, and answers it.
    fn answer(&self, stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let length =
            head.to_lowercase().split("content-length: ").nth(1)?.split("\r\n").next()?.parse().ok()?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body = String::from_utf8(body).ok()?;
        let (asked, note) = body.split_once("\n\n")?;
        let old = asked.lines().next()?.strip_prefix("old ")?.parse().ok()?;
        let size = note.lines().nth(1)?.parse().ok()?;
        self.asked.lock().ok()?.push((old, size));
        let manner = *self.manner.lock().ok()?;
        let (status, media, answer) = match manner {
            Manner::Signs => {
                let (text, _) = note.split_once("\n\n")?;
                ("200 OK", "text/plain", self.line(&format!("{text}\n")))
            }
            Manner::Knows(size) => ("409 Conflict", "text/x.tlog.size", format!("{size}\n")),
            Manner::Silent => {
                std::thread::sleep(Duration::from_secs(600));
                return None;
            }
        };
        let length = answer.len();
        let answer =
            format!("HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {length}\r\n\r\n{answer}");
        (&*stream).write_all(answer.as_bytes()).ok()
    }
}
