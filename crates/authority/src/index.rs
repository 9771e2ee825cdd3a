//! The verification index: what deciding on a credential needs, complete and in memory.
//!
//! Built at start by folding the hash-checked log, then kept by applying the rows of each commit. It
//! holds no text: a key is 32 bytes of digest and a compact record. No table on disk duplicates it.

use std::convert::Infallible;
use std::hash::{BuildHasher, Hash};

use credentials::signing_key::{Kid, VerifyingKey};
use domain::event::{TenantPolicy, TokenTarget};
use domain::ids::{KeyId, PepperId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use domain::key::{DigestScheme, KeyDigest, KeyLife, KeyPrefix, LastFour, Owner, Reach};
use domain::limits::{KeyLimits, RateLimit};
use domain::network::AllowedAddresses;
use domain::role::{Role, Scopes};
use domain::row::{
    Change, Deployment, Key, Membership, NameHolder, ServiceAccount, SigningKey, Standing, Tenant,
    UniqueName, User,
};
use domain::sealed::{Sealed, SealedName, Subject, TextDigest};
use domain::status::{Ancestors, Operator};
use domain::time::{Moment, Position, Timestamp};
use domain::{Lookup, Recorded, evolve};
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use crate::vitals::Sizes;

/// Everything that verification reads.
#[derive(Default)]
pub(crate) struct Index {
    position: Position,
    keys: Vec<KeyRecord>,
    /// Slots of `keys`, by digest and by id: the records themselves are compared, nothing is stored twice.
    by_digest: HashTable<u32>,
    by_id: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// How many keys have a plain digest: without any, only the keyed digest need be tried.
    imported: usize,
    /// The distinct scopes that keys are narrowed to, and where each is.
    scopes: Vec<Scopes>,
    scopes_at: HashMap<Scopes, u32>,
    /// The distinct lists of addresses from which keys are accepted, and where each is.
    addresses: Vec<AllowedAddresses>,
    addresses_at: HashMap<AllowedAddresses, u32>,
    tenants: HashMap<TenantId, Standing>,
    users: HashMap<UserId, (Standing, Operator)>,
    memberships: HashMap<UserId, Vec<Membership>>,
    accounts: HashMap<ServiceAccountId, (Standing, TenantId, Role)>,
    signing_keys: HashMap<SigningKeyId, SigningKey>,
    verifying_keys: HashMap<Kid, (SigningKeyId, VerifyingKey)>,
    watermarks: HashMap<TokenTarget, Position>,
}

/// What verification knows of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyRecord {
    pub(crate) digest: KeyDigest,
    pub(crate) id: KeyId,
    pub(crate) owner: Owner,
    pub(crate) reach: Reach,
    pub(crate) created: Position,
    pub(crate) life: KeyLife,
    pub(crate) rate: Option<RateLimit>,
    scopes: u32,
    addresses: u32,
}

impl Index {
    /// Takes in one event of the log, at start.
    pub(crate) fn fold(&mut self, recorded: &Recorded) {
        let Ok(changes) = evolve(&Textless(self), recorded);
        self.apply(changes, recorded.position);
    }

    /// Takes in the rows of a commit that reached this position.
    pub(crate) fn apply(&mut self, changes: impl IntoIterator<Item = Change>, position: Position) {
        for change in changes {
            match change {
                Change::Tenant(row) => drop(self.tenants.insert(row.id, row.standing)),
                Change::User(row) => {
                    let operator = if row.operator { Operator::Yes } else { Operator::No };
                    self.users.insert(row.id, (row.standing, operator));
                }
                Change::Membership(row) => {
                    let rows = self.memberships.entry(row.user).or_default();
                    match rows.iter_mut().find(|known| known.tenant == row.tenant) {
                        Some(known) => *known = row,
                        None => rows.push(row),
                    }
                }
                Change::ServiceAccount(row) => {
                    self.accounts.insert(row.id, (row.standing, row.tenant, row.role));
                }
                Change::Key(row) => self.put_key(&row),
                Change::SigningKey(row) => self.put_signing_key(row),
                Change::Watermark(target, before) => drop(self.watermarks.insert(target, before)),
                Change::Deployment(_) | Change::UniqueName(_, _) => {}
            }
        }
        self.position = position;
    }

    /// The position that the index has reached: what it says is true as of there.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// A key that was digested under another pepper than this one, if there is any.
    pub(crate) fn digested_otherwise(&self, pepper: PepperId) -> Option<PepperId> {
        self.keys.iter().find_map(|key| match key.digest.scheme {
            DigestScheme::KeyedBlake3(other) if other != pepper => Some(other),
            DigestScheme::KeyedBlake3(_) | DigestScheme::Sha256 => None,
        })
    }

