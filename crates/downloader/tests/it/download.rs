//! Whole runs against a board on this machine.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tagmill_downloader::{Config, Error, Hosts, MediaStore, Reason, Report, Source, Variant, plan, run};
use tagmill_model::dataset::DatasetRow;
use tagmill_model::{Flags, Item, ItemId, MediaKind, Outcome, Progress, StageReport};
use tagmill_testboard::{Mishap, Mishaps, Script, Target, When};
use tokio_util::sync::CancellationToken;

use crate::support::{Scene, rows, write_dataset, write_items, write_store};

async fn start(config: Config) -> Result<Report, Error> {
    run(config, &(), &CancellationToken::new()).await
}

#[track_caller]
fn adds_up(report: &Report) {
    let done = report.present + report.known_gone + report.saved + report.failed();
    assert_eq!(report.planned, done, "{report:?}");
}

#[tokio::test]
async fn every_picture_arrives_and_none_twice() {
    let scene = Scene::quiet();
    let pictures = scene.pictures();
    let report = scene.run().await.unwrap();
    assert!(scene.saved() == pictures, "the files differ");
    assert_eq!((report.outcome, report.present, report.failed), (Outcome::Completed, 0, 0));
    assert_eq!(report.saved, pictures.len() as u64);
    assert_eq!(report.bytes, pictures.values().map(|bytes| bytes.len() as u64).sum::<u64>());
    // The default world has videos.
    assert!(report.skipped > 0);
    adds_up(&report);

    let before = scene.board.stats().requests;
    let again = scene.run().await.unwrap();
    assert_eq!(scene.board.stats().requests, before);
    assert_eq!((again.saved, again.present, again.failed), (0, report.saved, 0));
    adds_up(&again);
}

#[tokio::test]
async fn videos_come_when_asked_for() {
    let scene = Scene::quiet();
    let report = start(Config { include_videos: true, ..scene.config() }).await.unwrap();
    assert_eq!((report.saved, report.skipped), (60, 0));
    assert_eq!(scene.saved().len(), 60);
}

