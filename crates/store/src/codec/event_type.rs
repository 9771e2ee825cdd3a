//! The table of event types: the number by which an envelope says what happened.

use std::fmt;

use domain::event::Event;

/// What kind of event an envelope holds. The number is its tag: never changed, never used again.
///
/// Hundreds are families, so that a new event finds a place near its kin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
#[expect(missing_docs, reason = "each is the event of domain of the same name")]
pub enum EventType {
    TenantCreated = 101,
    TenantRenamed = 102,
    TenantPolicyChanged = 103,
    TenantSuspended = 104,
    TenantResumed = 105,
    TenantRemoved = 106,

    UserCreated = 201,
    UserSuspended = 202,
    UserResumed = 203,
    UserRemoved = 204,
    OperatorGranted = 205,
    OperatorWithdrawn = 206,

    MemberAdded = 301,
    MemberRoleChanged = 302,
    MemberRemoved = 303,

    ServiceAccountCreated = 401,
    ServiceAccountRenamed = 402,
    ServiceAccountRoleChanged = 403,
    ServiceAccountSuspended = 404,
    ServiceAccountResumed = 405,
    ServiceAccountRemoved = 406,

    KeyCreated = 501,
    KeyRenamed = 502,
    KeyExpiryChanged = 503,
    KeyDisabled = 504,
    KeyEnabled = 505,
    KeyRevoked = 506,
    KeyRotated = 507,
    KeyAddressesChanged = 508,
    KeyRateChanged = 509,
    KeyNoteChanged = 510,

    SigningKeyAdded = 601,
    SigningKeyRetired = 602,
    TokensRevoked = 603,
    TokenLifeChanged = 604,

    SubjectErased = 701,

    RollbackAccepted = 901,
}

impl EventType {
    /// Every type, by ascending tag.
    pub const ALL: [Self; 37] = [
        Self::TenantCreated,
        Self::TenantRenamed,
        Self::TenantPolicyChanged,
        Self::TenantSuspended,
        Self::TenantResumed,
        Self::TenantRemoved,
        Self::UserCreated,
        Self::UserSuspended,
        Self::UserResumed,
        Self::UserRemoved,
        Self::OperatorGranted,
        Self::OperatorWithdrawn,
        Self::MemberAdded,
        Self::MemberRoleChanged,
        Self::MemberRemoved,
        Self::ServiceAccountCreated,
        Self::ServiceAccountRenamed,
        Self::ServiceAccountRoleChanged,
        Self::ServiceAccountSuspended,
        Self::ServiceAccountResumed,
        Self::ServiceAccountRemoved,
        Self::KeyCreated,
        Self::KeyRenamed,
        Self::KeyExpiryChanged,
        Self::KeyDisabled,
        Self::KeyEnabled,
        Self::KeyRevoked,
        Self::KeyRotated,
        Self::KeyAddressesChanged,
        Self::KeyRateChanged,
        Self::KeyNoteChanged,
        Self::SigningKeyAdded,
        Self::SigningKeyRetired,
        Self::TokensRevoked,
        Self::TokenLifeChanged,
        Self::SubjectErased,
        Self::RollbackAccepted,
    ];

    /// The number in the envelope.
    pub const fn tag(self) -> u16 {
        self as u16
    }

    /// The type with this number.
    pub fn from_tag(tag: u16) -> Option<Self> {
        let at = Self::ALL.binary_search_by_key(&tag, |event_type| event_type.tag()).ok()?;
        Some(Self::ALL[at])
    }

    /// The type with this name, in any letter case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event_type| event_type.to_string().eq_ignore_ascii_case(name))
    }

    /// The version in which events of this type are written. It and all before it, from 1, are read.
    pub const fn version(self) -> u16 {
        1
    }

    /// The type of an event.
    pub const fn of(event: &Event) -> Self {
        match event {
            Event::TenantCreated { .. } => Self::TenantCreated,
            Event::TenantRenamed { .. } => Self::TenantRenamed,
            Event::TenantPolicyChanged { .. } => Self::TenantPolicyChanged,
            Event::TenantSuspended { .. } => Self::TenantSuspended,
            Event::TenantResumed { .. } => Self::TenantResumed,
            Event::TenantRemoved { .. } => Self::TenantRemoved,
            Event::UserCreated { .. } => Self::UserCreated,
            Event::UserSuspended { .. } => Self::UserSuspended,
            Event::UserResumed { .. } => Self::UserResumed,
            Event::UserRemoved { .. } => Self::UserRemoved,
            Event::OperatorGranted { .. } => Self::OperatorGranted,
            Event::OperatorWithdrawn { .. } => Self::OperatorWithdrawn,
            Event::MemberAdded { .. } => Self::MemberAdded,
            Event::MemberRoleChanged { .. } => Self::MemberRoleChanged,
            Event::MemberRemoved { .. } => Self::MemberRemoved,
            Event::ServiceAccountCreated { .. } => Self::ServiceAccountCreated,
            Event::ServiceAccountRenamed { .. } => Self::ServiceAccountRenamed,
            Event::ServiceAccountRoleChanged { .. } => Self::ServiceAccountRoleChanged,
            Event::ServiceAccountSuspended { .. } => Self::ServiceAccountSuspended,
            Event::ServiceAccountResumed { .. } => Self::ServiceAccountResumed,
            Event::ServiceAccountRemoved { .. } => Self::ServiceAccountRemoved,
            Event::KeyCreated(_) => Self::KeyCreated,
            Event::KeyRenamed { .. } => Self::KeyRenamed,
            Event::KeyExpiryChanged { .. } => Self::KeyExpiryChanged,
            Event::KeyDisabled { .. } => Self::KeyDisabled,
            Event::KeyEnabled { .. } => Self::KeyEnabled,
            Event::KeyRevoked { .. } => Self::KeyRevoked,
            Event::KeyRotated { .. } => Self::KeyRotated,
            Event::KeyAddressesChanged { .. } => Self::KeyAddressesChanged,
            Event::KeyRateChanged { .. } => Self::KeyRateChanged,
            Event::KeyNoteChanged { .. } => Self::KeyNoteChanged,
            Event::SigningKeyAdded { .. } => Self::SigningKeyAdded,
            Event::SigningKeyRetired { .. } => Self::SigningKeyRetired,
            Event::TokensRevoked { .. } => Self::TokensRevoked,
            Event::TokenLifeChanged { .. } => Self::TokenLifeChanged,
            Event::SubjectErased { .. } => Self::SubjectErased,
            Event::RollbackAccepted { .. } => Self::RollbackAccepted,
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_ascend_and_lead_back() {
        assert!(EventType::ALL.is_sorted_by(|a, b| a.tag() < b.tag()));
        assert!(EventType::ALL.iter().all(|t| EventType::from_tag(t.tag()) == Some(*t)));
        assert_eq!((0..=u16::MAX).filter_map(EventType::from_tag).count(), EventType::ALL.len());
    }

    /// Reads the names out of `Event::name` itself, so that an event cannot be left out of the table.
    #[test]
    fn the_table_has_every_event() {
        let source = include_str!("../../../domain/src/event.rs");
        let named = source.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once("=> \""));
        let named: Vec<_> = named.filter_map(|(_, name)| name.strip_suffix("\",")).collect();
        let table: Vec<_> = EventType::ALL.iter().map(EventType::to_string).collect();
        assert_eq!(table, named);
    }
}
