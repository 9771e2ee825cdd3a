//! Who may do what: every actor with every command, also across tenants, as one table that a human reads.
//!
//! The table is `fixtures/authorization-matrix.txt`; `UPDATE_FIXTURES=1` writes it anew. Read it before
//! you commit it. The laws at the bottom hold whatever the file says.

#[path = "rules/scene.rs"]
#[allow(dead_code, reason = "the words of the rules' tests; the matrix needs some of them")]
mod scene;

use std::fmt::Write as _;
use std::path::PathBuf;

use keyledger_domain::actor::Actor;
use keyledger_domain::command::{Command, FirstAdministrator, NewKey};
use keyledger_domain::event::{Event, RetirementReason, TokenTarget};
use keyledger_domain::ids::{KeyId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use keyledger_domain::key::{Owner, Reach};
use keyledger_domain::limits::RateLimit;
use keyledger_domain::network::AllowedAddresses;
use keyledger_domain::rejection::{Rejection, RejectionClass};
use keyledger_domain::role::Role;
use keyledger_domain::sealed::Subject;
use keyledger_domain::time::Position;
use keyledger_domain::token_life::TokenLife;

use scene::*;

/// Who asks, with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Console,
    Server,
    Operator,
    OperatorConfined,
    OperatorAuditing,
    OperatorObserving,
    Administrator,
    AdministratorByToken,
    AdministratorReading,
    AdministratorAuditing,
    Member,
    Runner,
    ReadOnly,
    AccountAdministrator,
    AccountRunner,
    OtherAdministrator,
    OtherAccount,
    Outsider,
    Revoked,
    Suspended,
}

use Who::*;

impl Who {
    const ALL: [(Self, &str, &str); 20] = [
        (Console, "console", "the person at the machine itself"),
        (Server, "server", "the server on its schedule"),
        (Operator, "operator", "an operator, no member of A, by a key for any tenant"),
        (OperatorConfined, "op-conf", "the same operator by a key confined to another tenant"),
        (
            OperatorAuditing,
            "op-audit",
            "the same operator by a key for any tenant narrowed to keyledger:audit",
        ),
        (
            OperatorObserving,
            "op-watch",
            "the same operator by a key for any tenant narrowed to keyledger:metrics",
        ),
        (Administrator, "admin", "an administrator of A, by a key for any tenant"),
        (AdministratorByToken, "ad-token", "the same by a token minted from that key for A"),
        (AdministratorReading, "ad-read", "the same by a key for A narrowed to keyledger:read"),
        (AdministratorAuditing, "ad-audit", "the same by a key for A narrowed to keyledger:audit"),
        (Member, "member", "a member of A"),
        (Runner, "runner", "a runner of A"),
        (ReadOnly, "readonly", "a read-only member of A"),
        (AccountAdministrator, "sa-admin", "a service account of A with the role administrator"),
        (AccountRunner, "sa-run", "a service account of A with the role runner"),
        (OtherAdministrator, "b-admin", "an administrator of B, by a key for any tenant"),
        (OtherAccount, "b-sa", "a service account of B with the role administrator"),
        (Outsider, "outsider", "a member of B, who shares no tenant with A"),
        (Revoked, "revoked", "a member of A whose key was revoked"),
        (Suspended, "suspend", "a suspended administrator of A"),
    ];

    fn actor(self, scene: &Scene) -> Actor {
        match self {
            Console => Actor::Console,
            Server => Actor::Server,
            Operator => olga(),
            OperatorConfined => shows(Owner::User(OLGA), OLGAS_CONFINED, Some(HOME)),
            OperatorAuditing => narrowed(shows(Owner::User(OLGA), OLGAS_AUDITING, None), "keyledger:audit"),
            OperatorObserving => {
                narrowed(shows(Owner::User(OLGA), OLGAS_OBSERVING, None), "keyledger:metrics")
            }
            Administrator => anna(),
            AdministratorByToken => scene.mint(id(0x70), ANNAS, A).shown_by(Owner::User(ANNA)),
            AdministratorReading => {
                narrowed(shows(Owner::User(ANNA), ANNAS_READING, Some(A)), "keyledger:read")
            }
            AdministratorAuditing => {
                narrowed(shows(Owner::User(ANNA), ANNAS_AUDITING, Some(A)), "keyledger:audit")
            }
            Member => max(),
            Runner => rita(),
            ReadOnly => rex(),
            AccountAdministrator => etl(),
            AccountRunner => bot(),
            OtherAdministrator => bert(),
            OtherAccount => bee(),
            Outsider => otto(),
            Revoked => mira(),
            Suspended => susi(),
        }
    }

    /// Nothing that it shows is accepted.
    fn is_dead(self) -> bool {
        matches!(self, Revoked | Suspended)
    }

    fn is_of_b(self) -> bool {
        matches!(self, OtherAdministrator | OtherAccount | Outsider)
    }

