//! The cast and the words of these tests: who is there, who wishes what, and what comes of it.
//!
//! | tenant | people | service accounts |
//! |---|---|---|
//! | `HOME` | `OLGA` operator and administrator | |
//! | `A` | `ANNA` administrator, `MAX` member, `RITA` runner, `REX` read-only, `MIRA` member with a revoked key, `SUSI` suspended administrator | `ETL` administrator, `BOT` runner |
//! | `B` | `BERT` administrator, `OTTO` member | `BEE` administrator |
//!
//! The keys of `OLGA`, `ANNA` and `BERT` are for any tenant, as an operator gives them; all others are
//! confined to their tenant.

use std::convert::Infallible;

use keyledger_domain::actor::{Actor, ActorId, Holder, Metadata, Token, Way};
use keyledger_domain::command::{
    Bootstrap, Command, FirstAdministrator, NewKey, NewSigningKey, NewTenant, NewUser, Successor,
};
use keyledger_domain::event::{Event, KeyCreated, PublicKey, Recorded, TenantPolicy};
use keyledger_domain::ids::{
    Id, KeyId, PepperId, RequestId, ServiceAccountId, SigningKeyId, TenantId, TokenId, UserId,
};
use keyledger_domain::key::{DigestScheme, KeyDigest, KeyPrefix, LastFour, Owner, Reach, RevocationReason};
use keyledger_domain::limits::KeyLimits;
use keyledger_domain::rejection::{Refusal, Rejection};
use keyledger_domain::role::{Role, Scopes};
use keyledger_domain::sealed::{Sealed, SealedName, Subject, TextDigest};
use keyledger_domain::status::{Admission, Bearer, admit, token_status};
use keyledger_domain::time::{Position, Timestamp};
use keyledger_domain::{Model, decide};

pub const HOME: TenantId = id(0x10);
pub const A: TenantId = id(0x1A);
pub const B: TenantId = id(0x1B);

pub const OLGA: UserId = id(0x20);
pub const ANNA: UserId = id(0x21);
pub const MAX: UserId = id(0x22);
pub const RITA: UserId = id(0x23);
pub const REX: UserId = id(0x24);
pub const MIRA: UserId = id(0x25);
pub const SUSI: UserId = id(0x26);
pub const BERT: UserId = id(0x27);
pub const OTTO: UserId = id(0x28);

pub const ETL: ServiceAccountId = id(0x31);
pub const BOT: ServiceAccountId = id(0x32);
pub const BEE: ServiceAccountId = id(0x33);

pub const OLGAS: KeyId = id(0x40);
pub const ANNAS: KeyId = id(0x41);
pub const MAXS: KeyId = id(0x42);
pub const RITAS: KeyId = id(0x43);
pub const REXS: KeyId = id(0x44);
pub const MIRAS: KeyId = id(0x45);
pub const SUSIS: KeyId = id(0x46);
pub const BERTS: KeyId = id(0x47);
pub const OTTOS: KeyId = id(0x48);
pub const ETLS: KeyId = id(0x51);
pub const BOTS: KeyId = id(0x52);
pub const BEES: KeyId = id(0x53);

/// The signing key that the ledger began with.
pub const SIGNING: SigningKeyId = id(0x60);

/// Ids and keys that nothing in the cast has.
pub const NEW: u8 = 0xF0;

pub const fn id<K>(number: u8) -> Id<K> {
    Id::from_bytes([number; 16])
}

/// So many seconds after the scene was set.
pub fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_ms(1_767_225_600_000).expect("in range").plus_seconds(seconds)
}

/// What was done before: a wish that came true, or a fact from nowhere.
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "a few dozen in a test, read rather than run")]
pub enum Deed {
    Wish { actor: Actor, command: Command, now: Timestamp },
    Fact { event: Event, now: Timestamp },
}

/// Somebody wishes something, when the scene was set.
pub fn by(actor: Actor, command: Command) -> Deed {
    Deed::Wish { actor, command, now: at(0) }
}

/// Something happened, whoever wished it.
pub fn fact(event: Event) -> Deed {
    Deed::Fact { event, now: at(0) }
}

impl Deed {
    /// The same, so many seconds after the scene was set.
    pub fn at(self, seconds: u64) -> Self {
        let now = at(seconds);
        match self {
            Self::Wish { actor, command, now: _ } => Self::Wish { actor, command, now },
            Self::Fact { event, now: _ } => Self::Fact { event, now },
        }
    }
}