    /// How many keys there are, living or not.
    pub(crate) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// How much there is of everything, living or not.
    pub(crate) fn sizes(&self) -> Sizes {
        Sizes {
            keys: self.keys.len(),
            tenants: self.tenants.len(),
            users: self.users.len(),
            service_accounts: self.accounts.len(),
        }
    }

    /// At most so many keys from a place on, in the order in which they were made.
    pub(crate) fn records(&self, from: usize, most: usize) -> &[KeyRecord] {
        let from = from.min(self.keys.len());
        &self.keys[from..from.saturating_add(most).min(self.keys.len())]
    }

    /// Whether plain digests must be tried, too.
    pub(crate) fn has_imported_keys(&self) -> bool {
        self.imported > 0
    }

    /// The key with this digest.
    pub(crate) fn by_digest(&self, digest: &KeyDigest) -> Option<&KeyRecord> {
        let same = |slot: &u32| credentials::digest::matches(&self.keys[*slot as usize].digest, digest);
        self.by_digest.find(prefix(digest), same).map(|slot| &self.keys[*slot as usize])
    }

    /// The key with this id.
    pub(crate) fn by_id(&self, id: KeyId) -> Option<&KeyRecord> {
        let same = |slot: &u32| self.keys[*slot as usize].id == id;
        self.by_id.find(self.hasher.hash_one(id), same).map(|slot| &self.keys[*slot as usize])
    }

    /// What a key is narrowed to.
    pub(crate) fn scopes(&self, record: &KeyRecord) -> &Scopes {
        &self.scopes[record.scopes as usize]
    }

    /// From where a key is accepted.
    pub(crate) fn addresses(&self, record: &KeyRecord) -> &AllowedAddresses {
        &self.addresses[record.addresses as usize]
    }

    /// The key that a token says signed it, if it is one of ours.
    pub(crate) fn verifying_key(&self, kid: Kid) -> Option<(SigningKeyId, VerifyingKey)> {
        self.verifying_keys.get(&kid).copied()
    }

    /// The signing keys, retired or not.
    pub(crate) fn signing_keys(&self) -> impl Iterator<Item = &SigningKey> {
        self.signing_keys.values()
    }

    fn put_key(&mut self, row: &Key) {
        let addresses = place_of(&row.limits.addresses, &mut self.addresses, &mut self.addresses_at);
        if let Some(slot) = self.slot(row.id) {
            let (life, rate) = (row.life, row.limits.rate);
            self.keys[slot] = KeyRecord { life, rate, addresses, ..self.keys[slot] };
            return;
        }
        let slot = u32::try_from(self.keys.len()).expect("four thousand million keys fit in no machine");
        let scopes = place_of(&row.scopes, &mut self.scopes, &mut self.scopes_at);
        let record = KeyRecord {
            digest: row.digest,
            id: row.id,
            owner: row.owner,
            reach: row.reach,
            created: row.created.position,
            life: row.life,
            rate: row.limits.rate,
            scopes,
            addresses,
        };
        self.keys.push(record);
        let Self { keys, by_digest, by_id, hasher, .. } = self;
        by_digest.insert_unique(prefix(&row.digest), slot, |slot| prefix(&keys[*slot as usize].digest));
        by_id.insert_unique(hasher.hash_one(row.id), slot, |slot| hasher.hash_one(keys[*slot as usize].id));
        self.imported += usize::from(row.digest.scheme == DigestScheme::Sha256);
    }

    fn put_signing_key(&mut self, row: SigningKey) {
        // A public key that is no point of the curve verifies nothing, so it need not be known.
        if let Ok(key) = VerifyingKey::parse(&row.public_key) {
            self.verifying_keys.insert(key.kid(), (row.id, key));
        }
        self.signing_keys.insert(row.id, row);
    }

    fn slot(&self, id: KeyId) -> Option<usize> {
        let same = |slot: &u32| self.keys[*slot as usize].id == id;
        self.by_id.find(self.hasher.hash_one(id), same).map(|slot| *slot as usize)
    }
}

/// Where a value is kept that many keys share; kept now if it was not.
fn place_of<V: Clone + Eq + Hash>(value: &V, kept: &mut Vec<V>, places: &mut HashMap<V, u32>) -> u32 {
    *places.entry_ref(value).or_insert_with(|| {
        kept.push(value.clone());
        u32::try_from(kept.len() - 1).expect("there are fewer of them than events")
    })
}

/// A digest is uniform already: its first bytes are its hash.
fn prefix(digest: &KeyDigest) -> u64 {
    u64::from_le_bytes(*digest.bytes.first_chunk().expect("a digest has 32 bytes"))
}

impl Ancestors for Index {
    type Error = Infallible;

    fn tenant_standing(&self, id: TenantId) -> Result<Option<Standing>, Infallible> {
        Ok(self.tenants.get(&id).copied())
    }

