use std::collections::BTreeMap;

use serde_json::{Value, json};
use tagmill_model::StageReport;

use super::*;

mod place;

use place::{Place, SCRIPT_BYTES, figures, tensors, weights};

/// What is done to a run.
type Damage = Box<dyn Fn(&Place)>;

#[test]
fn both_layouts_are_whole() {
    let mut place = Place::new(&["katze", "a, \"b\"", "größe"]);
    place.config.license = Some("mit".parse().unwrap());
    let report = place.run().unwrap();
    let files = place.files();
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    let expected = [
        "README.md",
        "config.json",
        "imgutils/categories.json",
        "imgutils/model.onnx",
        "imgutils/preprocess.json",
        "imgutils/selected_tags.csv",
        "imgutils/thresholds.csv",
        "model.onnx",
        "model.safetensors",
        "model.ts",
        "selected_tags.csv",
        "thresholds.csv",
    ];
    assert_eq!(names, expected);
    let told: BTreeMap<String, u64> =
        report.files.iter().map(|file| (file.path.to_str().unwrap().to_owned(), file.bytes)).collect();
    assert!(
        told.iter().eq(files
            .iter()
            .map(|(name, bytes)| (name, bytes.len() as u64))
            .collect::<BTreeMap<_, _>>()
            .iter()
            .map(|(name, bytes)| (*name, bytes)))
    );
    assert_eq!(report.items(), 12);
    assert_eq!((report.tags, report.content_classes, report.has_graph), (3, 4, true));
    assert_eq!(files["model.ts"], SCRIPT_BYTES);
    assert_eq!(files["model.safetensors"], fs::read(place.config.run.join(WEIGHTS)).unwrap());
    assert_eq!(
        place.text("selected_tags.csv"),
        "tag_id,name,category,count\n0,sfw,9,100\n1,nsfw,9,99\n2,nsfl,9,98\n3,nsfp,9,97\n\
         4,katze,0,96\n5,\"a, \"\"b\"\"\",0,95\n6,größe,4,94\n"
    );
    assert_eq!(place.text("thresholds.csv"), "category,threshold\n0,0.25\n4,0.25\n");
    assert_eq!(
        place.text("imgutils/selected_tags.csv"),
        "name,category,best_threshold\nsfw,9,0.05\nnsfw,9,0.15\nnsfl,9,0.25\nnsfp,9,0.35\n\
         katze,0,0.45\n\"a, \"\"b\"\"\",0,0.55\ngröße,0,0.65\n"
    );
    assert_eq!(place.text("imgutils/thresholds.csv"), "category,threshold\n0,0.25\n9,0.5\n");
    let json = |name: &str| serde_json::from_str::<Value>(&place.text(name)).unwrap();
    let categories = json!([{ "category": 0, "name": "general" }, { "category": 9, "name": "rating" }]);
    assert_eq!(json("imgutils/categories.json"), categories);
    assert_eq!(json("imgutils/preprocess.json")["test"][1]["size"], json!([64, 64]));
    let mut config = json("config.json");
    assert_eq!(
        config.as_object_mut().unwrap().remove("label_names").unwrap(),
        json!(["sfw", "nsfw", "nsfl", "nsfp", "katze", "a, \"b\"", "größe"])
    );
    let original = fs::read(place.config.run.join(CONFIG)).unwrap();
    assert_eq!(config, serde_json::from_slice::<Value>(&original).unwrap());
    // Two inputs, else the same network.
    assert_ne!(files["model.onnx"], files["imgutils/model.onnx"]);
}

