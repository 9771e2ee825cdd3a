//! A small deployment with a history, in a folder of its own: every kind of event, hand-made.
//!
//! Tenant `acme` with Ada, its administrator and the operator, Bob, a member whose name nobody can unseal
//! any more, and the service account `etl`. Tenant `other` is made and removed by Ada.

use std::fs;

use credentials::note::NoteSigner;
use credentials::sealing::{self, SubjectKey};
use credentials::signing_key::Seed;
use domain::actor::{ActorId, Idempotency, IdempotencyKey, Way};
use domain::event::{Event, KeyCreated, PublicKey, RetirementReason, TenantPolicy, TokenTarget};
use domain::ids::{
    Id, KeyId, LedgerId, PepperId, RequestId, ServiceAccountId, SigningKeyId, TenantId, TokenId, UserId,
};
use domain::key::{DigestScheme, KeyDigest, KeyPrefix, LastFour, Owner, Reach, RevocationReason};
use domain::names::Note;
use domain::origin::LogOrigin;
use domain::role::{Role, Scopes};
use domain::sealed::{Sealed, SealedName, Subject, TextDigest};
use domain::time::{Position, Timestamp};
use keyledger_replay::{Audit, Filter, Format, Names, Repair, Source, show};
use store::checkpoint::Checkpoint;
use store::guard::Guard;
use store::secrets::{SecretBytes, SubjectKeys, create_folders};
use store::{DataFolder, Ledger, OpenOptions, Origin};
use tempfile::TempDir;

pub const ACME: TenantId = id(0x10);
pub const OTHER: TenantId = id(0x11);
pub const ADA: UserId = id(0x20);
pub const BOB: UserId = id(0x21);
pub const ETL: ServiceAccountId = id(0x30);
pub const ADAS: KeyId = id(0x40);
pub const BOBS: KeyId = id(0x41);
pub const ETLS: KeyId = id(0x42);
pub const ETLS_NEXT: KeyId = id(0x43);
pub const SIGNING: SigningKeyId = id(0x50);
pub const LEDGER: LedgerId = id(0xEE);

/// 2026-01-01T00:00:00Z.
pub const BEGIN: Timestamp = Timestamp::from_unix_ms(1_767_225_600_000).expect("in range");

/// A name made to forge a line of a listing. Names are parsed, so none such should ever be sealed.
pub const FORGED: &str = "ci\n99  2026-01-01T00:00:00.000Z  KeyRevoked \u{9b}2J";

/// Sixteen random-looking bytes of version 7, apart in their last ones.
pub const fn id<K>(byte: u8) -> Id<K> {
    let mut bytes = [0x01, 0x9b, 0x76, 0xda, 0xa8, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0];
    bytes[15] = byte;
    Id::from_bytes(bytes)
}

/// A data folder with a ledger in it.
pub struct Scene {
    pub folder: DataFolder,
    pub ledger: Option<Ledger>,
    _temporary: TempDir,
}

impl Scene {
    /// An empty ledger, open for writing.
    pub fn empty() -> Self {
        let temporary = TempDir::new().unwrap();
        let folder = DataFolder::at(temporary.path());
        create_folders(&folder).unwrap();
        let mut keys = SubjectKeys::open(&folder.subjects()).unwrap();
        let readable =
            [Subject::Tenant(ACME), Subject::Tenant(OTHER), Subject::User(ADA), Subject::ServiceAccount(ETL)];
        for subject in readable {
            keys.add(subject, SecretBytes::new([7; 32])).unwrap();
        }
        keys.sync().unwrap();
        let ledger = Ledger::create(&folder.ledger(), LEDGER, &OpenOptions::default()).unwrap();
        Self { folder, ledger: Some(ledger), _temporary: temporary }
    }

    /// The whole history, closed.
    pub fn told() -> Self {
        let mut scene = Self::empty();
        scene.tell();
        scene.close();
        scene
    }

    /// Appends the whole history, a command a second.
    pub fn tell(&self) {
        for (number, (actor, way, events)) in history().into_iter().enumerate() {
            self.append(number as u64, actor, way, events);
        }
    }

    /// Appends the events of one command, so many seconds after the beginning.
    pub fn append(&self, second: u64, actor: ActorId, way: Way, events: Vec<Event>) {
        let idempotency = (way == Way::GraphQl).then(|| Idempotency {
            key: IdempotencyKey::parse(&format!("attempt-{second}")).unwrap(),
            command: [0xC0; 16],
        });
        let seed = [second as u8; 32];
        let request: RequestId = id(second as u8);
        let origin = Origin { actor, way, request, idempotency, seed };
        let at = BEGIN.plus_seconds(second);
        let ledger = self.ledger.as_ref().unwrap();
        ledger.transact(|txn| txn.append(events, &origin, at).map(drop)).unwrap();
    }

