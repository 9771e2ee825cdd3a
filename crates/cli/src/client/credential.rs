//! A key or token on its way to the server, and the ways in which it is handed over: never an argument.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::error::ClientError;

/// More is neither a key nor a token.
const BYTES_MAX: u64 = 8 * 1024;
/// How long standard input may stay silent when nobody said that a key comes from there.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// A key or token. Hides itself, and is wiped when dropped.
#[derive(Clone)]
pub struct Credential(Zeroizing<String>);

impl Credential {
    /// Accepts visible ASCII characters; what is around them is left away. `from` is for the error.
    pub fn parse(text: &str, from: &str) -> Result<Self, ClientError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ClientError::CredentialEmpty { from: from.to_owned() });
        }
        if text.len() as u64 > BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ClientError::CredentialMalformed { from: from.to_owned() });
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// Reads it from a file, or from standard input if that is named `-`.
    pub fn from_file(path: &Path) -> Result<Self, ClientError> {
        if path == Path::new("-") {
            return Self::from_reader(io::stdin(), "standard input");
        }
        let from = path.display().to_string();
        let file =
            File::open(path).map_err(|error| ClientError::CredentialFile { from: from.clone(), error })?;
        Self::from_reader(file, &from)
    }

    /// Whether standard input is a file or a pipe, which may give it.
    pub fn could_come_by_pipe() -> bool {
        is_file_or_pipe()
    }

    /// Reads it from standard input if that is a file or a pipe that has something to say; nothing is asked.
    pub fn from_pipe() -> Result<Option<Self>, ClientError> {
        if !is_file_or_pipe() {
            return Ok(None);
        }
        // A pipe that somebody merely left open must not keep a script waiting for ever.
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || tell.send(Self::from_reader(io::stdin(), "standard input")));
        match told.recv_timeout(SILENCE_MAX) {
            Ok(Err(ClientError::CredentialEmpty { .. })) => Ok(None),
            Ok(read) => read.map(Some),
            Err(_) => Err(ClientError::StandardInputSilent),
        }
    }

    /// Asks for it on the terminal, without echo; none if there is no terminal.
    pub fn asked_for(question: &str) -> Result<Option<Self>, ClientError> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Ok(None);
        }
        let typed = rpassword::prompt_password(question).map(Zeroizing::new);
        let typed =
            typed.map_err(|error| ClientError::CredentialFile { from: "the terminal".into(), error })?;
        Self::parse(&typed, "the terminal").map(Some)
    }

    fn from_reader(reader: impl Read, from: &str) -> Result<Self, ClientError> {
        // Room for all of it from the start: a growing text leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(BYTES_MAX as usize + 2));
        match reader.take(BYTES_MAX + 1).read_to_string(&mut text) {
            Ok(_) => Self::parse(&text, from),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(ClientError::CredentialMalformed { from: from.to_owned() })
            }
            Err(error) => Err(ClientError::CredentialFile { from: from.to_owned(), error }),
        }
    }

    /// The text itself: for the request's header, and for the profile.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

/// Whether standard input was given, rather than left over: closed, a device, or a terminal is not.
fn is_file_or_pipe() -> bool {
    let standard_input = io::stdin().as_fd().try_clone_to_owned().map(File::from);
    let kind = standard_input.and_then(|file| file.metadata()).map(|metadata| metadata.file_type());
    kind.is_ok_and(|kind| kind.is_fifo() || kind.is_file())
}

/// Whether this looks like a secret: a key with our prefixes, or a token of three parts.
pub fn looks_secret(argument: &str) -> bool {
    let word = argument.rsplit(['=', ' ']).next().unwrap_or(argument);
    let word = word.strip_prefix("secret-token:").unwrap_or(word);
    let ours =
        ["klu_", "kls_"].iter().any(|prefix| word.find(prefix).is_some_and(|at| word.len() - at >= 24));
    let token = word.starts_with("eyJ") && word.matches('.').count() == 2;
    // Deployments choose their own prefixes: whatever has the shape and a good checksum.
    ours || token || credentials::key_string::KeyString::parse(word).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_around_a_key_is_left_away_and_the_rest_is_hidden() {
        let key = Credential::parse(" klu_x_y\n", "a test").unwrap();
        assert_eq!(key.expose(), "klu_x_y");
        assert_eq!(format!("{key:?}"), "Credential(…)");
        for bad in ["", " \n", "a b", "a\nb", "é", &"x".repeat(BYTES_MAX as usize + 1)] {
            let error = Credential::parse(bad, "a test").unwrap_err().to_string();
            assert!(
                error.contains("a test") && !error.contains(bad.trim()) || bad.trim().is_empty(),
                "{error}"
            );
        }
    }

    #[test]
    fn keys_and_tokens_are_told_from_names_and_ids() {
        let key = format!("klu_{}_{}", "0".repeat(22), "s".repeat(49));
        for secret in
            [key.as_str(), &format!("--key={key}"), &format!("Bearer {key}"), &key[..40], "eyJh.eyJp.c2ln"]
        {
            assert!(looks_secret(secret), "{secret}");
        }
        for plain in
            ["klu_ci", "ci", "01890a5d-ac96-774b-bcce-b302099a8057", "a.b.c", "--key", "kls_agent-of-acme"]
        {
            assert!(!looks_secret(plain), "{plain}");
        }
    }
}
