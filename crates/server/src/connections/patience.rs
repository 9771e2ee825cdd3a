//! For how long a connection may keep the server waiting: with the head of a request, between two, or with an answer
//! that it does not take. Bodies and handlers have a deadline of their own.

use std::time::Duration;

use super::watched::Look;

/// How often a connection looks at itself.
pub(super) const TICK: Duration = Duration::from_secs(2);

/// The longest time for the head of a request, and for the first byte of the first.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// The longest time between two requests. Longer than load balancers keep theirs, so that they are who closes.
const IDLE_TIME_MAX: Duration = Duration::from_secs(75);
/// The longest time for either while there is little room for connections.
const CROWDED_TIME_MAX: Duration = Duration::from_secs(4);
/// The longest time for an answer to be taken.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// What is to be done with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    GoOn,
    /// Its request does not come: tell it so, and close.
    HeadTooSlow,
    /// Nothing was asked for long: close.
    Idle,
    /// It does not take its answer: drop it.
    AnswerNotTaken,
}

/// For how long a connection has kept the server waiting, in ticks.
#[derive(Debug, Default)]
pub(super) struct Patience {
    requests: u32,
    without_request: u32,
    blocked: u32,
}

impl Patience {
    /// Judges what the connection looks like at a tick.
    pub(super) fn judge(&mut self, look: Look, crowded: bool) -> Verdict {
        if look.blocked {
            self.without_request = 0;
            self.blocked += 1;
            return if over(self.blocked, ANSWER_TIME_MAX) { Verdict::AnswerNotTaken } else { Verdict::GoOn };
        }
        self.blocked = 0;
        if look.under_way || look.requests != self.requests {
            self.requests = look.requests;
            self.without_request = 0;
            return Verdict::GoOn;
        }
        self.without_request += 1;
        let head_began = look.heard || look.requests == 0;
        let usual = if head_began { HEAD_TIME_MAX } else { IDLE_TIME_MAX };
        let longest = if crowded { usual.min(CROWDED_TIME_MAX) } else { usual };
        match (over(self.without_request, longest), look.heard) {
            (false, _) => Verdict::GoOn,
            (true, true) => Verdict::HeadTooSlow,
            (true, false) => Verdict::Idle,
        }
    }
}

fn over(ticks: u32, longest: Duration) -> bool {
    TICK * ticks >= longest
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENT: Look = Look { requests: 0, under_way: false, heard: false, blocked: false };

    /// After how many seconds a connection that always looks so is given up, and how.
    fn given_up(look: Look, crowded: bool) -> (u64, Verdict) {
        let mut patience = Patience { requests: look.requests, ..Patience::default() };
        for tick in 1..1000_u64 {
            match patience.judge(look, crowded) {
                Verdict::GoOn => {}
                verdict => return (tick * TICK.as_secs(), verdict),
            }
        }
        (u64::MAX, Verdict::GoOn)
    }

    #[test]
    fn each_way_to_keep_the_server_waiting_has_its_end() {
        let used = Look { requests: 7, ..SILENT };
        for (look, crowded, expected) in [
            (SILENT, false, (10, Verdict::Idle)),
            (Look { heard: true, ..SILENT }, false, (10, Verdict::HeadTooSlow)),
            (Look { heard: true, ..used }, false, (10, Verdict::HeadTooSlow)),
            (used, false, (76, Verdict::Idle)),
            (SILENT, true, (4, Verdict::Idle)),
            (used, true, (4, Verdict::Idle)),
            (Look { blocked: true, ..used }, false, (30, Verdict::AnswerNotTaken)),
            (Look { blocked: true, ..used }, true, (30, Verdict::AnswerNotTaken)),
            // The deadline of requests ends these.
            (Look { under_way: true, ..used }, true, (u64::MAX, Verdict::GoOn)),
        ] {
            assert_eq!(given_up(look, crowded), expected, "{look:?}, crowded: {crowded}");
        }
    }

    #[test]
    fn whoever_asks_in_time_is_never_given_up() {
        // One request a minute, for hours.
        let mut patience = Patience { requests: 1, ..Patience::default() };
        for tick in 0..10_000 {
            let look = Look { requests: 1 + tick / 30, ..SILENT };
            assert_eq!(patience.judge(look, false), Verdict::GoOn, "{tick}");
        }
    }
}
