//! A street of households, with threads that change them and threads that look. How they ask is a [`Door`].

use std::sync::{Arc, PoisonError, RwLock};

use domain::ids::TenantId;

use super::household::{Held, Household, Shown};
use super::recorder::Recorder;
use super::wish::Wish;
use crate::history::dice::Dice;

/// After so many wishes a household is replaced.
const WISHES_MAX: usize = 40;

/// How threads reach what is tested: in the same process, or over HTTP. Each call is recorded.
pub trait Door {
    /// Makes a household, of which nobody knows yet.
    fn settle(&self, recorder: &mut Recorder) -> Option<Household>;
    /// Shows a credential.
    fn show(&self, recorder: &mut Recorder, shown: &Shown);
    /// Has a token minted, and lets the household show it.
    fn mint(&self, recorder: &mut Recorder, home: &Household, held: Held, tenant: TenantId);
    /// Asks for a change.
    fn ask(&self, recorder: &mut Recorder, home: &Household, wish: Wish);
}

/// Households side by side.
pub struct Street(Vec<RwLock<Arc<Household>>>);

impl Street {
    /// So many, all new.
    pub fn new(door: &impl Door, recorder: &mut Recorder, length: usize) -> Self {
        let settle = |_| RwLock::new(Arc::new(door.settle(recorder).expect("nothing is in the way yet")));
        Self((0..length).map(settle).collect())
    }

    fn home(&self, place: usize) -> Arc<Household> {
        Arc::clone(&self.0[place].read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Wishes, until that is enough. After each the same thread looks at what it changed.
    pub fn change(
        &self,
        door: &impl Door,
        recorder: &mut Recorder,
        seed: u64,
        mut enough: impl FnMut() -> bool,
    ) {
        let mut dice = Dice::new(seed);
        while !enough() {
            let place = dice.index(self.0.len());
            let home = self.home(place);
            if (home.one_more_wish() + 1).is_multiple_of(WISHES_MAX) {
                if let Some(new) = door.settle(recorder) {
                    *self.0[place].write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                }
                continue;
            }
            if dice.one_in(5) {
                let held = home.any_held(&mut dice);
                let tenant = *dice.pick(home.tenants_of(held.owner));
                door.mint(recorder, &home, held, tenant);
                continue;
            }
            let wish = Wish::draw(&mut dice, &home, recorder.book.now_ms());
            door.ask(recorder, &home, wish);
            for shown in home.resting_on(&wish.registers()).iter().take(2) {
                door.show(recorder, shown);
            }
        }
    }

    /// Looks, until that is enough.
    pub fn look(
        &self,
        door: &impl Door,
        recorder: &mut Recorder,
        seed: u64,
        mut enough: impl FnMut() -> bool,
    ) {
        let mut dice = Dice::new(seed);
        while !enough() {
            let home = self.home(dice.index(self.0.len()));
            let shown = home.shown();
            for _ in 0..16 {
                // A signature takes as long to check as twenty keys to look up.
                let mut one = dice.pick(&shown);
                if one.credential.token.is_some() && !dice.one_in(3) {
                    one = dice.pick(&shown);
                }
                door.show(recorder, one);
            }
        }
    }
}
