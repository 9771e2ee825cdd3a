//! What a bundle is about, up to where it goes, and how far the log went on: what its maker says, and no proof shows.
//!
//! ```text
//! {"key":"UUID","tenant":null,"from":"1","until":null,"events":2,"covered":"83","head":"84","later_events":1}
//! ```

use domain::Recorded;
use domain::event::Event;
use domain::ids::{KeyId, TenantId};
use domain::key::{Owner, Reach};
use domain::time::Position;
use serde_json::{Value, json};

use crate::life::{may_bear_on, may_bear_on_key};
use crate::report::counted;
use crate::subjects::may_concern_tenant;

/// Which events a bundle is to have: those that everything said here applies to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Of the life of this key: about it, or such that they befell it through what it rests on.
    pub key: Option<KeyId>,
    /// About this tenant, or what belongs to it.
    pub tenant: Option<TenantId>,
    /// From this position on.
    pub from: Position,
    /// Up to and including this position; none: to the end.
    pub until: Option<Position>,
}

/// What a bundle says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Which events it has.
    pub about: About,
    /// How many those are.
    pub events: u64,
    /// The size of the log that its checkpoint signs.
    pub covered: Position,
    /// Where the log ended when the bundle was made.
    pub head: Position,
    /// How many events of this kind came in between, and are not in it.
    pub later: u64,
}

impl Scope {
    /// In words, for whoever gets the bundle.
    pub fn said(&self) -> String {
        let Self { about, covered, head, later, .. } = self;
        let mut what = match (about.key, about.tenant) {
            (Some(key), Some(tenant)) => {
                format!("The life of key {key}, as far as it is about tenant {tenant},")
            }
            (Some(key), None) => format!("The life of key {key}"),
            (None, Some(tenant)) => format!("The events of tenant {tenant}"),
            (None, None) => "The events of the log".to_owned(),
        };
        let (first, end) = self.positions();
        what += &format!(" from position {first} up to position {end}.");
        match (head > covered, later) {
            (false, _) if end == *head => what + " The log ended there when this was made.",
            (false, _) => what + &format!(" The log ended at position {head} when this was made."),
            (true, 0) if end < *covered => what + &format!(" The log went on to position {head}."),
            (true, 0) => what + &format!(" The log went on to position {head}, with no other such event."),
            (true, later) => {
                let events = counted(*later, "such event");
                what + &format!(
                    " The log went on to position {head}: {events} after position {covered} NOT IN HERE."
                )
            }
        }
    }

    /// The first and the last position that it may have.
    fn positions(&self) -> (Position, Position) {
        let About { from, until, .. } = self.about;
        (from.max(Position::new(1)), until.map_or(self.covered, |until| until.min(self.covered)))
    }

    /// Whether it is about every event between two positions: then these show whether one is missing.
    pub const fn is_of_every_event(&self) -> bool {
        self.about.key.is_none() && self.about.tenant.is_none()
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let Self { about: About { key, tenant, from, until }, events, covered, head, later } = self;
        json!({
            "key": key.map(|key| key.to_string()),
            "tenant": tenant.map(|tenant| tenant.to_string()),
            "from": from.max(&Position::new(1)).to_string(),
            "until": until.map(|until| until.to_string()),
            "events": events,
            "covered": covered.to_string(),
            "head": head.to_string(),
            "later_events": later,
        })
    }

    /// Reads what [`Scope::json`] wrote; none, if it cannot be.
    pub fn parse(text: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(text).ok()?;
        let position = |name: &str| json[name].as_str()?.parse().ok().map(Position::new);
        let until = if json["until"].is_null() { None } else { Some(position("until")?) };
        let text = |name: &str| json[name].as_str();
        let about = About {
            key: text("key").map(KeyId::parse).transpose().ok()?,
            tenant: text("tenant").map(TenantId::parse).transpose().ok()?,
            from: position("from")?,
            until,
        };
        let (events, later) = (json["events"].as_u64()?, json["later_events"].as_u64()?);
        let scope = Self { about, events, covered: position("covered")?, head: position("head")?, later };
        // Whatever else the file says would be believed, too.
        (scope.json() == json && scope.can_be()).then_some(scope)
    }

