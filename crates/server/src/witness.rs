//! Witnesses (C2SP tlog-witness): others who sign that they saw our checkpoints, and none that contradicts them.
//!
//! Every few seconds each is shown the latest checkpoint, with the proof that its log begins with the one that the
//! witness knows. What they sign is kept and served with the checkpoint.

use std::sync::Arc;
use std::time::Duration;

use authority::Authority;
use credentials::note::{Note, NoteVerifier};
use domain::time::Position;
use tokio::time::MissedTickBehavior;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

/// How often witnesses are asked, if there is something new for them.
const EVERY: Duration = Duration::from_secs(5);
/// An answer that takes longer is given up.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
/// A few signatures, or a number.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// How the answer of a witness that knows another size is marked.
const SIZE: &str = "text/x.tlog.size";

/// A witness: its key, and where it takes checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    key: NoteVerifier,
    url: String,
}

impl Witness {
    /// Reads `VKEY URL`: a verifier key of C2SP signed-note, a space, and the prefix of its submissions.
    pub fn parse(text: &str) -> Option<Self> {
        let (key, url) = text.split_once(' ')?;
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
        let plain = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic());
        if !plain || host.contains(['?', '#', '@']) {
            return None;
        }
        let key = NoteVerifier::parse(key).ok()?;
        Some(Self { key, url: url.trim_end_matches('/').to_owned() })
    }
}

/// What came of asking a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// It signed what there is, now or before.
    Cosigned,
    /// It answered with signatures that are not its own, or of something else.
    Unsigned,
    /// It does not know this log (404), or not this key (403).
    Stranger(u16),
    /// It knows a longer log (409): ours was rolled back.
    Ahead { known: Position },
    /// It knows another log (422, or 409 for this very size): there are two of it.
    Contradicted { known: Position },
    /// It could not be reached, or answered something else.
    Failed(String),
}

/// A witness, and how far it knows the log.
struct Asked {
    witness: Witness,
    known: Position,
    last: Option<Outcome>,
}

/// Shows every new checkpoint to every witness; never ends.
pub(crate) async fn keep_cosigned(authority: Arc<Authority>, witnesses: Vec<Witness>) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let keys: Arc<[NoteVerifier]> = witnesses.iter().map(|witness| witness.key.clone()).collect();
    let agent = agent();
    let begin = |witness| Asked { witness, known: Position::START, last: None };
    let mut asked: Vec<_> = witnesses.into_iter().map(begin).collect();
    loop {
        every.tick().await;
        let (authority, agent, keys) = (Arc::clone(&authority), agent.clone(), Arc::clone(&keys));
        // They are waited for: not on a thread that requests wait for.
        let round = tokio::task::spawn_blocking(move || {
            asked.iter_mut().for_each(|asked| asked.ask(&authority, &agent, &keys));
            asked
        });
        match round.await {
            Ok(after) => asked = after,
            Err(error) => return tracing::error!(%error, "witnesses are asked no more"),
        }
    }
}

fn agent() -> Agent {
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .tls_config(tls)
        .max_redirects(0)
        .timeout_global(Some(ANSWER_TIME_MAX))
        .user_agent(concat!("keyledger/", env!("CARGO_PKG_VERSION")));
    config.build().into()
}

impl Asked {
    /// Asks, and tells what came of it if that is news.
    fn ask(&mut self, authority: &Authority, agent: &Agent, keys: &[NoteVerifier]) {
        let outcome = self.outcome(authority, agent, keys);
        if self.last.as_ref() != Some(&outcome) {
            self.tell(&outcome, authority);
        }
        self.last = Some(outcome);
    }

