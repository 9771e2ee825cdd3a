//! Time: the one place where it enters. Everywhere else an instant is a value.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use domain::time::Timestamp;

/// Where instants come from.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that stands still until it is set: for tests and rehearsals.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A manual clock that shows this instant.
    pub fn manual(at: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(at.unix_ms())))
    }

    /// Sets a manual clock; the machine's clock is left alone.
    pub fn set(&self, at: Timestamp) {
        match self {
            Self::System => {}
            Self::Manual(ms) => ms.store(at.unix_ms(), Ordering::SeqCst),
        }
    }

    /// The instant now. A clock outside the years 1970 to 9999 shows the nearest end of them.
    pub fn now(&self) -> Timestamp {
        let ms = match self {
            Self::System => SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
            Self::Manual(ms) => ms.load(Ordering::SeqCst),
        };
        Timestamp::from_unix_ms(ms.clamp(Timestamp::MIN.unix_ms(), Timestamp::MAX.unix_ms()))
            .expect("clamped into range")
    }
}
