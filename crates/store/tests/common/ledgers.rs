//! Small ledgers for the tests of this crate: events without rules, made of a few ids, the same each time.
#![allow(dead_code, reason = "each test binary takes what it needs")]

use std::collections::BTreeMap;

use domain::actor::{ActorId, Idempotency, IdempotencyKey, Way};
use domain::event::{Event, KeyCreated, PublicKey, Recorded, RetirementReason, TenantPolicy, TokenTarget};
use domain::ids::{
    Id, KeyId, LedgerId, PepperId, RequestId, ServiceAccountId, SigningKeyId, TenantId, UserId,
};
use domain::key::{DigestScheme, KeyDigest, KeyPrefix, LastFour, Owner, Reach, RevocationReason};
use domain::role::{Role, Scopes};
use domain::sealed::{Sealed, SealedName, Subject, TextDigest};
use domain::time::{Position, Timestamp};
use domain::{Lookup, Model};
use keyledger_store::snapshot::SnapshotRows;
use keyledger_store::{Ledger, Origin, Snapshot, StoreError};

pub const LEDGER: LedgerId = LedgerId::from_bytes([9; 16]);
pub const EPOCH_MS: i64 = 1_767_225_600_000;

/// Chance that repeats: SplitMix64.
#[derive(Clone)]
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn id<K>(&mut self, kind: u8) -> Id<K> {
        let number = self.below(6) as u8;
        Id::from_bytes([kind, number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, kind, number])
    }

    fn name(&mut self, subject: Subject) -> SealedName {
        let word = self.below(12) as u8;
        SealedName { text: Sealed { subject, ciphertext: vec![word; 60] }, digest: TextDigest([word; 16]) }
    }
}

pub fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(EPOCH_MS + ms).unwrap()
}

pub fn tenant(n: u8) -> TenantId {
    TenantId::from_bytes([n; 16])
}

pub fn sealed_name(subject: Subject, bytes: usize) -> SealedName {
    SealedName { text: Sealed { subject, ciphertext: vec![5; bytes] }, digest: TextDigest([5; 16]) }
}

/// A tenant that begins: the plainest event.
pub fn tenant_created(n: u8) -> Event {
    let name = sealed_name(Subject::Tenant(tenant(n)), 60);
    Event::TenantCreated { tenant: tenant(n), slug: name.clone(), name, policy: TenantPolicy::default() }
}

pub fn origin(n: u64) -> Origin {
    let mut dice = Dice(n);
    let idempotency = n.is_multiple_of(3).then(|| used(n));
    Origin {
        actor: ActorId::Console,
        way: Way::Cli,
        request: RequestId::from_bytes([dice.next() as u8; 16]),
        idempotency,
        seed: [dice.next() as u8; 32],
    }
}

pub fn used(n: u64) -> Idempotency {
    Idempotency { key: IdempotencyKey::parse(&format!("attempt-{n}")).unwrap(), command: [n as u8; 16] }
}

/// Any event about one of a few things. `evolve` never refuses, so any order is a history.
pub fn event(dice: &mut Dice) -> Event {
    let tenant: TenantId = dice.id(1);
    let user: UserId = dice.id(2);
    let service_account: ServiceAccountId = dice.id(3);
    let signing_key: SigningKeyId = dice.id(5);
    let key: KeyId = dice.id(4);
    let owner = if dice.below(2) == 0 { Owner::User(user) } else { Owner::ServiceAccount(service_account) };
    match dice.below(16) {
        0 | 1 => Event::TenantCreated {
            tenant,
            slug: dice.name(Subject::Tenant(tenant)),
            name: dice.name(Subject::Tenant(tenant)),
            policy: TenantPolicy::default(),
        },
        2 => Event::TenantSuspended { tenant },
        3 => Event::UserCreated { user, email: dice.name(Subject::User(user)), name: None },
        4 => Event::OperatorGranted { user },
        5 | 6 => Event::MemberAdded { tenant, user, role: Role::ALL[dice.below(4) as usize] },
        7 => Event::MemberRemoved { tenant, user },
        8 => Event::ServiceAccountCreated {
            service_account,
            tenant,
            name: dice.name(Subject::ServiceAccount(service_account)),
            role: Role::Runner,
        },
        9 => Event::ServiceAccountRemoved { service_account },
        10 | 11 => Event::KeyCreated(KeyCreated {
            key,
            owner,
            reach: Reach::Tenant(tenant),
            name: dice.name(Subject::User(user)),
            digest: KeyDigest {
                scheme: DigestScheme::KeyedBlake3(PepperId::from_bytes([8; 16])),
                bytes: [dice.next() as u8; 32],
            },
            prefix: KeyPrefix::parse("klu").unwrap(),
            last_four: LastFour::parse(*b"abcd").unwrap(),
            scopes: Scopes::parse("read write").unwrap(),
            expires_at: None,
        }),
        12 => Event::KeyRevoked { key, reason: RevocationReason::KeyCompromise, note: None },
        13 => Event::KeyDisabled { key },
        14 => {
            let public_key = PublicKey([dice.next() as u8; 32]);
            Event::SigningKeyAdded { signing_key, public_key, active_from: at(0) }
        }
        _ => match dice.below(3) {
            0 => Event::SigningKeyRetired { signing_key, reason: RetirementReason::Superseded },
            1 => Event::TokensRevoked { target: TokenTarget::Key(key) },
            _ => Event::TokensRevoked { target: TokenTarget::All },
        },
    }
}

