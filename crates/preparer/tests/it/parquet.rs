//! The same table as Parquet.

use std::fs;
use std::num::NonZeroUsize;

use serde_json::Value;
use tagmill_model::dataset::{DatasetFormat, DatasetReader, DatasetRow};
use tagmill_model::sha256;
use tagmill_preparer::{Config, Error};

use crate::common::{commit, many, meta, names, prepare};

fn rows(config: &Config) -> Vec<DatasetRow> {
    DatasetReader::open(&config.output).unwrap().map(Result::unwrap).collect()
}

fn facts(config: &Config) -> Value {
    serde_json::from_slice(&fs::read(meta(config)).unwrap()).unwrap()
}

#[tokio::test]
async fn parquet_has_the_rows_and_the_facts_of_the_csv() {
    let folder = tempfile::tempdir().unwrap();
    let csv = Config {
        min_tags: 2,
        max_tags: 3,
        ..Config::new(folder.path().join("items.db"), folder.path().join("dataset.csv"))
    };
    commit(&csv.database, many()).await;
    let report = prepare(&csv).await.unwrap();
    let before = fs::read(meta(&csv)).unwrap();
    let output = folder.path().join("dataset.parquet");
    let parquet = Config { format: DatasetFormat::Parquet, output, ..csv.clone() };
    let as_parquet = prepare(&parquet).await.unwrap();
    assert_eq!((as_parquet.rows_written, as_parquet.rejects), (report.rows_written, report.rejects));
    assert!(rows(&parquet) == rows(&csv));

    let bytes = fs::read(&parquet.output).unwrap();
    assert_eq!(as_parquet.sha256, Some(sha256(&bytes)));
    let (mut of_csv, mut of_parquet) = (facts(&csv), facts(&parquet));
    let of_table = of_parquet.as_object_mut().unwrap();
    assert_eq!(of_table.remove("parquet_sha256").unwrap(), sha256(&bytes));
    assert_eq!(of_table.remove("bytes").unwrap(), bytes.len());
    for name in ["csv_sha256", "blocks_sha256", "bytes"] {
        of_csv.as_object_mut().unwrap().remove(name).unwrap();
    }
    assert_eq!(of_parquet, of_csv);

    // The CSV's own facts still tell of it, so that a run can go on from it.
    assert!(fs::read(meta(&csv)).unwrap() == before);
    assert_eq!(
        names(folder.path()),
        [
            "dataset.blocks.jsonl",
            "dataset.csv",
            "dataset.meta.json",
            "dataset.parquet",
            "dataset.parquet.meta.json",
            "items.db",
            "items.db.lock"
        ]
    );
    for threads in [1, 2, 5] {
        prepare(&Config { threads: NonZeroUsize::new(threads), ..parquet.clone() }).await.unwrap();
        assert!(fs::read(&parquet.output).unwrap() == bytes, "{threads} threads");
    }
    let error = prepare(&Config { incremental: true, ..parquet.clone() }).await.unwrap_err();
    assert!(matches!(error, Error::NotIncremental { .. }));
    assert!(
        error.to_string().ends_with("dataset.parquet`: only lines of a CSV can be taken over"),
        "{error}"
    );
}
