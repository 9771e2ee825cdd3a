//! What is read when somebody asks, rather than kept: the authority's vital signs and the process's.

use std::sync::atomic::Ordering;

use authority::Health;
use authority::vitals::SigningKeys;
use domain::time::Timestamp;
use metrics::{counter, gauge};

use crate::state::App;

/// Brings the recorder up to date.
pub(super) fn record(app: &App) {
    let authority = &app.authority;
    for it in authority.verifications() {
        let shown = it.shown.as_str();
        counter!("keyledger_verifications_total", "credential" => shown, "code" => it.code)
            .absolute(it.count);
    }
    gauge!("keyledger_http_requests_in_flight").set(app.running.requests.in_flight() as f64);
    let connections = &app.running.connections;
    gauge!("keyledger_http_connections").set(connections.count() as f64);
    counter!("keyledger_http_connections_refused_total").absolute(connections.refused());
    gauge!("keyledger_graphql_operations").set(app.running.operations.count() as f64);

    // The guard first: it never leads, so the difference is not below zero.
    let guard = authority.guard_position().number();
    let position = authority.position().number();
    gauge!("keyledger_log_position").set(position as f64);
    gauge!("keyledger_guard_position").set(guard as f64);
    gauge!("keyledger_guard_lag_positions").set(position.saturating_sub(guard) as f64);
    if let Some(bytes) = authority.ledger_bytes() {
        gauge!("keyledger_ledger_file_bytes").set(bytes as f64);
    }
    let sizes = authority.sizes();
    for (kind, count) in [
        ("keys", sizes.keys),
        ("tenants", sizes.tenants),
        ("users", sizes.users),
        ("service_accounts", sizes.service_accounts),
    ] {
        gauge!("keyledger_index_entries", "kind" => kind).set(count as f64);
    }
    signing_keys(authority.signing_keys_now(), authority.now());

    let draining = app.running.draining.load(Ordering::Relaxed);
    let ready = !draining && authority.health() == Health::Ready;
    gauge!("keyledger_ready").set(f64::from(u8::from(ready)));
    gauge!("keyledger_draining").set(f64::from(u8::from(draining)));
    gauge!("keyledger_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    gauge!("process_start_time_seconds").set(app.running.started_at.unix_ms() as f64 / 1000.0);
    process();
}

fn signing_keys(keys: SigningKeys, now: Timestamp) {
    let seconds = |from: Option<Timestamp>, to: Option<Timestamp>| match (from, to) {
        (Some(from), Some(to)) => (to.unix_ms() - from.unix_ms()) as f64 / 1000.0,
        (None, _) | (_, None) => f64::NAN,
    };
    gauge!("keyledger_signing_keys", "state" => "published").set(keys.published as f64);
    gauge!("keyledger_signing_keys", "state" => "active").set(keys.active as f64);
    gauge!("keyledger_signing_key_age_seconds").set(seconds(keys.signing_since, Some(now)));
    gauge!("keyledger_signing_key_superseded_in_seconds").set(seconds(Some(now), keys.superseded_at));
}

/// What the kernel says of this process; on other systems than Linux, nothing.
fn process() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    if let Some(kibibytes) = resident.and_then(|text| text.parse::<u64>().ok()) {
        gauge!("process_resident_memory_bytes").set((kibibytes * 1024) as f64);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        gauge!("process_open_fds").set(open.count() as f64);
    }
}
