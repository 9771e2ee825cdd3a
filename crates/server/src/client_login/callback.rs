//! Where a program waits for its key: a loopback address with a port, in one spelling, and nothing else.
//!
//! It is read strictly rather than as browsers read URLs, which repair what is wrong: a spelling that two readers may take
//! for two addresses is none here.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// The URL under which a program waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Callback {
    host: Host,
    port: u16,
    /// Empty, or a slash and more; no slash at its end.
    path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    Name,
    Address(IpAddr),
}

/// Why a text is no callback. It is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a key is handed over only to a program on this computer: the callback must be http://localhost:PORT, http://127.0.0.1:PORT or http://[::1]:PORT, and it is not"
)]
pub(super) struct NotLoopback;

/// The most characters of a callback.
const BYTES_MAX: usize = 200;

impl Callback {
    /// Reads `http://HOST:PORT` and perhaps a plain path.
    pub(super) fn parse(text: &str) -> Result<Self, NotLoopback> {
        if text.len() > BYTES_MAX {
            return Err(NotLoopback);
        }
        let rest = text.strip_prefix("http://").ok_or(NotLoopback)?;
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        // The last colon: an IPv6 address has others, within its brackets.
        let (host, port) = authority.rsplit_once(':').ok_or(NotLoopback)?;
        let host = Host::parse(host)?;
        let digits = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
        let port = port.parse().ok().filter(|_| digits).ok_or(NotLoopback)?;
        let path = path.trim_end_matches('/');
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
        let segment = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain);
        if !path.is_empty() && !path[1..].split('/').all(segment) {
            return Err(NotLoopback);
        }
        Ok(Self { host, port, path: path.to_owned() })
    }

    /// Scheme, host and port.
    pub(super) fn origin(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }

    /// Where a new key is posted.
    pub(super) fn success(&self) -> String {
        format!("{self}/success")
    }

    /// Where it is said that there is none.
    pub(super) fn failure(&self) -> String {
        format!("{self}/failure")
    }
}

impl Host {
    fn parse(text: &str) -> Result<Self, NotLoopback> {
        match text {
            "localhost" => Ok(Self::Name),
            "[::1]" => Ok(Self::Address(IpAddr::V6(std::net::Ipv6Addr::LOCALHOST))),
            // Four decimal numbers without leading zeros: the standard library reads no other spelling.
            _ => match text.parse::<Ipv4Addr>() {
                Ok(address) if address.is_loopback() => Ok(Self::Address(address.into())),
                Ok(_) | Err(_) => Err(NotLoopback),
            },
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("localhost"),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl fmt::Display for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_with_a_port_are_callbacks() {
        for (text, shown) in [
            ("http://localhost:4321", "http://localhost:4321"),
            ("http://localhost:4321/", "http://localhost:4321"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1"),
            ("http://127.255.0.9:65535/a/b-c_d.e~/", "http://127.255.0.9:65535/a/b-c_d.e~"),
            ("http://[::1]:80", "http://[::1]:80"),
        ] {
            assert_eq!(Callback::parse(text).unwrap().to_string(), shown, "{text}");
        }
        let callback = Callback::parse("http://[::1]:80/x").unwrap();
        assert_eq!(callback.origin(), "http://[::1]:80");
        assert_eq!(callback.success(), "http://[::1]:80/x/success");
        assert_eq!(callback.failure(), "http://[::1]:80/x/failure");
    }

    #[test]
    fn nothing_else_is() {
        for text in [
            "",
            "localhost:1",
            "//localhost:1",
            "https://localhost:1",
            "HTTP://localhost:1",
            "ftp://localhost:1",
            "javascript:alert(1)//http://localhost:1",
            " http://localhost:1",
            "http://localhost:1 ",
            "http://localhost",
            "http://localhost:",
            "http://localhost:0",
            "http://localhost:00080",
            "http://localhost:65536",
            "http://localhost:+1",
            "http://localhost:1e1",
            "http://localhost:1:2",
            "http://LOCALHOST:1",
            "http://localhost.:1",
            "http://localhost.evil.example:1",
            "http://evil.example:1",
            "http://localhost@evil.example:1",
            "http://user:pw@localhost:1",
            "http://localhost:1@evil.example",
            "http://localhost:1\\@evil.example",
            "http://localhost:1#@evil.example",
            "http://localhost:1?x=1",
            "http://127.1:1",
            "http://2130706433:1",
            "http://0x7f.0.0.1:1",
            "http://0177.0.0.1:1",
            "http://127.0.0.01:1",
            "http://127.0.0.1.:1",
            "http://127.0.0.1.evil.example:1",
            "http://128.0.0.1:1",
            "http://0.0.0.0:1",
            "http://10.0.0.1:1",
            "http://[::]:1",
            "http://[::1%25lo]:1",
            "http://[0:0::1]:1",
            "http://[::ffff:127.0.0.1]:1",
            "http://::1:1",
            "http://[::1]1",
            "http://[::1]",
            "http://[::1]:x",
            "http://localhost:1//",
            "http://localhost:1//evil.example",
            "http://localhost:1/../x",
            "http://localhost:1/./x",
            "http://localhost:1/%2e%2e/x",
            "http://localhost:1/\"><script>",
            "http://localhost:1/a b",
            "http://localhost:1/a\r\nb",
            "http://localhost:1/\u{e9}",
            "http://loc\u{430}lhost:1",
            "http://localhost:1;script-src *",
            "http://localhost:1,http://evil.example:1",
        ] {
            let read = Callback::parse(text);
            // A slash too many at the end is the one thing that is repaired.
            assert!(read.is_err() || text == "http://localhost:1//", "{text:?} is {read:?}");
        }
        assert!(Callback::parse(&format!("http://localhost:1/{}", "a".repeat(200))).is_err());
    }
}
