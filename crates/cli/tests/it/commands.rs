//! What a person at a terminal gets: reports, errors with hints, exit codes.

use std::fs;

use serde_json::Value;
use tagmill_testboard::Board;

use crate::support::{Ran, Workplace, board};

const DONE: Option<i32> = Some(0);
const FAILED: Option<i32> = Some(1);
const USAGE: Option<i32> = Some(2);
const DONE_WITH_FAILURES: Option<i32> = Some(3);

fn fetch(workplace: &Workplace, board: &Board) -> Ran {
    workplace.run(&["fetch", "--api-url", &board.api_url()])
}

#[test]
fn three_stages_from_a_board_to_media() {
    let (workplace, board) = (Workplace::new(), board(150));
    let fetched = fetch(&workplace, &board);
    assert_eq!(fetched.code, DONE, "{}", fetched.stderr);
    assert!(fetched.stdout.starts_with("fetch: "), "{}", fetched.stdout);
    let prepared = workplace.run(&["prepare", "--min-tags", "1"]);
    assert_eq!(prepared.code, DONE, "{}", prepared.stderr);
    let planned = workplace.run(&["download", "--dry-run"]);
    assert_eq!(planned.code, DONE, "{}", planned.stderr);
    assert!(planned.stdout.contains("files: 0 are there, "), "{}", planned.stdout);
    let plan: Value =
        serde_json::from_str(&workplace.run(&["download", "--dry-run", "--json"]).stdout).unwrap();

    let downloaded = workplace.run(&["download", "--media-url", &board.media_url(), "--json"]);
    assert_eq!(downloaded.code, DONE, "{}", downloaded.stderr);
    let report: Value = serde_json::from_str(&downloaded.stdout).unwrap();
    assert_eq!(report["stage"], "download");
    assert_eq!(report["report"]["saved"], plan["plan"]["missing"]);
    assert!(report["report"]["saved"].as_u64().unwrap() > 50, "{report}");
    assert_eq!(report["report"]["saved"], report["items"]);

    // Twice is once.
    let asked = board.stats();
    let again = workplace.run(&["download", "--media-url", &board.media_url()]);
    assert_eq!((again.code, board.stats().media_requests), (DONE, asked.media_requests));
    assert_eq!(fetch(&workplace, &board).code, DONE);
    assert_eq!(board.stats().info_requests, asked.info_requests);
    let table = fs::read(workplace.path("dataset.csv")).unwrap();
    assert_eq!(workplace.run(&["prepare", "--min-tags", "1"]).code, DONE);
    assert_eq!(fs::read(workplace.path("dataset.csv")).unwrap(), table);
}

#[test]
fn a_download_says_what_it_takes_and_from_where() {
    let (workplace, board) = (Workplace::new(), board(150));
    fetch(&workplace, &board);
    workplace.run(&["prepare", "--min-tags", "1"]);
    let media_url = board.media_url();
    let download =
        |arguments: &[&str]| workplace.run(&[&["download", "--media-url", &media_url], arguments].concat());
    let saved = |ran: &Ran| {
        assert_eq!(ran.code, DONE, "{}", ran.stderr);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        report["report"]["saved"].as_u64().unwrap()
    };
    // Thumbnails of what the table names, and of nothing else.
    let rows = fs::read_to_string(workplace.path("dataset.csv")).unwrap().lines().count() as u64 - 1;
    assert_eq!(saved(&download(&["--variant", "thumb", "--json"])), rows);
    assert!(workplace.path("media-thumb").exists() && !workplace.path("media").exists());
    // Another table.
    let table = fs::read_to_string(workplace.path("dataset.csv")).unwrap();
    let few = workplace.path("few.csv");
    fs::write(&few, table.lines().take(4).collect::<Vec<_>>().join("\n")).unwrap();
    let few = few.to_str().unwrap();
    assert_eq!(saved(&download(&["--dataset", few, "--json"])), 3);
    assert_eq!(download(&["--dataset", few, "--source", "items"]).code, Some(2));
    // A host of its own for one kind, of which a second one is asked.
    let hosts = format!("{media_url}/nothing/,{media_url}");
    let ran =
        workplace.run(&["download", "--image-url", &hosts, "--max-rate", "1GB", "--limit", "9", "--json"]);
    assert_eq!(saved(&ran), 6);
    assert_eq!(board.stats().media_cookies, 0);
    let alone = download(&["--send-cookie", "--api-url", &board.api_url()]);
    assert_eq!(alone.code, Some(1));
    assert_eq!(alone.error(), format!("error: there is no session for `{}` to send", board.api_url()));
    let mut command = workplace.command(&[
        "download",
        "--media-url",
        &media_url,
        "--limit",
        "12",
        "--send-cookie",
        "--json",
    ]);
    assert_eq!(saved(&workplace.ran(command.env("TAGMILL_COOKIE", "me=s3cret").output().unwrap())), 3);
    assert_eq!(board.stats().media_cookies, 3);
}

