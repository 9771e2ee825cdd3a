//! As of any moment of a random history, every answer is what folding the events until then gives, as far as the caller's
//! rights at the end of it let the caller see.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::ops::Range;

use authority::as_of::Answer;
use authority::events::Scope;
use authority::named::KeyNamed;
use authority::queries::Which;
use authority::state_diff::Wanted;
use authority::{AsOf, Authority, Caller, Clock, Credential, Failure, Options};
use credentials::claims::Issuer;
use domain::actor::{Actor, ActorId, Holder};
use domain::concern::{Concerned, concerned};
use domain::decide::{operates, role_of};
use domain::difference::{Difference, Kind, between};
use domain::event::Recorded;
use domain::explain::{Question, explain};
use domain::ids::{KeyId, LedgerId, PepperId, TenantId, UserId};
use domain::key::Owner;
use domain::network::AllowedAddresses;
use domain::rejection::Refusal;
use domain::role::{Permission, Role, Scopes};
use domain::row::{Key, RowId, Standing};
use domain::status::{Admission, Bearer, admit, admit_outside_tenants};
use domain::time::{Moment, Position, Timestamp};
use domain::{Change, Model, decide};
use keyledger_tests::history::folded::Folded;
use keyledger_tests::history::{History, Step, recorded};
use store::guard::Guard;
use store::secrets::{self, SecretBytes};
use store::{DataFolder, Ledger, OpenOptions, Origin};
use tempfile::TempDir;

const SEEDS: Range<u64> = 200..206;
const COMMANDS: usize = 400;
/// How many moments of each history are asked about, and by how many callers.
const MOMENTS: u64 = 12;
const CALLERS: usize = 5;

/// A data folder whose log is a random history, and an authority that answers from it.
struct World {
    seed: u64,
    log: Vec<Recorded>,
    folded: Folded,
    now: Timestamp,
    authority: Authority,
    _scratch: TempDir,
}

impl World {
    fn new(seed: u64) -> Self {
        let steps = History::random(seed, COMMANDS);
        let (log, now) = (recorded(&steps), steps.last().unwrap().now);
        let scratch = tempfile::tempdir().unwrap();
        let folder = DataFolder::at(scratch.path().join("data"));
        secrets::create_folders(&folder).unwrap();
        let (pepper, secret) = (PepperId::from_bytes([0xEE; 16]), SecretBytes::new([7; 32]));
        secrets::create_pepper(&folder.pepper(), pepper, &secret).unwrap();
        secrets::create_master_key(&folder.master_key(), &secret).unwrap();
        let id = LedgerId::from_bytes([7; 16]);
        let ledger = Ledger::create(&folder.ledger(), id, &OpenOptions::default()).unwrap();
        for batch in steps.chunks(50) {
            lay(&ledger, batch);
        }
        Guard::of(&ledger.snapshot().unwrap()).write(&folder.guard()).unwrap();
        ledger.close().unwrap();
        let issuer = Issuer::parse("https://keys.example.com").unwrap();
        let options = Options { clock: Clock::manual(now), ..Options::new(folder, issuer) };
        let authority = Authority::open(options).unwrap();
        Self { seed, folded: Folded::of(&log), log, now, authority, _scratch: scratch }
    }

    fn head(&self) -> Position {
        Position::new(self.log.len() as u64)
    }

    fn model(&self) -> &Model {
        self.folded.at(self.head())
    }

    /// Those who would be let in at the end: somebody of every kind, as they come.
    fn callers(&self) -> Vec<Caller> {
        let all: Vec<_> = self.model().keys.values().filter_map(|key| self.caller(key)).collect();
        let kind = |caller: &Caller| (matches!(caller.owner, Owner::User(_)), caller.role.map(Role::as_str));
        let mut kinds = vec![];
        let mut callers = vec![];
        let first = self.model().keys.values().min_by_key(|key| key.created.position);
        callers.extend(first.and_then(|key| self.caller(key)));
        for caller in all {
            if !kinds.contains(&kind(&caller)) {
                kinds.push(kind(&caller));
                callers.push(caller);
            }
        }
        callers.truncate(CALLERS);
        callers
    }

