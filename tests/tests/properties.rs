//! What holds after every event of any history: counts, names, finality, idempotence.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::LazyLock;

use domain::actor::{Actor, Holder};
use domain::command::Command;
use domain::event::{Event, Recorded, TokenTarget};
use domain::ids::{KeyId, TenantId, UserId};
use domain::key::Owner;
use domain::rejection::Refusal;
use domain::role::Role;
use domain::row::{Change, NameHolder, Standing, UniqueName};
use domain::sealed::Subject;
use domain::status::{Bearer, admit};
use domain::time::Timestamp;
use domain::{Model, decide, evolve};
use keyledger_tests::history::{History, Step, recorded};

const SEEDS: std::ops::Range<u64> = 0..12;
const COMMANDS: usize = 600;

static HISTORIES: LazyLock<Vec<Vec<Step>>> =
    LazyLock::new(|| SEEDS.map(|seed| History::random(seed, COMMANDS)).collect());

/// Every history, with its seed.
fn histories() -> impl Iterator<Item = (u64, &'static Vec<Step>)> {
    SEEDS.zip(HISTORIES.iter())
}

/// Looks at the state after every step of every history; the seed is told when the look fails.
fn after_every_step(mut look: impl FnMut(u64, &Step, &Model)) {
    for (seed, steps) in histories() {
        let mut model = Model::default();
        for step in steps {
            for recorded in step.outcome.iter().flatten() {
                model.record(recorded);
            }
            look(seed, step, &model);
        }
    }
}

fn decided(model: &Model, step: &Step) -> Result<Vec<Event>, domain::Rejection> {
    let Ok(outcome): Result<_, Infallible> = decide(model, &step.actor, step.command.clone(), step.now);
    outcome
}

fn living_administrators(model: &Model, tenant: TenantId) -> usize {
    let rows = model.memberships.values().filter(|row| {
        row.tenant == tenant && row.standing == Standing::Living && row.role == Role::Administrator
    });
    rows.filter(|row| model.users[&row.user].standing == Standing::Living).count()
}

#[test]
fn the_counts_are_those_of_the_rows() {
    after_every_step(|seed, step, model| {
        for tenant in model.tenants.values() {
            let counted = living_administrators(model, tenant.id);
            assert_eq!(tenant.administrators as usize, counted, "seed {seed}, {:?}", step.command);
        }
        let operators =
            model.users.values().filter(|user| user.operator && user.standing == Standing::Living);
        let counted = model.deployment.map_or(0, |row| row.operators as usize);
        assert_eq!(counted, operators.count(), "seed {seed}, {:?}", step.command);
    });
}

#[test]
fn every_tenant_that_is_not_removed_has_a_living_administrator_and_the_deployment_an_operator() {
    after_every_step(|seed, step, model| {
        for tenant in model.tenants.values().filter(|row| row.standing != Standing::Removed) {
            let count = living_administrators(model, tenant.id);
            assert!(count > 0, "seed {seed}: {} has none after {:?}", tenant.id, step.command);
        }
        let operates = model.users.values().any(|user| user.operator && user.standing == Standing::Living);
        assert!(operates, "seed {seed}: no operator after {:?}", step.command);
    });
}

