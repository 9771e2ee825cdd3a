//! Random recorded events of every type, for property tests.

use core::net::{Ipv4Addr, Ipv6Addr};

use domain::actor::{ActorId, Idempotency, IdempotencyKey, Metadata, Way};
use domain::event::{Event, KeyCreated, PublicKey, Recorded, RetirementReason, TenantPolicy, TokenTarget};
use domain::ids::Id;
use domain::key::{DigestScheme, KeyDigest, KeyPrefix, LastFour, Owner, Reach, RevocationReason};
use domain::limits::RateLimit;
use domain::network::{AllowedAddresses, Network};
use domain::role::{Permission, Role, Scope, Scopes};
use domain::sealed::{Sealed, SealedName, Subject, TextDigest};
use domain::time::{Position, Timestamp};
use domain::token_life::TokenLife;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;

/// Any event, at any position, with any metadata.
pub fn recorded() -> impl Strategy<Value = Recorded> {
    let parts = (1..=u64::MAX, instant(), metadata(), event());
    parts.prop_map(|(position, recorded_at, metadata, event)| Recorded {
        position: Position::new(position),
        recorded_at,
        metadata,
        event,
    })
}

/// Any metadata.
pub fn metadata() -> impl Strategy<Value = Metadata> {
    let holder = (owner(), id(), option::of(id()));
    let actor = prop_oneof![
        Just(ActorId::Console),
        Just(ActorId::Server),
        holder.prop_map(|(identity, key, token)| ActorId::Holder { identity, key, token }),
    ];
    let idempotency = ("[!-~]{1,128}", any::<[u8; 16]>()).prop_map(|(key, command)| Idempotency {
        key: IdempotencyKey::parse(&key).expect("visible ASCII"),
        command,
    });
    let cause = any::<u64>().prop_map(Position::new);
    let parts = (actor, select(Way::ALL.to_vec()), id(), option::of(idempotency), option::of(cause));
    parts.prop_map(|(actor, way, request, idempotency, cause)| Metadata {
        actor,
        way,
        request,
        idempotency,
        cause,
    })
}

/// Any event; each type as likely as any other.
pub fn event() -> impl Strategy<Value = Event> {
    let mut all = tenant_events();
    all.extend(user_events());
    all.extend(member_events());
    all.extend(service_account_events());
    all.extend(key_events());
    all.extend(token_events());
    Union::new(all)
}

fn tenant_events() -> Vec<BoxedStrategy<Event>> {
    vec![
        (id(), name(), name(), policy())
            .prop_map(|(tenant, slug, name, policy)| Event::TenantCreated { tenant, slug, name, policy })
            .boxed(),
        (id(), name()).prop_map(|(tenant, name)| Event::TenantRenamed { tenant, name }).boxed(),
        (id(), policy()).prop_map(|(tenant, policy)| Event::TenantPolicyChanged { tenant, policy }).boxed(),
        id().prop_map(|tenant| Event::TenantSuspended { tenant }).boxed(),
        id().prop_map(|tenant| Event::TenantResumed { tenant }).boxed(),
        id().prop_map(|tenant| Event::TenantRemoved { tenant }).boxed(),
    ]
}

fn user_events() -> Vec<BoxedStrategy<Event>> {
    vec![
        (id(), name(), option::of(sealed()))
            .prop_map(|(user, email, name)| Event::UserCreated { user, email, name })
            .boxed(),
        id().prop_map(|user| Event::UserSuspended { user }).boxed(),
        id().prop_map(|user| Event::UserResumed { user }).boxed(),
        id().prop_map(|user| Event::UserRemoved { user }).boxed(),
        id().prop_map(|user| Event::OperatorGranted { user }).boxed(),
        id().prop_map(|user| Event::OperatorWithdrawn { user }).boxed(),
    ]
}

fn member_events() -> Vec<BoxedStrategy<Event>> {
    vec![
        (id(), id(), role())
            .prop_map(|(tenant, user, role)| Event::MemberAdded { tenant, user, role })
            .boxed(),
        (id(), id(), role())
            .prop_map(|(tenant, user, role)| Event::MemberRoleChanged { tenant, user, role })
            .boxed(),
        (id(), id()).prop_map(|(tenant, user)| Event::MemberRemoved { tenant, user }).boxed(),
    ]
}

