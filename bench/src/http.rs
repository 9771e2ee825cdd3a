//! What a request costs: the real server beside a bare route behind the same layers, round by round.
//!
//! Each round runs every contender once, so that a machine that slows down slows all of them. A figure is the round
//! whose ratio is the median one. Processor time a request is the steadier of the two measures on a shared machine.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use authority::{Authority, Shown, Wanted as TokenWanted};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::token_life::TokenLife;

use crate::dice::Dice;
use crate::folders;
use crate::grown::{Mix, key_string};
use crate::process::Serving;
use crate::report::{Figure, Report, Wanted};
use crate::rounds::median;
use crate::signature::Signature;
use crate::wrk::{Load, Order, Outcome, Route};

/// How many of the ledger's keys are shown.
const SHOWN: u64 = 10_000;
const ROUNDS: usize = 5;
const SECONDS: u32 = 3;
const CONNECTIONS: u32 = 32;
/// More than a core checks in a round.
const NEVER_SEEN: u64 = 50_000;
const NEVER_SEEN_SECONDS: u32 = 2;

/// One contender in one round.
#[derive(Clone, Copy)]
struct Sample {
    per_second: f64,
    cpu_us: f64,
}

/// Two contenders, sampled in the same rounds.
struct Pair<'a> {
    name: &'a str,
    beside: &'a str,
    ours: Vec<Sample>,
    theirs: Vec<Sample>,
}

/// Measures the routes of verification and exchange.
pub fn measure(scratch: &Path, keys: u64, report: &mut Report) -> Result<(), String> {
    let data = folders::with_keys(scratch, keys, Mix::Keys, 4096)?;
    let layers = folders::with_keys(scratch, 0, Mix::Keys, 1)?;
    let numbers = drawn(keys, SHOWN.max(NEVER_SEEN));
    let shown = &numbers[..SHOWN as usize];
    let inputs = Inputs::prepare(scratch, &data, shown, &numbers)?;

    let server = Serving::keyledger(&data)?;
    let [whoami, token, signed] =
        [inputs.whoami_bytes, inputs.token_bytes, inputs.signed_bytes].map(|bytes| bytes.to_string());
    let lengths = ["--whoami", &whoami, "--token", &token, "--signed", &signed];
    let layers = layers.to_str().ok_or("the scratch folder's path is not text")?;
    let bare = Serving::start("bare", &[&["--data", layers], &lengths[..]].concat())?;
    let alone = Serving::start("bare", &lengths)?;
    let load = |credentials: &Path, order, route| Load { credentials: credentials.to_owned(), order, route };
    let keys = load(&inputs.keys, Order::Random, Route::Whoami);
    let forwarded = load(&inputs.keys, Order::Random, Route::ForwardAuth);
    let seen = load(&inputs.tokens, Order::Random, Route::Whoami);
    let checked = load(&inputs.tokens, Order::Random, Route::Checked);
    let exchange = load(&inputs.clients, Order::Random, Route::Token);
    // Every token is seen once, every page is read once, before anything is measured.
    for warm in [&keys, &forwarded, &seen, &exchange] {
        warm.send(&server.url, CONNECTIONS, SECONDS, scratch)?;
        warm.send(&bare.url, CONNECTIONS, 1, scratch)?;
    }

    let sample = |server: &Serving, load: &Load, seconds| sample(server, load, seconds, scratch);
    let [mut by_key, mut by_seen, mut by_new, mut minted] = [const { Vec::<Sample>::new() }; 4];
    let [mut by_forwarded, mut bare_forwarded] = [const { Vec::<Sample>::new() }; 2];
    let [mut bare_key, mut bare_token, mut bare_checked, mut bare_exchange, mut unlayered] =
        [const { Vec::<Sample>::new() }; 5];
    let [mut signing, mut checking] = [const { Vec::<f64>::new() }; 2];
    for round in 0..ROUNDS {
        by_key.push(sample(&server, &keys, SECONDS)?);
        bare_key.push(sample(&bare, &keys, SECONDS)?);
        unlayered.push(sample(&alone, &keys, SECONDS)?);
        by_forwarded.push(sample(&server, &forwarded, SECONDS)?);
        bare_forwarded.push(sample(&bare, &forwarded, SECONDS)?);
        by_seen.push(sample(&server, &seen, SECONDS)?);
        bare_token.push(sample(&bare, &seen, SECONDS)?);
        let never_seen = load(&inputs.never_seen[round], Order::Once, Route::Whoami);
        by_new.push(sample(&server, &never_seen, NEVER_SEEN_SECONDS)?);
        bare_checked.push(sample(&bare, &checked, NEVER_SEEN_SECONDS)?);
        minted.push(sample(&server, &exchange, SECONDS)?);
        bare_exchange.push(sample(&bare, &exchange, SECONDS)?);
        let (sign, verify) = signature_us(inputs.signed_bytes);
        signing.push(sign);
        checking.push(verify);
    }
    let beside = "bare route behind the same layers";
    Pair { name: "whoami, key", beside, ours: by_key.clone(), theirs: bare_key }.tell(report, 0.85);
    let alone_name = "bare route without layers";
    Pair { name: "whoami, key", beside: alone_name, ours: by_key, theirs: unlayered }.tell_only(report);
    Pair { name: "forward-auth, key", beside, ours: by_forwarded, theirs: bare_forwarded }.tell(report, 0.85);
    Pair { name: "whoami, token seen before", beside, ours: by_seen.clone(), theirs: bare_token.clone() }
        .tell(report, 0.75);

    let beside = "token seen before, and what one check adds to the bare route";
    let added = bare_checked.iter().zip(&bare_token);
    let theirs = by_seen.iter().zip(added).map(|(seen, (checked, bare))| seen.and(*checked, *bare)).collect();
    Pair { name: "whoami, token never seen", beside, ours: by_new, theirs }.tell(report, 0.9);
    let beside = "bare route behind the same layers that signs as much";
    Pair { name: "oauth/token", beside, ours: minted, theirs: bare_exchange }.tell(report, 0.85);
    report.add(Figure::of("Ed25519: sign", median(&signing), "µs"));
    report.add(Figure::of("Ed25519: verify", median(&checking), "µs"));

    for (name, load) in
        [("whoami, key", &keys), ("whoami, token seen before", &seen), ("oauth/token", &exchange)]
    {
        let Outcome { p50_us, p99_us, .. } = load.send(&server.url, 16, SECONDS, scratch)?;
        report.add(Figure::of(format!("{name}: latency, 16 connections, median"), p50_us, "µs"));
        report.add(Figure::of(format!("{name}: latency, 16 connections, p99"), p99_us, "µs"));
    }
    Ok(())
}

