//! The verification index: what deciding on a credential needs, complete and in memory.
//!
//! Built at start by folding the hash-checked log, then kept by applying the rows of each commit. It
//! holds no text: a key is 32 bytes of digest and a compact record. No table on disk duplicates it.

mod digests;
mod record;
mod slots;
mod terms;

use std::convert::Infallible;
use std::hash::Hash;

use credentials::signing_key::{Kid, VerifyingKey};
use domain::event::{TenantPolicy, TokenTarget};
use domain::ids::{KeyId, PepperId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use domain::key::{DigestScheme, KeyDigest, KeyPrefix, LastFour, Owner, Reach};
use domain::limits::{KeyLimits, RateLimit};
use domain::network::AllowedAddresses;
use domain::role::{Role, Scopes};
use domain::row::{
    Change, Deployment, Key, Membership, NameHolder, ServiceAccount, SigningKey, Standing, Tenant,
    UniqueName, User,
};
use domain::sealed::{Sealed, SealedName, Subject, TextDigest};
use domain::status::{Ancestors, Bearer, Operator};
use domain::time::{Moment, Position, Timestamp};
use domain::token_life::TokenLife;
use domain::{Lookup, Recorded, evolve};
use hashbrown::HashMap;

use crate::vitals::Sizes;

use digests::Digests;
pub(crate) use record::KeyRecord;
use record::{Confined, OwnerSlot, Places};
use slots::{Named, Slot, Slots};
use terms::{AllTerms, Terms};

/// Everything that verification reads.
#[derive(Default)]
pub(crate) struct Index {
    position: Position,
    deployment: Option<Deployment>,
    keys: Slots<KeyRecord>,
    /// Places of `keys` by digest: the records themselves are compared, nothing is stored twice.
    by_digest: Digests,
    /// How many keys have a plain digest: without any, only the keyed digest need be tried.
    imported: usize,
    /// The distinct terms of keys.
    terms: AllTerms,
    /// A row is made when something first names it: by its own change, in every log that was decided on.
    tenants: Slots<Row<TenantId, Standing>>,
    users: Slots<Row<UserId, (Standing, Operator)>>,
    accounts: Slots<Row<ServiceAccountId, (Standing, TenantId, Role)>>,
    memberships: HashMap<UserId, Vec<Membership>>,
    signing_keys: HashMap<SigningKeyId, SigningKey>,
    verifying_keys: HashMap<Kid, (SigningKeyId, VerifyingKey)>,
    watermarks: HashMap<TokenTarget, Position>,
}

/// What is known of something that others name.
struct Row<I, F> {
    id: I,
    facts: Option<F>,
}

impl<I: Copy + Eq + Hash, F> Named for Row<I, F> {
    type Id = I;

    fn id(&self) -> I {
        self.id
    }
}

impl<I: Copy + Eq + Hash, F: Copy> Slots<Row<I, F>> {
    /// What is known of it.
    fn facts(&self, id: I) -> Option<F> {
        self.get(id)?.facts
    }

    /// Where it is, or will be.
    fn place(&mut self, id: I) -> Slot {
        self.find(id).unwrap_or_else(|| self.push(Row { id, facts: None }))
    }

    fn put(&mut self, id: I, facts: F) {
        let place = self.place(id);
        self.at_mut(place).facts = Some(facts);
    }
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
                Change::Tenant(row) => self.tenants.put(row.id, row.standing),
                Change::User(row) => {
                    let operator = if row.operator { Operator::Yes } else { Operator::No };
                    self.users.put(row.id, (row.standing, operator));
                }
                Change::Membership(row) => {
                    let rows = self.memberships.entry(row.user).or_default();
                    match rows.iter_mut().find(|known| known.tenant == row.tenant) {
                        Some(known) => *known = row,
                        None => rows.push(row),
                    }
                }
                Change::ServiceAccount(row) => {
                    self.accounts.put(row.id, (row.standing, row.tenant, row.role));
                }
                Change::Key(row) => self.put_key(&row),
                Change::SigningKey(row) => self.put_signing_key(row),
                Change::Watermark(target, before) => drop(self.watermarks.insert(target, before)),
                Change::Deployment(row) => self.deployment = Some(row),
                Change::UniqueName(_, _) => {}
            }
        }
        self.position = position;
    }

    /// Whether there ever was an operator, and with it a tenant.
    pub(crate) fn is_set_up(&self) -> bool {
        self.deployment.is_some()
    }

    /// How long tokens live, as far as is known.
    pub(crate) fn token_life(&self) -> TokenLife {
        self.deployment.unwrap_or_default().token_life
    }

    /// How long tokens live, if the log says so.
    pub(crate) fn token_life_said(&self) -> Option<TokenLife> {
        self.deployment.filter(|row| row.token_life_since.is_some()).map(|row| row.token_life)
    }

    /// The position that the index has reached: what it says is true as of there.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// A pepper other than this one under which some key was digested, if there is any.
    pub(crate) fn digested_otherwise(&self, pepper: PepperId) -> Option<PepperId> {
        self.terms.held().find_map(|terms| match terms.scheme {
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

    /// At most so many keys from a place on, in the order in which they were made; none only behind the last.
    pub(crate) fn records(&self, from: usize, most: usize) -> &[KeyRecord] {
        self.keys.piece(from, most)
    }

    /// Whether plain digests must be tried, too.
    pub(crate) fn has_imported_keys(&self) -> bool {
        self.imported > 0
    }

    /// The key with this digest.
    pub(crate) fn by_digest(&self, digest: &KeyDigest) -> Option<&KeyRecord> {
        let same = |slot| {
            let record = self.keys.at(slot);
            let own = KeyDigest { scheme: self.terms(record).scheme, bytes: *record.digest() };
            credentials::digest::matches(&own, digest)
        };
        self.by_digest.find(prefix(&digest.bytes), same).map(|slot| self.keys.at(slot))
    }

    /// The key with this id.
    pub(crate) fn by_id(&self, id: KeyId) -> Option<&KeyRecord> {
        self.keys.get(id)
    }

    /// Whose key it is.
    pub(crate) fn owner(&self, record: &KeyRecord) -> Owner {
        match record.owner {
            OwnerSlot::User(slot) => Owner::User(self.users.at(slot).id),
            OwnerSlot::ServiceAccount(slot) => Owner::ServiceAccount(self.accounts.at(slot).id),
        }
    }

    /// Where it acts.
    pub(crate) fn reach(&self, record: &KeyRecord) -> Reach {
        let home = self.tenants.at(record.home).id;
        match record.confined {
            Confined::Yes => Reach::Tenant(home),
            Confined::No => Reach::AnyTenant { home },
        }
    }

    /// What is asked about whoever shows the key itself.
    pub(crate) fn bearer(&self, record: &KeyRecord) -> Bearer {
        Bearer::key(self.owner(record), self.reach(record), record.created())
    }

    /// What a key is narrowed to.
    pub(crate) fn scopes(&self, record: &KeyRecord) -> &Scopes {
        &self.terms(record).scopes
    }

    /// From where a key is accepted.
    pub(crate) fn addresses(&self, record: &KeyRecord) -> &AllowedAddresses {
        &self.terms(record).addresses
    }

    /// How often a key is accepted.
    pub(crate) fn rate(&self, record: &KeyRecord) -> Option<RateLimit> {
        self.terms(record).rate
    }

    /// The index as whoever shows this key sees it: its owner and its home are at hand.
    pub(crate) fn near<'a>(&'a self, record: &'a KeyRecord) -> Near<'a> {
        Near { index: self, record }
    }

    fn terms(&self, record: &KeyRecord) -> &Terms {
        self.terms.at(record.terms)
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
        let terms = Terms {
            scheme: row.digest.scheme,
            scopes: row.scopes.clone(),
            addresses: row.limits.addresses.clone(),
            rate: row.limits.rate,
        };
        let terms = self.terms.take(terms);
        if let Some(slot) = self.keys.find(row.id) {
            let before = self.keys.at_mut(slot).changed(&row.life, terms);
            self.terms.give_back(before);
            return;
        }
        let owner = match row.owner {
            Owner::User(id) => OwnerSlot::User(self.users.place(id)),
            Owner::ServiceAccount(id) => OwnerSlot::ServiceAccount(self.accounts.place(id)),
        };
        let (home, confined) = match row.reach {
            Reach::Tenant(home) => (home, Confined::Yes),
            Reach::AnyTenant { home } => (home, Confined::No),
        };
        let places = Places { owner, home: self.tenants.place(home), confined, terms };
        let record = KeyRecord::new(row.digest.bytes, row.id, row.created.position, &row.life, places);
        let slot = self.keys.push(record);
        let Self { keys, by_digest, .. } = self;
        by_digest.insert(prefix(&row.digest.bytes), slot, |slot| prefix(keys.at(slot).digest()));
        self.imported += usize::from(row.digest.scheme == DigestScheme::Sha256);
    }

    fn put_signing_key(&mut self, row: SigningKey) {
        // A public key that is no point of the curve verifies nothing, so it need not be known.
        if let Ok(key) = VerifyingKey::parse(&row.public_key) {
            self.verifying_keys.insert(key.kid(), (row.id, key));
        }
        self.signing_keys.insert(row.id, row);
    }
}

/// A digest is uniform already: its first bytes are its hash.
fn prefix(digest: &[u8; 32]) -> u64 {
    u64::from_le_bytes(*digest.first_chunk().expect("a digest has 32 bytes"))
}

impl Ancestors for Index {
    type Error = Infallible;

    fn tenant_standing(&self, id: TenantId) -> Result<Option<Standing>, Infallible> {
        Ok(self.tenants.facts(id))
    }

    fn user_standing(&self, id: UserId) -> Result<Option<(Standing, Operator)>, Infallible> {
        Ok(self.users.facts(id))
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
        Ok(self.accounts.facts(id))
    }

    fn token_watermark(&self, target: TokenTarget) -> Result<Option<Position>, Infallible> {
        Ok(self.watermarks.get(&target).copied())
    }

    fn token_signing_key(&self, id: SigningKeyId) -> Result<Option<SigningKey>, Infallible> {
        Ok(self.signing_keys.get(&id).copied())
    }
}

/// The index as whoever shows one key sees it: the owner's row and the home's are where its record says.
/// All else is asked of the index.
pub(crate) struct Near<'a> {
    index: &'a Index,
    record: &'a KeyRecord,
}

impl Ancestors for Near<'_> {
    type Error = Infallible;

    fn tenant_standing(&self, id: TenantId) -> Result<Option<Standing>, Infallible> {
        let home = self.index.tenants.at(self.record.home);
        if home.id == id { Ok(home.facts) } else { self.index.tenant_standing(id) }
    }

    fn user_standing(&self, id: UserId) -> Result<Option<(Standing, Operator)>, Infallible> {
        match self.record.owner {
            OwnerSlot::User(slot) if self.index.users.at(slot).id == id => {
                Ok(self.index.users.at(slot).facts)
            }
            OwnerSlot::User(_) | OwnerSlot::ServiceAccount(_) => self.index.user_standing(id),
        }
    }

    fn membership_of(&self, tenant: TenantId, user: UserId) -> Result<Option<Membership>, Infallible> {
        self.index.membership_of(tenant, user)
    }

    fn all_memberships_of(&self, user: UserId) -> Result<Vec<Membership>, Infallible> {
        self.index.all_memberships_of(user)
    }

    fn account_standing(
        &self,
        id: ServiceAccountId,
    ) -> Result<Option<(Standing, TenantId, Role)>, Infallible> {
        let accounts = &self.index.accounts;
        match self.record.owner {
            OwnerSlot::ServiceAccount(slot) if accounts.at(slot).id == id => Ok(accounts.at(slot).facts),
            OwnerSlot::User(_) | OwnerSlot::ServiceAccount(_) => self.index.account_standing(id),
        }
    }

    fn token_watermark(&self, target: TokenTarget) -> Result<Option<Position>, Infallible> {
        self.index.token_watermark(target)
    }

    fn token_signing_key(&self, id: SigningKeyId) -> Result<Option<SigningKey>, Infallible> {
        self.index.token_signing_key(id)
    }
}

