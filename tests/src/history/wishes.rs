//! What can be wished: one random command, about things that are, were or never have been.

use std::net::IpAddr;

use domain::command::{
    Bootstrap, Command, FirstAdministrator, NewKey, NewSigningKey, NewTenant, NewUser, Successor,
};
use domain::event::{PublicKey, RetirementReason, TenantPolicy, TokenTarget};
use domain::ids::{Id, KeyId, PepperId, ServiceAccountId, SigningKeyId, TenantId, TokenId, UserId};
use domain::key::{DigestScheme, KeyDigest, KeyPrefix, LastFour, Owner, Reach, RevocationReason};
use domain::limits::{KeyLimits, RateLimit};
use domain::network::AllowedAddresses;
use domain::role::{Role, Scopes};
use domain::row::{Key, Standing};
use domain::sealed::{Sealed, SealedName, Subject, TextDigest};
use domain::time::{Position, Timestamp};
use domain::token_life::TokenLife;

use super::History;

const DAY_SECONDS: u64 = 24 * 60 * 60;
const PEPPER: PepperId = PepperId::from_bytes([0xEE; 16]);

/// Whether something can still be of use.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alive {
    Yes,
    No,
}

fn alive(standing: Standing) -> Alive {
    match standing {
        Standing::Living | Standing::Suspended => Alive::Yes,
        Standing::Removed => Alive::No,
    }
}

/// An address from which such a key is accepted.
pub(super) fn place_of(addresses: &AllowedAddresses) -> Option<IpAddr> {
    match addresses {
        AllowedAddresses::Any => None,
        AllowedAddresses::Only(list) => list.as_slice().first().map(|network| network.first()),
    }
}

type Wish = fn(&mut History) -> Command;

/// How often each is wished, and what it is.
const WISHES: [(u64, Wish); 38] = [
    (2, History::bootstrap),
    (1, History::accept_rollback),
    (14, History::create_tenant),
    (9, |h| Command::RenameTenant { tenant: h.tenant(), name: h.tenant_name() }),
    (12, |h| Command::ChangeTenantPolicy { tenant: h.tenant(), policy: h.policy() }),
    (4, |h| Command::SuspendTenant { tenant: h.tenant() }),
    (12, |h| Command::ResumeTenant { tenant: h.tenant() }),
    (3, |h| Command::RemoveTenant { tenant: h.tenant() }),
    (27, History::create_user),
    (5, |h| Command::SuspendUser { user: h.user() }),
    (18, |h| Command::ResumeUser { user: h.user() }),
    (2, |h| Command::RemoveUser { user: h.user() }),
    (5, |h| Command::GrantOperator { user: h.user() }),
    (5, |h| Command::WithdrawOperator { user: h.user() }),
    (36, History::add_member),
    (18, |h| {
        let (tenant, user) = h.member();
        Command::ChangeMemberRole { tenant, user, role: h.role() }
    }),
    (18, |h| {
        let (tenant, user) = h.member();
        Command::RemoveMember { tenant, user }
    }),
    (30, History::create_service_account),
    (18, |h| {
        let service_account = h.account();
        Command::RenameServiceAccount { service_account, name: h.account_name(service_account) }
    }),
    (12, |h| Command::ChangeServiceAccountRole { service_account: h.account(), role: h.role() }),
    (12, |h| Command::SuspendServiceAccount { service_account: h.account() }),
    (15, |h| Command::ResumeServiceAccount { service_account: h.account() }),
    (9, |h| Command::RemoveServiceAccount { service_account: h.account() }),
    (60, History::create_key),
    (9, |h| {
        let key = h.key();
        Command::RenameKey { key, name: h.key_name(key) }
    }),
    (18, |h| Command::ChangeKeyExpiry { key: h.key(), expires_at: h.expiry() }),
    (18, |h| Command::DisableKey { key: h.key() }),
    (18, |h| Command::EnableKey { key: h.key() }),
    (15, History::revoke_key),
    (36, History::rotate_key),
    (9, |h| Command::ChangeKeyAddresses { key: h.key(), addresses: h.addresses() }),
    (9, |h| Command::ChangeKeyRate { key: h.key(), rate: h.rate() }),
    (9, History::change_key_note),
    (2, |h| Command::AddSigningKey { signing_key: h.new_signing_key() }),
    (2, History::retire_signing_key),
    (6, |h| Command::RevokeTokens { target: h.token_target() }),
    (3, |h| Command::ChangeTokenLife { life: h.token_life() }),
    (9, |h| Command::EraseSubject { subject: h.subject() }),
];

