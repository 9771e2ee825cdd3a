//! What an agent's polls amount to. Pure: polls in, counts out.

use std::collections::BTreeSet;
use std::fmt;

use super::poll::{Outcome, Poll, Request, With};

/// How the polls begun since an instant fared.
#[derive(Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// How many were looked at.
    pub polls: usize,
    /// Of how many every request was accepted, as the right account, by key and by JWT.
    pub accepted: usize,
    /// What else was met.
    pub others: BTreeSet<String>,
}

/// How a credential fared after an instant.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// How many requests sent after it were answered.
    pub answered: usize,
    /// How many of them were accepted: after an acknowledged removal, there must be none.
    pub accepted: usize,
    /// Which of them was the first to be refused, from 1.
    pub first: Option<usize>,
    /// How long after the instant that refusal came.
    pub first_after_us: Option<u64>,
    /// With what codes.
    pub codes: BTreeSet<String>,
}

/// Looks at the first so many polls begun since then.
pub fn acceptance(polls: &[Poll], since_us: u64, polls_max: usize, account: &str) -> Acceptance {
    let mut seen = Acceptance { polls: 0, accepted: 0, others: BTreeSet::new() };
    for poll in polls.iter().filter(|poll| poll.began_us() > since_us).take(polls_max) {
        seen.polls += 1;
        let others: Vec<_> = poll.requests.iter().filter_map(|request| other(request, account)).collect();
        let has = |with| poll.requests.iter().any(|request| request.with == with);
        if others.is_empty() && has(With::Key) && has(With::Jwt) {
            seen.accepted += 1;
        }
        seen.others.extend(others);
    }
    seen
}

/// What a request met, other than being accepted as that account.
fn other(request: &Request, account: &str) -> Option<String> {
    match (&request.outcome, request.with) {
        (Outcome::Accepted { .. }, With::Exchange) => None,
        (Outcome::Accepted { id: Some(id) }, With::Key | With::Jwt) if id == account => None,
        (Outcome::Accepted { .. }, With::Key | With::Jwt) => Some("accepted as somebody else".to_owned()),
        (Outcome::Refused { status, code }, _) => Some(code_of(*status, code.as_deref())),
        (Outcome::Unreachable, _) => Some("unreachable".to_owned()),
    }
}

/// Looks at every request with this credential sent after that instant. A server that is down refuses nothing.
pub fn refusal(polls: &[Poll], with: With, after_us: u64) -> Refusal {
    let mut seen =
        Refusal { answered: 0, accepted: 0, first: None, first_after_us: None, codes: BTreeSet::new() };
    let requests = polls.iter().flat_map(|poll| &poll.requests);
    for request in requests.filter(|request| request.with == with && request.sent_us > after_us) {
        match &request.outcome {
            Outcome::Unreachable => continue,
            Outcome::Accepted { .. } => seen.accepted += 1,
            Outcome::Refused { status, code } => {
                seen.first.get_or_insert(seen.answered + 1);
                seen.first_after_us.get_or_insert(request.answered_us.saturating_sub(after_us));
                seen.codes.insert(code_of(*status, code.as_deref()));
            }
        }
        seen.answered += 1;
    }
    seen
}

fn code_of(status: u16, code: Option<&str>) -> String {
    code.map_or_else(|| format!("HTTP {status}"), str::to_owned)
}

impl Refusal {
    /// Whether it was refused with this code only, and no later than with that poll.
    pub fn is(&self, code: &str, within_polls: usize) -> bool {
        self.first.is_some_and(|first| first <= within_polls) && self.codes.iter().eq([code])
    }
}

impl fmt::Display for Acceptance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} accepted", self.accepted, self.polls)?;
        self.others.iter().try_for_each(|other| write!(f, ", {other}"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first {
            None => write!(f, "{} answered, none refused", self.answered),
            Some(first) => {
                let codes: Vec<_> = self.codes.iter().map(String::as_str).collect();
                write!(f, "{} at poll {first}", codes.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted() -> Outcome {
        Outcome::Accepted { id: Some("etl".to_owned()) }
    }

    fn refused(code: &str) -> Outcome {
        Outcome::Refused { status: 401, code: Some(code.to_owned()) }
    }

    /// A poll at each multiple of 100 µs, with key and JWT.
    fn polls(outcomes: &[(Outcome, Outcome)]) -> Vec<Poll> {
        let poll = |(number, (key, jwt)): (u64, &(Outcome, Outcome))| {
            let request = |with, sent_us, outcome: &Outcome| Request {
                with,
                sent_us,
                answered_us: sent_us + 10,
                outcome: outcome.clone(),
            };
            let at = number * 100;
            Poll { number, requests: vec![request(With::Key, at, key), request(With::Jwt, at + 20, jwt)] }
        };
        (1..).zip(outcomes).map(poll).collect()
    }

    #[test]
    fn a_poll_counts_as_accepted_if_key_and_jwt_are_and_as_whom() {
        let good = polls(&[(accepted(), accepted()), (accepted(), accepted()), (accepted(), accepted())]);
        assert_eq!(acceptance(&good, 150, 2, "etl").to_string(), "2 of 2 accepted");
        assert_eq!(acceptance(&good, 0, 1, "bob").to_string(), "0 of 1 accepted, accepted as somebody else");
        let mixed = polls(&[(accepted(), refused("X")), (Outcome::Unreachable, accepted())]);
        assert_eq!(acceptance(&mixed, 0, 9, "etl").to_string(), "0 of 2 accepted, X, unreachable");
        let mut keyless = good;
        keyless[0].requests.pop();
        assert_eq!(acceptance(&keyless, 0, 1, "etl").accepted, 0);
    }

    #[test]
    fn one_accepted_poll_after_the_removal_is_told() {
        let seen =
            polls(&[(accepted(), accepted()), (accepted(), refused("X")), (refused("X"), refused("X"))]);
        let key = refusal(&seen, With::Key, 150);
        assert_eq!((key.answered, key.accepted, key.first, key.first_after_us), (2, 1, Some(2), Some(160)));
        assert!(key.is("X", 2) && !key.is("X", 1) && !key.is("Y", 2));
        let jwt = refusal(&seen, With::Jwt, 150);
        assert_eq!((jwt.accepted, jwt.first), (0, Some(1)));
    }

    #[test]
    fn a_server_that_is_down_refuses_nothing() {
        let down = polls(&[(Outcome::Unreachable, Outcome::Unreachable), (refused("X"), refused("Y"))]);
        let key = refusal(&down, With::Key, 0);
        assert_eq!((key.answered, key.first), (1, Some(1)));
        let silent = refusal(&down[..1], With::Key, 0);
        assert!(!silent.is("X", 1));
        assert_eq!(silent.to_string(), "0 answered, none refused");
    }

    #[test]
    fn another_code_beside_the_right_one_is_wrong() {
        let seen = polls(&[(refused("X"), refused("X")), (refused("Y"), refused("X"))]);
        assert!(!refusal(&seen, With::Key, 0).is("X", 1));
        assert!(refusal(&seen, With::Jwt, 0).is("X", 1));
    }
}
