//! The file of use and refusals: it adds up, it is bounded, it is lossy, and whatever is wrong with it stops nothing.

#![allow(clippy::unwrap_used, reason = "a test may; clippy knows only functions marked as one")]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use domain::actor::{ActorId, Way};
use domain::ids::{AgentId, KeyId, RequestId, TenantId, TokenId, UserId};
use domain::key::Owner;
use domain::rejection::Entity;
use domain::sealed::{Sealed, Subject};
use domain::time::Timestamp;
use keyledger_store::StoreError;
use keyledger_store::usage::{
    AGENTS_MAX, Agent, AgentKind, Agents, Called, CallerKind, Found, KEPT_MAX, KeptRefusals, RefusalQueue,
    RefusedCommand, Session, SessionDigest, Tally, UsageFile, UseWay,
};
use tempfile::TempDir;

const KEY: KeyId = KeyId::from_bytes([1; 16]);
const OTHER: KeyId = KeyId::from_bytes([2; 16]);

fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(ms).unwrap()
}

fn tenant(number: u8) -> Option<TenantId> {
    Some(TenantId::from_bytes([number; 16]))
}

fn refusal(number: i64) -> RefusedCommand {
    RefusedCommand {
        at: at(number),
        code: "FORBIDDEN".into(),
        command: "RemoveTenant".into(),
        actor: ActorId::Holder {
            identity: Owner::User(UserId::from_bytes([3; 16])),
            key: KEY,
            token: Some(TokenId::from_bytes([4; 16])),
        },
        way: Way::GraphQl,
        request: RequestId::from_bytes([5; 16]),
        about: Some(Entity::Member { tenant: tenant(6).unwrap(), user: UserId::from_bytes([7; 16]) }),
    }
}

struct Scratch {
    _folder: TempDir,
    path: PathBuf,
}

impl Scratch {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { path: folder.path().join("usage.redb"), _folder: folder }
    }

    /// The file, which is as it should be.
    fn opened(&self) -> UsageFile {
        let (file, found) = UsageFile::open(&self.path).unwrap();
        assert_eq!(found, Found::Usable);
        file
    }

    fn aside(&self) -> PathBuf {
        self.path.with_extension("redb.unusable")
    }
}

fn add(file: &UsageFile, tallies: &[(KeyId, Tally)], refusals: &RefusalQueue) {
    let tallies: HashMap<_, _> = tallies.iter().copied().collect();
    file.add(&tallies, &HashMap::new(), refusals.waiting()).unwrap();
}

fn flood(of: Option<TenantId>, numbers: std::ops::Range<i64>) -> RefusalQueue {
    let mut queue = RefusalQueue::default();
    numbers.for_each(|number| queue.push(of, refusal(number)));
    queue
}

#[test]
fn it_adds_up_and_lasts() {
    let scratch = Scratch::new();
    let file = scratch.opened();
    let none = RefusalQueue::default();
    add(&file, &[(KEY, Tally::once(at(5), Some(CallerKind::Curl), UseWay::Rest))], &none);
    add(&file, &[(KEY, Tally::once(at(9), Some(CallerKind::Go), UseWay::GraphQl))], &none);
    add(&file, &[], &flood(None, 0..2));
    drop(file);
    let file = scratch.opened();
    let tallies = file.tallies(&[KEY, OTHER]).unwrap();
    assert_eq!(tallies.len(), 1, "a key that was not used is not there");
    let tally = tallies[&KEY];
    assert_eq!((tally.first, tally.last, tally.count), (at(5), at(9), 2));
    assert_eq!(tally.last_way, UseWay::GraphQl);
    assert_eq!(tally.callers.kinds().collect::<Vec<_>>(), [CallerKind::Curl, CallerKind::Go]);
    let expected = KeptRefusals { recent: vec![(0, refusal(0)), (1, refusal(1))], seen: 2 };
    assert_eq!(file.refusals(None).unwrap(), expected, "every field comes back");
    assert_eq!(file.refusals(tenant(1)).unwrap(), KeptRefusals::default());
}

