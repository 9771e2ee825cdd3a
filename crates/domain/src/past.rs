//! The past: rows as they were after any event, and where each of their versions began.

use crate::event::TokenTarget;
use crate::ids::{KeyId, ServiceAccountId, TenantId, UserId};
use crate::lookup::Lookup;
use crate::time::Position;

/// Rows as of any position. The ledger has them; so has a plain fold of the first so many events, for tests.
pub trait Past {
    /// Why a row could not be read.
    type Error;
    /// The rows as of one position.
    type Rows<'a>: Lookup<Error = Self::Error>
    where
        Self: 'a;

    /// The rows after the event at this position.
    fn rows_at(&self, position: Position) -> Self::Rows<'_>;

    /// Which event made the version of a row that was the latest at this position; none: there was no such row.
    fn version(&self, of: Versioned, at: Position) -> Result<Option<Position>, Self::Error>;
}

/// A row that has versions, and on which it rests whether a key or its tokens are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the variant names")]
pub enum Versioned {
    Tenant(TenantId),
    User(UserId),
    Membership(TenantId, UserId),
    ServiceAccount(ServiceAccountId),
    Key(KeyId),
    Watermark(TokenTarget),
}

/// The versions of a row until a position, the latest first: the event that made each.
pub fn versions<P: Past>(
    past: &P,
    of: Versioned,
    until: Position,
) -> impl Iterator<Item = Result<Position, P::Error>> {
    let mut before = Some(until);
    std::iter::from_fn(move || match past.version(of, before?) {
        Ok(None) => None,
        Ok(Some(version)) => {
            before = version.number().checked_sub(1).map(Position::new);
            Some(Ok(version))
        }
        Err(error) => {
            before = None;
            Some(Err(error))
        }
    })
}

/// The position before.
pub fn just_before(position: Position) -> Position {
    Position::new(position.number().saturating_sub(1))
}
