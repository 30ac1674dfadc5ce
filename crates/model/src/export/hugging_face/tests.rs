use std::fs;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;

use super::*;
use crate::dataset::DatasetWriter;
use crate::{ItemId, MediaPath, Tag};

fn row(id: i64, flags: Flags, content: Flags) -> DatasetRow {
    let tag = |name: &str, confidence| Tag { name: name.to_owned(), confidence };
    DatasetRow {
        id: ItemId(id),
        image: MediaPath::parse(&format!("2024/03/17/{id}.jpg")).unwrap(),
        created: if id % 7 == 0 { 0 } else { 1_710_000_000 + id },
        width: 640,
        height: if id % 7 == 0 { 0 } else { 480 },
        flags,
        content,
        tags: vec![tag("katze", 0.75), tag(&format!("tag {}", id % 10), 0.25)][..(id % 3) as usize].to_vec(),
    }
}

/// Most are safe; one in ten is not, by flags, by tags, or because nobody said.
fn rows(count: i64) -> Vec<DatasetRow> {
    (1..=count)
        .map(|id| match id % 40 {
            5 => row(id, Flags::NSFW, Flags::NSFW),
            15 => row(id, Flags::SFW, Flags::NSFL),
            25 => row(id, Flags::empty(), Flags::empty()),
            35 => row(id, Flags::SFW | Flags::NSFP, Flags::empty()),
            _ => row(id, Flags::SFW, Flags::empty()),
        })
        .collect()
}

struct Place {
    folder: tempfile::TempDir,
    config: Config,
}

impl Place {
    fn new(rows: &[DatasetRow]) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let dataset = folder.path().join("dataset.csv");
        let mut writer = DatasetWriter::create(&dataset, 4).unwrap();
        writer.write(rows).unwrap();
        let digest = writer.finish().unwrap();
        let meta = json!({
            "schema_version": 1,
            "generator": "tagmill 0.1.0",
            "settings": { "min_tags": 5, "limit": null, "rules": { "pattern": "a|b", "length": { "start": 2, "end": 64 } } },
            "source_items": 2 * rows.len(),
            "watermark": 0,
            "rows": rows.len(),
            "rejects": { "video": rows.len() },
            "vocabulary": { "katze": 12, "tag 1": 3 },
            "csv_sha256": digest.sha256,
        });
        fs::write(meta_path(&dataset), meta.to_string()).unwrap();
        let config = Config {
            license: Some("cc-by-4.0".parse().unwrap()),
            ..Config::new(dataset, folder.path().join("hub"))
        };
        Place { folder, config }
    }

    fn run(&self) -> Result<Report, Error> {
        run(&self.config, &(), &CancellationToken::new())
    }

    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.config.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path.strip_prefix(&self.config.folder).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        files.sort();
        files
    }

    fn card(&self) -> String {
        fs::read_to_string(self.config.folder.join("README.md")).unwrap()
    }

    fn batches(&self, file: &str) -> Vec<RecordBatch> {
        let file = fs::File::open(self.config.folder.join("data").join(file)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        reader.map(Result::unwrap).collect()
    }

    fn ids(&self, file: &str) -> Vec<i64> {
        let batches = self.batches(file);
        let ids = |batch: &RecordBatch| batch["id"].as_primitive::<Int64Type>().values().to_vec();
        batches.iter().flat_map(ids).collect()
    }

    #[track_caller]
    fn check_error(&self, error: &Error, expected: &str) {
        let folder = self.folder.path().display().to_string();
        assert_eq!(error.to_string().replace(&folder, "data"), expected);
    }
}

