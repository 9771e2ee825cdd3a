//! Service accounts: the machine identities of the tenant; made, given another role, suspended, and removed with their
//! keys, which are told first.

use askama::Template;
use axum::response::Response;
use domain::ids::ServiceAccountId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::consequences::Consequences;
use super::document;
use super::fault::{self, Meant};
use super::form::Fields;
use super::frame::Frame;
use super::members::takes_only;
use super::notices;
use super::preview::{self, Mutation, Wanted};
use super::prove::{self, Wish};
use super::refusal::Refusal;
use super::shown::{Account, Page, RoleWords, Who, role_name};
use super::visit::Visit;
use crate::graphql::in_process::Refused;
use crate::named::Named;

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
    service_accounts: Page<Account>,
}

#[derive(Deserialize)]
struct WhoOnly {
    #[serde(flatten)]
    who: Who,
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct List {
    frame: Frame,
    accounts: Page<Account>,
    wanted: String,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "new_account.html")]
struct NewAccount {
    frame: Frame,
    name: String,
    role: String,
    error: Option<Refused>,
}

#[derive(Template)]
#[template(path = "remove_account.html")]
struct Removal {
    frame: Frame,
    id: String,
    name: String,
    consequences: Consequences,
    error: Option<Refused>,
}

impl List {
    fn roles(&self) -> [RoleWords; 4] {
        RoleWords::ALL
    }

    fn role<'a>(&self, role: &'a str) -> &'a str {
        role_name(role)
    }
}

impl NewAccount {
    fn roles(&self) -> [RoleWords; 4] {
        RoleWords::ALL
    }
}

/// With which field what is refused.
const MEANT: [Meant; 1] = [Meant { field: fault::NAME, codes: &["NAME_TAKEN"], word: Some("a name") }];

/// `GET /ui/accounts`
pub(super) async fn list(visit: Visit) -> Result<Response, Refusal> {
    let wanted = visit.query.get("q");
    let filter = json!({ "name_contains": wanted });
    let variables = json!({"filter": filter, "after": visit.query.get("after"), "as_of": visit.moment()});
    let Answer { who, service_accounts } = visit.page(document::ACCOUNTS, &variables).await?;
    let frame = Frame::new(&visit, "ui/accounts", "Service accounts", &who)
        .based(service_accounts.as_of.as_ref())
        .asked(document::ACCOUNTS, &variables)
        .on_the_command_line("keyledger service-account list");
    let next = service_accounts.next().map(|after| frame.to_next("ui/accounts", &[("q", wanted)], after));
    let list =
        List { frame, accounts: service_accounts, wanted: wanted.unwrap_or_default().to_owned(), next };
    Ok(visit.answer(&list, None))
}

/// `GET /ui/accounts/new`
pub(super) async fn form(visit: Visit) -> Result<Response, Refusal> {
    visit.for_administrators()?;
    creation(&visit, &Fields::default(), None).await
}

/// `POST /ui/accounts/new`
pub(super) async fn create(visit: Visit, fields: Fields) -> Result<Response, Refusal> {
    let Some(name) = fields.get("name") else {
        let message = "give it a name, such as what runs as it";
        return creation(&visit, &fields, Some(Refused::new("FORM_INVALID", message).at(fault::NAME))).await;
    };
    let Some(role) = fields.get("role") else {
        let message = "choose what it may do";
        return creation(&visit, &fields, Some(Refused::new("FORM_INVALID", message))).await;
    };
    if !takes_only(&fields) {
        let what = "make a service account that may do more than read";
        let wish = Wish { section: "ui/accounts", path: "ui/accounts/new", what };
        if let Some(asked) = prove::asked_for(&visit, &fields, wish).await? {
            return Ok(asked);
        }
    }
    let input = json!({"name": name, "role": role});
    match visit.ask::<Value>(document::CREATE_ACCOUNT, &json!({ "input": input })).await {
        Ok(made) => {
            let id = made["create_service_account"]["id"].as_str().unwrap_or_default();
            Ok(visit.go_to(&format!("ui/keys/new?owner={id}&done=account")))
        }
        Err(refused) => creation(&visit, &fields, Some(refused)).await,
    }
}

