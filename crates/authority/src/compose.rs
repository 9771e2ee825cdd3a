//! Composing: plain input becomes a command, with fresh ids and secrets drawn and personal text sealed.
//!
//! Nothing here asks whether the command is allowed; the rules do, when it is decided.

use credentials::digest::TextKind;
use credentials::key_string::KeyString;
use credentials::sealing::SubjectKey;
use domain::Command;
use domain::command::{Bootstrap, FirstAdministrator, NewKey, NewTenant, NewUser, Successor};
use domain::decide::role_of;
use domain::event::{RetirementReason, TenantPolicy};
use domain::ids::{KeyId, ServiceAccountId, TenantId, UserId};
use domain::key::{KeyPrefix, Owner, Reach, RevocationReason};
use domain::limits::KeyLimits;
use domain::names::{Email, Name, Note, Slug};
use domain::rejection::{Entity, Refusal, Rejection};
use domain::role::{Permission, Role, Scopes};
use domain::row::{NameHolder, UniqueName};
use domain::sealed::{SealedName, Subject};
use domain::time::Timestamp;
use domain::{Lookup, ids::SigningKeyId};

use crate::authenticate::Caller;
use crate::authority::Authority;
use crate::entropy;
use crate::failure::{Failure, InputError};
use crate::keyring::NewSecret;
use crate::queries::{KeyView, ServiceAccountView, Which, confinement};

/// A command ready to be submitted.
pub struct Composed {
    pub(crate) command: Command,
    pub(crate) secrets: Vec<NewSecret>,
    /// What was asked for, in a form that is the same when the same is asked for again.
    pub(crate) asked: String,
    /// The key that the command makes, if it makes one: for the one reply that shows it.
    pub key: Option<KeyString>,
}

/// How new key strings begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefixes {
    /// Keys of users.
    pub user: KeyPrefix,
    /// Keys of service accounts.
    pub service_account: KeyPrefix,
}

impl Default for Prefixes {
    fn default() -> Self {
        let prefix = |text| KeyPrefix::parse(text).expect("the default prefixes are well formed");
        Self {
            user: prefix(credentials::key_string::USER_PREFIX),
            service_account: prefix(credentials::key_string::SERVICE_ACCOUNT_PREFIX),
        }
    }
}

/// What a key is to be.
#[derive(Clone, Debug)]
pub struct KeyInput {
    /// What people will call it.
    pub name: Name,
    /// When it ends; none: as the tenant's policy says.
    pub expires_at: Option<Timestamp>,
    /// What it is narrowed to.
    pub scopes: Scopes,
    /// What it is held to; accepted from anywhere: from wherever the key used is.
    pub limits: KeyLimits,
    /// What people remark about it.
    pub note: Option<Note>,
}

/// What people remark, as the log may keep it. Whoever may see the key reads it, for good: it must not hold a key.
pub fn note(text: &str) -> Result<Note, Failure> {
    let note = Note::parse(text)?;
    without_key("note", text).map(|()| note)
}

/// What people call things, likewise: a name is shown even more widely.
pub fn name(text: &str) -> Result<Name, Failure> {
    let name = Name::parse(text)?;
    without_key("name", text).map(|()| name)
}

/// What people call a service account, likewise.
pub fn account_name(text: &str) -> Result<Name, Failure> {
    let name = Name::of_account(text)?;
    without_key("name", text).map(|()| name)
}

fn without_key(field: &'static str, text: &str) -> Result<(), Failure> {
    let rule = "there is an API key in the text; write where it is kept instead";
    if KeyString::is_in(text) { Err(InputError::Malformed { field, rule }.into()) } else { Ok(()) }
}

/// What a tenant is to be.
#[derive(Clone, Debug)]
pub struct TenantInput {
    /// Its short name.
    pub slug: Slug,
    /// Its display name.
    pub name: Name,
    /// Its rules for new keys.
    pub policy: TenantPolicy,
}

/// Who a user is.
#[derive(Clone, Debug)]
pub struct UserInput {
    /// The e-mail address, which recognises the user.
    pub email: Email,
    /// The user's own name.
    pub name: Option<Name>,
}

impl Composed {
    /// A command without names or secrets.
    pub fn plain(command: Command) -> Self {
        Self::asked(format!("{command:?}"), command)
    }