fn sample(server: &Serving, load: &Load, seconds: u32, scratch: &Path) -> Result<Sample, String> {
    let before = server.cpu_us()?;
    let outcome = load.send(&server.url, CONNECTIONS, seconds, scratch)?;
    let cpu_us = (server.cpu_us()? - before) / outcome.requests;
    Ok(Sample { per_second: outcome.requests / outcome.seconds, cpu_us })
}

impl Sample {
    /// The same, if each request took as much longer as one did than another.
    fn and(self, longer: Self, other: Self) -> Self {
        let seconds = 1.0 / self.per_second + 1.0 / longer.per_second - 1.0 / other.per_second;
        Self { per_second: 1.0 / seconds, cpu_us: self.cpu_us + longer.cpu_us - other.cpu_us }
    }
}

impl Pair<'_> {
    /// Tells both measures; the ratio wanted is one of requests a second, so of processor time its inverse.
    fn tell(self, report: &mut Report, least: f64) {
        let [requests, cpu] = self.figures();
        report.add(requests.wanted(Wanted::RatioAtLeast(least)));
        report.add(cpu.wanted(Wanted::RatioAtMost(1.0 / least)));
    }

    fn tell_only(self, report: &mut Report) {
        self.figures().into_iter().for_each(|figure| report.add(figure));
    }

    fn figures(&self) -> [Figure; 2] {
        let figure = |of: fn(&Sample) -> f64, what: &str, unit| {
            let mut rounds: Vec<_> = self.ours.iter().map(of).zip(self.theirs.iter().map(of)).collect();
            rounds.sort_by(|one, other| (one.0 / one.1).total_cmp(&(other.0 / other.1)));
            let (ours, theirs) = rounds[rounds.len() / 2];
            Figure::of(format!("{}: {what}", self.name), ours, unit).beside(self.beside, theirs)
        };
        [
            figure(|sample| sample.per_second, "requests", "1/s"),
            figure(|sample| sample.cpu_us, "processor time", "µs"),
        ]
    }
}

