//! The URL of a server, as people give it.

use std::fmt;

use crate::args::MalformedValue;

/// Where a server is: `http` or `https`, a host, perhaps a path; no slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl(String);

impl ServerUrl {
    /// Accepts a URL without user, query and fragment. A slash at its end is left away.
    pub fn parse(text: &str) -> Result<Self, MalformedValue> {
        let malformed = MalformedValue(
            "give the server's URL, such as https://keys.example.com or http://127.0.0.1:4200",
        );
        let text = text.trim().trim_end_matches('/');
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(malformed)?;
        let plain = |c: char| c.is_ascii_graphic() && !"?#@\\\"<>".contains(c);
        if rest.is_empty() || rest.starts_with(['/', ':']) || !rest.chars().all(plain) {
            return Err(malformed);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a key sent there can be read on the way.
    pub fn is_clear_text(&self) -> bool {
        self.0.starts_with("http://") && !self.is_loopback()
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        let host = match authority.strip_prefix('[') {
            Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        };
        host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_a_scheme_and_a_host_and_no_secrets() {
        for good in
            ["https://keys.example.com", "http://127.0.0.1:4200", "http://[::1]:4200", "https://x/keys"]
        {
            assert_eq!(ServerUrl::parse(good).unwrap().as_str(), good);
        }
        assert_eq!(ServerUrl::parse("http://x/").unwrap().as_str(), "http://x");
        for bad in [
            "",
            "keys.example.com",
            "ftp://x",
            "https://",
            "https://u:p@x",
            "https://x?k",
            "https://x y",
            "http://:80",
        ] {
            assert!(ServerUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn clear_text_is_noticed_beyond_this_machine() {
        let clear = |text: &str| ServerUrl::parse(text).unwrap().is_clear_text();
        assert!(
            clear("http://keys.example.com")
                && clear("http://10.0.0.1:4200")
                && clear("http://localhost.example")
        );
        assert!(!clear("https://keys.example.com"));
        assert!(!clear("http://127.0.0.1:4200") && !clear("http://[::1]:1/x") && !clear("http://localhost"));
    }
}