/// The index as `evolve` sees it while the log is folded: every row without its texts, names and counts, and whether they were erased.
/// What `evolve` makes of those, the index does not keep; everything else is as in the views.
struct Textless<'a>(&'a Index);

impl Lookup for Textless<'_> {
    type Error = Infallible;

    fn deployment(&self) -> Result<Option<Deployment>, Infallible> {
        Ok(self.0.deployment)
    }

    fn tenant(&self, id: TenantId) -> Result<Option<Tenant>, Infallible> {
        Ok(self.0.tenants.facts(id).map(|standing| Tenant {
            id,
            slug: no_name(Subject::Tenant(id)),
            name: no_name(Subject::Tenant(id)),
            policy: TenantPolicy::default(),
            standing,
            administrators: 0,
            erased: false,
            created: UNKNOWN,
        }))
    }

    fn user(&self, id: UserId) -> Result<Option<User>, Infallible> {
        Ok(self.0.users.facts(id).map(|(standing, operator)| User {
            id,
            email: no_name(Subject::User(id)),
            name: None,
            standing,
            operator: operator == Operator::Yes,
            erased: false,
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
        Ok(self.0.accounts.facts(id).map(|(standing, tenant, role)| ServiceAccount {
            id,
            tenant,
            name: no_name(Subject::ServiceAccount(id)),
            role,
            standing,
            erased: false,
            created: UNKNOWN,
        }))
    }

    fn key(&self, id: KeyId) -> Result<Option<Key>, Infallible> {
        let index = self.0;
        Ok(index.by_id(id).map(|record| Key {
            id,
            owner: index.owner(record),
            reach: index.reach(record),
            name: no_name(Subject::Tenant(index.reach(record).home())),
            digest: KeyDigest { scheme: index.terms(record).scheme, bytes: *record.digest() },
            prefix: KeyPrefix::parse("none").expect("four letters are a prefix"),
            last_four: LastFour::parse([b'_'; 4]).expect("underscores are admitted"),
            scopes: index.scopes(record).clone(),
            life: record.life(),
            limits: KeyLimits { addresses: index.addresses(record).clone(), rate: index.rate(record) },
            note: None,
            successor: None,
            predecessor: None,
            created: Moment { position: record.created(), at: Timestamp::MIN },
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
