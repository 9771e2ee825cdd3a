//! A deployment with a running server, and people who use it from the command line.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::server::Server;
use crate::support::{Deployment, Ended, keyledger};

/// A deployment that is served.
pub struct Scene {
    pub deployment: Deployment,
    pub server: Server,
}

impl Scene {
    pub fn new() -> Self {
        let deployment = Deployment::new();
        let server = Server::start_at(&deployment, "127.0.0.1:0", &[], "error");
        Self { deployment, server }
    }

    /// The administrator's key, which is the operator's, too.
    pub fn key(&self) -> &str {
        self.deployment.id("key")
    }

    /// The home of whoever runs commands here.
    pub fn home(&self) -> PathBuf {
        self.deployment.folder.path().join("home")
    }

    /// A file of the scene with these contents.
    pub fn file(&self, name: &str, contents: &str) -> String {
        let path = self.deployment.folder.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A command that knows the server, and no key.
    pub fn anonymous(&self, arguments: &[&str]) -> Command {
        let mut command = keyledger(arguments);
        command.env("HOME", self.home()).env("KEYLEDGER_URL", self.server.url());
        command
    }

    /// Runs a command with this key.
    pub fn run_as(&self, key: &str, arguments: &[&str]) -> Ended {
        Ended::of(self.anonymous(arguments).env("KEYLEDGER_KEY", key).output().unwrap())
    }

    /// Runs a command as the administrator.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.run_as(self.key(), arguments)
    }

    /// Runs a command that must succeed; its result as JSON.
    pub fn done(&self, arguments: &[&str]) -> Value {
        self.done_as(self.key(), arguments)
    }

    pub fn done_as(&self, key: &str, arguments: &[&str]) -> Value {
        let ended = self.run_as(key, &[arguments, &["-o", "json"]].concat());
        assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{arguments:?}: {}", ended.out);
        ended.json()
    }

    /// Runs a command that must be refused; its exit code and its code, told as JSON, with nothing printed.
    pub fn refused(&self, arguments: &[&str]) -> (i32, String) {
        self.refused_as(self.key(), arguments)
    }

    pub fn refused_as(&self, key: &str, arguments: &[&str]) -> (i32, String) {
        let ended = self.run_as(key, &[arguments, &["-o", "json"]].concat());
        assert_eq!(ended.out, "", "{arguments:?}");
        assert!(!ended.err.contains(key), "{arguments:?}");
        (ended.code, ended.error().0)
    }

    /// What a command tells people on standard output.
    pub fn said(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.err);
        ended.out
    }
}

/// A member of a result.
pub fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{name} is no text in {value}")).to_owned()
}

pub fn refusal(exit: i32, code: &str) -> (i32, String) {
    (exit, code.to_owned())
}

/// The id of nothing.
pub const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