    /// The key that it shows, or from which its token was minted.
    fn key_used(self) -> Option<KeyId> {
        match self {
            Console | Server => None,
            Operator => Some(OLGAS),
            OperatorConfined => Some(OLGAS_CONFINED),
            OperatorAuditing => Some(OLGAS_AUDITING),
            OperatorObserving => Some(OLGAS_OBSERVING),
            Administrator | AdministratorByToken => Some(ANNAS),
            AdministratorReading => Some(ANNAS_READING),
            AdministratorAuditing => Some(ANNAS_AUDITING),
            Member => Some(MAXS),
            Runner => Some(RITAS),
            ReadOnly => Some(REXS),
            AccountAdministrator => Some(ETLS),
            AccountRunner => Some(BOTS),
            OtherAdministrator => Some(BERTS),
            OtherAccount => Some(BEES),
            Outsider => Some(OTTOS),
            Revoked => Some(MIRAS),
            Suspended => Some(SUSIS),
        }
    }

    /// What it shows is narrowed to looking: it changes nothing.
    fn looks_only(self) -> bool {
        matches!(self, OperatorAuditing | OperatorObserving | AdministratorReading | AdministratorAuditing)
    }

    /// An administrator of A, with a credential that is not narrowed.
    fn administers(self) -> bool {
        matches!(self, Administrator | AdministratorByToken | AccountAdministrator)
    }

    /// Whose keys are its own, and in which tenant.
    fn identity(self) -> Option<(Owner, TenantId)> {
        match self {
            Console | Server => None,
            Operator | OperatorConfined | OperatorAuditing | OperatorObserving => {
                Some((Owner::User(OLGA), HOME))
            }
            Administrator | AdministratorByToken | AdministratorReading | AdministratorAuditing => {
                Some((Owner::User(ANNA), A))
            }
            Member => Some((Owner::User(MAX), A)),
            Runner => Some((Owner::User(RITA), A)),
            ReadOnly => Some((Owner::User(REX), A)),
            AccountAdministrator => Some((Owner::ServiceAccount(ETL), A)),
            AccountRunner => Some((Owner::ServiceAccount(BOT), A)),
            OtherAdministrator => Some((Owner::User(BERT), B)),
            OtherAccount => Some((Owner::ServiceAccount(BEE), B)),
            Outsider => Some((Owner::User(OTTO), B)),
            Revoked => Some((Owner::User(MIRA), A)),
            Suspended => Some((Owner::User(SUSI), A)),
        }
    }
}

const OLGAS_CONFINED: KeyId = id(0x80);
const ANNAS_READING: KeyId = id(0x81);
const OLGAS_AUDITING: KeyId = id(0x82);
const OLGAS_OBSERVING: KeyId = id(0x83);
const ANNAS_AUDITING: KeyId = id(0x84);
const IDLE: ServiceAccountId = id(0x34);
const GONE: ServiceAccountId = id(0x35);
const PUBLISHED: SigningKeyId = id(0x61);

/// Spare keys, so that an actor's own key can be spoken of beside the one it shows.
const fn spare(owner: Owner, kind: u8) -> KeyId {
    let number = match owner {
        Owner::User(user) => user.bytes()[0],
        Owner::ServiceAccount(account) => account.bytes()[0],
    };
    let mut bytes = [kind; 16];
    bytes[0] = number;
    KeyId::from_bytes(bytes)
}

const CONFINED: u8 = 0x91;
const DISABLED: u8 = 0x92;
const ANYWHERE: u8 = 0x93;

/// The cast with spare keys of everybody, a suspended service account and a removed one, an operator and a second signing key.
fn scene() -> Scene {
    let mut scene = Scene::cast();
    for (who, ..) in Who::ALL {
        let Some((owner, tenant)) = who.identity() else { continue };
        if scene.model.keys.contains_key(&spare(owner, CONFINED)) {
            continue;
        }
        let made = |kind, reach| fact(key_created(owner, reach, new_key(owner, spare(owner, kind)), None));
        let disabled = fact(Event::KeyDisabled { key: spare(owner, DISABLED) });
        let confined = Reach::Tenant(tenant);
        scene = scene.given([made(CONFINED, confined), made(DISABLED, confined), disabled]);
        if let Owner::User(_) = owner {
            scene = scene.given([made(ANYWHERE, Reach::AnyTenant { home: tenant })]);
        }
    }
    let account = |service_account, called| Command::CreateServiceAccount {
        service_account,
        tenant: A,
        name: account_name(service_account, called),
        role: Role::Member,
        first_key: None,
    };
    let narrow_key = |user, reach, key, scopes| {
        let key = NewKey { scopes: narrow(scopes), ..new_key(Owner::User(user), key) };
        Command::CreateKey { owner: Owner::User(user), reach, key }
    };
    let anywhere = Reach::AnyTenant { home: HOME };
    scene.given([
        by(olga(), create_key(Owner::User(OLGA), Reach::Tenant(HOME), OLGAS_CONFINED)),
        by(olga(), narrow_key(OLGA, anywhere, OLGAS_AUDITING, "keyledger:audit")),
        by(olga(), narrow_key(OLGA, anywhere, OLGAS_OBSERVING, "keyledger:metrics")),
        by(anna(), narrow_key(ANNA, Reach::Tenant(A), ANNAS_READING, "keyledger:read")),
        by(anna(), narrow_key(ANNA, Reach::Tenant(A), ANNAS_AUDITING, "keyledger:audit")),
        by(anna(), account(IDLE, "own")),
        by(anna(), account(GONE, "gone")),
        by(anna(), Command::RemoveServiceAccount { service_account: GONE }),
        by(anna(), Command::SuspendServiceAccount { service_account: IDLE }),
        by(olga(), Command::GrantOperator { user: RITA }),
        by(olga(), Command::AddSigningKey { signing_key: new_signing_key(PUBLISHED, at(0)) }),
    ])
}

