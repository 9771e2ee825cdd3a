//! What kind of thing an event is, for whoever looks at many of them at once.

use crate::event::Event;

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Something is there, or accepted again, from then on.
    Begins,
    /// Something has ended for good.
    Ends,
    /// Something is refused until it is enabled or resumed.
    Stops,
    /// Something is otherwise than it was: administration.
    Changes,
}

impl Effect {
    /// Each of them, in the order of this page.
    pub const ALL: [Self; 4] = [Self::Begins, Self::Ends, Self::Stops, Self::Changes];
}

impl Event {
    /// What kind of thing it is.
    pub const fn effect(&self) -> Effect {
        match self {
            Self::TenantCreated { .. }
            | Self::TenantResumed { .. }
            | Self::UserCreated { .. }
            | Self::UserResumed { .. }
            | Self::OperatorGranted { .. }
            | Self::MemberAdded { .. }
            | Self::ServiceAccountCreated { .. }
            | Self::ServiceAccountResumed { .. }
            | Self::KeyCreated(_)
            | Self::KeyEnabled { .. }
            | Self::SigningKeyAdded { .. } => Effect::Begins,
            Self::TenantRemoved { .. }
            | Self::UserRemoved { .. }
            | Self::OperatorWithdrawn { .. }
            | Self::MemberRemoved { .. }
            | Self::ServiceAccountRemoved { .. }
            | Self::KeyRevoked { .. }
            | Self::SigningKeyRetired { .. }
            | Self::TokensRevoked { .. }
            | Self::SubjectErased { .. } => Effect::Ends,
            Self::TenantSuspended { .. }
            | Self::UserSuspended { .. }
            | Self::ServiceAccountSuspended { .. }
            | Self::KeyDisabled { .. } => Effect::Stops,
            Self::TenantRenamed { .. }
            | Self::TenantPolicyChanged { .. }
            | Self::MemberRoleChanged { .. }
            | Self::ServiceAccountRenamed { .. }
            | Self::ServiceAccountRoleChanged { .. }
            | Self::KeyRenamed { .. }
            | Self::KeyExpiryChanged { .. }
            | Self::KeyRotated { .. }
            | Self::KeyAddressesChanged { .. }
            | Self::KeyRateChanged { .. }
            | Self::KeyNoteChanged { .. }
            | Self::TokenLifeChanged { .. }
            | Self::RollbackAccepted { .. } => Effect::Changes,
        }
    }
}
