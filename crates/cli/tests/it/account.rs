//! From `tagmill login` to what a fetch may then see, and what becomes of the cookie.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use tagmill_fetcher::api::Pr0gramm;
use tagmill_model::{Flags, ItemId};
use tagmill_testboard::{Account, Board, Config, Sessions, WorldConfig};

use crate::support::{Ran, Workplace};

const PASSWORD: &str = "pa55 wo=rd&ü";

fn gated() -> Config {
    let account =
        |name: &str| Account { name: name.to_owned(), password: PASSWORD.to_owned(), ..Account::default() };
    Config {
        world: WorldConfig { items: 150, ..WorldConfig::default() },
        accounts: vec![
            Account { verified: true, ..account("old") },
            account("young"),
            Account { banned: true, ..account("gone") },
        ],
        sessions: Sessions::LoggedIn,
        keep_requests: true,
        ..Config::default()
    }
}

fn start(config: Config) -> Board {
    Board::start(config).unwrap()
}

/// What stands in the first captchas of a board: its twin draws the same ones, and can be asked.
fn captchas<const N: usize>() -> [String; N] {
    let twin = start(gated());
    let url = twin.api_url().parse().unwrap();
    let http = tagmill_http::Client::new(tagmill_http::Config::default()).unwrap();
    let client = Pr0gramm::new(http, &url).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::array::from_fn(|_| {
        let captcha = runtime.block_on(client.captcha()).unwrap();
        twin.captcha_answer(&captcha.token).unwrap()
    })
}

fn login(workplace: &Workplace, board: &Board, arguments: &[&str], lines: &[&str]) -> Ran {
    let ran = workplace.run_with(&[&["login", "--api-url", &board.api_url()], arguments].concat(), lines);
    assert!(!ran.stdout.contains("pa55") && !ran.stderr.contains("pa55"), "{}", ran.stderr);
    // Its picture is of no use any more.
    assert!(!workplace.path("captcha.png").exists());
    ran
}

/// Logs in, and tells the value of the cookie `me`.
#[track_caller]
fn logged_in(workplace: &Workplace, board: &Board, name: &str) -> String {
    let [captcha] = captchas();
    let ran = login(workplace, board, &[], &[name, PASSWORD, &captcha]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stdout, format!("logged in as {name}; the session is in DATA/cookies.txt\n"));
    let me = me(&fs::read_to_string(workplace.path("cookies.txt")).unwrap());
    assert!(!ran.stderr.contains(&me) && me.len() > 40);
    me
}

fn me(cookies: &str) -> String {
    cookies.lines().find_map(|line| line.split_once("\tme\t")).unwrap().1.to_owned()
}

fn fetch(workplace: &Workplace, board: &Board, arguments: &[&str]) -> Ran {
    workplace.run(&[&["fetch", "--log-level", "trace", "--api-url", &board.api_url()], arguments].concat())
}

/// The content classes in the database.
fn classes(workplace: &Workplace) -> Flags {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reader = runtime.block_on(tagmill_store::Reader::open(&workplace.database())).unwrap();
    let everything = tagmill_store::Interval::new(ItemId(1), ItemId(i64::MAX));
    let mut classes = Flags::empty();
    reader.scanner().unwrap().media(everything, None, |row| classes |= row.flags).unwrap();
    classes
}

