//! Running `keyledger` in an environment of its own, and reading what it says.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The binary, without the environment's settings and with nothing on standard input.
pub fn keyledger(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyledger"));
    command.args(arguments).stdin(Stdio::null()).env_clear();
    command
}

/// What came of a command.
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = output.status.code().expect("no signal ended it");
        Self { code, out: text(output.stdout), err: text(output.stderr) }
    }

    /// Standard output as JSON; nothing else may be there.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}: {:?} {:?}", self.out, self.err))
    }

    /// The code and the message of an error told as JSON; nothing else may be on standard error.
    pub fn error(&self) -> (String, String) {
        let json: Value = serde_json::from_str(&self.err)
            .unwrap_or_else(|error| panic!("{error}: {:?} {:?}", self.out, self.err));
        let text = |name: &str| json["error"][name].as_str().expect("it is a text").to_owned();
        (text("code"), text("message"))
    }
}

/// Runs it to its end.
pub fn run(arguments: &[&str]) -> Ended {
    Ended::of(keyledger(arguments).output().unwrap())
}

/// A data folder that `init` made, and what it said.
pub struct Deployment {
    pub made: Value,
    pub folder: TempDir,
}

impl Deployment {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let data = folder.path().join("data");
        let ended = run(&init(&data, &["-o", "json"]));
        assert_eq!(ended.code, 0, "{}", ended.err);
        Self { made: ended.json(), folder }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn id(&self, name: &str) -> &str {
        self.made[name].as_str().expect("init made it")
    }

    /// Runs a command with `--data` of this folder.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        let data = self.data();
        run(&[arguments, &["--data", text(&data)]].concat())
    }
}

/// The arguments of a usual `init`.
pub fn init<'a>(data: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [&["init", "--data", text(data), "--tenant", "acme", "--admin", "ada@example.com"], more].concat()
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
