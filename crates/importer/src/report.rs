use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use tagmill_model::{Outcome, StageReport, counted};

use crate::media::How;
use crate::{Fault, Reason};

/// What an import did. A completed one has `pictures == new + changed + known + duplicates`, and what was left out beside.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// How it ended. A cancelled one has kept what it did; run again, it goes on.
    pub outcome: Outcome,
    /// The folder or the file.
    pub source: PathBuf,
    /// Pictures of the source that were taken.
    pub pictures: u64,
    /// Of these, those that became items.
    pub new: u64,
    /// Of these, those whose items had been there and now are different.
    pub changed: u64,
    /// Of these, those whose items had been there and are as they were.
    pub known: u64,
    /// Of these, those that are the same picture as one before them.
    pub duplicates: u64,
    /// How pictures came into the media folder.
    pub media: Placed,
    /// Videos, which are left out.
    pub videos: u64,
    /// Other files of a folder, which are passed over.
    pub other_files: u64,
    /// What was left out, by reason.
    pub left_out: BTreeMap<Reason, Faults>,
    /// What was taken in another way than one may think, by reason.
    pub remarks: BTreeMap<Reason, Faults>,
}

/// How pictures came into the media folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Placed {
    /// They were there.
    pub present: u64,
    /// As hard links.
    pub linked: u64,
    /// As copies.
    pub copied: u64,
    /// As symbolic links.
    pub referenced: u64,
}

/// The faults of one reason.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Faults {
    /// How many there are.
    pub count: u64,
    /// The first [`Faults::LISTED`] of them: path and detail.
    pub first: Vec<(String, String)>,
}

impl Faults {
    /// How many a report lists of each reason.
    pub const LISTED: usize = 5;
}

impl Report {
    pub(crate) fn new(source: PathBuf) -> Report {
        Report {
            outcome: Outcome::Completed,
            source,
            pictures: 0,
            new: 0,
            changed: 0,
            known: 0,
            duplicates: 0,
            media: Placed::default(),
            videos: 0,
            other_files: 0,
            left_out: BTreeMap::new(),
            remarks: BTreeMap::new(),
        }
    }

    /// Counts a fault, and says whether it is among the first of its reason.
    pub(crate) fn add(&mut self, fault: &Fault) -> bool {
        let list = if fault.reason.is_left_out() { &mut self.left_out } else { &mut self.remarks };
        let faults = list.entry(fault.reason).or_default();
        faults.count += 1;
        let is_listed = faults.first.len() < Faults::LISTED;
        if is_listed {
            faults.first.push((fault.path.clone(), fault.detail.clone()));
        }
        is_listed
    }

    pub(crate) fn place(&mut self, how: How) {
        *match how {
            How::Present => &mut self.media.present,
            How::Linked => &mut self.media.linked,
            How::Copied => &mut self.media.copied,
            How::Referenced => &mut self.media.referenced,
        } += 1;
    }

    /// `3 untagged, 1 corrupt`, and what else there is that was not taken.
    pub(crate) fn nothing(&self) -> String {
        let mut parts = listed(&self.left_out);
        parts.extend(self.passed_over());
        if parts.is_empty() { "there is nothing in it".to_owned() } else { parts.join(", ") }
    }

    fn passed_over(&self) -> impl Iterator<Item = String> {
        several([(self.videos, "video"), (self.other_files, "other file")])
    }
}

fn listed(faults: &BTreeMap<Reason, Faults>) -> Vec<String> {
    let mut faults: Vec<(&Reason, &Faults)> = faults.iter().collect();
    faults.sort_by_key(|(_, faults)| std::cmp::Reverse(faults.count));
    faults.iter().map(|(reason, faults)| format!("{} {reason}", faults.count)).collect()
}

/// Those of which there are any.
fn several<const N: usize>(counts: [(u64, &str); N]) -> impl Iterator<Item = String> {
    counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, one)| counted(count, one))
}

/// The same of words that have no plural.
fn sorts<const N: usize>(counts: [(u64, &str); N]) -> impl Iterator<Item = String> {
    counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, sort)| format!("{count} {sort}"))
}

/// One line: `12 pictures: 9 new items, 2 duplicates, 1 known; media: 9 linked; left out: 3 untagged`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.outcome == Outcome::Cancelled {
            f.write_str("cancelled: ")?;
        }
        let Report { pictures, new, changed, known, duplicates, media, .. } = self;
        write!(f, "{}: {}", counted(*pictures, "picture"), counted(*new, "new item"))?;
        let parts = sorts([(*changed, "changed"), (*known, "known")]);
        for part in parts.chain(several([(*duplicates, "duplicate")])) {
            write!(f, ", {part}")?;
        }
        let Placed { present: _, linked, copied, referenced } = *media;
        let mut remarks = self.remarks.clone();
        remarks.remove(&Reason::Duplicate);
        let lists = [
            ("media", sorts([(linked, "linked"), (copied, "copied"), (referenced, "referenced")]).collect()),
            ("left out", listed(&self.left_out)),
            ("to look at", listed(&remarks)),
            ("passed over", self.passed_over().collect()),
        ];
        for (name, parts) in lists.into_iter().filter(|(_, parts)| !parts.is_empty()) {
            write!(f, "; {name}: {}", parts.join(", "))?;
        }
        Ok(())
    }
}

impl StageReport for Report {
    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn items(&self) -> u64 {
        self.pictures
    }

    /// What was left out. Videos and what is no picture are no failures.
    fn failed(&self) -> u64 {
        self.left_out.values().map(|faults| faults.count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_one_line() {
        let mut report = Report::new("photos".into());
        assert_eq!(report.to_string(), "0 pictures: 0 new items");
        assert_eq!(report.nothing(), "there is nothing in it");
        (report.pictures, report.new, report.duplicates) = (1, 1, 1);
        assert_eq!(report.to_string(), "1 picture: 1 new item, 1 duplicate");
        (report.pictures, report.new, report.known, report.duplicates) = (12, 9, 1, 2);
        (report.videos, report.other_files) = (1, 4);
        report.place(How::Linked);
        report.place(How::Copied);
        report.add(&Fault::new("a.jpg", Reason::Corrupt, "x"));
        for name in ["b.jpg", "c.jpg"] {
            report.add(&Fault::new(name, Reason::Untagged, ""));
            report.add(&Fault::new(name, Reason::Duplicate, ""));
            report.add(&Fault::new(name, Reason::SharedSidecar, ""));
        }
        assert_eq!(
            report.to_string(),
            "12 pictures: 9 new items, 1 known, 2 duplicates; media: 1 linked, 1 copied; \
             left out: 2 untagged, 1 corrupt; to look at: 2 shared sidecar; passed over: 1 video, 4 other files"
        );
        assert_eq!(report.nothing(), "2 untagged, 1 corrupt, 1 video, 4 other files");
        assert_eq!(report.failed(), 3);
    }

    #[test]
    fn lists_are_bounded_and_counts_are_not() {
        let mut report = Report::new("photos".into());
        let listed = (0..9).filter(|n| report.add(&Fault::new(n.to_string(), Reason::Untagged, ""))).count();
        let faults = &report.left_out[&Reason::Untagged];
        assert_eq!((listed, faults.count, faults.first.len()), (Faults::LISTED, 9, Faults::LISTED));
    }
}
