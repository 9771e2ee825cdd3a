//! `/api/accounts/{account}/bots`: the service accounts of a tenant, each told of with its newest key.

use authority::compose::{self, Composed, KeyInput};
use authority::queries::{ServiceAccountView, Which};
use authority::{AsOf, Failure, InputError};
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::{ServiceAccountId, TenantId};
use domain::limits::KeyLimits;
use domain::names::Name;
use domain::role::Role;
use domain::time::Timestamp;
use domain::{Command, Event};
use serde::Deserialize;
use serde_json::{Value, json};

use super::asker::{Asked, Asker, answered, done};
use super::given::{AnyOf, Given, id, instant};
use super::keys::{known_key, new_key};
use super::roles;
use crate::made::key_created;
use crate::named::Named;

/// The most that one answer of `filter` holds, and what it holds if nothing else is said.
const LIMIT_MAX: usize = 200;

/// A service account to be, with its first key.
#[derive(Deserialize)]
pub(crate) struct NewBot {
    name: String,
    api_key_expiration: Option<String>,
    account_role_id: Option<String>,
}

/// What is to change. What is not named stays.
#[derive(Deserialize)]
pub(crate) struct Changes {
    name: Option<String>,
    account_role_id: Option<String>,
}

/// A key to take the place of the newest one.
#[derive(Deserialize)]
pub(crate) struct Rotation {
    api_key_expiration: Option<String>,
    old_key_expires_in_seconds: Option<i64>,
}

/// Which service accounts are wanted.
#[derive(Default, Deserialize)]
pub(crate) struct Filter {
    #[serde(default)]
    service_accounts: Conditions,
    limit: Option<usize>,
    offset: Option<usize>,
}

#[derive(Default, Deserialize)]
struct Conditions {
    name: Option<AnyOf>,
}

/// `POST`: makes a service account with its first key, or neither. The key is shown this once.
pub(crate) async fn create(
    asker: Asker,
    Named(account): Named<String>,
    Given(new): Given<NewBot>,
) -> Response {
    asker
        .answer(move |asked| {
            let tenant: TenantId = id("account_id", &account)?;
            let (name, role) =
                (compose::account_name(&new.name)?, roles::asked_for(new.account_role_id.as_deref())?);
            let expires_at = instant("api_key_expiration", new.api_key_expiration.as_deref())?;
            let key = first_key(asked, &name, expires_at);
            let mut composed = asked.authority.create_service_account_with_key(tenant, &name, role, &key);
            let secret = composed.key.take();
            let made = asked.execute(composed)?;
            let created = made.recorded.iter().find_map(|recorded| match &recorded.event {
                Event::ServiceAccountCreated { service_account, .. } => {
                    Some((*service_account, recorded.recorded_at))
                }
                _ => None,
            });
            let (bot, at) = created.expect("making a service account is an event, or a refusal");
            let key = new_key(name.as_str(), &made, secret);
            let bot = Bot { id: bot, tenant, name: name.as_str(), role, created_at: at };
            Ok(answered(StatusCode::CREATED, bot.with(key)))
        })
        .await
}

/// `POST …/filter`: those of these names, the oldest first.
pub(crate) async fn filter(
    asker: Asker,
    Named(account): Named<String>,
    Given(filter): Given<Filter>,
) -> Response {
    asker
        .answer(move |asked| {
            let tenant = id("account_id", &account)?;
            let accounts =
                asked.authority.service_accounts(&asked.caller, tenant, Which::Living, AsOf::Now)?;
            let mut accounts = accounts.value;
            let wanted = filter.service_accounts.name;
            accounts.retain(|account| AnyOf::admits(wanted.as_ref(), &account.name));
            accounts.sort_by_key(|account| (account.created_at, account.id));
            let limit = filter.limit.unwrap_or(LIMIT_MAX).min(LIMIT_MAX);
            let page = accounts.iter().skip(filter.offset.unwrap_or(0)).take(limit);
            let bots: Result<Vec<_>, _> = page.map(|account| known(asked, account)).collect();
            Ok(answered(StatusCode::OK, Value::Array(bots?)))
        })
        .await
}

/// `GET` of one.
pub(crate) async fn show(asker: Asker, Named((account, bot)): Named<(String, String)>) -> Response {
    asker
        .answer(move |asked| {
            let account = of_account(asked, &account, &bot)?;
            Ok(answered(StatusCode::OK, known(asked, &account)?))
        })
        .await
}

