//! Witnesses (C2SP tlog-witness): others who sign that they saw our checkpoints, and none that contradicts them.
//!
//! Every few seconds all are shown one checkpoint, the latest, side by side, each with the proof that its log begins with the
//! one that the witness knows. What they sign is kept and served with that checkpoint, once all have answered or had their time.

use std::io;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use authority::Authority;
use authority::proof::Shown;
use credentials::note::{MalformedVerifierKey, NoteVerifier};
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
/// The most witnesses: with our own, theirs are sixteen signatures, which whatever reads notes must take (C2SP signed-note).
pub const WITNESSES_MAX: usize = 15;
/// How the answer of a witness that knows another size is marked.
const SIZE: &str = "text/x.tlog.size";

/// A witness: its key, and where it takes checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    key: NoteVerifier,
    url: String,
}

/// A text that does not name a witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedWitness {
    /// It is something else.
    #[error(
        "give a witness's verifier key, a space and its URL, such as wit.example/w+1f3b0c2a+BAAA… https://wit.example"
    )]
    Form,
    /// The key is not one for cosignatures, and no other counts as a witness's.
    #[error(transparent)]
    Key(MalformedVerifierKey),
}

impl Witness {
    /// Reads `VKEY URL`: a verifier key of C2SP signed-note for cosignatures, a space, and the prefix of its submissions.
    pub fn parse(text: &str) -> Result<Self, MalformedWitness> {
        let (key, url) = text.split_once(' ').ok_or(MalformedWitness::Form)?;
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let plain =
            host.is_some_and(|host| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic()));
        if !plain || url.contains(['?', '#', '@']) {
            return Err(MalformedWitness::Form);
        }
        let key = NoteVerifier::parse_witness(key).map_err(|error| match error {
            MalformedVerifierKey::NoKey => MalformedWitness::Form,
            MalformedVerifierKey::OfLog | MalformedVerifierKey::OfWitness => MalformedWitness::Key(error),
        })?;
        Ok(Self { key, url: url.trim_end_matches('/').to_owned() })
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
    /// It knows a longer log (409): ours was rolled back, or it errs. It is asked again as before.
    Ahead { known: Position },
    /// It knows another log (422, or 409 for this very size): there are two of it.
    Contradicted { known: Position },
    /// It could not be reached, or answered something else.
    Failed(String),
}

/// A witness, and how far it knows the log.
struct Asked {
    witness: Witness,
    /// The size that it signed last, as far as this process knows: what it only says is not believed for longer than a round.
    known: Position,
    last: Option<Outcome>,
}

/// Shows every new checkpoint to every witness; never ends.
pub(crate) async fn keep_cosigned(authority: Arc<Authority>, witnesses: Vec<Witness>) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let keys: Arc<[NoteVerifier]> = witnesses.iter().map(|witness| witness.key.clone()).collect();
    let agent = agent();
    let mut asked: Vec<_> = witnesses.into_iter().map(Asked::begin).collect();
    loop {
        every.tick().await;
        let (authority, agent, keys) = (Arc::clone(&authority), agent.clone(), Arc::clone(&keys));
        // They are waited for: not on a thread that requests wait for.
        let round = tokio::task::spawn_blocking(move || {
            ask_all(&mut asked, &authority, &agent, &keys);
            asked
        });
        match round.await {
            Ok(after) => asked = after,
            Err(error) => return tracing::error!(%error, "witnesses are asked no more"),
        }
    }
}

/// One round: whoever answers late, or not at all, is waited for by nobody else.
fn ask_all(asked: &mut [Asked], authority: &Authority, agent: &Agent, keys: &[NoteVerifier]) {
    let shown = match authority.to_be_witnessed() {
        Ok(shown) => shown,
        Err(failure) => {
            let why = failure.to_string();
            return asked.iter_mut().for_each(|asked| asked.tell(Outcome::Failed(why.clone()), authority));
        }
    };
    let shown = &shown;
    let answers: Vec<Answer> = thread::scope(|scope| {
        let threads: Vec<_> = asked
            .iter_mut()
            .map(|asked| {
                let ask = move || asked.ask(shown, authority, agent);
                // A machine that has no thread to give has one later, perhaps.
                thread::Builder::new().spawn_scoped(scope, ask)
            })
            .collect();
        let answer = |thread: io::Result<ScopedJoinHandle<'_, Answer>>| match thread {
            Ok(thread) => thread.join().expect("asking does not panic"),
            Err(error) => Outcome::Failed(error.to_string()).into(),
        };
        threads.into_iter().map(answer).collect()
    });
    // All of them at once: whoever wants several cosignatures is not shown a checkpoint that has the first of them only.
    let lines: String = answers.iter().filter_map(|answer| answer.lines.as_deref()).collect();
    let kept = if lines.is_empty() { Ok(()) } else { authority.cosigned(shown, &lines, keys) };
    for (asked, Answer { outcome, lines }) in asked.iter_mut().zip(answers) {
        let lost = kept.as_ref().err().filter(|_| lines.is_some());
        asked.tell(lost.map_or(outcome, |failure| Outcome::Failed(failure.to_string())), authority);
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

/// What a witness answered.
struct Answer {
    outcome: Outcome,
    /// Its signatures, if they are good and new.
    lines: Option<String>,
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, lines: None }
    }
}

