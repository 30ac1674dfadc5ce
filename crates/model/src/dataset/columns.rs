//! The table's columns, as arrow has them.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float32Builder, Int64Builder, StringBuilder, UInt32Builder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::DatasetRow;
use crate::Flags;

/// The classes that have a column of their own.
pub(super) const CONTENT: [(&str, Flags); 4] =
    [("is_nsfw", Flags::NSFW), ("is_nsfl", Flags::NSFL), ("is_nsfp", Flags::NSFP), ("is_pol", Flags::POL)];

/// Rows on their way to a file.
pub(super) struct Columns {
    schema: SchemaRef,
    rows: usize,
    id: Int64Builder,
    image: StringBuilder,
    created: Int64Builder,
    width: UInt32Builder,
    height: UInt32Builder,
    flags: UInt32Builder,
    content: [BooleanBuilder; 4],
    tags: Vec<(StringBuilder, Float32Builder)>,
}

impl Columns {
    pub(super) fn new(max_tags: usize) -> Columns {
        Columns {
            schema: schema(max_tags),
            rows: 0,
            id: Int64Builder::new(),
            image: StringBuilder::new(),
            created: Int64Builder::new(),
            width: UInt32Builder::new(),
            height: UInt32Builder::new(),
            flags: UInt32Builder::new(),
            content: Default::default(),
            tags: (0..max_tags).map(|_| Default::default()).collect(),
        }
    }

    #[cfg(feature = "parquet")]
    pub(super) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Rows since the last [`Columns::take`].
    #[cfg(feature = "parquet")]
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Column by column: a builder stays in cache while it is filled.
    pub(super) fn append(&mut self, rows: &[DatasetRow]) {
        self.rows += rows.len();
        rows.iter().for_each(|row| self.id.append_value(row.id.0));
        rows.iter().for_each(|row| self.image.append_value(row.image.as_str()));
        rows.iter().for_each(|row| self.created.append_value(row.created));
        rows.iter().for_each(|row| self.width.append_value(row.width));
        rows.iter().for_each(|row| self.height.append_value(row.height));
        rows.iter().for_each(|row| self.flags.append_value(row.flags.bits()));
        for (column, (_, class)) in self.content.iter_mut().zip(CONTENT) {
            rows.iter().for_each(|row| column.append_value(row.content.contains(class)));
        }
        for (rank, (names, confidences)) in self.tags.iter_mut().enumerate() {
            for row in rows {
                let tag = row.tags.get(rank);
                names.append_option(tag.map(|tag| tag.name.as_str()));
                confidences.append_option(tag.map(|tag| tag.confidence));
            }
        }
    }

    /// What was appended since the last time.
    pub(super) fn take(&mut self) -> RecordBatch {
        self.rows = 0;
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.id.finish()),
            Arc::new(self.image.finish()),
            Arc::new(self.created.finish()),
            Arc::new(self.width.finish()),
            Arc::new(self.height.finish()),
            Arc::new(self.flags.finish()),
        ];
        columns.extend(self.content.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef));
        for (names, confidences) in &mut self.tags {
            columns.push(Arc::new(names.finish()));
            columns.push(Arc::new(confidences.finish()));
        }
        RecordBatch::try_new(self.schema.clone(), columns)
            .expect("the columns are built in the schema's order and types, all of one length")
    }
}

fn schema(max_tags: usize) -> SchemaRef {
    let column = |name: &str, kind| Field::new(name, kind, false);
    let mut fields = vec![
        column("id", DataType::Int64),
        column("image", DataType::Utf8),
        column("created", DataType::Int64),
        column("width", DataType::UInt32),
        column("height", DataType::UInt32),
        column("flags", DataType::UInt32),
    ];
    fields.extend(CONTENT.map(|(name, _)| column(name, DataType::Boolean)));
    for rank in 1..=max_tags {
        fields.push(Field::new(format!("tag{rank}"), DataType::Utf8, true));
        fields.push(Field::new(format!("confidence{rank}"), DataType::Float32, true));
    }
    Arc::new(Schema::new(fields))
}
