//! Recording: tickets from one counter, and a buffer for each thread, so that nobody waits for another.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::credential::Credential;
use super::operation::{Clock, CredentialNumber, Operation, Stamp, What};

/// Names a thread of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thread(pub u16);

/// What the threads of a recording share.
pub struct Book {
    tickets: AtomicU64,
    clock: Box<dyn Fn() -> i64 + Send + Sync>,
    credentials: Mutex<Vec<Credential>>,
    operations: Mutex<Vec<Operation>>,
}

/// A finished recording, in no particular order.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What was shown, by number.
    pub credentials: Vec<Credential>,
    /// What was done.
    pub operations: Vec<Operation>,
}

impl Book {
    /// An empty one, of things that expire by this clock, in milliseconds since 1970.
    pub fn new(clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        let (credentials, operations) = (Mutex::default(), Mutex::default());
        Self { tickets: AtomicU64::new(1), clock: Box::new(clock), credentials, operations }
    }

    /// A ticket. Acquire and release: what happened before one was drawn has happened for whoever draws a later
    /// one, and nobody can know of an acknowledgement in a weaker sense than that.
    pub fn ticket(&self) -> Stamp {
        Stamp(self.tickets.fetch_add(1, Ordering::AcqRel))
    }

    /// What the clock shows.
    pub fn now_ms(&self) -> i64 {
        (self.clock)()
    }

    /// Before a call.
    pub fn begin(&self) -> Began {
        // The clock outside of the tickets: it shows no more than what the call sees, and after it no less.
        let clock_ms = self.now_ms();
        Began { stamp: self.ticket(), clock_ms }
    }

    /// After its return.
    pub fn end(&self, thread: Thread, began: Began, what: What) -> Operation {
        let Began { stamp: began, clock_ms: before_ms } = began;
        let ended = self.ticket();
        Operation { thread, began, ended, clock: Clock { before_ms, after_ms: self.now_ms() }, what }
    }

    /// Takes in a credential that is going to be shown.
    pub fn credential(&self, credential: Credential) -> CredentialNumber {
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        credentials.push(credential);
        CredentialNumber(u32::try_from(credentials.len() - 1).expect("a history has fewer credentials"))
    }

    /// What was recorded, once every recorder is dropped.
    pub fn close(&self) -> History {
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        History {
            credentials: std::mem::take(&mut *credentials),
            operations: std::mem::take(&mut *operations),
        }
    }
}

/// One thread's own part of a recording. Handed in when it is dropped.
pub struct Recorder {
    /// The whole recording.
    pub book: Arc<Book>,
    thread: Thread,
    operations: Vec<Operation>,
}

/// An operation that was begun.
#[derive(Clone, Copy, Debug)]
pub struct Began {
    /// Its ticket.
    pub stamp: Stamp,
    /// What the clock showed.
    pub clock_ms: i64,
}

impl Recorder {
    /// An empty one.
    pub fn new(book: &Arc<Book>, thread: Thread) -> Self {
        Self { book: Arc::clone(book), thread, operations: vec![] }
    }

    /// Before the call.
    pub fn begin(&self) -> Began {
        self.book.begin()
    }

    /// After its return.
    pub fn end(&mut self, began: Began, what: What) {
        let operation = self.book.end(self.thread, began, what);
        self.operations.push(operation);
    }

    /// An operation that ended earlier, or on another thread.
    pub fn take(&mut self, operation: Operation) {
        self.operations.push(operation);
    }

    /// Whose it is.
    pub const fn thread(&self) -> Thread {
        self.thread
    }

    /// How much it recorded so far.
    pub const fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether it recorded nothing so far.
    pub const fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let mut operations = self.book.operations.lock().unwrap_or_else(PoisonError::into_inner);
        operations.append(&mut self.operations);
    }
}
