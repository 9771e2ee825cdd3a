//! The HTTP client that delivers traces. It runs on the exporter's own thread, so it may wait there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use ureq::Agent;

/// A delivery that takes longer is given up.
const DELIVERY_TIME_MAX: Duration = Duration::from_secs(2);
/// An answer is only looked at to see that there is one.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Posts batches of spans.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    /// Whether the last delivery failed: told when it changes, and not for every batch.
    failing: AtomicBool,
}

impl Client {
    pub(super) fn new() -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(DELIVERY_TIME_MAX));
        Self { agent: config.build().into(), failing: AtomicBool::new(false) }
    }

    fn deliver(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ureq::Error> {
        let answer = self.agent.run(request.map(|body| body.to_vec()))?;
        let (parts, mut body) = answer.into_parts();
        let body = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let delivered = self.deliver(request);
        let trouble = match &delivered {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("the collector answered {}", answer.status())),
            Err(error) => Some(error.to_string()),
        };
        let failed_before = self.failing.swap(trouble.is_some(), Ordering::Relaxed);
        match trouble {
            Some(why) if !failed_before => {
                tracing::warn!(why, "traces cannot be delivered, and are dropped until they can be");
            }
            None if failed_before => tracing::info!("traces are delivered again"),
            Some(_) | None => {}
        }
        Ok(delivered?)
    }
}