#[test]
fn a_variable_stands_for_a_flag() {
    let (workplace, board) = (Workplace::new(), board(150));
    let mut command = workplace.command(&["fetch", "--json"]);
    command.env("TAGMILL_FETCH_API_URL", board.api_url()).env("TAGMILL_FETCH_LIMIT", "7");
    let ran = workplace.ran(command.env("TAGMILL_LOG_LEVEL", "error").output().unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (DONE, ""));
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["report"]["saved"], 7);
}

#[track_caller]
fn check_error(ran: &Ran, expected: &str) {
    assert_eq!(ran.code, FAILED, "{}", ran.stderr);
    assert_eq!(ran.error(), expected);
    assert_eq!(ran.stdout, "");
}

#[test]
fn nothing_to_work_on() {
    let workplace = Workplace::new();
    check_error(
        &workplace.run(&["prepare"]),
        "error: there is no database at `DATA/items.db`\nhint: run `tagmill fetch` or `tagmill import` first, or check --data-dir",
    );
    check_error(
        &workplace.run(&["download"]),
        "error: there is no database at `DATA/items.db`\nhint: run `tagmill fetch` or `tagmill import` first, or check --data-dir",
    );
    check_error(
        &workplace.run(&["download", "--source", "dataset"]),
        "error: there is no dataset at `DATA/dataset.csv`\nhint: run `tagmill prepare` first, or check --data-dir",
    );
}

#[test]
fn a_file_that_is_no_database() {
    let workplace = Workplace::new();
    let junk = "just text, and long enough to be looked at as a header of a database ".repeat(20);
    fs::write(workplace.path("items.db"), &junk).unwrap();
    let expected = "error: `DATA/items.db` is not a SQLite database\n\
        hint: check --data-dir; to start afresh, move that file away";
    check_error(&workplace.run(&["prepare"]), expected);
    check_error(&workplace.run(&["fetch", "--api-url", "http://127.0.0.1:9/api"]), expected);
    assert_eq!(fs::read_to_string(workplace.path("items.db")).unwrap(), junk);
}

#[test]
fn a_database_without_items() {
    let (workplace, board) = (Workplace::new(), board(0));
    assert_eq!(fetch(&workplace, &board).code, DONE);
    check_error(
        &workplace.run(&["prepare"]),
        "error: none of the 0 items in `DATA/items.db` is left for the table\n\
        hint: the database is empty: run `tagmill fetch` or `tagmill import` first",
    );
}

#[test]
fn a_malformed_table() {
    let workplace = Workplace::new();
    fs::write(workplace.path("dataset.csv"), "id,image\n1,a.jpg\ntwo,b.jpg\n").unwrap();
    check_error(
        &workplace.run(&["download", "--media-url", "http://127.0.0.1:9/"]),
        "error: `DATA/dataset.csv` line 3, column `id`: `two` is not a whole number\n\
        hint: run `tagmill prepare` again to make the table anew",
    );
}

#[test]
fn a_board_that_is_not_there() {
    let workplace = Workplace::new();
    // Port 9 is "discard", where nobody listens.
    let ran = workplace.run(&["fetch", "--api-url", "http://127.0.0.1:9/api"]);
    assert_eq!(ran.code, FAILED);
    let error = ran.error();
    assert!(error.starts_with("error: cannot reach the board at `http://127.0.0.1:9/api`"), "{error}");
    assert!(error.ends_with("hint: check --api-url and the network; what was fetched is kept"), "{error}");
}

