use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float32Builder, Int64Builder, ListBuilder, StringBuilder, TimestampMillisecondBuilder,
    UInt32Builder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;

use super::{Config, Error, Files};
use crate::dataset::DatasetRow;
use crate::{Flags, parquet_file};

/// Name, type in the words of the card, and meaning of each column.
pub(super) const COLUMNS: [(&str, &str, &str); 12] = [
    ("id", "int64", "the board's number for the item"),
    ("image_path", "string", "path of the picture, relative to the board's media host"),
    ("created", "timestamp", "when it was posted, UTC; null: unknown"),
    ("width", "uint32", "pixels; null: unknown"),
    ("height", "uint32", "pixels; null: unknown"),
    ("flags", "uint32", "content class by the board, bits: 1 SFW, 2 NSFW, 4 NSFL, 8 NSFP, 16 politics"),
    ("is_nsfw", "bool", "not safe for work, by the board or by its users' tags"),
    ("is_nsfl", "bool", "not safe for life, likewise"),
    ("is_nsfp", "bool", "not safe for public, likewise"),
    ("is_pol", "bool", "politics, likewise"),
    ("tags", "list of string", "by falling confidence, then name"),
    (
        "confidences",
        "list of float32",
        "of each tag: the lower bound of the 95 % Wilson interval of its votes",
    ),
];

/// The files of one split.
pub(super) struct Shards {
    side: &'static str,
    folder: PathBuf,
    rows_a_file: u64,
    bytes_a_file: u64,
    columns: Columns,
    open: Option<Shard>,
    files: Files,
}

/// A file that is being written.
struct Shard {
    path: PathBuf,
    rows: u64,
    parquet: ArrowWriter<File>,
}

impl Shards {
    pub(super) fn new(side: &'static str, folder: &Path, config: &Config) -> Shards {
        Shards {
            side,
            folder: folder.to_owned(),
            rows_a_file: config.rows_a_file,
            bytes_a_file: config.bytes_a_file,
            columns: Columns::new(),
            open: None,
            files: Files::default(),
        }
    }

    pub(super) fn append(&mut self, row: &DatasetRow) -> Result<(), Error> {
        self.columns.append(row);
        self.files.rows += 1;
        self.files.tags += row.tags.len() as u64;
        if self.columns.rows == parquet_file::ROWS_A_BATCH { self.write() } else { Ok(()) }
    }

    /// How many files there will be is known only now, and is in the name of each, by custom of the hub.
    pub(super) fn finish(mut self) -> Result<Files, Error> {
        if self.columns.rows > 0 {
            self.write()?;
        }
        self.close()?;
        for number in 0..self.files.files {
            let name = format!("{}-{number:05}-of-{:05}.parquet", self.side, self.files.files);
            let path = self.folder.join(name);
            fs::rename(self.path(number), &path).map_err(Error::at(&path))?;
        }
        Ok(self.files)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{}-{number:05}", self.side))
    }

    fn write(&mut self) -> Result<(), Error> {
        let mut shard = match self.open.take() {
            Some(shard) => shard,
            None => self.create()?,
        };
        shard.rows += self.columns.rows as u64;
        let written = shard.parquet.write(&self.columns.take()).map_err(parquet_file::into_io);
        written.map_err(Error::at(&shard.path))?;
        let bytes = shard.parquet.bytes_written() + shard.parquet.in_progress_size();
        let is_full = shard.rows >= self.rows_a_file || bytes as u64 >= self.bytes_a_file;
        self.open = Some(shard);
        if is_full { self.close() } else { Ok(()) }
    }

    fn create(&self) -> Result<Shard, Error> {
        let path = self.path(self.files.files);
        let parquet = File::create(&path).and_then(|file| {
            parquet_file::writer(file, self.columns.schema.clone(), &["id", "created"], &["image_path"])
        });
        Ok(Shard { parquet: parquet.map_err(Error::at(&path))?, path, rows: 0 })
    }

    fn close(&mut self) -> Result<(), Error> {
        let Some(Shard { path, parquet, .. }) = self.open.take() else { return Ok(()) };
        let file = parquet.into_inner().map_err(parquet_file::into_io).map_err(Error::at(&path))?;
        self.files.bytes += file
            .metadata()
            .and_then(|facts| file.sync_all().map(|()| facts.len()))
            .map_err(Error::at(&path))?;
        self.files.files += 1;
        Ok(())
    }
}

