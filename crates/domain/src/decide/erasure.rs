//! Rules about erasure: of what ended only, by whoever could have ended it.

use super::{Case, Decision};
use crate::event::Event;
use crate::lookup::Lookup;
use crate::rejection::Rejection;
use crate::row::Standing;
use crate::sealed::Subject;

impl<L: Lookup> Case<'_, L> {
    pub(super) fn erase_subject(&self, subject: Subject) -> Decision<L> {
        let (removed, erased) = match subject {
            Subject::Tenant(id) => {
                self.operate_on(id)?;
                let tenant = self.tenant(id)?;
                (tenant.standing == Standing::Removed, tenant.erased)
            }
            Subject::User(id) => {
                self.operate()?;
                let user = self.user(id)?;
                (user.standing == Standing::Removed, user.erased)
            }
            Subject::ServiceAccount(id) => {
                // When the tenant is removed, nobody administers it any more.
                let account =
                    if self.is_operating()? { self.service_account(id)? } else { self.administered(id)? };
                let ended = account.standing == Standing::Removed
                    || self.tenant(account.tenant)?.standing == Standing::Removed;
                (ended, account.erased)
            }
        };
        if !removed {
            return Err(Rejection::NotRemoved(subject.into()).into());
        }
        Ok(if erased { vec![] } else { vec![Event::SubjectErased { subject }] })
    }
}
