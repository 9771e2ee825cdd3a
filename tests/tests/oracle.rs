//! The store against the plain fold: whatever it derives from a random history is what folding the log gives.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::{Range, RangeInclusive};

use domain::actor::{ActorId, Idempotency};
use domain::concern::Concerned;
use domain::event::Recorded;
use domain::ids::{KeyId, LedgerId, ServiceAccountId, TenantId, UserId};
use domain::key::Owner;
use domain::rejection::{Entity, Rejection};
use domain::row::Standing;
use domain::subjects::subjects_of;
use domain::time::{Position, Timestamp};
use domain::{Change, Lookup, Model, decide, evolve};
use keyledger_tests::history::{History, Step, recorded};
use replay::concerns_tenant;
use store::history::Marked;
use store::snapshot::SnapshotRows;
use store::{Attempt, Ledger, OpenOptions, Origin, ReadOnlyLedger, Snapshot, StoreError, Transaction};
use tempfile::TempDir;

const SEEDS: Range<u64> = 100..106;
const COMMANDS: usize = 400;
const LEDGER: LedgerId = LedgerId::from_bytes([7; 16]);

/// A history, laid down in a ledger by the very rules, so many commands a transaction.
struct Laid {
    seed: u64,
    steps: Vec<Step>,
    log: Vec<Recorded>,
    folder: TempDir,
    ledger: Ledger,
}

impl Laid {
    fn new(seed: u64, commands_a_transaction: usize) -> Self {
        let steps = History::random(seed, COMMANDS);
        let log = recorded(&steps);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.redb");
        let ledger = Ledger::create(&path, LEDGER, &OpenOptions::default()).unwrap();
        for batch in steps.chunks(commands_a_transaction) {
            commit(seed, &ledger, batch);
        }
        Self { seed, steps, log, folder, ledger }
    }

    /// Every seed, in batches that do not divide the history evenly.
    fn each() -> impl Iterator<Item = Self> {
        SEEDS.map(|seed| Self::new(seed, 23))
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("ledger.redb")
    }

    fn snapshot(&self) -> Snapshot {
        self.ledger.snapshot().unwrap()
    }
}

/// Carries the steps out in one transaction; each must end as the model said when the history was drawn.
fn commit(seed: u64, ledger: &Ledger, steps: &[Step]) {
    let before = ledger.snapshot().unwrap().head().position.number();
    let (outcomes, committed) = ledger
        .transact(|transaction| {
            let outcomes = steps.iter().map(|step| carry_out(transaction, step));
            outcomes.collect::<Result<Vec<_>, StoreError>>()
        })
        .unwrap();
    for (step, outcome) in steps.iter().zip(outcomes) {
        assert_eq!(outcome, step.outcome, "seed {seed}: {:?} by {:?}", step.command, step.actor);
    }
    let expected = recorded(steps);
    assert_eq!(committed.recorded, expected, "seed {seed}");
    assert_eq!(committed.head.position.number(), before + expected.len() as u64, "seed {seed}");
    let head = ledger.snapshot().unwrap().head();
    assert_eq!(committed.head, head, "seed {seed}: the head told is the head kept");
}

fn carry_out(
    transaction: &mut Transaction<'_>,
    step: &Step,
) -> Result<Result<Vec<Recorded>, Rejection>, StoreError> {
    match decide(&transaction.rows(), &step.actor, step.command.clone(), step.now)? {
        Ok(events) => transaction.append(events, &origin(step), step.now).map(Ok),
        Err(rejection) => Ok(Err(rejection)),
    }
}

fn origin(step: &Step) -> Origin {
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(&step.request.bytes());
    Origin {
        actor: step.actor.id(),
        way: step.way,
        request: step.request,
        idempotency: step.idempotency.clone(),
        seed,
    }
}

