//! Plays a story: the steps that make and remove things, and where the others are.

use std::any::Any;
use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::json;

use super::poll::now_us;
use super::report::{Check, Report};
use super::stage::{Account, Broken, Key, Person, Stage, Tenant, text};
use super::story::{Step, Story};
use super::teller::Teller;
use super::watched::Watched;
use crate::server::{Server, try_init};

/// What a play needs.
pub struct Props {
    /// A folder that exists, for everything that is made.
    pub scratch: PathBuf,
    /// The demo's program, which is an agent when its argument says so.
    pub program: PathBuf,
}

/// A story under way. Its fields' children end with it, however it ends.
pub(super) struct Play<'a, 'b> {
    pub(super) stage: Stage,
    pub(super) report: Report,
    pub(super) teller: &'a mut Teller<'b>,
}

/// Plays the story to its end, or to the first step that cannot be carried out.
///
/// Expectations that are not met do not end it. No process that it started is left.
pub fn play(story: &Story, props: &Props, teller: &mut Teller<'_>) -> Report {
    let stage = Stage::new(props.scratch.join("data"), props.program.clone());
    let mut play = Play { stage, report: Report::default(), teller };
    play.teller.title(&story.title);
    'story: for chapter in &story.chapters {
        play.teller.title(&chapter.title);
        for step in &chapter.steps {
            // The harness panics where a test would fail; here, the table must come all the same.
            let played = catch_unwind(AssertUnwindSafe(|| play.step(step)));
            let played = played.unwrap_or_else(|panic| Err(Broken(message(&*panic))));
            if let Err(broken) = played {
                play.check(Check::undone(format!("a step of `{}`", chapter.title), broken));
                play.teller.doing("The story ends here: what follows rests on that step.");
                break 'story;
            }
        }
    }
    play.report
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("panicked").to_owned()
}

impl Play<'_, '_> {
    pub(super) fn check(&mut self, check: Check) {
        self.teller.check(&check);
        self.report.add(check);
    }

    fn step(&mut self, step: &Step) -> Result<(), Broken> {
        match step {
            Step::Init { tenant, admin, email } => self.init(tenant, admin, email),
            Step::Serve {} | Step::Restart {} => self.serve(),
            Step::Stop {} => self.stop(),
            Step::CreateTenant { by, tenant, admin, email } => self.create_tenant(by, tenant, admin, email),
            Step::CreateAccount { by, account, tenant, role } => {
                self.create_account(by, account, tenant, role)
            }
            Step::CreateKey { by, key, account } => self.create_key(by, key, account),
            Step::StartAgent { agent, key } => self.start_agent(agent, key),
            Step::RevokeKey { by, key, reason } => self.revoke_key(by, key, reason),
            Step::RemoveAccount { by, account } => self.remove_account(by, account),
            Step::ExpectWhoami { who, tenant, role } => self.expect_whoami(who, tenant, role),
            Step::ExpectAccepted { agents, polls } => self.expect_accepted(agents, polls.get()),
            Step::ExpectRefused { agents, within_polls, code } => {
                self.expect_refused(agents, within_polls.get(), code)
            }
            Step::ExpectNothingSeen { by, of } => self.expect_nothing_seen(by, of),
            Step::ExpectDenied { by, to, of, code } => self.expect_denied(by, *to, of, code),
            Step::KillDuringWrites { by, account, writers, acknowledged_min } => {
                self.kill_during_writes(by, account, writers.get(), acknowledged_min.get())
            }
            Step::ExpectNothingLost {} => self.expect_nothing_lost(),
            Step::ShowLog { writers_lines_max } => self.show_log(*writers_lines_max),
            Step::VerifyLog {} => self.verify_log(),
        }
    }

    fn init(&mut self, tenant: &str, admin: &str, email: &str) -> Result<(), Broken> {
        self.teller.doing(&format!("keyledger init: the tenant `{tenant}` with its administrator `{admin}`"));
        let made = try_init(&self.stage.data, tenant, email).map_err(Broken)?;
        self.add_tenant(tenant, &made.tenant_id, admin);
        self.add_person(admin, tenant, email, &made.user_id, &made.key);
        Ok(())
    }

    fn add_tenant(&mut self, tenant: &str, id: &str, admin: &str) {
        let made = Tenant { id: id.to_owned(), slug: tenant.to_owned(), admin: admin.to_owned() };
        self.stage.tenants.insert(tenant.to_owned(), made);
    }

    fn add_person(&mut self, person: &str, tenant: &str, email: &str, id: &str, secret: &str) {
        let (id, email, secret) = (id.to_owned(), email.to_owned(), secret.to_owned());
        let made = Person { id, email, tenant: tenant.to_owned(), secret };
        self.stage.people.insert(person.to_owned(), made);
    }

