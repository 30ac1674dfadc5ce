//! Runs cargo and other programs in the workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// What a run from fetch to predict takes. One set for all such: with another one, cargo would build half of the dependencies
/// anew.
pub(crate) const ALL_STAGES: [&str; 3] = ["tagmill-cli", "tagmill-cli-train", "tagmill-testboard"];

/// The workspace's root folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ lies in the workspace's root")
}

/// The cargo that runs this chore, in the workspace's root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a program to its end; anything but success is an error that names it.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let shown = show(command);
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    ensure!(status.success(), "`{shown}` failed ({status})");
    Ok(())
}

/// The program and its arguments, as a person would type them.
pub(crate) fn show(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or(command.get_program());
    std::iter::once(program)
        .chain(command.get_args())
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Builds binaries optimised, and tells where they lie.
pub(crate) fn build_release(packages: &[&str]) -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["build", "--release", "--bins"]);
    for package in packages {
        command.args(["--package", package]);
    }
    check(&mut command)?;
    Ok(target_folder()?.join("release"))
}

/// Where cargo builds: `target/`, unless somebody set it elsewhere.
fn target_folder() -> Result<PathBuf> {
    let output = cargo().args(["metadata", "--format-version", "1", "--no-deps"]).output()?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("`cargo metadata` did not answer with JSON")?;
    let folder =
        metadata["target_directory"].as_str().context("`cargo metadata` names no target directory")?;
    Ok(PathBuf::from(folder))
}
