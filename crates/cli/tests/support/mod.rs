//! The real binary in a folder of its own.
#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "shared by several test binaries, each of which uses a part"
)]

use std::path::PathBuf;
use std::process::{Command, Output};

use tagmill_testboard::{Board, Config, WorldConfig};
use tempfile::TempDir;

pub(crate) struct Workplace {
    folder: TempDir,
}

pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Workplace {
    pub(crate) fn new() -> Workplace {
        Workplace { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `tagmill` with this folder as its data folder and nothing else from the environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagmill"));
        command.env_clear().args(arguments).arg("--data-dir").arg(self.folder.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.ran(self.command(arguments).output().unwrap())
    }

    pub(crate) fn ran(&self, output: Output) -> Ran {
        let folder = self.folder.path().to_str().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(folder, "DATA");
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ran {
    /// What stderr says besides logs: the error and its hint.
    pub(crate) fn error(&self) -> String {
        let is_told = |line: &&str| line.starts_with("error:") || line.starts_with("hint:");
        self.stderr.lines().filter(is_told).collect::<Vec<_>>().join("\n")
    }
}

pub(crate) fn board(items: u64) -> Board {
    let world = WorldConfig { items, ..WorldConfig::default() };
    Board::start(Config { world, ..Config::default() }).unwrap()
}
