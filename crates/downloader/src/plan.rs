//! What is to be downloaded: the source less what is there.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use tagmill_model::ItemId;
use tagmill_model::dataset::HeadReader;
use tagmill_store::{Interval, Reader, Scanner};
use tokio_util::sync::CancellationToken;

use crate::planner::{Candidate, Planner};
use crate::report::Report;
use crate::{Config, Error, Source, gone, tasks, walk};

/// Rows that are taken at a time: enough to amortise a query, few enough to notice a cancel at once, and to hold up no
/// writer of the database.
const ROWS_AT_ONCE: usize = 8192;

/// What a run would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Different files that the source asks for, of the kinds wanted, within the limit.
    pub planned: u64,
    /// Of these, files that are there.
    pub present: u64,
    /// Of these, files that an earlier run found gone, and that would not be asked for again.
    pub known_gone: u64,
    /// Of these, files that would be asked for.
    pub missing: u64,
    /// Of these, items whose path leads out of the folder or to another host.
    pub unusable: u64,
    /// Items whose file is another item's, too.
    pub duplicates: u64,
    /// Items that are not wanted: videos, what is neither picture nor video, and content classes.
    pub skipped: u64,
    /// Items of which the board does not say where their medium lies.
    pub without_medium: u64,
}

impl Plan {
    pub(crate) fn of(planner: &Planner) -> Plan {
        let Report { planned, present, known_gone, failed, duplicates, skipped, without_medium, .. } =
            planner.report;
        let missing = planner.queue.len() as u64;
        Plan { planned, present, known_gone, missing, unusable: failed, duplicates, skipped, without_medium }
    }
}

/// `2544 files: 5 are there, 2539 are to be downloaded`, and what else there is.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { planned, present, missing, .. } = self;
        write!(f, "{planned} files: {present} are there, {missing} are to be downloaded")?;
        let others =
            [(self.known_gone, "are known to be gone"), (self.unusable, "have a path that cannot be used")];
        for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, ", {count} {what}")?;
        }
        let left_out = [
            (self.skipped, "of another kind or class"),
            (self.duplicates, "with the file of another one"),
            (self.without_medium, "without a medium"),
        ];
        let left_out: Vec<String> = left_out
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if !left_out.is_empty() {
            write!(f, "; items left out: {}", left_out.join(", "))?;
        }
        Ok(())
    }
}

/// Walks over what is there, then over the source. A cancelled plan is cut short. Nothing on disk changes.
pub(crate) async fn plan(config: &Config, cancel: &CancellationToken) -> Result<Planner, Error> {
    let scanner = match &config.source {
        Source::Dataset(_) => None,
        Source::Items(items) | Source::DatasetOf { items, .. } => Some(Reader::open(items).await?.scanner()?),
    };
    let (config, cancel) = (config.clone(), cancel.child_token());
    // Where this future is dropped, the thread is to stop as well.
    let _stop = cancel.clone().drop_guard();
    tasks::io(move || {
        let mut planner = Planner::new(&config);
        for folder in walk::walk(&config.media_dir)? {
            folder.paths(|path| planner.add_present(path));
        }
        tracing::debug!(present = planner.present_count(), "walked over the media folder");
        planner.gone = gone::Remembered::read(&config.media_dir, |path| planner.is_there(path))?;
        match (&config.source, &scanner) {
            (Source::Dataset(table) | Source::DatasetOf { dataset: table, .. }, scanner) => {
                read_dataset(table, scanner.as_ref(), &config, &mut planner, &cancel)?;
            }
            (Source::Items(_), Some(scanner)) => read_items(scanner, &config, &mut planner, &cancel)?,
            (Source::Items(_), None) => unreachable!("a source of items was opened above"),
        }
        Ok(planner)
    })
    .await
}

fn read_dataset(
    table: &Path,
    scanner: Option<&Scanner>,
    config: &Config,
    planner: &mut Planner,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let mut rows = HeadReader::open(table)?;
    let lookup = scanner.zip(config.members.of(config.variant));
    let mut number = 0_usize;
    while let Some(row) = rows.read()? {
        if planner.is_full() || number.is_multiple_of(ROWS_AT_ONCE) && cancel.is_cancelled() {
            break;
        }
        number += 1;
        if config.since.is_none_or(|since| row.created >= since) {
            let other = match lookup {
                Some((scanner, member)) => scanner.member(row.id, member)?,
                None => None,
            };
            let class = row.flags | row.content;
            planner.add(&Candidate { id: row.id, path: row.image, class, other: other.as_deref() });
        }
    }
    Ok(())
}

fn read_items(
    scanner: &Scanner,
    config: &Config,
    planner: &mut Planner,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let mut next = scanner.next_id(ItemId(i64::MIN))?;
    while let Some(first) = next {
        if planner.is_full() || cancel.is_cancelled() {
            break;
        }
        let last = ItemId(first.0.saturating_add(ROWS_AT_ONCE as i64 - 1));
        scanner.media(Interval::new(first, last), config.members.of(config.variant), |row| {
            if !planner.is_full() && config.since.is_none_or(|since| row.created >= since) {
                let other = row.other.as_deref();
                planner.add(&Candidate { id: row.id, path: &row.image, class: row.flags, other });
            }
        })?;
        next = match last.0.checked_add(1) {
            Some(after) => scanner.next_id(ItemId(after))?,
            None => None,
        };
    }
    Ok(())
}
