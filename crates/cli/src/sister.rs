//! Hands the command line to `tagmill-train`, the binary with libtorch.

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use tagmill_cli::Exit;

const NAME: &str = "tagmill-train";

/// How often an idle thread of libtorch's OpenMP looks for work before it sleeps. By default it looks 300,000 times, and
/// where other programs use the cores, the others wait for that: training 64-pixel pictures on two busy cores fell from
/// 230 to under 9 a second; with 1,000 it falls to 88, and loses nothing on idle cores.
const SPIN_COUNT: (&str, &str) = ("GOMP_SPINCOUNT", "1000");

/// Runs `tagmill-train` from beside this binary with the same arguments, and ends as it ends.
pub(crate) fn run() -> ExitCode {
    let path = beside_this().unwrap_or_else(|| PathBuf::from(NAME));
    let mut command = Command::new(&path);
    command.args(std::env::args_os().skip(1));
    // libtorch reads it before `main`, so it cannot set it for itself.
    if [SPIN_COUNT.0, "OMP_WAIT_POLICY"].iter().all(|variable| std::env::var_os(variable).is_none()) {
        command.env(SPIN_COUNT.0, SPIN_COUNT.1);
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
