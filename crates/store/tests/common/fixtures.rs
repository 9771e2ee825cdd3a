//! The golden records: fixed events of every type, and the file that holds the bytes of each.

use std::path::PathBuf;

use domain::actor::{ActorId, Idempotency, IdempotencyKey, Metadata, Way};
use domain::event::{Event, KeyCreated, PublicKey, Recorded, RetirementReason, TenantPolicy, TokenTarget};
use domain::ids::Id;
use domain::key::{DigestScheme, KeyDigest, KeyPrefix, LastFour, Owner, Reach, RevocationReason};
use domain::limits::RateLimit;
use domain::network::AllowedAddresses;
use domain::role::{Role, Scopes};
use domain::sealed::{Sealed, SealedName, Subject, TextDigest};
use domain::time::{Position, Timestamp};
use domain::token_life::TokenLife;
use keyledger_store::chain::ChainHash;
use keyledger_store::codec::event_type::EventType;
use keyledger_store::envelope::Envelope;

/// One golden record.
pub struct Fixture {
    /// Its file, under `fixtures/records`.
    pub file: String,
    /// What the file's bytes stand for.
    pub envelope: Envelope,
}

impl Fixture {
    /// The bytes in its file.
    pub fn stored(&self) -> Vec<u8> {
        let path = directory().join(&self.file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!("{}: {error}; make new ones with UPDATE_FIXTURES=1", path.display())
        });
        let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
        let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).expect("two hex digits");
        digits.chunks(2).map(byte).collect()
    }
}

/// The folder of the golden records.
pub fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/records")
}

/// All of them: of every type one with everything there, and where something may be missing or be of
/// several kinds, more. They are only ever added; the bytes of an existing one never change.
pub fn all() -> Vec<Fixture> {
    let rich = rich_events().into_iter().map(|event| ("", event));
    rich.chain(variant_events()).map(|(variant, event)| fixture(variant, event)).collect()
}

/// Position, instant and metadata follow from the tag, so that a new record disturbs no older one.
fn fixture(variant: &str, event: Event) -> Fixture {
    let event_type = EventType::of(&event);
    let number = u64::from(event_type.tag());
    let position = Position::new(0x0102_0304_0506_0000 + number);
    let recorded = Recorded {
        position,
        recorded_at: at(1_767_225_600_123 + number as i64),
        metadata: if variant == "min" { least_metadata() } else { metadata(number, position) },
        event,
    };
    let variant = if variant.is_empty() { String::new() } else { format!(".{variant}") };
    Fixture {
        file: format!("{}-{event_type}.v1{variant}.hex", event_type.tag()),
        envelope: Envelope { recorded, salt: run(0xA0), previous: ChainHash(run(0xC0)) },
    }
}

/// Everything that metadata can hold; ways and kinds of owner take turns.
fn metadata(number: u64, position: Position) -> Metadata {
    let owners = [Owner::User(id(0x20)), Owner::ServiceAccount(id(0x30))];
    Metadata {
        actor: ActorId::Holder {
            identity: owners[number as usize % 2],
            key: id(0x40),
            token: Some(id(0x50)),
        },
        way: Way::ALL[number as usize % 8],
        request: id(0x60),
        idempotency: Some(Idempotency {
            key: IdempotencyKey::parse("deploy-2026-01-01#1").expect("visible ASCII"),
            command: run(0xD0),
        }),
        cause: Some(Position::new(position.number() - 1)),
    }
}

fn least_metadata() -> Metadata {
    Metadata {
        actor: ActorId::Console,
        way: Way::Bootstrap,
        request: id(0x60),
        idempotency: None,
        cause: None,
    }
}

fn rich_events() -> Vec<Event> {
    let (tenant, user, key, signing_key) = (id(0x10), id(0x20), id(0x40), id(0x70));
    let service_account = id(0x30);
    let policy =
        TenantPolicy { key_life_seconds_max: Some(31_536_000), key_life_seconds_default: Some(7_776_000) };
    let reason = RevocationReason::KeyCompromise;
    vec![
        Event::TenantCreated { tenant, slug: tenant_name(5), name: tenant_name(9), policy },
        Event::TenantRenamed { tenant, name: tenant_name(9) },
        Event::TenantPolicyChanged { tenant, policy },
        Event::TenantSuspended { tenant },
        Event::TenantResumed { tenant },
        Event::TenantRemoved { tenant },
        Event::UserCreated { user, email: user_name(17), name: Some(user_name(3).text) },
        Event::UserSuspended { user },
        Event::UserResumed { user },
        Event::UserRemoved { user },
        Event::OperatorGranted { user },
        Event::OperatorWithdrawn { user },
        Event::MemberAdded { tenant, user, role: Role::Administrator },
        Event::MemberRoleChanged { tenant, user, role: Role::Member },
        Event::MemberRemoved { tenant, user },
        Event::ServiceAccountCreated { service_account, tenant, name: account_name(6), role: Role::Runner },
        Event::ServiceAccountRenamed { service_account, name: account_name(7) },
        Event::ServiceAccountRoleChanged { service_account, role: Role::ReadOnly },
        Event::ServiceAccountSuspended { service_account },
        Event::ServiceAccountResumed { service_account },
        Event::ServiceAccountRemoved { service_account },
        Event::KeyCreated(key_created()),
        Event::KeyRenamed { key, name: user_name(8) },
        Event::KeyExpiryChanged { key, expires_at: Some(at(1_800_000_000_000)) },
        Event::KeyDisabled { key },
        Event::KeyEnabled { key },
        Event::KeyRevoked { key, reason, note: Some(user_name(21).text) },
        Event::KeyRotated { key, successor: id(0x48), grace_ends_at: at(1_767_312_000_000) },
        Event::KeyAddressesChanged {
            key,
            addresses: networks(["2001:db8::/32", "192.0.2.0/24", "10.1.2.3"]),
        },
        Event::KeyRateChanged { key, rate: RateLimit::new(100, 60).ok() },
        Event::KeyNoteChanged { key, note: Some(user_name(34).text) },
        Event::SigningKeyAdded {
            signing_key,
            public_key: PublicKey(run(0xE0)),
            active_from: at(1_767_229_200_000),
        },
        Event::SigningKeyRetired { signing_key, reason: RetirementReason::Superseded },
        Event::TokensRevoked { target: TokenTarget::Token { token: id(0x50), key } },
        Event::TokenLifeChanged { life: TokenLife::new(300).expect("five minutes") },
        Event::SubjectErased { subject: Subject::User(user) },
        Event::RollbackAccepted { guard_position: Position::new(70_000), guard_hash: run(0x80) },
    ]
}

