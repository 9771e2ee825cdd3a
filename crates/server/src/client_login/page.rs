//! The pages, written out by hand: whatever comes from outside is escaped where it is written.
//!
//! They load nothing but their own two files. Only the page that hands over runs a script, and that script may connect to
//! the callback that was checked, and to nothing else.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::{Asked, Handed, KEY_LIFE_DAYS, Person};
use crate::conditional;
use crate::refusal::RestError;

const STYLE: &str = include_str!("style.css");
const PROGRAM: &str = include_str!("hand_over.js");

/// What every page may do: load its style, send its form here, and be framed by nobody.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What came of it.
pub(super) enum Outcome {
    /// The person agreed.
    Agreed(Handed),
    /// The person did not.
    Refused,
}

/// `GET /auth/client.css`
pub(crate) async fn style(asked: HeaderMap) -> Response {
    file(&asked, "text/css; charset=utf-8", STYLE)
}

/// `GET /auth/client.js`
pub(crate) async fn program(asked: HeaderMap) -> Response {
    file(&asked, "text/javascript; charset=utf-8", PROGRAM)
}

fn file(asked: &HeaderMap, content_type: &'static str, text: &'static str) -> Response {
    let headers =
        [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-cache"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    conditional::text(asked, headers, text)
}

/// Asks whether the person agrees, and for a key of theirs if it is not known that they hold one; again, if something was wrong.
pub(super) fn question(asked: &Asked, person: Option<&Person>, wrong: Option<&RestError>) -> Response {
    let Asked { callback, client } = asked;
    let wrong_shown = wrong.map_or(String::new(), |error| {
        format!(
            "<p class=\"wrong\" role=\"alert\">{} <code>{}</code></p>",
            escaped(error.message()),
            escaped(error.code())
        )
    });
    let field = |label: &str| {
        format!(
            "<label for=\"key\">{label}</label>
<input id=\"key\" name=\"key\" type=\"password\" autocomplete=\"off\" spellcheck=\"false\" autofocus>"
        )
    };
    let who = match person {
        None => field("Paste a key of yours"),
        Some(Person { name, signed_in }) => {
            let name = format!("<p>You are signed in as <b>{}</b>.</p>", escaped(name));
            let proof = "Paste the key that you signed in with once more";
            if signed_in.proved { name } else { format!("{name}\n{}", field(proof)) }
        }
    };
    let body = format!(
        "<h1>Let <b>{client}</b> have a key?</h1>
<p>A program on this computer asks for a key to this server. It waits at <code>{callback}</code>, and only that
address is given anything.</p>
{wrong_shown}
<form method=\"post\" action=\"./client\" autocomplete=\"off\">
<input type=\"hidden\" name=\"callback\" value=\"{callback}\">
<input type=\"hidden\" name=\"source\" value=\"{client}\">
{who}
<p>Your own key is not handed over. A new one is made, called <b>{name}</b>, that may do what yours may. It ends in
{KEY_LIFE_DAYS} days, or sooner if your tenant allows less; you can revoke it whenever you like.</p>
<p><button name=\"decision\" value=\"agree\">Agree</button>
<button name=\"decision\" value=\"refuse\">Refuse</button></p>
</form>",
        client = escaped(client),
        callback = escaped(&callback.to_string()),
        name = escaped(&asked.key_name()),
    );
    page(wrong, POLICY, &body)
}

/// Says that nothing is asked here that can be answered.
pub(super) fn refusal(error: &RestError) -> Response {
    let body = format!(
        "<h1>Nothing was handed over</h1>\n<p class=\"wrong\" role=\"alert\">{} <code>{}</code></p>",
        escaped(error.message()),
        escaped(error.code())
    );
    page(Some(error), POLICY, &body)
}

/// Hands over what was decided.
pub(super) fn outcome(asked: &Asked, outcome: &Outcome) -> Response {
    let callback = &asked.callback;
    let (to, answer, heading, said, told) = match outcome {
        Outcome::Agreed(handed) => {
            let end =
                handed.expires_at.map_or("never ends by itself".to_owned(), |at| format!("ends on {at}"));
            let told = format!("The key is called {} and {end}.", handed.name);
            let answer = json!({"api_key": handed.key.as_str()});
            let said = "The key was handed over. You can close this page, and go back to your program.";
            (callback.success(), answer, "Handing the key over", said, told)
        }
        Outcome::Refused => {
            let answer = json!({"reason": "The person at the browser refused."});
            let said = "Your program was told that you refused. You can close this page.";
            (callback.failure(), answer, "You refused", said, "No key was made.".to_owned())
        }
    };
    let body = format!(
        "<h1>{heading}</h1>
<p id=\"said\" role=\"status\" data-callback=\"{to}\" data-answer=\"{answer}\" data-said=\"{said}\">One moment.</p>
<p>{told}</p>
<noscript><p class=\"wrong\">This browser runs no script, so your program was told nothing. Log in with a key that you
paste there; if one was made here just now, revoke it: nobody has it.</p></noscript>
<script type=\"module\" src=\"./client.js\"></script>",
        to = escaped(&to),
        answer = escaped(&answer.to_string()),
        said = escaped(said),
        told = escaped(&told),
    );
    let policy = format!("{POLICY}; script-src 'self'; connect-src {}", callback.origin());
    page(None, &policy, &body)
}

fn page(wrong: Option<&RestError>, policy: &str, body: &str) -> Response {
    let text = format!(
        "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"color-scheme\" content=\"light dark\">
<title>Keyledger: a program asks for a key</title>
<link rel=\"stylesheet\" href=\"./client.css\">
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"
    );
    let mut response = text.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: under that, browsers do not say from where a form is sent.
        (REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy = HeaderValue::from_str(policy).expect("a callback is plain ASCII");
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    if let Some(error) = wrong {
        error.mark(&mut response);
    }
    response
}

/// Text as it stands in HTML, in attributes, too.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_an_attribute_or_a_text() {
        assert_eq!(
            escaped("\"><img src=x onerror='a&b'>"),
            "&quot;&gt;&lt;img src=x onerror=&#39;a&amp;b&#39;&gt;"
        );
    }
}
