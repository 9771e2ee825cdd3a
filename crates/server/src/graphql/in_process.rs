//! An operation that a page of this server asks for: by the same schema, with the same rights and bounds as any other.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use authority::{Caller, Request};
use juniper::{OperationType, ValidatedOperation};
use serde_json::{Value, json};

use super::asked::Asked;
use super::budget::Budget;
use super::context::Context;
use super::gate::Busy;
use super::handler::variables;
use super::progress::{Progress, Waiting};
use crate::deadline;
use crate::state::App;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The stable code.
    pub(crate) code: String,
    /// What is wrong, and what to do next.
    pub(crate) message: String,
    /// In how many seconds to try again, if that is all there is to do.
    pub(crate) retry_after_seconds: Option<u64>,
    /// The field of a form that it is about: its id and its label.
    pub(crate) field: Option<(&'static str, &'static str)>,
}

impl Refused {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), retry_after_seconds: None, field: None }
    }

    /// The same about a field of a form.
    pub(crate) fn at(self, field: (&'static str, &'static str)) -> Self {
        Self { field: Some(field), ..self }
    }
}

impl App {
    /// Runs a document of this server's own in the caller's name. One error of a field is the answer's.
    pub(crate) async fn operate(
        &self,
        caller: Caller,
        request: Request,
        document: &'static str,
        given: Value,
        until: Instant,
    ) -> Result<Value, Refused> {
        let variables = variables(Some(given)).map_err(|why| Refused::new("VARIABLES_MALFORMED", why))?;
        let busy = "too many operations are under way; nothing was carried out, so try again";
        let turn = self.running.operations.turn().await.map_err(|Busy| Refused::new("BUSY", busy))?;
        let (authority, schema) = (Arc::clone(&self.authority), Arc::clone(&self.schema));
        let progress = Arc::new(Progress::default());
        let ours = Waiting(Arc::clone(&progress));
        let run = move || {
            let _turn = turn;
            let operation = match ValidatedOperation::new(document, None, &schema) {
                Ok(operation) => operation,
                Err(error) => return Err(malformed(document, &error.to_string())),
            };
            let changes = operation.operation_type() != OperationType::Query;
            if changes && !progress.begin() {
                return Err(Refused::new("TIMEOUT", deadline::TIMEOUT));
            }
            let (budget, told) = (Budget::of(Asked::by(document, &schema)), Mutex::default());
            let context = Context { authority, caller, request, agent: None, budget, told, progress };
            match operation.execute_sync(&variables, &context) {
                Ok((data, errors)) => match errors.first() {
                    None => Ok(json!(data)),
                    Some(error) => Err(first(&json!(error))),
                },
                Err(error) => Err(malformed(document, &error.to_string())),
            }
        };
        let span = tracing::Span::current();
        let run = tokio::task::spawn_blocking(move || span.in_scope(run));
        match tokio::time::timeout_at(until.into(), run).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Refused::new("INTERNAL", "the server failed; its log says why")),
            Err(_) if ours.0.give_up() => Err(Refused::new("TIMEOUT", deadline::TIMEOUT)),
            Err(_) => Err(Refused::new("UNKNOWN_OUTCOME", deadline::UNKNOWN_OUTCOME)),
        }
    }
}

fn first(error: &Value) -> Refused {
    let extensions = &error["extensions"];
    let code = extensions["reason"].as_str().or(extensions["code"].as_str()).unwrap_or("EXECUTION_FAILED");
    Refused::new(code, error["message"].as_str().unwrap_or_default())
}

/// A value that a page was given does not fit the type of its variable. What that type is called says nothing to whoever
/// filled in a form; the log has it.
fn malformed(document: &str, why: &str) -> Refused {
    tracing::debug!(document, why, "a document of a page was not carried out");
    let message = "something that was filled in, or stands in the address, is not of its kind: look at times, numbers and ids again";
    Refused::new("VARIABLES_MALFORMED", message)
}
