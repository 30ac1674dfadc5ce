//! What a run tells of itself.

use std::fmt;

use serde::Serialize;
use tagmill_model::{ItemId, Outcome, StageReport, counted};

/// Failures that are listed one by one. All are counted, and all stand in the database.
pub(crate) const LISTED_FAILURES: usize = 100;

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// Items on the pages of the listing that were walked.
    pub listed: u64,
    /// Of these, items that were complete in the database.
    pub already_known: u64,
    /// Items that were committed with their tags.
    pub saved: u64,
    /// Items that were committed without tags because `images_only` or `listing_only` leaves them out.
    pub skipped: u64,
    /// Items that could not be had. They are committed without tags, and the next run asks for them again; those that were
    /// to be refreshed stay as they are.
    pub failed: u64,
    /// The first hundred of them.
    pub failures: Vec<FailedItem>,
    /// Items among them of which the board does not say where their medium lies. All else of them is stored.
    pub without_medium: u64,
    /// Entries of the listing without a readable id.
    pub malformed: u64,
    /// Pages of the listing.
    pub pages: u64,
    /// Requests that came to an end, pages and items. Tries that were repeated are not counted.
    pub requests: u64,
    /// Transactions.
    pub commits: u64,
    /// Milliseconds that all transactions took together.
    pub commit_ms: u64,
    /// The highest id on the pages.
    pub newest: Option<ItemId>,
    /// The lowest id on the pages.
    pub oldest: Option<ItemId>,
}

/// An item that could not be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedItem {
    /// The item.
    pub id: ItemId,
    /// Why, in few words.
    pub reason: String,
}

impl StageReport for Report {
    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn items(&self) -> u64 {
        self.saved + self.skipped
    }

    fn failed(&self) -> u64 {
        self.failed
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} saved", counted(self.saved, "item"))?;
        for (count, what) in [
            (self.already_known, "known already"),
            (self.skipped, "skipped"),
            (self.failed, "failed"),
            (self.without_medium, "without a medium"),
            (self.malformed, "unreadable"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        write!(f, "; {}, {}", counted(self.requests, "request"), counted(self.commits, "commit"))?;
        match self.outcome {
            Outcome::Completed => Ok(()),
            Outcome::Cancelled => f.write_str("; cancelled"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_line() {
        let mut report = Report {
            outcome: Outcome::Completed,
            listed: 250,
            already_known: 0,
            saved: 248,
            skipped: 0,
            failed: 0,
            failures: Vec::new(),
            without_medium: 0,
            malformed: 0,
            pages: 3,
            requests: 253,
            commits: 1,
            commit_ms: 3,
            newest: Some(ItemId(300)),
            oldest: Some(ItemId(2)),
        };
        assert_eq!(report.to_string(), "248 items saved; 253 requests, 1 commit");
        (report.saved, report.requests, report.commits) = (1, 1, 0);
        assert_eq!(report.to_string(), "1 item saved; 1 request, 0 commits");
        (report.saved, report.requests, report.commits) = (248, 253, 1);
        report.already_known = 1;
        report.failed = 1;
        report.outcome = Outcome::Cancelled;
        let line = "248 items saved, 1 known already, 1 failed; 253 requests, 1 commit; cancelled";
        assert_eq!(report.to_string(), line);
    }
}
