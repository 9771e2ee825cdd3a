//! Setting up: who follows the link that a fresh server printed makes the first tenant, its administrator and that
//! user's key, which is shown this once.
//!
//! It is the one page that does something which the API does not offer: there is nobody yet who could ask it.

use askama::Template;
use authority::compose::{self, TenantInput, UserInput};
use authority::set_up::NotSetUp;
use authority::{Authority, Failure, Initialised};
use axum::Extension;
use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{Html, IntoResponse as _, Response};
use domain::actor::Way;
use domain::event::TenantPolicy;
use domain::names::{Email, Slug};
use zeroize::Zeroizing;

use super::cookie::Transport;
use super::fault::{self, Field, Meant};
use super::form::Fields;
use super::refusal::Refusal;
use super::root::Root;
use crate::graphql::in_process::Refused;
use crate::in_turn::in_turn;
use crate::request_log::{Id, Noted};
use crate::state::App;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "set_up.html")]
struct Form<'a> {
    root: Root,
    code: &'a str,
    tenant: String,
    tenant_name: String,
    email: String,
    name: String,
    error: Option<Refused>,
}

#[derive(Template)]
#[template(path = "set_up_done.html")]
struct Made<'a> {
    root: Root,
    tenant: &'a str,
    email: &'a str,
    secret: &'a str,
}

/// `GET /ui/set-up?code=…`
pub(super) async fn form(
    State(app): State<App>,
    OriginalUri(address): OriginalUri,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let root = Root::of(address.path());
    let query = Fields::parse(address.query().unwrap_or_default().as_bytes());
    let code = Zeroizing::new(query.text("code"));
    let shown = code.clone();
    checked(&app, root, visitor, move |authority| authority.check_set_up_code(&shown)).await?;
    Ok(page(root, &code, &Fields::default(), None))
}

/// `POST /ui/set-up`
pub(super) async fn set_up(
    State(app): State<App>,
    OriginalUri(address): OriginalUri,
    Extension(id): Extension<Id>,
    visitor: Visitor,
    transport: Transport,
    fields: Fields,
) -> Result<Response, Refusal> {
    let root = Root::of(address.path());
    let code = Zeroizing::new(fields.text("code"));
    let shown = code.clone();
    // First of all: whoever has no good code hears of nothing else.
    checked(&app, root, visitor, move |authority| authority.check_set_up_code(&shown)).await?;
    let (tenant, administrator) = match wanted(&fields) {
        Ok(wanted) => wanted,
        Err(refused) => return Ok(page(root, &code, &fields, Some(refused))),
    };
    let (slug, email) = (tenant.slug.clone(), administrator.email.clone());
    let request = id.by(Way::Ui);
    let made = checked(&app, root, visitor, move |authority| {
        authority.set_up(&code, &request, &tenant, &administrator)
    });
    let Initialised { key_string, .. } = made.await?;
    let secret = key_string.expose();
    let page = Made { root, tenant: slug.as_str(), email: email.as_str(), secret };
    let text = page.render().expect("a page of texts can be written out");
    let mut response = Html(text).into_response();
    // The page with the key comes first, whatever becomes of the session.
    if let Ok(let_in) = app.let_in(secret, visitor, None) {
        let session = app.authority.open_session(&let_in.caller, app.sessions);
        response.headers_mut().insert(SET_COOKIE, transport.keep(&session));
        response.extensions_mut().insert(Noted::of(&let_in));
    }
    Ok(response)
}

/// Asks the authority, and words what it refuses. A code that does not count is a guess, as an unknown key is.
async fn checked<T: Send + 'static>(
    app: &App,
    root: Root,
    visitor: Visitor,
    ask: impl FnOnce(&Authority) -> Result<T, NotSetUp> + Send + 'static,
) -> Result<T, Refusal> {
    let asked = in_turn(app, ask).await;
    let asked = asked.map_err(|busy| Refusal::new(root, busy.status(), busy.code(), busy.message()))?;
    asked.map_err(|refused| {
        if refused == NotSetUp::BadCode
            && let Err(seconds) = app.running.guesses.count(visitor.address)
        {
            return Refusal::too_many_guesses(root, seconds);
        }
        Refusal::new(root, status(&refused), refused.code(), &refused.to_string())
    })
}

fn status(refused: &NotSetUp) -> StatusCode {
    match refused {
        NotSetUp::Done => StatusCode::CONFLICT,
        NotSetUp::BadCode => StatusCode::FORBIDDEN,
        NotSetUp::Failed(failure) => crate::refusal::status_of(failure),
    }
}

const TENANT: Field = ("tenant", "Short name of your first tenant");
const EMAIL: Field = ("email", "Your e-mail address");

/// What is to be made, by the rules that `init` follows.
fn wanted(fields: &Fields) -> Result<(TenantInput, UserInput), Refused> {
    let missing = |field, message| Refused::new("FORM_INVALID", message).at(field);
    let slug = fields.get("tenant");
    let slug = slug.ok_or(missing(TENANT, "give your first tenant a short name, such as acme"))?;
    let email = fields.get("email");
    let email = email.ok_or(missing(EMAIL, "give your e-mail address: by it you are known here"))?;
    let refused = |failure: Failure| {
        let meant = [
            Meant { field: TENANT, codes: &[], word: Some("a slug") },
            Meant { field: EMAIL, codes: &[], word: Some("e-mail address") },
        ];
        fault::about(Refused::new(failure.code(), failure.to_string()), &meant)
    };
    let parse = || -> Result<_, Failure> {
        let slug = Slug::parse(slug)?;
        let name = compose::name(fields.get("tenant_name").unwrap_or(slug.as_str()))?;
        let tenant = TenantInput { slug, name, policy: TenantPolicy::default() };
        let name = fields.get("name").map(compose::name).transpose()?;
        Ok((tenant, UserInput { email: Email::parse(email)?, name }))
    };
    parse().map_err(refused)
}

fn page(root: Root, code: &str, fields: &Fields, error: Option<Refused>) -> Response {
    let form = Form {
        root,
        code,
        tenant: fields.text("tenant"),
        tenant_name: fields.text("tenant_name"),
        email: fields.text("email"),
        name: fields.text("name"),
        error,
    };
    let status = if form.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let text = form.render().expect("a page of texts can be written out");
    let mut response = (status, Html(text)).into_response();
    let code = form.error.map(|refused| refused.code.into());
    response.extensions_mut().insert(Noted { code, ..Noted::default() });
    response
}