/// Every row that there ever will be, looked up at a position: there as the model has it, and not before.
fn assert_rows_are(rows: &SnapshotRows<'_>, model: &Model, ever: &Model, told: &str) {
    assert_eq!(rows.deployment().unwrap(), model.deployment, "{told}: deployment");
    for id in ever.tenants.keys() {
        assert_eq!(rows.tenant(*id).unwrap().as_ref(), model.tenants.get(id), "{told}: tenant {id}");
    }
    for id in ever.users.keys() {
        assert_eq!(rows.user(*id).unwrap().as_ref(), model.users.get(id), "{told}: user {id}");
        let memberships: Vec<_> = model.memberships.values().filter(|row| row.user == *id).copied().collect();
        assert_eq!(rows.memberships_of(*id).unwrap(), memberships, "{told}: memberships of {id}");
    }
    for key in ever.memberships.keys() {
        let found = rows.membership(key.1, key.0).unwrap();
        assert_eq!(found.as_ref(), model.memberships.get(key), "{told}: membership {key:?}");
    }
    for id in ever.service_accounts.keys() {
        let found = rows.service_account(*id).unwrap();
        assert_eq!(found.as_ref(), model.service_accounts.get(id), "{told}: account {id}");
    }
    for id in ever.keys.keys() {
        assert_eq!(rows.key(*id).unwrap().as_ref(), model.keys.get(id), "{told}: key {id}");
    }
    for id in ever.signing_keys.keys() {
        let found = rows.signing_key(*id).unwrap();
        assert_eq!(found.as_ref(), model.signing_keys.get(id), "{told}: signing key {id}");
    }
    for target in ever.watermarks.keys() {
        let found = rows.watermark(*target).unwrap();
        assert_eq!(found.as_ref(), model.watermarks.get(target), "{told}: {target:?}");
    }
    for name in ever.unique_names.keys() {
        let expected = model.unique_names.get(name).copied().flatten();
        assert_eq!(rows.unique_name(*name).unwrap(), expected, "{told}: {name:?}");
    }
    assert_eq!(rows.tenants().unwrap(), model.tenants.values().cloned().collect::<Vec<_>>(), "{told}");
    let signing_keys: Vec<_> = model.signing_keys.values().copied().collect();
    assert_eq!(rows.signing_keys().unwrap(), signing_keys, "{told}");
}

/// What no history ever made is found nowhere.
fn assert_nothing_is_made_up(rows: &SnapshotRows<'_>) {
    assert_eq!(rows.tenant(TenantId::from_bytes([0xEE; 16])).unwrap(), None);
    assert_eq!(rows.user(UserId::from_bytes([0; 16])).unwrap(), None);
    assert_eq!(rows.memberships_of(UserId::from_bytes([0xFF; 16])).unwrap(), vec![]);
    assert_eq!(rows.service_account(ServiceAccountId::from_bytes([1; 16])).unwrap(), None);
}

/// Numbers that look like chance and are the same each time.
fn scattered(seed: u64, below: u64) -> impl Iterator<Item = u64> {
    (1_u64..).map(move |n| (seed ^ n).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31) % below)
}

#[test]
fn commands_one_by_one_end_on_the_views_as_they_end_on_the_model() {
    for seed in SEEDS {
        // The comparison is in here.
        let laid = Laid::new(seed, 1);
        let rejected = laid.steps.iter().filter(|step| step.outcome.is_err()).count();
        assert!(rejected > 0 && laid.log.len() > COMMANDS / 3, "seed {seed}: too tame a history");
    }
}

#[test]
fn batches_with_refused_commands_leave_the_very_bytes_that_one_by_one_leaves() {
    for seed in SEEDS {
        let (single, batched, whole) = (Laid::new(seed, 1), Laid::new(seed, 37), Laid::new(seed, COMMANDS));
        for other in [&batched, &whole] {
            assert_eq!(single.snapshot().head(), other.snapshot().head(), "seed {seed}");
            let same = single.snapshot().projected().unwrap() == other.snapshot().projected().unwrap();
            assert!(same, "seed {seed}: the views differ");
        }
    }
}