#[test]
fn sessions_last_until_they_are_over() {
    let scratch = Scratch::new();
    let file = scratch.opened();
    let session = |tenant| Session { key: KEY, tenant, opened: at(1), seen: at(2), proved: at(3) };
    let (mine, other) = (SessionDigest([8; 32]), SessionDigest([9; 32]));
    let two = HashMap::from([(mine, Some(session(None))), (other, Some(session(tenant(4))))]);
    file.keep_sessions(&two).unwrap();
    file.keep_sessions(&HashMap::new()).unwrap();
    drop(file);
    let file = scratch.opened();
    let expected = HashMap::from([(mine, session(None)), (other, session(tenant(4)))]);
    assert_eq!(file.sessions().unwrap(), expected, "every field comes back");
    file.keep_sessions(&HashMap::from([(other, None), (SessionDigest([1; 32]), None)])).unwrap();
    drop(file);
    assert_eq!(scratch.opened().sessions().unwrap(), HashMap::from([(mine, session(None))]));
}

#[test]
fn only_the_last_are_kept_and_another_tenants_flood_pushes_out_nothing() {
    let scratch = Scratch::new();
    let file = scratch.opened();
    add(&file, &[], &flood(tenant(1), 0..3));
    // The neighbours of a tenant's place in the table, too.
    for flooded in [tenant(0), tenant(2), None] {
        for _ in 0..3 {
            add(&file, &[], &flood(flooded, 0..1_500));
        }
        let kept = file.refusals(flooded).unwrap();
        assert_eq!((kept.seen, kept.recent.len()), (4_500, KEPT_MAX));
        assert_eq!((kept.recent[0].0, kept.recent[KEPT_MAX - 1].0), (3_500, 4_499));
        assert_eq!(kept.recent[KEPT_MAX - 1].1, refusal(1_499));
    }
    let quiet = file.refusals(tenant(1)).unwrap();
    assert_eq!((quiet.seen, quiet.recent.len()), (3, 3));
}

#[test]
fn agents_last_and_are_added_up() {
    let scratch = Scratch::new();
    let file = scratch.opened();
    let agent = AgentId::from_bytes([8; 16]);
    let subject = Subject::User(UserId::from_bytes([3; 16]));
    let name = Some(Sealed { subject, ciphertext: vec![1, 2, 3] });
    let called = Called { kind: AgentKind::parse("LocalAgent").unwrap(), name };
    let add = |file: &UsageFile, seen: Agent| {
        let mut agents = Agents::default();
        agents.add(seen);
        file.add(&HashMap::new(), &HashMap::from([(KEY, agents)]), RefusalQueue::default().waiting())
            .unwrap();
    };
    add(&file, Agent::registered(agent, called.clone(), at(5)));
    add(&file, Agent::polled(agent, at(9)));
    drop(file);
    let file = scratch.opened();
    let known = file.agents(&[KEY, OTHER]).unwrap();
    assert_eq!(known.len(), 1);
    let expected =
        Agent { id: agent, called: Some(called), first: at(5), last: at(9), polled: Some(at(9)), polls: 1 };
    assert_eq!(known[&KEY].last_first(), [&expected], "every field comes back");
    for number in 0..100 {
        add(&file, Agent::polled(AgentId::from_bytes([number + 100; 16]), at(10 + i64::from(number))));
    }
    let known = file.agents(&[KEY]).unwrap();
    assert_eq!(known[&KEY].last_first().len(), AGENTS_MAX);
    assert!(known[&KEY].last_first().contains(&&expected), "who registered stays longest");
}

fn replaced(scratch: &Scratch, told: &str) -> String {
    let before = fs::read(&scratch.path).unwrap();
    let (file, found) = UsageFile::open(&scratch.path).unwrap_or_else(|error| panic!("{told}: {error}"));
    let Found::Unusable { why, aside } = found else { panic!("{told}: taken for a usable file") };
    assert_eq!(aside, scratch.aside());
    assert_eq!(fs::read(&aside).unwrap().len(), before.len(), "{told}: it is kept for whoever wants to look");
    assert_eq!(file.tallies(&[KEY]).unwrap(), HashMap::new(), "{told}: the new one is empty");
    add(&file, &[(KEY, Tally::once(at(1), None, UseWay::Rest))], &RefusalQueue::default());
    drop(file);
    assert_eq!(scratch.opened().tallies(&[KEY]).unwrap().len(), 1, "{told}: and works");
    why
}