#[test]
fn content_that_a_visitor_may_not_see() {
    let (workplace, board) = (Workplace::new(), board(150));
    let ran = workplace.run(&["fetch", "--api-url", &board.api_url(), "--flags", "all"]);
    assert_eq!(ran.code, FAILED);
    assert!(
        ran.error().contains("hint: without an account only `--flags sfw` is allowed"),
        "{}",
        ran.error()
    );
    let mut command = workplace.command(&["fetch", "--api-url", &board.api_url(), "--flags", "all"]);
    let with_account = workplace.ran(command.env("TAGMILL_COOKIE", "me=s3cret").output().unwrap());
    assert_eq!(with_account.code, DONE, "{}", with_account.stderr);
    assert!(!with_account.stderr.contains("s3cret"));
}

#[test]
fn errors_are_json_too() {
    let ran = Workplace::new().run(&["prepare", "--json"]);
    let error: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(ran.code, FAILED);
    assert_eq!(error["error"], "there is no database at `DATA/items.db`");
    assert_eq!(error["hint"], "run `tagmill fetch` or `tagmill import` first, or check --data-dir");
}

#[test]
fn files_that_cannot_be_had_are_listed_and_the_rest_is_done() {
    let workplace = Workplace::new();
    let (board, table) = (board(50), workplace.path("dataset.csv"));
    let world = board.world();
    let known = world
        .ids()
        .filter_map(|id| world.item(id))
        .find(|post| post.listing.image.ends_with(".jpg"))
        .unwrap();
    fs::write(&table, format!("id,image\n1,{}\n2,2024/01/01/0000000000000000.jpg\n", known.listing.image))
        .unwrap();
    let ran = workplace.run(&["download", "--media-url", &board.media_url(), "--json"]);
    assert_eq!(ran.code, DONE_WITH_FAILURES, "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&report["report"]["saved"], &report["report"]["failures"][0]["reason"]),
        (&1.into(), &"gone".into())
    );
}

#[test]
fn wrong_arguments() {
    let workplace = Workplace::new();
    for arguments in [
        &["fetch", "--flags", "rude"][..],
        &["fetch", "--workers", "many"],
        &["fetch", "--api-url", "not a url"],
        &["prepare", "--min-confidence", "2"],
        &["prepare", "--sample", "1.5"],
        &["prepare", "--max-aspect", "0.5"],
        &["prepare", "--tag-length", "9..2"],
        &["prepare", "--incremental", "--limit", "5"],
        &["prepare", "--original-rules", "--min-tags", "3"],
        &["download", "--source", "hearsay"],
        &["knit"],
        &[],
    ] {
        let ran = workplace.run(arguments);
        assert_eq!(ran.code, USAGE, "{arguments:?}");
        assert_eq!(ran.stdout, "");
    }
}

/// The test binaries lie beside a `tagmill` that may have its sister; a copy elsewhere has none.
#[test]
fn training_without_the_trainer_says_what_to_run() {
    let workplace = Workplace::new();
    let alone = workplace.path("tagmill");
    fs::copy(env!("CARGO_BIN_EXE_tagmill"), &alone).unwrap();
    for stage in ["train", "validate", "predict"] {
        let output = std::process::Command::new(&alone).args([stage, "--run", "x", "-h"]).output().unwrap();
        check_error(
            &workplace.ran(output),
            "error: this installation has no trainer: there is no `tagmill-train` beside `tagmill`\n\
            hint: in tagmill's source folder, run `cargo xtask setup` and then `cargo build --release --workspace`",
        );
    }
}

/// Every flag of every command has a variable of its own; the rule is in the help.
#[test]
fn help_tells_a_newcomer() {
    let workplace = Workplace::new();
    let ran = workplace.run(&["--help"]);
    assert_eq!(ran.code, DONE);
    for word in ["fetch", "prepare", "download", "train", "validate", "predict", "TAGMILL_DATA_DIR", "--json"]
    {
        assert!(ran.stdout.contains(word), "{word} is not in\n{}", ran.stdout);
    }
    for stage in ["fetch", "prepare", "download"] {
        let help = workplace.run(&[stage, "--help"]);
        assert_eq!(help.code, DONE);
        assert!(help.stdout.lines().all(|line| line.chars().count() <= 120), "{}", help.stdout);
    }
}

