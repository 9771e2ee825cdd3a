//! Rounds: what is compared is measured in turn, so that a noisy machine is noisy for both.

use std::time::{Duration, Instant};

/// The median.
pub fn median<T: PartialOrd + Copy>(values: &[T]) -> T {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(|one, other| one.partial_cmp(other).expect("no figure is NaN"));
    sorted[sorted.len() / 2]
}

/// How long it took, and what came of it.
pub fn timed<R>(work: impl FnOnce() -> R) -> (Duration, R) {
    let began = Instant::now();
    let result = work();
    (began.elapsed(), result)
}
