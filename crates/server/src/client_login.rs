//! `/auth/client`: a person who is signed in, or pastes a key of theirs, lets a program on their own computer have one.
//!
//! The program waits on a loopback address, and only to one is anything handed over. The key that is pasted is shown to
//! this server and to nobody else: what is handed over is a new one, with a name and an end. The browser hands it over, for
//! the server may be on another machine. A new secret is for whoever held the key lately: who signed in longer ago pastes it
//! once more.

mod callback;
mod page;
mod same_origin;

use authority::compose::{self, KeyInput};
use authority::{AsOf, Authority, Caller, Failure};
use axum::body::Bytes;
use axum::extract::{Extension, FromRequest as _, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::actor::Way;
use domain::key::Owner;
use domain::limits::KeyLimits;
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
use crate::ui::SignedIn;
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

/// Who is at the browser, as far as it is known.
struct Person {
    signed_in: SignedIn,
    /// An address or a name.
    name: String,
}

/// `GET /auth/client?callback=URL[&source=NAME]`: asks the person.
pub(crate) async fn ask(
    State(app): State<App>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let form = Form::parse(query.unwrap_or_default().as_bytes()).ok().ok_or_else(no_callback);
    match form.and_then(|form| Asked::of(&form)) {
        Ok(asked) => {
            let signed_in = SignedIn::of(&app, request.headers(), request.extensions(), &visitor);
            page::question(&asked, person(&app, signed_in).await.as_ref(), None)
        }
        Err(error) => page::refusal(&error),
    }
}

/// What somebody who is signed in is called. Whose name cannot be read is not told who they are, and pastes a key.
async fn person(app: &App, signed_in: Option<SignedIn>) -> Option<Person> {
    let signed_in = signed_in?;
    let caller = signed_in.caller.clone();
    let name = in_turn(app, move |authority| -> Result<_, Failure> {
        let user = authority.own_user(&caller, AsOf::Now)?.value.map(|user| user.email);
        Ok(match user {
            Some(email) => Some(email),
            None => authority.own_service_account(&caller)?.map(|account| account.name),
        })
    });
    Some(Person { name: name.await.ok()?.ok()??, signed_in })
}

/// `POST /auth/client`: what the person decided, from the page's own form.
pub(crate) async fn answer(
    State(app): State<App>,
    Extension(id): Extension<Id>,
    visitor: Visitor,
    request: Request,
) -> Response {
    if !same_origin::holds(request.headers(), app.authority.issuer()) {
        let message = "this form was sent from another site, or by a program that does not say from where; \
                       open the page that your program shows, and use its own form";
        return page::refusal(&RestError::new(StatusCode::FORBIDDEN, "OTHER_ORIGIN", message));
    }
    let signed_in = SignedIn::of(&app, request.headers(), request.extensions(), &visitor);
    let form = match Bytes::from_request(request, &()).await {
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
    let person = person(&app, signed_in).await;
    let let_in = if pasted.is_empty() {
        agreed(&app, person.as_ref(), visitor)
    } else {
        app.let_in(&pasted, visitor, None).map_err(RestError::unauthorized)
    };
    let let_in = match let_in {
        Ok(let_in) => let_in,
        Err(error) => return page::question(&asked, person.as_ref(), Some(&error)),
    };
    let noted = Noted::of(&let_in);
    let LetIn { caller, rate: _ } = let_in;
    let (request, client) = (id.by(Way::Ui), asked.client.clone());
    let made = in_turn(&app, move |authority| make(authority, &caller, &request, &client)).await;
    let mut response = match made.and_then(|made| made.map_err(RestError::from)) {
        Ok(handed) => page::outcome(&asked, &Outcome::Agreed(handed)),
        Err(error) => page::question(&asked, person.as_ref(), Some(&error)),
    };
    let code = response.extensions().get::<Noted>().and_then(|noted| noted.code.clone());
    response.extensions_mut().insert(Noted { code, ..noted });
    response
}

/// Somebody agreed without pasting a key: they must be signed in, and have held the key lately.
fn agreed(app: &App, person: Option<&Person>, visitor: Visitor) -> Result<LetIn, RestError> {
    let missing = |code, message| Err(RestError::new(StatusCode::UNAUTHORIZED, code, message));
    let Some(Person { signed_in, .. }) = person else {
        return missing("CREDENTIAL_MISSING", "paste a key of yours, and then agree");
    };
    if !signed_in.proved {
        let message =
            "paste the key that you signed in with once more: a new secret is only for whoever holds it";
        return missing("PROOF_MISSING", message);
    }
    let let_in = app.within_rate(signed_in.caller.clone()).map_err(RestError::unauthorized)?;
    app.authority.used(&let_in.caller, Some(visitor.kind), visitor.way);
    Ok(let_in)
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
    let name = compose::name(&key_name(client))?;
    let mut life_seconds = KEY_LIFE_DAYS * 24 * 60 * 60;
    loop {
        let expires_at = Some(authority.now().plus_seconds(life_seconds));
        let (scopes, limits) = (caller.scopes.clone(), KeyLimits::default());
        let key = KeyInput { name: name.clone(), expires_at, scopes, limits, note: None };
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
