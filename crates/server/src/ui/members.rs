//! Members: who is in the tenant and what they may do; added by e-mail address, given another role, removed.

use askama::Template;
use axum::response::Response;
use domain::ids::UserId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::attempt;
use super::consequences::Consequences;
use super::document;
use super::fault::{self, Meant};
use super::form::Fields;
use super::frame::Frame;
use super::notices;
use super::preview::{self, Mutation, Wanted};
use super::prove::{self, Wish};
use super::refusal::Refusal;
use super::shown::{Member, Page, RoleWords, Who, role_name};
use super::visit::Visit;
use crate::graphql::in_process::Refused;
use crate::named::Named;

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
    members: Page<Member>,
}

#[derive(Deserialize)]
struct WhoOnly {
    #[serde(flatten)]
    who: Who,
}

#[derive(Template)]
#[template(path = "members.html")]
struct List {
    frame: Frame,
    members: Page<Member>,
    wanted: String,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "add_member.html")]
struct Addition {
    frame: Frame,
    email: String,
    name: String,
    role: String,
    with_key: bool,
    error: Option<Refused>,
    /// The new member's first key, which is shown this once.
    first_key: Option<String>,
    /// The id of the first key, if this form was sent before and the key shown then.
    made_before: Option<String>,
    attempt: String,
}

#[derive(Template)]
#[template(path = "remove_member.html")]
struct Removal {
    frame: Frame,
    title: String,
    id: String,
    /// It is the reader.
    own: bool,
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

impl Addition {
    fn roles(&self) -> [RoleWords; 4] {
        RoleWords::ALL
    }
}

/// With which field what is refused.
const MEANT: [Meant; 2] = [
    Meant { field: fault::EMAIL, codes: &["EMAIL_TAKEN", "ALREADY_MEMBER"], word: Some("e-mail address") },
    Meant { field: fault::NAME, codes: &[], word: Some("a name") },
];

/// `GET /ui/members`
pub(super) async fn list(visit: Visit) -> Result<Response, Refusal> {
    let wanted = visit.query.get("q");
    let filter = json!({ "name_contains": wanted });
    let variables = json!({"filter": filter, "after": visit.query.get("after"), "as_of": visit.moment()});
    let Answer { who, members } = visit.page(document::MEMBERS, &variables).await?;
    let frame = Frame::new(&visit, "ui/members", "Members", &who)
        .based(members.as_of.as_ref())
        .asked(document::MEMBERS, &variables)
        .on_the_command_line("keyledger member list");
    let next = members.next().map(|after| frame.to_next("ui/members", &[("q", wanted)], after));
    let list = List { frame, members, wanted: wanted.unwrap_or_default().to_owned(), next };
    Ok(visit.answer(&list, None))
}

/// `GET /ui/members/add`
pub(super) async fn form(visit: Visit) -> Result<Response, Refusal> {
    visit.for_administrators()?;
    let who = who(&visit).await?;
    Ok(addition(&visit, &who, &Fields::default(), None, FirstKey::default()))
}

/// `POST /ui/members/add`
pub(super) async fn add(visit: Visit, fields: Fields) -> Result<Response, Refusal> {
    // Everything that the page of the key needs is read before there is one: it must not be lost.
    let who = who(&visit).await?;
    let again = |refused| Ok(addition(&visit, &who, &fields, Some(refused), FirstKey::default()));
    let Some(email) = fields.get("email") else {
        return again(
            Refused::new("FORM_INVALID", "give the e-mail address of whom to add").at(fault::EMAIL),
        );
    };
    let first_key = wants_first_key(&fields);
    if first_key || !takes_only(&fields) {
        let wish = Wish { section: "ui/members", path: "ui/members/add", what: "add a member" };
        if let Some(asked) = prove::asked_for(&visit, &fields, wish).await? {
            return Ok(asked);
        }
    }
    let input = json!({
        "email": email,
        "name": fields.get("name"),
        "role": fields.get("role"),
        "first_key": first_key,
        "idempotency_key": fields.get("attempt"),
    });
    match visit.ask::<Value>(document::ADD_MEMBER, &json!({ "input": input })).await {
        Ok(added) => match FirstKey::of(&added["add_member"]) {
            FirstKey { id: None, .. } => {
                let done = notices::word(&added, "member", "member-before");
                Ok(visit.go_to(&format!("ui/members?done={done}")))
            }
            first_key => Ok(addition(&visit, &who, &fields, None, first_key)),
        },
        Err(refused) => again(refused),
    }
}

/// `POST /ui/members/ID/role`
pub(super) async fn change_role(
    visit: Visit,
    Named(id): Named<String>,
    fields: Fields,
) -> Result<Response, Refusal> {
    if !takes_only(&fields) {
        let path = format!("ui/members/{id}/role");
        let wish = Wish { section: "ui/members", path: &path, what: "give somebody another role" };
        if let Some(asked) = prove::asked_for(&visit, &fields, wish).await? {
            return Ok(asked);
        }
    }
    let input = json!({"user_id": id, "role": fields.get("role")});
    match visit.ask::<Value>(document::CHANGE_MEMBER_ROLE, &json!({ "input": input })).await {
        Ok(answer) => {
            let done = notices::word(&answer, "role", "unchanged");
            Ok(visit.go_to(&format!("ui/members?done={done}")))
        }
        Err(refused) => another_role(&visit, &id, fields.get("role"), Some(refused)).await,
    }
}

/// `GET /ui/members/ID/role?role=…`
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
    let (who, member) = named(visit, id).await?;
    let title = format!("Change the role of {}", member.email);
    let frame = Frame::new(visit, "ui/members", title.as_str(), &who)
        .on_the_command_line(format!("keyledger member change-role {id} {}", role.value));
    let own = frame.who.id == member.user_id;
    let wanted = Wanted {
        title,
        says: preview::another_role(&member.email, &member.role, role),
        own: own.then(|| preview::own_role(&frame.who.tenant, &member.role, role)),
        path: format!("ui/members/{id}/role"),
        back: "ui/members".to_owned(),
        button: "Change the role",
        role: Some(role.value),
    };
    let (document, field) = (document::CHANGE_MEMBER_ROLE, "change_member_role");
    let input = json!({"user_id": id, "role": role.value});
    Ok(preview::show(visit, frame, wanted, Mutation { document, field, input }, error).await)
}

