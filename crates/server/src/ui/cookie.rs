//! The cookie that holds a session's secret.
//!
//! Over TLS it is `__Host-`: for this host only, never over clear text. Without TLS a browser would not keep such a
//! one, so it has another name there; that is for a server on one's own machine, and for nobody else.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use authority::OpaqueSecret;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::{COOKIE, HOST};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue};

/// The most secrets of one request that are looked at.
const SECRETS_MAX: usize = 8;

/// How a browser reaches this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// Over TLS; or it should.
    Secure,
    /// In clear text, from this machine to itself.
    Loopback,
}

impl Transport {
    /// How a request came. Only a request from this machine that names it by a name of loopback may go without TLS; one that
    /// a proxy passed on came from elsewhere.
    pub(super) fn of(headers: &HeaderMap, extensions: &Extensions) -> Self {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>();
        let from_here = peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback());
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let passed_on = ["x-forwarded-for", "x-forwarded-proto", "forwarded"];
        let passed_on = passed_on.iter().any(|name| headers.contains_key(*name));
        if from_here && names_loopback(host) && !passed_on { Self::Loopback } else { Self::Secure }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Secure => "__Host-keyledger",
            Self::Loopback => "keyledger",
        }
    }

    const fn attributes(self) -> &'static str {
        // Lax, so that a link in a ticket finds its reader signed in; nothing is changed by following one.
        match self {
            Self::Secure => "Path=/; Secure; HttpOnly; SameSite=Lax",
            Self::Loopback => "Path=/; HttpOnly; SameSite=Lax",
        }
    }

    /// The secrets of sessions that a request brings: more than one, if somebody else could give this browser a cookie, as
    /// another program of the machine can in clear text. What is not of their form is none.
    pub(super) fn read(self, headers: &HeaderMap) -> Vec<&str> {
        let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let secrets = pairs.filter(|(name, _)| *name == self.name()).map(|(_, secret)| secret);
        let formed =
            |secret: &&str| secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mut found: Vec<_> = secrets.filter(formed).take(SECRETS_MAX).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The header that gives a browser the secret, until it is closed.
    pub(super) fn keep(self, secret: &OpaqueSecret) -> HeaderValue {
        let text = format!("{}={}; {}", self.name(), secret.expose(), self.attributes());
        HeaderValue::from_str(&text).expect("digits and our own names are visible ASCII")
    }

    /// The header that takes it away.
    pub(super) fn forget(self) -> HeaderValue {
        let text = format!("{}=; {}; Max-Age=0", self.name(), self.attributes());
        HeaderValue::from_str(&text).expect("our own names are visible ASCII")
    }
}

impl<S: Sync> FromRequestParts<S> for Transport {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers, &parts.extensions))
    }
}

fn names_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_loopback_are_loopback() {
        for host in ["localhost", "LOCALHOST:4200", "127.0.0.1:4200", "[::1]:4200", "a.localhost"] {
            assert!(names_loopback(host), "{host}");
        }
        for host in ["", "example.com", "localhost.example.com", "127.0.0.1.example.com", "192.0.2.1:4200"] {
            assert!(!names_loopback(host), "{host}");
        }
    }

    #[test]
    fn every_secret_of_this_transport_is_read_and_nothing_else() {
        let (one, other) = ("1".repeat(64), "2".repeat(64));
        let mut headers = HeaderMap::new();
        let mut add = |text: String| headers.append(COOKIE, HeaderValue::from_str(&text).unwrap());
        add(format!("a={other}; keyledger={one}; __Host-keyledger={other}"));
        add(format!("keyledger=x; keyledger=; keyledger={one}"));
        assert_eq!(Transport::Loopback.read(&headers), [one.as_str()]);
        assert_eq!(Transport::Secure.read(&headers), [other.as_str()]);
        headers.append(COOKIE, HeaderValue::from_str(&format!("keyledger={other}")).unwrap());
        assert_eq!(Transport::Loopback.read(&headers), [one.as_str(), other.as_str()]);
    }
}
