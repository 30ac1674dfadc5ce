//! What the writer promises.

use std::collections::BTreeMap;
use std::fs;

use proptest::collection::vec;
use proptest::prelude::*;
use sqlx::Connection;
use tagmill_model::{Flags, ItemId};
use tagmill_store::{Batch, Error, Failure, Interval, Intervals, Reader, SCHEMA_VERSION, Store};

use crate::common::{database, execute, ids, interval, item, items, names, original, raw};

const TAGS: &str = r#"[ {"id":1, "confidence":0.206543,"tag":"9.800\u5186 \/"} ]"#;

fn failure(id: i64) -> Failure {
    Failure { id: ItemId(id), reason: "http 500".to_owned(), attempts: 3, failed_at: 1_780_000_000 }
}

async fn tags_of(path: &std::path::Path) -> Vec<(i64, Option<String>)> {
    let reader = Reader::open(path).await.unwrap();
    let mut tags = Vec::new();
    let mut lend =
        |row: &tagmill_store::Row<'_>| tags.push((row.id.0, row.tags_data.clone().map(Into::into)));
    reader.scanner().unwrap().rows(interval(i64::MIN, i64::MAX), &mut lend).unwrap();
    tags
}

#[tokio::test]
async fn keeps_every_column_verbatim() {
    let (_folder, path) = database();
    let mut store = Store::open(&path).await.unwrap();
    let mut full = item(7, Some(TAGS));
    full.promoted = 900_001;
    full.audio = true;
    full.source = "https://example.org/ä".to_owned();
    full.flags = Flags::NSFW | Flags::NSFP;
    full.gift = 2;
    full.comments_data = Some("[]".to_owned());
    store.commit(items(vec![full])).await.unwrap();
    store.close().await.unwrap();

    let mut connection = raw(&path).await;
    let sql = "SELECT json_array(id, image, promoted, up, down, created, width, height, audio, source, flags, user_name,
        mark, gift, item_data, comments_data, updated_at) FROM items";
    let row: String = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    assert_eq!(
        row,
        r#"[7,"2024/03/17/0000000000000007.jpg",900001,12,3,1710000007,640,480,1,"https://example.org/ä",10,"k4tze",8,2,"{\"id\":7}","[]",1780000000]"#
    );
    assert_eq!(tags_of(&path).await, [(7, Some(TAGS.to_owned()))]);
}

