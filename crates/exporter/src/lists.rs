//! The small files of both layouts.

use serde::Serialize;
use serde_json::{Value, json};

use crate::source::{CHARACTER, GENERAL, HALF, Output, Pictures, RATING, RATINGS, Source};

/// `config.json`: the run's, and the names of the outputs, which timm knows too.
pub(crate) fn config(source: &Source, names: &[String]) -> Vec<u8> {
    let mut config = source.config.clone();
    if let Value::Object(members) = &mut config {
        members.insert("label_names".to_owned(), json!(names));
    }
    pretty(&config)
}

/// `selected_tags.csv` of the WD taggers' layout. Its last row is of category 4, since without one ComfyUI's node names every
/// tag a second time.
pub(crate) fn wd_tags(outputs: &[Output], names: &[String]) -> Vec<u8> {
    let rows = outputs.iter().zip(names).enumerate().map(|(place, (output, name))| {
        let category = if place + 1 == outputs.len() { CHARACTER } else { output.category };
        (&output.tag_id, name, category, output.count)
    });
    csv(&["tag_id", "name", "category", "count"], rows)
}

/// `thresholds.csv` of the WD taggers' layout: the characters have that of general tags where they have none of their own.
pub(crate) fn wd_thresholds(source: &Source) -> Vec<u8> {
    let general = source.threshold(GENERAL);
    let of = |category| source.threshold(category).map(|threshold| (category, threshold));
    let character = of(CHARACTER).or(general.map(|threshold| (CHARACTER, threshold)));
    csv(&["category", "threshold"], [of(GENERAL), character, of(RATING)].into_iter().flatten())
}

/// `selected_tags.csv` of imgutils' layout: with each tag's own threshold, where the run has them.
pub(crate) fn imgutils_tags(source: &Source, names: &[String]) -> Vec<u8> {
    let rows = source.outputs.iter().zip(names);
    match &source.own_thresholds {
        Some(own) => {
            let rows = rows.zip(own).map(|((output, name), threshold)| (name, output.category, threshold));
            csv(&["name", "category", "best_threshold"], rows)
        }
        None => csv(&["name", "category"], rows.map(|(output, name)| (name, output.category))),
    }
}

/// `thresholds.csv` of imgutils' layout: one for each category that has tags.
pub(crate) fn imgutils_thresholds(source: &Source) -> Vec<u8> {
    let general = source.threshold(GENERAL).unwrap_or(HALF);
    let rows = categories(&source.outputs).into_iter().map(|category| {
        let otherwise = if category == RATING { HALF } else { general };
        (category, source.threshold(category).unwrap_or(otherwise))
    });
    csv(&["category", "threshold"], rows)
}

/// `categories.json`.
pub(crate) fn imgutils_categories(outputs: &[Output]) -> Vec<u8> {
    let name = |category| match category {
        RATING => "rating",
        CHARACTER => "character",
        _ => "general",
    };
    let categories = categories(outputs).into_iter();
    let list: Vec<Value> =
        categories.map(|category| json!({ "category": category, "name": name(category) })).collect();
    pretty(&Value::from(list))
}

/// `preprocess.json`: laid on white, squashed with antialiasing, normalised.
pub(crate) fn imgutils_preprocess(pictures: &Pictures) -> Vec<u8> {
    let size = pictures.size();
    let transforms = json!([
        { "type": "convert_rgb", "force_background": "white" },
        { "type": "resize", "size": [size, size], "interpolation": "bilinear", "max_size": null, "antialias": true },
        { "type": "maybe_to_tensor" },
        { "type": "normalize", "mean": pictures.mean, "std": pictures.std },
    ]);
    pretty(&json!({ "test": transforms, "val": transforms }))
}

/// The categories that have outputs: rows stand by category, content classes first.
fn categories(outputs: &[Output]) -> Vec<u32> {
    let mut categories: Vec<u32> = outputs[RATINGS..].iter().map(|output| output.category).collect();
    categories.dedup();
    categories.push(RATING);
    categories
}

fn csv<Row: Serialize>(header: &[&str], rows: impl IntoIterator<Item = Row>) -> Vec<u8> {
    let mut csv = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    csv.write_record(header).expect("a Vec takes everything");
    for row in rows {
        csv.serialize(row).expect("a Vec takes rows of texts and numbers");
    }
    csv.into_inner().expect("a Vec takes everything")
}

fn pretty(value: &Value) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("a Vec takes a value");
    bytes.push(b'\n');
    bytes
}