#[test]
fn the_changes_told_with_a_commit_are_those_of_evolve() {
    for seed in SEEDS.take(3) {
        let laid = Laid::new(seed, COMMANDS);
        let again = tempfile::tempdir().unwrap();
        let path = again.path().join("ledger.redb");
        let ledger = Ledger::create(&path, LEDGER, &OpenOptions::default()).unwrap();
        let (_, committed) = ledger
            .transact(|transaction| {
                laid.steps.iter().try_for_each(|step| carry_out(transaction, step).map(drop))
            })
            .unwrap();
        let mut model = Model::default();
        let mut expected: Vec<Change> = vec![];
        for recorded in &laid.log {
            let Ok(changes): Result<_, Infallible> = evolve(&model, recorded);
            model.record(recorded);
            expected.extend(changes);
        }
        assert_eq!(committed.changes, expected, "seed {seed}");
    }
}

#[test]
fn rebuilt_views_equal_the_live_ones_byte_for_byte() {
    for laid in Laid::each() {
        let seed = laid.seed;
        let (live, head) = (laid.snapshot().projected().unwrap(), laid.snapshot().head());
        assert!(live.len() > laid.log.len(), "seed {seed}: there are rows to compare");
        laid.ledger.rebuild().unwrap();
        let rebuilt = laid.snapshot();
        assert_eq!(rebuilt.head(), head, "seed {seed}: the log is as it was");
        let rebuilt = rebuilt.projected().unwrap();
        assert_eq!(live.len(), rebuilt.len(), "seed {seed}");
        for (live, rebuilt) in live.iter().zip(&rebuilt) {
            assert_eq!(live, rebuilt, "seed {seed}");
        }
    }
}

#[test]
fn the_rows_are_those_of_the_model() {
    for laid in Laid::each() {
        let model = Model::fold(&laid.log);
        let snapshot = laid.snapshot();
        assert_rows_are(&snapshot.rows(), &model, &model, &format!("seed {}", laid.seed));
        assert_nothing_is_made_up(&snapshot.rows());
    }
}

#[test]
fn the_rows_as_of_a_position_are_those_of_the_fold_up_to_there() {
    for laid in Laid::each() {
        let ever = Model::fold(&laid.log);
        let snapshot = laid.snapshot();
        let last = laid.log.len() as u64;
        for number in scattered(laid.seed, last + 1).take(24).chain([0, 1, last]) {
            let model = Model::fold(&laid.log[..usize::try_from(number).unwrap()]);
            let rows = snapshot.rows_at(Position::new(number));
            assert_rows_are(&rows, &model, &ever, &format!("seed {} at {number}", laid.seed));
        }
        // There is nothing after the end.
        let rows = snapshot.rows_at(Position::new(last + 1_000));
        assert_rows_are(&rows, &ever, &ever, &format!("seed {} after the end", laid.seed));
    }
}

#[test]
fn a_snapshot_stays_as_it_was_while_the_log_goes_on() {
    for seed in SEEDS.take(2) {
        let laid = Laid::new(seed, 23);
        let (early, early_rows) = (laid.snapshot(), laid.snapshot().projected().unwrap());
        let mut model = Model::fold(&laid.log);
        let mut history = History::new(seed);
        history.by_ref().take(COMMANDS).for_each(drop);
        let more: Vec<Step> = history.take(60).collect();
        commit(seed, &laid.ledger, &more);
        assert!(early.projected().unwrap() == early_rows, "seed {seed}");
        assert_eq!(early.head().position.number(), laid.log.len() as u64, "seed {seed}");
        assert_rows_are(&early.rows(), &model, &model, &format!("seed {seed} before"));
        recorded(&more).iter().for_each(|recorded| model.record(recorded));
        assert_rows_are(&laid.snapshot().rows(), &model, &model, &format!("seed {seed} after"));
    }
}