#[tokio::test]
async fn the_database_is_read_and_never_changed() {
    let scene = Scene::quiet();
    let database = scene.path("items.db");
    write_items(&database, rows(scene.board.world()).into_iter().map(|row| (row.id, row.image.to_string())))
        .await;
    let before = (Sha256::digest(fs::read(&database).unwrap()), names(database.parent().unwrap()));
    let config = Config { source: Source::Items(database.clone()), ..scene.config() };
    let report = start(config).await.unwrap();
    assert!(scene.saved() == scene.pictures(), "the files differ");
    adds_up(&report);
    let after = (Sha256::digest(fs::read(&database).unwrap()), names(database.parent().unwrap()));
    assert_eq!(before, (after.0, after.1.into_iter().filter(|name| name != "media").collect()));
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Cancels a run once so many files are done.
struct CancelAfter(AtomicU64, CancellationToken);

impl Progress for CancelAfter {
    fn start(&self, phase: &'static str, _: Option<u64>) {
        if phase == "downloading" && self.0.load(Ordering::Relaxed) == 0 {
            self.1.cancel();
        }
    }

    fn advance(&self, n: u64) {
        if self.0.fetch_sub(n, Ordering::Relaxed) <= n {
            self.1.cancel();
        }
    }
}

#[tokio::test]
async fn cancelled_anywhere_and_resumed_is_straight_through() {
    let slow = Mishap::SlowBody { pause: Duration::from_millis(1) };
    for files in [0, 1, 7, 30] {
        let scene = Scene::new(Script::new().on(Target::Any, When::Always, slow), Mishaps::default());
        let pictures = scene.pictures();
        let cancel = CancellationToken::new();
        let progress = CancelAfter(AtomicU64::new(files), cancel.clone());
        let report = run(scene.config(), &progress, &cancel).await.unwrap();
        assert_eq!((report.outcome, report.saved, report.failed), (Outcome::Cancelled, files, 0));
        let saved = scene.saved();
        assert!(
            saved.iter().all(|(path, bytes)| pictures.get(path) == Some(bytes)),
            "a part or half a file is left"
        );

        let resumed = scene.run().await.unwrap();
        assert!(scene.saved() == pictures, "the files differ");
        assert_eq!(resumed.present, saved.len() as u64);
        adds_up(&resumed);
    }
}

#[tokio::test]
async fn cancelled_before_it_began() {
    let scene = Scene::quiet();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let report = run(scene.config(), &(), &cancel).await.unwrap();
    assert_eq!((report.outcome, report.saved), (Outcome::Cancelled, 0));
    assert_eq!(scene.board.stats().requests, 0);
}

#[tokio::test]
async fn dropping_the_run_leaves_no_part() {
    let slow = Mishap::SlowBody { pause: Duration::from_secs(3600) };
    let scene = Scene::new(Script::new().on(Target::Any, When::After(3), slow), Mishaps::default());
    let mut running = Box::pin(scene.run());
    while scene.board.stats().media_answers < 3 {
        tokio::select! {
            biased;
            report = &mut running => panic!("{report:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
    drop(running);
    let pictures = scene.pictures();
    assert!(
        scene.saved().iter().all(|(path, bytes)| pictures.get(path) == Some(bytes)),
        "half a file is left"
    );
}

#[tokio::test]
async fn a_mishap_that_passes_costs_one_more_request() {
    for mishap in [
        Mishap::TooManyRequests { retry_after: None },
        Mishap::TooManyRequests { retry_after: Some(0) },
        Mishap::ServerError,
        Mishap::Cut,
        Mishap::ShortBody,
        Mishap::Html,
    ] {
        let scene = Scene::new(Script::new().on(Target::Any, When::Nth(9), mishap), Mishaps::default());
        let report = scene.run().await.unwrap();
        assert_eq!(report.failed, 0, "{mishap:?} {report:?}");
        assert!(scene.saved() == scene.pictures(), "{mishap:?}: the files differ");
        assert_eq!(scene.board.stats().requests, report.saved + 1, "{mishap:?}");
    }
}

#[tokio::test]
async fn a_mishap_that_stays_fails_its_item_alone() {
    let stalled = Mishap::SlowBody { pause: Duration::from_secs(3600) };
    for (mishap, reason, requests) in [
        (Mishap::NotFound, Reason::Gone, 1),
        (Mishap::ServerError, Reason::ServerError, 3),
        (Mishap::Cut, Reason::NoAnswer, 3),
        (Mishap::ShortBody, Reason::CutOff, 3),
        (Mishap::Html, Reason::NoMedium, 3),
        (stalled, Reason::CutOff, 3),
    ] {
        let (id, path) = Scene::quiet().picture(20);
        let scene = Scene::new(Script::new().on(Target::Media(id), When::Always, mishap), Mishaps::default());
        let mut config = scene.config();
        config.http.stall_timeout = Duration::from_secs(1);
        let report = start(config).await.unwrap();
        adds_up(&report);
        assert_eq!(
            (report.failed, report.failed_by_reason.get(&reason)),
            (1, Some(&1)),
            "{mishap:?} {report:?}"
        );
        assert_eq!((report.failures[0].id, report.failures[0].path.as_str()), (id, path.as_str()));
        let mut expected = scene.pictures();
        expected.remove(path.as_str());
        assert!(scene.saved() == expected, "{mishap:?}: the files differ");
        let asked = scene.board.requests().iter().filter(|request| request.contains(path.as_str())).count();
        assert_eq!(asked, requests, "{mishap:?}");
    }
}

#[tokio::test]
async fn what_is_gone_is_asked_for_once_until_told_otherwise() {
    let (id, path) = Scene::quiet().picture(20);
    let script = Script::new().on(Target::Media(id), When::First(2), Mishap::NotFound);
    let scene = Scene::new(script, Mishaps::default());
    let asked = || scene.board.requests().iter().filter(|request| request.contains(path.as_str())).count();
    let retrying = || Config { retry_failed: true, ..scene.config() };

    let report = scene.run().await.unwrap();
    assert_eq!((report.failed, report.known_gone, asked()), (1, 0, 1));
    let report = scene.run().await.unwrap();
    adds_up(&report);
    assert_eq!((report.failed, report.known_gone, report.saved, asked()), (0, 1, 0, 1));
    assert!(report.to_string().ends_with(", 1 are known to be gone"), "{report}");
    let plan = plan(scene.config(), &(), &CancellationToken::new()).await.unwrap();
    assert_eq!((plan.known_gone, plan.missing), (1, 0));

    // Still gone, then there after all.
    assert_eq!(start(retrying()).await.unwrap().failed, 1);
    let report = start(retrying()).await.unwrap();
    assert_eq!((report.saved, report.failed, asked()), (1, 0, 3));
    let report = scene.run().await.unwrap();
    assert_eq!((report.present, report.known_gone), (report.planned, 0));
    // Removed, it is missing and not gone.
    fs::remove_file(scene.path("media").join(path.as_str())).unwrap();
    assert_eq!(scene.run().await.unwrap().saved, 1);
}

#[tokio::test]
async fn a_plan_is_what_a_run_then_does_and_leaves_no_trace() {
    let scene = Scene::quiet();
    let planned = || async { plan(scene.config(), &(), &CancellationToken::new()).await.unwrap() };
    let before = planned().await;
    assert_eq!(
        before.to_string(),
        format!(
            "{0} files: 0 are there, {0} are to be downloaded; items left out: {1} of another kind or class",
            before.planned, before.skipped
        )
    );
    assert!(!scene.path("media").exists());
    assert_eq!(scene.board.stats().requests, 0);
    start(Config { limit: Some(7), ..scene.config() }).await.unwrap();
    let after = planned().await;
    assert_eq!((after.planned, after.present, after.missing), (before.planned, 7, before.missing - 7));
    assert_eq!(scene.run().await.unwrap().saved, after.missing);
}

#[tokio::test]
async fn all_mishaps_together_lose_nothing_and_break_no_retry_after() {
    let share = 0.05;
    let mishaps = Mishaps {
        seed: 3,
        too_many_requests: share,
        server_error: share,
        cut: share,
        short_body: share,
        html: share,
        slow_body: share,
        slow_body_pause: Duration::from_millis(1),
        ..Mishaps::default()
    };
    let scene = Scene::new(Script::new(), mishaps);
    let mut config = scene.config();
    config.http.retry.max_tries = 20;
    let report = start(config).await.unwrap();
    assert_eq!(report.failed, 0, "{report:?}");
    assert!(scene.saved() == scene.pictures(), "the files differ");
    let stats = scene.board.stats();
    assert_eq!((stats.retry_after_violations, stats.repeated_media), (0, 0), "{stats:?}");
    assert!(stats.mishaps.contains_key("too_many_requests"), "{stats:?}");
}

#[tokio::test]
async fn a_part_left_by_a_kill_is_replaced() {
    let scene = Scene::quiet();
    let (_, path) = scene.picture(0);
    let part = path.under(&scene.path("media")).with_extension("jpg.part");
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    fs::write(path.under(&scene.path("media")).display().to_string() + ".part", "half").unwrap();
    scene.run().await.unwrap();
    assert!(scene.saved() == scene.pictures(), "the files differ");
}

#[tokio::test]
async fn a_file_of_two_items_is_asked_for_once() {
    let scene = Scene::quiet();
    let mut twins = rows(scene.board.world());
    let (_, path) = scene.picture(0);
    for (number, row) in (0..).zip(&mut twins) {
        row.id = ItemId(number + 1000);
        row.image = path.clone();
    }
    write_dataset(&scene.path("dataset.csv"), &twins);
    let report = scene.run().await.unwrap();
    assert_eq!((report.planned, report.saved, report.duplicates), (1, 1, 59));
    assert_eq!(scene.board.stats().requests, 1);
}

#[tokio::test]
async fn items_are_chosen_by_class_and_date_alike_from_both_sources() {
    let scene = Scene::quiet();
    let mut items = rows(scene.board.world());
    for (n, row) in (0..).zip(&mut items) {
        row.created = n;
        row.flags = if n % 3 == 0 { Flags::NSFW } else { Flags::SFW };
        row.content = row.flags & Flags::NSFW;
    }
    write_dataset(&scene.path("dataset.csv"), &items);
    let stored = |row: &DatasetRow| Item {
        flags: row.flags,
        created: row.created,
        ..Item::new(row.id, row.image.to_string())
    };
    write_store(&scene.path("items.db"), items.iter().map(stored).collect()).await;
    let middle = items[items.len() / 2].created;
    for source in [Source::Dataset(scene.path("dataset.csv")), Source::Items(scene.path("items.db"))] {
        let planned = |classes, since| {
            let config = Config { source: source.clone(), classes, since, ..scene.config() };
            async move { plan(config, &(), &CancellationToken::new()).await.unwrap().missing as usize }
        };
        let expected = |is_wanted: &dyn Fn(&DatasetRow) -> bool| {
            let is_picture = |row: &&DatasetRow| row.image.kind() == MediaKind::Image;
            items.iter().filter(is_picture).filter(|row| is_wanted(row)).count()
        };
        let all = expected(&|_| true);
        assert_eq!(planned(Flags::EVERY_CLASS, None).await, all);
        let safe = expected(&|row| row.flags == Flags::SFW);
        assert_eq!(planned(Flags::SFW, None).await, safe);
        let late = expected(&|row| row.created >= middle);
        assert_eq!(planned(Flags::EVERY_CLASS, Some(middle)).await, late);
        assert!(0 < safe && safe < all && 0 < late && late < all, "{safe} {late} {all}");
    }
}

#[tokio::test]
async fn a_limit_is_of_the_plan() {
    let scene = Scene::quiet();
    for (saved, present) in [(5, 0), (0, 5)] {
        let report = start(Config { limit: Some(5), ..scene.config() }).await.unwrap();
        assert_eq!((report.planned, report.saved, report.present), (5, saved, present));
    }
}

#[tokio::test]
async fn hostile_paths_in_a_database_are_listed() {
    let scene = Scene::quiet();
    let (id, path) = scene.picture(0);
    let (outside, host) = (scene.path("outside.jpg"), scene.board.address());
    let images = [
        (id, format!("//{host}/{path}")),
        (ItemId(9001), "../outside.jpg".to_owned()),
        (ItemId(9002), "/etc/outside.jpg".to_owned()),
        (ItemId(9003), "//elsewhere.invalid/a.jpg".to_owned()),
    ];
    write_items(&scene.path("items.db"), images).await;
    let config = Config { source: Source::Items(scene.path("items.db")), ..scene.config() };
    let report = start(config).await.unwrap();
    adds_up(&report);
    // A leading slash is how some boards write a path: the third one stays inside, where nothing is found.
    let reasons: Vec<(i64, Reason)> = report.failures.iter().map(|item| (item.id.0, item.reason)).collect();
    assert_eq!(reasons, [(9001, Reason::UnsafePath), (9003, Reason::OtherHost), (9002, Reason::Gone)]);
    assert_eq!(scene.saved().keys().collect::<Vec<_>>(), [path.as_str()]);
    assert!(!outside.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_in_the_media_folder_is_in_the_way() {
    let scene = Scene::quiet();
    let outside = scene.path("outside");
    fs::create_dir_all(&outside).unwrap();
    fs::create_dir_all(scene.path("media")).unwrap();
    std::os::unix::fs::symlink(&outside, scene.path("media/2024")).unwrap();
    let report = scene.run().await.unwrap();
    assert_eq!(report.failed_by_reason.keys().collect::<Vec<_>>(), [&Reason::Obstructed]);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[tokio::test]
async fn files_that_are_too_large_are_refused() {
    let scene = Scene::quiet();
    let report = start(Config { max_bytes: 10, ..scene.config() }).await.unwrap();
    assert_eq!(report.failed_by_reason.get(&Reason::TooLarge), Some(&report.planned));
    assert!(scene.saved().is_empty());
}

#[tokio::test]
async fn a_host_that_was_never_there_ends_the_run() {
    let scene = Scene::quiet();
    // A port that was free a moment ago.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hosts = Hosts::one(format!("http://me:s3cret@{address}/").parse().unwrap());
    let error = start(Config { hosts, ..scene.config() }).await.unwrap_err();
    assert_eq!(error.to_string(), format!("the media host `http://{address}/` does not answer"));
}

#[tokio::test]
async fn a_host_that_goes_away_ends_the_run() {
    // The ten answers may come late, between failures: these are so many that twenty of them still stand in a row.
    let gone = Script::new().on(Target::Any, When::After(10), Mishap::Cut);
    let scene = Scene::of(300, gone, Mishaps::default());
    let error = scene.run().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    let pictures = scene.pictures();
    assert!(
        scene.saved().iter().all(|(path, bytes)| pictures.get(path) == Some(bytes)),
        "half a file is left"
    );
}

#[tokio::test]
async fn a_host_that_says_come_back_tomorrow_ends_the_run() {
    let tomorrow = Mishap::TooManyRequests { retry_after: Some(86_400) };
    let scene = Scene::new(Script::new().on(Target::Any, When::Always, tomorrow), Mishaps::default());
    let error = scene.run().await.unwrap_err();
    assert!(matches!(error, Error::TurnedAway { .. }), "{error:?}");
}

#[tokio::test]
async fn sources_that_cannot_be_read() {
    let scene = Scene::quiet();
    let missing = scene.path("missing");
    let error =
        start(Config { source: Source::Dataset(missing.clone()), ..scene.config() }).await.unwrap_err();
    assert_eq!(error.to_string(), format!("there is no dataset at `{}`", missing.display()));
    let error = start(Config { source: Source::Items(missing.clone()), ..scene.config() }).await.unwrap_err();
    assert_eq!(error.to_string(), format!("there is no database at `{}`", missing.display()));
    fs::write(scene.path("dataset.csv"), "id,image\n1,../a.jpg\n").unwrap();
    let error = scene.run().await.unwrap_err();
    assert!(matches!(error, Error::Dataset(_)), "{error:?}");
    assert!(
        error.to_string().ends_with("line 2, column `image`: `../a.jpg` is not a safe relative path"),
        "{error}"
    );
}

#[tokio::test]
async fn configurations_that_cannot_work() {
    let scene = Scene::quiet();
    let error = start(Config { workers: 0, ..scene.config() }).await.unwrap_err();
    assert_eq!(error.to_string(), "`workers` must be at least 1");
    let error = start(Config { hosts: Hosts::one("file:///tmp".parse().unwrap()), ..scene.config() })
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "`hosts` has what is not an http or https url");
    let mut config = scene.config();
    config.http.user_agent.clear();
    assert!(matches!(start(config).await, Err(Error::Client { .. })));
}

#[tokio::test]
async fn two_runs_at_once_do_not_share_a_folder() {
    let scene = Scene::quiet();
    let _held = MediaStore::open(&scene.path("media")).unwrap();
    assert!(matches!(scene.run().await, Err(Error::InUse { .. })));
    assert_eq!(scene.board.stats().requests, 0);
}

#[test]
fn a_run_can_be_spawned() {
    fn is_send(_: impl Send) {}
    let url = "http://media.example".parse().unwrap();
    let config = Config::new(Source::Items("a".into()), "b".into(), Hosts::one(url));
    is_send(run(config, &(), &CancellationToken::new()));
}

#[tokio::test]
async fn pictures_are_decoded_when_asked_for() {
    let (id, path) = Scene::quiet().picture(20);
    let script = || Script::new().on(Target::Media(id), When::Always, Mishap::Corrupt);
    let scene = Scene::new(script(), Mishaps::default());
    let report = start(Config { verify: true, ..scene.config() }).await.unwrap();
    adds_up(&report);
    assert_eq!(report.failed_by_reason.get(&Reason::Undecodable), Some(&1), "{report:?}");
    assert_eq!((report.failures[0].id, scene.board.stats().mishaps["corrupt"]), (id, 1));
    let mut expected = scene.pictures();
    expected.remove(path.as_str());
    assert!(scene.saved() == expected, "the files differ");

    // Its first bytes are right, so that nobody else notices.
    let unasked = Scene::new(script(), Mishaps::default());
    assert_eq!(unasked.run().await.unwrap().failed, 0);
}

#[tokio::test]
async fn what_is_there_and_bad_is_fetched_again() {
    let scene = Scene::quiet();
    scene.run().await.unwrap();
    let media = scene.path("media");
    let paths: Vec<_> = (0..6).map(|n| scene.picture(n).1.under(&media)).collect();
    let whole = fs::read(&paths[0]).unwrap();
    fs::write(&paths[0], &whole[..whole.len() / 2]).unwrap();
    fs::write(&paths[1], "").unwrap();
    fs::write(&paths[2], "<html>").unwrap();
    // What nobody asks for is nobody's to check.
    fs::write(media.join("mine.jpg"), "not a picture").unwrap();
    let asked = scene.board.stats().requests;

    let report = start(Config { verify_existing: true, ..scene.config() }).await.unwrap();
    adds_up(&report);
    assert_eq!((report.quarantined, report.saved, report.failed), (3, 3, 0), "{report:?}");
    assert_eq!(scene.board.stats().requests, asked + 3);
    let mut saved = scene.saved();
    assert_eq!(saved.remove("mine.jpg").unwrap(), b"not a picture");
    assert!(saved == scene.pictures(), "the files differ");
    let kept = scene.path("media/.tagmill/quarantine").join(scene.picture(2).1.as_str());
    assert_eq!(fs::read(kept).unwrap(), b"<html>");

    let report = start(Config { verify_existing: true, ..scene.config() }).await.unwrap();
    assert_eq!((report.quarantined, report.saved), (0, 0));
}

#[tokio::test]
async fn durable_files_are_the_same_files() {
    let scene = Scene::quiet();
    let report = start(Config { durable: true, verify: true, ..scene.config() }).await.unwrap();
    assert_eq!(report.failed, 0, "{report:?}");
    assert!(scene.saved() == scene.pictures(), "the files differ");
}

#[tokio::test]
async fn a_run_that_fails_too_often_stops() {
    let script = Script::new().on(Target::Any, When::After(50), Mishap::NotFound);
    let scene = Scene::of(600, script, Mishaps::default());
    let asked = || scene.board.stats().requests;
    match start(scene.config()).await {
        Err(Error::TooManyFailures { failed: 101.., of: 200, reason: Reason::Gone, detail, .. }) => {
            assert!(detail.contains("404"), "{detail}");
        }
        other => panic!("{other:?}"),
    }
    // Those that are there, what it takes to see that the others are not, and what was under way.
    assert!(asked() <= 50 + 200 + 20, "{}", asked());
    let saved = scene.saved().len() as u64;
    assert!(saved <= 50);
    let report = start(Config { max_failure_rate: 1.0, ..scene.config() }).await.unwrap();
    adds_up(&report);
    assert_eq!((report.present, report.saved), (saved, 0));
}

#[tokio::test]
async fn a_disk_with_too_little_room_is_left_alone() {
    let scene = Scene::quiet();
    let config = Config { min_free: u64::MAX, ..scene.config() };
    assert!(matches!(start(config).await, Err(Error::LowOnSpace { min_free: u64::MAX, .. })));
    assert_eq!(scene.board.stats().requests, 0);
}

#[tokio::test]
async fn a_fallback_host_is_asked_for_what_the_first_does_not_have() {
    let (id, path) = Scene::quiet().picture(20);
    let script = Script::new().on(Target::Media(id), When::Always, Mishap::NotFound);
    let (first, second) = (Scene::new(script, Mishaps::default()), Scene::quiet());
    let mut config = first.config();
    config.hosts.image.push(second.board.media_url().parse().unwrap());
    let report = start(config).await.unwrap();
    assert_eq!((report.failed, report.saved), (0, report.planned), "{report:?}");
    assert!(first.saved() == first.pictures(), "the files differ");
    assert_eq!(second.board.requests(), [format!("/{path}")]);
    assert_eq!(MediaStore::open(&first.path("media")).unwrap().present().unwrap().len() as u64, report.saved);
    assert_eq!(fs::read_to_string(first.path("media/.tagmill/failures.jsonl")).unwrap(), "");
}

#[tokio::test]
async fn variants_lie_under_the_paths_of_their_items() {
    let scene = Scene::of(200, Script::new(), Mishaps::default());
    let world = scene.board.world();
    let listed = |id| {
        let listing = world.item(id).unwrap().listing;
        let item_data = format!("{{\"thumb\":\"{}\",\"fullsize\":\"{}\"}}", listing.thumb, listing.fullsize);
        Item { flags: Flags::SFW, item_data, ..Item::new(id, listing.image) }
    };
    write_store(&scene.path("items.db"), world.ids().map(listed).collect()).await;
    write_dataset(&scene.path("dataset.csv"), &rows(world)[..50]);
    let (dataset, items) = (scene.path("dataset.csv"), scene.path("items.db"));
    let of = |source, variant, folder: &str| {
        start(Config { source, variant, media_dir: scene.path(folder), ..scene.config() })
    };

    let report =
        of(Source::DatasetOf { dataset: dataset.clone(), items: items.clone() }, Variant::Thumb, "thumbs");
    let report = report.await.unwrap();
    // Of videos, too.
    assert_eq!(
        (report.saved, report.failed, report.skipped, report.mislabelled),
        (50, 0, 0, 0),
        "{report:?}"
    );
    for row in &rows(world)[..50] {
        let found = fs::read(scene.path("thumbs").join(row.image.as_str())).unwrap();
        assert!(found.starts_with(b"\xff\xd8\xff"), "{} is no JPEG", row.image);
    }

    let report = of(Source::Items(items), Variant::Full, "full").await.unwrap();
    assert_eq!((report.saved, report.failed), (report.planned, 0), "{report:?}");
    let listings = world.ids().map(|id| world.item(id).unwrap().listing);
    let (scaled, whole): (Vec<_>, Vec<_>) = listings
        .filter(|listing| !listing.image.ends_with(".mp4"))
        .partition(|listing| !listing.fullsize.is_empty());
    assert!(!scaled.is_empty() && !whole.is_empty());
    for listing in scaled {
        let found = fs::read(scene.path("full").join(&listing.image)).unwrap();
        assert!(found.starts_with(b"\x89PNG"), "{} is not its original", listing.image);
    }
    for listing in whole {
        let found = fs::read(scene.path("full").join(&listing.image)).unwrap();
        assert!(found == world.media_bytes(listing.id).unwrap(), "{} differs", listing.image);
    }

    let error = of(Source::Dataset(dataset), Variant::Thumb, "none").await.unwrap_err();
    assert_eq!(error.to_string(), "`source` is a dataset alone, which does not know where a variant lies");
}
