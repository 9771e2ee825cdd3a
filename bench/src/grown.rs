//! Ledgers of real size, grown by the events that people and machines would cause, in the commits of a busy writer.
//!
//! The events go through the store as the writer's do; only deciding is left out. Names are random bytes of a sealed
//! name's size, if nothing that is measured reads them. Keys have real strings, drawn from the seed: [`key_string`].

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use credentials::digest::Pepper;
use credentials::key_string::{KeyString, default_prefix};
use credentials::sealing::{self, SubjectKey};
use domain::actor::{ActorId, Idempotency, IdempotencyKey, Way};
use domain::event::{Event, KeyCreated, TenantPolicy};
use domain::ids::{Id, KeyId, ServiceAccountId, TenantId, UserId};
use domain::key::{Owner, Reach, RevocationReason};
use domain::role::{Role, Scopes};
use domain::sealed::{Sealed, SealedName, Subject, TextDigest};
use domain::time::Timestamp;
use store::secrets::{SecretBytes, SubjectKeys};
use store::{Ledger, Origin};

use crate::dice::Dice;

/// The instant of the first event.
const BEGAN_MS: u64 = 1_767_225_600_000;
/// For how long a ledger grows, however large it gets: some 150 days, so that its lifetimes differ as real ones do.
const SPAN_MS: u64 = 150 * 86_400_000;
/// A nonce, a tag, and a text padded to two blocks.
const SEALED_BYTES: usize = 24 + 32 + 16;
/// How many service accounts a tenant has, and how many keys each of them.
const ACCOUNTS_PER_TENANT: u64 = 20;
const KEYS_PER_ACCOUNT: u64 = 10;

/// What grows.
pub struct Grown<'a> {
    ledger: &'a Ledger,
    pepper: &'a Pepper,
    dice: Dice,
    now_ms: u64,
    /// How long after a command the next one comes.
    step_ms: u64,
    tenant: TenantId,
    account: ServiceAccountId,
    administrator: Owner,
    /// Keys that may be changed, by number, and how many were made.
    recent: Vec<KeyId>,
    made: u64,
    waiting: Vec<(Vec<Event>, Origin, Timestamp)>,
    /// Of the subjects whose names can be read.
    sealing: HashMap<Subject, SubjectKey>,
}

/// What the events are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// Keys, and what it takes to have them: the most that verification has to know.
    Keys,
    /// The same, all in one tenant.
    OneTenant,
    /// Of a hundred commands: 60 make a key, 12 revoke one, 8 rotate one, 8 rename one, 6 set a new end, 3 disable one
    /// and 3 enable one. One in four carries an idempotency key.
    Mixed,
}

/// The string of the key with this number, and so its id.
pub fn key_string(number: u64) -> KeyString {
    let mut dice = Dice(number ^ 0x6B65_796C_6564_6765);
    let mut id: [u8; 16] = dice.bytes();
    // Version 7 of RFC 9562: keys made later sort later.
    id[..6].copy_from_slice(&(BEGAN_MS + number).to_be_bytes()[2..]);
    id[6] = 0x70 | (id[6] & 0x0F);
    id[8] = 0x80 | (id[8] & 0x3F);
    let owner = Owner::ServiceAccount(Id::from_bytes([0; 16]));
    KeyString::make(default_prefix(&owner), KeyId::from_bytes(id), dice.bytes())
}

impl<'a> Grown<'a> {
    /// Goes on with a ledger that holds nothing of a seed yet.
    pub fn new(ledger: &'a Ledger, pepper: &'a Pepper, administrator: UserId, tenant: TenantId) -> Self {
        let (account, dice) = (Id::from_bytes([0; 16]), Dice(0x6C65_6467_6572));
        let administrator = Owner::User(administrator);
        let (recent, waiting) = (vec![], vec![]);
        let (now_ms, step_ms, made) = (BEGAN_MS, 1, 0);
        let sealing = HashMap::new();
        Self {
            ledger,
            pepper,
            dice,
            now_ms,
            step_ms,
            tenant,
            account,
            administrator,
            recent,
            made,
            waiting,
            sealing,
        }
    }

