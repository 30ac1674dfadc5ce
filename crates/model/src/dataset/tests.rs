use std::fs;

use proptest::prelude::*;

use super::*;

#[cfg(feature = "parquet")]
mod parquet;

fn row(id: i64, tags: &[(&str, f32)]) -> DatasetRow {
    DatasetRow {
        id: ItemId(id),
        image: MediaPath::parse(&format!("2024/03/17/{id:016x}.jpg")).unwrap(),
        created: 1_710_000_000,
        width: 640,
        height: 480,
        flags: Flags::SFW,
        content: Flags::empty(),
        tags: tags
            .iter()
            .map(|(name, confidence)| Tag { name: (*name).to_owned(), confidence: *confidence })
            .collect(),
    }
}

fn write(path: &Path, batches: &[&[DatasetRow]], max_tags: usize) -> DatasetDigest {
    let mut writer = DatasetWriter::create(path, max_tags).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.finish().unwrap()
}

/// By both readers, which must agree.
fn read(path: &Path) -> Result<Vec<DatasetRow>, DatasetError> {
    let rows: Vec<DatasetRow> = DatasetReader::open(path)?.collect::<Result<_, _>>()?;
    let mut heads = HeadReader::open(path)?;
    for row in &rows {
        assert_eq!(heads.read()?, Some(row.head()));
    }
    assert_eq!(heads.read()?, None);
    Ok(rows)
}

#[test]
fn heads_say_what_is_wrong_and_where() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dataset.csv");
    let header = "id,image,tag1,confidence1\n";
    for (rows, expected) in [
        ("1,a.jpg,\"b\nc\",1\nx,b.jpg,,\n", "line 4, column `id`: `x` is not a whole number"),
        ("1,../a.jpg,,\n", "line 2, column `image`: `../a.jpg` is not a safe relative path"),
        ("\r\n1,a.jpg,\r\n", "line 3: incorrect number of fields for line 3, expected 4 got 3"),
        ("1,a.jpg,,,\n", "line 2: incorrect number of fields for line 2, expected 4 got 5"),
        ("1,a.jpg,\"b\",,\n", "line 2: incorrect number of fields for line 2, expected 4 got 5"),
    ] {
        fs::write(&path, format!("{header}{rows}")).unwrap();
        let mut heads = HeadReader::open(&path).unwrap();
        let error = loop {
            match heads.read() {
                Ok(row) => assert!(row.is_some(), "{rows:?}"),
                Err(error) => break error.to_string(),
            }
        };
        assert_eq!(error, format!("`{}` {expected}", path.display()));
    }
}

#[track_caller]
fn check_error(csv: &str, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dataset.csv");
    fs::write(&path, csv).unwrap();
    let error = read(&path).unwrap_err().to_string().replace(&path.display().to_string(), "dataset.csv");
    assert_eq!(error, expected);
}

#[test]
fn the_form_of_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dataset.csv");
    let first =
        DatasetRow { content: Flags::NSFW | Flags::POL, ..row(1, &[("red", 0.206543), ("a \"b\"", 0.1)]) };
    let digest = write(&path, &[&[first, row(2, &[])]], 3);
    let text = fs::read_to_string(&path).unwrap();
    insta::assert_snapshot!(text, @r#"
    id,image,created,width,height,flags,is_nsfw,is_nsfl,is_nsfp,is_pol,tag1,confidence1,tag2,confidence2,tag3,confidence3
    1,2024/03/17/0000000000000001.jpg,1710000000,640,480,1,true,false,false,true,red,0.206543,"a ""b""",0.1,,
    2,2024/03/17/0000000000000002.jpg,1710000000,640,480,1,false,false,false,false,,,,,,
    "#);
    assert_eq!(digest.rows, 2);
}

#[test]
fn a_table_without_rows_has_its_header() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dataset.csv");
    write(&path, &[], 1);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
    assert_eq!(read(&path).unwrap(), []);
}

#[test]
fn batches_do_not_show_in_the_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dataset.csv");
    let (a, b) = (row(1, &[("red", 0.5)]), row(2, &[("blue", 0.25)]));
    let together = write(&path, &[&[a.clone(), b.clone()]], 24);
    let apart = write(&path, &[&[a], &[], &[b]], 24);
    assert_eq!(together, apart);
}

#[test]
fn reads_tables_of_the_original() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("original.csv");
    fs::write(&path, "id,image,is_nsfw,is_nsfl,is_nsfp,tag1,confidence1,tag2,confidence2\n7,2016/a.jpg,True,False,0,katze,1.5,,\n")
        .unwrap();
    let rows = read(&path).unwrap();
    assert_eq!(rows[0].content, Flags::NSFW);
    assert_eq!(rows[0].flags, Flags::NSFW);
    assert_eq!(rows[0].tags, [Tag { name: "katze".to_owned(), confidence: 1.5 }]);
}

#[test]
fn says_what_is_wrong_and_where() {
    check_error("a,b\n1,2\n", "`dataset.csv` is not a dataset: its header has no column `id`");
    check_error("", "`dataset.csv` is not a dataset: its header has no column `id`");
    check_error("id,image,tag1\n", "`dataset.csv` is not a dataset: its header has no column `confidence1`");
    check_error(
        "id,image\n1,a.jpg\nx,b.jpg\n",
        "`dataset.csv` line 3, column `id`: `x` is not a whole number",
    );
    check_error(
        "id,image\n1,../a.jpg\n",
        "`dataset.csv` line 2, column `image`: `../a.jpg` is not a safe relative path",
    );
    check_error(
        "id,image,tag1,confidence1\n1,a.jpg,red,high\n",
        "`dataset.csv` line 2, column `confidence1`: `high` is not a number",
    );
    check_error(
        "id,image\n1,a.jpg\n2,b.jpg,c\n",
        "`dataset.csv` line 3: incorrect number of fields for line 3, expected 2 got 3",
    );
}

#[test]
fn a_missing_table_is_said_to_be_missing() {
    let error = read(Path::new("/nowhere/dataset.csv")).unwrap_err();
    assert_eq!(error.to_string(), "there is no dataset at `/nowhere/dataset.csv`");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn rows_round_trip(names in prop::collection::vec("[^\\x00-\\x1f]{1,20}", 0..8), confidence in 0.0f32..1.0) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dataset.csv");
        let tags: Vec<(&str, f32)> = names.iter().map(|name| (name.as_str(), confidence)).collect();
        let rows = vec![row(1, &tags), row(2, &[])];
        write(&path, &[&rows], 8);
        prop_assert_eq!(read(&path).unwrap(), rows);
    }
}
