//! The life of a key as the log tells it, held to the rows and to the rules that the server lists it by.

use std::collections::BTreeSet;
use std::fs;

use domain::Lookup as _;
use domain::concern::Concerned;
use domain::life::{befallen, tenants_of};
use domain::status::{Bearer, admit};
use domain::time::Position;
use keyledger_replay::{Repair, export};

use super::*;

/// What the server lists for whoever may see all of it.
fn known_to_the_server(source: &Source, key: KeyId, until: Position) -> Option<Vec<u64>> {
    let snapshot = source.snapshot().unwrap();
    let rows = snapshot.rows_at(until);
    let key = rows.key(key).unwrap()?;
    let tenants = tenants_of(&rows, &key).unwrap();
    let befell = befallen(snapshot, &key, &tenants, None, until, usize::MAX).unwrap().events;
    let own = snapshot.history(Concerned::Key(key.id), &(key.created.position..=until)).unwrap();
    let own = own.positions().map(Result::unwrap);
    let mut all: Vec<_> = befell.into_iter().map(|(at, _)| at).chain(own).map(Position::number).collect();
    all.sort_unstable();
    all.dedup();
    Some(all)
}

/// How the key stood after that line, by the rules and the rows of then.
fn stood(source: &Source, key: KeyId, line: &Value) -> &'static str {
    let snapshot = source.snapshot().unwrap();
    let at: jiff::Timestamp = line["recorded_at"].as_str().unwrap().parse().unwrap();
    let at = Timestamp::from_unix_ms(at.as_millisecond()).unwrap();
    let position = line["position"].as_str().map(|position| Position::new(position.parse().unwrap()));
    let rows = snapshot.rows_at(position.unwrap_or_else(|| snapshot.position_at(at).unwrap()));
    let key = rows.key(key).unwrap().unwrap();
    let bearer = Bearer::key(key.owner, key.reach, key.created.position);
    admit(&rows, &bearer, &key.life, None, at).unwrap().map_or_else(|refusal| refusal.code(), |_| "accepted")
}

#[test]
fn the_events_of_every_key_at_every_moment_are_those_that_the_server_lists() {
    let scene = told(50, everything().into_iter().chain(business_of_others().into_iter().skip(1)));
    let folder = scene.source();
    let (mut out, path) = (vec![], scene.folder.root().join("log.jsonl"));
    export(&folder, &mut out, &mut |_, _| {}).unwrap();
    fs::write(&path, out).unwrap();
    let file = Source::open(&path, Repair::Forbidden).unwrap();
    let head = folder.head().position.number();
    let snapshot = folder.snapshot().unwrap();
    let recorded_at = |at| snapshot.recorded(Position::new(at)).unwrap().recorded_at;
    let mut compared = 0;
    for (position, key) in (7..=head)
        .filter(|at| *at == head || recorded_at(*at) < recorded_at(at + 1))
        .flat_map(|at| [ADAS, BOBS, ETLS, ETLS_NEXT, ROAMING, CONFINED, BOTS].map(|key| (at, key)))
    {
        let Some(expected) = known_to_the_server(&folder, key, Position::new(position)) else { continue };
        for source in [&folder, &file] {
            let found = positions(&lines(source, key, recorded_at(position)));
            assert_eq!(found, expected, "of {key} as of position {position}");
        }
        compared += expected.len();
    }
    assert!(compared > 1_000, "{compared}");
}

