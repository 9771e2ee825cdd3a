//! A real `keyledger` process in a scratch folder, reached over a real socket.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use domain::Recorded;
use replay::{Audit, Repair};
use serde_json::Value;
use store::{DataFolder, StoreError};

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// Names the `keyledger` binary to be tested, so that nothing is built for it.
const BINARY_VARIABLE: &str = "KEYLEDGER_TEST_BINARY";

/// Runs the examples of a page as a shell would for whoever reads it: in this folder, with the command at hand, and with
/// nothing of the environment. What they printed; one that fails ends all.
pub fn run_examples(script: &str, folder: &Path) -> String {
    let path = format!(
        "{}:{}",
        binary().parent().expect("a file stands in a folder").display(),
        std::env::var("PATH").expect("there is a PATH")
    );
    let output = Command::new("sh")
        .args(["-c", script])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder)
        .stdin(Stdio::null())
        .output()
        .expect("there is a shell");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    out.into_owned()
}

/// The `keyledger` binary: the one named, or else built now for the profile that this process was built for.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(named) = std::env::var_os(BINARY_VARIABLE) {
            let named = PathBuf::from(named);
            assert!(named.is_file(), "{BINARY_VARIABLE} names no file: {}", named.display());
            return named;
        }
        let me = std::env::current_exe().expect("a running program has a file");
        let release = me.components().any(|part| part.as_os_str() == "release");
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args(["build", "--quiet", "--package", "keyledger", "--bin", "keyledger"]);
        if release {
            build.arg("--release");
        }
        let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo runs");
        assert!(built.success(), "the keyledger binary does not build");
        let target = me
            .ancestors()
            .find(|folder| folder.file_name().is_some_and(|name| name == "release" || name == "debug"))
            .expect("cargo puts programs under debug or release");
        target.join("keyledger")
    })
}

/// `keyledger`, without what the environment says about somebody's real ledger.
fn command() -> Command {
    let mut command = Command::new(binary());
    without_settings(&mut command);
    command
}

fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KEYLEDGER_") {
            command.env_remove(name);
        }
    }
}

/// Runs `keyledger` with these arguments, without a terminal and without input.
pub fn keyledger<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    let mut command = command();
    command.args(arguments).stdin(Stdio::null());
    command.output().expect("the keyledger binary runs")
}

/// Runs `keyledger` with these arguments, and ends it by SIGKILL so long after, wherever it has come by then.
pub fn keyledger_killed<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>, after: Duration) {
    let mut command = command();
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the keyledger binary runs");
    std::thread::sleep(after);
    child.kill().expect("our own child can be killed");
    child.wait().expect("a child can be waited for");
}

/// What `keyledger init -o json` printed.
#[derive(Clone, Debug)]
pub struct Initialised {
    /// The first tenant.
    pub tenant_id: String,
    /// Its administrator.
    pub user_id: String,
    /// That user's key.
    pub key_id: String,
    /// The key's secret.
    pub key: String,
}

/// Makes a ledger in the folder.
pub fn init(data: &Path, tenant: &str, admin: &str) -> Initialised {
    try_init(data, tenant, admin).unwrap_or_else(|why| panic!("init: {why}"))
}

/// The same; if it fails, what was said.
pub fn try_init(data: &Path, tenant: &str, admin: &str) -> Result<Initialised, String> {
    let folder = data.as_os_str();
    let arguments =
        ["init", "--tenant", tenant, "--admin", admin, "-o", "json", "--data"].map(std::ffi::OsStr::new);
    let output = keyledger(arguments.into_iter().chain([folder]));
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    let made: Value = serde_json::from_slice(&output.stdout).expect("init -o json prints JSON");
    let text = |name: &str| made[name].as_str().expect("init names what it made").to_owned();
    Ok(Initialised {
        tenant_id: text("tenant_id"),
        user_id: text("user_id"),
        key_id: text("key_id"),
        key: text("key"),
    })
}

/// Every event of the ledger in the folder, its chain checked; also while a server runs on it.
pub fn events_of(data: &Path) -> Vec<Recorded> {
    let audit = Audit::open(&DataFolder::at(data), Repair::Forbidden).expect("the ledger can be read");
    let mut events = vec![];
    let snapshot = audit.snapshot().expect("the ledger can be read");
    let scanned = snapshot.scan(|scanned| {
        events.push(scanned.recorded);
        Ok::<_, StoreError>(())
    });
    scanned.expect("the chain holds");
    events
}

/// A running server. Dropping it kills it.
pub struct Server {
    child: Child,
    url: String,
    log: PathBuf,
}

impl Server {
    /// Starts a server on a free port, and waits until it is ready. Its log goes to `DIR.log`.
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// The same with more arguments.
    pub fn start_with(data: &Path, more: &[&str]) -> Self {
        Self::try_start(data, more).unwrap_or_else(|why| panic!("the server does not start: {why}"))
    }

    /// The same; if the server ends instead of serving, what it said.
    pub fn try_start(data: &Path, more: &[&str]) -> Result<Self, String> {
        Self::try_start_at(data, "127.0.0.1:0", more)
    }

