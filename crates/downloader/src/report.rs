use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use tagmill_http::Error as HttpError;
use tagmill_model::{ItemId, Outcome, StageReport};

use crate::medium;
use crate::planner::Wanted;
use crate::transfer::Saved;

/// Failed items that a report lists one by one; beyond these they are only counted.
pub const MAX_LISTED: usize = 1000;

/// What a run did. A completed run has `planned == present + known_gone + saved + failed`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// How the run ended.
    pub outcome: Outcome,
    /// Different files that the source asks for, of the kinds wanted, within the limit.
    pub planned: u64,
    /// Of these, files that were there before.
    pub present: u64,
    /// Of these, files that an earlier run found gone, and that were not asked for again.
    pub known_gone: u64,
    /// Files that were downloaded.
    pub saved: u64,
    /// Bytes of the files that were downloaded.
    pub bytes: u64,
    /// Bytes of them that came in this run; the others are of parts that an earlier run had left.
    pub received: u64,
    /// How long the downloading took, in milliseconds.
    pub elapsed_ms: u64,
    /// Items whose file is another item's, too.
    pub duplicates: u64,
    /// Items that are not wanted: videos, what is neither picture nor video, and content classes.
    pub skipped: u64,
    /// Items of which the board does not say where their medium lies.
    pub without_medium: u64,
    /// Files that were there, were bad and went into quarantine. They count as missing.
    pub quarantined: u64,
    /// Files that were downloaded and are of another format than their extension says. They are good all the same.
    pub mislabelled: u64,
    /// The first [`MAX_LISTED`] of them.
    pub mislabelled_files: Vec<Mislabelled>,
    /// Items whose file could not be had.
    pub failed: u64,
    /// The same by reason.
    pub failed_by_reason: BTreeMap<Reason, u64>,
    /// The first [`MAX_LISTED`] of them.
    pub failures: Vec<FailedItem>,
}

/// A file whose extension says something else than its first bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mislabelled {
    /// The board's number.
    pub id: ItemId,
    /// Its path on the media host.
    pub path: String,
    /// The usual extension of its format.
    pub format: &'static str,
}

/// An item whose file could not be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedItem {
    /// The board's number.
    pub id: ItemId,
    /// Its path on the media host.
    pub path: String,
    /// Why, in a word.
    pub reason: Reason,
    /// Why, in a sentence.
    pub detail: String,
}

/// Why an item's file could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The path that the board sent could lead out of the media folder.
    UnsafePath,
    /// The board says that the file lies on another host.
    OtherHost,
    /// Another item's path differs in case alone. On macOS and Windows the two would be one file.
    Collision,
    /// It was imported from this machine, where it is no more; no host has it.
    Imported,
    /// The board named no file of the variant that was asked for.
    NoVariant,
    /// 404 or 410: the host no longer has it.
    Gone,
    /// Another 4xx.
    Denied,
    /// 5xx, again and again.
    ServerError,
    /// No answer, again and again.
    NoAnswer,
    /// The body broke off, again and again.
    CutOff,
    /// A web page or nothing in place of a file.
    NoMedium,
    /// Larger than [`Config::max_bytes`](crate::Config::max_bytes), or a picture of more pixels than any camera takes.
    TooLarge,
    /// The whole file came, and is no whole picture.
    Undecodable,
    /// The host says that it is not for training.
    OptedOut,
    /// The host sends elsewhere.
    Redirected,
    /// On disk something else stands in its place.
    Obstructed,
}

