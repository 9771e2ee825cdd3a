//! `serve`: opens a data folder and serves it until it is told to stop.

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use authority::{Authority, OpaqueSecret, Options, Rollback, SigningKeyPolicy, set_up};
use clap::builder::BoolishValueParser;
use clap::{ArgMatches, Args};
use credentials::claims::Issuer;
use domain::network::Network;
use domain::origin::LogOrigin;
use domain::time::Position;
use domain::token_life::TokenLife;
use domain::{Event, Recorded};
use jiff::{SignedDuration, Span, SpanRelativeTo, Unit};
use server::client_address::TrustedProxies;
use server::serve::{CONNECTIONS_MAX, GUESSES_PER_MINUTE_MAX};
use server::traces::{Endpoint, Traces};
use server::witness::{WITNESSES_MAX, Witness};
use server::{Introspection, ServeOptions, SessionLimits, TlogAccess};
use store::{OpenOptions, Sharing, Snapshot, StoreError, secrets};

use crate::args::{DataArgs, GuardArgs, MalformedValue, PrefixArgs, SecretArgs};
use crate::checkpoint_key;
use crate::commands::set_up_link;
use crate::error::CliError;
use crate::log::{self, LogFormat};
use crate::open_files;
use crate::output::{self, OutputArgs};
use crate::set_up::{Reached, SetUpArgs, words};
use crate::usage::UsageError;

const EXAMPLES: &str = "\
Examples:
  keyledger serve --data /var/lib/keyledger
  keyledger serve --data ./data --listen 127.0.0.1:8080 --log text
  keyledger serve --data ./data --set-up
  KEYLEDGER_DATA=/var/lib/keyledger keyledger serve --issuer https://keys.example.com
  keyledger serve --config /etc/keyledger.toml

When requests are taken, `listening on http://ADDRESS` is written to standard output. The log
goes to standard error; KEYLEDGER_LOG (or RUST_LOG) sets its level, such as debug. SIGTERM, SIGINT
and SIGHUP finish the requests under way and stop. Under systemd, the credentials
keyledger.master-key and keyledger.pepper are taken if no file is named.";

