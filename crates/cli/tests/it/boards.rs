//! Boards of another kind than the first, from the command line.

use std::fs;

use serde_json::Value;
use tagmill_testboard::{Account, Board, Config, WorldConfig};

use crate::support::{Ran, Workplace};

fn board(items: u64) -> Board {
    let account = Account { name: "me".to_owned(), password: "s3cret".to_owned(), ..Account::default() };
    Board::start(Config {
        world: WorldConfig { items, ..WorldConfig::default() },
        accounts: vec![account],
        keep_requests: true,
        ..Config::default()
    })
    .unwrap()
}

fn fetch(workplace: &Workplace, board: &Board, more: &[&str]) -> Ran {
    let arguments = ["fetch", "--board", "danbooru", "--api-url", &board.danbooru_url()];
    workplace.run(&[&arguments, more].concat())
}

#[test]
fn three_stages_from_a_board_of_danboorus_kind_to_media() {
    let (workplace, board) = (Workplace::new(), board(500));
    let fetched = fetch(&workplace, &board, &["--json"]);
    assert_eq!(fetched.code, Some(0), "{}", fetched.stderr);
    let fetched: Value = serde_json::from_str(&fetched.stdout).unwrap();
    let hidden = fetched["report"]["without_medium"].as_u64().unwrap();
    assert_eq!((&fetched["report"]["saved"], board.stats().info_requests), (&500.into(), 0));
    assert!(hidden > 3, "{fetched}");

    let prepared = workplace.run(&["prepare", "--min-tags", "1", "--json"]);
    assert_eq!(prepared.code, Some(0), "{}", prepared.stderr);
    let meta: Value =
        serde_json::from_slice(&fs::read(workplace.path("dataset.meta.json")).unwrap()).unwrap();
    assert_eq!(meta["rejects"]["no medium"], hidden);
    let table = fs::read_to_string(workplace.path("dataset.csv")).unwrap();
    let header = table.lines().next().unwrap();
    assert!(table.lines().skip(1).all(|line| line.contains(",720x720/") || line.contains(",original/")));
    assert!(header.starts_with("id,image,") && table.contains(",1,"), "{header}");

    // The table's, then all that the database names; neither counts the hidden ones as failed.
    for source in ["dataset", "items"] {
        let media_url = board.media_url();
        let arguments = ["download", "--source", source, "--media-url", &media_url, "--json"];
        let downloaded = workplace.run(&arguments);
        assert_eq!(downloaded.code, Some(0), "{}", downloaded.stderr);
        let report: Value = serde_json::from_str(&downloaded.stdout).unwrap();
        let expected = if source == "items" { hidden } else { 0 };
        assert_eq!(report["report"]["without_medium"], expected, "{report}");
        assert!(report["report"]["failed"] == 0, "{report}");
    }
    let originals =
        workplace.run(&["download", "--variant", "full", "--limit", "20", "--media-url", &board.media_url()]);
    assert_eq!(originals.code, Some(0), "{}", originals.stderr);
    assert!(originals.stdout.starts_with("download: 20 files saved"), "{}", originals.stdout);
    assert!(workplace.path("media-full/720x720").is_dir());

    // What the database says decides about the hosts.
    let plan = workplace.run(&["download", "--dry-run"]);
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    let tags = workplace.run(&["tags"]);
    assert_eq!(tags.code, Some(0), "{}", tags.stderr);
}

#[test]
fn a_folder_has_the_items_of_one_kind() {
    let (workplace, board) = (Workplace::new(), board(30));
    assert_eq!(fetch(&workplace, &board, &[]).code, Some(0));
    board.reset_stats();
    for dry in [&[][..], &["--dry-run"]] {
        let other = workplace.run(&[&["fetch", "--api-url", &board.api_url()], dry].concat());
        assert_eq!((other.code, other.stdout.as_str()), (Some(1), ""));
        assert_eq!(
            other.error(),
            "error: `DATA/items.db` has items of `danbooru`, and cannot take those of `pr0gramm`\n\
             hint: keep each board's items in a --data-dir of their own"
        );
    }
    assert_eq!(board.stats().requests, 0);
}