    fn caller(&self, key: &Key) -> Option<Caller> {
        if key.limits.addresses != AllowedAddresses::Any {
            return None;
        }
        let Admission { tenant, role } = admitted(self.model(), key, None, self.now).ok()?;
        let holder = Holder {
            identity: key.owner,
            key: key.id,
            confined_to: key.reach.confined_to(),
            scopes: key.scopes.clone(),
            token: None,
            from: None,
        };
        Some(Caller {
            actor: Actor::Holder(holder),
            owner: key.owner,
            key: key.id,
            tenant,
            role,
            scopes: key.scopes.clone(),
            rate: None,
            expires_at: None,
            credential: Credential::Key,
            position: self.head(),
            at: self.now,
        })
    }

    /// Moments at and between events, the first and the last among them.
    fn moments(&self) -> Vec<AsOf> {
        let last = self.head().number();
        let scattered = (1..=MOMENTS)
            .map(|n| (self.seed ^ n).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31) % last + 1);
        let mut moments: Vec<_> =
            scattered.chain([1, last]).map(|number| AsOf::Position(Position::new(number))).collect();
        for number in [1, last / 3, last / 2, last] {
            let at = self.log[usize::try_from(number).unwrap() - 1].recorded_at;
            // A millisecond later there may be a further event, or an expiry.
            let later = Timestamp::from_unix_ms(at.unix_ms() + 1).unwrap().min(self.now);
            moments.extend([AsOf::Instant(at), AsOf::Instant(later)]);
        }
        moments.push(AsOf::Now);
        moments
    }

    /// The position and the instant that a moment means, found by counting.
    fn meant(&self, as_of: AsOf) -> (Position, Timestamp) {
        match as_of {
            AsOf::Now => (self.head(), self.now),
            AsOf::Position(position) => {
                (position, self.log[usize::try_from(position.number()).unwrap() - 1].recorded_at)
            }
            AsOf::Instant(at) => {
                let until = self.log.iter().filter(|recorded| recorded.recorded_at <= at).count();
                (Position::new(until as u64), at)
            }
        }
    }
}

fn lay(ledger: &Ledger, steps: &[Step]) {
    let laid = ledger.transact(|transaction| {
        for step in steps {
            let mut seed = [0; 32];
            seed[..16].copy_from_slice(&step.request.bytes());
            let (actor, way, request) = (step.actor.id(), step.way, step.request);
            let origin = Origin { actor, way, request, idempotency: step.idempotency.clone(), seed };
            if let Ok(events) = decide(&transaction.rows(), &step.actor, step.command.clone(), step.now)? {
                transaction.append(events, &origin, step.now)?;
            }
        }
        Ok::<_, store::StoreError>(())
    });
    laid.unwrap();
}

fn admitted(model: &Model, key: &Key, wanted: Option<TenantId>, at: Timestamp) -> Result<Admission, Refusal> {
    let bearer = Bearer::key(key.owner, key.reach, key.created.position);
    let Ok(admitted): Result<_, Infallible> = admit(model, &bearer, &key.life, wanted, at);
    admitted
}

/// Whether it lets an operator act, outside of any tenant.
fn acts_outside(model: &Model, key: &Key, at: Timestamp) -> bool {
    let Owner::User(user) = key.owner else { return false };
    let Ok(accepted): Result<_, Infallible> = admit_outside_tenants(model, key.owner, &key.life, at);
    model.users[&user].operator && key.reach.confined_to().is_none() && accepted.is_ok()
}

/// What is told of a key: its id, its end, its successor and its status.
type KeyTold = (KeyId, Option<Timestamp>, Option<KeyId>, Result<(), Refusal>);

/// A caller who asks about a moment, and what folding the log says about both.
struct Asking<'w> {
    world: &'w World,
    caller: &'w Caller,
    as_of: AsOf,
    position: Position,
    at: Timestamp,
}

