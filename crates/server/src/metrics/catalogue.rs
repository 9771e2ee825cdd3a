//! Every metric on one screen: its name, its kind, and what it means.

use metrics::{describe_counter, describe_gauge, describe_histogram};

use Kind::{Counter, Gauge, Histogram};

/// What a metric does over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows, until the process starts anew.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How many were in each range.
    Histogram,
}

/// Name, kind and meaning. `docs/metrics.md` has the same with the labels; a test holds them together.
pub(super) const METRICS: [(&str, Kind, &str); 32] = [
    (
        "keyledger_verifications_total",
        Counter,
        "Credentials looked at, by what was shown and how it came out; code is OK or that of the refusal.",
    ),
    ("keyledger_http_request_duration_seconds", Histogram, "How long requests took, by route and method."),
    ("keyledger_http_requests_in_flight", Gauge, "Requests that are being answered."),
    ("keyledger_http_connections", Gauge, "Connections that are open."),
    ("keyledger_http_connections_refused_total", Counter, "Connections for which there was no room."),
    ("keyledger_graphql_operations", Gauge, "GraphQL operations that run, or wait for their turn."),
    ("keyledger_http_responses_total", Counter, "Responses by class of status."),
    ("keyledger_commands_total", Counter, "Commands that the writer answered, accepted or refused, by code."),
    ("keyledger_writer_queue_commands", Gauge, "Commands that wait for the writer."),
    ("keyledger_writer_batch_commands", Histogram, "How many commands one commit carried."),
    (
        "keyledger_writer_batch_seconds",
        Histogram,
        "How long a batch took from its first decision to its publication.",
    ),
    (
        "keyledger_writer_commit_seconds",
        Histogram,
        "How long the commit itself took: the disk's share of a batch.",
    ),
    ("keyledger_log_position", Gauge, "The position of the log that verification has reached."),
    ("keyledger_ledger_file_bytes", Gauge, "The size of the ledger's file."),
    ("keyledger_index_entries", Gauge, "What verification holds in memory, living or not, by kind."),
    ("keyledger_keys", Gauge, "Keys by state, counted at most once a minute."),
    ("keyledger_keys_ending_within_a_week", Gauge, "Active keys that end by themselves within seven days."),
    (
        "keyledger_keys_counted_timestamp_seconds",
        Gauge,
        "When keys were last counted by state, in Unix time.",
    ),
    ("keyledger_keys_count_duration_seconds", Gauge, "How long that count took."),
    (
        "keyledger_signing_keys",
        Gauge,
        "Keys that sign tokens and are not retired, by state: published counts active ones, too.",
    ),
    (
        "keyledger_signing_key_age_seconds",
        Gauge,
        "For how long the key that signs now has been active; NaN without one.",
    ),
    (
        "keyledger_signing_key_superseded_in_seconds",
        Gauge,
        "Until the next published key takes over from the one that signs; NaN if none is published ahead.",
    ),
    ("keyledger_guard_position", Gauge, "The position up to which the rollback guard knows the log."),
    (
        "keyledger_guard_lag_positions",
        Gauge,
        "How many events the rollback guard is behind; above 0 for over a second is wrong.",
    ),
    ("keyledger_guard_write_failures_total", Counter, "How often the rollback guard could not be written."),
    (
        "keyledger_ledger_reopenings_total",
        Counter,
        "How often the ledger was opened again after a failure of the disk.",
    ),
    (
        "keyledger_ready",
        Gauge,
        "1 while changes are taken; 0 after a failure until they are again, and while draining.",
    ),
    ("keyledger_draining", Gauge, "1 once the server was told to stop."),
    ("keyledger_build_info", Gauge, "Always 1; its label names the version."),
    ("process_start_time_seconds", Gauge, "When the process started, in Unix time."),
    ("process_resident_memory_bytes", Gauge, "Resident memory of the process."),
    ("process_open_fds", Gauge, "Open file descriptors of the process."),
];

/// Tells the recorder what each metric means.
pub(super) fn describe() {
    for (name, kind, meaning) in METRICS {
        match kind {
            Counter => describe_counter!(name, meaning),
            Gauge => describe_gauge!(name, meaning),
            Histogram => describe_histogram!(name, meaning),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn names_follow_the_conventions() {
        for (name, kind, meaning) in METRICS {
            assert!(name.starts_with("keyledger_") || name.starts_with("process_"), "{name}");
            assert_eq!(
                name.ends_with("_total"),
                kind == Counter,
                "{name}: counters end in _total, and only they"
            );
            let unit = ["_seconds", "_commands"].iter().any(|unit| name.ends_with(unit));
            assert!(kind != Histogram || unit, "{name}: a histogram without a unit has no buckets");
            assert!(!name.contains("_ms") && meaning.ends_with('.'), "{name}");
        }
        let mut names: Vec<_> = METRICS.iter().map(|(name, ..)| name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len());
    }

    /// `docs/metrics.md` lists these names, and no others.
    #[test]
    fn the_document_lists_every_metric() {
        let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
        let page = std::fs::read_to_string(page).unwrap();
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let mut listed: Vec<_> = rows.collect();
        let mut known: Vec<_> = METRICS.iter().map(|(name, ..)| *name).collect();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known);
    }
}
