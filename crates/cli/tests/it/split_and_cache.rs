//! `tagmill split` and `tagmill cache`, as a person at a terminal meets them.

use std::fs;

use tagmill_model::dataset::{DatasetReader, DatasetRow, DatasetWriter};
use tagmill_model::{Flags, ItemId, MediaPath, Split, SplitConfig};

use crate::support::Workplace;

const DONE: Option<i32> = Some(0);
const FAILED: Option<i32> = Some(1);
const USAGE: Option<i32> = Some(2);
const DONE_WITH_FAILURES: Option<i32> = Some(3);

/// Items 1 to 40, each with a picture of its own colour.
fn workplace() -> Workplace {
    let workplace = Workplace::new();
    let row = |id: u8| DatasetRow {
        id: ItemId(id.into()),
        image: MediaPath::parse(&format!("{id}.png")).unwrap(),
        created: i64::from(id),
        width: 0,
        height: 0,
        flags: Flags::SFW,
        content: Flags::empty(),
        tags: Vec::new(),
    };
    let rows: Vec<DatasetRow> = (1..=40).map(row).collect();
    fs::create_dir(workplace.path("media")).unwrap();
    for row in &rows {
        let path = row.image.under(&workplace.path("media"));
        image::RgbImage::from_pixel(4, 4, image::Rgb([row.id.0 as u8, 0, 0])).save(path).unwrap();
    }
    let mut writer = DatasetWriter::create(&workplace.path("dataset.csv"), 2).unwrap();
    writer.write(&rows).unwrap();
    writer.finish().unwrap();
    workplace
}

fn ids(workplace: &Workplace, table: &str) -> Vec<i64> {
    DatasetReader::open(&workplace.path(table)).unwrap().map(|row| row.unwrap().id.0).collect()
}

fn by_hash(wanted: bool) -> Vec<i64> {
    let tests = |id: &i64| (SplitConfig::default().side(ItemId(*id)) == Split::Test) == wanted;
    (1..=40).filter(tests).collect()
}

#[test]
fn a_table_becomes_two() {
    let workplace = workplace();
    let ran = workplace.run(&["split"]);
    assert_eq!(ran.code, DONE, "{}", ran.stderr);
    let (train, test) = (by_hash(false), by_hash(true));
    assert_eq!(
        ran.stdout,
        format!(
            "split: {} items train, {} test; 0 groups of near-duplicates, 0 of them brought to one side by moving 0 items\n",
            train.len(),
            test.len()
        )
    );
    assert_eq!(
        (ids(&workplace, "dataset_train.csv"), ids(&workplace, "dataset_test.csv")),
        (train, test.clone())
    );

    // A copy joins the item that was there first.
    let media = workplace.path("media");
    let (first, last) = (by_hash(false)[0], *test.last().unwrap());
    fs::copy(media.join(format!("{first}.png")), media.join(format!("{last}.png"))).unwrap();
    let ran = workplace.run(&["split"]);
    assert!(
        ran.stdout.contains("1 groups of near-duplicates, 1 of them brought to one side by moving 1 items")
    );
    assert_eq!(ids(&workplace, "dataset_test.csv"), test[..test.len() - 1]);

    // What one split wrote is a list for the next.
    let list = workplace.path("list.csv");
    fs::rename(workplace.path("dataset_test.csv"), &list).unwrap();
    let ran = workplace.run(&["split", "--split", "file", "--split-file", list.to_str().unwrap()]);
    assert_eq!(ran.code, DONE, "{}", ran.stderr);
    assert_eq!(ids(&workplace, "dataset_test.csv"), test[..test.len() - 1]);
    let ran = workplace.run(&["split", "--split", "time", "--test-fraction", "0.1", "--cache", "none"]);
    assert_eq!(ran.code, DONE, "{}", ran.stderr);
    assert_eq!(workplace.run(&["split", "--split", "file"]).code, USAGE);
}

#[test]
fn the_cache_is_told_and_cleared() {
    let workplace = workplace();
    assert_eq!(workplace.run(&["cache", "size"]).stdout, "0.0 MB in `DATA/cache/pixels`\n");
    assert_eq!(workplace.run(&["split", "--image-size", "64"]).code, DONE);
    let told = "0.5 MB in `DATA/cache/pixels`\nv1-64px: 40 files, 0.5 MB\n";
    assert_eq!(workplace.run(&["cache", "size"]).stdout, told);
    assert_eq!(workplace.run(&["cache", "clear"]).stdout, format!("cleared {told}"));
    assert_eq!(workplace.run(&["cache", "size"]).stdout, "0.0 MB in `DATA/cache/pixels`\n");
}

#[test]
fn too_many_unusable_pictures_stop_it() {
    let workplace = workplace();
    fs::write(workplace.path("media/7.png"), b"no picture").unwrap();
    fs::remove_file(workplace.path("media/8.png")).unwrap();
    let ran = workplace.run(&["split", "--max-bad", "0"]);
    assert_eq!(
        (ran.code, ran.error().as_str()),
        (
            FAILED,
            "error: more pictures are unusable than the 0 that may be, such as `7.png`: it is no picture of a known format"
        )
    );
    assert!(!workplace.path("dataset_test.csv").exists());
    let ran = workplace.run(&["split", "--max-bad", "2.5%"]);
    assert_eq!(ran.code, FAILED);
    let ran = workplace.run(&["split", "--max-bad", "1"]);
    assert_eq!(ran.code, DONE_WITH_FAILURES, "{}", ran.stderr);
    assert!(ran.stdout.ends_with("; of 2 pictures that are missing or unusable the id alone decided\n"));
}
