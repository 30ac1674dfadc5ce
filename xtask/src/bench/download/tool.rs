//! The programs that download, each as its users would set it up for many files from one host.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use wait4::Wait4;

use super::all_there;
use crate::cargo::show;

/// Downloads under way at once: tagmill's own choice, and so everybody's.
const WORKERS: usize = 20;

/// What is to be downloaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) url: &'a str,
    /// The server's folder.
    pub(super) kind: &'a str,
    pub(super) files: u64,
    /// Of each file.
    pub(super) bytes: u64,
}

impl Job<'_> {
    /// The files' names in the server's folder.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        (1..=self.files).map(|number| format!("{number:06}.jpg"))
    }

    fn list(&self, line: impl Fn(&str, &str) -> String) -> String {
        let mut list = String::new();
        for name in self.names() {
            let url = format!("{}/{}/{name}", self.url, self.kind);
            // Writing to a string cannot fail.
            let _ = writeln!(list, "{}", line(&url, &name));
        }
        list
    }
}

/// What a run took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Used {
    pub(super) seconds: f64,
    /// User and system time of the client.
    pub(super) cpu_seconds: f64,
    /// Bytes.
    pub(super) peak_memory: u64,
}

#[derive(Debug)]
pub(super) enum Tool {
    Tagmill(PathBuf),
    Curl,
    Wget2,
    Aria2c,
}

impl Tool {
    /// tagmill first, and those of the others that this machine has.
    pub(super) fn present(binaries: &Path) -> Vec<Tool> {
        let mut tools = vec![Tool::Tagmill(binaries.join("tagmill"))];
        for (tool, package) in [(Tool::Curl, "curl"), (Tool::Wget2, "wget2"), (Tool::Aria2c, "aria2")] {
            let asked = Command::new(tool.program()).arg("--version").stdout(Stdio::null()).status();
            match asked.is_ok_and(|status| status.success()) {
                true => tools.push(tool),
                false => println!("skipped: there is no {} here (Debian has it in `{package}`)", tool.name()),
            }
        }
        tools
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Tool::Tagmill(_) => "tagmill",
            Tool::Curl => "curl --parallel",
            Tool::Wget2 => "wget2",
            Tool::Aria2c => "aria2c",
        }
    }

    pub(super) fn is_curl(&self) -> bool {
        matches!(self, Tool::Curl)
    }

    fn program(&self) -> &Path {
        match self {
            Tool::Tagmill(program) => program,
            Tool::Curl => Path::new("curl"),
            Tool::Wget2 => Path::new("wget2"),
            Tool::Aria2c => Path::new("aria2c"),
        }
    }

    /// Downloads all into an empty folder, and checks that all is there.
    pub(super) fn run(&self, job: &Job<'_>, folder: &Path) -> Result<Used> {
        let list = folder.join("list");
        let mut command = Command::new(self.program());
        command.stdout(Stdio::null()).current_dir(folder);
        let workers = WORKERS.to_string();
        let saved = match self {
            Tool::Tagmill(_) => {
                let rows =
                    job.list(|_, name| format!("{},{}/{name}", name.trim_end_matches(".jpg"), job.kind));
                fs::write(folder.join("dataset.csv"), format!("id,image\n{rows}"))?;
                command.args(["download", "--media-url", job.url, "--workers", &workers, "--min-free", "0"]);
                command.args(["--log-level", "warn", "--data-dir"]).arg(folder);
                folder.join("media").join(job.kind)
            }
            Tool::Curl => {
                fs::write(&list, job.list(|url, name| format!("url={url}\noutput={name}")))?;
                command.args([
                    "--silent",
                    "--show-error",
                    "--fail",
                    "--parallel",
                    "--parallel-max",
                    &workers,
                ]);
                command.arg("--config").arg(list);
                folder.to_owned()
            }
            Tool::Wget2 => {
                fs::write(&list, job.list(|url, _| url.to_owned()))?;
                command.args(["--quiet", "--no-config", "--no-host-directories", "--max-threads", &workers]);
                command.arg("--input-file").arg(list);
                folder.to_owned()
            }
            Tool::Aria2c => {
                fs::write(&list, job.list(|url, _| url.to_owned()))?;
                command.args([
                    "--no-conf",
                    "--quiet",
                    "--file-allocation=none",
                    "--max-concurrent-downloads",
                    &workers,
                ]);
                command
                    .args(["--max-connection-per-server=1", "--summary-interval=0", "--input-file"])
                    .arg(list);
                folder.to_owned()
            }
        };
        let shown = show(&command);
        let started = Instant::now();
        let mut child = command.spawn().with_context(|| format!("cannot start `{shown}`"))?;
        let used = child.wait4().with_context(|| format!("cannot wait for `{shown}`"))?;
        let seconds = started.elapsed().as_secs_f64();
        ensure!(used.status.success(), "`{shown}` failed ({})", used.status);
        all_there(job, &saved, self.name())?;
        let cpu = used.rusage.utime + used.rusage.stime;
        Ok(Used { seconds, cpu_seconds: cpu.as_secs_f64(), peak_memory: used.rusage.maxrss })
    }
}
