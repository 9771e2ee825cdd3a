//! When keys are counted by state: on a thread of its own, when somebody asks, and not more often than is good.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use authority::Authority;
use authority::census::Census;
use metrics::gauge;

/// A census is good for this long.
const GOOD_FOR: Duration = Duration::from_secs(60);
/// And for so many times as long as it took: of ten million keys, it must not keep a core busy.
const SHARE: u32 = 20;
/// How long a page waits for a new one. A small ledger is counted by then; a large one shows the one before.
const PAGE_WAITS: Duration = Duration::from_millis(250);

/// The last census, and whether one is being made.
#[derive(Clone, Default)]
pub(crate) struct Censuses(Arc<Mutex<Last>>);

#[derive(Clone, Copy, Default)]
enum Last {
    #[default]
    Never,
    Running,
    Done {
        at: Instant,
        took: Duration,
    },
}

/// A census that is being made. However it ends, also by a panic, the next is made when it is due.
struct Running {
    last: Arc<Mutex<Last>>,
    began: Instant,
}

impl Drop for Running {
    fn drop(&mut self) {
        let done = Last::Done { at: Instant::now(), took: self.began.elapsed() };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = done;
    }
}

impl Last {
    fn is_due(self, now: Instant) -> bool {
        match self {
            Self::Never => true,
            Self::Running => false,
            Self::Done { at, took } => now.duration_since(at) >= GOOD_FOR.max(took * SHARE),
        }
    }
}

impl Censuses {
    /// Counts anew, if that is due, and waits a little for it.
    pub(crate) async fn refresh(&self, authority: &Arc<Authority>) {
        {
            let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !last.is_due(Instant::now()) {
                return;
            }
            *last = Last::Running;
        }
        let (last, authority) = (Arc::clone(&self.0), Arc::clone(authority));
        let counted = tokio::task::spawn_blocking(move || {
            let running = Running { last, began: Instant::now() };
            let census = authority.census();
            tell(&census, running.began.elapsed(), authority.now().unix_seconds());
        });
        // Late is no failure: the next page has it.
        let _ = tokio::time::timeout(PAGE_WAITS, counted).await;
    }
}

fn tell(census: &Census, took: Duration, now_seconds: i64) {
    let Census { active, ending_within_a_week, expired, disabled, suspended, revoked, ended } = *census;
    for (state, count) in [
        ("active", active),
        ("expired", expired),
        ("disabled", disabled),
        ("suspended", suspended),
        ("revoked", revoked),
        ("ended", ended),
    ] {
        gauge!("keyledger_keys", "state" => state).set(count as f64);
    }
    gauge!("keyledger_keys_ending_within_a_week").set(ending_within_a_week as f64);
    gauge!("keyledger_keys_counted_timestamp_seconds").set(now_seconds as f64);
    gauge!("keyledger_keys_count_duration_seconds").set(took);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_census_is_due_after_a_minute_or_twenty_times_its_own_length() {
        let at = Instant::now();
        let done = |took| Last::Done { at, took: Duration::from_secs(took) };
        let after = |seconds| at + Duration::from_secs(seconds);
        assert!(Last::Never.is_due(at) && !Last::Running.is_due(after(3_600)));
        assert!(!done(1).is_due(after(59)) && done(1).is_due(after(60)));
        assert!(!done(10).is_due(after(199)) && done(10).is_due(after(200)));
    }

    #[test]
    fn a_census_that_fails_is_made_again() {
        let last = Arc::new(Mutex::new(Last::Running));
        let running = Running { last: Arc::clone(&last), began: Instant::now() };
        let failed = std::thread::spawn(move || {
            let _running = running;
            panic!("on purpose");
        });
        assert!(failed.join().is_err());
        let last = *last.lock().unwrap();
        assert!(last.is_due(Instant::now() + Duration::from_secs(60)) && !last.is_due(Instant::now()));
    }
}
