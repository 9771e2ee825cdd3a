//! What somebody who had a key could do, drawn over time: a lane for each tenant with the roles in which it was accepted
//! there, one for what was done with it, and one for the keys before and after it.
//!
//! Every number in the drawing is computed here; the tables beside it say the same in words.

use super::key::{Blast, Step, rotation};
use super::shown::{Key, role_name};
use super::when::When;

/// How wide a lane is, in its own units.
const WIDTH: f64 = 1000.0;
/// The most marks of a lane: beyond, they would only cover each other.
const MARKS_MAX: usize = 200;

/// The drawing.
pub(super) struct Reach {
    pub(super) lanes: Vec<Lane>,
    /// The roles that it has, with their classes: what the colours mean.
    pub(super) roles: Vec<(&'static str, String)>,
    pub(super) from: When,
    pub(super) until: When,
}

/// A lane.
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) bars: Vec<Bar>,
    pub(super) marks: Vec<Mark>,
    /// The same in a sentence.
    pub(super) says: String,
}

/// A stretch of time in a role.
pub(super) struct Bar {
    pub(super) x: u32,
    pub(super) width: u32,
    pub(super) class: &'static str,
    pub(super) words: String,
}

/// Something that was done, or that took a place.
pub(super) struct Mark {
    pub(super) x: u32,
    pub(super) kind: &'static str,
    pub(super) words: String,
}

