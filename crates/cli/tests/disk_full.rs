//! `tagmill fetch` on a disk that is full before its work is done.
//!
//! The disk is a small file system in memory, which the system lets anybody mount who does it in a namespace of his own.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests are tests")]

use std::process::Command;

use tagmill_testboard::{Board, Config, WorldConfig};

mod support;

use support::{Workplace, asked_infos, assert_sound, complete};

/// Runs a shell script as the root of a user namespace, whose mounts nobody else sees.
fn in_namespace(script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    command
}

fn can_mount() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mount = in_namespace("mount -t tmpfs -o size=1m tmpfs \"$1\"").arg(folder.path()).output();
    mount.is_ok_and(|output| output.status.success())
}

/// Mounts a disk of `$2` at `$1`, runs the rest there, and takes out what it leaves, as the disk ends with the namespace.
const ON_A_SMALL_DISK: &str = r#"
disk="$1" size="$2" rescued="$3"; shift 3
mount -t tmpfs -o size="$size" tmpfs "$disk" || exit 99
"$@"
code=$?
cp "$disk"/* "$rescued" || exit 98
exit $code
"#;

#[test]
fn what_was_committed_stays_and_a_roomier_disk_completes_it() {
    if !can_mount() {
        assert!(
            std::env::var_os("CI").is_none(),
            "this machine makes no namespaces to mount a small disk in"
        );
        eprintln!("skipped: this machine makes no namespaces to mount a small disk in");
        return;
    }
    let board = Board::start(Config {
        world: WorldConfig { items: 3_000, sfw_share: 1.0, ..WorldConfig::default() },
        keep_requests: true,
        ..Config::default()
    })
    .unwrap();
    let api_url = board.api_url();
    // In the log of what was committed, and before there is any, while the log's index is made.
    for (size, fewest) in [("3m", 500), ("32k", 0)] {
        let (disk, rescued) = (Workplace::new(), Workplace::new());
        let fetch = disk.command(&["fetch", "--api-url", &api_url, "--batch-size", "100"]);
        let mut command = in_namespace(ON_A_SMALL_DISK);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .arg(disk.path(""))
            .arg(size)
            .arg(rescued.path(""));
        command.arg(fetch.get_program()).args(fetch.get_args());
        let ran = disk.ran(command.output().unwrap());
        assert_eq!(ran.code, Some(1), "{size}: {}", ran.stderr);
        assert_eq!(
            ran.error(),
            "error: no space is left to write `DATA/items.db`\n\
             hint: make room and run the same command again; what was committed is kept",
            "{size}: {}",
            ran.stderr
        );

        assert_sound(&rescued.database());
        let kept = complete(&rescued.database());
        assert!((fewest..3_000).contains(&kept.len()), "{size}: {}", kept.len());
        let from = board.requests().len();
        let resumed = rescued.run(&["fetch", "--api-url", &api_url]);
        assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
        let asked = asked_infos(&board, from);
        assert!(asked.iter().all(|id| !kept.contains(id)), "{size}");
        assert_eq!((asked.len() + kept.len(), rescued.complete().len()), (3_000, 3_000), "{size}");
        assert_sound(&rescued.database());
    }
}