/// Each of these makes something new each time, or refuses because it is there.
fn makes_something_each_time(command: &Command) -> bool {
    match command {
        Command::Bootstrap(_)
        | Command::AcceptRollback { .. }
        | Command::CreateTenant { .. }
        | Command::CreateUser { .. }
        | Command::AddMember { first_key: Some(_), .. }
        | Command::CreateServiceAccount { .. }
        | Command::CreateKey { .. }
        | Command::RotateKey { .. }
        | Command::AddSigningKey { .. }
        | Command::RevokeTokens { .. } => true,
        Command::RenameTenant { .. }
        | Command::ChangeTenantPolicy { .. }
        | Command::SuspendTenant { .. }
        | Command::ResumeTenant { .. }
        | Command::RemoveTenant { .. }
        | Command::SuspendUser { .. }
        | Command::ResumeUser { .. }
        | Command::RemoveUser { .. }
        | Command::GrantOperator { .. }
        | Command::WithdrawOperator { .. }
        | Command::AddMember { first_key: None, .. }
        | Command::ChangeMemberRole { .. }
        | Command::RemoveMember { .. }
        | Command::RenameServiceAccount { .. }
        | Command::ChangeServiceAccountRole { .. }
        | Command::SuspendServiceAccount { .. }
        | Command::ResumeServiceAccount { .. }
        | Command::RemoveServiceAccount { .. }
        | Command::RenameKey { .. }
        | Command::ChangeKeyExpiry { .. }
        | Command::DisableKey { .. }
        | Command::EnableKey { .. }
        | Command::ChangeKeyAddresses { .. }
        | Command::ChangeKeyRate { .. }
        | Command::ChangeKeyNote { .. }
        | Command::RevokeKey { .. }
        | Command::RetireSigningKey { .. }
        | Command::ChangeTokenLife { .. }
        | Command::EraseSubject { .. } => false,
    }
}

/// The actor still may do what it just did: it did not end or bind itself by it.
fn still_may(before: &Model, after: &Model, step: &Step) -> bool {
    let probe = Command::RevokeTokens { target: TokenTarget::All };
    let ask = |model| {
        let Ok(outcome): Result<_, Infallible> = decide(model, &step.actor, probe.clone(), step.now);
        outcome.map_err(|rejection| rejection.code())
    };
    let own = match &step.actor {
        Actor::Console | Actor::Server => return true,
        Actor::Holder(Holder { identity: Owner::User(user), .. }) => *user,
        Actor::Holder(Holder { identity: Owner::ServiceAccount(account), .. }) => {
            let role = |model: &Model| model.service_accounts.get(account).map(|row| row.role);
            return ask(before) == ask(after) && role(before) == role(after);
        }
    };
    let memberships = |model: &Model| -> Vec<_> {
        let rows = model.memberships.values().filter(|row| row.user == own);
        rows.map(|row| (row.tenant, row.role, row.standing)).collect()
    };
    ask(before) == ask(after) && memberships(before) == memberships(after)
}

#[test]
fn what_is_already_so_yields_no_event() {
    let mut repeated = BTreeMap::<&str, usize>::new();
    let mut before = Model::default();
    after_every_step(|seed, step, model| {
        let state_before = std::mem::replace(&mut before, model.clone());
        let Ok(events) = &step.outcome else {
            let again = decided(model, step).map_err(|rejection| rejection.to_string());
            assert_eq!(again, Err(step.outcome.clone().unwrap_err().to_string()), "seed {seed}");
            return;
        };
        if makes_something_each_time(&step.command) || !still_may(&state_before, model, step) {
            return;
        }
        // The tenants and things of a removed tenant are refused to all but operators.
        let again = decided(model, step);
        if let Err(rejection) = &again {
            let gone = matches!(rejection, domain::Rejection::Suspended(_) | domain::Rejection::Removed(_));
            assert!(gone, "seed {seed}: {:?} again: {rejection}", step.command);
            return;
        }
        assert_eq!(again, Ok(vec![]), "seed {seed}: {:?}", step.command);
        if let Some(first) = events.first() {
            *repeated.entry(first.event.name()).or_default() += 1;
        }
    });
    assert!(repeated.len() >= 20, "only {repeated:?}");
}

#[test]
fn a_refused_or_idle_command_leaves_everything_as_it_was() {
    let mut before = Model::default();
    after_every_step(|seed, step, model| {
        if step.outcome.as_ref().map_or(true, Vec::is_empty) {
            assert_eq!(&before, model, "seed {seed}: {:?}", step.command);
        }
        before.clone_from(model);
    });
}