/// Appends so many commits of one to four commands each.
pub fn grow(ledger: &Ledger, seed: u64, commits: u64) {
    let mut dice = Dice(seed);
    for commit in 0..commits {
        let commands = 1 + dice.below(4);
        ledger
            .transact(|transaction| {
                for command in 0..commands {
                    let events = (0..=dice.below(2)).map(|_| event(&mut dice)).collect();
                    let number = seed * 10_000 + commit * 10 + command;
                    transaction.append(events, &origin(number), at((commit * 7) as i64))?;
                }
                Ok(())
            })
            .unwrap();
    }
}

/// The whole log, read and checked.
pub fn log(snapshot: &Snapshot) -> Result<Vec<Recorded>, StoreError> {
    let mut log = vec![];
    snapshot.scan(|scanned| {
        log.push(scanned.recorded);
        Ok::<_, StoreError>(())
    })?;
    Ok(log)
}

/// Every answer that rows of a snapshot give about whatever a model knows, as text; an error where there is none.
pub fn answers(rows: &SnapshotRows<'_>, ever: &Model) -> Vec<Result<String, StoreError>> {
    let mut all = looked_up(rows, ever);
    all.push(rows.tenants().map(|tenants| format!("{tenants:?}")));
    let (keys, accounts) = (ids(&ever.keys), ids(&ever.service_accounts));
    all.extend(rows.keys(&keys).map(|row| row.map(|row| format!("{row:?}"))));
    all.extend(rows.service_accounts(&accounts).map(|row| row.map(|row| format!("{row:?}"))));
    all
}

fn ids<I: Copy, R>(rows: &BTreeMap<I, R>) -> Vec<I> {
    rows.keys().copied().collect()
}

/// What rules are answered about whatever a model knows, by the rows of a snapshot, or of a model.
pub fn looked_up<L: Lookup>(rows: &L, ever: &Model) -> Vec<Result<String, L::Error>> {
    fn told<T: std::fmt::Debug, E>(row: Result<T, E>) -> Result<String, E> {
        row.map(|row| format!("{row:?}"))
    }
    let mut all = vec![told(rows.deployment()), told(rows.signing_keys())];
    all.extend(ever.tenants.keys().map(|id| told(rows.tenant(*id))));
    all.extend(ever.users.keys().map(|id| told(rows.user(*id))));
    all.extend(ever.users.keys().map(|id| told(rows.memberships_of(*id))));
    all.extend(ever.memberships.keys().map(|(user, tenant)| told(rows.membership(*tenant, *user))));
    all.extend(ever.service_accounts.keys().map(|id| told(rows.service_account(*id))));
    all.extend(ever.keys.keys().map(|id| told(rows.key(*id))));
    all.extend(ever.signing_keys.keys().map(|id| told(rows.signing_key(*id))));
    all.extend(ever.watermarks.keys().map(|target| told(rows.watermark(*target))));
    all.extend(ever.unique_names.keys().map(|name| told(rows.unique_name(*name))));
    all
}

/// Every link of whatever a model knows, as text.
pub fn links(snapshot: &Snapshot, ever: &Model) -> Vec<Result<String, StoreError>> {
    let mut all = vec![];
    for tenant in ever.tenants.keys() {
        all.push(snapshot.members_of(*tenant).map(|ids| format!("{ids:?}")));
        all.push(snapshot.service_accounts_of(*tenant).map(|ids| format!("{ids:?}")));
    }
    let users = ever.users.keys().map(|id| Owner::User(*id));
    for owner in users.chain(ever.service_accounts.keys().map(|id| Owner::ServiceAccount(*id))) {
        all.push(snapshot.keys_of(owner).map(|ids| format!("{ids:?}")));
    }
    all
}

/// The positions 0 to the last.
pub fn positions(snapshot: &Snapshot) -> impl Iterator<Item = Position> + use<> {
    (0..=snapshot.head().position.number()).map(Position::new)
}
