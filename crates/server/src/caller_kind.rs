//! What kind of program a request comes from, by what it says of itself. For people to look at; nothing rests on it.

use authority::usage::CallerKind;
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, HeaderName};

/// Older Prefect clients are named like any Python program, and send their version beside it.
const PREFECT_VERSION: HeaderName = HeaderName::from_static("x-prefect-core-version");

/// How the names of programs begin, in lower case.
const BEGINNINGS: [(&str, CallerKind); 16] = [
    ("keyledger", CallerKind::Keyledger),
    ("prefect", CallerKind::Prefect),
    ("curl/", CallerKind::Curl),
    ("mozilla/", CallerKind::Browser),
    ("opera/", CallerKind::Browser),
    ("python", CallerKind::Python),
    ("aiohttp", CallerKind::Python),
    ("urllib", CallerKind::Python),
    ("go-http-client", CallerKind::Go),
    ("go-resty", CallerKind::Go),
    ("node", CallerKind::Node),
    ("undici", CallerKind::Node),
    ("axios", CallerKind::Node),
    ("got ", CallerKind::Node),
    ("got/", CallerKind::Node),
    ("deno", CallerKind::Node),
];

/// The kind of the program that sent these headers.
pub(crate) fn of(headers: &HeaderMap) -> CallerKind {
    if headers.contains_key(PREFECT_VERSION) {
        return CallerKind::Prefect;
    }
    let Some(name) = headers.get(USER_AGENT).map(|name| name.as_bytes()).filter(|name| !name.is_empty())
    else {
        return CallerKind::Unnamed;
    };
    let begins = |beginning: &str| {
        name.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning.as_bytes()))
    };
    let known = BEGINNINGS.iter().find(|(beginning, _)| begins(beginning));
    known.map_or(CallerKind::Other, |(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn named(name: &'static str) -> CallerKind {
        of(&HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_static(name))]))
    }

    #[test]
    fn programs_are_known_by_how_their_names_begin() {
        assert_eq!(named("keyledger/0.1.0"), CallerKind::Keyledger);
        assert_eq!(named("prefect/3.9.0 (API 0.8.4)"), CallerKind::Prefect);
        assert_eq!(named("curl/8.5.0"), CallerKind::Curl);
        assert_eq!(named("Mozilla/5.0 (X11; Linux x86_64)"), CallerKind::Browser);
        assert_eq!(named("python-requests/2.32.3"), CallerKind::Python);
        assert_eq!(named("Go-http-client/2.0"), CallerKind::Go);
        assert_eq!(named("node"), CallerKind::Node);
        assert_eq!(named("ureq/3"), CallerKind::Other);
        assert_eq!(named(""), CallerKind::Unnamed);
        assert_eq!(of(&HeaderMap::new()), CallerKind::Unnamed);
        let mut headers = HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_static("python-requests/2"))]);
        headers.insert(PREFECT_VERSION, HeaderValue::from_static("1.4.1"));
        assert_eq!(of(&headers), CallerKind::Prefect);
        headers = HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_bytes(b"\xff\xfe").unwrap())]);
        assert_eq!(of(&headers), CallerKind::Other);
    }
}
