//! A kill -9 in the middle of writes, and what must be there afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::play::Play;
use super::poll::{Outcome, now_us};
use super::report::Check;
use super::stage::{Broken, payload, text};
use crate::client::{Answer, Client, Unreachable};
use crate::server::keyledger;

const PATIENCE: Duration = Duration::from_secs(60);
/// Writers revoke every so manieth of their keys.
const REVOKED_EACH: usize = 3;

/// What was known just before a kill.
pub struct Burst {
    /// What each writer had been told.
    writers: Vec<Written>,
    /// How each credential made before the writers was answered.
    answers: BTreeMap<String, String>,
    /// A JWT minted before.
    token: String,
}

/// What one writer knows.
#[derive(Default)]
struct Written {
    keys: Vec<MadeKey>,
    /// Why it ended.
    ended: String,
    /// Whether it ended because the server went away.
    cut_off: bool,
}

/// A key whose creation was acknowledged.
struct MadeKey {
    name: String,
    id: String,
    secret: String,
    /// The position of its creation.
    position: String,
    revocation: Revocation,
}

enum Revocation {
    NotAsked,
    /// It was asked for, and no answer came.
    Unknown,
    /// At this position.
    Acknowledged(String),
}

impl MadeKey {
    /// Whether this answer agrees with everything that was acknowledged.
    fn may_be(&self, seen: &str) -> bool {
        match self.revocation {
            Revocation::NotAsked => seen == "accepted",
            Revocation::Acknowledged(_) => seen == "KEY_REVOKED",
            Revocation::Unknown => seen == "accepted" || seen == "KEY_REVOKED",
        }
    }
}

impl Burst {
    fn keys(&self) -> impl Iterator<Item = &MadeKey> {
        self.writers.iter().flat_map(|writer| &writer.keys)
    }

    /// Every acknowledged write: its position, its event and its key.
    fn acknowledged(&self) -> BTreeSet<(u64, &'static str, String)> {
        let writes = self.keys().flat_map(|key| {
            let revoked = match &key.revocation {
                Revocation::Acknowledged(position) => Some((position, "KeyRevoked")),
                Revocation::NotAsked | Revocation::Unknown => None,
            };
            let writes = [Some((&key.position, "KeyCreated")), revoked];
            writes.into_iter().flatten().map(|(position, event)| (number(position), event, key.id.clone()))
        });
        writes.collect()
    }

    /// Between which positions the writers' events are, as far as was acknowledged.
    pub fn positions(&self) -> Option<(u64, u64)> {
        let acknowledged = self.acknowledged();
        Some((acknowledged.first()?.0, acknowledged.last()?.0))
    }

    /// Every secret that came in an answer.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.keys().map(|key| key.secret.as_str()).chain([self.token.as_str()])
    }
}

impl Play<'_, '_> {
    pub(super) fn kill_during_writes(
        &mut self,
        by: &str,
        account: &str,
        writers: u32,
        acknowledged_min: usize,
    ) -> Result<(), Broken> {
        let (client, owner) = (self.stage.client(by)?, self.stage.account(account)?.id.clone());
        let answers = self.answers()?;
        let minted = client.try_exchange(&self.stage.person(by)?.secret, &[])?;
        let token = text(&minted.json(), "access_token")?;
        self.teller.doing(&format!("{writers} writers make keys for `{account}` and revoke some"));
        let server = self.stage.server.take().ok_or_else(|| Broken("no server runs".to_owned()))?;
        let count = AtomicUsize::new(0);
        let (writers, killed_us) = std::thread::scope(|scope| {
            let write = |writer| {
                let (client, owner, count) = (client.clone(), &owner, &count);
                scope.spawn(move || write(&client, owner, writer, count))
            };
            let threads: Vec<_> = (1..=writers).map(write).collect();
            let since = Instant::now();
            while count.load(Ordering::Relaxed) < acknowledged_min
                && since.elapsed() < PATIENCE
                && !threads.iter().all(std::thread::ScopedJoinHandle::is_finished)
            {
                std::thread::sleep(Duration::from_millis(1));
            }
            server.kill();
            let killed_us = now_us();
            let written = threads.into_iter().map(|thread| thread.join().expect("a writer does not panic"));
            (written.collect::<Vec<_>>(), killed_us)
        });
        let burst = Burst { writers, answers, token };
        let acknowledged = burst.acknowledged().len();
        self.teller.doing(&format!("kill -9, with {acknowledged} writes acknowledged"));
        let min = u64::try_from(acknowledged_min).unwrap_or(u64::MAX);
        let seen = u64::try_from(acknowledged).unwrap_or(u64::MAX);
        self.check(Check::at_least("writes acknowledged before the kill", min, seen));
        let all = burst.writers.len();
        let cut_off = burst.writers.iter().filter(|writer| writer.cut_off).count();
        let others: BTreeSet<_> = burst
            .writers
            .iter()
            .filter(|writer| !writer.cut_off)
            .map(|writer| writer.ended.as_str())
            .collect();
        let others: String = others.iter().map(|why| format!(", {why}")).collect();
        let what = "writers that the kill cut off";
        self.check(Check::same(what, format!("{all} of {all}"), format!("{cut_off} of {all}{others}")));
        self.stage.burst = Some(burst);
        self.agents_meet_the_dead_server(killed_us);
        Ok(())
    }

