//! The steps that expect something of people and agents.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::grade::{acceptance, refusal};
use super::play::Play;
use super::poll::{With, now_us};
use super::report::Check;
use super::stage::{Broken, payload};
use super::story::Attempt;

/// How long agents may take for the polls that are waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// After a refusal was due, so many more polls are watched.
const MORE_POLLS: usize = 5;

/// Every list that somebody can see.
const LISTS: &str = "{ user { id email } auth_info { tenant_id user_id } tenant { id slug } \
     tenants(first: 100) { edges { node { id slug } } } members(first: 100) { edges { node { user_id email } } } \
     service_accounts(first: 100) { edges { node { id name } } } auth_api_key { id name user_id } \
     keys(first: 100, all: true) { edges { node { id name user_id } } } }";

impl Play<'_, '_> {
    pub(super) fn expect_whoami(&mut self, who: &str, tenant: &str, role: &str) -> Result<(), Broken> {
        self.teller.doing(&format!("`{who}` asks: who am I?"));
        let answer = self.stage.client(who)?.try_get("/v1/whoami")?;
        let body = answer.json();
        let field = |name: &str| body[name].as_str().unwrap_or("nothing").to_owned();
        let (person, tenant_id) = (&self.stage.person(who)?.id, &self.stage.tenant(tenant)?.id);
        let id = if field("id") == *person { who.to_owned() } else { field("id") };
        let place = if field("tenant_id") == *tenant_id { tenant.to_owned() } else { field("tenant_id") };
        let expected = format!("200: {who}, {role} in {tenant}");
        let seen = format!("{}: {id}, {} in {place}", answer.status, field("role"));
        self.check(Check::same(format!("whoami of `{who}`"), expected, seen));
        Ok(())
    }

    pub(super) fn expect_accepted(&mut self, agents: &[String], wanted: usize) -> Result<(), Broken> {
        self.teller.doing(&format!("{wanted} polls are awaited of {}", quoted(agents)));
        let since_us = now_us();
        for name in agents {
            let agent = self.stage.agent(name)?;
            let account = &self.stage.account(&self.stage.key(&agent.key)?.account)?.id;
            agent.wait(PATIENCE, |polls| acceptance(polls, since_us, wanted, account).polls == wanted);
            let seen = acceptance(&agent.polls(), since_us, wanted, account);
            let what = format!("`{name}` polls with key and JWT");
            self.check(Check::same(what, format!("{wanted} of {wanted} accepted"), seen));
        }
        Ok(())
    }

    pub(super) fn expect_refused(
        &mut self,
        agents: &[String],
        within_polls: usize,
        code: &str,
    ) -> Result<(), Broken> {
        self.teller.doing(&format!("the next polls are awaited of {}", quoted(agents)));
        let (now, watched) = (now_us(), within_polls + MORE_POLLS);
        let (mut answered, mut accepted, mut first_after_us) = (0, 0, vec![]);
        for name in agents {
            let agent = self.stage.agent(name)?;
            // Where nothing was removed, nothing will be refused, and that is told.
            let removed_us = self.stage.key(&agent.key)?.removed_us.unwrap_or(now);
            agent.wait(PATIENCE, |polls| refusal(polls, With::Jwt, now).answered >= watched);
            let polls = agent.polls();
            for (with, what) in [
                (With::Key, "polls with its key"),
                (With::Exchange, "asks for another JWT"),
                (With::Jwt, "polls with the JWT it has"),
            ] {
                let seen = refusal(&polls, with, removed_us);
                answered += seen.answered;
                accepted += seen.accepted;
                first_after_us.extend(seen.first_after_us);
                let expected = match within_polls {
                    1 => format!("{code} at poll 1"),
                    polls => format!("{code} by poll {polls}"),
                };
                let what = format!("`{name}` {what}");
                self.check(Check::is(what, expected, &seen, || seen.is(code, within_polls)));
            }
        }
        let what = format!("accepted after the acknowledgement: {}", quoted(agents));
        self.check(Check::is(what, 0, format!("{accepted} of {answered}"), || accepted == 0 && answered > 0));
        if let Some(first_us) = first_after_us.iter().min() {
            let (first, last) = (ms(*first_us), ms(first_after_us.iter().max().copied().unwrap_or_default()));
            self.teller.note(&format!("first refusals {first} to {last} ms after the acknowledgement"));
        }
        Ok(())
    }

