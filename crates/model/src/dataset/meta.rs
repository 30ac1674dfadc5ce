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
    /// The highest `updated_at` among them, Unix seconds: what an incremental run goes on from.
    pub watermark: i64,
    /// Rows of the table.
    pub rows: u64,
    /// Items that are not in the table, by reason.
    pub rejects: BTreeMap<String, u64>,
    /// In how many rows each tag occurs.
    pub vocabulary: BTreeMap<String, u64>,
    /// SHA-256 of the table, in hex.
    pub csv_sha256: String,
}

impl DatasetMeta {
    /// The form that this version writes.
    pub const SCHEMA_VERSION: u32 = 1;
}
