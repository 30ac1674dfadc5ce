//! What the reader promises.

use std::fs;
use std::path::Path;

use sqlx::Row as _;
use tagmill_model::{Flags, ItemId};
use tagmill_store::{Batch, Error, Failure, MediaRow, Reader, Row, SCHEMA_VERSION, Store};

use crate::common::{database, execute, ids, interval, item, items, names, original};

async fn filled(path: &Path) {
    let mut store = Store::open(path).await.unwrap();
    store.commit(items((1..=10).map(|id| item(id * 3, (id != 4).then_some("[]"))).collect())).await.unwrap();
    let failures = vec![Failure { id: ItemId(12), reason: "timeout".to_owned(), attempts: 4, failed_at: 1 }];
    store.commit(Batch { failures, scanned: vec![interval(1, 30)], ..Batch::new(Flags::SFW) }).await.unwrap();
    store.close().await.unwrap();
}

fn read_all(reader: &Reader) -> Vec<i64> {
    let scanned = scan(reader);
    let mut media = Vec::new();
    let lend = |row: &MediaRow<'_>| media.push((row.id.0, row.image.clone().into_owned()));
    reader.scanner().unwrap().media(interval(i64::MIN, i64::MAX), None, lend).unwrap();
    assert_eq!(scanned, media);
    scanned.into_iter().map(|(id, _)| id).collect()
}

/// In two intervals, as two threads would.
fn scan(reader: &Reader) -> Vec<(i64, String)> {
    let mut rows = Vec::new();
    for part in [interval(i64::MIN, 11), interval(12, i64::MAX)] {
        reader
            .scanner()
            .unwrap()
            .rows(part, |row| rows.push((row.id.0, row.image.clone().into_owned())))
            .unwrap();
    }
    rows
}