/// Where a server listens, if nothing else was said.
pub(super) const LISTEN: &str = "127.0.0.1:4200";

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
        default_value = LISTEN,
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
    /// How often the key that signs tokens changes by itself, at least 1h; off: only by hand
    #[arg(
        long,
        value_name = "TIME|off",
        env = "KEYLEDGER_SIGNING_KEY_ROTATION",
        hide_env_values = true,
        default_value = "30d",
        value_parser = parse_rotation
    )]
    signing_key_rotation: Rotation,
    /// How long the next signing key is published before it signs, at least 10m
    #[arg(
        long,
        value_name = "TIME",
        env = "KEYLEDGER_SIGNING_KEY_PREPUBLISH",
        hide_env_values = true,
        default_value = "1d",
        value_parser = parse_seconds
    )]
    signing_key_prepublish: Seconds,
    /// Whether clients may ask for the GraphQL schema: on or off
    #[arg(
        long,
        value_name = "on|off",
        env = "KEYLEDGER_INTROSPECTION",
        hide_env_values = true,
        default_value = "on",
        value_parser = parse_introspection
    )]
    introspection: Introspection,
    /// What the log is called in its checkpoints, best its URL without the scheme [default: keyledger/LEDGER-ID]
    #[arg(long, value_name = "NAME", env = "KEYLEDGER_ORIGIN", hide_env_values = true, value_parser = LogOrigin::parse)]
    origin: Option<LogOrigin>,
    /// Who may read checkpoints and hashes under /tlog: open (everybody) or restricted (any accepted key)
    #[arg(
        long,
        value_name = "WHO",
        env = "KEYLEDGER_TLOG",
        hide_env_values = true,
        default_value = "restricted",
        value_parser = parse_tlog
    )]
    tlog: TlogAccess,
    /// A witness that is shown each checkpoint, to sign it: its verifier key, a space and its URL; several with commas
    /// between
    #[arg(
        long,
        value_name = "VKEY URL",
        env = "KEYLEDGER_WITNESS",
        hide_env_values = true,
        value_delimiter = ',',
        value_parser = Witness::parse
    )]
    witness: Vec<Witness>,
    /// How long a session of the web UI lasts after it was used last: 1m to 30d
    #[arg(
        long,
        value_name = "TIME",
        env = "KEYLEDGER_SESSION_IDLE",
        hide_env_values = true,
        default_value = "30m",
        value_parser = parse_session
    )]
    session_idle: Seconds,
    /// How long a session of the web UI lasts at the most: 1m to 30d
    #[arg(
        long,
        value_name = "TIME",
        env = "KEYLEDGER_SESSION_LIFE",
        hide_env_values = true,
        default_value = "12h",
        value_parser = parse_session
    )]
    session_life: Seconds,
    #[command(flatten)]
    guard: GuardArgs,
    #[command(flatten)]
    secrets: SecretArgs,
    #[command(flatten)]
    prefixes: PrefixArgs,
    /// Keep every other process from reading the ledger, audits too
    #[arg(long, env = "KEYLEDGER_EXCLUSIVE", hide_env_values = true, value_parser = BoolishValueParser::new())]
    exclusive: bool,
    /// Go on from a ledger that is older than its guard, such as a restored backup: records this and
    /// replaces every signing key. Repeat the revocations made since. For one start only, so by flag only
    #[arg(long)]
    accept_rollback: bool,
    /// Begin a ledger if the data folder holds none: a link is printed by which a browser makes the first
    /// tenant. For the first start only, so by flag only
    #[arg(long)]
    set_up: bool,
    #[command(flatten)]
    set_up_link: SetUpArgs,
    /// A proxy in front whose X-Forwarded-For is believed, as a network such as 10.0.0.0/8; several with commas between
    #[arg(
        long,
        value_name = "CIDR",
        env = "KEYLEDGER_TRUSTED_PROXY",
        hide_env_values = true,
        value_delimiter = ',',
        value_parser = Network::parse
    )]
    trusted_proxy: Vec<Network>,
    /// How many unknown credentials an address may show in a minute before it is told to slow down; 0: any
    #[arg(
        long,
        value_name = "N",
        env = "KEYLEDGER_GUESSES_PER_MINUTE",
        hide_env_values = true,
        default_value_t = GUESSES_PER_MINUTE_MAX
    )]
    guesses_per_minute: u32,
    /// How many connections there may be at once; one more is told to come back later
    #[arg(
        long,
        value_name = "N",
        env = "KEYLEDGER_CONNECTIONS_MAX",
        hide_env_values = true,
        default_value_t = CONNECTIONS_MAX,
        value_parser = clap::value_parser!(u32).range(16..=1_000_000)
    )]
    connections_max: u32,
    /// Serve metrics at this address, too, to everyone who reaches it, without a credential
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "KEYLEDGER_METRICS_LISTEN",
        hide_env_values = true,
        value_parser = parse_address
    )]
    metrics_listen: Option<SocketAddr>,
    /// Send traces to this OpenTelemetry collector, by OTLP over HTTP, such as http://127.0.0.1:4318
    #[arg(
        long,
        value_name = "URL",
        env = "KEYLEDGER_OTLP_ENDPOINT",
        hide_env_values = true,
        value_parser = parse_otlp_endpoint
    )]
    otlp_endpoint: Option<Endpoint>,
    /// How long to take requests still, once told to stop, while /readyz says so: as long as a load balancer
    /// needs to notice
    #[arg(
        long,
        value_name = "TIME",
        env = "KEYLEDGER_DRAIN_DELAY",
        hide_env_values = true,
        default_value = "0s",
        value_parser = parse_drain_delay
    )]
    drain_delay: Duration,
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

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seconds(u64);

/// How often signing keys change by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rotation {
    Every(Seconds),
    Off,
}