/// Whoever changes a flag sees what becomes of the page.
#[test]
fn the_help_of_fetch() {
    let workplace = Workplace::new();
    let mut command = workplace.command(&["fetch", "--help"]);
    let help = workplace.ran(command.env("COLUMNS", "100").output().unwrap());
    assert_eq!(help.code, DONE);
    insta::assert_snapshot!(help.stdout);
}

/// The flags of prepare at work on what a board sent.
#[test]
fn prepare_by_other_rules() {
    let (workplace, board) = (Workplace::new(), board(150));
    assert_eq!(fetch(&workplace, &board).code, DONE);
    let rows = |arguments: &[&str]| {
        let mut all = vec!["prepare", "--json", "--min-tags", "1"];
        all.extend(arguments);
        let ran = workplace.run(&all);
        assert_eq!(ran.code, DONE, "{arguments:?} {}", ran.stderr);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        report["report"]["rows_written"].as_u64().unwrap()
    };
    let all = rows(&[]);
    let rejects = workplace.path("rejects.csv");
    for arguments in [
        &["--since", "2100-01-01", "--sample", "1"][..],
        &["--max-size", "10"],
        &["--min-score", "1000000"],
        &["--tag-pattern", "^#"],
    ] {
        let mut arguments = arguments.to_vec();
        arguments.splice(0..0, ["prepare"]);
        let ran = workplace.run(&arguments);
        assert_eq!(ran.code, FAILED, "{arguments:?}");
        assert!(ran.error().starts_with("error: none of the "), "{}", ran.error());
    }
    assert!(rows(&["--sample", "0.5", "--rejects", rejects.to_str().unwrap()]) < all);
    let listed = fs::read_to_string(&rejects).unwrap();
    assert!(listed.starts_with("id,reason,detail\n") && listed.contains(",not sampled,\n"), "{listed}");
    assert_eq!(rows(&["--videos", "--limit", "7"]), 7);
    assert_eq!(workplace.run(&["prepare", "--original-rules"]).code, DONE);
    let table = fs::read_to_string(workplace.path("dataset.csv")).unwrap();
    assert!(table.lines().next().unwrap().ends_with(
        ",is_pol,tag1,confidence1,tag2,confidence2,tag3,confidence3,tag4,confidence4,tag5,confidence5"
    ));

    // In another form, which leaves the CSV as it was.
    let table = fs::read(workplace.path("dataset.csv")).unwrap();
    assert_eq!(rows(&["--format", "parquet"]), all);
    assert!(fs::read(workplace.path("dataset.parquet")).unwrap().starts_with(b"PAR1"));
    assert!(fs::read(workplace.path("dataset.csv")).unwrap() == table);

    // Going on from the run before, and refusing to.
    rows(&[]);
    assert_eq!(rows(&["--incremental"]), all);
    check_error(
        &workplace.run(&["prepare", "--incremental"]),
        "error: cannot go on from `DATA/dataset.csv`: it was made with other settings: min_tags\n\
        hint: run it without --incremental, once, to make the table anew",
    );
}

#[test]
fn files_of_tag_rules_that_are_wrong() {
    let workplace = Workplace::new();
    let file = workplace.path("rules.txt");
    let name = file.to_str().unwrap();
    for (flag, text, expected) in [
        (
            "--alias",
            "# mine\nkatze\n",
            "error: `DATA/rules.txt` line 2: write two names as `a -> b` or `a,b`",
        ),
        ("--alias", "a -> b\na -> c\n", "error: `DATA/rules.txt` line 2: `a` is an alias of `b` already"),
        ("--alias", "a -> b\nb -> a\n", "error: the aliases go in a circle: a -> b -> a"),
        ("--imply", "a -> b\nb -> A\n", "error: the implications go in a circle: a -> b -> a"),
        ("--imply", "a ->\n", "error: `DATA/rules.txt` line 1: a name is missing"),
    ] {
        fs::write(&file, text).unwrap();
        check_error(&workplace.run(&["prepare", flag, name]), expected);
    }
    fs::write(&file, b"\xff\xfe").unwrap();
    for (flag, path) in [("--drop", name), ("--alias", "/nowhere/rules.txt")] {
        let ran = workplace.run(&["prepare", flag, path]);
        assert_eq!(ran.code, FAILED);
        assert!(ran.error().starts_with("error: cannot read `"), "{}", ran.error());
    }
}
