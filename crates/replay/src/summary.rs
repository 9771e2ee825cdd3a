//! What happened and who did it, in one line for a person, with names and texts as far as they can be opened.

use std::cell::RefCell;
use std::collections::HashMap;

use domain::actor::ActorId;
use domain::ids::TEXT_BYTES;
use domain::rejection::Entity;
use domain::row::Change;
use domain::sealed::Sealed;
use domain::telling::{Piece, short, told};
use domain::{Lookup, Recorded};

use crate::json::id_of;
use crate::names::Names;
use crate::print::{hex, instant, quoted};

/// Over the cells of an event.
pub(crate) const HEADINGS: [&str; 6] = ["POSITION", "TIME", "EVENT", "ACTOR", "WAY", "WHAT"];

/// How long most lines are at most.
const LINE_BYTES: usize = 512;

/// What a text shows that cannot be opened.
const SEALED: &str = "[sealed]";

/// Speaks of events, with the names that things had just after each.
pub(crate) struct Summary<'a, L> {
    names: &'a Names,
    /// The rows after the event. They only decorate: where one is missing or damaged, the id stands alone.
    rows: &'a L,
    remembered: Option<Called>,
}

/// What things are called at a moment, as it is written: remembered, as many as fit.
#[derive(Default)]
struct Called(RefCell<HashMap<Entity, Option<String>>>);

/// How many are remembered; then they are forgotten, and asked for again.
const CALLED_MAX: usize = 20_000;

impl<'a, L: Lookup> Summary<'a, L> {
    pub(crate) fn of(names: &'a Names, rows: &'a L) -> Self {
        Self { names, rows, remembered: None }
    }

    /// The same for many lines: what things are called is remembered, for these are the rows of one moment.
    pub(crate) fn of_one_moment(names: &'a Names, rows: &'a L) -> Self {
        Self { names, rows, remembered: Some(Called::default()) }
    }

    /// Who acted.
    pub(crate) fn actor(&self, actor: &ActorId) -> String {
        match actor {
            ActorId::Console => "console".to_owned(),
            ActorId::Server => "server".to_owned(),
            ActorId::Holder { identity, key, token } => {
                let with = format!("{}, key {}", self.thing((*identity).into()), short(&key.to_string()));
                let token = token.map(|token| format!(", token {}", short(&token.to_string())));
                with + &token.unwrap_or_default()
            }
        }
    }

    /// An event as a line of a listing.
    pub(crate) fn cells(&self, recorded: &Recorded) -> [String; HEADINGS.len()] {
        [
            recorded.position.to_string(),
            instant(recorded.recorded_at),
            recorded.event.name().to_owned(),
            self.actor(&recorded.metadata.actor),
            recorded.metadata.way.as_str().to_owned(),
            self.what(recorded),
        ]
    }

    /// What happened.
    pub(crate) fn what(&self, recorded: &Recorded) -> String {
        self.line(told(&recorded.event))
    }

    /// Pieces as one line.
    pub(crate) fn line(&self, pieces: Vec<Piece<'_>>) -> String {
        let mut line = String::with_capacity(LINE_BYTES);
        pieces.into_iter().for_each(|piece| self.piece(piece, &mut line));
        line
    }

    fn piece(&self, piece: Piece<'_>, line: &mut String) {
        match piece {
            Piece::Words(words) => line.push_str(&words),
            Piece::Word(word) => line.push_str(word.as_str()),
            Piece::Thing(entity) => self.write_thing(entity, line),
            Piece::Unnamed(entity) => unnamed(entity, line),
            Piece::Token(token) => {
                line.push_str("token ");
                line.push_str(short(&token.to_string()));
            }
            Piece::Text(_, text) => line.push_str(&self.text(text)),
            Piece::At(at) => line.push_str(&instant(at)),
            Piece::Bytes(bytes) => line.push_str(&hex(bytes)),
        }
    }

    fn thing(&self, entity: Entity) -> String {
        let mut line = String::new();
        self.write_thing(entity, &mut line);
        line
    }

    fn write_thing(&self, entity: Entity, line: &mut String) {
        let written = match &self.remembered {
            None => self.called(entity).map(|name| write_named(entity, &name, line)),
            Some(called) => called.of(entity, || self.called(entity), |name| write_named(entity, name, line)),
        };
        if written.is_none() {
            unnamed(entity, line);
        }
    }

    /// What a thing is called, as it is written.
    fn called(&self, entity: Entity) -> Option<String> {
        let row = match entity {
            Entity::Tenant(id) => self.rows.tenant(id).ok().flatten().map(Change::Tenant),
            Entity::User(id) | Entity::Member { user: id, .. } => {
                self.rows.user(id).ok().flatten().map(Change::User)
            }
            Entity::ServiceAccount(id) => {
                self.rows.service_account(id).ok().flatten().map(Change::ServiceAccount)
            }
            Entity::Key(id) => self.rows.key(id).ok().flatten().map(Change::Key),
            Entity::SigningKey(_) => None,
        };
        name_of(&row?).map(|(_, name)| self.text(name))
    }

    /// Remembers what the thing of a row is called, which is about to be spoken of.
    pub(crate) fn remember(&self, row: &Change) {
        if let (Some(called), Some((entity, name))) = (&self.remembered, name_of(row)) {
            called.put(entity, Some(self.text(name)));
        }
    }

    fn text(&self, sealed: &Sealed) -> String {
        self.names.open(sealed).map_or(SEALED.to_owned(), |text| quoted(&text))
    }
}

impl Called {
    /// Hands on what a thing is called, if it is called anything.
    fn of<T>(
        &self,
        entity: Entity,
        ask: impl FnOnce() -> Option<String>,
        hand: impl FnOnce(&str) -> T,
    ) -> Option<T> {
        if let Some(text) = self.0.borrow().get(&entity) {
            return text.as_deref().map(hand);
        }
        let text = ask();
        let handed = text.as_deref().map(hand);
        self.put(entity, text);
        handed
    }

    fn put(&self, entity: Entity, text: Option<String>) {
        let mut texts = self.0.borrow_mut();
        if texts.len() >= CALLED_MAX {
            texts.clear();
        }
        texts.insert(entity, text);
    }
}

/// Under which of its names a thing is spoken of.
fn name_of(row: &Change) -> Option<(Entity, &Sealed)> {
    match row {
        Change::Tenant(row) => Some((Entity::Tenant(row.id), &row.slug.text)),
        Change::User(row) => Some((Entity::User(row.id), &row.email.text)),
        Change::ServiceAccount(row) => Some((Entity::ServiceAccount(row.id), &row.name.text)),
        Change::Key(row) => Some((Entity::Key(row.id), &row.name.text)),
        Change::Membership(_)
        | Change::SigningKey(_)
        | Change::Watermark(_, _)
        | Change::Deployment(_)
        | Change::UniqueName(_, _) => None,
    }
}

fn write_named(entity: Entity, name: &str, line: &mut String) {
    line.extend([entity.kind(), " ", name, " ", short(id_of(entity).text(&mut [0; TEXT_BYTES]))]);
}

fn unnamed(entity: Entity, line: &mut String) {
    line.extend([entity.kind(), " ", short(id_of(entity).text(&mut [0; TEXT_BYTES]))]);
}
