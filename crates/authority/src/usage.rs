//! Use and refusals: counted in memory on the way, written by a thread of their own every few seconds, approximate.
//!
//! Nothing rests on them. A crash loses the last seconds; a disk that does not take them costs a line in the log.

mod book;
mod rehearsals;
pub(crate) mod sessions;
mod shards;

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use domain::ids::{KeyId, TenantId};
use domain::time::Timestamp;
use store::usage::{Agent, Agents, KeptRefusals, RefusalQueue, RefusedCommand, Tally};

use crate::agents::AgentView;
use crate::authenticate::Caller;
use crate::authority::Authority;

use book::Book;
use rehearsals::Rehearsals;
use shards::Shards;

pub(crate) use rehearsals::Rehearsal;
pub use store::usage::{CallerKind, UseWay};

/// How often what was counted is collected from the threads that counted it, and written. Whoever asks collects, too.
const WRITTEN_EVERY: Duration = Duration::from_secs(10);

/// What is known of the use of a key, roughly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUsage {
    /// When, how often, by which way and by what kinds of programs.
    pub tally: Tally,
    /// The agents that poll with it, the one that was seen last first.
    pub agents: Vec<AgentView>,
}

/// What counts use and refusals. Dropping it writes what is left.
pub(crate) struct Recorder {
    pub(crate) counters: Arc<Counters>,
    thread: Option<(Sender<()>, JoinHandle<()>)>,
}

/// Where use and refusals are counted.
#[derive(Default)]
pub(crate) struct Counters {
    shards: Shards,
    /// What was seen of agents since the last collection. They poll every few seconds: one lock will do.
    agents: Mutex<HashMap<KeyId, Agents>>,
    /// Refusals since the last collection: they come from the writer's thread, which must not wait for a disk.
    refusals: Mutex<RefusalQueue>,
    rehearsals: Mutex<Rehearsals>,
    book: Mutex<Book>,
}

impl Recorder {
    /// One that writes nothing yet.
    pub(crate) fn idle() -> Self {
        Self { counters: Arc::default(), thread: None }
    }

    /// Opens the file and begins to write it.
    pub(crate) fn start(&mut self, path: &Path) {
        self.counters.book().open(path);
        let counters = Arc::clone(&self.counters);
        let (stop, stopped) = mpsc::channel();
        let run = move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(WRITTEN_EVERY) {
                counters.collected().write();
            }
            counters.collected().write();
        };
        let thread = std::thread::Builder::new().name("usage".into());
        self.thread = Some((stop, thread.spawn(run).expect("a process can start one more thread")));
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let Some((stop, thread)) = self.thread.take() else { return };
        drop(stop);
        if thread.join().is_err() {
            tracing::error!("the thread that writes use and refusals panicked");
        }
    }
}

impl Counters {
    /// Takes in a refusal.
    pub(crate) fn refused(&self, tenant: Option<TenantId>, refusal: RefusedCommand) {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).push(tenant, refusal);
    }

    /// Whether a refused dry run is to be taken in: the same one is not, as often as it is asked.
    pub(crate) fn is_news(&self, rehearsal: Rehearsal, now: Timestamp) -> bool {
        self.rehearsals.lock().unwrap_or_else(PoisonError::into_inner).is_news(rehearsal, now)
    }

    /// Takes in what was seen of an agent of a key.
    pub(crate) fn seen(&self, key: KeyId, agent: Agent) {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().add(agent);
    }

    /// What is known of the use of these keys, and of the agents that poll with them: on disk, and since.
    fn tallies(&self, keys: &[KeyId]) -> (HashMap<KeyId, Tally>, HashMap<KeyId, Agents>) {
        let mut book = self.collected();
        (book.tallies(keys), book.agents(keys))
    }

    /// The refusals that are kept of a tenant, or of no tenant: on disk, and since.
    pub(crate) fn kept(&self, tenant: Option<TenantId>) -> KeptRefusals {
        self.collected().refusals(tenant)
    }

    /// The book, with everything in it that was counted until now.
    fn collected(&self) -> MutexGuard<'_, Book> {
        let mut book = self.book();
        self.shards.drain(|key, tally| book.add(key, tally));
        let agents = std::mem::take(&mut *self.agents.lock().unwrap_or_else(PoisonError::into_inner));
        agents.iter().for_each(|(key, seen)| book.add_agents(*key, seen));
        let refusals = std::mem::take(&mut *self.refusals.lock().unwrap_or_else(PoisonError::into_inner));
        book.add_refusals(refusals);
        book
    }

    /// Does something with the sessions, and writes what is new of them.
    pub(crate) fn sessions<T>(&self, act: impl FnOnce(&mut sessions::Sessions) -> T) -> T {
        let mut book = self.book();
        let done = act(&mut book.sessions);
        book.write_sessions();
        done
    }

    /// Does something with the sessions that need not outlive a crash; it is written with the rest.
    pub(crate) fn sessions_in_passing<T>(&self, act: impl FnOnce(&mut sessions::Sessions) -> T) -> T {
        act(&mut self.book().sessions)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Authority {
    /// Notes that a credential was accepted: what kind of program showed it, if that is known, and by which way.
    ///
    /// Cheap enough for every request: it touches only what this thread's shard holds, and allocates only for a key
    /// that the shard has not seen since the last collection.
    pub fn used(&self, caller: &Caller, by: Option<CallerKind>, way: UseWay) {
        self.recorder.counters.shards.count(caller.key, Tally::once(caller.at, by, way));
    }

    /// What is known, roughly, of the use of these keys. Whoever asks may see the keys.
    pub(crate) fn usage_of(&self, keys: &[KeyId]) -> HashMap<KeyId, KeyUsage> {
        if keys.is_empty() {
            return HashMap::new();
        }
        let (tallies, mut agents) = self.recorder.counters.tallies(keys);
        let usage = tallies.into_iter().map(|(key, tally)| {
            let agents = self.agent_views(&agents.remove(&key).unwrap_or_default());
            (key, KeyUsage { tally, agents })
        });
        usage.collect()
    }
}
