//! bincode against wincode, a second implementation of the same layout: they must agree on every shape.
//!
//! Both are derived on the same structs, so wincode is also the way out should bincode ever have to go.
//! They differ in one thing only, pinned below: bincode counts a list against its limit by the size of
//! the elements in memory. No list that an event may hold comes near it.

use proptest::prelude::*;
use wincode::{SchemaRead, SchemaWrite};

use super::error::Malformed;
use super::event_type::EventType;
use super::v1::events;
use super::v1::metadata::{self, MetadataV1};
use super::v1::payloads::*;
use super::{random, read, write};

/// The same bytes for a value, and the same value, or none, for any bytes.
fn agree<T>(bytes: &[u8]) -> Option<T>
where
    T: bincode::Encode + bincode::Decode<()> + std::fmt::Debug + PartialEq,
    T: SchemaWrite<wincode::config::DefaultConfig, Src = T>,
    T: for<'de> SchemaRead<'de, wincode::config::DefaultConfig, Dst = T>,
{
    let ours = read::<T>(bytes).ok();
    let theirs = wincode::deserialize_exact::<T>(bytes).ok();
    assert_eq!(ours, theirs, "{bytes:02x?}");
    if let Some(shape) = &ours {
        assert_eq!(write(shape), bytes);
        assert_eq!(wincode::serialize(shape).unwrap(), bytes);
    }
    ours
}

fn agree_on_damaged<T>(bytes: &[u8])
where
    T: bincode::Encode + bincode::Decode<()> + std::fmt::Debug + PartialEq,
    T: SchemaWrite<wincode::config::DefaultConfig, Src = T>,
    T: for<'de> SchemaRead<'de, wincode::config::DefaultConfig, Dst = T>,
{
    assert!(agree::<T>(bytes).is_some());
    let mut flipped = bytes.to_vec();
    for bit in 0..bytes.len() * 8 {
        flipped[bit / 8] ^= 1 << (bit % 8);
        agree::<T>(&flipped);
        flipped[bit / 8] ^= 1 << (bit % 8);
    }
    for length in 0..bytes.len() {
        assert!(agree::<T>(&bytes[..length]).is_none());
    }
    for more in 1..=8 {
        assert!(agree::<T>(&[bytes, &vec![0; more]].concat()).is_none());
    }
}

fn agree_on_payload(event_type: EventType, payload: &[u8]) {
    match event_type {
        EventType::TenantCreated => agree_on_damaged::<TenantCreatedV1>(payload),
        EventType::TenantRenamed => agree_on_damaged::<TenantRenamedV1>(payload),
        EventType::TenantPolicyChanged => agree_on_damaged::<TenantPolicyChangedV1>(payload),
        EventType::TenantSuspended => agree_on_damaged::<TenantSuspendedV1>(payload),
        EventType::TenantResumed => agree_on_damaged::<TenantResumedV1>(payload),
        EventType::TenantRemoved => agree_on_damaged::<TenantRemovedV1>(payload),
        EventType::UserCreated => agree_on_damaged::<UserCreatedV1>(payload),
        EventType::UserSuspended => agree_on_damaged::<UserSuspendedV1>(payload),
        EventType::UserResumed => agree_on_damaged::<UserResumedV1>(payload),
        EventType::UserRemoved => agree_on_damaged::<UserRemovedV1>(payload),
        EventType::OperatorGranted => agree_on_damaged::<OperatorGrantedV1>(payload),
        EventType::OperatorWithdrawn => agree_on_damaged::<OperatorWithdrawnV1>(payload),
        EventType::MemberAdded => agree_on_damaged::<MemberAddedV1>(payload),
        EventType::MemberRoleChanged => agree_on_damaged::<MemberRoleChangedV1>(payload),
        EventType::MemberRemoved => agree_on_damaged::<MemberRemovedV1>(payload),
        EventType::ServiceAccountCreated => agree_on_damaged::<ServiceAccountCreatedV1>(payload),
        EventType::ServiceAccountRenamed => agree_on_damaged::<ServiceAccountRenamedV1>(payload),
        EventType::ServiceAccountRoleChanged => agree_on_damaged::<ServiceAccountRoleChangedV1>(payload),
        EventType::ServiceAccountSuspended => agree_on_damaged::<ServiceAccountSuspendedV1>(payload),
        EventType::ServiceAccountResumed => agree_on_damaged::<ServiceAccountResumedV1>(payload),
        EventType::ServiceAccountRemoved => agree_on_damaged::<ServiceAccountRemovedV1>(payload),
        EventType::KeyCreated => agree_on_damaged::<KeyCreatedV1>(payload),
        EventType::KeyRenamed => agree_on_damaged::<KeyRenamedV1>(payload),
        EventType::KeyExpiryChanged => agree_on_damaged::<KeyExpiryChangedV1>(payload),
        EventType::KeyDisabled => agree_on_damaged::<KeyDisabledV1>(payload),
        EventType::KeyEnabled => agree_on_damaged::<KeyEnabledV1>(payload),
        EventType::KeyRevoked => agree_on_damaged::<KeyRevokedV1>(payload),
        EventType::KeyRotated => agree_on_damaged::<KeyRotatedV1>(payload),
        EventType::KeyAddressesChanged => agree_on_damaged::<KeyAddressesChangedV1>(payload),
        EventType::KeyRateChanged => agree_on_damaged::<KeyRateChangedV1>(payload),
        EventType::KeyNoteChanged => agree_on_damaged::<KeyNoteChangedV1>(payload),
        EventType::SigningKeyAdded => agree_on_damaged::<SigningKeyAddedV1>(payload),
        EventType::SigningKeyRetired => agree_on_damaged::<SigningKeyRetiredV1>(payload),
        EventType::TokensRevoked => agree_on_damaged::<TokensRevokedV1>(payload),
        EventType::TokenLifeChanged => agree_on_damaged::<TokenLifeChangedV1>(payload),
        EventType::SubjectErased => agree_on_damaged::<SubjectErasedV1>(payload),
        EventType::RollbackAccepted => agree_on_damaged::<RollbackAcceptedV1>(payload),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn both_read_and_write_the_same(recorded in random::recorded()) {
        agree_on_damaged::<MetadataV1>(&metadata::encode(&recorded.metadata));
        agree_on_payload(EventType::of(&recorded.event), &events::encode(&recorded.event));
    }
}

#[test]
fn bincode_is_the_stricter_on_lists_that_no_event_may_hold() {
    let list = |length: usize| write(&Some(vec![String::new(); length]));
    let elements_max = 65_535 / size_of::<String>();
    assert!(agree::<Option<Vec<String>>>(&list(elements_max - 1)).is_some());
    let larger = list(elements_max + 1);
    assert!(wincode::deserialize_exact::<Option<Vec<String>>>(&larger).is_ok());
    assert!(matches!(read::<Option<Vec<String>>>(&larger), Err(Malformed::Layout { .. })));
    assert!(elements_max > 10 * domain::role::Scopes::COUNT_MAX);
}