#[test]
fn a_unique_name_leads_to_the_living_thing_that_has_it_and_to_nothing_else() {
    after_every_step(|seed, step, model| {
        let mut expected = BTreeMap::new();
        let lives = |standing| standing != Standing::Removed;
        for row in model.tenants.values().filter(|row| lives(row.standing)) {
            expected.insert(UniqueName::TenantSlug(row.slug.digest), NameHolder::Tenant(row.id));
        }
        for row in model.users.values().filter(|row| lives(row.standing)) {
            expected.insert(UniqueName::UserEmail(row.email.digest), NameHolder::User(row.id));
        }
        let mut accounts = 0;
        for row in model.service_accounts.values().filter(|row| lives(row.standing)) {
            let name = UniqueName::ServiceAccountName(row.tenant, row.name.digest);
            expected.insert(name, NameHolder::ServiceAccount(row.id));
            accounts += 1;
        }
        let tenants = model.tenants.values().filter(|row| lives(row.standing)).count();
        let users = model.users.values().filter(|row| lives(row.standing)).count();
        assert_eq!(expected.len(), tenants + users + accounts, "seed {seed}: two have one name");
        let held: BTreeMap<_, _> =
            model.unique_names.iter().filter_map(|(name, holder)| holder.map(|it| (*name, it))).collect();
        assert_eq!(held, expected, "seed {seed}: {:?}", step.command);
    });
}

#[test]
fn folding_twice_gives_the_same_rows_and_in_parts_too() {
    for (seed, steps) in histories() {
        let log = recorded(steps);
        let whole = Model::fold(&log);
        assert_eq!(whole, Model::fold(&log), "seed {seed}");
        let mut history = History::new(seed);
        history.by_ref().take(COMMANDS).for_each(drop);
        assert_eq!(&whole, history.model(), "seed {seed}");
        let (first, second) = log.split_at(log.len() / 2);
        let mut parts = Model::fold(first);
        second.iter().for_each(|recorded| parts.record(recorded));
        assert_eq!(whole, parts, "seed {seed}");
    }
}

