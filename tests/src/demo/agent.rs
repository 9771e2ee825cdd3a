//! The agent: a process of its own that polls with a key, and with JWTs minted from it, until its input ends.

use std::io::{BufRead as _, Read as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::poll::{Outcome, Poll, Request, With, now_us};
use crate::client::{Answer, Client, Unreachable};

const PAUSE: Duration = Duration::from_millis(50);
/// After so many polls, it gets itself a new JWT.
const JWT_POLLS_MAX: u64 = 20;

/// What the agent is told, as the first line of its input: arguments and environments can be read by others.
#[derive(Serialize, Deserialize)]
pub(super) struct Orders {
    pub(super) url: String,
    pub(super) key: String,
}

struct Agent {
    orders: Orders,
    by_key: Client,
    /// With the number of polls that it served.
    by_jwt: Option<(Client, u64)>,
}

/// Polls until the input ends, so that no agent outlives its parent, or until nobody reads the output.
pub fn run() -> ExitCode {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    let Some(orders) = read.ok().and_then(|_| serde_json::from_str::<Orders>(&line).ok()) else {
        eprintln!("error: an agent takes {{\"url\":…,\"key\":…}} as one line of input; `demo` starts it");
        return ExitCode::from(2);
    };
    std::thread::spawn(|| {
        let _ = std::io::stdin().lock().read_to_end(&mut vec![]);
        std::process::exit(0);
    });
    let by_key = Client::holding(&orders.url, &orders.key);
    let mut agent = Agent { orders, by_key, by_jwt: None };
    for number in 1.. {
        let poll = Poll { number, requests: agent.poll() };
        let line = serde_json::to_string(&poll).expect("texts and numbers can always be written");
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            break;
        }
        drop(out);
        std::thread::sleep(PAUSE);
    }
    ExitCode::SUCCESS
}

impl Agent {
    fn poll(&mut self) -> Vec<Request> {
        let by_key = timed(With::Key, || self.by_key.try_get("/v1/whoami")).0;
        // Whoever is refused with the key tries for another JWT at once, as a thief would.
        let refused = matches!(by_key.outcome, Outcome::Refused { .. });
        let mut requests = vec![by_key];
        if refused || self.by_jwt.as_ref().is_none_or(|(_, polls)| *polls >= JWT_POLLS_MAX) {
            requests.push(self.mint());
        }
        if let Some((client, polls)) = &mut self.by_jwt {
            requests.push(timed(With::Jwt, || client.try_get("/v1/whoami")).0);
            *polls += 1;
        }
        requests
    }

    /// Keeps the JWT it has, unless it gets another.
    fn mint(&mut self) -> Request {
        let Orders { url, key } = &self.orders;
        let (request, answer) = timed(With::Exchange, || Client::anonymous(url).try_exchange(key, &[]));
        if let (true, Some(answer)) = (request.accepted(), answer) {
            let body = answer.json();
            self.by_jwt = body["access_token"].as_str().map(|jwt| (Client::holding(url, jwt), 0));
        }
        request
    }
}

fn timed(with: With, send: impl FnOnce() -> Result<Answer, Unreachable>) -> (Request, Option<Answer>) {
    let sent_us = now_us();
    let answer = send().ok();
    let answered_us = now_us();
    let outcome = match &answer {
        None => Outcome::Unreachable,
        Some(answer) if answer.status == 200 => {
            Outcome::Accepted { id: answer.json()["id"].as_str().map(str::to_owned) }
        }
        Some(answer) => Outcome::Refused { status: answer.status, code: answer.code() },
    };
    (Request { with, sent_us, answered_us, outcome }, answer)
}