/// One sentence says what is wrong, nothing is asked, and nothing is made.
#[test]
fn what_a_kind_cannot_do() {
    let (workplace, board) = (Workplace::new(), board(10));
    for (flags, expected) in [
        (&["--promoted"][..], "--promoted is a feed that boards of this kind do not have"),
        (&["--comments"], "--comments are not to be had of boards of this kind"),
        (
            &["--images-only"],
            "--images-only would save no request: boards of this kind list their items with tags",
        ),
        (
            &["--listing-only"],
            "--listing-only would save no request: boards of this kind list their items with tags",
        ),
        (
            &["--tags", "cat order:score"],
            "--tags must not have an order of its own, as its pages are walked by falling id",
        ),
        (
            &["--cookies", "cookies.txt"],
            "--cookies is of no use: boards of this kind know accounts by name and key",
        ),
        (&["--flags", "sfw,pol"], "--flags names a content class that boards of this kind do not know"),
    ] {
        let ran = fetch(&workplace, &board, flags);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
        assert_eq!(ran.stderr.lines().next(), Some(&*format!("error: {expected} (--board danbooru)")));
    }
    let unknown = workplace.run(&["fetch", "--board", "gelbooru"]);
    assert_eq!(unknown.code, Some(2));
    let told = "error: invalid value 'gelbooru' for '--board <KIND>'";
    assert_eq!(unknown.stderr.lines().next(), Some(told));
    assert!(unknown.stderr.contains("[possible values: pr0gramm, danbooru]"), "{}", unknown.stderr);
    assert_eq!(board.stats().requests, 0);
    assert_eq!(fs::read_dir(workplace.path("")).unwrap().count(), 0);
}

#[test]
fn an_account_is_a_name_and_a_key_that_nobody_sees() {
    let (workplace, board) = (Workplace::new(), board(30));
    let url = board.danbooru_url();
    let arguments = ["fetch", "--board", "danbooru", "--api-url", &url, "--log-level", "trace"];
    let run = |more: &[&str], key: Option<&str>| {
        let mut command = workplace.command(&[&arguments, more].concat());
        command.envs(key.map(|key| ("TAGMILL_API_KEY", key)));
        let ran = workplace.ran(command.output().unwrap());
        assert!(!ran.stderr.contains("s3cret") && !ran.stderr.contains("wr0ng"), "{}", ran.stderr);
        ran
    };
    let missing = run(&["--login", "me"], None);
    assert_eq!(missing.code, Some(1));
    let told = "error: --login needs a key: put it into TAGMILL_API_KEY, or name its file by --api-key-file";
    assert_eq!(missing.error(), told);
    assert_eq!(
        run(&[], Some("s3cret")).error(),
        "error: TAGMILL_API_KEY is set, but --login does not say whose key it is"
    );
    let file = workplace.path("key.txt");
    let file = file.to_str().unwrap();
    let by_file = ["--login", "me", "--api-key-file", file];
    assert!(run(&by_file, None).error().starts_with("error: cannot read `DATA/key.txt`: "));
    fs::write(file, " \n").unwrap();
    assert_eq!(run(&by_file, None).error(), "error: `DATA/key.txt` holds no key");
    assert_eq!(run(&["--api-key-file", file], None).code, Some(2));
    assert_eq!(
        run(&["--login", "m:e"], Some("s3cret")).error(),
        "error: `credentials` have a colon in their name"
    );
    assert_eq!(board.stats().requests, 0);

    let wrong = run(&["--login", "me"], Some("wr0ng"));
    assert_eq!((wrong.code, board.stats().requests), (Some(1), 1));
    let told =
        "error: the board does not take this account's name and key, or wants them: `http://127.0.0.1:";
    assert!(wrong.error().starts_with(told), "{}", wrong.error());
    let hint = "\nhint: check --login, and the key in TAGMILL_API_KEY or --api-key-file";
    assert!(wrong.error().ends_with(hint), "{}", wrong.error());

    fs::write(file, "s3cret\n").unwrap();
    assert_eq!(run(&by_file, None).code, Some(0));
    assert!(board.requests().iter().all(|request| !request.contains("s3cret") && !request.contains("login")));

    // The first kind knows no keys.
    let first = ["fetch", "--api-url", &board.api_url(), "--login", "me", "--api-key-file", file];
    let refused = workplace.run(&first);
    assert_eq!(refused.code, Some(2));
    let told =
        "error: --login cannot be used: boards of this kind know accounts by a cookie (--board pr0gramm)";
    assert_eq!(refused.stderr.lines().next(), Some(told));
}
