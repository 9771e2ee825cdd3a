//! One run of the campaign: a random history, in a few lives of the process, each ended by something else.

use std::sync::OnceLock;

use domain::Recorded;
use domain::event::Event;
use domain::sealed::Subject;
use domain::time::Timestamp;
use keyledger_store::{Ledger, OpenOptions, Origin, ReadOnlyLedger, Sharing, StoreError, TransactError};

use crate::check::{check, ensure};
use crate::disk::{Cut, Disk, Fault, Kind};
use crate::ledgers::{Dice, LEDGER, at, event, grow, log, origin, sealed_name, tenant};
use crate::met::Met;

/// Whether syncs do what they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syncs {
    Honest,
    Lie,
}

/// What is known in the middle of a run.
pub struct Run<'m> {
    pub dice: Dice,
    pub disk: Disk,
    /// Everything that was acknowledged, in order.
    pub acknowledged: Vec<Recorded>,
    /// The commands of the last commit, if its outcome is unknown.
    pub unknown: Option<Vec<Asked>>,
    pub met: &'m mut Met,
    commands: u64,
}

/// A command, and the events that it was told.
#[derive(Clone, Debug)]
pub struct Asked {
    pub events: Vec<Event>,
    pub origin: Origin,
    pub now: Timestamp,
    pub recorded: Vec<Recorded>,
}

/// Whether a life of the process goes on.
#[derive(PartialEq, Eq)]
enum Life {
    GoesOn,
    IsOver,
}

impl<'m> Run<'m> {
    pub fn new(seed: u64, syncs: Syncs, met: &'m mut Met) -> Self {
        let mut dice = Dice(seed);
        let (bytes, acknowledged) = &beginnings()[dice.below(beginnings().len() as u64) as usize];
        let disk = Disk::holding(bytes.clone());
        if syncs == Syncs::Lie {
            disk.let_syncs_lie();
        }
        Self { dice, disk, acknowledged: acknowledged.clone(), unknown: None, met, commands: 0 }
    }

    /// Lives a few lives, checks after each, and tells the trace of what was asked of the disk.
    pub fn lived_out(mut self) -> Result<u64, String> {
        for _ in 0..=self.dice.below(3) {
            self.live()?;
        }
        let (ledger, _) = self.open()?;
        check(&mut self, &ledger)?;
        drop(ledger);
        Ok(self.disk.trace())
    }

    /// One life of the process: it opens the ledger, is checked, writes until something happens, and ends.
    fn live(&mut self) -> Result<(), String> {
        let (ledger, options) = self.open()?;
        check(self, &ledger)?;
        let reader = self.neighbours(&options)?;
        let seen = self.acknowledged.len();
        let fault = self.fault(60);
        self.disk.fail(fault);
        for _ in 0..=self.dice.below(6) {
            if self.commit(&ledger, fault.kind)? == Life::IsOver {
                break;
            }
        }
        if let (Some(reader), None) = (&reader, self.disk.struck()) {
            self.disk.count();
            let found = reader.snapshot().and_then(|snapshot| log(&snapshot)).map_err(told("a reader"))?;
            ensure(found.len() >= seen, || format!("a reader sees {} events of {seen}", found.len()))?;
            ensure(found == self.acknowledged, || "a reader sees what was not acknowledged".into())?;
        }
        self.end(ledger, reader, fault.kind)
    }

    /// Ends a life: closed, dropped, killed, or without power.
    fn end(&mut self, ledger: Ledger, reader: Option<ReadOnlyLedger>, kind: Kind) -> Result<(), String> {
        match self.dice.below(4) {
            0 => drop((ledger, reader)),
            1 => {
                drop(reader);
                if ledger.close().is_ok() {
                    self.met.note("closed cleanly");
                }
            }
            2 => {
                self.met.note("process killed");
                self.disk.kill();
                drop((ledger, reader));
            }
            _ => {
                self.cut_the_power();
                drop((ledger, reader));
            }
        }
        if let Some(struck) = self.disk.struck() {
            self.met.fault(kind, struck);
        }
        if self.disk.is_off() {
            self.cut_the_power();
        }
        // Where there was no room, there may be none yet when the next process begins.
        if !self.disk.is_full() || self.dice.below(2) == 0 {
            self.disk.count();
        }
        Ok(())
    }

