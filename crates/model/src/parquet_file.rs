//! How all Parquet files of tagmill are laid out.

use std::fs::File;
use std::io::{self, Read, Seek, Write};

use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

/// Rows that are encoded at a time. Where a batch ends decides where pages end, so it must always be so many.
pub(crate) const ROWS_A_BATCH: usize = 8192;

/// Rows of a row group, which a writer holds until it is full and a reader can skip: some 5 MB of a usual table.
const ROWS_A_GROUP: usize = 8 * ROWS_A_BATCH;

/// Begins a file. `rising` are columns of numbers that mostly grow, `distinct` columns of texts that hardly repeat but
/// begin alike; for both a dictionary, which suits the others, would only cost.
///
/// Nothing of the environment gets into the file: the same batches of [`ROWS_A_BATCH`] rows give the same bytes.
pub(crate) fn writer<W: Write + Send>(
    file: W,
    schema: SchemaRef,
    rising: &[&str],
    distinct: &[&str],
) -> io::Result<ArrowWriter<W>> {
    let mut properties = WriterProperties::builder()
        // Without the version of the library, which would change the bytes of a table at each update.
        .set_created_by("tagmill".to_owned())
        // Snappy is what every reader has, and what the library does without C.
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROWS_A_GROUP))
        .set_statistics_enabled(EnabledStatistics::Chunk);
    let columns = |names: &[&str], encoding| {
        names.iter().map(move |name| (ColumnPath::from(*name), encoding)).collect::<Vec<_>>()
    };
    let encoded =
        [columns(rising, Encoding::DELTA_BINARY_PACKED), columns(distinct, Encoding::DELTA_BYTE_ARRAY)];
    for (column, encoding) in encoded.into_iter().flatten() {
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, encoding);
    }
    // Parquet's own types say all there is; arrow's copy of the schema would only be one more thing to agree with.
    let options =
        ArrowWriterOptions::new().with_properties(properties.build()).with_skip_arrow_metadata(true);
    ArrowWriter::try_new_with_options(file, schema, options).map_err(into_io)
}

/// What the disk said, where it was the disk.
pub(crate) fn into_io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => *source,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

/// Whether a file begins as Parquet does. It is at its beginning again afterwards.
pub(crate) fn is_parquet(mut file: &File) -> io::Result<bool> {
    let mut magic = Vec::new();
    file.take(4).read_to_end(&mut magic)?;
    file.rewind()?;
    Ok(magic == b"PAR1")
}
