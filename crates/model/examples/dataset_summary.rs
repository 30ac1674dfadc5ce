//! Prints how many rows a `dataset.csv` has and its ten commonest tags.
//!
//! `cargo run -p tagmill-model --features dataset --example dataset_summary -- data/dataset.csv`
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::collections::HashMap;
use std::path::Path;

use tagmill_model::Vocabulary;
use tagmill_model::dataset::DatasetReader;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "data/dataset.csv".to_owned());
    let mut rows = 0;
    let mut counts: HashMap<String, u64> = HashMap::new();
    for row in DatasetReader::open(Path::new(&path))? {
        rows += 1;
        for tag in row?.tags {
            *counts.entry(tag.name).or_default() += 1;
        }
    }
    println!("{rows} rows");
    for class in Vocabulary::from_counts(counts, 1, Some(10)).classes() {
        println!("{:>8}  {}", class.count, class.name);
    }
    Ok(())
}
