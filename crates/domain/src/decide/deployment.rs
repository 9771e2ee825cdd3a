//! The beginning of a ledger, and going on after a restored backup.

use super::{Case, Decision, Stop};
use crate::command::{Bootstrap, NewSigningKey};
use crate::event::{Event, RetirementReason};
use crate::key::{Owner, Reach};
use crate::lookup::Lookup;
use crate::rejection::Rejection;
use crate::role::Role;
use crate::time::Position;

impl<L: Lookup> Case<'_, L> {
    pub(super) fn bootstrap(&self, bootstrap: Bootstrap) -> Decision<L> {
        let Bootstrap { tenant, user, key, signing_key } = bootstrap;
        self.console()?;
        if self.rows.deployment().map_err(Stop::Failed)?.is_some() {
            return Err(Rejection::AlreadyInitialised.into());
        }
        let (tenant_id, user_id) = (tenant.id, user.id);
        let expires_at = self.key_end(&[(tenant.id, tenant.policy)], key.expires_at, self.now)?;
        let reach = Reach::AnyTenant { home: tenant_id };
        let mut events = vec![
            self.tenant_created(tenant)?,
            self.user_created(user)?,
            Event::OperatorGranted { user: user_id },
            Event::MemberAdded { tenant: tenant_id, user: user_id, role: Role::Administrator },
        ];
        events.extend(self.key_created(Owner::User(user_id), reach, key, expires_at)?);
        events.push(self.signing_key_added(signing_key)?);
        Ok(events)
    }

    pub(super) fn accept_rollback(
        &self,
        guard_position: Position,
        guard_hash: [u8; 32],
        signing_key: NewSigningKey,
    ) -> Decision<L> {
        self.console()?;
        let mut events = vec![Event::RollbackAccepted { guard_position, guard_hash }];
        for known in self.rows.signing_keys().map_err(Stop::Failed)? {
            let compromised =
                known.retired.is_some_and(|retired| retired.reason == RetirementReason::Compromised);
            if !compromised {
                let reason = RetirementReason::Compromised;
                events.push(Event::SigningKeyRetired { signing_key: known.id, reason });
            }
        }
        events.push(self.signing_key_added(signing_key)?);
        Ok(events)
    }
}
