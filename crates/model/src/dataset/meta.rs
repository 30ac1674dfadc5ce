use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `dataset.meta.json`: how a table came to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatasetMeta {
    /// Version of this file's form; see [`DatasetMeta::SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The program and version that wrote the table.
    pub generator: String,
    /// Every setting of the run that wrote the table.
    pub settings: serde_json::Value,
    /// Rows of the `items` table that were looked at.
    pub source_items: u64,
    /// The highest `updated_at` among them, Unix seconds: how new the newest of them is.
    pub watermark: i64,
    /// Rows of the table.
    pub rows: u64,
    /// Items that are not in the table, by reason.
    pub rejects: BTreeMap<String, u64>,
    /// Items that were read though some of their tags were none, or had a confidence that is no number from 0 to 1.
    pub odd_items: u64,
    /// Tags that were left out of otherwise readable lists, by reason.
    pub dropped_tags: BTreeMap<String, u64>,
    /// How many different tags are in the table.
    pub distinct_tags: u64,
    /// Tags that look like trash, each with its reason and its figures.
    pub trash: Vec<serde_json::Value>,
    /// Length of the table's file.
    pub bytes: u64,
    /// SHA-256 of the table, in hex, where it is a CSV.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csv_sha256: Option<String>,
    /// The same, where it is a Parquet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parquet_sha256: Option<String>,
    /// SHA-256 of `dataset.blocks.jsonl`, in hex; there is none beside a Parquet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks_sha256: Option<String>,
    /// In how many rows each tag occurs.
    pub vocabulary: BTreeMap<String, u64>,
}

impl DatasetMeta {
    /// The form that this version writes.
    pub const SCHEMA_VERSION: u32 = 2;
}
