//! One stage of tagmill, run as a user would run it.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cargo::show;

/// Exit codes of tagmill that mean its work is done: all of it, or all but the items that the report lists.
const DONE: [i32; 2] = [0, 3];

/// What a stage printed on stdout with `--json`.
#[derive(Debug, Clone)]
pub(crate) struct Finished {
    pub(crate) stage: &'static str,
    output: Value,
}

impl Finished {
    /// Runs a stage to its end, its bars and logs on this terminal.
    pub(crate) fn of(
        tagmill: &Path,
        data: &Path,
        stage: &'static str,
        arguments: &[&str],
    ) -> Result<Finished> {
        let mut command = Command::new(tagmill);
        command.arg(stage).args(arguments).arg("--data-dir").arg(data).arg("--json");
        println!("\n$ {}", show(&command));
        let output = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start `{}`", tagmill.display()))?;
        if !output.status.code().is_some_and(|code| DONE.contains(&code)) {
            bail!("`tagmill {stage}` failed ({})", output.status);
        }
        let output = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("`tagmill {stage} --json` did not print JSON"))?;
        Ok(Finished { stage, output })
    }

    /// What the stage reported.
    pub(crate) fn report(&self) -> &Value {
        &self.output["report"]
    }

    pub(crate) fn items(&self) -> u64 {
        self.output["items"].as_u64().unwrap_or(0)
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.output["elapsed_seconds"].as_f64().unwrap_or(f64::NAN)
    }

    /// CPU time of the stage's process; `None` where the system does not tell, as the next two.
    pub(crate) fn cpu_seconds(&self) -> Option<f64> {
        self.output["cpu_seconds"].as_f64()
    }

    pub(crate) fn peak_memory(&self) -> Option<u64> {
        self.output["peak_memory_bytes"].as_u64()
    }

    pub(crate) fn written_bytes(&self) -> Option<u64> {
        self.output["written_bytes"].as_u64()
    }
}
