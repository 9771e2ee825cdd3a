//! The address of whoever asks: the peer's, or behind a trusted proxy the one that the proxy names.
//!
//! `X-Forwarded-For` is read from its end, where each proxy adds whom it saw, and only as far as every hop is
//! trusted. What stands before that was written by a stranger.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use domain::network::Network;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The proxies whose word is taken for who asks.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<Network>);

impl TrustedProxies {
    /// The proxies in these networks.
    pub fn new(networks: impl IntoIterator<Item = Network>) -> Self {
        Self(networks.into_iter().collect())
    }

    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Who asks, by the peer's address and the request's headers; none if a trusted proxy names somebody who cannot be made out.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if !self.trust(peer) {
            return Some(peer.to_canonical());
        }
        let mut client = peer;
        let values = headers.get_all(FORWARDED_FOR).iter().rev();
        for value in values {
            // A value that is no text names nobody.
            for hop in value.to_str().ok()?.rsplit(',') {
                client = address(hop)?;
                if !self.trust(client) {
                    return Some(client);
                }
            }
        }
        Some(client.to_canonical())
    }
}

/// An address, perhaps with a port, as proxies write it.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let address: Option<IpAddr> = bare.parse().ok();
    address
        .or_else(|| hop.parse().ok().map(|with_port: SocketAddr| with_port.ip()))
        .map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> Option<String> {
        let proxies = TrustedProxies::new(trusted.iter().map(|text| Network::parse(text).unwrap()));
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).map(|address| address.to_string())
    }

    #[test]
    fn a_peer_that_is_not_trusted_speaks_for_itself() {
        assert_eq!(client(&[], "192.0.2.1", &["10.0.0.1"]).as_deref(), Some("192.0.2.1"));
        assert_eq!(client(&["10.0.0.0/8"], "192.0.2.1", &["10.0.0.1"]).as_deref(), Some("192.0.2.1"));
        assert_eq!(client(&[], "::ffff:192.0.2.1", &[]).as_deref(), Some("192.0.2.1"));
    }

    #[test]
    fn a_trusted_proxy_names_the_client_and_what_the_client_wrote_is_not_believed() {
        let trusted = ["10.0.0.0/8", "::1/128"];
        let from = |forwarded: &[&str]| client(&trusted, "10.0.0.1", forwarded);
        assert_eq!(from(&["192.0.2.7"]).as_deref(), Some("192.0.2.7"));
        assert_eq!(from(&["10.6.6.6, 192.0.2.7"]).as_deref(), Some("192.0.2.7"));
        assert_eq!(from(&["198.51.100.1, 192.0.2.7, 10.0.0.2"]).as_deref(), Some("192.0.2.7"));
        assert_eq!(from(&["198.51.100.1", "192.0.2.7", "10.0.0.2, 10.0.0.3"]).as_deref(), Some("192.0.2.7"));
        assert_eq!(client(&trusted, "::1", &["2001:db8::5"]).as_deref(), Some("2001:db8::5"));
    }

    #[test]
    fn a_proxy_that_names_nobody_is_the_client_itself() {
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &[]).as_deref(), Some("10.0.0.1"));
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["10.0.0.9"]).as_deref(), Some("10.0.0.9"));
    }

    #[test]
    fn addresses_are_read_as_proxies_write_them() {
        let from = |forwarded| client(&["10.0.0.0/8"], "10.0.0.1", &[forwarded]);
        for (written, read) in [
            ("192.0.2.7:4711", "192.0.2.7"),
            ("[2001:db8::5]:4711", "2001:db8::5"),
            ("[2001:db8::5]", "2001:db8::5"),
            (" 192.0.2.7 ", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
        ] {
            assert_eq!(from(written).as_deref(), Some(read), "{written}");
        }
        for nobody in ["unknown", "_hidden", "", "192.0.2.7,", "192.0.2.7, "] {
            assert_eq!(from(nobody), None, "{nobody:?}");
        }
    }
}
