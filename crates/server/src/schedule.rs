//! The server's clockwork: once a minute, what is due is done.

use std::sync::Arc;
use std::time::Duration;

use authority::schedule::Step;
use authority::{Authority, SigningKeyPolicy};
use tokio::time::MissedTickBehavior;

/// How often it is asked what is due. Short beside the least time from publication to use.
const EVERY: Duration = Duration::from_secs(60);

/// Keeps the signing keys to their policy, beginning now; never ends.
pub(crate) async fn keep_signing_keys(authority: Arc<Authority>, policy: SigningKeyPolicy) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let authority = Arc::clone(&authority);
        // It waits for the commit: not on a thread that requests wait for.
        let kept = tokio::task::spawn_blocking(move || authority.keep_signing_keys(&policy));
        match kept.await {
            Ok(Ok(steps)) => steps.iter().for_each(tell),
            Ok(Err(failure)) => {
                tracing::warn!(code = failure.code(), %failure, "signing keys were not kept to their schedule; the next attempt is in a minute");
            }
            Err(error) => tracing::error!(%error, "the schedule of signing keys failed"),
        }
    }
}

fn tell(step: &Step) {
    match step {
        Step::Publish { active_from } => {
            tracing::info!(active_from_ms = active_from.unix_ms(), "published the next signing key");
        }
        Step::Retire { signing_key } => tracing::info!(%signing_key, "retired a superseded signing key"),
    }
}
