//! Rows on their way into a table's file, apart from the file: many threads may encode, one writes.

#[cfg(feature = "parquet")]
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::DatasetFormat;
use super::batch::BatchBuilder;
use crate::{Flags, ItemId};

/// Rows that are encoded at a time: few enough that their columns stay in a core's cache, which is worth a fifth of the time.
const ROWS_A_BATCH: usize = 256;

/// A row of the table without its tags, lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowHead<'a> {
    /// The board's number.
    pub id: ItemId,
    /// Where the picture lies below the media folder, as [`crate::MediaPath::check`] passes it.
    pub image: &'a str,
    /// Upload time, Unix seconds, UTC; 0 when unknown.
    pub created: i64,
    /// Width in pixels; 0 when unknown.
    pub width: u32,
    /// Height in pixels; 0 when unknown.
    pub height: u32,
    /// Content class as the board has it.
    pub flags: Flags,
    /// Content class as the board or people's tags have it: the `is_…` columns.
    pub content: Flags,
}

/// Encodes rows in the form of a table's file.
pub struct RowEncoder {
    builder: BatchBuilder,
    rows: EncodedRows,
}

/// Rows as a table's file takes them, for [`super::DatasetWriter::append`].
pub struct EncodedRows {
    pub(super) rows: u64,
    pub(super) form: Encoded,
}

pub(super) enum Encoded {
    /// Lines of CSV without a header: the same bytes, however rows are cut into batches.
    Lines(Vec<u8>),
    /// Batches that are to be cut anew: Parquet's pages cannot be made of some rows without the others.
    #[cfg(feature = "parquet")]
    Batches(Vec<RecordBatch>),
}

impl RowEncoder {
    /// For a table with `max_tags` pairs of tag columns.
    pub fn new(format: DatasetFormat, max_tags: usize) -> RowEncoder {
        RowEncoder { builder: BatchBuilder::new(max_tags), rows: EncodedRows::none(format) }
    }

    pub(super) fn schema(&self) -> SchemaRef {
        self.builder.schema()
    }

    /// Adds a row. Tags beyond the table's columns are left out.
    pub fn push<'t>(&mut self, head: &RowHead<'_>, tags: impl IntoIterator<Item = (&'t str, f32)>) {
        self.builder.push(head, tags);
        if self.builder.rows() == ROWS_A_BATCH {
            self.rows.add(&mut self.builder);
        }
    }

    /// What was added since the last time.
    pub fn finish(&mut self) -> EncodedRows {
        self.rows.add(&mut self.builder);
        let none = match &self.rows.form {
            Encoded::Lines(_) => EncodedRows::none(DatasetFormat::Csv),
            #[cfg(feature = "parquet")]
            Encoded::Batches(_) => EncodedRows::none(DatasetFormat::Parquet),
        };
        std::mem::replace(&mut self.rows, none)
    }
}

impl EncodedRows {
    fn none(format: DatasetFormat) -> EncodedRows {
        let form = match format {
            DatasetFormat::Csv => Encoded::Lines(Vec::new()),
            #[cfg(feature = "parquet")]
            DatasetFormat::Parquet => Encoded::Batches(Vec::new()),
        };
        EncodedRows { rows: 0, form }
    }

    /// Rows that stand in a CSV already, with the same columns: their lines, without a header.
    pub fn of_csv(lines: Vec<u8>, rows: u64) -> EncodedRows {
        EncodedRows { rows, form: Encoded::Lines(lines) }
    }

    /// How long the rows are in a CSV; `None` where they are on their way into another form.
    pub fn csv_bytes(&self) -> Option<u64> {
        match &self.form {
            Encoded::Lines(lines) => Some(lines.len() as u64),
            #[cfg(feature = "parquet")]
            Encoded::Batches(_) => None,
        }
    }

    fn add(&mut self, builder: &mut BatchBuilder) {
        if builder.rows() == 0 {
            return;
        }
        self.rows += builder.rows() as u64;
        let batch = builder.finish();
        match &mut self.form {
            Encoded::Lines(lines) => {
                let mut csv = arrow_csv::WriterBuilder::new().with_header(false).build(lines);
                csv.write(&batch)
                    .expect("numbers and texts can be written as text, and memory can be written to");
            }
            #[cfg(feature = "parquet")]
            Encoded::Batches(batches) => batches.push(batch),
        }
    }
}
