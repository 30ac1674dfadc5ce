//! The file server: an example program of the downloader.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// A server that ends with this.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    url: String,
}

impl Server {
    pub(super) fn start(program: &Path) -> Result<Server> {
        let mut command = Command::new(program);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{}`", program.display()))?;
        let output = child.stdout.take().context("the server has no standard output")?;
        let mut url = String::new();
        BufReader::new(output).read_line(&mut url)?;
        Ok(Server { child, url: url.trim_end().to_owned() })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its standard input ends with this, and so does it.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
