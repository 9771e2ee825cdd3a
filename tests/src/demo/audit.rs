//! The log, as the command line shows and verifies it.

use std::process::Output;

use super::play::Play;
use super::report::Check;
use super::stage::Broken;
use crate::server::{Server, keyledger};

impl Play<'_, '_> {
    pub(super) fn show_log(&mut self, writers_lines_max: Option<usize>) -> Result<(), Broken> {
        self.teller.doing("keyledger audit show");
        let shown = self.audit(&["show"], "table");
        let listing = String::from_utf8_lossy(&shown.stdout).into_owned();
        self.print(&listing, writers_lines_max);
        self.check(Check::same("exit code of `audit show`", "0", exit_code(&shown)));

        // The head as the other command has it, from the views and not from the listing.
        let verified = self.audit(&["verify"], "json");
        let report: serde_json::Value = serde_json::from_slice(&verified.stdout).unwrap_or_default();
        let head = report["head_position"].as_str().unwrap_or("none").to_owned();
        self.check(Check::same("events listed, up to the head", head, listing.lines().skip(1).count()));

        let everything = self.audit(&["show"], "jsonl");
        let everything = listing + &String::from_utf8_lossy(&everything.stdout);
        self.check_secrecy("the log", &everything);
        let server_log = self.stage.server.as_ref().map(Server::log);
        let server_log =
            server_log.or_else(|| std::fs::read_to_string(self.stage.data.with_extension("log")).ok());
        self.check_secrecy("the server's own log", &server_log.unwrap_or_default());
        Ok(())
    }

    /// Every secret that came in an answer is looked for.
    fn check_secrecy(&mut self, place: &str, text: &str) {
        let people = self.stage.people.values().map(|person| person.secret.as_str());
        let keys = self.stage.keys.values().map(|key| key.secret.as_str());
        let burst = self.stage.burst.iter().flat_map(super::crash::Burst::secrets);
        let secrets: Vec<_> = people.chain(keys).chain(burst).collect();
        let found = secrets.iter().filter(|secret| text.contains(**secret)).count();
        let all = secrets.len();
        let seen = if text.is_empty() { format!("{place} is empty") } else { format!("{found} of {all}") };
        self.check(Check::same(format!("secrets found in {place}"), format!("0 of {all}"), seen));
    }

    pub(super) fn verify_log(&mut self) -> Result<(), Broken> {
        let beside = if self.stage.server.is_some() { "the server runs" } else { "no server runs" };
        self.teller.doing(&format!("keyledger audit verify --full, while {beside}"));
        let verified = self.audit(&["verify", "--full"], "table");
        let report = String::from_utf8_lossy(&verified.stdout);
        let verdict = report.lines().last().unwrap_or("nothing was said").to_owned();
        self.teller.raw(&format!("\n{verdict}\n\n"));
        let word = verdict.split(':').next().unwrap_or_default();
        let seen = format!("{word}, exit code {}", exit_code(&verified));
        self.check(Check::same(format!("`audit verify --full`, while {beside}"), "OK, exit code 0", seen));
        Ok(())
    }

    fn audit(&self, command: &[&str], form: &str) -> Output {
        let data = self.stage.data.to_string_lossy();
        let asked = ["audit"].iter().chain(command).copied();
        keyledger(asked.chain(["-o", form, "--data", data.as_ref()]))
    }

    /// The listing as it is, but of what the writers did, only so many lines.
    fn print(&mut self, listing: &str, writers_lines_max: Option<usize>) {
        let burst = self.stage.burst.as_ref().and_then(super::crash::Burst::positions);
        let (mut text, mut in_burst, mut left_out) = (String::new(), 0, 0);
        for line in listing.lines() {
            let position: u64 = line.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or_default();
            if burst.is_some_and(|(first, last)| (first..=last).contains(&position)) {
                in_burst += 1;
                if writers_lines_max.is_some_and(|max| in_burst > max) {
                    left_out += 1;
                    continue;
                }
            }
            if left_out > 0 {
                text +=
                    &format!("… {left_out} more lines of the writers left out here, not in the checks …\n");
                left_out = 0;
            }
            text += line;
            text.push('\n');
        }
        if left_out > 0 {
            text += &format!("… {left_out} more lines of the writers left out here, not in the checks …\n");
        }
        self.teller.raw(&format!("\n{text}\n"));
    }
}

fn exit_code(output: &Output) -> String {
    output.status.code().map_or_else(|| "a signal".to_owned(), |code| code.to_string())
}