/// Serves until it is told to stop.
pub fn run(args: ServeArgs) -> Result<(), CliError> {
    let signing_keys = signing_keys(args.signing_key_rotation, args.signing_key_prepublish)?;
    check_witnesses(args.witness.len())?;
    // Dropped last: so the last spans leave after the ledger is closed.
    let traces = args.otlp_endpoint.as_ref().map(Traces::to).transpose().map_err(CliError::Traces)?;
    log::start(args.log.unwrap_or_else(LogFormat::of_standard_error), traces.as_ref())?;
    server::metrics::record();
    let issuer = args.issuer.clone().unwrap_or_else(|| default_issuer(args.listen));
    warn_of_clear_text(&args, &issuer);

    if let Some(config) = &args.data.config {
        tracing::info!(config = %config.display(), "settings are read from a file, too");
    }

    let folder = args.data.folder_of_a_ledger(Some(&args.guard))?;
    if args.set_up {
        begin(&args, &issuer)?;
    }
    let key_before = secrets::read_note_key(&folder).ok().and_then(|key| key.public());
    if let Some(what) = checkpoint_key::mismatch(&folder).filter(|_| !args.accept_rollback) {
        tracing::warn!(code = "NO_CHECKPOINT", what, "checkpoints are not those that auditors know");
    }
    let began = Instant::now();
    let authority = Authority::open(options(&args, issuer))?;
    let (keys, position) = (authority.keys_known(), authority.position());
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(data = %args.data.data.display(), keys, %position, took_ms, "the ledger is open, its chain holds");
    if let Some(verifier_key) = authority.verifier_key() {
        tracing::info!(%verifier_key, "checkpoints are signed with this key");
    }
    let new_key = key_before.is_some() && secrets::read_note_key(&folder)?.public() != key_before;
    tell_of_rollback(&args, &authority, new_key)?;
    let invitation = invitation(&args, &authority)?;

    let for_people = io::stdout().is_terminal() || args.log == Some(LogFormat::Text);
    let data = args.data.data.display().to_string();
    let options = ServeOptions {
        address: args.issuer.as_ref().map(|issuer| issuer.as_str().to_owned()),
        drain_delay: args.drain_delay,
        trusted_proxies: TrustedProxies::new(args.trusted_proxy.iter().copied()),
        guesses_per_minute_max: args.guesses_per_minute,
        introspection: args.introspection,
        sessions: SessionLimits {
            idle_seconds: args.session_idle.0,
            life_seconds: args.session_life.0,
            ..SessionLimits::default()
        },
        tlog_access: args.tlog,
        witnesses: args.witness.clone(),
        signing_keys,
        metrics_listen: args.metrics_listen,
        connections_max: connections_max(&args),
        ..ServeOptions::new(args.listen)
    };
    server::serve(authority, options, move |address| {
        let banner = for_people.then(|| banner(address, &data, keys));
        // A server goes on when nobody listens to what it says.
        let banner = banner.unwrap_or_default();
        let invitation = invitation.map(|invitation| invitation.text(address)).unwrap_or_default();
        let _ = output::write(&format!("listening on http://{address}\n{banner}{invitation}"));
    })?;
    tracing::info!("stopped; the ledger is closed");
    Ok(())
}

/// Begins a ledger where there is none.
fn begin(args: &ServeArgs, issuer: &Issuer) -> Result<(), CliError> {
    if args.data.folder(None).has_ledger()? {
        tracing::warn!("--set-up was not needed: there is a ledger; leave it away at the next start");
        return Ok(());
    }
    Authority::begin(options(args, issuer.clone()))?;
    tracing::info!(data = %args.data.data.display(), "an empty ledger was begun");
    Ok(())
}

/// The link by which a browser sets up, and what goes with it.
struct Invitation {
    code: OpaqueSecret,
    data: PathBuf,
    issuer: Option<Issuer>,
    life_seconds: u64,
}

