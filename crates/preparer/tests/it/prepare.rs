//! `run` as an embedder calls it, on a real database in a temporary folder.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use tagmill_model::dataset::{DatasetError, DatasetMeta, DatasetReader};
use tagmill_model::{Flags, Item, ItemId, Outcome, Progress, StageReport, sha256};
use tagmill_preparer::{Config, Error, run};
use tagmill_store::Store;
use tokio_util::sync::CancellationToken;

use crate::common::{folder_with, item, many, meta, names, prepare};

/// One item for each thing that can become of an item.
fn samples() -> Vec<Item> {
    let tags = r#"[{"id":1,"confidence":0.206543,"tag":"Katze"},{"id":2,"confidence":0.609657,"tag":"Rotes \"Sofa\""},
        {"id":3,"confidence":0.609657,"tag":"9.800\u5186"},{"id":4,"confidence":0.3,"tag":"katze"},{"id":5,"confidence":1,"tag":"gif"}]"#;
    vec![
        item(1, "2024/03/17/a.jpg", Flags::SFW, Some(tags)),
        item(
            2,
            "2024/03/17/b.png",
            Flags::NSFW,
            Some(r#"[{"confidence":0.5,"tag":"it's"},{"tag":"POL"},{"tag":"it is"}]"#),
        ),
        item(
            3,
            "/2024/03/17/c.gif",
            Flags::SFW,
            Some(r#"[{"tag":"aa"},{"tag":"bb"},{"tag":"cc"},{"tag":"dd"}]"#),
        ),
        item(10, "2024/03/17/d.mp4", Flags::SFW, Some(tags)),
        item(11, "//img.example.org/e.jpg", Flags::SFW, Some(tags)),
        item(12, "2024/03/17/f.jpg", Flags::SFW, None),
        item(13, "2024/03/17/g.jpg", Flags::SFW, Some("{\"error\":\"no\"}")),
        item(14, "2024/03/17/h.jpg", Flags::SFW, Some("[]")),
        item(15, "2024/03/17/i.jpg", Flags::SFW, Some(r#"[{"tag":"katze"},{"tag":"video"}]"#)),
        item(16, "2024/03/17/j.jpg", Flags::NSFL, Some(tags)),
    ]
}

#[tokio::test]
async fn the_table_its_facts_and_the_report() {
    let (folder, config) = folder_with(samples()).await;
    let before = fs::read(&config.database).unwrap();
    let report = prepare(&config).await.unwrap();
    assert!(fs::read(&config.database).unwrap() == before, "preparing changed the database");
    assert_eq!(
        names(folder.path()),
        ["dataset.blocks.jsonl", "dataset.csv", "dataset.meta.json", "items.db", "items.db.lock"]
    );

    let csv = fs::read_to_string(&config.output).unwrap();
    insta::assert_snapshot!(csv, @r"
    id,image,created,width,height,flags,is_nsfw,is_nsfl,is_nsfp,is_pol,tag1,confidence1,tag2,confidence2,tag3,confidence3
    1,2024/03/17/a.jpg,1710000001,640,480,1,false,false,false,false,9.800円,0.609657,katze,0.3,,
    2,2024/03/17/b.png,1710000002,640,480,2,true,false,false,true,it's,0.5,it is,0.0,,
    3,2024/03/17/c.gif,1710000003,640,480,1,false,false,false,false,aa,0.0,bb,0.0,cc,0.0
    ");
    let line = report.to_string().replace(&folder.path().display().to_string(), "data");
    insta::assert_snapshot!(fs::read_to_string(meta(&config)).unwrap(), @r#"
    {
      "schema_version": 2,
      "generator": "tagmill 0.1.0",
      "settings": {
        "drop_trash": false,
        "filter": {
          "classes": "SFW | NSFW | NSFP | POL",
          "include_videos": false,
          "max_aspect": null,
          "max_size": null,
          "min_score": null,
          "min_size": null,
          "promoted_only": false,
          "sample": null,
          "since": null,
          "until": null
        },
        "limit": null,
        "max_tags": 3,
        "min_tag_count": 1,
        "min_tags": 2,
        "rules": {
          "aliases": {},
          "content_tags": true,
          "doubles": "highest",
          "drop_server_tags": true,
          "dropped": [],
          "implications": {},
          "length": {
            "end": 64,
            "start": 2
          },
          "min_confidence": 0.0,
          "normalise": {
            "blanks": true,
            "lower_case": true,
            "nfkc": true
          },
          "pattern": null
        },
        "trash": {
          "max_share": 0.5,
          "min_mean": 0.1,
          "min_rows": 1000,
          "min_spread": 0.001
        }
      },
      "source_items": 10,
      "watermark": 1780000016,
      "rows": 3,
      "rejects": {
        "content class": 1,
        "malformed tags": 1,
        "tags not fetched": 1,
        "too few tags": 2,
        "unsafe path": 1,
        "video": 1
      },
      "odd_items": 0,
      "dropped_tags": {
        "added by the server": 2,
        "characters": 1,
        "double": 1
      },
      "distinct_tags": 7,
      "trash": [],
      "bytes": 380,
      "csv_sha256": "f0d34881ea8cb51bc87bf0c1d1a274fb8299b94f496037ec647f325dd510c6b1",
      "blocks_sha256": "11414f1d7c7c9bef96eb676d75bc65b56d4c16c0444a3d3e5cfc1fcc06c7d6b1",
      "vocabulary": {
        "9.800円": 1,
        "aa": 1,
        "bb": 1,
        "cc": 1,
        "it is": 1,
        "it's": 1,
        "katze": 1
      }
    }
    "#);

    insta::assert_snapshot!(line, @"3 of 10 items with 7 different tags in data/dataset.csv; left out: 2 too few tags, 1 content class, 1 malformed tags, 1 tags not fetched, 1 unsafe path, 1 video");

    assert_eq!(report.sha256, Some(sha256(csv.as_bytes())));
    assert_eq!((report.items_read, report.rows_written), (10, 3));
    assert_eq!((report.outcome(), report.failed()), (Outcome::Completed, 1));
    assert_eq!(report.malformed, [ItemId(13)]);
    assert_eq!(
        report.dropped_tags.into_iter().collect::<Vec<_>>(),
        [("added by the server".to_owned(), 2), ("characters".to_owned(), 1), ("double".to_owned(), 1)]
    );
    assert_eq!(DatasetReader::open(&config.output).unwrap().filter_map(Result::ok).count(), 3);
}

#[tokio::test]
async fn the_bytes_depend_neither_on_threads_nor_on_an_earlier_run() {
    let (folder, config) = folder_with(many()).await;
    let first = prepare(&config).await.unwrap();
    let (csv, facts) = (fs::read(&config.output).unwrap(), fs::read(meta(&config)).unwrap());
    assert_eq!((first.items_read, first.rows_written), (20_000, 15_555));
    for threads in [1, 2, 5] {
        let output = folder.path().join(format!("{threads}.csv"));
        let threaded = Config { threads: NonZeroUsize::new(threads), output, ..config.clone() };
        prepare(&threaded).await.unwrap();
        assert!(fs::read(&threaded.output).unwrap() == csv, "{threads} threads");
        assert!(fs::read(meta(&threaded)).unwrap() == facts, "{threads} threads");
    }
    assert_eq!(prepare(&config).await.unwrap(), first);
    assert!(fs::read(&config.output).unwrap() == csv);
}

#[tokio::test]
async fn a_limit_is_the_first_rows_and_nothing_behind_them_is_counted() {
    let (_folder, config) = folder_with(many()).await;
    prepare(&config).await.unwrap();
    let all = fs::read_to_string(&config.output).unwrap();
    for limit in [1, 9000, 15_555, 1_000_000] {
        let report = prepare(&Config { limit: Some(limit), ..config.clone() }).await.unwrap();
        let csv = fs::read_to_string(&config.output).unwrap();
        assert!(all.starts_with(&csv), "{limit}");
        assert_eq!(report.rows_written, limit.min(15_555));
        let rejects: u64 = report.rejects.values().sum();
        assert_eq!(report.items_read, report.rows_written + rejects);
        assert_eq!(vocabulary_of_the_facts(&config), vocabulary_of_the_table(&config), "{limit}");
    }
}

fn vocabulary_of_the_facts(config: &Config) -> BTreeMap<String, u64> {
    let facts: DatasetMeta = serde_json::from_slice(&fs::read(meta(config)).unwrap()).unwrap();
    facts.vocabulary
}

fn vocabulary_of_the_table(config: &Config) -> BTreeMap<String, u64> {
    let mut vocabulary = BTreeMap::new();
    for row in DatasetReader::open(&config.output).unwrap() {
        for tag in row.unwrap().tags {
            *vocabulary.entry(tag.name).or_default() += 1;
        }
    }
    vocabulary
}

/// Cancels when the stage first says that it got ahead.
struct CancelOnAdvance(CancellationToken);

impl Progress for CancelOnAdvance {
    fn advance(&self, _: u64) {
        self.0.cancel();
    }
}

#[tokio::test]
async fn cancelled_it_leaves_what_was_there() {
    let (folder, config) = folder_with(many()).await;
    let nothing_new = names(folder.path());
    let cancel = CancellationToken::new();
    let report = run(config.clone(), &CancelOnAdvance(cancel.clone()), &cancel).await.unwrap();
    assert_eq!(
        (report.outcome(), report.rows_written, report.sha256.as_ref()),
        (Outcome::Cancelled, 0, None)
    );
    assert!(report.items_read < 20_000);
    assert_eq!(names(folder.path()), nothing_new);

    prepare(&config).await.unwrap();
    let csv = fs::read(&config.output).unwrap();
    // This time before it began.
    let report = run(config.clone(), &(), &cancel).await.unwrap();
    let line = report.to_string().replace(&folder.path().display().to_string(), "data");
    assert_eq!(line, "cancelled after 0 items; data/dataset.csv is as it was");
    assert!(fs::read(&config.output).unwrap() == csv);
}

#[test]
fn dropped_it_leaves_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (folder, config) = runtime.block_on(folder_with(many()));
    let before = names(folder.path());
    let advanced = CancellationToken::new();
    runtime.block_on(async {
        let never = CancellationToken::new();
        let progress = CancelOnAdvance(advanced.clone());
        tokio::select! {
            biased;
            () = advanced.cancelled() => {}
            _ = run(config, &progress, &never) => panic!("the run was not dropped"),
        }
    });
    // Waits for the threads.
    drop(runtime);
    assert_eq!(names(folder.path()), before);
}

#[track_caller]
fn check(error: &Error, folder: &Path, expected: &str) {
    assert_eq!(error.to_string().replace(&folder.display().to_string(), "data"), expected);
}

#[tokio::test]
async fn errors_say_what_to_do_and_leave_what_was_there() {
    let (folder, config) = folder_with(samples()).await;
    prepare(&config).await.unwrap();
    let (csv, files) = (fs::read(&config.output).unwrap(), names(folder.path()));

    let missing = Config { database: folder.path().join("nowhere.db"), ..config.clone() };
    let error = prepare(&missing).await.unwrap_err();
    assert!(matches!(error, Error::Store(tagmill_store::Error::NotFound { .. })));
    check(&error, folder.path(), "there is no database at `data/nowhere.db`");

    let strict = Config { min_tags: 9, ..config.clone() };
    check(
        &prepare(&strict).await.unwrap_err(),
        folder.path(),
        "none of the 10 items in `data/items.db` is left for the table: 5 too few tags, 1 content class, \
         1 malformed tags, 1 tags not fetched, 1 unsafe path, 1 video",
    );
    assert_eq!(names(folder.path()), files);
    assert!(fs::read(&config.output).unwrap() == csv);

    let nowhere = Config { output: folder.path().join("nowhere/dataset.csv"), ..config.clone() };
    let error = prepare(&nowhere).await.unwrap_err();
    assert!(
        matches!(error, Error::Dataset(DatasetError::NotFound { .. } | DatasetError::Io { .. })),
        "{error}"
    );

    fs::remove_file(meta(&config)).unwrap();
    fs::create_dir_all(meta(&config).join("in the way")).unwrap();
    let error = prepare(&config).await.unwrap_err();
    assert!(matches!(error, Error::Write { .. }));
    check(&error, folder.path(), "cannot write `data/dataset.meta.json`");
}

#[tokio::test]
async fn an_empty_database_is_an_error() {
    let (folder, config) = folder_with(Vec::new()).await;
    let error = prepare(&config).await.unwrap_err();
    check(&error, folder.path(), "none of the 0 items in `data/items.db` is left for the table");
}

#[tokio::test]
async fn works_beside_a_writer() {
    let (_folder, config) = folder_with(samples()).await;
    let alone = prepare(&config).await.unwrap();
    let store = Store::open(&config.database).await.unwrap();
    assert_eq!(prepare(&config).await.unwrap(), alone);
    store.close().await.unwrap();
}

#[tokio::test]
async fn each_reject_is_written_down() {
    let (folder, config) = folder_with(samples()).await;
    let rejects = folder.path().join("rejects.csv");
    let odd = r#"[{"tag":"aa","confidence":7},{"tag":"bb"},null]"#;
    let mut store = Store::open(&config.database).await.unwrap();
    let more = vec![
        item(20, "a,b.jpg", Flags::SFW, Some(odd)),
        item(21, "2024/a.jpg", Flags::SFW, Some(r#"[{"tag":"nsfl"},{"tag":"rot"}]"#)),
    ];
    store
        .commit(tagmill_store::Batch { items: more, ..tagmill_store::Batch::new(Flags::SFW) })
        .await
        .unwrap();
    store.close().await.unwrap();
    let report = prepare(&Config { rejects: Some(rejects.clone()), ..config.clone() }).await.unwrap();
    assert_eq!((report.odd_items, report.odd), (1, vec![ItemId(20)]));
    insta::assert_snapshot!(fs::read_to_string(&rejects).unwrap(), @r#"
    id,reason,detail
    10,video,mp4
    11,unsafe path,//img.example.org/e.jpg: it is absolute
    12,tags not fetched,
    13,malformed tags,"invalid type: map, expected a list of tags at line 1 column 0"
    14,too few tags,0
    15,too few tags,1
    16,content class,nsfl
    20,kept with odd tags,"1 unreadable, 1 of an absurd confidence"
    21,content class,nsfl by its tags
    "#);

    // It changes nothing in the table.
    let table = fs::read(&config.output).unwrap();
    prepare(&config).await.unwrap();
    assert!(fs::read(&config.output).unwrap() == table);
}
