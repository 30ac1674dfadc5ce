//! What a cache holds, looked up by file and by contents.

use std::fs::File;
use std::path::Path;

use hashbrown::HashTable;

use crate::key::Key;
use crate::record::{Outcome, Record};
use crate::{Error, shard};

/// The records of all shards. At 64 bytes a record and 5 to 10 a table's entry, six million pictures are half a gigabyte.
#[derive(Default)]
pub(crate) struct Known {
    /// The pixels of shard `i`.
    pub(crate) shards: Vec<File>,
    records: Vec<Record>,
    /// The shard of each record.
    shard: Vec<u32>,
    by_file: HashTable<u32>,
    by_content: HashTable<u32>,
}

impl Known {
    /// Reads the shards below a folder.
    pub(crate) fn read(folder: &Path, picture_bytes: u64) -> Result<Known, Error> {
        let mut known = Known::default();
        for index in shard::indices(folder)? {
            let Some(shard) = shard::open(&index, picture_bytes)? else { continue };
            let number = known.shards.len() as u32;
            known.shards.push(shard.pixels);
            known.shard.resize(known.records.len() + shard.records.len(), number);
            known.records.extend(shard.records);
        }
        let records = &known.records;
        let all = 0..records.len() as u32;
        // Where a file was seen twice, the later record holds.
        known.by_file = table(all.clone(), |index| records[index as usize].file);
        let says_what = |index: &u32| records[*index as usize].outcome != Outcome::Same;
        known.by_content = table(all.filter(says_what), |index| records[index as usize].content);
        Ok(known)
    }

    /// What a file held when it was last seen just so.
    pub(crate) fn file(&self, key: Key) -> Option<Found<'_>> {
        let index = *self.by_file.find(key.short(), |index| self.records[*index as usize].file == key)?;
        match &self.records[index as usize] {
            Record { outcome: Outcome::Same, content, .. } => self.content(*content),
            _ => Some(self.found(index)),
        }
    }

    /// What these contents are.
    pub(crate) fn content(&self, key: Key) -> Option<Found<'_>> {
        let index =
            self.by_content.find(key.short(), |index| self.records[*index as usize].content == key)?;
        Some(self.found(*index))
    }

    /// How many contents are known.
    pub(crate) fn contents(&self) -> usize {
        self.by_content.len()
    }

    fn found(&self, index: u32) -> Found<'_> {
        let record = &self.records[index as usize];
        Found { shard: self.shard[index as usize], content: record.content, outcome: &record.outcome }
    }
}

/// A record that says what its contents are.
pub(crate) struct Found<'a> {
    pub(crate) shard: u32,
    pub(crate) content: Key,
    pub(crate) outcome: &'a Outcome,
}

fn table(indices: impl Iterator<Item = u32>, key: impl Fn(u32) -> Key) -> HashTable<u32> {
    let mut table: HashTable<u32> = HashTable::new();
    for index in indices {
        // The keys are hashes already.
        let hash = key(index).short();
        match table.find_mut(hash, |other| key(*other) == key(index)) {
            Some(earlier) => *earlier = index,
            None => {
                table.insert_unique(hash, index, |other| key(*other).short());
            }
        }
    }
    table
}