    /// Starts a server on a folder without a tenant, and waits until it is ready. Gives the set-up link that it printed, too.
    pub fn start_set_up(data: &Path, more: &[&str]) -> (Self, String) {
        let mut link = None;
        let listen = "127.0.0.1:0";
        let started = Self::spawn_until(&mut command(), data, listen, more, |line| {
            let found = line.trim().starts_with("http") && line.contains("/ui/set-up?code=");
            link = link.take().or(found.then(|| line.trim().to_owned()));
            found
        });
        let server = started.unwrap_or_else(|why| panic!("the server does not start: {why}"));
        (server, link.expect("it ended at the link"))
    }

    /// Starts a server that logs this much: a level of its log filter.
    pub fn start_logging(data: &Path, level: &str) -> Self {
        let started = Self::spawn(command().env("KEYLEDGER_LOG", level), data, "127.0.0.1:0", &[]);
        started.unwrap_or_else(|why| panic!("the server does not start: {why}"))
    }

    /// The same at an address that is known beforehand, so that clients find it again after a restart.
    pub fn try_start_at(data: &Path, listen: &str, more: &[&str]) -> Result<Self, String> {
        Self::spawn(&mut command(), data, listen, more)
    }

    /// Starts a server to which a write beyond a limit of its files is an error, as on a full disk, and no signal
    /// that ends it: see [`Server::limit_files`].
    pub fn start_limited(data: &Path, more: &[&str]) -> Self {
        let mut command = Command::new("sh");
        without_settings(&mut command);
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(binary());
        let started = Self::spawn(&mut command, data, "127.0.0.1:0", more);
        started.unwrap_or_else(|why| panic!("the server does not start: {why}"))
    }

    /// Lets the files of the running server become no larger than this; none: as large as they like.
    pub fn limit_files(&self, bytes_max: Option<u64>) {
        let soft = bytes_max.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        let process = self.child.id().to_string();
        let limited = Command::new("prlimit").args(["--pid", &process, &format!("--fsize={soft}:")]).status();
        assert!(limited.expect("util-linux has prlimit").success());
    }

    /// Starts a server and ends it by SIGKILL so long after, wherever it has come by then.
    pub fn kill_while_starting(data: &Path, after: Duration) {
        let (mut child, _) = Self::launch(&mut command(), data, "127.0.0.1:0", &[]);
        std::thread::sleep(after);
        child.kill().expect("our own child can be killed");
        child.wait().expect("a child can be waited for");
    }

    fn spawn(command: &mut Command, data: &Path, listen: &str, more: &[&str]) -> Result<Self, String> {
        Self::spawn_until(command, data, listen, more, |line| line.starts_with("listening on "))
    }

    /// Reads what it writes to standard output as far as the line that is waited for, which says where it listens or comes
    /// after that.
    fn spawn_until(
        command: &mut Command,
        data: &Path,
        listen: &str,
        more: &[&str],
        mut waited_for: impl FnMut(&str) -> bool,
    ) -> Result<Self, String> {
        let (mut child, log) = Self::launch(command, data, listen, more);
        let output = child.stdout.take().expect("stdout is piped");
        let mut listening = None;
        for line in BufReader::new(output).lines() {
            let line = line.expect("the server writes text");
            if let Some(url) = line.strip_prefix("listening on ") {
                listening = Some(url.trim().to_owned());
            }
            if waited_for(&line)
                && let Some(url) = listening.take()
            {
                return Ok(Self { child, url, log });
            }
        }
        let status = child.wait().expect("a child can be waited for");
        Err(format!("{status}: {}", std::fs::read_to_string(&log).unwrap_or_default()))
    }

    fn launch(command: &mut Command, data: &Path, listen: &str, more: &[&str]) -> (Child, PathBuf) {
        let log = data.with_extension("log");
        let file =
            std::fs::OpenOptions::new().create(true).append(true).open(&log).expect("scratch is writable");
        let child = command
            .args(["serve", "--listen", listen, "--log", "json", "--data"])
            .arg(data)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .expect("the keyledger binary runs");
        (child, log)
    }

    /// Where it listens, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// The memory of the process, in KiB.
    pub fn resident(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process());
        let status = std::fs::read_to_string(path).expect("a running process has a status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number of kilobytes")
    }

    /// Everything that it logged so far, and its predecessors on the same folder.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it as a power cut would: SIGKILL, without a word.
    pub fn kill(mut self) {
        self.child.kill().expect("our own child can be killed");
        self.child.wait().expect("a child can be waited for");
    }

    /// Asks it to stop (SIGTERM), and does not wait.
    pub fn ask_to_stop(&self) {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(asked.expect("kill runs").success());
    }

    /// Asks it to stop, and waits until it has. Returns its exit code.
    pub fn stop(self) -> Option<i32> {
        self.ask_to_stop();
        self.ended()
    }

    /// Waits until it ends by itself. Returns its exit code.
    pub fn ended(mut self) -> Option<i32> {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status.code();
            }
            assert!(since.elapsed() < PATIENCE, "the server does not stop");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
