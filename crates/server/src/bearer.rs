//! The credential of a request: `Authorization: Bearer …`, and the tenant asked for by header.

use authority::usage::UseWay;
use authority::{Authority, Caller, Denial, Denied};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use domain::ids::TenantId;

use crate::caller_kind;

/// The headers by which a caller names the tenant it acts in. The second is what existing clients send.
const TENANT_HEADERS: [&str; 2] = ["x-keyledger-tenant-id", "x-prefect-tenant-id"];

/// Lets the bearer of a request in, and notes that its key was used.
pub(crate) fn authenticate(
    authority: &Authority,
    headers: &HeaderMap,
    way: UseWay,
) -> Result<Caller, Denial> {
    authenticate_in(authority, headers, None, way)
}

/// The same in a tenant that the request itself names; else in the one that its headers do.
pub(crate) fn authenticate_in(
    authority: &Authority,
    headers: &HeaderMap,
    named: Option<TenantId>,
    way: UseWay,
) -> Result<Caller, Denial> {
    let wanted = wanted_tenant(headers)?;
    let caller = authority.authenticate(shown(headers)?, named.or(wanted))?;
    authority.used(&caller, Some(caller_kind::of(headers)), way);
    Ok(caller)
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

fn wanted_tenant(headers: &HeaderMap) -> Result<Option<TenantId>, Denial> {
    let mut named = TENANT_HEADERS.iter().flat_map(|name| headers.get_all(*name));
    let Some(value) = named.next() else { return Ok(None) };
    if named.any(|other| other != value) {
        return Err(denial(Denied::Malformed));
    }
    let parsed = value.to_str().ok().and_then(|text| TenantId::parse(text.trim()).ok());
    // An id that is none names a tenant that the caller is no member of.
    parsed.map(Some).ok_or(denial(Denied::Refused(domain::Refusal::NotAMember)))
}

fn denial(denied: Denied) -> Denial {
    Denial { denied, key: None }
}