    fn serve(&mut self) -> Result<(), Broken> {
        if self.stage.server.is_some() {
            return Err(Broken("a server runs already".to_owned()));
        }
        let began_us = now_us();
        let server = match &self.stage.listen {
            Some(listen) => Server::try_start_at(&self.stage.data, listen, &[]).map_err(Broken)?,
            None => serve_somewhere(&self.stage.data)?,
        };
        let took_ms = (now_us() - began_us) / 1000;
        let (url, process) = (server.url(), server.process());
        self.teller.doing(&format!("keyledger serve: ready at {url} after {took_ms} ms, process {process}"));
        self.stage.listen = url.strip_prefix("http://").map(str::to_owned);
        self.stage.server = Some(server);
        Ok(())
    }

    fn stop(&mut self) -> Result<(), Broken> {
        self.teller.doing("SIGTERM: the server drains");
        let server = self.stage.server.take().ok_or_else(|| Broken("no server runs".to_owned()))?;
        let code = server.stop().map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        self.check(Check::same("the server's exit code after SIGTERM", 0, code));
        Ok(())
    }

    fn create_tenant(&mut self, by: &str, tenant: &str, admin: &str, email: &str) -> Result<(), Broken> {
        self.teller.doing(&format!("`{by}`, as operator, makes the tenant `{tenant}` with `{admin}`"));
        let input = json!({"slug": tenant, "administrator_email": email});
        let made = self.stage.mutate(by, "create_tenant", &input, "id administrator_id key")?;
        self.add_tenant(tenant, &text(&made, "id")?, admin);
        self.add_person(admin, tenant, email, &text(&made, "administrator_id")?, &text(&made, "key")?);
        Ok(())
    }

    fn create_account(&mut self, by: &str, account: &str, tenant: &str, role: &str) -> Result<(), Broken> {
        self.teller.doing(&format!("`{by}` makes the service account `{account}`, {role} in `{tenant}`"));
        let input = json!({"tenant_id": self.stage.tenant(tenant)?.id, "name": account, "role": role});
        let made = self.stage.mutate(by, "create_service_account", &input, "id")?;
        let made = Account { id: text(&made, "id")?, tenant: tenant.to_owned() };
        self.stage.accounts.insert(account.to_owned(), made);
        Ok(())
    }

    fn create_key(&mut self, by: &str, key: &str, account: &str) -> Result<(), Broken> {
        self.teller.doing(&format!("`{by}` makes the key `{key}` for `{account}`"));
        let input = json!({"user_id": self.stage.account(account)?.id, "name": key});
        let made = self.stage.mutate(by, "create_api_key", &input, "id key")?;
        let (id, secret) = (text(&made, "id")?, text(&made, "key")?);
        let made = Key { id, secret, account: account.to_owned(), removed_us: None };
        self.stage.keys.insert(key.to_owned(), made);
        Ok(())
    }

    fn start_agent(&mut self, agent: &str, key: &str) -> Result<(), Broken> {
        self.teller.doing(&format!("the agent `{agent}` begins to poll with `{key}`, and with JWTs from it"));
        let Key { secret, .. } = self.stage.key(key)?;
        let started = Watched::start(&self.stage.program, self.stage.url()?, key, secret);
        let started = started.map_err(|error| Broken(format!("the agent does not start: {error}")))?;
        self.stage.agents.insert(agent.to_owned(), started);
        Ok(())
    }

    fn revoke_key(&mut self, by: &str, key: &str, reason: &str) -> Result<(), Broken> {
        self.teller.doing(&format!("`{by}` revokes the key `{key}`: {reason}"));
        let input = json!({"key_id": self.stage.key(key)?.id, "reason": reason});
        let done = self.stage.mutate(by, "delete_api_key", &input, "success position")?;
        let acknowledged_us = now_us();
        self.teller.note(&format!("acknowledged at position {}", text(&done, "position")?));
        if let Some(key) = self.stage.keys.get_mut(key) {
            key.removed_us.get_or_insert(acknowledged_us);
        }
        Ok(())
    }

    fn remove_account(&mut self, by: &str, account: &str) -> Result<(), Broken> {
        self.teller.doing(&format!("`{by}` removes the service account `{account}`, with its keys"));
        let input = json!({"service_account_id": self.stage.account(account)?.id});
        let done = self.stage.mutate(by, "delete_service_account", &input, "success position")?;
        let acknowledged_us = now_us();
        self.teller.note(&format!("acknowledged at position {}", text(&done, "position")?));
        for key in self.stage.keys.values_mut().filter(|key| key.account == account) {
            key.removed_us.get_or_insert(acknowledged_us);
        }
        Ok(())
    }
}

/// Serves at a port that the kernel gives to no client: one that polls a dead server could get it otherwise,
/// and the server would not come back.
fn serve_somewhere(data: &Path) -> Result<Server, Broken> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 10_000).expect("it is below 10,000");
    let mut why = "no port from 20000 to 29999 is free".to_owned();
    for _ in 0..20 {
        let listen =
            format!("127.0.0.1:{}", 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed) % 5_000) % 10_000);
        if TcpListener::bind(&listen).is_err() {
            continue;
        }
        match Server::try_start_at(data, &listen, &[]) {
            Ok(server) => return Ok(server),
            Err(error) => why = error,
        }
    }
    Err(Broken(why))
}