impl History {
    pub(super) fn wish(&mut self) -> Command {
        let total = WISHES.iter().map(|(weight, _)| weight).sum();
        let mut drawn = self.dice.below(total);
        for (weight, wish) in WISHES {
            if drawn < weight {
                return wish(self);
            }
            drawn -= weight;
        }
        unreachable!("what is drawn is below the sum of the weights")
    }

    pub(super) fn bootstrap(&mut self) -> Command {
        let (tenant, user) = (self.new_tenant(), self.new_user());
        let key = self.new_key(Owner::User(user.id));
        let limits = KeyLimits::default();
        let key = NewKey { scopes: Scopes::All, expires_at: None, limits, ..key };
        let tenant = NewTenant { policy: TenantPolicy::default(), ..tenant };
        let signing_key = NewSigningKey { active_from: self.now, ..self.new_signing_key() };
        Command::Bootstrap(Box::new(Bootstrap { tenant, user, key, signing_key }))
    }

    fn token_life(&mut self) -> TokenLife {
        let seconds = *self.dice.pick(&[60, 120, 300, 600, 900]);
        TokenLife::new(seconds).expect("one to fifteen minutes")
    }

    fn accept_rollback(&mut self) -> Command {
        let guard_position = Position::new(self.head.number() + self.dice.below(100));
        let signing_key = NewSigningKey { active_from: self.now, ..self.new_signing_key() };
        Command::AcceptRollback { guard_position, guard_hash: self.dice.bytes(), signing_key }
    }

    fn create_tenant(&mut self) -> Command {
        let tenant = self.new_tenant();
        let administrator = if self.dice.one_in(2) {
            FirstAdministrator::Known(self.user())
        } else {
            let user = self.new_user();
            let key = self.new_key(Owner::User(user.id));
            FirstAdministrator::New(Box::new((user, key)))
        };
        Command::CreateTenant { tenant, administrator }
    }

    fn create_user(&mut self) -> Command {
        let user = self.new_user();
        let first_key = if self.dice.one_in(3) { None } else { Some(self.new_key(Owner::User(user.id))) };
        Command::CreateUser { user, tenant: self.tenant(), role: self.role(), first_key }
    }

    fn add_member(&mut self) -> Command {
        let (mut tenant, mut user) = (self.tenant(), self.user());
        // Often somebody who was a member before.
        if self.dice.one_in(3) {
            (tenant, user) = self.member();
        }
        let first_key = if self.dice.one_in(2) { Some(self.new_key(Owner::User(user))) } else { None };
        Command::AddMember { tenant, user, role: self.role(), first_key }
    }

    fn create_service_account(&mut self) -> Command {
        let known = self.model.service_accounts.keys().copied().collect();
        let service_account = self.id_to_be(known);
        let name = self.account_name(service_account);
        let (tenant, role) = (self.tenant(), self.role());
        let owner = Owner::ServiceAccount(service_account);
        let first_key = self.dice.one_in(3).then(|| self.new_key(owner));
        Command::CreateServiceAccount { service_account, tenant, name, role, first_key }
    }

    fn create_key(&mut self) -> Command {
        let (owner, reach) = match self.dice.below(3) {
            0 => {
                let account = self.account();
                let known = self.model.service_accounts.get(&account).map(|row| row.tenant);
                (Owner::ServiceAccount(account), known.map(Reach::Tenant))
            }
            // Often the first user, whose key reaches furthest.
            1 if self.dice.one_in(3) => (self.first_key().map_or(Owner::User(self.user()), |(_, o)| o), None),
            _ => {
                let (tenant, user) = self.member();
                let any = self.dice.one_in(4);
                let reach = if any { Reach::AnyTenant { home: tenant } } else { Reach::Tenant(tenant) };
                (Owner::User(user), Some(reach))
            }
        };
        let reach = match reach {
            Some(reach) if !self.dice.one_in(8) => reach,
            Some(_) | None if self.dice.one_in(3) => Reach::AnyTenant { home: self.tenant() },
            Some(_) | None => Reach::Tenant(self.tenant()),
        };
        Command::CreateKey { owner, reach, key: self.new_key(owner) }
    }