impl Asked {
    const fn begin(witness: Witness) -> Self {
        Self { witness, known: Position::START, last: None }
    }

    fn ask(&mut self, shown: &Shown, authority: &Authority, agent: &Agent) -> Answer {
        if self.last == Some(Outcome::Cosigned) && shown.size == self.known {
            return Outcome::Cosigned.into();
        }
        let mut known = self.known;
        // Once more, if it says how far it knows the log.
        for _ in 0..2 {
            let consistency = match authority.consistency(shown, known) {
                Ok(Some(consistency)) => consistency,
                Ok(None) => return Outcome::Ahead { known }.into(),
                Err(failure) => return Outcome::Failed(failure.to_string()).into(),
            };
            let proof: String = consistency.iter().map(|hash| format!("{hash}\n")).collect();
            let body = format!("old {known}\n{proof}\n{}", shown.note);
            let (status, media, answer) =
                match post(agent, &format!("{}/add-checkpoint", self.witness.url), &body) {
                    Ok(answered) => answered,
                    Err(error) => return Outcome::Failed(error.to_string()).into(),
                };
            match status {
                200 => {
                    let Some(lines) = self.good_lines(shown, &answer) else {
                        return Outcome::Unsigned.into();
                    };
                    self.known = shown.size;
                    return Answer { outcome: Outcome::Cosigned, lines: Some(lines) };
                }
                409 if media.starts_with(SIZE) => match answer.trim_end().parse().map(Position::new) {
                    // It knows this very size, and still says no: its root is another.
                    Ok(said) if said == known => return Outcome::Contradicted { known }.into(),
                    Ok(said) => known = said,
                    Err(_) => return Outcome::Failed("it answered 409 without a size".to_owned()).into(),
                },
                409 | 422 => return Outcome::Contradicted { known }.into(),
                403 | 404 => return Outcome::Stranger(status).into(),
                _ => return Outcome::Failed(format!("it answered {status}")).into(),
            }
        }
        Outcome::Failed("it answered 409 twice".to_owned()).into()
    }

    /// Its good signatures of this checkpoint in the answer; whatever else is there, is none of its business.
    fn good_lines(&self, shown: &Shown, answer: &str) -> Option<String> {
        let key = std::slice::from_ref(&self.witness.key);
        // Without the signatures that the note has already.
        let signed = shown.note.clone().unsigned().with_good(answer, key);
        signed.check(&self.witness.key).ok().map(|()| signed.signature_lines())
    }

    /// Tells what came of asking, if that is news.
    fn tell(&mut self, outcome: Outcome, authority: &Authority) {
        if self.last.as_ref() != Some(&outcome) {
            self.log(&outcome, authority);
        }
        self.last = Some(outcome);
    }

    fn log(&self, outcome: &Outcome, authority: &Authority) {
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
                "THE WITNESS KNOWS A LONGER LOG than this one: it was rolled back, unless the witness errs; see docs/runbooks/audit.md"
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
    fn a_witness_has_a_key_for_cosignatures_and_a_url() {
        let key = "wit.example/w+3e590217+BHQ4lqVIORtzpCK3dfLQzwEgHNDxPc9wQ7wnJzF5cIEa";
        for (url, asked) in
            [("https://wit.example/", "https://wit.example"), ("http://[::1]:1/a", "http://[::1]:1/a")]
        {
            assert_eq!(Witness::parse(&format!("{key} {url}")).unwrap().url, asked);
        }
        for bad in ["", key, "https://wit.example", &format!("{key} wit.example"), &format!("{key} https://")]
        {
            assert_eq!(Witness::parse(bad), Err(MalformedWitness::Form), "{bad}");
        }
        // As every log signs, this one among them.
        let of_log = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW https://wit.example";
        assert_eq!(Witness::parse(of_log), Err(MalformedWitness::Key(MalformedVerifierKey::OfLog)));
    }
}
