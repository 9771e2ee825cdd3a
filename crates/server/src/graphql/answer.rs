//! Answers: a result, or errors with their codes, with the status that goes with the media type.
//!
//! To who asked for `application/json` by name, every well-formed request is answered 200, as GraphQL over HTTP
//! says; who takes any type is told of a malformed document by 400, which existing clients print best.

use std::borrow::Cow;

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use axum::response::{IntoResponse as _, Response};
use juniper::parser::{ParseError, Spanning};
use juniper::{DefaultScalarValue, ExecutionError, GraphQLError};
use serde_json::{Map, Value, json};

use super::errors::{harmless, not_let_in};
use super::media::Media;
use super::schema::INTROSPECTION_REFUSED;
use crate::let_in::NotLetIn;
use crate::refusal::challenge;
use crate::request_log::Noted;

impl Media {
    /// What an operation gave. On what moment its fields rest is told only if one was asked about: existing clients,
    /// which never do, get the members that they know.
    pub(super) fn executed(
        self,
        data: &juniper::Value,
        errors: &[ExecutionError<DefaultScalarValue>],
        as_of: Map<String, Value>,
    ) -> Response {
        let mut body = json!({"data": data});
        if !as_of.is_empty() {
            body["extensions"] = json!({"as_of": as_of});
        }
        if errors.is_empty() {
            return self.reply(StatusCode::OK, body, None);
        }
        let errors = json!(errors);
        let extensions = &errors[0]["extensions"];
        let code =
            extensions["reason"].as_str().or(extensions["code"].as_str()).unwrap_or("EXECUTION_FAILED");
        let code = code.to_owned();
        let status = self.status_of(data, &errors);
        body["errors"] = errors;
        if status != StatusCode::OK {
            // GraphQL over HTTP: where there are data, the status is 200. Here all of it is null.
            body["data"] = Value::Null;
        }
        self.reply(status, body, Some(code.into()))
    }

    /// Where nothing came of an operation but that the caller may not, the newer media type says so by its status.
    fn status_of(self, data: &juniper::Value, errors: &Value) -> StatusCode {
        let all = |code: &str| {
            let mut errors = errors.as_array().into_iter().flatten();
            errors.all(|error| error["extensions"]["code"] == code)
        };
        // Fields of mutations are null one by one.
        let nothing = match data.as_object_value() {
            Some(fields) => fields.iter().all(|(_, value)| value.is_null()),
            None => data.is_null(),
        };
        match self {
            Self::GraphQlResponse if nothing && all("UNAUTHENTICATED") => StatusCode::UNAUTHORIZED,
            Self::GraphQlResponse if nothing && all("FORBIDDEN") => StatusCode::FORBIDDEN,
            Self::AnyJson | Self::Json | Self::GraphQlResponse => StatusCode::OK,
        }
    }

    /// No credential, one that is not accepted, or not that often. As JSON always 200, and never 429: existing
    /// clients look into the errors, and at a 429 they sleep for minutes.
    pub(super) fn not_let_in(self, refused: &NotLetIn) -> Response {
        let status = match (self, refused) {
            (Self::AnyJson | Self::Json, _) => StatusCode::OK,
            (Self::GraphQlResponse, NotLetIn::Denied(_) | NotLetIn::TooManyGuesses { .. }) => {
                StatusCode::UNAUTHORIZED
            }
            (Self::GraphQlResponse, NotLetIn::RateLimited { .. }) => StatusCode::FORBIDDEN,
        };
        let body = json!({"errors": [not_let_in(refused)], "data": null});
        let mut response = self.reply(status, body, None);
        if let NotLetIn::Denied(denial) = refused {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge(denial.denied));
        }
        // Only where the status says that it was refused.
        if let (Self::GraphQlResponse, Some(seconds)) = (self, refused.retry_after_seconds()) {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(Noted::refused(refused));
        response
    }

