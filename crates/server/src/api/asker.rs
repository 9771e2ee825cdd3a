//! Whoever asks the API, let in before anything else of the request is looked at; and how they are answered.

use std::sync::Arc;

use authority::compose::Composed;
use authority::usage::UseWay;
use authority::{Authority, Caller, Done, Failure, InputError};
use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::actor::{IdempotencyKey, Way};
use domain::rejection::Rejection;
use serde_json::Value;

use crate::bearer;
use crate::in_turn::in_turn;
use crate::let_in::{LetIn, NotLetIn};
use crate::refusal::RestError;
use crate::request_log::{Id, Noted};
use crate::state::App;
use crate::visitor::Visitor;

/// A caller's own name for an attempt, which is not carried out twice under it.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Whoever asks.
pub(crate) struct Asker {
    app: App,
    noted: Noted,
    asked: Asked,
}

/// What an answer is made of: the authority, who asks, and in which request.
pub(super) struct Asked {
    pub(super) authority: Arc<Authority>,
    pub(super) caller: Caller,
    request: authority::Request,
}

impl FromRequestParts<App> for Asker {
    type Rejection = RestError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, RestError> {
        let visitor = Visitor::of(app, UseWay::Rest, &parts.headers, &parts.extensions);
        let let_in = bearer::authenticate(app, &parts.headers, visitor).map_err(not_let_in)?;
        let noted = Noted::of(&let_in);
        let LetIn { caller, rate: _ } = let_in;
        let id: Id = *parts.extensions.get().expect("every request is given its id before it is routed");
        let idempotency_key = idempotency_key(&parts.headers)?;
        let request = authority::Request { idempotency_key, ..id.by(Way::Rest) };
        let authority = Arc::clone(&app.authority);
        Ok(Self { app: app.clone(), noted, asked: Asked { authority, caller, request } })
    }
}

/// These clients know 401 and 403 as refusals, and take anything else for a fault of the server: at 429 they try again,
/// for minutes. That is for a key that is used too often, and not for one that nobody has.
fn not_let_in(refused: NotLetIn) -> RestError {
    let guessed = matches!(refused, NotLetIn::TooManyGuesses { .. });
    let error = RestError::unauthorized(refused);
    if guessed { error.with_status(StatusCode::UNAUTHORIZED) } else { error }
}

/// The text of the header, with or without the quotation marks that its draft wants.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, RestError> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let rule = "give 1 to 128 visible ASCII characters";
    let malformed = || Failure::from(InputError::Malformed { field: "Idempotency-Key", rule });
    let text = value.to_str().map_err(|_| malformed())?;
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    Ok(Some(IdempotencyKey::parse(bare).ok_or_else(malformed)?))
}

impl Asker {
    /// Answers with what is made of the ledger, or with why it is not.
    pub(super) async fn answer(
        self,
        make: impl FnOnce(&Asked) -> Result<Response, Failure> + Send + 'static,
    ) -> Response {
        let Self { app, noted, asked } = self;
        let made = in_turn(&app, move |_| make(&asked)).await;
        let mut response = made.and_then(|made| made.map_err(refused)).unwrap_or_else(|e| e.into_response());
        let code = response.extensions().get::<Noted>().and_then(|noted| noted.code.clone());
        response.extensions_mut().insert(Noted { code, ..noted });
        response
    }

    /// Answers that it is refused, to somebody who was let in.
    pub(super) fn refuse(self, error: RestError) -> Response {
        let mut response = error.into_response();
        let code = response.extensions().get::<Noted>().and_then(|noted| noted.code.clone());
        response.extensions_mut().insert(Noted { code, ..self.noted });
        response
    }
}

impl Asked {
    /// Carries a command out in the caller's name, and waits until it lasts.
    pub(super) fn execute(&self, composed: Composed) -> Result<Done, Failure> {
        self.authority.execute(&self.caller.actor, &self.request, composed)
    }

    /// The same as one of several commands of a request, which have no name of their own to be repeated under.
    pub(super) fn execute_one_of(&self, composed: Composed) -> Result<Done, Failure> {
        let request = authority::Request { idempotency_key: None, ..self.request.clone() };
        self.authority.execute(&self.caller.actor, &request, composed)
    }
}

/// What has ended is gone for these clients, whatever they want to do with it.
fn refused(failure: Failure) -> RestError {
    let gone = matches!(failure, Failure::Rejected(Rejection::Removed(_)));
    let error = RestError::from(failure);
    if gone { error.with_status(StatusCode::NOT_FOUND) } else { error }
}

/// 200, 201 and the like, with a body that no cache keeps.
pub(super) fn answered(status: StatusCode, body: Value) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// 204: done, and there is nothing to say.
pub(super) fn done() -> Response {
    (StatusCode::NO_CONTENT, [(CACHE_CONTROL, "no-store")]).into_response()
}