    /// The user that the command makes a member, if it was known before.
    pub fn known_member(&self) -> Option<UserId> {
        if let Command::AddMember { user, .. } = &self.command { Some(*user) } else { None }
    }

    pub(crate) fn asked(asked: String, command: Command) -> Self {
        Self { command, secrets: vec![], asked, key: None }
    }
}

impl Authority {
    /// A tenant with its first administrator: a user known by that address, or a new one with a first key.
    pub fn create_tenant(
        &self,
        tenant: &TenantInput,
        administrator: &UserInput,
    ) -> Result<Composed, Failure> {
        let asked = format!("create_tenant {tenant:?} {administrator:?}");
        let (tenant, tenant_secret) = self.new_tenant(tenant);
        if let Some(user) = self.user_with(&administrator.email)? {
            let administrator = FirstAdministrator::Known(user);
            let command = Command::CreateTenant { tenant, administrator };
            return Ok(Composed { command, secrets: vec![tenant_secret], asked, key: None });
        }
        let (user, user_key, user_secret) = self.new_user(administrator);
        let (key, string) = self.first_key(user.id, &user_key);
        let administrator = FirstAdministrator::New(Box::new((user, key)));
        let command = Command::CreateTenant { tenant, administrator };
        Ok(Composed { command, secrets: vec![tenant_secret, user_secret], asked, key: Some(string) })
    }

    /// A tenant's new display name.
    pub fn rename_tenant(&self, tenant: TenantId, name: &Name) -> Result<Composed, Failure> {
        let subject = Subject::Tenant(tenant);
        let asked = format!("rename_tenant {tenant} {name:?}");
        let name = self.known_name(subject, Entity::Tenant(tenant), TextKind::TenantName, name)?;
        Ok(Composed::asked(asked, Command::RenameTenant { tenant, name }))
    }

    /// A member: a user known by that address, or a new one. With a first key, confined to the tenant, if asked.
    pub fn add_member(
        &self,
        tenant: TenantId,
        user: &UserInput,
        role: Role,
        first_key: FirstKey,
    ) -> Result<Composed, Failure> {
        let asked = format!("add_member {tenant} {user:?} {role:?} {first_key:?}");
        if let Some(id) = self.user_with(&user.email)? {
            let (key, string) = match first_key {
                FirstKey::Wanted => {
                    let subject_key = self.known_subject(Subject::User(id), Entity::User(id))?;
                    Some(self.first_key(id, &subject_key)).unzip()
                }
                FirstKey::None => (None, None),
            };
            let command = Command::AddMember { tenant, user: id, role, first_key: key };
            return Ok(Composed { command, secrets: vec![], asked, key: string });
        }
        let (user, user_key, secret) = self.new_user(user);
        let (first_key, key) = match first_key {
            FirstKey::Wanted => Some(self.first_key(user.id, &user_key)).unzip(),
            FirstKey::None => (None, None),
        };
        let command = Command::CreateUser { user, tenant, role, first_key };
        Ok(Composed { command, secrets: vec![secret], asked, key })
    }

    /// A service account of a tenant.
    pub fn create_service_account(&self, tenant: TenantId, name: &Name, role: Role) -> Composed {
        let asked = format!("create_service_account {tenant} {name:?} {role:?}");
        self.new_service_account(asked, tenant, name, role, None)
    }

    /// A service account of a tenant with its first key: both, or neither.
    pub fn create_service_account_with_key(
        &self,
        tenant: TenantId,
        name: &Name,
        role: Role,
        first_key: &KeyInput,
    ) -> Composed {
        let asked = format!("create_service_account {tenant} {name:?} {role:?} {first_key:?}");
        self.new_service_account(asked, tenant, name, role, Some(first_key))
    }

    /// A service account's new name.
    pub fn rename_service_account(&self, id: ServiceAccountId, name: &Name) -> Result<Composed, Failure> {
        let subject = Subject::ServiceAccount(id);
        let asked = format!("rename_service_account {id} {name:?}");
        let name = self.known_name(subject, Entity::ServiceAccount(id), TextKind::AccountName, name)?;
        Ok(Composed::asked(asked, Command::RenameServiceAccount { service_account: id, name }))
    }

