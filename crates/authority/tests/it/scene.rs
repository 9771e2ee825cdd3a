//! A data folder with one tenant, an authority open on it, a clock to set, and short ways to ask for things.

use std::convert::Infallible;
use std::fs;
use std::path::Path;

use credentials::claims::Issuer;
use credentials::jws::Unverified;
use credentials::signing_key::{Kid, VerifyingKey};
use domain::actor::{Actor, ActorId, Holder, IdempotencyKey, Token, Way};
use domain::event::{Event, TenantPolicy};
use domain::ids::{KeyId, RequestId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use domain::key::{Owner, Reach};
use domain::limits::KeyLimits;
use domain::names::{Email, Name, Slug};
use domain::role::{Role, Scopes};
use domain::status::{Bearer, admit, token_status};
use domain::time::{Position, Timestamp};
use domain::{Command, Model, Recorded, Refusal};
use keyledger_authority::compose::{FirstKey, KeyInput, TenantInput, UserInput};
use keyledger_authority::{
    Authority, Caller, Clock, Credential, Denial, Denied, Done, Failure, Minted, OpenError, Options, Request,
    Shown, Wanted,
};
use store::guard::Guard;
use store::{DataFolder, Ledger, OpenOptions, Origin, Snapshot, StoreError};
use tempfile::TempDir;

use keyledger_authority::compose::Composed;

pub const BEGIN_MS: i64 = 1_767_225_600_000;

pub struct Scene {
    pub authority: Authority,
    pub clock: Clock,
    pub tenant: TenantId,
    pub user: UserId,
    pub key: KeyId,
    /// The first user's key string.
    pub root: String,
    pub options: Options,
    pub folder: TempDir,
}

pub fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(BEGIN_MS + ms).unwrap()
}

pub fn options(root: &Path, clock: &Clock) -> Options {
    let issuer = Issuer::parse("https://keys.example.com").unwrap();
    Options { clock: clock.clone(), ..Options::new(DataFolder::at(root), issuer) }
}

pub fn tenant_input(slug: &str) -> TenantInput {
    let name = Name::parse(slug).unwrap();
    TenantInput { slug: Slug::parse(slug).unwrap(), name, policy: TenantPolicy::default() }
}

pub fn user_input(local: &str) -> UserInput {
    UserInput { email: Email::parse(&format!("{local}@example.com")).unwrap(), name: None }
}

pub fn key_input(name: &str) -> KeyInput {
    KeyInput {
        name: Name::parse(name).unwrap(),
        expires_at: None,
        scopes: Scopes::All,
        limits: KeyLimits::default(),
        note: None,
    }
}

pub fn only(scopes: &str) -> Scopes {
    Scopes::parse(scopes).unwrap()
}