    fn revoke_key(&mut self) -> Command {
        let key = self.key();
        let subject = self.subject_of(key);
        let note = if self.dice.one_in(2) { Some(self.sealed(subject)) } else { None };
        Command::RevokeKey { key, reason: *self.dice.pick(&RevocationReason::ALL), note }
    }

    fn rotate_key(&mut self) -> Command {
        let known = self.model.keys.keys().copied().collect();
        let key = self.key();
        let new = self.new_key(Owner::User(UserId::from_bytes([0; 16])));
        let NewKey { digest, prefix, last_four, expires_at, .. } = new;
        let successor = Successor { id: self.id_to_be(known), digest, prefix, last_four, expires_at };
        let grace_ends_at = self.now.plus_seconds(self.dice.below(95 * DAY_SECONDS));
        let grace_ends_at = if self.dice.one_in(3) { self.now } else { grace_ends_at };
        Command::RotateKey { key, successor, grace_ends_at }
    }

    /// Sometimes the one that it has, or none.
    fn change_key_note(&mut self) -> Command {
        let key = self.key();
        let known = self.model.keys.get(&key).and_then(|row| row.note.clone());
        let subject = self.subject_of(key);
        let note = match self.dice.below(6) {
            0 => None,
            1 => known,
            _ => Some(self.sealed(subject)),
        };
        Command::ChangeKeyNote { key, note }
    }

    fn retire_signing_key(&mut self) -> Command {
        let reasons = [RetirementReason::Superseded, RetirementReason::Compromised];
        let reason = *self.dice.pick(&reasons);
        let replacement = if self.dice.one_in(2) { Some(self.new_signing_key()) } else { None };
        Command::RetireSigningKey { signing_key: self.signing_key(), reason, replacement }
    }

    /// Rather something that has ended: of what lives, nothing is erased.
    fn subject(&mut self) -> Subject {
        let drawn = match self.dice.below(4) {
            0 => Subject::Tenant(self.tenant()),
            1 => Subject::User(self.user()),
            _ => Subject::ServiceAccount(self.account()),
        };
        let ended = |standing| alive(standing) == Alive::No;
        let users = self.model.users.values().filter(|row| ended(row.standing));
        let accounts = self.model.service_accounts.values().filter(|row| ended(row.standing));
        let mut dead: Vec<_> = users.map(|row| Subject::User(row.id)).collect();
        dead.extend(accounts.map(|row| Subject::ServiceAccount(row.id)));
        if dead.is_empty() || self.dice.one_in(2) { drawn } else { dead[self.dice.index(dead.len())] }
    }

    fn token_target(&mut self) -> TokenTarget {
        match self.dice.below(7) {
            0 => {
                let (token, key) = self.token();
                TokenTarget::Token { token, key }
            }
            1 => TokenTarget::Key(self.key()),
            2 => TokenTarget::Owner(Owner::User(self.user())),
            3 => TokenTarget::Owner(Owner::ServiceAccount(self.account())),
            4 => TokenTarget::Tenant(self.tenant()),
            5 => TokenTarget::SigningKey(self.signing_key()),
            _ => TokenTarget::All,
        }
    }

    fn new_tenant(&mut self) -> NewTenant {
        let known = self.model.tenants.keys().copied().collect();
        let id = self.id_to_be(known);
        let subject = Subject::Tenant(id);
        let (slug, name) = (self.name(subject, 24), self.name(subject, 100));
        NewTenant { id, slug, name, policy: self.policy() }
    }

    fn new_user(&mut self) -> NewUser {
        let known = self.model.users.keys().copied().collect();
        let id = self.id_to_be(known);
        let subject = Subject::User(id);
        let email = self.name(subject, 100);
        let name = if self.dice.one_in(2) { Some(self.sealed(subject)) } else { None };
        NewUser { id, email, name }
    }

