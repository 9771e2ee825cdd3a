//! The authority: opens a data folder, runs its writer, and is what every interface talks to.

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use credentials::claims::{Audience, Issuer};
use credentials::digest::TextKind;
use credentials::jws::{Algorithm, Signer};
use credentials::key_string::KeyString;
use crossbeam_utils::sync::{ShardedLock, ShardedLockReadGuard};
use domain::actor::{Actor, Idempotency, IdempotencyKey, Way};
use domain::event::PublicKey;
use domain::ids::{KeyId, LedgerId, PepperId, RequestId, TenantId, UserId};
use domain::origin::LogOrigin;
use domain::sealed::Sealed;
use domain::time::{Position, Timestamp};
use domain::token_life::TokenLife;
use domain::{Command, Event, Recorded, Rejection, decide};
use store::chain::ChainHash;
use store::files::create_private_folder;
use store::folder::FolderLock;
use store::guard::Guard;
use store::{DataFolder, Ledger, OpenOptions, Origin, Snapshot, Storage, StoreError, TransactError};

use crate::checkpoints::Checkpoints;
use crate::clock::Clock;
use crate::compose::{Composed, Prefixes, TenantInput, UserInput};
use crate::entropy;
use crate::failure::Failure;
use crate::fitting::Fitting;
use crate::handle::Handle;
use crate::health::Health;
use crate::index::Index;
use crate::keyring::{Keyring, SecretSources};
use crate::living_tokens::TokenCount;
use crate::meters::Meters;
use crate::refusals::Asked;
use crate::reopening::Published;
use crate::sessions::stops_for_a_while;
use crate::signatures::Signatures;
use crate::tally::Tally;
use crate::token_life::last_signed_dead_at;
use crate::usage::Recorder;
use crate::writer::{self, Done, Shared, Submission, Traced, When};

/// How an authority is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where its data is.
    pub folder: DataFolder,
    /// Where its secrets come from.
    pub secrets: SecretSources,
    /// How its ledger is opened.
    pub ledger: OpenOptions,
    /// Where that ledger's bytes are.
    pub storage: Storage,
    /// Where its instants come from.
    pub clock: Clock,
    /// `iss` of its tokens: its own URL.
    pub issuer: Issuer,
    /// `aud` of tokens for which no other was asked; what tokens shown here must be for.
    pub audience: Audience,
    /// The `alg` of its tokens.
    pub algorithm: Algorithm,
    /// How long its tokens are to live, once the log says so: `Authority::keep_token_life`.
    pub token_life: TokenLife,
    /// How its keys begin.
    pub prefixes: Prefixes,
    /// What the log is called in its checkpoints; none: by its own id.
    pub origin: Option<LogOrigin>,
    /// What to do with a ledger that is older than its guard.
    pub rollback: Rollback,
}

/// What to do with a ledger that is older than its guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rollback {
    /// Do not start.
    Refuse,
    /// Go on from there: record it, and replace every signing key.
    Accept,
}

impl Options {
    /// The usual set-up of a data folder, with this URL as issuer and audience.
    pub fn new(folder: DataFolder, issuer: Issuer) -> Self {
        let audience = Audience::parse(issuer.as_str()).expect("an issuer has the form of an audience");
        Self {
            folder,
            secrets: SecretSources::default(),
            ledger: OpenOptions::default(),
            storage: Storage::default(),
            clock: Clock::System,
            issuer,
            audience,
            algorithm: Algorithm::default(),
            token_life: TokenLife::new(600).expect("ten minutes are a life"),
            prefixes: Prefixes::default(),
            origin: None,
            rollback: Rollback::Refuse,
        }
    }
}

impl Options {
    fn checkpoints(
        &self,
        ledger: LedgerId,
        keyring: &Keyring,
        snapshot: &Snapshot,
    ) -> Result<Checkpoints, StoreError> {
        Checkpoints::open(&self.folder, keyring, self.origin_of(ledger), snapshot, self.rollback)
    }

    fn origin_of(&self, ledger: LedgerId) -> LogOrigin {
        self.origin.clone().unwrap_or_else(|| LogOrigin::of(ledger))
    }
}