    /// A key for an owner.
    pub fn create_key(&self, owner: Owner, reach: Reach, input: &KeyInput) -> Result<Composed, Failure> {
        let asked = format!("create_key {owner:?} {reach:?} {input:?}");
        let (subject, entity) = subject_of(owner);
        let subject_key = self.known_subject(subject, entity)?;
        let (key, string) = self.new_key(owner, &subject_key, input);
        let command = Command::CreateKey { owner, reach, key };
        Ok(Composed { command, secrets: vec![], asked, key: Some(string) })
    }

    /// A key's new name.
    pub fn rename_key(&self, id: KeyId, name: &Name) -> Result<Composed, Failure> {
        let asked = format!("rename_key {id} {name:?}");
        let owner = self.owner_of(id)?;
        let name = self.known_name(subject_of(owner).0, Entity::Key(id), TextKind::KeyName, name)?;
        Ok(Composed::asked(asked, Command::RenameKey { key: id, name }))
    }

    /// What people remark about a key from now on; none: nothing.
    pub fn change_key_note(&self, id: KeyId, note: Option<&Note>) -> Result<Composed, Failure> {
        let asked = format!("change_key_note {id} {note:?}");
        let row = self.snapshot()?.rows().key(id)?.ok_or(Rejection::NotFound(Entity::Key(id)))?;
        let note = match (note, row.note) {
            (None, _) => None,
            // The same text is sealed otherwise each time; sent as it is, it says nothing new.
            (Some(note), Some(before)) if self.open_text(&before) == note.as_str() => Some(before),
            (Some(note), _) => {
                let subject = subject_of(row.owner).0;
                let key = self.known_subject(subject, Entity::Key(id))?;
                Some(self.shared.keyring.seal(&key, subject, note.as_str()))
            }
        };
        Ok(Composed::asked(asked, Command::ChangeKeyNote { key: id, note }))
    }

    /// The end of a key, with a remark for whoever reads the log.
    pub fn revoke_key(
        &self,
        id: KeyId,
        reason: RevocationReason,
        note: Option<&Note>,
    ) -> Result<Composed, Failure> {
        let asked = format!("revoke_key {id} {reason:?} {note:?}");
        let note = match note {
            None => None,
            Some(note) => {
                let subject = subject_of(self.owner_of(id)?).0;
                let key = self.known_subject(subject, Entity::Key(id))?;
                Some(self.shared.keyring.seal(&key, subject, note.as_str()))
            }
        };
        Ok(Composed::asked(asked, Command::RevokeKey { key: id, reason, note }))
    }

    /// A key's successor; both are accepted until the grace ends.
    pub fn rotate_key(
        &self,
        id: KeyId,
        expires_at: Option<Timestamp>,
        grace_ends_at: Timestamp,
    ) -> Result<Composed, Failure> {
        let asked = format!("rotate_key {id} {expires_at:?} {grace_ends_at:?}");
        let string = self.new_key_string(self.owner_of(id)?);
        let successor = Successor {
            id: string.id(),
            digest: self.shared.keyring.pepper.digest(string.secret()),
            prefix: string.prefix().clone(),
            last_four: string.last_four(),
            expires_at,
        };
        let command = Command::RotateKey { key: id, successor, grace_ends_at };
        Ok(Composed { command, secrets: vec![], asked, key: Some(string) })
    }

    /// A key's successor; both are accepted for so many seconds more.
    pub fn rotate_key_overlapping(
        &self,
        id: KeyId,
        expires_at: Option<Timestamp>,
        overlap_seconds: u64,
    ) -> Result<Composed, Failure> {
        // The end of the grace is another one each time; what was asked for is not.
        let asked = format!("rotate_key {id} {expires_at:?} overlapping {overlap_seconds}");
        let grace_ends_at = self.now().plus_seconds(overlap_seconds);
        Ok(Composed { asked, ..self.rotate_key(id, expires_at, grace_ends_at)? })
    }

