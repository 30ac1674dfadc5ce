//! What a training says that runs out of memory.
#![cfg(target_os = "linux")]

use std::process::Command;

use crate::workplace::{Ran, Workplace};

/// Trains where the system grants the process so much and no more.
fn train(workplace: &Workplace, batch_size: &str) -> Ran {
    let train = workplace.command("train");
    let mut command = Command::new("sh");
    // In kibibytes of addresses, of which libtorch alone takes a gibibyte, and each thread its share.
    command.args(["-c", r#"ulimit -v 2000000; exec "$0" "$@""#]);
    command.arg(train.get_program()).args(train.get_args()).args(["--batch-size", batch_size]);
    command.args("--image-size 256 --epochs 1 --min-tag-count 1 --cache none".split(' '));
    command.envs([("RAYON_NUM_THREADS", "2"), ("MALLOC_ARENA_MAX", "1")]);
    command.output().unwrap().into()
}

#[test]
fn the_error_names_a_batch_that_fits() {
    let workplace = Workplace::with_pictures();
    let ran = train(&workplace, "32").with_code(1);
    let told = ran
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("error: memory ran out in a step of 32 pictures; one of "));
    let fits = told.and_then(|told| told.strip_suffix(" fits")).unwrap_or_else(|| panic!("{}", ran.stderr));
    train(&workplace, fits).with_code(0);
}
