//! Progress on a terminal: a bar with rate and remaining time; where nobody watches, nothing.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use store::backup::Step;

use crate::output::Output;

/// A bar on standard error for one step after another.
pub struct Progress {
    bar: Option<ProgressBar>,
    step: Option<&'static str>,
}

impl Progress {
    /// Of events: shown if somebody watches, and does not want the result for a program.
    pub fn new(output: Output) -> Self {
        Self::of(output, "events")
    }

    /// The same of something else.
    pub fn of(output: Output, things: &str) -> Self {
        let watched = io::stderr().is_terminal() && output == Output::Table;
        let bar = watched.then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template(&format!(
                "{{msg:<9}} [{{bar:30}}] {{human_pos}} of {{human_len}} {things}, {{per_sec}}, {{eta}} left",
            ));
            bar.set_style(style.expect("the template is well-formed").progress_chars("=> "));
            bar
        });
        Self { bar, step: None }
    }

    /// So many events of a step are done.
    pub fn tell(&mut self, step: &'static str, done: u64, total: u64) {
        let Some(bar) = &self.bar else { return };
        if self.step != Some(step) {
            self.step = Some(step);
            bar.reset();
            bar.set_length(total);
            bar.set_message(step);
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        bar.set_position(done);
    }

    /// The same for the steps of backups.
    pub fn tell_step(&mut self, step: Step, done: u64, total: u64) {
        let step = match step {
            Step::Copying => "copying",
            Step::Checking => "checking",
            Step::Restoring => "restoring",
            Step::Rebuilding => "building",
        };
        self.tell(step, done, total);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // The line belongs to the result now, or to the error.
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