/// A new link, if the ledger has no tenant yet. It goes to standard output and never into the log.
fn invitation(args: &ServeArgs, authority: &Authority) -> Result<Option<Invitation>, CliError> {
    if authority.is_set_up() {
        return Ok(None);
    }
    let life_seconds = args.set_up_link.life_seconds();
    let folder = args.data.folder(None);
    let (code, _) = set_up::new_code(&folder, authority.now(), life_seconds)?;
    let data = args.data.data.clone();
    Ok(Some(Invitation { code, data, issuer: args.issuer.clone(), life_seconds }))
}

impl Invitation {
    /// What is written out, once it is known where the server listens. The log is told how to come by another link.
    fn text(&self, listening: SocketAddr) -> String {
        let another = set_up_link::another(&self.data, self.issuer.as_ref(), listening, self.life_seconds);
        tracing::warn!(
            another,
            "there is no tenant yet: the link by which one is made is on standard output"
        );
        let reached = Reached::by(self.issuer.as_ref(), listening);
        let remark = reached.remark().map(|remark| format!("  {remark}\n\n")).unwrap_or_default();
        format!(
            "
  There is no tenant yet. Open this link within {life}, and once, to make the first one and its administrator:

    {link}

{remark}  Another link, which takes the place of this one: {another}

",
            life = words(self.life_seconds),
            link = reached.link(&self.code),
        )
    }
}

/// As many connections as were asked for, or as the system allows.
fn connections_max(args: &ServeArgs) -> u32 {
    let (wanted, allowed) = (args.connections_max, open_files::allow_connections(args.connections_max));
    if allowed < wanted {
        tracing::warn!(
            wanted,
            allowed,
            "fewer connections than --connections-max can be open at once: raise the limit of open files (ulimit -Hn, LimitNOFILE)"
        );
    }
    allowed
}

fn options(args: &ServeArgs, issuer: Issuer) -> Options {
    let sharing = if args.exclusive { Sharing::Exclusive } else { Sharing::SingleWriter };
    let rollback = if args.accept_rollback { Rollback::Accept } else { Rollback::Refuse };
    Options {
        secrets: args.secrets.sources(),
        ledger: OpenOptions { sharing, ..OpenOptions::default() },
        token_life: args.token_life,
        prefixes: args.prefixes.prefixes(),
        origin: args.origin.clone(),
        rollback,
        ..Options::new(args.data.folder(Some(&args.guard)), issuer)
    }
}

/// Refuses settings each of which is well-formed, and which a start refuses together.
pub(super) fn fit_together(serve: &ArgMatches) -> Result<(), CliError> {
    check_witnesses(serve.get_many::<Witness>("witness").map_or(0, Iterator::count))?;
    let rotation = serve.get_one::<Rotation>("signing_key_rotation");
    let prepublish = serve.get_one::<Seconds>("signing_key_prepublish");
    let (Some(rotation), Some(prepublish)) = (rotation, prepublish) else { return Ok(()) };
    signing_keys(*rotation, *prepublish).map(drop)
}

/// A checkpoint with more signatures is one that not everybody reads.
fn check_witnesses(count: usize) -> Result<(), CliError> {
    if count <= WITNESSES_MAX {
        return Ok(());
    }
    let message = format!("there are {count} witnesses, and a checkpoint has room for {WITNESSES_MAX}");
    let hint = Some("leave some of --witness away".to_owned());
    Err(UsageError { code: "USAGE", message, hint }.into())
}

fn signing_keys(
    rotation: Rotation,
    Seconds(prepublish): Seconds,
) -> Result<Option<SigningKeyPolicy>, CliError> {
    let Rotation::Every(Seconds(rotation)) = rotation else { return Ok(None) };
    let policy = SigningKeyPolicy::new(rotation, prepublish).map_err(|error| UsageError {
        code: "SCHEDULE_INVALID",
        message: error.to_string(),
        hint: Some(
            "give --signing-key-rotation and --signing-key-prepublish that fit, such as 30d and 1d".into(),
        ),
    })?;
    Ok(Some(policy))
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

  web UI     http://{address}/
  GraphQL    http://{address}/graphql
  whoami     http://{address}/v1/whoami
  key set    http://{address}/.well-known/jwks.json

  Stop it with Ctrl-C.

"
    )
}

