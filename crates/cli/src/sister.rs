//! Hands the command line to `tagmill-train`, the binary with libtorch.

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use tagmill_cli::Exit;

const NAME: &str = "tagmill-train";

/// What libtorch reads before `main`, so that the other program cannot set it for itself: a variable, its value, and what says
/// as well that somebody chose otherwise.
const ENVIRONMENT: [(&str, &str, &str); 3] = [
    // How often an idle thread of its OpenMP looks for work before it sleeps. By default it looks 300,000 times, and where
    // other programs use the cores, the others wait for that: training 64-pixel pictures on two busy cores fell from 230 to
    // under 9 a second; with 1,000 it falls to 88, and loses nothing on idle cores.
    ("GOMP_SPINCOUNT", "1000", "OMP_WAIT_POLICY"),
    // The memory of each large tensor would go back to the system with it and come anew with the next one, page by page:
    // 50,000 page faults a second, and a fifth of the pictures. These are bytes.
    ("MALLOC_MMAP_THRESHOLD_", "1073741824", "GLIBC_TUNABLES"),
    ("MALLOC_TRIM_THRESHOLD_", "4294967296", "GLIBC_TUNABLES"),
];

/// Runs `tagmill-train` from beside this binary with the same arguments, and ends as it ends.
pub(crate) fn run() -> ExitCode {
    let path = beside_this().unwrap_or_else(|| PathBuf::from(NAME));
    let mut command = Command::new(&path);
    command.args(std::env::args_os().skip(1));
    let is_set = |variable| std::env::var_os(variable).is_some();
    for (variable, value, other) in ENVIRONMENT {
        if !is_set(variable) && !is_set(other) {
            command.env(variable, value);
        }
    }
    let Err(error) = hand_over(&mut command);
    let why = match error.kind() {
        ErrorKind::NotFound => format!(
            "error: this installation has no trainer: there is no `{NAME}` beside `tagmill`\n\
             hint: in tagmill's source folder, run `cargo xtask setup` and then `cargo build --release --workspace`\n"
        ),
        _ => format!("error: cannot start `{}`: {error}\n", path.display()),
    };
    // Where stderr is closed, the exit code still tells.
    let _ = io::stderr().write_all(why.as_bytes());
    Exit::Failed.into()
}

fn beside_this() -> Option<PathBuf> {
    let this = std::env::current_exe().ok()?;
    Some(this.with_file_name(NAME).with_extension(std::env::consts::EXE_EXTENSION))
}

/// Becomes the other program, as `git` and `cargo` do: one process, so signals and exit codes need no passing on.
#[cfg(unix)]
fn hand_over(command: &mut Command) -> Result<std::convert::Infallible, io::Error> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

#[cfg(not(unix))]
fn hand_over(command: &mut Command) -> Result<std::convert::Infallible, io::Error> {
    let status = command.status()?;
    std::process::exit(status.code().unwrap_or(Exit::Failed as i32))
}