    /// A document that does not parse, is not valid, or names no operation.
    pub(super) fn malformed(self, error: &GraphQLError) -> Response {
        let (code, errors) = match error {
            GraphQLError::ParseError(error) => (code_of(&error.item), vec![not_parsed(error)]),
            GraphQLError::ValidationError(rules)
                if rules.iter().any(|rule| rule.message().starts_with(INTROSPECTION_REFUSED)) =>
            {
                let message = "introspection is off on this server: __schema and __type cannot be asked for";
                ("INTROSPECTION_OFF", vec![json!({"message": message})])
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
        self.reply(self.status_of_request_error(), body, Some(code.into()))
    }

    /// A document that is well formed, and asks for more than is allowed.
    pub(super) fn refuse_operation(self, code: &'static str, message: &str) -> Response {
        self.refuse(self.status_of_request_error(), code, message)
    }

    /// An operation that took too long. Existing clients send a request again that is answered 503, which must not
    /// happen to a mutation: they are told in the errors.
    pub(super) fn late(self, code: &'static str, message: &str) -> Response {
        let status = match self {
            Self::AnyJson | Self::Json => StatusCode::OK,
            Self::GraphQlResponse => StatusCode::SERVICE_UNAVAILABLE,
        };
        self.refuse(status, code, message)
    }

    /// A request that is not answered with a result.
    pub(crate) fn refuse(self, status: StatusCode, code: &'static str, message: &str) -> Response {
        let message = harmless(message);
        let body = json!({"errors": [{"message": message, "extensions": {"code": code}}]});
        self.reply(status, body, Some(code.into()))
    }

    const fn status_of_request_error(self) -> StatusCode {
        match self {
            Self::Json => StatusCode::OK,
            Self::AnyJson | Self::GraphQlResponse => StatusCode::BAD_REQUEST,
        }
    }

    fn reply(self, status: StatusCode, body: Value, code: Option<Cow<'static, str>>) -> Response {
        let headers = [(CONTENT_TYPE, self.content_type()), (CACHE_CONTROL, "no-store"), (VARY, "Accept")];
        let mut response = (status, headers, body.to_string()).into_response();
        response.extensions_mut().insert(Noted { code, ..Noted::default() });
        response
    }
}

/// The parser also counts, and reads numbers: what it refuses then is a document all the same.
fn code_of(error: &ParseError) -> &'static str {
    let validation = match error {
        ParseError::DepthLimitExceeded(_)
        | ParseError::TokenLimitExceeded(_)
        | ParseError::FieldLimitExceeded(_) => true,
        ParseError::UnexpectedToken(token) => is_beyond_int(token),
        ParseError::UnexpectedEndOfFile | ParseError::LexerError(_) | ParseError::ExpectedScalarError(_) => {
            false
        }
    };
    if validation { "GRAPHQL_VALIDATION_FAILED" } else { "GRAPHQL_PARSE_FAILED" }
}

/// What the parser says, with line and column counted from 1 (GraphQL, section 7.1.2).
fn not_parsed(error: &Spanning<ParseError>) -> Value {
    let mut told = json!(error);
    if let ParseError::UnexpectedToken(token) = &error.item
        && is_beyond_int(token)
    {
        told["message"] = json!(format!("{token} is beyond Int, which has 32 bits"));
    }
    told
}

/// Whether a token is an integer that GraphQL's Int does not hold.
fn is_beyond_int(token: &str) -> bool {
    let digits = token.strip_prefix('-').unwrap_or(token);
    let integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    integer && token.parse::<i32>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_told_that_an_int_does_not_hold() {
        for beyond in ["2147483648", "-2147483649", "99999999999999999999999"] {
            assert!(is_beyond_int(beyond), "{beyond}");
        }
        for other in ["2147483647", "-2147483648", "0", "", "-", "1.5", "}", "x"] {
            assert!(!is_beyond_int(other), "{other}");
        }
    }
}
