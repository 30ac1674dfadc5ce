//! Writes a page of made-up figures and pictures: `cargo run -p tagmill-report --example sample -- report.html`.

#![expect(clippy::print_stderr, reason = "an example tells its user what is wrong")]

mod data;

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: sample FILE");
        return ExitCode::from(2);
    };
    match std::fs::write(&path, tagmill_report::render(&data::page())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write `{}`: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}
