//! `serve`: opens a data folder and serves it until it is told to stop.

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::time::Instant;

use authority::{Authority, Options, Rollback};
use clap::Args;
use clap::builder::BoolishValueParser;
use credentials::claims::Issuer;
use domain::time::Position;
use domain::{Event, Recorded};
use jiff::SignedDuration;
use server::ServeOptions;
use store::{OpenOptions, Sharing, Snapshot, StoreError};

use crate::args::{DataArgs, GuardArgs, MalformedValue, SecretArgs};
use crate::error::CliError;
use crate::log::{self, LogFormat};
use crate::output::{self, OutputArgs};

const EXAMPLES: &str = "\
Examples:
  keyledger serve --data /var/lib/keyledger
  keyledger serve --data ./data --listen 127.0.0.1:8080 --log text
  KEYLEDGER_DATA=/var/lib/keyledger keyledger serve --issuer https://keys.example.com
  keyledger serve --config /etc/keyledger.toml

When requests are taken, `listening on http://ADDRESS` is written to standard output. The log
goes to standard error; KEYLEDGER_LOG (or RUST_LOG) sets its level, such as debug. SIGTERM and
SIGINT finish the requests under way and stop. Under systemd, the credentials
keyledger.master-key and keyledger.pepper are taken if no file is named.";

/// How to serve.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ServeArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The address to listen on; anything but loopback needs TLS in front
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "KEYLEDGER_LISTEN",
        hide_env_values = true,
        default_value = "127.0.0.1:4200",
        value_parser = parse_address
    )]
    listen: SocketAddr,
    /// The URL under which clients reach this server, `iss` of its tokens [default: http://ADDRESS]
    #[arg(long, value_name = "URL", env = "KEYLEDGER_ISSUER", hide_env_values = true, value_parser = parse_issuer)]
    issuer: Option<Issuer>,
    /// How long tokens live, 1m to 15m: a number of seconds, or with a unit
    #[arg(
        long,
        value_name = "TIME",
        env = "KEYLEDGER_TOKEN_LIFE",
        hide_env_values = true,
        default_value = "10m",
        value_parser = parse_token_life
    )]
    token_life: TokenLife,
    #[command(flatten)]
    guard: GuardArgs,
    #[command(flatten)]
    secrets: SecretArgs,
    /// Keep every other process from reading the ledger, audits too
    #[arg(long, env = "KEYLEDGER_EXCLUSIVE", hide_env_values = true, value_parser = BoolishValueParser::new())]
    exclusive: bool,
    /// Go on from a ledger that is older than its guard, such as a restored backup: records this and
    /// replaces every signing key. Repeat the revocations made since. For one start only, so by flag only
    #[arg(long)]
    accept_rollback: bool,
    /// The form of log lines: json or text [default: text on a terminal, otherwise json]
    #[arg(
        long,
        value_name = "FORM",
        env = "KEYLEDGER_LOG_FORMAT",
        hide_env_values = true,
        value_enum,
        hide_possible_values = true
    )]
    log: Option<LogFormat>,
    #[command(flatten)]
    output: OutputArgs,
}

/// How long tokens live, within what the authority allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TokenLife {
    seconds: u64,
}

/// Serves until SIGTERM or SIGINT.
pub fn run(args: ServeArgs) -> Result<(), CliError> {
    log::start(args.log.unwrap_or_else(LogFormat::of_standard_error))?;
    let issuer = args.issuer.clone().unwrap_or_else(|| default_issuer(args.listen));
    warn_of_clear_text(&args, &issuer);

    if let Some(config) = &args.data.config {
        tracing::info!(config = %config.display(), "settings are read from a file, too");
    }

    let began = Instant::now();
    let authority = Authority::open(options(&args, issuer))?;
    let (keys, position) = (authority.keys_known(), authority.position());
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(data = %args.data.data.display(), keys, %position, took_ms, "the ledger is open, its chain holds");
    tell_of_rollback(&args, &authority)?;

    let for_people = io::stdout().is_terminal() || args.log == Some(LogFormat::Text);
    let data = args.data.data.display().to_string();
    server::serve(authority, ServeOptions::new(args.listen), move |address| {
        let banner = for_people.then(|| banner(address, &data, keys));
        // A server goes on when nobody listens to what it says.
        let _ = output::write(&format!("listening on http://{address}\n{}", banner.unwrap_or_default()));
    })?;
    tracing::info!("stopped; the ledger is closed");
    Ok(())
}

fn options(args: &ServeArgs, issuer: Issuer) -> Options {
    let sharing = if args.exclusive { Sharing::Exclusive } else { Sharing::SingleWriter };
    let rollback = if args.accept_rollback { Rollback::Accept } else { Rollback::Refuse };
    Options {
        secrets: args.secrets.sources(),
        ledger: OpenOptions { sharing, ..OpenOptions::default() },
        token_life_seconds: args.token_life.seconds,
        rollback,
        ..Options::new(args.data.folder(Some(&args.guard)), issuer)
    }
}

