//! A real server as a process of its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::support::{Deployment, keyledger, text};

pub const PATIENCE: Duration = Duration::from_secs(60);

/// A server that is killed if the test leaves it behind.
pub struct Server {
    pub child: Child,
    /// What it wrote to standard output up to and including the line that says where it listens.
    pub line: String,
    rest: BufReader<std::process::ChildStdout>,
}

impl Server {
    pub fn start(deployment: &Deployment, more: &[&str]) -> Self {
        Self::start_at(deployment, "127.0.0.1:0", more, "info")
    }

    /// The same at an address, logging at this level.
    pub fn start_at(deployment: &Deployment, listen: &str, more: &[&str], level: &str) -> Self {
        Self::spawn(deployment, listen, more, &[("KEYLEDGER_LOG", level)])
    }

    /// The same with these variables of the environment.
    pub fn start_with(deployment: &Deployment, more: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::spawn(deployment, "127.0.0.1:0", more, variables)
    }

    fn spawn(deployment: &Deployment, listen: &str, more: &[&str], variables: &[(&str, &str)]) -> Self {
        let data = deployment.data();
        let arguments = [&["serve", "--data", text(&data), "--listen", listen], more].concat();
        let mut command = keyledger(&arguments);
        command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut rest = BufReader::new(child.stdout.take().unwrap());
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            rest.read_line(&mut line).unwrap();
            tell.send((line, rest)).unwrap();
        });
        match told.recv_timeout(PATIENCE) {
            Ok((line, rest)) => Self { child, line, rest },
            Err(_) => {
                child.kill().unwrap();
                panic!("it did not start");
            }
        }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        self.line.trim_end().strip_prefix("listening on ").unwrap()
    }

    /// Sends the signal and waits. Gives the exit code, the rest of standard output, and the log.
    pub fn stop(mut self, signal: &str) -> (i32, String, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        let (mut out, mut log) = (String::new(), String::new());
        self.rest.read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code().expect("it ends by itself"), out, log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has usually ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