    fn new_key(&mut self, owner: Owner) -> NewKey {
        let known = self.model.keys.keys().copied().collect();
        let (subject, prefix) = match owner {
            Owner::User(user) => (Subject::User(user), "klu"),
            Owner::ServiceAccount(account) => (Subject::ServiceAccount(account), "kls"),
        };
        let scheme =
            if self.dice.one_in(8) { DigestScheme::Sha256 } else { DigestScheme::KeyedBlake3(PEPPER) };
        let letters: [u8; 4] = self.dice.bytes();
        NewKey {
            id: self.id_to_be(known),
            name: self.name(subject, 100),
            digest: KeyDigest { scheme, bytes: self.dice.bytes() },
            prefix: KeyPrefix::parse(prefix).expect("three letters"),
            last_four: LastFour::parse(letters.map(|byte| b'a' + byte % 26)).expect("four letters"),
            scopes: self.scopes(),
            expires_at: self.expiry(),
            limits: KeyLimits { addresses: self.addresses(), rate: self.rate() },
            note: self.dice.one_in(4).then(|| self.sealed(subject)),
        }
    }

    /// Mostly none. The networks overlap, and few addresses lie in all of them.
    fn addresses(&mut self) -> AllowedAddresses {
        if !self.dice.one_in(6) {
            return AllowedAddresses::Any;
        }
        let lists = [&["10.0.0.0/8"][..], &["10.0.0.0/16", "2001:db8::/32"], &["192.0.2.0/24"]];
        let list = *self.dice.pick(&lists);
        AllowedAddresses::parse(list.iter().copied()).expect("networks")
    }

    fn rate(&mut self) -> Option<RateLimit> {
        let requests = u32::try_from(1 + self.dice.below(1_000)).expect("a thousand");
        if self.dice.one_in(6) { RateLimit::new(requests, 60).ok() } else { None }
    }

    fn new_signing_key(&mut self) -> NewSigningKey {
        let known = self.model.signing_keys.keys().copied().collect();
        let later = if self.dice.one_in(2) { self.dice.below(600) } else { 0 };
        NewSigningKey {
            id: self.id_to_be(known),
            public_key: PublicKey(self.dice.bytes()),
            active_from: self.now.plus_seconds(later),
        }
    }

    fn policy(&mut self) -> TenantPolicy {
        let day = DAY_SECONDS;
        let max = *self.dice.pick(&[None, None, None, Some(0), Some(3600), Some(day), Some(90 * day)]);
        let default = *self.dice.pick(&[None, None, None, Some(600), Some(day), Some(30 * day)]);
        TenantPolicy { key_life_seconds_max: max, key_life_seconds_default: default }
    }

    fn role(&mut self) -> Role {
        *self.dice.pick(&[
            Role::Administrator,
            Role::Administrator,
            Role::Administrator,
            Role::Member,
            Role::Runner,
            Role::ReadOnly,
        ])
    }

    fn scopes(&mut self) -> Scopes {
        let text = *self.dice.pick(&[
            "keyledger:admin keyledger:keys keyledger:read",
            "keyledger:keys",
            "keyledger:operate keyledger:read",
            "flows:run flows:read",
            "",
        ]);
        if self.dice.one_in(4) { Scopes::parse(text).expect("scope tokens") } else { Scopes::All }
    }

    fn expiry(&mut self) -> Option<Timestamp> {
        match self.dice.below(30) {
            0 => Some(self.now),
            1..=3 => Some(self.now.plus_seconds(self.dice.below(60))),
            4 => Some(self.now.plus_seconds(self.dice.below(DAY_SECONDS))),
            5..=9 => Some(self.now.plus_seconds(self.dice.below(90 * DAY_SECONDS))),
            _ => None,
        }
    }

    fn tenant_name(&mut self) -> SealedName {
        let tenant = self.tenant();
        self.name(Subject::Tenant(tenant), 100)
    }

    fn account_name(&mut self, account: ServiceAccountId) -> SealedName {
        self.name(Subject::ServiceAccount(account), 4)
    }

    fn key_name(&mut self, key: KeyId) -> SealedName {
        let subject = self.subject_of(key);
        self.name(subject, 100)
    }

    fn subject_of(&self, key: KeyId) -> Subject {
        match self.model.keys.get(&key).map(|key| key.owner) {
            Some(Owner::User(user)) => Subject::User(user),
            Some(Owner::ServiceAccount(account)) => Subject::ServiceAccount(account),
            None => Subject::User(UserId::from_bytes([0; 16])),
        }
    }

    /// One of so many names; sealed anew each time.
    fn name(&mut self, subject: Subject, pool: u64) -> SealedName {
        let mut digest = [0; 16];
        digest[..8].copy_from_slice(&self.dice.below(pool).to_le_bytes());
        SealedName { text: self.sealed(subject), digest: TextDigest(digest) }
    }