/// What comes of a wish.
pub enum Then {
    /// These events.
    Events(Vec<Event>),
    /// These events, and nothing more when the wish is repeated.
    Once(Vec<Event>),
    /// A rejection with this code.
    Code(&'static str),
    /// Exactly this rejection.
    Rejection(Rejection),
}

pub fn events<const N: usize>(events: [Event; N]) -> Then {
    Then::Events(events.into())
}

pub fn once<const N: usize>(events: [Event; N]) -> Then {
    Then::Once(events.into())
}

pub fn nothing() -> Then {
    Then::Events(vec![])
}

pub fn rejected(code: &'static str) -> Then {
    Then::Code(code)
}

/// The cast, then the deeds, then one wish: what comes of it?
#[track_caller]
pub fn check(given: impl IntoIterator<Item = Deed>, when: Deed, then: Then) {
    Scene::cast().given(given).check(when, then);
}

/// A state, with the log that led to it.
#[derive(Clone, Default)]
pub struct Scene {
    pub model: Model,
    pub log: Vec<Recorded>,
}

impl Scene {
    /// Everybody of the cast.
    pub fn cast() -> Self {
        let member = |user, role, first_key| {
            let command =
                Command::CreateUser { user: new_user(user), tenant: A, role, first_key: Some(first_key) };
            by(anna(), command)
        };
        let account = |actor: Actor, service_account, tenant, role, key: KeyId| {
            let (owner, name) =
                (Owner::ServiceAccount(service_account), account_name(service_account, "own"));
            let create =
                Command::CreateServiceAccount { service_account, tenant, name, role, first_key: None };
            [by(actor.clone(), create), by(actor, create_key(owner, Reach::Tenant(tenant), key))]
        };
        Self::default()
            .given([
                by(Actor::Console, bootstrap(HOME, OLGA, OLGAS, SIGNING)),
                by(olga(), create_tenant(A, ANNA, ANNAS)),
                by(olga(), create_tenant(B, BERT, BERTS)),
                member(MAX, Role::Member, new_key(Owner::User(MAX), MAXS)),
                member(RITA, Role::Runner, new_key(Owner::User(RITA), RITAS)),
                member(REX, Role::ReadOnly, new_key(Owner::User(REX), REXS)),
                member(MIRA, Role::Member, new_key(Owner::User(MIRA), MIRAS)),
                member(SUSI, Role::Administrator, new_key(Owner::User(SUSI), SUSIS)),
                by(
                    bert(),
                    Command::CreateUser {
                        user: new_user(OTTO),
                        tenant: B,
                        role: Role::Member,
                        first_key: Some(new_key(Owner::User(OTTO), OTTOS)),
                    },
                ),
                by(mira(), revoke(MIRAS)),
                by(olga(), Command::SuspendUser { user: SUSI }),
            ])
            .given(account(anna(), ETL, A, Role::Administrator, ETLS))
            .given(account(anna(), BOT, A, Role::Runner, BOTS))
            .given(account(bert(), BEE, B, Role::Administrator, BEES))
    }

    /// More that was done. A wish among it must come true, and change something.
    #[track_caller]
    pub fn given(mut self, deeds: impl IntoIterator<Item = Deed>) -> Self {
        for deed in deeds {
            match deed {
                Deed::Fact { event, now } => self.record(event, ActorId::Console, now),
                Deed::Wish { actor, command, now } => {
                    let events = self.decide(&actor, command.clone(), now);
                    let events =
                        events.unwrap_or_else(|rejection| panic!("given {command:?}, but: {rejection}"));
                    assert!(!events.is_empty(), "given {command:?}, but it changes nothing");
                    for event in events {
                        self.record(event, actor.id(), now);
                    }
                }
            }
        }
        self
    }

    #[track_caller]
    pub fn check(self, when: Deed, then: Then) {
        let Deed::Wish { actor, command, now } = when.clone() else { panic!("a fact cannot be decided") };
        let outcome = self.decide(&actor, command.clone(), now);
        match then {
            Then::Events(expected) => assert_eq!(outcome, Ok(expected)),
            Then::Once(expected) => {
                assert_eq!(outcome, Ok(expected));
                let repeated = self.given([when]).decide(&actor, command, now);
                assert_eq!(repeated, Ok(vec![]), "when repeated");
            }
            Then::Code(code) => assert_eq!(outcome.map_err(|rejection| rejection.code()), Err(code)),
            Then::Rejection(rejection) => assert_eq!(outcome, Err(rejection)),
        }
    }

    pub fn decide(&self, actor: &Actor, command: Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        let Ok(outcome): Result<_, Infallible> = decide(&self.model, actor, command, now);
        outcome
    }

    /// The last place in the log.
    pub fn head(&self) -> Position {
        self.log.last().map_or(Position::START, |recorded| recorded.position)
    }

