//! Where this server is, for lines that are pasted elsewhere: links within the pages are relative and need none.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::header::{HOST, REFERER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

use super::cookie::Transport;
use crate::state::App;

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The address of the server's root, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) url: String,
    /// Somebody configured it. What is found out about a request may be corrected by the browser, which knows better.
    pub(super) configured: bool,
}

impl Address {
    /// As the server was told when it was started; else as the page was asked for.
    pub(super) fn of(app: &App, parts: &Parts) -> Self {
        if let Some(url) = &app.running.address {
            return Self { url: url.trim_end_matches('/').to_owned(), configured: true };
        }
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let asked = Asked {
            headers: &parts.headers,
            path: parts.uri.path(),
            from_trusted_proxy: peer.is_some_and(|peer| app.running.proxies.trust(peer.0.ip())),
            secure: Transport::of(&parts.headers, &parts.extensions) == Transport::Secure,
        };
        let url = asked.by_page().or_else(|| asked.by_host());
        let url = url.unwrap_or_else(|| app.authority.issuer().as_str().trim_end_matches('/').to_owned());
        Self { url, configured: false }
    }
}

/// What a request tells of the address that it was sent to.
struct Asked<'a> {
    headers: &'a HeaderMap,
    path: &'a str,
    from_trusted_proxy: bool,
    secure: bool,
}

impl Asked<'_> {
    /// By the page that a form was sent from. A form of ours is sent to its page's own path, so what stands before that path is
    /// how the reader reaches this server, with what a proxy took away. Which page it was no other page can change.
    fn by_page(&self) -> Option<String> {
        if self.text(&SITE)? != "same-origin" {
            return None;
        }
        let page = self.text(&REFERER)?;
        let page = page.split(['?', '#']).next()?;
        let base = page.strip_suffix(self.path)?;
        let rest = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"))?;
        let (host, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        (is_host(host) && is_path(prefix)).then(|| base.to_owned())
    }

    /// By the host that was asked for; by the word of a proxy, if it is a trusted one. The pages are nowhere in clear text but
    /// on the machine itself.
    fn by_host(&self) -> Option<String> {
        let scheme = match self.forwarded("x-forwarded-proto") {
            Some("https") => "https",
            Some("http") => "http",
            _ if self.secure => "https",
            _ => "http",
        };
        let host = self.forwarded("x-forwarded-host").or_else(|| self.text(&HOST));
        let host = host.filter(|host| is_host(host))?;
        let prefix = self.forwarded("x-forwarded-prefix").unwrap_or_default().trim_end_matches('/');
        let prefix = if is_path(prefix) { prefix } else { "" };
        Some(format!("{scheme}://{host}{prefix}"))
    }

    fn text(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What the nearest proxy says, if it is trusted: each adds to the end.
    fn forwarded(&self, name: &'static str) -> Option<&str> {
        let said = self.headers.get_all(name).iter().next_back()?.to_str().ok()?;
        let said = said.rsplit(',').next()?.trim();
        Some(said).filter(|said| self.from_trusted_proxy && !said.is_empty())
    }
}

/// Whether a text is a host, perhaps with a port, and nothing that a shell would take for more.
fn is_host(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte);
    !text.is_empty() && text.len() <= 255 && text.bytes().all(fits)
}

/// The same of a path; none at all is one.
fn is_path(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"/.-_~".contains(&byte);
    text.len() <= 255 && (text.is_empty() || text.starts_with('/')) && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(from_trusted_proxy: bool, secure: bool, sent: &[(&'static str, &str)]) -> Option<String> {
        let headers =
            sent.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let headers: HeaderMap = headers.collect();
        let asked = Asked { headers: &headers, path: "/ui/keys/new", from_trusted_proxy, secure };
        asked.by_page().or_else(|| asked.by_host())
    }

    #[test]
    fn a_server_is_where_it_was_asked_for() {
        for (secure, host, url) in [
            (false, "127.0.0.1:4711", "http://127.0.0.1:4711"),
            (false, "[::1]:80", "http://[::1]:80"),
            (true, "keys.example.com", "https://keys.example.com"),
        ] {
            assert_eq!(address(false, secure, &[("host", host)]).as_deref(), Some(url));
        }
        for host in ["", "a b", "$(id)", "a;b", "a/b", "a\"b"] {
            assert_eq!(address(false, true, &[("host", host)]), None, "{host}");
        }
    }

    #[test]
    fn the_word_of_a_proxy_counts_if_it_is_trusted() {
        let sent = [
            ("host", "upstream:4200"),
            ("x-forwarded-host", "evil.example, keys.example.com"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-prefix", "/keys/"),
        ];
        assert_eq!(address(true, false, &sent).as_deref(), Some("https://keys.example.com/keys"));
        assert_eq!(address(false, true, &sent).as_deref(), Some("https://upstream:4200"));
    }

    #[test]
    fn the_page_that_a_form_was_sent_from_tells_what_a_proxy_took_away() {
        let sent = |site: &'static str, page: &'static str| {
            [("host", "upstream"), ("sec-fetch-site", site), ("referer", page)]
        };
        let by = |site, page| address(false, true, &sent(site, page));
        let page = "https://example.com/a/keys/ui/keys/new?owner=1";
        assert_eq!(by("same-origin", page).as_deref(), Some("https://example.com/a/keys"));
        let top = "http://localhost:4200/ui/keys/new";
        assert_eq!(by("same-origin", top).as_deref(), Some("http://localhost:4200"));
        for (site, page) in [
            ("cross-site", page),
            ("none", page),
            ("same-origin", "https://example.com/other"),
            ("same-origin", "ftp://example.com/ui/keys/new"),
            ("same-origin", "https://a$(id)/ui/keys/new"),
        ] {
            assert_eq!(by(site, page).as_deref(), Some("https://upstream"), "{site} {page}");
        }
    }
}