/// The commands in the order of their rows. The match is exhaustive, and its array of this length: a new
/// command needs a place here, and a place needs a row.
const fn name(command: &Command) -> &'static str {
    const NAMES: [&str; 38] = NAMES_IN_ORDER;
    let place = match command {
        Command::Bootstrap(_) => 0,
        Command::AcceptRollback { .. } => 1,
        Command::CreateTenant { .. } => 2,
        Command::RenameTenant { .. } => 3,
        Command::ChangeTenantPolicy { .. } => 4,
        Command::SuspendTenant { .. } => 5,
        Command::ResumeTenant { .. } => 6,
        Command::RemoveTenant { .. } => 7,
        Command::CreateUser { .. } => 8,
        Command::SuspendUser { .. } => 9,
        Command::ResumeUser { .. } => 10,
        Command::RemoveUser { .. } => 11,
        Command::GrantOperator { .. } => 12,
        Command::WithdrawOperator { .. } => 13,
        Command::AddMember { .. } => 14,
        Command::ChangeMemberRole { .. } => 15,
        Command::RemoveMember { .. } => 16,
        Command::CreateServiceAccount { .. } => 17,
        Command::RenameServiceAccount { .. } => 18,
        Command::ChangeServiceAccountRole { .. } => 19,
        Command::SuspendServiceAccount { .. } => 20,
        Command::ResumeServiceAccount { .. } => 21,
        Command::RemoveServiceAccount { .. } => 22,
        Command::CreateKey { .. } => 23,
        Command::RenameKey { .. } => 24,
        Command::ChangeKeyExpiry { .. } => 25,
        Command::DisableKey { .. } => 26,
        Command::EnableKey { .. } => 27,
        Command::RevokeKey { .. } => 28,
        Command::RotateKey { .. } => 29,
        Command::ChangeKeyAddresses { .. } => 30,
        Command::ChangeKeyRate { .. } => 31,
        Command::ChangeKeyNote { .. } => 32,
        Command::AddSigningKey { .. } => 33,
        Command::RetireSigningKey { .. } => 34,
        Command::RevokeTokens { .. } => 35,
        Command::EraseSubject { .. } => 36,
        Command::ChangeTokenLife { .. } => 37,
    };
    NAMES[place]
}

const NAMES_IN_ORDER: [&str; 38] = [
    "Bootstrap",
    "AcceptRollback",
    "CreateTenant",
    "RenameTenant",
    "ChangeTenantPolicy",
    "SuspendTenant",
    "ResumeTenant",
    "RemoveTenant",
    "CreateUser",
    "SuspendUser",
    "ResumeUser",
    "RemoveUser",
    "GrantOperator",
    "WithdrawOperator",
    "AddMember",
    "ChangeMemberRole",
    "RemoveMember",
    "CreateServiceAccount",
    "RenameServiceAccount",
    "ChangeServiceAccountRole",
    "SuspendServiceAccount",
    "ResumeServiceAccount",
    "RemoveServiceAccount",
    "CreateKey",
    "RenameKey",
    "ChangeKeyExpiry",
    "DisableKey",
    "EnableKey",
    "RevokeKey",
    "RotateKey",
    "ChangeKeyAddresses",
    "ChangeKeyRate",
    "ChangeKeyNote",
    "AddSigningKey",
    "RetireSigningKey",
    "RevokeTokens",
    "EraseSubject",
    "ChangeTokenLife",
];

/// Of whom a command speaks: decides which laws apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// The ledger, its operators, its signing keys.
    Deployment,
    /// Tenant A, or somebody or something of it.
    TenantA,
    /// A user of A with all that it has anywhere.
    UserOfA,
    /// A key of a user of A who is none of the actors but `member`.
    MembersKey,
    /// A key of a service account of A.
    AccountsKey,
    /// A key of the actor's own, confined to its tenant.
    OwnConfined,
    /// A key of the actor's own that acts in any of its tenants.
    OwnAnywhere,
    /// The key that the actor shows, or from which its token was minted.
    KeyUsed,
}

