//! The GraphQL handler: GraphQL over HTTP, with what existing clients need.
//!
//! POST takes JSON; GET takes queries only, so that no link changes anything. A failed authentication
//! answered as `application/json` is 200 with `UNAUTHENTICATED` in the errors, because existing clients
//! look there; as `application/graphql-response+json` it is 401. On success there is no `errors` member.

use std::borrow::Cow;

use authority::usage::UseWay;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, RawQuery, State};
use axum::http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::actor::Way;
use juniper::{GraphQLError, InputValue, OperationType, ValidatedOperation, Variables};
use serde::Deserialize;
use serde_json::{Value, json};

use super::context::Context;
use super::errors::{harmless, unauthenticated};
use super::root_fields::{ROOT_FIELDS_MAX, within_limit};
use crate::bearer;
use crate::refusal::challenge;
use crate::request_log::{Id, Noted};
use crate::state::App;

const JSON: &str = "application/json";
const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";

/// A request of GraphQL over HTTP.
#[derive(Deserialize)]
struct Request {
    query: String,
    #[serde(default, rename = "operationName")]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Option<Value>,
}

/// Whether a request may change anything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Allowed {
    QueriesOnly,
    Everything,
}

/// `POST`: a JSON body with `query`, `variables` (an object, or a string of JSON) and `operationName`.
pub(crate) async fn post(
    State(app): State<App>,
    Extension(id): Extension<Id>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let media = Media::of(&headers);
    let body = match body {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return media.refuse(rejection.status(), "PAYLOAD_TOO_LARGE", "the body is larger than 256 KiB");
        }
        Err(rejection) => {
            return media.refuse(rejection.status(), "BODY_UNREADABLE", "the body could not be read");
        }
    };
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(JSON) {
        let message = "send the request as application/json";
        return media.refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message);
    }
    // serde reads a struct from an array, too; that would look like a batch.
    let object = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    match serde_json::from_slice::<Request>(if object { &body } else { b"" }) {
        Ok(request) => answer(app, id, headers, media, request, Allowed::Everything).await,
        Err(error) => {
            let message = format!("the body must be one JSON object with a query: {error}");
            media.refuse(StatusCode::BAD_REQUEST, "REQUEST_MALFORMED", &message)
        }
    }
}

/// `GET`: the same as query parameters, for queries only.
pub(crate) async fn get(
    State(app): State<App>,
    Extension(id): Extension<Id>,
    headers: HeaderMap,
    RawQuery(parameters): RawQuery,
) -> Response {
    let media = Media::of(&headers);
    let parameters = parameters.unwrap_or_default();
    let parameter = |name: &str| {
        let found = form_urlencoded::parse(parameters.as_bytes()).find(|(known, _)| known == name);
        found.map(|(_, value)| value.into_owned())
    };
    let Some(query) = parameter("query") else {
        return media.refuse(StatusCode::BAD_REQUEST, "REQUEST_MALFORMED", "the parameter query is missing");
    };
    let variables = parameter("variables").map(Value::String);
    let request = Request { query, operation_name: parameter("operationName"), variables };
    answer(app, id, headers, media, request, Allowed::QueriesOnly).await
}