impl Asking<'_> {
    fn then(&self) -> &Model {
        self.world.folded.at(self.position)
    }

    fn now(&self) -> &Model {
        self.world.model()
    }

    fn role_in(&self, tenant: TenantId) -> Option<Role> {
        let (actor, now) = (&self.caller.actor, self.world.now);
        let Ok(role): Result<_, Infallible> = role_of(self.now(), actor, tenant, Permission::Read, now);
        role.ok()
    }

    fn operates(&self) -> bool {
        let Ok(operates): Result<_, Infallible> = operates(self.now(), &self.caller.actor, self.world.now);
        operates.is_ok()
    }

    fn reads(&self) -> bool {
        self.caller.scopes.include(Permission::Read.scope())
    }

    /// The answer is the expected one, or a refusal where one is expected; and it tells what it rests on.
    #[track_caller]
    fn check<T: PartialEq + std::fmt::Debug>(&self, answer: Result<Answer<T>, Failure>, expected: Option<T>) {
        let told = format!("seed {}: {:?} asks as of {:?}", self.world.seed, self.caller.key, self.as_of);
        match (answer, expected) {
            (Ok(answer), Some(expected)) => {
                assert_eq!(answer.value, expected, "{told}");
                let basis = answer.basis;
                assert_eq!((basis.position, basis.instant), (self.position, self.at), "{told}");
                assert_eq!(basis.head, self.world.head(), "{told}");
            }
            (Err(_), None) => {}
            (answer, expected) => panic!("{told}: {:?}, and not {expected:?}", answer.map(|it| it.value)),
        }
    }

    fn keys(&self) {
        let mut owners = vec![];
        if let Owner::User(_) = self.caller.owner {
            owners.push(self.caller.owner);
        }
        let confined = match &self.caller.actor {
            Actor::Holder(holder) => holder.confined_to,
            Actor::Console | Actor::Server => None,
        };
        if let Some(tenant) = self.caller.tenant
            && self.role_in(tenant) == Some(Role::Administrator)
        {
            let accounts = self.now().service_accounts.values().filter(|row| row.tenant == tenant);
            owners.extend(accounts.map(|row| Owner::ServiceAccount(row.id)));
        }
        let mut expected: Vec<KeyTold> = vec![];
        for owner in owners {
            let mut keys: Vec<_> = self.then().keys.values().filter(|key| key.owner == owner).collect();
            if matches!(owner, Owner::User(_)) && confined.is_some() {
                keys.retain(|key| key.reach.confined_to() == confined);
            }
            expected.extend(keys.into_iter().map(|key| {
                let status = admitted(self.then(), key, None, self.at).map(drop);
                (key.id, key.life.expires_at, key.successor, status)
            }));
        }
        let refused = matches!(self.caller.owner, Owner::User(_)) && !self.reads();
        let answer = self.world.authority.keys(self.caller, Which::All, self.as_of);
        let answer = answer.map(|Answer { value, basis }| {
            let told = value.into_iter().map(|key| (key.id, key.expires_at, key.successor, key.status));
            Answer { value: told.collect::<Vec<_>>(), basis }
        });
        self.check(answer, (!refused).then_some(expected));
    }

    fn people(&self, tenant: TenantId) {
        let seen = self.role_in(tenant);
        let members = self.then().memberships.values().filter(|row| {
            let user = self.then().users[&row.user].standing;
            row.tenant == tenant && row.standing == Standing::Living && user != Standing::Removed
        });
        let mut members: Vec<_> = members
            .map(|row| (row.user, row.role, row.since.at, self.then().users[&row.user].standing))
            .collect();
        members.sort_unstable_by_key(|row| row.0);
        let answer = self.world.authority.members(self.caller, tenant, self.as_of);
        let answer = answer.map(|Answer { value, basis }| {
            let told = value.into_iter().map(|row| (row.user.id, row.role, row.since, row.user.standing));
            Answer { value: told.collect::<Vec<_>>(), basis }
        });
        self.check(answer, seen.map(|_| members));

        let accounts = self.then().service_accounts.values().filter(|row| row.tenant == tenant);
        let accounts: Vec<_> = accounts.map(|row| (row.id, row.role, row.standing)).collect();
        let answer = self.world.authority.service_accounts(self.caller, tenant, Which::All, self.as_of);
        let answer = answer.map(|Answer { value, basis }| {
            let told = value.into_iter().map(|row| (row.id, row.role, row.standing));
            Answer { value: told.collect::<Vec<_>>(), basis }
        });
        self.check(answer, (seen == Some(Role::Administrator)).then_some(accounts));
    }

    fn deployment(&self) {
        let tenants = self.then().tenants.values().map(|row| (row.id, row.standing, row.policy));
        let answer = self.world.authority.all_tenants(self.caller, Which::All, self.as_of);
        let answer = answer.map(|Answer { value, basis }| {
            let told = value.into_iter().map(|row| (row.id, row.standing, row.policy));
            Answer { value: told.collect::<Vec<_>>(), basis }
        });
        self.check(answer, self.operates().then(|| tenants.collect()));

        let users = self.then().users.values().map(|row| (row.id, row.standing, row.operator));
        let answer = self.world.authority.all_users(self.caller, Which::All, self.as_of);
        let answer = answer.map(|Answer { value, basis }| {
            let told = value.into_iter().map(|row| (row.id, row.standing, row.operator));
            Answer { value: told.collect::<Vec<_>>(), basis }
        });
        self.check(answer, self.operates().then(|| users.collect()));

        let mut keys: Vec<_> = self.then().signing_keys.values().collect();
        keys.sort_by_key(|row| row.created);
        let keys = keys.into_iter().map(|row| (row.id, row.retired)).collect();
        let answer = self.world.authority.signing_keys(self.caller, self.as_of);
        let answer = answer.map(|Answer { value, basis }| Answer {
            value: value.into_iter().map(|row| (row.id, row.retired)).collect::<Vec<_>>(),
            basis,
        });
        self.check(answer, self.operates().then_some(keys));
    }

    fn oneself(&self) {
        let nothing = Admission { tenant: None, role: None };
        let key = self.then().keys.get(&self.caller.key);
        let acted = key.and_then(|key| admitted(self.then(), key, self.caller.tenant, self.at).ok());
        let answer = self.world.authority.acted(self.caller, self.as_of);
        self.check(answer, Some(acted.unwrap_or(nothing)));

        let user = match self.caller.owner {
            Owner::User(user) => self.then().users.get(&user).map(|row| (row.id, row.standing)),
            Owner::ServiceAccount(_) => None,
        };
        let refused = matches!(self.caller.owner, Owner::User(_)) && !self.reads();
        let answer = self.world.authority.own_user(self.caller, self.as_of);
        let answer = answer
            .map(|Answer { value, basis }| Answer { value: value.map(|row| (row.id, row.standing)), basis });
        self.check(answer, (!refused).then_some(user));

        let answer = self.world.authority.own_tenants(self.caller, self.as_of);
        let mut told =
            answer.unwrap().value.into_iter().map(|row| (row.id, row.standing)).collect::<Vec<_>>();
        told.sort_unstable_by_key(|row| row.0);
        let of_now = self.now().tenants.keys().filter(|id| self.role_in(**id).is_some());
        let mine = |id: &&TenantId| match self.caller.owner {
            Owner::User(user) => self.now().memberships.contains_key(&(user, **id)),
            Owner::ServiceAccount(_) => self.caller.tenant == Some(**id),
        };
        let then = of_now.filter(mine).filter_map(|id| self.then().tenants.get(id));
        assert_eq!(told, then.map(|row| (row.id, row.standing)).collect::<Vec<_>>());
    }
}