/// Why an authority could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data folder or the ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rules: the ledger was initialised already, or cannot be gone on with.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The keys of this ledger were digested under another pepper: none of them would be recognised.
    #[error(
        "the keys of this ledger were digested under pepper {needed}, and the pepper given is {given}; give the right one with --pepper-file"
    )]
    OtherPepper {
        /// The pepper that the ledger's keys name.
        needed: PepperId,
        /// The one that was given.
        given: PepperId,
    },
    /// The pepper has the right id, and another key than the one under which names and keys were digested.
    #[error(
        "the pepper given is called {0}, as that of this ledger, but its key is another one: a digit of it was changed, or it is no copy of that file; put the copy of the pepper back, or give its file with --pepper-file"
    )]
    AlteredPepper(PepperId),
    /// The commit failed half-way.
    #[error("{0}")]
    Commit(String),
}

impl From<TransactError> for OpenError {
    fn from(error: TransactError) -> Self {
        match error {
            TransactError::Aborted(error) => Self::Store(error),
            TransactError::Unknown(error) => Self::Commit(error.to_string()),
        }
    }
}

/// What `init` made.
pub struct Initialised {
    /// The first tenant.
    pub tenant: TenantId,
    /// Its administrator, who is also operator of the deployment.
    pub user: UserId,
    /// That user's key.
    pub key: KeyId,
    /// The key string: shown once.
    pub key_string: KeyString,
}

impl Initialised {
    /// What these events of a beginning made, and the key that goes with them.
    pub(crate) fn of(recorded: &[Recorded], key_string: KeyString) -> Self {
        let made = recorded.iter().find_map(|recorded| match &recorded.event {
            Event::MemberAdded { tenant, user, .. } => Some((*tenant, *user)),
            _ => None,
        });
        let (tenant, user) = made.expect("a ledger begins with a member");
        Self { tenant, user, key: key_string.id(), key_string }
    }
}

/// By which interface and in which request a command came.
#[derive(Clone, Debug)]
pub struct Request {
    /// The interface.
    pub way: Way,
    /// The server's id of the request.
    pub id: RequestId,
    /// The client's idempotency key.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// A running authority. Dropping it finishes the queue, writes the guard and ends the writer.
pub struct Authority {
    pub(crate) shared: Arc<Shared>,
    pub(crate) issuer: Issuer,
    pub(crate) audience: Audience,
    pub(crate) token_life: TokenLife,
    pub(crate) prefixes: Prefixes,
    queue: Mutex<Option<Sender<Submission>>>,
    writer: Option<JoinHandle<()>>,
    pub(crate) recorder: Recorder,
    pub(crate) signatures: Signatures,
    pub(crate) tokens: TokenCount,
    pub(crate) checkpoints: Checkpoints,
    /// The folder is nobody else's. Given up last.
    _lock: Option<FolderLock>,
}

impl Authority {
    /// Makes a data folder with one tenant, its administrator and operator, that user's key and a signing key.
    pub fn initialise(
        options: Options,
        tenant: &TenantInput,
        administrator: &UserInput,
    ) -> Result<Initialised, OpenError> {
        Self::make(options, |authority| {
            let composed = authority.bootstrap(tenant, administrator);
            let key_string = composed.key.expect("bootstrap makes a key");
            let recorded = authority.at_the_console(composed.command, composed.secrets)?;
            Ok(Initialised::of(&recorded, key_string))
        })
    }

    /// Makes a data folder with its secrets and a ledger, with what is put into it before it gets its name.
    pub(crate) fn make<T>(
        options: Options,
        fill: impl FnOnce(&Self) -> Result<T, OpenError>,
    ) -> Result<T, OpenError> {
        let folder = options.folder.clone();
        let lock = folder.begin()?;
        let now = options.clock.now();
        Keyring::create(&folder, &options.secrets, now)?;
        let keyring = Keyring::open(&folder, &options.secrets, options.algorithm)?;
        // Made under another name first: a crash in the middle leaves nothing that looks like a ledger.
        let id = entropy::id(now);
        let ledger = Ledger::create(&folder.unfinished_ledger(), id, &options.ledger)?;
        let checkpoints = options.checkpoints(id, &keyring, &ledger.snapshot()?);
        let checkpoints = checkpoints.map_err(|error| match error {
            // Of a ledger that was here before: that one was not rolled back.
            StoreError::NotAsSigned { .. } => StoreError::GuardExists(folder.guard()),
            error => error,
        })?;
        let authority = Self::assemble(options, ledger, keyring, Index::default(), checkpoints);
        let made = fill(&authority)?;
        authority.write_guard()?;
        drop(authority);
        folder.finish_ledger(lock)?;
        Ok(made)
    }