    /// Appends until so many keys were made, in commits of so many commands.
    pub fn until(&mut self, keys: u64, mix: Mix, commands_per_commit: usize) -> Result<(), String> {
        self.pace(keys);
        while self.made < keys {
            self.command(mix);
            if self.waiting.len() >= commands_per_commit || self.made == keys {
                self.commit()?;
            }
            if self.made.is_multiple_of(250_000) && self.waiting.is_empty() {
                eprintln!("  {} keys ...", self.made);
            }
        }
        Ok(())
    }

    /// The same, all in one tenant, with names that can be read.
    pub fn until_readable(
        &mut self,
        keys: u64,
        subjects: &mut SubjectKeys,
        commands_per_commit: usize,
    ) -> Result<(), String> {
        self.pace(keys);
        while self.made < keys {
            if self.made.is_multiple_of(KEYS_PER_ACCOUNT) {
                let (account, key) = (self.id(), self.dice.bytes());
                let subject = Subject::ServiceAccount(account);
                subjects.add(subject, SecretBytes::new(key)).map_err(|error| error.to_string())?;
                self.sealing.insert(subject, SubjectKey::from_bytes(key));
                self.make_an_account(account);
            }
            let created = self.key_created();
            self.remember(created.key);
            self.push(vec![Event::KeyCreated(created)]);
            if self.waiting.len() >= commands_per_commit || self.made == keys {
                self.commit()?;
            }
        }
        Ok(())
    }

    /// Spreads what makes so many keys over the span. Of a mixed history that is three commands for two keys.
    fn pace(&mut self, keys: u64) {
        self.step_ms = (SPAN_MS * 2 / 3 / keys.max(1)).max(1);
    }

    /// One command of the mix.
    fn command(&mut self, mix: Mix) {
        let wish = if mix == Mix::Mixed { self.dice.below(100) } else { 0 };
        let known = self.recent.len() as u64;
        if wish < 60 || known == 0 {
            return self.make_a_key(mix);
        }
        let slot = self.dice.below(known) as usize;
        let key = self.recent[slot];
        match wish {
            60..72 => {
                self.recent.swap_remove(slot);
                self.push(vec![Event::KeyRevoked { key, reason: RevocationReason::Superseded, note: None }]);
            }
            72..80 => {
                let created = self.key_created();
                let grace_ends_at = at(self.now_ms + 86_400_000);
                let successor = created.key;
                self.recent[slot] = successor;
                let rotated = Event::KeyRotated { key, successor, grace_ends_at };
                self.push(vec![Event::KeyCreated(created), rotated]);
            }
            80..88 => {
                let name = self.name(Subject::ServiceAccount(self.account));
                self.push(vec![Event::KeyRenamed { key, name }]);
            }
            88..94 => {
                let expires_at = Some(at(self.now_ms + 90 * 86_400_000));
                self.push(vec![Event::KeyExpiryChanged { key, expires_at }]);
            }
            94..97 => self.push(vec![Event::KeyDisabled { key }]),
            _ => self.push(vec![Event::KeyEnabled { key }]),
        }
    }

    fn make_a_key(&mut self, mix: Mix) {
        if mix != Mix::OneTenant && self.made.is_multiple_of(ACCOUNTS_PER_TENANT * KEYS_PER_ACCOUNT) {
            let tenant = self.id();
            self.tenant = tenant;
            let (slug, name) = (self.name(Subject::Tenant(tenant)), self.name(Subject::Tenant(tenant)));
            self.push(vec![Event::TenantCreated { tenant, slug, name, policy: TenantPolicy::default() }]);
        }
        if self.made.is_multiple_of(KEYS_PER_ACCOUNT) {
            let account = self.id();
            self.make_an_account(account);
        }
        let created = self.key_created();
        self.remember(created.key);
        self.push(vec![Event::KeyCreated(created)]);
    }

