//! The set-up link: how long it counts, to which address it leads, and what people are told with it.

use std::net::SocketAddr;

use authority::OpaqueSecret;
use clap::Args;
use credentials::claims::Issuer;
use jiff::{SignedDuration, SpanRelativeTo};

use crate::args::MalformedValue;

/// How long a set-up link counts.
#[derive(Debug, Args)]
pub struct SetUpArgs {
    /// How long a set-up link counts: 1s to 1d
    #[arg(
        long,
        value_name = "TIME",
        env = "KEYLEDGER_SET_UP_LIFE",
        hide_env_values = true,
        default_value = "15m",
        value_parser = parse_life
    )]
    set_up_life: Life,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Life {
    seconds: u64,
}

impl SetUpArgs {
    /// In seconds.
    pub fn life_seconds(&self) -> u64 {
        self.set_up_life.seconds
    }
}

/// Where a browser reaches the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    url: String,
    /// It listens on every address, so the link names this machine by the name that it has for itself.
    everywhere: Option<SocketAddr>,
}

impl Reached {
    /// By the URL that clients use, if it is known, or else at the address that is listened on.
    pub fn by(issuer: Option<&Issuer>, listen: SocketAddr) -> Self {
        match issuer {
            Some(issuer) => Self { url: issuer.as_str().to_owned(), everywhere: None },
            // A browser cannot go to "every address"; on the machine itself this name leads there.
            None if listen.ip().is_unspecified() => {
                Self { url: format!("http://localhost:{}", listen.port()), everywhere: Some(listen) }
            }
            None => Self { url: format!("http://{listen}"), everywhere: None },
        }
    }

    /// The link with this code.
    pub fn link(&self, code: &OpaqueSecret) -> String {
        format!("{}/ui/set-up?code={}", self.url, code.expose())
    }

    /// What there is to say of the address, if it may not be the right one.
    pub fn remark(&self) -> Option<String> {
        let listen = self.everywhere?;
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = match host.trim() {
            "" => String::new(),
            host => format!(", such as {host},"),
        };
        Some(format!(
            "The server listens on {listen}, which is no address for a browser. From another machine put a name of\n  this one{host} in the place of localhost, over https if the browser is to stay signed in; --issuer says it for good."
        ))
    }
}

/// A length of time in words.
pub fn words(seconds: u64) -> String {
    let (number, unit) = match seconds {
        _ if seconds.is_multiple_of(3600) => (seconds / 3600, "hour"),
        _ if seconds.is_multiple_of(60) => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
}

fn parse_life(text: &str) -> Result<Life, MalformedValue> {
    let malformed = MalformedValue("give 1 second to 1 day, such as 15m, 1h or 900");
    let seconds = match text.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let span: jiff::Span = text.parse().map_err(|_| malformed)?;
            let days_are_24_hours = SpanRelativeTo::days_are_24_hours();
            let life: SignedDuration = span.to_duration(days_are_24_hours).map_err(|_| malformed)?;
            if life.subsec_nanos() != 0 {
                return Err(malformed);
            }
            u64::try_from(life.as_secs()).map_err(|_| malformed)?
        }
    };
    if (1..=24 * 60 * 60).contains(&seconds) { Ok(Life { seconds }) } else { Err(malformed) }
}

#[cfg(test)]
mod tests {
    use authority::set_up::LIFE_SECONDS;

    use super::*;

    #[test]
    fn a_link_leads_to_an_address_that_a_browser_can_reach() {
        let to = |issuer: Option<&str>, listen: &str| {
            let issuer = issuer.map(|issuer| Issuer::parse(issuer).unwrap());
            Reached::by(issuer.as_ref(), listen.parse().unwrap())
        };
        for (issuer, listen, url) in [
            (None, "127.0.0.1:4200", "http://127.0.0.1:4200"),
            (None, "[::1]:4200", "http://[::1]:4200"),
            (None, "0.0.0.0:4200", "http://localhost:4200"),
            (None, "[::]:4200", "http://localhost:4200"),
            (None, "192.0.2.1:80", "http://192.0.2.1:80"),
            (Some("https://keys.example.com/at"), "0.0.0.0:4200", "https://keys.example.com/at"),
        ] {
            let reached = to(issuer, listen);
            assert_eq!(reached.url, url, "{listen}");
            let everywhere = issuer.is_none() && url.contains("localhost");
            assert_eq!(reached.remark().is_some(), everywhere, "{listen}");
        }
    }

    #[test]
    fn a_life_is_a_second_to_a_day() {
        for (text, seconds) in [("15m", 900), ("1", 1), ("1s", 1), ("1d", 86_400), ("1h 30m", 5_400)] {
            assert_eq!(parse_life(text).map(|life| life.seconds).ok(), Some(seconds), "{text}");
        }
        for text in ["", "0", "0s", "2d", "86401", "-1m", "500ms", "soon"] {
            assert!(parse_life(text).is_err(), "{text}");
        }
        assert_eq!(parse_life("15m").unwrap().seconds, LIFE_SECONDS, "what the help says");
    }
}