/// What an event may touch, said again without looking at how `evolve` does it.
fn touches(event: &Event, before: &Model, change: &Change) -> bool {
    let of_user = |user: UserId| match change {
        Change::User(row) => row.id == user,
        Change::Deployment(_) => true,
        Change::Tenant(row) => before.memberships.contains_key(&(user, row.id)),
        Change::UniqueName(UniqueName::UserEmail(digest), _) => {
            before.users.get(&user).is_some_and(|row| row.email.digest == *digest)
        }
        _ => false,
    };
    match event {
        Event::TenantCreated { tenant, slug, .. } => match change {
            Change::Tenant(row) => row.id == *tenant,
            Change::UniqueName(name, Some(_)) => *name == UniqueName::TenantSlug(slug.digest),
            _ => false,
        },
        Event::TenantRenamed { tenant, .. }
        | Event::TenantPolicyChanged { tenant, .. }
        | Event::TenantSuspended { tenant }
        | Event::TenantResumed { tenant } => matches!(change, Change::Tenant(row) if row.id == *tenant),
        Event::TenantRemoved { tenant } => match change {
            Change::Tenant(row) => row.id == *tenant && row.standing == Standing::Removed,
            Change::UniqueName(name, None) => {
                *name == UniqueName::TenantSlug(before.tenants[tenant].slug.digest)
            }
            _ => false,
        },
        Event::UserCreated { user, email, .. } => match change {
            Change::User(row) => row.id == *user,
            Change::UniqueName(name, Some(_)) => *name == UniqueName::UserEmail(email.digest),
            _ => false,
        },
        Event::UserSuspended { user } | Event::UserResumed { user } | Event::UserRemoved { user } => {
            of_user(*user)
        }
        Event::OperatorGranted { user } | Event::OperatorWithdrawn { user } => match change {
            Change::User(row) => row.id == *user,
            Change::Deployment(_) => true,
            _ => false,
        },
        Event::MemberAdded { tenant, user, .. }
        | Event::MemberRoleChanged { tenant, user, .. }
        | Event::MemberRemoved { tenant, user } => match change {
            Change::Membership(row) => (row.tenant, row.user) == (*tenant, *user),
            Change::Tenant(row) => row.id == *tenant,
            _ => false,
        },
        Event::ServiceAccountCreated { service_account, .. }
        | Event::ServiceAccountRenamed { service_account, .. }
        | Event::ServiceAccountRoleChanged { service_account, .. }
        | Event::ServiceAccountSuspended { service_account }
        | Event::ServiceAccountResumed { service_account }
        | Event::ServiceAccountRemoved { service_account } => match change {
            Change::ServiceAccount(row) => row.id == *service_account,
            Change::UniqueName(UniqueName::ServiceAccountName(..), holder) => {
                holder.is_none_or(|holder| holder == NameHolder::ServiceAccount(*service_account))
            }
            _ => false,
        },
        Event::KeyCreated(created) => matches!(change, Change::Key(row) if row.id == created.key),
        Event::KeyRenamed { key, .. }
        | Event::KeyExpiryChanged { key, .. }
        | Event::KeyDisabled { key }
        | Event::KeyEnabled { key }
        | Event::KeyAddressesChanged { key, .. }
        | Event::KeyRateChanged { key, .. }
        | Event::KeyNoteChanged { key, .. }
        | Event::KeyRevoked { key, .. } => matches!(change, Change::Key(row) if row.id == *key),
        Event::KeyRotated { key, successor, .. } => {
            matches!(change, Change::Key(row) if row.id == *key || row.id == *successor)
        }
        Event::SigningKeyAdded { signing_key, .. } | Event::SigningKeyRetired { signing_key, .. } => {
            matches!(change, Change::SigningKey(row) if row.id == *signing_key)
        }
        Event::TokensRevoked { target } => matches!(change, Change::Watermark(it, _) if it == target),
        Event::SubjectErased { subject } => match change {
            Change::Tenant(row) => *subject == Subject::Tenant(row.id),
            Change::User(row) => *subject == Subject::User(row.id),
            Change::ServiceAccount(row) => *subject == Subject::ServiceAccount(row.id),
            _ => false,
        },
        Event::TokenLifeChanged { life } => {
            matches!(change, Change::Deployment(row) if row.token_life == *life && row.token_life_since.is_some())
        }
        Event::RollbackAccepted { .. } => match change {
            Change::Watermark(target, _) => *target == TokenTarget::All,
            Change::Deployment(row) => row.token_life_since.is_none(),
            _ => false,
        },
    }
}

#[test]
fn an_event_touches_what_it_speaks_of_and_nothing_else() {
    for (seed, steps) in histories() {
        let mut model = Model::default();
        for recorded in recorded(steps) {
            let Ok(changes): Result<_, Infallible> = evolve(&model, &recorded);
            assert!(!changes.is_empty(), "seed {seed}: {recorded:?} changed nothing");
            for change in &changes {
                assert!(touches(&recorded.event, &model, change), "seed {seed}: {recorded:?}: {change:?}");
            }
            model.record(&recorded);
        }
    }
}

#[test]
fn a_removal_touches_few_rows_however_much_rests_on_it() {
    for (seed, steps) in histories() {
        let mut model = Model::default();
        for recorded in recorded(steps) {
            let Ok(changes): Result<_, Infallible> = evolve(&model, &recorded);
            let memberships = match &recorded.event {
                Event::UserSuspended { user } | Event::UserResumed { user } | Event::UserRemoved { user } => {
                    model.memberships.keys().filter(|(member, _)| member == user).count()
                }
                _ => 0,
            };
            assert!(changes.len() <= 3 + memberships, "seed {seed}: {recorded:?}: {changes:?}");
            model.record(&recorded);
        }
    }
}

/// The one way in which a key is refused for ever, by the words of the specification.
#[derive(Clone, Copy, Debug)]
struct Ended(Refusal);

/// Which keys ended with this event; kept apart from `status` and from the rows.
#[derive(Default)]
struct Obituaries {
    born: BTreeMap<KeyId, (Owner, Option<TenantId>)>,
    dead: BTreeMap<KeyId, Ended>,
    /// The keys of a user who left a tenant, wherever else they act.
    left: BTreeSet<(KeyId, TenantId)>,
}

