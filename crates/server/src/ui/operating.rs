//! What operators do to a tenant or a person: suspend, resume, remove, erase, make an operator. What would stop is told first,
//! and the name asked for, by the dry run of the mutation itself.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::consequences::Consequences;
use super::document::{self, Document};
use super::form::Fields;
use super::frame::Frame;
use super::prove::{self, Wish};
use super::refusal::Refusal;
use super::shown::{Page, Tenant, User, Who};
use super::visit::Visit;
use crate::graphql::in_process::Refused;

/// Something that can be done to a tenant or a person.
struct Act {
    /// The last part of its address.
    word: &'static str,
    document: Document,
    /// The field of the mutation.
    field: &'static str,
    /// What is done, before the name of whom to.
    title: &'static str,
    /// What it is called on a button.
    name: &'static str,
    /// What it means, and whether there is a way back.
    says: &'static str,
    /// What it means for a reader who is in that tenant, or is that person.
    own: Option<&'static str>,
    /// After "to", if it gives rights or cannot be undone: the key is asked for once more.
    proved: Option<&'static str>,
    /// Whether the name must be typed.
    typed: bool,
    /// The word of the notice.
    done: &'static str,
    /// The same on the command line, before the id.
    cli: &'static str,
}

/// What is done to tenants.
const TENANTS: [Act; 4] = [
    Act {
        word: "suspend",
        document: document::SUSPEND_TENANT,
        field: "suspend_tenant",
        title: "Suspend",
        name: "Suspend",
        says: "Every key that acts in it is refused there from the next request on, until you resume it.",
        own: Some("You are in this tenant now: you lose it like everybody else in it."),
        proved: None,
        typed: true,
        done: "tenant-suspended",
        cli: "keyledger tenant suspend",
    },
    Act {
        word: "resume",
        document: document::RESUME_TENANT,
        field: "resume_tenant",
        title: "Resume",
        name: "Resume",
        says: "What was accepted in it before is accepted again, but for sessions of this web UI.",
        own: None,
        proved: None,
        typed: false,
        done: "tenant-resumed",
        cli: "keyledger tenant resume",
    },
    Act {
        word: "remove",
        document: document::REMOVE_TENANT,
        field: "remove_tenant",
        title: "Remove",
        name: "Remove for good",
        says: "This is for good, and there is no way back: another tenant of the same name has nothing of it. To stop it for a while, suspend it.",
        own: Some("You are in this tenant now: you lose it like everybody else in it."),
        proved: Some("remove a tenant"),
        typed: true,
        done: "tenant-removed",
        cli: "keyledger tenant remove",
    },
    Act {
        word: "erase",
        document: document::ERASE,
        field: "erase_subject",
        title: "Erase",
        name: "Erase for good",
        says: "The key that seals its names is destroyed. From then on they read [erased] everywhere, at every moment that is asked about, and nobody can bring them back, not even from the log. What happened stays in the log, with ids.",
        own: None,
        proved: Some("erase a tenant’s names"),
        typed: true,
        done: "tenant-erased",
        cli: "keyledger erase --tenant",
    },
];