fn service_account_events() -> Vec<BoxedStrategy<Event>> {
    vec![
        (id(), id(), name(), role())
            .prop_map(|(service_account, tenant, name, role)| Event::ServiceAccountCreated {
                service_account,
                tenant,
                name,
                role,
            })
            .boxed(),
        (id(), name())
            .prop_map(|(service_account, name)| Event::ServiceAccountRenamed { service_account, name })
            .boxed(),
        (id(), role())
            .prop_map(|(service_account, role)| Event::ServiceAccountRoleChanged { service_account, role })
            .boxed(),
        id().prop_map(|service_account| Event::ServiceAccountSuspended { service_account }).boxed(),
        id().prop_map(|service_account| Event::ServiceAccountResumed { service_account }).boxed(),
        id().prop_map(|service_account| Event::ServiceAccountRemoved { service_account }).boxed(),
    ]
}

fn key_events() -> Vec<BoxedStrategy<Event>> {
    let reason = select(RevocationReason::ALL.to_vec());
    vec![
        key_created().prop_map(Event::KeyCreated).boxed(),
        (id(), name()).prop_map(|(key, name)| Event::KeyRenamed { key, name }).boxed(),
        (id(), option::of(instant()))
            .prop_map(|(key, expires_at)| Event::KeyExpiryChanged { key, expires_at })
            .boxed(),
        id().prop_map(|key| Event::KeyDisabled { key }).boxed(),
        id().prop_map(|key| Event::KeyEnabled { key }).boxed(),
        (id(), reason, option::of(sealed()))
            .prop_map(|(key, reason, note)| Event::KeyRevoked { key, reason, note })
            .boxed(),
        (id(), id(), instant())
            .prop_map(|(key, successor, grace_ends_at)| Event::KeyRotated { key, successor, grace_ends_at })
            .boxed(),
        (id(), addresses())
            .prop_map(|(key, addresses)| Event::KeyAddressesChanged { key, addresses })
            .boxed(),
        (id(), option::of(rate())).prop_map(|(key, rate)| Event::KeyRateChanged { key, rate }).boxed(),
        (id(), option::of(sealed())).prop_map(|(key, note)| Event::KeyNoteChanged { key, note }).boxed(),
    ]
}

fn token_events() -> Vec<BoxedStrategy<Event>> {
    let reason = select(vec![RetirementReason::Superseded, RetirementReason::Compromised]);
    let target = prop_oneof![
        (id(), id()).prop_map(|(token, key)| TokenTarget::Token { token, key }),
        id().prop_map(TokenTarget::Key),
        owner().prop_map(TokenTarget::Owner),
        id().prop_map(TokenTarget::Tenant),
        id().prop_map(TokenTarget::SigningKey),
        Just(TokenTarget::All),
    ];
    vec![
        (id(), any::<[u8; 32]>(), instant())
            .prop_map(|(signing_key, public_key, active_from)| Event::SigningKeyAdded {
                signing_key,
                public_key: PublicKey(public_key),
                active_from,
            })
            .boxed(),
        (id(), reason)
            .prop_map(|(signing_key, reason)| Event::SigningKeyRetired { signing_key, reason })
            .boxed(),
        target.prop_map(|target| Event::TokensRevoked { target }).boxed(),
        (60..=900_u32)
            .prop_map(|seconds| Event::TokenLifeChanged { life: TokenLife::new(seconds).expect("within") })
            .boxed(),
        subject().prop_map(|subject| Event::SubjectErased { subject }).boxed(),
        (any::<u64>(), any::<[u8; 32]>())
            .prop_map(|(guard_position, guard_hash)| Event::RollbackAccepted {
                guard_position: Position::new(guard_position),
                guard_hash,
            })
            .boxed(),
    ]
}