#[test]
fn an_instant_leads_to_the_last_position_recorded_at_or_before_it() {
    for laid in Laid::each() {
        let snapshot = laid.snapshot();
        let of_events = laid.log.iter().map(|recorded| recorded.recorded_at.unix_ms());
        let mut instants: Vec<i64> = of_events.flat_map(|ms| [ms - 1, ms, ms + 1]).collect();
        instants.extend([Timestamp::MIN.unix_ms(), Timestamp::MAX.unix_ms()]);
        instants.sort_unstable();
        instants.dedup();
        for ms in instants {
            let instant = Timestamp::from_unix_ms(ms).unwrap();
            let expected = laid.log.iter().filter(|recorded| recorded.recorded_at <= instant).count();
            let found = snapshot.position_at(instant).unwrap();
            assert_eq!(found.number(), expected as u64, "seed {}: {ms}", laid.seed);
        }
    }
}

/// After each event: whoever lives by its own row is found, and who was over before the event's second is not.
#[test]
fn what_lived_at_a_position_is_found_without_the_dead() {
    for laid in Laid::each() {
        let (snapshot, seed) = (laid.snapshot(), laid.seed);
        let (mut model, mut ends) = (Model::default(), BTreeMap::<KeyId, Timestamp>::new());
        for recorded in &laid.log {
            model.record(recorded);
            let at = recorded.recorded_at;
            for key in model.keys.values().filter(|key| key.has_end()) {
                let revoked = key.life.revoked.map(|_| at);
                let end = revoked.into_iter().chain(key.life.grace_ends_at).min().unwrap();
                ends.entry(key.id).and_modify(|known| *known = end.min(*known)).or_insert(end);
            }
            if recorded.position.number() % 7 != 0 {
                continue;
            }
            let lives = |key: &&domain::row::Key| {
                key.life.revoked.is_none() && key.life.grace_ends_at.is_none_or(|end| end > at)
            };
            let lately = |key: &KeyId| ends.get(key).is_none_or(|end| end.unix_ms() + 2_048 > at.unix_ms());
            let account = |key: &domain::row::Key| match key.owner {
                Owner::ServiceAccount(id) => model.service_accounts.get(&id),
                Owner::User(_) => None,
            };
            for tenant in model.tenants.keys() {
                let found = snapshot.keys_living_in(*tenant, recorded.position).unwrap();
                let living = model.keys.values().filter(lives).filter(|key| {
                    account(key).is_some_and(|row| row.tenant == *tenant && row.standing != Standing::Removed)
                });
                let living: Vec<_> = living.map(|key| key.id).collect();
                let told = format!("seed {seed}, position {}", recorded.position);
                assert!(living.iter().all(|key| found.contains(key)), "{told}: {living:?} in {found:?}");
                assert!(found.iter().all(lately), "{told}: {found:?} has some that were over long before");
            }
            for user in model.users.keys() {
                let found = snapshot.keys_living_of(*user, recorded.position).unwrap();
                let own = model.keys.values().filter(|key| key.owner == Owner::User(*user));
                assert!(own.filter(lives).all(|key| found.contains(&key.id)), "seed {seed}");
                assert!(found.iter().all(lately), "seed {seed}");
            }
        }
    }
}

#[test]
fn the_links_lead_to_whatever_the_model_says_belongs_there() {
    for laid in Laid::each() {
        let (model, snapshot, seed) = (Model::fold(&laid.log), laid.snapshot(), laid.seed);
        for tenant in model.tenants.keys() {
            let members: Vec<_> =
                model.memberships.values().filter(|row| row.tenant == *tenant).map(|row| row.user).collect();
            assert_eq!(snapshot.members_of(*tenant).unwrap(), members, "seed {seed}");
            let accounts = model.service_accounts.values().filter(|row| row.tenant == *tenant);
            let accounts: Vec<_> = accounts.map(|row| row.id).collect();
            assert_eq!(snapshot.service_accounts_of(*tenant).unwrap(), accounts, "seed {seed}");
        }
        let users = model.users.keys().map(|id| Owner::User(*id));
        let owners = users.chain(model.service_accounts.keys().map(|id| Owner::ServiceAccount(*id)));
        for owner in owners {
            let keys: Vec<_> =
                model.keys.values().filter(|row| row.owner == owner).map(|row| row.id).collect();
            assert_eq!(snapshot.keys_of(owner).unwrap(), keys, "seed {seed}: {owner:?}");
        }
        assert_eq!(snapshot.members_of(TenantId::from_bytes([0xEE; 16])).unwrap(), vec![]);
    }
}

