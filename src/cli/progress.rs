//! Progress of long work: a percentage on a terminal, nothing elsewhere.

use std::io::{IsTerminal as _, Write as _};

/// Shows how far the work is, while it lasts.
pub(super) struct Progress {
    words: &'static str,
    on_terminal: bool,
    shown: Option<u64>,
}

impl Progress {
    /// Of work that is called this.
    pub(super) fn of(words: &'static str) -> Self {
        Self { words, on_terminal: std::io::stderr().is_terminal(), shown: None }
    }

    /// `done` of `total` bytes are done.
    pub(super) fn show(&mut self, done: u64, total: u64) {
        let percent = (done * 100).checked_div(total).unwrap_or(100);
        if self.on_terminal && self.shown != Some(percent) {
            self.shown = Some(percent);
            drop(write!(std::io::stderr(), "\r{} {percent}%", self.words));
        }
    }
}

impl Drop for Progress {
    /// Whatever is printed next has a line of its own.
    fn drop(&mut self) {
        if self.shown.is_some() {
            drop(writeln!(std::io::stderr()));
        }
    }
}
