//! What each part of prepare takes: one thread, all rows in memory.

use std::path::Path;

use tagmill_model::ItemId;
use tagmill_model::dataset::{DatasetFormat, RowEncoder, RowHead};
use tagmill_preparer::tags::each;
use tagmill_preparer::{Interpreter, Labels, TagRules};
use tagmill_store::Row;

use crate::Failed;
use crate::process::{Bare, cpu_seconds, median, rows};
use crate::report::{grouped, heading, table};

/// Runs of each; the middle ones count.
const RUNS: usize = 5;

/// Items that are looked at.
const LAST: ItemId = ItemId(100_000);

pub(crate) fn run(path: &Path) -> Result<(), Failed> {
    let mut all = Vec::new();
    rows(path, LAST, |row| {
        all.push(row.clone().into_owned());
        Ok(())
    })?;
    let json: Vec<&str> = all.iter().map(|row| row.tags_data.as_deref().unwrap_or("[]")).collect();
    let items = all.len() as f64;
    let mut lines = Vec::new();
    let mut measure = |name: &str, work: &mut dyn FnMut() -> Result<(), Failed>| {
        let mut figures = Vec::new();
        for _ in 0..RUNS {
            let before = cpu_seconds()?;
            work()?;
            figures.push(cpu_seconds()? - before);
        }
        let seconds = median(figures) / items;
        lines.push(vec![name.to_owned(), format!("{:.2} us", seconds * 1e6), grouped(1.0 / seconds)]);
        Ok::<(), Failed>(())
    };
    measure("scan", &mut || rows(path, LAST, |_| Ok(())))?;
    measure("bare parse", &mut || {
        for json in &json {
            serde_json::from_str::<Vec<Bare<'_>>>(json)?;
        }
        Ok(())
    })?;
    measure("parse", &mut || {
        for json in &json {
            each(json, |_| {})?;
        }
        Ok(())
    })?;
    let mut interpreter = Interpreter::new(&TagRules::default())?;
    measure("parse and transform", &mut || {
        for json in &json {
            interpreter.labels(json)?;
        }
        Ok(())
    })?;
    let labels: Vec<Labels> = json.iter().map(|json| interpreter.labels(json)).collect::<Result<_, _>>()?;
    let mut encoder = RowEncoder::new(DatasetFormat::Csv, 24);
    measure("CSV", &mut || {
        for (row, labels) in all.iter().zip(&labels) {
            encoder.push(&head(row), labels.tags.iter().map(|tag| (tag.name.as_str(), tag.confidence)));
        }
        encoder.finish();
        Ok(())
    })?;
    heading("Parts, one thread");
    table(&["", "CPU an item", "items/s"], &lines);
    Ok(())
}

fn head<'a>(row: &'a Row<'_>) -> RowHead<'a> {
    RowHead {
        id: row.id,
        image: &row.image,
        created: row.created,
        width: row.width,
        height: row.height,
        flags: row.flags,
        content: row.flags,
    }
}
