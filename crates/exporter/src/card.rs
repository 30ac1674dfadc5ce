//! The model card: what the hub reads of its YAML head, and what people read below.
//! <https://huggingface.co/docs/hub/model-cards>

use std::cmp::Reverse;

use serde_json::{Value, json};
use tagmill_model::card::{inline, settings, yaml};

use crate::Config;
use crate::figures::{ContentClass, Estimate, Figures, Training, Validation};
use crate::source::{GENERAL, Kind, RATINGS, Source};

/// How many of the commonest tags are named.
const SHOWN: usize = 20;

pub(crate) fn card(config: &Config, source: &Source, names: &[String]) -> String {
    let parts = [
        head(config, source),
        introduction(config, source),
        figures(source),
        training(source),
        content_classes(source),
        tags(source, names),
        pictures(source),
        files(source.kind),
        LIMITS.to_owned(),
        license(config),
    ];
    parts.join("\n")
}

fn head(config: &Config, source: &Source) -> String {
    let license = config.license.as_ref().map_or("unknown".to_owned(), ToString::to_string);
    let mut head = format!("---\nlicense: {license}\n");
    let mut tags = vec!["multi-label", "image-tagging", "tagmill"];
    if source.kind == Kind::Resnet {
        head += "library_name: timm\n";
        tags.extend(["timm", "onnx", "safetensors"]);
    }
    head += "pipeline_tag: image-classification\ntags:\n";
    for tag in tags {
        head += &format!("- {tag}\n");
    }
    if let Some((model, _)) = held_out(source) {
        // A JSON list is a YAML list.
        let metrics = Value::from(index(model));
        head += &format!(
            "model-index:\n- name: {}\n  results:\n  - task:\n      type: image-classification\n      name: Multi-label image classification\n    \
             dataset:\n      type: tagmill\n      name: Held-out items\n    metrics: {metrics}\n",
            yaml(&config.title)
        );
    }
    head + "---\n"
}

/// The figures as the hub shows them.
fn index(figures: &Figures) -> Vec<Value> {
    let metric = |kind: &str, name: &str, value: f64| json!({ "type": kind, "name": name, "value": value });
    let mut metrics = vec![metric("mean_average_precision", "mAP", figures.mean_average_precision.value)];
    if let Some(at) = figures.at(BEST_MICRO_F1) {
        metrics.push(metric("f1", "micro F1", at.micro_f1.value));
        metrics.push(metric("f1", "macro F1", at.macro_f1.value));
    }
    metrics
}

fn introduction(config: &Config, source: &Source) -> String {
    let size = source.network.pretrained_cfg.size();
    let network = match source.kind {
        Kind::Resnet => format!("A `{}`", source.network.architecture),
        Kind::Script => "A TorchScript backbone with a linear head".to_owned(),
    };
    format!(
        "# {title}\n\n\
         {network} that tags pictures of {size} by {size} pixels. Each of its {outputs} outputs is a probability of its own:\n\
         {RATINGS} content classes, then {tags} tags. It learned from pictures and the tags that people gave them, with\n\
         tagmill {version}.\n",
        title = inline(&config.title),
        outputs = source.outputs.len(),
        tags = source.outputs.len() - RATINGS,
        version = inline(&source.network.tagmill.version),
    )
}

/// The model's figures on items that it has never seen, and the validation that they are of.
fn held_out(source: &Source) -> Option<(&Figures, &Validation)> {
    let validation = source.validation.as_ref()?;
    Some((validation.model.as_ref()?, validation))
}

fn figures(source: &Source) -> String {
    let mut text = "## Figures\n\n".to_owned();
    let chosen =
        source.training.as_ref().and_then(|training| Some((training, training.validation.as_ref()?)));
    match (held_out(source), chosen) {
        (Some((model, validation)), _) => {
            text += &format!(
                "Of its tags, on {} items that nothing of it has seen, beside guessing each tag by its frequency. In brackets the\n\
                 95 % bootstrap interval of {} resamples.\n\n",
                validation.pictures, validation.resamples,
            );
            text += &figures_table(model, validation.prior.as_ref());
            if let Some(ContentClass { accuracy, prior_accuracy }) = validation.content_class {
                text += &format!(
                    "\nIts likeliest content class is right for {:.1} % of them; always saying the commonest one is right for {:.1} %.\n",
                    accuracy * 100.0,
                    prior_accuracy * 100.0,
                );
            }
        }
        (None, Some((training, figures))) => {
            text += &format!(
                "**It was not judged on held-out items.** These are its figures on the {} validation items that chose its best\n\
                 epoch and its thresholds, and so flatter it.\n\n",
                training.validation_pictures,
            );
            text += &figures_table(figures, None);
        }
        (None, None) => text += "Nothing has been measured.\n",
    }
    text
}

