//! Why a command that talks to a server did not do what was asked.

use std::io;
use std::path::PathBuf;

use super::codes::ServerRefusal;
use super::profile::ProfileName;
use super::server_url::ServerUrl;
use crate::exit::Exit;
use crate::output::shell_word;

/// Why it was not done. No text of it repeats a secret.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody said where the server is.
    #[error("no server is known: neither --url, nor KEYLEDGER_URL, nor a saved profile")]
    NoUrl,
    /// Nobody gave a key.
    #[error(
        "no key is known: neither --key-file, nor KEYLEDGER_KEY, nor KEYLEDGER_KEY_FILE, nor a saved profile"
    )]
    NoCredential,
    /// None of the places has one in which clients of the product that this replaces keep theirs.
    #[error("there is no key to import: looked in {looked}")]
    NothingToImport {
        /// Where it was looked for.
        looked: String,
    },
    /// A secret stands on the command line.
    #[error(
        "a key or token was given as an argument, where every process on this machine and the shell's history can read it"
    )]
    SecretInArguments,
    /// Two variables give a key.
    #[error("KEYLEDGER_KEY and KEYLEDGER_KEY_FILE both give a key; unset one")]
    TwoCredentials,
    /// Standard input may give a key, and the environment does.
    #[error(
        "standard input is a pipe or a file, and the environment gives a key, too: it is not clear which to save"
    )]
    PipeBesideEnvironment,
    /// Standard input cannot give two things.
    #[error(
        "standard input cannot give both the caller's key and the credential to verify; use a file for one"
    )]
    StandardInputTwice,
    /// The file of a key cannot be read.
    #[error("the key cannot be read from {from}: {error}")]
    CredentialFile {
        /// Where it was looked for.
        from: String,
        /// Why.
        error: io::Error,
    },
    /// There is nothing in it.
    #[error("there is no key in {from}: it is empty")]
    CredentialEmpty {
        /// Where it was looked for.
        from: String,
    },
    /// What is in it is no key.
    #[error("what {from} gives is neither a key nor a token: one line of visible characters is expected")]
    CredentialMalformed {
        /// Where it came from.
        from: String,
    },
    /// An open pipe that says nothing.
    #[error("standard input is a pipe, and nothing came through it within 10 seconds")]
    StandardInputSilent,
    /// There is no such profile.
    #[error("there is no profile {profile} in {}", .path.display())]
    ProfileUnknown {
        /// Its name.
        profile: ProfileName,
        /// Where profiles are.
        path: PathBuf,
    },
    /// Others may read the keys in it.
    #[error("{} holds keys and can be read by others than its owner (its mode is {mode:03o}); it is not used", .path.display())]
    ProfileExposed {
        /// Where it is.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is not what this program writes.
    #[error("{} is malformed{}: {why}", .path.display(), .line.map(|line| format!(" in line {line}")).unwrap_or_default())]
    ProfileMalformed {
        /// Where it is.
        path: PathBuf,
        /// In which line.
        line: Option<usize>,
        /// What is wrong.
        why: String,
    },
    /// It cannot be read or locked.
    #[error("{}: {error}", .path.display())]
    ProfileFile {
        /// Where it is.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// There is no folder for it.
    #[error("no folder for profiles is known: neither XDG_CONFIG_HOME nor HOME is set to an absolute path")]
    NoHome,
    /// A saved key is for its own server only.
    #[error("the key of profile {profile} is for {saved}, and is not sent to {asked}")]
    OtherUrl {
        /// The profile.
        profile: ProfileName,
        /// Its server.
        saved: ServerUrl,
        /// The one asked for.
        asked: ServerUrl,
    },
    /// Only a profile can be switched.
    #[error("the key comes from {source_of_key}, not from a profile: there is nowhere to save the tenant")]
    NotFromProfile {
        /// Where it comes from.
        source_of_key: String,
    },
    /// Nothing was sent, or nothing that changes anything.
    #[error("{url} cannot be reached: {why}")]
    Unreachable {
        /// The server.
        url: ServerUrl,
        /// Why.
        why: String,
    },
    /// A change was sent, and no answer came.
    #[error("{url} broke off ({why}): whether the change was made is unknown")]
    OutcomeUnknown {
        /// The server.
        url: ServerUrl,
        /// Why.
        why: String,
        /// The name of the attempt.
        idempotency_key: String,
    },
    /// The server said no.
    #[error("{}", .0.message)]
    Refused(ServerRefusal),
    /// The server does not know whether the change lasts.
    #[error("{}", .refusal.message)]
    ServerDoubts {
        /// What it says.
        refusal: ServerRefusal,
        /// The name of the attempt.
        idempotency_key: String,
    },
    /// Something else answers there.
    #[error("{url} answered HTTP {status} with something that is not Keyledger's")]
    NotKeyledger {
        /// The URL.
        url: ServerUrl,
        /// The HTTP status.
        status: u16,
    },
    /// Something that was named is not there.
    #[error("there is no {what}, or none that you may see")]
    NotFound {
        /// Kind and name.
        what: String,
    },
    /// An account of that name does something else.
    #[error("the service account {name} exists with the role {role}, and {wanted} was asked for")]
    RoleDiffers {
        /// Its name.
        name: String,
        /// What it has.
        role: String,
        /// What the scope asks for.
        wanted: &'static str,
    },
    /// The attempt was made before; its secret was shown then.
    #[error(
        "key {id} was made by an earlier attempt with this idempotency key; its secret was shown only then"
    )]
    KeyNotShownAgain {
        /// The key.
        id: String,
    },
    /// The only copy of a secret could not be handed over.
    #[error("key {id} was made, but could not be written out and is lost: {error}")]
    KeyLost {
        /// The key.
        id: String,
        /// Why.
        error: io::Error,
    },
    /// Somebody thought better of it.
    #[error("nothing was done: it was not confirmed")]
    NotConfirmed,
    /// The credential that was to be verified is not accepted. The report is written.
    #[error("not valid: {message}")]
    NotValid {
        /// The code.
        code: String,
        /// Why.
        message: String,
    },
    /// A manual page could not be written.
    #[error("{}: {error}", .folder.display())]
    Manual {
        /// The folder.
        folder: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl ClientError {
    /// The same, with the name of the attempt, which is asked for again where the outcome is unknown.
    pub fn of_attempt(self, name: &str) -> Self {
        match self {
            Self::Refused(refusal) if refusal.code == "UNKNOWN_OUTCOME" => {
                Self::ServerDoubts { refusal, idempotency_key: name.to_owned() }
            }
            error => error,
        }
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        match self {
            Self::NoUrl => "NO_URL",
            // As the server calls it.
            Self::NoCredential | Self::NothingToImport { .. } => "CREDENTIAL_MISSING",
            Self::SecretInArguments => "SECRET_IN_ARGUMENTS",
            Self::TwoCredentials | Self::PipeBesideEnvironment => "CREDENTIAL_AMBIGUOUS",
            Self::StandardInputTwice | Self::StandardInputSilent => "STANDARD_INPUT",
            Self::CredentialFile { .. } => "KEY_FILE_UNREADABLE",
            Self::CredentialEmpty { .. } => "CREDENTIAL_EMPTY",
            Self::CredentialMalformed { .. } => "CREDENTIAL_MALFORMED",
            Self::ProfileUnknown { .. } => "PROFILE_UNKNOWN",
            Self::ProfileExposed { .. } => "PROFILE_EXPOSED",
            Self::ProfileMalformed { .. } => "PROFILE_MALFORMED",
            Self::ProfileFile { .. } => "PROFILE_UNREADABLE",
            Self::NoHome => "NO_HOME",
            Self::OtherUrl { .. } => "OTHER_URL",
            Self::NotFromProfile { .. } => "NO_PROFILE",
            Self::Unreachable { .. } => "UNREACHABLE",
            Self::OutcomeUnknown { .. } => "UNKNOWN_OUTCOME",
            Self::Refused(refusal) | Self::ServerDoubts { refusal, .. } => &refusal.code,
            Self::NotKeyledger { .. } => "NOT_KEYLEDGER",
            Self::NotFound { .. } => "NOT_FOUND",
            Self::RoleDiffers { .. } => "ROLE_DIFFERS",
            Self::KeyNotShownAgain { .. } => "KEY_NOT_SHOWN_AGAIN",
            Self::KeyLost { .. } => "KEY_LOST",
            Self::NotConfirmed => "NOT_CONFIRMED",
            Self::NotValid { code, .. } => code,
            Self::Manual { .. } => "FILE_FAILED",
        }
    }

    /// How the process ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NoUrl
            | Self::SecretInArguments
            | Self::TwoCredentials
            | Self::PipeBesideEnvironment
            | Self::StandardInputTwice
            | Self::StandardInputSilent
            | Self::CredentialFile { .. }
            | Self::CredentialEmpty { .. }
            | Self::CredentialMalformed { .. }
            | Self::OtherUrl { .. }
            | Self::NotFromProfile { .. } => Exit::Usage,
            Self::NoCredential | Self::NothingToImport { .. } | Self::ProfileUnknown { .. } => {
                Exit::NotAuthenticated
            }
            Self::Unreachable { .. } | Self::OutcomeUnknown { .. } => Exit::Unreachable,
            // What a proxy says when nothing stands behind it.
            Self::NotKeyledger { status: 502..=504, .. } => Exit::Unreachable,
            Self::Refused(refusal) | Self::ServerDoubts { refusal, .. } => refusal.exit,
            Self::NotFound { .. } => Exit::NotFound,
            Self::RoleDiffers { .. } => Exit::Conflict,
            Self::ProfileExposed { .. }
            | Self::ProfileMalformed { .. }
            | Self::ProfileFile { .. }
            | Self::NoHome
            | Self::NotKeyledger { .. }
            | Self::KeyNotShownAgain { .. }
            | Self::KeyLost { .. }
            | Self::NotConfirmed
            | Self::NotValid { .. }
            | Self::Manual { .. } => Exit::Failed,
        }
    }

    /// What to do next, where the message does not say it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoUrl => "log in, which saves both: keyledger auth login --url URL; or set KEYLEDGER_URL".into(),
            Self::NoCredential => {
                "log in: keyledger auth login --url URL; in a script set KEYLEDGER_KEY, or give --key-file PATH".into()
            }
            Self::NothingToImport { .. } => "give the key by --key-file PATH, or in KEYLEDGER_KEY".into(),
            Self::SecretInArguments => {
                "revoke it if others may have seen it; give keys by --key-file PATH, by --key-file - (standard input), in KEYLEDGER_KEY or KEYLEDGER_KEY_FILE, or once with: keyledger auth login".into()
            }
            Self::StandardInputSilent => {
                "pipe it in, or name a file; a file named - waits for standard input".into()
            }
            Self::CredentialEmpty { from } if from.starts_with("KEYLEDGER_") => {
                "set it to the key that is meant; unset it to use a saved profile".into()
            }
            Self::CredentialEmpty { .. } => "see what should have written it there, and whether it failed".into(),
            Self::ProfileUnknown { profile, .. } => {
                format!("make it: keyledger auth login --profile {} --url URL", shell_word(profile.as_str()))
            }
            Self::ProfileExposed { path, .. } => format!(
                "chmod 600 {}; if others could read it, revoke the key: keyledger auth revoke-key -i ID",
                shell_word(&path.to_string_lossy())
            ),
            Self::ProfileMalformed { path, .. } => format!(
                "mend it, or remove {} and log in again: keyledger auth login --url URL",
                shell_word(&path.to_string_lossy())
            ),
            Self::OtherUrl { profile, .. } => format!(
                "give the key for that server with --key-file, or log in there under another name: keyledger auth login --url URL --profile OTHER; without --url and KEYLEDGER_URL, {profile} is used"
            ),
            Self::NotFromProfile { .. } => {
                "give --tenant, or set KEYLEDGER_TENANT; or log in: keyledger auth login".into()
            }
            Self::Unreachable { .. } => {
                "check the URL, and that the server runs; keyledger auth status tells which is used".into()
            }
            Self::OutcomeUnknown { idempotency_key, .. } | Self::ServerDoubts { idempotency_key, .. } => format!(
                "run the same command again with --idempotency-key {}: what was done is not done twice",
                shell_word(idempotency_key)
            ),
            Self::NotKeyledger { .. } => "check the URL: it is the server's own, without /graphql or /v1".into(),
            Self::RoleDiffers { .. } => "choose another name, or see: keyledger service-account change-role --help".into(),
            Self::KeyNotShownAgain { id } | Self::KeyLost { id, .. } => {
                format!("if nobody has it, revoke it and make another: keyledger key revoke {id}")
            }
            Self::Refused(refusal) => return refusal.hint().map(str::to_owned),
            Self::NotConfirmed => "--yes answers beforehand".into(),
            Self::PipeBesideEnvironment => {
                "unset KEYLEDGER_KEY and KEYLEDGER_KEY_FILE to save what is piped; --key-file says which file to read".into()
            }
            Self::TwoCredentials
            | Self::StandardInputTwice
            | Self::CredentialFile { .. }
            | Self::CredentialMalformed { .. }
            | Self::ProfileFile { .. }
            | Self::NoHome
            | Self::NotFound { .. }
            | Self::NotValid { .. }
            | Self::Manual { .. } => return None,
        };
        Some(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asked_without_a_name_is_told_the_one_that_was_given() {
        let refused = |code: &str| {
            let refusal = ServerRefusal::of_request(code.to_owned(), "it is unknown".to_owned(), 200);
            ClientError::Refused(refusal).of_attempt("01a2")
        };
        let doubts = refused("UNKNOWN_OUTCOME");
        assert_eq!((doubts.code(), doubts.to_string().as_str()), ("UNKNOWN_OUTCOME", "it is unknown"));
        assert_eq!(doubts.exit(), Exit::Failed);
        assert!(doubts.hint().unwrap().contains("--idempotency-key 01a2"));
        assert!(!refused("RECOVERING").hint().unwrap().contains("01a2"));
    }
}
