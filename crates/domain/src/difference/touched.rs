//! The rows that an event can change: what to compare where only events are known.

use crate::event::{Event, TokenTarget};
use crate::row::RowId;
use crate::subjects::subjects_of;

/// The rows of which an event can change more than what is derived, and perhaps a few more.
pub fn touched_by(event: &Event) -> Vec<RowId> {
    let mut rows: Vec<_> = subjects_of(event).into_iter().map(RowId::from).collect();
    match event {
        Event::TokensRevoked { target } => rows.push(RowId::Watermark(*target)),
        // With the first operator the row begins.
        Event::OperatorGranted { .. } | Event::TokenLifeChanged { .. } => rows.push(RowId::Deployment),
        Event::RollbackAccepted { .. } => {
            rows.extend([RowId::Watermark(TokenTarget::All), RowId::Deployment])
        }
        Event::TenantCreated { .. }
        | Event::TenantRenamed { .. }
        | Event::TenantPolicyChanged { .. }
        | Event::TenantSuspended { .. }
        | Event::TenantResumed { .. }
        | Event::TenantRemoved { .. }
        | Event::UserCreated { .. }
        | Event::UserSuspended { .. }
        | Event::UserResumed { .. }
        | Event::UserRemoved { .. }
        | Event::OperatorWithdrawn { .. }
        | Event::MemberAdded { .. }
        | Event::MemberRoleChanged { .. }
        | Event::MemberRemoved { .. }
        | Event::ServiceAccountCreated { .. }
        | Event::ServiceAccountRenamed { .. }
        | Event::ServiceAccountRoleChanged { .. }
        | Event::ServiceAccountSuspended { .. }
        | Event::ServiceAccountResumed { .. }
        | Event::ServiceAccountRemoved { .. }
        | Event::KeyCreated(_)
        | Event::KeyRenamed { .. }
        | Event::KeyExpiryChanged { .. }
        | Event::KeyDisabled { .. }
        | Event::KeyEnabled { .. }
        | Event::KeyRevoked { .. }
        | Event::KeyRotated { .. }
        | Event::KeyAddressesChanged { .. }
        | Event::KeyRateChanged { .. }
        | Event::KeyNoteChanged { .. }
        | Event::SigningKeyAdded { .. }
        | Event::SigningKeyRetired { .. }
        | Event::SubjectErased { .. } => {}
    }
    rows
}
