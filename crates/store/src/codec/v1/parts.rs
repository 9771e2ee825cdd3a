//! The parts that stored shapes share, each with its way from and to the value in `domain`.

use bincode::{Decode, Encode};
use domain::event::{TenantPolicy, TokenTarget};
use domain::ids::Id;
use domain::key::{DigestScheme, KeyDigest, KeyPrefix, LastFour, Owner, Reach};
use domain::role::{Scope, ScopeError, Scopes};
use domain::sealed::{Sealed, SealedName, Subject, TextDigest};
use domain::time::Timestamp;

use crate::codec::codes::{reach, scheme, thing};
use crate::codec::error::Malformed;

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct SubjectV1 {
    kind: u8,
    id: [u8; 16],
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct SealedV1 {
    subject: SubjectV1,
    ciphertext: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct SealedNameV1 {
    text: SealedV1,
    digest: [u8; 16],
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct OwnerV1 {
    kind: u8,
    id: [u8; 16],
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct ReachV1 {
    kind: u8,
    tenant: [u8; 16],
}

/// `pepper` is there exactly if `scheme` uses one.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct KeyDigestV1 {
    scheme: u8,
    pepper: Option<[u8; 16]>,
    bytes: [u8; 32],
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct TenantPolicyV1 {
    key_life_seconds_max: Option<u64>,
    key_life_seconds_default: Option<u64>,
}

/// `id` is there unless `kind` is everything; `key` exactly if `kind` is a token.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct TokenTargetV1 {
    kind: u8,
    id: Option<[u8; 16]>,
    key: Option<[u8; 16]>,
}

impl From<&Subject> for SubjectV1 {
    fn from(subject: &Subject) -> Self {
        match subject {
            Subject::Tenant(id) => Self { kind: thing::TENANT, id: id.bytes() },
            Subject::User(id) => Self { kind: thing::USER, id: id.bytes() },
            Subject::ServiceAccount(id) => Self { kind: thing::SERVICE_ACCOUNT, id: id.bytes() },
        }
    }
}

impl TryFrom<SubjectV1> for Subject {
    type Error = Malformed;

    fn try_from(stored: SubjectV1) -> Result<Self, Malformed> {
        match stored.kind {
            thing::TENANT => Ok(Self::Tenant(Id::from_bytes(stored.id))),
            thing::USER => Ok(Self::User(Id::from_bytes(stored.id))),
            thing::SERVICE_ACCOUNT => Ok(Self::ServiceAccount(Id::from_bytes(stored.id))),
            found => Err(Malformed::Code { what: "subject", found }),
        }
    }
}

impl From<&Sealed> for SealedV1 {
    fn from(sealed: &Sealed) -> Self {
        Self { subject: (&sealed.subject).into(), ciphertext: sealed.ciphertext.clone() }
    }
}

impl TryFrom<SealedV1> for Sealed {
    type Error = Malformed;

    fn try_from(stored: SealedV1) -> Result<Self, Malformed> {
        Ok(Self { subject: stored.subject.try_into()?, ciphertext: stored.ciphertext })
    }
}

impl From<&SealedName> for SealedNameV1 {
    fn from(name: &SealedName) -> Self {
        Self { text: (&name.text).into(), digest: name.digest.0 }
    }
}

impl TryFrom<SealedNameV1> for SealedName {
    type Error = Malformed;

    fn try_from(stored: SealedNameV1) -> Result<Self, Malformed> {
        Ok(Self { text: stored.text.try_into()?, digest: TextDigest(stored.digest) })
    }
}

impl From<Owner> for OwnerV1 {
    fn from(owner: Owner) -> Self {
        match owner {
            Owner::User(id) => Self { kind: thing::USER, id: id.bytes() },
            Owner::ServiceAccount(id) => Self { kind: thing::SERVICE_ACCOUNT, id: id.bytes() },
        }
    }
}

impl TryFrom<OwnerV1> for Owner {
    type Error = Malformed;

    fn try_from(stored: OwnerV1) -> Result<Self, Malformed> {
        match stored.kind {
            thing::USER => Ok(Self::User(Id::from_bytes(stored.id))),
            thing::SERVICE_ACCOUNT => Ok(Self::ServiceAccount(Id::from_bytes(stored.id))),
            found => Err(Malformed::Code { what: "owner", found }),
        }
    }
}

impl From<Reach> for ReachV1 {
    fn from(value: Reach) -> Self {
        match value {
            Reach::Tenant(tenant) => Self { kind: reach::TENANT, tenant: tenant.bytes() },
            Reach::AnyTenant { home } => Self { kind: reach::ANY_TENANT, tenant: home.bytes() },
        }
    }
}

impl TryFrom<ReachV1> for Reach {
    type Error = Malformed;

    fn try_from(stored: ReachV1) -> Result<Self, Malformed> {
        match stored.kind {
            reach::TENANT => Ok(Self::Tenant(Id::from_bytes(stored.tenant))),
            reach::ANY_TENANT => Ok(Self::AnyTenant { home: Id::from_bytes(stored.tenant) }),
            found => Err(Malformed::Code { what: "reach", found }),
        }
    }
}

impl From<&KeyDigest> for KeyDigestV1 {
    fn from(digest: &KeyDigest) -> Self {
        let (scheme, pepper) = match digest.scheme {
            DigestScheme::KeyedBlake3(pepper) => (scheme::KEYED_BLAKE3, Some(pepper.bytes())),
            DigestScheme::Sha256 => (scheme::SHA256, None),
        };
        Self { scheme, pepper, bytes: digest.bytes }
    }
}

impl TryFrom<KeyDigestV1> for KeyDigest {
    type Error = Malformed;

    fn try_from(stored: KeyDigestV1) -> Result<Self, Malformed> {
        let scheme = match (stored.scheme, stored.pepper) {
            (scheme::KEYED_BLAKE3, Some(pepper)) => DigestScheme::KeyedBlake3(Id::from_bytes(pepper)),
            (scheme::SHA256, None) => DigestScheme::Sha256,
            (code @ scheme::KEYED_BLAKE3..=scheme::SHA256, _) => {
                return Err(Malformed::Parts { what: "digest scheme", code });
            }
            (found, _) => {
                return Err(Malformed::Code { what: "digest scheme", found });
            }
        };
        Ok(Self { scheme, bytes: stored.bytes })
    }
}

impl From<&TenantPolicy> for TenantPolicyV1 {
    fn from(policy: &TenantPolicy) -> Self {
        let TenantPolicy { key_life_seconds_max, key_life_seconds_default } = *policy;
        Self { key_life_seconds_max, key_life_seconds_default }
    }
}

impl From<TenantPolicyV1> for TenantPolicy {
    fn from(stored: TenantPolicyV1) -> Self {
        let TenantPolicyV1 { key_life_seconds_max, key_life_seconds_default } = stored;
        Self { key_life_seconds_max, key_life_seconds_default }
    }
}

impl From<TokenTarget> for TokenTargetV1 {
    fn from(target: TokenTarget) -> Self {
        let of = |kind, id| Self { kind, id: Some(id), key: None };
        match target {
            TokenTarget::Token { token, key } => {
                Self { kind: thing::TOKEN, id: Some(token.bytes()), key: Some(key.bytes()) }
            }
            TokenTarget::Key(id) => of(thing::KEY, id.bytes()),
            TokenTarget::Owner(Owner::User(id)) => of(thing::USER, id.bytes()),
            TokenTarget::Owner(Owner::ServiceAccount(id)) => of(thing::SERVICE_ACCOUNT, id.bytes()),
            TokenTarget::Tenant(id) => of(thing::TENANT, id.bytes()),
            TokenTarget::SigningKey(id) => of(thing::SIGNING_KEY, id.bytes()),
            TokenTarget::All => Self { kind: thing::EVERYTHING, id: None, key: None },
        }
    }
}

impl TryFrom<TokenTargetV1> for TokenTarget {
    type Error = Malformed;

    fn try_from(stored: TokenTargetV1) -> Result<Self, Malformed> {
        match (stored.kind, stored.id, stored.key) {
            (thing::TOKEN, Some(token), Some(key)) => {
                Ok(Self::Token { token: Id::from_bytes(token), key: Id::from_bytes(key) })
            }
            (thing::KEY, Some(id), None) => Ok(Self::Key(Id::from_bytes(id))),
            (thing::USER, Some(id), None) => Ok(Self::Owner(Owner::User(Id::from_bytes(id)))),
            (thing::SERVICE_ACCOUNT, Some(id), None) => {
                Ok(Self::Owner(Owner::ServiceAccount(Id::from_bytes(id))))
            }
            (thing::TENANT, Some(id), None) => Ok(Self::Tenant(Id::from_bytes(id))),
            (thing::SIGNING_KEY, Some(id), None) => Ok(Self::SigningKey(Id::from_bytes(id))),
            (thing::EVERYTHING, None, None) => Ok(Self::All),
            (code @ thing::TENANT..=thing::EVERYTHING, _, _) => {
                Err(Malformed::Parts { what: "token target", code })
            }
            (found, _, _) => Err(Malformed::Code { what: "token target", found }),
        }
    }
}

/// None: not narrowed. Otherwise the scopes in strictly ascending order of their bytes.
pub(in crate::codec) fn of_scopes(scopes: &Scopes) -> Option<Vec<String>> {
    match scopes {
        Scopes::All => None,
        Scopes::Only(list) => Some(list.as_slice().iter().map(|scope| scope.as_str().to_owned()).collect()),
    }
}

pub(in crate::codec) fn scopes(stored: Option<Vec<String>>) -> Result<Scopes, Malformed> {
    let Some(stored) = stored else {
        return Ok(Scopes::All);
    };
    if !stored.is_sorted_by(|a, b| a < b) {
        return Err(Malformed::ScopeOrder);
    }
    let parsed: Result<Vec<_>, ScopeError> = stored.iter().map(|text| Scope::parse(text)).collect();
    Ok(Scopes::only(parsed?)?)
}

pub(in crate::codec) fn instant(what: &'static str, unix_ms: i64) -> Result<Timestamp, Malformed> {
    Timestamp::from_unix_ms(unix_ms).ok_or(Malformed::Instant { what, unix_ms })
}

pub(in crate::codec) fn key_prefix(found: String) -> Result<KeyPrefix, Malformed> {
    KeyPrefix::parse(&found).ok_or(Malformed::KeyPrefix { found })
}

pub(in crate::codec) fn last_four(found: [u8; 4]) -> Result<LastFour, Malformed> {
    LastFour::parse(found).ok_or(Malformed::LastFour { found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_scopes_has_one_spelling() {
        let read = |list: &[&str]| scopes(Some(list.iter().map(|text| (*text).to_owned()).collect()));
        assert_eq!(
            of_scopes(&read(&["B", "a", "b"]).unwrap()),
            Some(vec!["B".into(), "a".into(), "b".into()])
        );
        assert_eq!(of_scopes(&read(&[]).unwrap()), Some(vec![]));
        assert_eq!(scopes(None), Ok(Scopes::All));
        assert_eq!(read(&["a", "a"]), Err(Malformed::ScopeOrder));
        assert_eq!(read(&["b", "a"]), Err(Malformed::ScopeOrder));
        assert_eq!(read(&["a b"]), Err(Malformed::Scope(ScopeError::Malformed)));
    }
}