/// Whom an event concerns, read off the event itself: the ledger reads it off the rows that changed.
fn concerns(of: Concerned, recorded: &Recorded, rows: &Model) -> bool {
    let subjects = subjects_of(&recorded.event);
    let named = |wanted: &dyn Fn(Entity) -> bool| subjects.iter().any(|entity| wanted(*entity));
    let of_owner = |owner: Owner| {
        named(&|entity| match entity {
            Entity::Key(key) => rows.keys.get(&key).is_some_and(|key| key.owner == owner),
            _ => entity == owner.into(),
        })
    };
    match of {
        Concerned::Tenant(tenant) => {
            let Ok(concerned): Result<_, Infallible> = concerns_tenant(rows, &recorded.event, tenant);
            concerned
        }
        Concerned::Key(key) => named(&|entity| entity == Entity::Key(key)),
        Concerned::ActingKey(key) => {
            matches!(recorded.metadata.actor, ActorId::Holder { key: used, .. } if used == key)
        }
        Concerned::ServiceAccount(account) => of_owner(Owner::ServiceAccount(account)),
        Concerned::User(user) => {
            let member = |entity| matches!(entity, Entity::Member { user: named, .. } if named == user);
            named(&member) || of_owner(Owner::User(user))
        }
    }
}

#[test]
fn the_histories_lead_to_the_events_that_folding_the_log_finds() {
    for laid in Laid::each() {
        let (snapshot, seed, ever) = (laid.snapshot(), laid.seed, Model::fold(&laid.log));
        let tenants = ever.tenants.keys().map(|id| Concerned::Tenant(*id));
        let users = ever.users.keys().map(|id| Concerned::User(*id));
        let accounts = ever.service_accounts.keys().map(|id| Concerned::ServiceAccount(*id));
        let keys = ever.keys.keys().map(|id| Concerned::Key(*id));
        let acting = ever.keys.keys().map(|id| Concerned::ActingKey(*id));
        let everybody: Vec<_> = tenants.chain(users).chain(accounts).chain(keys).chain(acting).collect();
        let mut expected: BTreeMap<Concerned, Vec<Marked>> = BTreeMap::new();
        let mut rows = Model::default();
        for recorded in &laid.log {
            rows.record(recorded);
            for of in everybody.iter().filter(|of| concerns(**of, recorded, &rows)) {
                let effect = recorded.event.effect();
                expected.entry(*of).or_default().push(Marked { position: recorded.position, effect });
            }
        }
        assert!(expected.values().map(Vec::len).sum::<usize>() > laid.log.len(), "seed {seed}");
        let last = snapshot.head().position.next();
        for of in everybody {
            let expected = expected.remove(&of).unwrap_or_default();
            let read = |range: RangeInclusive<Position>| {
                let positions = snapshot.history(of, &range).unwrap();
                positions.collect::<Result<Vec<_>, _>>().unwrap()
            };
            assert_eq!(read(Position::START..=last), expected, "seed {seed}: {of:?}");
            let backwards = snapshot.history(of, &(Position::START..=last)).unwrap().rev();
            let backwards: Vec<_> = backwards.collect::<Result<_, _>>().unwrap();
            assert!(backwards.iter().rev().eq(&expected), "seed {seed}: {of:?} backwards");
            let middle = scattered(seed, last.number()).take(2).map(Position::new).collect::<Vec<_>>();
            let within = middle[0]..=middle[1];
            let some: Vec<_> =
                expected.iter().filter(|event| within.contains(&event.position)).copied().collect();
            assert_eq!(read(within.clone()), some, "seed {seed}: {of:?} within {within:?}");
            for number in scattered(seed, last.number()).take(5) {
                let at = Position::new(number);
                let is_there = expected.iter().any(|event| event.position == at);
                assert_eq!(snapshot.concerns(of, at).unwrap(), is_there, "seed {seed}");
            }
        }
        let nobody = Concerned::Tenant(TenantId::from_bytes([0xEE; 16]));
        assert_eq!(snapshot.history(nobody, &(Position::START..=last)).unwrap().count(), 0);
    }
}

