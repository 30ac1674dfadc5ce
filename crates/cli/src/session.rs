use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use indicatif::MultiProgress;
use serde::Serialize;
use serde_json::{Value, json};
use tagmill_model::dataset::DatasetError;
use tagmill_model::{Progress, SplitError, StageReport};
use tokio_util::sync::CancellationToken;

use crate::bars::Bars;
use crate::{Exit, GlobalArgs, logging, usage};

/// What a person can do about an error, where there is something: a sentence that names the command or flag.
pub type Hint = fn(&anyhow::Error) -> Option<&'static str>;

/// The hint for an error of the training table, which several stages read.
pub fn dataset_hint(error: &DatasetError) -> Option<&'static str> {
    match error {
        DatasetError::NotFound { .. } => Some("run `tagmill prepare` first, or check --data-dir"),
        DatasetError::MissingColumn { .. }
        | DatasetError::MalformedFile { .. }
        | DatasetError::MalformedLine { .. }
        | DatasetError::MalformedCell { .. } => Some("run `tagmill prepare` again to make the table anew"),
        DatasetError::Io { .. } => None,
    }
}

/// The hint for an error of decoding pictures, which several stages do.
pub fn pixels_hint(error: &tagmill_pixels::Error) -> Option<&'static str> {
    use tagmill_pixels::Error;
    match error {
        Error::NoSpace { .. } => Some(
            "name a place with room by --cache-dir, or choose a smaller --image-size; `tagmill cache size` says what older ones take",
        ),
        Error::InUse { .. } => Some("wait until the other program has ended"),
        Error::Io { .. } => None,
    }
}

/// The hint for an error of splitting.
pub fn split_hint(error: &SplitError) -> Option<&'static str> {
    match error {
        SplitError::Undated { .. } => {
            Some("run `tagmill prepare` again for a table with times, or split by hash")
        }
    }
}

/// One run of one stage at a terminal: its bars and logs, its Ctrl-C, its report and its exit code.
pub struct Session {
    stage: &'static str,
    hint: Hint,
    json: bool,
    data_on_stdout: bool,
    started: Instant,
    bars: Bars,
    cancel: CancellationToken,
}

impl Session {
    /// Installs logging and the Ctrl-C handler for this process.
    pub fn start(stage: &'static str, global: &GlobalArgs, hint: Hint) -> Session {
        let interactive = io::stderr().is_terminal();
        let multi = MultiProgress::new();
        logging::install(global.log_level.into(), &multi);
        let cancel = CancellationToken::new();
        cancel_on_ctrl_c(&cancel);
        let bars = Bars::new(multi, interactive);
        let json = global.json;
        Session { stage, hint, json, data_on_stdout: false, started: Instant::now(), bars, cancel }
    }

    /// For a stage whose data go to stdout as they come: the report's line then goes to the log.
    pub fn with_data_on_stdout(self) -> Session {
        Session { data_on_stdout: true, ..self }
    }

    /// Where the stage shows how far it is.
    pub fn progress(&self) -> &dyn Progress {
        &self.bars
    }

    /// Cancelled by the first Ctrl-C.
    pub fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Whether the report goes to stdout as JSON.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Prints a line of data to stdout.
    pub fn print(&self, line: &str) {
        print_line(line);
    }

    /// Tells of something that went wrong without ending the run.
    pub fn warn(&self, message: &str) {
        tracing::warn!("{message}");
    }

    /// Prints the report to stdout, or the error to stderr, and says how the program ends.
    pub fn finish<R: StageReport>(&self, result: anyhow::Result<R>) -> Exit {
        self.bars.finish();
        match result {
            Ok(report) => {
                let exit = Exit::of(&report);
                if self.json {
                    self.print_json(json!({ "items": report.items(), "report": report }));
                } else if self.data_on_stdout {
                    tracing::info!("{}: {report}", self.stage);
                } else {
                    print_line(&format!("{}: {report}", self.stage));
                }
                if exit == Exit::Cancelled {
                    tracing::warn!("cancelled; run the same command again to go on");
                }
                exit
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Prints what a command found out, under `name` where it is JSON.
    pub fn answer<T: Serialize + Display>(&self, name: &str, result: anyhow::Result<T>) -> Exit {
        self.bars.finish();
        match result {
            // What was found out until then would pass for all of it.
            Ok(_) if self.cancel().is_cancelled() => {
                tracing::warn!("cancelled");
                Exit::Cancelled
            }
            Ok(answer) if self.json => {
                self.print_json(json!({ name: answer }));
                Exit::Done
            }
            Ok(answer) => {
                print_line(&answer.to_string());
                Exit::Done
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Prints why there was nothing to run.
    pub fn fail(&self, error: &anyhow::Error) -> Exit {
        self.tell(error);
        Exit::Failed
    }

    /// Prints an error with its causes once, and a hint where there is one.
    fn tell(&self, error: &anyhow::Error) {
        let (message, causes) = (error.to_string(), causes(error));
        let hint = (self.hint)(error);
        if self.json {
            self.print_json(json!({ "error": message, "causes": causes, "hint": hint }));
        }
        let mut lines = format!("error: {}\n", [&[message], &causes[..]].concat().join(": "));
        if let Some(hint) = hint {
            lines += &format!("hint: {hint}\n");
        }
        // Where stderr is closed, the exit code still tells.
        let _ = io::stderr().write_all(lines.as_bytes());
    }

    fn print_json(&self, mut fields: Value) {
        fields["stage"] = json!(self.stage);
        fields["version"] = json!(env!("CARGO_PKG_VERSION"));
        fields["elapsed_seconds"] = json!(self.started.elapsed().as_secs_f64());
        fields["cpu_seconds"] = json!(usage::cpu_seconds());
        fields["peak_memory_bytes"] = json!(usage::peak_memory_bytes());
        fields["written_bytes"] = json!(usage::written_bytes());
        print_line(&fields.to_string());
    }
}

/// The causes of an error, without those that the one before has told already: some libraries put the cause's words into
/// their own.
fn causes(error: &anyhow::Error) -> Vec<String> {
    let mut told = error.to_string();
    let mut causes = Vec::new();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !told.ends_with(&cause) {
            causes.push(cause.clone());
        }
        told = cause;
    }
    causes
}

/// A reader that went away, as `head` does, is no error.
fn print_line(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// The first Ctrl-C or SIGTERM cancels: what is whole is committed. The second ends the program at once, which is safe.
fn cancel_on_ctrl_c(cancel: &CancellationToken) {
    let cancel = cancel.clone();
    let handler = move || {
        if cancel.is_cancelled() {
            std::process::exit(Exit::Cancelled as i32);
        }
        let _ = io::stderr()
            .write_all(b"\nstopping: finishing what is in flight; press Ctrl-C again to stop at once\n");
        cancel.cancel();
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        tracing::warn!(%error, "Ctrl-C will end the program at once: no handler could be installed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow::anyhow!("code 10: disk I/O error")
            .context("the database said: code 10: disk I/O error")
            .context("cannot write")
            .context("it failed: cannot write");
        assert_eq!(causes(&error), ["the database said: code 10: disk I/O error"]);
        assert_eq!(causes(&anyhow::anyhow!("alone")), [""; 0]);
    }
}