    /// The successor of a service account's newest key, which is accepted for so many seconds more. An account whose keys
    /// have all ended gets another instead, which is no wider than the newest of those.
    pub fn rotate_newest_key(
        &self,
        caller: &Caller,
        account: &ServiceAccountView,
        expires_at: Option<Timestamp>,
        overlap_seconds: u64,
    ) -> Result<Composed, Failure> {
        // Which key is the newest is another one when it is asked again; what was asked for is not.
        let asked = format!("rotate_newest_key {} {expires_at:?} overlapping {overlap_seconds}", account.id);
        let (owner, keys) = self.keys_of(caller, account.id.bytes(), Which::Living)?;
        let over = |key: &KeyView| key.successor.is_some() || key.status == Err(Refusal::KeyExpired);
        let composed = match keys.iter().rfind(|key| !over(key)) {
            Some(key) => self.rotate_key_overlapping(key.id, expires_at, overlap_seconds)?,
            None => {
                let name = Name::parse(&account.name)?;
                let (_, ended) = self.keys_of(caller, account.id.bytes(), Which::All)?;
                let newest = ended.into_iter().max_by_key(|key| key.created.position);
                let (scopes, limits) = match newest {
                    Some(key) => (key.scopes.intersect(&caller.scopes), key.limits),
                    None => (caller.scopes.clone(), KeyLimits::default()),
                };
                let key = KeyInput { name, expires_at, scopes, limits, note: None };
                self.create_key(owner, Reach::Tenant(account.tenant), &key)?
            }
        };
        Ok(Composed { asked, ..composed })
    }

    /// A signing key, active from an instant.
    pub fn add_signing_key(&self, active_from: Timestamp) -> Composed {
        let (signing_key, secret) = self.shared.keyring.new_signing_key(self.now(), active_from);
        let command = Command::AddSigningKey { signing_key };
        Composed {
            command,
            secrets: vec![secret],
            asked: format!("add_signing_key {active_from:?}"),
            key: None,
        }
    }

    /// A signing key that takes over: at once, or at an instant to come. It is published at once.
    pub fn rotate_signing_key(&self, active_from: Option<Timestamp>) -> Composed {
        let asked = format!("rotate_signing_key {active_from:?}");
        let now = self.now();
        // An instant that is over means now: a key that were active from earlier than another would not take over.
        Composed { asked, ..self.add_signing_key(active_from.map_or(now, |from| from.max(now))) }
    }

    /// The end of a signing key; a compromised one is replaced in the same command.
    pub fn retire_signing_key(
        &self,
        id: SigningKeyId,
        reason: RetirementReason,
    ) -> Result<Composed, Failure> {
        let asked = format!("retire_signing_key {id} {reason:?}");
        // What was retired before signs no more, so nothing takes its place now.
        let signs = self.snapshot()?.rows().signing_key(id)?.is_some_and(|key| key.retired.is_none());
        let composed = match reason {
            RetirementReason::Compromised if signs => self.replace_signing_key(id, reason),
            RetirementReason::Compromised | RetirementReason::Superseded => {
                Composed::plain(Command::RetireSigningKey { signing_key: id, reason, replacement: None })
            }
        };
        Ok(Composed { asked, ..composed })
    }

    /// The end of a signing key, with another in its place at once.
    pub fn replace_signing_key(&self, id: SigningKeyId, reason: RetirementReason) -> Composed {
        let now = self.now();
        let (replacement, secret) = self.shared.keyring.new_signing_key(now, now);
        let replacement = Some(replacement);
        let command = Command::RetireSigningKey { signing_key: id, reason, replacement };
        Composed { command, secrets: vec![secret], asked: format!("replace {id} {reason:?}"), key: None }
    }

    /// The owner that an id names, if there is one.
    pub fn owner_with(&self, id: [u8; 16]) -> Result<Option<Owner>, Failure> {
        let snapshot = self.snapshot()?;
        let user = UserId::from_bytes(id);
        if snapshot.rows().user(user)?.is_some() {
            return Ok(Some(Owner::User(user)));
        }
        let account = ServiceAccountId::from_bytes(id);
        Ok(snapshot.rows().service_account(account)?.map(|_| Owner::ServiceAccount(account)))
    }