/// `GET /ui/members/ID/remove`
pub(super) async fn removal_form(visit: Visit, Named(id): Named<String>) -> Result<Response, Refusal> {
    removal(&visit, &id, None).await
}

/// `POST /ui/members/ID/remove`
pub(super) async fn remove(visit: Visit, Named(id): Named<String>) -> Result<Response, Refusal> {
    match visit.ask::<Value>(document::REMOVE_MEMBER, &json!({"input": {"user_id": id}})).await {
        // Whoever has left looks at what they have left.
        Ok(_) if visit.is_oneself(&id) => {
            visit.leave();
            Ok(visit.go_to("ui/tenants?done=left"))
        }
        Ok(answer) => {
            let done = notices::word(&answer, "member-removed", "member-removed-before");
            Ok(visit.go_to(&format!("ui/members?done={done}")))
        }
        Err(refused) => removal(&visit, &id, Some(refused)).await,
    }
}

/// What is said if the form was sent before with something else in it.
const SENT_BEFORE: &str = "this form was sent before, with something else in it: whom it named then was added, and their first key, if you asked for one, was shown then. Nothing was done now. To add one more, send this form once more";

/// The first key of somebody who was added, if there is one.
#[derive(Default)]
pub(super) struct FirstKey {
    pub(super) id: Option<String>,
    /// None: the form was sent twice, and the secret was shown the first time.
    pub(super) secret: Option<String>,
}

impl FirstKey {
    pub(super) fn of(made: &Value) -> Self {
        let text = |field: &str| made[field].as_str().map(str::to_owned);
        Self { id: text("key_id"), secret: text("key") }
    }

    /// The id of a key whose secret was shown before.
    pub(super) fn made_before(&self) -> Option<String> {
        self.id.clone().filter(|_| self.secret.is_none())
    }
}

/// Whether whoever is added gets a key at once, which is shown.
fn wants_first_key(fields: &Fields) -> bool {
    fields.get("first_key") == Some("yes")
}

/// Whether the role is the least one: to give it to somebody adds no rights but to read.
pub(super) fn takes_only(fields: &Fields) -> bool {
    fields.get("role") == Some("read_only")
}

/// Who looks.
async fn who(visit: &Visit) -> Result<Who, Refusal> {
    let WhoOnly { who } = visit.page(document::WHO, &json!({})).await?;
    Ok(who)
}

/// The form, or the key of whoever was added with it. It asks nothing.
fn addition(
    visit: &Visit,
    who: &Who,
    fields: &Fields,
    error: Option<Refused>,
    first_key: FirstKey,
) -> Response {
    let error = error.map(|refused| attempt::in_plain_words(refused, SENT_BEFORE));
    let error = error.map(|refused| fault::about(refused, &MEANT));
    let frame = Frame::new(visit, "ui/members", "Add a member", who)
        .asked(document::ADD_MEMBER, &json!({"input": {"email": "…", "role": "member"}}))
        .on_the_command_line("keyledger member add EMAIL --role member");
    let page = Addition {
        frame,
        email: fields.text("email"),
        name: fields.text("name"),
        role: fields.get("role").unwrap_or("member").to_owned(),
        with_key: wants_first_key(fields),
        attempt: attempt::name(visit, fields, error.as_ref()),
        error,
        made_before: first_key.made_before(),
        first_key: first_key.secret,
    };
    visit.answer(&page, page.error.as_ref())
}

async fn removal(visit: &Visit, id: &str, error: Option<Refused>) -> Result<Response, Refusal> {
    let (who, member) = named(visit, id).await?;
    let own = visit.is_oneself(&member.user_id);
    let input = json!({ "user_id": id });
    let consequences = Consequences::of(visit, document::REMOVE_MEMBER, "remove_member", input.clone()).await;
    let tenant = who.tenant().map_or("this tenant", |tenant| tenant.name.as_str());
    let title = if own { format!("Leave {tenant}") } else { format!("Remove {}", member.email) };
    let frame = Frame::new(visit, "ui/members", title.as_str(), &who)
        .asked(document::REMOVE_MEMBER, &json!({ "input": input }))
        .on_the_command_line(format!("keyledger member remove {id}"));
    let page = Removal { frame, title, id: id.to_owned(), own, consequences, error };
    Ok(visit.answer(&page, page.error.as_ref()))
}

/// Who looks, and the member.
async fn named(visit: &Visit, id: &str) -> Result<(Who, Member), Refusal> {
    let missing = || visit.refusal(&Refused::new("NOT_FOUND", "there is no such member here"));
    let user = UserId::parse(id).map_err(|_| missing())?;
    let filter = json!({"user_id": user.to_string()});
    let variables = json!({"filter": filter, "after": null, "as_of": null});
    let Answer { who, members } = visit.page(document::MEMBERS, &variables).await?;
    let member = members.nodes().next().cloned().ok_or_else(missing)?;
    Ok((who, member))
}
