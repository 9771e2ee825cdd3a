//! "Revoked means refused", held to recorded histories: an authority in this process, real threads, restarts.
//!
//! Acknowledgements are recorded on the writer's own thread, and what was changed is shown there at once: nobody
//! can know of a change earlier. `KEYLEDGER_HISTORY_OPERATIONS` says for how many operations.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use authority::compose::{Composed, FirstKey, KeyInput, TenantInput, UserInput};
use authority::{
    Authority, Clock, Denied, Done, ExchangeError, Failure, Options, Request, Shown as Shows, Wanted,
};
use credentials::claims::Issuer;
use credentials::jws::Unverified;
use credentials::signing_key::Kid;
use domain::actor::{Actor, Way};
use domain::event::{Event, RetirementReason, TenantPolicy};
use domain::ids::{KeyId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use domain::key::{Owner, Reach, RevocationReason};
use domain::limits::KeyLimits;
use domain::names::{Email, Name, Slug};
use domain::role::{Role, Scopes};
use domain::time::Timestamp;
use domain::token_life::TokenLife;
use domain::{Command, Lookup as _};
use keyledger_tests::histories::{
    Asker, Book, Credential, Door, Held, History, Household, Kind, Operation, Outcome, Reason, Recorder,
    Register, Rule, Shown, Stamp, Street, Tally, Thread, TokenMinted, Value, Verdict, What, Wish, check,
};
use store::DataFolder;

/// How many operations by default; the variable says another number.
const OPERATIONS: usize = 1_000_000;
const OPERATIONS_VARIABLE: &str = "KEYLEDGER_HISTORY_OPERATIONS";
/// One in so many is a wish, at least: where the disk is slow, the others wait.
const OPERATIONS_PER_WISH: usize = 400;
/// How often the authority is opened and dropped while it is recorded.
const LIVES: usize = 6;
const CHANGING: u16 = 4;
const LOOKING: u16 = 2;
const HOUSEHOLDS: usize = 5;
/// What the writer's own thread is called in the history.
const WRITER: Thread = Thread(999);
const BEGIN_MS: i64 = 1_767_225_600_000;

/// An authority, and what is remembered of it over restarts.
struct Inside {
    authority: Arc<Authority>,
    operator: Actor,
    known: Arc<Known>,
}

#[derive(Default)]
struct Known {
    users: Mutex<HashMap<UserId, Actor>>,
    settled: AtomicU64,
}

fn options(root: &Path, clock: &Clock) -> Options {
    let issuer = Issuer::parse("https://keys.example.com").unwrap();
    Options {
        clock: clock.clone(),
        token_life: TokenLife::LONGEST,
        ..Options::new(DataFolder::at(root), issuer)
    }
}

fn tenant_input(slug: &str) -> TenantInput {
    let (slug, name) = (Slug::parse(slug).unwrap(), Name::parse(slug).unwrap());
    TenantInput { slug, name, policy: TenantPolicy::default() }
}

fn user_input(email: &str) -> UserInput {
    UserInput { email: Email::parse(email).unwrap(), name: None }
}

fn key_input() -> KeyInput {
    let name = Name::parse("of a history").unwrap();
    KeyInput { name, expires_at: None, scopes: Scopes::All, limits: KeyLimits::default(), note: None }
}

const ADMIN: &str = "ada@example.com";

fn verdict(authority: &Authority, shown: &Shown) -> Verdict {
    match authority.authenticate(Shows::from_nowhere(&shown.text), Some(shown.credential.tenant)) {
        Ok(caller) => Verdict::Accepted(caller.position),
        Err(denial) => {
            let code = denial.denied.code();
            let reason = Reason::parse(code).unwrap_or_else(|| panic!("refused for {code}"));
            Verdict::Refused(reason, None)
        }
    }
}

impl Inside {
    fn request(&self) -> Request {
        Request { way: Way::GraphQl, id: self.authority.request_id(), idempotency_key: None }
    }

    fn must(&self, actor: &Actor, composed: Composed) -> Done {
        self.authority.execute(actor, &self.request(), composed).unwrap()
    }

    fn actor(&self, asker: Asker) -> Actor {
        match asker {
            Asker::Operator => self.operator.clone(),
            Asker::User(user) => self.known.users.lock().unwrap()[&user].clone(),
        }
    }

    fn reach(home: &Household, owner: Owner) -> Reach {
        match owner {
            Owner::User(_) => Reach::AnyTenant { home: home.tenants[0] },
            Owner::ServiceAccount(_) => Reach::Tenant(home.tenants_of(owner)[0]),
        }
    }

    /// Lets a key be shown in every tenant of its owner.
    fn let_show(book: &Book, home: &Household, held: Held, text: &str, made_within: bool) {
        for tenant in home.tenants_of(held.owner) {
            let Held { key, owner } = held;
            let credential = Credential { key, owner, tenant: *tenant, token: None, made_within };
            home.show(Shown { number: book.credential(credential), credential, text: text.to_owned() });
        }
    }

    fn signing_key(&self, token: &str) -> SigningKeyId {
        let kid = Unverified::parse(token).unwrap().kid();
        let keys = self.authority.snapshot().unwrap().rows().signing_keys().unwrap();
        keys.into_iter().find(|key| Kid::of(&key.public_key) == kid).unwrap().id
    }

    /// The command of a wish, and the key that it makes.
    fn compose(&self, home: &Household, wish: Wish) -> Result<Composed, Failure> {
        let instant = |ms| Timestamp::from_unix_ms(ms).unwrap();
        let reason = RevocationReason::KeyCompromise;
        let command = match wish {
            Wish::CreateKey(owner) => {
                return self.authority.create_key(owner, Self::reach(home, owner), &key_input());
            }
            Wish::RotateKey(held) => return self.authority.rotate_key_overlapping(held.key, None, 0),
            Wish::RetireSigningKey(id) => {
                return self.authority.retire_signing_key(id, RetirementReason::Compromised);
            }
            Wish::JoinAgain(tenant, user) => {
                let user = user_input(&home.addresses[&user]);
                return self.authority.add_member(tenant, &user, Role::Member, FirstKey::None);
            }
            Wish::RevokeKey(held) => Command::RevokeKey { key: held.key, reason, note: None },
            Wish::DisableKey(held) => Command::DisableKey { key: held.key },
            Wish::EnableKey(held) => Command::EnableKey { key: held.key },
            Wish::ShortenKey(held, at) => {
                Command::ChangeKeyExpiry { key: held.key, expires_at: Some(instant(at)) }
            }
            Wish::LengthenKey(held) => Command::ChangeKeyExpiry { key: held.key, expires_at: None },
            Wish::SuspendTenant(tenant) => Command::SuspendTenant { tenant },
            Wish::ResumeTenant(tenant) => Command::ResumeTenant { tenant },
            Wish::RemoveTenant(tenant) => Command::RemoveTenant { tenant },
            Wish::SuspendOwner(Owner::User(user)) => Command::SuspendUser { user },
            Wish::SuspendOwner(Owner::ServiceAccount(service_account)) => {
                Command::SuspendServiceAccount { service_account }
            }
            Wish::ResumeOwner(Owner::User(user)) => Command::ResumeUser { user },
            Wish::ResumeOwner(Owner::ServiceAccount(service_account)) => {
                Command::ResumeServiceAccount { service_account }
            }
            Wish::RemoveOwner(Owner::User(user)) => Command::RemoveUser { user },
            Wish::RemoveOwner(Owner::ServiceAccount(service_account)) => {
                Command::RemoveServiceAccount { service_account }
            }
            Wish::RemoveMember(tenant, user) => Command::RemoveMember { tenant, user },
            Wish::RevokeTokens(target) => Command::RevokeTokens { target },
        };
        Ok(Composed::plain(command))
    }

    fn new_tenant(&self, slug: &str) -> TenantId {
        let composed = self.authority.create_tenant(&tenant_input(slug), &user_input(ADMIN)).unwrap();
        let done = self.must(&self.operator, composed);
        let made = done.recorded.iter().find_map(|recorded| match recorded.event {
            Event::TenantCreated { tenant, .. } => Some(tenant),
            _ => None,
        });
        made.unwrap()
    }

    fn new_user(&self, tenants: [TenantId; 2], email: &str) -> (UserId, String) {
        let (user, role) = (user_input(email), Role::Member);
        let composed = self.authority.add_member(tenants[0], &user, role, FirstKey::Wanted).unwrap();
        let key = composed.key.as_ref().unwrap().expose().to_owned();
        self.must(&self.operator, composed);
        let composed = self.authority.add_member(tenants[1], &user, role, FirstKey::None).unwrap();
        let id = composed.known_member().unwrap();
        self.must(&self.operator, composed);
        (id, key)
    }

    fn new_account(&self, tenant: TenantId) -> ServiceAccountId {
        let name = Name::parse("agent").unwrap();
        let done =
            self.must(&self.operator, self.authority.create_service_account(tenant, &name, Role::Member));
        let made = done.recorded.iter().find_map(|recorded| match recorded.event {
            Event::ServiceAccountCreated { service_account, .. } => Some(service_account),
            _ => None,
        });
        made.unwrap()
    }
}

impl Door for Inside {
    fn settle(&self, recorder: &mut Recorder) -> Option<Household> {
        let number = self.known.settled.fetch_add(1, Ordering::Relaxed);
        let tenants = ["a", "b"].map(|letter| self.new_tenant(&format!("house-{number}-{letter}")));
        let (mut users, mut addresses) = (BTreeMap::new(), BTreeMap::new());
        for letter in ["x", "y"] {
            let email = format!("{letter}{number}@example.com");
            let (user, key) = self.new_user(tenants, &email);
            let caller = self.authority.authenticate(Shows::from_nowhere(&key), None).unwrap();
            self.known.users.lock().unwrap().insert(user, caller.actor);
            users.insert(user, key);
            addresses.insert(user, email);
        }
        let accounts = tenants.map(|tenant| self.new_account(tenant));
        let home = Household::new(tenants, users, addresses, accounts);
        for (user, text) in &home.users {
            let caller = self.authority.authenticate(Shows::from_nowhere(text), None).unwrap();
            let held = Held { key: caller.key, owner: Owner::User(*user) };
            Self::let_show(&recorder.book, &home, held, text, false);
        }
        for owner in home.owners() {
            let composed = self.authority.create_key(owner, Self::reach(&home, owner), &key_input()).unwrap();
            let key = composed.key.as_ref().unwrap();
            let (held, text) = (Held { key: key.id(), owner }, key.expose().to_owned());
            self.must(&self.actor(Wish::CreateKey(owner).asker()), composed);
            Self::let_show(&recorder.book, &home, held, &text, false);
            home.hold(held);
        }
        Some(home)
    }

    fn show(&self, recorder: &mut Recorder, shown: &Shown) {
        let began = recorder.begin();
        let verdict = verdict(&self.authority, shown);
        recorder.end(began, What::Verified(shown.number, verdict));
    }

    fn mint(&self, recorder: &mut Recorder, home: &Household, held: Held, tenant: TenantId) {
        let shown = home.shown();
        let is_it = |shown: &&Shown| {
            let credential = &shown.credential;
            credential.key == held.key && credential.tenant == tenant && credential.token.is_none()
        };
        let Some(key) = shown.iter().find(is_it) else { return };
        let wanted = Wanted { tenant: Some(tenant), ..Wanted::default() };
        let began = recorder.begin();
        let minted = self.authority.exchange(Shows::from_nowhere(&key.text), wanted);
        let verdict = match &minted {
            Ok(minted) => Verdict::Accepted(minted.caller.position),
            Err(ExchangeError::Denied(denial)) => match denial.denied {
                // Also what is said of a key whose token would end within the second.
                Denied::Refused(domain::Refusal::KeyExpired) => Verdict::Unknown,
                denied => Verdict::Refused(Reason::parse(denied.code()).unwrap(), None),
            },
            Err(error) => panic!("no token: {error}"),
        };
        recorder.end(began, What::Verified(key.number, verdict));
        let Ok(minted) = minted else { return };
        let token = TokenMinted {
            id: minted.id,
            seq: minted.caller.position,
            signing_key: self.signing_key(&minted.token),
            ends_at_ms: minted.expires_at.unix_seconds() * 1000,
        };
        let credential = Credential { token: Some(token), ..key.credential };
        home.show(Shown { number: recorder.book.credential(credential), credential, text: minted.token });
    }

    fn ask(&self, recorder: &mut Recorder, home: &Household, wish: Wish) {
        let began = recorder.begin();
        let Ok(composed) = self.compose(home, wish) else { return };
        let made: Option<(KeyId, Owner)> = composed.key.as_ref().map(|key| {
            let owner = match wish {
                Wish::CreateKey(owner) => owner,
                Wish::RotateKey(held) => held.owner,
                other => panic!("{other:?} makes no key"),
            };
            // It is shown before it exists: whoever is quick may be told that it is not known.
            let held = Held { key: key.id(), owner };
            Self::let_show(&recorder.book, home, held, key.expose(), true);
            (key.id(), owner)
        });
        let mut registers = wish.registers();
        registers.extend(made.map(|(key, _)| Register::Known(key)));
        let at_once = home.resting_on(&registers).into_iter().next();
        let (reply, replies) = mpsc::sync_channel(1);
        let (watched, book) = (Arc::clone(&self.authority), Arc::clone(&recorder.book));
        self.authority.submit(&self.actor(wish.asker()), &self.request(), composed, move |outcome| {
            // The earliest moment at which anybody can know.
            let (ended, after_ms) = (book.ticket(), book.now_ms());
            let seen = at_once.map(|shown| {
                let began = book.begin();
                let verdict = verdict(&watched, &shown);
                book.end(WRITER, began, What::Verified(shown.number, verdict))
            });
            drop(watched);
            reply.send((ended, after_ms, outcome, seen)).unwrap();
        });
        let (ended, after_ms, outcome, seen) = replies.recv().unwrap();
        let outcome = match outcome {
            Ok(done) => Outcome::Acknowledged(done.position),
            Err(Failure::Rejected(_)) => Outcome::Rejected,
            Err(failure) => panic!("{wish:?}: {failure}"),
        };
        match (made, outcome) {
            (Some((key, owner)), Outcome::Acknowledged(_)) => home.hold(Held { key, owner }),
            (Some((key, _)), _) => home.forget(key),
            (None, _) => {}
        }
        let clock = keyledger_tests::histories::Clock { before_ms: began.clock_ms, after_ms };
        let change = wish.change(made.map(|(key, _)| key), clock);
        let what = What::Changed(Box::new(change), outcome);
        recorder.take(Operation { thread: recorder.thread(), began: began.stamp, ended, clock, what });
        seen.into_iter().for_each(|seen| recorder.take(seen));
    }
}

/// How much is recorded, at least.
#[derive(Clone, Copy)]
struct Much {
    operations: usize,
    wishes: usize,
}

/// One life of the authority: threads that change and threads that look, until there were so many operations.
fn live(door: &Inside, book: &Arc<Book>, street: &Street, clock: &Clock, life: usize, much: Much) {
    let Much { operations, wishes: wanted } = much;
    let (over, looking) = (AtomicBool::new(false), AtomicUsize::new(usize::from(LOOKING)));
    let wishes = AtomicUsize::new(0);
    let since = Instant::now();
    let begin = clock.now();
    std::thread::scope(|threads| {
        for number in 0..CHANGING + LOOKING {
            let (over, looking, wishes) = (&over, &looking, &wishes);
            threads.spawn(move || {
                let mut recorder = Recorder::new(book, Thread(number));
                let seed = life as u64 * 100 + u64::from(number);
                if number < CHANGING {
                    return street.change(door, &mut recorder, seed, || {
                        wishes.fetch_add(1, Ordering::Relaxed);
                        over.load(Ordering::Relaxed)
                    });
                }
                let (mut looked, share) = (0, operations / usize::from(LOOKING));
                street.look(door, &mut recorder, seed, || {
                    looked += 16;
                    if looked > share {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    looked > share && wishes.load(Ordering::Relaxed) >= wanted
                });
                if looking.fetch_sub(1, Ordering::Relaxed) == 1 {
                    over.store(true, Ordering::Relaxed);
                }
            });
        }
        // Only this thread sets the clock, so it never goes back.
        while !over.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
            let passed = i64::try_from(since.elapsed().as_millis()).unwrap();
            clock.set(Timestamp::from_unix_ms(begin.unix_ms() + passed).unwrap());
        }
    });
}

/// Records so much, with restarts in between.
fn record(Much { operations, wishes }: Much) -> History {
    let of_one_life = Much { operations: operations / LIVES + 16, wishes: wishes / LIVES };
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Timestamp::from_unix_ms(BEGIN_MS).unwrap());
    let options = options(&folder.path().join("data"), &clock);
    let made = Authority::initialise(options.clone(), &tenant_input("acme"), &user_input(ADMIN)).unwrap();
    let root = made.key_string.expose().to_owned();
    let known = Arc::new(Known::default());
    let open = || {
        let authority = Arc::new(Authority::open(options.clone()).unwrap());
        let operator = authority.authenticate(Shows::from_nowhere(&root), None).unwrap().actor;
        Inside { authority, operator, known: Arc::clone(&known) }
    };
    let shown = clock.clone();
    let book = Arc::new(Book::new(move || shown.now().unix_ms()));
    let mut recorder = Recorder::new(&book, Thread(500));
    let mut door = open();
    let street = Street::new(&door, &mut recorder, HOUSEHOLDS);
    for life in 0..LIVES {
        live(&door, &book, &street, &clock, life, of_one_life);
        let began = recorder.begin();
        drop(Arc::into_inner(door.authority).expect("every reply let go of it"));
        recorder.end(began, What::Died);
        door = open();
    }
    drop(recorder);
    book.close()
}