    /// Opens the ledger; a few times, something is in the way. At last nothing is, and it must open.
    fn open(&mut self) -> Result<(Ledger, OpenOptions), String> {
        self.read_while_full()?;
        let mut cut_off = 0;
        for _ in 0..self.dice.below(4) {
            let fault = self.fault(12);
            self.disk.fail(fault);
            let options = self.options();
            let opened = Ledger::open_on(self.disk.clone(), &options);
            let struck = self.disk.struck();
            if let Some(struck) = struck {
                self.met.fault(fault.kind, struck);
            }
            match &opened {
                Ok(_) if struck.is_none() => {
                    self.disk.count();
                    return Ok((opened.expect("matched"), self.noted(options)));
                }
                Err(error) if struck.is_none() => return Err(format!("nothing was in the way of: {error}")),
                Ok(_) => {}
                Err(_) if self.disk.is_off() => {
                    cut_off += 1;
                    self.met.note(if cut_off > 1 { "recovery cut off again" } else { "recovery cut off" });
                }
                Err(_) => self.met.note("recovery failed for another reason"),
            }
            if self.disk.is_off() || self.dice.below(3) == 0 {
                self.cut_the_power();
            } else {
                self.disk.kill();
            }
            drop(opened);
        }
        self.disk.count();
        let options = self.options();
        let opened = Ledger::open_on(self.disk.clone(), &options).map_err(told("opening"))?;
        Ok((opened, self.noted(options)))
    }

    /// Where there is still no room, the next process may or may not open the ledger; what it reads is right.
    fn read_while_full(&mut self) -> Result<(), String> {
        if !self.disk.is_full() {
            return Ok(());
        }
        if let Ok(ledger) = Ledger::open_on(self.disk.clone(), &self.options()) {
            let events =
                ledger.snapshot().and_then(|snapshot| log(&snapshot)).map_err(told("on a full disk"))?;
            let there = events.starts_with(&self.acknowledged);
            ensure(there, || "on a full disk, what was acknowledged is not there".into())?;
            self.met.note("read on a full disk");
        }
        self.disk.kill();
        Ok(())
    }

    fn noted(&mut self, options: OpenOptions) -> OpenOptions {
        self.met.note(match options.sharing {
            Sharing::SingleWriter => "opened beside readers",
            Sharing::Exclusive => "opened alone",
        });
        options
    }

    fn options(&mut self) -> OpenOptions {
        let sharing = [Sharing::SingleWriter, Sharing::Exclusive][self.dice.below(2) as usize];
        // Little memory makes the database write pages early, and read them again.
        let cache_bytes = [1 << 14, 1 << 18, 1 << 26][self.dice.below(3) as usize];
        OpenOptions { sharing, cache_bytes }
    }

    /// A second writer is refused while the first lives; a reader comes in beside one that shares.
    fn neighbours(&mut self, options: &OpenOptions) -> Result<Option<ReadOnlyLedger>, String> {
        let second = Ledger::open_on(self.disk.clone(), &self.options());
        ensure(matches!(second, Err(StoreError::InUse)), || "a second writer came in".into())?;
        self.met.note("second writer refused");
        if self.dice.below(2) == 0 {
            return Ok(None);
        }
        let reading = OpenOptions { sharing: Sharing::SingleWriter, ..self.options() };
        match (ReadOnlyLedger::open_on([self.disk.clone(), self.disk.clone()], &reading), options.sharing) {
            (Ok(reader), Sharing::SingleWriter) => {
                self.met.note("reader beside the writer");
                Ok(Some(reader))
            }
            (Err(StoreError::InUse), Sharing::Exclusive) => {
                self.met.note("reader kept out");
                Ok(None)
            }
            (Ok(_), Sharing::Exclusive) => Err("a reader beside a writer that is alone".into()),
            (Err(error), _) => Err(format!("a reader: {error}")),
        }
    }