    pub fn close(&mut self) {
        self.ledger.take().unwrap().close().unwrap();
    }

    /// As a server leaves them: the guard, and a signed checkpoint of now beside it.
    pub fn write_guard(&self) {
        let snapshot = self.ledger.as_ref().unwrap().snapshot().unwrap();
        Guard::of(&snapshot).write(&self.folder.guard()).unwrap();
        self.keep_checkpoint(&self.checkpoint());
    }

    /// What the log says of itself now.
    pub fn checkpoint(&self) -> Checkpoint {
        let snapshot = self.ledger.as_ref().unwrap().snapshot().unwrap();
        let size = snapshot.head().position;
        let root = snapshot.tree().root(size.number()).unwrap();
        Checkpoint { origin: self.checkpoint_origin(), size, root }
    }

    pub fn keep_checkpoint(&self, checkpoint: &Checkpoint) {
        self.keep_checkpoint_in(&self.folder, checkpoint);
    }

    pub fn keep_checkpoint_in(&self, folder: &DataFolder, checkpoint: &Checkpoint) {
        fs::create_dir_all(folder.root()).unwrap();
        let signer = NoteSigner::of_log(&checkpoint.origin, &Seed::from_bytes([6; 32]));
        let note = signer.sign(&checkpoint.to_string()).to_string();
        store::checkpoint::keep(&folder.checkpoint(), &note).unwrap();
    }

    /// The public half of the key that signs them.
    pub fn note_key(&self) -> PublicKey {
        NoteSigner::of_log(&self.checkpoint_origin(), &Seed::from_bytes([6; 32])).verifier().public_key()
    }

    fn checkpoint_origin(&self) -> LogOrigin {
        LogOrigin::parse("keys.example.com/tlog").unwrap()
    }

    pub fn audit(&self) -> Audit {
        Audit::open(&self.folder, Repair::Forbidden).unwrap()
    }

    /// What is in the folder now.
    pub fn source(&self) -> Source {
        Source::of(self.audit()).unwrap()
    }

