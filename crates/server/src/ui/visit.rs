//! Somebody signed in who asks for a page: as whom, where they act, and what they may ask of the API.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use authority::sessions::{Presence, Resumed, SessionOver};
use authority::usage::UseWay;
use authority::{Caller, Credential, Denial, Denied};
use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::header::{LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::Refusal as CredentialRefusal;
use domain::actor::{Actor, Way};
use domain::ids::TenantId;
use domain::key::Owner;
use domain::role::{Permission, Role};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::address::Address;
use super::as_of::AsOf;
use super::cookie::Transport;
use super::document::{self, Document};
use super::form::{self, Fields};
use super::keys::by_id;
use super::notices::{DONE, Place};
use super::refusal::{self, Refusal, Switch};
use super::root::Root;
use super::shown::Tenant;
use crate::deadline::Deadline;
use crate::graphql::in_process::Refused;
use crate::let_in::NotLetIn;
use crate::request_log::{Id, Noted};
use crate::state::App;
use crate::visitor::Visitor;

/// The parameter by which a form says for which tenant it was made.
pub(super) const MADE_FOR: &str = "in";

/// The last parts of the paths of pages on which something is done.
const FORMS: [&str; 13] = [
    "new",
    "add",
    "disable",
    "revoke",
    "rotate",
    "role",
    "remove",
    "retire",
    "suspend",
    "resume",
    "erase",
    "grant-operator",
    "withdraw-operator",
];

/// The route of the time machine.
const MACHINE: &str = "/ui/time";

/// What is said of an address with a moment that is none.
pub(super) const NO_MOMENT: &str = "the moment in the address of this page is none: give a position of the log, such as 1042, or a time, such as 2026-11-25T10:00";

/// How the route of what a page asks for by itself ends.
const POLLED: &str = "/{id}/used";

/// The last part of the paths by which something is searched for: nothing is done, in the past either.
const SEARCH: &str = "find";

/// The parameter by which the sign-in page knows that a form was sent for nothing.
pub(super) const UNSENT: &str = "unsent";

/// The longest address that somebody is led back to after signing in.
const THEN_BYTES_MAX: usize = 1_024;

/// A request of somebody who is signed in.
pub(super) struct Visit {
    pub(super) app: App,
    pub(super) caller: Caller,
    /// Whether the key was shown lately enough for a new secret to be seen, or with this request.
    proved: AtomicBool,
    pub(super) root: Root,
    /// Where this server is, as the reader reaches it.
    pub(super) address: Address,
    pub(super) visitor: Visitor,
    /// The moment asked about; none: now.
    pub(super) as_of: Option<AsOf>,
    /// What the address asks beside its path.
    pub(super) query: Fields,
    /// Why the session is in another tenant than the one in which it was shown a page last, if it did not choose so.
    pub(super) left: Option<String>,
    secret: String,
    id: Id,
    until: Instant,
}

/// How the reader's own key stands in a tenant.
#[derive(Deserialize)]
struct Closed {
    explain: Explained,
}

#[derive(Deserialize)]
struct Explained {
    code: String,
}

/// A tenant of the reader's, if it is one.
#[derive(Deserialize)]
struct Own {
    tenant: Vec<NamedTenant>,
}

#[derive(Deserialize)]
struct NamedTenant {
    name: String,
}

/// Why there is no page for this request.
pub(super) enum NoVisit {
    /// Nobody is signed in: they are led to where one signs in, and from there back.
    SignIn {
        root: Root,
        then: String,
        why: Option<&'static str>,
        /// A form was sent, and nothing was done.
        unsent: bool,
        forget: Option<Transport>,
    },
    /// They are, and are refused.
    Refused(Refusal),
}

impl FromRequestParts<App> for Visit {
    type Rejection = NoVisit;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, NoVisit> {
        let root = Root::of(parts.uri.path());
        let transport = Transport::of(&parts.headers, &parts.extensions);
        let visitor = Visitor::of(app, UseWay::Ui, &parts.headers, &parts.extensions);
        // A form that was sent too late is not sent again from the sign-in page: one is led back to the page that it is on.
        let unsent = !parts.method.is_safe();
        let asked = parts.uri.path_and_query().map_or(parts.uri.path(), |asked| asked.as_str());
        let then = if unsent { page_of(parts.uri.path()) } else { asked.trim_start_matches('/') };
        let then = Some(then).filter(|then| then.len() <= THEN_BYTES_MAX).unwrap_or_default().to_owned();
        let last = parts.uri.path().rsplit('/').next().unwrap_or_default();
        let route = parts.extensions.get::<MatchedPath>();
        let polled = route.is_some_and(|route| route.as_str().ends_with(POLLED));
        let presence = if polled { Presence::Page } else { Presence::Somebody };
        let shown = transport.read(&parts.headers);
        let (secret, Resumed { caller, proved, .. }) =
            resumed(app, &shown, visitor, presence).map_err(|over| {
                let (why, forget) = match over {
                    None => (None, None),
                    Some(SessionOver::NoSession) => (Some("SESSION_OVER"), Some(transport)),
                    // From where it was opened it goes on.
                    Some(SessionOver::Denied(denial)) if denial.denied == WRONG_ADDRESS => {
                        (Some(denial.denied.code()), None)
                    }
                    Some(SessionOver::Denied(denial)) => (Some(denial.denied.code()), Some(transport)),
                };
                NoVisit::SignIn { root, then, why, unsent, forget }
            })?;
        let secret = secret.to_owned();
        let caller = if polled {
            // Nobody does anything: a page that was left open takes nothing of the key's rate, and is no use of it.
            caller
        } else {
            let let_in = app
                .within_rate(caller)
                .map_err(|refused| NoVisit::Refused(Refusal::not_let_in(root, &refused).signed_in()))?;
            app.authority.used(&let_in.caller, Some(visitor.kind), visitor.way);
            let_in.caller
        };
        let query = Fields::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let as_of = AsOf::of(query.get("as_of"));
        let refused = |status, code, message| {
            Err(NoVisit::Refused(Refusal::new(root, status, code, message).signed_in()))
        };
        if !query.are_whole() {
            return refused(StatusCode::BAD_REQUEST, "FORM_INVALID", form::TOO_MANY);
        }
        // The time machine says it itself, and goes on.
        let machine = route.is_some_and(|route| route.as_str() == MACHINE);
        if !machine && as_of.as_ref().is_some_and(|as_of| !as_of.is_well_formed()) {
            return refused(StatusCode::BAD_REQUEST, "FORM_INVALID", NO_MOMENT);
        }
        let refuse = |code, message| refused(StatusCode::CONFLICT, code, message);
        let searches = last == SEARCH;
        let does = unsent && !searches || FORMS.contains(&last);
        if as_of.is_some() && does {
            let message =
                "this page was asked for as of the past, where nothing can be changed; return to now first";
            return refuse("IN_THE_PAST", message);
        }
        let elsewhere = |made_for: &&str| caller.tenant.is_none_or(|tenant| tenant.to_string() != *made_for);
        let made_for = query.get(MADE_FOR).filter(|made_for| unsent && elsewhere(made_for));
        let made_for = made_for.map(str::to_owned);
        let id = *parts.extensions.get::<Id>().expect("every request has an id before it has a page");
        let Deadline(until) = *parts.extensions.get().expect("every request has a deadline");
        let mut visit = Self {
            app: app.clone(),
            caller,
            proved: AtomicBool::new(proved),
            root,
            address: Address::of(app, parts),
            visitor,
            as_of,
            query,
            left: None,
            secret,
            id,
            until,
        };
        if let Some(made_for) = made_for {
            let refusal = visit.made_elsewhere(&made_for, page_of(parts.uri.path())).await;
            return Err(NoVisit::Refused(refusal));
        }
        if !polled {
            visit.left = visit.left().await;
        }
        Ok(visit)
    }
}

/// The page that a form is on which is sent to this path: the same path if there is a page, else what it is a part of.
fn page_of(path: &str) -> &str {
    let path = path.trim_start_matches('/');
    let Some((before, last)) = path.rsplit_once('/') else { return path };
    let in_a_list = ["ui/accounts/", "ui/members/"].iter().any(|list| path.starts_with(list));
    // Another role is chosen in the list, and so is to resume an account.
    let has_page = FORMS.contains(&last) && !(in_a_list && ["role", "resume"].contains(&last));
    if has_page || before == "ui" {
        return path;
    }
    match before.rsplit_once('/') {
        Some((list, _)) if in_a_list && list != "ui" => list,
        _ => before,
    }
}

impl Visit {
    /// What the API answers to a document.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        document: Document,
        variables: &Value,
    ) -> Result<T, Refused> {
        let request = self.id.by(Way::Ui);
        let (app, caller) = (&self.app, self.caller.clone());
        let data = app.operate(caller, request, document.text(), variables.clone(), self.until).await?;
        serde_json::from_value(data).map_err(|error| {
            tracing::error!(%error, "a page does not understand the answer to its own document");
            Refused::new("INTERNAL", "the server failed; its log says why")
        })
    }

    /// The same for a page, which has nothing to show without it.
    pub(super) async fn page<T: DeserializeOwned>(
        &self,
        document: Document,
        variables: &Value,
    ) -> Result<T, Refusal> {
        self.ask(document, variables).await.map_err(|refused| self.refusal(&refused))
    }

    /// Why the session is no more in the tenant in which it was shown a page last.
    async fn left(&self) -> Option<String> {
        let Place { tenant, name } = self.app.running.notices.place(&self.secret)?;
        if self.caller.tenant == Some(tenant) {
            return None;
        }
        let variables = json!({"key": by_id(&self.caller.key.to_string()), "tenant": tenant.to_string()});
        let closed = self.ask::<Closed>(document::CLOSED, &variables).await.ok();
        Some(match closed.as_ref().map(|closed| closed.explain.code.as_str()) {
            Some("TENANT_SUSPENDED") => format!("{name} is suspended."),
            Some("TENANT_REMOVED") => format!("{name} was removed."),
            Some("MEMBERSHIP_REMOVED" | "NOT_A_MEMBER") => format!("You are no member of {name} any more."),
            _ => format!("You do not act in {name} any more."),
        })
    }

    /// A form was made for another tenant than the one in which the session acts now: which both are, and the way back.
    async fn made_elsewhere(&self, made_for: &str, page: &str) -> Refusal {
        let there = self.own_tenant(made_for).await;
        let here = match self.caller.tenant {
            Some(tenant) => self.own_tenant(&tenant.to_string()).await,
            None => Some("no tenant".to_owned()),
        };
        let here = here.unwrap_or_else(|| "another one".to_owned());
        let known = || self.app.running.notices.place(&self.secret);
        let known = || known().filter(|place| place.tenant.to_string() == made_for).map(|place| place.name);
        let (name, next) = match &there {
            Some(name) => (
                name.clone(),
                format!("switch back to {name} and send it again, or open the page again here"),
            ),
            None => {
                let name = known().unwrap_or_else(|| "a tenant in which you do not act".to_owned());
                (name, "open the page again".to_owned())
            }
        };
        let message =
            format!("this form was made for {name}, and you act in {here} now, so nothing was done; {next}");
        let refused = Refusal::new(self.root, StatusCode::CONFLICT, "TENANT_CHANGED", &message).signed_in();
        match there {
            Some(name) => {
                refused.offering(Switch { tenant: made_for.to_owned(), name, then: page.to_owned() })
            }
            None => refused,
        }
    }

    /// What a tenant is called, if it is one of the reader's.
    pub(super) async fn own_tenant(&self, id: &str) -> Option<String> {
        let own = self.ask::<Own>(document::OWN_TENANT, &json!({ "id": id })).await.ok()?;
        own.tenant.into_iter().next().map(|tenant| tenant.name)
    }

    /// Whether this is the id of whoever looks.
    pub(super) fn is_oneself(&self, id: &str) -> bool {
        matches!(self.caller.owner, Owner::User(user) if user.to_string() == id)
    }

    /// Takes note of where the reader is shown a page.
    pub(super) fn is_shown(&self, tenant: Option<&Tenant>) {
        let place = self.caller.tenant.zip(tenant);
        let place = place.map(|(tenant, shown)| Place { tenant, name: shown.name.clone() });
        self.app.running.notices.put(&self.secret, place);
    }

    /// The reader goes to another tenant by their own choice.
    pub(super) fn enter(&self, tenant: TenantId) {
        self.leave();
        self.app.authority.enter_tenant(&self.secret, tenant);
    }

    /// Leaves the tenant that one is in: nobody has to be told of what they chose.
    pub(super) fn leave(&self) {
        self.app.running.notices.put(&self.secret, None);
    }

    /// A refusal of this page.
    pub(super) fn refusal(&self, refused: &Refused) -> Refusal {
        Refusal::of(self.root, refused).signed_in()
    }

    /// The moment asked about, as the API takes it.
    pub(super) fn moment(&self) -> Value {
        self.as_of.as_ref().map_or(Value::Null, AsOf::input)
    }

    /// What the log line tells of it.
    fn noted(&self) -> Noted {
        Noted { key: Some(self.caller.key), actor: Some(self.caller.owner), ..Noted::default() }
    }

    /// A page, whether or not it tells of a refusal.
    pub(super) fn answer(&self, page: &impl askama::Template, refused: Option<&Refused>) -> Response {
        let status = refused.map_or(StatusCode::OK, |refused| refusal::status(&refused.code));
        let text = page.render().expect("a page of texts can be written out");
        let mut response = (status, axum::response::Html(text)).into_response();
        let code = refused.map(|refused| refused.code.clone().into());
        if let Some(seconds) = refused.and_then(|refused| refused.retry_after_seconds) {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(Noted { code, ..self.noted() });
        response
    }

    /// After something was done: the page that shows it, at a path from the root.
    pub(super) fn go_to(&self, path: &str) -> Response {
        self.app.running.notices.leave(&self.secret, path);
        let mut response = see_other(&format!("{}{path}", self.root));
        response.extensions_mut().insert(self.noted());
        response
    }

    /// The page at a path from the root, at the moment that this one is asked about.
    pub(super) fn lead_to(&self, path: &str) -> Response {
        let path = self.as_of.as_ref().map_or_else(|| path.to_owned(), |as_of| as_of.kept_in(path));
        let mut response = see_other(&format!("{}{path}", self.root));
        response.extensions_mut().insert(self.noted());
        response
    }

    /// What was just done by this session, if the address names it and nobody was told yet.
    pub(super) fn done(&self) -> Option<&str> {
        self.query.get(DONE).filter(|word| self.app.running.notices.take(&self.secret, word))
    }

    /// Whether the key is not narrowed so far that it leaves this out.
    pub(super) fn permits(&self, permission: Permission) -> bool {
        self.caller.scopes.permit(permission)
    }

    /// The only tenant in which the key acts, if it is only one.
    pub(super) fn confined_to(&self) -> Option<TenantId> {
        match &self.caller.actor {
            Actor::Holder(holder) => holder.confined_to,
            Actor::Console | Actor::Server => None,
        }
    }

    /// A page for administrators of the tenant is shown to nobody else: what is on it would be refused.
    pub(super) fn for_administrators(&self) -> Result<(), Refusal> {
        if self.caller.role == Some(Role::Administrator) && self.permits(Permission::Administer) {
            return Ok(());
        }
        let message =
            "only administrators of this tenant do this; ask one of them, or sign in with a key that may";
        Err(self.refusal(&Refused::new("FORBIDDEN", message)))
    }

    /// Whether the key was shown lately enough for a new secret to be seen.
    pub(super) fn is_proved(&self) -> bool {
        self.proved.load(Ordering::Relaxed)
    }

    /// A new secret is shown, and somebody is given more rights, only if the key was shown lately: an open session on an
    /// empty chair is not enough.
    pub(super) fn proven(&self, fields: &Fields) -> Result<(), Refused> {
        match fields.get("proof") {
            Some(shown) => self.prove(shown),
            None if self.is_proved() => Ok(()),
            None => {
                let message =
                    "paste the key that you signed in with once more: this is done only for whoever holds it";
                Err(Refused::new("PROOF_MISSING", message))
            }
        }
    }

    /// Somebody shows the key again: whether it is one of theirs, and accepted.
    fn prove(&self, shown: &str) -> Result<(), Refused> {
        match self.app.let_in(shown, self.visitor, None) {
            Ok(let_in)
                if let_in.caller.key == self.caller.key && let_in.caller.credential == Credential::Key =>
            {
                self.app.authority.prove_session(&self.secret);
                self.proved.store(true, Ordering::Relaxed);
                Ok(())
            }
            Ok(_) => {
                let message = "this is not the key that you signed in with; paste that one";
                Err(Refused::new("OTHER_KEY", message))
            }
            Err(refused) => Err(not_let_in(&refused)),
        }
    }
}

/// The same words as on every interface, but that a form has a field in the place of a header.
pub(super) fn not_let_in(refused: &NotLetIn) -> Refused {
    let message = match refused {
        NotLetIn::Denied(Denial { denied: Denied::Malformed, .. }) => {
            "this cannot be a key: paste the whole of it, and nothing else".to_owned()
        }
        _ => refused.message(),
    };
    Refused { retry_after_seconds: refused.retry_after_seconds(), ..Refused::new(refused.code(), message) }
}

/// The key is accepted, and from elsewhere.
const WRONG_ADDRESS: Denied = Denied::Refused(CredentialRefusal::AddressNotAllowed);

/// The one session of those shown that goes on. If several do, somebody else gave this browser one of them, and none is
/// taken; signing in ends them all. None: nothing was shown.
pub(super) fn resumed<'a>(
    app: &App,
    shown: &[&'a str],
    visitor: Visitor,
    presence: Presence,
) -> Result<(&'a str, Resumed), Option<SessionOver>> {
    let mut found = None;
    let mut over = None;
    for secret in shown {
        match app.authority.resume_session(secret, visitor.address, presence, app.sessions) {
            Ok(_) if found.is_some() => return Err(Some(SessionOver::NoSession)),
            Ok(resumed) => found = Some((*secret, resumed)),
            // Why a key is refused says more than that there is no session.
            Err(SessionOver::NoSession) if over.is_some() => {}
            Err(why) => over = Some(why),
        }
    }
    found.ok_or(over)
}

/// A relative redirection, which a browser follows by GET.
pub(super) fn see_other(to: &str) -> Response {
    let location = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("./"));
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

impl IntoResponse for NoVisit {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refusal) => refusal.into_response(),
            Self::SignIn { root, then, why, unsent, forget } => {
                let mut query = form_urlencoded::Serializer::new(String::new());
                if !then.is_empty() {
                    query.append_pair("then", &then);
                }
                if let Some(why) = why {
                    query.append_pair("why", why);
                }
                if unsent {
                    query.append_pair(UNSENT, "yes");
                }
                let query = query.finish();
                let mark = if query.is_empty() { "" } else { "?" };
                let mut response = see_other(&format!("{root}ui/sign-in{mark}{query}"));
                let code = why.unwrap_or("CREDENTIAL_MISSING");
                response.extensions_mut().insert(Noted { code: Some(code.into()), ..Noted::default() });
                if let Some(transport) = forget {
                    response.headers_mut().insert(SET_COOKIE, transport.forget());
                }
                response
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_was_sent_too_late_leads_back_to_its_page() {
        for (sent, page) in [
            ("/ui/keys/new", "ui/keys/new"),
            ("/ui/keys/1/rename", "ui/keys/1"),
            ("/ui/keys/1/revoke", "ui/keys/1/revoke"),
            ("/ui/keys/find", "ui/keys"),
            ("/ui/accounts/1/remove", "ui/accounts/1/remove"),
            ("/ui/accounts/1/resume", "ui/accounts"),
            ("/ui/members/1/role", "ui/members"),
            ("/ui/members/find", "ui/members"),
            ("/ui/tenants/policy", "ui/tenants"),
            ("/ui/signing-keys", "ui/signing-keys"),
            ("/ui/deployment/people/1/resume", "ui/deployment/people/1/resume"),
        ] {
            assert_eq!(page_of(sent), page, "{sent}");
        }
    }
}
