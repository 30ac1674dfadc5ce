use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Work;
use super::stages::Stages;

/// How many predictions are shown.
const SHOWN: usize = 5;

/// A row of the run's `validation/predictions.csv`.
#[derive(Deserialize)]
struct Judged {
    image: String,
    /// The true tags, as JSON.
    tags: String,
}

/// A picture in predict's report.
#[derive(Deserialize)]
struct Prediction {
    path: PathBuf,
    tags: Vec<ScoredTag>,
}

#[derive(Deserialize)]
struct ScoredTag {
    name: String,
    score: f64,
}

/// Lets `tagmill predict` tag some pictures that the tagger has never seen, and sets its tags beside the true ones.
pub(super) fn predict(stages: &mut Stages, work: &Work, run: &str) -> Result<String> {
    let judged = held_out(work, run)?;
    let media = work.folder.join("media");
    let files: Vec<String> =
        judged.iter().map(|row| media.join(&row.image).to_string_lossy().into_owned()).collect();
    let arguments = ["--run", run].into_iter().chain(files.iter().map(String::as_str));
    let report = stages.run("predict", &arguments.collect::<Vec<_>>())?;
    let predictions = Vec::<Prediction>::deserialize(&report.report()["predictions"])
        .context("`tagmill predict --json` reported no predictions")?;
    let mut text = "predictions for pictures that training never saw (* is right)\n".to_owned();
    for (judged, prediction) in judged.iter().zip(&predictions) {
        let truth: Vec<String> = serde_json::from_str(&judged.tags)?;
        text += &format!("\n  {}\n", prediction.path.display());
        let known = if truth.is_empty() { "none that it has learned".to_owned() } else { truth.join(", ") };
        text += &format!("    true       {known}\n");
        text += &format!("    predicted  {}\n", predicted(prediction, &truth));
    }
    Ok(text)
}

fn predicted(prediction: &Prediction, truth: &[String]) -> String {
    let tags = prediction.tags.iter().map(|ScoredTag { name, score }| {
        let mark = if truth.contains(name) { "*" } else { "" };
        format!("{mark}{name} {score:.2}")
    });
    tags.collect::<Vec<_>>().join(", ")
}

/// Some of the items that validate judged, spread over all of them.
fn held_out(work: &Work, run: &str) -> Result<Vec<Judged>> {
    let rows: Vec<Judged> = super::rows(&work.validation(run).join("predictions.csv"))?;
    let step = (rows.len() / SHOWN).max(1);
    Ok(rows.into_iter().step_by(step).take(SHOWN).collect())
}
