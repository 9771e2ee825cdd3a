//! A difference, or a row, in one line for a person: the thing, then what it is or was, field by field.

use std::borrow::Cow;

use crate::difference::Difference;
use crate::facts::rows::facts_of_row;
use crate::facts::{Fact, Value};
use crate::rejection::Entity;
use crate::row::{Change, RowId};
use crate::telling::{Piece, say, tokens};

/// How many pieces most lines have room in, those of keys most of all.
const PIECES: usize = 80;

impl Difference {
    /// What differs, as pieces of one line: `thing: field before → after, …`.
    pub fn told(&self) -> Vec<Piece<'_>> {
        if let (None, Some(row)) | (Some(row), None) = (&self.before, &self.after) {
            return row_in_words(row);
        }
        let mut line = Line::about(&self.row);
        for field in self.fields() {
            line.begin(field.name, &field.after);
            line.value(field.name, field.before);
            line.say(" → ");
            line.value(field.name, field.after);
        }
        line.pieces
    }
}

/// What there is to say of a row, as pieces of one line: `thing: field value, …`.
pub fn row_in_words(row: &Change) -> Vec<Piece<'_>> {
    let mut line = Line::about(&row.row());
    for Fact { name, value } in facts_of_row(row) {
        if value != Value::Nothing {
            line.begin(name, &value);
            line.value(name, value);
        }
    }
    line.pieces
}

/// A line that grows.
struct Line<'a> {
    pieces: Vec<Piece<'a>>,
    between: &'static str,
}

impl<'a> Line<'a> {
    fn about(row: &RowId) -> Self {
        let mut pieces = Vec::with_capacity(PIECES);
        pieces.extend(thing(row));
        Self { pieces, between: ": " }
    }

    fn say(&mut self, words: impl Into<Cow<'a, str>>) {
        self.pieces.push(say(words));
    }

    /// What comes before the value of a field. A thing names its kind itself.
    fn begin(&mut self, name: &'static str, value: &Value<'_>) {
        self.say(self.between);
        self.between = ", ";
        if !matches!(value, Value::Thing(of) if of.kind() == name) {
            self.name(name);
        }
    }

    fn name(&mut self, name: &'static str) {
        self.say(words(name));
        self.say(" ");
    }

    fn value(&mut self, name: &str, value: Value<'a>) {
        self.pieces.push(match value {
            Value::Nothing => say(nothing(name)),
            Value::Thing(entity) => Piece::Thing(entity),
            Value::Token(token) => Piece::Token(token),
            Value::Word(word) => say(word),
            Value::Flag(flag) => say(if flag { "yes" } else { "no" }),
            Value::Words(words) => say(format!("[{}]", words.join(" "))),
            Value::Text(of, text) => Piece::Text(of, text),
            Value::Name(of, name) => Piece::Text(of, &name.text),
            Value::At(at) => Piece::At(at),
            Value::Seconds(seconds) => say(format!("{seconds} s")),
            Value::Number(number) => say(number.to_string()),
            Value::Position(position) => say(format!("position {position}")),
            Value::Bytes(bytes) => Piece::Bytes(bytes),
            Value::Digest(digest) => Piece::Bytes(&digest.bytes),
            Value::Group(facts) => return self.group(facts),
        });
    }

    /// What is in a group: things name their kind themselves. A key that is at home somewhere acts elsewhere, too.
    fn group(&mut self, facts: Vec<Fact<'a>>) {
        for (n, fact) in facts.into_iter().filter(|fact| fact.name != "kind").enumerate() {
            if n > 0 {
                self.say(", ");
            }
            if fact.name == "home" {
                self.say("any tenant, at home in ");
            }
            if !matches!(fact.value, Value::Thing(_)) {
                self.name(fact.name);
            }
            self.value(fact.name, fact.value);
        }
    }
}

fn thing<'a>(row: &RowId) -> Vec<Piece<'a>> {
    let named = |entity| vec![Piece::Thing(entity)];
    match *row {
        RowId::Tenant(id) => named(Entity::Tenant(id)),
        RowId::User(id) => named(Entity::User(id)),
        RowId::Membership { tenant, user } => {
            let (member, of) = (Entity::Member { tenant, user }, Entity::Tenant(tenant));
            vec![Piece::Thing(member), say(" of "), Piece::Thing(of)]
        }
        RowId::ServiceAccount(id) => named(Entity::ServiceAccount(id)),
        RowId::Key(id) => named(Entity::Key(id)),
        RowId::SigningKey(id) => vec![Piece::Unnamed(Entity::SigningKey(id))],
        RowId::Watermark(target) => tokens(&target),
        RowId::Deployment => vec![say("the deployment")],
        RowId::UniqueName(_) => vec![say("the holder of a name")],
    }
}

/// What it means that a field says nothing.
fn nothing(name: &str) -> &'static str {
    match name {
        "expires_at" => "never",
        "scopes" => "all",
        "addresses" => "everywhere",
        "rate" | "key_life_seconds_max" => "unlimited",
        _ => "none",
    }
}

fn words(name: &'static str) -> Cow<'static, str> {
    if name.contains('_') { name.replace("_seconds", "").replace('_', " ").into() } else { name.into() }
}
