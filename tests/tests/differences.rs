//! Two moments of random histories: what differs turns one state into the other, and says whoever may do more.

use std::convert::Infallible;

use domain::difference::{Difference, Kind, between, touched_by};
use domain::event::Recorded;
use domain::ids::TenantId;
use domain::row::{Change, Key, RowId};
use domain::status::{Admission, Bearer, admit};
use domain::time::Timestamp;
use domain::{Model, evolve};
use keyledger_tests::history::{History, recorded};

const SEEDS: std::ops::Range<u64> = 300..312;
const COMMANDS: usize = 500;
/// Both of a pair of moments are multiples of it: pairs within one history, short and long.
const EVENTS_APART: usize = 29;

/// Each pair of moments of each history: the log before the first, the events between them.
fn each_window(mut look: impl FnMut(u64, &[Recorded], &[Recorded])) {
    let mut windows = 0;
    for seed in SEEDS {
        let log = recorded(&History::random(seed, COMMANDS));
        for from in (0..log.len()).step_by(EVENTS_APART) {
            for to in [from + 1, from + 7, from + 100, log.len()] {
                if let Some(window) = log.get(from..to) {
                    look(seed, &log[..from], window);
                    windows += 1;
                }
            }
        }
    }
    assert!(windows > 500, "only {windows} windows were looked at");
}

/// The state after the window, and every row that its events changed.
fn after(before: &Model, window: &[Recorded]) -> (Model, Vec<RowId>) {
    let (mut model, mut rows) = (before.clone(), vec![]);
    for recorded in window {
        let Ok(changes) = evolve(&model, recorded);
        rows.extend(changes.iter().map(Change::row));
        model.record(recorded);
    }
    (model, rows)
}

fn differences(before: &Model, after: &Model, rows: impl IntoIterator<Item = RowId>) -> Vec<Difference> {
    let Ok(differences): Result<_, Infallible> = between(before, after, rows);
    differences
}

/// The state with what differs put into its place.
fn with(mut model: Model, differences: &[Difference]) -> Model {
    for difference in differences {
        assert_ne!(difference.before, difference.after);
        let Ok(found): Result<_, Infallible> = difference.row.read(&model);
        assert_eq!(found, difference.before, "each difference says what there was before");
        model.apply(difference.after.clone().expect("what was there stays there, living or not"));
    }
    model
}

/// A name that is free again is as one that nobody ever had.
fn without_free_names(mut model: Model) -> Model {
    model.unique_names.retain(|_, holder| holder.is_some());
    model
}

#[test]
fn a_state_and_what_differs_make_the_later_state() {
    each_window(|seed, past, window| {
        let before = Model::fold(past);
        let (after, changed) = after(&before, window);
        let by_rows = differences(&before, &after, changed);
        let all = differences(&before, &after, before.row_ids().chain(after.row_ids()));
        assert_eq!(by_rows, all, "seed {seed}: comparing what changed finds all that differs");
        let made = with(before.clone(), &by_rows);
        assert_eq!(without_free_names(made), without_free_names(after), "seed {seed}");
    });
}

#[test]
fn the_rows_that_events_name_are_all_of_which_something_is_told() {
    each_window(|seed, past, window| {
        let before = Model::fold(past);
        let (after, _) = after(&before, window);
        let told = |rows: Vec<RowId>| {
            let mut differences = differences(&before, &after, rows);
            differences.retain(|difference| difference.kind() != Kind::Derived);
            differences
        };
        let named = window.iter().flat_map(|recorded| touched_by(&recorded.event)).collect();
        let all = before.row_ids().chain(after.row_ids()).collect();
        assert_eq!(told(named), told(all), "seed {seed}");
    });
}

#[test]
fn whoever_may_do_more_is_among_what_increases_access() {
    let mut narrowings = 0;
    each_window(|seed, past, window| {
        let before = Model::fold(past);
        let (after, changed) = after(&before, window);
        let differences = differences(&before, &after, changed);
        if differences.iter().any(Difference::increases_access) {
            return;
        }
        narrowings += 1;
        let now = window.last().map_or(Timestamp::MIN, |last| last.recorded_at);
        for (key, tenant) in after.keys.values().flat_map(|key| after.tenants.keys().map(move |t| (key, *t)))
        {
            for at in [now, now.plus_seconds(3_600), now.plus_seconds(40 * 86_400)] {
                let Some(admission) = admitted(&after, key, tenant, at) else { continue };
                let first = before.keys.get(&key.id).expect("a new key increases access");
                let earlier = admitted(&before, first, tenant, at).unwrap_or_else(|| {
                    panic!("seed {seed}: {} is accepted in {tenant}, and was not before", key.id)
                });
                assert!(admission.role >= earlier.role, "seed {seed}: {} has a higher role", key.id);
                assert!(
                    key.scopes.within(&first.scopes) && key.limits.addresses.within(&first.limits.addresses)
                );
            }
        }
    });
    assert!(narrowings > 50, "only {narrowings} windows gave nobody more");
}

fn admitted(model: &Model, key: &Key, tenant: TenantId, at: Timestamp) -> Option<Admission> {
    let bearer = Bearer::key(key.owner, key.reach, key.created.position);
    let Ok(admitted): Result<_, Infallible> = admit(model, &bearer, &key.life, Some(tenant), at);
    admitted.ok()
}
