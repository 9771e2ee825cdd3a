//! A difference in one line for a person: the thing, then what it is or was, field by field.

use crate::difference::{Difference, Field};
use crate::facts::{Fact, Value};
use crate::rejection::Entity;
use crate::row::RowId;
use crate::telling::{Piece, say, tokens};

impl Difference {
    /// What differs, as pieces of one line: `thing: field before → after, …`.
    pub fn told(&self) -> Vec<Piece<'_>> {
        let mut pieces = thing(&self.row);
        let mut between = ": ";
        for field in self.fields() {
            // Of what is new or gone, only what there is to say.
            let (unsaid, whole) = (Value::Nothing, self.before.is_none() || self.after.is_none());
            if whole && field.before == unsaid && field.after == unsaid {
                continue;
            }
            pieces.push(say(between));
            between = ", ";
            pieces.extend(self.field(field));
        }
        pieces
    }

    fn field<'a>(&'a self, field: Field<'a>) -> Vec<Piece<'a>> {
        let Field { name, before, after } = field;
        let mut pieces = vec![];
        // A thing names its kind itself.
        if !matches!(&after, Value::Thing(of) if of.kind() == name) {
            pieces.push(say(format!("{} ", words(name))));
        }
        match (&self.before, &self.after) {
            (Some(_), Some(_)) => {
                pieces.extend(value(name, before));
                pieces.push(say(" → "));
                pieces.extend(value(name, after));
            }
            (None, _) => pieces.extend(value(name, after)),
            (Some(_), None) => pieces.extend(value(name, before)),
        }
        pieces
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

fn value<'a>(name: &str, value: Value<'a>) -> Vec<Piece<'a>> {
    match value {
        Value::Nothing => vec![say(nothing(name))],
        Value::Thing(entity) => vec![Piece::Thing(entity)],
        Value::Token(token) => vec![Piece::Token(token)],
        Value::Word(word) => vec![say(word)],
        Value::Flag(flag) => vec![say(if flag { "yes" } else { "no" })],
        Value::Words(words) => vec![say(format!("[{}]", words.join(" ")))],
        Value::Text(of, text) => vec![Piece::Text(of, text)],
        Value::Name(of, name) => vec![Piece::Text(of, &name.text)],
        Value::At(at) => vec![Piece::At(at)],
        Value::Seconds(seconds) => vec![say(format!("{seconds} s"))],
        Value::Number(number) => vec![say(number.to_string())],
        Value::Position(position) => vec![say(format!("position {position}"))],
        Value::Bytes(bytes) => vec![Piece::Bytes(bytes)],
        Value::Digest(digest) => vec![Piece::Bytes(&digest.bytes)],
        Value::Group(facts) => group(facts),
    }
}

/// What is in a group: things name their kind themselves. A key that is at home somewhere acts elsewhere, too.
fn group(facts: Vec<Fact<'_>>) -> Vec<Piece<'_>> {
    let mut pieces = vec![];
    for fact in facts.into_iter().filter(|fact| fact.name != "kind") {
        if !pieces.is_empty() {
            pieces.push(say(", "));
        }
        if fact.name == "home" {
            pieces.push(say("any tenant, at home in "));
        }
        if !matches!(fact.value, Value::Thing(_)) {
            pieces.push(say(format!("{} ", words(fact.name))));
        }
        pieces.extend(value(fact.name, fact.value));
    }
    pieces
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

fn words(name: &str) -> String {
    name.replace("_seconds", "").replace('_', " ")
}