    /// Opens a data folder: the guard is asked, the log read and its chain checked, the index built.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let folder = options.folder.clone();
        if !folder.has_ledger()? {
            return Err(StoreError::NoLedger(folder.root().to_owned()).into());
        }
        // Held for as long as this lives: nobody else moves the guard, or makes a ledger in the place of one that is served.
        let lock = folder.lock()?;
        let rollback = options.rollback;
        let ledger = options.storage.open(&folder.ledger(), &options.ledger)?;
        let keyring = Keyring::open(&folder, &options.secrets, options.algorithm)?;
        // Without it no signing key can be kept: whoever adds one is told, and all else goes on.
        if let Err(error) = create_private_folder(&folder.secrets().join("signing")) {
            tracing::warn!(%error, "there is no folder for private signing keys, and none can be made");
        }
        let mut index = Index::default();
        let snapshot = ledger.snapshot()?;
        let guarded = Guard::read(&folder.guard()).and_then(|guard| guard.check(&snapshot));
        let rolled_back = match (guarded, rollback) {
            (Ok(()), _) => None,
            (Err(StoreError::RolledBack { guard, guard_hash, .. }), Rollback::Accept) => {
                Some((guard, guard_hash))
            }
            (Err(StoreError::NoGuard { .. }), Rollback::Accept) => {
                Some((Position::START, ChainHash([0; 32])))
            }
            (Err(error), _) => return Err(error.into()),
        };
        let mut fitting = Fitting::default();
        snapshot.scan_ahead(|scanned| {
            index.fold(&scanned.recorded);
            fitting.hold(&keyring, scanned.recorded);
        })?;
        let given = keyring.pepper.id();
        if let Some(needed) = index.digested_otherwise(given) {
            return Err(OpenError::OtherPepper { needed, given });
        }
        if fitting.is_other_pepper() {
            return Err(OpenError::AlteredPepper(given));
        }
        // Those that a crash left, and those that came back with an older copy of the secrets.
        keyring.erase(fitting.erasures())?;
        fitting.tell();
        let origin = options.origin_of(snapshot.ledger());
        let checkpoints = options.checkpoints(snapshot.ledger(), &keyring, &snapshot)?;
        drop(snapshot);
        for signing_key in index.signing_keys().filter(|key| key.retired.is_none()) {
            keyring.load_signer(signing_key.id);
        }
        let mut authority = Self::assemble(options, ledger, keyring, index, checkpoints);
        // The guard may have gone back with the ledger, so that only a checkpoint tells. It knows no hash of the chain.
        let signed = authority.checkpoints.given_up().map(|signed| (signed, ChainHash([0; 32])));
        if let Some((guard_position, guard_hash)) = rolled_back.or(signed) {
            authority.accept_rollback(guard_position, guard_hash)?;
        }
        // Only now: a start that broke off before would leave nothing that tells of the rollback.
        if signed.is_some() {
            let shared = &authority.shared;
            let now = shared.ledger.snapshot()?;
            let anew = Checkpoints::give_up(&shared.folder, &shared.keyring, origin, &now)?;
            authority.checkpoints = anew;
        }
        // What was committed just before a crash is not in the guard yet.
        let published = authority.write_guard()?;
        authority.start(published);
        authority._lock = Some(lock);
        Ok(authority)
    }

    /// The idempotency key of a request, with the command that it stands for.
    pub(crate) fn idempotency(&self, request: &Request, composed: &Composed) -> Option<Idempotency> {
        let digest = || self.shared.keyring.pepper.text_digest(TextKind::Command, &composed.asked).0;
        request.idempotency_key.clone().map(|key| Idempotency { key, command: digest() })
    }