#[test]
fn thresholds_of_content_classes_and_characters_are_handed_on() {
    let place = Place::new(&["katze", "held", "heldin"]);
    let tags = "tag_id,name,category,count\n0,sfw,9,4\n1,nsfw,9,3\n2,nsfl,9,2\n3,nsfp,9,1\n4,katze,0,9\n5,held,4,8\n6,heldin,4,7\n";
    place.tags(tags.as_bytes(), 7);
    place.put(THRESHOLDS, b"category,threshold\n9,0.6\n0,0.25\n4,0.7\n");
    // Runs whose content classes have no thresholds of their own.
    place.put(
        "per_tag_thresholds.csv",
        b"tag_id,name,threshold,positives\n4,katze,0.3,1\n5,held,0.4,1\n6,heldin,0.5,1\n",
    );
    place.run().unwrap();
    assert_eq!(place.text("selected_tags.csv"), tags);
    assert_eq!(place.text("thresholds.csv"), "category,threshold\n0,0.25\n4,0.7\n9,0.6\n");
    assert_eq!(place.text("imgutils/thresholds.csv"), "category,threshold\n0,0.25\n4,0.7\n9,0.6\n");
    assert_eq!(
        place.text("imgutils/selected_tags.csv"),
        "name,category,best_threshold\nsfw,9,0.6\nnsfw,9,0.6\nnsfl,9,0.6\nnsfp,9,0.6\nkatze,0,0.3\nheld,4,0.4\nheldin,4,0.5\n"
    );
    fs::remove_file(place.config.run.join("per_tag_thresholds.csv")).unwrap();
    let again =
        Config { existing: Existing::Replace, ..Config::new(&place.config.run, &place.config.folder) };
    run(&again, &(), &CancellationToken::new()).unwrap();
    assert!(place.text("imgutils/selected_tags.csv").starts_with("name,category\nsfw,9\n"));
}

#[test]
fn names_fold_where_that_is_asked_for() {
    let mut place = Place::new(&["größe", "grosse", "a\nb"]);
    place.config.ascii = true;
    let report = place.run().unwrap();
    for list in ["selected_tags.csv", "imgutils/selected_tags.csv", "config.json"] {
        let text = place.text(list);
        assert!(text.is_ascii() && text.contains("grosse (2)") && text.contains("a b"), "{text}");
    }
    let renamed: Vec<(&str, &str)> =
        report.renamed.iter().map(|renamed| (renamed.from.as_str(), renamed.to.as_str())).collect();
    assert_eq!(renamed, [("größe", "grosse (2)"), ("a\nb", "a b")]);
    assert!(report.to_string().contains("; 2 tags have other names than in the run"), "{report}");
}

#[test]
fn the_card() {
    let mut place = Place::new(&["katze", "hund"]);
    place.config.license = Some("cc-by-4.0".parse().unwrap());
    let training = json!({
        "train_pictures": 180, "validation_pictures": 20, "epochs": 3, "best_epoch": 2, "validation": figures(0.6, false),
    });
    place.put("metrics.json", training.to_string().as_bytes());
    place.run().unwrap();
    let card = place.text(CARD);
    assert!(
        card.contains("**It was not judged on held-out items.**") && !card.contains("model-index"),
        "{card}"
    );
    assert!(card.contains("| mAP | 0.600 |\n"), "{card}");

    let validation = json!({
        "outcome": "completed", "pictures": 40, "resamples": 1000, "model": figures(0.5, true), "prior": figures(0.1, true),
        "content_class": { "accuracy": 0.93, "prior_accuracy": 0.88 },
    });
    place.put("validation/metrics.json", validation.to_string().as_bytes());
    place.config.existing = Existing::Replace;
    place.run().unwrap();
    insta::assert_snapshot!(place.text(CARD));
}

#[test]
fn a_card_without_figures_says_so() {
    let place = Place::new(&["katze"]);
    let report = place.run().unwrap();
    let card = place.text(CARD);
    assert!(
        card.starts_with("---\nlicense: unknown\n") && card.contains("Nothing has been measured."),
        "{card}"
    );
    assert!(report.to_string().ends_with("; the card says that its licence is unknown"), "{report}");
}

/// Neither tags nor the run's name break out of their line, cell or text.
#[test]
fn strangers_write_no_card() {
    let hostile = [
        "---",
        "a | b | c",
        "x\n---\nlicense: mit\n",
        "</td><script>alert(1)</script>",
        "`|`",
        "![i](http://x/y.png)",
        "\\",
        "\u{202e}evil",
    ];
    let mut place = Place::new(&hostile);
    place.config.title = "tagger: \"x\"\n---\n# | owned".to_owned();
    place.configure(|config| config["tagmill"]["settings"] = json!({ "a|b": "c\nd" }));
    let validation = json!({ "pictures": 4, "resamples": 0, "model": figures(0.5, true), "prior": null });
    place.put("validation/metrics.json", validation.to_string().as_bytes());
    place.run().unwrap();
    let card = place.text(CARD);
    let fences = card.lines().filter(|line| *line == "---").count();
    assert_eq!(fences, 2, "{card}");
    assert!(card.contains("\n- name: \"tagger: \\\"x\\\"\\n---\\n# | owned\"\n"), "{card}");
    assert!(card.contains("\n# tagger: \"x\" --- \\# \\| owned\n"), "{card}");
    for sign in ["<script>", "![i]", "http://x", "\u{202e}"] {
        assert!(!card.contains(sign), "{sign} in {card}");
    }
    let (_, tags) = card.split_once("| commonest tag |").unwrap();
    let rows: Vec<&str> = tags.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), hostile.len());
    for row in rows {
        let cells = row.replace("\\\\", "").replace("\\|", "").matches('|').count();
        assert_eq!(cells, 3, "{row}");
    }
}