    /// Otherwise a quick restart would prove nothing about them.
    fn agents_meet_the_dead_server(&mut self, killed_us: u64) {
        let missed = |polls: &[super::poll::Poll]| {
            let mut since = polls.iter().rev().flat_map(|poll| &poll.requests);
            since.any(|it| it.sent_us > killed_us && it.outcome == Outcome::Unreachable)
        };
        let all = self.stage.agents.len();
        let met = self.stage.agents.values().filter(|agent| agent.wait(PATIENCE, missed)).count();
        let what = "agents that meet the dead server, and poll on";
        self.check(Check::same(what, format!("{all} of {all}"), format!("{met} of {all}")));
    }

    pub(super) fn expect_nothing_lost(&mut self) -> Result<(), Broken> {
        let burst = self.stage.burst.take().ok_or_else(|| Broken("no server was killed".to_owned()))?;
        self.teller.doing("every credential is shown again, and every acknowledged position looked up");
        let checked = self.compare(&burst);
        self.stage.burst = Some(burst);
        checked
    }

    fn compare(&mut self, burst: &Burst) -> Result<(), Broken> {
        let (mut as_told, mut lost) = (0, vec![]);
        for key in burst.keys() {
            let seen = answered(&self.stage.holder(&key.secret)?.try_get("/v1/whoami")?);
            if key.may_be(&seen) { as_told += 1 } else { lost.push(format!("{}: {seen}", key.name)) }
        }
        self.check_all("the writers' keys, as acknowledged", burst.keys().count(), as_told, &lost);

        let now = self.answers()?;
        let differing = |(name, before): &(&String, &String)| now.get(*name) != Some(*before);
        let changed: Vec<_> = burst.answers.iter().filter(differing).map(|(name, _)| name.clone()).collect();
        let all = burst.answers.len();
        self.check_all("credentials from before, answered as before", all, all - changed.len(), &changed);

        let token = answered(&self.stage.holder(&burst.token)?.try_get("/v1/whoami")?);
        self.check(Check::same("a JWT from before the kill", "accepted", token));

        let acknowledged = burst.acknowledged();
        let first = acknowledged.first().map_or(1, |(position, ..)| *position);
        let log = self.key_events_from(first)?;
        let found = acknowledged.intersection(&log).count();
        let missing = acknowledged.difference(&log);
        let missing: Vec<_> = missing.map(|(at, event, _)| format!("{event} at {at}")).collect();
        let what = "acknowledged writes in the log, at their positions";
        self.check_all(what, acknowledged.len(), found, &missing);
        let more = log.len() - found;
        self.teller
            .note(&format!("of the writes that were cut off, {more} had become durable: nobody was told"));
        Ok(())
    }

    fn check_all(&mut self, what: &str, all: usize, good: usize, others: &[String]) {
        let told: String = others.iter().take(3).map(|other| format!(", {other}")).collect();
        let enough = || good == all && all > 0;
        self.check(Check::is(what, format!("{all} of {all}"), format!("{good} of {all}{told}"), enough));
    }

    /// How each credential of the story is answered now.
    fn answers(&self) -> Result<BTreeMap<String, String>, Broken> {
        let people = self.stage.people.iter().map(|(name, person)| (name, &person.secret));
        let keys = self.stage.keys.iter().map(|(name, key)| (name, &key.secret));
        let answer = |(name, secret): (&String, &String)| {
            let answer = self.stage.holder(secret)?.try_get("/v1/whoami")?;
            let id = answer.json()["id"].as_str().unwrap_or_default().to_owned();
            Ok((name.clone(), format!("{} {id}", answered(&answer))))
        };
        people.chain(keys).map(answer).collect()
    }

    /// The creations and revocations of keys in the log, as `keyledger audit show` has them.
    fn key_events_from(&self, first: u64) -> Result<BTreeSet<(u64, &'static str, String)>, Broken> {
        let (first, data) = (first.to_string(), self.stage.data.to_string_lossy());
        let shown = keyledger(["audit", "show", "-o", "jsonl", "--from", &first, "--data", &data]);
        if !shown.status.success() {
            return Err(Broken(format!("audit show: {}", String::from_utf8_lossy(&shown.stderr))));
        }
        let line = |line: &str| {
            let event: Value = serde_json::from_str(line).ok()?;
            let name = ["KeyCreated", "KeyRevoked"].into_iter().find(|name| event["event"] == *name)?;
            let key = event["payload"]["key"].as_str()?.to_owned();
            Some((number(event["position"].as_str()?), name, key))
        };
        Ok(String::from_utf8_lossy(&shown.stdout).lines().filter_map(line).collect())
    }
}

