//! What the doctor sees of a running server from where its clients are.

use authority::Clock;
use jiff::fmt::rfc2822::DateTimeParser;
use replay::print::one_line;
use serde_json::Value;
use ureq::http::Response;
use ureq::{Body, Error};

use crate::client::http::agent;
use crate::client::server_url::ServerUrl;
use crate::commands::doctor::finding::Finding;

/// So far apart may clocks be before tokens are refused by whoever checks them.
const APART_SECONDS_MAX: i64 = 30;

/// It answers, is ready, has our time; and what stands in between.
pub fn server(url: &ServerUrl, clock: Clock) -> Vec<Finding> {
    let agent = agent(url);
    let live = match agent.get(format!("{url}/livez")).call() {
        Ok(answer) => answer,
        Err(error) => return vec![unreachable(url, &error)],
    };
    let mut findings = vec![];
    if live.status() == 200 && header(&live, "x-request-id").is_some() {
        findings.push(Finding::ok("reachable", format!("{url} answers")));
    } else {
        let detail = format!("{url}/livez answers {}, and not as keyledger does", live.status());
        findings.push(Finding::fail(
            "reachable",
            detail,
            "see what else answers there, and where the proxy leads",
        ));
        return findings;
    }
    findings.push(match agent.get(format!("{url}/readyz")).call() {
        Ok(answer) if answer.status() == 200 => Finding::ok("ready", "it takes changes"),
        Ok(answer) => not_ready(answer),
        Err(error) => Finding::fail("ready", error.to_string(), "look again; its log says more"),
    });
    findings.push(time(&live, clock));
    findings.push(between(&live));
    findings
}

/// Why no answer came.
fn unreachable(url: &ServerUrl, error: &Error) -> Finding {
    let why = error.to_string();
    if why.contains("certificate") {
        let detail = format!("{url} answers, and its certificate is not trusted here: {why}");
        let next = "give the proxy a certificate for this name that is valid now, or trust its authority on this machine (SSL_CERT_FILE names a file of such)";
        return Finding::fail("reachable", detail, next);
    }
    let detail = format!("{url} does not answer: {why}");
    Finding::fail("reachable", detail, "start the server, or give the right --url")
}

/// Why it takes no changes, as it says itself.
fn not_ready(mut answer: Response<Body>) -> Finding {
    let status = answer.status();
    let text = answer.body_mut().with_config().limit(64 << 10).read_to_string().unwrap_or_default();
    let said: Value = serde_json::from_str(&text).unwrap_or_default();
    let said = |name: &str| said["error"][name].as_str().map(one_line).unwrap_or_default();
    let (code, message) = (said("code"), said("message"));
    let next = match code.as_str() {
        "RECOVERING" if message.contains("no room") => {
            "make room and leave it running: it verifies meanwhile, and notices by itself; see docs/runbooks/disk-full.md"
        }
        "RECOVERING" => "leave it running: it tries by itself; if it lasts, see its log and its disk",
        "DRAINING" => "it was told to stop; look again when it is started",
        "STOPPED" => "its log says why; starting it again opens the ledger anew",
        _ => "see what answers there: its own log, or that of the proxy in between",
    };
    let detail = format!("it answers {status}: it takes no changes ({code}: {message})");
    Finding::fail("ready", detail, next)
}

fn time<B>(answer: &Response<B>, clock: Clock) -> Finding {
    let date = header(answer, "date").and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
    let Some(date) = date else {
        return Finding::warn(
            "server's clock",
            "the answer has no date",
            "let the proxy pass the header Date on",
        );
    };
    let apart = date.as_second() - clock.now().unix_seconds();
    if apart.abs() <= APART_SECONDS_MAX {
        Finding::ok("server's clock", format!("{} seconds from ours", apart.abs()))
    } else {
        let side = if apart > 0 { "ahead of" } else { "behind" };
        let detail = format!("{} seconds {side} ours", apart.abs());
        Finding::fail(
            "server's clock",
            detail,
            "keep both with NTP: tokens are refused by clocks so far apart",
        )
    }
}

/// Keyledger names no software and leaves no trace of hops: whoever does stands in between.
fn between<B>(answer: &Response<B>) -> Finding {
    let seen: Vec<_> =
        ["server", "via"].iter().filter_map(|name| Some((name, header(answer, name)?))).collect();
    let seen: Vec<_> = seen.iter().map(|(name, value)| format!("{name}: {value:.80}")).collect();
    if seen.is_empty() {
        return Finding::ok("proxy", "none shows itself");
    }
    Finding::warn(
        "proxy",
        format!("one stands in between ({})", seen.join(", ")),
        "ask `{ auth_info { address } }` with a key: if that is the proxy's address and not yours, let the proxy set X-Forwarded-For and name it with --trusted-proxy",
    )
}

fn header<'a, B>(answer: &'a Response<B>, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}