struct Row {
    about: About,
    /// On what the command acts, for the reader.
    on: &'static str,
    /// The command that this actor would give; none where it makes no sense.
    command: Box<dyn Fn(Who) -> Option<Command>>,
}

/// The groups of the table, for the reader.
fn groups() -> Vec<(&'static str, Vec<Row>)> {
    vec![
        ("The deployment", deployment()),
        ("Tenant A", tenant()),
        ("The users of tenant A", users()),
        ("The members of tenant A", members()),
        ("The service accounts of tenant A", service_accounts()),
        ("Own keys", own_keys()),
        ("Keys of the member of A", keys(About::MembersKey, Owner::User(MAX))),
        ("Keys of a service account of A", keys(About::AccountsKey, Owner::ServiceAccount(BOT))),
        ("Tokens", tokens()),
        ("Erasure", erasures()),
    ]
}

fn row(about: About, on: &'static str, command: Command) -> Row {
    Row { about, on, command: Box::new(move |_| Some(command.clone())) }
}

fn own(about: About, on: &'static str, command: impl Fn(Owner, TenantId) -> Command + 'static) -> Row {
    let command = move |who: Who| {
        let (owner, tenant) = who.identity()?;
        let anywhere = about == About::OwnAnywhere;
        match owner {
            Owner::ServiceAccount(_) if anywhere => None,
            Owner::User(_) | Owner::ServiceAccount(_) => Some(command(owner, tenant)),
        }
    };
    Row { about, on, command: Box::new(command) }
}

fn used(on: &'static str, command: impl Fn(KeyId) -> Command + 'static) -> Row {
    Row { about: About::KeyUsed, on, command: Box::new(move |who| who.key_used().map(&command)) }
}

fn deployment() -> Vec<Row> {
    use About::Deployment;
    let next = new_signing_key(id(NEW), at(0));
    let guard_position = Position::new(99);
    let reason = RetirementReason::Superseded;
    let known = FirstAdministrator::Known(OTTO);
    let retire = Command::RetireSigningKey { signing_key: SIGNING, reason, replacement: None };
    vec![
        row(Deployment, "a ledger that has begun", bootstrap(id(NEW), id(NEW), id(NEW), id(NEW))),
        row(
            Deployment,
            "the ledger",
            Command::AcceptRollback { guard_position, guard_hash: [7; 32], signing_key: next },
        ),
        row(Deployment, "new, a new administrator", create_tenant(id(NEW), id(NEW), id(NEW))),
        row(
            Deployment,
            "new, a known administrator",
            Command::CreateTenant { tenant: new_tenant(id(NEW)), administrator: known },
        ),
        row(Deployment, "the member of A", Command::GrantOperator { user: MAX }),
        row(Deployment, "the runner of A, operator", Command::WithdrawOperator { user: RITA }),
        row(Deployment, "new", Command::AddSigningKey { signing_key: next }),
        row(Deployment, "one of two", retire),
        row(Deployment, "the ledger", Command::ChangeTokenLife { life: TokenLife::SHORTEST }),
    ]
}

fn tenant() -> Vec<Row> {
    use About::TenantA;
    let strict = policy(Some(100), Some(100));
    vec![
        row(TenantA, "A", Command::RenameTenant { tenant: A, name: tenant_name(A, "new") }),
        row(TenantA, "A", Command::ChangeTenantPolicy { tenant: A, policy: strict }),
        row(TenantA, "A", Command::SuspendTenant { tenant: A }),
        row(TenantA, "A, not suspended", Command::ResumeTenant { tenant: A }),
        row(TenantA, "A", Command::RemoveTenant { tenant: A }),
    ]
}

fn users() -> Vec<Row> {
    let create = |first_key| {
        let (user, role) = (new_user(id(NEW)), Role::Administrator);
        Command::CreateUser { user, tenant: A, role, first_key }
    };
    let first_key = new_key(Owner::User(id(NEW)), id(NEW));
    vec![
        row(About::TenantA, "new in A", create(None)),
        row(About::TenantA, "new in A, with a first key", create(Some(first_key))),
        row(About::UserOfA, "the member", Command::SuspendUser { user: MAX }),
        row(About::UserOfA, "the suspended one", Command::ResumeUser { user: SUSI }),
        row(About::UserOfA, "the member", Command::RemoveUser { user: MAX }),
        row(About::UserOfA, "the last administrator", Command::RemoveUser { user: ANNA }),
    ]
}

fn members() -> Vec<Row> {
    use About::TenantA;
    let first_key = Some(new_key(Owner::User(OTTO), id(NEW)));
    let with_key = Command::AddMember { tenant: A, user: OTTO, role: Role::Member, first_key };
    let change = |user, role| Command::ChangeMemberRole { tenant: A, user, role };
    vec![
        row(TenantA, "the outsider", add_member(A, OTTO, Role::Administrator)),
        row(TenantA, "the outsider, with a first key", with_key),
        row(TenantA, "the member, to administrator", change(MAX, Role::Administrator)),
        row(TenantA, "the last administrator, to member", change(ANNA, Role::Member)),
        row(TenantA, "the member", remove_member(A, MAX)),
        row(TenantA, "the last administrator", remove_member(A, ANNA)),
        Row { about: About::OwnConfined, on: "oneself", command: Box::new(leave) },
    ]
}

