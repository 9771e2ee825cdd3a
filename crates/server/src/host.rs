//! The host that a request names: exactly one, in HTTP/1.1 (RFC 9112, section 3.2).
//!
//! Of a request with two, whoever stands in front may have read the one and we the other.

use std::net::Ipv6Addr;

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode, Version};
use axum::middleware::Next;
use axum::response::Response;

use crate::interface::Interface;

/// Refuses what does not say for which host it is.
pub(crate) async fn is_named(request: Request, next: Next) -> Response {
    if is_well_named(request.version(), request.headers()) {
        return next.run(request).await;
    }
    let message =
        "name the host that the request is for in one Host header: a name or address, and perhaps a port";
    let interface = Interface::at(request.uri().path(), request.headers());
    interface.refuse(StatusCode::BAD_REQUEST, "HOST_MALFORMED", message)
}

fn is_well_named(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        // Older than the header.
        (None, _) => version < Version::HTTP_11,
        (Some(host), None) => host.to_str().is_ok_and(is_host),
        (Some(_), Some(_)) => false,
    }
}

/// `uri-host [ ":" port ]` of RFC 9110, section 7.2, with a host: an `http` URI has one (section 4.2.1). An address of a later
/// version than IPv6 (`IPvFuture` of RFC 3986) there is none yet.
fn is_host(text: &str) -> bool {
    let (is_name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let Some((address, port)) = rest.split_once(']') else { return false };
            (address.parse::<Ipv6Addr>().is_ok(), port)
        }
        None => {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            let admitted = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte);
            (!name.is_empty() && name.bytes().all(admitted) && is_escaped(name), port)
        }
    };
    let digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    is_name && (port.is_empty() || port.strip_prefix(':').is_some_and(digits))
}

/// Whether each percent sign begins an escape: two hexadecimal digits follow (RFC 3986, section 2.1).
fn is_escaped(name: &str) -> bool {
    let digits = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    name.split('%').skip(1).all(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for good in
            ["a", "keys.example.com", "keys_1:4200", "127.0.0.1:4200", "[::1]", "[::1]:4200", "a:", "%41"]
        {
            assert!(is_host(good), "{good}");
        }
        for bad in [
            "",
            ":4200",
            "a b",
            "%",
            "a%4",
            "%zz",
            "a/b",
            "a@b",
            "a:b",
            "a:1:2",
            "a:-1",
            "::1",
            "[::1",
            "[x]",
            "[::1]4200",
            "[]:1",
            "a, b",
            "a#b",
            "a?b",
        ] {
            assert!(!is_host(bad), "{bad}");
        }
    }
}