/// `POST /ui/accounts/ID/role`
pub(super) async fn change_role(
    visit: Visit,
    Named(id): Named<String>,
    fields: Fields,
) -> Result<Response, Refusal> {
    if !takes_only(&fields) {
        let path = format!("ui/accounts/{id}/role");
        let wish = Wish { section: "ui/accounts", path: &path, what: "give a service account another role" };
        if let Some(asked) = prove::asked_for(&visit, &fields, wish).await? {
            return Ok(asked);
        }
    }
    let input = json!({"service_account_id": id, "role": fields.get("role")});
    match visit.ask::<Value>(document::CHANGE_ACCOUNT_ROLE, &json!({ "input": input })).await {
        Ok(answer) => {
            let done = notices::word(&answer, "role", "unchanged");
            Ok(visit.go_to(&format!("ui/accounts?done={done}")))
        }
        Err(refused) => another_role(&visit, &id, fields.get("role"), Some(refused)).await,
    }
}

/// `GET /ui/accounts/ID/role?role=…`
pub(super) async fn role_form(visit: Visit, Named(id): Named<String>) -> Result<Response, Refusal> {
    another_role(&visit, &id, visit.query.get("role"), None).await
}

async fn another_role(
    visit: &Visit,
    id: &str,
    role: Option<&str>,
    error: Option<Refused>,
) -> Result<Response, Refusal> {
    let role = preview::role(role).map_err(|refused| visit.refusal(&error.clone().unwrap_or(refused)))?;
    let (who, account) = named(visit, id).await?;
    let title = format!("Change the role of {}", account.name);
    let frame = Frame::new(visit, "ui/accounts", title.as_str(), &who)
        .on_the_command_line(format!("keyledger service-account change-role {id} {}", role.value));
    let own = frame.who.id == account.id;
    let wanted = Wanted {
        title,
        says: preview::another_role(&account.name, &account.role, role),
        own: own.then(|| preview::own_role(&frame.who.tenant, &account.role, role)),
        path: format!("ui/accounts/{id}/role"),
        back: "ui/accounts".to_owned(),
        button: "Change the role",
        role: Some(role.value),
    };
    let (document, field) = (document::CHANGE_ACCOUNT_ROLE, "change_service_account_role");
    let input = json!({"service_account_id": id, "role": role.value});
    Ok(preview::show(visit, frame, wanted, Mutation { document, field, input }, error).await)
}

/// `GET /ui/accounts/ID/suspend`
pub(super) async fn suspension_form(visit: Visit, Named(id): Named<String>) -> Result<Response, Refusal> {
    suspension(&visit, &id, None).await
}

/// `POST /ui/accounts/ID/suspend`
pub(super) async fn suspend(visit: Visit, Named(id): Named<String>) -> Result<Response, Refusal> {
    let input = json!({"input": {"service_account_id": id}});
    match visit.ask::<Value>(document::SUSPEND_ACCOUNT, &input).await {
        Ok(answer) => {
            let done = notices::word(&answer, "account-suspended", "unchanged");
            Ok(visit.go_to(&format!("ui/accounts?done={done}")))
        }
        Err(refused) => suspension(&visit, &id, Some(refused)).await,
    }
}

async fn suspension(visit: &Visit, id: &str, error: Option<Refused>) -> Result<Response, Refusal> {
    let (who, account) = named(visit, id).await?;
    let title = format!("Suspend {}", account.name);
    let frame = Frame::new(visit, "ui/accounts", title.as_str(), &who)
        .on_the_command_line(format!("keyledger service-account suspend {id}"));
    let own = frame.who.id == account.id;
    let wanted = Wanted {
        title,
        says: "Its keys are refused from the next request on, with every token made from them, until somebody resumes it.".to_owned(),
        own: own.then(|| "You signed in with a key of this service account. You will be signed out.".to_owned()),
        path: format!("ui/accounts/{id}/suspend"),
        back: "ui/accounts".to_owned(),
        button: "Suspend it",
        role: None,
    };
    let (document, field) = (document::SUSPEND_ACCOUNT, "suspend_service_account");
    let mutation = Mutation { document, field, input: json!({ "service_account_id": id }) };
    Ok(preview::show(visit, frame, wanted, mutation, error).await)
}

