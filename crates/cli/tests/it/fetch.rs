//! `tagmill fetch` before it begins, while it is at work, and when it is stopped.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Workplace, board, slow_board, wait_for};

#[test]
fn a_dry_run_tells_and_makes_nothing() {
    let (workplace, board) = (Workplace::new(), board(500));
    let plan = workplace.run(&["fetch", "--dry-run", "--api-url", &board.api_url()]);
    assert_eq!((plan.code, plan.stderr.as_str()), (Some(0), ""));
    let newest = board.world().newest().unwrap();
    let lines: Vec<&str> = plan.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{}", plan.stdout);
    assert_eq!(lines[0], format!("the board's newest item of class `sfw` is {newest}"));
    assert!(
        lines[1].starts_with("backfill     about ") && lines[1].ends_with(&format!(" items on {newest} ids"))
    );
    assert!(lines[2].starts_with("about ") && lines[2].ends_with(" requests, as fast as the board answers"));
    assert_eq!(board.stats().requests, 1);

    let plan = workplace.run(&["fetch", "--dry-run", "--json", "--api-url", &board.api_url(), "--rate", "2"]);
    assert_eq!(plan.code, Some(0));
    let told: Value = serde_json::from_str(&plan.stdout).unwrap();
    let plan = &told["plan"];
    assert_eq!((&told["stage"], &plan["classes"]), (&json!("fetch"), &json!("sfw")));
    assert_eq!((&plan["newest"], &plan["backfill"]["ids"]), (&json!(newest.0), &json!(newest.0)));
    let requests = plan["requests"].as_u64().unwrap();
    assert!((300..600).contains(&requests), "{requests}");
    assert_eq!(plan["at_least_seconds"], json!((requests - 1) / 2));
    assert_eq!(fs::read_dir(workplace.path("")).unwrap().count(), 0);
}

#[test]
fn a_dry_run_of_what_is_complete() {
    let (workplace, board) = (Workplace::new(), board(150));
    assert_eq!(workplace.run(&["fetch", "--api-url", &board.api_url()]).code, Some(0));
    let plan = workplace.run(&["fetch", "--dry-run", "--api-url", &board.api_url()]);
    let newest = board.world().newest().unwrap();
    let expected = format!("the board's newest item of class `sfw` is {newest}\nnothing is missing\n");
    assert_eq!((plan.code, plan.stdout), (Some(0), expected));
    // Nobody there: the same as without --dry-run.
    let nobody = workplace.run(&["fetch", "--dry-run", "--api-url", "http://127.0.0.1:9/api"]);
    assert_eq!((nobody.code, nobody.stdout.as_str()), (Some(1), ""));
    assert!(nobody.error().contains("hint: check --api-url and the network"), "{}", nobody.error());
}