fn leave(who: Who) -> Option<Command> {
    match who.identity()? {
        (Owner::User(user), tenant) => Some(remove_member(tenant, user)),
        (Owner::ServiceAccount(_), _) => None,
    }
}

fn service_accounts() -> Vec<Row> {
    use About::TenantA;
    let create = Command::CreateServiceAccount {
        service_account: id(NEW),
        tenant: A,
        name: account_name(id(NEW), "new"),
        role: Role::Administrator,
        first_key: None,
    };
    let (service_account, role) = (BOT, Role::Administrator);
    let name = account_name(BOT, "new");
    vec![
        row(TenantA, "new in A, administrator", create),
        row(TenantA, "the runner", Command::RenameServiceAccount { service_account, name }),
        row(
            TenantA,
            "the runner, to administrator",
            Command::ChangeServiceAccountRole { service_account, role },
        ),
        row(TenantA, "the runner", Command::SuspendServiceAccount { service_account }),
        row(TenantA, "a suspended one", Command::ResumeServiceAccount { service_account: IDLE }),
        row(TenantA, "the runner", Command::RemoveServiceAccount { service_account }),
    ]
}

fn own_keys() -> Vec<Row> {
    use About::{OwnAnywhere, OwnConfined};
    let mut rows = vec![
        own(OwnConfined, "for its tenant", |owner, tenant| create_key(owner, Reach::Tenant(tenant), id(NEW))),
        own(OwnAnywhere, "for any tenant", |owner, home| {
            create_key(owner, Reach::AnyTenant { home }, id(NEW))
        }),
        own(OwnConfined, "for its tenant, to read only", |owner, tenant| {
            let key = NewKey { scopes: narrow("keyledger:read"), ..new_key(owner, id(NEW)) };
            Command::CreateKey { owner, reach: Reach::Tenant(tenant), key }
        }),
    ];
    for (about, on, kind) in
        [(OwnConfined, "for its tenant", CONFINED), (OwnAnywhere, "for any tenant", ANYWHERE)]
    {
        for change in changes() {
            rows.push(own(about, on, move |owner, _| change(owner, spare(owner, kind))));
        }
    }
    rows.push(own(OwnConfined, "for its tenant, disabled", |owner, _| Command::EnableKey {
        key: spare(owner, DISABLED),
    }));
    rows.push(used("the key used itself", revoke));
    rows
}

fn keys(about: About, owner: Owner) -> Vec<Row> {
    let mut rows = vec![row(about, "for A", create_key(owner, Reach::Tenant(A), id(NEW)))];
    rows.extend(
        changes().into_iter().map(|change| row(about, "for A", change(owner, spare(owner, CONFINED)))),
    );
    rows.push(row(about, "for A, disabled", Command::EnableKey { key: spare(owner, DISABLED) }));
    rows
}

fn changes() -> [fn(Owner, KeyId) -> Command; 8] {
    [
        |owner, key| Command::RenameKey { key, name: key_name(owner, "new") },
        |_, key| Command::ChangeKeyExpiry { key, expires_at: Some(at(60)) },
        |_, key| Command::DisableKey { key },
        |_, key| Command::RotateKey { key, successor: successor(id(NEW)), grace_ends_at: at(60) },
        |_, key| revoke(key),
        |_, key| Command::ChangeKeyAddresses {
            key,
            addresses: AllowedAddresses::parse(["192.0.2.0/24"]).expect("a network"),
        },
        |_, key| Command::ChangeKeyRate { key, rate: RateLimit::new(100, 60).ok() },
        |owner, key| Command::ChangeKeyNote { key, note: Some(key_name(owner, "a remark").text) },
    ]
}

fn tokens() -> Vec<Row> {
    let (max, bot) = (Owner::User(MAX), Owner::ServiceAccount(BOT));
    let of = |target| Command::RevokeTokens { target };
    let one = |key| Command::RevokeTokens { target: TokenTarget::Token { token: id(0x71), key } };
    vec![
        row(About::MembersKey, "one of the member's key", one(MAXS)),
        row(About::MembersKey, "of the member's key", of(TokenTarget::Key(MAXS))),
        row(About::UserOfA, "of the member", of(TokenTarget::Owner(max))),
        own(About::OwnAnywhere, "of oneself", |owner, _| Command::RevokeTokens {
            target: TokenTarget::Owner(owner),
        }),
        used("one of the key used itself", one),
        used("of the key used itself", |key| Command::RevokeTokens { target: TokenTarget::Key(key) }),
        row(About::AccountsKey, "one of the service account's key", one(BOTS)),
        row(About::AccountsKey, "of the service account's key", of(TokenTarget::Key(BOTS))),
        row(About::TenantA, "of the service account", of(TokenTarget::Owner(bot))),
        row(About::TenantA, "of A", of(TokenTarget::Tenant(A))),
        row(About::Deployment, "of a signing key", of(TokenTarget::SigningKey(SIGNING))),
        row(About::Deployment, "all", of(TokenTarget::All)),
    ]
}

