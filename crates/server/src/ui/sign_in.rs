//! Signing in with a key, and out. The key opens a session and is forgotten: no page, cookie or browser keeps it.

use askama::Template;
use authority::sessions::Presence;
use axum::extract::{OriginalUri, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};

use super::cookie::Transport;
use super::form::Fields;
use super::root::Root;
use super::visit::{UNSENT, not_let_in, resumed, see_other};
use crate::graphql::in_process::Refused;
use crate::request_log::Noted;
use crate::state::App;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    root: Root,
    /// To which page afterwards.
    then: &'a str,
    /// What went wrong, if something did.
    error: Option<&'a str>,
    /// It is the key that was pasted.
    is_wrong: bool,
    /// A form was sent when nobody was signed in any more.
    unsent: bool,
    /// If it is not, nobody can have a key yet.
    is_set_up: bool,
}

impl SignIn<'_> {
    fn page(&self, status: StatusCode) -> Response {
        let text = self.render().expect("a page of texts can be written out");
        (status, Html(text)).into_response()
    }
}

/// Where somebody comes to who asked for no page.
const START: &str = "ui/keys";

/// `GET /ui/sign-in`
pub(super) async fn show(State(app): State<App>, OriginalUri(address): OriginalUri) -> Response {
    let query = Fields::parse(address.query().unwrap_or_default().as_bytes());
    let (then, error) = (within(query.get("then")), query.get("why").and_then(why));
    let is_set_up = app.authority.is_set_up();
    let unsent = query.get(UNSENT).is_some();
    let root = Root::of(address.path());
    SignIn { root, then, error, is_wrong: false, unsent, is_set_up }.page(StatusCode::OK)
}

/// `POST /ui/sign-in`
pub(super) async fn sign_in(
    State(app): State<App>,
    OriginalUri(address): OriginalUri,
    visitor: Visitor,
    transport: Transport,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    let (root, then) = (Root::of(address.path()), within(fields.get("then")));
    let shown = fields.get("key").unwrap_or_default();
    let refuse = |refused: &Refused, status, noted| {
        let is_set_up = app.authority.is_set_up();
        let error = Some(refused.message.as_str());
        let page = SignIn { root, then, error, is_wrong: true, unsent: false, is_set_up };
        let mut response = page.page(status);
        response.extensions_mut().insert(Noted { code: Some(refused.code.clone().into()), ..noted });
        response
    };
    if shown.is_empty() {
        let refused = Refused::new("CREDENTIAL_MISSING", "paste an API key into the field first");
        return refuse(&refused, StatusCode::UNAUTHORIZED, Noted::default());
    }
    // A token lasts minutes, and would open a session for hours.
    if shown.starts_with("eyJ") {
        let message = "this is a short-lived token; sign in with the API key from which it was made";
        return refuse(&Refused::new("NOT_A_KEY", message), StatusCode::UNAUTHORIZED, Noted::default());
    }
    let let_in = match app.let_in(shown, visitor, None) {
        Ok(let_in) => let_in,
        Err(refused) => {
            let retry = refused.retry_after_seconds();
            let status =
                if retry.is_some() { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::UNAUTHORIZED };
            let mut response = refuse(&not_let_in(&refused), status, Noted::refused(&refused));
            if let Some(seconds) = retry {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            return response;
        }
    };
    // The sessions that this browser had, if any, are not left behind.
    for old in transport.read(&headers) {
        app.authority.close_session(old);
    }
    let secret = app.authority.open_session(&let_in.caller, app.sessions);
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("then", then);
    let mut response = see_other(&format!("{root}ui/welcome?{}", query.finish()));
    response.headers_mut().insert(SET_COOKIE, transport.keep(&secret));
    response.extensions_mut().insert(Noted::of(&let_in));
    response
}

/// `GET /ui/welcome`: whether the browser kept the cookie. Over clear text it does not, and must be told why.
pub(super) async fn welcome(
    State(app): State<App>,
    OriginalUri(address): OriginalUri,
    visitor: Visitor,
    transport: Transport,
    headers: HeaderMap,
) -> Response {
    let root = Root::of(address.path());
    let query = Fields::parse(address.query().unwrap_or_default().as_bytes());
    let then = within(query.get("then"));
    if resumed(&app, &transport.read(&headers), visitor, Presence::Page).is_ok() {
        return see_other(&format!("{root}{then}"));
    }
    let error = why("COOKIE_NOT_KEPT");
    SignIn { root, then, error, is_wrong: false, unsent: false, is_set_up: true }
        .page(StatusCode::BAD_REQUEST)
}

/// `POST /ui/sign-out`
pub(super) async fn sign_out(
    State(app): State<App>,
    OriginalUri(address): OriginalUri,
    transport: Transport,
    headers: HeaderMap,
) -> Response {
    for secret in transport.read(&headers) {
        app.authority.close_session(secret);
    }
    let mut response = see_other(&format!("{}ui/sign-in?why=SIGNED_OUT", Root::of(address.path())));
    response.headers_mut().insert(SET_COOKIE, transport.forget());
    response
}

/// A page of ours, or else where everybody begins: a link must not lead anybody elsewhere from here.
pub(super) fn within(then: Option<&str>) -> &str {
    let ours = |then: &&str| {
        let plain = then.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        // A browser reads `%2e` in a path as a dot; no path of ours has anything escaped.
        let path = then.split(['?', '#']).next().unwrap_or_default();
        let steps = then.contains("//") || then.contains("..") || path.contains('%');
        then.starts_with("ui/") && !steps && plain
    };
    then.filter(ours).unwrap_or(START)
}

/// Why somebody stands before this page again. Words of ours only: the code stands in the address.
fn why(code: &str) -> Option<&'static str> {
    let sentence = match code {
        "SIGNED_OUT" => "You are signed out.",
        "SESSION_OVER" => "You were signed out after a while. Sign in again to go on.",
        "COOKIE_NOT_KEPT" => {
            "Your browser did not keep the cookie that signs you in. Reach this server over https, or on the machine itself as http://localhost."
        }
        "KEY_REVOKED" => "The key that you signed in with was revoked. Sign in with another one.",
        "KEY_EXPIRED" => "The key that you signed in with has expired. Sign in with another one.",
        "KEY_DISABLED" => {
            "The key that you signed in with is disabled. Enable it, or sign in with another one."
        }
        "KEY_ROTATED" => "The key that you signed in with was replaced. Sign in with its successor.",
        "ADDRESS_NOT_ALLOWED" => "The key that you signed in with is not accepted from this address.",
        "OWNER_REMOVED" | "OWNER_SUSPENDED" => {
            "The owner of the key that you signed in with is not accepted any more."
        }
        "TENANT_REMOVED" | "TENANT_SUSPENDED" | "MEMBERSHIP_REMOVED" | "NOT_A_MEMBER" => {
            "The key that you signed in with has no tenant any more in which it acts."
        }
        _ => return None,
    };
    Some(sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_signing_in_nobody_is_led_elsewhere() {
        for ours in ["ui/keys", "ui/keys/1?as_of=4", "ui/keys/find?q=a%20b"] {
            assert_eq!(within(Some(ours)), ours);
        }
        for foreign in [
            "",
            "https://example.com",
            "//example.com",
            "ui//example.com",
            "ui/../x",
            "/ui/keys",
            "ui/\\x",
            "ui/a b",
            "ui/%2e%2e/x",
            "ui/%2E./x",
            "ui/keys/%2f%2fexample.com",
            "ui/.%2e/.%2e/?a=%20",
        ] {
            assert_eq!(within(Some(foreign)), START, "{foreign}");
        }
    }
}