    fn outcome(&mut self, authority: &Authority, agent: &Agent, keys: &[NoteVerifier]) -> Outcome {
        // Once more, if it says how far it knows the log.
        for _ in 0..2 {
            let submission = match authority.submission(self.known) {
                Ok(Some(submission)) => submission,
                Ok(None) => return Outcome::Ahead { known: self.known },
                Err(failure) => return Outcome::Failed(failure.to_string()),
            };
            if self.last == Some(Outcome::Cosigned) && submission.size == self.known {
                return Outcome::Cosigned;
            }
            let proof: String = submission.consistency.iter().map(|hash| format!("{hash}\n")).collect();
            let body = format!("old {}\n{proof}\n{}", self.known, submission.note);
            let (status, media, answer) =
                match post(agent, &format!("{}/add-checkpoint", self.witness.url), &body) {
                    Ok(answered) => answered,
                    Err(error) => return Outcome::Failed(error.to_string()),
                };
            match status {
                200 if !self.signed(&submission.note, &answer) => return Outcome::Unsigned,
                200 => {
                    self.known = submission.size;
                    return match authority.cosigned(submission.size, &answer, keys) {
                        Ok(_) => Outcome::Cosigned,
                        Err(failure) => Outcome::Failed(failure.to_string()),
                    };
                }
                409 if media.starts_with(SIZE) => match answer.trim_end().parse().map(Position::new) {
                    // It knows this very size, and still says no: its root is another.
                    Ok(known) if known == self.known => return Outcome::Contradicted { known },
                    Ok(known) => self.known = known,
                    Err(_) => return Outcome::Failed("it answered 409 without a size".to_owned()),
                },
                409 | 422 => return Outcome::Contradicted { known: self.known },
                403 | 404 => return Outcome::Stranger(status),
                _ => return Outcome::Failed(format!("it answered {status}")),
            }
        }
        Outcome::Failed("it answered 409 twice".to_owned())
    }

    /// Whether its good signature of this note is in the answer.
    fn signed(&self, note: &str, answer: &str) -> bool {
        let key = std::slice::from_ref(&self.witness.key);
        // Without the signatures that the note has already.
        let ours = Note::parse(note).map(Note::unsigned);
        ours.is_ok_and(|note| note.with_good(answer, key).check(&self.witness.key).is_ok())
    }

    fn tell(&self, outcome: &Outcome, authority: &Authority) {
        let witness = self.witness.key.name();
        let key = authority.verifier_key().map(ToString::to_string);
        match outcome {
            Outcome::Cosigned => {
                tracing::info!(witness, position = %self.known, "the witness signs our checkpoints")
            }
            Outcome::Unsigned => tracing::warn!(
                code = "WITNESS_UNSIGNED",
                witness,
                "the witness answered without a good signature; check the key that --witness names"
            ),
            Outcome::Stranger(status) => tracing::warn!(
                code = "WITNESS_STRANGER",
                witness,
                status,
                verifier_key = key,
                "the witness does not know this log; give its operator this verifier key"
            ),
            Outcome::Ahead { known } => tracing::error!(
                code = "WITNESS_CONTRADICTS",
                witness,
                %known,
                "THE WITNESS KNOWS A LONGER LOG than this one: it was rolled back; see docs/runbooks/audit.md"
            ),
            Outcome::Contradicted { known } => tracing::error!(
                code = "WITNESS_CONTRADICTS",
                witness,
                %known,
                "THE WITNESS KNOWS ANOTHER HISTORY of this log: there are two of it; keep both, and see docs/runbooks/audit.md"
            ),
            Outcome::Failed(why) => {
                tracing::warn!(
                    code = "WITNESS_FAILED",
                    witness,
                    why,
                    "the witness could not be asked; it is asked again"
                );
            }
        }
    }
}

/// The status, the media type and the text of an answer.
fn post(agent: &Agent, url: &str, body: &str) -> Result<(u16, String, String), ureq::Error> {
    let mut answer = agent.post(url).content_type("text/plain").send(body)?;
    let media = answer.headers().get("content-type").and_then(|media| media.to_str().ok());
    let media = media.unwrap_or_default().to_owned();
    let text = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string()?;
    Ok((answer.status().as_u16(), media, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_has_a_key_and_a_url() {
        let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        for (url, asked) in
            [("https://wit.example/", "https://wit.example"), ("http://[::1]:1/a", "http://[::1]:1/a")]
        {
            assert_eq!(Witness::parse(&format!("{key} {url}")).unwrap().url, asked);
        }
        for bad in ["", key, "https://wit.example", &format!("{key} wit.example"), &format!("{key} https://")]
        {
            assert_eq!(Witness::parse(bad), None, "{bad}");
        }
    }
}