    /// As what a key is accepted, in the tenant wanted or else at home.
    pub fn admit(&self, key: KeyId, wanted: Option<TenantId>, seconds: u64) -> Result<Admission, Refusal> {
        let key = &self.model.keys[&key];
        let bearer = Bearer::key(key.owner, key.reach, key.created.position);
        let Ok(admitted): Result<_, Infallible> = admit(&self.model, &bearer, &key.life, wanted, at(seconds));
        admitted
    }

    /// Whether a key is accepted where it is at home, and if not, why.
    pub fn accepts(&self, key: KeyId, seconds: u64) -> Result<(), Refusal> {
        self.admit(key, None, seconds).map(drop)
    }

    /// A token minted now from the key for the tenant.
    #[track_caller]
    pub fn mint(&self, token: TokenId, key: KeyId, tenant: TenantId) -> Minted {
        self.admit(key, Some(tenant), 0).expect("only an accepted key is exchanged");
        let token = Token { id: token, seq: self.head(), signing_key: SIGNING };
        Minted { token, key, tenant }
    }

    /// Whether a token is accepted, and if not, why.
    pub fn accepts_token(&self, minted: &Minted, seconds: u64) -> Result<(), Refusal> {
        let Minted { token, key, tenant } = minted;
        let key = &self.model.keys[key];
        let Ok(status): Result<_, Infallible> = token_status(&self.model, token, key.id, key.owner, *tenant);
        status?;
        let bearer = Bearer::key(key.owner, key.reach, key.created.position).token(*tenant);
        let Ok(admitted): Result<_, Infallible> = admit(&self.model, &bearer, &key.life, None, at(seconds));
        admitted.map(drop)
    }

    fn record(&mut self, event: Event, actor: ActorId, now: Timestamp) {
        let metadata = Metadata { actor, way: Way::Rest, request: REQUEST, idempotency: None, cause: None };
        let recorded = Recorded { position: self.head().next(), recorded_at: now, metadata, event };
        self.model.record(&recorded);
        self.log.push(recorded);
    }
}

const REQUEST: RequestId = id(0x01);

/// A token, with the key that it came from.
#[derive(Clone, Copy)]
pub struct Minted {
    pub token: Token,
    pub key: KeyId,
    pub tenant: TenantId,
}

impl Minted {
    /// Whoever shows the token.
    pub fn shown_by(&self, identity: Owner) -> Actor {
        Actor::Holder(Holder {
            identity,
            key: self.key,
            confined_to: Some(self.tenant),
            scopes: Scopes::All,
            token: Some(self.token),
            from: None,
        })
    }
}

/// Whoever shows a key.
pub fn shows(identity: Owner, key: KeyId, confined_to: Option<TenantId>) -> Actor {
    Actor::Holder(Holder { identity, key, confined_to, scopes: Scopes::All, token: None, from: None })
}

/// The same from this address.
pub fn from(actor: Actor, address: &str) -> Actor {
    match actor {
        Actor::Holder(holder) => Actor::Holder(Holder { from: address.parse().ok(), ..holder }),
        Actor::Console | Actor::Server => panic!("only a holder comes from somewhere"),
    }
}

/// The same with a credential that is narrowed to these scopes.
pub fn narrowed(actor: Actor, scopes: &str) -> Actor {
    match actor {
        Actor::Holder(holder) => Actor::Holder(Holder { scopes: narrow(scopes), ..holder }),
        Actor::Console | Actor::Server => panic!("only a holder's credential is narrowed"),
    }
}

pub fn narrow(scopes: &str) -> Scopes {
    Scopes::parse(scopes).expect("scope tokens")
}

pub fn olga() -> Actor {
    shows(Owner::User(OLGA), OLGAS, None)
}

pub fn anna() -> Actor {
    shows(Owner::User(ANNA), ANNAS, None)
}

pub fn max() -> Actor {
    shows(Owner::User(MAX), MAXS, Some(A))
}

pub fn rita() -> Actor {
    shows(Owner::User(RITA), RITAS, Some(A))
}

pub fn rex() -> Actor {
    shows(Owner::User(REX), REXS, Some(A))
}

pub fn mira() -> Actor {
    shows(Owner::User(MIRA), MIRAS, Some(A))
}

pub fn susi() -> Actor {
    shows(Owner::User(SUSI), SUSIS, Some(A))
}

pub fn bert() -> Actor {
    shows(Owner::User(BERT), BERTS, None)
}

pub fn otto() -> Actor {
    shows(Owner::User(OTTO), OTTOS, Some(B))
}

pub fn etl() -> Actor {
    shows(Owner::ServiceAccount(ETL), ETLS, Some(A))
}

pub fn bot() -> Actor {
    shows(Owner::ServiceAccount(BOT), BOTS, Some(A))
}

pub fn bee() -> Actor {
    shows(Owner::ServiceAccount(BEE), BEES, Some(B))
}

/// A key that acts in any tenant of its user, and its holder. Facts: no rule need have allowed them.
pub fn unconfined(user: UserId, key: KeyId, home: TenantId) -> (Deed, Actor) {
    let owner = Owner::User(user);
    let created = key_created(owner, Reach::AnyTenant { home }, new_key(owner, key), None);
    (fact(created), shows(owner, key, None))
}

pub fn name(subject: Subject, text: &str) -> SealedName {
    let mut digest = [0; 16];
    digest.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
    SealedName { text: Sealed { subject, ciphertext: text.into() }, digest: TextDigest(digest) }
}

pub fn tenant_name(tenant: TenantId, text: &str) -> SealedName {
    name(Subject::Tenant(tenant), text)
}

pub fn account_name(account: ServiceAccountId, text: &str) -> SealedName {
    let text = if text == "own" { format!("sa {account}")[..8].to_owned() } else { text.to_owned() };
    name(Subject::ServiceAccount(account), &text)
}

pub fn key_name(owner: Owner, text: &str) -> SealedName {
    match owner {
        Owner::User(user) => name(Subject::User(user), text),
        Owner::ServiceAccount(account) => name(Subject::ServiceAccount(account), text),
    }
}

pub fn new_tenant(id: TenantId) -> NewTenant {
    let slug = tenant_name(id, &format!("slug {id}")[..8]);
    NewTenant { id, slug, name: tenant_name(id, "first name"), policy: TenantPolicy::default() }
}

pub fn new_user(id: UserId) -> NewUser {
    NewUser { id, email: name(Subject::User(id), &format!("mail {id}")[..8]), name: None }
}

pub fn new_key(owner: Owner, id: KeyId) -> NewKey {
    NewKey {
        id,
        name: key_name(owner, "first name"),
        digest: digest(id),
        prefix: KeyPrefix::parse("klu").expect("a prefix"),
        last_four: LastFour::parse(*b"abcd").expect("letters"),
        scopes: Scopes::All,
        expires_at: None,
        limits: KeyLimits::default(),
        note: None,
    }
}

pub fn successor(id: KeyId) -> Successor {
    let prefix = KeyPrefix::parse("klu").expect("a prefix");
    let last_four = LastFour::parse(*b"wxyz").expect("letters");
    Successor { id, digest: digest(id), prefix, last_four, expires_at: None }
}

fn digest(key: KeyId) -> KeyDigest {
    const PEPPER: PepperId = id(0x02);
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&key.bytes());
    KeyDigest { scheme: DigestScheme::KeyedBlake3(PEPPER), bytes }
}