    /// Queues a command; the reply comes from the writer's thread, once it is durable.
    pub fn submit(
        &self,
        actor: &Actor,
        request: &Request,
        composed: Composed,
        reply: impl FnOnce(Result<Done, Failure>) + Send + 'static,
    ) {
        let idempotency = self.idempotency(request, &composed);
        let Composed { command, secrets, asked: _, key: _ } = composed;
        let origin = Origin {
            actor: actor.id(),
            way: request.way,
            request: request.id,
            idempotency,
            seed: entropy::bytes(),
        };
        let asked = Asked::of(actor, request, &command);
        let (shared, counters) = (Arc::clone(&self.shared), Arc::clone(&self.recorder.counters));
        let reply = move |outcome| {
            asked.answered(&outcome, &shared, &counters);
            reply(outcome);
        };
        let (actor, traced) = (actor.clone(), Traced::begin());
        let submission = Submission { actor, command, origin, secrets, traced, reply: Box::new(reply) };
        if let Some(refusal) = self.shared.health().refusal() {
            return self.shared.answer(submission.reply, Err(refusal));
        }
        // Before it is sent: the writer may have taken it by the time that this thread goes on.
        self.shared.meters.queued();
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = match &*queue {
            Some(queue) => queue.send(submission).err().map(|refused| refused.0),
            None => Some(submission),
        };
        drop(queue);
        if let Some(submission) = refused {
            self.shared.meters.taken(1);
            (submission.reply)(Err(Failure::Stopped));
        }
    }

    /// Carries a command out and waits for it.
    pub fn execute(&self, actor: &Actor, request: &Request, composed: Composed) -> Result<Done, Failure> {
        let (reply, answer) = mpsc::sync_channel(1);
        self.submit(actor, request, composed, move |outcome| {
            // Whoever asked may be gone; what was done is done.
            let _ = reply.send(outcome);
        });
        let outcome = answer.recv().unwrap_or(Err(Failure::UnknownOutcome));
        // Here, and not in the writer's thread, which must not wait for another file than the log.
        // What was done before may have been undone since.
        if let Ok(done) = &outcome
            && done.when == When::Now
            && done.recorded.iter().any(|recorded| stops_for_a_while(&recorded.event))
        {
            self.stop_sessions(&done.recorded);
        }
        outcome
    }

    /// The instant now, as everything here sees it.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// A fresh id for a request.
    pub fn request_id(&self) -> RequestId {
        entropy::id(self.now())
    }

    /// Whether changes are taken.
    pub fn health(&self) -> Health {
        let ended = self.writer.as_ref().is_some_and(JoinHandle::is_finished);
        match self.shared.health() {
            Health::Ready | Health::Recovering(_) if ended => {
                Health::Stopped("the writer's thread has ended".to_owned())
            }
            health => health,
        }
    }

    /// Why no more changes are taken by this process, if they are not.
    pub fn stopped(&self) -> Option<String> {
        match self.health() {
            Health::Stopped(why) => Some(why),
            Health::Ready | Health::Recovering(_) => None,
        }
    }

    /// The position that verification has reached.
    pub fn position(&self) -> Position {
        self.index().position()
    }

    /// How many keys verification knows, living or not.
    pub fn keys_known(&self) -> usize {
        self.index().keys()
    }

    /// Of how many tokens it is remembered that their signature is good.
    pub fn tokens_remembered(&self) -> usize {
        self.signatures.len()
    }

    /// What is committed now.
    pub fn snapshot(&self) -> Result<Snapshot, Failure> {
        Ok(self.shared.ledger.snapshot()?)
    }

    /// `iss` of tokens.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The key set of RFC 7517 with every key whose tokens may still live.
    pub fn jwks(&self) -> String {
        let now = self.now();
        let index = self.index();
        let mut keys: Vec<_> = index
            .signing_keys()
            .filter(|key| match key.retired {
                None => true,
                // What it signed last is dead by now.
                Some(retired) => {
                    retired.reason == domain::event::RetirementReason::Superseded
                        && now < last_signed_dead_at(retired.moment.at)
                }
            })
            .collect();
        keys.sort_by_key(|key| key.created);
        let public: Vec<PublicKey> = keys.into_iter().map(|key| key.public_key).collect();
        credentials::jwks::jwks(public, self.shared.keyring.algorithm())
    }

    /// The text, for whoever may see it.
    pub fn open_text(&self, sealed: &Sealed) -> String {
        self.shared.keyring.open_text(sealed)
    }