    /// Whose a key is to be, and where it is to act: in the tenant named; else in the one to which the credential used is
    /// confined; else in any of the owner's, at home in the one in which the caller acts.
    pub fn place_of_key(
        &self,
        caller: &Caller,
        owner: [u8; 16],
        named: Option<TenantId>,
    ) -> Result<(Owner, Reach), Failure> {
        let unknown = Rejection::NotFound(Entity::User(UserId::from_bytes(owner)));
        let owner = match self.owner_with(owner)? {
            // An account of a tenant that the caller does not see is nobody, too: that it is an account would tell.
            Some(Owner::ServiceAccount(account)) if !self.sees_tenant_of(caller, account)? => None,
            owner => owner,
        };
        Ok((owner.ok_or(unknown)?, Self::reach_of_key(caller, named)?))
    }

    fn sees_tenant_of(&self, caller: &Caller, account: ServiceAccountId) -> Result<bool, Failure> {
        let snapshot = self.snapshot()?;
        let rows = snapshot.rows();
        let Some(account) = rows.service_account(account)? else { return Ok(false) };
        let role = role_of(&rows, &caller.actor, account.tenant, Permission::Read, self.now())?;
        Ok(!matches!(role, Err(Rejection::NotFound(_))))
    }

    /// Where a key is to act: in the tenant named, or as widely as the credential used.
    pub fn reach_of_key(caller: &Caller, named: Option<TenantId>) -> Result<Reach, Failure> {
        match (named.or(confinement(caller)), caller.tenant) {
            (Some(tenant), _) => Ok(Reach::Tenant(tenant)),
            (None, Some(home)) => Ok(Reach::AnyTenant { home }),
            (None, None) => {
                let rule = "name a tenant: this credential acts in none of its own";
                Err(InputError::Malformed { field: "tenant_id", rule }.into())
            }
        }
    }

    /// What a new ledger begins with, and the key that it makes.
    pub(crate) fn bootstrap(&self, tenant: &TenantInput, administrator: &UserInput) -> Composed {
        let (tenant, tenant_secret) = self.new_tenant(tenant);
        let (user, user_key, user_secret) = self.new_user(administrator);
        let (key, string) = self.first_key(user.id, &user_key);
        let now = self.now();
        let (signing_key, signing_secret) = self.shared.keyring.new_signing_key(now, now);
        let bootstrap = Bootstrap { tenant, user, key, signing_key };
        let secrets = vec![tenant_secret, user_secret, signing_secret];
        let command = Command::Bootstrap(Box::new(bootstrap));
        Composed { command, secrets, asked: "bootstrap".into(), key: Some(string) }
    }

    fn new_service_account(
        &self,
        asked: String,
        tenant: TenantId,
        name: &Name,
        role: Role,
        first_key: Option<&KeyInput>,
    ) -> Composed {
        let id: ServiceAccountId = entropy::row_id(self.now());
        let subject = Subject::ServiceAccount(id);
        let (key, secret) = self.shared.keyring.new_subject(subject);
        let name = self.shared.keyring.seal_name(&key, subject, TextKind::AccountName, name.as_str());
        let made = first_key.map(|input| self.new_key(Owner::ServiceAccount(id), &key, input));
        let (first_key, key) = made.unzip();
        let command = Command::CreateServiceAccount { service_account: id, tenant, name, role, first_key };
        Composed { command, secrets: vec![secret], asked, key }
    }

    fn new_tenant(&self, input: &TenantInput) -> (NewTenant, NewSecret) {
        let id: TenantId = entropy::row_id(self.now());
        let subject = Subject::Tenant(id);
        let (key, secret) = self.shared.keyring.new_subject(subject);
        let seal = |kind, text| self.shared.keyring.seal_name(&key, subject, kind, text);
        let tenant = NewTenant {
            id,
            slug: seal(TextKind::TenantSlug, input.slug.as_str()),
            name: seal(TextKind::TenantName, input.name.as_str()),
            policy: input.policy,
        };
        (tenant, secret)
    }

    fn new_user(&self, input: &UserInput) -> (NewUser, SubjectKey, NewSecret) {
        let id: UserId = entropy::row_id(self.now());
        let subject = Subject::User(id);
        let keyring = &self.shared.keyring;
        let (key, secret) = keyring.new_subject(subject);
        let user = NewUser {
            id,
            email: keyring.seal_name(&key, subject, TextKind::Email, input.email.as_str()),
            name: input.name.as_ref().map(|name| keyring.seal(&key, subject, name.as_str())),
        };
        (user, key, secret)
    }