#[test]
fn every_answer_as_of_a_moment_is_what_folding_the_log_until_then_gives() {
    let mut roles = BTreeSet::new();
    for seed in SEEDS {
        let world = World::new(seed);
        let callers = world.callers();
        roles.extend(callers.iter().map(|caller| caller.role.map(Role::as_str)));
        for caller in &callers {
            for as_of in world.moments() {
                let (position, at) = world.meant(as_of);
                let asking = Asking { world: &world, caller, as_of, position, at };
                asking.keys();
                asking.oneself();
                asking.deployment();
                for tenant in world.model().tenants.keys() {
                    asking.people(*tenant);
                }
            }
        }
    }
    assert!(roles.len() >= 4, "too few are left who may ask: {roles:?}");
}

#[test]
fn there_are_no_other_moments() {
    let world = World::new(SEEDS.start);
    let code = |as_of| world.authority.basis(as_of).unwrap_err().code();
    let first = world.log[0].recorded_at;
    let before = Timestamp::from_unix_ms(first.unix_ms() - 1).unwrap();
    assert_eq!(code(AsOf::Position(Position::START)), "AS_OF_BEFORE_FIRST_EVENT");
    assert_eq!(code(AsOf::Instant(before)), "AS_OF_BEFORE_FIRST_EVENT");
    assert_eq!(code(AsOf::Position(world.head().next())), "AS_OF_BEYOND_HEAD");
    let after = Timestamp::from_unix_ms(world.now.unix_ms() + 1).unwrap();
    assert_eq!(code(AsOf::Instant(after)), "AS_OF_IN_FUTURE");
    assert_eq!(world.authority.basis(AsOf::Instant(first)).unwrap().instant, first);
}

