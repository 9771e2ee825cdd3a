//! Which keys are wanted.

use authority::queries::Which;
use authority::{Failure, InputError};
use domain::Refusal;
use juniper::{GraphQLEnum, GraphQLInputObject, GraphQLObject};

use super::{among, bounds, contains};
use crate::graphql::connection::cursor;
use crate::graphql::scalars::{Instant, Uuid};

/// Which keys are wanted: those that everything given applies to.
#[derive(Clone, Debug, Default, GraphQLInputObject)]
#[graphql(name = "key_filter", rename_all = "none")]
pub struct KeyFilter {
    /// In one of these states. If one of them is final, keys that have ended for good are looked through, too.
    pub state: Option<Vec<KeyState>>,
    /// Of this owner: a user or a service account. Of somebody else, operators see all keys, and administrators those whose home
    /// is the tenant; what these are called is not told.
    pub user_id: Option<Uuid>,
    /// That end by themselves within so many seconds from now, or from the moment asked about: at their expiry or with
    /// their grace; not those that have ended.
    pub expiring_within_seconds: Option<i32>,
    /// Not used since this instant, as far as is known (use is counted approximately); never used counts as before.
    pub last_used_before: Option<Instant>,
    /// Whose name holds this text, in any letter case.
    pub name_contains: Option<String>,
    /// What a person finds by this text: whose name holds it in any letter case, whose id is or begins with it (at least 8 of
    /// its digits), or whose last four characters are these, in this letter case.
    pub search: Option<String>,
}

/// The fewest digits by which an id is found: fewer would be parts of names.
const ID_DIGITS_MIN: usize = 8;

/// The state of a key at the moment asked about, with all that it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, GraphQLEnum)]
#[graphql(name = "key_state", rename_all = "none")]
#[expect(non_camel_case_types, reason = "spelt as in the API")]
pub enum KeyState {
    /// Accepted.
    active,
    /// Its time is over, for good; `keys` lists it nevertheless until somebody ends it.
    expired,
    /// Refused until it is enabled.
    disabled,
    /// Revoked for good.
    revoked,
    /// Rotated, and its grace is over; for good.
    rotated,
    /// Its owner or its tenant is suspended.
    suspended,
    /// Its owner, its membership or its tenant was removed: for good, unless it acts in every tenant of a user, who may join
    /// another one; such a key `keys` lists nevertheless until somebody ends it.
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
    /// Refuses what makes no sense, and more than is looked for.
    pub(in crate::graphql) fn checked(self) -> Result<Self, Failure> {
        bounds::few("filter.state", self.state.as_deref())?;
        bounds::short("filter.name_contains", self.name_contains.as_deref())?;
        bounds::short("filter.search", self.search.as_deref())?;
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

    /// Whether anything of what is written on a key is asked.
    pub(in crate::graphql) fn reads(&self) -> bool {
        self.name_contains.is_some() || self.search.is_some()
    }

    /// What says whether a key of an id, end and name is wanted. The texts are made ready once, for all of them.
    pub(in crate::graphql) fn finder(&self) -> impl Fn(Uuid, &str, &str) -> bool {
        let part = self.name_contains.as_deref().map(str::to_lowercase);
        let search = self.search.as_deref().map(|text| {
            let digits = text.replace('-', "").to_ascii_lowercase();
            (text, text.to_lowercase(), Some(digits).filter(|digits| digits.len() >= ID_DIGITS_MIN))
        });
        move |id, last_four, name| {
            let found = |(text, lower, digits): &(&str, String, Option<String>)| {
                let begins = |digits: &String| cursor(id).starts_with(digits);
                contains(name, Some(lower)) || *text == last_four || digits.as_ref().is_some_and(begins)
            };
            contains(name, part.as_deref()) && search.as_ref().is_none_or(found)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_what_a_person_has_of_it() {
        let id = Uuid(*b"\x01\x89\x0a\x5d\xac\x96\x77\x4b\xbc\xce\xb3\x02\x09\x9a\x80\x57");
        let finds = |text: &str| {
            let filter = KeyFilter { search: Some(text.to_owned()), ..KeyFilter::default() };
            filter.finder()(id, "aB-9", "Nightly import")
        };
        for text in [
            "01890a5d-ac96-774b-bcce-b302099a8057",
            "01890A5DAC96774BBCCEB302099A8057",
            "01890a5d",
            "01890a5d-ac",
            "aB-9",
            "IMPORT",
            "",
        ] {
            assert!(finds(text), "{text}");
        }
        for text in [
            "01890a5",
            "90a5dac9",
            "01890a5e",
            "ab-9",
            "B-9",
            "backfill",
            "01890a5d-ac96-774b-bcce-b302099a80570",
        ] {
            assert!(!finds(text), "{text}");
        }
    }
}
