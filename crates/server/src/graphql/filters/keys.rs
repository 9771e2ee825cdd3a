//! Which keys are wanted.

use authority::queries::Which;
use authority::{Failure, InputError};
use domain::Refusal;
use juniper::{GraphQLEnum, GraphQLInputObject, GraphQLObject};

use super::{among, contains};
use crate::graphql::scalars::{Instant, Uuid};

/// Which keys are wanted: those that everything given applies to.
#[derive(Clone, Debug, Default, GraphQLInputObject)]
#[graphql(name = "key_filter", rename_all = "none")]
pub struct KeyFilter {
    /// In one of these states. If one of them is final, keys that have ended for good are looked through, too.
    pub state: Option<Vec<KeyState>>,
    /// Of this owner: a user or a service account.
    pub user_id: Option<Uuid>,
    /// That end by themselves within so many seconds from now, or from the moment asked about: at their expiry or with
    /// their grace; not those that have ended.
    pub expiring_within_seconds: Option<i32>,
    /// Not used since this instant, as far as is known (use is counted approximately); never used counts as before.
    pub last_used_before: Option<Instant>,
    /// Whose name holds this text, in any letter case.
    pub name_contains: Option<String>,
}

/// The state of a key at the moment asked about, with all that it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, GraphQLEnum)]
#[graphql(name = "key_state", rename_all = "none")]
#[expect(non_camel_case_types, reason = "spelt as in the API")]
pub enum KeyState {
    /// Accepted.
    active,
    /// Its time is over.
    expired,
    /// Refused until it is enabled.
    disabled,
    /// Revoked for good.
    revoked,
    /// Rotated, and its grace is over; for good.
    rotated,
    /// Its owner or its tenant is suspended.
    suspended,
    /// Its owner, its membership or its tenant was removed; for good.
    ended,
}

/// How many keys are in a state.
#[derive(Clone, Copy, Debug, GraphQLObject)]
#[graphql(name = "key_state_count", rename_all = "none")]
pub struct KeyStateCount {
    /// The state.
    pub state: KeyState,
    /// How many keys are in it.
    pub count: i32,
}

/// How many keys are in each state, state by state.
pub(in crate::graphql) fn by_state(counts: &[(Result<(), Refusal>, u64)]) -> Vec<KeyStateCount> {
    let of = |state| counts.iter().filter(move |(status, _)| KeyState::of(*status) == Some(state));
    let counted = |state| {
        let count: u64 = of(state).map(|(_, count)| count).sum();
        KeyStateCount { state, count: i32::try_from(count).unwrap_or(i32::MAX) }
    };
    KeyState::ALL.into_iter().map(counted).collect()
}

impl KeyState {
    const ALL: [Self; 7] = [
        Self::active,
        Self::expired,
        Self::disabled,
        Self::suspended,
        Self::revoked,
        Self::rotated,
        Self::ended,
    ];

    fn of(status: Result<(), Refusal>) -> Option<Self> {
        match status {
            Ok(()) => Some(Self::active),
            Err(Refusal::KeyExpired) => Some(Self::expired),
            Err(Refusal::KeyDisabled) => Some(Self::disabled),
            Err(Refusal::KeyRevoked) => Some(Self::revoked),
            Err(Refusal::KeyRotated) => Some(Self::rotated),
            Err(Refusal::OwnerSuspended | Refusal::TenantSuspended) => Some(Self::suspended),
            Err(Refusal::OwnerRemoved | Refusal::TenantRemoved | Refusal::MembershipRemoved) => {
                Some(Self::ended)
            }
            // What is asked of a key by itself is not answered so.
            Err(
                Refusal::KeyUnknown
                | Refusal::NotAMember
                | Refusal::OtherTenant
                | Refusal::AddressNotAllowed
                | Refusal::TokenRevoked
                | Refusal::SigningKeyRefused,
            ) => None,
        }
    }

    const fn is_final(self) -> bool {
        match self {
            Self::revoked | Self::rotated | Self::ended => true,
            Self::active | Self::expired | Self::disabled | Self::suspended => false,
        }
    }
}

impl KeyFilter {
    /// Refuses what makes no sense.
    pub(in crate::graphql) fn checked(self) -> Result<Self, Failure> {
        if self.expiring_within_seconds.is_some_and(|seconds| seconds < 0) {
            let rule = "give a number of seconds, at least 0";
            return Err(InputError::Malformed { field: "filter.expiring_within_seconds", rule }.into());
        }
        Ok(self)
    }

    /// Which keys must be looked through.
    pub(in crate::graphql) fn which(&self, all: bool) -> Which {
        let named = self.state.iter().flatten().any(|state| state.is_final());
        if all || named { Which::All } else { Which::Living }
    }

    /// Whether a key that stands so is in a state that is wanted.
    pub(in crate::graphql) fn admits(&self, status: Result<(), Refusal>) -> bool {
        match KeyState::of(status) {
            Some(state) => among(&state, self.state.as_deref()),
            None => self.state.is_none(),
        }
    }

    /// Whether the name is one that is wanted.
    pub(in crate::graphql) fn names(&self, name: &str) -> bool {
        contains(name, self.name_contains.as_deref())
    }
}