fn operations_wanted() -> usize {
    std::env::var(OPERATIONS_VARIABLE)
        .map_or(OPERATIONS, |wanted| wanted.parse().expect("a number of operations"))
}

/// A run that meets nothing proves nothing.
fn check_that_it_met_everything(tally: &Tally) {
    for kind in Kind::ALL {
        assert!(tally.acknowledged(kind) >= 3, "{kind:?} is too seldom: {tally:#?}");
    }
    for reason in Reason::ALL.into_iter().filter(|reason| *reason != Reason::TOKEN_EXPIRED) {
        assert!(tally.refused(reason) >= 20, "{reason} is too seldom: {tally:#?}");
    }
    assert!(tally.accepted * 10 >= tally.operations, "hardly anything was accepted: {tally:#?}");
    assert!(tally.overlapping >= 5_000 && tally.close_behind >= 2_000, "too few races: {tally:#?}");
    assert_eq!(tally.deaths, LIVES);
}

#[test]
fn a_million_concurrent_operations_with_restarts_keep_every_promise() {
    let wanted = operations_wanted();
    let since = Instant::now();
    let history = record(Much { operations: wanted, wishes: wanted / OPERATIONS_PER_WISH });
    let recorded = since.elapsed();
    let tally = check(&history).unwrap_or_else(|broken| panic!("{broken}"));
    println!("{tally:#?}\nrecorded in {recorded:?}, checked in {:?}", since.elapsed() - recorded);
    assert!(tally.operations >= wanted);
    check_that_it_met_everything(&tally);
}

