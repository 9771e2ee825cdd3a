//! The stored shapes of event payloads, one for each type. Frozen: the order of fields is the order of bytes.

use bincode::{Decode, Encode};

use super::limits::{NetworkV1, RateLimitV1};
use super::parts::{
    KeyDigestV1, OwnerV1, ReachV1, SealedNameV1, SealedV1, SubjectV1, TenantPolicyV1, TokenTargetV1,
};

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct TenantCreatedV1 {
    pub(in crate::codec) tenant: [u8; 16],
    pub(in crate::codec) slug: SealedNameV1,
    pub(in crate::codec) name: SealedNameV1,
    pub(in crate::codec) policy: TenantPolicyV1,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct TenantRenamedV1 {
    pub(in crate::codec) tenant: [u8; 16],
    pub(in crate::codec) name: SealedNameV1,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct TenantPolicyChangedV1 {
    pub(in crate::codec) tenant: [u8; 16],
    pub(in crate::codec) policy: TenantPolicyV1,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct TenantSuspendedV1 {
    pub(in crate::codec) tenant: [u8; 16],
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct TenantResumedV1 {
    pub(in crate::codec) tenant: [u8; 16],
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct TenantRemovedV1 {
    pub(in crate::codec) tenant: [u8; 16],
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct UserCreatedV1 {
    pub(in crate::codec) user: [u8; 16],
    pub(in crate::codec) email: SealedNameV1,
    pub(in crate::codec) name: Option<SealedV1>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct UserSuspendedV1 {
    pub(in crate::codec) user: [u8; 16],
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct UserResumedV1 {
    pub(in crate::codec) user: [u8; 16],
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct UserRemovedV1 {
    pub(in crate::codec) user: [u8; 16],
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct OperatorGrantedV1 {
    pub(in crate::codec) user: [u8; 16],
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct OperatorWithdrawnV1 {
    pub(in crate::codec) user: [u8; 16],
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct MemberAddedV1 {
    pub(in crate::codec) tenant: [u8; 16],
    pub(in crate::codec) user: [u8; 16],
    pub(in crate::codec) role: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct MemberRoleChangedV1 {
    pub(in crate::codec) tenant: [u8; 16],
    pub(in crate::codec) user: [u8; 16],
    pub(in crate::codec) role: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct MemberRemovedV1 {
    pub(in crate::codec) tenant: [u8; 16],
    pub(in crate::codec) user: [u8; 16],
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct ServiceAccountCreatedV1 {
    pub(in crate::codec) service_account: [u8; 16],
    pub(in crate::codec) tenant: [u8; 16],
    pub(in crate::codec) name: SealedNameV1,
    pub(in crate::codec) role: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct ServiceAccountRenamedV1 {
    pub(in crate::codec) service_account: [u8; 16],
    pub(in crate::codec) name: SealedNameV1,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct ServiceAccountRoleChangedV1 {
    pub(in crate::codec) service_account: [u8; 16],
    pub(in crate::codec) role: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct ServiceAccountSuspendedV1 {
    pub(in crate::codec) service_account: [u8; 16],
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct ServiceAccountResumedV1 {
    pub(in crate::codec) service_account: [u8; 16],
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct ServiceAccountRemovedV1 {
    pub(in crate::codec) service_account: [u8; 16],
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct KeyCreatedV1 {
    pub(in crate::codec) key: [u8; 16],
    pub(in crate::codec) owner: OwnerV1,
    pub(in crate::codec) reach: ReachV1,
    pub(in crate::codec) name: SealedNameV1,
    pub(in crate::codec) digest: KeyDigestV1,
    pub(in crate::codec) prefix: String,
    pub(in crate::codec) last_four: [u8; 4],
    pub(in crate::codec) scopes: Option<Vec<String>>,
    pub(in crate::codec) expires_at_ms: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct KeyRenamedV1 {
    pub(in crate::codec) key: [u8; 16],
    pub(in crate::codec) name: SealedNameV1,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct KeyExpiryChangedV1 {
    pub(in crate::codec) key: [u8; 16],
    pub(in crate::codec) expires_at_ms: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct KeyDisabledV1 {
    pub(in crate::codec) key: [u8; 16],
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct KeyEnabledV1 {
    pub(in crate::codec) key: [u8; 16],
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct KeyRevokedV1 {
    pub(in crate::codec) key: [u8; 16],
    pub(in crate::codec) reason: u8,
    pub(in crate::codec) note: Option<SealedV1>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct KeyRotatedV1 {
    pub(in crate::codec) key: [u8; 16],
    pub(in crate::codec) successor: [u8; 16],
    pub(in crate::codec) grace_ends_at_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct KeyAddressesChangedV1 {
    pub(in crate::codec) key: [u8; 16],
    pub(in crate::codec) addresses: Option<Vec<NetworkV1>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct KeyRateChangedV1 {
    pub(in crate::codec) key: [u8; 16],
    pub(in crate::codec) rate: Option<RateLimitV1>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct KeyNoteChangedV1 {
    pub(in crate::codec) key: [u8; 16],
    pub(in crate::codec) note: Option<SealedV1>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct SigningKeyAddedV1 {
    pub(in crate::codec) signing_key: [u8; 16],
    pub(in crate::codec) public_key: [u8; 32],
    pub(in crate::codec) active_from_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct SigningKeyRetiredV1 {
    pub(in crate::codec) signing_key: [u8; 16],
    pub(in crate::codec) reason: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct TokensRevokedV1 {
    pub(in crate::codec) target: TokenTargetV1,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct TokenLifeChangedV1 {
    pub(in crate::codec) life_seconds: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct SubjectErasedV1 {
    pub(in crate::codec) subject: SubjectV1,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct RollbackAcceptedV1 {
    pub(in crate::codec) guard_position: u64,
    pub(in crate::codec) guard_hash: [u8; 32],
}