impl Obituaries {
    fn read(&mut self, recorded: &Recorded) {
        match &recorded.event {
            Event::KeyCreated(created) => {
                self.born.insert(created.key, (created.owner, created.reach.confined_to()));
            }
            Event::KeyRevoked { key, .. } => drop(self.dead.insert(*key, Ended(Refusal::KeyRevoked))),
            Event::UserRemoved { user } => {
                self.bury(Refusal::OwnerRemoved, |owner, _| owner == Owner::User(*user));
            }
            Event::ServiceAccountRemoved { service_account } => {
                let gone = Owner::ServiceAccount(*service_account);
                self.bury(Refusal::OwnerRemoved, |owner, _| owner == gone);
            }
            Event::TenantRemoved { tenant } => {
                self.bury(Refusal::TenantRemoved, |_, confined_to| confined_to == Some(*tenant));
            }
            Event::MemberRemoved { tenant, user } => {
                let gone = (Owner::User(*user), Some(*tenant));
                self.bury(Refusal::MembershipRemoved, |owner, confined_to| (owner, confined_to) == gone);
                let of_user = self.born.iter().filter(|(_, (owner, _))| *owner == Owner::User(*user));
                self.left.extend(of_user.map(|(key, _)| (*key, *tenant)));
            }
            _ => {}
        }
    }

    fn bury(&mut self, why: Refusal, rests_on_it: impl Fn(Owner, Option<TenantId>) -> bool) {
        for (key, (owner, confined_to)) in &self.born {
            if rests_on_it(*owner, *confined_to) {
                self.dead.entry(*key).or_insert(Ended(why));
            }
        }
    }
}

fn accepted(model: &Model, key: KeyId, wanted: Option<TenantId>, at: Timestamp) -> bool {
    let key = &model.keys[&key];
    let bearer = Bearer::key(key.owner, key.reach, key.created.position);
    let Ok(admitted): Result<_, Infallible> = admit(model, &bearer, &key.life, wanted, at);
    admitted.is_ok()
}

#[test]
fn a_key_that_ended_is_never_accepted_again_whatever_happens_and_whenever_it_is_asked() {
    let mut ends = BTreeSet::new();
    for (seed, steps) in histories() {
        let (mut model, mut obituaries) = (Model::default(), Obituaries::default());
        for recorded in recorded(steps) {
            model.record(&recorded);
            obituaries.read(&recorded);
            for (key, ended) in &obituaries.dead {
                ends.insert(ended.0.code());
                // Time only takes away: what the first instant refuses, every later one does.
                for wanted in [None, Some(model.keys[key].reach.home())] {
                    assert!(
                        !accepted(&model, *key, wanted, Timestamp::MIN),
                        "seed {seed}: {key} ended ({ended:?}) and is accepted after {recorded:?}"
                    );
                }
            }
        }
        for (key, ended) in &obituaries.dead {
            for wanted in model.tenants.keys() {
                let accepted = accepted(&model, *key, Some(*wanted), Timestamp::MIN);
                assert!(!accepted, "seed {seed}: {key} ended ({ended:?}) and is accepted in {wanted}");
            }
        }
    }
    assert_eq!(ends.len(), 4, "all four ways to end: {ends:?}");
}

#[test]
fn what_a_user_left_no_key_from_before_regains() {
    let (mut came_back, mut acts_elsewhere) = (0, 0);
    for (seed, steps) in histories() {
        let (mut model, mut obituaries) = (Model::default(), Obituaries::default());
        for recorded in recorded(steps) {
            model.record(&recorded);
            obituaries.read(&recorded);
            for (key, tenant) in &obituaries.left {
                let regained = accepted(&model, *key, Some(*tenant), Timestamp::MIN);
                assert!(!regained, "seed {seed}: {key} is accepted in {tenant} again after {recorded:?}");
            }
        }
        for (key, tenant) in &obituaries.left {
            let Owner::User(user) = model.keys[key].owner else { continue };
            came_back += usize::from(model.memberships[&(user, *tenant)].standing == Standing::Living);
            acts_elsewhere += usize::from(accepted(&model, *key, None, Timestamp::MIN));
        }
    }
    assert!(came_back > 0 && acts_elsewhere > 0, "{came_back} came back, {acts_elsewhere} act elsewhere");
}