impl Scene {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(at(0));
        let options = options(&folder.path().join("data"), &clock);
        let made = Authority::initialise(options.clone(), &tenant_input("acme"), &user_input("ada")).unwrap();
        let authority = Authority::open(options.clone()).unwrap();
        let root = made.key_string.expose().to_owned();
        Self { authority, clock, tenant: made.tenant, user: made.user, key: made.key, root, options, folder }
    }

    /// The same after a restart.
    pub fn reopened(self) -> Self {
        let options = self.options.clone();
        self.reopened_after(|| {}, options)
    }

    /// The same with something done while it is closed, and opened in another way.
    pub fn reopened_after(self, meanwhile: impl FnOnce(), options: Options) -> Self {
        let Self { authority, clock, tenant, user, key, root, folder, .. } = self;
        drop(authority);
        meanwhile();
        let authority = Authority::open(options.clone()).unwrap();
        Self { authority, clock, tenant, user, key, root, options, folder }
    }

    /// The same with many events more, which nobody waits for one by one.
    pub fn with_events(self, events: impl IntoIterator<Item = Event>) -> Self {
        let (options, now) = (self.options.clone(), self.authority.now());
        let folder = options.folder.clone();
        let lay = || {
            let ledger = Ledger::open(&folder.ledger(), &OpenOptions::default()).unwrap();
            let laid = ledger.transact(|transaction| {
                let (actor, way, request) = (ActorId::Server, Way::Schedule, RequestId::from_bytes([1; 16]));
                let origin = Origin { actor, way, request, idempotency: None, seed: [7; 32] };
                transaction.append(events.into_iter().collect(), &origin, now)?;
                Ok::<_, StoreError>(())
            });
            laid.unwrap();
            Guard::of(&ledger.snapshot().unwrap()).write(&folder.guard()).unwrap();
            ledger.close().unwrap();
        };
        self.reopened_after(lay, options.clone())
    }

    pub fn request(&self) -> Request {
        Request { way: Way::GraphQl, id: self.authority.request_id(), idempotency_key: None }
    }

    pub fn attempt(&self, key: &str) -> Request {
        Request { idempotency_key: Some(IdempotencyKey::parse(key).unwrap()), ..self.request() }
    }

    pub fn actor(&self) -> Actor {
        self.authority.authenticate(Shown::from_nowhere(&self.root), None).unwrap().actor
    }

    pub fn as_root(&self, composed: Composed) -> Result<Done, Failure> {
        self.authority.execute(&self.actor(), &self.request(), composed)
    }

    pub fn plain(&self, command: Command) -> Result<Done, Failure> {
        self.as_root(Composed::plain(command))
    }

    /// Carries out what must come true.
    pub fn must(&self, command: Command) -> Vec<Recorded> {
        let told = format!("{command:?}");
        self.plain(command).unwrap_or_else(|failure| panic!("{told}: {failure}")).recorded
    }

    /// A key of the first user's.
    pub fn own_key(&self, input: &KeyInput) -> (KeyId, String) {
        let reach = Reach::AnyTenant { home: self.tenant };
        self.key_for(Owner::User(self.user), reach, input)
    }

    pub fn key_for(&self, owner: Owner, reach: Reach, input: &KeyInput) -> (KeyId, String) {
        let mut composed = self.authority.create_key(owner, reach, input).unwrap();
        let string = composed.key.take().unwrap();
        self.as_root(composed).unwrap();
        (string.id(), string.expose().to_owned())
    }

    /// A service account of the first tenant, with a key.
    pub fn account(&self, name: &str, role: Role) -> (ServiceAccountId, KeyId, String) {
        let composed = self.authority.create_service_account(self.tenant, &Name::parse(name).unwrap(), role);
        let id = self.as_root(composed).unwrap().recorded.iter().find_map(|it| match &it.event {
            Event::ServiceAccountCreated { service_account, .. } => Some(*service_account),
            _ => None,
        });
        let id = id.unwrap();
        let (key, string) =
            self.key_for(Owner::ServiceAccount(id), Reach::Tenant(self.tenant), &key_input(name));
        (id, key, string)
    }

    /// A member of a tenant, new or known, with its first key if it got one.
    pub fn member(&self, tenant: TenantId, local: &str, role: Role) -> (UserId, Option<String>) {
        let composed = self.authority.add_member(tenant, &user_input(local), role, FirstKey::Wanted).unwrap();
        let string = composed.key.as_ref().map(|key| key.expose().to_owned());
        let done = self.as_root(composed).unwrap();
        let user = done.recorded.iter().find_map(|it| match &it.event {
            Event::MemberAdded { user, .. } => Some(*user),
            _ => None,
        });
        (user.unwrap(), string)
    }

    /// A tenant in which the first user is administrator.
    pub fn another_tenant(&self, slug: &str) -> TenantId {
        let composed = self.authority.create_tenant(&tenant_input(slug), &user_input("ada")).unwrap();
        let done = self.as_root(composed).unwrap();
        let made = done.recorded.iter().find_map(|it| match &it.event {
            Event::TenantCreated { tenant, .. } => Some(*tenant),
            _ => None,
        });
        made.unwrap()
    }

    pub fn refused(&self, shown: &str) -> Option<Refusal> {
        refusal(self.authority.authenticate(Shown::from_nowhere(shown), None).err()?)
    }

    pub fn exchange(&self, shown: &str, scopes: Option<Scopes>) -> Minted {
        self.authority.exchange(Shown::from_nowhere(shown), Wanted { scopes, ..Wanted::default() }).unwrap()
    }

    pub fn log(&self) -> Vec<Recorded> {
        log(&self.authority.snapshot().unwrap())
    }

    pub fn model(&self) -> Model {
        Model::fold(&self.log())
    }

    pub fn signing_keys(&self) -> Vec<SigningKeyId> {
        let mut keys: Vec<_> = self.model().signing_keys.into_values().collect();
        keys.sort_by_key(|key| key.created);
        keys.into_iter().map(|key| key.id).collect()
    }

    pub fn subjects(&self) -> String {
        fs::read_to_string(self.options.folder.subjects()).unwrap()
    }
}