#[tokio::test]
async fn rows_come_in_id_order() {
    let (_folder, path) = database();
    filled(&path).await;
    let reader = Reader::open(&path).await.unwrap();
    assert_eq!(read_all(&reader), (1..=10).map(|id| id * 3).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_medium_comes_with_a_member_of_its_listing_where_that_is_asked_for() {
    let (_folder, path) = database();
    filled(&path).await;
    execute(&path, "UPDATE items SET created = '12', flags = 2, item_data = NULL WHERE id = 6").await;
    execute(&path, r#"UPDATE items SET item_data = '{"thumb":"a.jpg"}' WHERE id = 9"#).await;
    execute(&path, r#"UPDATE items SET item_data = '{"thumb":' WHERE id = 12"#).await;
    let scanner = Reader::open(&path).await.unwrap().scanner().unwrap();
    let (mut bare, mut listed) = (Vec::new(), Vec::new());
    let owned =
        |row: &MediaRow<'_>| (row.id.0, row.created, row.flags, row.other.as_ref().map(ToString::to_string));
    scanner.media(interval(6, 12), None, |row| bare.push(owned(row))).unwrap();
    scanner.media(interval(6, 12), Some("thumb"), |row| listed.push(owned(row))).unwrap();
    let thumb = Some("a.jpg".to_owned());
    assert_eq!(bare.len(), 3);
    assert!(bare.iter().all(|row| row.3.is_none()));
    assert_eq!(listed[0], (6, 12, Flags::NSFW, None));
    assert_eq!((listed[1].0, &listed[1].3, &listed[2].3), (9, &thumb, &None));
    let found = [9, 7, 6, 12].map(|id| scanner.member(ItemId(id), "thumb").unwrap());
    assert_eq!(found, [thumb, None, None, None]);
}

#[tokio::test]
async fn a_scan_finds_the_next_row_behind_a_gap() {
    let (_folder, path) = database();
    filled(&path).await;
    let scanner = Reader::open(&path).await.unwrap().scanner().unwrap();
    let next = |first| scanner.next_id(ItemId(first)).unwrap().map(|id| id.0);
    assert_eq!([next(i64::MIN), next(4), next(30), next(31)], [Some(3), Some(6), Some(30), None]);
}

#[tokio::test]
async fn says_what_there_is() {
    let (_folder, path) = database();
    filled(&path).await;
    let reader = Reader::open(&path).await.unwrap();
    let summary = reader.summary().await.unwrap();
    assert_eq!((summary.items, summary.with_tags, summary.without_tags), (10, 9, 1));
    assert_eq!(summary.ids, Some(interval(3, 30)));
    assert_eq!(summary.failures.into_iter().collect::<Vec<_>>(), [("timeout".to_owned(), 1)]);
    assert_eq!(reader.coverage(Flags::SFW).await.unwrap().iter().collect::<Vec<_>>(), [interval(1, 30)]);
    assert_eq!(reader.ids_with_tags(&ids(8, 16)).await.unwrap(), [9, 15].map(ItemId));
    assert_eq!(reader.failures(interval(0, 99)).await.unwrap()[0].attempts, 4);
}

#[tokio::test]
async fn reading_changes_no_byte_and_leaves_no_file() {
    let (folder, path) = database();
    filled(&path).await;
    let (bytes, files) = (fs::read(&path).unwrap(), names(folder.path()));
    let reader = Reader::open(&path).await.unwrap();
    read_all(&reader);
    reader.summary().await.unwrap();
    reader.close().await;
    assert!(fs::read(&path).unwrap() == bytes);
    assert_eq!(names(folder.path()), files);
}

#[tokio::test]
async fn reads_beside_a_writer() {
    let (_folder, path) = database();
    filled(&path).await;
    // One reader is there before the writer, one comes after it.
    let early = Reader::open(&path).await.unwrap();
    assert_eq!(read_all(&early).len(), 10);
    let mut store = Store::open(&path).await.unwrap();
    store.commit(items(vec![item(100, Some("[]"))])).await.unwrap();
    let bytes = fs::read(&path).unwrap();
    let late = Reader::open(&path).await.unwrap();
    assert_eq!(read_all(&early).len(), 11);
    assert_eq!(read_all(&late).len(), 11);
    assert!(fs::read(&path).unwrap() == bytes);
    store.commit(items(vec![item(101, Some("[]"))])).await.unwrap();
    store.close().await.unwrap();
    assert_eq!(read_all(&late).len(), 12);
}

#[tokio::test]
async fn reads_what_a_killed_writer_left() {
    let (folder, path) = database();
    let mut store = Store::open(&path).await.unwrap();
    store.commit(items(vec![item(1, Some("[]"))])).await.unwrap();
    // What a kill leaves: the files as they stand, without anyone having closed them.
    let killed = folder.path().join("killed.db");
    fs::copy(&path, &killed).unwrap();
    fs::copy(folder.path().join("items.db-wal"), folder.path().join("killed.db-wal")).unwrap();
    let bytes = fs::read(&killed).unwrap();
    let reader = Reader::open(&killed).await.unwrap();
    assert_eq!(read_all(&reader), [1]);
    reader.close().await;
    assert!(fs::read(&killed).unwrap() == bytes);

    let mut resumed = Store::open(&killed).await.unwrap();
    assert_eq!(resumed.ids_with_tags(&ids(0, 9)).await.unwrap(), [ItemId(1)]);
    resumed.close().await.unwrap();
}

#[tokio::test]
async fn tolerates_what_the_original_wrote() {
    let (_folder, path) = database();
    original(&path).await;
    let bytes = fs::read(&path).unwrap();
    let reader = Reader::open(&path).await.unwrap();
    let empty = Row {
        id: ItemId(5),
        image: "".into(),
        promoted: 0,
        up: 0,
        down: 0,
        created: 0,
        width: 0,
        height: 0,
        flags: Flags::empty(),
        tags_data: None,
        updated_at: 0,
    };
    let first = Row {
        id: ItemId(3),
        image: "2007/a.jpg".into(),
        width: 524,
        flags: Flags::SFW,
        tags_data: Some(r#"[{"id":1,"confidence":0.5,"tag":"rot"}]"#.into()),
        updated_at: 1_771_331_696,
        ..empty.clone()
    };
    let last = Row {
        id: ItemId(8),
        image: "2007/b.png".into(),
        tags_data: Some("[\u{fffd}]".into()),
        updated_at: 1_771_331_696,
        ..empty.clone()
    };
    let expected = [first, empty, last];
    let mut expected = expected.iter();
    let scanner = reader.scanner().unwrap();
    scanner.rows(interval(1, 10), |row| assert_eq!(Some(row), expected.next())).unwrap();
    assert_eq!(expected.next(), None);
    assert!(reader.coverage(Flags::SFW).await.unwrap().is_empty());
    assert_eq!(reader.failures(interval(0, 9)).await.unwrap(), []);
    assert_eq!(reader.summary().await.unwrap().items, 3);
    reader.close().await;
    assert!(fs::read(&path).unwrap() == bytes);
}

#[track_caller]
fn check(path: &Path, error: Error, expected: &str) {
    assert_eq!(error.to_string().replace(&path.display().to_string(), "items.db"), expected);
}

/// Both openings refuse a file with one sentence, and leave it as it is.
async fn check_refused(path: &Path, expected: &str) {
    let bytes = fs::read(path).unwrap();
    check(path, Reader::open(path).await.unwrap_err(), expected);
    check(path, Store::open(path).await.unwrap_err(), expected);
    assert!(fs::read(path).unwrap() == bytes);
}

#[tokio::test]
async fn refuses_what_is_not_ours() {
    let (_folder, path) = database();
    fs::write(&path, "id,image\n1,a.jpg\n").unwrap();
    check_refused(&path, "`items.db` is not a SQLite database").await;
    fs::write(&path, "id,image\n1,a.jpg\n".repeat(1000)).unwrap();
    check_refused(&path, "`items.db` is not a SQLite database").await;
    fs::remove_file(&path).unwrap();

    execute(&path, "CREATE TABLE users (id INTEGER PRIMARY KEY)").await;
    check_refused(&path, "`items.db` has no table `items`").await;
    execute(&path, "CREATE TABLE items (id INTEGER PRIMARY KEY, image TEXT)").await;
    check_refused(&path, "table `items` of `items.db` has no column `promoted`").await;
    fs::remove_file(&path).unwrap();

    filled(&path).await;
    execute(&path, "PRAGMA user_version = 99").await;
    let newer = format!(
        "`items.db` has schema version 99, newer than {SCHEMA_VERSION}, the newest this program knows"
    );
    check_refused(&path, &newer).await;
}

#[tokio::test]
async fn a_reader_makes_no_database() {
    let (folder, path) = database();
    check(&path, Reader::open(&path).await.unwrap_err(), "there is no database at `items.db`");
    assert!(names(folder.path()).is_empty());
    fs::write(&path, "").unwrap();
    check(&path, Reader::open(&path).await.unwrap_err(), "`items.db` has no table `items`");
    assert_eq!(names(folder.path()), ["items.db"]);
}

#[tokio::test]
async fn corrupt_pages_are_an_error_not_a_panic() {
    let (_folder, path) = database();
    filled(&path).await;
    let mut bytes = fs::read(&path).unwrap();
    bytes[16384..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let reader = Reader::open(&path).await.unwrap();
    check(&path, reader.without_tags(None, 10).await.unwrap_err(), "`items.db` is corrupt");
    let scan = reader.scanner().unwrap().media(interval(1, 99), None, |_| {});
    check(&path, scan.unwrap_err(), "`items.db` is corrupt");
    let scan = reader.scanner().unwrap().rows(interval(1, 99), |_| {});
    check(&path, scan.unwrap_err(), "`items.db` is corrupt");
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let (folder, _) = database();
    let path = folder.path().join("nowhere/items.db");
    check(&path, Store::open(&path).await.unwrap_err(), "cannot access `items.db.lock`");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_while_writers_come_and_go() {
    let (folder, path) = database();
    filled(&path).await;
    let writing = async {
        for id in 100..140 {
            let mut store = Store::open(&path).await.unwrap();
            store.commit(items(vec![item(id, Some("[]"))])).await.unwrap();
            store.close().await.unwrap();
        }
    };
    let (done, mut finished) = tokio::sync::oneshot::channel::<()>();
    let reading = async {
        let mut seen = 10;
        while finished.try_recv().is_err() {
            let reader = Reader::open(&path).await.unwrap();
            for _ in 0..5 {
                // Elsewhere: a scan that waits for the writer must not hold it up.
                let other = reader.clone();
                let now = tokio::task::spawn_blocking(move || scan(&other).len()).await.unwrap();
                assert!(now >= seen);
                seen = now;
            }
            reader.close().await;
        }
    };
    let writing = async {
        writing.await;
        done.send(()).unwrap();
    };
    tokio::join!(writing, reading);
    Store::open(&path).await.unwrap().close().await.unwrap();
    assert_eq!(names(folder.path()), ["items.db", "items.db.lock"]);
}

#[tokio::test]
async fn finds_what_has_no_tags_from_the_newest_on() {
    let (_folder, path) = database();
    let mut store = Store::open(&path).await.unwrap();
    let mut all: Vec<_> = (1..=9).map(|id| item(id, (id % 3 != 0).then_some("[]"))).collect();
    all[5].source = "https://example.org/".to_owned();
    all[5].audio = true;
    store.commit(items(all.clone())).await.unwrap();

    let reader = Reader::open(&path).await.unwrap();
    let without_tags = async |before: Option<i64>, limit| {
        let rows = reader.without_tags(before.map(ItemId), limit).await.unwrap();
        rows.into_iter().map(|row| row.id.0).collect::<Vec<_>>()
    };
    assert_eq!(without_tags(None, 2).await, [9, 6]);
    assert_eq!(without_tags(Some(6), 2).await, [3]);
    assert!(without_tags(Some(3), 2).await.is_empty());
    assert_eq!(reader.listed(&[3, 6, 99].map(ItemId)).await.unwrap(), [all[5].clone(), all[2].clone()]);
    assert_eq!(
        reader.count_without_tags(interval(4, 9)).await.unwrap(),
        [(Flags::SFW, "6.jpg".to_owned(), 1), (Flags::SFW, "9.jpg".to_owned(), 1)]
    );

    // With its tags it is no longer among them; another listing of it does not bring it back.
    all[5].tags_data = Some("[]".to_owned());
    store.commit(items(vec![all[5].clone(), item(9, Some("[]"))])).await.unwrap();
    store.commit(items(vec![item(6, None)])).await.unwrap();
    assert_eq!(without_tags(None, 9).await, [3]);
    assert_eq!(reader.summary().await.unwrap().without_tags, 1);
}

/// Six million rows are not read to learn how many there are, or which of them lack tags.
#[tokio::test]
async fn no_question_of_a_plan_reads_the_table() {
    let (_folder, path) = database();
    filled(&path).await;
    let mut connection = crate::common::raw(&path).await;
    let root: i64 = sqlx::query_scalar("SELECT rootpage FROM sqlite_master WHERE name = 'items'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    for question in [
        "SELECT count(*) FROM items WHERE tags_data IS NULL",
        "SELECT id, image, flags FROM items WHERE tags_data IS NULL AND id < 7 ORDER BY id DESC LIMIT 3",
        "SELECT flags, lower(substr(image, -5)), count(*) FROM items
            WHERE tags_data IS NULL AND id BETWEEN 3 AND 9 GROUP BY 1, 2",
    ] {
        let steps = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN {question}")))
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let steps: Vec<(String, i64, i64)> =
            steps.iter().map(|step| (step.get("opcode"), step.get("p1"), step.get("p2"))).collect();
        let opened = |step: &&(String, i64, i64)| step.0 == "OpenRead";
        let on_table: Vec<i64> =
            steps.iter().filter(opened).filter(|step| step.2 == root).map(|step| step.1).collect();
        assert!(steps.iter().filter(opened).count() > on_table.len(), "{question}: {steps:?}");
        let reads = |step: &(String, i64, i64)| step.0 == "Column" && on_table.contains(&step.1);
        assert!(!steps.iter().any(reads), "{question}: {steps:?}");
    }
}

#[tokio::test]
async fn finds_what_was_young_when_it_was_fetched() {
    let (_folder, path) = database();
    let mut store = Store::open(&path).await.unwrap();
    let fetched = |id: i64, age: i64, tags| {
        let created = 1_700_000_000;
        tagmill_model::Item { created, updated_at: created + age, ..item(id, tags) }
    };
    let (day, year) = (86_400, 365 * 86_400);
    let rows = vec![
        fetched(1, 60, Some("[]")),
        fetched(2, year, Some("[]")),
        fetched(3, 6 * day, Some("[]")),
        fetched(4, 60, None),
        fetched(5, 7 * day, Some("[]")),
    ];
    store.commit(items(rows)).await.unwrap();
    let reader = Reader::open(&path).await.unwrap();
    let young = async |within, age, before, limit| {
        let ids = reader.fetched_young(within, age, before, limit).await.unwrap();
        ids.into_iter().map(|id| id.0).collect::<Vec<_>>()
    };
    assert_eq!(young(interval(0, 9), 7 * day, i64::MAX, 9).await, [1, 3]);
    assert_eq!(young(interval(0, 9), 7 * day + 1, i64::MAX, 9).await, [1, 3, 5]);
    assert_eq!(young(interval(0, 9), 7 * day, i64::MAX, 1).await, [1]);
    assert_eq!(young(interval(2, 4), 7 * day, i64::MAX, 9).await, [3]);
    // What was fetched since then is left alone.
    assert_eq!(young(interval(0, 9), 7 * day, 1_700_000_000 + day, 9).await, [1]);
}
