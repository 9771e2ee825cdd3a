//! The scalars: ids, instants and positions, spelt as existing clients spell them.

use domain::ids::Id;
use domain::time::{Position, Timestamp};
use juniper::GraphQLScalar;

use crate::instant;

/// A UUID (RFC 9562).
#[derive(Clone, Copy, Debug, PartialEq, Eq, GraphQLScalar)]
#[graphql(name = "uuid", to_output_with = Self::written, from_input_with = Self::read, parse_token(String))]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    fn written(&self) -> String {
        Id::<domain::ids::kind::Request>::from_bytes(self.0).to_string()
    }

    fn read(text: &str) -> Result<Self, String> {
        Id::<domain::ids::kind::Request>::parse(text)
            .map(|id| Self(id.bytes()))
            .map_err(|error| error.to_string())
    }

    /// The id of the kind wanted here.
    pub fn id<K>(self) -> Id<K> {
        Id::from_bytes(self.0)
    }
}

impl<K> From<Id<K>> for Uuid {
    fn from(id: Id<K>) -> Self {
        Self(id.bytes())
    }
}

/// An instant: RFC 3339 with an offset, such as 2031-01-01T00:00:00Z, within the years 1970 to 9999. In answers it is in UTC
/// and has three digits of a second: 2031-01-01T00:00:00.000Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, GraphQLScalar)]
#[graphql(name = "timestamptz", to_output_with = Self::written, from_input_with = Self::read, parse_token(String))]
pub struct Instant(pub Timestamp);

impl Instant {
    fn written(&self) -> String {
        self.0.to_string()
    }

    fn read(text: &str) -> Result<Self, &'static str> {
        instant::parse(text).map(Self).ok_or(
            "not an instant: give RFC 3339 with an offset, within the years 1970 to 9999, such as 2031-01-01T00:00:00Z",
        )
    }
}

/// A position of the log, as a decimal string: GraphQL's Int has 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, GraphQLScalar)]
#[graphql(name = "position", to_output_with = Self::written, from_input_with = Self::read, parse_token(String))]
pub struct LogPosition(pub Position);

impl LogPosition {
    fn written(&self) -> String {
        self.0.to_string()
    }

    fn read(text: &str) -> Result<Self, &'static str> {
        text.parse()
            .map(|number| Self(Position::new(number)))
            .map_err(|_| "not a position: give its decimal digits")
    }
}
