use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::Path;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::Error;

/// What the card tells of `dataset.meta.json`. The vocabulary, which may have millions of entries, is only counted.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Facts {
    pub(super) generator: String,
    pub(super) settings: serde_json::Value,
    pub(super) source_items: u64,
    pub(super) rows: u64,
    pub(super) rejects: BTreeMap<String, u64>,
    pub(super) vocabulary: Entries,
    /// Of the table, whatever its form.
    #[serde(rename = "csv_sha256", alias = "parquet_sha256")]
    pub(super) sha256: String,
}

impl Facts {
    /// `None` where there are none, as beside a table of the original.
    pub(super) fn read(path: &Path) -> Result<Option<Facts>, Error> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                let source = serde_json::Error::io(source);
                return Err(Error::Meta { path: path.to_owned(), source });
            }
        };
        let facts = serde_json::from_reader(BufReader::with_capacity(1 << 16, file));
        facts.map(Some).map_err(|source| Error::Meta { path: path.to_owned(), source })
    }
}

/// How many entries a JSON object has.
#[derive(Debug, Default)]
pub(super) struct Entries(pub(super) u64);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entries, D::Error> {
        struct Count;

        impl<'de> Visitor<'de> for Count {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut count = 0;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Entries(count))
            }
        }

        deserializer.deserialize_map(Count)
    }
}
