//! Many at once: one writer, few commits, every reply after its commit and after the index knows.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier, mpsc};

use domain::Command;
use domain::Refusal;
use domain::event::TokenTarget;
use domain::ids::KeyId;
use domain::key::{Owner, RevocationReason};
use domain::rejection::Rejection;
use domain::role::Role;
use keyledger_authority::{Authority, Done, Failure, Shown, When};

use keyledger_authority::compose::Composed;

use crate::scene::{Scene, key_input, refusal};

const THREADS: usize = 32;

fn revoke(key: KeyId) -> Composed {
    Composed::plain(Command::RevokeKey { key, reason: RevocationReason::KeyCompromise, note: None })
}

fn refused(authority: &Authority, shown: &str) -> Option<Refusal> {
    refusal(authority.authenticate(Shown::from_nowhere(shown), None).err()?)
}

/// Waits until the replies' own handles are gone, so that the authority ends here and not in its writer.
fn sole(mut shared: Arc<Authority>) -> Authority {
    loop {
        match Arc::try_unwrap(shared) {
            Ok(authority) => return authority,
            Err(still) => shared = still,
        }
        std::thread::yield_now();
    }
}

#[test]
fn thirty_two_threads_get_consistent_replies_and_no_stale_verdict() {
    let scene = Scene::new();
    let (actor, barrier) = (scene.actor(), Barrier::new(THREADS));
    let before = scene.authority.position();
    let dones: Vec<Done> = std::thread::scope(|threads| {
        let run = |n: usize| {
            let (scene, actor, barrier) = (&scene, &actor, &barrier);
            threads.spawn(move || {
                let ask = |composed| scene.authority.execute(actor, &scene.request(), composed);
                let mut dones = vec![];
                barrier.wait();
                for round in 0..6 {
                    let name = format!("key {n}.{round}");
                    let owner = Owner::User(scene.user);
                    let reach = domain::key::Reach::AnyTenant { home: scene.tenant };
                    let mut composed = scene.authority.create_key(owner, reach, &key_input(&name)).unwrap();
                    let string = composed.key.take().unwrap();
                    let (key, string) = (string.id(), string.expose().to_owned());
                    dones.push(ask(composed).unwrap());
                    assert_eq!(refused(&scene.authority, &string), None, "{name} is let in at once");
                    let token = scene.exchange(&string, None).token;

                    // A refused neighbour, one that changes nothing, and two about the same thing.
                    let unknown = KeyId::from_bytes([n as u8; 16]);
                    let failure = ask(Composed::plain(Command::DisableKey { key: unknown })).unwrap_err();
                    assert!(matches!(failure, Failure::Rejected(Rejection::NotFound(_))), "{failure}");
                    let idle = ask(Composed::plain(Command::EnableKey { key })).unwrap();
                    assert!(idle.recorded.is_empty() && idle.when == When::Now);

                    if round % 2 == 0 {
                        dones.push(ask(Composed::plain(Command::DisableKey { key })).unwrap());
                        assert_eq!(refused(&scene.authority, &string), Some(Refusal::KeyDisabled));
                        assert_eq!(refused(&scene.authority, &token), Some(Refusal::KeyDisabled));
                        dones.push(ask(Composed::plain(Command::EnableKey { key })).unwrap());
                        assert_eq!(refused(&scene.authority, &token), None);
                    } else {
                        let target = TokenTarget::Key(key);
                        dones.push(ask(Composed::plain(Command::RevokeTokens { target })).unwrap());
                        assert_eq!(refused(&scene.authority, &token), Some(Refusal::TokenRevoked));
                        assert_eq!(refused(&scene.authority, &string), None);
                    }
                    dones.push(ask(revoke(key)).unwrap());
                    assert_eq!(refused(&scene.authority, &string), Some(Refusal::KeyRevoked));
                }
                dones
            })
        };
        let running: Vec<_> = (0..THREADS).map(run).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });

    // Every event was told once, and positions are dense.
    let log = scene.log();
    let mut told: Vec<_> = dones.iter().flat_map(|done| done.recorded.clone()).collect();
    told.sort_by_key(|recorded| recorded.position);
    assert_eq!(told, log[usize::try_from(before.number()).unwrap()..]);
    assert!(log.iter().zip(1..).all(|(recorded, number)| recorded.position.number() == number));
    for done in &dones {
        assert_eq!(done.recorded.last().map(|it| it.position), Some(done.position));
    }
    let keys = scene.authority.keys_known();
    let scene = scene.reopened();
    assert_eq!(scene.log(), log, "nothing is lost");
    assert_eq!(scene.authority.keys_known(), keys);
}