async fn answer(
    app: App,
    id: Id,
    headers: HeaderMap,
    media: Media,
    request: Request,
    allowed: Allowed,
) -> Response {
    let caller = match bearer::authenticate(&app.authority, &headers, UseWay::GraphQl) {
        Ok(caller) => caller,
        Err(denial) => return media.unauthenticated(denial),
    };
    let variables = match variables(request.variables) {
        Ok(variables) => variables,
        Err(message) => return media.refuse(StatusCode::BAD_REQUEST, "VARIABLES_MALFORMED", &message),
    };
    let noted = Noted { code: None, key: Some(caller.key), actor: Some(caller.owner) };
    let context = Context { authority: app.authority.clone(), caller, request: id.by(Way::GraphQl) };
    let (query, operation_name) = (request.query, request.operation_name);
    // The ledger is read and waited for: not on a thread that other requests wait for.
    let run = move || {
        if !within_limit(&query, &app.schema) {
            let message = format!("an operation may have at most {ROOT_FIELDS_MAX} root fields");
            return media.refuse(StatusCode::BAD_REQUEST, "TOO_MANY_ROOT_FIELDS", &message);
        }
        let operation = match ValidatedOperation::new(&query, operation_name.as_deref(), &app.schema) {
            Ok(operation) => operation,
            Err(error) => return media.malformed(&error),
        };
        if operation.operation_type() != OperationType::Query && allowed == Allowed::QueriesOnly {
            let message = "GET takes queries only; send a mutation by POST";
            let mut response = media.refuse(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        match operation.execute_sync(&variables, &context) {
            Ok((data, errors)) => media.executed(&data, &errors),
            Err(error) => media.malformed(&error),
        }
    };
    match tokio::task::spawn_blocking(run).await {
        Ok(mut response) => {
            let code = response.extensions().get::<Noted>().and_then(|noted| noted.code.clone());
            response.extensions_mut().insert(Noted { code, ..noted });
            response
        }
        Err(_) => {
            media.refuse(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "the server failed; its log says why")
        }
    }
}

/// Variables as an object, as a string of JSON (existing clients), or none.
fn variables(given: Option<Value>) -> Result<Variables, String> {
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

/// The media type of the answer, as the caller accepts it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Media {
    Json,
    GraphQlResponse,
}

impl Media {
    /// The newer type only for those who ask for it.
    fn of(headers: &HeaderMap) -> Self {
        let accepts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut named = accepts.flat_map(|value| value.split(','));
        let newer = named.any(|part| part.split(';').next().unwrap_or_default().trim() == GRAPHQL_RESPONSE);
        if newer { Self::GraphQlResponse } else { Self::Json }
    }

    fn executed(
        self,
        data: &juniper::Value,
        errors: &[juniper::ExecutionError<juniper::DefaultScalarValue>],
    ) -> Response {
        if errors.is_empty() {
            return self.reply(StatusCode::OK, json!({"data": data}), None);
        }
        let errors = json!(errors);
        let extensions = &errors[0]["extensions"];
        let code =
            extensions["reason"].as_str().or(extensions["code"].as_str()).unwrap_or("EXECUTION_FAILED");
        let code = code.to_owned();
        self.reply(StatusCode::OK, json!({"data": data, "errors": errors}), Some(code.into()))
    }

    fn unauthenticated(self, denial: authority::Denial) -> Response {
        let status = match self {
            Self::Json => StatusCode::OK,
            Self::GraphQlResponse => StatusCode::UNAUTHORIZED,
        };
        let body = json!({"errors": [unauthenticated(denial.denied)], "data": null});
        let mut response = self.reply(status, body, None);
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge(denial.denied));
        let noted = Noted { code: Some(denial.denied.code().into()), key: denial.key, actor: None };
        response.extensions_mut().insert(noted);
        response
    }

    fn malformed(self, error: &GraphQLError) -> Response {
        let (code, errors) = match error {
            GraphQLError::ParseError(_) => {
                ("GRAPHQL_PARSE_FAILED", vec![json!({"message": error.to_string()})])
            }
            GraphQLError::ValidationError(rules) => {
                ("GRAPHQL_VALIDATION_FAILED", rules.iter().map(|rule| json!(rule)).collect())
            }
            GraphQLError::NoOperationProvided
            | GraphQLError::MultipleOperationsProvided
            | GraphQLError::UnknownOperationName
            | GraphQLError::IsSubscription
            | GraphQLError::NotSubscription
            | GraphQLError::NotSupported(_) => {
                ("OPERATION_RESOLUTION_FAILED", vec![json!({"message": error.to_string()})])
            }
        };
        let coded = errors.into_iter().map(|mut error| {
            error["message"] = json!(harmless(error["message"].as_str().unwrap_or_default()));
            error["extensions"] = json!({"code": code});
            error
        });
        let body = json!({"errors": coded.collect::<Vec<_>>()});
        self.reply(StatusCode::BAD_REQUEST, body, Some(code.into()))
    }

    fn refuse(self, status: StatusCode, code: &'static str, message: &str) -> Response {
        let message = harmless(message);
        let body = json!({"errors": [{"message": message, "extensions": {"code": code}}]});
        self.reply(status, body, Some(code.into()))
    }

    fn reply(self, status: StatusCode, body: Value, code: Option<Cow<'static, str>>) -> Response {
        let content_type = match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphQlResponse => "application/graphql-response+json; charset=utf-8",
        };
        let headers = [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-store")];
        let mut response = (status, headers, body.to_string()).into_response();
        response.extensions_mut().insert(Noted { code, key: None, actor: None });
        response
    }
}
