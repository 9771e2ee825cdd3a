//! The life of a key, drawn: one bar along time, in the colours of its states, with a mark for each thing that happened.
//!
//! Every number in the drawing is computed here; the table beside it says the same in words.

use super::key::Step;
use super::when::When;

/// How wide the drawing is, in its own units.
const WIDTH: f64 = 1000.0;
/// How much of it is for what has happened, if more is to come. What is to come has a part of its own scale: an end in
/// many years would leave no room for the past.
const PAST: f64 = 750.0;
/// The most marks: beyond, they would only cover each other.
const MARKS_MAX: usize = 120;

/// The drawing.
pub(super) struct Timeline {
    pub(super) spans: Vec<Span>,
    pub(super) marks: Vec<Mark>,
    /// Where the moment asked about is, if the drawing goes on beyond it.
    pub(super) now: Option<u32>,
    pub(super) from: When,
    pub(super) until: When,
    /// The same in a sentence.
    pub(super) says: String,
}

/// A stretch in one state.
pub(super) struct Span {
    pub(super) x: u32,
    pub(super) width: u32,
    pub(super) class: &'static str,
    pub(super) word: &'static str,
}

/// Something that happened.
pub(super) struct Mark {
    pub(super) x: u32,
    pub(super) kind: &'static str,
    pub(super) words: String,
}

impl Timeline {
    /// Of what happened until an instant; none, if nothing did. If the key ends later by itself, the drawing shows where.
    pub(super) fn of(
        steps: &[Step],
        expires_at: Option<&When>,
        grace_ends_at: Option<&When>,
        instant: &When,
    ) -> Option<Self> {
        let timed: Vec<_> = steps.iter().filter_map(|step| Some((step.at.unix_ms()?, step))).collect();
        let (from, now) = (timed.first()?.0, instant.unix_ms()?);
        let lives = timed.last().is_some_and(|(_, step)| step.state().lives);
        let end = [expires_at, grace_ends_at].into_iter().flatten().filter_map(When::unix_ms).min();
        let end = end.filter(|end| lives && *end > now);
        let width = if end.is_some() { PAST } else { WIDTH };
        let place = |at: i64| place(at, from, now, width);
        let mut spans: Vec<Span> = vec![];
        for (index, (at, step)) in timed.iter().enumerate() {
            let next = timed.get(index + 1).map_or(now.max(*at), |(next, _)| *next);
            let (x, right, state) = (place(*at), place(next), step.state());
            match spans.last_mut() {
                Some(last) if last.class == state.class => last.width = right - last.x,
                _ => spans.push(Span { x, width: right - x, class: state.class, word: state.word }),
            }
        }
        if end.is_some() {
            let x = place(now);
            spans.push(Span { x, width: WIDTH as u32 - x, class: "to-come", word: "to come" });
        }
        let marks = timed.iter().rev().take(MARKS_MAX).map(|(at, step)| Mark {
            x: place(*at),
            kind: step.mark(),
            words: format!("{}, {}", step.words(), step.at.words()),
        });
        let marks = marks.collect();
        let spoken: Vec<_> = timed.iter().map(|(_, step)| step.state().word).collect();
        let says = match (spoken.first(), spoken.last()) {
            (Some(first), Some(last)) if timed.len() > 1 => {
                format!("{} things happened to it; it began {first} and is {last}.", timed.len())
            }
            _ => "It was made, and nothing happened to it since.".to_owned(),
        };
        let at = end.map(|_| place(now));
        Some(Self {
            spans,
            marks,
            now: at,
            from: When::of_unix_ms(from),
            until: When::of_unix_ms(end.unwrap_or(now)),
            says,
        })
    }
}

fn place(at: i64, from: i64, until: i64, width: f64) -> u32 {
    let part = (at - from) as f64 / (until - from).max(1) as f64;
    (part.clamp(0.0, 1.0) * width).round() as u32
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step(at: &str, what: &str, status: &str) -> Step {
        let effect = if what == "KeyDisabled" { "stops" } else { "begins" };
        let event = json!({"summary": what, "way": "ui", "effect": effect});
        let step = json!({"at": at, "what": what, "through": "key", "position": "1", "status": status,
                          "approximate": false, "event": event});
        serde_json::from_value(step).unwrap()
    }

    fn when(text: &str) -> When {
        serde_json::from_value(json!(text)).unwrap()
    }

    #[test]
    fn a_life_is_drawn_to_scale_with_what_is_to_come() {
        let steps = [
            step("2026-01-01T00:00:00Z", "KeyCreated", "ACTIVE"),
            step("2026-01-02T00:00:00Z", "KeyDisabled", "KEY_DISABLED"),
            step("2026-01-03T00:00:00Z", "KeyEnabled", "ACTIVE"),
        ];
        let (end, now) = (when("2099-01-11T00:00:00Z"), when("2026-01-06T00:00:00Z"));
        let drawn = Timeline::of(&steps, Some(&end), None, &now).unwrap();
        let spans: Vec<_> = drawn.spans.iter().map(|span| (span.x, span.width, span.class)).collect();
        assert_eq!(spans, [(0, 150, "good"), (150, 150, "held"), (300, 450, "good"), (750, 250, "to-come")]);
        assert_eq!(drawn.now, Some(750));
        assert_eq!(
            drawn.marks.iter().map(|mark| mark.kind).collect::<Vec<_>>(),
            ["begins", "stops", "begins"]
        );
    }

    #[test]
    fn a_dead_key_has_nothing_to_come_and_a_life_of_no_length_is_drawn() {
        let steps = [
            step("2026-01-01T00:00:00Z", "KeyCreated", "ACTIVE"),
            step("2026-01-01T00:00:00Z", "KeyRevoked", "KEY_REVOKED"),
        ];
        let (end, now) = (when("2026-02-01T00:00:00Z"), when("2026-01-01T00:00:00Z"));
        let drawn = Timeline::of(&steps, Some(&end), None, &now).unwrap();
        assert_eq!(drawn.now, None);
        assert!(Timeline::of(&[], None, None, &now).is_none());
    }
}
