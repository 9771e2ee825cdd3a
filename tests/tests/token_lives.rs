//! Until when a token may live, against the plain fold: every stretch of the log between two events, with the life then in force.

use std::ops::Range;

use domain::event::Recorded;
use domain::time::{Position, Timestamp};
use domain::token_life::{TokenLife, TokenLives};
use domain::{Event, Model};
use keyledger_tests::history::folded::Folded;
use keyledger_tests::history::{History, recorded};

const SEEDS: Range<u64> = 700..706;
const COMMANDS: usize = 500;

/// Said again without rows that remember: a token minted until the event after each one lives as long as was said before.
fn said_again(log: &[Recorded], after: Position, known: Position, until: Timestamp) -> Timestamp {
    let (mut life, mut dead_at) = (TokenLife::LONGEST, Timestamp::MIN);
    let known = &log[..usize::try_from(known.number()).unwrap()];
    for (place, recorded) in known.iter().enumerate() {
        match recorded.event {
            Event::TokenLifeChanged { life: said } => life = said,
            Event::RollbackAccepted { .. } => life = TokenLife::LONGEST,
            _ => {}
        }
        if recorded.position < after {
            continue;
        }
        let over = known.get(place + 1).map_or(until, |next| next.recorded_at.min(until));
        dead_at = dead_at.max(life.from(over));
    }
    dead_at
}

#[test]
fn the_bound_is_what_every_stretch_of_the_log_gives() {
    let (mut asked, mut from_before) = (0, 0);
    for seed in SEEDS {
        let log = recorded(&History::random(seed, COMMANDS));
        let folded = Folded::of(&log);
        let mut changes = vec![];
        for recorded in &log {
            if matches!(recorded.event, Event::TokenLifeChanged { .. } | Event::RollbackAccepted { .. }) {
                changes.push(recorded.position.number());
            }
        }
        // Around each change, and well after it.
        let places: Vec<u64> = changes.iter().flat_map(|at| [at - 1, *at, at + 1, at + 5, at + 20]).collect();
        let last = log.len() as u64;
        for known in places.iter().copied().filter(|known| (1..=last).contains(known)) {
            let (known, next) = (Position::new(known), usize::try_from(known).unwrap());
            let recorded_at = log[next - 1].recorded_at;
            let later = log.get(next).map_or(recorded_at.plus_seconds(60), |next| next.recorded_at);
            for until in [recorded_at, later] {
                let Ok(lives) = TokenLives::until(&folded, known, until);
                for after in places.iter().copied().filter(|after| (1..=known.number()).contains(after)) {
                    let after = Position::new(after);
                    let expected = said_again(&log, after, known, until);
                    assert_eq!(
                        lives.last_dead_at(after),
                        expected,
                        "seed {seed}, minted after {after}, as of {known}"
                    );
                    asked += 1;
                    let now = Model::fold(&log[..next]).deployment.unwrap_or_default().token_life;
                    from_before += usize::from(expected > now.from(until));
                }
            }
        }
    }
    assert!(asked > 5_000, "only {asked} were asked about");
    assert!(from_before > 500, "only {from_before} rested on a life from before");
}