/// `POST /ui/accounts/ID/resume`
pub(super) async fn resume(visit: Visit, Named(id): Named<String>) -> Result<Response, Refusal> {
    let input = json!({"input": {"service_account_id": id}});
    let answer: Value = visit.page(document::RESUME_ACCOUNT, &input).await?;
    let done = notices::word(&answer, "account-resumed", "unchanged");
    Ok(visit.go_to(&format!("ui/accounts?done={done}")))
}

/// `GET /ui/accounts/ID/remove`
pub(super) async fn removal_form(visit: Visit, Named(id): Named<String>) -> Result<Response, Refusal> {
    removal(&visit, &id, None).await
}

/// `POST /ui/accounts/ID/remove`
pub(super) async fn remove(
    visit: Visit,
    Named(id): Named<String>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let name = named(&visit, &id).await?.1.name;
    if fields.get("name") != Some(name.trim()) {
        let message = "type the account's name to remove it: there is no way back";
        return removal(&visit, &id, Some(Refused::new("NAME_DIFFERS", message).at(fault::NAME))).await;
    }
    let input = json!({ "service_account_id": id });
    match visit.ask::<Value>(document::REMOVE_ACCOUNT, &json!({ "input": input })).await {
        Ok(answer) => {
            let done = notices::word(&answer, "account-removed", "account-removed-before");
            Ok(visit.go_to(&format!("ui/accounts?done={done}")))
        }
        Err(refused) => removal(&visit, &id, Some(refused)).await,
    }
}

async fn creation(visit: &Visit, fields: &Fields, error: Option<Refused>) -> Result<Response, Refusal> {
    let WhoOnly { who } = visit.page(document::WHO, &json!({})).await?;
    let frame = Frame::new(visit, "ui/accounts", "New service account", &who)
        .asked(document::CREATE_ACCOUNT, &json!({"input": {"name": "…", "role": "runner"}}))
        .on_the_command_line("keyledger service-account create NAME --role runner");
    let role = fields.get("role").unwrap_or("runner").to_owned();
    let error = error.map(|refused| fault::about(refused, &MEANT));
    let form = NewAccount { frame, name: fields.text("name"), role, error };
    Ok(visit.answer(&form, form.error.as_ref()))
}

async fn removal(visit: &Visit, id: &str, error: Option<Refused>) -> Result<Response, Refusal> {
    let (who, Account { name, .. }) = named(visit, id).await?;
    let input = json!({ "service_account_id": id });
    let field = "delete_service_account";
    let consequences = Consequences::of(visit, document::REMOVE_ACCOUNT, field, input.clone()).await;
    let frame = Frame::new(visit, "ui/accounts", format!("Remove {name}"), &who)
        .asked(document::REMOVE_ACCOUNT, &json!({ "input": input }))
        .on_the_command_line(format!("keyledger service-account remove {id}"));
    let page = Removal { frame, id: id.to_owned(), name, consequences, error };
    Ok(visit.answer(&page, page.error.as_ref()))
}

/// Who looks, and the account.
async fn named(visit: &Visit, id: &str) -> Result<(Who, Account), Refusal> {
    let missing = || {
        let message = "there is no such service account here, or it was removed";
        visit.refusal(&Refused::new("NOT_FOUND", message))
    };
    ServiceAccountId::parse(id).map_err(|_| missing())?;
    let variables = json!({"filter": {"id": id}, "after": null, "as_of": null});
    let Answer { who, service_accounts } = visit.page(document::ACCOUNTS, &variables).await?;
    let account = service_accounts.nodes().next().ok_or_else(missing)?;
    Ok((who, account.clone()))
}
