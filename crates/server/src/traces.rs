//! Traces: spans of requests and of the writer, sent to an OpenTelemetry collector if one is named.
//!
//! A span has the method, the route, the status, the code and the request's id; never who asked, for what, or with
//! which credential. What happened is in the log of events; traces tell how long it took. Without a collector no
//! span is made. With one that is down or slow, spans are dropped: requests never wait for it.

mod client;

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use domain::ids::RequestId;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::field::{Empty, display};
use tracing::{Span, trace_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::{Layer, Registry};

use client::Client;

/// The target of every span that leaves this process. Nothing else does.
const TARGET: &str = "keyledger::trace";
/// How long the last spans may take to leave when the server stops.
const FLUSH_TIME_MAX: Duration = Duration::from_secs(2);

/// Where traces go: the URL of a collector that takes OTLP over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(String);

/// Sends spans to a collector, until it is dropped.
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Endpoint {
    /// Accepts `http://HOST[:PORT][/PATH]`. Without a path, `/v1/traces` is meant.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("http://")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '@' | '"' | '<' | '>' | '\\');
        if host.is_empty() || !rest.chars().all(plain) {
            return None;
        }
        let path = if path.is_empty() { "v1/traces" } else { path };
        Some(Self(format!("http://{host}/{path}")))
    }
}

impl Traces {
    /// Begins to send spans there. Whether anybody listens is not asked.
    pub fn to(endpoint: &Endpoint) -> Result<Self, String> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new())
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint.0.as_str())
            .build()
            .map_err(|error| error.to_string())?;
        let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name("keyledger").with_attribute(version).build();
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        Ok(Self { provider })
    }

    /// The part of a subscriber that makes spans. It takes ours only, and no event.
    pub fn layer(&self) -> impl Layer<Registry> + Send + Sync + use<> {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("keyledger"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|metadata| metadata.is_span() && metadata.target() == TARGET))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        // What does not get through now is lost, as it may be at any other time.
        let _ = self.provider.shutdown_with_timeout(FLUSH_TIME_MAX);
    }
}

/// The span of a request, within the trace that its caller names by a `traceparent` (W3C Trace Context).
pub(crate) fn request(id: RequestId, method: &'static str, route: &str, headers: &HeaderMap) -> Span {
    let span = trace_span!(
        target: "keyledger::trace",
        "request",
        otel.name = Empty,
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        request_id = %id,
        http.response.status_code = Empty,
        code = Empty,
    );
    if !span.is_disabled() {
        span.record("otel.name", display(format_args!("{method} {route}")));
        let context = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
        // It fails only for a span that has begun.
        let _ = span.set_parent(context);
    }
    span
}

/// The request was answered so.
pub(crate) fn answered(span: &Span, status: StatusCode, code: Option<&str>) {
    if span.is_disabled() {
        return;
    }
    span.record("http.response.status_code", status.as_u16());
    if let Some(code) = code {
        span.record("code", code);
    }
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_named_by_a_plain_url() {
        let parsed = |text| Endpoint::parse(text).map(|endpoint| endpoint.0);
        for (text, url) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://collector:4318/", "http://collector:4318/v1/traces"),
            ("http://[::1]:4318/otlp/v1/traces", "http://[::1]:4318/otlp/v1/traces"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(url));
        }
        for bad in
            ["", "collector:4318", "https://collector", "http://", "http:///v1", "http://a b", "http://u:p@h"]
        {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }
}
