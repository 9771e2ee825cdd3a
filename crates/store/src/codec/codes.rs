//! The code tables: the one-byte numbers that stand for words. From 1, never changed, never used again.

use domain::actor::Way;
use domain::event::RetirementReason;
use domain::key::RevocationReason;
use domain::role::Role;
use domain::row::Standing;

use super::error::Malformed;

/// One code for each kind of thing, wherever something says of what kind it is.
pub(super) mod thing {
    pub const TENANT: u8 = 1;
    pub const USER: u8 = 2;
    pub const SERVICE_ACCOUNT: u8 = 3;
    pub const KEY: u8 = 4;
    pub const SIGNING_KEY: u8 = 5;
    pub const TOKEN: u8 = 6;
    pub const EVERYTHING: u8 = 7;
}

/// Who acted.
pub(super) mod actor {
    pub const CONSOLE: u8 = 1;
    pub const SERVER: u8 = 2;
    pub const HOLDER: u8 = 3;
}

/// Where a key acts.
pub(super) mod reach {
    pub const TENANT: u8 = 1;
    pub const ANY_TENANT: u8 = 2;
}

/// Of which family an address is: the numbers of the IP versions.
pub(super) mod address {
    pub const V4: u8 = 4;
    pub const V6: u8 = 6;
}

/// How a key's digest was made.
pub(super) mod scheme {
    pub const KEYED_BLAKE3: u8 = 1;
    pub const SHA256: u8 = 2;
}

pub(super) const fn of_role(role: Role) -> u8 {
    match role {
        Role::Administrator => 1,
        Role::Member => 2,
        Role::Runner => 3,
        Role::ReadOnly => 4,
    }
}

pub(super) fn role(code: u8) -> Result<Role, Malformed> {
    match code {
        1 => Ok(Role::Administrator),
        2 => Ok(Role::Member),
        3 => Ok(Role::Runner),
        4 => Ok(Role::ReadOnly),
        found => Err(Malformed::Code { what: "role", found }),
    }
}

pub(super) const fn of_way(way: Way) -> u8 {
    match way {
        Way::Bootstrap => 1,
        Way::GraphQl => 2,
        Way::Rest => 3,
        Way::OAuth => 4,
        Way::Cli => 5,
        Way::Ui => 6,
        Way::Schedule => 7,
        Way::Import => 8,
    }
}

pub(super) fn way(code: u8) -> Result<Way, Malformed> {
    match code {
        1 => Ok(Way::Bootstrap),
        2 => Ok(Way::GraphQl),
        3 => Ok(Way::Rest),
        4 => Ok(Way::OAuth),
        5 => Ok(Way::Cli),
        6 => Ok(Way::Ui),
        7 => Ok(Way::Schedule),
        8 => Ok(Way::Import),
        found => Err(Malformed::Code { what: "way", found }),
    }
}

pub(super) const fn of_revocation(reason: RevocationReason) -> u8 {
    match reason {
        RevocationReason::Unspecified => 1,
        RevocationReason::KeyCompromise => 2,
        RevocationReason::AffiliationChanged => 3,
        RevocationReason::Superseded => 4,
        RevocationReason::CessationOfOperation => 5,
        RevocationReason::PrivilegeWithdrawn => 6,
    }
}

pub(super) fn revocation(code: u8) -> Result<RevocationReason, Malformed> {
    match code {
        1 => Ok(RevocationReason::Unspecified),
        2 => Ok(RevocationReason::KeyCompromise),
        3 => Ok(RevocationReason::AffiliationChanged),
        4 => Ok(RevocationReason::Superseded),
        5 => Ok(RevocationReason::CessationOfOperation),
        6 => Ok(RevocationReason::PrivilegeWithdrawn),
        found => Err(Malformed::Code { what: "revocation reason", found }),
    }
}

pub(super) const fn of_retirement(reason: RetirementReason) -> u8 {
    match reason {
        RetirementReason::Superseded => 1,
        RetirementReason::Compromised => 2,
    }
}

pub(super) fn retirement(code: u8) -> Result<RetirementReason, Malformed> {
    match code {
        1 => Ok(RetirementReason::Superseded),
        2 => Ok(RetirementReason::Compromised),
        found => Err(Malformed::Code { what: "retirement reason", found }),
    }
}

/// Only rows have a standing; no event does.
pub(super) const fn of_standing(standing: Standing) -> u8 {
    match standing {
        Standing::Living => 1,
        Standing::Suspended => 2,
        Standing::Removed => 3,
    }
}

pub(super) fn standing(code: u8) -> Result<Standing, Malformed> {
    match code {
        1 => Ok(Standing::Living),
        2 => Ok(Standing::Suspended),
        3 => Ok(Standing::Removed),
        found => Err(Malformed::Code { what: "standing", found }),
    }
}