/// What may happen again and again: each of these in its order, from where the scene leaves it.
fn cycles() -> Vec<Vec<Event>> {
    let suspensions = |tenant| vec![Event::TenantSuspended { tenant }, Event::TenantResumed { tenant }];
    let membership = |tenant, user| {
        let role = |role| Event::MemberRoleChanged { tenant, user, role };
        let left = Event::MemberRemoved { tenant, user };
        vec![joined(tenant, user), role(Role::Administrator), role(Role::Member), left]
    };
    let from = |first, mut cycle: Vec<Event>| {
        cycle.rotate_left(first);
        cycle
    };
    let of_user = |first, user| from(first, vec![Event::UserSuspended { user }, Event::UserResumed { user }]);
    let operator =
        |first, user| from(first, vec![Event::OperatorGranted { user }, Event::OperatorWithdrawn { user }]);
    let of_account = |service_account| {
        let role = |role| Event::ServiceAccountRoleChanged { service_account, role };
        let suspended = Event::ServiceAccountSuspended { service_account };
        let resumed = Event::ServiceAccountResumed { service_account };
        vec![role(Role::Administrator), suspended, role(Role::Runner), resumed]
    };
    let owners = [Owner::User(ADA), Owner::User(BOB), Owner::ServiceAccount(ETL), Owner::ServiceAccount(BOT)];
    let targets =
        owners.map(TokenTarget::Owner).into_iter().chain([ACME, LAB, OTHER].map(TokenTarget::Tenant));
    let targets = targets.chain([SIGNING, id(0x51)].map(TokenTarget::SigningKey)).chain([
        TokenTarget::All,
        TokenTarget::Key(BOBS),
        TokenTarget::Token { token: id(0x61), key: ETLS },
    ]);
    let mut all = vec![
        suspensions(ACME),
        suspensions(LAB),
        vec![renamed(ACME), renamed(LAB)],
        from(1, membership(ACME, BOB)),
        from(2, membership(ACME, ADA)),
        membership(LAB, BOB),
        membership(LAB, ADA),
        of_user(0, ADA),
        of_user(1, BOB),
        operator(1, ADA),
        operator(0, BOB),
        of_account(ETL),
        of_account(BOT),
    ];
    all.extend(targets.map(|target| vec![refused(target)]));
    all
}

#[test]
fn of_a_random_history_the_events_of_every_key_are_those_that_the_server_lists() {
    let name = name(Subject::ServiceAccount(BOT), "bot");
    let mut scene = Scene::empty();
    scene.tell();
    let beginning = [
        tenant_created(LAB, "lab"),
        Event::ServiceAccountCreated { service_account: BOT, tenant: LAB, name, role: Role::Runner },
        signing_key_added(id(0x51)),
    ];
    tell(&scene, 50, beginning);
    let (mut cycles, mut random, mut keys) = (cycles(), 0x9E37_79B9_7F4A_7C15_u64, vec![ADAS, BOBS, ETLS]);
    let mut below = |bound: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % bound as u64).unwrap()
    };
    for second in 100..500 {
        if second % 25 == 0 {
            let key = id(0x80 + u8::try_from(keys.len()).unwrap());
            let home = [ACME, LAB][below(2)];
            let (owner, reach) = [
                (Owner::User(ADA), Reach::AnyTenant { home }),
                (Owner::User(BOB), Reach::AnyTenant { home }),
                (Owner::User(BOB), Reach::Tenant(home)),
                (Owner::ServiceAccount(BOT), Reach::Tenant(LAB)),
            ][below(4)];
            tell(&scene, second, [key_created(key, owner, reach, "k", Scopes::All)]);
            keys.push(key);
        } else {
            let chosen = below(cycles.len());
            tell(&scene, second, [cycles[chosen][0].clone()]);
            cycles[chosen].rotate_left(1);
        }
    }
    scene.close();
    let source = scene.source();
    let head = source.head().position.number();
    let mut compared = 0;
    for (position, key) in
        (30..=head).step_by(37).chain([head]).flat_map(|at| keys.iter().map(move |key| (at, *key)))
    {
        let at = Position::new(position);
        let Some(expected) = known_to_the_server(&source, key, at) else { continue };
        let until = source.snapshot().unwrap().recorded(at).unwrap().recorded_at;
        assert_eq!(positions(&lines(&source, key, until)), expected, "of {key} as of position {position}");
        compared += expected.len();
    }
    assert!(compared > 5_000, "{compared}");
    let mut words = BTreeSet::new();
    for key in keys {
        for line in lines(&source, key, BEGIN.plus_seconds(10 * END)) {
            let expected = stood(&source, key, &line);
            assert_eq!(line["status"], expected, "of {key}: {line}");
            words.insert(expected);
        }
    }
    assert_eq!(words.len(), 9, "{words:?}");
}