#[test]
fn a_script_has_no_graph() {
    let place = Place::new(&["katze"]);
    place.configure(|config| config["architecture"] = json!("torchscript"));
    fs::rename(place.config.run.join(SCRIPT), place.config.run.join(BACKBONE)).unwrap();
    let report = place.run().unwrap();
    let files = place.files();
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    let expected = [
        "README.md",
        "backbone.ts",
        "config.json",
        "model.safetensors",
        "selected_tags.csv",
        "thresholds.csv",
    ];
    assert_eq!(names, expected);
    assert!(!report.has_graph && report.to_string().contains("; its backbone is a TorchScript"), "{report}");
    let card = place.text(CARD);
    assert!(!card.contains("library_name") && card.contains("there is no ONNX model"), "{card}");
}

#[test]
fn what_was_exported_before_is_replaced_and_nothing_else() {
    let mut place = Place::new(&["katze"]);
    place.run().unwrap();
    let first = place.files();
    assert!(matches!(place.run(), Err(Error::Staging(StagingError::NotEmpty { .. }))));
    place.config.existing = Existing::Replace;
    let git = place.config.folder.join(".gitattributes");
    fs::write(&git, "mine").unwrap();
    place.run().unwrap();
    assert_eq!(fs::read(&git).unwrap(), b"mine");
    fs::remove_file(git).unwrap();
    assert_eq!(place.files(), first);
    // A run without a graph takes the graph of the one before away.
    place.configure(|config| config["architecture"] = json!("torchscript"));
    place.put(BACKBONE, SCRIPT_BYTES);
    place.run().unwrap();
    assert_eq!(place.files().len(), 6);
    fs::create_dir(place.config.folder.join(IMGUTILS)).unwrap();
    fs::write(place.config.folder.join("imgutils/notes.txt"), "mine").unwrap();
    assert!(matches!(place.run(), Err(Error::Staging(StagingError::InTheWay { .. }))));
    assert_eq!(place.files().len(), 7);
}

#[test]
fn runs_are_not_exported_into() {
    let mut place = Place::new(&["katze"]);
    place.config.existing = Existing::Replace;
    let before = fs::read(place.config.run.join(TAGS)).unwrap();
    let other = place.folder.path().join("models/other");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("history.csv"), "").unwrap();
    for folder in [place.config.run.clone(), place.config.run.join("../tagger"), other] {
        place.config.folder = folder;
        assert!(matches!(place.run(), Err(Error::IntoARun { .. })));
    }
    fs::remove_file(place.config.run.join("history.csv")).unwrap();
    place.config.folder = place.config.run.join(".");
    assert!(matches!(place.run(), Err(Error::IntoARun { .. })));
    assert_eq!(fs::read(place.config.run.join(TAGS)).unwrap(), before);
}

#[test]
fn cancelled_it_leaves_nothing() {
    let place = Place::new(&["katze"]);
    let cancel = CancellationToken::new();
    cancel.cancel();
    let report = run(&place.config, &(), &cancel).unwrap();
    assert_eq!((report.outcome(), report.items()), (Outcome::Cancelled, 0));
    assert!(!place.config.folder.exists());
}

#[test]
fn runs_of_before_are_refused() {
    let place = Place::new(&["katze"]);
    place.tags(b"tag_id,name,category,count\n0,katze,0,7\n", 1);
    place.check_fails(
        "the run in `DATA/models/tagger` was made by an earlier version: it has no content classes",
    );
    let place = Place::new(&["katze"]);
    fs::remove_file(place.config.run.join(SCRIPT)).unwrap();
    place.check_fails("the run in `DATA/models/tagger` was made by an earlier version: it has no model.ts");
}

#[test]
fn what_is_no_run_is_refused() {
    let place = Place::new(&["katze"]);
    fs::remove_file(place.config.run.join(CONFIG)).unwrap();
    place.check_fails("there is no finished run in `DATA/models/tagger`");
    place.put(CONFIG, b"{");
    place.check_fails(
        "`DATA/models/tagger/config.json` is damaged: EOF while parsing an object at line 1 column 1",
    );
    place.list(&["katze"]);
    place.configure(|config| config["architecture"] = json!("vit_base"));
    place.check_fails(
        "`DATA/models/tagger/config.json` names the architecture `vit_base`, which cannot be exported",
    );
}

