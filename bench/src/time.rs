//! What the past costs: a key as of a position, and all living keys of a tenant as of one, in process.

use std::path::Path;
use std::time::Instant;

use domain::ids::{KeyId, TenantId};
use domain::time::Position;
use domain::{Event, Lookup as _};
use store::{DataFolder, Ledger, OpenOptions, Snapshot};

use crate::dice::Dice;
use crate::folders;
use crate::grown::Mix;
use crate::report::{Figure, Report, Wanted};

const COMMANDS_PER_COMMIT: usize = 4_096;
/// How many keys and tenants are asked for, each by itself.
const KEYS_ASKED: usize = 200_000;
const TENANTS_ASKED: usize = 200;

/// Asks for random keys and tenants as of random positions, in a ledger where so many keys were made by a mixed history.
pub fn measure(scratch: &Path, keys: u64, report: &mut Report) -> Result<(), String> {
    let root = folders::with_keys(scratch, keys, Mix::Mixed, COMMANDS_PER_COMMIT)?;
    let told = |error: store::StoreError| error.to_string();
    let ledger = Ledger::open(&DataFolder::at(&root).ledger(), &OpenOptions::default()).map_err(told)?;
    let snapshot = ledger.snapshot().map_err(told)?;
    let (mut keys, mut tenants) = (vec![], vec![]);
    snapshot
        .scan(|scanned| {
            match scanned.recorded.event {
                Event::KeyCreated(created) => keys.push(created.key),
                Event::TenantCreated { tenant, .. } => {
                    tenants.push((tenant, scanned.recorded.position.number()))
                }
                _ => {}
            }
            Ok(())
        })
        .map_err(told)?;
    let events = snapshot.head().position.number();
    report.add(Figure::of("events of the mixed history", events as f64, ""));
    let mut dice = Dice(0x7468_656E);
    // The first round warms the caches, as a server that runs has them.
    keys_at(&snapshot, &keys, &mut dice)?;
    let nanos = keys_at(&snapshot, &keys, &mut dice)?;
    let at = |share: f64| nanos[(nanos.len() as f64 * share) as usize] as f64 / 1e3;
    report.add(Figure::of("a key as of a position, median", at(0.5), "µs"));
    report.add(Figure::of("a key as of a position, p99", at(0.99), "µs").wanted(Wanted::AtMost(20.0)));

    let mut rounds = vec![];
    for _ in 0..TENANTS_ASKED {
        let (tenant, made) = tenants[dice.below(tenants.len() as u64) as usize];
        // Before it was made it costs nothing: that would be half of all looks.
        let position = Position::new(made + dice.below(events + 1 - made));
        rounds.push(tenant_at(&snapshot, tenant, position)?);
    }
    let found: usize = rounds.iter().map(|(found, _)| found).sum();
    report.add(Figure::of(
        "living keys of a tenant as of a position, mean",
        found as f64 / rounds.len() as f64,
        "",
    ));
    let mut shares: Vec<_> = rounds.iter().map(|(found, us)| us / (100.0 + *found as f64)).collect();
    shares.sort_by(f64::total_cmp);
    let figure = Figure::of(
        "a tenant as of a position, over 100 µs and 1 µs a key, median",
        shares[shares.len() / 2],
        "",
    );
    report.add(figure.wanted(Wanted::AtMost(1.0)));
    Ok(())
}

/// How long each look took, in nanoseconds, ascending.
fn keys_at(snapshot: &Snapshot, keys: &[KeyId], dice: &mut Dice) -> Result<Vec<u64>, String> {
    let events = snapshot.head().position.number();
    let mut nanos = Vec::with_capacity(KEYS_ASKED);
    for _ in 0..KEYS_ASKED {
        let key = keys[dice.below(keys.len() as u64) as usize];
        let rows = snapshot.rows_at(Position::new(1 + dice.below(events)));
        let began = Instant::now();
        let row = rows.key(key).map_err(|error| error.to_string())?;
        let took = began.elapsed();
        std::hint::black_box(row);
        nanos.push(u64::try_from(took.as_nanos()).expect("less than centuries"));
    }
    nanos.sort_unstable();
    Ok(nanos)
}

/// The rows of a tenant's living keys as of a position: how many there are, and the microseconds it took.
fn tenant_at(snapshot: &Snapshot, tenant: TenantId, position: Position) -> Result<(usize, f64), String> {
    let told = |error: store::StoreError| error.to_string();
    let began = Instant::now();
    let rows = snapshot.rows_at(position);
    let mut found = 0;
    for row in rows.keys(&snapshot.keys_living_in(tenant, position).map_err(told)?) {
        let row = row.map_err(told)?;
        found += usize::from(row.is_some_and(|row| row.life.revoked.is_none()));
    }
    Ok((found, began.elapsed().as_secs_f64() * 1e6))
}