pub fn log(snapshot: &Snapshot) -> Vec<Recorded> {
    let mut log = vec![];
    let read = snapshot.scan(|scanned| {
        log.push(scanned.recorded);
        Ok::<_, StoreError>(())
    });
    read.unwrap();
    log
}

pub fn refusal(denial: Denial) -> Option<Refusal> {
    match denial.denied {
        Denied::Refused(refusal) => Some(refusal),
        denied => panic!("denied for another reason: {denied:?}"),
    }
}

pub fn opened(options: &Options) -> Result<Authority, OpenError> {
    Authority::open(options.clone())
}

/// Who a key or token lets in, by the plain fold of the log; what the authority's own index must say, too.
pub fn by_the_fold(
    model: &Model,
    head: Position,
    now: Timestamp,
    key: KeyId,
    token: Option<&Minted>,
    wanted: Option<TenantId>,
) -> Result<Caller, Denied> {
    let row = &model.keys[&key];
    let mut bearer = Bearer::key(row.owner, row.reach, row.created.position);
    let mut scopes = row.scopes.clone();
    let mut ends = vec![row.life.expires_at, row.life.grace_ends_at];
    let (mut shown, mut credential) = (None, Credential::Key);
    if let Some(minted) = token {
        let tenant = minted.caller.tenant.unwrap();
        // A token says its end in whole seconds.
        let end = Timestamp::from_unix_ms(minted.expires_at.unix_seconds() * 1000).unwrap();
        if now >= end {
            return Err(Denied::Claims(credentials::claims::ClaimsError::Expired));
        }
        let unverified = Unverified::parse(&minted.token).unwrap();
        let kid = unverified.kid();
        let signed_by = model.signing_keys.values().find(|it| Kid::of(&it.public_key) == kid).unwrap();
        let public = VerifyingKey::parse(&signed_by.public_key).unwrap();
        credential = Credential::Token(std::sync::Arc::new(unverified.verify(&public).unwrap()));
        let known = Token { id: minted.id, seq: minted.caller.position, signing_key: signed_by.id };
        let Ok(accepted): Result<_, Infallible> = token_status(model, &known, key, row.owner, tenant);
        accepted?;
        bearer = bearer.token(tenant);
        scopes = scopes.intersect(&minted.scopes);
        ends.push(Some(end));
        shown = Some(known);
    }
    let Ok(admitted): Result<_, Infallible> = admit(model, &bearer, &row.life, wanted, now);
    let admission = admitted?;
    let holder = Holder {
        identity: row.owner,
        key,
        confined_to: bearer.reach.confined_to(),
        scopes: scopes.clone(),
        token: shown,
        from: None,
    };
    Ok(Caller {
        actor: Actor::Holder(holder),
        owner: row.owner,
        key,
        tenant: admission.tenant,
        role: admission.role,
        scopes,
        rate: row.limits.rate,
        expires_at: ends.into_iter().flatten().min(),
        credential,
        position: head,
        at: now,
    })
}
