//! `tagmill status`, and that looking changes nothing.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use tagmill_testboard::{Board, Config, Mishap, Script, Target, When, WorldConfig};

use crate::support::{Ran, Workplace, execute, slow_board, wait_for};

/// A board without gaps, on which everything is SFW, so that every number in what is told can be foreseen.
fn plain_board(script: Script) -> Board {
    let world = WorldConfig { items: 300, gap_share: 0.0, sfw_share: 1.0, ..WorldConfig::default() };
    Board::start(Config { world, script, ..Config::default() }).unwrap()
}

/// Ids 100 to 300 but for a hole, with one failed item and some without tags, and a few media.
fn workplace(board: &Board) -> Workplace {
    let workplace = Workplace::new();
    let fetch = |arguments: &[&str], code: i32| {
        let ran = workplace.run(&[&["fetch", "--api-url", &board.api_url()], arguments].concat());
        assert_eq!(ran.code, Some(code), "{}", ran.stderr);
    };
    fetch(&["--range", "200..300"], 0);
    fetch(&["--range", "100..149"], 3);
    fetch(&["--range", "150..159", "--listing-only"], 0);
    let media = workplace.path("media/2024/01/01");
    fs::create_dir_all(&media).unwrap();
    for (name, bytes) in [("a.jpg", 1_000), ("b.png", 500), ("c.jpg.part", 70), (".notes", 9_000)] {
        fs::write(media.join(name), vec![b'x'; bytes]).unwrap();
    }
    workplace
}

fn broken() -> Script {
    Script::new().on(Target::Containing("itemId=120".to_owned()), When::Always, Mishap::NotFound)
}

/// As the original leaves it: rows with its own kind of times, no tables of ours.
fn make_original(workplace: &Workplace) {
    execute(
        &workplace.database(),
        "DROP TABLE scanned; DROP TABLE failures; DROP TABLE state; DROP INDEX items_without_tags;
         UPDATE items SET updated_at = datetime(updated_at, 'unixepoch'); PRAGMA user_version = 0",
    );
}

/// The size of the database hangs on the version of SQLite.
fn without_size(told: &Ran) -> String {
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let (before, after) = told.stdout.split_once("items.db, ").unwrap();
    let (size, after) = after.split_once('\n').unwrap();
    assert!(size.ends_with(" KiB"), "{size}");
    format!("{before}items.db, SIZE\n{after}")
}

#[test]
fn tells_what_there_is() {
    let board = plain_board(broken());
    let workplace = workplace(&board);
    let asked = board.stats().requests;
    insta::assert_snapshot!(without_size(&workplace.run(&["status"])), @r"
    database    DATA/items.db, SIZE
    items       161, from 100 to 300
    tags        150 with, 11 without
    scanned     sfw: 100 to 300, 1 hole of 40 ids
    failed      1: notFound
    media       2 files, 1 unfinished
    ");
    let with_sizes = workplace.run(&["status", "--sizes"]).stdout;
    assert!(with_sizes.ends_with("media       2 files, 1.46 KiB, 1 unfinished\n"), "{with_sizes}");

    let told = workplace.run(&["status", "--json"]);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    let mut status = told["status"].clone();
    let bytes = fs::metadata(workplace.database()).unwrap().len();
    assert_eq!(status.as_object_mut().unwrap().remove("database_bytes"), Some(json!(bytes)));
    let expected = json!({
        "database": "DATA/items.db",
        "origin": "pr0gramm",
        "items": 161,
        "with_tags": 150,
        "without_tags": 11,
        "oldest": 100,
        "newest": 300,
        "scanned": [{ "class": "sfw", "from": 100, "to": 300, "holes": 1, "missing_ids": 40 }],
        "failures": { "notFound": 1 },
        "media": { "files": 2, "unfinished": 1, "bytes": null },
    });
    assert_eq!((&told["stage"], &status), (&json!("status"), &expected));
    assert_eq!(board.stats().requests, asked);
}

#[test]
fn of_a_database_of_the_original() {
    let board = plain_board(broken());
    let workplace = workplace(&board);
    make_original(&workplace);
    insta::assert_snapshot!(without_size(&workplace.run(&["status"])), @r"
    database    DATA/items.db, SIZE
    items       161, from 100 to 300
    tags        150 with, 11 without
    scanned     nothing yet: the next fetch looks for holes
    media       2 files, 1 unfinished
    ");
    let told = workplace.run(&["status", "--json"]);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    let status = &told["status"];
    assert_eq!((&status["items"], &status["without_tags"]), (&json!(161), &json!(11)));
    assert_eq!((&status["scanned"], &status["failures"]), (&json!([]), &json!({})));
}

#[test]
fn of_nothing() {
    let workplace = Workplace::new();
    let told = workplace.run(&["status"]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(1), ""));
    assert_eq!(
        told.stderr,
        "error: there is no database at `DATA/items.db`\nhint: run `tagmill fetch` or `tagmill import` first, or check --data-dir\n"
    );
    assert_eq!(fs::read_dir(workplace.path("")).unwrap().count(), 0);
    let told = workplace.run(&["status", "--json"]);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(told["hint"], "run `tagmill fetch` or `tagmill import` first, or check --data-dir");
}

/// All files of a folder but those in folders below, by name.
fn bytes(workplace: &Workplace) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(workplace.path("")).unwrap().map(Result::unwrap);
    entries
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect()
}

fn look(workplace: &Workplace, board: &Board) {
    for arguments in [
        &["status"][..],
        &["status", "--sizes", "--json"],
        &["fetch", "--dry-run", "--api-url", &board.api_url()],
        &["fetch", "--dry-run", "--api-url", &board.api_url(), "--refresh", "7d", "--json"],
        &["fetch", "--dry-run", "--api-url", &board.api_url(), "--retry-failed"],
    ] {
        let looked = workplace.run(arguments);
        assert_eq!(looked.code, Some(0), "{}", looked.stderr);
    }
}

#[test]
fn to_look_changes_no_byte() {
    let board = plain_board(broken());
    let workplace = workplace(&board);
    let before = bytes(&workplace);
    look(&workplace, &board);
    assert_eq!(bytes(&workplace), before);

    make_original(&workplace);
    let before = bytes(&workplace);
    look(&workplace, &board);
    assert_eq!(bytes(&workplace), before);
}

/// What was committed then stands in the log, which is read and left as it is.
#[test]
fn to_look_at_what_a_killed_run_left_changes_no_byte() {
    let (workplace, board) = (Workplace::new(), slow_board(300));
    let arguments = ["fetch", "--api-url", &board.api_url(), "--workers", "4", "--batch-size", "20"];
    let mut fetch = workplace.start(&mut workplace.command(&arguments));
    wait_for(&board, &mut fetch, |board| board.stats().info_answers >= 100);
    fetch.kill().unwrap();
    fetch.wait().unwrap();
    let of_use = |workplace: &Workplace| {
        let mut bytes = bytes(workplace);
        // The log's index, which SQLite makes anew while it reads.
        bytes.remove("items.db-shm");
        bytes
    };
    let before = of_use(&workplace);
    assert!(before["items.db-wal"].len() > 10_000);
    look(&workplace, &board);
    assert_eq!(of_use(&workplace), before);
    let told = workplace.run(&["status", "--json"]);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(told["status"]["with_tags"], json!(workplace.complete().len()));
}
