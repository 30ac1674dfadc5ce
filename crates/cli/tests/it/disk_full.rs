//! `tagmill fetch`, `tagmill download` and `tagmill import` on a disk that is full before their work is done.
//!
//! The disk is a small file system in memory, which the system lets anybody mount who does it in a namespace of his own.

use std::process::Command;

use tagmill_testboard::{Board, Config, WorldConfig};

use crate::support::{Ran, Workplace, asked_infos, assert_sound, complete, photos};

/// Runs a shell script as the root of a user namespace, whose mounts nobody else sees.
fn in_namespace(script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    command
}

/// Whether the system lets us; where it does not, CI fails and others are told that a test was skipped.
fn can_mount() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mount = in_namespace("mount -t tmpfs -o size=1m tmpfs \"$1\"").arg(folder.path()).output();
    let can = mount.is_ok_and(|output| output.status.success());
    if !can {
        let fault = "this machine makes no namespaces to mount a small disk in";
        assert!(std::env::var_os("CI").is_none(), "{fault}");
        eprintln!("skipped: {fault}");
    }
    can
}

/// Mounts a disk of `$2` at `$1`, puts onto it what is in `$3`, runs the rest there, and takes out into `$3` what it leaves,
/// as the disk ends with the namespace.
const ON_A_SMALL_DISK: &str = r#"
disk="$1" size="$2" rescued="$3"; shift 3
mount -t tmpfs -o size="$size" tmpfs "$disk" || exit 99
cp -r "$rescued"/. "$disk" || exit 97
"$@"
code=$?
cp -r "$disk"/. "$rescued" || exit 98
exit $code
"#;

/// Runs tagmill in a workplace on a disk of a size, with what another one holds, to which all goes back.
fn run_on(disk: &Workplace, size: &str, rescued: &Workplace, arguments: &[&str]) -> Ran {
    let tagmill = disk.command(arguments);
    let mut command = in_namespace(ON_A_SMALL_DISK);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.arg(disk.path("")).arg(size).arg(rescued.path(""));
    command.arg(tagmill.get_program()).args(tagmill.get_args());
    disk.ran(command.output().unwrap())
}

#[test]
fn what_was_committed_stays_and_a_roomier_disk_completes_it() {
    if !can_mount() {
        return;
    }
    let board = Board::start(Config {
        world: WorldConfig { items: 3_000, sfw_share: 1.0, odd_share: 0.0, ..WorldConfig::default() },
        keep_requests: true,
        ..Config::default()
    })
    .unwrap();
    let api_url = board.api_url();
    // In the log of what was committed, and before there is any, while the log's index is made.
    for (size, fewest) in [("3m", 500), ("32k", 0)] {
        let (disk, rescued) = (Workplace::new(), Workplace::new());
        let ran = run_on(&disk, size, &rescued, &["fetch", "--api-url", &api_url, "--batch-size", "100"]);
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

#[test]
fn files_that_were_saved_stay_whole_and_a_roomier_disk_gets_the_rest() {
    if !can_mount() {
        return;
    }
    let world =
        WorldConfig { items: 60, padding: 2 << 20, sfw_share: 1.0, odd_share: 0.0, ..WorldConfig::default() };
    let board = Board::start(Config { world, ..Config::default() }).unwrap();
    let media_url = board.media_url();
    let (disk, rescued) = (Workplace::new(), Workplace::new());
    assert_eq!(rescued.run(&["fetch", "--api-url", &board.api_url()]).code, Some(0));
    let download = ["download", "--media-url", &media_url, "--workers", "4"];

    let ran = run_on(&disk, "30m", &rescued, &[&download[..], &["--min-free", "20M"]].concat());
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(
        ran.error().starts_with("error: `DATA/media` has 0.0 GB free, and 0.0 GB are to stay so\n"),
        "{}",
        ran.stderr
    );

    let ran = run_on(&disk, "30m", &rescued, &[&download[..], &["--min-free", "0"]].concat());
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.error().starts_with("error: no space is left for `DATA/media/"), "{}", ran.stderr);
    assert!(ran.error().ends_with("hint: make room and run the same command again; what was saved is kept"));
    let world = board.world();
    let is_whole = |id| {
        let path = rescued.path("media").join(world.item(id).unwrap().listing.image);
        let found = std::fs::read(path).ok()?;
        assert!(found == world.media_bytes(id).unwrap(), "{id} differs");
        Some(())
    };
    let saved = world.ids().filter_map(is_whole).count();
    assert!((5..15).contains(&saved), "{saved}");

    let resumed = rescued.run(&download);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    assert!(resumed.stdout.contains(&format!(", {saved} were present")), "{}", resumed.stdout);
    assert!(world.ids().filter_map(is_whole).count() > 40);
}

#[test]
fn an_import_that_finds_no_room_is_completed_on_a_roomier_disk() {
    if !can_mount() {
        return;
    }
    let (_folder, name) = photos(2_000);
    let (disk, rescued) = (Workplace::new(), Workplace::new());
    // The disk lies elsewhere than the pictures, which are copied therefore.
    let import = ["import", "folder", &name, "--batch-size", "100"];
    let ran = run_on(&disk, "5m", &rescued, &import);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.error().starts_with("error: no space is left "), "{}", ran.stderr);
    assert!(ran.error().contains("hint: make room and run the same command again"), "{}", ran.stderr);
    assert_sound(&rescued.database());
    let kept = rescued.complete();
    assert!((1..2_000).contains(&kept.len()), "{}", kept.len());

    let resumed = rescued.run(&import);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    let known = format!("2000 pictures: {} new items, {} known;", 2_000 - kept.len(), kept.len());
    assert!(resumed.stdout.contains(&known), "{}", resumed.stdout);
    assert!(rescued.complete().is_superset(&kept) && rescued.complete().len() == 2_000);
    assert_sound(&rescued.database());
}
