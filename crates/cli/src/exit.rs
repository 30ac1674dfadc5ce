use std::process::ExitCode;

use tagmill_model::{Outcome, StageReport};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// The arguments are wrong.
    Usage = 2,
    /// Done, but some items failed.
    DoneWithFailures = 3,
    /// Cancelled by Ctrl-C or SIGTERM.
    Cancelled = 130,
}

impl Exit {
    /// How a stage that returned this report ends.
    pub fn of(report: &impl StageReport) -> Exit {
        match report.outcome() {
            Outcome::Cancelled => Exit::Cancelled,
            Outcome::Completed if report.failed() > 0 => Exit::DoneWithFailures,
            Outcome::Completed => Exit::Done,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
