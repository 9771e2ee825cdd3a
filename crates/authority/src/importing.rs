//! Importing: keys that another system gave out are accepted here as they are, by the SHA-256 of their text.
//!
//! Only the person at the machine brings keys over: whoever knows a secret before its owner does could act as the owner. The
//! log records them as made by the console, on the way `import`.

use std::collections::HashMap;
use std::sync::mpsc;

use credentials::digest::{TextKind, sha256_digest};
use credentials::secret::Secret;
use domain::actor::{Actor, Way};
use domain::command::NewKey;
use domain::event::Event;
use domain::ids::{KeyId, ServiceAccountId, TenantId};
use domain::key::{DigestScheme, KeyDigest, KeyPrefix, LastFour, Owner, Reach};
use domain::limits::KeyLimits;
use domain::names::{Name, Slug};
use domain::role::Scopes;
use domain::row::{NameHolder, UniqueName};
use domain::time::Timestamp;
use domain::{Command, Lookup as _, decide};

use crate::authority::{Authority, Request};
use crate::compose::{Composed, subject_of};
use crate::entropy;
use crate::failure::Failure;
use crate::writer::Done;

/// A key that another system gave out.
#[derive(Clone, Debug)]
pub struct ForeignKey {
    /// Whose it is.
    pub owner: Owner,
    /// Where it acts.
    pub reach: Reach,
    /// What people call it.
    pub name: Name,
    /// What recognises it, and what lists show of it.
    pub text: ForeignText,
    /// What it is narrowed to.
    pub scopes: Scopes,
    /// When it ends; none: as the tenant's policy says.
    pub expires_at: Option<Timestamp>,
}

/// What is known of the text of a foreign key.
#[derive(Clone, Debug)]
pub struct ForeignText {
    /// Its SHA-256.
    pub digest: [u8; 32],
    /// What it would be recognised by if it were one of ours; none: only its SHA-256 is known.
    pub ours: Option<KeyDigest>,
    /// How lists say that it begins.
    pub prefix: KeyPrefix,
    /// How lists say that it ends.
    pub last_four: LastFour,
}

impl Authority {
    /// What is to be known of a plain text, which is not kept.
    pub fn foreign_text(&self, secret: &Secret) -> ForeignText {
        let begin = secret.expose().split_once('_').and_then(|(prefix, _)| KeyPrefix::parse(prefix));
        ForeignText {
            digest: sha256_digest(secret.as_text()).bytes,
            ours: Some(self.shared.keyring.pepper.digest(secret)),
            prefix: begin.unwrap_or_else(ForeignText::no_prefix),
            last_four: secret.last_four(),
        }
    }
}

impl ForeignText {
    /// What lists show of a key of which nobody knows how it begins.
    pub fn no_prefix() -> KeyPrefix {
        KeyPrefix::parse("imported").expect("eight letters are a prefix")
    }

    fn key_digest(&self) -> KeyDigest {
        KeyDigest { scheme: DigestScheme::Sha256, bytes: self.digest }
    }
}

/// An import of many keys: each text once, whatever was brought over before.
pub struct Import<'a> {
    authority: &'a Authority,
    carry_out: CarryOut,
    /// Whose the texts are that were met on the way, and are not in the ledger yet.
    seen: HashMap<[u8; 32], Owner>,
}

/// Whether it is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CarryOut {
    /// Yes.
    Yes,
    /// The rules are asked, and nothing is changed.
    No,
}

/// What comes of one key.
pub enum Brought {
    /// It is on its way into the log.
    Begun(Pending),
    /// It would be let in.
    Would,
    /// It is here already.
    Known,
    /// The same text is on its way: what comes of it must be known first.
    UnderWay,
    /// It is here already, as a key of somebody else.
    OfAnother(Owner),
}

/// A key on its way into the log.
pub struct Pending(mpsc::Receiver<Result<Done, Failure>>);

impl Pending {
    /// Waits until the key is durable; its id here.
    pub fn wait(self) -> Result<KeyId, Failure> {
        let done = self.0.recv().unwrap_or(Err(Failure::UnknownOutcome))?;
        let made = done.recorded.iter().find_map(|recorded| match &recorded.event {
            Event::KeyCreated(created) => Some(created.key),
            _ => None,
        });
        Ok(made.expect("making a key makes a key"))
    }
}