/// The checker must be able to fail on what is really recorded, too: one operation of it is moved.
#[test]
fn a_verification_that_is_moved_behind_a_revocation_is_found() {
    let mut history = record(Much { operations: 12_000, wishes: 600 });
    check(&history).unwrap_or_else(|broken| panic!("{broken}"));
    let mut moved = 0;
    for place in 0..history.operations.len() {
        let What::Changed(change, Outcome::Acknowledged(as_of)) = &history.operations[place].what else {
            continue;
        };
        let Some(write) = change.writes.iter().find(|write| write.value == Value::Refuses) else { continue };
        if !write.register.is_final() {
            continue;
        }
        let (register, revoked, as_of) = (write.register, history.operations[place].ended, *as_of);
        let accepted = history.operations.iter().position(|operation| match operation.what {
            What::Verified(number, Verdict::Accepted(_)) => {
                let facets = history.credentials[number.0 as usize].facets();
                facets.contains(&register) && operation.began < revoked
            }
            What::Verified(_, _) | What::Changed(_, _) | What::Died => false,
        });
        let Some(accepted) = accepted else { continue };
        let before = history.operations[accepted].clone();
        let What::Verified(number, _) = before.what else { continue };
        let operation = &mut history.operations[accepted];
        (operation.began, operation.ended) = (Stamp(revoked.0 + 1), Stamp(revoked.0 + 2));
        operation.what = What::Verified(number, Verdict::Accepted(as_of));
        let broken = check(&history).expect_err("it was accepted after it was revoked");
        let found = broken
            .all
            .iter()
            .any(|violation| violation.rule == Rule::RevokedMeansRefused && violation.operation == accepted);
        assert!(found, "{broken}");
        history.operations[accepted] = before;
        moved += 1;
        if moved == 20 {
            break;
        }
    }
    assert!(moved >= 10, "only {moved} changes to move something behind");
}
