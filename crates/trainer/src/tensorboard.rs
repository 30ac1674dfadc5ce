//! Event files for TensorBoard: curves of a training, readable while it runs.
//!
//! A file is a row of records as TensorFlow frames them
//! (<https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details>), each an `Event` in protobuf
//! (<https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto>). It grows under its final
//! name: readers take what is whole and wait for the rest, so that a record that a kill cut in two does no harm.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use crate::Error;
use crate::train::EpochFigures;

mod event;

use event::{Event, START, SessionLog, Summary, Value, What};

/// What the first record of every file says.
const VERSION: &str = "brain.Event:2";

/// An event file that is being written.
pub(crate) struct Events {
    path: PathBuf,
    file: File,
}

impl Events {
    /// Begins a file of its own in the folder `folder`, for a training that has done `steps` steps. What files of earlier
    /// trainings say of later steps, those that a kill took back, TensorBoard then no longer shows.
    pub(crate) fn create(folder: &Path, steps: u64) -> Result<Events, Error> {
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let (path, file) = new_file(folder)?;
        let mut events = Events { path, file };
        events.write(0, What::FileVersion(VERSION.to_owned()))?;
        // Readers forget what is at this step or after it: the last step that was kept is one before.
        events.write(steps + 1, What::SessionLog(SessionLog { status: START }))?;
        Ok(events)
    }

    /// Adds a point to each of some curves, at a step counted from 1, for readers to see at once. A slash in a curve's name
    /// makes groups: `train/loss`.
    pub(crate) fn scalars(&mut self, step: u64, scalars: &[(&str, f64)]) -> Result<(), Error> {
        let value =
            |(tag, value): &(&str, f64)| Value { tag: (*tag).to_owned(), simple_value: *value as f32 };
        self.write(step, What::Summary(Summary { value: scalars.iter().map(value).collect() }))
    }

    /// Adds what an epoch came to, at the step that ended it.
    pub(crate) fn epoch(&mut self, step: u64, figures: &EpochFigures) -> Result<(), Error> {
        let curves = [
            ("epoch/train_loss", Some(figures.train_loss)),
            ("epoch/validation_loss", figures.validation_loss),
            ("epoch/validation_map", figures.validation_map),
            ("epoch/images_per_second", Some(figures.images_per_second)),
            ("epoch/data_wait", Some(figures.data_wait)),
        ];
        let known = curves.into_iter().filter_map(|(curve, value)| Some((curve, value?)));
        self.scalars(step, &known.collect::<Vec<_>>())
    }

    fn write(&mut self, step: u64, what: What) -> Result<(), Error> {
        let wall_time = now().as_secs_f64();
        let event = Event { wall_time, step: step as i64, what: Some(what) };
        self.file.write_all(&record(&event.encode_to_vec())).map_err(Error::io(&self.path))
    }
}

/// Files of a folder are read in the order of their names, so the time comes first, and a number tells those of one second
/// apart. TensorFlow has the machine's name in there; a run folder may be published, and need not tell it.
fn new_file(folder: &Path) -> Result<(PathBuf, File), Error> {
    let seconds = now().as_secs();
    let mut number = 0;
    loop {
        let path = folder.join(format!("events.out.tfevents.{seconds:010}.tagmill.{number}"));
        match File::create_new(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(Error::io(&path)(error)),
        }
    }
}

/// Since 1970. A clock before that gives zero, which curves over steps do not mind.
fn now() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Length, its checksum, data, their checksum; all numbers little-endian.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked_checksum(&length).to_le_bytes(), data, &masked_checksum(data).to_le_bytes()]
        .concat()
}

/// CRC-32C, turned and shifted: a checksum of data that hold checksums would otherwise be a weak one.
fn masked_checksum(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests;
