use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float32Builder, Int64Builder, StringBuilder, UInt32Builder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::encode::RowHead;
use crate::Flags;

/// The classes that have a column of their own.
pub(super) const CONTENT: [(&str, Flags); 4] =
    [("is_nsfw", Flags::NSFW), ("is_nsfl", Flags::NSFL), ("is_nsfp", Flags::NSFP), ("is_pol", Flags::POL)];

/// Gathers rows of the table into Arrow's columns, without a text of its own for each cell.
pub(super) struct BatchBuilder {
    schema: SchemaRef,
    id: Int64Builder,
    image: StringBuilder,
    created: Int64Builder,
    sizes: [UInt32Builder; 2],
    flags: UInt32Builder,
    content: [BooleanBuilder; CONTENT.len()],
    tags: Vec<(StringBuilder, Float32Builder)>,
    rows: usize,
}

impl BatchBuilder {
    /// For a table with `max_tags` pairs of tag columns.
    pub(super) fn new(max_tags: usize) -> BatchBuilder {
        BatchBuilder {
            schema: schema(max_tags),
            id: Int64Builder::new(),
            image: StringBuilder::new(),
            created: Int64Builder::new(),
            sizes: Default::default(),
            flags: UInt32Builder::new(),
            content: Default::default(),
            tags: (0..max_tags).map(|_| Default::default()).collect(),
            rows: 0,
        }
    }

    /// The columns of the table.
    pub(super) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Adds a row. Tags beyond the table's columns are left out.
    pub(super) fn push<'t>(&mut self, head: &RowHead<'_>, tags: impl IntoIterator<Item = (&'t str, f32)>) {
        self.id.append_value(head.id.0);
        self.image.append_value(head.image);
        self.created.append_value(head.created);
        self.sizes[0].append_value(head.width);
        self.sizes[1].append_value(head.height);
        self.flags.append_value(head.flags.bits());
        for (column, (_, class)) in self.content.iter_mut().zip(CONTENT) {
            column.append_value(head.content.contains(class));
        }
        let mut tags = tags.into_iter();
        for (names, confidences) in &mut self.tags {
            let tag = tags.next();
            names.append_option(tag.map(|(name, _)| name));
            confidences.append_option(tag.map(|(_, confidence)| confidence));
        }
        self.rows += 1;
    }

    /// How many rows were added since the last batch.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// What was added, as one batch; the next row begins another one.
    pub(super) fn finish(&mut self) -> RecordBatch {
        self.rows = 0;
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.id.finish()),
            Arc::new(self.image.finish()),
            Arc::new(self.created.finish()),
            Arc::new(self.sizes[0].finish()),
            Arc::new(self.sizes[1].finish()),
            Arc::new(self.flags.finish()),
        ];
        for column in &mut self.content {
            columns.push(Arc::new(column.finish()));
        }
        for (names, confidences) in &mut self.tags {
            columns.push(Arc::new(names.finish()));
            columns.push(Arc::new(confidences.finish()));
        }
        RecordBatch::try_new(self.schema(), columns)
            .expect("the columns are built in the schema's order and types")
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
