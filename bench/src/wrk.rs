//! Load: wrk on a core of its own, with a credential of many in each request.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The script that draws the credentials.
const SCRIPT: &str = include_str!("wrk.lua");
/// The core that sends; servers have the other.
const CORE: &str = "1";

/// What is sent.
#[derive(Clone)]
pub struct Load {
    /// The file of credentials: the value of one `Authorization` a line.
    pub credentials: PathBuf,
    /// How they are drawn.
    pub order: Order,
    /// To which route.
    pub route: Route,
}

/// How credentials are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By chance, each many times.
    Random,
    /// One after the other, each once; when there is none left, sending ends.
    Once,
}

/// A route that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /v1/whoami`.
    Whoami,
    /// `GET /v1/checked`, of the bare route alone.
    Checked,
    /// `GET /forward-auth`.
    ForwardAuth,
    /// `POST /oauth/token`.
    Token,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    pub requests: f64,
    pub seconds: f64,
    pub p50_us: f64,
    pub p99_us: f64,
}

impl Load {
    /// Sends for so long over so many connections, and waits for the end. A request that fails makes it an error.
    pub fn send(&self, url: &str, connections: u32, seconds: u32, scratch: &Path) -> Result<Outcome, String> {
        let script = scratch.join("wrk.lua");
        std::fs::write(&script, SCRIPT).map_err(|error| error.to_string())?;
        let (method, path, body) = match self.route {
            Route::Whoami => ("GET", "/v1/whoami", None),
            Route::Checked => ("GET", "/v1/checked", None),
            Route::ForwardAuth => ("GET", "/forward-auth", None),
            Route::Token => ("POST", "/oauth/token", Some("grant_type=client_credentials")),
        };
        let mut wrk = Command::new("taskset");
        wrk.args(["-c", CORE, "wrk", "--threads", "1"])
            .args(["--connections", &connections.to_string(), "--duration", &format!("{seconds}s")])
            .arg("--script")
            .arg(&script)
            .arg(url)
            .env("BENCH_CREDENTIALS", &self.credentials)
            .env("BENCH_ORDER", if self.order == Order::Once { "once" } else { "random" })
            .envs([("BENCH_METHOD", method), ("BENCH_PATH", path)]);
        if let Some(body) = body {
            wrk.env("BENCH_BODY", body).env("BENCH_CONTENT_TYPE", "application/x-www-form-urlencoded");
        }
        let output = wrk.output().map_err(|error| format!("{error}; {MISSING}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find_map(|line| line.strip_prefix("figures "));
        let Some(line) = line else {
            return Err(format!("wrk: {}; {MISSING}", String::from_utf8_lossy(&output.stderr).trim()));
        };
        let numbers: Vec<f64> = line.split(' ').filter_map(|number| number.parse().ok()).collect();
        let [requests, duration_us, failed, p50_us, p99_us] = numbers[..] else {
            return Err(format!("wrk said {line}"));
        };
        if failed > 0.0 {
            return Err(format!("{failed} of {requests} requests failed"));
        }
        Ok(Outcome { requests, seconds: duration_us / 1e6, p50_us, p99_us })
    }
}

const MISSING: &str = "on Debian, `apt-get install wrk util-linux` gets what this part needs";
