//! The server's clockwork: once a minute, what is due is done.

use std::sync::Arc;
use std::time::Duration;

use authority::schedule::Step;
use authority::{Authority, SigningKeyPolicy};
use tokio::time::MissedTickBehavior;

/// How often it is asked what is due. Short beside the least time from publication to use.
const EVERY: Duration = Duration::from_secs(60);

/// Keeps the signing keys to their policy, if there is one, and the life of tokens on record, beginning now; never ends.
pub(crate) async fn keep(authority: Arc<Authority>, policy: Option<SigningKeyPolicy>) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let authority = Arc::clone(&authority);
        // It waits for the commit: not on a thread that requests wait for.
        let kept = tokio::task::spawn_blocking(move || {
            // At the start it was tried already.
            keep_token_life(&authority);
            policy.map_or(Ok(vec![]), |policy| authority.keep_signing_keys(&policy))
        });
        match kept.await {
            Ok(Ok(steps)) => steps.iter().for_each(tell),
            Ok(Err(failure)) => {
                tracing::warn!(code = failure.code(), %failure, "signing keys were not kept to their schedule; the next attempt is in a minute");
            }
            Err(error) => tracing::error!(%error, "the schedule of signing keys failed"),
        }
    }
}

/// Records how long tokens live, if the log does not say so. As long as that fails, no token outlives what the log says.
pub(crate) fn keep_token_life(authority: &Authority) {
    match authority.keep_token_life() {
        Ok(false) => {}
        Ok(true) => {
            tracing::info!(seconds = authority.token_life().seconds(), "recorded how long tokens live");
        }
        Err(failure) => {
            tracing::warn!(code = failure.code(), %failure, "how long tokens live was not recorded; the next attempt is in a minute");
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