#[test]
fn a_burst_shares_commits_and_each_reply_comes_when_its_rows_are_known() {
    let scene = Scene::new();
    let keys: Vec<_> = (0..300).map(|n| scene.own_key(&key_input(&format!("key {n}")))).collect();
    let (actor, request) = (scene.actor(), scene.request());
    let Scene { authority, options: _options, folder: _folder, .. } = scene;
    let authority = Arc::new(authority);
    let (reply, replies) = mpsc::channel();
    for (n, (key, string)) in keys.iter().enumerate() {
        let (watched, string, reply) = (Arc::clone(&authority), string.clone(), reply.clone());
        // Every third is refused; its neighbours are not to notice.
        let wish = if n % 3 == 0 { revoke(KeyId::from_bytes([9; 16])) } else { revoke(*key) };
        authority.submit(&actor, &request, wish, move |outcome| {
            // This runs on the writer's own thread: the earliest moment at which anybody can know.
            let seen = (watched.position(), refused(&watched, &string));
            drop(watched);
            reply.send((n, outcome, seen)).unwrap();
        });
    }
    drop(reply);
    let mut commits = BTreeSet::new();
    let mut answered = 0;
    for (n, outcome, (position, refused)) in replies {
        answered += 1;
        match outcome {
            Ok(done) => {
                assert!(n % 3 != 0 && done.recorded.len() == 1 && done.when == When::Now);
                assert!(done.position <= position, "{n} was told before it was published");
                assert_eq!(refused, Some(Refusal::KeyRevoked), "{n}: a stale verdict");
                commits.insert(position);
            }
            Err(failure) => {
                assert!(n % 3 == 0, "{n}: {failure}");
                assert_eq!(failure.code(), "NOT_FOUND");
                assert_eq!(refused, None, "{n}");
            }
        }
    }
    assert_eq!(answered, 300);
    // The index moves once a commit, so the positions seen by the replies count the commits.
    assert!(commits.len() * 4 <= 200, "{} commits for 200 revocations", commits.len());
    drop(sole(authority));
}

#[test]
fn a_command_of_a_batch_sees_those_before_it() {
    let scene = Scene::new();
    let (account, key, string) = scene.account("etl", Role::Runner);
    let actor = scene.actor();
    let holder = scene.authority.authenticate(Shown::from_nowhere(&string), None).unwrap().actor;
    let (reply, replies) = mpsc::channel();
    let ask = |n: u8, actor: &domain::actor::Actor, command| {
        let reply = reply.clone();
        scene.authority.submit(actor, &scene.request(), Composed::plain(command), move |outcome| {
            reply.send((n, outcome)).unwrap();
        });
    };
    ask(0, &actor, Command::RemoveServiceAccount { service_account: account });
    // Let in a moment ago, but not when it is decided.
    ask(1, &holder, Command::RevokeTokens { target: TokenTarget::Key(key) });
    ask(2, &actor, Command::SuspendServiceAccount { service_account: account });
    ask(3, &actor, Command::RemoveServiceAccount { service_account: account });
    drop(reply);
    let outcomes: Vec<_> = replies.iter().take(4).collect();
    let code = |n: usize| outcomes[n].1.as_ref().map(|done| done.recorded.len()).map_err(Failure::code);
    assert!(outcomes.iter().map(|(n, _)| *n).eq(0..4), "in the order in which they were asked");
    assert_eq!(code(0), Ok(1));
    assert_eq!(code(1), Err("OWNER_REMOVED"));
    assert_eq!(code(2), Err("REMOVED"));
    assert_eq!(code(3), Ok(0));
}

#[test]
fn readers_go_on_while_the_writer_works() {
    let scene = Scene::new();
    let (key, string) = scene.own_key(&key_input("flickering"));
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                let mut last = scene.authority.position();
                while !done.load(std::sync::atomic::Ordering::SeqCst) {
                    let verdict = scene.authority.authenticate(Shown::from_nowhere(&string), None);
                    if let Ok(caller) = verdict {
                        assert!(caller.position >= last, "positions seen never go back");
                        last = caller.position;
                    }
                }
            });
        }
        for _ in 0..40 {
            scene.must(Command::DisableKey { key });
            assert_eq!(scene.refused(&string), Some(Refusal::KeyDisabled));
            scene.must(Command::EnableKey { key });
            assert_eq!(scene.refused(&string), None);
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
    });
}
