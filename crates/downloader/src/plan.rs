//! What is to be downloaded: the source less what is there.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;
use tagmill_model::dataset::DatasetReader;
use tagmill_model::{Flags, ItemId, MediaKind, MediaPath};
use tagmill_store::Reader;
use tokio_util::sync::CancellationToken;

use crate::gone;
use crate::report::{FailedItem, Reason, Report};
use crate::{Config, Error, MediaStore, Source, tasks};

/// Rows of the database that are taken at a time: enough to amortise a query, few enough to notice a cancel at once.
const ROWS_A_PAGE: u32 = 8192;

/// Rows of a table between two looks at the cancel token.
const ROWS_A_LOOK: usize = 1024;

/// A file to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) id: ItemId,
    pub(crate) path: MediaPath,
}

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
}

impl Plan {
    pub(crate) fn of(planner: &Planner) -> Plan {
        let Report { planned, present, known_gone, failed, duplicates, skipped, .. } = planner.report;
        let missing = planner.wanted.len() as u64;
        Plan { planned, present, known_gone, missing, unusable: failed, duplicates, skipped }
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
        let left_out =
            [(self.skipped, "of another kind or class"), (self.duplicates, "with the file of another one")];
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

/// Sorts the rows of a source, one by one.
#[derive(Debug)]
pub(crate) struct Planner {
    include_videos: bool,
    classes: Flags,
    since: Option<i64>,
    limit: u64,
    /// Name and port of the media host.
    host: String,
    /// Every path that was there at first or was planned since.
    known: HashMap<Box<str>, Known>,
    /// What earlier runs found gone.
    pub(crate) gone: gone::Remembered,
    /// Whether that is asked for all the same.
    retry_failed: bool,
    pub(crate) wanted: Vec<Wanted>,
    /// Planned files that are there, where they are to be looked at again.
    present: Option<Vec<Wanted>>,
    pub(crate) report: Report,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// On disk, and no row asked for it yet.
    Present,
    Planned,
}

impl Planner {
    pub(crate) fn new(config: &Config, present: Vec<String>) -> Planner {
        Planner {
            gone: gone::Remembered::default(),
            retry_failed: config.retry_failed,
            include_videos: config.include_videos,
            classes: config.classes,
            since: config.since,
            limit: config.limit.unwrap_or(u64::MAX),
            host: config.media_url.authority().rsplit('@').next().unwrap_or_default().to_owned(),
            known: present.into_iter().map(|path| (path.into_boxed_str(), Known::Present)).collect(),
            wanted: Vec::new(),
            present: config.verify_existing.then(Vec::new),
            report: Report::default(),
        }
    }

    /// The planned files that are there, once.
    pub(crate) fn take_present(&mut self) -> Vec<Wanted> {
        self.present.take().unwrap_or_default()
    }

    /// A planned file that was there is no more.
    pub(crate) fn lose(&mut self, wanted: Wanted) {
        self.report.present -= 1;
        self.report.quarantined += 1;
        self.wanted.push(wanted);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.report.planned >= self.limit
    }

    /// Takes the path of an item as a board sent it.
    pub(crate) fn add_untrusted(&mut self, id: ItemId, path: &str, class: Flags) {
        match locate(&self.host, path) {
            Ok(path) => self.add(id, path, class),
            Err((reason, detail)) => {
                self.report.planned += 1;
                self.report.fail(FailedItem { id, path: path.escape_debug().to_string(), reason, detail });
            }
        }
    }

    pub(crate) fn add(&mut self, id: ItemId, path: MediaPath, class: Flags) {
        let is_kind = match path.kind() {
            MediaKind::Image => true,
            MediaKind::Video => self.include_videos,
            MediaKind::Other => false,
        };
        if !is_kind || !self.classes.contains(class & Flags::EVERY_CLASS) {
            self.report.skipped += 1;
            return;
        }
        match self.known.get_mut(path.as_str()) {
            Some(Known::Planned) => {
                self.report.duplicates += 1;
                return;
            }
            Some(known) => {
                *known = Known::Planned;
                self.report.present += 1;
                if let Some(present) = &mut self.present {
                    present.push(Wanted { id, path });
                }
            }
            None => {
                self.known.insert(path.as_str().into(), Known::Planned);
                if !self.retry_failed && self.gone.contains(path.as_str()) {
                    self.report.known_gone += 1;
                } else {
                    self.wanted.push(Wanted { id, path });
                }
            }
        }
        self.report.planned += 1;
    }
}

/// Boards send paths, and at times whole addresses, with a scheme or without.
fn locate(host: &str, path: &str) -> Result<MediaPath, (Reason, String)> {
    let address = path.strip_prefix("https:").or_else(|| path.strip_prefix("http:")).unwrap_or(path);
    let path =
        match address.strip_prefix("//").map(|address| address.split_once('/').unwrap_or((address, ""))) {
            None => path,
            Some((found, path)) if found.eq_ignore_ascii_case(host) => path,
            Some((found, _)) => {
                return Err((Reason::OtherHost, format!("it lies on `{}`", found.escape_debug())));
            }
        };
    MediaPath::parse(path).map_err(|error| (Reason::UnsafePath, error.reason.to_owned()))
}

/// Walks over what is there, then over the source. A cancelled plan is cut short. Nothing on disk changes.
pub(crate) async fn plan(config: &Config, cancel: &CancellationToken) -> Result<Planner, Error> {
    let root = config.media_dir.clone();
    let present = tasks::io(move || MediaStore::present_in(&root)).await?;
    tracing::debug!(present = present.len(), "walked over the media folder");
    let mut planner = Planner::new(config, present);
    planner.gone = gone::Remembered::read(&config.media_dir, |path| planner.known.contains_key(path))?;
    match &config.source {
        Source::Dataset(path) => {
            let (path, cancel) = (path.clone(), cancel.child_token());
            // Where this future is dropped, the thread is to stop as well.
            let stop = cancel.clone().drop_guard();
            let planner = tasks::io(move || read_dataset(&path, planner, &cancel)).await;
            drop(stop);
            planner
        }
        Source::Items(path) => {
            read_items(path, &mut planner, cancel).await?;
            Ok(planner)
        }
    }
}

fn read_dataset(path: &Path, mut planner: Planner, cancel: &CancellationToken) -> Result<Planner, Error> {
    for (number, row) in DatasetReader::open(path)?.enumerate() {
        if planner.is_full() || number % ROWS_A_LOOK == 0 && cancel.is_cancelled() {
            break;
        }
        let row = row?;
        if planner.since.is_none_or(|since| row.created >= since) {
            planner.add(row.id, row.image, row.flags | row.content);
        }
    }
    Ok(planner)
}

async fn read_items(path: &Path, planner: &mut Planner, cancel: &CancellationToken) -> Result<(), Error> {
    let reader = Reader::open(path).await?;
    let mut after = None;
    while !cancel.is_cancelled() {
        let page = reader.media_page(after, planner.since, ROWS_A_PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for row in &page {
            if planner.is_full() {
                return Ok(());
            }
            planner.add_untrusted(row.id, &row.image, row.flags);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn planner(present: &[&str], change: impl FnOnce(&mut Config)) -> Planner {
        let url = "https://Img.example/".parse().unwrap();
        let mut config = Config::new(Source::Items("items.db".into()), "media".into(), url);
        change(&mut config);
        Planner::new(&config, present.iter().map(|path| (*path).to_owned()).collect())
    }

    #[track_caller]
    fn check(path: &str, expected: Result<&str, Reason>) {
        let mut planner = planner(&[], |_| {});
        planner.add_untrusted(ItemId(7), path, Flags::SFW);
        let found = match planner.wanted.first() {
            Some(wanted) => Ok(wanted.path.as_str()),
            None => Err(planner.report.failures[0].reason),
        };
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn paths_are_hostile() {
        check("2024/a.jpg", Ok("2024/a.jpg"));
        check("/2024/a.jpg", Ok("2024/a.jpg"));
        check("//img.example/2024/a.jpg", Ok("2024/a.jpg"));
        check("https://img.example/2024/a.jpg", Ok("2024/a.jpg"));
        check("https://img.example.evil/a.jpg", Err(Reason::OtherHost));
        check("//me@img.example/a.jpg", Err(Reason::OtherHost));
        check("//169.254.169.254/a.jpg", Err(Reason::OtherHost));
        check("//img.example", Err(Reason::UnsafePath));
        check("//img.example/../a.jpg", Err(Reason::UnsafePath));
        check("../a.jpg", Err(Reason::UnsafePath));
        check("file:///a.jpg", Err(Reason::UnsafePath));
        check("", Err(Reason::UnsafePath));
        check("a\0.jpg", Err(Reason::UnsafePath));
    }

    #[test]
    fn kinds_and_limits() {
        let paths = ["a.jpg", "b.mp4", "c.txt", "d.gif", "d.gif", "e.webp"];
        let plan = |change: fn(&mut Config)| {
            let mut planner = planner(&["d.gif", "other.jpg"], change);
            for (id, path) in (1..).zip(paths) {
                if !planner.is_full() {
                    planner.add_untrusted(ItemId(id), path, Flags::SFW);
                }
            }
            let wanted: Vec<String> = planner.wanted.iter().map(|wanted| wanted.path.to_string()).collect();
            let report = planner.report;
            (wanted.join(" "), report.planned, report.present, report.duplicates, report.skipped)
        };
        assert_eq!(plan(|_| {}), ("a.jpg e.webp".to_owned(), 3, 1, 1, 2));
        assert_eq!(
            plan(|config| config.include_videos = true),
            ("a.jpg b.mp4 e.webp".to_owned(), 4, 1, 1, 1)
        );
        assert_eq!(plan(|config| config.limit = Some(2)), ("a.jpg".to_owned(), 2, 1, 0, 2));
        assert_eq!(plan(|config| config.limit = Some(0)), (String::new(), 0, 0, 0, 0));
    }

    proptest! {
        /// Every file is planned once, and nothing is asked for that is there.
        #[test]
        fn a_plan_adds_up(present in prop::collection::vec("[a-e]\\.jpg", 0..5), rows in prop::collection::vec("[a-h/]{1,2}\\.(jpg|mp4)", 0..40)) {
            let present: Vec<&str> = present.iter().map(String::as_str).collect();
            let mut planner = planner(&present, |_| {});
            for (id, path) in (1..).zip(&rows) {
                planner.add_untrusted(ItemId(id), path, Flags::SFW);
            }
            let Planner { wanted, report, .. } = planner;
            prop_assert_eq!(report.planned, report.present + wanted.len() as u64 + report.failed);
            prop_assert_eq!(report.planned + report.duplicates + report.skipped, rows.len() as u64);
            let mut paths: Vec<&str> = wanted.iter().map(|wanted| wanted.path.as_str()).collect();
            paths.sort_unstable();
            paths.dedup();
            prop_assert_eq!(paths.len(), wanted.len());
            prop_assert!(paths.iter().all(|path| !present.contains(path)));
        }
    }
}
