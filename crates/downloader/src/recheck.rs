//! A second look at what is there already.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use tagmill_model::picture::{self, BadPicture, Limits};
use tagmill_model::{ItemId, MediaKind, Progress};
use tokio_util::sync::CancellationToken;

use crate::paths::Place;
use crate::planner::{Planner, Wanted};
use crate::{Error, MediaStore, medium, tasks};

/// Files that are looked at between two looks at the cancel token.
const FILES_A_LOOK: usize = 256;

/// Decodes the files of a plan that are there, on all cores. The bad ones go into quarantine, and are missing then.
///
/// Cancelled, it leaves the rest as it is.
pub(crate) async fn recheck(
    store: &Arc<MediaStore>,
    planner: &mut Planner,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let mut present = planner.take_present();
    progress.start("verifying", Some(present.len() as u64));
    while !present.is_empty() && !cancel.is_cancelled() {
        let files = present.split_off(present.len().saturating_sub(FILES_A_LOOK));
        progress.advance(files.len() as u64);
        let root = store.root().to_owned();
        let files: Vec<_> = files.into_iter().map(|entry| (entry, planner.queue.wanted(entry))).collect();
        for (entry, wanted, fault) in tasks::cpu(move || bad_ones(&root, files)).await {
            tracing::warn!(
                id = wanted.id.0,
                path = wanted.path.as_str(),
                "`{}` goes into quarantine: {fault}",
                wanted.path
            );
            store.quarantine(&wanted.path)?;
            planner.lose(entry);
        }
    }
    progress.finish();
    Ok(())
}

type Entry = (ItemId, Place);

fn bad_ones(root: &Path, files: Vec<(Entry, Wanted)>) -> Vec<(Entry, Wanted, String)> {
    files
        .into_par_iter()
        .filter_map(|(entry, wanted)| {
            let fault = fault(&wanted.path.under(root))?;
            Some((entry, wanted, fault))
        })
        .collect()
}

/// What is wrong with a file. That it cannot be read is no fault of its own.
fn fault(path: &Path) -> Option<String> {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(medium::HEAD as u64).read_to_end(&mut head));
    read.ok()?;
    let format = match medium::format(&head) {
        Ok(format) => format,
        Err(fault) => return Some(format!("it is {fault}")),
    };
    if MediaKind::of_extension(format) == MediaKind::Video {
        return None;
    }
    match picture::read(path, &Limits::default()).and_then(|bytes| medium::verify(format, &bytes)) {
        Ok(()) | Err(BadPicture::Missing | BadPicture::Unreadable(_)) => None,
        Err(bad) => Some(bad.to_string()),
    }
}