    fn make_an_account(&mut self, service_account: ServiceAccountId) {
        self.account = service_account;
        let name = self.name(Subject::ServiceAccount(service_account));
        let (tenant, role) = (self.tenant, Role::Runner);
        self.push(vec![Event::ServiceAccountCreated { service_account, tenant, name, role }]);
    }

    /// Notes a key that may be changed later.
    fn remember(&mut self, key: KeyId) {
        if self.recent.len() < 10_000 {
            self.recent.push(key);
        } else {
            let slot = self.dice.below(10_000) as usize;
            self.recent[slot] = key;
        }
    }

    fn key_created(&mut self) -> KeyCreated {
        let string = key_string(self.made);
        self.made += 1;
        let owner = Owner::ServiceAccount(self.account);
        KeyCreated {
            key: string.id(),
            owner,
            reach: Reach::Tenant(self.tenant),
            name: self.name(Subject::ServiceAccount(self.account)),
            digest: self.pepper.digest(string.secret()),
            prefix: default_prefix(&owner),
            last_four: string.last_four(),
            scopes: Scopes::All,
            // Far off: ledgers are kept between runs.
            expires_at: Some(at(self.now_ms + 7_300 * 86_400_000)),
        }
    }

    fn push(&mut self, events: Vec<Event>) {
        self.now_ms += self.step_ms;
        let used = self.dice.below(4) == 0;
        let origin = Origin {
            actor: ActorId::Holder {
                identity: self.administrator,
                key: Id::from_bytes([7; 16]),
                token: None,
            },
            way: Way::GraphQl,
            request: self.id(),
            idempotency: used.then(|| self.idempotency()),
            seed: self.dice.bytes(),
        };
        self.waiting.push((events, origin, at(self.now_ms)));
    }

    fn idempotency(&mut self) -> Idempotency {
        let key = IdempotencyKey::parse(&format!("{:032x}", self.dice.next())).expect("digits are admitted");
        Idempotency { key, command: self.dice.bytes() }
    }

    fn commit(&mut self) -> Result<(), String> {
        let waiting = std::mem::take(&mut self.waiting);
        let committed = self.ledger.transact(|transaction| {
            for (events, origin, now) in waiting {
                transaction.append(events, &origin, now)?;
            }
            Ok(())
        });
        committed.map(drop).map_err(|error| error.to_string())
    }

    fn name(&mut self, subject: Subject) -> SealedName {
        if self.sealing.contains_key(&subject) {
            let text = format!("nightly import {}", self.made);
            let nonce = self.dice.bytes();
            let text = sealing::seal(&self.sealing[&subject], subject, nonce, &text);
            return SealedName { text, digest: TextDigest(self.dice.bytes()) };
        }
        let ciphertext = self.dice.bytes::<SEALED_BYTES>().to_vec();
        SealedName { text: Sealed { subject, ciphertext }, digest: TextDigest(self.dice.bytes()) }
    }

    fn id<K>(&mut self) -> Id<K> {
        let mut id: [u8; 16] = self.dice.bytes();
        id[..6].copy_from_slice(&self.now_ms.to_be_bytes()[2..]);
        Id::from_bytes(id)
    }
}

/// The instant of the first event.
pub fn began() -> Timestamp {
    at(BEGAN_MS)
}

fn at(ms: u64) -> Timestamp {
    let ms = i64::try_from(ms).expect("the bench ends before the year 292 million");
    Timestamp::from_unix_ms(ms).expect("in range")
}

/// What a file takes on its disk: what was never written takes nothing.
pub fn bytes_on_disk(path: &Path) -> Result<u64, String> {
    let file = std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(file.blocks() * 512)
}

/// The length of a file.
pub fn bytes_of(path: &Path) -> Result<u64, String> {
    std::fs::metadata(path).map(|file| file.len()).map_err(|error| format!("{}: {error}", path.display()))
}