    /// Whether the log has room for as many events, up to the end that is covered and behind it.
    fn can_be(&self) -> bool {
        let (covered, head) = (self.covered.number(), self.head.number());
        self.events <= covered && head.checked_sub(covered).is_some_and(|behind| self.later <= behind)
    }
}

/// Holds the proved events of a bundle, in their order, to what it says of itself, as far as they tell that themselves.
pub(crate) struct Admission {
    pub(crate) scope: Scope,
    /// Whose the key is and where it acts, once its beginning was proved.
    made: Option<(Owner, Reach)>,
    /// The event before.
    last: Option<Position>,
}

impl Admission {
    pub(crate) const fn by(scope: Scope) -> Self {
        Self { scope, made: None, last: None }
    }

    /// Whether the next event may be in the bundle.
    pub(crate) fn admits(&mut self, recorded: &Recorded) -> Result<(), &'static str> {
        let (first, _) = self.scope.positions();
        let About { key, tenant, until, .. } = self.scope.about;
        let position = recorded.position;
        if position < first || until.is_some_and(|until| position > until) {
            return Err("it lies outside of the positions that scope.json tells");
        }
        let next = self.last.map_or(first, Position::next);
        if self.scope.is_of_every_event() && position != next {
            return Err("events before it are missing: scope.json tells of every event of the log there");
        }
        if let Some(key) = key {
            self.admits_of(key, &recorded.event)?;
        }
        if tenant.is_some_and(|tenant| !may_concern_tenant(&recorded.event, tenant)) {
            return Err("it does not concern the tenant that scope.json names");
        }
        self.last = Some(position);
        Ok(())
    }

    /// Whether it may be of the life of the key.
    fn admits_of(&mut self, key: KeyId, event: &Event) -> Result<(), &'static str> {
        if let Event::KeyCreated(created) = event
            && created.key == key
        {
            self.made = Some((created.owner, created.reach));
            return match self.last {
                None => Ok(()),
                Some(_) => Err("it made the key that scope.json names, and other events come before it"),
            };
        }
        match self.made {
            Some((owner, reach)) if may_bear_on(event, key, owner, reach) => Ok(()),
            // Of a part of its life the beginning is not there to tell whose the key is.
            None if self.scope.about.from > Position::new(1) && may_bear_on_key(event, key) => Ok(()),
            None if self.scope.about.from <= Position::new(1) => {
                Err("it comes before the key that scope.json names was made")
            }
            Some(_) | None => Err("nothing of it bears on the key that scope.json names"),
        }
    }

    /// Whether none is missing behind the last one, as far as that can be told.
    pub(crate) fn conclude(&self) -> Result<(), &'static str> {
        let (_, end) = self.scope.positions();
        if self.scope.is_of_every_event() && self.last != Some(end) {
            return Err(
                "events after the last one are missing: scope.json tells of every event of the log there",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(head: u64, later: u64) -> Scope {
        let key = KeyId::parse("01890a5d-ac96-774b-bcce-b302099a8057").ok();
        let about = About { key, from: Position::new(1), ..About::default() };
        Scope { about, events: 2, covered: Position::new(83), head: Position::new(head), later }
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let scope = scope(84, 1);
        let text = scope.json().to_string();
        assert_eq!(Scope::parse(&text), Some(scope));
        // More events than there are positions, before the end that is covered and behind it, among them.
        for (was, is) in [
            ("\"84\"", "\"82\""),
            ("\"84\"", "\"83\""),
            ("events\":1", "events\":2"),
            ("events\":2", "events\":84"),
            ("null", "1"),
            ("{", "{\"complete\":true,"),
            ("\"83\"", "83"),
        ] {
            assert_eq!(Scope::parse(&text.replacen(was, is, 1)), None, "{was} as {is}");
        }
    }

    #[test]
    fn words_tell_what_is_left_out() {
        let key = "The life of key 01890a5d-ac96-774b-bcce-b302099a8057 from position 1 up to position 83.";
        let said = |head, later| scope(head, later).said().strip_prefix(key).unwrap().to_owned();
        assert_eq!(said(83, 0), " The log ended there when this was made.");
        assert_eq!(said(84, 0), " The log went on to position 84, with no other such event.");
        let left_out = " The log went on to position 84: 1 such event after position 83 NOT IN HERE.";
        assert_eq!(said(84, 1), left_out);
    }
}