fn default_issuer(listen: SocketAddr) -> Issuer {
    Issuer::parse(&format!("http://{listen}")).expect("an address is short and has no quotes")
}

fn banner(address: SocketAddr, data: &str, keys: usize) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let keys = if keys == 1 { "1 key".to_owned() } else { format!("{keys} keys") };
    format!(
        "
  Keyledger {version}, serving {data} with {keys}

  GraphQL    http://{address}/graphql
  whoami     http://{address}/v1/whoami
  key set    http://{address}/.well-known/jwks.json

  Stop it with Ctrl-C.

"
    )
}

fn warn_of_clear_text(args: &ServeArgs, issuer: &Issuer) {
    let listen = args.listen;
    if listen.ip().is_loopback() {
        return;
    }
    tracing::warn!(
        %listen,
        "LISTENING BEYOND LOOPBACK: keys and tokens cross the network in CLEAR TEXT unless a proxy with TLS stands in front; let only that proxy reach this address, or use --listen 127.0.0.1:4200"
    );
    if args.issuer.is_none() {
        tracing::warn!(
            issuer = issuer.as_str(),
            "tokens will name this issuer; give the URL that clients use with --issuer"
        );
    }
}

/// Says what an accepted rollback means, if there was one.
fn tell_of_rollback(args: &ServeArgs, authority: &Authority) -> Result<(), CliError> {
    if !args.accept_rollback {
        return Ok(());
    }
    if rollback_came_last(&authority.snapshot()?)? {
        tracing::warn!(
            "THE LEDGER WAS ROLLED BACK, and that was accepted: what was revoked or removed since that backup works again. Repeat those revocations now; every signing key was replaced, so tokens from before are refused"
        );
    } else {
        tracing::warn!("--accept-rollback was not needed; leave it away at the next start");
    }
    Ok(())
}

/// Whether the command recorded last accepted a rollback: since the opening, none other was.
fn rollback_came_last(snapshot: &Snapshot) -> Result<bool, StoreError> {
    let (mut position, mut last_request) = (snapshot.head().position, None);
    while let Some(Recorded { event, metadata, .. }) = snapshot.event(position)? {
        if *last_request.get_or_insert(metadata.request) != metadata.request {
            break;
        }
        if matches!(event, Event::RollbackAccepted { .. }) {
            return Ok(true);
        }
        position = Position::new(position.number().saturating_sub(1));
    }
    Ok(false)
}

fn parse_address(text: &str) -> Result<SocketAddr, MalformedValue> {
    text.parse().map_err(|_| {
        MalformedValue("give an IP address and a port, such as 127.0.0.1:4200, [::1]:4200 or 0.0.0.0:4200")
    })
}

/// A URL of RFC 8414, section 2; `http` is for loopback and for trials.
fn parse_issuer(text: &str) -> Result<Issuer, MalformedValue> {
    let malformed = MalformedValue(
        "give a URL with a host and without query, fragment or closing slash, such as https://keys.example.com",
    );
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(malformed)?;
    if rest.is_empty() || rest.starts_with('/') || rest.ends_with('/') || rest.contains(['?', '#', '@']) {
        return Err(malformed);
    }
    Issuer::parse(text).map_err(|_| malformed)
}

fn parse_token_life(text: &str) -> Result<TokenLife, MalformedValue> {
    let malformed = MalformedValue("give 1 to 15 minutes, such as 600, 600s or 10m");
    let seconds = match text.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let life: SignedDuration = text.parse().map_err(|_| malformed)?;
            if life.subsec_nanos() != 0 {
                return Err(malformed);
            }
            u64::try_from(life.as_secs()).map_err(|_| malformed)?
        }
    };
    if (60..=900).contains(&seconds) { Ok(TokenLife { seconds }) } else { Err(malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_lives_are_seconds_or_have_a_unit() {
        for (text, seconds) in [("60", 60), ("600s", 600), ("10m", 600), ("1m 30s", 90), ("PT15M", 900)] {
            assert_eq!(parse_token_life(text).unwrap(), TokenLife { seconds }, "{text}");
        }
        for bad in ["", "59", "901", "1h", "-10m", "10", "ten", "90.5s", "18446744073709551616"] {
            assert!(parse_token_life(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn issuers_are_urls_in_one_spelling() {
        for good in ["https://keys.example.com", "http://127.0.0.1:4200", "https://example.com/keys"] {
            assert_eq!(parse_issuer(good).unwrap().as_str(), good);
        }
        for bad in ["", "keys.example.com", "ftp://x", "https://", "https://x/", "https://x?a", "https://x y"]
        {
            assert!(parse_issuer(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_default_issuer_is_the_address() {
        let issuer = |listen: &str| default_issuer(listen.parse().unwrap()).as_str().to_owned();
        assert_eq!(issuer("127.0.0.1:4200"), "http://127.0.0.1:4200");
        assert_eq!(issuer("[::1]:4200"), "http://[::1]:4200");
    }
}
