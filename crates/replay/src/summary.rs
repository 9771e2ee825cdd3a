//! What happened and who did it, in one line for a person, with names and texts as far as they can be opened.

use domain::actor::ActorId;
use domain::rejection::Entity;
use domain::sealed::Sealed;
use domain::telling::{Piece, short, told};
use domain::{Lookup, Recorded};

use crate::names::Names;
use crate::print::{hex, instant, quoted};

/// Over the cells of an event.
pub(crate) const HEADINGS: [&str; 6] = ["POSITION", "TIME", "EVENT", "ACTOR", "WAY", "WHAT"];

/// What a text shows that cannot be opened.
const SEALED: &str = "[sealed]";

/// Speaks of events, with the names that things had just after each.
pub(crate) struct Summary<'a, L> {
    pub(crate) names: &'a Names,
    /// The rows after the event. They only decorate: where one is missing or damaged, the id stands alone.
    pub(crate) rows: &'a L,
}

impl<L: Lookup> Summary<'_, L> {
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
        pieces.into_iter().map(|piece| self.piece(piece)).collect()
    }

    fn piece(&self, piece: Piece<'_>) -> String {
        match piece {
            Piece::Words(words) => words.into_owned(),
            Piece::Word(word) => word.as_str().to_owned(),
            Piece::Thing(entity) => self.thing(entity),
            Piece::Unnamed(entity) => unnamed(entity),
            Piece::Token(token) => format!("token {}", short(&token.to_string())),
            Piece::Text(_, text) => self.text(text),
            Piece::At(at) => instant(at),
            Piece::Bytes(bytes) => hex(bytes),
        }
    }

    fn thing(&self, entity: Entity) -> String {
        let name = match entity {
            Entity::Tenant(id) => self.rows.tenant(id).ok().flatten().map(|row| row.slug.text),
            Entity::User(id) | Entity::Member { user: id, .. } => {
                self.rows.user(id).ok().flatten().map(|row| row.email.text)
            }
            Entity::ServiceAccount(id) => {
                self.rows.service_account(id).ok().flatten().map(|row| row.name.text)
            }
            Entity::Key(id) => self.rows.key(id).ok().flatten().map(|row| row.name.text),
            Entity::SigningKey(_) => None,
        };
        match name {
            Some(name) => format!("{} {} {}", entity.kind(), self.text(&name), short(&id(entity))),
            None => unnamed(entity),
        }
    }

    fn text(&self, sealed: &Sealed) -> String {
        self.names.open(sealed).map_or(SEALED.to_owned(), |text| quoted(&text))
    }
}

fn unnamed(entity: Entity) -> String {
    format!("{} {}", entity.kind(), short(&id(entity)))
}

fn id(entity: Entity) -> String {
    domain::ids::RequestId::from_bytes(entity.id()).to_string()
}
