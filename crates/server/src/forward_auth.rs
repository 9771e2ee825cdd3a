//! `GET /forward-auth`: a proxy asks about each request that it is about to pass on, and is told who it comes from.
//!
//! 204 with the identity in headers, else 401 or 403 with the code: the only statuses that proxies such as nginx take for an
//! answer. Nothing of the identity is read from the request: what it claims in headers of these names counts for nothing,
//! and the proxy must write its own over them.

use std::borrow::Cow;

use authority::Caller;
use authority::usage::UseWay;
use axum::extract::{Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::ids::{Id, TEXT_BYTES, TenantId};
use domain::key::Owner;
use domain::role::{Role, Scopes};

use crate::bearer;
use crate::held::holds;
use crate::let_in::NotLetIn;
use crate::refusal::RestError;
use crate::request_log::Noted;
use crate::state::App;
use crate::visitor::Visitor;

/// Whose credential it is: the id of a user or of a service account.
const SUBJECT: HeaderName = HeaderName::from_static("x-keyledger-subject");
/// `user` or `service_account`.
const KIND: HeaderName = HeaderName::from_static("x-keyledger-kind");
/// The tenant in which they act; absent for an operator without a living membership.
const TENANT: HeaderName = HeaderName::from_static("x-keyledger-tenant");
/// Their role there; absent like the tenant.
const ROLE: HeaderName = HeaderName::from_static("x-keyledger-role");
/// The key shown, or the one from which the token shown was minted.
const KEY_ID: HeaderName = HeaderName::from_static("x-keyledger-key-id");
/// `yes` or `no`: whether the credential is narrowed. Always there, for proxies drop a header that is empty.
const NARROWED: HeaderName = HeaderName::from_static("x-keyledger-narrowed");
/// What the credential is narrowed to, with spaces between; absent if to nothing, or not at all.
const SCOPES: HeaderName = HeaderName::from_static("x-keyledger-scopes");
/// The position of the log as of which all this is true.
const POSITION: HeaderName = HeaderName::from_static("x-keyledger-position");
/// The code of a refusal, for a proxy that sees no bodies.
const CODE: HeaderName = HeaderName::from_static("x-keyledger-code");

/// What the proxy wants of whoever asks.
#[derive(Default)]
struct Wanted {
    /// In which tenant they must act; none: in any of theirs.
    tenant: Option<TenantId>,
    /// What the credential must include.
    scopes: Option<Scopes>,
}

/// `?tenant=ID&scope=A+B`, both optional, each at most once.
pub(crate) async fn forward_auth(State(app): State<App>, request: Request) -> Response {
    let wanted = match request.uri().query().map(Wanted::parse) {
        None => Wanted::default(),
        Some(Ok(wanted)) => wanted,
        // The proxy's own mistake, which it must see: it passes nothing on.
        Some(Err(error)) => return error.into_response(),
    };
    let visitor = Visitor::of(&app, UseWay::Shown, request.headers(), request.extensions());
    let let_in = match bearer::authenticate_in(&app, request.headers(), visitor, wanted.tenant) {
        Ok(let_in) => let_in,
        Err(refused) => return not_let_in(refused),
    };
    let lacking = |scopes: &Scopes| !holds(&let_in.caller, scopes);
    let Some(scopes) = wanted.scopes.filter(lacking) else {
        let mut response = identity(&let_in.caller);
        Noted::routine(&let_in, &mut response);
        return response;
    };
    let mut response = refuse(RestError::lacking(&listed(&scopes)));
    let code = response.extensions().get::<Noted>().and_then(|noted| noted.code.clone());
    response.extensions_mut().insert(Noted { code, ..Noted::of(&let_in) });
    response
}

impl Wanted {
    fn parse(query: &str) -> Result<Self, RestError> {
        let malformed = |message: &str| RestError::new(StatusCode::BAD_REQUEST, "REQUEST_MALFORMED", message);
        let mut wanted = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let repeated = match &*name {
                "tenant" => {
                    let tenant = TenantId::parse(&value).map_err(|e| malformed(&format!("tenant: {e}")))?;
                    wanted.tenant.replace(tenant).is_some()
                }
                "scope" => {
                    let scopes = Scopes::parse(&value).map_err(|e| malformed(&format!("scope: {e}")))?;
                    wanted.scopes.replace(scopes).is_some()
                }
                _ => return Err(malformed("only the parameters tenant and scope are known here")),
            };
            if repeated {
                return Err(malformed("a parameter is repeated; give several scopes with spaces between"));
            }
        }
        Ok(wanted)
    }
}

/// 204, with who asks. Every proxied request pays for this: nothing in it is copied that need not be.
fn identity(caller: &Caller) -> Response {
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.reserve(9);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match caller.owner {
        Owner::User(id) => {
            insert_id(headers, SUBJECT, id);
            headers.insert(KIND, HeaderValue::from_static("user"));
        }
        Owner::ServiceAccount(id) => {
            insert_id(headers, SUBJECT, id);
            headers.insert(KIND, HeaderValue::from_static("service_account"));
        }
    }
    insert_id(headers, KEY_ID, caller.key);
    if let Some(tenant) = caller.tenant {
        insert_id(headers, TENANT, tenant);
    }
    if let Some(role) = caller.role.map(Role::as_str) {
        headers.insert(ROLE, HeaderValue::from_static(role));
    }
    let narrowed = matches!(&caller.scopes, Scopes::Only(_));
    headers.insert(NARROWED, HeaderValue::from_static(if narrowed { "yes" } else { "no" }));
    let scopes = listed(&caller.scopes);
    if !scopes.is_empty() {
        headers.insert(SCOPES, visible(&scopes));
    }
    headers.insert(POSITION, caller.position.number().into());
    response
}

fn insert_id<K>(headers: &mut HeaderMap, name: HeaderName, id: Id<K>) {
    headers.insert(name, visible(id.text(&mut [0; TEXT_BYTES])));
}

fn visible(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("ids and scopes are visible ASCII")
}

fn listed(scopes: &Scopes) -> Cow<'_, str> {
    match scopes {
        Scopes::All => "".into(),
        Scopes::Only(list) => {
            let texts: Vec<_> = list.as_slice().iter().map(|scope| scope.as_str()).collect();
            texts.join(" ").into()
        }
    }
}

/// 401 for whoever has no credential that is accepted; 403 for one that is, but not this often.
fn not_let_in(refused: NotLetIn) -> Response {
    let status = match &refused {
        NotLetIn::Denied(_) | NotLetIn::TooManyGuesses { .. } => StatusCode::UNAUTHORIZED,
        NotLetIn::RateLimited { .. } => StatusCode::FORBIDDEN,
    };
    refuse(RestError::from(refused).with_status(status))
}

fn refuse(error: RestError) -> Response {
    let code = error.code();
    let mut response = error.into_response();
    response.headers_mut().insert(CODE, HeaderValue::from_static(code));
    response
}