/// Writes until no answer comes.
fn write(client: &Client, owner: &str, writer: u32, acknowledged: &AtomicUsize) -> Written {
    let mut written = Written::default();
    for turn in 1.. {
        if let Err(ended) = write_one(
            client,
            owner,
            &format!("writer-{writer}-{turn}"),
            turn,
            &mut written.keys,
            acknowledged,
        ) {
            written.cut_off = matches!(ended, Ended::CutOff);
            written.ended = match ended {
                Ended::CutOff => "cut off".to_owned(),
                Ended::Refused(why) => why,
            };
            break;
        }
    }
    written
}

/// Why a writer ends.
enum Ended {
    CutOff,
    Refused(String),
}

impl From<Unreachable> for Ended {
    fn from(_: Unreachable) -> Self {
        Self::CutOff
    }
}

impl From<Broken> for Ended {
    fn from(broken: Broken) -> Self {
        Self::Refused(broken.0)
    }
}

fn write_one(
    client: &Client,
    owner: &str,
    name: &str,
    turn: usize,
    keys: &mut Vec<MadeKey>,
    acknowledged: &AtomicUsize,
) -> Result<(), Ended> {
    let mutate = |mutation: &str, input: Value, selection: &str| {
        let query =
            format!("mutation($input: {mutation}_input!) {{ {mutation}(input: $input) {{ {selection} }} }}");
        let answer = client.try_graphql(&query, &json!({"input": input}))?;
        let payload = payload(mutation, &answer)?.map_err(Ended::Refused)?;
        acknowledged.fetch_add(1, Ordering::Relaxed);
        Ok::<_, Ended>(payload)
    };
    let made = mutate("create_api_key", json!({"user_id": owner, "name": name}), "id key position")?;
    let (id, secret, position) = (text(&made, "id")?, text(&made, "key")?, text(&made, "position")?);
    keys.push(MadeKey { name: name.to_owned(), id, secret, position, revocation: Revocation::NotAsked });
    let key = keys.last_mut().expect("one was added just now");
    if turn.is_multiple_of(REVOKED_EACH) {
        key.revocation = Revocation::Unknown;
        let revoked = mutate("delete_api_key", json!({"key_id": key.id}), "success position")?;
        key.revocation = Revocation::Acknowledged(text(&revoked, "position")?);
    }
    Ok(())
}

/// `accepted`, or the code.
fn answered(answer: &Answer) -> String {
    match answer.status {
        200 => "accepted".to_owned(),
        status => answer.code().unwrap_or_else(|| format!("HTTP {status}")),
    }
}

/// A position as a number; one that is none is found nowhere.
fn number(position: &str) -> u64 {
    position.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, position: &str, revocation: Revocation) -> MadeKey {
        let (name, secret) = (id.to_owned(), format!("secret of {id}"));
        MadeKey { name, id: id.to_owned(), secret, position: position.to_owned(), revocation }
    }

    #[test]
    fn only_an_unanswered_revocation_leaves_a_choice() {
        let revoked = || Revocation::Acknowledged("9".to_owned());
        for (revocation, seen, agrees) in [
            (Revocation::NotAsked, "accepted", true),
            (Revocation::NotAsked, "KEY_REVOKED", false),
            (Revocation::NotAsked, "KEY_UNKNOWN", false),
            (revoked(), "KEY_REVOKED", true),
            (revoked(), "accepted", false),
            (Revocation::Unknown, "KEY_REVOKED", true),
            (Revocation::Unknown, "accepted", true),
            (Revocation::Unknown, "KEY_UNKNOWN", false),
        ] {
            assert_eq!(key("k", "8", revocation).may_be(seen), agrees, "{seen}");
        }
    }

    #[test]
    fn what_was_acknowledged_is_looked_for_at_its_position() {
        let keys = vec![
            key("a", "7", Revocation::Acknowledged("9".to_owned())),
            key("b", "8", Revocation::Unknown),
            key("c", "10", Revocation::NotAsked),
        ];
        let writers = vec![Written { keys, ..Written::default() }];
        let burst = Burst { writers, answers: BTreeMap::new(), token: String::new() };
        let write = |position, event, key: &str| (position, event, key.to_owned());
        let acknowledged = [
            write(7, "KeyCreated", "a"),
            write(8, "KeyCreated", "b"),
            write(9, "KeyRevoked", "a"),
            write(10, "KeyCreated", "c"),
        ];
        assert_eq!(burst.acknowledged(), BTreeSet::from(acknowledged));
        assert_eq!(burst.positions(), Some((7, 10)));
    }
}