const BEST_MICRO_F1: &str = "best_micro_f1";

/// The points that thresholds were chosen for, as they stand in `metrics.json`, and what they are called here.
const POINTS: [(&str, &str); 4] = [
    (BEST_MICRO_F1, "threshold of best micro F1"),
    ("best_macro_f1", "threshold of best macro F1"),
    ("break_even", "threshold where precision equals recall"),
    ("per_tag", "each tag's own threshold"),
];

fn figures_table(model: &Figures, prior: Option<&Figures>) -> String {
    let mut rows: Vec<(String, Estimate, Option<Estimate>)> = Vec::new();
    let mut row = |name: String, of: &dyn Fn(&Figures) -> Option<Estimate>| {
        if let Some(figure) = of(model) {
            rows.push((name, figure, prior.and_then(of)));
        }
    };
    row("mAP".to_owned(), &|figures| Some(figures.mean_average_precision));
    row("label ranking average precision".to_owned(), &|figures| {
        Some(figures.label_ranking_average_precision)
    });
    for k in [1, 5] {
        row(format!("a true tag among the best {k}"), &|figures| figures.best(k).map(|at| at.accuracy));
    }
    for (point, name) in POINTS {
        let Some(at) = model.at(point) else { continue };
        let name = match at.threshold {
            Some(threshold) => format!("{name}, {threshold:.3}"),
            None => name.to_owned(),
        };
        row(format!("micro precision, {name}"), &|figures| figures.at(point).map(|at| at.micro_precision));
        row(format!("micro recall, {name}"), &|figures| figures.at(point).map(|at| at.micro_recall));
        row(format!("micro F1, {name}"), &|figures| figures.at(point).map(|at| at.micro_f1));
        row(format!("macro F1, {name}"), &|figures| figures.at(point).map(|at| at.macro_f1));
    }
    for bucket in &model.by_frequency {
        let range = match bucket.below {
            Some(below) => format!("{} to {} training items", bucket.from, below - 1),
            None => format!("{} training items or more", bucket.from),
        };
        let name = format!("mAP of the {} classes with {range}", bucket.classes);
        row(name, &|figures| figures.bucket(bucket.from).map(|bucket| bucket.mean_average_precision));
    }
    let mut text = match prior {
        Some(_) => "| figure | model | by frequency |\n|---|---:|---:|\n".to_owned(),
        None => "| figure | model |\n|---|---:|\n".to_owned(),
    };
    for (name, figure, of_prior) in rows {
        text += &format!("| {name} | {} |", number(figure));
        if prior.is_some() {
            text += &format!(" {} |", of_prior.map_or("none".to_owned(), number));
        }
        text += "\n";
    }
    text
}

/// `0.412 (0.398 to 0.427)`
fn number(estimate: Estimate) -> String {
    match estimate.interval {
        Some(interval) => format!("{:.3} ({:.3} to {:.3})", estimate.value, interval.low, interval.high),
        None => format!("{:.3}", estimate.value),
    }
}

fn training(source: &Source) -> String {
    let provenance = &source.network.tagmill;
    let mut text = "## How it was trained\n\n".to_owned();
    if let Some(Training { train_pictures, validation_pictures, epochs, best_epoch, .. }) = source.training {
        text += &format!(
            "On {train_pictures} pictures for {epochs} epochs; epoch {best_epoch} is kept. {validation_pictures} others chose it and\n\
             the thresholds. Near-duplicates of a picture stand on its side of the split.\n"
        );
    } else {
        text += &format!("On {} pictures.\n", provenance.train_items);
    }
    let settings = settings(&provenance.settings);
    if !settings.is_empty() {
        text += "\n| setting | value |\n|---|---|\n";
        for (name, value) in settings {
            text += &format!("| {} | {} |\n", inline(&name), inline(&value));
        }
    }
    text
}

fn content_classes(source: &Source) -> String {
    let mut text = "## Content classes\n\n\
        The first four outputs stand in the slots where the WD taggers have their ratings, category 9. The likeliest is the\n\
        one to name. A picture that nobody put into one of the others was `sfw`.\n\n| class | training items |\n|---|---:|\n"
        .to_owned();
    for output in &source.outputs[..RATINGS] {
        text += &format!("| {} | {} |\n", inline(&output.name), output.count);
    }
    text
}