#[test]
fn what_the_hub_gets() {
    let place = Place::new(&rows(1000));
    let report = place.run().unwrap();
    assert_eq!(
        place.files(),
        ["README.md", "data/test-00000-of-00001.parquet", "data/train-00000-of-00001.parquet"]
    );
    let (train, test) = (place.ids("train-00000-of-00001.parquet"), place.ids("test-00000-of-00001.parquet"));
    let side = |id: &i64| SplitConfig::default().side(ItemId(*id));
    assert!(train.iter().all(|id| side(id) != Split::Test) && test.iter().all(|id| side(id) == Split::Test));
    assert!(train.iter().chain(&test).all(|id| ![5, 15, 25, 35].contains(&(id % 40))));
    assert_eq!((train.len() + test.len(), report.rows_read), (900, 1000));
    assert!(train.is_sorted() && test.is_sorted());
    assert_eq!((report.train.rows, report.test.rows), (train.len() as u64, test.len() as u64));
    let left_out: Vec<(&str, u64)> =
        report.left_out.iter().map(|(class, count)| (class.as_str(), *count)).collect();
    assert_eq!(left_out, [("no known class", 25), ("nsfw", 25), ("sfw,nsfl", 25), ("sfw,nsfp", 25)]);
    let bytes = |file: &str| fs::metadata(place.config.folder.join("data").join(file)).unwrap().len();
    assert_eq!(report.train.bytes, bytes("train-00000-of-00001.parquet"));
    assert_eq!((report.outcome(), report.items(), report.failed()), (Outcome::Completed, 1000, 0));
}

#[test]
fn the_columns() {
    let place = Place::new(&rows(30));
    place.run().unwrap();
    let batch = &place.batches("train-00000-of-00001.parquet")[0];
    let names: Vec<&str> = batch.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, shards::COLUMNS.map(|(name, ..)| name));
    let ids = batch["id"].as_primitive::<Int64Type>();
    let row = |id| ids.values().iter().position(|found| *found == id).unwrap();
    assert_eq!(batch["image_path"].as_string::<i32>().value(row(8)), "2024/03/17/8.jpg");
    let list = batch["tags"].as_list::<i32>();
    let tags: Vec<_> = list.value(row(8)).as_string::<i32>().iter().flatten().map(str::to_owned).collect();
    assert_eq!(tags, ["katze", "tag 8"]);
    let confidences = batch["confidences"].as_list::<i32>().value(row(8));
    assert_eq!(confidences.as_primitive::<Float32Type>().values(), &[0.75, 0.25]);
    assert_eq!(list.value(row(6)).len(), 0);
    assert!(
        batch["created"].is_null(row(7))
            && batch["height"].is_null(row(7))
            && batch["width"].is_valid(row(7))
    );
    assert_eq!(batch["created"].data_type().to_string(), "Timestamp(ms, \"UTC\")");
}

#[test]
fn the_card() {
    let place = Place::new(&rows(1000));
    place.run().unwrap();
    insta::assert_snapshot!(place.card());
}

#[test]
fn without_a_licence_and_without_facts_the_card_says_so() {
    let mut place = Place::new(&rows(100));
    fs::remove_file(meta_path(&place.config.dataset)).unwrap();
    place.config = Config {
        license: None,
        classes: Flags::EVERY_CLASS,
        title: "a: \"b\" #c".to_owned(),
        ..place.config
    };
    let report = place.run().unwrap();
    assert_eq!((report.rows_read, report.train.rows + report.test.rows), (100, 100));
    let card = place.card();
    assert!(card.starts_with("---\nlicense: unknown\npretty_name: \"a: \\\"b\\\" #c\"\n"), "{card}");
    for part in
        ["- not-for-all-audiences\n", "Unknown: whoever made this dataset named none.", "nothing is recorded"]
    {
        assert!(card.contains(part), "{part} is not in\n{card}");
    }
    assert!(report.to_string().ends_with("the card says that its licence is unknown"), "{report}");
}

#[test]
fn what_is_asked_to_be_taken_out_is_left_out() {
    let mut place = Place::new(&rows(100));
    place.config.omit = [1, 2, 5, 4711].map(ItemId).into();
    let report = place.run().unwrap();
    assert_eq!(report.left_out["on request"], 3);
    let ids = [place.ids("train-00000-of-00001.parquet"), place.ids("test-00000-of-00001.parquet")].concat();
    assert!(!ids.contains(&1) && !ids.contains(&2) && ids.contains(&3));
    assert_eq!(report.left_out.values().sum::<u64>() + ids.len() as u64, 100);
}

