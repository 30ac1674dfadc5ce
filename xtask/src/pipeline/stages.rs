use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::stage::Finished;
use crate::table;

/// The stages run so far, in order.
pub(super) struct Stages {
    tagmill: PathBuf,
    data: PathBuf,
    finished: Vec<Finished>,
}

impl Stages {
    pub(super) fn new(binaries: &Path, data: &Path) -> Stages {
        Stages { tagmill: binaries.join("tagmill"), data: data.to_owned(), finished: Vec::new() }
    }

    /// Runs one stage as a user would, its bars and logs on this terminal.
    pub(super) fn run(&mut self, stage: &'static str, arguments: &[&str]) -> Result<Finished> {
        let finished = Finished::of(&self.tagmill, &self.data, stage, arguments)?;
        self.finished.push(finished.clone());
        Ok(finished)
    }

    /// A row a stage: how many items, how long, how fast, how much memory.
    pub(super) fn table(&self) -> String {
        let rows: Vec<Vec<String>> = self.finished.iter().map(row).collect();
        table::table(&["stage", "items", "seconds", "items/s", "peak memory"], &rows)
    }
}

/// A figure of validate's report, of the model or of the prior, by its JSON pointer.
pub(super) fn figure(validated: &Finished, of: &str, path: &str) -> Result<f64> {
    let figure = validated.report()[of].pointer(path).and_then(serde_json::Value::as_f64);
    figure.with_context(|| format!("`validate` did not report `{path}` of the {of}"))
}

fn row(finished: &Finished) -> Vec<String> {
    let (items, seconds) = (finished.items(), finished.seconds());
    vec![
        finished.stage.to_owned(),
        items.to_string(),
        format!("{seconds:.2}"),
        format!("{:.0}", items as f64 / seconds),
        finished.peak_memory().map_or("unknown".to_owned(), |bytes| format!("{} MB", bytes / 1_000_000)),
    ]
}
