//! How the events of a tenant lie along the log, drawn: a bar for each stretch in which something happened, in the colours
//! of what it was, and a mark for the place that is looked at.
//!
//! Every number in the drawing is computed here; the table beside it says the same in words.

use serde::Deserialize;

/// How wide and how high the drawing is, in its own units.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 100.0;
/// The least height of a bar, and of a kind's part of it: what happened once must be seen.
const BAR_MIN: f64 = 12.0;
const PART_MIN: f64 = 5.0;

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Density {
    pub(super) counts: Counts,
    pub(super) stretches: Vec<Stretch>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Stretch {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) counts: Counts,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Counts {
    pub(super) all: u64,
    pub(super) begins: u64,
    pub(super) ends: u64,
    pub(super) stops: u64,
    pub(super) changes: u64,
}

impl Counts {
    /// The kinds with their classes and words, from the foot of a bar to its head.
    pub(super) fn kinds(&self) -> [(&'static str, &'static str, u64); 4] {
        [
            ("changes", "administration", self.changes),
            ("begins", "making", self.begins),
            ("stops", "stopping for a time", self.stops),
            ("ends", "ending", self.ends),
        ]
    }
}

/// The drawing.
pub(super) struct Drawing {
    pub(super) bars: Vec<Bar>,
    /// Where the place that is looked at lies.
    pub(super) cursor: u32,
}

/// A stretch.
pub(super) struct Bar {
    /// Its last position: where one goes who chooses it.
    pub(super) to: String,
    pub(super) x: u32,
    pub(super) width: u32,
    pub(super) parts: Vec<Part>,
    pub(super) words: String,
}

/// A kind of events within a stretch.
pub(super) struct Part {
    pub(super) class: &'static str,
    pub(super) y: u32,
    pub(super) height: u32,
}

impl Drawing {
    /// Of what lies along the log between its first and its last position, as a slider over them has it.
    pub(super) fn of(density: &Density, (first, last): (u64, u64), position: u64) -> Self {
        let most = density.stretches.iter().map(|stretch| stretch.counts.all).max().unwrap_or(1).max(1);
        let place = |at: f64| {
            let part = if last > first { (at - first as f64) / (last - first) as f64 } else { 1.0 };
            (part.clamp(0.0, 1.0) * WIDTH).round() as u32
        };
        let bar = |stretch: &Stretch| {
            let (from, to) = (number(&stretch.from), number(&stretch.to));
            let (x, right) = (place(from - 0.5), place(to + 0.5));
            // A root shows what is rare beside what is frequent.
            let height = (stretch.counts.all as f64 / most as f64).sqrt() * HEIGHT;
            Bar {
                to: stretch.to.clone(),
                x,
                width: (right.saturating_sub(x)).max(2),
                parts: parts(&stretch.counts, height.max(BAR_MIN)),
                words: words(stretch),
            }
        };
        Self { bars: density.stretches.iter().map(bar).collect(), cursor: place(position as f64) }
    }
}

fn number(position: &str) -> f64 {
    position.parse().unwrap_or_default()
}

/// The kinds on top of each other, each as high as its share, and none too low to be seen.
fn parts(counts: &Counts, height: f64) -> Vec<Part> {
    let shares = counts.kinds().map(|(class, _, count)| {
        let share = count as f64 / counts.all.max(1) as f64 * height;
        (class, if count == 0 { 0.0 } else { share.max(PART_MIN) })
    });
    let sum: f64 = shares.iter().map(|(_, share)| share).sum();
    let scale = height / sum.max(1.0);
    let mut foot = HEIGHT;
    let mut parts = vec![];
    for (class, share) in shares.into_iter().filter(|(_, share)| *share > 0.0) {
        let head = foot - share * scale;
        parts.push(Part { class, y: head.round() as u32, height: (foot.round() - head.round()) as u32 });
        foot = head;
    }
    parts
}

/// A stretch in words.
fn words(stretch: &Stretch) -> String {
    let Stretch { from, to, counts } = stretch;
    let of_kinds: Vec<_> = counts
        .kinds()
        .iter()
        .rev()
        .filter(|(_, _, count)| *count > 0)
        .map(|(_, words, count)| format!("{count} {words}"))
        .collect();
    let place = if from == to { format!("event {from}") } else { format!("events {from} to {to}") };
    format!("{place}: {}", of_kinds.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(from: u64, to: u64, begins: u64, ends: u64) -> Stretch {
        let counts = Counts { all: begins + ends, begins, ends, ..Counts::default() };
        Stretch { from: from.to_string(), to: to.to_string(), counts }
    }

    #[test]
    fn bars_lie_where_the_slider_has_their_positions_and_rare_things_are_seen() {
        let stretches = vec![stretch(1, 10, 100, 0), stretch(41, 50, 1, 0), stretch(91, 100, 24, 1)];
        let density = Density { counts: Counts::default(), stretches };
        let drawn = Drawing::of(&density, (1, 100), 100);
        assert_eq!(drawn.cursor, 1000);
        let places: Vec<_> = drawn.bars.iter().map(|bar| (bar.x, bar.x + bar.width)).collect();
        assert_eq!(places, [(0, 96), (399, 500), (904, 1000)]);
        let heights = |bar: &Bar| bar.parts.iter().map(|part| part.height).collect::<Vec<_>>();
        assert_eq!(heights(&drawn.bars[0]), [100]);
        assert_eq!(heights(&drawn.bars[1]), [12], "one in a hundred is no thin line");
        let both = heights(&drawn.bars[2]);
        assert!(both[1] >= 4 && both.iter().sum::<u32>() == 50, "{both:?}");
        assert_eq!(drawn.bars[2].words, "events 91 to 100: 1 ending, 24 making");
    }

    #[test]
    fn a_log_of_one_event_is_drawn() {
        let density = Density { counts: Counts::default(), stretches: vec![stretch(1, 1, 1, 0)] };
        let drawn = Drawing::of(&density, (1, 1), 1);
        assert_eq!((drawn.cursor, drawn.bars[0].parts[0].height), (1000, 100));
    }
}
