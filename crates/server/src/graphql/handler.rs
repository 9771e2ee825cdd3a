//! The GraphQL handler: GraphQL over HTTP, with what existing clients need.
//!
//! POST takes JSON; GET takes queries only, so that no link changes anything. A failed authentication
//! answered as `application/json` is 200 with `UNAUTHENTICATED` in the errors, because existing clients
//! look there; as `application/graphql-response+json` it is 401. On success there is no `errors` member.

use std::sync::{Arc, Mutex, PoisonError};

use authority::{Credential, Denial, Denied};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, RawQuery, State};
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use credentials::claims::ClaimsError;
use domain::actor::Way;
use domain::ids::AgentId;
use juniper::{InputValue, OperationType, ValidatedOperation, Variables};
use serde_json::Value;

use super::asked;
use super::budget::Budget;
use super::context::Context;
use super::explorer;
use super::gate;
use super::introspection;
use super::media::{Media, NotAcceptable, is_utf8, names_html};
use super::progress::{Progress, Waiting};
use super::request::Request;
use super::tenant_tokens::RENEWING;
use super::variable_types;
use crate::bearer;
use crate::deadline::{self, Deadline};
use crate::interface::Interface;
use crate::let_in::NotLetIn;
use crate::request_log::{Id, Noted};
use crate::state::App;
use crate::visitor::Visitor;

/// The most root fields of one operation.
const ROOT_FIELDS_MAX: usize = 10;

/// By which agents that registered name themselves.
const AGENT_HEADER: HeaderName = HeaderName::from_static("x-prefect-agent-id");

/// Whether a request may change anything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Allowed {
    QueriesOnly,
    Everything,
}

/// What is asked, and how it is to be answered.
struct Asked {
    request: Request,
    allowed: Allowed,
    media: Media,
    deadline: Deadline,
}

/// `POST`: a JSON body with `query`, `variables` (an object, or a string of JSON) and `operationName`.
pub(crate) async fn post(
    State(app): State<App>,
    Extension(id): Extension<Id>,
    visitor: Visitor,
    Extension(deadline): Extension<Deadline>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let media = match Media::of(&headers) {
        Ok(media) => media,
        Err(NotAcceptable) => return not_acceptable(),
    };
    let body = match body {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return media.refuse(rejection.status(), "PAYLOAD_TOO_LARGE", "the body is larger than 256 KiB");
        }
        Err(rejection) => {
            return media.refuse(rejection.status(), "BODY_UNREADABLE", "the body could not be read");
        }
    };
    if !is_json(&headers) {
        let message = "send the request as application/json, in UTF-8";
        return media.refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message);
    }
    match Request::parse(&body) {
        Ok(request) => {
            let asked = Asked { request, allowed: Allowed::Everything, media, deadline };
            answer(app, id, visitor, &headers, asked).await
        }
        Err(message) => media.refuse(StatusCode::BAD_REQUEST, "REQUEST_MALFORMED", &message),
    }
}

/// `GET`: the same as query parameters, for queries only. Browsers that ask nothing get the explorer.
pub(crate) async fn get(
    State(app): State<App>,
    Extension(id): Extension<Id>,
    visitor: Visitor,
    Extension(deadline): Extension<Deadline>,
    headers: HeaderMap,
    RawQuery(parameters): RawQuery,
) -> Response {
    let parameters = parameters.unwrap_or_default();
    let parameter = |name: &str| {
        let found = form_urlencoded::parse(parameters.as_bytes()).find(|(known, _)| known == name);
        found.map(|(_, value)| value.into_owned())
    };
    let query = parameter("query");
    if query.is_none() && names_html(&headers) {
        return explorer::page(&headers);
    }
    let media = match Media::of(&headers) {
        Ok(media) => media,
        Err(NotAcceptable) => return not_acceptable(),
    };
    let Some(query) = query else {
        return media.refuse(StatusCode::BAD_REQUEST, "REQUEST_MALFORMED", "the parameter query is missing");
    };
    let extensions = parameter("extensions").map(|text| serde_json::from_str(&text)).transpose();
    let Ok(extensions) = extensions else {
        let message = "the parameter extensions must hold a JSON object";
        return media.refuse(StatusCode::BAD_REQUEST, "REQUEST_MALFORMED", message);
    };
    let variables = parameter("variables").map(Value::String);
    let operation_name = parameter("operationName");
    let request = Request { query, operation_name, variables, _extensions: extensions };
    let asked = Asked { request, allowed: Allowed::QueriesOnly, media, deadline };
    answer(app, id, visitor, &headers, asked).await
}

