//! The credential of a request: `Authorization: Bearer …`, and the tenant asked for by header.

use authority::{Caller, Denial, Denied, Shown};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName};
use domain::ids::TenantId;

use crate::let_in::{LetIn, NotLetIn};
use crate::state::App;
use crate::visitor::Visitor;

/// The headers by which a caller names the tenant it acts in. The second is what existing clients send.
static TENANT_HEADERS: [HeaderName; 2] =
    [HeaderName::from_static("x-keyledger-tenant-id"), HeaderName::from_static("x-prefect-tenant-id")];

/// Lets the bearer of a request in.
pub(crate) fn authenticate(app: &App, headers: &HeaderMap, visitor: Visitor) -> Result<LetIn, NotLetIn> {
    authenticate_in(app, headers, visitor, None)
}

/// The same, and lets the bearer of a refresh token in, who may renew and do nothing else.
pub(crate) fn authenticate_or_renew(
    app: &App,
    headers: &HeaderMap,
    visitor: Visitor,
) -> Result<LetIn, NotLetIn> {
    let shown = Shown { credential: shown(headers)?, from: visitor.address };
    let asked = in_tenant_of(headers, |wanted| app.authority.authenticate_or_renew(shown, wanted));
    app.noted(asked, visitor)
}

/// Lets the bearer of a request in, to the tenant that the request itself names; else in the one that its headers do.
pub(crate) fn authenticate_in(
    app: &App,
    headers: &HeaderMap,
    visitor: Visitor,
    named: Option<TenantId>,
) -> Result<LetIn, NotLetIn> {
    let shown = Shown { credential: shown(headers)?, from: visitor.address };
    let asked = in_tenant_of(headers, |wanted| app.authority.authenticate(shown, named.or(wanted)));
    app.noted(asked, visitor)
}

/// Asks about a credential in the tenant that the headers name. The credential is judged before headers that name none:
/// whoever shows nothing, or what is not accepted anywhere, must learn that.
fn in_tenant_of(
    headers: &HeaderMap,
    ask: impl FnOnce(Option<TenantId>) -> Result<Caller, Denial>,
) -> Result<Caller, Denial> {
    match wanted_tenant(headers) {
        Ok(wanted) => ask(wanted),
        Err(denied) => Err(Denial { denied, key: Some(ask(None)?.key) }),
    }
}

/// The key or token shown; exactly one, in the header and nowhere else.
fn shown(headers: &HeaderMap) -> Result<&str, Denial> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(denial(Denied::Missing))?;
    if values.next().is_some() {
        return Err(denial(Denied::Malformed));
    }
    let text = value.to_str().map_err(|_| denial(Denied::Malformed))?;
    let (scheme, shown) = text.split_once(' ').ok_or(denial(Denied::Malformed))?;
    let shown = shown.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || shown.is_empty() {
        return Err(denial(Denied::Malformed));
    }
    Ok(shown)
}

fn wanted_tenant(headers: &HeaderMap) -> Result<Option<TenantId>, Denied> {
    let mut named = TENANT_HEADERS.iter().flat_map(|name| headers.get_all(name));
    let Some(value) = named.next() else { return Ok(None) };
    if named.any(|other| other != value) {
        return Err(Denied::Malformed);
    }
    let parsed = value.to_str().ok().and_then(|text| TenantId::parse(text.trim()).ok());
    // An id that is none names a tenant that the caller is no member of.
    parsed.map(Some).ok_or(Denied::Refused(domain::Refusal::NotAMember))
}

fn denial(denied: Denied) -> Denial {
    Denial { denied, key: None }
}