#[test]
fn nobody_makes_themselves_a_key_that_is_accepted_where_the_one_used_is_not() {
    let (mut made, mut refused_somewhere) = (0, 0);
    let mut before = Model::default();
    after_every_step(|seed, step, model| {
        let state_before = std::mem::replace(&mut before, model.clone());
        let (Actor::Holder(holder), Ok(events)) = (&step.actor, &step.outcome) else { return };
        if !matches!(step.command, Command::CreateKey { .. } | Command::RotateKey { .. }) {
            return;
        }
        let Some(Event::KeyCreated(created)) = events.first().map(|recorded| &recorded.event) else { return };
        if created.owner != holder.identity {
            return;
        }
        made += 1;
        for tenant in model.tenants.keys() {
            let reaches = holder.confined_to.is_none_or(|only| only == *tenant);
            let used = reaches && accepted(&state_before, holder.key, Some(*tenant), step.now);
            refused_somewhere += usize::from(!used);
            assert!(
                used || !accepted(model, created.key, Some(*tenant), step.now),
                "seed {seed}: {} is accepted in {tenant}, {} is not: {:?}",
                created.key,
                holder.key,
                step.command
            );
        }
    });
    assert!(made > 50 && refused_somewhere > 50, "{made} made, {refused_somewhere} refused somewhere");
}

#[test]
fn a_key_that_is_over_by_itself_is_never_accepted_later() {
    for (seed, steps) in histories() {
        let (mut model, mut over) = (Model::default(), BTreeSet::new());
        for recorded in recorded(steps) {
            model.record(&recorded);
            let now = recorded.recorded_at;
            for key in model.keys.values() {
                let ended = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
                if ended(key.life.expires_at) || ended(key.life.grace_ends_at) {
                    over.insert(key.id);
                }
            }
            for key in &over {
                assert!(!accepted(&model, *key, None, now), "seed {seed}: {key} after {recorded:?}");
            }
        }
        assert!(!over.is_empty(), "seed {seed}: no key was over by itself");
    }
}

#[test]
fn every_event_is_by_somebody_whose_key_was_accepted_or_who_is_no_holder() {
    after_every_step(|seed, step, _| {
        let Ok(events) = &step.outcome else { return };
        for recorded in events {
            assert_eq!(recorded.metadata.actor, step.actor.id(), "seed {seed}");
            assert_eq!(recorded.metadata.way, step.way, "seed {seed}");
        }
    });
    for (seed, steps) in histories() {
        let mut model = Model::default();
        for step in steps {
            if let (Actor::Holder(holder), Ok(_)) = (&step.actor, &step.outcome) {
                let key = &model.keys[&holder.key];
                assert!(key.life.revoked.is_none() && !key.life.disabled, "seed {seed}: {step:?}");
                assert_eq!(key.owner, holder.identity, "seed {seed}");
            }
            step.outcome.iter().flatten().for_each(|recorded| model.record(recorded));
        }
    }
}

#[test]
fn a_service_accounts_key_acts_in_no_other_tenant() {
    after_every_step(|seed, _, model| {
        for key in model.keys.values() {
            let Owner::ServiceAccount(account) = key.owner else { continue };
            let home = model.service_accounts[&account].tenant;
            assert_eq!(key.reach.confined_to(), Some(home), "seed {seed}");
            for tenant in model.tenants.keys().filter(|tenant| **tenant != home) {
                assert!(!accepted(model, key.id, Some(*tenant), Timestamp::MIN), "seed {seed}");
            }
        }
    });
}