/// Rows on their way to a file, in the order of [`COLUMNS`].
struct Columns {
    schema: SchemaRef,
    rows: usize,
    id: Int64Builder,
    image_path: StringBuilder,
    created: TimestampMillisecondBuilder,
    width: UInt32Builder,
    height: UInt32Builder,
    flags: UInt32Builder,
    content: [(BooleanBuilder, Flags); 4],
    tags: ListBuilder<StringBuilder>,
    confidences: ListBuilder<Float32Builder>,
}

impl Columns {
    fn new() -> Columns {
        let timestamp = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        // Parquet's name for what arrow calls `item`.
        let element = |kind| Arc::new(Field::new("element", kind, false));
        let (name, confidence) = (element(DataType::Utf8), element(DataType::Float32));
        let kinds = [
            (DataType::Int64, false),
            (DataType::Utf8, false),
            (timestamp.clone(), true),
            (DataType::UInt32, true),
            (DataType::UInt32, true),
            (DataType::UInt32, false),
            (DataType::Boolean, false),
            (DataType::Boolean, false),
            (DataType::Boolean, false),
            (DataType::Boolean, false),
            (DataType::List(name.clone()), false),
            (DataType::List(confidence.clone()), false),
        ];
        let fields = COLUMNS
            .iter()
            .zip(kinds)
            .map(|((column, ..), (kind, is_nullable))| Field::new(*column, kind, is_nullable));
        Columns {
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            rows: 0,
            id: Int64Builder::new(),
            image_path: StringBuilder::new(),
            created: TimestampMillisecondBuilder::new().with_data_type(timestamp),
            width: UInt32Builder::new(),
            height: UInt32Builder::new(),
            flags: UInt32Builder::new(),
            content: [Flags::NSFW, Flags::NSFL, Flags::NSFP, Flags::POL]
                .map(|class| (BooleanBuilder::new(), class)),
            tags: ListBuilder::new(StringBuilder::new()).with_field(name),
            confidences: ListBuilder::new(Float32Builder::new()).with_field(confidence),
        }
    }

    fn append(&mut self, row: &DatasetRow) {
        let known = |pixels: u32| (pixels > 0).then_some(pixels);
        self.rows += 1;
        self.id.append_value(row.id.0);
        self.image_path.append_value(row.image.as_str());
        self.created.append_option((row.created > 0).then(|| row.created.saturating_mul(1000)));
        self.width.append_option(known(row.width));
        self.height.append_option(known(row.height));
        self.flags.append_value(row.flags.bits());
        for (column, class) in &mut self.content {
            column.append_value(row.content.contains(*class));
        }
        for tag in &row.tags {
            self.tags.values().append_value(&tag.name);
            self.confidences.values().append_value(tag.confidence);
        }
        self.tags.append(true);
        self.confidences.append(true);
    }

    fn take(&mut self) -> RecordBatch {
        self.rows = 0;
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.id.finish()),
            Arc::new(self.image_path.finish()),
            Arc::new(self.created.finish()),
            Arc::new(self.width.finish()),
            Arc::new(self.height.finish()),
            Arc::new(self.flags.finish()),
        ];
        columns.extend(self.content.iter_mut().map(|(column, _)| Arc::new(column.finish()) as ArrayRef));
        columns.push(Arc::new(self.tags.finish()));
        columns.push(Arc::new(self.confidences.finish()));
        RecordBatch::try_new(self.schema.clone(), columns)
            .expect("the columns are built in the schema's order and types, all of one length")
    }
}

/// `train-00000-of-00002.parquet`
pub(super) fn is_shard(name: &str) -> bool {
    let Some((side, rest)) = name.split_once('-') else { return false };
    let is_number = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = rest.strip_suffix(".parquet").and_then(|numbers| numbers.split_once("-of-"));
    matches!(side, "train" | "test") && numbers.is_some_and(|(number, of)| is_number(number) && is_number(of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_own_files() {
        assert!(is_shard("train-00000-of-00002.parquet"));
        assert!(is_shard("test-00001-of-00002.parquet"));
        for other in [
            "train.parquet",
            "train-0-of-2.parquet",
            "eval-00000-of-00002.parquet",
            "train-00000-of-00002",
            "cat.jpg",
        ] {
            assert!(!is_shard(other), "{other}");
        }
    }
}
