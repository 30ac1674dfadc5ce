use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use tagmill_model::card::License;
use tagmill_model::{Outcome, StageReport, counted};

use crate::Renamed;

/// What an export did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// How it ended. A cancelled run leaves the folder as it was.
    pub outcome: Outcome,
    /// The run.
    pub run: PathBuf,
    /// Where the files stand.
    pub folder: PathBuf,
    /// The network's name, as timm has it.
    pub architecture: String,
    /// Whether there is an ONNX model, and what timm and imgutils read; not for a backbone that was a TorchScript.
    pub has_graph: bool,
    /// Outputs that are content classes.
    pub content_classes: usize,
    /// Outputs that are tags.
    pub tags: usize,
    /// The files that were written.
    pub files: Vec<Written>,
    /// Names that are other ones in the export.
    pub renamed: Vec<Renamed>,
    /// What the card says of the licence; `None` is "unknown".
    pub license: Option<License>,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Its path in the folder.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
}

impl StageReport for Report {
    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn items(&self) -> u64 {
        self.files.len() as u64
    }

    fn failed(&self) -> u64 {
        0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.folder.display();
        if self.outcome == Outcome::Cancelled {
            return write!(f, "cancelled; {folder} is as it was");
        }
        let bytes: u64 = self.files.iter().map(|file| file.bytes).sum();
        let mebibytes = bytes as f64 / f64::from(1 << 20);
        let Report { architecture, content_classes, tags, .. } = self;
        let tags = counted(*tags as u64, "tag");
        write!(f, "{architecture} with {content_classes} content classes and {tags}, ")?;
        write!(f, "in {} files of together {mebibytes:.1} MiB in {folder}", self.files.len())?;
        if !self.has_graph {
            f.write_str("; its backbone is a TorchScript: there is nothing for ONNX, timm and imgutils")?;
        }
        match self.renamed.len() {
            0 => {}
            1 => f.write_str("; 1 tag has another name than in the run")?,
            count => write!(f, "; {count} tags have other names than in the run")?,
        }
        if self.license.is_none() {
            f.write_str("; the card says that its licence is unknown")?;
        }
        Ok(())
    }
}
