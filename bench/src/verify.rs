//! What verification costs in process, with nothing of a network around it, and what its index weighs.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use authority::{Authority, Request, Shown};
use domain::actor::Way;
use domain::names::Name;

use crate::dice::Dice;
use crate::folders;
use crate::grown::{Mix, key_string};
use crate::process::Serving;
use crate::report::{Figure, Report, Wanted};
use crate::rounds;

/// How many verifications are timed, one by one, in a round.
const TIMED: usize = 200_000;
const ROUNDS: usize = 5;
/// A ledger of more keys than this is a large one.
const MANY: u64 = 2_000_000;

/// Measures verification at this many keys.
pub fn measure(scratch: &Path, keys: u64, report: &mut Report) -> Result<(), String> {
    let data = folders::with_keys(scratch, keys, Mix::Keys, 4096)?;
    let empty = folders::with_keys(scratch, 0, Mix::Keys, 1)?;
    let resident = |folder: &Path| Serving::keyledger(folder)?.resident_bytes();
    let bytes_per_key = (resident(&data)? - resident(&empty)?) / keys as f64;
    report.add(
        Figure::of("resident memory above an empty server", bytes_per_key, "B/key")
            .wanted(Wanted::AtMost(250.0)),
    );

    let authority = Authority::open(folders::options(&data)).map_err(|error| error.to_string())?;
    let mut dice = Dice(0x7665_7269_6679);
    let shown: Vec<String> = (0..TIMED).map(|_| key_string(dice.below(keys)).expose().to_owned()).collect();
    verify_all(&authority, &shown);
    let (mut quiet, mut busy) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        quiet.push(verify_all(&authority, &shown));
        busy.push(while_committing(&authority, &data, || verify_all(&authority, &shown))?);
    }
    let most = if keys > MANY { 0.8 } else { 0.5 };
    let median_of =
        |rounds: &[Times], of: fn(&Times) -> f64| rounds::median(&rounds.iter().map(of).collect::<Vec<_>>());
    let median = median_of(&quiet, |times| times.median_us);
    report.add(Figure::of("verification of a key, median", median, "µs").wanted(Wanted::AtMost(most)));
    let p99 = median_of(&quiet, |times| times.p99_us);
    report.add(Figure::of("verification of a key, p99", p99, "µs"));
    let disturbed = median_of(&busy, |times| times.p99_us);
    let figure = Figure::of("the same while a writer commits, p99", disturbed, "µs");
    report.add(figure.beside("without", p99).wanted(Wanted::RatioAtMost(2.0)));
    Ok(())
}

struct Times {
    median_us: f64,
    p99_us: f64,
}

/// Verifies each, and times each by itself; reading the clock is in the time.
fn verify_all(authority: &Authority, shown: &[String]) -> Times {
    let mut nanos: Vec<u64> = shown
        .iter()
        .map(|key| {
            let began = Instant::now();
            let caller = authority.authenticate(Shown::from_nowhere(key), None);
            let took = began.elapsed();
            assert!(std::hint::black_box(caller).is_ok(), "a key of the ledger is accepted");
            u64::try_from(took.as_nanos()).expect("less than centuries")
        })
        .collect();
    nanos.sort_unstable();
    let at = |share: f64| nanos[(nanos.len() as f64 * share) as usize] as f64 / 1e3;
    Times { median_us: at(0.5), p99_us: at(0.99) }
}

/// Does something while another thread renames a key to and fro, one commit each, all the time.
fn while_committing<T>(authority: &Authority, data: &Path, act: impl FnOnce() -> T) -> Result<T, String> {
    let root = std::fs::read_to_string(data.join("finished")).map_err(|error| error.to_string())?;
    let caller =
        authority.authenticate(Shown::from_nowhere(&root), None).map_err(|denial| denial.to_string())?;
    let names = ["one", "other"].map(|name| Name::parse(name).expect("a name"));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| -> Result<(), String> {
            while !over.load(Ordering::Relaxed) {
                for name in &names {
                    let request =
                        Request { way: Way::GraphQl, id: authority.request_id(), idempotency_key: None };
                    let renamed = authority.rename_key(caller.key, name);
                    let done =
                        renamed.and_then(|command| authority.execute(&caller.actor, &request, command));
                    done.map_err(|failure| failure.to_string())?;
                }
            }
            Ok(())
        });
        let done = act();
        over.store(true, Ordering::Relaxed);
        writer.join().map_err(|_| "the thread that writes panicked")??;
        Ok(done)
    })
}