fn warn_of_clear_text(args: &ServeArgs, issuer: &Issuer) {
    if let Some(listen) = args.metrics_listen.filter(|listen| !listen.ip().is_loopback()) {
        tracing::warn!(
            %listen,
            "METRICS ARE SERVED BEYOND LOOPBACK, without a credential: let only your monitoring reach this address"
        );
    }
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
fn tell_of_rollback(args: &ServeArgs, authority: &Authority, new_key: bool) -> Result<(), CliError> {
    if !args.accept_rollback {
        return Ok(());
    }
    if rollback_came_last(&authority.snapshot()?)? {
        tracing::warn!(
            "THE LEDGER WAS ROLLED BACK, and that was accepted: what was revoked or removed since that backup works again. Repeat those revocations now; every signing key was replaced, so tokens from before are refused"
        );
    } else if new_key {
        tracing::warn!(
            "the ledger was not rolled back; --accept-rollback made a new key for checkpoints, and nothing else. Leave it away at the next start"
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

pub(super) fn parse_address(text: &str) -> Result<SocketAddr, MalformedValue> {
    text.parse().map_err(|_| {
        MalformedValue("give an IP address and a port, such as 127.0.0.1:4200, [::1]:4200 or 0.0.0.0:4200")
    })
}

/// A URL of RFC 8414, section 2; `http` is for loopback and for trials.
pub(super) fn parse_issuer(text: &str) -> Result<Issuer, MalformedValue> {
    let malformed = MalformedValue(
        "give a URL with a host and without query, fragment or closing slash, such as https://keys.example.com",
    );
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(malformed)?;
    if rest.is_empty() || rest.starts_with('/') || rest.ends_with('/') || rest.contains(['?', '#', '@']) {
        return Err(malformed);
    }
    Issuer::parse(text).map_err(|_| malformed)
}

fn parse_otlp_endpoint(text: &str) -> Result<Endpoint, MalformedValue> {
    Endpoint::parse(text).ok_or(MalformedValue(
        "give a URL such as http://127.0.0.1:4318; TLS is the business of a collector next to the server",
    ))
}

fn parse_drain_delay(text: &str) -> Result<Duration, MalformedValue> {
    let malformed = MalformedValue("give 0 to 5 minutes, such as 15, 15s or 1m");
    let seconds = match text.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let delay: SignedDuration = text.parse().map_err(|_| malformed)?;
            u64::try_from(delay.as_secs()).map_err(|_| malformed)?
        }
    };
    if seconds <= 300 { Ok(Duration::from_secs(seconds)) } else { Err(malformed) }
}

fn parse_token_life(text: &str) -> Result<TokenLife, MalformedValue> {
    let malformed = MalformedValue("give 1 to 15 minutes, such as 600, 600s or 10m");
    let seconds = match text.parse::<u32>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let life: SignedDuration = text.parse().map_err(|_| malformed)?;
            if life.subsec_nanos() != 0 {
                return Err(malformed);
            }
            u32::try_from(life.as_secs()).map_err(|_| malformed)?
        }
    };
    TokenLife::new(seconds).map_err(|_| malformed)
}

fn parse_tlog(text: &str) -> Result<TlogAccess, MalformedValue> {
    match text {
        "open" => Ok(TlogAccess::Open),
        "restricted" => Ok(TlogAccess::Restricted),
        _ => Err(MalformedValue("give open or restricted")),
    }
}

fn parse_introspection(text: &str) -> Result<Introspection, MalformedValue> {
    match text {
        "on" => Ok(Introspection::On),
        "off" => Ok(Introspection::Off),
        _ => Err(MalformedValue("give on or off")),
    }
}

fn parse_rotation(text: &str) -> Result<Rotation, MalformedValue> {
    if text == "off" { Ok(Rotation::Off) } else { parse_seconds(text).map(Rotation::Every) }
}