fn tags(source: &Source, names: &[String]) -> String {
    let mut tags: Vec<(&String, u64)> =
        names.iter().zip(&source.outputs).skip(RATINGS).map(|(name, output)| (name, output.count)).collect();
    let (most, fewest) = (tags.iter().map(|tag| tag.1).max(), tags.iter().map(|tag| tag.1).min());
    let mut text = format!(
        "## Tags\n\n{} tags, of {} to {} training items each. `selected_tags.csv` has them all, in the order of the outputs.\n",
        tags.len(),
        fewest.unwrap_or_default(),
        most.unwrap_or_default(),
    );
    if let Some(threshold) = source.threshold(GENERAL) {
        text += &format!(
            "A tag counts as predicted from a probability of {threshold:.3} on: the threshold with the best micro F1\n\
            on validation items.\n"
        );
    }
    tags.sort_by_key(|tag| Reverse(tag.1));
    tags.truncate(SHOWN);
    text += "\n| commonest tag | training items |\n|---|---:|\n";
    for (name, count) in tags {
        text += &format!("| {} | {count} |\n", inline(name));
    }
    text
}

fn pictures(source: &Source) -> String {
    let pictures = &source.network.pretrained_cfg;
    format!(
        "## Pictures\n\n\
         It learned from pictures that were turned upright, laid on white and **squashed** to {size} by {size} pixels, whatever their\n\
         shape, by an antialiased bilinear filter: nothing was cut off, and nothing was put around them. Tools that letterbox or\n\
         crop show it pictures of a kind that it has not seen, and get other scores. For all but the `model.onnx` beside this\n\
         card, which takes blue, green and red from 0 to 255, colours are red, green and blue from 0 to 1, less {mean:?}, by\n\
         {std:?}.\n",
        size = pictures.size(),
        mean = pictures.mean,
        std = pictures.std,
    )
}

fn files(kind: Kind) -> String {
    let mut text = "## Files\n\n| file | for | what it is |\n|---|---|---|\n".to_owned();
    let rows: &[(&str, &str, &str)] = match kind {
        Kind::Resnet => &[
            (
                "`model.onnx`",
                "sd-scripts, ComfyUI, onnxruntime",
                "NHWC, BGR, 0 to 255; probabilities, logits and embeddings",
            ),
            ("`model.safetensors`, `config.json`", "timm", "weights under timm's names"),
            ("`model.ts`", "PyTorch", "TorchScript: NCHW, normalised; probabilities"),
            (
                "`selected_tags.csv`",
                "all of these",
                "row i is output i; the last is of category 4 for ComfyUI's sake alone",
            ),
            ("`thresholds.csv`", "people", "the threshold of each category"),
            (
                "`imgutils/`",
                "imgutils",
                "its own layout, complete by itself; `model.onnx` is NCHW and normalised",
            ),
        ],
        Kind::Script => &[
            ("`backbone.ts`", "PyTorch", "TorchScript: NCHW, normalised, to feature vectors or maps"),
            ("`model.safetensors`", "PyTorch", "the head: `fc.weight` and `fc.bias`"),
            ("`config.json`", "people", "how pictures are prepared"),
            (
                "`selected_tags.csv`",
                "people",
                "row i is output i; the last is of category 4 for some tools' sake alone",
            ),
            ("`thresholds.csv`", "people", "the threshold of each category"),
        ],
    };
    for (file, tools, what) in rows {
        text += &format!("| {file} | {tools} | {what} |\n");
    }
    if kind == Kind::Script {
        text += SCRIPT;
    }
    text
}

const SCRIPT: &str = "
Its backbone is a TorchScript, so there is no ONNX model, and nothing for timm and imgutils. Probabilities of normalised pictures:

```python
import torch
from safetensors.torch import load_file

backbone, head = torch.jit.load(\"backbone.ts\").eval(), load_file(\"model.safetensors\")
features = backbone(pictures)
if features.dim() == 4:
    features = features.mean((2, 3))
probabilities = torch.sigmoid(torch.nn.functional.linear(features, head[\"fc.weight\"], head[\"fc.bias\"]))
```
";

const LIMITS: &str = "## Limits

- Tags are what people typed: their jokes, their spelling, their view of the world and of others. Some may be rude. The model
  repeats them, and is no judge of what a picture shows, least of all of who is in it.
- People name what they find worth naming. That a picture lacks a tag does not say that the tag is wrong for it, and the figures
  count such tags against the model.
- Content classes are guesses. Do not rely on them alone to keep anything from anyone.
- Of tags with few training items it knows little, and pictures of other kinds than these it has not seen.
";

fn license(config: &Config) -> String {
    let text = match &config.license {
        Some(license) => format!(
            "`{license}`, for the model. It says nothing on the pictures that it learned from, which are not part of it."
        ),
        None => "Unknown: whoever made this model named none. Ask before you use it for more than looking."
            .to_owned(),
    };
    format!("## Licence\n\n{text}\n")
}