    /// The key with which a new user begins.
    fn first_key(&self, user: UserId, subject_key: &SubjectKey) -> (NewKey, KeyString) {
        let name = Name::parse("first key").expect("two words are a name");
        let (scopes, limits) = (Scopes::All, KeyLimits::default());
        let input = KeyInput { name, expires_at: None, scopes, limits, note: None };
        self.new_key(Owner::User(user), subject_key, &input)
    }

    fn new_key(&self, owner: Owner, subject_key: &SubjectKey, input: &KeyInput) -> (NewKey, KeyString) {
        let (subject, _) = subject_of(owner);
        let string = self.new_key_string(owner);
        let key = NewKey {
            id: string.id(),
            name: self.shared.keyring.seal_name(subject_key, subject, TextKind::KeyName, input.name.as_str()),
            digest: self.shared.keyring.pepper.digest(string.secret()),
            prefix: string.prefix().clone(),
            last_four: string.last_four(),
            scopes: input.scopes.clone(),
            expires_at: input.expires_at,
            limits: input.limits.clone(),
            note: input
                .note
                .as_ref()
                .map(|note| self.shared.keyring.seal(subject_key, subject, note.as_str())),
        };
        (key, string)
    }

    fn new_key_string(&self, owner: Owner) -> KeyString {
        let prefix = match owner {
            Owner::User(_) => &self.prefixes.user,
            Owner::ServiceAccount(_) => &self.prefixes.service_account,
        };
        KeyString::make(prefix.clone(), entropy::row_id(self.now()), *entropy::secret())
    }

    /// The living user with this address.
    pub fn user_with(&self, email: &Email) -> Result<Option<UserId>, Failure> {
        let digest = self.shared.keyring.pepper.text_digest(TextKind::Email, email.as_str());
        let holder = self.snapshot()?.rows().unique_name(UniqueName::UserEmail(digest))?;
        Ok(match holder {
            Some(NameHolder::User(user)) => Some(user),
            Some(NameHolder::Tenant(_) | NameHolder::ServiceAccount(_)) | None => None,
        })
    }

    fn owner_of(&self, key: KeyId) -> Result<Owner, Failure> {
        let row = self.snapshot()?.rows().key(key)?;
        Ok(row.ok_or(Rejection::NotFound(Entity::Key(key)))?.owner)
    }

    fn known_subject(&self, subject: Subject, entity: Entity) -> Result<SubjectKey, Failure> {
        if let Some(key) = self.shared.keyring.subject(subject) {
            return Ok(key);
        }
        let snapshot = self.snapshot()?;
        let erased = match subject {
            Subject::Tenant(id) => snapshot.rows().tenant(id)?.map(|row| row.erased),
            Subject::User(id) => snapshot.rows().user(id)?.map(|row| row.erased),
            Subject::ServiceAccount(id) => snapshot.rows().service_account(id)?.map(|row| row.erased),
        };
        match erased {
            // What is said of it now is erased from the beginning; whether it may be said, the rules know.
            Some(true) => Ok(SubjectKey::from_bytes(*entropy::secret())),
            Some(false) => Err(Failure::SubjectKeyMissing),
            None => Err(Rejection::NotFound(entity).into()),
        }
    }

    pub(crate) fn known_name(
        &self,
        subject: Subject,
        entity: Entity,
        kind: TextKind,
        name: &Name,
    ) -> Result<SealedName, Failure> {
        let key = self.known_subject(subject, entity)?;
        Ok(self.shared.keyring.seal_name(&key, subject, kind, name.as_str()))
    }
}

/// Whether a new member is given a key to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstKey {
    /// One: for any tenant, if an operator brings in a new user; else for this tenant only.
    Wanted,
    /// None: the user has one, or gets in some other way.
    None,
}

pub(crate) fn subject_of(owner: Owner) -> (Subject, Entity) {
    match owner {
        Owner::User(id) => (Subject::User(id), Entity::User(id)),
        Owner::ServiceAccount(id) => (Subject::ServiceAccount(id), Entity::ServiceAccount(id)),
    }
}
