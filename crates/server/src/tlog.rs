//! `/tlog/…`: the log for tools that are not ours. Checkpoint, tiles and entries of C2SP tlog-tiles, and proofs.
//!
//! The prefix of the log is `/tlog`. Whoever may read checkpoints and hashes is a setting; entries are of every tenant,
//! so they are for operators and auditors of the deployment.

use std::sync::Arc;

use authority::Caller;
use authority::usage::UseWay;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::time::Position;

use crate::bearer;
use crate::named::Named;
use crate::refusal::RestError;
use crate::request_log::Noted;
use crate::state::{App, TlogAccess};
use crate::visitor::Visitor;

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";

/// How long an answer may be kept, and by whom.
#[derive(Clone, Copy)]
enum Life {
    /// It is another in a moment.
    Moment,
    /// It never changes.
    Ever,
}

/// `GET /tlog/checkpoint`: the latest checkpoint, a signed note.
///
/// Whoever shows a credential gets one that covers all that was acknowledged before. To anybody else it may be a second
/// old, as it may be in a cache between: strangers do not make the server sign and sync as often as they like. Where there
/// are witnesses, it is the latest that they signed, if they did so in the last seconds: tools that ask for cosignatures, and know
/// this path only, find them.
pub(crate) async fn checkpoint(State(app): State<App>, request: Request) -> Result<Response, RestError> {
    let visit = Visit::of(&app, &request)?;
    let known = visit.caller.is_some();
    let sign = move |app: &App| {
        if known { app.authority.checkpoint_of_now() } else { app.authority.checkpoint() }
    };
    let note = waited(&app, sign).await??;
    Ok(visit.answer(TEXT, Life::Moment, note.into_bytes()))
}

/// `GET /tlog/checkpoint/cosigned`: the latest checkpoint that witnesses signed, however old.
pub(crate) async fn cosigned_checkpoint(
    State(app): State<App>,
    request: Request,
) -> Result<Response, RestError> {
    let visit = Visit::of(&app, &request)?;
    let note = waited(&app, |app| app.authority.cosigned_checkpoint()).await??.ok_or_else(not_cosigned)?;
    Ok(visit.answer(TEXT, Life::Moment, note.into_bytes()))
}

/// `GET /tlog/verifier-key`: what checks the signatures of checkpoints. Learn it in another way, too.
pub(crate) async fn verifier_key(State(app): State<App>, request: Request) -> Result<Response, RestError> {
    let visit = Visit::of(&app, &request)?;
    let key = app.authority.verifier_key().ok_or(authority::Failure::NoCheckpoint)?;
    Ok(visit.answer(TEXT, Life::Moment, format!("{key}\n").into_bytes()))
}

/// `GET /tlog/tile/<L>/<N>[.p/<W>]` and `GET /tlog/tile/entries/<N>[.p/<W>]`.
pub(crate) async fn tile(
    State(app): State<App>,
    Named(path): Named<String>,
    request: Request,
) -> Result<Response, RestError> {
    if let Some(path) = path.strip_prefix("entries/") {
        return entries(&app, path, Visit::with_a_credential(&app, &request)?).await;
    }
    let visit = Visit::of(&app, &request)?;
    let tile = authority::proof::Tile::parse(&path).ok_or_else(no_tile)?;
    let hashes = waited(&app, move |app| app.authority.tile(&tile)).await??;
    Ok(visit.answer(BYTES, Life::Ever, hashes.ok_or_else(no_tile)?))
}

async fn entries(app: &App, path: &str, visit: Visit) -> Result<Response, RestError> {
    let caller = Arc::clone(visit.caller.as_ref().expect("a credential was shown"));
    let bundle = authority::proof::Bundle::parse(path).ok_or_else(no_tile)?;
    let entries = waited(app, move |app| app.authority.entries(&caller, &bundle)).await??;
    Ok(visit.answer(BYTES, Life::Ever, entries.ok_or_else(no_tile)?))
}

/// `GET /tlog/proof/<position>`: a `.tlog-proof` that the log has the event there.
pub(crate) async fn proof(
    State(app): State<App>,
    Named(position): Named<String>,
    request: Request,
) -> Result<Response, RestError> {
    let visit = Visit::of(&app, &request)?;
    let digits = position.bytes().all(|digit| digit.is_ascii_digit());
    let position: u64 = position.parse().ok().filter(|_| digits).ok_or_else(no_event)?;
    let caller = visit.caller.clone();
    let receipt =
        waited(&app, move |app| app.authority.receipt(caller.as_deref(), Position::new(position))).await??;
    let proof = receipt.ok_or_else(no_event)?.proof.to_string();
    Ok(visit.answer(TEXT, Life::Moment, proof.into_bytes()))
}

/// A visitor who may read what is asked for.
struct Visit {
    caller: Option<Arc<Caller>>,
    noted: Option<Noted>,
    shared: bool,
}

impl Visit {
    /// Anybody, if the log is open and no credential is shown; else whoever shows one that is accepted.
    fn of(app: &App, request: &Request) -> Result<Self, RestError> {
        let shown = request.headers().contains_key(axum::http::header::AUTHORIZATION);
        if app.tlog_access == TlogAccess::Open && !shown {
            return Ok(Self { caller: None, noted: None, shared: true });
        }
        Self::with_a_credential(app, request)
    }

    fn with_a_credential(app: &App, request: &Request) -> Result<Self, RestError> {
        let visitor = Visitor::of(app, UseWay::Rest, request.headers(), request.extensions());
        let let_in = bearer::authenticate(app, request.headers(), visitor)?;
        let noted = Some(Noted::of(&let_in));
        Ok(Self { caller: Some(Arc::new(let_in.caller)), noted, shared: false })
    }

    fn answer(self, media: &'static str, life: Life, body: Vec<u8>) -> Response {
        let cached = match (life, self.shared) {
            (Life::Moment, true) => "public, max-age=1",
            (Life::Moment, false) => "private, no-cache",
            (Life::Ever, true) => "public, max-age=31536000, immutable",
            (Life::Ever, false) => "private, max-age=31536000, immutable",
        };
        let mut response = body.into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cached));
        headers.insert(VARY, HeaderValue::from_static("Authorization"));
        if let Some(noted) = self.noted {
            response.extensions_mut().insert(noted);
        }
        response
    }
}

/// Runs what reads the ledger, or waits for the disk, where no request waits for the thread.
async fn waited<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&App) -> T + Send + 'static,
) -> Result<T, RestError> {
    let (app, span) = (app.clone(), tracing::Span::current());
    tokio::task::spawn_blocking(move || span.in_scope(|| work(&app))).await.map_err(|_| {
        RestError::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "the server failed; its log says why")
    })
}

fn not_cosigned() -> RestError {
    RestError::new(
        StatusCode::NOT_FOUND,
        "NOT_COSIGNED",
        "no witness has signed a checkpoint of this log; name some with --witness, or see the server's log for what they answer",
    )
}

fn no_tile() -> RestError {
    RestError::new(
        StatusCode::NOT_FOUND,
        "NO_SUCH_TILE",
        "the latest checkpoint covers no such tile; fetch /tlog/checkpoint, and only what its size names",
    )
}

fn no_event() -> RestError {
    RestError::new(StatusCode::NOT_FOUND, "NO_SUCH_EVENT", "the log has no event at this position")
}