    fn user_standing(&self, id: UserId) -> Result<Option<(Standing, Operator)>, Infallible> {
        Ok(self.users.get(&id).copied())
    }

    fn membership_of(&self, tenant: TenantId, user: UserId) -> Result<Option<Membership>, Infallible> {
        let rows = self.memberships.get(&user);
        Ok(rows.and_then(|rows| rows.iter().find(|row| row.tenant == tenant)).copied())
    }

    fn all_memberships_of(&self, user: UserId) -> Result<Vec<Membership>, Infallible> {
        Ok(self.memberships.get(&user).cloned().unwrap_or_default())
    }

    fn account_standing(
        &self,
        id: ServiceAccountId,
    ) -> Result<Option<(Standing, TenantId, Role)>, Infallible> {
        Ok(self.accounts.get(&id).copied())
    }

    fn token_watermark(&self, target: TokenTarget) -> Result<Option<Position>, Infallible> {
        Ok(self.watermarks.get(&target).copied())
    }

    fn token_signing_key(&self, id: SigningKeyId) -> Result<Option<SigningKey>, Infallible> {
        Ok(self.signing_keys.get(&id).copied())
    }
}

/// The index as `evolve` sees it while the log is folded: every row without its texts, names and counts.
/// What `evolve` makes of those, the index does not keep; everything else is as in the views.
struct Textless<'a>(&'a Index);

impl Lookup for Textless<'_> {
    type Error = Infallible;

    fn deployment(&self) -> Result<Option<Deployment>, Infallible> {
        Ok(None)
    }

    fn tenant(&self, id: TenantId) -> Result<Option<Tenant>, Infallible> {
        Ok(self.0.tenants.get(&id).map(|standing| Tenant {
            id,
            slug: no_name(Subject::Tenant(id)),
            name: no_name(Subject::Tenant(id)),
            policy: TenantPolicy::default(),
            standing: *standing,
            administrators: 0,
            created: UNKNOWN,
        }))
    }

    fn user(&self, id: UserId) -> Result<Option<User>, Infallible> {
        Ok(self.0.users.get(&id).map(|(standing, operator)| User {
            id,
            email: no_name(Subject::User(id)),
            name: None,
            standing: *standing,
            operator: *operator == Operator::Yes,
            created: UNKNOWN,
        }))
    }

    fn membership(&self, tenant: TenantId, user: UserId) -> Result<Option<Membership>, Infallible> {
        self.0.membership_of(tenant, user)
    }

    fn memberships_of(&self, user: UserId) -> Result<Vec<Membership>, Infallible> {
        self.0.all_memberships_of(user)
    }

    fn service_account(&self, id: ServiceAccountId) -> Result<Option<ServiceAccount>, Infallible> {
        Ok(self.0.accounts.get(&id).map(|(standing, tenant, role)| ServiceAccount {
            id,
            tenant: *tenant,
            name: no_name(Subject::ServiceAccount(id)),
            role: *role,
            standing: *standing,
            created: UNKNOWN,
        }))
    }

    fn key(&self, id: KeyId) -> Result<Option<Key>, Infallible> {
        Ok(self.0.by_id(id).map(|record| Key {
            id,
            owner: record.owner,
            reach: record.reach,
            name: no_name(Subject::Tenant(record.reach.home())),
            digest: record.digest,
            prefix: KeyPrefix::parse("none").expect("four letters are a prefix"),
            last_four: LastFour::parse([b'_'; 4]).expect("underscores are admitted"),
            scopes: self.0.scopes(record).clone(),
            life: record.life,
            limits: KeyLimits { addresses: self.0.addresses(record).clone(), rate: record.rate },
            successor: None,
            predecessor: None,
            created: Moment { position: record.created, at: Timestamp::MIN },
        }))
    }

    fn signing_key(&self, id: SigningKeyId) -> Result<Option<SigningKey>, Infallible> {
        self.0.token_signing_key(id)
    }

    fn signing_keys(&self) -> Result<Vec<SigningKey>, Infallible> {
        Ok(self.0.signing_keys.values().copied().collect())
    }

    fn watermark(&self, target: TokenTarget) -> Result<Option<Position>, Infallible> {
        self.0.token_watermark(target)
    }

    fn unique_name(&self, _: UniqueName) -> Result<Option<NameHolder>, Infallible> {
        Ok(None)
    }
}

const UNKNOWN: Moment = Moment { position: Position::START, at: Timestamp::MIN };

fn no_name(subject: Subject) -> SealedName {
    SealedName { text: Sealed { subject, ciphertext: Vec::new() }, digest: TextDigest([0; 16]) }
}

/// Ten million of these must fit in memory: about 1.8 GB with its two tables.
const _: () = assert!(size_of::<KeyRecord>() <= 176);
