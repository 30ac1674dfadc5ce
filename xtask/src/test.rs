//! Formatting, lints and all tests, in the order of what fails fastest.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::cargo::{cargo, check, show};
use crate::setup;

pub(crate) fn run() -> Result<()> {
    setup::run()?;
    if has("fmt")? {
        check(cargo().args(["fmt", "--all", "--check"]))?;
    }
    if has("clippy")? {
        check(cargo().args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    }
    tests()
}

/// Whether a component of the toolchain is installed. Where it is not, a person is told and CI fails.
fn has(component: &str) -> Result<bool> {
    let installed = cargo().args([component, "--version"]).output()?.status.success();
    ensure!(installed || std::env::var_os("CI").is_none(), "this toolchain has no `cargo {component}`");
    if !installed {
        println!("skipped: this toolchain has no `cargo {component}`; `rustup component add` brings it");
    }
    Ok(installed)
}

/// Runs the tests of every crate and closes with their sum, as `cargo test` itself counts each binary apart.
fn tests() -> Result<()> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]).stdout(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start `{}`", show(&command)))?;
    let mut sum = Sum::default();
    let output = child.stdout.take().expect("stdout was asked for");
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        sum.add(&String::from_utf8_lossy(&line));
        std::io::stdout().write_all(&[&line, b"\n".as_slice()].concat())?;
    }
    let status = child.wait()?;
    println!("\n{} passed, {} failed", sum.passed, sum.failed);
    ensure!(status.success() && sum.failed == 0, "the tests failed");
    ensure!(sum.passed > 0, "no test ran");
    Ok(())
}

#[derive(Debug, Default, PartialEq)]
struct Sum {
    passed: u64,
    failed: u64,
}

impl Sum {
    /// Reads `test result: ok. 18 passed; 0 failed; 0 ignored; …`.
    fn add(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else { return };
        let count = |word: &str| -> Option<u64> {
            let (before, _) = counts.split_once(word)?;
            before.split_whitespace().next_back()?.parse().ok()
        };
        self.passed += count(" passed").unwrap_or(0);
        self.failed += count(" failed").unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_what_cargo_test_says() {
        let mut sum = Sum::default();
        sum.add("running 3 tests");
        sum.add(
            "test result: ok. 18 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.19s",
        );
        sum.add("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
        assert_eq!(sum, Sum { passed: 19, failed: 2 });
    }
}