/// One sentence says what is wrong, and nothing is made.
#[test]
fn values_that_cannot_be_meant() {
    let workplace = Workplace::new();
    #[track_caller]
    fn check(workplace: &Workplace, arguments: &[&str], expected: &str) {
        let arguments = [&["fetch", "--api-url", "http://127.0.0.1:9/api"], arguments].concat();
        let ran = workplace.run(&arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
        assert_eq!(ran.stderr.lines().next(), Some(expected));
        assert_eq!(fs::read_dir(workplace.path("")).unwrap().count(), 0);
    }
    for (flag, name, values, told) in [
        (
            "--range",
            "A..B",
            &["x", "..", "0..5", "1-5", "7,8"][..],
            "write ids as 4711..4799, 4711.. or ..4799",
        ),
        ("--range", "A..B", &["20..10"], "the range ends before it begins"),
        (
            "--since",
            "DATE",
            &["yesterday", "2024", "17.3.2024", "2024-13-01", ""],
            "write a date as 2024-03-17, or with a time as `2024-03-17 12:00:00`",
        ),
        ("--since", "DATE", &["1969-12-31"], "there were no items before 1970"),
        ("--refresh", "AGE", &["7", "0s", "soon", ""], "write a time span as 7d, 12h or `1day 6h`"),
        ("--workers", "N", &["0", "many"], "write a whole number, 1 or more"),
        ("--batch-size", "N", &["0"], "write a whole number, 1 or more"),
        ("--limit", "N", &["0", "1.5"], "write a whole number, 1 or more"),
        ("--rate", "N", &["0", "nan", "fast"], "write a number above 0, such as 2 or 0.5"),
        ("--tags", "EXPR", &["", " "], "write what to search for"),
    ] {
        for value in values {
            let expected = format!("error: invalid value '{value}' for '{flag} <{name}>': {told}");
            check(&workplace, &[flag, value], &expected);
        }
    }
    let later = "error: --until must be later than --since";
    check(&workplace, &["--since", "2024-03-17", "--until", "2024-03-17"], later);
    check(&workplace, &["--since", "2024-03-17", "--until", "2024-03-16", "--dry-run"], later);
    let together = "error: the argument '--tags <EXPR>' cannot be used with '--refresh <AGE>'";
    check(&workplace, &["--tags", "katze", "--refresh", "7d"], together);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_run_that_another_one_completes() {
    let (workplace, board) = (Workplace::new(), slow_board(400));
    let arguments = ["fetch", "--api-url", &board.api_url(), "--workers", "4"];
    let mut fetch = workplace.start(&mut workplace.command(&arguments));
    wait_for(&board, &mut fetch, |board| board.stats().info_answers >= 60);
    crate::support::interrupt(&fetch);
    let ran = workplace.ran(fetch.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(130), "{}", ran.stderr);
    let kept = workplace.complete();
    assert!((50..300).contains(&kept.len()), "{}", kept.len());
    assert!(ran.stdout.starts_with(&format!("fetch: {} items saved; ", kept.len())), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("; cancelled\n"), "{}", ran.stdout);
    assert!(ran.stderr.contains("stopping: finishing what is in flight"), "{}", ran.stderr);
    assert!(ran.stderr.ends_with("cancelled; run the same command again to go on\n"), "{}", ran.stderr);
    // No log, and nothing that the next run would have to clear away.
    assert!(!workplace.path("items.db-wal").exists());

    let from = board.requests().len();
    let ran = workplace.run(&["fetch", "--api-url", &board.api_url()]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let asked = crate::support::asked_infos(&board, from);
    assert!(asked.iter().all(|id| !kept.contains(id)));
    assert_eq!(workplace.complete().len(), kept.len() + asked.len());
    let nothing = workplace.run(&["fetch", "--dry-run", "--api-url", &board.api_url()]);
    assert!(nothing.stdout.ends_with("nothing is missing\n"), "{}", nothing.stdout);
}

#[cfg(unix)]
#[test]
fn two_fetches_at_once() {
    let (workplace, board, other) = (Workplace::new(), slow_board(400), board(100));
    let arguments = ["fetch", "--api-url", &board.api_url(), "--workers", "4", "--batch-size", "10"];
    let mut first = workplace.start(&mut workplace.command(&arguments));
    wait_for(&board, &mut first, |board| board.stats().info_answers >= 40);
    let second = workplace.run(&["fetch", "--api-url", &other.api_url()]);
    assert_eq!((second.code, second.stdout.as_str()), (Some(1), ""));
    assert_eq!(
        second.error(),
        "error: `DATA/items.db` is in use by another process\n\
         hint: wait until the other program has ended, or work in another --data-dir"
    );
    assert_eq!(other.stats().requests, 0);

    // To look is no harm.
    for arguments in [&["status"][..], &["fetch", "--dry-run", "--api-url", &other.api_url()]] {
        let looked = workplace.run(arguments);
        assert_eq!(looked.code, Some(0), "{}", looked.stderr);
    }
    assert!(first.try_wait().unwrap().is_none(), "the first one has ended too early");
    crate::support::interrupt(&first);
    assert_eq!(first.wait().unwrap().code(), Some(130));
    let third = workplace.run(&["fetch", "--api-url", &board.api_url()]);
    assert_eq!(third.code, Some(0), "{}", third.stderr);
}