/// What is sent, in files, and how long the answers are.
struct Inputs {
    keys: PathBuf,
    clients: PathBuf,
    tokens: PathBuf,
    /// A file a round.
    never_seen: Vec<PathBuf>,
    whoami_bytes: usize,
    token_bytes: usize,
    signed_bytes: usize,
}

impl Inputs {
    /// Mints the tokens in process, before the server opens the folder.
    fn prepare(scratch: &Path, data: &Path, shown: &[u64], all: &[u64]) -> Result<Self, String> {
        let file = |name: &str| scratch.join(format!("{name}.credentials"));
        let options = authority::Options { token_life: TokenLife::LONGEST, ..folders::options(data) };
        let authority = Authority::open(options).map_err(|error| error.to_string())?;
        authority.keep_token_life().map_err(|error| error.to_string())?;
        let tokens = |numbers: &[u64], path: &Path| -> Result<(), String> {
            let mut lines = String::new();
            for number in numbers {
                let _ = writeln!(lines, "Bearer {}", token(&authority, *number)?);
            }
            std::fs::write(path, lines).map_err(|error| error.to_string())
        };
        let (mut keys, mut clients) = (String::new(), String::new());
        for number in shown {
            let key = key_string(*number);
            let _ = writeln!(keys, "Bearer {}", key.expose());
            let _ = writeln!(clients, "Basic {}", STANDARD.encode(format!("{}:{}", key.id(), key.expose())));
        }
        let write = |path: PathBuf, text: String| std::fs::write(&path, text).map(|()| path);
        let (keys, clients) = (write(file("keys"), keys), write(file("clients"), clients));
        tokens(shown, &file("tokens"))?;
        let never_seen: Vec<_> = (0..ROUNDS).map(|round| file(&format!("never-seen-{round}"))).collect();
        for path in &never_seen {
            tokens(all, path)?;
        }
        let token = token(&authority, shown[0])?;
        Ok(Self {
            keys: keys.map_err(|error| error.to_string())?,
            clients: clients.map_err(|error| error.to_string())?,
            tokens: file("tokens"),
            never_seen,
            // Of a key of a service account with an end, which all of these are, and a position of seven digits.
            whoami_bytes: WHOAMI_BYTES,
            token_bytes: r#"{"access_token":"","token_type":"Bearer","expires_in":600}"#.len() + token.len(),
            signed_bytes: token.rfind('.').unwrap_or_default(),
        })
    }
}

const WHOAMI_BYTES: usize = concat!(
    r#"{"kind":"service_account","id":"01890a5d-ac96-774b-bcce-b302099a8057","#,
    r#""key_id":"01890a5d-ac96-774b-bcce-b302099a8057","tenant_id":"01890a5d-ac96-774b-bcce-b302099a8057","#,
    r#""role":"runner","scopes":null,"expires_at":"2045-12-27T00:00:00.001Z","position":"1105003"}"#,
)
.len();

fn token(authority: &Authority, number: u64) -> Result<String, String> {
    let key = key_string(number);
    let minted = authority.exchange(Shown::from_nowhere(key.expose()), TokenWanted::default());
    minted.map(|minted| minted.token).map_err(|error| error.to_string())
}

/// Numbers of keys, drawn at random.
fn drawn(keys: u64, count: u64) -> Vec<u64> {
    let mut dice = Dice(0x0064_7261_776E);
    (0..count).map(|_| dice.below(keys)).collect()
}

/// What one signature over so many bytes costs, and checking it: medians of small batches.
fn signature_us(bytes: usize) -> (f64, f64) {
    let signature = Signature::over(bytes);
    let batch = |act: &dyn Fn()| {
        let began = Instant::now();
        (0..8).for_each(|_| act());
        began.elapsed().as_secs_f64() * 1e6 / 8.0
    };
    let signing: Vec<_> = (0..200).map(|_| batch(&|| signature.sign())).collect();
    let checking: Vec<_> = (0..200).map(|_| batch(&|| signature.check())).collect();
    (median(&signing), median(&checking))
}
