//! `GET /v1/whoami`: as whom, where and until when the credential shown is accepted.

use std::io::Write as _;

use authority::Caller;
use authority::usage::UseWay;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;
use domain::ids::{Id, TEXT_BYTES};
use domain::key::Owner;
use domain::role::{Role, Scopes};

use crate::bearer;
use crate::refusal::RestError;
use crate::request_log::Noted;
use crate::state::App;
use crate::visitor::Visitor;

/// Enough for an answer without scopes.
const BODY_BYTES: usize = 384;

/// The answer about an accepted credential, as JSON:
///
/// ```json
/// {"kind":"user"|"service_account","id","key_id","tenant_id","role","scopes","expires_at","position"}
/// ```
///
/// Ids are UUIDs, instants RFC 3339, the position a decimal string. `tenant_id` and `role` are null for an operator
/// without a living membership, `scopes` if not narrowed, `expires_at` without an end.
///
/// Written by hand, because every request pays for it. Nothing in it needs an escape: ids, words, digits and instants do
/// not, and a scope admits neither quotation marks nor backslashes.
pub(crate) fn json(caller: &Caller) -> Vec<u8> {
    let mut json = Vec::with_capacity(BODY_BYTES);
    match caller.owner {
        Owner::User(id) => {
            json.extend_from_slice(br#"{"kind":"user","id":"#);
            push_id(&mut json, id);
        }
        Owner::ServiceAccount(id) => {
            json.extend_from_slice(br#"{"kind":"service_account","id":"#);
            push_id(&mut json, id);
        }
    }
    json.extend_from_slice(br#","key_id":"#);
    push_id(&mut json, caller.key);
    json.extend_from_slice(br#","tenant_id":"#);
    match caller.tenant {
        Some(tenant) => push_id(&mut json, tenant),
        None => json.extend_from_slice(b"null"),
    }
    json.extend_from_slice(br#","role":"#);
    push_text(&mut json, caller.role.map(Role::as_str));
    json.extend_from_slice(br#","scopes":"#);
    match &caller.scopes {
        Scopes::All => json.extend_from_slice(b"null"),
        Scopes::Only(list) => {
            json.push(b'[');
            for (n, scope) in list.as_slice().iter().enumerate() {
                json.extend_from_slice(if n == 0 { b"" } else { b"," });
                push_text(&mut json, Some(scope.as_str()));
            }
            json.push(b']');
        }
    }
    json.extend_from_slice(br#","expires_at":"#);
    push_text(&mut json, caller.expires_at.map(|at| at.to_string()).as_deref());
    json.extend_from_slice(br#","position":""#);
    write!(json, "{}", caller.position).expect("memory takes what is written");
    json.extend_from_slice(br#""}"#);
    json
}

fn push_id<K>(json: &mut Vec<u8>, id: Id<K>) {
    push_text(json, Some(id.text(&mut [0; TEXT_BYTES])));
}

/// A text without anything to escape, or null.
fn push_text(json: &mut Vec<u8>, text: Option<&str>) {
    let Some(text) = text else { return json.extend_from_slice(b"null") };
    debug_assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\'));
    json.push(b'"');
    json.extend_from_slice(text.as_bytes());
    json.push(b'"');
}

/// 200 with the identity, or 401 with the code in the body and in `WWW-Authenticate`.
pub(crate) async fn whoami(State(app): State<App>, request: Request) -> Result<Response, RestError> {
    // The headers are looked at where they are: a copy of them would cost more than the look-up.
    let visitor = Visitor::of(&app, UseWay::Rest, request.headers(), request.extensions());
    let let_in = bearer::authenticate(&app, request.headers(), visitor)?;
    let mut response = Response::new(Body::from(json(&let_in.caller)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Noted::routine(&let_in, &mut response);
    Ok(response)
}
