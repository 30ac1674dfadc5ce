use std::path::Path;

use anyhow::{Result, ensure};
use serde::Deserialize;

/// What the built-in board's pictures should allow: most of what is missing are tags that nobody gave.
const AIM: f64 = 0.75;

/// A row of the run's `validation/per_tag.csv`.
#[derive(Deserialize)]
struct Judged {
    tag: String,
    average_precision: Option<f64>,
    prior_average_precision: Option<f64>,
}

/// The mean average precision of those tags alone that a picture can show, beside the prior's.
pub(super) fn sentence(validation: &Path, visual_tags: &[String]) -> Result<String> {
    let rows: Vec<Judged> = super::rows(&validation.join("per_tag.csv"))?;
    let pairs: Vec<(f64, f64)> = rows
        .iter()
        .filter(|row| visual_tags.contains(&row.tag))
        .filter_map(|row| Some((row.average_precision?, row.prior_average_precision?)))
        .collect();
    ensure!(!pairs.is_empty(), "no visual tag was judged");
    let count = pairs.len() as f64;
    let model = pairs.iter().map(|pair| pair.0).sum::<f64>() / count;
    let prior = pairs.iter().map(|pair| pair.1).sum::<f64>() / count;
    let verdict = if model >= AIM { "reached" } else { "missed" };
    Ok(format!(
        "mAP of the {count} tags that a picture can show: {model:.3} (prior {prior:.3}); the aim of {AIM} is {verdict}"
    ))
}
