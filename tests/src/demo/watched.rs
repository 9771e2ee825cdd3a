//! An agent as its parent sees it: a child process, and the polls that it told of so far.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use super::agent::Orders;
use super::poll::Poll;

/// A running agent. Dropping it kills it.
pub struct Watched {
    child: Child,
    /// Held open: when it closes, the agent ends.
    _input: ChildStdin,
    told: Arc<Told>,
    /// The key with which it polls, as the story calls it.
    pub key: String,
}

#[derive(Default)]
struct Told {
    so_far: Mutex<SoFar>,
    more: Condvar,
}

#[derive(Default)]
struct SoFar {
    polls: Vec<Poll>,
    ended: bool,
}

impl Watched {
    /// Starts the program as an agent.
    pub fn start(program: &Path, url: &str, key: &str, secret: &str) -> std::io::Result<Self> {
        let mut command = Command::new(program);
        command.arg("agent").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut input = child.stdin.take().expect("stdin is piped");
        let output = child.stdout.take().expect("stdout is piped");
        let told = Arc::new(Told::default());
        let hears = Arc::clone(&told);
        std::thread::spawn(move || listen(output, &hears));
        let orders = Orders { url: url.to_owned(), key: secret.to_owned() };
        let line = serde_json::to_string(&orders).expect("texts can always be written");
        // Made before the orders are written, so that the child is killed if that fails.
        let written = writeln!(input, "{line}");
        let agent = Self { child, _input: input, told, key: key.to_owned() };
        written.map(|()| agent)
    }

    /// What it told of so far.
    pub fn polls(&self) -> Vec<Poll> {
        self.told.so_far().polls.clone()
    }

    /// Waits until the polls are as wanted; false if that takes too long, or the agent ended.
    pub fn wait(&self, patience: Duration, mut wanted: impl FnMut(&[Poll]) -> bool) -> bool {
        let waiting = |so_far: &mut SoFar| !so_far.ended && !wanted(&so_far.polls);
        let waited = self.told.more.wait_timeout_while(self.told.so_far(), patience, waiting);
        let (so_far, timeout) = waited.expect("the listener does not panic");
        !timeout.timed_out() && !so_far.ended
    }
}

impl Told {
    fn so_far(&self) -> MutexGuard<'_, SoFar> {
        self.so_far.lock().expect("the listener does not panic")
    }
}

fn listen(output: ChildStdout, told: &Told) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let Ok(poll) = serde_json::from_str(&line) else { break };
        told.so_far().polls.push(poll);
        told.more.notify_all();
    }
    told.so_far().ended = true;
    told.more.notify_all();
}

impl Drop for Watched {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
