//! Whether a form was sent from our own page: what browsers say of it, which no page can change.

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName};
use credentials::claims::Issuer;

/// Fetch Metadata: how the page that sends a request stands to where it is sent.
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether it was. Whoever says nothing is no browser of today, and no page of ours.
///
/// What Fetch Metadata says is enough: a proxy may have changed the host that was asked for. Without it, our origin is the host that
/// was asked for, or that of the issuer, if a proxy asks for another.
pub(super) fn holds(headers: &HeaderMap, issuer: &Issuer) -> bool {
    let (Ok(site), Ok(origin)) = (single(headers, &SITE), single(headers, &ORIGIN)) else { return false };
    match (site, origin) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => is_ours(origin, headers, issuer),
        (None, None) => false,
    }
}

fn is_ours(origin: &str, headers: &HeaderMap, issuer: &Issuer) -> bool {
    let host = |url: &str| {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
        Some(rest.split('/').next().unwrap_or_default().to_ascii_lowercase())
    };
    let Some(theirs) = host(origin) else { return false };
    let asked = single(headers, &HOST).ok().flatten().map(str::to_ascii_lowercase);
    asked.is_some_and(|asked| asked == theirs) || host(issuer.as_str()).is_some_and(|ours| ours == theirs)
}

/// The value of a header that comes once; an error, if it comes more often or is no text.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(drop),
        (Some(_), Some(_)) => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn sent(headers: &[(HeaderName, &'static str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value)| {
            map.append(name, value);
        });
        holds(&map, &Issuer::parse("https://keys.example.com/x").unwrap())
    }

    #[test]
    fn our_own_page_is_known_by_its_origin() {
        assert!(sent(&[(HOST, "127.0.0.1:4200"), (ORIGIN, "http://127.0.0.1:4200")]));
        assert!(sent(&[
            (HOST, "upstream:4200"),
            (ORIGIN, "https://keys.example.com"),
            (SITE, "same-origin")
        ]));
        assert!(sent(&[(HOST, "Keys.Example.com"), (SITE, "same-origin")]));
        // A proxy that leaves out the port.
        assert!(sent(&[(HOST, "a"), (ORIGIN, "https://a:8443"), (SITE, "same-origin")]));
    }

    #[test]
    fn other_pages_and_programs_are_not() {
        for headers in [
            &[(HOST, "a:1")][..],
            &[(HOST, "a:1"), (ORIGIN, "null")],
            &[(HOST, "a:1"), (ORIGIN, "http://a:2")],
            &[(HOST, "a:1"), (ORIGIN, "http://a:1"), (SITE, "cross-site")],
            &[(HOST, "a:1"), (ORIGIN, "http://a:1"), (SITE, "same-site")],
            &[(HOST, "a:1"), (ORIGIN, "http://a:1"), (SITE, "none")],
            &[(HOST, "a:1"), (ORIGIN, "http://a:1"), (ORIGIN, "http://a:1")],
            &[(HOST, "a:1"), (ORIGIN, "http://keys.example.com.evil.example")],
            &[(HOST, "a:1"), (ORIGIN, "ftp://a:1")],
            &[(ORIGIN, "http://evil.example")],
        ] {
            assert!(!sent(headers), "{headers:?}");
        }
    }
}