#[tokio::test]
async fn batches_of_any_size_and_order_arrive_whole() {
    let (_folder, path) = database();
    let mut store = Store::open(&path).await.unwrap();
    let mut next = 0;
    for size in [1, 15, 16, 17, 255, 256, 257, 600, 5000] {
        let batch = (next..next + size).rev().map(|id| item(id, Some("[]"))).collect();
        store.commit(items(batch)).await.unwrap();
        next += size;
    }
    let expected: Vec<ItemId> = (0..next).map(ItemId).collect();
    assert_eq!(store.ids_with_tags(&expected).await.unwrap(), expected);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_listing_never_takes_tags_away() {
    let (_folder, path) = database();
    let mut store = Store::open(&path).await.unwrap();
    store.commit(items(vec![item(1, Some(TAGS)), item(2, None)])).await.unwrap();
    let mut refreshed = item(1, None);
    refreshed.up = 99;
    store.commit(items(vec![refreshed, item(2, Some("[]"))])).await.unwrap();
    assert_eq!(tags_of(&path).await, [(1, Some(TAGS.to_owned())), (2, Some("[]".to_owned()))]);
    let up: i64 = sqlx::query_scalar("SELECT up FROM items WHERE id = 1")
        .fetch_one(&mut raw(&path).await)
        .await
        .unwrap();
    assert_eq!(up, 99);
}

#[tokio::test]
async fn of_an_id_that_occurs_twice_the_later_row_counts() {
    let (_folder, path) = database();
    let mut store = Store::open(&path).await.unwrap();
    store.commit(items(vec![item(1, Some("[1]")), item(0, None), item(1, Some("[2]"))])).await.unwrap();
    assert_eq!(tags_of(&path).await[1], (1, Some("[2]".to_owned())));
}

#[tokio::test]
async fn failures_add_up_and_end_with_success() {
    let (_folder, path) = database();
    let mut store = Store::open(&path).await.unwrap();
    let all = interval(i64::MIN, i64::MAX);
    let failed = |ids: &[i64]| Batch {
        failures: ids.iter().map(|id| failure(*id)).collect(),
        ..items(vec![item(1, None)])
    };
    store.commit(failed(&[1, 4, 9])).await.unwrap();
    store.commit(failed(&[4])).await.unwrap();
    let attempts: Vec<(i64, u32)> =
        store.failures(all).await.unwrap().iter().map(|failure| (failure.id.0, failure.attempts)).collect();
    assert_eq!(attempts, [(1, 3), (4, 6), (9, 3)]);

    // A row without tags is no success.
    store.commit(items(vec![item(1, Some("[]")), item(4, None), item(10, Some("[]"))])).await.unwrap();
    let ids: Vec<i64> = store.failures(all).await.unwrap().iter().map(|failure| failure.id.0).collect();
    assert_eq!(ids, [4, 9]);
}

#[tokio::test]
async fn coverage_is_merged_and_known_by_class() {
    let (_folder, path) = database();
    let mut store = Store::open(&path).await.unwrap();
    let scanned =
        |classes, first, last| Batch { scanned: vec![interval(first, last)], ..Batch::new(classes) };
    store.commit(scanned(Flags::SFW, 1, 100)).await.unwrap();
    store.commit(scanned(Flags::SFW | Flags::POL, 101, 200)).await.unwrap();
    store.commit(scanned(Flags::POL, 50, 60)).await.unwrap();
    store.commit(scanned(Flags::SFW, 300, 299)).await.unwrap();

    let intervals = |set: tagmill_store::Intervals| set.iter().collect::<Vec<_>>();
    assert_eq!(intervals(store.coverage(Flags::SFW).await.unwrap()), [interval(1, 200)]);
    assert_eq!(
        intervals(store.coverage(Flags::SFW | Flags::POL).await.unwrap()),
        [interval(50, 60), interval(101, 200)]
    );
    assert!(store.coverage(Flags::EVERY_CLASS).await.unwrap().is_empty());
    assert!(store.coverage(Flags::empty()).await.unwrap().is_empty());
    store.close().await.unwrap();

    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM scanned").fetch_one(&mut raw(&path).await).await.unwrap();
    assert_eq!(rows, 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However scans come, each class has its own, merged as a set merges them.
    #[test]
    fn coverage_is_what_was_scanned(
        batches in vec((0..=31_u32, vec((0..200_i64, -1..30_i64), 0..6)), 1..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (_folder, path) = database();
            let mut store = Store::open(&path).await.unwrap();
            let mut wanted: BTreeMap<Flags, Intervals> =
                Flags::EVERY_CLASS.iter().map(|class| (class, Intervals::new())).collect();
            for (classes, scanned) in batches {
                let classes = Flags::from_bits_truncate(classes);
                let scanned: Vec<Interval> =
                    scanned.into_iter().map(|(first, more)| interval(first, first + more)).collect();
                for class in classes.iter() {
                    scanned.iter().for_each(|scanned| wanted.entry(class).or_default().insert(*scanned));
                }
                store.commit(Batch { scanned, ..Batch::new(classes) }).await.unwrap();
            }
            for (class, wanted) in wanted {
                prop_assert_eq!(store.coverage(class).await.unwrap(), wanted, "{:?}", class);
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_commit_that_fails_or_is_dropped_leaves_nothing() {
    let (_folder, path) = database();
    let mut store = Store::open(&path).await.unwrap();
    store.commit(items(vec![item(1, Some("[]"))])).await.unwrap();

    let many = || Batch {
        failures: vec![failure(5)],
        scanned: vec![interval(2, 2000)],
        ..items((2..2000).map(|id| item(id, Some("[]"))).collect())
    };
    for polls in [1, 2, 3, 4] {
        let mut commit = Box::pin(store.commit(many()));
        for _ in 0..polls {
            let poll =
                std::future::poll_fn(|context| std::task::Poll::Ready(commit.as_mut().poll(context))).await;
            assert!(poll.is_pending(), "the batch is too small for this test");
            tokio::task::yield_now().await;
        }
        drop(commit);
        assert_eq!(store.ids_with_tags(&ids(0, 5000)).await.unwrap(), [ItemId(1)]);
    }

    // The table of intervals is written last: all before it is undone.
    execute(&path, "DROP TABLE scanned").await;
    assert!(matches!(store.commit(many()).await, Err(Error::Sql { .. })));
    assert_eq!(store.ids_with_tags(&ids(0, 5000)).await.unwrap(), [ItemId(1)]);
    assert_eq!(store.failures(interval(0, 5000)).await.unwrap(), []);
}

#[tokio::test]
async fn closed_it_is_one_plain_file_of_large_pages() {
    let (folder, path) = database();
    let mut store = Store::open(&path).await.unwrap();
    store.commit(items((0..1000).map(|id| item(id, Some(TAGS))).collect())).await.unwrap();
    assert!(names(folder.path()).contains(&"items.db-wal".to_owned()));
    store.close().await.unwrap();
    assert_eq!(names(folder.path()), ["items.db", "items.db.lock"]);
    let header = fs::read(&path).unwrap();
    assert_eq!(u16::from_be_bytes([header[16], header[17]]), 16384);
}

#[tokio::test]
async fn there_is_one_writer() {
    let (_folder, path) = database();
    let store = Store::open(&path).await.unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    store.close().await.unwrap();
    Store::open(&path).await.unwrap();
}

#[tokio::test]
async fn a_store_that_was_dropped_has_lost_nothing() {
    let (_folder, path) = database();
    let mut store = Store::open(&path).await.unwrap();
    store.commit(items(vec![item(1, Some("[]"))])).await.unwrap();
    drop(store);
    let mut store = Store::open(&path).await.unwrap();
    assert_eq!(store.ids_with_tags(&ids(0, 9)).await.unwrap(), [ItemId(1)]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_database_of_the_original_is_continued_as_it_is() {
    let (folder, path) = database();
    original(&path).await;
    let schema = "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_master WHERE tbl_name = 'items' AND name <> 'items_without_tags' ORDER BY name)";
    let before: String = sqlx::query_scalar(schema).fetch_one(&mut raw(&path).await).await.unwrap();

    let mut store = Store::open(&path).await.unwrap();
    assert_eq!(store.ids_with_tags(&ids(0, 9)).await.unwrap(), [ItemId(3), ItemId(8)]);
    assert!(store.coverage(Flags::SFW).await.unwrap().is_empty());
    store.commit(items(vec![item(5, Some("[]")), item(9, None)])).await.unwrap();
    store.close().await.unwrap();

    let mut connection = raw(&path).await;
    let after: String = sqlx::query_scalar(schema).fetch_one(&mut connection).await.unwrap();
    assert_eq!(before, after);
    let kept: String = sqlx::query_scalar("SELECT updated_at FROM items WHERE id = 3")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(kept, "2026-02-17 12:34:56");
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut connection).await.unwrap();
    assert_eq!(version, SCHEMA_VERSION);
    connection.close().await.unwrap();
    assert_eq!(names(folder.path()), ["items.db", "items.db.lock"]);
}

#[tokio::test]
async fn the_total_is_kept_whatever_is_committed() {
    let (_folder, path) = database();
    let mut store = Store::open(&path).await.unwrap();
    let mut known = std::collections::BTreeSet::new();
    // Above all, below all, into holes, over what is there, twice in one batch, nothing.
    for batch in [
        (100..200).collect::<Vec<i64>>(),
        (1..50).rev().collect(),
        vec![60, 70, 150, 300, 60, 0],
        (0..400).collect(),
        Vec::new(),
    ] {
        known.extend(batch.iter().copied());
        store.commit(items(batch.into_iter().map(|id| item(id, Some("[]"))).collect())).await.unwrap();
        let summary = Reader::open(&path).await.unwrap().summary().await.unwrap();
        assert_eq!(summary.items, known.len() as u64);
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_database_of_the_first_schema_is_brought_up_to_date() {
    let (_folder, path) = database();
    let mut store = Store::open(&path).await.unwrap();
    store.commit(items(vec![item(1, Some("[]")), item(2, None)])).await.unwrap();
    store.close().await.unwrap();
    execute(
        &path,
        "DROP TABLE origin; DROP TABLE state; DROP INDEX items_without_tags; PRAGMA user_version = 1",
    )
    .await;

    // Before and after: what there is, is counted.
    for _ in 0..2 {
        let summary = Reader::open(&path).await.unwrap().summary().await.unwrap();
        assert_eq!((summary.items, summary.with_tags, summary.without_tags), (2, 1, 1));
        Store::open(&path).await.unwrap().close().await.unwrap();
    }
}

#[tokio::test]
async fn a_database_has_the_items_of_one_origin() {
    let (_folder, path) = database();
    let mut store = Store::open(&path).await.unwrap();
    assert_eq!(Reader::open(&path).await.unwrap().origin().await.unwrap(), None);
    store.claim("import").await.unwrap();
    // It had none yet.
    store.claim("danbooru").await.unwrap();
    assert_eq!(Reader::open(&path).await.unwrap().origin().await.unwrap().as_deref(), Some("danbooru"));
    store.commit(items(vec![item(1, Some("[]"))])).await.unwrap();
    drop(store);
    let mut store = Store::open(&path).await.unwrap();
    store.claim("danbooru").await.unwrap();
    let error = store.claim("import").await.unwrap_err();
    let said = format!("`{}` has items of `danbooru`, and cannot take those of `import`", path.display());
    assert_eq!(error.to_string(), said);
    store.claim("danbooru").await.unwrap();
}

#[tokio::test]
async fn items_that_name_no_origin_are_of_the_first_kind_of_board() {
    let (_folder, path) = database();
    let mut store = Store::open(&path).await.unwrap();
    store.commit(items(vec![item(1, Some("[]"))])).await.unwrap();
    store.close().await.unwrap();
    execute(&path, "DROP TABLE origin; PRAGMA user_version = 2").await;

    let origin = Reader::open(&path).await.unwrap().origin().await.unwrap();
    assert_eq!(origin.as_deref(), Some("pr0gramm"));
    let mut store = Store::open(&path).await.unwrap();
    assert!(
        matches!(store.claim("danbooru").await, Err(Error::OtherOrigin { found, .. }) if found == "pr0gramm")
    );
    store.claim("pr0gramm").await.unwrap();
}

#[tokio::test]
async fn a_refresh_remembers_its_beginning_until_its_end() {
    let (_folder, path) = database();
    let mut store = Store::open(&path).await.unwrap();
    assert_eq!(store.begin_refresh(100).await.unwrap(), 100);
    drop(store);
    let mut store = Store::open(&path).await.unwrap();
    assert_eq!(store.begin_refresh(200).await.unwrap(), 100);
    assert_eq!(Reader::open(&path).await.unwrap().refresh_began().await.unwrap(), Some(100));
    store.end_refresh().await.unwrap();
    assert_eq!(Reader::open(&path).await.unwrap().refresh_began().await.unwrap(), None);
    assert_eq!(store.begin_refresh(300).await.unwrap(), 300);
}
