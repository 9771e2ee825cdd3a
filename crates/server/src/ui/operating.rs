//! What operators do to a tenant or a person: suspend, resume, remove, erase, make an operator. What would stop is told first,
//! and the name asked for, by the dry run of the mutation itself.

use askama::Template;
use axum::response::Response;
use domain::ids::{TenantId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::acts::{self, Act};
use super::consequences::Consequences;
use super::document;
use super::fault;
use super::form::Fields;
use super::frame::Frame;
use super::notices;
use super::prove::{self, Wish};
use super::refusal::Refusal;
use super::shown::{Page, Tenant, User, Who};
use super::visit::Visit;
use crate::graphql::in_process::Refused;
use crate::named::Named;

/// A tenant or a person.
struct Subject {
    /// The list that it is in: the path from the root.
    list: &'static str,
    /// The field of an input that names it.
    input: &'static str,
    acts: &'static [Act],
    id: String,
    /// What must be typed.
    name: String,
    /// What that is.
    called: &'static str,
}

#[derive(Deserialize)]
struct Tenants {
    #[serde(flatten)]
    who: Who,
    tenants: Page<Tenant>,
}

#[derive(Deserialize)]
struct People {
    #[serde(flatten)]
    who: Who,
    users: Page<User>,
}

#[derive(Template)]
#[template(path = "operating.html")]
struct Asked {
    frame: Frame,
    path: String,
    list: &'static str,
    name: String,
    called: &'static str,
    act: &'static Act,
    /// What it means for the reader, if it is about them.
    own: Option<&'static str>,
    consequences: Consequences,
    error: Option<Refused>,
}

/// `GET /ui/deployment/tenants/ID/ACT`
pub(super) async fn tenant_form(
    visit: Visit,
    Named((id, act)): Named<(String, String)>,
) -> Result<Response, Refusal> {
    let (who, subject) = tenant(&visit, &id).await?;
    let act = subject.act(&visit, &act)?;
    asked(&visit, &who, &subject, act, None).await
}

/// `POST /ui/deployment/tenants/ID/ACT`
pub(super) async fn upon_tenant(
    visit: Visit,
    Named((id, act)): Named<(String, String)>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let (who, subject) = tenant(&visit, &id).await?;
    done(&visit, &who, &subject, &act, &fields).await
}

/// `GET /ui/deployment/people/ID/ACT`
pub(super) async fn person_form(
    visit: Visit,
    Named((id, act)): Named<(String, String)>,
) -> Result<Response, Refusal> {
    let (who, subject) = person(&visit, &id).await?;
    let act = subject.act(&visit, &act)?;
    asked(&visit, &who, &subject, act, None).await
}

/// `POST /ui/deployment/people/ID/ACT`
pub(super) async fn upon_person(
    visit: Visit,
    Named((id, act)): Named<(String, String)>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let (who, subject) = person(&visit, &id).await?;
    done(&visit, &who, &subject, &act, &fields).await
}

impl Subject {
    fn act(&self, visit: &Visit, word: &str) -> Result<&'static Act, Refusal> {
        let missing = || visit.refusal(&Refused::new("NOT_FOUND", "there is no such thing to do"));
        self.acts.iter().find(|act| act.word == word).ok_or_else(missing)
    }

    fn path(&self, act: &Act) -> String {
        format!("{}/{}/{}", self.list, self.id, act.word)
    }

    fn input(&self) -> Value {
        json!({ self.input: self.id })
    }
}

async fn done(
    visit: &Visit,
    who: &Who,
    subject: &Subject,
    word: &str,
    fields: &Fields,
) -> Result<Response, Refusal> {
    let act = subject.act(visit, word)?;
    if act.typed && fields.get("name") != Some(subject.name.trim()) {
        let message = "type the name exactly as it stands here: what is done concerns everything of it";
        let refused = Refused::new("NAME_DIFFERS", message).at(fault::NAME);
        return asked(visit, who, subject, act, Some(refused)).await;
    }
    if let Some(what) = act.proved {
        let path = subject.path(act);
        let wish = Wish { section: "ui/deployment", path: &path, what };
        if let Some(asked) = prove::asked_for(visit, fields, wish).await? {
            return Ok(asked);
        }
    }
    match visit.ask::<Value>(act.document, &json!({ "input": subject.input() })).await {
        Ok(answer) => {
            let done = notices::word(&answer, act.done, "unchanged");
            Ok(visit.go_to(&format!("{}?done={done}", list_path(subject.list))))
        }
        Err(refused) => asked(visit, who, subject, act, Some(refused)).await,
    }
}

/// Where the list is that a subject is in: tenants are on the deployment's own page.
fn list_path(list: &str) -> &str {
    if list == TENANT_LIST { "ui/deployment" } else { list }
}

const TENANT_LIST: &str = "ui/deployment/tenants";
const PEOPLE_LIST: &str = "ui/deployment/people";

async fn asked(
    visit: &Visit,
    who: &Who,
    subject: &Subject,
    act: &'static Act,
    error: Option<Refused>,
) -> Result<Response, Refusal> {
    let input = subject.input();
    let consequences = Consequences::of(visit, act.document, act.field, input.clone()).await;
    let consequences = consequences.naming(&subject.id, &subject.name);
    let frame = Frame::new(visit, "ui/deployment", format!("{} {}", act.title, subject.name), who)
        .asked(act.document, &json!({ "input": input }))
        .on_the_command_line(format!("{} {}", act.cli, subject.id));
    let own = [&frame.who.tenant_id, &frame.who.id].contains(&&subject.id);
    let page = Asked {
        frame,
        own: act.own.filter(|_| own),
        called: subject.called,
        path: subject.path(act),
        list: list_path(subject.list),
        name: subject.name.clone(),
        act,
        consequences,
        error,
    };
    Ok(visit.answer(&page, page.error.as_ref()))
}

/// Who looks, and the tenant.
async fn tenant(visit: &Visit, id: &str) -> Result<(Who, Subject), Refusal> {
    let missing = || visit.refusal(&Refused::new("NOT_FOUND", "there is no such tenant"));
    let wanted = TenantId::parse(id).map_err(|_| missing())?;
    let filter = json!({"id": wanted.to_string()});
    let variables = json!({"filter": filter, "after": null, "as_of": null});
    let Tenants { who, tenants } = visit.page(document::DEPLOYMENT, &variables).await?;
    let tenant = tenants.nodes().next().ok_or_else(missing)?;
    let subject = Subject {
        list: TENANT_LIST,
        input: "tenant_id",
        acts: &acts::TENANTS,
        id: tenant.id.clone(),
        name: tenant.slug.clone(),
        called: "its short name",
    };
    Ok((who, subject))
}

/// The same of a person.
async fn person(visit: &Visit, id: &str) -> Result<(Who, Subject), Refusal> {
    let missing = || visit.refusal(&Refused::new("NOT_FOUND", "there is no such person"));
    let wanted = UserId::parse(id).map_err(|_| missing())?;
    let filter = json!({"id": wanted.to_string(), "state": ["living", "suspended", "removed"]});
    let variables = json!({"filter": filter, "after": null, "as_of": null});
    let People { who, users } = visit.page(document::PEOPLE, &variables).await?;
    let user = users.nodes().next().ok_or_else(missing)?;
    let subject = Subject {
        list: PEOPLE_LIST,
        input: "user_id",
        acts: &acts::PEOPLE,
        id: user.id.clone(),
        name: user.email.clone(),
        called: "their e-mail address",
    };
    Ok((who, subject))
}