#[test]
fn what_is_read_from_the_log_is_what_was_recorded() {
    for laid in Laid::each() {
        let (snapshot, seed) = (laid.snapshot(), laid.seed);
        let mut scanned = vec![];
        let read = snapshot.scan(|one| {
            scanned.push(one);
            Ok::<_, StoreError>(())
        });
        read.unwrap();
        let events: Vec<_> = scanned.iter().map(|one| one.recorded.clone()).collect();
        assert_eq!(events, laid.log, "seed {seed}");
        for one in &scanned {
            let position = one.recorded.position;
            assert_eq!(snapshot.event(position).unwrap().as_ref(), Some(&one.recorded), "seed {seed}");
            assert_eq!(snapshot.hash_at(position).unwrap(), Some(one.hash), "seed {seed}");
        }
        let last = scanned.last().unwrap();
        assert_eq!(snapshot.head().hash, last.hash, "seed {seed}");
        assert_eq!(snapshot.event(Position::START).unwrap(), None);
        assert_eq!(snapshot.event(last.recorded.position.next()).unwrap(), None);
        assert_eq!(snapshot.hash_at(last.recorded.position.next()).unwrap(), None);
    }
}

#[test]
fn a_reader_who_has_seen_enough_ends_the_scan() {
    let laid = Laid::new(SEEDS.start, 23);
    let mut seen = 0;
    let ended = laid.snapshot().scan(|_| {
        seen += 1;
        if seen == 10 { Err(StoreError::NeedsRepair) } else { Ok(()) }
    });
    assert!(matches!(ended, Err(StoreError::NeedsRepair)));
    assert_eq!(seen, 10);
}

#[test]
fn an_idempotency_key_leads_to_the_events_of_its_first_use_and_to_no_other_command() {
    let mut used = 0;
    for laid in Laid::each() {
        let seed = laid.seed;
        let asked = laid.ledger.transact(|transaction| {
            for step in &laid.steps {
                let Some(idempotency) = &step.idempotency else { continue };
                let actor = step.actor.id();
                let happened = step.outcome.as_ref().is_ok_and(|events| !events.is_empty());
                // What was refused, or changed nothing, may be asked for again.
                let expected =
                    if happened { Attempt::Done(step.outcome.clone().unwrap()) } else { Attempt::New };
                assert_eq!(transaction.attempt(&actor, idempotency)?, expected, "seed {seed}");
                let other = Idempotency { command: [0xAB; 16], key: idempotency.key.clone() };
                let expected = if happened { Attempt::Conflict } else { Attempt::New };
                assert_eq!(transaction.attempt(&actor, &other)?, expected, "seed {seed}");
                used += usize::from(happened);
            }
            Ok(())
        });
        asked.unwrap();
    }
    assert!(used > 100, "only {used} were used");
}

#[test]
fn opening_again_and_reading_beside_the_writer_change_nothing() {
    for laid in Laid::each() {
        let (seed, path) = (laid.seed, laid.path());
        let told = |snapshot: Snapshot| (snapshot.ledger(), snapshot.head(), snapshot.projected().unwrap());
        let before = told(laid.snapshot());
        let options = OpenOptions::default();
        let reader = ReadOnlyLedger::open(&path, &options).unwrap();
        assert!(told(reader.snapshot().unwrap()) == before, "seed {seed}: read beside the writer");
        drop(reader);
        let Laid { ledger, folder, log, .. } = laid;
        ledger.close().unwrap();
        for _ in 0..2 {
            let ledger = Ledger::open(&path, &options).unwrap();
            assert!(told(ledger.snapshot().unwrap()) == before, "seed {seed}: opened again");
            let model = Model::fold(&log);
            let rows = ledger.snapshot().unwrap();
            assert_rows_are(&rows.rows(), &model, &model, &format!("seed {seed} opened again"));
            // Dropped, not closed: what a server does that is told to end at once.
            drop(ledger);
        }
        drop(folder);
    }
}