/// `PATCH`: another name, another role, or both.
pub(crate) async fn change(
    asker: Asker,
    Named((account, bot)): Named<(String, String)>,
    Given(changes): Given<Changes>,
) -> Response {
    asker
        .answer(move |asked| {
            let account = of_account(asked, &account, &bot)?;
            let name = changes.name.as_deref().map(compose::account_name).transpose()?;
            let role = changes.account_role_id.as_deref().map(|id| roles::asked_for(Some(id))).transpose()?;
            // The name first: that it is taken is the one refusal that is left, and then nothing has changed.
            if let Some(name) = name {
                asked.execute_one_of(asked.authority.rename_service_account(account.id, &name)?)?;
            }
            if let Some(role) = role {
                let command = Command::ChangeServiceAccountRole { service_account: account.id, role };
                asked.execute_one_of(Composed::plain(command))?;
            }
            Ok(done())
        })
        .await
}

/// `DELETE`: removes it, with its keys. One that is removed is so already.
pub(crate) async fn delete(asker: Asker, Named((account, bot)): Named<(String, String)>) -> Response {
    asker
        .answer(move |asked| {
            let (tenant, bot): (TenantId, ServiceAccountId) =
                (id("account_id", &account)?, id("bot_id", &bot)?);
            asked.authority.service_account(&asked.caller, tenant, bot, Which::All)?;
            asked.execute(Composed::plain(Command::RemoveServiceAccount { service_account: bot }))?;
            Ok(done())
        })
        .await
}

/// `POST …/rotate_api_key`: the newest key gets a successor, and is accepted for so many seconds more; none, if nothing is
/// said. An account whose keys have all ended gets another.
pub(crate) async fn rotate(
    asker: Asker,
    Named((account, bot)): Named<(String, String)>,
    Given(rotation): Given<Rotation>,
) -> Response {
    asker
        .answer(move |asked| {
            let account = of_account(asked, &account, &bot)?;
            let expires_at = instant("api_key_expiration", rotation.api_key_expiration.as_deref())?;
            let seconds = u64::try_from(rotation.old_key_expires_in_seconds.unwrap_or(0)).map_err(|_| {
                let rule = "give a number of seconds, at least 0";
                Failure::from(InputError::Malformed { field: "old_key_expires_in_seconds", rule })
            })?;
            let mut composed =
                asked.authority.rotate_newest_key(&asked.caller, &account, expires_at, seconds)?;
            let secret = composed.key.take();
            let made = asked.execute(composed)?;
            let (key, _) = key_created(&made.recorded).expect("a rotation makes a key, or is refused");
            // It has the name of the key whose place it took.
            let name = asked.authority.key(&asked.caller, key)?.name;
            let key = new_key(&name, &made, secret);
            Ok(answered(StatusCode::CREATED, Bot::of(&account).with(key)))
        })
        .await
}

fn first_key(asked: &Asked, name: &Name, expires_at: Option<Timestamp>) -> KeyInput {
    let scopes = asked.caller.scopes.clone();
    KeyInput { name: name.clone(), expires_at, scopes, limits: KeyLimits::default(), note: None }
}

/// The service account, if it is this account's; else there is none at this address.
fn of_account(asked: &Asked, account: &str, bot: &str) -> Result<ServiceAccountView, Failure> {
    let (tenant, bot) = (id("account_id", account)?, id("bot_id", bot)?);
    asked.authority.service_account(&asked.caller, tenant, bot, Which::Living)
}

/// A service account with its newest key; null, if all of them have ended.
fn known(asked: &Asked, account: &ServiceAccountView) -> Result<Value, Failure> {
    let (_, keys) = asked.authority.keys_of(&asked.caller, account.id.bytes(), Which::Living)?;
    Ok(Bot::of(account).with(keys.last().map_or(Value::Null, known_key)))
}

/// What is told of a service account.
struct Bot<'a> {
    id: ServiceAccountId,
    tenant: TenantId,
    name: &'a str,
    role: Role,
    created_at: Timestamp,
}

impl<'a> Bot<'a> {
    fn of(account: &'a ServiceAccountView) -> Self {
        let ServiceAccountView { id, tenant, name, role, standing: _, created_at } = account;
        Self { id: *id, tenant: *tenant, name, role: *role, created_at: *created_at }
    }

    /// Who acts and what is acted as are one here: `id` and `actor_id` are the same.
    fn with(&self, key: Value) -> Value {
        json!({
            "id": self.id.to_string(),
            "actor_id": self.id.to_string(),
            "account_id": self.tenant.to_string(),
            "name": self.name,
            "account_role_id": roles::id_of(self.role),
            "account_role_name": roles::name_of(self.role),
            "created": self.created_at.to_string(),
            "api_key": key,
        })
    }
}