#[test]
fn the_ledger_explains_as_the_fold_does() {
    let world = World::new(SEEDS.start);
    let snapshot = world.authority.snapshot().unwrap();
    let tenants: Vec<_> = world.model().tenants.keys().copied().collect();
    for as_of in world.moments() {
        let (position, at) = world.meant(as_of);
        for (place, key) in world.model().keys.keys().enumerate() {
            for tenant in [None, Some(tenants[place % tenants.len()])] {
                let scopes = Scopes::only([]).unwrap();
                let asked = Question { key: *key, tenant, scopes, from: None };
                let told = explain(&snapshot, &asked, Moment { position, at }).unwrap();
                let Ok(expected) = explain(&world.folded, &asked, Moment { position, at });
                assert_eq!(told, expected, "{asked:?} as of {as_of:?}");
            }
        }
    }
}

/// Whatever a key was accepted as after an event, its blast radius says; and what was done with it.
#[test]
fn the_spells_of_a_key_are_those_in_which_the_fold_accepts_it() {
    for seed in SEEDS.take(3) {
        let world = World::new(seed);
        let Some(operator) = world.callers().into_iter().find(|caller| {
            let Ok(operates): Result<_, Infallible> = operates(world.model(), &caller.actor, world.now);
            operates.is_ok()
        }) else {
            continue;
        };
        for key in world.model().keys.values() {
            let radius =
                world.authority.blast_radius(&operator, &KeyNamed::Id(key.id), AsOf::Now).unwrap().value;
            let with_it = |recorded: &&Recorded| matches!(recorded.metadata.actor, ActorId::Holder { key: used, .. } if used == key.id);
            assert_eq!(radius.acted_count, world.log.iter().filter(with_it).count() as u64, "seed {seed}");
            for pair in world.log.windows(2) {
                // Of several events at one instant, the last tells how things stood then.
                if pair[0].recorded_at == pair[1].recorded_at {
                    continue;
                }
                let (position, at) = (pair[0].position, pair[0].recorded_at);
                let model = world.folded.at(position);
                for tenant in world.model().tenants.keys() {
                    let then = model.keys.get(&key.id);
                    let expected = then.and_then(|key| admitted(model, key, Some(*tenant), at).ok()?.role);
                    let told = radius.spells.iter().find(|spell| {
                        let begun = spell.from.position <= position;
                        spell.tenant == Some(*tenant) && begun && spell.until.is_none_or(|until| until > at)
                    });
                    let told = told.and_then(|spell| spell.role);
                    assert_eq!(told, expected, "seed {seed}: {} in {tenant} at {position}", key.id);
                }
                let outside = radius.spells.iter().any(|spell| {
                    let begun = spell.from.position <= position;
                    spell.tenant.is_none() && begun && spell.until.is_none_or(|until| until > at)
                });
                let expected = model.keys.get(&key.id).is_some_and(|key| acts_outside(model, key, at));
                assert_eq!(outside, expected, "seed {seed}: {} outside of tenants at {position}", key.id);
            }
        }
    }
}

/// What a difference is of, what became of it, and whether it lets somebody do more.
type Told = Vec<(RowId, Kind, bool)>;