    pub(crate) fn index(&self) -> ShardedLockReadGuard<'_, Index> {
        self.shared.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The signer that was activated last, of those whose private half is here. On a clock that went back
    /// before all of them, the first that will be: it is published, so its tokens can be checked.
    pub(crate) fn active_signing_key(&self, now: Timestamp) -> Option<Arc<Signer>> {
        let (mut active, mut to_come): (Vec<_>, Vec<_>) = self
            .index()
            .signing_keys()
            .filter(|key| key.retired.is_none())
            .map(|key| (key.active_from, key.created, key.id))
            .partition(|(active_from, _, _)| *active_from <= now);
        active.sort_unstable();
        to_come.sort_unstable();
        let ordered = active.into_iter().rev().chain(to_come);
        ordered.into_iter().find_map(|(_, _, id)| self.shared.keyring.signer_with(id))
    }

    fn assemble(
        options: Options,
        ledger: Ledger,
        keyring: Keyring,
        index: Index,
        checkpoints: Checkpoints,
    ) -> Self {
        let path = options.folder.ledger();
        let tokens = TokenCount::new(options.clock.now(), index.position());
        let shared = Shared {
            ledger: Handle::new(ledger, path, options.storage, options.ledger),
            index: ShardedLock::new(index),
            keyring,
            clock: options.clock,
            folder: options.folder,
            health: Health::Ready.into(),
            tally: Tally::default(),
            meters: Meters::new(),
        };
        Self {
            shared: Arc::new(shared),
            issuer: options.issuer,
            audience: options.audience,
            token_life: options.token_life,
            prefixes: options.prefixes,
            queue: Mutex::new(None),
            writer: None,
            recorder: Recorder::idle(),
            signatures: Signatures::default(),
            tokens,
            checkpoints,
            _lock: None,
        }
    }

    fn start(&mut self, published: Published) {
        let (queue, commands) = mpsc::channel();
        let shared = Arc::clone(&self.shared);
        let run = move || writer::run(&shared, &commands, published);
        let thread = std::thread::Builder::new().name("writer".into());
        self.writer = Some(thread.spawn(run).expect("a process can start one more thread"));
        *self.queue.lock().unwrap_or_else(PoisonError::into_inner) = Some(queue);
        self.recorder.start(&self.shared.folder.usage());
        // Of those whose key was stopped just before a crash.
        self.stop_sessions(&[]);
    }

    /// Carries out a command of the person at the machine, before the writer runs.
    fn at_the_console(
        &self,
        command: Command,
        secrets: Vec<crate::keyring::NewSecret>,
    ) -> Result<Vec<Recorded>, OpenError> {
        let now = self.now();
        let origin = Origin {
            actor: Actor::Console.id(),
            way: Way::Bootstrap,
            request: self.request_id(),
            idempotency: None,
            seed: entropy::bytes(),
        };
        let (rejected, committed) = self.shared.ledger.transact(|transaction| {
            let now = now.max(transaction.head().recorded_at);
            match decide(&transaction.rows(), &Actor::Console, command, now)? {
                Ok(events) => {
                    self.shared.keyring.keep_signing_keys(&secrets)?;
                    self.shared.keyring.keep_subjects(secrets)?;
                    transaction.append(events, &origin, now).map(|_| None)
                }
                Err(rejection) => Ok(Some(rejection)),
            }
        })?;
        if let Some(rejection) = rejected {
            return Err(rejection.into());
        }
        let mut index = self.shared.index.write().unwrap_or_else(PoisonError::into_inner);
        index.apply(committed.changes, committed.head.position);
        Ok(committed.recorded)
    }

    fn accept_rollback(&self, guard_position: Position, guard_hash: ChainHash) -> Result<(), OpenError> {
        let now = self.now();
        let (signing_key, secret) = self.shared.keyring.new_signing_key(now, now);
        let command = Command::AcceptRollback { guard_position, guard_hash: guard_hash.0, signing_key };
        self.at_the_console(command, vec![secret]).map(drop)
    }

    fn write_guard(&self) -> Result<Published, StoreError> {
        let published = Published::of(&self.shared.ledger.snapshot()?);
        published.guard().write(&self.shared.folder.guard())?;
        self.shared.meters.guarded(published.head.position);
        Ok(published)
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        // Without a sender the writer finishes its queue and ends.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the writer's thread panicked");
        }
    }
}