pub fn key_created() -> impl Strategy<Value = KeyCreated> {
    let reach = prop_oneof![id().prop_map(Reach::Tenant), id().prop_map(|home| Reach::AnyTenant { home })];
    let scheme =
        option::of(id()).prop_map(|pepper| pepper.map_or(DigestScheme::Sha256, DigestScheme::KeyedBlake3));
    let digest = (scheme, any::<[u8; 32]>()).prop_map(|(scheme, bytes)| KeyDigest { scheme, bytes });
    let who = (id(), owner(), reach, name(), digest);
    let string = ("[a-z][a-z0-9]{1,11}", "[A-Za-z0-9_-]{4}", scopes(), option::of(instant()));
    (who, string).prop_map(|((key, owner, reach, name, digest), (prefix, last_four, scopes, expires_at))| {
        let last_four = last_four.into_bytes().try_into().expect("four characters");
        KeyCreated {
            key,
            owner,
            reach,
            name,
            digest,
            prefix: KeyPrefix::parse(&prefix).expect("lower-case letters and digits"),
            last_four: LastFour::parse(last_four).expect("characters of a key"),
            scopes,
            expires_at,
        }
    })
}

pub fn addresses() -> impl Strategy<Value = AllowedAddresses> {
    let v4 = (any::<u32>(), 0..=32_u8).prop_map(|(bits, prefix)| {
        let first = u64::from(bits) >> (32 - prefix) << (32 - prefix);
        Network::new(Ipv4Addr::from_bits(u32::try_from(first).expect("of 32 bits")).into(), prefix)
    });
    let v6 = (any::<u128>(), 1..=128_u8).prop_map(|(bits, prefix)| {
        let first = bits >> (128 - prefix) << (128 - prefix);
        Network::new(Ipv6Addr::from_bits(first).into(), prefix)
    });
    let network = prop_oneof![v4, v6].prop_map(|network| network.expect("a block begins at its start"));
    option::of(vec(network, 1..=AllowedAddresses::COUNT_MAX)).prop_map(|some| match some {
        None => AllowedAddresses::Any,
        Some(list) => AllowedAddresses::only(list).expect("not empty, not too many"),
    })
}

pub fn rate() -> impl Strategy<Value = RateLimit> {
    let parts = (1..=RateLimit::REQUESTS_MAX, 1..=RateLimit::PERIOD_SECONDS_MAX);
    parts.prop_map(|(requests, seconds)| RateLimit::new(requests, seconds).expect("within bounds"))
}

fn scopes() -> impl Strategy<Value = Scopes> {
    let own = select(Permission::ALL.to_vec()).prop_map(|permission| permission.scope().to_owned());
    let scope = prop_oneof![own, "[a-z]{1,8}(:[a-z*]{1,8})?", "[!#-\\[\\]-~]{1,64}"];
    let scope = scope.prop_filter_map("a scope", |text| Scope::parse(&text).ok());
    option::of(vec(scope, 0..=Scopes::COUNT_MAX))
        .prop_map(|some| some.map_or(Scopes::All, |list| Scopes::only(list).expect("not too many")))
}

pub fn policy() -> impl Strategy<Value = TenantPolicy> {
    option::of(any::<u64>()).prop_flat_map(|key_life_seconds_max| {
        option::of(any::<u64>()).prop_map(move |key_life_seconds_default| TenantPolicy {
            key_life_seconds_max,
            key_life_seconds_default,
        })
    })
}

pub fn name() -> impl Strategy<Value = SealedName> {
    (sealed(), any::<[u8; 16]>()).prop_map(|(text, digest)| SealedName { text, digest: TextDigest(digest) })
}

fn subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        id().prop_map(Subject::Tenant),
        id().prop_map(Subject::User),
        id().prop_map(Subject::ServiceAccount),
    ]
}

pub fn sealed() -> impl Strategy<Value = Sealed> {
    (subject(), vec(any::<u8>(), 0..80)).prop_map(|(subject, ciphertext)| Sealed { subject, ciphertext })
}

pub fn owner() -> impl Strategy<Value = Owner> {
    prop_oneof![id().prop_map(Owner::User), id().prop_map(Owner::ServiceAccount)]
}

pub fn role() -> impl Strategy<Value = Role> {
    select(Role::ALL.to_vec())
}

pub fn instant() -> impl Strategy<Value = Timestamp> {
    let ms = Timestamp::MIN.unix_ms()..=Timestamp::MAX.unix_ms();
    ms.prop_map(|ms| Timestamp::from_unix_ms(ms).expect("within the years 1970 to 9999"))
}

pub fn id<K: 'static>() -> impl Strategy<Value = Id<K>> + Clone {
    any::<[u8; 16]>().prop_map(Id::from_bytes)
}
