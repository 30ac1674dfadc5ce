//! What a person at a terminal gets from train, validate and predict when something is wrong.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

struct Workplace {
    folder: TempDir,
}

impl Workplace {
    fn new() -> Workplace {
        Workplace { folder: tempfile::tempdir().unwrap() }
    }

    fn with(self, name: &str, contents: &str) -> Workplace {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
        self
    }

    /// Exit code, and what stderr says besides logs.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let folder = self.folder.path().to_str().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagmill-train"));
        let output = command.env_clear().args(arguments).args(["--data-dir", folder]).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap().replace(folder, "DATA");
        let is_told = |line: &&str| line.starts_with("error:") || line.starts_with("hint:");
        (output.status.code(), stderr.lines().filter(is_told).collect::<Vec<_>>().join("\n"))
    }
}

#[track_caller]
fn check(workplace: &Workplace, arguments: &[&str], code: i32, expected: &str) {
    assert_eq!(workplace.run(arguments), (Some(code), expected.to_owned()));
}

#[test]
fn training_on_nothing() {
    check(
        &Workplace::new(),
        &["train"],
        1,
        "error: there is no dataset at `DATA/dataset.csv`\nhint: run `tagmill prepare` first, or check --data-dir",
    );
}

#[test]
fn training_on_a_malformed_table() {
    check(
        &Workplace::new().with("dataset.csv", "id,image,tag1,confidence1\n1,a.jpg,red,high\n"),
        &["train"],
        1,
        "error: `DATA/dataset.csv` line 2, column `confidence1`: `high` is not a number\n\
        hint: run `tagmill prepare` again to make the table anew",
    );
}

#[test]
fn training_without_the_pictures() {
    let rows: String = (1..=50).map(|id| format!("{id},{id}.jpg,red,0.5\n")).collect();
    let workplace = Workplace::new().with("dataset.csv", &format!("id,image,tag1,confidence1\n{rows}"));
    let (code, error) = workplace.run(&["train"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("are missing below `DATA/media`"), "{error}");
    assert!(error.ends_with("hint: run `tagmill download` first, or check --data-dir"), "{error}");
}

#[test]
fn a_run_that_is_not_there_or_not_whole() {
    let workplace =
        Workplace::new().with("dataset.csv", "id,image\n").with("models/half/history.csv", "epoch\n");
    for (run, stage) in [("none", "validate"), ("half", "validate"), ("half", "predict")] {
        let (code, error) = match stage {
            "predict" => workplace.run(&["predict", "--run", run, "a.jpg"]),
            stage => workplace.run(&[stage, "--run", run]),
        };
        assert_eq!(code, Some(1));
        assert!(error.starts_with(&format!("error: `DATA/models/{run}` is not a finished run")), "{error}");
        assert!(error.contains("\nhint: run `tagmill train` to its end"), "{error}");
    }
}

#[test]
fn wrong_arguments() {
    for arguments in [
        &["train", "--architecture", "resnet1"][..],
        &["train", "--device", "abacus"],
        &["train", "--freeze"],
        &["train", "--loss", "focal=2"],
        &["train", "--resume", "--overwrite"],
        &["train", "--weights", "a.safetensors", "--backbone", "a.ts"],
        &["train", "--no-augmentation", "--crop", "0.5"],
        &["predict"],
        &["predict", "a.jpg", "--threshold", "2"],
        &["predict", "a.jpg", "--top", "0"],
        &["predict", "a.jpg", "--skip-existing"],
        &["predict", "a.jpg", "--append"],
        &["predict", "a.jpg", "--overwrite"],
        &["predict", "a.jpg", "--resume"],
        &["predict", "a.jpg", "--embed", "a.npy", "--resume", "--overwrite"],
        &["predict", "a.jpg", "--embed", "a.npy", "--skip-existing"],
        &["predict", "a.jpg", "--embed", "a.npy", "--top", "3"],
        &["predict", "a.jpg", "--sidecar", "hydrus", "--append", "--overwrite"],
        &["predict", "a.jpg", "--json", "--format", "csv"],
        &["predict", "a.jpg", "--output", "tags.json"],
        &["predict", "a.jpg", "--output", "tags.csv", "--format", "table"],
        &["predict", "a.jpg", "--output", "tags.csv", "--format", "json"],
        &["predict", "a.jpg", "--output", "tags.csv", "--skip-existing"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagmill-train"));
        assert_eq!(command.args(arguments).output().unwrap().status.code(), Some(2), "{arguments:?}");
    }
    let (code, error) =
        Workplace::new().with("dataset.csv", "id,image\n").run(&["train", "--image-size", "7"]);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("image_size"), "{error}");
}
