//! The flags that train, validate and `tagmill split` share: which items test, and where decoded pictures are kept.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use tagmill_model::{ItemId, SplitBy, SplitConfig};

use crate::DataDir;

/// Which items train, which choose, which test.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Split")]
pub struct SplitArgs {
    /// What decides which items test: the hash of their id, the time (the newest test), or a file
    #[arg(long, value_name = "RULE", value_enum, default_value_t = SplitRule::Hash)]
    split: SplitRule,
    /// CSV with a column `id` of the items that test, such as dataset_test.csv, for `--split file`
    #[arg(long, value_name = "FILE", required_if_eq("split", "file"))]
    split_file: Option<PathBuf>,
    /// Share of the items that only test
    #[arg(long, value_name = "SHARE", default_value_t = SplitConfig::default().test_fraction)]
    test_fraction: f64,
    /// Share of the other items that chooses the best epoch and the threshold
    #[arg(long, value_name = "SHARE", default_value_t = SplitConfig::default().validation_fraction)]
    validation_fraction: f64,
    /// Another seed gives another split
    #[arg(long, value_name = "N", default_value_t = SplitConfig::default().seed)]
    split_seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SplitRule {
    Hash,
    Time,
    File,
}

impl SplitArgs {
    /// Seed and shares.
    pub fn config(&self) -> SplitConfig {
        SplitConfig {
            seed: self.split_seed,
            test_fraction: self.test_fraction,
            validation_fraction: self.validation_fraction,
        }
    }

    /// What decides which items test.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn by(&self) -> Result<SplitBy> {
        match (self.split, &self.split_file) {
            (SplitRule::File, Some(file)) => Ok(SplitBy::List(ids(file)?)),
            (SplitRule::Time, _) => Ok(SplitBy::Time),
            (SplitRule::Hash | SplitRule::File, _) => Ok(SplitBy::Hash),
        }
    }
}

/// The column `id` of a CSV file.
fn ids(file: &Path) -> Result<Vec<ItemId>> {
    let name = file.display();
    let mut csv = csv::Reader::from_path(file).with_context(|| format!("cannot read `{name}`"))?;
    let header = csv.headers().with_context(|| format!("cannot read `{name}`"))?;
    let column = header
        .iter()
        .position(|name| name == "id")
        .with_context(|| format!("`{name}` names no test items: its header has no column `id`"))?;
    let mut ids = Vec::new();
    for record in csv.records() {
        let record = record.with_context(|| format!("cannot read `{name}`"))?;
        let line = record.position().map_or(0, csv::Position::line);
        let text = record.get(column).unwrap_or_default();
        let id = text.parse().with_context(|| format!("`{name}` line {line}: `{text}` is no item's id"))?;
        ids.push(ItemId(id));
    }
    Ok(ids)
}

/// Where decoded pictures are kept.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Pictures")]
pub struct CacheArgs {
    /// Whether decoded pictures are kept on disk for other runs
    #[arg(long, value_name = "WHERE", value_enum, default_value_t = CacheKind::Disk)]
    cache: CacheKind,
    /// Folder of the decoded pictures [default: cache/pixels in the data folder]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CacheKind {
    Disk,
    None,
}

impl CacheArgs {
    /// The folder of the cache; `None` where nothing is to be kept.
    pub fn folder(&self, data: &DataDir) -> Option<PathBuf> {
        let folder = || self.cache_dir.clone().unwrap_or_else(|| data.cache());
        (self.cache == CacheKind::Disk).then(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(contents: &str, expected: Result<&[i64], &str>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.csv");
        std::fs::write(&file, contents).unwrap();
        let found = ids(&file).map(|ids| ids.into_iter().map(|id| id.0).collect::<Vec<_>>());
        let found = found.map_err(|error| error.to_string().replace(&file.display().to_string(), "FILE"));
        assert_eq!(found, expected.map(<[i64]>::to_vec).map_err(str::to_owned));
    }

    #[test]
    fn test_items_are_a_column() {
        check("id\n3\n5\n", Ok(&[3, 5]));
        check("image,id\na.jpg,3\n", Ok(&[3]));
        check("a,b\n1,2\n", Err("`FILE` names no test items: its header has no column `id`"));
        check("id\n1\nx\n", Err("`FILE` line 3: `x` is no item's id"));
    }
}
