//! Servers under measurement: started on a core of their own, asked what they use, and ended.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The core that serves; who sends has the other.
const CORE: &str = "0";
/// `USER_HZ`: the clock ticks of `/proc/PID/stat`, the same on every Linux that we know.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running server.
pub struct Serving {
    child: Child,
    /// Where it listens: `http://ADDRESS`.
    pub url: String,
}

impl Serving {
    /// Starts a program that lies beside this one, and waits until it says where it listens.
    pub fn start(program: &str, arguments: &[&str]) -> Result<Self, String> {
        let mut child = on_the_core(program)?
            .args(arguments)
            .stdout(Stdio::piped())
            // Its lines cost it what they cost; nobody reads them here.
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("taskset: {error}; on Debian, `apt-get install util-linux` has it"))?;
        let output = child.stdout.take().expect("it was asked for");
        let mut lines = BufReader::new(output).lines();
        let url = lines.find_map(|line| line.ok()?.strip_prefix("listening on ").map(str::to_owned));
        let serving = |url| Self { child, url };
        url.map(serving).ok_or(format!("{program} did not start; run it by hand to see why"))
    }

    /// A real server of this data folder.
    pub fn keyledger(data: &Path) -> Result<Self, String> {
        let data = data.to_str().ok_or("the data folder's path is not text")?;
        let issuer = "https://keys.example.com";
        Self::start(
            "keyledger",
            &["serve", "--data", data, "--listen", "127.0.0.1:0", "--issuer", issuer, "--log", "json"],
        )
    }

    /// How long it has run on a processor, in microseconds, its kernel work included.
    pub fn cpu_us(&self) -> Result<f64, String> {
        let stat = self.proc("stat")?;
        // The name, in parentheses, may hold anything.
        let fields = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
        let ticks: Vec<f64> =
            fields.split_whitespace().skip(11).take(2).filter_map(|it| it.parse().ok()).collect();
        Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND * 1e6)
    }

    /// How much of it is in memory, in bytes.
    pub fn resident_bytes(&self) -> Result<f64, String> {
        bytes_of(&self.proc("status")?, "VmRSS:").ok_or("no VmRSS in /proc".to_owned())
    }

    fn proc(&self, file: &str) -> Result<String, String> {
        let path = format!("/proc/{}/{file}", self.child.id());
        std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It is ours, and nothing that it holds is missed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many bytes a line of `/proc/PID/status` tells.
pub fn bytes_of(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * 1024.0)
}

/// The program that was built beside this one, to be run on the core that serves.
pub fn on_the_core(program: &str) -> Result<Command, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new("taskset");
    // What is said to the bench is no setting of the program, which refuses what it does not know.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KEYLEDGER_") {
            command.env_remove(name);
        }
    }
    command.args(["-c", CORE]).arg(own.with_file_name(program));
    Ok(command)
}