#[test]
fn what_is_no_such_file_is_moved_aside() {
    let scratch = Scratch::new();
    fs::write(&scratch.path, "not a database\n".repeat(1_000)).unwrap();
    replaced(&scratch, "text");
    // And once more, over what lies aside already.
    fs::write(&scratch.path, [0; 8192]).unwrap();
    replaced(&scratch, "zeroes");
}

#[test]
fn a_file_of_another_version_is_moved_aside_and_both_are_named() {
    let scratch = Scratch::new();
    let database = redb::Database::create(&scratch.path).unwrap();
    let txn = database.begin_write().unwrap();
    let meta: redb::TableDefinition<'_, &str, u32> = redb::TableDefinition::new("meta");
    txn.open_table(meta).unwrap().insert("version", 77).unwrap();
    txn.commit().unwrap();
    drop(database);
    let why = replaced(&scratch, "version 77");
    assert!(why.contains("version 77") && why.contains("version 1"), "{why}");
}

#[test]
fn damage_anywhere_is_moved_aside_or_harmless() {
    let scratch = Scratch::new();
    let file = scratch.opened();
    let tallies: Vec<_> = (0..200_u8)
        .map(|n| (KeyId::from_bytes([n; 16]), Tally::once(at(i64::from(n)), None, UseWay::Rest)))
        .collect();
    add(&file, &tallies, &flood(tenant(1), 0..500));
    drop(file);
    let good = fs::read(&scratch.path).unwrap();
    let mut aside = 0;
    for place in (0..good.len()).step_by(good.len() / 60) {
        let mut bad = good.clone();
        bad[place..(place + 64).min(good.len())].iter_mut().for_each(|byte| *byte ^= 0x5A);
        fs::write(&scratch.path, &bad).unwrap();
        let (file, found) = UsageFile::open(&scratch.path).unwrap_or_else(|error| panic!("{place}: {error}"));
        aside += usize::from(found != Found::Usable);
        assert!(file.tallies(&[KEY]).is_ok(), "{place}");
        add(&file, &tallies, &flood(tenant(1), 0..5));
    }
    assert!(aside > 5, "only {aside} were found out");
    // A file cut short.
    fs::write(&scratch.path, &good[..good.len() / 2]).unwrap();
    let (file, _) = UsageFile::open(&scratch.path).unwrap();
    assert!(file.tallies(&[KEY]).is_ok());
}

#[test]
fn a_file_that_somebody_has_open_is_left_alone() {
    let scratch = Scratch::new();
    let _file = scratch.opened();
    assert!(matches!(UsageFile::open(&scratch.path), Err(StoreError::InUse)));
    assert!(!scratch.aside().exists());
}

#[test]
fn a_place_where_nothing_can_be_made_is_an_error_and_no_panic() {
    assert!(matches!(UsageFile::open(Path::new("/dev/null/usage.redb")), Err(StoreError::File { .. })));
}

#[test]
fn only_its_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = Scratch::new();
    drop(scratch.opened());
    assert_eq!(fs::metadata(&scratch.path).unwrap().permissions().mode() & 0o777, 0o600);
}

/// A command that root runs in a server's folder must leave nothing there that the server cannot open. Only root can try.
#[test]
fn the_file_belongs_to_whoever_has_the_folder() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(scratch.path(), Some(65_534), Some(65_534)).unwrap();
    let path = scratch.path().join("usage.redb");
    for _ in 0..2 {
        drop(UsageFile::open(&path).unwrap());
        assert_eq!(std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&path).unwrap()), 65_534);
        std::os::unix::fs::chown(&path, Some(0), Some(0)).unwrap();
    }
}
