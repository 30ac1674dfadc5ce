use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cargo::show;
use crate::table;

/// Exit codes of tagmill that mean its work is done: all of it, or all but the items that the report lists.
const DONE: [i32; 2] = [0, 3];

/// The stages run so far, in order.
pub(super) struct Stages {
    tagmill: PathBuf,
    data: PathBuf,
    finished: Vec<Finished>,
}

/// What a stage printed on stdout with `--json`.
#[derive(Debug, Clone)]
pub(super) struct Finished {
    stage: &'static str,
    output: Value,
}

impl Stages {
    pub(super) fn new(binaries: &Path, data: &Path) -> Stages {
        Stages { tagmill: binaries.join("tagmill"), data: data.to_owned(), finished: Vec::new() }
    }

    /// Runs one stage as a user would, its bars and logs on this terminal.
    pub(super) fn run(&mut self, stage: &'static str, arguments: &[&str]) -> Result<Finished> {
        let mut command = Command::new(&self.tagmill);
        command.arg(stage).args(arguments).arg("--data-dir").arg(&self.data).arg("--json");
        println!("\n$ {}", show(&command));
        let output = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start `{}`", self.tagmill.display()))?;
        if !output.status.code().is_some_and(|code| DONE.contains(&code)) {
            bail!("`tagmill {stage}` failed ({})", output.status);
        }
        let output = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("`tagmill {stage} --json` did not print JSON"))?;
        let finished = Finished { stage, output };
        self.finished.push(finished.clone());
        Ok(finished)
    }

    /// A row a stage: how many items, how long, how fast, how much memory.
    pub(super) fn table(&self) -> String {
        let rows: Vec<Vec<String>> = self.finished.iter().map(Finished::row).collect();
        table::table(&["stage", "items", "seconds", "items/s", "peak memory"], &rows)
    }
}

impl Finished {
    /// What the stage reported.
    pub(super) fn report(&self) -> &Value {
        &self.output["report"]
    }

    /// A figure of validate's report, of the model or of the prior.
    pub(super) fn figure(&self, of: &str, name: &str) -> Result<f64> {
        self.report()[of][name].as_f64().with_context(|| format!("`validate` did not report {of}.{name}"))
    }

    fn row(&self) -> Vec<String> {
        let items = self.output["items"].as_u64().unwrap_or(0);
        let seconds = self.output["elapsed_seconds"].as_f64().unwrap_or(f64::NAN);
        let memory = self.output["peak_memory_bytes"].as_u64();
        vec![
            self.stage.to_owned(),
            items.to_string(),
            format!("{seconds:.2}"),
            format!("{:.0}", items as f64 / seconds),
            memory.map_or("unknown".to_owned(), |bytes| format!("{} MB", bytes / 1_000_000)),
        ]
    }
}