impl Authority {
    /// The living tenant with this slug.
    pub fn tenant_with(&self, slug: &Slug) -> Result<Option<TenantId>, Failure> {
        let name = UniqueName::TenantSlug(
            self.shared.keyring.pepper.text_digest(TextKind::TenantSlug, slug.as_str()),
        );
        Ok(match self.snapshot()?.rows().unique_name(name)? {
            Some(NameHolder::Tenant(tenant)) => Some(tenant),
            Some(NameHolder::User(_) | NameHolder::ServiceAccount(_)) | None => None,
        })
    }

    /// The living service account of a tenant with this name.
    pub fn account_with(&self, tenant: TenantId, name: &Name) -> Result<Option<ServiceAccountId>, Failure> {
        let digest = self.shared.keyring.pepper.text_digest(TextKind::AccountName, name.as_str());
        Ok(match self.snapshot()?.rows().unique_name(UniqueName::ServiceAccountName(tenant, digest))? {
            Some(NameHolder::ServiceAccount(account)) => Some(account),
            Some(NameHolder::User(_) | NameHolder::Tenant(_)) | None => None,
        })
    }

    fn compose_import(&self, key: &ForeignKey) -> Result<Composed, Failure> {
        let asked = format!("import_key {key:?}");
        let (subject, entity) = subject_of(key.owner);
        let new = NewKey {
            id: entropy::row_id(self.now()),
            name: self.known_name(subject, entity, TextKind::KeyName, &key.name)?,
            digest: key.text.key_digest(),
            prefix: key.text.prefix.clone(),
            last_four: key.text.last_four,
            scopes: key.scopes.clone(),
            expires_at: key.expires_at,
            limits: KeyLimits::default(),
            note: None,
        };
        Ok(Composed::asked(asked, Command::CreateKey { owner: key.owner, reach: key.reach, key: new }))
    }
}

impl<'a> Import<'a> {
    /// Begins one, by the only process that writes the ledger.
    pub fn new(authority: &'a Authority, carry_out: CarryOut) -> Self {
        Self { authority, carry_out, seen: HashMap::new() }
    }

    /// Brings a key over, unless it is here. Many can be begun before the first is waited for: they share commits.
    pub fn bring(&mut self, key: &ForeignKey) -> Result<Brought, Failure> {
        let seen = self.seen.get(&key.text.digest).copied();
        if self.carry_out == CarryOut::Yes && seen.is_some() {
            return Ok(Brought::UnderWay);
        }
        match self.owner_here(&key.text).or(seen) {
            Some(owner) if owner == key.owner => return Ok(Brought::Known),
            Some(owner) => return Ok(Brought::OfAnother(owner)),
            None => {}
        }
        let composed = self.authority.compose_import(key)?;
        let outcome = match self.carry_out {
            CarryOut::Yes => Brought::Begun(self.begin(composed)),
            CarryOut::No => self.judge(composed).map(|()| Brought::Would)?,
        };
        self.seen.insert(key.text.digest, key.owner);
        Ok(outcome)
    }

    /// Whatever was under way has been waited for: the ledger has it, or it was refused.
    pub fn settled(&mut self) {
        self.seen.clear();
    }

    fn owner_here(&self, text: &ForeignText) -> Option<Owner> {
        let index = self.authority.index();
        let here = index.by_digest(&text.key_digest());
        let record = here.or_else(|| index.by_digest(text.ours.as_ref()?))?;
        Some(index.owner(record))
    }

    fn begin(&self, composed: Composed) -> Pending {
        let request = Request { way: Way::Import, id: self.authority.request_id(), idempotency_key: None };
        let (reply, outcome) = mpsc::sync_channel(1);
        self.authority.submit(&Actor::Console, &request, composed, move |done| {
            let _ = reply.send(done);
        });
        Pending(outcome)
    }

    fn judge(&self, composed: Composed) -> Result<(), Failure> {
        let snapshot = self.authority.snapshot()?;
        let now = self.authority.now().max(snapshot.head().recorded_at);
        decide(&snapshot.rows(), &Actor::Console, composed.command, now)??;
        Ok(())
    }
}