#[test]
fn files_end_where_they_are_full_and_twice_is_once() {
    let mut place = Place::new(&rows(30_000));
    place.config.rows_a_file = 1;
    place.run().unwrap();
    let files = place.files();
    assert_eq!(files.len(), 1 + 1 + 3, "{files:?}");
    let mut ids = Vec::new();
    for file in files.iter().filter_map(|file| file.strip_prefix("data/")) {
        ids.extend(place.ids(file));
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 27_000);

    let bytes = |place: &Place| -> Vec<Vec<u8>> {
        place.files().iter().map(|file| fs::read(place.config.folder.join(file)).unwrap()).collect()
    };
    let first = bytes(&place);
    place.config.existing = Existing::Replace;
    place.run().unwrap();
    assert!(bytes(&place) == first);
    place.config.rows_a_file = u64::MAX;
    place.run().unwrap();
    assert_eq!(place.files().len(), 3);
    place.config.bytes_a_file = 1;
    place.run().unwrap();
    assert!(bytes(&place) == first);
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let mut place = Place::new(&rows(100));
    let hub = place.config.folder.clone();
    fs::create_dir_all(hub.join(".git")).unwrap();
    fs::write(hub.join(".git/HEAD"), "main").unwrap();
    let error = place.run().unwrap_err();
    place.check_error(&error, "the folder `data/hub` is not empty");
    assert_eq!(place.files(), [".git/HEAD"]);

    place.config.existing = Existing::Replace;
    place.run().unwrap();
    assert_eq!(place.files().len(), 4);

    fs::write(hub.join("data/cat.jpg"), "a picture").unwrap();
    fs::write(hub.join("README.md"), "mine").unwrap();
    let error = place.run().unwrap_err();
    place.check_error(
        &error,
        "`data/hub/data/cat.jpg` stands where the exported files shall, and is none of them",
    );
    assert_eq!(place.card(), "mine");
    fs::remove_file(hub.join("data/cat.jpg")).unwrap();
    place.run().unwrap();
    assert_eq!(place.files().len(), 4);

    let file = place.folder.path().join("file");
    fs::write(&file, "").unwrap();
    place.config.folder = file;
    place.check_error(&place.run().unwrap_err(), "cannot write `data/file`");
}

#[test]
fn what_a_killed_run_left_is_cleared_away() {
    let place = Place::new(&rows(100));
    let part = place.config.folder.join(".tagmill-export.part/data");
    fs::create_dir_all(&part).unwrap();
    fs::write(part.join("train-00000"), "half").unwrap();
    place.run().unwrap();
    assert_eq!(place.files().len(), 3);
}

#[test]
fn cancelled_it_leaves_nothing() {
    let place = Place::new(&rows(100));
    let cancel = CancellationToken::new();
    cancel.cancel();
    let report = run(&place.config, &(), &cancel).unwrap();
    assert_eq!(report.outcome(), Outcome::Cancelled);
    assert!(!place.config.folder.exists());
}

#[test]
fn errors_leave_nothing() {
    let place = Place::new(&[row(5, Flags::NSFW, Flags::NSFW), row(6, Flags::NSFW, Flags::NSFW)]);
    place.check_error(
        &place.run().unwrap_err(),
        "none of the rows of `data/dataset.csv` may be handed on: 2 nsfw",
    );
    let meta = meta_path(&place.config.dataset);
    fs::write(&meta, "{\"rows\": 3}").unwrap();
    place.check_error(
        &place.run().unwrap_err(),
        "`data/dataset.meta.json` is on a table of 3 rows, but `data/dataset.csv` has 2",
    );
    fs::write(&meta, "{").unwrap();
    place.check_error(
        &place.run().unwrap_err(),
        "cannot read the facts on the table in `data/dataset.meta.json`",
    );
    fs::remove_file(&meta).unwrap();
    fs::write(&place.config.dataset, "id,image\nx,a.jpg\n").unwrap();
    place.check_error(
        &place.run().unwrap_err(),
        "`data/dataset.csv` line 2, column `id`: `x` is not a whole number",
    );
    fs::remove_file(&place.config.dataset).unwrap();
    place.check_error(&place.run().unwrap_err(), "there is no dataset at `data/dataset.csv`");
    assert!(!place.config.folder.exists());
}
