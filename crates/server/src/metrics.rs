//! `GET /metrics`: how the server is, in the text format of Prometheus.
//!
//! On the main address it needs an operator's key that includes the scope `keyledger:metrics`; a key narrowed to
//! that scope does nothing else. On an address of its own (`--metrics-listen`) it needs nothing, so that address
//! is for those who may know. No label ever holds an id, a name, a path or anything else that a caller chose.

mod catalogue;
pub(crate) mod censuses;
mod listener;
pub(crate) mod requests;
mod vitals;

use std::sync::OnceLock;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::bearer;
use crate::refusal::RestError;
use crate::request_log::Noted;
use crate::state::App;
use crate::visitor::Visitor;

pub(crate) use listener::listen;

/// Version 0.0.4 of the text format, which every collector reads.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// How often what was measured is folded into its histograms, so that it does not pile up between scrapes.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// From a tenth of a millisecond, for verifications, to the longest that a request may take.
const SECONDS: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
const COMMANDS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Records the metrics of this process from now on. To be called before the authority is opened; without it,
/// nothing is recorded and measuring costs nothing.
pub fn record() {
    RECORDER.get_or_init(|| {
        let set = |builder: PrometheusBuilder, matcher, buckets: &[f64]| {
            builder.set_buckets_for_metric(matcher, buckets).expect("there are buckets")
        };
        let builder = PrometheusBuilder::new();
        let builder = set(builder, Matcher::Suffix("_seconds".into()), &SECONDS);
        let builder = set(builder, Matcher::Suffix("_commands".into()), &COMMANDS);
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // A process that records already, in its own way, goes on so.
        metrics::set_global_recorder(recorder).ok()?;
        catalogue::describe();
        Some(handle)
    });
}

/// `GET /metrics` on the main address.
pub(crate) async fn metrics(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, RestError> {
    let let_in = bearer::authenticate(&app, &headers, visitor)?;
    let noted = Noted::of(&let_in);
    let authority = app.authority.clone();
    let may = tokio::task::spawn_blocking(move || authority.may_observe(&let_in.caller));
    match may.await {
        Ok(may) => may?,
        Err(_) => {
            let message = "the server failed; its log says why";
            return Err(RestError::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message));
        }
    }
    let mut response = page(app).await?;
    response.extensions_mut().insert(noted);
    Ok(response)
}

/// `GET /metrics` on the address that is for nothing else.
async fn metrics_for_anyone(State(app): State<App>) -> Result<Response, RestError> {
    page(app).await
}

async fn page(app: App) -> Result<Response, RestError> {
    let Some(handle) = RECORDER.get().and_then(Option::as_ref) else {
        let message = "this server records no metrics";
        return Err(RestError::new(StatusCode::SERVICE_UNAVAILABLE, "NO_METRICS", message));
    };
    app.running.censuses.refresh(&app.authority).await;
    let rendered = tokio::task::spawn_blocking(move || {
        vitals::record(&app);
        handle.render()
    });
    let text = rendered.await.map_err(|_| {
        let message = "the server failed; its log says why";
        RestError::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message)
    })?;
    Ok(([(CONTENT_TYPE, TEXT_FORMAT), (CACHE_CONTROL, "no-store")], text).into_response())
}

/// Keeps what is recorded small, for as long as the server runs.
pub(crate) async fn upkeep() {
    let Some(handle) = RECORDER.get().and_then(Option::as_ref) else { return };
    let mut every = tokio::time::interval(UPKEEP_EVERY);
    loop {
        every.tick().await;
        handle.run_upkeep();
    }
}