#[cfg(unix)]
#[track_caller]
fn assert_private(workplace: &Workplace, name: &str) {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(workplace.path(name)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[cfg(not(unix))]
fn assert_private(_: &Workplace, _: &str) {}

#[test]
fn a_fetch_after_a_login_sees_what_the_account_may_see() {
    for (name, expected) in [("old", Flags::EVERY_CLASS), ("young", Flags::from_bits_retain(25))] {
        let (workplace, board) = (Workplace::new(), start(gated()));
        let me = logged_in(&workplace, &board, name);
        assert_private(&workplace, "cookies.txt");
        let fetched = fetch(&workplace, &board, &[]);
        assert_eq!(fetched.code, Some(0), "{}", fetched.stderr);
        assert!(!fetched.stderr.contains(&me) && !fetched.stdout.contains(&me), "{}", fetched.stderr);
        assert_eq!(classes(&workplace), expected);

        // The media host is asked without it, in whatever folder it lies.
        let downloaded = workplace.run(&[
            "download",
            "--media-url",
            &board.media_url(),
            "--source",
            "items",
            "--limit",
            "5",
        ]);
        assert_eq!(downloaded.code, Some(0), "{}", downloaded.stderr);
        let stats = board.stats();
        assert!(stats.media_requests > 0 && stats.with_session > 0);
        assert_eq!(stats.media_cookies, 0);
    }
}

#[test]
fn without_a_login_only_sfw_is_fetched() {
    let (workplace, board) = (Workplace::new(), start(gated()));
    assert_eq!(fetch(&workplace, &board, &[]).code, Some(0));
    assert_eq!((classes(&workplace), board.stats().with_session), (Flags::SFW, 0));
}

#[test]
fn a_wrong_captcha_is_followed_by_another_one() {
    let (workplace, board) = (Workplace::new(), start(gated()));
    let [_, _, third] = captchas();
    let ran = login(&workplace, &board, &["--name", "old", "--json"], &[PASSWORD, "?????", "!!!!!", &third]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("that is not what the picture shows; here is another one").count(), 2);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(told["login"], serde_json::json!({ "name": "old", "file": "DATA/cookies.txt" }));
    assert_eq!((board.stats().captcha_requests, board.stats().login_attempts), (3, 3));
}

#[test]
fn what_a_login_can_fail_with() {
    let [captcha] = captchas();
    #[track_caller]
    fn check(lines: &[&str], attempts: u64, expected: &str) {
        let (workplace, board) = (Workplace::new(), start(gated()));
        let ran = login(&workplace, &board, &[], lines);
        assert_eq!((ran.code, ran.error().as_str()), (Some(1), expected));
        assert_eq!((ran.stdout.as_str(), board.stats().login_attempts), ("", attempts));
        assert!(!workplace.path("cookies.txt").exists());
    }
    check(
        &["old", "pa55", &captcha],
        1,
        "error: the name or the password is wrong\n\
         hint: check both; after several wrong ones the board wants some minutes of rest",
    );
    check(&["gone", PASSWORD, &captcha], 1, "error: the account is banned for ever: Regel #99");
    check(
        &["old", PASSWORD, "1", "2", "3", "4"],
        3,
        "error: the captcha's answer is wrong\n\
         hint: run it again for other pictures",
    );
    check(&[""], 0, "error: no name was given");
    check(&["old", "", "x"], 0, "error: no password was given");
    check(&["old", PASSWORD], 0, "error: no captcha was given");
}

#[test]
fn a_browsers_file_and_a_variable_are_sessions_too() {
    let (workplace, board) = (Workplace::new(), start(gated()));
    let me = logged_in(&workplace, &board, "old");
    let (named, left) = (workplace.path("browser.txt"), workplace.path("cookies.txt"));
    // As add-ons write it: other hosts' cookies among it.
    let browser = "# Netscape HTTP Cookie File\n\n.example.org\tTRUE\t/\tFALSE\t0\tme\tother\n";
    fs::write(&named, format!("{browser}127.0.0.1\tFALSE\t/\tFALSE\t2095360000\tme\t{me}\n")).unwrap();
    fs::remove_file(left).unwrap();

    let plan = |arguments: &[&str], variable: &str| {
        let api_url = board.api_url();
        let mut command =
            workplace.command(&[&["fetch", "--dry-run", "--api-url", &api_url], arguments].concat());
        workplace.ran(command.env("TAGMILL_COOKIE", variable).output().unwrap())
    };
    let named = named.to_str().unwrap();
    let everything = "the board's newest item of class `sfw,nsfw,nsfl,nsfp,pol` is ";
    assert!(plan(&["--cookies", named], "").stdout.starts_with(everything));
    assert!(plan(&[], &format!("pp=1; me={me}")).stdout.starts_with(everything));
    assert!(plan(&[], "").stdout.starts_with("the board's newest item of class `sfw` is "));
    // What was said last and most plainly counts.
    let dead = plan(&["--cookies", named], "me=d3ad");
    assert_eq!(dead.code, Some(1));
    assert_eq!(
        dead.error(),
        "error: the board does not take this session for logged in\n\
         hint: run `tagmill login`, or give another session by --cookies or TAGMILL_COOKIE"
    );
    let broken = plan(&[], "me=d3\nad");
    assert_eq!(broken.code, Some(1));
    for ran in [dead, broken] {
        assert!(!ran.stderr.contains("d3"), "{}", ran.stderr);
    }

    let missing = plan(&["--cookies", "nowhere.txt"], "");
    assert!(missing.error().starts_with("error: cannot read `nowhere.txt`: "), "{}", missing.error());
    fs::write(workplace.path("browser.txt"), browser).unwrap();
    let other = plan(&["--cookies", named], "");
    assert_eq!(
        (other.code, other.error().as_str()),
        (Some(1), "error: `DATA/browser.txt` has no cookie `me` for `127.0.0.1`, or one that has expired")
    );
}

#[test]
fn a_refreshed_cookie_is_kept() {
    let (workplace, board) = (Workplace::new(), start(Config { refresh_cookie: Some(20), ..gated() }));
    let before = logged_in(&workplace, &board, "old");
    let file = workplace.path("cookies.txt");
    let mine = "example.org\tFALSE\t/\tTRUE\t0\tme\tother";
    fs::write(&file, format!("{}{mine}\n", fs::read_to_string(&file).unwrap())).unwrap();

    let fetched = fetch(&workplace, &board, &[]);
    assert_eq!(fetched.code, Some(0), "{}", fetched.stderr);
    let kept = fs::read_to_string(&file).unwrap();
    assert!(kept.lines().any(|line| line == mine), "{kept}");
    assert_private(&workplace, "cookies.txt");
    let lines: Vec<&str> = kept.lines().filter(|line| line.contains("127.0.0.1")).collect();
    let names: BTreeSet<&str> = lines.iter().filter_map(|line| line.split('\t').nth(5)).collect();
    assert_eq!((lines.len(), names), (2, BTreeSet::from(["me", "pp"])), "{kept}");
    let after = me(&lines.join("\n"));
    assert_ne!(after, before);
    assert!(!fetched.stderr.contains(&after) && !fetched.stderr.contains(&before));

    // It is a session, and the next run's.
    assert_eq!(fetch(&workplace, &board, &["--flags", "all"]).code, Some(0));
    assert_ne!(me(&fs::read_to_string(&file).unwrap().replace(mine, "")), before);
}

/// The environment keeps nothing, and no file appears in its place.
#[test]
fn a_cookie_of_the_environment_is_written_nowhere() {
    let (workplace, board) = (Workplace::new(), start(Config { refresh_cookie: Some(20), ..gated() }));
    let me = logged_in(&workplace, &board, "old");
    fs::remove_file(workplace.path("cookies.txt")).unwrap();
    let mut command = workplace.command(&["fetch", "--api-url", &board.api_url()]);
    let fetched = workplace.ran(command.env("TAGMILL_COOKIE", format!("me={me}")).output().unwrap());
    assert_eq!(fetched.code, Some(0), "{}", fetched.stderr);
    assert_eq!(classes(&workplace), Flags::EVERY_CLASS);
    assert!(!workplace.path("cookies.txt").exists());
}

#[test]
fn a_session_that_has_died_is_told_before_anything_is_listed() {
    let (workplace, board) = (Workplace::new(), start(gated()));
    logged_in(&workplace, &board, "old");
    // On the same host, as cookies know no ports, but with a memory of its own.
    let another = start(gated());
    let ran = fetch(&workplace, &another, &[]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.error().starts_with("error: the board does not take this session for logged in\nhint: "));
    assert_eq!((another.stats().requests, another.stats().login_requests), (1, 1));
    // Whoever does without it can delete it.
    fs::remove_file(workplace.path("cookies.txt")).unwrap();
    assert_eq!(fetch(&workplace, &another, &[]).code, Some(0));
}
