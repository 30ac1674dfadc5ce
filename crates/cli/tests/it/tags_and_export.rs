//! `tagmill tags` and `tagmill export hf`, on what a board gave.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use tagmill_model::dataset::DatasetReader;
use tagmill_model::{Flags, Split, SplitConfig};

use crate::support::{Workplace, board};

const DONE: Option<i32> = Some(0);
const FAILED: Option<i32> = Some(1);
const USAGE: Option<i32> = Some(2);
const DONE_WITH_FAILURES: Option<i32> = Some(3);

/// Fetched from a board of 300 items.
fn fetched() -> Workplace {
    let (workplace, board) = (Workplace::new(), board(300));
    let fetched = workplace.run(&["fetch", "--api-url", &board.api_url()]);
    assert!([DONE, DONE_WITH_FAILURES].contains(&fetched.code), "{}", fetched.stderr);
    workplace
}

fn prepared() -> Workplace {
    let workplace = fetched();
    let ran = workplace.run(&["prepare", "--min-tags", "1"]);
    assert!([DONE, DONE_WITH_FAILURES].contains(&ran.code), "{}", ran.stderr);
    workplace
}

#[test]
fn the_same_counts_in_every_form() {
    let workplace = fetched();
    let csv = workplace.run(&["tags", "--csv"]);
    assert!([DONE, DONE_WITH_FAILURES].contains(&csv.code), "{}", csv.stderr);
    let mut reader = csv::Reader::from_reader(csv.stdout.as_bytes());
    assert_eq!(reader.headers().unwrap(), vec!["tag", "items", "share"]);
    let rows: Vec<(String, u64, f64)> = reader.deserialize().map(Result::unwrap).collect();
    assert!(rows.len() > 20 && rows[0].1 > 20, "{}", csv.stdout);
    assert!(rows.is_sorted_by(|a, b| (b.1, &a.0) <= (a.1, &b.0)));

    let plain = workplace.run(&["tags"]);
    assert_eq!((plain.code, plain.stdout.lines().count()), (csv.code, rows.len()));
    assert_eq!(plain.stdout.lines().next().unwrap().trim(), format!("{} {}", rows[0].1, rows[0].0));
    assert!(plain.stderr.contains("different tags"), "{}", plain.stderr);
    assert_eq!(workplace.run(&["tags", "--top", "3"]).stdout.lines().count(), 3);

    let json = workplace.run(&["tags", "--json", "--top", "3"]);
    let report: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(report["report"]["distinct_tags"], rows.len());
    assert_eq!(report["report"]["tags"].as_array().unwrap().len(), 3);
    assert_eq!(report["report"]["tags"][0]["tag"], rows[0].0.as_str());

    let beside = workplace.run(&["tags", "--csv", "--co", &rows[0].0.to_uppercase()]);
    let mut reader = csv::Reader::from_reader(beside.stdout.as_bytes());
    let others: Vec<(String, u64, u64, f64, f64)> = reader.deserialize().map(Result::unwrap).collect();
    let counts: BTreeMap<&str, u64> = rows.iter().map(|row| (row.0.as_str(), row.1)).collect();
    assert!(others.len() > 5);
    assert!(others.iter().all(|other| other.1 <= other.2 && counts[other.0.as_str()] == other.2));
}

