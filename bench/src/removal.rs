//! Removing a tenant: one event, whatever rests on it.

use std::path::Path;

use authority::compose::{Composed, TenantInput, UserInput};
use authority::{Authority, Request, Shown};
use domain::actor::{Actor, Way};
use domain::event::{Event, TenantPolicy};
use domain::ids::TenantId;
use domain::names::{Email, Name, Slug};
use domain::{Command, Recorded};

use crate::folders;
use crate::grown::{Mix, key_string};
use crate::report::{Figure, Report, Wanted};
use crate::rounds::{median, timed};

const COMMANDS_PER_COMMIT: usize = 4_096;
const EMPTY_TENANTS: usize = 9;

/// Removes a tenant with so many keys, and empty ones before it.
pub fn measure(scratch: &Path, keys: u64, report: &mut Report) -> Result<(), String> {
    let root = folders::with_keys(scratch, keys, Mix::OneTenant, COMMANDS_PER_COMMIT)?;
    let administrator = folders::administrator_key(&root)?;
    let measured = Run::open(&root, &administrator).and_then(|run| run.measure(keys, report));
    // The tenant is gone: the next run grows another.
    std::fs::remove_dir_all(&root).map_err(|error| error.to_string())?;
    measured
}

struct Run {
    authority: Authority,
    actor: Actor,
    home: TenantId,
}

impl Run {
    fn open(root: &Path, administrator: &str) -> Result<Self, String> {
        let authority = Authority::open(folders::options(root)).map_err(|error| error.to_string())?;
        let caller = authority.authenticate(Shown::from_nowhere(administrator), None);
        let caller = caller.map_err(|denial| denial.to_string())?;
        let home = caller.tenant.ok_or("the administrator is in no tenant")?;
        Ok(Self { authority, actor: caller.actor, home })
    }

    fn measure(&self, keys: u64, report: &mut Report) -> Result<(), String> {
        let mut empty = vec![];
        for number in 0..EMPTY_TENANTS {
            let tenant = self.empty_tenant(number)?;
            empty.push(self.remove(tenant)?);
        }
        let known = key_string(0);
        let accepted = || self.authority.authenticate(Shown::from_nowhere(known.expose()), None);
        accepted()
            .map_err(|denial| format!("a key of the tenant is refused before it is removed: {denial}"))?;
        let removed = self.remove(self.home)?;
        if accepted().is_ok() {
            return Err("a key of the tenant outlives it".into());
        }
        let figure = Figure::of(format!("a tenant with {keys} keys removed"), removed, "µs");
        // One commit is no median: what it is held to is the slowest of the others.
        let slowest = empty.iter().copied().fold(0.0, f64::max);
        report.add(figure.beside("slowest of 9 empty ones", slowest).wanted(Wanted::RatioAtMost(1.5)));
        report.add(Figure::of("an empty tenant removed", median(&empty), "µs"));
        Ok(())
    }

    fn empty_tenant(&self, number: usize) -> Result<TenantId, String> {
        let slug = Slug::parse(&format!("empty-{number}")).expect("a slug");
        let name = Name::parse("Empty").expect("a name");
        let tenant = TenantInput { slug, name, policy: TenantPolicy::default() };
        let administrator =
            UserInput { email: Email::parse("ada@example.com").expect("an address"), name: None };
        let composed = self.authority.create_tenant(&tenant, &administrator);
        let recorded = self.carry_out(composed.map_err(|failure| failure.to_string())?)?;
        let made = recorded.iter().find_map(|recorded| match &recorded.event {
            Event::TenantCreated { tenant, .. } => Some(*tenant),
            _ => None,
        });
        made.ok_or_else(|| "no tenant was made".into())
    }

    /// How long it takes, in µs. It must be one event.
    fn remove(&self, tenant: TenantId) -> Result<f64, String> {
        let removal = Composed::plain(Command::RemoveTenant { tenant });
        let (taken, recorded) = timed(|| self.carry_out(removal));
        match recorded?.as_slice() {
            [Recorded { event: Event::TenantRemoved { .. }, .. }] => Ok(taken.as_secs_f64() * 1e6),
            other => Err(format!("a removal of {} events", other.len())),
        }
    }

    fn carry_out(&self, composed: Composed) -> Result<Vec<Recorded>, String> {
        let request = Request { way: Way::Cli, id: self.authority.request_id(), idempotency_key: None };
        let done = self.authority.execute(&self.actor, &request, composed);
        done.map(|done| done.recorded).map_err(|failure| failure.to_string())
    }
}