fn erasures() -> Vec<Row> {
    let of = |subject| Command::EraseSubject { subject };
    let gone = Subject::ServiceAccount(GONE);
    vec![
        row(About::TenantA, "A, which lives", of(Subject::Tenant(A))),
        row(About::UserOfA, "the member, who lives", of(Subject::User(MAX))),
        row(About::TenantA, "the service account, which lives", of(Subject::ServiceAccount(BOT))),
        row(About::TenantA, "a removed service account of A", of(gone)),
    ]
}

/// One cell: what came of one actor's command.
struct Cell {
    who: Who,
    about: About,
    command: Command,
    outcome: Result<Vec<Event>, Rejection>,
}

impl Cell {
    fn new(scene: &Scene, row: &Row, who: Who) -> Option<Self> {
        let command = (row.command)(who)?;
        let outcome = scene.decide(&who.actor(scene), command.clone(), at(0));
        Some(Self { who, about: row.about, command, outcome })
    }

    fn word(&self) -> &'static str {
        match &self.outcome {
            Ok(events) if events.is_empty() => "-",
            Ok(_) => "ok",
            Err(Rejection::Forbidden { .. }) => "forbid",
            Err(Rejection::NotFound(_)) => "absent",
            Err(Rejection::NotAuthenticated(_)) => "dead",
            Err(Rejection::ConsoleOnly) => "machine",
            Err(Rejection::ServerOnly) => "setting",
            Err(Rejection::ScopesNotHeld) => "scopes",
            Err(Rejection::ReachNotHeld | Rejection::JoinedAgain { .. }) => "reach",
            Err(Rejection::LastAdministrator { .. }) => "last",
            Err(Rejection::AlreadyInitialised) => "begun",
            Err(rejection) => rejection.code(),
        }
    }
}

const LEGEND: &str = "\
ok       done             -        allowed, but nothing changes
forbid   FORBIDDEN        absent   NOT_FOUND: there is none, or none that one may see
machine  CONSOLE_ONLY     dead     the credential is not accepted (401)
setting  SERVER_ONLY: it follows from a setting
scopes   SCOPES_NOT_HELD  reach    REACH_NOT_HELD
last     LAST_ADMINISTRATOR        begun    ALREADY_INITIALISED
(blank: makes no sense)
";

