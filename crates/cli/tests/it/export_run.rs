//! `tagmill export`, on a run with a TorchScript backbone: its files are small.

use std::fs;

use serde_json::{Value, json};

use crate::support::Workplace;

const DONE: Option<i32> = Some(0);
const FAILED: Option<i32> = Some(1);
const USAGE: Option<i32> = Some(2);

const TAGS: &str = "tag_id,name,category,count\n0,sfw,9,9\n1,nsfw,9,2\n2,nsfl,9,1\n3,nsfp,9,1\n4,größe,0,7\n";
const TAGS_SHA256: &str = "0a204834e297ce9579e6e3adb618ba680aadc893ca708d35446c9777f720a1cf";

/// A folder with a run of this name.
fn workplace(name: &str) -> Workplace {
    let workplace = Workplace::new();
    let run = workplace.path("models").join(name);
    fs::create_dir_all(&run).unwrap();
    let config = json!({
        "architecture": "torchscript",
        "num_classes": 5,
        "pretrained_cfg": { "input_size": [3, 64, 64], "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5] },
        "tagmill": { "version": "0.1.0", "vocabulary_sha256": TAGS_SHA256, "train_items": 9, "settings": {} },
    });
    let header = r#"{"fc.bias":{"dtype":"F32","shape":[5],"data_offsets":[0,20]}}"#;
    let weights = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 20]].concat();
    for (file, bytes) in [
        ("config.json", config.to_string().as_bytes()),
        ("model.safetensors", &weights),
        ("backbone.ts", b"a script"),
        ("selected_tags.csv", TAGS.as_bytes()),
        ("thresholds.csv", b"category,threshold\n0,0.25\n"),
        ("history.csv", b"epoch\n1\n"),
    ] {
        fs::write(run.join(file), bytes).unwrap();
    }
    workplace
}

#[test]
fn a_run_is_handed_on() {
    let workplace = workplace("tagger");
    let out = workplace.path("out");
    let folder = out.to_str().unwrap();
    let ran = workplace.run(&["export", "--to", folder, "--license", "mit", "--ascii", "--json"]);
    assert_eq!(ran.code, DONE, "{}", ran.stderr);
    assert!(ran.stderr.contains("`größe` is called `grosse` there"), "{}", ran.stderr);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&json["stage"], &json["items"]), (&json!("export"), &json!(6)));
    assert_eq!(json["report"]["renamed"], json!([{ "from": "größe", "to": "grosse" }]));
    for file in json["report"]["files"].as_array().unwrap() {
        let length = fs::metadata(out.join(file["path"].as_str().unwrap())).unwrap().len();
        assert_eq!(file["bytes"], length, "{file}");
    }
    let card = fs::read_to_string(out.join("README.md")).unwrap();
    assert!(card.starts_with("---\nlicense: mit\n") && card.contains("\n# tagger\n"), "{card}");

    let again = workplace.run(&["export", "tagger", "--to", folder]);
    assert_eq!((again.code, again.stdout.as_str()), (FAILED, ""));
    assert_eq!(
        again.error(),
        "error: the folder `DATA/out` is not empty\n\
         hint: name another folder, or replace what an export wrote into this one by `--force`"
    );
    let mut command = workplace.command(&["export"]);
    command.env("TAGMILL_EXPORT_TO", folder).env("TAGMILL_EXPORT_FORCE", "1");
    let forced = workplace.ran(command.output().unwrap());
    assert_eq!(forced.code, DONE, "{}", forced.stderr);
    assert!(
        forced.stdout.starts_with("export: torchscript with 4 content classes and 1 tag, in 6 files"),
        "{}",
        forced.stdout
    );

    let run = workplace.path("models/tagger");
    let ran = workplace.run(&["export", "--to", run.to_str().unwrap(), "--force"]);
    assert_eq!(
        ran.error(),
        "error: `DATA/models/tagger` holds a run, which an export would replace\nhint: name another folder"
    );
    assert_eq!(fs::read_to_string(run.join("selected_tags.csv")).unwrap(), TAGS);
}

/// `hf` is the table where it comes first, whatever the variables say, and a run where it comes behind a flag.
#[test]
fn a_run_may_be_called_as_the_other_export() {
    let workplace = workplace("hf");
    let out = workplace.path("out");
    let ran = workplace.run(&["export", "--to", out.to_str().unwrap(), "hf"]);
    assert_eq!(ran.code, DONE, "{}", ran.stderr);
    assert!(fs::read_to_string(out.join("README.md")).unwrap().contains("\n# hf\n"));
    let mut command = workplace.command(&["export", "hf", "hub"]);
    let ran = workplace.ran(command.env("TAGMILL_EXPORT_TO", &out).output().unwrap());
    assert!(ran.error().starts_with("error: there is no dataset at `DATA/dataset.csv`"), "{}", ran.error());
}

#[test]
fn no_run_and_wrong_arguments() {
    let workplace = Workplace::new();
    let out = workplace.path("out");
    let folder = out.to_str().unwrap();
    let ran = workplace.run(&["export", "other", "--to", folder]);
    assert_eq!(
        (ran.code, ran.error().as_str()),
        (
            FAILED,
            "error: there is no finished run in `DATA/models/other`\n\
             hint: run `tagmill train` first, or check the run's name and --data-dir"
        )
    );
    assert!(!out.exists());
    for arguments in [
        &["export"][..],
        &["export", "tagger"],
        &["export", "a", "b", "--to", folder],
        &["export", "hf", folder, "--to", folder],
        &["export", "--to", folder, "hf", folder],
        &["export", "--to", folder, "--license", "MIT or so"],
    ] {
        let ran = workplace.run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (USAGE, ""), "{arguments:?}: {}", ran.stderr);
    }
    let help = workplace.run(&["export", "--help"]).stdout;
    assert!(help.contains("Usage: tagmill export [OPTIONS] --to <DIR> [RUN]"), "{help}");
    assert!(help.lines().all(|line| line.chars().count() <= 120), "{help}");
}
