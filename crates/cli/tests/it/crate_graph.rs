//! The invariants of docs/ARCHITECTURE.md on who may depend on whom, asked of cargo itself.

use std::collections::BTreeSet;
use std::process::Command;

const STAGES: [&str; 5] =
    ["tagmill-fetcher", "tagmill-importer", "tagmill-preparer", "tagmill-downloader", "tagmill-trainer"];

/// Everything that a package is built from, tests and examples aside.
fn dependencies(package: &str) -> BTreeSet<String> {
    tree(package, &[])
}

/// What a package names itself.
fn direct_dependencies(package: &str) -> BTreeSet<String> {
    tree(package, &["--depth", "1"])
}

fn tree(package: &str, options: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .args(["--package", package])
        .args(options)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    tree.lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| *name != package)
        .map(str::to_owned)
        .collect()
}

#[track_caller]
fn check_without(package: &str, forbidden: &[&str]) {
    let found = dependencies(package);
    assert!(!found.is_empty());
    for name in forbidden {
        assert!(!found.contains(*name), "{package} depends on {name}");
    }
}

#[test]
fn stages_meet_only_in_files() {
    for stage in STAGES {
        let others: Vec<&str> = STAGES.into_iter().filter(|other| *other != stage).collect();
        check_without(stage, &others);
    }
}

#[test]
fn training_knows_neither_database_nor_network() {
    check_without("tagmill-trainer", &["sqlx", "reqwest", "hyper", "tagmill-store", "tagmill-http"]);
}

/// It takes what lies on this machine.
#[test]
fn importing_knows_no_network() {
    check_without("tagmill-importer", &["reqwest", "hyper", "tagmill-http"]);
}

#[test]
fn exporting_knows_neither_database_nor_network() {
    check_without(
        "tagmill-exporter",
        &["sqlx", "reqwest", "hyper", "tagmill-store", "tagmill-http", "tagmill-trainer"],
    );
}

/// Parquet is slow to build, and training reads the CSV.
#[test]
fn only_who_asks_for_parquet_gets_it() {
    for package in [
        "tagmill-trainer",
        "tagmill-fetcher",
        "tagmill-importer",
        "tagmill-downloader",
        "tagmill-store",
        "tagmill-exporter",
    ] {
        check_without(package, &["parquet"]);
    }
}

#[test]
fn nothing_but_training_knows_libtorch() {
    for package in [
        "tagmill-fetcher",
        "tagmill-importer",
        "tagmill-preparer",
        "tagmill-downloader",
        "tagmill-pixels",
        "tagmill-report",
        "tagmill-onnx",
        "tagmill-exporter",
        "tagmill-cli",
        "tagmill-testboard",
    ] {
        check_without(package, &["tch", "torch-sys"]);
    }
}

#[test]
fn sql_stands_in_the_store_alone() {
    for package in [
        "tagmill-model",
        "tagmill-http",
        "tagmill-pixels",
        "tagmill-report",
        "tagmill-onnx",
        "tagmill-exporter",
        "tagmill-trainer",
        "tagmill-testboard",
    ] {
        check_without(package, &["sqlx"]);
    }
}

#[test]
fn terminals_are_the_binaries_business() {
    for package in STAGES.into_iter().chain([
        "tagmill-model",
        "tagmill-store",
        "tagmill-http",
        "tagmill-pixels",
        "tagmill-report",
        "tagmill-onnx",
        "tagmill-exporter",
        "tagmill-testboard",
    ]) {
        check_without(package, &["clap", "indicatif", "tracing-subscriber"]);
        // tch brings anyhow along; what matters is that no library of ours returns it.
        assert!(!direct_dependencies(package).contains("anyhow"), "{package}");
    }
}

/// It is handed plain data, and gives back a text.
#[test]
fn the_report_knows_no_other_crate() {
    let found = dependencies("tagmill-report");
    assert!(!found.iter().any(|name| name.starts_with("tagmill-") || name == "reqwest"), "{found:?}");
}

/// The guard of the guards: what is there is found.
#[test]
fn cargo_tells_what_is_there() {
    assert!(dependencies("tagmill-store").contains("sqlx"));
    assert!(dependencies("tagmill-http").contains("reqwest"));
    assert!(dependencies("tagmill-trainer").contains("tch"));
}
