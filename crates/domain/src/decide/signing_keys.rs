//! Rules about the keys that sign tokens. Operators and the server's schedule change them.

use super::{Case, Decision, Stop};
use crate::command::NewSigningKey;
use crate::event::{Event, RetirementReason};
use crate::ids::SigningKeyId;
use crate::lookup::Lookup;
use crate::rejection::{Entity, Rejection};
use crate::row::SigningKey;

impl<L: Lookup> Case<'_, L> {
    pub(super) fn add_signing_key(&self, signing_key: NewSigningKey) -> Decision<L> {
        self.operate_or_server()?;
        Ok(vec![self.signing_key_added(signing_key)?])
    }

    pub(super) fn retire_signing_key(
        &self,
        id: SigningKeyId,
        reason: RetirementReason,
        replacement: Option<NewSigningKey>,
    ) -> Decision<L> {
        self.operate_or_server()?;
        let key = self.found(self.rows.signing_key(id), Entity::SigningKey(id))?;
        let retire = Event::SigningKeyRetired { signing_key: id, reason };
        match (key.retired.map(|retired| retired.reason), reason) {
            (Some(RetirementReason::Superseded), RetirementReason::Compromised) => return Ok(vec![retire]),
            (Some(_), _) => return Ok(vec![]),
            (None, _) => {}
        }
        let signs =
            |other: &SigningKey| other.id != id && other.retired.is_none() && other.active_from <= self.now;
        let replaced = replacement.is_some_and(|replacement| replacement.active_from <= self.now);
        if !replaced && !self.rows.signing_keys().map_err(Stop::Failed)?.iter().any(signs) {
            return Err(Rejection::LastSigningKey.into());
        }
        let added = replacement.map(|signing_key| self.signing_key_added(signing_key)).transpose()?;
        Ok(added.into_iter().chain([retire]).collect())
    }

    pub(super) fn signing_key_added(&self, signing_key: NewSigningKey) -> Result<Event, Stop<L::Error>> {
        let NewSigningKey { id, public_key, active_from } = signing_key;
        if self.rows.signing_key(id).map_err(Stop::Failed)?.is_some() {
            return Err(Rejection::IdTaken(Entity::SigningKey(id)).into());
        }
        Ok(Event::SigningKeyAdded { signing_key: id, public_key, active_from })
    }
}