#[test]
fn damaged_runs_are_refused() {
    let put = |name: &'static str, bytes: &'static [u8]| move |place: &Place| place.put(name, bytes);
    let cases: Vec<(Damage, &str)> = vec![
        (
            Box::new(|place| {
                place.configure(|config| config["pretrained_cfg"]["input_size"] = json!([3, 64, 32]))
            }),
            "`DATA/models/tagger/config.json` is damaged: pictures of [3, 64, 32] are not square and of three colours",
        ),
        (
            Box::new(|place| place.configure(|config| config["pretrained_cfg"]["std"] = json!([1, 0, 1]))),
            "`DATA/models/tagger/config.json` is damaged: a standard deviation is 0",
        ),
        (
            Box::new(put(TAGS, b"tag_id,name\n0,sfw\n")),
            "`DATA/models/tagger/selected_tags.csv` is damaged: CSV deserialize error: record 1 (line: 2, byte: 12): missing field `category`",
        ),
        (
            Box::new(put(TAGS, b"tag_id,name,category,count\n0,sfw,9,1\n")),
            "`DATA/models/tagger/selected_tags.csv` is damaged: it has 1 rows, and the model 5 outputs",
        ),
        (
            Box::new(|place| {
                place.configure(|config| config["tagmill"]["vocabulary_sha256"] = json!("00"));
            }),
            "`DATA/models/tagger/selected_tags.csv` is damaged: its contents changed since the training",
        ),
        (
            Box::new(|place| {
                let list = b"tag_id,name,category,count\n0,sfw,9,1\n1,nsfw,9,1\n2,nsfl,9,1\n3,katze,0,1\n4,nsfp,9,1\n";
                place.tags(list, 5);
            }),
            "`DATA/models/tagger/selected_tags.csv` is damaged: it is not four rows of category 9, then those of category 0, then those of category 4",
        ),
        (
            Box::new(put(THRESHOLDS, b"category,threshold\n4,0.5\n")),
            "`DATA/models/tagger/thresholds.csv` is damaged: it has no threshold for category 0",
        ),
        (
            Box::new(put(THRESHOLDS, b"category,threshold\n0,NaN\n")),
            "`DATA/models/tagger/thresholds.csv` is damaged: a threshold is no number",
        ),
        (
            Box::new(|place| fs::remove_file(place.config.run.join(THRESHOLDS)).unwrap()),
            "cannot read `DATA/models/tagger/thresholds.csv`",
        ),
        (
            Box::new(put("per_tag_thresholds.csv", b"name,threshold\nhund,0.5\n")),
            "`DATA/models/tagger/per_tag_thresholds.csv` is damaged: its tags are others than those of selected_tags.csv",
        ),
        (
            Box::new(put("metrics.json", b"[]x")),
            "`DATA/models/tagger/metrics.json` is damaged: invalid length 0, expected struct Training with 5 elements at line 1 column 2",
        ),
        (Box::new(put(WEIGHTS, b"x")), "`DATA/models/tagger/model.safetensors` is damaged: header too small"),
        (
            Box::new(|place| fs::remove_file(place.config.run.join(WEIGHTS)).unwrap()),
            "cannot read `DATA/models/tagger/model.safetensors`",
        ),
        (
            Box::new(|place| place.configure(|config| config["architecture"] = json!("torchscript"))),
            "cannot read `DATA/models/tagger/backbone.ts`",
        ),
        (
            Box::new(|place| place.put(WEIGHTS, &weights(&tensors(9)))),
            "`DATA/models/tagger/model.safetensors` is damaged: it has 9 outputs, and selected_tags.csv 5 rows",
        ),
        (
            Box::new(|place| place.put(WEIGHTS, &weights(&tensors(5)[..4]))),
            "`DATA/models/tagger/model.safetensors` is damaged: it has no `fc.bias`",
        ),
        (
            Box::new(|place| place.put(WEIGHTS, &weights(&tensors(5)[1..]))),
            "the weights in `DATA/models/tagger/model.safetensors` do not make a network",
        ),
    ];
    for (damage, expected) in cases {
        let place = Place::new(&["katze"]);
        damage(&place);
        place.check_fails(expected);
    }
}