    fn commit(&mut self, ledger: &Ledger, kind: Kind) -> Result<Life, String> {
        let mut asked: Vec<_> = (0..=self.dice.below(4)).map(|_| self.asked()).collect();
        if self.dice.below(8) == 0 {
            // This one outgrows the file.
            let name = sealed_name(Subject::Tenant(tenant(1)), 40_000);
            asked[0].events = vec![Event::TenantRenamed { tenant: tenant(1), name }; 12];
        }
        let outcome = ledger.transact(|transaction| {
            for command in &mut asked {
                command.recorded =
                    transaction.append(command.events.clone(), &command.origin, command.now)?;
            }
            Ok(())
        });
        match outcome {
            Ok(((), committed)) => {
                let recorded: Vec<_> = asked.into_iter().flat_map(|command| command.recorded).collect();
                ensure(committed.recorded == recorded, || "a commit tells other events".into())?;
                self.acknowledged.extend(recorded);
                self.met.note("acknowledged");
                return Ok(Life::GoesOn);
            }
            Err(TransactError::Unknown(_)) => self.unknown = Some(asked),
            Err(TransactError::Aborted(_)) => self.met.note("aborted"),
        }
        // A lock that was not to be had says nothing of the disk; after all else the handle is dead, and the
        // server's writer stops in any case.
        let next = if kind == Kind::Lock { None } else { ledger.transact(|_| Ok(())).err() };
        ensure(kind == Kind::Lock || next.is_some(), || "it goes on after a failure".into())?;
        Ok(Life::IsOver)
    }

    /// A command under an idempotency key of its own.
    pub fn asked(&mut self) -> Asked {
        self.commands += 1;
        let events = (0..=self.dice.below(3)).map(|_| event(&mut self.dice)).collect();
        // Every third number has a key; those below are taken by the beginnings.
        let number = 3 * (1_000_000 + self.commands);
        let now = at((self.acknowledged.len() as u64 * 10 + self.dice.below(10)) as i64);
        Asked { events, origin: origin(number), now, recorded: vec![] }
    }

    fn fault(&mut self, operations: u64) -> Fault {
        let kind = match self.dice.below(13) {
            0 => Kind::NotDone,
            1 => Kind::DoneAllTheSame,
            2 => Kind::SyncDrops,
            3 => Kind::SyncReverts,
            4 => Kind::Full,
            5 => Kind::FullLate,
            6 => Kind::Read,
            7 => Kind::Lock,
            8 => Kind::PowerCutGrowing,
            _ => Kind::PowerCut,
        };
        Fault { operation: self.dice.below(operations), kind }
    }

    fn cut_the_power(&mut self) {
        let seed = self.dice.next();
        let cut = match self.dice.below(6) {
            0 => Cut::Lost,
            1 => Cut::Kept,
            2 => Cut::UpTo(seed),
            3 => Cut::Reordered(seed),
            4 => Cut::Sectors(seed),
            _ => Cut::Bytes(seed),
        };
        self.met.cut(cut);
        self.disk.lose_power(cut);
    }
}

pub fn told(what: &'static str) -> impl FnOnce(StoreError) -> String {
    move |error| format!("{what}: {error}")
}

/// Ledgers of a few sizes, closed, with their logs.
fn beginnings() -> &'static [(Vec<u8>, Vec<Recorded>)] {
    static BEGINNINGS: OnceLock<Vec<(Vec<u8>, Vec<Recorded>)>> = OnceLock::new();
    BEGINNINGS.get_or_init(|| {
        let begin = |commits| {
            let disk = Disk::default();
            let ledger = Ledger::create_on(disk.clone(), LEDGER, &OpenOptions::default()).unwrap();
            grow(&ledger, 1, commits);
            let events = log(&ledger.snapshot().unwrap()).unwrap();
            ledger.close().unwrap();
            (disk.bytes(), events)
        };
        [0, 1, 5, 20].map(begin).into()
    })
}
