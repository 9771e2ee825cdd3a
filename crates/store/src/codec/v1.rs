//! The stored shapes of version 1: frozen. A change of any is a new version beside it, with an upcast.

pub(crate) mod events;
pub(super) mod limits;
pub(crate) mod metadata;
pub(super) mod parts;
pub(super) mod payloads;