    pub(super) fn expect_nothing_seen(&mut self, by: &str, of: &str) -> Result<(), Broken> {
        let (own, owner) = (self.stage.person(by)?.tenant.clone(), self.stage.tenant(of)?.admin.clone());
        self.teller.doing(&format!("`{by}` and `{owner}` list whatever they can see"));
        let (theirs, mine) = (self.traces(of), self.traces(&own));
        let found_by_owner = self.texts_seen(&owner)?;
        let found = self.texts_seen(by)?;
        let share = |wanted: &BTreeSet<String>, found: &BTreeSet<String>| {
            format!("{} of {}", wanted.intersection(found).count(), wanted.len())
        };
        // Whoever finds everything shows that the questions are right.
        let all = |wanted: &BTreeSet<String>| format!("{0} of {0}", wanted.len());
        let none = format!("0 of {}", theirs.len());
        let what = |who: &str, tenant: &str| format!("ids and names of `{tenant}` found by `{who}`");
        self.check(Check::same(what(&owner, of), all(&theirs), share(&theirs, &found_by_owner)));
        self.check(Check::same(what(by, of), none, share(&theirs, &found)));
        self.check(Check::same(what(by, &own), all(&mine), share(&mine, &found)));
        Ok(())
    }

    /// What gives a tenant's things away: their ids and names.
    fn traces(&self, tenant: &str) -> BTreeSet<String> {
        let stage = &self.stage;
        let mut traces = BTreeSet::new();
        traces.extend(stage.tenants.get(tenant).into_iter().flat_map(|it| [it.id.clone(), it.slug.clone()]));
        let people = stage.people.values().filter(|person| person.tenant == tenant);
        traces.extend(people.flat_map(|person| [person.id.clone(), person.email.clone()]));
        for (name, account) in stage.accounts.iter().filter(|(_, account)| account.tenant == tenant) {
            traces.extend([account.id.clone(), name.clone()]);
            let keys = stage.keys.iter().filter(|(_, key)| key.account == *name);
            traces.extend(keys.flat_map(|(key, made)| [made.id.clone(), key.clone()]));
        }
        traces
    }

    /// Every text in every list that somebody is shown.
    fn texts_seen(&self, by: &str) -> Result<BTreeSet<String>, Broken> {
        let answer = self.stage.client(by)?.try_graphql(LISTS, &Value::Null)?;
        if let Err(code) = payload("tenant", &answer)? {
            return Err(Broken(format!("`{by}` may not list: {code}")));
        }
        let mut texts = BTreeSet::new();
        collect_texts(&answer.json()["data"], &mut texts);
        Ok(texts)
    }

    pub(super) fn expect_denied(
        &mut self,
        by: &str,
        to: Attempt,
        of: &str,
        code: &str,
    ) -> Result<(), Broken> {
        let stage = &self.stage;
        let (what, outcome) = match to {
            Attempt::ActIn => {
                let client = stage.client(by)?.in_tenant(&stage.tenant(of)?.id);
                let answer = client.try_get("/v1/whoami")?;
                let refused = answer.code().filter(|_| answer.status != 200);
                ("act in", refused.map_or(Ok(answer.json()), Err))
            }
            Attempt::ListAccounts => {
                let list = "query($id: uuid) { service_accounts(tenant_id: $id) { edges { node { id } } } }";
                let answer = stage.client(by)?.try_graphql(list, &json!({"id": stage.tenant(of)?.id}))?;
                ("list the service accounts of", payload("service_accounts", &answer)?)
            }
            Attempt::CreateAccount => {
                let input = json!({"tenant_id": stage.tenant(of)?.id, "name": "intruder"});
                ("make a service account in", stage.attempt(by, "create_service_account", &input, "id")?)
            }
            Attempt::CreateKey => {
                let input = json!({"user_id": stage.account(of)?.id, "name": "intruder"});
                ("make a key for", stage.attempt(by, "create_api_key", &input, "id")?)
            }
            Attempt::RemoveAccount => {
                let input = json!({"service_account_id": stage.account(of)?.id});
                ("remove", stage.attempt(by, "delete_service_account", &input, "success")?)
            }
            Attempt::RevokeKey => {
                let input = json!({"key_id": stage.key(of)?.id});
                ("revoke", stage.attempt(by, "delete_api_key", &input, "success")?)
            }
        };
        self.teller.doing(&format!("`{by}` tries to {what} `{of}`"));
        let seen = outcome.err().unwrap_or_else(|| "done".to_owned());
        self.check(Check::same(format!("`{by}`, trying to {what} `{of}`"), code, seen));
        Ok(())
    }
}

fn collect_texts(value: &Value, texts: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            texts.insert(text.clone());
        }
        Value::Array(values) => values.iter().for_each(|value| collect_texts(value, texts)),
        Value::Object(fields) => fields.values().for_each(|value| collect_texts(value, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn ms(us: u64) -> String {
    format!("{}.{}", us / 1000, us % 1000 / 100)
}

pub(super) fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