/// What is done to people.
const PEOPLE: [Act; 6] = [
    Act {
        word: "suspend",
        document: document::SUSPEND_USER,
        field: "suspend_user",
        title: "Suspend",
        name: "Suspend",
        says: "Their keys are refused in every tenant from the next request on, until you resume them.",
        own: Some("This is you: you will be signed out, and none of your keys is accepted."),
        proved: None,
        typed: true,
        done: "user-suspended",
        cli: "keyledger user suspend",
    },
    Act {
        word: "resume",
        document: document::RESUME_USER,
        field: "resume_user",
        title: "Resume",
        name: "Resume",
        says: "Their keys are accepted again; they sign in to this web UI anew.",
        own: None,
        proved: None,
        typed: false,
        done: "user-resumed",
        cli: "keyledger user resume",
    },
    Act {
        word: "remove",
        document: document::REMOVE_USER,
        field: "remove_user",
        title: "Remove",
        name: "Remove for good",
        says: "This is for good: they lose every tenant and every key of their own, and whoever comes with the same address later is somebody new. Service accounts that they made go on.",
        own: Some("This is you: you will be signed out, and none of your keys is accepted."),
        proved: Some("remove a person"),
        typed: true,
        done: "user-removed",
        cli: "keyledger user remove",
    },
    Act {
        word: "erase",
        document: document::ERASE,
        field: "erase_subject",
        title: "Erase",
        name: "Erase for good",
        says: "The key that seals every text about them is destroyed: their address, their name, the names of their keys and the remarks on them. From then on these read [erased] everywhere, at every moment that is asked about, and nobody can bring them back, not even from the log. What happened stays in the log, with ids.",
        own: None,
        proved: Some("erase a person"),
        typed: true,
        done: "user-erased",
        cli: "keyledger erase --user",
    },
    Act {
        word: "grant-operator",
        document: document::GRANT_OPERATOR,
        field: "grant_operator",
        title: "Make an operator:",
        name: "Make an operator",
        says: "An operator sees and ends everything across tenants, makes tenants, and makes other operators.",
        own: None,
        proved: Some("make somebody an operator"),
        typed: true,
        done: "operator",
        cli: "keyledger user grant-operator",
    },
    Act {
        word: "withdraw-operator",
        document: document::WITHDRAW_OPERATOR,
        field: "withdraw_operator",
        title: "Make an ordinary user again:",
        name: "Make an ordinary user again",
        says: "They keep their memberships and their keys, and operate no more.",
        own: Some("This is you: you will not see these pages any more."),
        proved: None,
        typed: false,
        done: "no-operator",
        cli: "keyledger user withdraw-operator",
    },
];

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
    Path((id, act)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let (who, subject) = tenant(&visit, &id).await?;
    let act = subject.act(&visit, &act)?;
    asked(&visit, &who, &subject, act, None).await
}

/// `POST /ui/deployment/tenants/ID/ACT`
pub(super) async fn upon_tenant(
    visit: Visit,
    Path((id, act)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let (who, subject) = tenant(&visit, &id).await?;
    done(&visit, &who, &subject, &act, &fields).await
}

/// `GET /ui/deployment/people/ID/ACT`
pub(super) async fn person_form(
    visit: Visit,
    Path((id, act)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let (who, subject) = person(&visit, &id).await?;
    let act = subject.act(&visit, &act)?;
    asked(&visit, &who, &subject, act, None).await
}

/// `POST /ui/deployment/people/ID/ACT`
pub(super) async fn upon_person(
    visit: Visit,
    Path((id, act)): Path<(String, String)>,
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
        let refused = Refused::new("NAME_DIFFERS", message);
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
        Ok(_) => Ok(visit.go_to(&format!("{}?done={}", list_path(subject.list), act.done))),
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

/// Who looks, and the tenant; the list is looked through, for there is no other way to ask for one.
async fn tenant(visit: &Visit, id: &str) -> Result<(Who, Subject), Refusal> {
    let mut after: Option<String> = None;
    loop {
        let variables = json!({"after": after, "as_of": null});
        let Tenants { who, tenants } = visit.page(document::DEPLOYMENT, &variables).await?;
        if let Some(tenant) = tenants.nodes().find(|tenant| tenant.id == id) {
            let (id, name) = (tenant.id.clone(), tenant.slug.clone());
            return Ok((
                who,
                Subject {
                    list: TENANT_LIST,
                    input: "tenant_id",
                    acts: &TENANTS,
                    id,
                    name,
                    called: "its short name",
                },
            ));
        }
        after = tenants.next().map(str::to_owned);
        if after.is_none() {
            return Err(visit.refusal(&Refused::new("NOT_FOUND", "there is no such tenant")));
        }
    }
}

/// The same of a person.
async fn person(visit: &Visit, id: &str) -> Result<(Who, Subject), Refusal> {
    let mut after: Option<String> = None;
    loop {
        let filter = json!({"state": ["living", "suspended", "removed"]});
        let variables = json!({"filter": filter, "after": after, "as_of": null});
        let People { who, users } = visit.page(document::PEOPLE, &variables).await?;
        if let Some(user) = users.nodes().find(|user| user.id == id) {
            let (id, name) = (user.id.clone(), user.email.clone());
            return Ok((
                who,
                Subject {
                    list: PEOPLE_LIST,
                    input: "user_id",
                    acts: &PEOPLE,
                    id,
                    name,
                    called: "their e-mail address",
                },
            ));
        }
        after = users.next().map(str::to_owned);
        if after.is_none() {
            return Err(visit.refusal(&Refused::new("NOT_FOUND", "there is no such person")));
        }
    }
}