impl Reason {
    fn words(self) -> &'static str {
        match self {
            Reason::UnsafePath => "unsafe path",
            Reason::OtherHost => "on another host",
            Reason::Collision => "path differs in case alone",
            Reason::Imported => "imported",
            Reason::NoVariant => "no such variant",
            Reason::Gone => "gone",
            Reason::Denied => "denied",
            Reason::ServerError => "server error",
            Reason::NoAnswer => "no answer",
            Reason::CutOff => "cut off",
            Reason::NoMedium => "not a medium",
            Reason::TooLarge => "too large",
            Reason::Undecodable => "cannot be decoded",
            Reason::OptedOut => "opted out",
            Reason::Redirected => "redirected",
            Reason::Obstructed => "obstructed",
        }
    }

    /// What a failed request says of one file; `None` where any other file would fare the same.
    pub(crate) fn of(error: &HttpError) -> Option<Reason> {
        match error.last() {
            HttpError::Status { status: 404 | 410, .. } => Some(Reason::Gone),
            HttpError::Status { status: 500.., .. } => Some(Reason::ServerError),
            HttpError::Status { .. } => Some(Reason::Denied),
            HttpError::Network { .. } => Some(Reason::NoAnswer),
            HttpError::Truncated { .. } => Some(Reason::CutOff),
            HttpError::Unusable { .. } => Some(Reason::NoMedium),
            HttpError::TooLarge { .. } => Some(Reason::TooLarge),
            HttpError::Redirected { .. } => Some(Reason::Redirected),
            _ => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl Default for Report {
    fn default() -> Report {
        Report {
            outcome: Outcome::Completed,
            planned: 0,
            present: 0,
            known_gone: 0,
            saved: 0,
            bytes: 0,
            received: 0,
            elapsed_ms: 0,
            duplicates: 0,
            skipped: 0,
            without_medium: 0,
            quarantined: 0,
            mislabelled: 0,
            mislabelled_files: Vec::new(),
            failed: 0,
            failed_by_reason: BTreeMap::new(),
            failures: Vec::new(),
        }
    }
}

impl Report {
    pub(crate) fn save(&mut self, wanted: Wanted, saved: &Saved) {
        self.saved += 1;
        self.bytes += saved.bytes;
        self.received += saved.received;
        if !medium::fits(saved.format, &wanted.remote) {
            self.mislabelled += 1;
            if self.mislabelled_files.len() < MAX_LISTED {
                let (id, path) = (wanted.id, wanted.remote.into());
                self.mislabelled_files.push(Mislabelled { id, path, format: saved.format });
            }
        }
    }

    pub(crate) fn fail(&mut self, item: FailedItem) {
        self.failed += 1;
        *self.failed_by_reason.entry(item.reason).or_default() += 1;
        if self.failures.len() < MAX_LISTED {
            self.failures.push(item);
        }
    }
}

/// One line: `10 files saved (1.2 MB, 20 files/s, 2.5 MB/s), 5 were present, 1 failed (gone 1)`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.outcome == Outcome::Cancelled {
            f.write_str("cancelled: ")?;
        }
        let megabytes = self.bytes as f64 / 1e6;
        write!(f, "{} files saved ({megabytes:.1} MB", self.saved)?;
        if self.saved > 0 && self.elapsed_ms > 0 {
            let a_second = |count: u64| count as f64 / (self.elapsed_ms as f64 / 1e3);
            let (files, megabytes) = (a_second(self.saved), a_second(self.received) / 1e6);
            write!(f, ", {files:.0} files/s, {megabytes:.1} MB/s")?;
        }
        write!(f, "), {} were present", self.present)?;
        let others = [
            (self.quarantined, "went into quarantine"),
            (self.mislabelled, "have the extension of another format"),
        ];
        for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, ", {count} {what}")?;
        }
        if self.failed > 0 {
            let reasons: Vec<String> =
                self.failed_by_reason.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
            write!(f, ", {} failed ({})", self.failed, reasons.join(", "))?;
        }
        if self.known_gone > 0 {
            write!(f, ", {} are known to be gone", self.known_gone)?;
        }
        let left = self.planned - self.present - self.known_gone - self.saved - self.failed;
        if left > 0 {
            write!(f, ", {left} are left")?;
        }
        Ok(())
    }
}

impl StageReport for Report {
    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn items(&self) -> u64 {
        self.saved
    }

    fn failed(&self) -> u64 {
        self.failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_one_line() {
        let mut report = Report { planned: 20, present: 5, saved: 10, bytes: 1_234_567, ..Report::default() };
        let item =
            |reason| FailedItem { id: ItemId(1), path: "a.jpg".to_owned(), reason, detail: String::new() };
        assert_eq!(report.to_string(), "10 files saved (1.2 MB), 5 were present, 5 are left");
        report.fail(item(Reason::Gone));
        report.fail(item(Reason::CutOff));
        report.fail(item(Reason::Gone));
        report.outcome = Outcome::Cancelled;
        (report.received, report.elapsed_ms) = (1_000_000, 500);
        (report.quarantined, report.mislabelled) = (1, 2);
        assert_eq!(
            report.to_string(),
            "cancelled: 10 files saved (1.2 MB, 20 files/s, 2.0 MB/s), 5 were present, 1 went into quarantine, \
             2 have the extension of another format, 3 failed (gone 2, cut off 1), 2 are left"
        );
    }

    #[test]
    fn lists_are_bounded_and_counts_are_not() {
        let mut report = Report::default();
        for id in 0..MAX_LISTED as i64 + 5 {
            report.fail(FailedItem {
                id: ItemId(id),
                path: String::new(),
                reason: Reason::Gone,
                detail: String::new(),
            });
        }
        assert_eq!(report.failures.len(), MAX_LISTED);
        assert_eq!(report.failed_by_reason[&Reason::Gone], MAX_LISTED as u64 + 5);
        assert_eq!(report.failed(), MAX_LISTED as u64 + 5);
    }
}