#[test]
fn tags_that_nobody_gave_and_no_database() {
    let workplace = fetched();
    let ran = workplace.run(&["tags", "--co", "No Such Tag"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (FAILED, ""));
    assert!(
        ran.error().contains("has the tag `no such tag`\nhint: `tagmill tags` lists them all"),
        "{}",
        ran.error()
    );
    let ran = Workplace::new().run(&["tags"]);
    assert_eq!(
        (ran.code, ran.error().as_str()),
        (
            FAILED,
            "error: there is no database at `DATA/items.db`\nhint: run `tagmill fetch` or `tagmill import` first, or check --data-dir"
        )
    );
    assert_eq!(workplace.run(&["tags", "--csv", "--json"]).code, USAGE);
    assert_eq!(workplace.run(&["tags", "--flags", "rude"]).code, USAGE);
}

#[test]
fn a_dataset_for_the_hub() {
    let workplace = prepared();
    let hub = workplace.path("hub");
    let folder = hub.to_str().unwrap();
    let ran = workplace.run(&["export", "hf", folder, "--license", "cc0-1.0", "--json"]);
    assert_eq!(ran.code, DONE, "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let table: Vec<_> =
        DatasetReader::open(&workplace.path("dataset.csv")).unwrap().map(Result::unwrap).collect();
    // Safe by flags and by what people's tags say.
    let rows: Vec<_> = table.iter().filter(|row| (row.flags | row.content) == Flags::SFW).collect();
    let test = rows.iter().filter(|row| SplitConfig::default().side(row.id) == Split::Test).count();
    assert_eq!(report["items"], table.len());
    assert_eq!(report["report"]["train"]["rows"], rows.len() - test);
    assert_eq!(report["report"]["test"]["rows"], test);
    let card = fs::read_to_string(hub.join("README.md")).unwrap();
    assert!(card.starts_with("---\nlicense: cc0-1.0\n"), "{card}");
    assert!(hub.join("data/train-00000-of-00001.parquet").exists());

    let again = workplace.run(&["export", "hf", folder]);
    assert_eq!((again.code, again.stdout.as_str()), (FAILED, ""));
    assert_eq!(
        again.error(),
        "error: the folder `DATA/hub` is not empty\n\
         hint: name another folder, or replace README.md and data/ in this one by `--force`"
    );
    // The folder that holds it, and a variable for a flag.
    let mut command = workplace.command(&["export", "hf", "."]);
    command.current_dir(&hub).env("TAGMILL_EXPORT_HF_FORCE", "1");
    let forced = workplace.ran(command.output().unwrap());
    assert_eq!(forced.code, DONE, "{}", forced.stderr);
    assert!(fs::read_to_string(hub.join("README.md")).unwrap().starts_with("---\nlicense: unknown\n"));
}

#[test]
fn items_can_be_left_out() {
    let workplace = prepared();
    let first = DatasetReader::open(&workplace.path("dataset.csv")).unwrap().next().unwrap().unwrap();
    let (omit, hub) = (workplace.path("omit.txt"), workplace.path("hub"));
    fs::write(&omit, format!("# asked for\n\n{} # by mail\n", first.id)).unwrap();
    let arguments = ["export", "hf", hub.to_str().unwrap(), "--omit", omit.to_str().unwrap(), "--json"];
    let report: Value = serde_json::from_str(&workplace.run(&arguments).stdout).unwrap();
    assert_eq!(report["report"]["left_out"]["on request"], 1);

    fs::write(&omit, "12\ncat\n").unwrap();
    let ran = workplace.run(&arguments);
    assert_eq!(ran.code, FAILED);
    assert!(
        ran.error().starts_with("error: `DATA/omit.txt` line 2: `cat` is no item's id"),
        "{}",
        ran.error()
    );
}

#[test]
fn nothing_to_export_and_wrong_arguments() {
    let workplace = Workplace::new();
    let hub = workplace.path("hub");
    let ran = workplace.run(&["export", "hf", hub.to_str().unwrap()]);
    assert_eq!(
        (ran.code, ran.error().as_str()),
        (
            FAILED,
            "error: there is no dataset at `DATA/dataset.csv`\nhint: run `tagmill prepare` first, or check --data-dir"
        )
    );
    assert!(!hub.exists());
    for arguments in [
        &["export"][..],
        &["export", "hf"],
        &["export", "hf", "x", "--license", "MIT or so"],
        &["export", "xls"],
    ] {
        let ran = workplace.run(arguments);
        assert_eq!(ran.code, USAGE, "{arguments:?}");
    }
    let help = workplace.run(&["export", "hf", "--help"]);
    assert!(help.stdout.contains("--license <ID>"), "{}", help.stdout);
    assert!(help.stdout.lines().all(|line| line.chars().count() <= 120), "{}", help.stdout);
}
