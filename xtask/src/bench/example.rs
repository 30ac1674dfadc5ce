//! Example programs that measure, and print what they found as a JSON object a line.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use super::block::Block;
use crate::cargo::{cargo, show};

/// Runs an example program to its end and shows each of its blocks as it comes; writes them all to `kept` as Markdown.
pub(super) fn example(package: &str, name: &str, arguments: &[String], kept: Option<&Path>) -> Result<()> {
    let mut command = cargo();
    command.args(["run", "--quiet", "--release", "--package", package, "--example", name, "--"]);
    command.args(arguments).stdout(Stdio::piped());
    let shown = show(&command);
    let mut child = command.spawn().with_context(|| format!("cannot start `{shown}`"))?;
    let output = child.stdout.take().context("the program has no standard output")?;
    let mut markdown = String::new();
    for line in BufReader::new(output).lines() {
        let line = line?;
        let block: Block =
            serde_json::from_str(&line).with_context(|| format!("`{shown}` printed `{line}`"))?;
        println!("{}\n", block.plain());
        write!(markdown, "{}\n\n", block.markdown())?;
    }
    let status = child.wait()?;
    ensure!(status.success(), "`{shown}` failed ({status})");
    match kept {
        Some(path) => fs::write(path, markdown).with_context(|| format!("cannot write `{}`", path.display())),
        None => Ok(()),
    }
}