/// A length of time with its unit, days and weeks too; or a number of seconds.
fn parse_seconds(text: &str) -> Result<Seconds, MalformedValue> {
    let malformed = MalformedValue("give a length of time, such as 30d, 12h or 3600");
    if let Ok(seconds) = text.parse() {
        return Ok(Seconds(seconds));
    }
    let span: Span = text.parse().map_err(|_| malformed)?;
    let days_are_24_hours = SpanRelativeTo::days_are_24_hours();
    let seconds = span.total((Unit::Second, days_are_24_hours)).map_err(|_| malformed)?;
    let whole = seconds.fract() == 0.0 && (0.0..=1e12).contains(&seconds);
    if whole { Ok(Seconds(seconds as u64)) } else { Err(malformed) }
}

/// For how long somebody may stay signed in.
fn parse_session(text: &str) -> Result<Seconds, MalformedValue> {
    let month = 30 * 24 * 60 * 60;
    let fits = |seconds: &Seconds| (60..=month).contains(&seconds.0);
    let malformed = MalformedValue("give 1 minute to 30 days, such as 30m, 12h or 7d");
    parse_seconds(text).ok().filter(fits).ok_or(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_way_to_another_link_leads_to_the_same_address() {
        let issuer = Issuer::parse("https://keys.example.com").unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let folder = store::DataFolder::at(scratch.path().join("data"));
        Authority::begin(Options::new(folder.clone(), issuer.clone())).unwrap();
        for (issuer, life_seconds, url, command) in [
            (Some(issuer), 900, "https://keys.example.com", "--address https://keys.example.com"),
            (None, 900, "http://127.0.0.1:4714", "--listen 127.0.0.1:4714"),
            (None, 3_600, "http://127.0.0.1:4714", "--listen 127.0.0.1:4714 --set-up-life 3600s"),
        ] {
            let (code, _) = set_up::new_code(&folder, authority::Clock::System.now(), life_seconds).unwrap();
            let invitation = Invitation { code, data: "n1".into(), issuer, life_seconds };
            let text = invitation.text("127.0.0.1:4714".parse().unwrap());
            assert!(text.contains(&format!("{url}/ui/set-up?code=")), "{text}");
            let another = format!(": keyledger set-up-link --data n1 {command}\n");
            assert!(text.contains(&another), "{text}");
        }
    }

    #[test]
    fn lengths_of_time_are_seconds_or_have_a_unit() {
        for (text, seconds) in
            [("3600", 3600), ("1h", 3600), ("30d", 2_592_000), ("1d 12h", 129_600), ("2w", 1_209_600)]
        {
            assert_eq!(parse_seconds(text).unwrap(), Seconds(seconds), "{text}");
            assert_eq!(parse_rotation(text).unwrap(), Rotation::Every(Seconds(seconds)), "{text}");
        }
        assert_eq!(parse_rotation("off").unwrap(), Rotation::Off);
        for bad in ["", "-1", "-1d", "1.5s", "1mo", "soon", "on"] {
            assert!(parse_seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn token_lives_are_seconds_or_have_a_unit() {
        for (text, seconds) in [("60", 60), ("600s", 600), ("10m", 600), ("1m 30s", 90), ("PT15M", 900)] {
            assert_eq!(parse_token_life(text).unwrap().seconds(), seconds, "{text}");
        }
        for bad in ["", "59", "901", "1h", "-10m", "10", "ten", "90.5s", "18446744073709551616"] {
            assert!(parse_token_life(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_drain_delay_is_short() {
        for (text, seconds) in [("0", 0), ("0s", 0), ("15", 15), ("1m", 60), ("5m", 300)] {
            assert_eq!(parse_drain_delay(text).unwrap(), Duration::from_secs(seconds), "{text}");
        }
        for bad in ["", "-1s", "301", "6m", "soon"] {
            assert!(parse_drain_delay(bad).is_err(), "{bad}");
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
