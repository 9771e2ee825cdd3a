//! `POST /oauth/token`: client_credentials of RFC 6749, section 4.4, and the token exchange of RFC 8693.
//!
//! A key is the client's secret, or the subject token; scope and audience only narrow.

use authority::{ExchangeError, Minted, Wanted};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, PRAGMA};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use credentials::claims::Audience;
use domain::ids::TenantId;
use domain::role::Scopes;
use serde::Serialize;

use super::client::Client;
use super::error::{OAuthError, invalid_request, invalid_scope, invalid_target};
use super::form::Form;
use crate::let_in::{LetIn, NotLetIn};
use crate::rate::Standing;
use crate::request_log::Noted;
use crate::state::App;
use crate::visitor::Visitor;

const CLIENT_CREDENTIALS: &str = "client_credentials";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// Our name for an API key as a subject token.
const API_KEY: &str = "urn:keyledger:params:oauth:token-type:api-key";

/// The answer of RFC 6749, section 5.1, and RFC 8693, section 2.2.1.
#[derive(Serialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    token_type: &'static str,
    expires_in: u64,
    /// Absent: the token is not narrowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// Mints a token for a key.
pub(crate) async fn token(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, OAuthError> {
    let form = Form::of(&headers, body)?;
    match form.get("grant_type") {
        Some(CLIENT_CREDENTIALS) => client_credentials(&app, visitor, &headers, &form),
        Some(TOKEN_EXCHANGE) => token_exchange(&app, visitor, &headers, &form),
        Some(_) => Err(OAuthError::new(
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
            "GRANT_TYPE",
            "grant_type must be client_credentials or urn:ietf:params:oauth:grant-type:token-exchange",
        )),
        None => Err(invalid_request("grant_type is missing")),
    }
}

fn client_credentials(
    app: &App,
    visitor: Visitor,
    headers: &HeaderMap,
    form: &Form,
) -> Result<Response, OAuthError> {
    let wanted = wanted(form)?;
    let LetIn { caller, rate } = Client::let_in(app, visitor, headers, form, wanted.tenant)?;
    let minted = app.authority.mint(caller, wanted).map_err(exchange_error)?;
    Ok(answer(minted, rate, None))
}

/// The subject token is proof enough: a client need not present itself. One that does, must be one. A bearer's
/// header presents no client, and is passed over.
fn token_exchange(
    app: &App,
    visitor: Visitor,
    headers: &HeaderMap,
    form: &Form,
) -> Result<Response, OAuthError> {
    let basic =
        |value: &HeaderValue| value.as_bytes().get(..6).is_some_and(|it| it.eq_ignore_ascii_case(b"basic "));
    let presented = headers.get_all(AUTHORIZATION).iter().any(basic) || form.get("client_secret").is_some();
    let client = presented.then(|| Client::of(headers, form)).transpose()?;
    let subject = form.get("subject_token");
    // Whoever shows the same key as client and as subject shows it once: of its rate, too.
    let itself = client.as_ref().filter(|client| subject == Some(client.secret.as_str()));
    if let (Some(client), None) = (&client, itself) {
        client.enter(app, visitor, None)?;
    }
    let subject = subject.ok_or(invalid_request("subject_token is missing"))?;
    match form.get("subject_token_type") {
        Some(API_KEY | ACCESS_TOKEN) => {}
        Some(_) => {
            return Err(invalid_request(&format!("subject_token_type must be {API_KEY} or {ACCESS_TOKEN}")));
        }
        None => return Err(invalid_request("subject_token_type is missing")),
    }
    let issued = match form.get("requested_token_type") {
        None | Some(ACCESS_TOKEN) => ACCESS_TOKEN,
        Some(JWT) => JWT,
        Some(_) => {
            return Err(invalid_request(&format!("requested_token_type must be {ACCESS_TOKEN} or {JWT}")));
        }
    };
    if form.get("actor_token").is_some() || form.get("actor_token_type").is_some() {
        return Err(invalid_request("actor_token is not supported"));
    }
    let wanted = wanted(form)?;
    let LetIn { caller, rate } = match itself {
        Some(client) => client.enter(app, visitor, wanted.tenant)?,
        None => app
            .let_in(subject, visitor, wanted.tenant)
            .map_err(|refused| bad_subject(OAuthError::at(refused, wanted.tenant)))?,
    };
    let minted = app.authority.mint(caller, wanted).map_err(exchange_error)?;
    Ok(answer(minted, rate, Some(issued)))
}

/// What the request wants of its token.
fn wanted(form: &Form) -> Result<Wanted, OAuthError> {
    let scopes = form.get("scope").map(Scopes::parse).transpose();
    let scopes = scopes.map_err(|error| invalid_scope("SCOPE_INVALID", &error.to_string()))?;
    let tenant = form.get("tenant").map(TenantId::parse).transpose();
    let tenant = tenant.map_err(|_| invalid_target("tenant must be the id of a tenant"))?;
    if !form.all("resource").all(is_absolute_uri) {
        // RFC 8707, section 2.
        return Err(invalid_target("resource must be an absolute URI without a fragment"));
    }
    let targets: Vec<_> = form.all("resource").chain(form.all("audience")).collect();
    let audience = match targets.as_slice() {
        [] => None,
        targets => {
            let audience = Audience::of(targets.iter().copied());
            Some(audience.map_err(|error| invalid_target(&error.to_string()))?)
        }
    };
    Ok(Wanted { tenant, scopes, audience })
}

/// A scheme and something after it, without a fragment (RFC 3986, section 4.3).
fn is_absolute_uri(target: &str) -> bool {
    let Some((scheme, rest)) = target.split_once(':') else { return false };
    let in_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(in_scheme)
        && !rest.is_empty()
        && !rest.contains('#')
}

fn answer(minted: Minted, rate: Option<Standing>, issued_token_type: Option<&'static str>) -> Response {
    let scope = match &minted.scopes {
        Scopes::All => None,
        Scopes::Only(list) => {
            Some(list.as_slice().iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "))
        }
    };
    let body = TokenAnswer {
        access_token: minted.token,
        issued_token_type,
        token_type: "Bearer",
        expires_in: minted.expires_in_seconds,
        scope,
    };
    let mut response = ([(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")], Json(body)).into_response();
    let noted = Noted::of(&LetIn { caller: minted.caller, rate });
    response.extensions_mut().insert(noted);
    response
}

/// RFC 8693, section 2.2.2: whatever is wrong with the subject token is an invalid request.
fn bad_subject(refusal: OAuthError) -> OAuthError {
    match refusal.status {
        StatusCode::UNAUTHORIZED => {
            OAuthError { status: StatusCode::BAD_REQUEST, error: "invalid_request", ..refusal }
        }
        _ => refusal,
    }
}

fn exchange_error(error: ExchangeError) -> OAuthError {
    let message = error.to_string();
    match error {
        ExchangeError::Denied(denial) => bad_subject(NotLetIn::from(denial).into()),
        ExchangeError::NotAKey => {
            OAuthError::new(StatusCode::BAD_REQUEST, "invalid_request", "NOT_A_KEY", &message)
        }
        ExchangeError::ScopesNotHeld => invalid_scope("SCOPES_NOT_HELD", &message),
        ExchangeError::NoTenant | ExchangeError::AudienceReserved => invalid_target(&message),
        ExchangeError::NoSigningKey => OAuthError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            "NO_SIGNING_KEY",
            &message,
        ),
    }
}
