//! How long tokens live: the server records it, and until when one may live follows from what was recorded.

use std::convert::Infallible;

use keyledger_domain::actor::Actor;
use keyledger_domain::command::Command;
use keyledger_domain::event::Event;
use keyledger_domain::past::{Past, Versioned};
use keyledger_domain::time::{Position, Timestamp};
use keyledger_domain::token_life::{TokenLife, TokenLives};
use keyledger_domain::{Model, Recorded};

use crate::scene::*;

fn life(seconds: u32) -> TokenLife {
    TokenLife::new(seconds).expect("in bounds")
}

fn changed(seconds: u32) -> Event {
    Event::TokenLifeChanged { life: life(seconds) }
}

fn change(seconds: u32) -> Deed {
    by(Actor::Server, Command::ChangeTokenLife { life: life(seconds) })
}

fn accept_rollback() -> Deed {
    let signing_key = new_signing_key(id(NEW), at(0));
    let guard_position = Position::new(99);
    by(Actor::Console, Command::AcceptRollback { guard_position, guard_hash: [7; 32], signing_key })
}

#[test]
fn the_server_records_it_once() {
    check([], change(300), once([changed(300)]));
    check([change(300)], change(120), once([changed(120)]));
    check([change(300), change(120)], change(300), once([changed(300)]));
    // That the longest life is assumed is not to have said it.
    check([], change(900), once([changed(900)]));
}

#[test]
fn nobody_else_does() {
    for actor in [Actor::Console, olga(), anna(), max(), etl(), bert()] {
        let command = Command::ChangeTokenLife { life: life(300) };
        check([], by(actor, command), rejected("SERVER_ONLY"));
    }
    let dead = Command::ChangeTokenLife { life: life(300) };
    check([], by(mira(), dead), rejected("KEY_REVOKED"));
}

#[test]
fn before_there_is_a_tenant_there_is_nothing_to_record() {
    Scene::default().check(change(300), nothing());
}

#[test]
fn a_rollback_may_have_lost_another_life_so_it_is_recorded_anew() {
    check([change(300), accept_rollback()], change(300), once([changed(300)]));
}

#[test]
fn operators_are_counted_all_the_same() {
    let scene = Scene::cast().given([
        change(300).at(7),
        by(olga(), Command::GrantOperator { user: MAX }),
        by(olga(), Command::GrantOperator { user: RITA }),
    ]);
    let row = scene.model.deployment.unwrap();
    assert_eq!((row.operators, row.token_life), (3, life(300)));
    assert_eq!(row.token_life_since.map(|since| since.at), Some(at(7)));
    let row = scene.given([accept_rollback()]).model.deployment.unwrap();
    assert_eq!((row.operators, row.token_life, row.token_life_since), (3, TokenLife::LONGEST, None));
}

/// The log, as a past.
struct Told(Vec<Recorded>);

impl Past for Told {
    type Error = Infallible;
    type Rows<'a> = Model;

    fn rows_at(&self, position: Position) -> Model {
        Model::fold(self.0.iter().take_while(|recorded| recorded.position <= position))
    }

    fn version(&self, _: Versioned, _: Position) -> Result<Option<Position>, Infallible> {
        unreachable!("rows are enough")
    }
}

/// What was recorded, and what the bound then is.
struct Lives {
    told: Told,
    /// Just before the first of the deeds, just after it, and so on.
    places: Vec<Position>,
}

impl Lives {
    fn given(deeds: impl IntoIterator<Item = Deed>) -> Self {
        let mut scene = Scene::cast();
        let mut places = vec![scene.head()];
        for deed in deeds {
            scene = scene.given([deed]);
            places.push(scene.head());
        }
        Self { told: Told(scene.log), places }
    }

    /// Of tokens minted after this many of the deeds and until that second: when the last is dead, by all that was recorded.
    #[track_caller]
    fn check(&self, after: usize, until: u64, dead_at: u64) {
        self.check_as_of(self.places.len() - 1, after, until, dead_at);
    }

    /// The same, by what had been recorded when this many of the deeds were done.
    #[track_caller]
    fn check_as_of(&self, done: usize, after: usize, until: u64, dead_at: u64) {
        let Ok(lives) = TokenLives::until(&self.told, self.places[done], at(until));
        let seconds = |at: Timestamp| (at.unix_ms() - self::at(0).unix_ms()) / 1000;
        assert_eq!(
            seconds(lives.last_dead_at(self.places[after])),
            i64::try_from(dead_at).expect("a few seconds")
        );
    }
}

#[test]
fn as_long_as_nothing_is_recorded_the_longest_life_is_assumed() {
    let lives = Lives::given([]);
    lives.check(0, 0, 900);
    lives.check(0, 100, 1_000);
}

#[test]
fn a_shorter_life_counts_for_tokens_that_were_minted_after_it() {
    let lives = Lives::given([change(600).at(10), change(120).at(2_000)]);
    // Nobody knows what was before the first.
    lives.check_as_of(1, 0, 10, 910);
    lives.check_as_of(1, 0, 300, 910);
    lives.check_as_of(1, 0, 311, 911);
    lives.check_as_of(1, 1, 10, 610);
    // Just before the second, just after it, and when those from before are dead.
    lives.check_as_of(1, 1, 1_999, 2_599);
    lives.check(1, 2_000, 2_600);
    lives.check(1, 2_479, 2_600);
    lives.check(1, 2_481, 2_601);
    // For what began after it, it alone counts, even in the same instant.
    lives.check(2, 2_000, 2_120);
}

#[test]
fn a_longer_life_counts_from_its_event_on() {
    let lives = Lives::given([change(120).at(10), change(600).at(2_000)]);
    lives.check_as_of(1, 1, 1_999, 2_119);
    lives.check(1, 2_000, 2_600);
    lives.check(2, 2_000, 2_600);
}

#[test]
fn of_several_changes_in_a_row_each_counts_for_its_own_tokens() {
    let lives = Lives::given([
        change(900).at(10),
        change(600).at(1_000),
        change(60).at(1_100),
        change(300).at(1_110),
    ]);
    for (after, dead_at) in [(0, 1_900), (1, 1_900), (2, 1_700), (3, 1_450), (4, 1_450)] {
        lives.check(after, 1_150, dead_at);
    }
    lives.check_as_of(3, 3, 1_105, 1_165);
    // As of then, by what is known now: what was set later does not count.
    lives.check_as_of(2, 2, 1_050, 1_650);
}

#[test]
fn of_what_was_before_an_accepted_rollback_the_longest_life_is_assumed_again() {
    let lives = Lives::given([change(120).at(10), accept_rollback().at(2_000), change(120).at(2_001)]);
    lives.check_as_of(1, 1, 1_999, 2_119);
    lives.check_as_of(2, 1, 2_000, 2_900);
    lives.check(1, 2_001, 2_901);
    lives.check(3, 2_001, 2_121);
}