pub fn new_signing_key(id: SigningKeyId, active_from: Timestamp) -> NewSigningKey {
    NewSigningKey { id, public_key: PublicKey([id.bytes()[0]; 32]), active_from }
}

pub fn bootstrap(tenant: TenantId, user: UserId, key: KeyId, signing_key: SigningKeyId) -> Command {
    Command::Bootstrap(Box::new(Bootstrap {
        tenant: new_tenant(tenant),
        user: new_user(user),
        key: new_key(Owner::User(user), key),
        signing_key: new_signing_key(signing_key, at(0)),
    }))
}

pub fn create_tenant(tenant: TenantId, user: UserId, key: KeyId) -> Command {
    let new = Box::new((new_user(user), new_key(Owner::User(user), key)));
    Command::CreateTenant { tenant: new_tenant(tenant), administrator: FirstAdministrator::New(new) }
}

pub fn create_key(owner: Owner, reach: Reach, key: KeyId) -> Command {
    Command::CreateKey { owner, reach, key: new_key(owner, key) }
}

pub fn revoke(key: KeyId) -> Command {
    Command::RevokeKey { key, reason: RevocationReason::Unspecified, note: None }
}

pub fn revoked(key: KeyId) -> Event {
    Event::KeyRevoked { key, reason: RevocationReason::Unspecified, note: None }
}

pub fn add_member(tenant: TenantId, user: UserId, role: Role) -> Command {
    Command::AddMember { tenant, user, role, first_key: None }
}

pub fn remove_member(tenant: TenantId, user: UserId) -> Command {
    Command::RemoveMember { tenant, user }
}

/// The event of a key's beginning.
pub fn key_created(owner: Owner, reach: Reach, key: NewKey, expires_at: Option<Timestamp>) -> Event {
    let NewKey { id: key, name, digest, prefix, last_four, scopes, .. } = key;
    Event::KeyCreated(KeyCreated { key, owner, reach, name, digest, prefix, last_four, scopes, expires_at })
}

/// A tenant's rules for the life of new keys, in seconds.
pub const fn policy(max: Option<u64>, default: Option<u64>) -> TenantPolicy {
    TenantPolicy { key_life_seconds_max: max, key_life_seconds_default: default }
}