    /// What `show` writes.
    pub fn shown(&self, filter: &Filter, format: Format) -> String {
        let mut out = vec![];
        show(&self.source(), &Names::read(&self.folder), filter, format, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// Changes the first of these bytes wherever the closed file has them, old pages included.
    pub fn damage(&self, bytes: &[u8]) {
        self.damage_pages(bytes, |_| true);
    }

    /// The same, but not in the log: no page of the views holds the beginning of an envelope.
    pub fn damage_views(&self, bytes: &[u8]) {
        self.damage_pages(bytes, |page| !page.windows(4).any(|word| word == b"KLEV"));
    }

    fn damage_pages(&self, bytes: &[u8], admits: impl Fn(&[u8]) -> bool) {
        let path = self.folder.ledger();
        let mut file = fs::read(&path).unwrap();
        let mut places = vec![];
        for (number, page) in file.chunks(4096).enumerate().filter(|(_, page)| admits(page)) {
            let found = page.windows(bytes.len()).enumerate().filter(|(_, found)| *found == bytes);
            places.extend(found.map(|(place, _)| number * 4096 + place));
        }
        assert!(!places.is_empty(), "the bytes are not in the file");
        for place in places {
            file[place] ^= 1;
        }
        fs::write(&path, file).unwrap();
    }
}

pub fn ada() -> ActorId {
    ActorId::Holder { identity: Owner::User(ADA), key: ADAS, token: None }
}

/// The commands, in order: by whom, by which way, and their events.
fn history() -> Vec<(ActorId, Way, Vec<Event>)> {
    let etl = ActorId::Holder { identity: Owner::ServiceAccount(ETL), key: ETLS, token: Some(id(0x60)) };
    vec![
        (
            ActorId::Console,
            Way::Bootstrap,
            vec![
                tenant_created(ACME, "acme"),
                user_created(ADA, "ada@example.com", Some("Ada Lovelace")),
                Event::OperatorGranted { user: ADA },
                Event::MemberAdded { tenant: ACME, user: ADA, role: Role::Administrator },
                key_created(ADAS, Owner::User(ADA), Reach::AnyTenant { home: ACME }, "first", Scopes::All),
                Event::SigningKeyAdded {
                    signing_key: SIGNING,
                    public_key: PublicKey([0xAB; 32]),
                    active_from: BEGIN,
                },
            ],
        ),
        (ada(), Way::GraphQl, vec![user_created(BOB, "bob@example.com", None)]),
        (ada(), Way::GraphQl, vec![Event::MemberAdded { tenant: ACME, user: BOB, role: Role::Member }]),
        (
            ada(),
            Way::GraphQl,
            vec![Event::ServiceAccountCreated {
                service_account: ETL,
                tenant: ACME,
                name: name(Subject::ServiceAccount(ETL), "etl"),
                role: Role::Runner,
            }],
        ),
        (
            ada(),
            Way::Rest,
            vec![key_created(
                ETLS,
                Owner::ServiceAccount(ETL),
                Reach::Tenant(ACME),
                FORGED,
                Scopes::parse("runs:write keyledger:read").unwrap(),
            )],
        ),
        (
            ada(),
            Way::Ui,
            vec![key_created(BOBS, Owner::User(BOB), Reach::Tenant(ACME), "laptop", Scopes::All)],
        ),
        (
            etl,
            Way::OAuth,
            vec![
                key_created(ETLS_NEXT, Owner::ServiceAccount(ETL), Reach::Tenant(ACME), "ci", Scopes::All),
                Event::KeyRotated {
                    key: ETLS,
                    successor: ETLS_NEXT,
                    grace_ends_at: BEGIN.plus_seconds(3_600),
                },
            ],
        ),
        (ada(), Way::Cli, vec![tenant_created(OTHER, "other")]),
        (ada(), Way::Cli, vec![Event::TenantRemoved { tenant: OTHER }]),
        (ada(), Way::Cli, vec![Event::KeyDisabled { key: BOBS }]),
        (
            ada(),
            Way::Cli,
            vec![Event::KeyRevoked {
                key: BOBS,
                reason: RevocationReason::KeyCompromise,
                note: Some(seal(Subject::User(ADA), Note::parse("left in a public log").unwrap().as_str())),
            }],
        ),
        (
            ada(),
            Way::Cli,
            vec![Event::TokensRevoked {
                target: TokenTarget::Token { token: id::<_>(0x60) as TokenId, key: ETLS },
            }],
        ),
        (
            ActorId::Server,
            Way::Schedule,
            vec![Event::SigningKeyRetired { signing_key: SIGNING, reason: RetirementReason::Superseded }],
        ),
        (ada(), Way::Cli, vec![Event::UserSuspended { user: BOB }]),
        (
            ActorId::Console,
            Way::Bootstrap,
            vec![Event::RollbackAccepted { guard_position: Position::new(99), guard_hash: [0xDD; 32] }],
        ),
    ]
}

pub fn tenant_created(tenant: TenantId, slug: &str) -> Event {
    let subject = Subject::Tenant(tenant);
    let policy = TenantPolicy { key_life_seconds_max: Some(7_776_000), key_life_seconds_default: None };
    Event::TenantCreated { tenant, slug: name(subject, slug), name: name(subject, "The Company"), policy }
}

fn user_created(user: UserId, email: &str, own: Option<&str>) -> Event {
    let subject = Subject::User(user);
    Event::UserCreated { user, email: name(subject, email), name: own.map(|own| seal(subject, own)) }
}

pub fn key_created(key: KeyId, owner: Owner, reach: Reach, called: &str, scopes: Scopes) -> Event {
    let (subject, prefix) = match owner {
        Owner::User(user) => (Subject::User(user), "klu"),
        Owner::ServiceAccount(account) => (Subject::ServiceAccount(account), "kls"),
    };
    Event::KeyCreated(KeyCreated {
        key,
        owner,
        reach,
        name: name(subject, called),
        digest: KeyDigest {
            scheme: DigestScheme::KeyedBlake3(id::<_>(0x70) as PepperId),
            bytes: [key.bytes()[15]; 32],
        },
        prefix: KeyPrefix::parse(prefix).unwrap(),
        last_four: LastFour::parse(*b"wxyz").unwrap(),
        scopes,
        expires_at: Some(BEGIN.plus_seconds(7_776_000)),
    })
}

pub fn name(subject: Subject, text: &str) -> SealedName {
    let mut digest = [0; 16];
    let bytes = text.as_bytes();
    let length = bytes.len().min(16);
    digest[..length].copy_from_slice(&bytes[..length]);
    SealedName { text: seal(subject, text), digest: TextDigest(digest) }
}

/// One nonce for all: so that listings are the same each time. Nothing here is secret.
fn seal(subject: Subject, text: &str) -> Sealed {
    sealing::seal(&SubjectKey::from_bytes([7; 32]), subject, [1; 24], text)
}