/// The other states of what may be missing (`min`), and the other kinds of what has kinds.
fn variant_events() -> Vec<(&'static str, Event)> {
    let (tenant, user, key) = (id(0x10), id(0x20), id(0x40));
    let policy = TenantPolicy::default();
    let revoked = |reason| Event::KeyRevoked { key, reason, note: None };
    let tokens_of = |target| Event::TokensRevoked { target };
    vec![
        ("min", Event::TenantCreated { tenant, slug: tenant_name(5), name: tenant_name(9), policy }),
        ("min", Event::TenantPolicyChanged { tenant, policy }),
        ("min", Event::UserCreated { user, email: user_name(17), name: None }),
        ("min", Event::KeyCreated(least_key_created())),
        ("no-scopes", Event::KeyCreated(KeyCreated { scopes: only([]), ..key_created() })),
        ("min", Event::KeyExpiryChanged { key, expires_at: None }),
        ("min", Event::KeyAddressesChanged { key, addresses: AllowedAddresses::Any }),
        ("min", Event::KeyRateChanged { key, rate: None }),
        ("min", Event::KeyNoteChanged { key, note: None }),
        ("min", revoked(RevocationReason::Unspecified)),
        ("affiliation_changed", revoked(RevocationReason::AffiliationChanged)),
        ("superseded", revoked(RevocationReason::Superseded)),
        ("cessation_of_operation", revoked(RevocationReason::CessationOfOperation)),
        ("privilege_withdrawn", revoked(RevocationReason::PrivilegeWithdrawn)),
        (
            "compromised",
            Event::SigningKeyRetired { signing_key: id(0x70), reason: RetirementReason::Compromised },
        ),
        ("min", tokens_of(TokenTarget::All)),
        ("key", tokens_of(TokenTarget::Key(key))),
        ("user", tokens_of(TokenTarget::Owner(Owner::User(user)))),
        ("service_account", tokens_of(TokenTarget::Owner(Owner::ServiceAccount(id(0x30))))),
        ("tenant", tokens_of(TokenTarget::Tenant(tenant))),
        ("signing_key", tokens_of(TokenTarget::SigningKey(id(0x70)))),
        ("tenant", Event::SubjectErased { subject: Subject::Tenant(tenant) }),
        ("service_account", Event::SubjectErased { subject: Subject::ServiceAccount(id(0x30)) }),
    ]
}

fn key_created() -> KeyCreated {
    KeyCreated {
        key: id(0x40),
        owner: Owner::User(id(0x20)),
        reach: Reach::AnyTenant { home: id(0x10) },
        name: user_name(8),
        digest: KeyDigest { scheme: DigestScheme::KeyedBlake3(id(0x90)), bytes: run(0xB0) },
        prefix: KeyPrefix::parse("klu").expect("letters"),
        last_four: LastFour::parse(*b"x-9_").expect("characters of a key"),
        scopes: only(["keyledger:read", "flows:*", "Deploy"]),
        expires_at: Some(at(1_800_000_000_000)),
    }
}

/// As an imported key of a service account might be.
fn least_key_created() -> KeyCreated {
    KeyCreated {
        owner: Owner::ServiceAccount(id(0x30)),
        reach: Reach::Tenant(id(0x10)),
        name: account_name(0),
        digest: KeyDigest { scheme: DigestScheme::Sha256, bytes: run(0xB0) },
        scopes: Scopes::All,
        expires_at: None,
        ..key_created()
    }
}

fn networks<const N: usize>(networks: [&str; N]) -> AllowedAddresses {
    AllowedAddresses::parse(networks).expect("networks")
}

fn only<const N: usize>(scopes: [&str; N]) -> Scopes {
    Scopes::parse(&scopes.join(" ")).expect("scopes")
}

fn tenant_name(length: usize) -> SealedName {
    name(Subject::Tenant(id(0x10)), length)
}

fn user_name(length: usize) -> SealedName {
    name(Subject::User(id(0x20)), length)
}

fn account_name(length: usize) -> SealedName {
    name(Subject::ServiceAccount(id(0x30)), length)
}

fn name(subject: Subject, length: usize) -> SealedName {
    let ciphertext = (1..=length as u8).collect();
    SealedName { text: Sealed { subject, ciphertext }, digest: TextDigest(run(0xF0)) }
}

fn at(unix_ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(unix_ms).expect("in this century")
}

fn id<K>(first: u8) -> Id<K> {
    Id::from_bytes(run(first))
}

/// Bytes that count up, so that one out of place is seen in a dump.
fn run<const N: usize>(first: u8) -> [u8; N] {
    std::array::from_fn(|index| first.wrapping_add(index as u8))
}