    fn sealed(&mut self, subject: Subject) -> Sealed {
        let length = 28 + self.dice.below(20);
        let ciphertext = (0..length).map(|_| self.dice.next().to_le_bytes()[0]).collect();
        Sealed { subject, ciphertext }
    }

    /// An id for something new: seldom one that is in use.
    fn id_to_be<K: Copy>(&mut self, known: Vec<Id<K>>) -> Id<K> {
        if self.dice.one_in(20) { self.one_of(known) } else { self.fresh_id() }
    }

    pub(super) fn fresh_id<K>(&mut self) -> Id<K> {
        self.drawn += 1;
        let mut bytes: [u8; 16] = self.dice.bytes();
        bytes[..8].copy_from_slice(&self.drawn.to_be_bytes());
        Id::from_bytes(bytes)
    }

    /// One that is known, seldom one that never was.
    fn one_of<K: Copy>(&mut self, known: Vec<Id<K>>) -> Id<K> {
        if known.is_empty() || self.dice.one_in(40) {
            return Id::from_bytes(self.dice.bytes());
        }
        *self.dice.pick(&known)
    }

    /// One of the living, the latest likeliest; sometimes one of all.
    fn likely<K: Copy>(&mut self, known: Vec<(Id<K>, Alive)>) -> Id<K> {
        let of = |wanted: &[Alive]| -> Vec<_> {
            known.iter().filter(|(_, alive)| wanted.contains(alive)).map(|(id, _)| *id).collect()
        };
        let living = of(&[Alive::Yes]);
        if living.is_empty() || self.dice.one_in(5) {
            return self.one_of(of(&[Alive::Yes, Alive::No]));
        }
        let latest = if self.dice.one_in(2) { living.len().saturating_sub(8) } else { 0 };
        *self.dice.pick(&living[latest..])
    }

    pub(super) fn tenant(&mut self) -> TenantId {
        self.likely(self.model.tenants.values().map(|row| (row.id, alive(row.standing))).collect())
    }

    fn user(&mut self) -> UserId {
        self.likely(self.model.users.values().map(|row| (row.id, alive(row.standing))).collect())
    }

    fn account(&mut self) -> ServiceAccountId {
        self.likely(self.model.service_accounts.values().map(|row| (row.id, alive(row.standing))).collect())
    }

    pub(super) fn key(&mut self) -> KeyId {
        let alive = |key: &Key| if self.lives(key) { Alive::Yes } else { Alive::No };
        self.likely(self.model.keys.values().map(|row| (row.id, alive(row))).collect())
    }

    /// Neither revoked nor over by itself; what it rests on is another matter.
    pub(super) fn lives(&self, key: &Key) -> bool {
        let over = |end: Option<Timestamp>| end.is_some_and(|end| end <= self.now);
        key.life.revoked.is_none() && !over(key.life.expires_at) && !over(key.life.grace_ends_at)
    }

    fn signing_key(&mut self) -> SigningKeyId {
        self.one_of(self.model.signing_keys.keys().copied().collect())
    }

    /// A member of old or of now, both of whom live; sometimes two who may never have met.
    fn member(&mut self) -> (TenantId, UserId) {
        let living = |user, tenant| {
            let user = self.model.users.get(user).map(|user| user.standing);
            let tenant = self.model.tenants.get(tenant).map(|tenant| tenant.standing);
            user == Some(Standing::Living) && tenant == Some(Standing::Living)
        };
        let rows = self.model.memberships.iter();
        let known: Vec<_> =
            rows.filter(|((user, tenant), _)| living(user, tenant)).map(|(_, row)| *row).collect();
        if known.is_empty() || self.dice.one_in(10) {
            return (self.tenant(), self.user());
        }
        let member = *self.dice.pick(&known);
        (member.tenant, member.user)
    }

    fn token(&mut self) -> (TokenId, KeyId) {
        let minted: Vec<_> = self
            .tokens
            .iter()
            .filter_map(|actor| match actor {
                domain::actor::Actor::Holder(holder) => holder.token.map(|token| (token.id, holder.key)),
                domain::actor::Actor::Console | domain::actor::Actor::Server => None,
            })
            .collect();
        if minted.is_empty() { (self.fresh_id(), self.key()) } else { *self.dice.pick(&minted) }
    }
}
