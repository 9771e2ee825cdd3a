//! What must hold whenever a ledger has come back: everything acknowledged, nothing by halves, nothing twice.

use domain::time::Position;
use domain::{Model, Recorded};
use keyledger_store::{Attempt, Ledger, TransactError};

use crate::ledgers::{log, looked_up};
use crate::run::{Asked, Run, told};

pub fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Checks an opened ledger, and goes on with it by one command. No fault is set.
pub fn check(run: &mut Run<'_>, ledger: &Ledger) -> Result<(), String> {
    // Read with its chain checked, and without a gap: the scan ends at the first thing wrong.
    let events = read(ledger)?;
    let unknown = run.unknown.take().unwrap_or_default();
    let there = events.len() > run.acknowledged.len();
    let mut expected = run.acknowledged.clone();
    if there {
        expected.extend(unknown.iter().flat_map(|command| command.recorded.clone()));
    }
    same_log(&events, &expected, run.acknowledged.len())?;
    same_views(run, ledger, &events)?;
    if !unknown.is_empty() {
        run.met.note(if there { "unknown outcome, there" } else { "unknown outcome, absent" });
        run.acknowledged = expected;
        ask_again(run, ledger, &unknown, there)?;
    }
    let one_more = vec![run.asked()];
    ask_again(run, ledger, &one_more, false)?;
    let events = read(ledger)?;
    same_log(&events, &run.acknowledged, run.acknowledged.len())?;
    happened_once(&events, unknown.iter().chain(&one_more))
}

fn read(ledger: &Ledger) -> Result<Vec<Recorded>, String> {
    ledger.snapshot().and_then(|snapshot| log(&snapshot)).map_err(told("reading the log"))
}

fn same_log(found: &[Recorded], expected: &[Recorded], acknowledged: usize) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let same = found.iter().zip(expected).take_while(|(found, expected)| found == expected).count();
    if same < acknowledged {
        return Err(format!("acknowledged were {acknowledged} events, and {same} of them are there"));
    }
    Err(format!(
        "after {same} events, {} acknowledged: {} instead of {}",
        acknowledged,
        found.len(),
        expected.len()
    ))
}

/// The views are what the log amounts to: by the plain fold, and byte by byte as a rebuild gives them.
fn same_views(run: &mut Run<'_>, ledger: &Ledger, events: &[Recorded]) -> Result<(), String> {
    let snapshot = ledger.snapshot().map_err(told("a snapshot"))?;
    let ever = Model::fold(events);
    let earlier = run.dice.below(events.len() as u64 + 1) as usize;
    for count in [earlier, events.len()] {
        let model = Model::fold(&events[..count]);
        let Ok(expected) = looked_up(&model, &ever).into_iter().collect::<Result<Vec<_>, _>>();
        let rows = snapshot.rows_at(Position::new(count as u64));
        let found =
            looked_up(&rows, &ever).into_iter().collect::<Result<Vec<_>, _>>().map_err(told("a row"))?;
        ensure(found == expected, || format!("the rows as of position {count} are not those of the fold"))?;
    }
    let live = snapshot.projected().map_err(told("the views"))?;
    drop(snapshot);
    ledger.rebuild().map_err(told("rebuilding"))?;
    let rebuilt = ledger.snapshot().and_then(|snapshot| snapshot.projected()).map_err(told("the views"))?;
    ensure(rebuilt == live, || "the views lag or lead".into())
}

/// Asks for each command, as a client does who does not know what became of it.
fn ask_again(run: &mut Run<'_>, ledger: &Ledger, asked: &[Asked], there: bool) -> Result<(), String> {
    for command in asked {
        let used = command.origin.idempotency.clone().expect("every command has a key");
        let answered = ledger.transact(|transaction| {
            Ok(match transaction.attempt(&command.origin.actor, &used)? {
                Attempt::New => {
                    let events = command.events.clone();
                    (Attempt::New, transaction.append(events, &command.origin, command.now)?)
                }
                other @ (Attempt::Done(_) | Attempt::Conflict) => (other, vec![]),
            })
        });
        match answered {
            Ok(((Attempt::Done(recorded), _), _)) if there => {
                ensure(recorded == command.recorded, || "a repetition is told other events".into())?;
            }
            Ok(((Attempt::New, recorded), _)) if !there => run.acknowledged.extend(recorded),
            Ok(((attempt, _), _)) => return Err(format!("there: {there}, and it was told: {attempt:?}")),
            Err(TransactError::Aborted(error) | TransactError::Unknown(error)) => {
                return Err(format!("one more write: {error}"));
            }
        }
    }
    Ok(())
}

fn happened_once<'a>(events: &[Recorded], asked: impl Iterator<Item = &'a Asked>) -> Result<(), String> {
    for command in asked {
        let used = &command.origin.idempotency;
        let times =
            events.iter().filter(|it| it.metadata.idempotency == *used && it.metadata.cause.is_none());
        let times = times.count();
        ensure(times == 1, || format!("{used:?} happened {times} times"))?;
    }
    Ok(())
}