async fn answer(app: App, id: Id, visitor: Visitor, headers: &HeaderMap, asked: Asked) -> Response {
    let Asked { request, allowed, media, deadline: Deadline(deadline) } = asked;
    let let_in = match bearer::authenticate_or_renew(&app, headers, visitor) {
        Ok(let_in) => let_in,
        Err(refused) => return media.not_let_in(&refused),
    };
    let variables = match variables(request.variables) {
        Ok(variables) => variables,
        Err(message) => return media.refuse(StatusCode::BAD_REQUEST, "VARIABLES_MALFORMED", &message),
    };
    let noted = Noted::of(&let_in);
    let agent = agent(headers);
    let caller = let_in.caller;
    let (authority, by) = (app.authority.clone(), id.by(Way::GraphQl));
    let (query, operation_name) = (request.query, request.operation_name);
    let progress = Arc::new(Progress::default());
    let ours = Waiting(Arc::clone(&progress));
    let turn = match app.running.operations.turn().await {
        Ok(turn) => turn,
        Err(gate::Busy) => {
            let message = "too many operations are under way; nothing was carried out, so try again";
            let mut response = Interface::GraphQl(media).busy(message, gate::RETRY_AFTER_SECONDS);
            response.extensions_mut().insert(Noted { code: Some("BUSY".into()), ..noted });
            return response;
        }
    };
    // The ledger is read and waited for: not on a thread that other requests wait for.
    let run = move || {
        // To the end of the operation, also if nobody waits for it any more.
        let _turn = turn;
        // It may have waited for its thread until nobody waits for it any more.
        if std::time::Instant::now() >= deadline {
            return media.late("TIMEOUT", deadline::TIMEOUT);
        }
        let asks = asked::Asked::by(&query, &app.schema);
        if asks.root_fields > ROOT_FIELDS_MAX {
            let message = format!("an operation may have at most {ROOT_FIELDS_MAX} root fields");
            return media.refuse_operation("TOO_MANY_ROOT_FIELDS", &message);
        }
        if let Credential::Refresh(claims) = &caller.credential
            && !asked::only(RENEWING, &query, &app.schema)
        {
            let denied = Denied::Claims(ClaimsError::Audience);
            return media.not_let_in(&NotLetIn::Denied(Denial { denied, key: Some(claims.key) }));
        }
        if let Some(message) = variable_types::unknown(&query, &app.schema) {
            return media.refuse_operation("GRAPHQL_VALIDATION_FAILED", &message);
        }
        let operation = match ValidatedOperation::new(&query, operation_name.as_deref(), &app.schema) {
            Ok(operation) => operation,
            Err(error) => return media.malformed(&error),
        };
        if introspection::goes_around(&query, &app.schema) {
            let message = "what is asked of the schema goes around in it or has aliases: ask for fields of types once, and for what \
                           those lead to by name";
            return media.refuse_operation("ANSWER_TOO_LARGE", message);
        }
        let changes = operation.operation_type() != OperationType::Query;
        if changes && allowed == Allowed::QueriesOnly {
            let message = "GET takes queries only; send a mutation by POST";
            let mut response = media.refuse(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        if changes && !progress.begin() {
            return media.late("TIMEOUT", deadline::TIMEOUT);
        }
        let (budget, told) = (Budget::of(asks), Mutex::default());
        let context = Context { authority, caller, request: by, agent, budget, told, progress };
        match operation.execute_sync(&variables, &context) {
            Ok((data, errors)) => {
                let told = context.told.into_inner().unwrap_or_else(PoisonError::into_inner);
                media.executed(&data, &errors, told)
            }
            Err(error) => media.malformed(&error),
        }
    };
    let span = tracing::Span::current();
    let run = tokio::task::spawn_blocking(move || span.in_scope(run));
    let mut response = match tokio::time::timeout_at(deadline.into(), run).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            media.refuse(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "the server failed; its log says why")
        }
        Err(_) if ours.0.give_up() => media.late("TIMEOUT", deadline::TIMEOUT),
        Err(_) => media.late("UNKNOWN_OUTCOME", deadline::UNKNOWN_OUTCOME),
    };
    let code = response.extensions().get::<Noted>().and_then(|noted| noted.code.clone());
    response.extensions_mut().insert(Noted { code, ..noted });
    response
}

/// The agent that asks, by its own word: what is no id names none.
fn agent(headers: &HeaderMap) -> Option<AgentId> {
    headers.get(AGENT_HEADER)?.to_str().ok().and_then(|text| AgentId::parse(text.trim()).ok())
}

/// Whether the body is JSON in UTF-8, the one encoding that JSON has (RFC 8259, section 8.1).
fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    let json = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    let utf8 = |parameter: &str| match parameter.split_once('=') {
        Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => is_utf8(charset.trim()),
        Some(_) | None => true,
    };
    json && parts.all(utf8)
}

fn not_acceptable() -> Response {
    let message = "answers are application/json or application/graphql-response+json, in UTF-8; accept one";
    Media::AnyJson.refuse(StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE", message)
}

/// Variables as an object, as a string of JSON (existing clients), or none.
pub(super) fn variables(given: Option<Value>) -> Result<Variables, String> {
    let object = match given {
        None | Some(Value::Null) => return Ok(Variables::default()),
        Some(Value::String(text)) => serde_json::from_str(&text)
            .map_err(|error| format!("variables: a string must hold JSON: {error}"))?,
        Some(value) => value,
    };
    match object {
        Value::Null => Ok(Variables::default()),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| {
                let value: InputValue =
                    serde_json::from_value(value).map_err(|error| format!("variables.{name}: {error}"))?;
                Ok((name, value))
            })
            .collect(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err("variables must be an object, or a string that holds one".to_owned())
        }
    }
}