impl World {
    /// What the folds differ in, and of a tenant what belongs to it in either of them.
    fn differs(&self, from: Position, to: Position, scope: Scope, wanted: Wanted) -> Told {
        let (before, after) = (self.folded.at(from), self.folded.at(to));
        let Ok(mut differences): Result<_, Infallible> =
            between(before, after, before.row_ids().chain(after.row_ids()));
        if let Scope::Tenant(tenant) = scope {
            let users = before.row_ids().chain(after.row_ids()).filter_map(|row| match row {
                RowId::User(user) => Some(user),
                _ => None,
            });
            let users: BTreeSet<_> = users.collect();
            differences.retain(|it| !matches!(it.row, RowId::User(_)));
            differences.extend(users.into_iter().filter_map(|user| self.there(from, to, tenant, user)));
            differences.sort_by_key(|it| it.row);
        }
        let of = |model: &Model, row: &Option<Change>, tenant| {
            row.as_ref().is_some_and(|row| {
                let Ok(of): Result<_, Infallible> = concerned(model, row);
                of.contains(&Concerned::Tenant(tenant))
            })
        };
        let wanted = differences.iter().filter(|it| {
            let within = match scope {
                Scope::Tenant(tenant) => of(before, &it.before, tenant) || of(after, &it.after, tenant),
                Scope::Deployment | Scope::Oneself => true,
            };
            within && it.kind() != Kind::Derived && (wanted == Wanted::All || it.increases_access())
        });
        wanted.map(|it| (it.row, it.kind(), it.increases_access())).collect()
    }

    /// What became of a user while they were a member between the moments.
    fn there(&self, from: Position, to: Position, tenant: TenantId, user: UserId) -> Option<Difference> {
        let is_member = |number: &u64| {
            let row = self.folded.at(Position::new(*number)).memberships.get(&(user, tenant));
            row.is_some_and(|row| row.standing == Standing::Living)
        };
        let until = (from.number()..=to.number()).rev().find(is_member)?;
        let since = match is_member(&from.number()) {
            true => from.number(),
            false => (from.number()..=until).rev().take_while(is_member).last()?,
        };
        let at = |number| self.folded.at(Position::new(number));
        let Ok(differences): Result<_, Infallible> = between(at(since), at(until), [RowId::User(user)]);
        differences.into_iter().next()
    }
}

#[test]
fn what_differs_between_two_moments_is_what_differs_between_the_folds() {
    let (mut answers, mut refusals) = (0, 0);
    for world in SEEDS.map(World::new) {
        for caller in world.callers() {
            let mut moments = world.moments();
            moments.sort_by_key(|as_of| world.meant(*as_of));
            for (from, to) in moments.iter().zip(moments.iter().skip(3)) {
                let scopes = caller.tenant.map(Scope::Tenant).into_iter().chain([Scope::Deployment]);
                for scope in scopes {
                    let Ok(may): Result<bool, Infallible> = match scope {
                        Scope::Tenant(tenant) => {
                            let needs = Permission::Administer;
                            role_of(world.model(), &caller.actor, tenant, needs, world.now)
                                .map(|it| it.is_ok())
                        }
                        Scope::Deployment | Scope::Oneself => {
                            operates(world.model(), &caller.actor, world.now).map(|it| it.is_ok())
                        }
                    };
                    for wanted in [Wanted::All, Wanted::OnlyIncreases] {
                        let answer =
                            world.authority.state_diff(&caller, scope, *from, *to, wanted, 0..usize::MAX);
                        let Ok(answer) = answer else {
                            assert!(!may, "seed {}: {scope:?} is refused", world.seed);
                            refusals += 1;
                            continue;
                        };
                        assert!(may, "seed {}: {scope:?} is shown", world.seed);
                        answers += 1;
                        let entries = answer.value.entries.iter();
                        let told: Told = entries.map(|it| (it.row, it.kind, it.increases_access)).collect();
                        let (first, last) = (world.meant(*from).0, world.meant(*to).0);
                        assert_eq!((answer.value.from.position, answer.basis.position), (first, last));
                        let mut expected = world.differs(first, last, scope, wanted);
                        if let Scope::Tenant(_) = scope {
                            assert!(told.iter().all(|it| expected.contains(it)), "seed {}", world.seed);
                            // Who joined brought along what happened to them elsewhere.
                            expected.retain(|it| told.contains(it) || !matches!(it.0, RowId::Watermark(_)));
                        }
                        assert_eq!(told, expected, "seed {}: {scope:?} from {first} to {last}", world.seed);
                    }
                }
            }
        }
    }
    assert!(answers > 100 && refusals > 100, "{answers} answers, {refusals} refusals");
}
