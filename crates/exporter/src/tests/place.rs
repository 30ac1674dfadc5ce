//! A run made by hand, and a folder to export it into.

use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use tagmill_model::sha256;
use tempfile::TempDir;

use crate::*;

pub(super) const SCRIPT_BYTES: &[u8] = b"a script";

/// A run and a folder to export into. Two of a kind are alike, byte for byte.
pub(super) struct Place {
    pub(super) folder: TempDir,
    pub(super) config: Config,
}

/// The names and shapes of a residual network with one block a layer.
pub(super) fn tensors(classes: usize) -> Vec<(String, Vec<usize>)> {
    let mut list = Vec::new();
    let mut conv_norm = |conv: &str, norm: &str, shape: [usize; 4]| {
        list.push((format!("{conv}.weight"), shape.to_vec()));
        for part in ["weight", "bias", "running_mean", "running_var"] {
            list.push((format!("{norm}.{part}"), vec![shape[0]]));
        }
    };
    conv_norm("conv1", "bn1", [64, 3, 7, 7]);
    let mut channels = 64;
    for layer in 1..=4 {
        let (width, prefix) = (32 << layer, format!("layer{layer}.0"));
        conv_norm(&format!("{prefix}.conv1"), &format!("{prefix}.bn1"), [width, channels, 3, 3]);
        conv_norm(&format!("{prefix}.conv2"), &format!("{prefix}.bn2"), [width, width, 3, 3]);
        if channels != width {
            conv_norm(
                &format!("{prefix}.downsample.0"),
                &format!("{prefix}.downsample.1"),
                [width, channels, 1, 1],
            );
        }
        channels = width;
    }
    list.push(("fc.weight".to_owned(), vec![classes, channels]));
    list.push(("fc.bias".to_owned(), vec![classes]));
    list
}

pub(super) fn weights(tensors: &[(String, Vec<usize>)]) -> Vec<u8> {
    let data: Vec<Vec<u8>> =
        tensors.iter().map(|(_, shape)| vec![0; 4 * shape.iter().product::<usize>()]).collect();
    let views = tensors
        .iter()
        .zip(&data)
        .map(|((name, shape), data)| (name, TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

pub(super) fn figures(value: f64, interval: bool) -> Value {
    let estimate = |value: f64| match interval {
        true => json!({ "value": value, "interval": { "low": value - 0.01, "high": value + 0.01 } }),
        false => json!({ "value": value }),
    };
    let at = |point: &str, threshold: Option<f64>| {
        let mut at = json!({ "point": point, "threshold": threshold });
        for figure in
            ["micro_precision", "micro_recall", "micro_f1", "macro_precision", "macro_recall", "macro_f1"]
        {
            at[figure] = estimate(value);
        }
        at
    };
    json!({
        "mean_average_precision": estimate(value),
        "classes_judged": 5,
        "label_ranking_average_precision": estimate(value),
        "at_k": [{ "k": 1, "accuracy": estimate(value), "precision": estimate(value), "recall": estimate(value) }],
        "at_threshold": [at("best_micro_f1", Some(0.25)), at("per_tag", None)],
        "by_frequency": [
            { "from": 10, "below": 100, "classes": 3, "classes_judged": 3, "mean_average_precision": estimate(value) },
            { "from": 100, "below": null, "classes": 2, "classes_judged": 2, "mean_average_precision": estimate(value) },
        ],
    })
}

impl Place {
    pub(super) fn new(tags: &[&str]) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("models/tagger");
        fs::create_dir_all(&run).unwrap();
        let place = Place { config: Config::new(run, folder.path().join("out")), folder };
        place.put(SCRIPT, SCRIPT_BYTES);
        place.put(WEIGHTS, &weights(&tensors(4 + tags.len())));
        place.put(THRESHOLDS, b"category,threshold\n0,0.25\n");
        place.put("history.csv", b"epoch\n1\n");
        place.list(tags);
        place
    }

    /// Names of these tags, in all files that have them.
    pub(super) fn list(&self, tags: &[&str]) {
        let mut list = csv::Writer::from_writer(Vec::new());
        list.write_record(["tag_id", "name", "category", "count"]).unwrap();
        let mut own = csv::Writer::from_writer(Vec::new());
        own.write_record(["tag_id", "name", "threshold", "positives"]).unwrap();
        let ratings = ["sfw", "nsfw", "nsfl", "nsfp"].map(|name| (name, "9"));
        for (place, (name, category)) in
            ratings.into_iter().chain(tags.iter().map(|tag| (*tag, "0"))).enumerate()
        {
            list.write_record([&place.to_string(), name, category, &(100 - place).to_string()]).unwrap();
            own.write_record([&place.to_string(), name, &format!("0.{place}5"), "3"]).unwrap();
        }
        self.put("per_tag_thresholds.csv", &own.into_inner().unwrap());
        self.tags(&list.into_inner().unwrap(), 4 + tags.len());
    }

    /// These bytes as `selected_tags.csv`, and a config that fits.
    pub(super) fn tags(&self, bytes: &[u8], classes: usize) {
        self.put(TAGS, bytes);
        let config = json!({
            "architecture": "resnet18",
            "num_classes": classes,
            "num_features": 512,
            "global_pool": "avg",
            "model_args": {},
            "pretrained_cfg": { "input_size": [3, 64, 64], "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25] },
            "tagmill": {
                "version": "0.1.0",
                "vocabulary_sha256": sha256(bytes),
                "train_items": 200,
                "settings": { "epochs": 3, "loss": { "name": "bce" }, "ema": null },
            },
        });
        self.put(CONFIG, config.to_string().as_bytes());
    }

    pub(super) fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.config.run.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Changes the run's config.
    pub(super) fn configure(&self, change: impl FnOnce(&mut Value)) {
        let mut config = serde_json::from_slice(&fs::read(self.config.run.join(CONFIG)).unwrap()).unwrap();
        change(&mut config);
        self.put(CONFIG, config.to_string().as_bytes());
    }

    pub(super) fn run(&self) -> Result<Report, Error> {
        run(&self.config, &(), &CancellationToken::new())
    }

    pub(super) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.config.folder.join(name)).unwrap()
    }

    /// What the folder has, by path.
    pub(super) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let (mut files, mut folders) = (BTreeMap::new(), vec![self.config.folder.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = path.strip_prefix(&self.config.folder).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
        files
    }

    /// Nothing is exported, and the error says this of it.
    #[track_caller]
    pub(super) fn check_fails(&self, expected: &str) {
        let error = self.run().unwrap_err();
        let folder = self.folder.path().to_str().unwrap();
        assert_eq!(error.to_string().replace(folder, "DATA"), expected);
        assert!(!self.config.folder.exists());
    }
}