fn table() -> String {
    let scene = scene();
    let mut text = String::from("The authorization matrix: who may do what.\n\n");
    for (_, column, meaning) in Who::ALL {
        writeln!(text, "{column:9}{meaning}").expect("a string takes all");
    }
    write!(text, "\n{LEGEND}").expect("a string takes all");
    for (title, rows) in groups() {
        write!(text, "\n{title:59}").expect("a string takes all");
        Who::ALL.iter().for_each(|(_, column, _)| write!(text, " {column:8}").expect("a string takes all"));
        text.truncate(text.trim_end().len());
        text.push('\n');
        for row in rows {
            let cells: Vec<_> = Who::ALL.iter().map(|(who, ..)| Cell::new(&scene, &row, *who)).collect();
            let named = cells.iter().flatten().next().map_or("", |cell| name(&cell.command));
            write!(text, "{named:25}{:34}", row.on).expect("a string takes all");
            for cell in cells {
                write!(text, " {:8}", cell.as_ref().map_or("", Cell::word)).expect("a string takes all");
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
    }
    text
}

#[test]
fn the_matrix_is_the_one_on_record() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/authorization-matrix.txt");
    let table = table();
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let recorded = std::fs::read_to_string(&path).unwrap_or_default();
    for (now, before) in table.lines().zip(recorded.lines()) {
        assert_eq!(
            now, before,
            "the matrix changed; if it should, UPDATE_FIXTURES=1, and read the difference"
        );
    }
    assert_eq!(
        table, recorded,
        "the matrix changed; if it should, UPDATE_FIXTURES=1, and read the difference"
    );
}

#[test]
fn every_command_has_a_row() {
    let mut missing = NAMES_IN_ORDER.to_vec();
    for row in groups().into_iter().flat_map(|(_, rows)| rows) {
        let command = (row.command)(Member).expect("every row makes sense for a member");
        missing.retain(|command_name| *command_name != name(&command));
    }
    assert_eq!(missing, Vec::<&str>::new());
}

#[track_caller]
fn every_cell(law: impl Fn(&Cell) -> bool) {
    let scene = scene();
    let mut broken = vec![];
    for row in groups().into_iter().flat_map(|(_, rows)| rows) {
        for cell in Who::ALL.iter().filter_map(|(who, ..)| Cell::new(&scene, &row, *who)) {
            if !law(&cell) {
                let Cell { who, about, outcome, command } = cell;
                broken.push(format!("{who:?}, {} ({about:?}): {outcome:?}", name(&command)));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Who may do it, by the words of the specification; written apart from the rules, and without their help.
fn may(who: Who, about: About, command: &Command) -> bool {
    match command {
        Command::Bootstrap(_) | Command::AcceptRollback { .. } => who == Console,
        Command::ChangeTokenLife { .. } => who == Server,
        Command::CreateTenant { .. }
        | Command::SuspendTenant { .. }
        | Command::ResumeTenant { .. }
        | Command::RemoveTenant { .. }
        | Command::SuspendUser { .. }
        | Command::ResumeUser { .. }
        | Command::RemoveUser { .. }
        | Command::GrantOperator { .. }
        | Command::WithdrawOperator { .. }
        | Command::EraseSubject { subject: Subject::Tenant(_) | Subject::User(_) } => who == Operator,
        Command::EraseSubject { subject: Subject::ServiceAccount(_) } => who.administers() || who == Operator,
        Command::AddSigningKey { .. } | Command::RetireSigningKey { .. } => {
            matches!(who, Operator | Server)
        }
        Command::CreateUser { .. } | Command::AddMember { .. } => who.administers() || who == Operator,
        Command::RenameTenant { .. }
        | Command::ChangeTenantPolicy { .. }
        | Command::ChangeMemberRole { .. }
        | Command::CreateServiceAccount { .. }
        | Command::RenameServiceAccount { .. }
        | Command::ChangeServiceAccountRole { .. }
        | Command::SuspendServiceAccount { .. }
        | Command::ResumeServiceAccount { .. }
        | Command::RemoveServiceAccount { .. } => who.administers(),
        Command::RemoveMember { tenant, user } => {
            (who.administers() && *tenant == A) || leaves(who, *tenant, *user)
        }
        // At the machine itself a user is given a key anew: whoever has lost every key gets in again. And keys of another
        // system are brought over there.
        Command::CreateKey { .. } if who == Console => true,
        Command::CreateKey { .. }
        | Command::RenameKey { .. }
        | Command::ChangeKeyExpiry { .. }
        | Command::DisableKey { .. }
        | Command::EnableKey { .. }
        | Command::RotateKey { .. }
        | Command::ChangeKeyAddresses { .. }
        | Command::ChangeKeyRate { .. }
        | Command::ChangeKeyNote { .. } => manages(who, about),
        Command::RevokeKey { .. } => manages(who, about) || who == Operator || holds(who, command),
        Command::RevokeTokens { target } => match target {
            TokenTarget::Token { .. } | TokenTarget::Key(_) => {
                manages(who, about) || who == Operator || holds(who, command)
            }
            TokenTarget::Owner(Owner::User(_)) => who == Operator || manages(who, about),
            TokenTarget::Owner(Owner::ServiceAccount(_)) | TokenTarget::Tenant(_) => {
                who.administers() || who == Operator
            }
            TokenTarget::SigningKey(_) | TokenTarget::All => who == Operator,
        },
    }
}

/// A member may leave, and remove nobody but itself; not with a credential that is narrowed.
fn leaves(who: Who, tenant: TenantId, user: UserId) -> bool {
    let fit = !who.is_dead() && !who.looks_only();
    fit && who.identity() == Some((Owner::User(user), tenant))
}

/// Whoever holds a living key may stop that very key and its tokens, with whatever scopes and role.
fn holds(who: Who, command: &Command) -> bool {
    let (Command::RevokeKey { key, .. }
    | Command::RevokeTokens { target: TokenTarget::Key(key) | TokenTarget::Token { key, .. } }) = command
    else {
        return false;
    };
    // A token is not the key from which it was minted.
    !who.is_dead() && who != AdministratorByToken && who.key_used() == Some(*key)
}

/// Whose key it is to manage: a user's own, within the reach of the credential; a service account's, to
/// the administrators of its tenant.
fn manages(who: Who, about: About) -> bool {
    let living_user = match who {
        Operator | OperatorConfined | Administrator | AdministratorByToken | Member | Runner | ReadOnly => {
            true
        }
        OtherAdministrator | Outsider => true,
        Console | Server | AccountAdministrator | AccountRunner | OtherAccount => false,
        OperatorAuditing | OperatorObserving | AdministratorReading | AdministratorAuditing => false,
        Revoked | Suspended => false,
    };
    match about {
        About::OwnConfined => living_user || matches!(who, AccountAdministrator | OtherAccount),
        About::OwnAnywhere => matches!(who, Operator | Administrator | OtherAdministrator),
        About::MembersKey => who == Member,
        About::AccountsKey => who.administers(),
        About::Deployment | About::TenantA | About::UserOfA | About::KeyUsed => false,
    }
}

#[test]
fn nobody_does_what_the_specification_does_not_let_them() {
    every_cell(|cell| cell.outcome.is_err() || may(cell.who, cell.about, &cell.command));
}

#[test]
fn whoever_may_is_refused_only_for_the_state_that_things_are_in() {
    every_cell(|cell| match &cell.outcome {
        Ok(_) => true,
        Err(rejection) => {
            !may(cell.who, cell.about, &cell.command) || rejection.class() == RejectionClass::Conflict
        }
    });
}

#[test]
fn nothing_that_is_dead_does_anything() {
    every_cell(|cell| !cell.who.is_dead() || matches!(cell.outcome, Err(Rejection::NotAuthenticated(_))));
}

#[test]
fn nobody_of_tenant_b_does_or_learns_anything_of_tenant_a() {
    let of_a = |about| match about {
        About::TenantA | About::MembersKey | About::AccountsKey => true,
        About::Deployment | About::UserOfA | About::OwnConfined | About::OwnAnywhere | About::KeyUsed => {
            false
        }
    };
    every_cell(|cell| {
        let strangers = cell.who.is_of_b() && of_a(cell.about);
        !strangers || matches!(cell.outcome, Err(Rejection::NotFound(_)))
    });
    every_cell(|cell| !(cell.who.is_of_b() && cell.about == About::UserOfA) || cell.outcome.is_err());
}

#[test]
fn what_exists_and_what_does_not_look_the_same_to_a_stranger() {
    let scene = scene();
    let pairs: [(Command, Command); 5] = [
        (Command::RemoveTenant { tenant: A }, Command::RemoveTenant { tenant: id(NEW) }),
        (remove_member(A, MAX), remove_member(id(NEW), MAX)),
        (
            Command::RemoveServiceAccount { service_account: BOT },
            Command::RemoveServiceAccount { service_account: id(NEW) },
        ),
        (revoke(MAXS), revoke(id(NEW))),
        (revoke(BOTS), revoke(id(NEW))),
    ];
    for who in [OtherAdministrator, OtherAccount, Outsider, OperatorConfined] {
        for (real, unreal) in &pairs {
            let ask = |command: &Command| {
                scene.decide(&who.actor(&scene), command.clone(), at(0)).map_err(|rejection| rejection.code())
            };
            assert_eq!(ask(real), ask(unreal), "{who:?}: {real:?}");
            assert_eq!(ask(real), Err("NOT_FOUND"), "{who:?}: {real:?}");
        }
    }
}

#[test]
fn a_narrowed_key_changes_nothing_at_all_but_ends_itself() {
    every_cell(|cell| {
        let ends_itself = cell.about == About::KeyUsed;
        !cell.who.looks_only() || cell.outcome.is_ok() == ends_itself
    });
}

#[test]
fn every_living_holder_ends_the_key_that_it_holds_and_thereby_nothing_else() {
    every_cell(|cell| {
        if cell.about != About::KeyUsed || cell.who.is_dead() {
            return true;
        }
        if cell.who == AdministratorByToken {
            return cell.outcome.is_err();
        }
        let key = cell.who.key_used().expect("there is no cell without");
        match cell.outcome.as_deref() {
            Ok([Event::KeyRevoked { key: revoked, .. }]) => *revoked == key,
            Ok(
                [
                    Event::TokensRevoked {
                        target: TokenTarget::Key(of) | TokenTarget::Token { key: of, .. },
                    },
                ],
            ) => *of == key,
            _ => false,
        }
    });
}

#[test]
fn a_token_does_what_its_key_does() {
    let scene = scene();
    for row in groups().into_iter().flat_map(|(_, rows)| rows) {
        let of = |who| Cell::new(&scene, &row, who).map(|cell| cell.outcome);
        // But only in its tenant.
        if matches!(row.about, About::OwnAnywhere | About::KeyUsed) {
            assert!(of(AdministratorByToken).is_some_and(|outcome| outcome.is_err()), "{}", row.on);
        } else {
            assert_eq!(of(AdministratorByToken), of(Administrator), "{}", row.on);
        }
    }
}

#[test]
fn only_administrators_have_anything_to_do_with_service_accounts() {
    every_cell(|cell| match cell.about {
        About::AccountsKey => {
            let stops = matches!(cell.command, Command::RevokeKey { .. } | Command::RevokeTokens { .. });
            let stopper = cell.who == Operator || holds(cell.who, &cell.command);
            // At the machine itself their keys are brought over from another system.
            let imports = cell.who == Console && matches!(cell.command, Command::CreateKey { .. });
            cell.outcome.is_err() || cell.who.administers() || (stops && stopper) || imports
        }
        About::Deployment
        | About::TenantA
        | About::UserOfA
        | About::MembersKey
        | About::OwnConfined
        | About::OwnAnywhere
        | About::KeyUsed => true,
    });
}
