//! `/auth/client`: a person lets a program on their own computer have a key, by pasting one of theirs and agreeing.
//!
//! The program waits on a loopback address, and only to one is anything handed over. The key that is pasted is shown to
//! this server and to nobody else: what is handed over is a new one, with a name and an end. The browser hands it over, for
//! the server may be on another machine.

mod callback;
mod page;
mod same_origin;

use authority::compose::KeyInput;
use authority::{Authority, Caller, Failure};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::actor::Way;
use domain::key::Owner;
use domain::limits::KeyLimits;
use domain::names::Name;
use domain::rejection::Rejection;
use domain::time::Timestamp;
use zeroize::Zeroizing;

use crate::in_turn::in_turn;
use crate::let_in::LetIn;
use crate::made::{key_created, shown};
use crate::oauth::form::Form;
use crate::refusal::RestError;
use crate::request_log::{Id, Noted};
use crate::state::App;
use crate::visitor::Visitor;

use callback::Callback;
use page::Outcome;

pub(crate) use page::{program, style};

/// How long a key made here lives, unless its tenants allow less.
const KEY_LIFE_DAYS: u64 = 90;
/// What a program is called that does not say.
const CLIENT: &str = "prefect";
/// The most characters of a program's name.
const CLIENT_CHARS_MAX: usize = 40;

/// What a program asks for.
struct Asked {
    callback: Callback,
    client: String,
}

/// A key that was made for a program.
struct Handed {
    key: Zeroizing<String>,
    name: String,
    expires_at: Option<Timestamp>,
}

/// `GET /auth/client?callback=URL[&source=NAME]`: asks the person.
pub(crate) async fn ask(RawQuery(query): RawQuery) -> Response {
    match Form::parse(query.unwrap_or_default().as_bytes())
        .ok()
        .ok_or_else(no_callback)
        .and_then(|form| Asked::of(&form))
    {
        Ok(asked) => page::question(&asked, None),
        Err(error) => page::refusal(&error),
    }
}

/// `POST /auth/client`: what the person decided, from the page's own form.
pub(crate) async fn answer(
    State(app): State<App>,
    Extension(id): Extension<Id>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    if !same_origin::holds(&headers, app.authority.issuer()) {
        let message = "this form was sent from another site, or by a program that does not say from where; \
                       open the page that your program shows, and use its own form";
        return page::refusal(&RestError::new(StatusCode::FORBIDDEN, "OTHER_ORIGIN", message));
    }
    let form = match body {
        Ok(body) => Form::parse(&body).ok().ok_or_else(no_callback),
        Err(rejection) => {
            let message = "the form could not be read, or is larger than 256 KiB";
            Err(RestError::new(rejection.status(), "PAYLOAD_TOO_LARGE", message))
        }
    };
    let (form, asked) = match form.and_then(|form| Asked::of(&form).map(|asked| (form, asked))) {
        Ok(read) => read,
        Err(error) => return page::refusal(&error),
    };
    if form.get("decision") != Some("agree") {
        return page::outcome(&asked, &Outcome::Refused);
    }
    // Pasted text has blanks and ends of lines around it.
    let pasted = Zeroizing::new(form.get("key").unwrap_or_default().trim().to_owned());
    drop(form);
    if pasted.is_empty() {
        let message = "paste a key of yours, and then agree";
        let error = RestError::new(StatusCode::UNAUTHORIZED, "CREDENTIAL_MISSING", message);
        return page::question(&asked, Some(&error));
    }
    let let_in = match app.let_in(&pasted, visitor, None) {
        Ok(let_in) => let_in,
        Err(refused) => return page::question(&asked, Some(&RestError::unauthorized(refused))),
    };
    let noted = Noted::of(&let_in);
    let LetIn { caller, rate: _ } = let_in;
    let (request, client) = (id.by(Way::Ui), asked.client.clone());
    let made = in_turn(&app, move |authority| make(authority, &caller, &request, &client)).await;
    let mut response = match made.and_then(|made| made.map_err(RestError::from)) {
        Ok(handed) => page::outcome(&asked, &Outcome::Agreed(handed)),
        Err(error) => page::question(&asked, Some(&error)),
    };
    let code = response.extensions().get::<Noted>().and_then(|noted| noted.code.clone());
    response.extensions_mut().insert(Noted { code, ..noted });
    response
}

impl Asked {
    fn of(form: &Form) -> Result<Self, RestError> {
        let callback = form.get("callback").ok_or_else(no_callback)?;
        let callback = Callback::parse(callback).map_err(|error| {
            RestError::new(StatusCode::BAD_REQUEST, "CALLBACK_NOT_LOOPBACK", error.to_string())
        })?;
        let named = |name: &&str| {
            let plain =
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
            plain && name.len() <= CLIENT_CHARS_MAX
        };
        // A name that is none is not worth a refusal: it is only shown.
        let client = form.get("source").filter(named).unwrap_or(CLIENT).to_owned();
        Ok(Self { callback, client })
    }

    /// What the new key will be called.
    fn key_name(&self) -> String {
        key_name(&self.client)
    }
}

fn key_name(client: &str) -> String {
    format!("{client} (browser login)")
}

fn no_callback() -> RestError {
    let message = "no program asks for a key here: the address needs ?callback= with the URL on which one waits; \
                   start `prefect cloud login` again";
    RestError::new(StatusCode::BAD_REQUEST, "CALLBACK_NOT_LOOPBACK", message)
}

/// A key as wide as the one that was pasted, of the same owner, with an end.
fn make(
    authority: &Authority,
    caller: &Caller,
    request: &authority::Request,
    client: &str,
) -> Result<Handed, Failure> {
    let owner = match caller.owner {
        Owner::User(user) => user.bytes(),
        Owner::ServiceAccount(account) => account.bytes(),
    };
    let (owner, reach) = authority.place_of_key(caller, owner, None)?;
    let name = Name::parse(&key_name(client))?;
    let mut life_seconds = KEY_LIFE_DAYS * 24 * 60 * 60;
    loop {
        let expires_at = Some(authority.now().plus_seconds(life_seconds));
        let (scopes, limits) = (caller.scopes.clone(), KeyLimits::default());
        let key = KeyInput { name: name.clone(), expires_at, scopes, limits };
        let mut composed = authority.create_key(owner, reach, &key)?;
        let secret = composed.key.take();
        match authority.execute(&caller.actor, request, composed) {
            Ok(done) => {
                let expires_at = key_created(&done.recorded).and_then(|(_, end)| end);
                let key = shown(&done, secret).expect("what is asked without a name is done now").into();
                return Ok(Handed { key, name: name.as_str().to_owned(), expires_at });
            }
            // Each tenant of the user may have a bound of its own; they only become shorter.
            Err(Failure::Rejected(Rejection::KeyLifeTooLong { seconds_max, .. }))
                if seconds_max < life_seconds =>
            {
                life_seconds = seconds_max;
            }
            Err(failure) => return Err(failure),
        }
    }
}