impl Reach {
    /// Of a key at an instant.
    pub(super) fn of(key: &Key, blast: &Blast, steps: &[Step], instant: &When) -> Option<Self> {
        let (from, until) = (key.created_at.unix_ms()?, instant.unix_ms()?);
        let place = |at: i64| {
            let part = (at - from) as f64 / (until - from).max(1) as f64;
            (part.clamp(0.0, 1.0) * WIDTH).round() as u32
        };
        let mut lanes: Vec<Lane> = vec![];
        // Those of the lanes: two may be called alike.
        let mut tenants = vec![];
        let mut roles: Vec<(&'static str, String)> = vec![];
        for spell in &blast.spells {
            let (class, role) = role_of(spell.role.as_deref());
            let x = place(spell.from.unix_ms()?);
            let right = spell.until.as_ref().and_then(When::unix_ms).map_or(WIDTH as u32, place);
            let until = spell.until.as_ref().map_or_else(|| "now".to_owned(), When::words);
            let words = format!("{role}, from {} until {until}", spell.from.words());
            let bar = Bar { x, width: right.saturating_sub(x).max(2), class, words };
            let name = spell.tenant().to_owned();
            if !roles.iter().any(|(known, _)| *known == class) {
                roles.push((class, role));
            }
            match tenants.iter().position(|known| *known == spell.tenant_id) {
                Some(lane) => {
                    let lane = &mut lanes[lane];
                    lane.says = format!("{}; {}", lane.says, bar.words);
                    lane.bars.push(bar);
                }
                None => {
                    let says = format!("{name}: {}", bar.words);
                    tenants.push(spell.tenant_id.clone());
                    lanes.push(Lane { name, bars: vec![bar], marks: vec![], says });
                }
            }
        }
        let done = blast.events.iter().take(MARKS_MAX).filter_map(|event| {
            let x = place(event.recorded_at.unix_ms()?);
            Some(Mark {
                x,
                kind: event.mark(),
                words: format!("{}, {}", event.summary, event.recorded_at.words()),
            })
        });
        let says = match blast.events_count {
            0 => "Nothing was changed with it".to_owned(),
            1 => "One event was made with it".to_owned(),
            count => format!("{count} events were made with it"),
        };
        lanes.push(Lane { name: "Changed with it".to_owned(), bars: vec![], marks: done.collect(), says });
        lanes.extend(lineage(key, blast, steps, &place));
        Some(Self { lanes, roles, from: key.created_at.clone(), until: instant.clone() })
    }
}

/// The keys before and after it: it took a place when it was made, and its successor is there since the rotation. The end of
/// its grace is told if it is what ended the key.
fn lineage(key: &Key, blast: &Blast, steps: &[Step], place: &impl Fn(i64) -> u32) -> Option<Lane> {
    let (before, after) = (blast.predecessor_ids.len(), blast.successor_ids.len());
    if before + after == 0 {
        return None;
    }
    let keys = |count: usize| if count == 1 { "1 key".to_owned() } else { format!("{count} keys") };
    let mut marks = vec![];
    if before > 0 {
        let words = format!("took the place of another key, {}", key.created_at.words());
        marks.push(Mark { x: 0, kind: "begins", words });
    }
    let mut mark = |step: &Step, kind, words: &str| {
        if let Some(at) = step.at.unix_ms() {
            marks.push(Mark { x: place(at), kind, words: format!("{words}, {}", step.at.words()) });
        }
    };
    if let Some(step) = rotation(steps).filter(|_| after > 0) {
        mark(step, "changes", "its successor was made");
    }
    if let Some(step) = steps.iter().find(|step| step.ends_grace()) {
        mark(step, "ends", "its grace was over, and only its successor was accepted");
    }
    let says = format!("{} before it, {} after it", keys(before), keys(after));
    Some(Lane { name: "Lineage".to_owned(), bars: vec![], marks, says })
}

/// The class of a role, and what it is called. Outside of any tenant it has none.
fn role_of(role: Option<&str>) -> (&'static str, String) {
    let class = match role {
        Some("administrator") => "administrator",
        Some("member") => "member",
        Some("runner") => "runner",
        Some(_) => "read-only",
        None => "operator",
    };
    (class, role.map_or("Operator", role_name).to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_tenant_has_a_lane_with_its_roles_to_scale() {
        let key = json!({
            "id": "k", "name": "n", "prefix": "klu", "last_four": "abcd", "status": "ACTIVE", "user_id": "u",
            "created_at": "2026-01-01T00:00:00Z", "grace_ends_at": "2026-01-09T00:00:00Z", "usage_withheld": false,
        });
        let spell = |tenant: &str, role: &str, from: &str, until: Option<&str>| json!({"tenant_id": tenant, "tenant_name": "Acme", "role": role, "from": from, "until": until, "position": "1"});
        let blast = json!({
            "earlier": false,
            "spells": [
                spell("a", "member", "2026-01-01T00:00:00Z", Some("2026-01-06T00:00:00Z")),
                spell("a", "administrator", "2026-01-06T00:00:00Z", None),
                spell("b", "member", "2026-01-03T00:00:00Z", Some("2026-01-04T00:00:00Z")),
            ],
            "events": [{"position": "7", "recorded_at": "2026-01-02T00:00:00Z", "effect": "ends", "summary": "x"}],
            "events_count": 1, "keys_made": [], "predecessor_ids": [], "successor_ids": ["s"],
        });
        let (key, blast) = (serde_json::from_value(key).unwrap(), serde_json::from_value(blast).unwrap());
        let instant = serde_json::from_value(json!("2026-01-11T00:00:00Z")).unwrap();
        let step = |at: &str, what: &str, status: &str| json!({"at": at, "what": what, "through": "key", "position": null, "status": status, "approximate": false, "event": null});
        let mut steps = vec![
            step("2026-01-01T00:00:00Z", "KeyRotated", "ACTIVE"),
            step("2026-01-05T00:00:00Z", "KeyRotated", "ACTIVE"),
        ];
        let drawn = |steps: &[serde_json::Value]| {
            let steps: Vec<Step> = serde_json::from_value(json!(steps)).unwrap();
            Reach::of(&key, &blast, &steps, &instant).unwrap()
        };
        let revoked =
            drawn(&[&steps[..], &[step("2026-01-06T00:00:00Z", "KeyRevoked", "KEY_REVOKED")]].concat());
        steps.push(step("2026-01-09T00:00:00Z", "grace_over", "KEY_ROTATED"));
        let drawn = drawn(&steps);
        let bars: Vec<_> = drawn
            .lanes
            .iter()
            .flat_map(|lane| lane.bars.iter().map(|bar| (lane.name.as_str(), bar.x, bar.width, bar.class)))
            .collect();
        let expected =
            [("Acme", 0, 500, "member"), ("Acme", 500, 500, "administrator"), ("Acme", 200, 100, "member")];
        assert_eq!(bars, expected);
        let marks: Vec<_> =
            drawn.lanes.iter().flat_map(|lane| lane.marks.iter().map(|mark| (mark.x, mark.kind))).collect();
        assert_eq!(marks, [(100, "ends"), (400, "changes"), (800, "ends")]);
        let lineage = revoked.lanes.last().unwrap();
        let marks: Vec<_> =
            lineage.marks.iter().map(|mark| (mark.x, mark.kind, mark.words.as_str())).collect();
        assert_eq!(
            marks,
            [(400, "changes", "its successor was made, 5 Jan 2026, 00:00 UTC")],
            "its grace ended nothing"
        );
        assert_eq!(drawn.roles.len(), 2);
        assert_eq!(
            drawn.lanes.iter().map(|lane| lane.bars.len()).collect::<Vec<_>>(),
            [2, 1, 0, 0],
            "each tenant has its own"
        );
    }
}
